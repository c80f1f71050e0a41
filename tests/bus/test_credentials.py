# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images that servers show to who has a name and a password there."""

import fcntl
import json
import os
import threading

import pytest
from gi.repository import GLib

import archives
from conftest import ALICE
from imageserver import Server, sha256
from registryserver import GOARCH, OCI, basic, deny, digest, gz, layer
from test_registries import registry  # noqa: F401
from test_remotes import PREFIX, PULL, add, archive, server, stored  # noqa: F401
from wire import IMAGE, MANAGER, ROOT, variants, wait

BASE = archives.small_bytes(b"private")
ABOVE = layer({"etc/secret": b"alice's alone\n"})
REF = "reg:alice/app:1.0"
SECRET = "open-sesame-4711"
SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def memory(text, seals=SEALS):
    fd = os.memfd_create("login", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, text)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return fd


def credentials(*origins):
    return variants({"credentials": GLib.Variant("a{sh}", {origin: i for i, origin in enumerate(origins)})})


def send(client, member, ref, logins, path=ROOT, interface=MANAGER):
    """LOGINS: NAME:PASSWORD by origin."""
    fds = [memory(text.encode()) for text in logins.values()]
    signature, words = ("(sa{sv})", (ref,)) if ref is not None else ("(a{sv})", ())
    try:
        return client.call(path, interface, member, signature, *words, credentials(*logins), fds=fds)[0]
    finally:
        for fd in fds:
            os.close(fd)


def pull(client, server, login="", ref=REF):
    operation = send(client, "PullImage", ref, {server.url: login} if login else {})
    return client.finish(operation, 60)


def push(registry, name="alice/app", user="alice", layers=(BASE, ABOVE)):
    registry.push(name, "1.0", list(layers))
    registry.want_login(name, user, SECRET)


ALICES, BOBS = f"alice:{SECRET}", f"bob:{SECRET}"


def secret_places(world):
    """All that stays, and all that is said to others."""
    yield world.log()
    for directory in (world.root / "var/lib/bothy", world.run):
        for path in directory.rglob("*"):
            if path.is_file() and not path.is_symlink():
                yield path.read_bytes().decode(errors="replace")


# ---- registries ----


def test_LOGIN_registry(world, alice, bob, registry):
    push(registry)
    assert pull(alice, registry)["Failure"].startswith(PREFIX + "NoSuchImage")
    done = pull(alice, registry, ALICES)
    assert done["Failure"] == ""
    # Only after it was asked for.
    assert "Authorization" not in registry.requests[0][1]
    assert alice.get(done["Object"], IMAGE, "Aliases") == [REF] and done["Object"] not in bob.managed()
    assert SECRET not in json.dumps(alice.get_all(done["Object"], IMAGE), default=str)
    question = [q for q in world.polkit.questions if q.action == PULL][-1]
    assert sorted(question.details)[:2] and SECRET not in str(question.details) and "alice:" not in str(question.details)
    coded = basic("alice", SECRET).split()[1]
    assert not [text for text in secret_places(world) if SECRET in text or coded in text]


def test_LOGIN_wrong_password(world, alice, registry):
    push(registry)
    before = stored(world)
    done = pull(alice, registry, "alice:wrong")
    assert done["Failure"].startswith(PREFIX + "RemoteFailed") and "does not take the name" in done["Failure"]
    assert "wrong" not in done["Failure"]
    wait(lambda: stored(world) == before)


def test_LOGIN_tokens(world, alice, bob, registry):
    """The name and the password go to where the registry gives out tokens, and to no place else."""
    other = Server("localhost")
    registry.push("alice/app", "1.0", [BASE, ABOVE])
    registry.want_tokens(realm=other.url + "/token")
    registry.on_token(other)
    give = other.prefixes["/token"]
    other.prefixes["/token"] = lambda handler: (
        give(handler) if handler.headers.get("Authorization") == basic("alice", SECRET)
        else deny(handler, 'Basic realm="tokens"'))
    assert pull(alice, registry)["Failure"].startswith(PREFIX + "NoSuchImage")
    assert pull(alice, registry, "alice:wrong")["Failure"].startswith(PREFIX + "RemoteFailed")
    assert pull(alice, registry, ALICES)["Failure"] == ""
    assert all(headers.get("Authorization", "Bearer").startswith("Bearer") for _, headers in registry.requests)
    assert pull(bob, registry)["Failure"].startswith(PREFIX + "NoSuchImage")
    other.close()


def test_LOGIN_is_shown_to_no_other_host(world, alice, registry):
    other = Server("localhost")
    push(registry)
    for path in [path for path in registry.files if "/blobs/" in path]:
        other.files[path] = registry.files[path]
        registry.on[path] = registry.guarded(lambda handler, path=path: handler.redirect(other.url + path))
    assert pull(alice, registry, ALICES)["Failure"] == ""
    assert len(other.requests) == 3 and all("Authorization" not in headers for _, headers in other.requests)
    other.close()


@pytest.mark.parametrize("origin", ["https://127.0.0.1:{port}", "http://127.0.0.1:1", "http://localhost:{port}",
                                    "https://example.org"])
def test_LOGIN_of_another_server(world, alice, registry, origin):
    """What is for another scheme, host or port is not shown."""
    push(registry)
    operation = send(alice, "PullImage", REF, {origin.format(port=registry.url.rsplit(":", 1)[1]): ALICES})
    assert alice.finish(operation)["Failure"].startswith(PREFIX + "NoSuchImage")
    assert registry.requests and all("Authorization" not in headers for _, headers in registry.requests)


def test_LOGIN_refresh(world, alice, registry):
    push(registry)
    old = pull(alice, registry, ALICES)["Object"]
    push(registry, layers=(BASE, ABOVE, layer({"etc/newer": b"1"})))
    assert alice.finish(alice.call(old, IMAGE, "Refresh", "(a{sv})", {})[0])["Failure"].startswith(PREFIX + "NoSuchImage")
    new = alice.finish(send(alice, "Refresh", None, {registry.url: ALICES}, old, IMAGE))["Object"]
    assert alice.get(new, IMAGE, "Aliases") == [REF] and new != old


# ---- what one is shown is not another's ----


def blobs(registry, data):
    return [headers for path, headers in registry.requests if path.endswith(digest(gz(data)))]


def test_LOGIN_each_user_proves_it(world, alice, bob, registry):
    push(registry)
    image = pull(alice, registry, ALICES)["Object"]
    before = len(blobs(registry, ABOVE))
    assert pull(bob, registry)["Failure"].startswith(PREFIX + "NoSuchImage")
    assert pull(bob, registry, BOBS)["Failure"].startswith(PREFIX + "RemoteFailed")
    # Who can, gets all of it from the registry, which may know of more than one name.
    assert pull(bob, registry, ALICES)["Object"] == image
    assert len(blobs(registry, ABOVE)) > before and image in bob.managed()


def test_LOGIN_at_once(world, alice, bob, registry):
    """A download under way is not shared either."""
    push(registry)
    path = registry.blob("alice/app", gz(ABOVE))
    hold, asked = threading.Event(), []

    def slowly(handler):
        asked.append(handler.headers.get("Authorization"))
        hold.wait(20)
        handler.give(registry.files[path])

    registry.on[path] = registry.guarded(slowly)
    first = send(alice, "PullImage", REF, {registry.url: ALICES})
    wait(lambda: asked)
    second = send(bob, "PullImage", REF, {registry.url: ALICES})
    wait(lambda: len(asked) == 2)
    hold.set()
    assert [alice.finish(first)["Failure"], bob.finish(second)["Failure"]] == ["", ""]


def lie(registry, name, diff_ids):
    """An image of anybody's who may push: of bytes of his own, which he says are of others' layers."""
    junk = [gz(layer({f"junk{i}": os.urandom(40)})) for i in range(len(diff_ids))]
    config = json.dumps({"os": "linux", "architecture": GOARCH, "config": {},
                         "rootfs": {"type": "layers", "diff_ids": diff_ids}}).encode()
    for blob in [config, *junk]:
        registry.blob(name, blob)
    registry.manifest(name, "1.0", {
        "schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
        "config": {"mediaType": OCI + "config.v1+json", "digest": digest(config), "size": len(config)},
        "layers": [{"mediaType": OCI + "layer.v1.tar+gzip", "digest": digest(blob), "size": len(blob)}
                   for blob in junk]}, OCI + "manifest.v1+json")


@pytest.mark.parametrize("deceived", [False, True], ids=["alone", "alice-deceived"])
def test_LOGIN_naming_a_layer_is_not_having_it(world, alice, bob, registry, deceived):
    """bob says in the same registry that an image of his is made of layers that only alice can have."""
    push(registry)
    assert pull(alice, registry, ALICES)["Failure"] == ""
    lie(registry, "bob/app", [digest(BASE), digest(ABOVE)])
    if deceived:
        # She has those layers already; that must not make them everybody's.
        assert pull(alice, registry, ref="reg:bob/app:1.0")["Failure"] == ""
        assert pull(alice, registry, ALICES, ref="reg:bob/app:1.0")["Failure"] == ""
    done = pull(bob, registry, ref="reg:bob/app:1.0")
    assert done["Failure"].startswith(PREFIX + "BadArchive"), done
    done = pull(bob, registry, BOBS, ref="reg:bob/app:1.0")
    assert done["Failure"].startswith(PREFIX + "BadArchive"), done
    assert [path for path in bob.managed() if "/image/" in path] == [
        path for path, interfaces in bob.managed().items() if interfaces.get(IMAGE, {}).get("Origin") == "builtin"]


def test_LOGIN_layers_of_an_import_stay_with_it(world, alice, bob, registry):
    """The same with what alice has imported."""
    from test_images import start_import
    secret = archives.with_files({"etc/secret": b"alice's\n"})
    with archives.temporary(secret) as file:
        assert alice.finish(start_import(alice, file, alias="secret"))["Failure"] == ""
    lie(registry, "bob/app", ["sha256:" + sha256(secret)])
    pull(alice, registry, ref="reg:bob/app:1.0")
    done = pull(bob, registry, ref="reg:bob/app:1.0")
    assert done["Phase"] == "failed" and "etc/secret" not in str(done)


def test_LOGIN_what_all_may_see_is_shared(world, alice, bob, registry):
    """Layers that somebody got as nobody are fetched once, also for who has a password."""
    registry.push("team/app", "1.0", [BASE])
    assert pull(bob, registry, ref="reg:team/app:1.0")["Failure"] == ""
    push(registry)
    assert pull(alice, registry, ALICES)["Failure"] == ""
    assert len(blobs(registry, BASE)) == 1
    # And what somebody got with a password is everybody's once it is shown to everybody.
    registry.logins.clear()
    assert pull(bob, registry)["Failure"] == ""
    n = len(blobs(registry, ABOVE))
    with world.client(ALICE + 2) as carol:
        assert pull(carol, registry)["Failure"] == ""
        carol.call(carol.manager("GetImage", "(s)", REF)[0], IMAGE, "Remove")
    assert len(blobs(registry, ABOVE)) == n


# ---- catalogues ----


def test_LOGIN_catalogue(world, alice, bob, server):
    path = server.streams(archive())
    for name in list(server.files):
        server.on[name] = lambda handler, name=name: (
            handler.give(server.files[name]) if handler.headers.get("Authorization") == basic("alice", SECRET)
            else deny(handler, 'Basic realm="images"'))
    add(alice, server)
    assert alice.error(ROOT, MANAGER, "SearchImages", "(sa{sv})", "test:", {}) == "RemoteFailed"
    assert len(send(alice, "SearchImages", "test:", {server.url: ALICES})) == 1
    # What she is shown is not kept where others would find it.
    assert not [name for name in world.records() if name.endswith(".catalogue")]
    assert bob.error(ROOT, MANAGER, "SearchImages", "(sa{sv})", "test:", {}) == "RemoteFailed"
    done = pull(alice, server, ALICES, "test:debian/13")
    assert done["Failure"] == ""
    assert pull(bob, server, ref="test:debian/13")["Phase"] == "failed"
    before = server.paths().count(path)
    assert pull(bob, server, ALICES, "test:debian/13")["Failure"] == ""
    assert server.paths().count(path) == before + 1


def test_LOGIN_catalogue_without_https(world, alice, server):
    """A remote may be reached by plain http where signatures are asked for; no password goes there."""
    server.streams(archive())
    add(alice, server)
    for origin in ("http://example.org", "http://127.0.0.2", "http://localhost.example.org", "http://127.0.0.1.org"):
        fd = memory(b"a:b")
        assert alice.error(ROOT, MANAGER, "PullImage", "(sa{sv})", "test:debian/13", credentials(origin), fds=[fd]) == (
            "InvalidArgs"), origin
        os.close(fd)
        assert "https only" in alice.text


# ---- what is no credentials ----


@pytest.mark.parametrize("origin", ["", "example.org", "https://", "ftp://example.org", "https://a/b", "https://a@b",
                                    "https://a b", "https://" + "a" * 400, "https://a\n", "//a", "https://a?b"])
def test_LOGIN_bad_origins(world, alice, server, origin):
    fd = memory(b"a:b")
    for member in ("PullImage", "SearchImages"):
        assert alice.error(ROOT, MANAGER, member, "(sa{sv})", "x", credentials(origin), fds=[fd]) == "InvalidArgs"
    os.close(fd)


def bad_files():
    def pipe():
        reader, writer = os.pipe()
        os.write(writer, b"a:b")
        os.close(writer)
        return reader
    return {"empty": lambda: memory(b""), "long": lambda: memory(b"a:" + b"x" * 8191), "pipe": pipe,
            "not-sealed": lambda: memory(b"a:b", 0), "may-shrink": lambda: memory(b"a:b", SEALS & ~fcntl.F_SEAL_SHRINK),
            "may-grow": lambda: memory(b"a:b", SEALS & ~fcntl.F_SEAL_GROW),
            "may-be-written": lambda: memory(b"a:b", SEALS & ~fcntl.F_SEAL_WRITE),
            "file": lambda: os.open("/etc/passwd", os.O_RDONLY), "path": lambda: os.open("/etc/passwd", os.O_PATH),
            "zero": lambda: os.open("/dev/zero", os.O_RDONLY), "directory": lambda: os.open("/", os.O_RDONLY)}


@pytest.mark.parametrize("kind", sorted(bad_files()))
def test_LOGIN_bad_files(world, alice, server, kind):
    fd = bad_files()[kind]()
    before = world.settled_fds()
    assert alice.error(ROOT, MANAGER, "PullImage", "(sa{sv})", "x", credentials("https://a.org"), fds=[fd]) == "InvalidArgs"
    assert alice.error(ROOT, MANAGER, "PullImage", "(sa{sv})", "x", credentials("https://a.org")) == "InvalidArgs"
    os.close(fd)
    assert world.settled_fds() <= before


def test_LOGIN_too_many(world, alice, server):
    fd = memory(b"a:b")
    origins = GLib.Variant("a{sh}", {f"https://{i}.org": 0 for i in range(17)})
    assert alice.error(ROOT, MANAGER, "PullImage", "(sa{sv})", "x", variants({"credentials": origins}),
                       fds=[fd]) == "InvalidArgs"
    os.close(fd)


def test_LOGIN_no_name_and_password(world, alice, registry):
    """Memory that is fine, and says nothing of the kind."""
    push(registry)
    before = world.settled_fds()
    for text in ("nothing", "\0", "x" * 8192):
        assert pull(alice, registry, text)["Phase"] == "failed"
    assert pull(alice, registry, "a:" + "x" * 8190)["Failure"].startswith(PREFIX + "RemoteFailed")
    assert registry.requests
    wait(lambda: world.settled_fds() <= before)

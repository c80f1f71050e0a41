# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images from registries: honest ones, and those of THREATS IMG-02, IMG-04, IMG-05 and IMG-11."""

import io
import json
import os
import subprocess
import tarfile
import threading

import pytest

import archives
from conftest import ALICE, BOB
from imageserver import Server, sha256
from registryserver import DOCKER, GOARCH, OCI, Registry, digest, gz, layer
from test_images import start_import
from test_remotes import PREFIX, PULL, options_of, pull, refused, server, stored  # noqa: F401
from wire import IMAGE, MANAGER, OPERATION, ROOT, wait

BASE = archives.small_bytes(b"base")
ABOVE = layer({"etc/above": b"above\n"}, deleted=["etc/seed"])
REF = "reg:team/app:1.0"


@pytest.fixture
def registry(world, server):  # noqa: F811
    registry = Registry()
    with world.client(ALICE) as alice:
        alice.manager("AddRemote", "(ssa{sv})", "reg", registry.url, options_of({"protocol": "oci", "timeout": 3}))
    yield registry
    registry.close()


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, check=True, stdout=subprocess.PIPE).stdout


def host_of(registry):
    return registry.url.removeprefix("http://")


# ---- honest ----


@pytest.mark.parametrize("docker", [False, True], ids=["oci", "docker"])
@pytest.mark.parametrize("index", [False, True], ids=["manifest", "index"])
@pytest.mark.parametrize("compress", [gz, bytes, zstd], ids=["gzip", "plain", "zstd"])
def test_OCI_pull(world, alice, bob, registry, docker, index, compress):
    child = registry.push("team/app", "1.0", [BASE, ABOVE], docker=docker, index=index, compress=compress)
    done = pull(alice, REF)
    assert (done["Kind"], done["Phase"], done["Failure"]) == ("pull-image", "done", "")
    values = alice.get_all(done["Object"], IMAGE)
    assert (values["Aliases"], values["OS"], values["Verified"], values["Origin"]) == (
        [REF], "small", "sha256", REF)
    # Not what the registry says that it is, but what it is made of.
    assert len(values["Fingerprint"]) == 64 and values["Fingerprint"] != child.removeprefix("sha256:")
    assert values["Layers"] == [sha256(data) for data in (BASE, ABOVE)]
    assert all(headers["User-Agent"].startswith("bothy/") for _, headers in registry.requests)
    question = [q for q in world.polkit.questions if q.action == PULL][-1]
    assert (question.details["image"], question.details["remote"]) == ("team/app:1.0", "reg")
    box = alice.create("box", image=REF, command=["sleep", "1000"])
    alice.start(box)
    assert alice.execute(box, "/bin/busybox", "cat", "/etc/above")[0] == "above\n"
    # What an upper layer takes away is gone.
    assert alice.execute(box, "/bin/busybox", "test", "-e", "/etc/seed")[1] == (1, 0)
    assert done["Object"] not in bob.managed()
    alice.delete(box)


@pytest.mark.parametrize("compress", [gz, bytes, zstd], ids=["gzip", "plain", "zstd"])
def test_OCI_layers_without_entries(world, alice, registry, compress):
    """Builders make them of steps that change nothing: an end mark alone, or no byte at all."""
    registry.push("team/app", "1.0", [BASE, bytes(1024), ABOVE, b""], compress=compress)
    done = pull(alice, REF)
    assert (done["Phase"], done["Failure"]) == ("done", "")
    assert alice.get(done["Object"], IMAGE, "Layers") == [sha256(data) for data in (BASE, bytes(1024), ABOVE, b"")]
    box = alice.create("box", image=REF, command=["sleep", "1000"])
    alice.start(box)
    assert alice.execute(box, "/bin/busybox", "cat", "/etc/above")[0] == "above\n"
    alice.delete(box)


def test_OCI_from_scratch(world, alice, registry):
    """No usr, bin, sbin or etc, but a command: that is an image; without one it is none."""
    with open("/bin/busybox", "rb") as file:
        scratch = [layer({"sleep": file.read()})]
    registry.push("team/app", "1.0", scratch, config={"Cmd": ["/sleep", "1000"]})
    done = pull(alice, REF)
    assert (done["Phase"], done["Failure"]) == ("done", "")
    registry.push("team/app", "2.0", scratch)
    refused(world, alice, "BadArchive", "reg:team/app:2.0", text="no command to run")


def test_OCI_names(world, alice, registry):
    child = registry.push("team/app", "latest", [BASE])
    host = host_of(registry)
    images = {pull(alice, ref)["Object"] for ref in (
        "reg:team/app", "reg:team/app:latest", f"reg:team/app@{child}", f"{host}/team/app", f"{host}/team/app:latest",
        f"{host}/team/app@{child}", f"{host}/team/app:other@{child}")}
    assert len(images) == 1 and images != {"/"}
    # One image has one name in full, however much of it is typed.
    image = images.pop()
    assert f"{host}/team/app:latest" in alice.get(image, IMAGE, "Aliases")
    assert f"{host}/team/app" not in alice.get(image, IMAGE, "Aliases")
    assert alice.manager("GetImage", "(s)", f"{host}/team/app") == (image,)
    assert len([path for path in registry.blobs_given() if path == digest(gz(BASE))]) <= 1


def test_OCI_names_that_are_not_there(world, alice, registry):
    registry.push("team/app", "1.0", [BASE])
    for ref in ("reg:team/app:2.0", "reg:team/other", f"reg:team/app@sha256:{'0' * 64}"):
        refused(world, alice, "NoSuchImage", ref, text="has no image")
    for ref in (f"{host_of(registry)}/Team/app", f"{host_of(registry)}/a@sha256:12", "reg:a@b"):
        assert alice.error(ROOT, MANAGER, "PullImage", "(sa{sv})", ref, {}) == "InvalidArgs", ref
    # Nothing is asked for in registries whose name says of no registry.
    del registry.requests[:]
    assert pull(alice, "team/app")["Phase"] == "failed" and registry.requests == []


def test_OCI_layers_are_shared(world, alice, registry):
    """A second image fetches only what is missing."""
    registry.push("team/app", "1.0", [BASE, ABOVE])
    assert pull(alice, REF)["Failure"] == ""
    before = set(registry.blobs_given())
    other = layer({"etc/other": b"other\n"})
    registry.push("team/app", "2.0", [BASE, other])
    del registry.requests[:]
    assert pull(alice, "reg:team/app:2.0")["Failure"] == ""
    fetched = registry.blobs_given()
    assert digest(gz(other)) in fetched and len(fetched) == 2  # its configuration, and one layer
    assert not [blob for blob in fetched if blob in before]


def linking(name, target):
    """A layer with a link to what is below."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = tarfile.LNKTYPE, target
        archive.addfile(info)
    return buffer.getvalue()


def test_OCI_layers_that_refer_to_those_below(world, alice, registry):
    """What comes by itself is fetched again, to be unpacked over the others; who has it over the same fetches nothing."""
    links = [linking("etc/link", "etc/seed"), layer({"etc/between": b"between\n"}), linking("etc/again", "etc/link")]
    registry.push("team/app", "1.0", [BASE, *links])
    done = pull(alice, REF)
    assert (done["Phase"], done["Failure"]) == ("done", "")
    stack = alice.get(done["Object"], IMAGE, "Layers")
    assert stack[::2] == [sha256(data) for data in (BASE, links[1])] and len({*stack, *map(sha256, links)}) == 6
    box = alice.create("box", image=REF, command=["sleep", "1000"])
    alice.start(box)
    assert alice.execute(box, "/bin/busybox", "cmp", "/etc/again", "/etc/seed")[1] == (0, 0)
    assert alice.execute(box, "/bin/busybox", "stat", "-c", "%h", "/etc/again", "/etc/link", "/etc/seed")[0] == "2\n2\n2\n"
    alice.delete(box)
    registry.push("team/app", "2.0", [BASE, *links, ABOVE])
    del registry.requests[:]
    assert pull(alice, "reg:team/app:2.0")["Failure"] == ""
    fetched = registry.blobs_given()
    assert digest(gz(ABOVE)) in fetched and len(fetched) == 2  # its configuration, and one layer
    registry.push("team/app", "3.0", [BASE, linking("etc/link", "etc/none")])
    refused(world, alice, "BadArchive", "reg:team/app:3.0", text="did not bring")


def test_OCI_refresh(world, alice, registry):
    registry.push("team/app", "1.0", [BASE])
    old = pull(alice, REF)["Object"]
    assert alice.finish(alice.call(old, IMAGE, "Refresh", "(a{sv})", {})[0])["Object"] == old
    registry.push("team/app", "1.0", [BASE, ABOVE])
    new = alice.finish(alice.call(old, IMAGE, "Refresh", "(a{sv})", {})[0])["Object"]
    assert new != old
    assert alice.get(new, IMAGE, "Aliases") == [REF] and alice.get(old, IMAGE, "Aliases") == []


@pytest.fixture
def other(world, registry):
    other = Registry()
    with world.client(ALICE) as alice:
        alice.manager("AddRemote", "(ssa{sv})", "other", other.url, options_of({"protocol": "oci", "timeout": 3}))
    yield other
    other.close()


def refresh(client, image):
    return client.finish(client.call(image, IMAGE, "Refresh", "(a{sv})", {})[0])


def origin(client, image):
    return client.get(image, IMAGE, "Origin")


def test_IMG_05_refresh_asks_where_the_user_has_it_from(world, alice, bob, registry, other):
    """Bob had the same bytes before, from a registry of his own: alice's next ones do not come from there."""
    for place in (registry, other):
        place.push("team/app", "1.0", [BASE])
    old = pull(bob, "other:team/app:1.0")["Object"]
    assert pull(alice, REF)["Object"] == old
    assert (origin(bob, old), origin(alice, old)) == ("other:team/app:1.0", REF)
    other.push("team/app", "1.0", [BASE, layer({"etc/bad": b"bad\n"})])
    del other.requests[:]
    question = len(world.polkit.questions)
    assert refresh(alice, old)["Object"] == old and other.requests == []
    assert {q.details["remote"] for q in world.polkit.questions[question:] if q.action == PULL} == {"reg"}
    assert alice.get(old, IMAGE, "Aliases") == [REF]
    bad = refresh(bob, old)["Object"]
    assert bad != old and bad not in alice.managed() and other.requests
    # It is so after a restart as well, and when bob wants his no more.
    world.restart()
    alice, bob = world.client(ALICE), world.client(BOB)
    bob.call(old, IMAGE, "Remove")
    registry.push("team/app", "1.0", [BASE, ABOVE])
    new = refresh(alice, old)["Object"]
    assert new not in (old, bad) and (origin(alice, new), alice.get(new, IMAGE, "Aliases")) == (REF, [REF])


def test_OCI_search_is_not_offered(world, alice, registry):
    assert alice.error(ROOT, MANAGER, "SearchImages", "(sa{sv})", "reg:app", {}) == "RemoteFailed"
    assert registry.requests == []
    assert alice.error(ROOT, MANAGER, "SearchImages", "(sa{sv})", "", {}) == "NoSuchRemote"


def test_OCI_settings(world, alice, registry):
    """What the image says of its containers is what they do, where their owner says nothing."""
    registry.push("team/app", "1.0", [BASE], {
        "Env": ["GREETING=hello", "no name=x"], "Entrypoint": ["/bin/busybox"], "Cmd": ["env"], "User": "7:8",
        "WorkingDir": "/etc", "StopSignal": "SIGUSR1", "Labels": {"a": "b"}, "Volumes": {"/x": {}},
        "ExposedPorts": {"80/tcp": {}}, "Healthcheck": {"Test": ["NONE"]}})
    image = pull(alice, REF)["Object"]
    settings = alice.get(image, IMAGE, "Configuration")
    assert settings == {"environment": ["GREETING=hello", "no name=x"], "entrypoint": ["/bin/busybox"], "command": ["env"],
                        "user": "7:8", "working-directory": "/etc", "stop-signal": 10, "volumes": ["/x"], "ports": ["80/tcp"],
                        "labels": {"a": "b"}, "healthcheck": {"test": ["NONE"]}}
    registry.push("team/app", "1.0", [BASE], {"User": "root; id"})
    refused(world, alice, "BadArchive", REF, text="user")


def test_OCI_switched_off(world, alice, registry):
    directory = world.root / "etc/bothy/remotes.d"
    try:
        (directory / "docker.io.conf").write_text("[Remote]\nEnabled=no\n")
        refused(world, alice, "NoSuchRemote", "docker.io/library/x", text="switched off")
        assert not [r for r in alice.manager("ListRemotes")[0] if r["name"] == "docker.io" and r["enabled"]]
    finally:
        (directory / "docker.io.conf").unlink()
    remote, = [r for r in alice.manager("ListRemotes")[0] if r["name"] == "docker.io"]
    assert (remote["protocol"], remote["policy"], remote["enabled"]) == ("oci", "checksum", True)


def test_OCI_progress(world, alice, registry):
    seen = []
    registry.push("team/app", "1.0", [BASE, ABOVE])
    path = registry.blob("team/app", gz(BASE))
    hold = threading.Event()

    def slowly(handler):
        data = registry.files[path]
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[:len(data) // 2])
        handler.wfile.flush()
        hold.wait(20)
        handler.wfile.write(data[len(data) // 2:])

    registry.on = {**registry.on, path: slowly}
    operation = alice.manager("PullImage", "(sa{sv})", REF, {})[0]
    wait(lambda: alice.get(operation, OPERATION, "Bytes") > 10000)
    assert 0 < alice.get(operation, OPERATION, "Progress") < 1
    seen.append(alice.get(operation, OPERATION, "Phase"))
    hold.set()
    assert alice.finish(operation)["Failure"] == "" and seen == ["downloading"]


# ---- tokens ----


def test_OCI_tokens(world, alice, registry):
    registry.push("team/app", "1.0", [BASE, ABOVE])
    registry.want_tokens()
    assert pull(alice, REF)["Failure"] == ""
    assert all("scope=repository:team/app:pull" in path and "service=registry" in path
               for path in registry.tokens_given)
    # One for all that there is of it.
    assert len(registry.tokens_given) == 1
    # Nobody's name or password goes anywhere.
    assert all(headers.get("Authorization", "Bearer secret-token") == "Bearer secret-token"
               for _, headers in registry.requests)
    assert not [headers for path, headers in registry.requests if path.startswith("/token") and
                "Authorization" in headers]


@pytest.mark.parametrize("answer", [b"", b"{}", b"[]", b'{"token":""}', b'{"token":7}', b'{"token":"a\\r\\nX: y"}',
                                    b'{"token":"a b"}', b'{"token":"' + b"x" * 40000 + b'"}', b"{" * 100000,
                                    b'{"token":"wrong"}'], ids=range(10))
def test_IMG_05_bad_tokens(world, alice, registry, answer):
    registry.push("team/app", "1.0", [BASE])
    registry.want_tokens()
    registry.prefixes["/token"] = lambda handler: handler.give(answer)
    done = pull(alice, REF)
    assert done["Phase"] == "failed"
    assert len([path for path in registry.paths() if path.startswith("/token")]) == 1


@pytest.mark.parametrize("challenge, text", [
    ('Basic realm="x"', "does not show it to everybody"), ("Negotiate", "not known"), ("(", "not known"),
    ('Bearer realm="http://example.org/token"', "without https"), ('Bearer realm="file:///etc/passwd"', "http"),
    ('Bearer realm="http://169.254.169.254/token"', "without https"), ('Bearer realm=""', "http"),
    ('Bearer realm="https://user:secret@example.org/"', "http"),
], ids=range(8))
def test_IMG_05_bad_realms(world, alice, registry, challenge, text):
    registry.push("team/app", "1.0", [BASE])
    registry.want_tokens()
    registry.challenge = challenge
    done = pull(alice, REF)
    assert done["Failure"].startswith((PREFIX + "RemoteFailed", PREFIX + "NoSuchImage")) and text in done["Failure"], done
    assert registry.tokens_given == []


def test_IMG_05_token_realm_elsewhere_on_this_machine(world, alice, registry):
    """Tokens may come from another port; the question there has no Authorization."""
    other = Server("localhost")
    registry.push("team/app", "1.0", [BASE])
    registry.want_tokens(realm=other.url + "/token")
    registry.on_token(other)
    assert pull(alice, REF)["Failure"] == ""
    assert registry.tokens_given and all("Authorization" not in headers for _, headers in other.requests)
    other.close()


# ---- redirects ----


def test_IMG_05_blob_from_another_host(world, alice, registry):
    """Content servers get the question, and never the token."""
    other = Server("localhost")
    registry.push("team/app", "1.0", [BASE])
    registry.want_tokens()
    for path in [path for path in registry.files if "/blobs/" in path]:
        other.files[path] = registry.files[path]
        registry.on[path] = registry.guarded(lambda handler, path=path: handler.redirect(other.url + path))
    assert pull(alice, REF)["Failure"] == ""
    assert len(other.requests) == 2
    assert all("Authorization" not in headers for _, headers in other.requests)
    other.close()


def test_IMG_05_blob_from_another_port(world, alice, registry):
    """It is the same host, but whoever may listen there is not the registry."""
    other = Server(host_of(registry).partition(":")[0])
    registry.push("team/app", "1.0", [BASE])
    registry.want_tokens()
    for path in [path for path in registry.files if "/blobs/" in path]:
        other.files[path] = registry.files[path]
        registry.on[path] = registry.guarded(lambda handler, path=path: handler.redirect(other.url + path))
    assert pull(alice, REF)["Failure"] == ""
    assert len(other.requests) == 2
    assert all("Authorization" not in headers for _, headers in other.requests)
    # On the same one it goes on as whoever began.
    moved = [path for path in registry.files if "/blobs/" in path]
    for path in moved:
        registry.files["/moved" + path] = registry.files[path]
        registry.on["/moved" + path] = registry.guarded(lambda handler: handler.give(registry.files[handler.path]))
        registry.on[path] = registry.guarded(lambda handler, path=path: handler.redirect("/moved" + path))
    with world.client(BOB) as bob:
        assert pull(bob, REF)["Failure"] == ""
    other.close()


@pytest.mark.parametrize("where", ["manifests", "blobs"])
@pytest.mark.parametrize("target", ["file:///etc/passwd", "http://169.254.169.254/x", "http://example.org/x",
                                    "http://127.0.0.2:{port}/x", "ftp://127.0.0.1/x", "http://u:p@127.0.0.1/"])
def test_IMG_05_bad_redirects(world, alice, registry, where, target):
    registry.push("team/app", "1.0", [BASE])
    port = registry.url.rsplit(":", 1)[1]
    for path in [path for path in registry.files if f"/{where}/" in path]:
        registry.on[path] = lambda handler: handler.redirect(target.format(port=port))
    refused(world, alice, "RemoteFailed", REF)


# ---- wrong bytes ----


def test_IMG_05_flipped_byte_in_a_layer(world, alice, registry):
    registry.push("team/app", "1.0", [BASE])
    path = registry.blob("team/app", gz(BASE))
    for path in [path for path in registry.files if "/blobs/" in path and len(registry.files[path]) > 10000]:
        data = bytearray(registry.files[path])
        data[len(data) // 2] ^= 1
        registry.files[path] = bytes(data)
    before = stored(world)
    done = pull(alice, REF)
    assert done["Failure"].startswith((PREFIX + "NotVerified", PREFIX + "BadArchive")), done
    wait(lambda: stored(world) == before)


@pytest.mark.parametrize("what", ["config", "manifest", "by-digest"])
def test_IMG_05_wrong_digest(world, alice, registry, what):
    child = registry.push("team/app", "1.0", [BASE])
    if what == "config":
        path, = [path for path in registry.files if "/blobs/" in path and b"rootfs" in registry.files[path][:4096]]
        registry.files[path] = registry.files[path].replace(b"linux", b"LINUX")
    else:
        registry.files[f"/v2/team/app/manifests/{child}"] += b" "
    ref = f"reg:team/app@{child}" if what == "by-digest" else REF
    refused(world, alice, "NotVerified", ref, text="has not the digest")


def test_IMG_05_digest_header(world, alice, registry):
    registry.push("team/app", "1.0", [BASE], index=False)
    data = registry.files["/v2/team/app/manifests/1.0"]
    registry.manifest("team/app", "1.0", data, OCI + "manifest.v1+json", Docker_Content_Digest="sha256:" + "0" * 64)
    refused(world, alice, "NotVerified", REF)


def test_IMG_05_wrong_diff_id(world, alice, registry):
    """Bytes as said, and in them others than said."""
    registry.push("team/app", "1.0", [BASE])
    manifest = json.loads(registry.files["/v2/team/app/manifests/1.0"])
    config = json.dumps({"os": "linux", "architecture": GOARCH,
                         "rootfs": {"type": "layers", "diff_ids": [digest(b"something else")]}}).encode()
    child = json.loads(registry.files["/v2/team/app/manifests/" + manifest["manifests"][0]["digest"]])
    child["config"] = {**child["config"], "digest": digest(config), "size": len(config)}
    registry.blob("team/app", config)
    registry.manifest("team/app", "1.0", child, OCI + "manifest.v1+json")
    refused(world, alice, "BadArchive", REF, text="diff_id")


def test_IMG_05_layer_truncated_and_resumed(world, alice, registry):
    registry.push("team/app", "1.0", [BASE])
    path, = [path for path in registry.files if "/blobs/" in path and len(registry.files[path]) > 10000]
    data, tries = registry.files[path], []

    def cut(handler):
        tries.append(handler.headers.get("Range"))
        if len(tries) > 1:
            handler.give(data)
            return
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[:len(data) // 3])
        handler.close_connection = True

    registry.on[path] = cut
    assert pull(alice, REF)["Failure"] == ""
    assert tries == [None, f"bytes={len(data) // 3}-"]


@pytest.mark.parametrize("where", ["manifest", "config", "layer"])
def test_IMG_05_content_length_of_100_GB(world, alice, registry, where):
    registry.push("team/app", "1.0", [BASE])
    small, = [path for path in registry.files if "/blobs/" in path and len(registry.files[path]) < 10000]
    big, = [path for path in registry.files if "/blobs/" in path and len(registry.files[path]) > 10000]

    def lie(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", OCI + "index.v1+json")
        handler.send_header("Content-Length", str(100 * 10**9))
        handler.end_headers()
        handler.wfile.write(b"x" * 4096)

    registry.on[{"manifest": "/v2/team/app/manifests/1.0", "config": small, "layer": big}[where]] = lie
    refused(world, alice, "RemoteFailed", REF)


@pytest.mark.parametrize("where", ["manifest", "config", "layer", "error"])
def test_IMG_05_endless_body(world, alice, registry, where):
    registry.push("team/app", "1.0", [BASE])
    small, = [path for path in registry.files if "/blobs/" in path and len(registry.files[path]) < 10000]
    big, = [path for path in registry.files if "/blobs/" in path and len(registry.files[path]) > 10000]
    sent = []

    def flood(handler):
        handler.send_response(404 if where == "error" else 200)
        handler.send_header("Content-Type", OCI + "index.v1+json")
        handler.send_header("Connection", "close")
        handler.end_headers()
        for _ in range(100000):
            handler.wfile.write(b"\0" * 65536)
            sent.append(65536)
        handler.close_connection = True

    registry.on[{"manifest": "/v2/team/app/manifests/1.0", "config": small}.get(where, big)] = flood
    before = stored(world)
    done = pull(alice, REF)
    # Of a layer, who unpacks may be the first to see that it is none.
    assert done["Failure"].startswith((PREFIX + "RemoteFailed", PREFIX + "BadArchive")[:1 + (where == "layer")]), done
    wait(lambda: stored(world) == before)
    assert sum(sent) < 64 * 1024 * 1024


# ---- nonsense ----


INDEX = OCI + "index.v1+json"


@pytest.mark.parametrize("data, kind", [
    (b"", INDEX), (b"{}", INDEX), (b"[]", INDEX), (b"{" * 100000, INDEX), (b'{"a":' * 100000, INDEX),
    (b"\xff\xfe", INDEX), (b" " * (5 * 1024 * 1024), INDEX), (b"<html>", "text/html"),
    (json.dumps({"schemaVersion": 2, "manifests": [{}] * 5000}).encode(), INDEX),
    (json.dumps({"schemaVersion": 1, "fsLayers": []}).encode(), DOCKER + "distribution.manifest.v1+prettyjws"),
    (json.dumps({"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json", "manifests": []}).encode(), INDEX),
], ids=range(11))
def test_IMG_04_bad_manifests(world, alice, registry, data, kind):
    registry.manifest("team/app", "1.0", data, kind)
    done = pull(alice, REF)
    assert done["Failure"].startswith((PREFIX + "RemoteFailed: ", PREFIX + "NoSuchImage: ")), done


def test_IMG_04_index_of_indexes(world, alice, registry):
    """A maze has an end."""
    first = registry.index("team/app", "0", [("sha256:" + "0" * 64, GOARCH, 500)])
    data = registry.files["/v2/team/app/manifests/0"]
    registry.index("team/app", "1.0", [(first, GOARCH, len(data))])
    refused(world, alice, "RemoteFailed", REF, text="index in an index")


def test_IMG_04_other_machines(world, alice, registry):
    child = registry.push("team/app", "2.0", [BASE], index=False)
    registry.index("team/app", "1.0", [(child, "s390x", 500), (child, "unknown", 500)])
    refused(world, alice, "NoSuchImage", REF, text="other machines only")
    assert pull(alice, REF, architecture="s390x")["Phase"] == "failed"


def test_IMG_04_configuration_of_another_machine(world, alice, registry):
    registry.push("team/app", "1.0", [BASE])
    path, = [path for path in registry.files if "/blobs/" in path and len(registry.files[path]) < 10000]
    config = registry.files[path].replace(GOARCH.encode(), b"s390x")
    manifest = json.loads(registry.files["/v2/team/app/manifests/1.0"])
    child = json.loads(registry.files["/v2/team/app/manifests/" + manifest["manifests"][0]["digest"]])
    child["config"] = {**child["config"], "digest": digest(config), "size": len(config)}
    registry.blob("team/app", config)
    registry.manifest("team/app", "1.0", child, OCI + "manifest.v1+json")
    refused(world, alice, "NoSuchImage", REF, text="other machines only")


def test_IMG_04_what_is_no_image(world, alice, registry):
    foreign = {"mediaType": OCI + "layer.nondistributable.v1.tar+gzip", "size": 5, "digest": "sha256:" + "0" * 64,
               "urls": ["https://example.org/x"]}
    registry.push("team/app", "1.0", [BASE], index=False, changes={"layers": [foreign]})
    refused(world, alice, "NoSuchImage", REF, text="a kind that Bothy does not unpack")


def test_IMG_04_too_many_layers(world, alice, registry):
    small = [layer({f"etc/{i}": b"%d" % i}) for i in range(199)]
    registry.push("team/app", "1.0", [BASE, *small])
    refused(world, alice, "LimitsExceeded", REF, text="200 layers")
    assert len(registry.blobs_given()) == 1  # nothing but the configuration


def test_IMG_01_owners_that_no_container_has(world, alice, bob, registry):
    """Nobody gets them unasked: what alice let in is not what bob's pull finds. Who asks gets it once, and newer ones the same way."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("etc/theirs")
        info.uid = 1234567890
        tar.addfile(info)
    registry.push("team/app", "1.0", [BASE, out.getvalue()])
    refused(world, alice, "BadArchive", REF, text='with "--squash-owners"')
    done = pull(alice, REF, **{"squash-owners": True})
    assert done["Phase"] == "done", done["Error"]
    values = alice.get_all(done["Object"], IMAGE)
    assert values["SquashedOwners"] and values["Layers"][0] == sha256(BASE) and values["Layers"][1] != sha256(out.getvalue())
    theirs = os.lstat(world.state / "layers" / values["Layers"][1] / "root/etc/theirs")
    assert (theirs.st_uid % 65536, theirs.st_gid % 65536) == (65534, 0)
    before = len(registry.blobs_given())
    assert pull(alice, REF, **{"squash-owners": True})["Object"] == done["Object"]
    assert len(registry.blobs_given()) == before + 1  # the configuration
    operation = alice.call(done["Object"], IMAGE, "Refresh", "(a{sv})", {})[0]
    assert alice.finish(operation)["Object"] == done["Object"]
    assert pull(bob, REF)["Failure"].startswith(PREFIX + "BadArchive")


@pytest.mark.parametrize("name", ["../../etc/x", "/etc/x", ".wh..wh.x", "a/.wh."])
def test_IMG_01_names_in_layers(world, alice, registry, name):
    registry.push("team/app", "1.0", [BASE, archives.hostile(name)])
    before = stored(world)
    done = pull(alice, REF)
    assert done["Phase"] == "done" or done["Failure"].startswith(PREFIX + "BadArchive")
    if done["Phase"] == "failed":
        wait(lambda: stored(world) == before)


# ---- several at once: IMG-11 ----


def begin(client, ref=REF):
    return client.manager("PullImage", "(sa{sv})", ref, {})[0]


class Gate:
    """The big layer is held back until it is opened."""

    def __init__(self, registry):
        self.open = threading.Event()
        self.path, = [path for path in registry.files if "/blobs/" in path and len(registry.files[path]) > 10000]
        self.data, self.asked = registry.files[self.path], 0
        registry.on[self.path] = self.answer

    def answer(self, handler):
        self.asked += 1
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(self.data)))
        handler.end_headers()
        handler.wfile.write(self.data[:20000])
        handler.wfile.flush()
        self.open.wait(20)
        handler.wfile.write(self.data[20000:])


def downloading(client, operation):
    return client.get(operation, OPERATION, "Phase") == "downloading"


def test_IMG_11_two_users_at_once(world, alice, bob, registry):
    registry.push("team/app", "1.0", [BASE, ABOVE])
    gate = Gate(registry)
    operations = [(alice, begin(alice)), (bob, begin(bob))]
    wait(lambda: all(downloading(c, o) for c, o in operations) and gate.asked)
    gate.open.set()
    images = [client.finish(operation) for client, operation in operations]
    assert [image["Failure"] for image in images] == ["", ""]
    assert images[0]["Object"] == images[1]["Object"] and gate.asked == 1
    assert bob.get(images[0]["Object"], IMAGE, "Aliases") == [REF]


def test_IMG_11_one_comes_later(world, alice, bob, registry):
    """A layer that is there already, of an image that is not, comes once as well."""
    registry.push("team/app", "1.0", [BASE, ABOVE])
    gate = Gate(registry)
    small = digest(gz(ABOVE))
    first = begin(alice)
    wait(lambda: gate.asked and small in registry.blobs_given())
    wait(lambda: any(sha256(ABOVE) in name for name in world.records()))
    second = begin(bob)
    wait(lambda: downloading(bob, second))
    gate.open.set()
    assert [alice.finish(first)["Failure"], bob.finish(second)["Failure"]] == ["", ""]
    assert registry.blobs_given().count(small) == 1 and gate.asked == 1


@pytest.mark.parametrize("who", ["first", "second"])
def test_IMG_11_one_cancels(world, alice, bob, registry, who):
    registry.push("team/app", "1.0", [BASE, ABOVE])
    gate = Gate(registry)
    first = begin(alice)
    wait(lambda: downloading(alice, first) and gate.asked)
    second = begin(bob)
    wait(lambda: downloading(bob, second))
    leaver, stayer = ((alice, first), (bob, second)) if who == "first" else ((bob, second), (alice, first))
    leaver[0].call(leaver[1], OPERATION, "Cancel")
    assert leaver[0].finish(leaver[1])["Failure"].startswith(PREFIX + "Cancelled")
    gate.open.set()
    done = stayer[0].finish(stayer[1])
    assert done["Failure"] == "" and done["Object"] in stayer[0].managed()
    assert done["Object"] not in leaver[0].managed()


def test_IMG_11_all_cancel(world, alice, bob, registry, server):  # noqa: F811
    before = stored(world)
    registry.push("team/app", "1.0", [BASE, ABOVE])
    gate = Gate(registry)
    operations = [(alice, begin(alice)), (bob, begin(bob))]
    wait(lambda: all(downloading(c, o) for c, o in operations) and gate.asked)
    for client, operation in operations:
        client.call(operation, OPERATION, "Cancel")
    for client, operation in operations:
        assert client.finish(operation)["Failure"].startswith(PREFIX + "Cancelled")
    wait(lambda: stored(world) == before and not server.fetchers.alive())
    gate.open.set()


def test_IMG_11_naming_a_layer_is_not_having_it(world, alice, bob, registry):
    """A registry of bob's says that his image is made of alice's layer, which it does not have."""
    secret = archives.with_files({"etc/secret": b"alice's\n"})
    with archives.temporary(secret) as file:
        assert alice.finish(start_import(alice, file, alias="secret"))["Failure"] == ""
    registry.push("bob/app", "1.0", [secret], compress=bytes)
    for path in [path for path in registry.files if "/blobs/" in path and len(registry.files[path]) > 10000]:
        del registry.on[path], registry.files[path]
    done = pull(bob, "reg:bob/app:1.0")
    assert done["Phase"] == "failed"
    assert [path for path in bob.managed() if sha256(secret) in path] == []

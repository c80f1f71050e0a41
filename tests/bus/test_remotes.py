# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images from servers: honest ones, and those of THREATS IMG-05, IMG-06, IMG-07 and IMG-11."""

import gzip
import http.server
import io
import lzma
import os
import pathlib
import tarfile
import threading
import time

import pytest
from gi.repository import GLib

import archives
from conftest import ALICE, BOB, LIBEXEC
from imageserver import (LAYER, MANIFEST, PRODUCT, PROGRESS, RECORD, RESULT, VERSION, Fetchers, Impostor, Key, Server,
                         debian_architecture, drip, packet, record, sha256, texts)
from test_images import start_import
from wire import IMAGE, MANAGER, OPERATION, ROOT, BusError, variants, wait

PULL = "org.bothy.Bothy1.pull-image"
REMOTES = "org.bothy.Bothy1.manage-remotes"
PREFIX = "org.bothy.Bothy1.Error."


@pytest.fixture(scope="module")
def key():
    key = Key()
    yield key
    key.close()


@pytest.fixture(scope="module")
def other_key():
    key = Key()
    yield key
    key.close()


@pytest.fixture
def server(world):
    server = Server()
    fetchers = Fetchers(world, LIBEXEC / "bothy-fetch")
    server.fetchers = fetchers
    # Nobody outside of this machine is asked.
    presets = pathlib.Path(world.root / "etc/bothy/remotes.d")
    presets.mkdir(exist_ok=True)
    (presets / "images.conf").write_text("[Remote]\nEnabled=no\n")
    world.polkit.answers[PULL] = "yes"
    world.polkit.answers[REMOTES] = "yes"
    yield server
    with world.client(0) as root:
        for remote in root.manager("ListRemotes")[0]:
            if remote["origin"] == "record":
                root.manager("RemoveRemote", "(s)", remote["name"])
    for uid in (ALICE, BOB):
        client = world.client(uid)
        for path, interfaces in client.managed().items():
            if IMAGE in interfaces and interfaces[IMAGE]["Origin"] != "builtin":
                client.call(path, IMAGE, "Remove")
    server.close()
    fetchers.close()
    bad = [line for line in fetchers.log.read_text(errors="replace").splitlines()
           if "Sanitizer" in line or "runtime error" in line or "CRITICAL" in line]
    fetchers.log.unlink()
    assert bad == []


def options_of(options):
    """As variants(), with bytes as well."""
    return variants({name: GLib.Variant.new_from_bytes(GLib.VariantType("ay"), GLib.Bytes.new(value), True)
                     if isinstance(value, bytes) else value for name, value in options.items()})


def archive(seed=b"remote"):
    return lzma.compress(archives.small_bytes(seed), preset=0)


def add(client, server, name="test", **options):
    options.setdefault("timeout", 3)
    client.manager("AddRemote", "(ssa{sv})", name, server.url, options_of(options))


def pull(client, ref="test:debian/13", timeout=60, **options):
    operation = client.manager("PullImage", "(sa{sv})", ref, variants(options))[0]
    return client.finish(operation, timeout)


def stored(world):
    """What is there of images, without versions that were seen."""
    return {name for name in world.records() if name.startswith(("images", "trash"))}


def refused(world, client, error, ref="test:debian/13", timeout=60, text=""):
    """Nothing is left of a pull that fails, and it says why."""
    before, images = stored(world), set(client.managed())
    done = pull(client, ref, timeout)
    assert done["Phase"] == "failed" and done["Failure"].startswith(PREFIX + error + ": "), done
    assert text in done["Failure"]
    wait(lambda: stored(world) == before)
    assert {path for path in client.managed() if "/image/" in path} == {path for path in images if "/image/" in path}
    return done


# ---- honest ----


def test_IMG_pull_and_use(world, alice, bob, server):
    data = archive()
    path = server.streams(data)
    add(alice, server)
    done = pull(alice)
    assert (done["Kind"], done["Subject"], done["Phase"], done["Failure"]) == ("pull-image", "test:debian/13", "done", "")
    values = alice.get_all(done["Object"], IMAGE)
    assert values["Fingerprint"] == sha256(data)
    assert (values["Aliases"], values["OS"], values["Verified"], values["Origin"]) == (
        ["test:debian/13"], "small", "sha256", "test:debian/13")
    agent = dict(server.requests)[path]["User-Agent"]
    assert agent.startswith("bothy/")
    question = [q for q in world.polkit.questions if q.action == PULL][-1]
    assert (question.details["image"], question.details["remote"]) == ("debian/13", "test")
    box = alice.create("box", image="test:debian/13", command=["sleep", "1000"])
    alice.start(box)
    assert alice.execute(box, "/bin/busybox", "cat", "/etc/seed")[0] == "remote"
    # IMG-07: others neither see it nor its name.
    assert done["Object"] not in bob.managed()
    assert bob.error(ROOT, MANAGER, "GetImage", "(s)", "test:debian/13") == "NoSuchImage"
    alice.delete(box)


def test_IMG_pull_without_naming_a_remote(world, alice, server):
    server.streams(archive())
    add(alice, server, "aaa")
    assert alice.get(pull(alice, "debian/trixie")["Object"], IMAGE, "Aliases") == ["debian/trixie"]
    assert pull(alice, "debian/13", alias="mine")["Phase"] == "done"
    assert alice.manager("GetImage", "(s)", "mine") == alice.manager("GetImage", "(s)", "debian/trixie")
    # What is there is not downloaded again.
    assert len([path for path in server.paths() if path.endswith("rootfs.tar.xz")]) == 1


def test_IMG_names(world, alice, server):
    data = archive()
    server.streams(data)
    add(alice, server)
    for name in ("debian/13", "debian/13/" + debian_architecture(), "debian/13/" + os.uname().machine,
                 sha256(data)[:12], sha256(data + b"m")):
        assert pull(alice, "test:" + name)["Phase"] == "done", name
    for name in ("debian/12", "debian", "13", "debian/13/s390x", "f" * 64):
        refused(world, alice, "NoSuchImage", "test:" + name)


@pytest.mark.parametrize("ref", ["", ":", "test:", ":x", "Test:x", "test:../x", "test:a b", "x" * 200, "test:a\n",
                                 "-:x", "test:test:x/../y"], ids=range(11))
def test_IMG_bad_refs(world, alice, server, ref):
    assert alice.error(ROOT, MANAGER, "PullImage", "(sa{sv})", ref, {}) == "InvalidArgs"


def test_IMG_no_such_remote(world, alice, server):
    refused(world, alice, "NoSuchRemote", "nowhere:debian/13")


def test_IMG_denied(world, alice, server):
    """Whatever else she may."""
    server.streams(archive())
    add(alice, server)
    image = pull(alice)["Object"]
    server.requests.clear()
    world.polkit.answers[PULL] = "no"
    before = world.snapshot()
    assert alice.error(ROOT, MANAGER, "PullImage", "(sa{sv})", "test:debian/13", {}) == "NotAuthorized"
    assert alice.error(ROOT, MANAGER, "SearchImages", "(sa{sv})", "", {}) == "NotAuthorized"
    assert alice.error(image, IMAGE, "Refresh", "(a{sv})", {}) == "NotAuthorized"
    assert world.snapshot() == before and server.requests == []
    world.polkit.answers.update({PULL: "yes", REMOTES: "no"})
    assert alice.error(ROOT, MANAGER, "AddRemote", "(ssa{sv})", "x", "https://example.org", {}) == "NotAuthorized"
    assert alice.error(ROOT, MANAGER, "RemoveRemote", "(s)", "test") == "NotAuthorized"
    assert world.snapshot() == before
    world.polkit.answers[REMOTES] = "yes"


def test_IMG_search(world, alice, server):
    server.streams(archive())
    add(alice, server)
    for pattern in ("test:", "test:debian", "test:DEBIAN", "test:debian/*", "test:trixie"):
        found, = alice.manager("SearchImages", "(sa{sv})", pattern, {})
        assert [image["product"] for image in found] == [PRODUCT], pattern
        assert found[0]["version"] == VERSION and "debian/13" in found[0]["aliases"]
    assert alice.manager("SearchImages", "(sa{sv})", "test:fedora", {}) == ([],)
    assert alice.manager("SearchImages", "(sa{sv})", "test:", variants({"architecture": "s390x"})) == ([],)
    for pattern in ("a b", ":", "x" * 200, "a;b"):
        assert alice.error(ROOT, MANAGER, "SearchImages", "(sa{sv})", pattern, {}) == "InvalidArgs", pattern


def test_IMG_searches_at_once(world, alice, bob, server):
    """Each has a process of its own, so a user has two."""
    server.streams(archive())
    held = threading.Event()
    index = server.files["/streams/v1/index.json"]

    def hold(handler):
        held.wait(20)
        handler.give(index)

    server.on["/streams/v1/index.json"] = hold
    add(alice, server, timeout=20)
    serials = [alice.send(ROOT, MANAGER, "SearchImages", "(sa{sv})", "test:", {}) for _ in range(2)]
    wait(lambda: len(server.requests) == 2)
    assert alice.error(ROOT, MANAGER, "SearchImages", "(sa{sv})", "test:", {}) == "QuotaExceeded"
    others = bob.send(ROOT, MANAGER, "SearchImages", "(sa{sv})", "test:", {})
    held.set()
    assert all(len(client.reply(serial)[0]) == 1
               for client, serial in [(alice, serials[0]), (alice, serials[1]), (bob, others)])
    assert len(alice.manager("SearchImages", "(sa{sv})", "test:", {})[0]) == 1


def test_IMG_refresh(world, alice, server):
    server.streams(archive(b"old"))
    add(alice, server)
    old = pull(alice)["Object"]
    assert alice.finish(alice.call(old, IMAGE, "Refresh", "(a{sv})", {})[0])["Object"] == old
    server.streams(archive(b"new"), version="20260901_05:24")
    new = alice.finish(alice.call(old, IMAGE, "Refresh", "(a{sv})", {})[0])["Object"]
    assert new != old
    assert alice.get(new, IMAGE, "Aliases") == ["test:debian/13"] and alice.get(old, IMAGE, "Aliases") == []
    builtin, = alice.manager("GetImage", "(s)", "busybox")
    assert alice.error(builtin, IMAGE, "Refresh", "(a{sv})", {}) == "WrongState"


def test_AUTH_race_an_image_that_is_not_his_any_more(world, alice, bob, server):
    """While he is asked he lets go of it; that another one still has it makes it no more visible."""
    server.streams(archive())
    add(alice, server)
    image = pull(alice)["Object"]
    assert pull(bob)["Object"] == image
    server.streams(archive(b"new"), version="20260901_05:24")
    for remover, wanted in ((alice, "UnknownObject"), (None, "")):
        world.polkit.answers[PULL] = "hang"
        caller = remover or bob
        serial = caller.send(image, IMAGE, "Refresh", "(a{sv})", {})
        world.polkit.wait_held()
        if remover:
            remover.call(image, IMAGE, "Remove")
        world.polkit.release("yes")
        if wanted:
            with pytest.raises(BusError, match=wanted):
                caller.reply(serial)
            assert image in bob.managed()
        else:
            assert caller.finish(caller.reply(serial)[0])["Failure"] == ""


def test_IMG_05_who_imported_it_has_it_from_no_remote(world, alice, bob, server):
    server.streams(archive())
    add(alice, server)
    image = pull(bob)["Object"]
    with archives.temporary(archive()) as file:
        assert alice.finish(start_import(alice, file, alias="mine"))["Object"] == image
    assert alice.get(image, IMAGE, "Origin") == "import"
    assert bob.get(image, IMAGE, "Origin") == "test:debian/13"
    assert alice.error(image, IMAGE, "Refresh", "(a{sv})", {}) == "WrongState"
    assert pull(alice)["Object"] == image
    assert alice.get(image, IMAGE, "Origin") == "test:debian/13"


def test_IMG_lxc_index(world, alice, server, key):
    data = archive()
    server.lxc(data)
    add(alice, server, protocol="lxc")
    done = pull(alice, "test:debian/trixie")
    assert alice.get(done["Object"], IMAGE, "Verified") == "sha256"
    assert server.paths()[:2] == ["/meta/1.0/index-user.7", "/meta/1.0/index-user"]
    add(alice, server, "signed", protocol="lxc", key=key.public)
    refused(world, alice, "NotVerified", "signed:debian/trixie")
    server.lxc(data, key=key)
    assert pull(alice, "signed:debian/trixie")["Phase"] == "done"
    assert alice.get(done["Object"], IMAGE, "Verified") == "signature:" + key.fingerprint


def test_IMG_through_a_proxy(world, alice, server, key):
    """It gets all questions, for a host that only it can find; and learns what asks."""
    server.streams(archive(), key=key)
    host = "http://images.example"
    server.files = {host + path: data for path, data in server.files.items()}
    alice.manager("AddRemote", "(ssa{sv})", "test", host,
                  options_of({"proxy": server.url, "key": key.public, "timeout": 3}))
    assert pull(alice)["Failure"] == ""
    assert all(path.startswith(host) for path in server.paths())
    assert all(headers["User-Agent"].startswith("bothy/") for _, headers in server.requests)


def test_IMG_first_boot(world, alice, server):
    """No container takes itself for the machine that the image was built on."""
    files = {"etc/hostname": b"builder\n", "etc/machine-id": b"0" * 32 + b"\n"}
    server.streams(lzma.compress(archives.with_files(files)))
    add(alice, server)
    assert pull(alice)["Failure"] == ""
    box = alice.create("box", image="test:debian/13", command=["sleep", "1000"], hostname="other.name")
    alice.start(box)
    assert alice.execute(box, "/bin/busybox", "cat", "/etc/hostname")[0] == "other.name\n"
    assert alice.execute(box, "/bin/busybox", "wc", "-c", "/etc/machine-id")[0].startswith("0 ")
    alice.execute(box, "/bin/sh", "-c", "echo mine >/etc/hostname; echo 1 >/etc/machine-id")
    alice.stop(box)
    alice.start(box)
    assert alice.execute(box, "/bin/busybox", "cat", "/etc/hostname", "/etc/machine-id")[0] == "mine\n1\n"
    alice.delete(box)


def test_IMG_first_boot_follows_no_link(world, alice, server):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        base = tarfile.open(fileobj=io.BytesIO(archives.small_bytes()))
        for member in base:
            tar.addfile(member, base.extractfile(member) if member.isfile() else None)
        archives.add(tar, "etc/target", b"untouched", mode=0o644)
        archives.add(tar, "etc/hostname", kind=tarfile.SYMTYPE, link="target")
        archives.add(tar, "etc/machine-id", kind=tarfile.SYMTYPE, link="/etc/target")
    server.streams(lzma.compress(data.getvalue()))
    add(alice, server)
    assert pull(alice)["Failure"] == ""
    box = alice.create("box", image="test:debian/13", command=["sleep", "1000"])
    alice.start(box)
    assert alice.execute(box, "/bin/busybox", "cat", "/etc/target")[0] == "untouched"
    alice.delete(box)


def test_IMG_records_survive(world, alice, server):
    server.streams(archive())
    add(alice, server)
    image = pull(alice)["Object"]
    world.restart()
    again = world.client(ALICE)
    assert again.get(image, IMAGE, "Origin") == "test:debian/13"
    assert [r["name"] for r in again.manager("ListRemotes")[0] if r["origin"] == "record"] == ["test"]


# ---- signatures: IMG-06 ----


@pytest.mark.parametrize("how", ["detached", "clear", "armoured"])
def test_IMG_06_signed(world, alice, server, key, how):
    server.streams(archive(), key=key, clear=how == "clear")
    add(alice, server, key=key.armoured if how == "armoured" else key.public)
    done = pull(alice)
    assert done["Failure"] == ""
    assert alice.get(done["Object"], IMAGE, "Verified") == "signature:" + key.fingerprint


def test_IMG_06_signed_builds(world, alice, server, key, other_key):
    """Where only each build is signed, as on the public server maybe."""
    data = archive()
    path = server.streams(data)
    server.sign_build(path, data, other_key)
    add(alice, server, key=key.public)
    refused(world, alice, "NotVerified", text="another key")
    server.sign_build(path, archive(b"another"), key)
    refused(world, alice, "NotVerified", text="SHA256SUMS")
    server.sign_build(path, data, key)
    done = pull(alice)
    assert alice.get(done["Object"], IMAGE, "Verified") == "signature:" + key.fingerprint


def test_IMG_06_no_signature(world, alice, server, key):
    server.streams(archive())
    add(alice, server, key=key.public)
    refused(world, alice, "NotVerified", text="not signed")


def test_IMG_06_other_key(world, alice, server, key, other_key):
    server.streams(archive(), key=other_key)
    add(alice, server, key=key.public)
    refused(world, alice, "NotVerified", text="another key")
    server.streams(archive(), key=other_key, clear=True)
    refused(world, alice, "NotVerified", text="another key")


# A day on which keys and signatures are made that are good for a day; no test waits for that to pass.
LONG_AGO = "--faked-system-time=20240101T000000"


def test_IMG_06_expired_key(world, alice, server):
    old = Key(expires="1d", made=[LONG_AGO])
    server.streams(archive())
    server.files["/streams/v1/images.json.gpg"] = old.sign(server.files["/streams/v1/images.json"], LONG_AGO)
    add(alice, server, key=old.public)
    refused(world, alice, "NotVerified", text="expired")
    old.close()


def test_IMG_06_expired_signature(world, alice, server):
    """The key is good, and what it signed was once."""
    key = Key(made=[LONG_AGO])
    data = archive()
    for clear in (False, True):
        server.streams(data, key=key, clear=clear)
        catalogue = server.files["/streams/v1/images.json"]
        old = ["--default-sig-expire", "1d", LONG_AGO]
        if clear:
            server.files["/streams/v1/images.sjson"] = key.clear_sign(catalogue, *old)
        else:
            server.files["/streams/v1/images.json.gpg"] = key.sign(catalogue, *old)
        add(alice, server, f"old{clear:d}", key=key.public)
        refused(world, alice, "NotVerified", f"old{clear:d}:debian/13", text="the signature has expired")
    # With one that is good for ever it is had.
    server.streams(data, key=key)
    assert pull(alice, "old0:debian/13")["Failure"] == ""
    key.close()


def test_IMG_06_revoked_key(world, alice, server):
    """What it signed before is no better than what somebody who found it signs."""
    key = Key()
    server.streams(archive(), key=key)
    add(alice, server, "good", key=key.public)
    key.revoke()
    add(alice, server, "revoked", key=key.public)
    refused(world, alice, "NotVerified", "revoked:debian/13", text="the key was revoked")
    # Who does not know of it, takes it.
    assert pull(alice, "good:debian/13")["Failure"] == ""
    key.close()


@pytest.mark.parametrize("order", [1, -1])
def test_IMG_06_one_good_signature_and_another(world, alice, server, key, other_key, order):
    """All have to be good, in whichever order they stand."""
    server.streams(archive(), key=key)
    add(alice, server, key=key.public)
    data = server.files["/streams/v1/images.json"]
    both = [key.sign(data, armour=False), other_key.sign(data, armour=False)][::order]
    server.files["/streams/v1/images.json.gpg"] = b"".join(both)
    refused(world, alice, "NotVerified", text="another key")
    both = [key.sign(data, armour=False), key.sign(data + b"x", armour=False)][::order]
    server.files["/streams/v1/images.json.gpg"] = b"".join(both)
    refused(world, alice, "NotVerified", text="signature is wrong")


def test_IMG_06_changed_after_signing(world, alice, server, key):
    server.streams(archive(), key=key)
    server.files["/streams/v1/images.json"] += b" "
    add(alice, server, key=key.public)
    refused(world, alice, "NotVerified", text="signature is wrong")


def test_IMG_06_rollback(world, alice, server, key):
    server.streams(archive(b"new"), version="20260901_05:24", key=key)
    add(alice, server, key=key.public)
    assert pull(alice)["Phase"] == "done"
    server.streams(archive(b"old"), version="20260820_05:24", key=key)
    refused(world, alice, "NotVerified", text="20260901_05:24")
    world.restart()
    refused(world, world.client(ALICE), "NotVerified", text="20260901_05:24")


def test_IMG_06_rollback_with_what_was_had_damaged(world, alice, server, key):
    """What is not known any more is not taken for nothing; not either when it was moved aside."""
    server.streams(archive(b"new"), version="20260901_05:24", key=key)
    add(alice, server, key=key.public)
    assert pull(alice)["Phase"] == "done"
    server.streams(archive(b"old"), version="20260820_05:24", key=key)
    record = world.state / "remotes/newest.versions"
    record.write_bytes(record.read_bytes()[:-10])
    world.expected.append("newest.versions")
    for _ in range(2):
        refused(world, alice, "Degraded", text="newest.versions")
    world.restart()
    refused(world, world.client(ALICE), "Degraded", text="newest.versions")
    (world.state / "remotes/newest.versions.corrupt-1").unlink()
    assert pull(world.client(ALICE))["Phase"] == "done"


def test_IMG_06_of_the_future(world, alice, server):
    server.streams(archive(), version="29990101_00:00")
    add(alice, server)
    refused(world, alice, "NotVerified", text="future")


# ---- servers that are not honest: IMG-05 ----


def test_IMG_05_flipped_byte(world, alice, server):
    data = bytearray(archive())
    good = bytes(data)
    data[len(data) // 2] ^= 1
    server.streams(good, served=bytes(data))
    add(alice, server)
    before = stored(world)
    done = pull(alice)
    assert done["Failure"].startswith((PREFIX + "NotVerified", PREFIX + "BadArchive")), done
    wait(lambda: stored(world) == before)


def test_IMG_05_good_archive_of_another_image(world, alice, server):
    other = archive(b"other")
    good = archive(b"wanted")
    served = other + b"\0" * (len(good) - len(other)) if len(other) < len(good) else other[:len(good)]
    server.streams(good, served=served)
    add(alice, server)
    before = stored(world)
    assert pull(alice)["Phase"] == "failed"
    wait(lambda: stored(world) == before)


def test_IMG_05_truncated_and_resumed(world, alice, server):
    data = archive()
    path = server.streams(data)
    tries = []

    def cut(handler):
        tries.append(handler.headers.get("Range"))
        if len(tries) > 2:
            handler.give(data)
            return
        start = int((handler.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        end = len(data) * len(tries) // 3
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        handler.send_header("Content-Length", str(len(data) - start))
        handler.end_headers()
        handler.wfile.write(data[start:end])
        handler.close_connection = True

    server.on[path] = cut
    add(alice, server)
    assert pull(alice)["Failure"] == ""
    assert tries == [None, f"bytes={len(data) // 3}-", f"bytes={len(data) * 2 // 3}-"]


def test_IMG_05_resumed_without_ranges(world, alice, server):
    data = archive()
    path = server.streams(data)
    tries = []

    def cut(handler):
        tries.append(1)
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data if len(tries) > 1 else data[:1000])
        handler.close_connection = True

    server.on[path] = cut
    add(alice, server)
    assert pull(alice)["Failure"] == "" and len(tries) == 2


@pytest.mark.parametrize("where", ["/streams/v1/index.json", "/streams/v1/images.json", "archive"])
@pytest.mark.parametrize("target", ["file:///etc/passwd", "http://127.0.0.2:{port}/x", "http://169.254.169.254/x",
                                    "ftp://127.0.0.1/x", "gopher://127.0.0.1/", "http://user:secret@127.0.0.1/"])
def test_IMG_05_redirects(world, alice, server, where, target):
    path = server.streams(archive())
    port = server.url.rsplit(":", 1)[1]
    server.on[path if where == "archive" else where] = lambda handler: handler.redirect(target.format(port=port))
    add(alice, server)
    refused(world, alice, "RemoteFailed")


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "224.0.0.1"])
def test_IMG_05_addresses_that_no_server_has(world, alice, server, host):
    alice.manager("AddRemote", "(ssa{sv})", "test", f"https://{host}", variants({"timeout": 3}))
    refused(world, alice, "RemoteFailed", text="in a network that is not for it" if host != "224.0.0.1" else "")


@pytest.mark.parametrize("where", ["/streams/v1/index.json", "/streams/v1/images.json.gpg", "archive"])
def test_IMG_05_signed_redirect_to_a_private_address(world, alice, server, key, where):
    """With signatures any host will do, but none of the machine's own or of its network's."""
    other = Server("127.0.0.2")
    path = server.streams(archive(), key=key)
    where = path if where == "archive" else where
    other.files = dict(server.files)
    server.on[where] = lambda handler: handler.redirect(other.url + where)
    add(alice, server, key=key.public)
    refused(world, alice, "RemoteFailed", text="in a network that is not for it")
    assert other.requests == []
    other.close()


def test_IMG_05_redirect_on_the_same_host(world, alice, server):
    path = server.streams(archive())
    server.files["/moved"] = server.files[path]
    server.on[path] = lambda handler: handler.redirect("/moved")
    add(alice, server)
    assert pull(alice)["Failure"] == ""


def test_IMG_05_redirects_without_end(world, alice, server):
    server.streams(archive())
    server.on["/streams/v1/index.json"] = lambda handler: handler.redirect("/streams/v1/index.json")
    add(alice, server)
    refused(world, alice, "RemoteFailed", text="on and on")
    assert len(server.requests) == 6


@pytest.mark.parametrize("where", ["/streams/v1/index.json", "archive"])
def test_IMG_05_content_length(world, alice, server, where):
    path = server.streams(archive())

    def lie(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(100 * 10**9))
        handler.end_headers()
        handler.wfile.write(b"x" * 4096)

    server.on[path if where == "archive" else where] = lie
    add(alice, server)
    refused(world, alice, "RemoteFailed")


def test_IMG_05_more_than_said(world, alice, server):
    data = archive()
    path = server.streams(data)

    def more(handler):
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(data + b"x" * 100000)
        handler.close_connection = True

    server.on[path] = more
    add(alice, server)
    before = stored(world)
    assert pull(alice)["Phase"] == "failed"
    wait(lambda: stored(world) == before)


@pytest.mark.parametrize("where", ["/streams/v1/images.json", "archive"])
def test_IMG_05_slowloris(world, alice, server, where):
    path = server.streams(archive())
    where = path if where == "archive" else where
    data = server.files[where]
    server.on[where] = lambda handler: drip(handler, data, 0, 0.2)
    add(alice, server, timeout=1)
    began = time.monotonic()
    refused(world, alice, "RemoteFailed")
    assert time.monotonic() - began < 30


def test_IMG_05_silence(world, alice, server):
    server.streams(archive())
    server.on["/streams/v1/index.json"] = lambda handler: time.sleep(8)
    add(alice, server, timeout=1)
    refused(world, alice, "RemoteFailed")


@pytest.mark.parametrize("where", ["/streams/v1/images.json", "archive"])
def test_IMG_05_content_encoding(world, alice, server, where):
    path = server.streams(archive())
    where = path if where == "archive" else where
    data = server.files[where]
    server.on[where] = lambda handler: handler.give(gzip.compress(data), Content_Encoding="gzip")
    add(alice, server)
    refused(world, alice, "RemoteFailed", text="encodes")
    assert all("gzip" not in headers.get("Accept-Encoding", "") for _, headers in server.requests)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b"\xff\xfe", b"{" * 100000, b'{"a":' * 100000,
                                  b'{"format":"products:1.0","products":7}',
                                  b'{"format":"products:1.0","products":{"a":{"versions":{"20260820":[]}}}}'],
                         ids=range(9))
def test_IMG_05_nonsense(world, alice, server, data):
    server.streams(archive())
    server.files["/streams/v1/images.json"] = data
    add(alice, server)
    done = pull(alice)
    assert done["Failure"].startswith((PREFIX + "RemoteFailed: ", PREFIX + "NoSuchImage: ")), done


@pytest.mark.parametrize("path", ["../../x", "/etc/passwd", "http://127.0.0.2/x", "a//b", "a b", "a?b", "a%2e%2e"])
def test_IMG_05_paths(world, alice, server, path):
    server.streams(archive())
    images = server.files["/streams/v1/images.json"].decode()
    good = f"images/debian/trixie/{debian_architecture()}/default/{VERSION}/rootfs.tar.xz"
    server.files["/streams/v1/images.json"] = images.replace(good, path).encode()
    add(alice, server)
    done = pull(alice)
    assert done["Phase"] == "failed"


def test_IMG_05_missing_archive(world, alice, server):
    path = server.streams(archive())
    del server.files[path]
    add(alice, server)
    refused(world, alice, "RemoteFailed", text="does not have")
    # The catalogue is asked anew once.
    assert server.paths().count("/streams/v1/images.json") == 2


def test_IMG_05_stale_catalogue(world, alice, server):
    path = server.streams(archive(b"old"))

    def gone(handler):
        server.on.clear()
        server.streams(archive(b"new"), version="20260901_05:24")
        handler.give(None)

    server.on[path] = gone
    add(alice, server)
    done = pull(alice)
    assert done["Failure"] == ""
    assert alice.get(done["Object"], IMAGE, "Fingerprint") == sha256(archive(b"new"))


def test_IMG_05_nobody_there(world, alice, server):
    dead = Server()
    dead.close()
    add(alice, dead)
    refused(world, alice, "RemoteFailed")
    server.streams(archive())
    add(alice, server, "other")
    found, = alice.manager("SearchImages", "(sa{sv})", "", {})
    assert [image["remote"] for image in found if "error" in image] == ["test"]
    assert [image["remote"] for image in found if "error" not in image] == ["other"]
    assert alice.error(ROOT, MANAGER, "SearchImages", "(sa{sv})", "test:", {}) == "RemoteFailed"


@pytest.mark.parametrize("requirements", [{"cgroup": "v1"}, {"privileged": "true"}])
def test_IMG_requirements(world, alice, server, requirements):
    server.streams(archive(), requirements=requirements)
    add(alice, server)
    refused(world, alice, "NoSuchImage", text="needs")


def test_IMG_05_bad_archive(world, alice, server):
    data = b"this is no archive" * 1000
    server.streams(data)
    add(alice, server)
    refused(world, alice, "BadArchive")


# ---- several at once: IMG-11 ----


class Gate:
    """A server's file that is held back until it is opened."""

    def __init__(self, server, path):
        self.open, self.server, self.path = threading.Event(), server, path
        server.on[path] = self.answer

    def answer(self, handler):
        data = self.server.files[self.path]
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[:len(data) // 2])
        handler.wfile.flush()
        self.open.wait(20)
        handler.wfile.write(data[len(data) // 2:])

    def asked(self):
        return self.path in self.server.paths()


def begin(client, ref="test:debian/13"):
    return client.manager("PullImage", "(sa{sv})", ref, {})[0]


def test_IMG_11_both_at_once(world, alice, bob, server):
    path = server.streams(archive())
    gate = Gate(server, path)
    add(alice, server, timeout=20)
    operations = [begin(alice), begin(bob)]
    wait(lambda: all(c.get(o, OPERATION, "Phase") == "downloading" for c, o in zip((alice, bob), operations)))
    wait(gate.asked)
    gate.open.set()
    images = [client.finish(operation)["Object"] for client, operation in zip((alice, bob), operations)]
    assert images[0] == images[1] and server.paths().count(path) == 1
    assert bob.get(images[0], IMAGE, "Aliases") == ["test:debian/13"]


@pytest.mark.parametrize("who", ["first", "second"])
def test_IMG_11_one_cancels(world, alice, bob, server, who):
    path = server.streams(archive())
    gate = Gate(server, path)
    add(alice, server, timeout=20)
    first = begin(alice)
    wait(lambda: alice.get(first, OPERATION, "Phase") == "downloading" and gate.asked())
    second = begin(bob)
    wait(lambda: bob.get(second, OPERATION, "Phase") == "downloading")
    leaver, stayer = ((alice, first), (bob, second)) if who == "first" else ((bob, second), (alice, first))
    leaver[0].call(leaver[1], OPERATION, "Cancel")
    assert leaver[0].finish(leaver[1])["Failure"].startswith(PREFIX + "Cancelled")
    gate.open.set()
    done = stayer[0].finish(stayer[1])
    assert done["Failure"] == ""
    assert done["Object"] in stayer[0].managed()
    wait(lambda: done["Object"] not in leaver[0].managed())


def test_IMG_11_all_cancel(world, alice, bob, server):
    before = stored(world)
    path = server.streams(archive())
    gate = Gate(server, path)
    add(alice, server, timeout=20)
    operations = [(alice, begin(alice)), (bob, begin(bob))]
    wait(lambda: all(c.get(o, OPERATION, "Phase") == "downloading" for c, o in operations) and gate.asked())
    for client, operation in operations:
        client.call(operation, OPERATION, "Cancel")
    for client, operation in operations:
        assert client.finish(operation)["Failure"].startswith(PREFIX + "Cancelled")
    wait(lambda: stored(world) == before)
    wait(lambda: not server.fetchers.alive())
    gate.open.set()
    assert pull(alice)["Failure"] == ""


def test_IMG_cancel_while_looking(world, alice, server):
    server.streams(archive())
    server.on["/streams/v1/index.json"] = lambda handler: time.sleep(5)
    add(alice, server, timeout=20)
    operation = begin(alice)
    wait(lambda: server.requests)
    alice.call(operation, OPERATION, "Cancel")
    assert alice.finish(operation)["Failure"].startswith(PREFIX + "Cancelled")
    wait(lambda: not server.fetchers.alive())


def test_IMG_fetch_dies(world, alice, server):
    path = server.streams(archive())
    gate = Gate(server, path)
    add(alice, server, timeout=20)
    before = stored(world)
    operation = begin(alice)
    wait(gate.asked)
    for child in server.fetchers.alive():
        child.kill()
    assert alice.finish(operation)["Phase"] == "failed"
    wait(lambda: stored(world) == before)
    gate.open.set()


# ---- a bothy-fetch that a server has taken over ----


@pytest.fixture
def impostor(world, server):
    """What it says is all that there is to go by."""
    impostors = []
    alice = world.client(ALICE)
    alice.manager("AddRemote", "(ssa{sv})", "fake", "https://example.org", {})

    def become(*packets, bytes_=None):
        for old in impostors:
            old.close()
        impostors[:] = [Impostor(world, packets, bytes_)]
        return impostors[0]

    server.fetchers.close()
    yield become
    for old in impostors:
        old.close()
    server.fetchers.__init__(world, LIBEXEC / "bothy-fetch")


DONE = packet(RESULT)
BAD_RECORDS = [
    {"aliases": "a\n"}, {"aliases": "\x1b[2J"}, {"aliases": "A B"}, {"aliases": "x" * 2000}, {"product": ""},
    {"product": "a b"}, {"product": "a=b"}, {"product": "[a]"}, {"product": "x" * 300}, {"version": "1"},
    {"version": "not a date"}, {"version": "2026082"}, {"os": "<b>"}, {"os": "x" * 65}, {"release": "\u00e4"},
    {"variant": "$(id)"}, {"architecture": ""}, {"architecture": "../x"}, {"fingerprint": "abc"},
    {"fingerprint": "A" * 64}, {"sha256": "0" * 63}, {"sha256": "g" * 64}, {"sha256": "../../etc/passwd"},
    {"url": ""}, {"url": "file:///etc/passwd"}, {"url": "https://example.com/x"}, {"url": "https://example.organ/x"},
    {"url": "http://example.org/x"}, {"url": "https://example.org/../x"}, {"url": "https://example.org/ x"},
    {"key": "123"}, {"key": "x" * 40}, {"key": "A" * 41}, {"extra": "field"},
]


@pytest.mark.parametrize("changes", BAD_RECORDS, ids=range(len(BAD_RECORDS)))
def test_FETCH_records_of_no_grammar(world, alice, impostor, changes):
    impostor(record(**changes), DONE)
    refused(world, alice, "RemoteFailed", "fake:debian/13")
    assert alice.manager("SearchImages", "(sa{sv})", "fake:", {}) == ([],)


@pytest.mark.parametrize("packets", [
    (), (b"",), (b"x",), (packet(RESULT, version=2),), (packet(7),), (packet(RESULT, b"x", size=7),),
    (packet(RECORD),), (packet(RECORD, b"\0" * 11), DONE), (packet(RECORD, b"\0" * 10), DONE), (DONE,),
    (record(), record(), DONE), (record(),), (packet(PROGRESS, b"x" * 100000),), (packet(RESULT, error=999),),
    (record(sha256=""), DONE),
], ids=range(15))
def test_FETCH_messages(world, alice, impostor, packets):
    impostor(*packets)
    before = stored(world)
    done = pull(alice, "fake:debian/13")
    assert done["Phase"] == "failed"
    wait(lambda: stored(world) == before)


def test_IMG_05_bytes_of_another_image(world, alice, impostor):
    """Whoever gets the bytes says that all is well: the service counts them itself."""
    wanted, other = archive(b"wanted"), archive(b"other")
    impostor(record(sha256=sha256(wanted)), DONE, bytes_=other)
    refused(world, alice, "BadArchive", "fake:debian/13", text=sha256(other))
    impostor(record(sha256=sha256(wanted)), DONE, bytes_=wanted + b"\0")
    refused(world, alice, "BadArchive", "fake:debian/13")
    impostor(record(sha256=sha256(wanted)), DONE, bytes_=wanted)
    assert alice.get(pull(alice, "fake:debian/13")["Object"], IMAGE, "Fingerprint") == sha256(wanted)


def test_IMG_05_bytes_of_another_layer(world, alice, impostor):
    """As it comes, and as it is unpacked: each has to be the one that the image names."""
    alice.manager("AddRemote", "(ssa{sv})", "fakes", "https://example.org", variants({"protocol": "oci"}))
    tar, other = archives.small_bytes(b"wanted"), archives.small_bytes(b"other")
    wanted, again = gzip.compress(tar, 1, mtime=0), gzip.compress(tar, 9, mtime=0)
    assert wanted != again

    def become(sha, diff_id, bytes_):
        impostor(texts(MANIFEST, "a" * 64, "b" * 64, os.uname().machine, ""),
                 texts(LAYER, sha, diff_id, "https://example.org/layer"), DONE, bytes_=bytes_)

    for sha, diff_id, bytes_ in ((sha256(wanted), sha256(tar), gzip.compress(other)), (sha256(wanted), sha256(tar), again),
                                 (sha256(wanted), sha256(other), wanted)):
        become(sha, diff_id, bytes_)
        refused(world, alice, "BadArchive", "fakes:team/app:1.0")
    become(sha256(wanted), sha256(tar), wanted)
    assert alice.get(pull(alice, "fakes:team/app:1.0")["Object"], IMAGE, "Layers") == [sha256(tar)]


def test_FETCH_too_many_records(world, alice, impostor):
    impostor(*[record()] * 5000, DONE)
    assert alice.error(ROOT, MANAGER, "SearchImages", "(sa{sv})", "fake:", {}) == "Failed"


def test_FETCH_error_is_shown_as_text(world, alice, impostor):
    impostor(packet(RESULT, b"\x1b[2Jyou won\n\xff" + b"x" * 5000, error=2))
    done = refused(world, alice, "RemoteFailed", "fake:debian/13")
    assert done["Failure"].isprintable() and len(done["Failure"]) < 1000


def test_FETCH_gets_no_more_than_it_needs(world, alice, impostor):
    fake = impostor(packet(RESULT, b"no", error=2))
    refused(world, alice, "RemoteFailed", "fake:debian/13")
    assert len(fake.requests) == 1
    words = fake.requests[0][40:].split(b"\0")
    assert words[:2] == [b"https://example.org", b"debian/13"] and b"alice" not in fake.requests[0]


# ---- https ----


@pytest.fixture
def secure(world, server):
    """The same behind TLS, with a certificate that bothy-fetch trusts."""
    server.secure(world)
    return server


def test_IMG_tls(world, alice, secure):
    secure.streams(archive())
    add(alice, secure, policy="tls")
    done = pull(alice)
    assert done["Failure"] == ""
    assert alice.get(done["Object"], IMAGE, "Verified") == "sha256"


def test_IMG_05_https_to_http(world, alice, secure):
    path = secure.streams(archive())
    plain = Server()
    plain.files = secure.files
    add(alice, secure)
    secure.on[path] = lambda handler: handler.redirect(plain.url + path)
    refused(world, alice, "RemoteFailed", text="from https to http")
    assert plain.requests == []
    plain.close()


def test_IMG_05_certificate_of_nobody(world, alice, server):
    server.secure(world, trusted=False)
    server.streams(archive())
    add(alice, server)
    refused(world, alice, "NotVerified")
    assert server.requests == []


# ---- remotes ----


@pytest.mark.parametrize("name, url, options", [
    ("", "https://example.org", {}), ("A", "https://example.org", {}), ("a.b", "https://example.org", {}),
    ("1a", "https://example.org", {}), ("a/b", "https://example.org", {}), ("a" * 33, "https://example.org", {}),
    ("a", "", {}), ("a", "example.org", {}), ("a", "file:///etc", {}), ("a", "http://example.org", {}),
    ("a", "https://user@example.org", {}), ("a", "https://example.org/../x", {}), ("a", "https://e x", {}),
    ("a", "http://127.0.0.1.example.org", {}), ("a", "http://127.0.0.1:1", {"policy": "tls"}),
    ("a", "https://example.org", {"protocol": "ftp"}), ("a", "https://example.org", {"policy": "none"}),
    ("a", "https://example.org", {"policy": "signature"}), ("a", "https://example.org", {"timeout": 4000}),
    ("a", "https://example.org", {"proxy": "socks5://x"}), ("a", "https://example.org", {"key": b""}),
    ("a", "https://example.org", {"unknown": "x"}), ("a", "https://example.org/" + "a" * 492, {}),
    ("a", "https://example.org/a\nb", {}), ("a", "https://example.org/?a", {}), ("a", "https://example.org", {"timeout": 3601}),
    ("a", "https://example.org", {"key": b"x" * (128 * 1024 + 1)}), ("a", "https://example.org", {"policy": "signature", "proxy": "x"}),
    ("a", "https://example.org", {"proxy": "https://example.org/../x"}), ("a", "https://example.org", {"protocol": "oci", "key": b"x"}),
    ("a", "https://example.org", {"protocol": "oci", "policy": "signature"}), ("a", "http://localhost.example.org", {}),
    ("a", "http://127.0.0.2", {}), ("a", "http://[::1", {"policy": "tls"}), ("a", "http://localhost", {"policy": "tls"}),
])
def test_REMOTE_bad_arguments(world, alice, server, name, url, options):
    before = world.snapshot()
    assert alice.error(ROOT, MANAGER, "AddRemote", "(ssa{sv})", name, url, options_of(options)) == "InvalidArgs"
    assert world.snapshot() == before
    assert [q for q in world.polkit.questions if q.action == REMOTES] == []


def test_REMOTE_files(world, alice, server):
    server.streams(archive())
    directory = pathlib.Path(world.root / "etc/bothy/remotes.d")
    try:
        (directory / "file.conf").write_text(f"[Remote]\nURL={server.url}\n")
        remotes = {remote["name"]: remote for remote in alice.manager("ListRemotes")[0]}
        assert remotes["file"]["enabled"] and not remotes["images"]["enabled"]
        assert pull(alice, "file:debian/13")["Failure"] == ""
        refused(world, alice, "NoSuchRemote", "images:debian/13")
        assert alice.error(ROOT, MANAGER, "RemoveRemote", "(s)", "file") == "InvalidArgs"
        assert alice.error(ROOT, MANAGER, "AddRemote", "(ssa{sv})", "file", "https://example.org", {}) == "InvalidArgs"
        (directory / "file.conf").write_text(f"[Remote]\nURL={server.url}\nPolicy=signature\nKey=/nonexistent\n")
        assert "file" not in [remote["name"] for remote in alice.manager("ListRemotes")[0]]
    finally:
        (directory / "file.conf").unlink()
    assert alice.error(ROOT, MANAGER, "RemoveRemote", "(s)", "file") == "NoSuchRemote"


def test_REMOTE_question(world, alice, server):
    add(alice, server)
    question = [q for q in world.polkit.questions if q.action == REMOTES][-1]
    assert (question.details["remote"], question.details["url"]) == ("test", server.url)



# ---- one of several does not work ----


class Nowhere:
    """A remote that nobody speaks for."""

    url = "http://127.0.0.1:1"


def test_IMG_07_unreachable_remote_is_passed_over(world, alice, server):
    """And whoever asked is told; without the image anywhere the error names both."""
    server.streams(archive())
    add(alice, Nowhere, "aaa")
    add(alice, server, "bbb")
    done = pull(alice, "debian/13")
    assert (done["Phase"], done["Failure"]) == ("done", "")
    warning, = done["Warnings"]
    assert warning.startswith('Remote "aaa": 127.0.0.1: ')
    assert alice.get(done["Object"], IMAGE, "Origin") == "bbb:debian/13"
    done = refused(world, alice, "RemoteFailed", "debian/99", text='Remote "aaa": 127.0.0.1: ')
    assert 'Remote "bbb": ' in done["Failure"]
    # Of a remote that is named no other one is asked.
    assert "bbb" not in refused(world, alice, "RemoteFailed", "aaa:debian/13")["Failure"]


def test_IMG_06_less_trusted_remote_is_not_asked_in_place_of_another(world, alice, server, key):
    """Who is between us and a remote that signs must not choose one that does not."""
    server.streams(archive())
    add(alice, Nowhere, "aaa", key=key.public)
    add(alice, server, "bbb")
    assert "bbb" not in refused(world, alice, "RemoteFailed", "debian/13", text='Remote "aaa": ')["Failure"]
    assert server.requests == []


@pytest.mark.parametrize("answer", [(200, b"nonsense"), (401, b""), (403, b""), (302, b"")], ids=lambda a: str(a[0]))
def test_IMG_06_an_answer_is_not_passed_over(world, alice, server, answer):
    """Nonsense, a wish for a login, a way to elsewhere: another remote's image of that name would be another one."""
    server.streams(archive())
    status, body = answer
    asked = []

    class Strange(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "http://192.0.2.1/")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Strange) as strange:
        threading.Thread(target=strange.serve_forever, daemon=True).start()
        try:
            strange.url = f"http://127.0.0.1:{strange.server_port}"
            add(alice, strange, "aaa")
            add(alice, server, "bbb")
            assert "bbb" not in refused(world, alice, "RemoteFailed", "debian/13", text='Remote "aaa": ')["Failure"]
        finally:
            strange.shutdown()
    assert asked and server.requests == []


def test_IMG_06_what_is_not_as_it_should_be_stops(world, alice, server, key, other_key):
    """A catalogue with a wrong signature is not passed over."""
    server.streams(archive(), key=other_key)
    add(alice, server, "aaa", key=key.public)
    add(alice, server, "bbb")
    refused(world, alice, "NotVerified", "debian/13")


def test_IMG_07_registry_of_this_machine_without_tls(world, alice, server):
    """The way out is in the error."""
    refused(world, alice, "RemoteFailed", "localhost:1/x", text='"bothy remote add NAME http://localhost:1 --protocol oci"')

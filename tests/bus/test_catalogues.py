# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is kept of catalogues: it spares questions, and is never believed more than what comes from the server."""

import errno
import hashlib

import pytest

from conftest import ALICE, LIBEXEC
from imageserver import Fetchers, Server, sha256
from test_remotes import PULL, REMOTES, add, archive, key, other_key, pull, refused, server  # noqa: F401
from wire import IMAGE, MANAGER, ROOT

INDEX, IMAGES = "/streams/v1/index.json", "/streams/v1/images.json"
DIGITS = 64


@pytest.fixture
def kept(world):
    return world.state / "remotes/test.catalogue"


def serve(server, max_age=None):
    """From now on with an ETag each, and said to hold for so long."""
    answers = []

    def answer(handler):
        data = server.files.get(handler.path)
        tag = f'"{sha256(data or b"")[:16]}"'
        headers = {"ETag": tag, **({"Cache_Control": f"public, max-age={max_age}"} if max_age else {})}
        if data is not None and handler.headers.get("If-None-Match") == tag:
            answers.append(304)
            handler.send_response(304)
            for name, value in headers.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.end_headers()
        else:
            answers.append(200 if data is not None else 404)
            handler.give(data, **headers)

    for path in (INDEX, IMAGES, IMAGES + ".gpg"):
        server.on[path] = answer
    return answers


def search(client, pattern="test:"):
    return client.manager("SearchImages", "(sa{sv})", pattern, {})[0]


def unreachable(server):
    """Nobody answers where the server was."""
    server.server.shutdown()
    server.server.server_close()


def change(path, old, new):
    """What somebody writes who knows the format."""
    data = path.read_bytes()
    assert data.count(old) > 0 and len(old) == len(new)
    body = data[DIGITS:].replace(old, new)
    path.write_bytes(hashlib.sha256(body).hexdigest().encode() + body)


def test_IMG_catalogue_comes_once(world, alice, server, kept):  # noqa: F811
    server.streams(archive())
    answers = serve(server)
    add(alice, server)
    first = search(alice)
    assert answers == [200, 200] and kept.stat().st_mode & 0o777 == 0o600
    assert search(alice) == first and len(first) == 1
    assert answers == [200, 200, 304, 304]
    # What is another one now comes.
    server.streams(archive(b"new"), version="20260901_05:24")
    assert search(alice)[0]["version"] == "20260901_05:24"
    assert answers[4:] == [304, 200]
    assert pull(alice)["Failure"] == "" and answers[6:] == [304, 304]


def test_IMG_catalogue_is_not_asked_for_while_it_holds(world, alice, server):  # noqa: F811
    server.streams(archive())
    answers = serve(server, max_age=300)
    add(alice, server)
    first = search(alice)
    assert search(alice) == first and answers == [200, 200]
    # What it does not have may be new.
    server.streams(archive(), aliases="debian/forky")
    assert pull(alice, "test:debian/forky")["Failure"] == ""
    assert answers == [200] * 4
    refused(world, alice, "NoSuchImage", "test:debian/none")


def test_IMG_05_kept_catalogue_names_what_is_gone(world, alice, server):  # noqa: F811
    path = server.streams(archive(b"old"))
    serve(server, max_age=300)
    add(alice, server)
    search(alice)
    del server.files[path]
    server.streams(archive(b"new"), version="20260901_05:24")
    done = pull(alice)
    assert done["Failure"] == ""
    assert alice.get(done["Object"], IMAGE, "Fingerprint") == sha256(archive(b"new"))


def test_IMG_06_kept_catalogue_is_verified_again(world, alice, server, key, kept):  # noqa: F811
    server.streams(archive(), key=key)
    answers = serve(server, max_age=300)
    add(alice, server, key=key.public)
    search(alice)
    answers.clear()
    assert search(alice)[0]["key"] == key.fingerprint and answers == []
    change(kept, b'"debian/trixie/default', b'"debian/broken/default')
    found = search(alice)
    assert "debian/trixie/default" in found[0]["aliases"] and answers == [200] * 3
    # With nobody to ask there is nothing then.
    change(kept, b'"debian/trixie/default', b'"debian/broken/default')
    unreachable(server)
    assert alice.error(ROOT, MANAGER, "SearchImages", "(sa{sv})", "test:", {}) == "RemoteFailed"


def test_IMG_06_another_key_for_what_is_kept(world, alice, server, key, other_key):  # noqa: F811
    server.streams(archive(), key=key)
    serve(server, max_age=300)
    add(alice, server, key=key.public)
    search(alice)
    record = world.state / "remotes/test.key"
    record.write_bytes(other_key.public)
    refused(world, alice, "NotVerified")


def test_IMG_06_rollback_with_a_kept_catalogue(world, alice, server, kept):  # noqa: F811
    server.streams(archive(b"old"), version="20260801_05:24")
    serve(server, max_age=300)
    add(alice, server)
    search(alice)
    old = kept.read_bytes()
    server.streams(archive(b"new"), version="20260901_05:24")
    kept.unlink()
    assert pull(alice)["Failure"] == ""
    kept.write_bytes(old)
    refused(world, alice, "NotVerified", text="turn back")


def test_IMG_search_without_network(world, alice, server):  # noqa: F811
    server.streams(archive())
    serve(server)
    add(alice, server)
    first = search(alice)
    unreachable(server)
    found = search(alice)
    assert [image for image in found if "error" not in image] == first
    (problem,) = (image for image in found if "error" in image)
    assert problem["remote"] == "test" and problem["age"] >= 1
    # What is not searched for but wanted has to be there.
    refused(world, alice, "RemoteFailed")


@pytest.mark.parametrize("damage", [
    lambda data: b"", lambda data: data[:DIGITS], lambda data: data[:len(data) // 2], lambda data: b"\0" * len(data),
    lambda data: data[:-1] + b"x", lambda data: data + b"\0" * 4096,
    lambda data: hashlib.sha256(b"\xff" * 100).hexdigest().encode() + b"\xff" * 100,
    lambda data: hashlib.sha256(data[:2000]).hexdigest().encode() + data[:2000],
], ids=["empty", "begin", "half", "zeros", "last-byte", "longer", "nonsense", "cut"])
def test_IMG_03_damaged_catalogue(world, alice, server, kept, damage):  # noqa: F811
    server.streams(archive())
    answers = serve(server, max_age=300)
    add(alice, server)
    first = search(alice)
    whole = kept.read_bytes()
    kept.write_bytes(damage(whole))
    assert search(alice) == first
    assert answers[2:] in ([200, 200], [])
    assert pull(alice)["Failure"] == ""


def test_IMG_catalogue_of_another_server(world, alice, server, kept):  # noqa: F811
    """What was kept is of one URL; and goes with its remote."""
    server.streams(archive())
    answers = serve(server, max_age=300)
    add(alice, server)
    search(alice)
    old = kept.read_bytes()
    with world.client(0) as root:
        root.manager("RemoveRemote", "(s)", "test")
    assert not kept.exists()
    alice.manager("AddRemote", "(ssa{sv})", "test", server.url + "/other", {})
    kept.write_bytes(old)
    assert alice.error(ROOT, MANAGER, "SearchImages", "(sa{sv})", "test:", {}) == "RemoteFailed"
    assert answers == [200, 200]


def test_IMG_catalogue_of_a_remote_that_goes_meanwhile(world, alice, server, kept):  # noqa: F811
    server.streams(archive())

    def answer(handler):
        with world.client(0) as root:
            root.manager("RemoveRemote", "(s)", "test")
        handler.give(server.files[handler.path])

    server.on[IMAGES] = answer
    add(alice, server)
    assert len(search(alice)) == 1
    assert not kept.exists()


@pytest.mark.parametrize("control", ["no-store, max-age=300", "no-cache, max-age=300", "max-age=-1", "max-age=x", "max-age"])
def test_IMG_catalogue_that_is_not_to_be_kept(world, alice, server, control):  # noqa: F811
    server.streams(archive())
    seen = []

    def answer(handler):
        seen.append(handler.path)
        handler.give(server.files[handler.path], Cache_Control=control)

    server.on[INDEX] = server.on[IMAGES] = answer
    add(alice, server)
    search(alice)
    search(alice)
    assert seen == [INDEX, IMAGES] * 2


@pytest.mark.parametrize("tag", ['"a b"', '"' + "x" * 4000 + '"', '"\x7f"', '"\xe9"'])
def test_IMG_05_bad_tags(world, alice, server, tag):  # noqa: F811
    """They would become headers of ours."""
    server.streams(archive())
    server.on[IMAGES] = lambda handler: handler.give(server.files[handler.path], ETag=tag)
    add(alice, server)
    search(alice)
    search(alice)
    asked = [headers for path, headers in server.requests if path == IMAGES]
    assert len(asked) == 2 and not any("If-None-Match" in headers for headers in asked)


def test_IMG_05_unchanged_without_a_question(world, alice, server):  # noqa: F811
    server.streams(archive())

    def answer(handler):
        handler.send_response(304)
        handler.end_headers()

    server.on[IMAGES] = answer
    add(alice, server)
    refused(world, alice, "RemoteFailed", text="304")


def test_STATE_02_no_space_for_a_catalogue(fresh_world):
    """It is not kept then, and what was kept stays as it was; nobody who searches sees any of that."""
    world = fresh_world(state_size="8M")
    place, fetchers = Server(), Fetchers(world, LIBEXEC / "bothy-fetch")
    presets = world.root / "etc/bothy/remotes.d"
    presets.mkdir(exist_ok=True)
    (presets / "images.conf").write_text("[Remote]\nEnabled=no\n")
    world.polkit.answers[PULL] = world.polkit.answers[REMOTES] = "yes"
    try:
        # More than a page, so that it does not fit into what is left of one.
        padding = {"padding": "x" * 100000}
        place.streams(archive(), **padding)
        serve(place)
        with world.client(ALICE) as alice:
            add(alice, place)
            full = world.state / "full"
            for kept_before in (False, True):
                with open(full, "wb", buffering=0) as file:
                    for size in (65536, 4096):
                        try:
                            while file.write(bytes(size)):
                                pass
                        except OSError as error:
                            assert error.errno == errno.ENOSPC
                before = world.records()
                place.streams(archive(), version=f"2026090{kept_before + 1:d}_05:24", **padding)
                assert [image["version"] for image in search(alice)] == [f"2026090{kept_before + 1:d}_05:24"]
                assert world.records() == before
                assert ("remotes/test.catalogue" in before) == kept_before
                full.unlink()
                if not kept_before:
                    assert len(search(alice)) == 1
                    assert (world.state / "remotes/test.catalogue").exists()
            assert len(search(alice)) == 1 and world.records() != before
    finally:
        place.close()
        fetchers.close()

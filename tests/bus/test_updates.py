# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether there are newer images where one's images came from, without getting them."""

from test_registries import ABOVE, BASE, REF, registry  # noqa: F401 (fixtures)
from test_remotes import PREFIX, PULL, add, archive, key, other_key, pull, server, stored  # noqa: F401
from wire import IMAGE, MANAGER, ROOT


def check(client):
    return {row["origin"]: row for row in client.manager("CheckForUpdates", "(a{sv})", {}, timeout=60)[0]}


def newer(client, name):
    return client.get(client.manager("GetImage", "(s)", name)[0], IMAGE, "Newer")


def test_updates_of_a_catalogue(world, alice, bob, server):  # noqa: F811
    first = server.streams(archive(b"first"))
    add(alice, server)
    image = pull(alice)["Object"]
    assert alice.get(image, IMAGE, "Newer") == "" and check(alice)["test:debian/13"]["newer"] == ""
    server.streams(archive(b"second"), version="20260901_05:24")
    before, asked = stored(world), len(server.paths())
    watcher = world.client(1000)
    watcher.manager("ListContainers")
    world.polkit.questions.clear()
    row = check(alice)["test:debian/13"]
    assert (row["image"], row.get("newer"), row.get("error")) == (image, "20260901_05:24", None)
    assert [question.action for question in world.polkit.asked()] == [PULL]
    assert watcher.wait_signal("PropertiesChanged", image, match=lambda a: "Newer" in a[2])
    assert newer(alice, "test:debian/13") == "20260901_05:24"
    # Nothing is downloaded, and nobody else has it.
    assert stored(world) == before and not [path for path in server.paths()[asked:] if path.endswith("rootfs.tar.xz")]
    assert check(bob) == {} and first
    world.restart()
    assert newer(alice, "test:debian/13") == "20260901_05:24"
    done = alice.finish(alice.call(image, IMAGE, "Refresh", "(a{sv})", {})[0])
    assert done["Failure"] == "" and done["Object"] != image
    assert newer(alice, "test:debian/13") == "" and alice.get(image, IMAGE, "Newer") == ""
    assert check(alice)["test:debian/13"]["newer"] == ""


def test_updates_of_a_remote_that_does_not_answer(world, alice, server):  # noqa: F811
    server.streams(archive())
    add(alice, server, timeout=1)
    image = pull(alice)["Object"]
    with world.client(0) as root:
        root.manager("RemoveRemote", "(s)", "test")
    row = check(alice)["test:debian/13"]
    assert row["error-name"] == PREFIX + "NoSuchRemote" and "newer" not in row and row["image"] == image
    world.polkit.answers[PULL] = "no"
    assert alice.error(ROOT, MANAGER, "CheckForUpdates", "(a{sv})", {}) == "NotAuthorized"


def test_updates_of_a_registry(world, alice, registry):  # noqa: F811
    registry.push("team/app", "1.0", [BASE])
    image = pull(alice, REF)["Object"]
    assert check(alice)[REF]["newer"] == ""
    digest = registry.push("team/app", "1.0", [BASE, ABOVE])
    before = stored(world)
    assert check(alice)[REF]["newer"] == digest and newer(alice, REF) == digest
    assert stored(world) == before
    done = alice.finish(alice.call(image, IMAGE, "Refresh", "(a{sv})", {})[0])
    assert done["Failure"] == "" and newer(alice, REF) == "" and check(alice)[REF]["newer"] == ""

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Snapshot, Restore, RemoveSnapshot and Clone: what they take, of whom, and how many."""

import pytest

import polkit
from conftest import BOB
from wire import CONTAINER, MANAGER, ROOT, variants, wait


@pytest.fixture
def box(alice):
    return alice.create("box", command=["sleep", "1000"])


def run(client, box, member, *arguments):
    """How the operation ends: its error without the text, or ""."""
    signature = {"Snapshot": "(sa{sv})", "Clone": "(sa{sv})"}.get(member, "(s)")
    if signature == "(sa{sv})" and len(arguments) == 1:
        arguments = (*arguments, {})
    path = client.call(box, CONTAINER, member, signature, *arguments)[0]
    error = client.finish(path)["Failure"]
    return error.split(":")[0].rsplit(".", 1)[-1]


def shown(client, box):
    return [s["name"] for s in client.get(box, CONTAINER, "Snapshots")]


def test_what_is_shown(alice, box):
    assert shown(alice, box) == []
    assert run(alice, box, "Snapshot", "s1") == ""
    (one,) = alice.get(box, CONTAINER, "Snapshots")
    assert sorted(one) == ["automatic", "created-at", "name"] and one["automatic"] is False and one["created-at"] > 1.7e15
    assert run(alice, box, "Snapshot", "") == ""
    assert len(shown(alice, box)) == 2
    assert run(alice, box, "Snapshot", "s1") == "SnapshotExists"
    assert run(alice, box, "Restore", "gone") == run(alice, box, "RemoveSnapshot", "gone") == "NoSuchSnapshot"
    assert run(alice, box, "Clone", "copy", variants({"snapshot": "gone"})) == "NoSuchSnapshot"
    assert run(alice, box, "Clone", "box") == "ContainerExists"
    assert run(alice, box, "RemoveSnapshot", "s1") == ""
    assert len(shown(alice, box)) == 1
    assert alice.get(ROOT, MANAGER, "MaxSnapshots") == 256


def test_of_what_goes_when_it_ends(alice):
    box = alice.create("box", ephemeral=True, command=["sleep", "1000"])
    assert run(alice, box, "Snapshot", "s1") == "WrongState" and "ephemeral" in alice.finish(alice.call(box, CONTAINER, "Snapshot", "(sa{sv})", "s1", {})[0])["Failure"]
    assert shown(alice, box) == []
    assert run(alice, box, "Clone", "copy") == ""


def test_kept_by_rule(world, alice, box):
    """Of those without a name the latest few; what has a name stays."""
    keep = variants({"keep": 2})
    assert alice.error(box, CONTAINER, "Snapshot", "(sa{sv})", "named", keep) == "InvalidArgs"
    assert run(alice, box, "Snapshot", "named") == ""
    made = []
    for number in range(4):
        assert run(alice, box, "Snapshot", "", keep) == ""
        made.append(shown(alice, box)[-1])
        assert shown(alice, box) == ["named", *made[-2:]]
    alice.wait_signal("PropertiesChanged", box, match=lambda a: [s["name"] for s in a[1].get("Snapshots", [])] == ["named", *made[-2:]])
    world.restart()
    assert shown(alice, box) == ["named", *made[-2:]]
    assert run(alice, box, "Snapshot", "", variants({"keep": 1})) == ""
    assert len(shown(alice, box)) == 2


def test_a_restore_of_what_is_there(world, alice, box):
    """Nothing was written since, so it needs no snapshot, and nothing is left by doing it again and again."""
    assert run(alice, box, "Snapshot", "s1") == ""
    before = world.settled_fds(), len(world.records())
    for _ in range(5):
        assert run(alice, box, "Restore", "s1") == ""
    assert shown(alice, box) == ["s1"]
    wait(lambda: (world.settled_fds(), len(world.records())) == before)


def test_SNAP_how_many_of_one(alice, box):
    """64, and no layer more for those of which nothing was written in between."""
    for number in range(64):
        assert run(alice, box, "Snapshot", f"s{number}") == ""
    assert run(alice, box, "Snapshot", "one-more") == "QuotaExceeded"
    assert run(alice, box, "RemoveSnapshot", "s7") == ""
    assert run(alice, box, "Snapshot", "one-more") == ""
    for number in range(4):
        assert run(alice, box, "Clone", f"c{number}") == ""


def test_SNAP_03_a_copy_is_a_new_container(world, alice, box):
    """Who may not make one may not copy one."""
    assert run(alice, box, "Snapshot", "s1") == ""
    world.polkit.answers[polkit.CREATE] = "no"
    before = world.settled_fds(), world.records()
    for options in {}, variants({"snapshot": "s1"}):
        assert alice.error(box, CONTAINER, "Clone", "(sa{sv})", "copy", options) == "NotAuthorized"
        assert alice.error(box, CONTAINER, "Commit", "(sa{sv})", "mine", options) == "NotAuthorized"
    assert (world.settled_fds(), world.records()) == before
    # What she has is hers all the same.
    assert run(alice, box, "Snapshot", "s2") == run(alice, box, "Restore", "s1") == run(alice, box, "RemoveSnapshot", "s1") == ""


def test_SNAP_03_of_others(world, alice, box):
    """Who may manage makes them for their owner, and gets nothing himself."""
    with world.client(BOB) as bob:
        missing = box.replace("box", "none")
        seen = [[(bob.error(path, CONTAINER, member, signature, *arguments), bob.text.replace(path, ""))
                 for member, signature, arguments in (("Snapshot", "(sa{sv})", ("s1", {})), ("Restore", "(s)", ("s1",)),
                                                      ("RemoveSnapshot", "(s)", ("s1",)), ("Clone", "(sa{sv})", ("copy", {})),
                                                      ("Commit", "(sa{sv})", ("mine", {})))]
                for path in (box, missing)]
        assert seen[0] == seen[1] and shown(alice, box) == []
        world.polkit.answers.update({polkit.MANAGE: "yes", polkit.INSPECT: "yes"})
        assert run(bob, box, "Snapshot", "s1") == ""
        assert run(bob, box, "Clone", "copy") == ""
    assert shown(alice, box) == ["s1"]
    assert alice.get(box.replace("box", "copy"), CONTAINER, "Owner") == alice.get(box, CONTAINER, "Owner")

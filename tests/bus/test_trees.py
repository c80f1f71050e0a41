# SPDX-License-Identifier: LGPL-2.1-or-later
"""OpenTree, MountTree and UnmountTree: of whom, of which containers, and until when."""

import os
import signal

import pytest

import polkit
from conftest import ALICE, BOB
from wire import CONTAINER, variants, wait

MAX = 16


def make(client, name="box"):
    """One that ran, so that it has files of its own."""
    path = client.create(name, command=["sleep", "1000"])
    client.start(path)
    client.call(path, CONTAINER, "Stop", "(a{sv})", variants({"force": True}))
    return path


@pytest.fixture
def box(alice):
    return make(alice)


def mount(client, box):
    return client.call(box, CONTAINER, "MountTree", "(a{sv})", {})[0]


def unmount(client, box):
    return client.error(box, CONTAINER, "UnmountTree")


def failure(client, box, member="MountTree"):
    return client.error(box, CONTAINER, member, "(a{sv})", {})


def seen(world, path):
    return world.root / path.lstrip("/")


def test_where_it_is(world, alice, box):
    path = mount(alice, box)
    assert path == f"/run/bothy/trees/{ALICE}/box" == alice.get(box, CONTAINER, "TreePath") == mount(alice, box)
    assert os.stat(seen(world, path) / "etc").st_uid == ALICE
    assert unmount(alice, box) == unmount(alice, box) == ""
    wait(lambda: alice.get(box, CONTAINER, "TreePath") == "" and not seen(world, path).exists())


def test_it_is_gone_when_the_container_has_it(world, alice, box):
    path = mount(alice, box)
    alice.start(box)
    assert not seen(world, path).exists() and alice.get(box, CONTAINER, "TreePath") == ""
    assert failure(alice, box) == failure(alice, box, "OpenTree") == "WrongState" and "idmapped" in alice.text
    alice.call(box, CONTAINER, "Stop", "(a{sv})", variants({"force": True}))
    assert mount(alice, box) == path
    alice.delete(box)
    wait(lambda: not seen(world, path).exists())


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_what_is_open_is_not_written_by_two(world, alice, box, how):
    """Whoever has a file of it; and the next bothyd knows it, too."""
    mount(alice, box)
    held = os.open(seen(world, alice.get(box, CONTAINER, "TreePath")) / "etc", os.O_RDONLY)
    try:
        assert alice.error(box, CONTAINER, "Rename", "(s)", "other") == "Busy" and "--unmount" in alice.text
        world.restart(how)
        assert alice.get(box, CONTAINER, "TreePath") == ""
        for _ in range(2):
            assert alice.error(box, CONTAINER, "Start", "(a{sv})", {}) == "Busy" and "open in a program" in alice.text
        assert failure(alice, box) == "Busy"
    finally:
        os.close(held)
    wait(lambda: alice.error(box, CONTAINER, "Rename", "(s)", "box") == "ContainerExists")
    alice.start(box)


def test_which_have_none(alice):
    assert failure(alice, alice.create("fresh", command=["sleep", "1000"])) == "WrongState" and "start it once" in alice.text
    path = alice.create("fresh2")
    assert alice.error(path, CONTAINER, "MountTree", "(a{sv})", variants({"x": 1})) == "InvalidArgs"


def test_only_the_owner(world, alice, bob, box):
    """Not who may manage his containers, either: his files are not theirs. Taking them away is managing."""
    missing = box.replace("box", "none")
    said = [(failure(bob, path, member), bob.text.replace(path, "")) for path in (box, missing) for member in ("MountTree", "OpenTree")]
    assert said[:2] == said[2:]
    world.polkit.answers.update({polkit.MANAGE: "yes", polkit.INSPECT: "yes"})
    assert failure(bob, box) == failure(bob, box, "OpenTree") == "NotAuthorized"
    assert alice.get(box, CONTAINER, "TreePath") == ""
    mount(alice, box)
    assert unmount(bob, box) == "" and alice.get(box, CONTAINER, "TreePath") == ""


def test_the_open_one(world, alice, box):
    (fd,) = alice.call(box, CONTAINER, "OpenTree", "(a{sv})", {})
    try:
        assert os.stat("etc", dir_fd=fd).st_uid == ALICE
        unmount(alice, box)
        assert alice.error(box, CONTAINER, "Start", "(a{sv})", {}) == "Busy"
    finally:
        os.close(fd)
    wait(lambda: failure(alice, box) == "")


def test_how_many(world, alice, box):
    boxes = [make(alice, f"b{i}") for i in range(MAX)]
    for path in boxes:
        mount(alice, path)
    assert failure(alice, box) == "QuotaExceeded"
    with world.client(BOB) as bob:
        mount(bob, make(bob))
    unmount(alice, boxes[0])
    wait(lambda: failure(alice, box) == "")

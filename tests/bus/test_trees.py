# SPDX-License-Identifier: LGPL-2.1-or-later
"""OpenTree, MountTree and UnmountTree: of whom, of which containers, and until when."""

import contextlib
import errno
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


@contextlib.contextmanager
def as_owner():
    """Nobody else, and not root, makes files there."""
    os.setegid(ALICE)
    os.seteuid(ALICE)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def test_where_it_is(world, alice, box):
    path = mount(alice, box)
    assert path == f"/run/bothy/trees/{ALICE}/box" == alice.get(box, CONTAINER, "TreePath") == mount(alice, box)
    assert os.stat(seen(world, path) / "etc").st_uid == ALICE
    assert unmount(alice, box) == unmount(alice, box) == ""
    assert alice.get(box, CONTAINER, "TreePath") == "" and not seen(world, path).exists()


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
def test_what_is_written_is_not_written_by_two(world, alice, box, how):
    """Whoever has a file of it open to write it keeps it, and the next bothyd knows it, too."""
    path = mount(alice, box)
    directory = os.open(seen(world, path) / "etc", os.O_RDONLY)
    with as_owner():
        held = os.open("held", os.O_WRONLY | os.O_CREAT, dir_fd=directory)
    os.close(directory)
    try:
        assert alice.error(box, CONTAINER, "Rename", "(s)", "other") == "Busy" and "--unmount" in alice.text
        for _ in range(2):
            assert alice.error(box, CONTAINER, "Start", "(a{sv})", {}) == "Busy" and "to write it" in alice.text
            assert unmount(alice, box) == alice.error(box, CONTAINER, "Delete", "(a{sv})", {}) == "Busy"
            world.restart(how)
            assert alice.get(box, CONTAINER, "TreePath") == path
        os.write(held, b"text")
        assert mount(alice, box) == path
    finally:
        os.close(held)
    alice.start(box)
    assert alice.get(box, CONTAINER, "TreePath") == "" and not seen(world, path).exists()


def test_what_is_read_can_be_read_on(world, alice, box):
    """It is in nobody's way, and nobody writes into it beside the container."""
    (fd,) = alice.call(box, CONTAINER, "OpenTree", "(a{sv})", {})
    held = os.open("etc", os.O_RDONLY, dir_fd=fd)
    try:
        assert os.stat(held).st_uid == ALICE
        with as_owner():
            os.mkdir("made", dir_fd=held)
        alice.start(box)
        assert "made" in os.listdir(held)
        with as_owner(), pytest.raises(OSError) as caught:
            os.mkdir("later", dir_fd=held)
        assert caught.value.errno == errno.EROFS
    finally:
        os.close(held)
        os.close(fd)


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


def test_how_many(world, alice, box):
    boxes = [make(alice, f"b{i}") for i in range(MAX)]
    for path in boxes:
        mount(alice, path)
    assert failure(alice, box) == "QuotaExceeded"
    with world.client(BOB) as bob:
        mount(bob, make(bob))
    # What is kept counts, mounted or not.
    (fd,) = alice.call(boxes[0], CONTAINER, "OpenTree", "(a{sv})", {})
    try:
        assert unmount(alice, boxes[0]) == "" and failure(alice, box) == "QuotaExceeded"
    finally:
        os.close(fd)
    wait(lambda: failure(alice, box) == "")

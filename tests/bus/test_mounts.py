# SPDX-License-Identifier: LGPL-2.1-or-later
"""AddMount and RemoveMount: what they take, and of whom."""

import os
import subprocess
import sys
import time

import pytest
from gi.repository import GLib

import polkit
from conftest import ALICE, BOB
from slowfs import SlowFileSystem
from wire import CONTAINER, MANAGER, ROOT, variants


@pytest.fixture
def folder(world):
    """alice's own directory."""
    path = world.directory / "folder"
    path.mkdir(exist_ok=True)
    (path / "own").write_text("hers")
    os.chown(path, ALICE, ALICE)
    yield path


@pytest.fixture
def box(alice):
    return alice.create("box", command=["sleep", "1000"])


def add(client, box, path, destination="/work", flags=os.O_DIRECTORY, timeout=20, said=None, **options):
    """The error's name, or ""."""
    fd = os.open(path, os.O_RDONLY | flags)
    try:
        return client.error(box, CONTAINER, "AddMount", "(hsa{sv})", 0, destination,
                            variants({"path": str(said or path), **options}), fds=[fd], timeout=timeout)
    finally:
        os.close(fd)


def shown(client, box):
    return [(m["source"], m["destination"], m["read-only"], m["user"]) for m in client.get(box, CONTAINER, "Mounts")]


def test_what_is_shown(alice, box, folder):
    assert not add(alice, box, folder, "//work/sub/", **{"read-only": True, "user": "1000"})
    assert shown(alice, box) == [(str(folder), "/work/sub", True, "1000:1000")]
    assert alice.error(box, CONTAINER, "RemoveMount", "(s)", "/work") == "NoSuchMount"
    assert alice.error(box, CONTAINER, "RemoveMount", "(s)", "work/../x") == "InvalidArgs"
    assert not alice.error(box, CONTAINER, "RemoveMount", "(s)", "/work/sub")
    assert shown(alice, box) == []


@pytest.mark.parametrize("destination", ["", "work", ".", "..", "/..", "/a/../b", "/a/./b", "/", "//", "/proc", "/proc/1", "/sys/x",
                                         "/dev", "/dev/shm", "/" + "x" * 4095])
def test_MNT_06_destinations(world, alice, box, folder, destination):
    before = world.settled_fds(), world.records()
    assert add(alice, box, folder, destination) == "InvalidArgs"
    assert (world.settled_fds(), world.records()) == before


@pytest.mark.parametrize("options", [{"path": "relative"}, {"path": ""}, {"path": "/" + "x" * 4095}, {"user": "nobody"}, {"user": "65536"},
                                     {"user": "1:2:3"}, {"user": "-1"}, {"user": "01"}, {"unknown": True}, {"read-only": "yes"},
                                     {"path": b"/a\0b"}])
def test_MNT_06_options(alice, box, folder, options):
    fd = os.open(folder, os.O_RDONLY)
    given = {"path": str(folder), **options}
    if isinstance(given["path"], bytes):
        given["path"] = GLib.Variant("ay", given["path"])
    assert alice.error(box, CONTAINER, "AddMount", "(hsa{sv})", 0, "/work", variants(given), fds=[fd]) == "InvalidArgs"
    assert alice.error(box, CONTAINER, "AddMount", "(hsa{sv})", 0, "/work", {}, fds=[fd]) == "InvalidArgs"
    os.close(fd)
    assert shown(alice, box) == []


def test_MNT_06_what_is_no_open_directory(alice, box, folder):
    assert add(alice, box, folder / "own", flags=0) == "InvalidArgs"
    assert add(alice, box, folder, flags=os.O_PATH) == "InvalidArgs"
    reader, writer = os.pipe()
    for fds, handle in ([reader], 0), ([], 0), ([reader], 1), ([reader], -1):
        assert alice.error(box, CONTAINER, "AddMount", "(hsa{sv})", handle, "/work", variants({"path": "/"}), fds=fds) == "InvalidArgs"
    os.close(reader)
    os.close(writer)


def test_MNT_02_a_path_that_leads_elsewhere(alice, box, folder):
    """The fd says which directory it is, and the path has to lead to it."""
    assert add(alice, box, folder, said=folder.parent) == "MountFailed"
    assert add(alice, box, folder, said="/etc") == "MountFailed"
    assert add(alice, box, folder, said=folder / "nothing") == "MountFailed"
    assert "was mounted" in alice.text or "no such directory" in alice.text
    link = folder.parent / "link"
    link.unlink(missing_ok=True)
    link.symlink_to(folder)
    assert not add(alice, box, folder, said=link)


def test_MNT_02_what_the_owner_may_not_open(world, alice, box, folder):
    """Whoever sends the fd: this one is root's."""
    os.chown(folder, 0, 0)
    os.chmod(folder, 0o700)
    assert add(alice, box, folder) == "MountFailed"
    assert "may not open it" in alice.text
    os.chmod(folder, 0o755)


def test_foreign_and_missing_are_alike(world, alice, box, folder):
    with world.client(BOB) as bob:
        missing = box.replace("box", "none")
        seen = []
        for path in box, missing:
            seen.append((add(bob, path, folder), bob.text.replace(path, "")))
            seen.append((bob.error(path, CONTAINER, "RemoveMount", "(s)", "/work"), bob.text.replace(path, "")))
        assert seen[:2] == seen[2:]
    assert shown(alice, box) == []


def test_at_creation(alice, folder):
    fd = os.open(folder, os.O_RDONLY)
    mount = GLib.Variant("a(hsa{sv})", [(0, "/work", variants({"path": str(folder)}))])
    twice = GLib.Variant("a(hsa{sv})", [(0, "/work", variants({"path": str(folder)})), (0, "/work/", variants({"path": str(folder)}))])
    assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "b2", "busybox", {"mounts": twice}, fds=[fd]) == "MountFailed"
    path = alice.manager("CreateContainer", "(ssa{sv})", "b2", "busybox", {"mounts": mount}, fds=[fd])[0]
    os.close(fd)
    assert [m[1] for m in shown(alice, path)] == ["/work"]


def test_MNT_07_a_file_system_that_hangs(world, alice, box, folder):
    """He waits some seconds, and nobody else does; and as often as he likes."""
    directory = world.directory / "slow"
    directory.mkdir(exist_ok=True)
    with SlowFileSystem(directory, process=world.pid) as slow:
        seen = f"/proc/{world.pid}/root{directory}"
        slow.let_wait("bothy-helper")
        for _ in range(2):
            begin = time.monotonic()
            assert add(alice, box, seen, said=directory) == "MountFailed" and "does not answer" in alice.text, alice.text
            assert time.monotonic() - begin < 8
            with world.client(BOB) as bob:
                begin = time.monotonic()
                other = bob.create("other", command=["sleep", "1000"])
                bob.start(other)
                bob.call(other, CONTAINER, "Delete", "(a{sv})", variants({"force": True}))
                assert time.monotonic() - begin < 3
        slow.let_wait("")
    assert not add(alice, box, folder)


def test_MNT_02_only_the_owner(world, alice, bob, box, folder):
    """Not who may manage his containers: he would get at all files of the owner's. Taking one away is managing."""
    world.polkit.answers.update({polkit.MANAGE: "yes", polkit.INSPECT: "yes"})
    os.chmod(folder, 0o755)
    before = world.settled_fds(), world.records()
    assert add(bob, box, folder) == "NotAuthorized"
    assert (world.settled_fds(), world.records()) == before and shown(alice, box) == []
    assert not add(alice, box, folder)
    assert bob.error(box, CONTAINER, "RemoveMount", "(s)", "/work") == ""


def test_MNT_a_frozen_one_takes_none(alice, box, folder):
    alice.start(box)
    alice.call(box, CONTAINER, "Freeze")
    assert add(alice, box, folder) == "WrongState"
    alice.call(box, CONTAINER, "Thaw")
    assert not add(alice, box, folder)


SERVE_NOTHING = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
fds = [os.open(f"/proc/{sys.argv[1]}/ns/{kind}", os.O_RDONLY) for kind in ("user", "mnt")]
assert libc.setns(fds[0], 0) == 0, ctypes.get_errno()
# The machine's own, as the file's owner: a container may have it.
fuse = os.open("/dev/fuse", os.O_RDWR)
os.setresgid(0, 0, 0)
os.setresuid(0, 0, 0)
assert libc.setns(fds[1], 0) == 0, ctypes.get_errno()
os.mkdir("/work")
options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0".encode()
assert libc.mount(b"hangs", b"/work", b"fuse", 0, options) == 0, ctypes.get_errno()
print("mounted", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("member,options", [("Stop", {"force": True}), ("Delete", {"force": True}), ("Stop", {"timeout": 1})])
def test_MNT_07_what_hangs_inside_keeps_nobody_from_stopping(world, alice, box, folder, member, options):
    """Root of the container serves a file system, and does not answer."""
    alice.start(box)
    words = [sys.executable, "-c", SERVE_NOTHING, str(alice.get(box, CONTAINER, "Leader"))]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout.readline() == "mounted\n"
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            adding = alice.send(box, CONTAINER, "AddMount", "(hsa{sv})", 0, "/work/x", variants({"path": str(folder)}), fds=[fd])
            os.close(fd)
            assert not alice.replied(adding, 1)
            assert alice.error(box, CONTAINER, "Restart", "(a{sv})", {}) == "Busy"
            assert add(alice, box, folder, "/elsewhere") == "Busy"
            begin = time.monotonic()
            answer = alice.call(box, CONTAINER, member, "(a{sv})", variants(options), timeout=30)
            assert time.monotonic() - begin < 20
            if member == "Delete":
                assert alice.finish(answer[0])["Failure"] == ""
                assert box not in alice.managed()
            else:
                assert alice.state(box) == "stopped"
                # What it had no time for is there when it starts again.
                assert alice.reply(adding) == ()
                assert shown(alice, box) == [(str(folder), "/work/x", False, "0:0")]
        finally:
            server.kill()

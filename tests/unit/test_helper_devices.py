# SPDX-License-Identifier: LGPL-2.1-or-later
"""Devices: which node is made, for whom, and that nothing opens it once it is taken back. /dev/fuse is there on every machine."""

import ctypes
import errno
import os
import stat
import subprocess

import pytest

from helping import (BASE, CONTAINER_ID, DEVICE_ACCESS, DEVICE_NODE, DEVICE_REVOKE, STEP_DEVICE, STEP_DEVICE_ACCESS, STEP_REQUEST,
                     helper, own_mounts, pytestmark, request)

UID, GID, GROUP = 4321, 4322, 4323
PLACE = "/run/bothy/devices"
FUSE = ("fuse", 10, 229)
MOVE_MOUNT, MOVE_MOUNT_F_EMPTY_PATH = 429, 4
libc = ctypes.CDLL(None, use_errno=True)

fixtures = helper, own_mounts, pytestmark


@pytest.fixture(autouse=True)
def place(own_mounts):
    os.makedirs("/run/bothy", exist_ok=True)
    yield
    while os.path.ismount(PLACE):
        subprocess.run(["umount", PLACE], check=True)


@pytest.fixture
def own_dev():
    """A /dev with nodes of the test's own: the machine's stays as it is."""
    subprocess.run(["mount", "-t", "tmpfs", "none", "/dev"], check=True)
    os.mknod("/dev/fuse", stat.S_IFCHR | 0o600, os.makedev(10, 229))
    yield
    subprocess.run(["umount", "/dev"], check=True)


def call(helper, op, name="fuse", major=10, minor=229, container=CONTAINER_ID, **options):
    return helper.call(request(op, device=(container.encode(), name.encode(), major, minor), **options))


def make(helper, *device, owner=BASE, **options):
    return call(helper, DEVICE_NODE, *device, owner=owner, **options)


def test_a_node_of_its_own(helper):
    reply = make(helper, *FUSE)
    assert (reply.error, len(reply.fds)) == (0, 1)
    found = os.stat(reply.fds[0])
    assert (found.st_rdev, found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (os.makedev(10, 229), BASE, BASE, 0o600)
    assert found.st_dev != os.stat("/dev/fuse").st_dev
    assert os.listdir(f"{PLACE}/{CONTAINER_ID}") == ["10:229"] and stat.S_IMODE(os.stat(PLACE).st_mode) == 0o700
    # It can be opened; and it is on one tmpfs, however many are made.
    os.close(os.open(f"{PLACE}/{CONTAINER_ID}/10:229", os.O_RDWR))
    assert make(helper, "net/tun", 10, 200).error == 0
    with open("/proc/self/mountinfo") as table:
        assert sum(PLACE in line for line in table) == 1


def test_DEV_05_what_is_taken_back_opens_nothing(helper, tmp_path):
    """Not by a bind mount and not by a descriptor that was kept, whoever makes the same node again."""
    reply = make(helper, *FUSE)
    kept = tmp_path / "kept"
    kept.touch()
    target = os.open(kept, os.O_PATH)
    assert libc.syscall(MOVE_MOUNT, reply.fds[0], b"", target, b"", MOVE_MOUNT_F_EMPTY_PATH | 0x40) == 0
    assert call(helper, DEVICE_REVOKE).error == 0
    found = os.stat(kept)
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (0, 0, 0)
    again = make(helper, *FUSE)
    assert again.error == 0 and os.stat(again.fds[0]).st_ino != found.st_ino
    assert stat.S_IMODE(os.stat(kept).st_mode) == 0
    # All of a container's at once, and it is no error that there is nothing.
    assert call(helper, DEVICE_REVOKE, "", 0, 0).error == 0 and os.listdir(PLACE) == []
    assert call(helper, DEVICE_REVOKE, "", 0, 0).error == 0
    subprocess.run(["umount", "-l", kept], check=True)


# Kernels and containers differ in which of them there are; the first two are everywhere.
NOT_FOR_CONTAINERS = [("null", 1, 3), ("urandom", 1, 9)] + [
    device for device in [("kmsg", 1, 11), ("mem", 1, 1), ("tty1", 4, 1), ("console", 5, 1), ("vcs1", 7, 1)]
    if os.path.exists("/dev/" + device[0])
]


@pytest.mark.parametrize("device", NOT_FOR_CONTAINERS, ids=lambda device: device[0])
def test_DEV_01_what_is_for_no_container(helper, device):
    reply = make(helper, *device)
    assert (reply.error, reply.step, reply.fds) == (errno.EPERM, STEP_DEVICE, [])


@pytest.mark.parametrize("device", [("fuse", 10, 200), ("net/tun", 10, 229), ("kmsg", 10, 229), ("nothing", 10, 229), ("fuse", 250, 9)])
def test_DEV_02_the_kernel_says_which_it_is(helper, device):
    """Whatever name and number are said, they have to be one device's."""
    reply = make(helper, *device)
    assert reply.error in (errno.ESTALE, errno.ENOENT) and reply.step == STEP_DEVICE


@pytest.mark.parametrize("name", ["", "../dev/fuse", "/fuse", "fuse/", "a//b", ".", "..", "x/../fuse", "fu se", "fuse\n", "x" * 128])
def test_DEV_02_names(helper, name):
    for op in DEVICE_NODE, DEVICE_ACCESS:
        reply = call(helper, op, name, owner=BASE)
        assert (reply.error, reply.step) == (errno.EINVAL, STEP_REQUEST), name


def test_DEV_02_what_is_in_its_place(helper, own_dev):
    """A file, a link, another device, a disk."""
    assert make(helper, *FUSE).error == 0
    for replace in (lambda: os.symlink("/dev/real", "/dev/fuse"), lambda: open("/dev/fuse", "w").close(), lambda: os.mkfifo("/dev/fuse"),
                    lambda: os.mknod("/dev/fuse", stat.S_IFBLK | 0o666, os.makedev(10, 229)),
                    lambda: os.mknod("/dev/fuse", stat.S_IFCHR | 0o666, os.makedev(1, 11))):
        os.unlink("/dev/fuse")
        replace()
        reply = make(helper, *FUSE)
        assert (reply.error, reply.step) == (errno.ESTALE, STEP_DEVICE)


def test_what_makes_no_sense(helper):
    assert make(helper, *FUSE, owner=0).error == errno.EPERM
    assert make(helper, *FUSE, owner=1000).error == errno.EPERM
    assert make(helper, *FUSE, container="../x").error == errno.EINVAL
    assert call(helper, DEVICE_REVOKE, container="").error == errno.EINVAL


def test_DEV_03_the_users_own_access(helper, own_dev):
    """By mode, group and access list, as the user; the node is not touched."""
    def may(uid=UID, gid=GID, groups=()):
        reply = call(helper, DEVICE_ACCESS, owner=uid, gid=gid, groups=groups)
        assert (reply.error, reply.step) in ((0, 0), (errno.EACCES, STEP_DEVICE_ACCESS))
        return reply.error == 0

    assert not may()
    os.chmod("/dev/fuse", 0o640)
    os.chown("/dev/fuse", 0, GROUP)
    assert not may(groups=[GROUP])   # reading alone is not enough
    os.chmod("/dev/fuse", 0o660)
    before = os.stat("/dev/fuse")
    assert may(groups=[1, GROUP]) and may(gid=GROUP) and not may(groups=[1]) and not may(gid=GID)
    assert os.stat("/dev/fuse") == before
    os.chown("/dev/fuse", UID, 0)
    assert may() and not may(uid=UID + 1)
    os.chown("/dev/fuse", 0, 0)
    subprocess.run(["setfacl", "-m", f"u:{UID}:rw", "/dev/fuse"], check=True)
    assert may() and not may(uid=UID + 1)
    assert may(uid=0, gid=0)
    os.unlink("/dev/fuse")
    assert call(helper, DEVICE_ACCESS, owner=UID).error == errno.ENOENT

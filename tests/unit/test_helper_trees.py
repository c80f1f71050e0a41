# SPDX-License-Identifier: LGPL-2.1-or-later
"""bothy-helper: a container's files as its owner's, and nobody else's."""

import ctypes
import errno
import os
import select
import signal
import stat
import struct
import subprocess

import pytest

from helping import (BASE, CONTAINER, CONTAINER_ID, IMAGE, IMAGE_ID, NEUTRAL, STEP_REQUEST, TREE, TREE_CLONE, TREE_CLOSE, TREE_DETACH,
                     helper, own_mounts, pytestmark, request, until)

UID, GID, OTHER = 4321, 4322, 4399
PLACE = f"/run/bothy/trees/{UID}/x1"
UPPER = f"/var/lib/bothy/containers/{CONTAINER_ID}/data/upper"
LOWER = f"/var/lib/bothy/layers/{IMAGE_ID}/root"
LAYERS = ((IMAGE, IMAGE_ID), (CONTAINER, CONTAINER_ID))
REST = (NEUTRAL + 1, BASE + 1, 65535)
STEP_TREE_PLACE = 30
IN_UNMOUNT = 0x2000

fixtures = helper, own_mounts, pytestmark


def ask(op, name="x1", owner=UID, gid=GID, layers=LAYERS, uids=((NEUTRAL, UID, 1), REST), gids=((NEUTRAL, GID, 1), REST), **options):
    return request(op, owner=owner, gid=gid, name=name, layers=layers, extents=uids, gids=gids, **options)


def answer(reply):
    return reply.error, reply.step


@pytest.fixture
def inotify():
    fd = ctypes.CDLL(None).inotify_init1(os.O_CLOEXEC)
    yield fd
    os.close(fd)


@pytest.fixture
def tree(helper, inotify):
    """What is mounted, and gone in the end: mounts of it that are attached nowhere."""
    os.makedirs("/run/bothy", exist_ok=True)
    reply = helper.call(ask(TREE), [inotify])
    assert answer(reply) == (0, 0) and reply.number > 0
    fds = list(reply.fds)
    yield fds
    for fd in fds:
        os.close(fd)
    assert answer(helper.call(ask(TREE_CLOSE))) == (0, 0)
    assert not os.path.exists(f"/run/bothy/trees/{UID}")


def shell(line, uid=UID, gid=GID):
    done = subprocess.run(["sh", "-c", line], user=uid, group=gid, extra_groups=[], cwd="/", capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else done.stderr.strip()


def owner(path):
    found = os.lstat(path)
    return found.st_uid - NEUTRAL, found.st_gid - NEUTRAL


def make(path, inside=0, text="text"):
    with open(path, "w") as file:
        file.write(text)
    os.chown(path, NEUTRAL + inside, NEUTRAL + inside)


@pytest.fixture
def files():
    """In the image's layer: root's, and those of the user 7 of the container."""
    make(f"{LOWER}/etc/roots")
    make(f"{LOWER}/etc/sevens", 7)
    make(f"{LOWER}/etc/secret", 7)
    os.chmod(f"{LOWER}/etc/secret", 0o600)
    os.symlink("/etc/passwd", f"{LOWER}/etc/link")
    os.chown(f"{LOWER}/etc/link", NEUTRAL, NEUTRAL, follow_symlinks=False)
    os.mknod(f"{LOWER}/etc/node", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    os.chown(f"{LOWER}/etc/node", NEUTRAL, NEUTRAL)
    subprocess.run(["cp", "/usr/bin/id", f"{LOWER}/etc/id"], check=True)
    os.chown(f"{LOWER}/etc/id", NEUTRAL, NEUTRAL)
    os.chmod(f"{LOWER}/etc/id", 0o4755)
    yield
    subprocess.run(["sh", "-c", f"rm -rf {LOWER}/etc/* {UPPER}/*"], check=True)


def test_TREE_01_roots_files_are_the_owners(files, tree):
    assert shell(f"cd {PLACE}/etc && stat -c %u:%g roots sevens").split() == [f"{UID}:{GID}", f"{BASE + 7}:{BASE + 7}"]
    assert shell(f"cd {PLACE}/etc && echo new >made && mkdir dir && echo more >>roots && rm id && cat roots made") == "textmore\nnew"
    assert [owner(f"{UPPER}/etc/{name}") for name in ("made", "dir", "roots", ".")] == [(0, 0)] * 4
    # Those of others inside are theirs.
    assert "denied" in shell(f"echo x >>{PLACE}/etc/sevens") and "denied" in shell(f"cat {PLACE}/etc/secret")
    assert shell(f"cat {PLACE}/etc/sevens") == "text" and not os.path.lexists(f"{UPPER}/etc/sevens")
    assert "not permitted" in shell(f"chown {UID} {PLACE}/etc/sevens")
    # In a directory of his he may move them, and they stay what they are.
    assert shell(f"mv {PLACE}/etc/sevens {PLACE}/etc/moved") == "" and owner(f"{UPPER}/etc/moved") == (7, 7)


def test_TREE_02_what_the_container_made_is_harmless(files, tree):
    assert "Too many levels" in shell(f"cat {PLACE}/etc/link") and shell(f"readlink {PLACE}/etc/link") == "/etc/passwd"
    assert "Too many levels" in shell(f"echo x >{PLACE}/etc/link")
    assert "denied" in shell(f"cat {PLACE}/etc/node") and "denied" in shell(f"{PLACE}/etc/id -u")
    with open("/proc/self/mountinfo") as mounts:
        (line,) = (line for line in mounts if PLACE in line)
    assert {"nosuid", "nodev", "noexec", "nosymfollow"} <= set(line.split()[5].split(","))
    # Not even root opens the device, or by the mount that is attached nowhere.
    with pytest.raises(PermissionError):
        os.open("etc/node", os.O_RDONLY, dir_fd=tree[0])
    with pytest.raises(OSError) as caught:
        os.open("etc/link", os.O_RDONLY, dir_fd=tree[0])
    assert caught.value.errno == errno.ELOOP


def test_TREE_03_nobody_else_comes_in(files, tree):
    assert "denied" in shell(f"cat {PLACE}/etc/roots", OTHER, GID) and shell(f"cat {PLACE}/etc/roots") == "text"
    # The owner changes nothing where root mounts.
    for line in (f"mkdir {PLACE}2", f"mv {PLACE} {PLACE}2", f"chmod 777 {PLACE}/..", f"touch {PLACE}/../../x"):
        assert any(word in shell(line) for word in ("denied", "busy", "not permitted")), line


def is_over(inotify, seconds=0):
    return select.select([inotify], [], [], seconds)[0] != []


def test_TREE_04_the_watch_knows_who_has_it(helper, inotify, tree):
    held = os.open(f"{PLACE}/etc", os.O_RDONLY)
    os.close(tree.pop())
    assert answer(helper.call(ask(TREE_CLOSE))) == (0, 0) and not os.path.exists(PLACE)
    assert not is_over(inotify, 0.2)
    os.close(held)
    assert is_over(inotify, 5)
    assert struct.unpack_from("iI", os.read(inotify, 4096))[1] & IN_UNMOUNT
    assert answer(helper.call(ask(TREE_CLOSE))) == (0, 0)


def test_TREE_06_whoever_keeps_it_only_reads_it(files, helper, inotify, tree):
    """A directory that is open, and a mount namespace of another user's, who never got in, but has what was mounted."""
    other = subprocess.Popen(["unshare", "-Urm", "sh", "-c", "echo; read x"], user=OTHER, group=OTHER, extra_groups=[], cwd="/",
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout.readline() == b"\n"
    held = os.open(f"{PLACE}/etc", os.O_RDONLY)
    try:
        with open(f"{PLACE}/etc/roots", "a"):
            assert answer(helper.call(ask(TREE_CLOSE))) == (errno.EBUSY, 31)
            assert "text" in shell(f"echo more >>{PLACE}/etc/roots && cat {PLACE}/etc/roots")
        assert answer(helper.call(ask(TREE_CLOSE))) == (0, 0) and not os.path.exists(PLACE)
        for where in held, tree[0]:
            with pytest.raises(OSError) as caught:
                os.open("new" if where == held else "etc/new", os.O_WRONLY | os.O_CREAT, dir_fd=where)
            assert caught.value.errno == errno.EROFS
        assert os.listdir(held) and not is_over(inotify, 0.2)
    finally:
        os.close(held)
        os.close(tree.pop())
        try:
            # That the place is removed takes it away from the other namespace, too.
            assert is_over(inotify, 5)
        finally:
            other.communicate(b"\n")


def test_TREE_08_of_what_is_deleted(files, helper, tree):
    """Whoever writes into it is in nobody's way."""
    with open(f"{PLACE}/etc/roots", "a") as file:
        assert answer(helper.call(ask(TREE_CLOSE))) == (errno.EBUSY, 31)
        assert answer(helper.call(ask(TREE_DETACH))) == (0, 0) and not os.path.exists(PLACE)
        file.write("more")


def test_TREE_09_read_only_ones_are_not_given(helper, tree):
    """As when who took it away was killed in the middle."""
    subprocess.run(["mount", "-o", "remount,ro", PLACE], check=True)
    assert answer(helper.call(ask(TREE_CLONE))) == (errno.EROFS, STEP_TREE_PLACE)
    assert answer(helper.call(ask(TREE_CLOSE))) == (0, 0)


def test_TREE_07_its_owner_can_not_stop_who_mounts_it(helper, inotify):
    """What is stopped could be let go on when the container runs."""
    os.makedirs("/run/bothy", exist_ok=True)
    stop = subprocess.Popen(["sh", "-c", "while :; do for p in /proc/[0-9]*; do kill -STOP ${p#/proc/} 2>/dev/null; done; done"],
                            user=UID, group=GID, extra_groups=[], start_new_session=True)
    try:
        for _ in range(30):
            reply = helper.call(ask(TREE), [inotify])
            assert answer(reply) == (0, 0)
            os.close(reply.fds[0])
            assert answer(helper.call(ask(TREE_CLOSE))) == (0, 0)
    finally:
        os.killpg(stop.pid, signal.SIGKILL)
        stop.wait()


def test_TREE_05_one_at_a_time(helper, inotify, tree):
    assert answer(helper.call(ask(TREE), [inotify])) == (errno.EBUSY, STEP_TREE_PLACE)
    again = helper.call(ask(TREE_CLONE))
    tree += again.fds
    assert os.path.samestat(os.stat(again.fds[0]), os.stat(PLACE))
    assert answer(helper.call(ask(TREE_CLONE, name="x2"))) == (errno.ENOENT, STEP_TREE_PLACE)


@pytest.mark.parametrize("change, error", [
    ({"owner": 0, "uids": ((NEUTRAL, 0, 1), REST)}, errno.EPERM), ({"gid": 0, "gids": ((NEUTRAL, 0, 1), REST)}, errno.EPERM),
    ({"uids": ((NEUTRAL, OTHER, 1), REST)}, errno.EPERM), ({"uids": ((NEUTRAL, BASE, 1), REST)}, errno.EPERM),
    ({"uids": ((NEUTRAL, UID, 2),)}, errno.EPERM), ({"gids": ((NEUTRAL, UID, 1), REST)}, errno.EPERM), ({"gids": ()}, errno.EINVAL),
    ({"uids": ((NEUTRAL, UID, 1), (NEUTRAL + 1, 0, 1))}, errno.EPERM),
    ({"layers": LAYERS[:1]}, errno.EINVAL), ({"layers": LAYERS[1:]}, errno.EINVAL), ({"layers": ()}, errno.EINVAL),
    ({"layers": (LAYERS[0], LAYERS[0])}, errno.EINVAL),
    *(({"name": name}, errno.EINVAL) for name in ("", ".", "..", "a/b", "../x", "A", "x" * 68)),
])
def test_nonsense_is_refused(helper, inotify, change, error):
    assert answer(helper.call(ask(TREE, **change), [inotify])) == (error, STEP_REQUEST)


def test_nothing_is_left_of_what_failed(helper, inotify):
    missing = (IMAGE, "cd" * 32), LAYERS[1]
    os.makedirs("/run/bothy", exist_ok=True)
    before = os.listdir(f"/proc/{helper.process.pid}/fd")
    assert helper.call(ask(TREE, layers=missing), [inotify]).error == errno.ENOENT
    os.rename(UPPER, UPPER + "2")
    assert answer(helper.call(ask(TREE), [inotify])) == (errno.ENOENT, 29)
    os.rename(UPPER + "2", UPPER)
    assert not os.path.exists("/run/bothy/trees/4321")
    # A worker that has answered is there until it is waited for.
    until(lambda: len(os.listdir(f"/proc/{helper.process.pid}/fd")) <= len(before))
    assert "overlay" not in subprocess.run(["grep", "trees", "/proc/self/mountinfo"], capture_output=True, text=True).stdout

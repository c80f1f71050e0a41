# SPDX-License-Identifier: LGPL-2.1-or-later
"""Users' own directories: opened as the user, cloned with his ids mapped and with flags that stay."""

import ctypes
import errno
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from helping import (BASE, CONTAINER, CONTAINER_ID, FOLDER, FOLDER_MOUNT, IMAGE, IMAGE_ID, MOUNT, NEUTRAL, STEP_FOLDER,
                     STEP_FOLDER_IDMAP, STEP_OPEN, STEP_REQUEST, USERNS, VOLUME, Helper, helper, own_mounts, pytestmark, request)

UID, GID, GROUP = 4321, 4322, 4323
AT_EMPTY_PATH, MOVE_MOUNT_F_EMPTY_PATH = 0x1000, 4
MOVE_MOUNT, MOUNT_SETATTR, OPEN_TREE = 429, 442, 428
libc = ctypes.CDLL(None, use_errno=True)

fixtures = helper, own_mounts, pytestmark


@pytest.fixture
def folder(tmp_path):
    """A user's directory, with a file of his own and one of root's."""
    os.chmod(tmp_path, 0o755)
    for parent in tmp_path.parents[:-2]:
        os.chmod(parent, 0o755)
    path = tmp_path / "folder"
    path.mkdir(mode=0o755)
    (path / "own").write_text("own")
    (path / "roots").write_text("root's")
    os.chown(path, UID, GID)
    os.chown(path / "own", UID, GID)
    return path


def open_as_user(helper, path, groups=(), uid=UID, gid=GID):
    return helper.call(request(FOLDER, owner=uid, gid=gid, path=path, groups=groups))


def idmap(helper, uid=UID, gid=GID, inside=0):
    reply = helper.call(request(USERNS, owner=BASE, extents=[(uid, BASE + inside, 1)], gids=[(gid, BASE + inside, 1)]))
    assert reply.error == 0
    return reply.fds[0]


def mounted(helper, path, read_only=0, **ids):
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    return helper.call(request(FOLDER_MOUNT, path="", read_only=read_only), [idmap(helper, **ids), fd])


def test_the_user_opens_it(helper, folder):
    os.chmod(folder, 0o700)
    reply = open_as_user(helper, folder)
    assert (reply.error, sorted(os.listdir(reply.fds[0]))) == (0, ["own", "roots"])


def test_mnt02_nothing_is_opened_that_the_user_may_not_open(helper, folder):
    """Neither one that is root's, nor one that is his behind one that is root's."""
    os.chown(folder, 0, 0)
    os.chmod(folder, 0o700)
    (folder / "below").mkdir()
    os.chown(folder / "below", UID, GID)
    for path in folder, folder / "below":
        reply = open_as_user(helper, path)
        assert (reply.error, reply.step, reply.fds) == (errno.EACCES, STEP_FOLDER, [])


def test_groups_count_that_are_the_users(helper, folder):
    os.chown(folder, 0, GROUP)
    os.chmod(folder, 0o750)
    assert open_as_user(helper, folder).error == errno.EACCES
    assert open_as_user(helper, folder, groups=[GROUP]).error == 0


def test_mnt02_root_itself_is_an_ordinary_user(helper, folder):
    os.chmod(folder, 0o700)
    assert open_as_user(helper, folder, uid=0, gid=0).error == errno.EACCES


@pytest.mark.parametrize("path, error", [("/proc/self/fd/0", errno.ELOOP), ("/proc/self/cwd", errno.ELOOP),
                                         ("/nonexistent", errno.ENOENT), ("/etc/passwd", errno.ENOTDIR)])
def test_mnt03_what_can_not_be_opened(helper, path, error):
    reply = open_as_user(helper, path)
    assert (reply.error, reply.step) == (error, STEP_FOLDER)


@pytest.mark.parametrize("change", [{"path": "relative"}, {"path": ""}, {"path": "/x" * 2048}, {"n_groups": 257},
                                    {"owner": 2 ** 32 - 1}, {"gid": 2 ** 32 - 1}])
def test_nonsense_is_refused(helper, change):
    reply = helper.call(request(FOLDER, **{"owner": UID, "gid": GID, "path": "/tmp", **change}))
    assert (reply.error, reply.step) == (errno.EINVAL, STEP_REQUEST)


def in_container(mount, script):
    """Runs SCRIPT as root of a container which has MOUNT at /tmp and owns the mount namespace, and as who is outside."""
    helper_side = f"""
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
def change(cleared, path=b"/tmp"):
    data = (ctypes.c_uint64 * 4)(0, cleared, 0, 0)
    return ctypes.get_errno() if libc.syscall({MOUNT_SETATTR}, -100, path, 0, data, 32) < 0 else 0
check(libc.setns(int(sys.argv[1]), 0x10000000))
os.setgroups([]); os.setresgid(0, 0, 0); os.setresuid(0, 0, 0)
check(libc.unshare(0x20000))
check(libc.syscall({MOVE_MOUNT}, {mount}, b"", -100, b"/tmp", {MOVE_MOUNT_F_EMPTY_PATH}))
os.chdir("/tmp")
"""
    container = Helper()
    userns = container.userns([(0, BASE, 65536)])
    done = subprocess.run([sys.executable, "-c", helper_side + script, str(userns)], pass_fds=[userns, mount],
                          capture_output=True, text=True)
    container.close()
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_mnt01_the_users_files_are_the_containers_and_no_others(helper, folder):
    reply = mounted(helper, folder)
    assert (reply.error, reply.step) == (0, 0)
    out = in_container(reply.fds[0], """
print(os.stat("own").st_uid, os.stat("own").st_gid, os.stat("roots").st_uid, os.stat("roots").st_gid)
open("made", "w").write("x")
open("own", "a").write("x")
for name in "roots",:
    for act in lambda: open(name, "a"), lambda: os.chmod(name, 0o777), lambda: os.chown(name, 0, 0):
        try:
            act()
            print("done")
        except OSError as e:
            print(e.errno)
os.chmod("made", 0o4755)
try:
    os.chown("made", 1, 1)
except OSError as e:
    print("chown", e.errno)
""").split("\n")
    assert out[0] == "0 0 65534 65534"
    assert out[1:4] == [str(errno.EACCES), str(errno.EOVERFLOW), str(errno.EPERM)]
    assert out[4] == f"chown {errno.EINVAL}" or out[4] == f"chown {errno.EOVERFLOW}"
    made = os.stat(folder / "made")
    assert (made.st_uid, made.st_gid) == (UID, GID)
    assert (folder / "roots").read_text() == "root's" and os.stat(folder / "roots").st_uid == 0


def test_an_inside_user_may_be_another(helper, folder):
    reply = mounted(helper, folder, inside=1000)
    out = in_container(reply.fds[0], 'print(os.stat("own").st_uid)\ntry:\n  open("made", "w")\nexcept OSError as e:\n  print(e.errno)\n'
                       'os.setresgid(1000, 1000, 1000); os.setresuid(1000, 1000, 1000); open("made2", "w")')
    assert out.split()[0] == "1000"
    assert not (folder / "made").exists() and os.stat(folder / "made2").st_uid == UID


def test_mnt04_flags_stay_that_the_containers_root_would_take_off(helper, folder):
    reply = mounted(helper, folder, read_only=1)
    out = in_container(reply.fds[0], """
try:
    open("made", "w")
except OSError as e:
    print(e.errno)
for flag in 1, 2, 4: # read-only, nosuid, nodev
    print(change(flag))
try:
    open("made", "w")
except OSError as e:
    print(e.errno)
# Not in a copy either.
check(libc.mount(b"/tmp", b"/mnt", None, 4096, None))
print(change(1, b"/mnt"))
""")
    assert out.split() == [str(errno.EROFS)] + [str(errno.EPERM)] * 3 + [str(errno.EROFS), str(errno.EPERM)]


@pytest.mark.parametrize("uid,gid", [(0, GID), (UID, 0), (0, 0)])
@pytest.mark.parametrize("read_only", [0, 1])
def test_mnt05_roots_ids_are_not_mapped(helper, folder, uid, gid, read_only):
    reply = mounted(helper, folder, uid=uid, gid=gid, read_only=read_only)
    assert (reply.error, reply.step, reply.fds) == (errno.EPERM, STEP_REQUEST, [])


@pytest.mark.parametrize("extents", [[(UID, BASE, 2)], [(UID, BASE, 1), (UID + 1, BASE + 1, 1)], [(0, BASE, 65536)]])
def test_mnt01_no_more_than_one_id_is_mapped(helper, folder, extents):
    userns = helper.userns(extents)
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    reply = helper.call(request(FOLDER_MOUNT, path=""), [userns, fd])
    assert (reply.error, reply.step, reply.fds) == (errno.EPERM, STEP_REQUEST, [])


def test_a_file_is_no_directory(helper, folder):
    fd = os.open(folder / "own", os.O_RDONLY)
    reply = helper.call(request(FOLDER_MOUNT, path=""), [idmap(helper), fd])
    assert (reply.error, reply.step) == (errno.ENOTDIR, STEP_REQUEST)


def test_a_file_system_that_can_not_is_named(helper):
    reply = mounted(helper, "/proc/sys")
    assert (reply.error, reply.step, reply.filesystem) == (errno.EINVAL, STEP_FOLDER_IDMAP, "proc")


def test_a_mount_that_is_idmapped_already_is_told(helper, folder, tmp_path):
    first = mounted(helper, folder)
    assert first.error == 0
    os.makedirs(tmp_path / "seen")
    assert libc.syscall(MOVE_MOUNT, first.fds[0], b"", -100, os.fsencode(tmp_path / "seen"), MOVE_MOUNT_F_EMPTY_PATH) == 0
    try:
        reply = mounted(helper, tmp_path / "seen")
        assert (reply.error, reply.step, reply.fds) == (errno.EEXIST, STEP_FOLDER_IDMAP, [])
    finally:
        subprocess.run(["umount", "-l", tmp_path / "seen"], check=True)


def test_what_is_mounted_in_it_stays_outside(helper, folder):
    (folder / "sub").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder / "sub"], check=True)
    try:
        (folder / "sub" / "hidden").write_text("x")
        reply = mounted(helper, folder)
        assert in_container(reply.fds[0], 'print(os.listdir("sub"))').strip() == "[]"
    finally:
        subprocess.run(["umount", folder / "sub"], check=True)


def test_nothing_is_left_mounted(helper, folder):
    before = open("/proc/self/mountinfo").read()
    for _ in range(5):
        for fd in mounted(helper, folder).fds:
            os.close(fd)
    assert open("/proc/self/mountinfo").read() == before


# ---- volumes ----

VOLUME_WRITABLE, VOLUME_READ_ONLY = 7, 8
VOLUME_ID = "01234567-89ab-cdef-0123-456789abcdef"


@pytest.fixture
def volume(helper):
    data = pathlib.Path("/var/lib/bothy/volumes") / VOLUME_ID / "data"
    data.mkdir(parents=True, exist_ok=True)
    os.chmod(data.parent, 0o700)
    (data / "file").write_text("kept")
    for path in data, data / "file":
        os.chown(path, NEUTRAL, NEUTRAL)
    yield data
    shutil.rmtree(data.parent)


def volume_mounted(helper, kind=VOLUME_WRITABLE, name=VOLUME_ID):
    return helper.call(request(VOLUME, layers=[(kind, name)]), [helper.userns([(NEUTRAL, BASE, 65536)])])


def test_VOL_04_flags_of_a_volume_stay(helper, volume):
    for kind, flags in (VOLUME_WRITABLE, (2, 4)), (VOLUME_READ_ONLY, (1, 2, 4)):
        reply = volume_mounted(helper, kind)
        assert (reply.error, reply.step, len(reply.fds)) == (0, 0, 1)
        out = in_container(reply.fds[0], f"""
print(os.stat("file").st_uid)
for flag in {flags}:
    print(change(flag))
try:
    open("made", "w")
    print("made")
except OSError as e:
    print(e.errno)
""").split()
        assert out == ["0"] + [str(errno.EPERM)] * len(flags) + [str(errno.EROFS) if kind == VOLUME_READ_ONLY else "made"]
    assert os.stat(volume / "made").st_uid == NEUTRAL


def test_VOL_04_nothing_else_is_a_volume(helper, volume):
    """Neither by its kind nor by its name, and a volume is nothing else."""
    for kind, name in (IMAGE, IMAGE_ID), (CONTAINER, CONTAINER_ID), (6, VOLUME_ID), (9, VOLUME_ID), (7, "../containers"), (7, ""):
        reply = volume_mounted(helper, kind, name)
        assert (reply.error, reply.step, reply.fds) == (errno.EINVAL, STEP_REQUEST, [])
    userns = helper.userns([(NEUTRAL, BASE, 65536)])
    for op, layers in (MOUNT, [(7, VOLUME_ID)]), (VOLUME, []), (VOLUME, [(7, VOLUME_ID)] * 2):
        reply = helper.call(request(op, layers=layers), [userns])
        assert (reply.error, reply.step, reply.fds) == (errno.EINVAL, STEP_REQUEST, [])
    (volume / "file").unlink()
    volume.rmdir()
    volume.symlink_to("/etc")
    reply = volume_mounted(helper)
    assert (reply.error, reply.step, reply.fds) == (errno.ELOOP, STEP_OPEN, [])
    volume.unlink()

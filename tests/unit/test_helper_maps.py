# SPDX-License-Identifier: LGPL-2.1-or-later
"""bothy-helper: user namespaces, and what is mapped in them (THREATS, MAP)."""

import errno
import fcntl
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from helping import (  # noqa: F401
    BASE, HAND, MAP, NETNS, NEUTRAL, NS_GET_USERNS, STEP_FORK, STEP_JOIN, STEP_MAP, STEP_PARTIAL, STEP_REQUEST, USERNS, Helper,
    children, helper, id_map, own_mounts, owner_of, pytestmark, request, until, users_namespace,
)


def test_userns_maps_and_belongs_to_owner(helper):
    extents = [(0, BASE, 65536), (NEUTRAL, NEUTRAL, 65536)]
    fd = helper.userns(extents)
    assert id_map(fd, "uid_map") == extents
    assert id_map(fd, "gid_map") == extents
    assert owner_of(fd) == BASE


def test_userns_of_root_for_an_idmap(helper):
    fd = helper.userns([(NEUTRAL, BASE, 65536)], owner=0)
    assert id_map(fd, "uid_map") == [(NEUTRAL, BASE, 65536)]
    assert owner_of(fd) == 0


@pytest.mark.parametrize(
    "extents, error",
    [
        ([], errno.EINVAL),
        ([(0, BASE, 0)], errno.EINVAL),
        ([(0, BASE, 2**32 - 1)], errno.EPERM),
        ([(1, BASE, 2**32 - 1)], errno.EINVAL),
        ([(0, 0, 1)], errno.EPERM),
        ([(0, 65535, 1)], errno.EPERM),
        ([(0, 1000, 65536)], errno.EPERM),
        ([(0, 2**32 - 1, 1)], errno.EPERM),
        ([(0, 2**32 - 2, 2)], errno.EPERM),
        ([(2**32 - 1, BASE, 1)], errno.EINVAL),
        ([(2**32 - 2, BASE, 2)], errno.EINVAL),
        ([(0, BASE, 10), (9, BASE + 100, 10)], errno.EINVAL),
        ([(0, BASE, 10), (100, BASE + 9, 10)], errno.EINVAL),
        ([(0, BASE, 10), (0, BASE, 10)], errno.EINVAL),
    ],
)
def test_MAP_04_bad_extents_are_refused(helper, extents, error):
    reply = helper.call(request(USERNS, owner=BASE, extents=extents))
    assert (reply.error, reply.step, reply.fds) == (error, STEP_REQUEST, [])
    assert children(helper.process.pid) == []


@pytest.mark.parametrize("extents", [[(0, 65536, 1)], [(2**32 - 2, 2**32 - 2, 1)], [(i * 10, BASE + i, 1) for i in range(5)]])
def test_MAP_04_extents_at_the_edge_are_accepted(helper, extents):
    assert sorted(id_map(helper.userns(extents), "uid_map")) == sorted(extents)


def test_MAP_04_six_extents_are_refused(helper):
    reply = helper.call(request(USERNS, owner=BASE, extents=[(i, BASE + i, 1) for i in range(5)], n_extents=6))
    assert (reply.error, reply.step) == (errno.EINVAL, STEP_REQUEST)


def test_map_an_existing_namespace_once(helper, users_namespace):
    fd, _ = users_namespace
    extents = [(0, BASE, 65536)]
    reply = helper.call(request(MAP, owner=4321, extents=extents), [fd])
    assert (reply.error, reply.step, reply.fds) == (0, 0, [])
    assert id_map(fd, "uid_map") == id_map(fd, "gid_map") == extents
    reply = helper.call(request(MAP, owner=4321, extents=[(0, BASE + 65536, 65536)]), [fd])  # MAP-02
    assert (reply.error, reply.step) == (errno.EPERM, STEP_MAP)
    assert id_map(fd, "uid_map") == id_map(fd, "gid_map") == extents


def test_MAP_01_only_the_owners_own_child(helper, users_namespace):
    fd, nested = users_namespace

    def refused(fd, owner):
        reply = helper.call(request(MAP, owner=owner, extents=[(0, BASE, 65536)]), [fd])
        assert reply.step == STEP_JOIN
        return reply.error

    assert refused(fd, 4322) == refused(fd, 0) == errno.EPERM
    with open("/proc/self/ns/user") as host, open("/dev/null") as null:
        assert refused(host.fileno(), 0) == errno.EPERM
        assert refused(null.fileno(), 4321) == errno.EINVAL
    assert id_map(fd, "uid_map") == []
    assert helper.call(request(MAP, owner=4321, extents=[(0, BASE, 65536)]), [fd]).error == 0
    inner = nested()
    assert os.fstat(inner).st_ino != os.fstat(fd).st_ino
    for owner in (4321, BASE):
        assert refused(inner, owner) == errno.EPERM
    assert id_map(inner, "uid_map") == []


def kept(own=4321):
    return [(0, BASE, 1000), (1000, own, 1)]


def setgroups_of(fd):
    script = f"import ctypes,sys; ctypes.CDLL(None).setns({fd}, 0x10000000) and sys.exit(9); print(open('/proc/self/setgroups').read())"
    return subprocess.run([sys.executable, "-c", script], pass_fds=[fd], capture_output=True, text=True, check=True).stdout.strip()


def test_map_uids_and_gids_apart(helper, users_namespace):
    fd, _ = users_namespace
    gids = [(0, BASE + 65536, 10), (10, BASE, 5)]
    assert helper.call(request(MAP, owner=4321, extents=HAND, gids=gids), [fd]).error == 0
    assert (id_map(fd, "uid_map"), id_map(fd, "gid_map"), setgroups_of(fd)) == (HAND, gids, "allow")


def test_netns_belongs_to_the_user_namespace(helper):
    extents = [(0, BASE, 65536)]
    reply = helper.call(request(NETNS, owner=BASE, extents=extents))
    assert (reply.error, len(reply.fds)) == (0, 2)
    userns, netns = reply.fds
    owner = fcntl.ioctl(netns, NS_GET_USERNS)
    assert os.fstat(owner).st_ino == os.fstat(userns).st_ino
    assert os.fstat(netns).st_ino != os.stat("/proc/self/ns/net").st_ino
    assert (id_map(userns, "uid_map"), id_map(userns, "gid_map")) == (extents, extents)
    for fd in (owner, *reply.fds):
        os.close(fd)


def test_netns_takes_no_namespace(helper):
    with open("/proc/self/ns/user", "rb") as file:
        assert helper.call(request(NETNS, owner=BASE, extents=[(0, BASE, 65536)]), [file.fileno()]).step == STEP_REQUEST
    assert helper.call(request(NETNS)).step == STEP_REQUEST


def test_MAP_07_keep_id_denies_setgroups(helper, users_namespace):
    fd, _ = users_namespace
    gids = kept(own=1234)
    # Without the denial, with another id than his own, with more than one of it, or as root: nothing.
    for refused in (
        dict(owner=4321, extents=kept(), gids=HAND),
        dict(owner=4321, extents=HAND, gids=gids, gid=1234),
        dict(owner=4321, extents=kept(4322), gids=HAND, deny=1),
        dict(owner=4321, extents=HAND, gids=gids, gid=4321, deny=1),
        dict(owner=4321, extents=[(0, 4321, 2)], gids=HAND, deny=1),
        dict(owner=0, extents=kept(0), gids=HAND, deny=1),
        dict(owner=4321, extents=HAND, gids=kept(0), gid=0, deny=1),
    ):
        reply = helper.call(request(MAP, **refused), [fd])
        assert (reply.error, reply.step) == (errno.EPERM, STEP_REQUEST), refused
    assert id_map(fd, "uid_map") == []
    assert helper.call(request(MAP, owner=4321, gid=1234, extents=kept(), gids=gids, deny=1), [fd]).error == 0
    assert (id_map(fd, "uid_map"), id_map(fd, "gid_map"), setgroups_of(fd)) == (kept(), gids, "deny")


def test_MAP_02_what_is_mapped_stays_as_it_is(helper, users_namespace):
    """His own single id is mapped already: neither gid_map nor setgroups change."""
    fd, _ = users_namespace
    code = f"import ctypes, os; assert ctypes.CDLL(None).setns({fd}, 0x10000000) == 0; ctypes.CDLL(None).prctl(4, 1); open('/proc/self/uid_map', 'w').write('0 4321 1')"
    subprocess.run([sys.executable, "-c", code], user=4321, group=4321, extra_groups=[], pass_fds=[fd], check=True)
    reply = helper.call(request(MAP, owner=4321, extents=HAND, gids=HAND, deny=1), [fd])
    assert (reply.error, reply.step) == (errno.EPERM, STEP_PARTIAL)
    assert (id_map(fd, "uid_map"), id_map(fd, "gid_map"), setgroups_of(fd)) == ([(0, 4321, 1)], [], "allow")


@pytest.mark.once
@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.parametrize("deny", [0, 1])
def test_map_that_stops_in_the_middle_says_so(users_namespace, deny):
    """Not that it was mapped before: it was not."""
    fd, _ = users_namespace
    h = Helper(["strace", "-f", "-o", "/dev/null", "-e", "inject=write:error=EPERM:when=2"])
    reply = h.call(request(MAP, owner=4321, extents=HAND, gids=HAND, deny=deny), [fd])
    assert (reply.error, reply.step) == (errno.EPERM, STEP_PARTIAL)
    h.close()
    assert (id_map(fd, "uid_map"), id_map(fd, "gid_map")) == (HAND, [])


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.parametrize("deny", [0, 1])
def test_MAP_03_killed_between_the_two_maps(helper, users_namespace, deny):
    """What got half a map stays as it is: nobody completes it, and its owner can only let it go."""
    fd, _ = users_namespace
    # The worker's second write is that of gid_map, or of setgroups before it; the child writes once.
    h = Helper(["strace", "-f", "-o", "/dev/null", "-e", "inject=write:signal=SIGKILL:when=2"])
    reply = h.call(request(MAP, owner=4321, extents=HAND, gids=HAND, deny=deny), [fd])
    assert (reply.error, reply.step) == (errno.EIO, STEP_FORK)
    h.close()
    assert (id_map(fd, "uid_map"), id_map(fd, "gid_map")) == (HAND, [])
    for extents in (HAND, [(0, BASE + 65536, 65536)]):
        reply = helper.call(request(MAP, owner=4321, extents=extents, gids=extents), [fd])
        assert (reply.error, reply.step) == (errno.EPERM, STEP_PARTIAL)
    assert (id_map(fd, "uid_map"), id_map(fd, "gid_map"), setgroups_of(fd)) == (HAND, [], "allow")


def test_MAP_05_by_pidfd(helper):
    """The namespace of a process of the owner's; of nobody else's, and not after its end."""
    def spawn(code, uid):
        p = subprocess.Popen([sys.executable, "-c", "import ctypes, sys\n" + code + "\nprint(1, flush=True); sys.stdin.read()"],
                             user=uid, group=uid, extra_groups=[], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert p.stdout.readline()
        return p, os.pidfd_open(p.pid)

    inside = "assert ctypes.CDLL(None).unshare(0x10000000) == 0"
    theirs, pidfd = spawn(inside, 4321)
    plain, plain_fd = spawn("", 4321)
    roots, roots_fd = spawn(inside, 0)

    def refused(fd, owner=4321):
        reply = helper.call(request(MAP, owner=owner, extents=HAND), [fd])
        assert reply.step == STEP_JOIN
        return reply.error

    assert refused(pidfd, 4322) == refused(roots_fd) == errno.EPERM
    assert refused(plain_fd) == errno.EINVAL  # it is in the host's
    directory = os.open(f"/proc/{theirs.pid}", os.O_RDONLY)
    assert refused(directory) == errno.EINVAL
    os.close(directory)
    assert helper.call(request(MAP, owner=4321, extents=HAND), [pidfd]).error == 0
    with open(f"/proc/{theirs.pid}/uid_map") as uids, open(f"/proc/{theirs.pid}/gid_map") as gids, open(f"/proc/{roots.pid}/uid_map") as root:
        assert [f.read().split() for f in (uids, gids, root)] == [["0", str(BASE), "65536"]] * 2 + [[]]
    for p, fd in ((theirs, pidfd), (plain, plain_fd), (roots, roots_fd)):
        p.communicate(b"")
        assert refused(fd) == errno.ESRCH
        os.close(fd)


INTO_NAMESPACE = "assert ctypes.CDLL(None).unshare(0x10000000) == 0; ctypes.CDLL(None).prctl(4, 1)"
MEANWHILE = {
    "exits": (INTO_NAMESPACE, "pass"),
    "becomes a program of root's": (INTO_NAMESPACE, "os.execv('/run/root-sleep', ['sleep', '20'])"),
    "becomes a program of root's outside": ("", "os.execv('/run/root-sleep', ['sleep', '20'])"),
    "makes a namespace": ("", INTO_NAMESPACE + "; print(flush=True); sys.stdin.read()"),
}


# What becomes of it: when it changes before it is joined, and when it does before its map is written.
OUTCOMES = {
    ("exits", "setns"): (errno.ESRCH, STEP_JOIN),
    ("exits", "write"): (0, 0),
    ("becomes a program of root's", "setns"): (0, 0),
    ("becomes a program of root's", "write"): (0, 0),
    ("becomes a program of root's outside", "setns"): (errno.EPERM, STEP_JOIN),
    ("becomes a program of root's outside", "write"): (errno.EINVAL, STEP_JOIN),
    ("makes a namespace", "setns"): (0, 0),
    ("makes a namespace", "write"): (errno.EINVAL, STEP_JOIN),
}
NUMBERS = {("x86_64", "setns"): 308, ("x86_64", "write"): 1, ("aarch64", "setns"): 268, ("aarch64", "write"): 64}


def held_at(pid, number):
    """Whether a process below PID is held where it is to make system call NUMBER."""
    for child in children(pid):
        try:
            with open(f"/proc/{child}/syscall", encoding="ascii") as file:
                if file.read().split()[0] == str(number):
                    return True
        except (FileNotFoundError, ProcessLookupError):
            continue
        if held_at(child, number):
            return True
    return False


def has_changed(process, what):
    """Waits until PROCESS has done what it was told to."""
    if what == "exits":
        assert process.wait(20) == 0
    elif what == "makes a namespace":
        assert process.stdout.readline()
    else:
        until(lambda: os.readlink(f"/proc/{process.pid}/exe").endswith("root-sleep"))


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.parametrize("call", ["setns", "write"])
@pytest.mark.parametrize("what", sorted(MEANWHILE))
def test_MAP_05_process_changes_between_call_and_write(what, call):
    """Before it is joined, or before its map is written: the map is that of a namespace of his, or nobody's."""
    before, then = MEANWHILE[what]
    pathlib.Path("/run/root-sleep").unlink(missing_ok=True)
    shutil.copy("/bin/sleep", "/run/root-sleep")
    os.chmod("/run/root-sleep", 0o4755)
    code = f"import ctypes, os, sys\n{before}\nprint(1, flush=True); sys.stdin.readline()\n{then}"
    process = subprocess.Popen([sys.executable, "-c", code], user=4321, group=4321, extra_groups=[], text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline()
    pidfd, own = os.pidfd_open(process.pid), os.open(f"/proc/{process.pid}/ns/user", os.O_RDONLY)
    # Held at its first, by a delay that is longer than the change takes, and shorter than the helper's patience.
    h = Helper(["strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:delay_enter=1500000:when=1"])
    h.send(request(MAP, owner=4321, extents=HAND), [pidfd])
    until(lambda: held_at(h.process.pid, NUMBERS[os.uname().machine, call]))
    process.stdin.write("go\n")
    process.stdin.flush()
    has_changed(process, what)
    assert held_at(h.process.pid, NUMBERS[os.uname().machine, call]), "the change came too late"
    reply = h.receive()
    assert (reply.error, reply.step) == OUTCOMES[what, call]
    host = os.stat("/proc/self/ns/user").st_ino
    if os.fstat(own).st_ino != host:
        assert id_map(own, "uid_map") == id_map(own, "gid_map") == ([] if reply.error else HAND)
    elif "root" in what:
        assert reply.error != 0
    with open("/proc/self/uid_map") as file:
        assert len(file.read().split()) == 3  # the host's own is as it was
    process.kill()
    process.communicate()
    h.close()
    for fd in pidfd, own:
        os.close(fd)

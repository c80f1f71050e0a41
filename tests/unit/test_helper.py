# SPDX-License-Identifier: LGPL-2.1-or-later
"""bothy-helper, driven as bothyd drives it. Needs root; touches only namespaces and a tmpfs of its own.

BOTHY_LIBEXEC_DIR: the installed directory of bothy-helper (and of the programs it starts).
"""

import array
import ctypes
import errno
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import time

import pytest

LIBEXEC = os.environ.get("BOTHY_LIBEXEC_DIR", "")
HELPER = os.path.join(LIBEXEC, "bothy-helper")

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not os.access(HELPER, os.X_OK), reason="needs root and BOTHY_LIBEXEC_DIR"
)

USERNS, MOUNT, SPAWN, OWN, MAP, HOLD, NIC, NETNS, CLEAR = 1, 2, 3, 4, 5, 6, 7, 8, 9
IMAGE, CONTAINER = 1, 2
SUPERVISOR, UNPACK = 1, 2
STEP_REQUEST, STEP_FORK, STEP_USERNS, STEP_MAP, STEP_OPEN, STEP_IDMAP, STEP_OWN, STEP_DEADLINE, STEP_JOIN, STEP_NIC, STEP_GROUP = 1, 2, 4, 5, 6, 8, 9, 10, 11, 12, 13
NEUTRAL = 2147352576
BASE = 1073741824
IMAGE_ID = "ab" * 32
CONTAINER_ID = "00000000-1111-2222-3333-444444444444"
LAYER = struct.Struct("=I68s")
REPLY = struct.Struct("=IIiIiI")
CLONE_NEWNS = 0x20000
NS_GET_USERNS = 0xB701
libc = ctypes.CDLL(None, use_errno=True)


def packed(extents, n_extents=None):
    data = struct.pack("=I", len(extents) if n_extents is None else n_extents)
    for i in range(5):
        data += struct.pack("=III", *(extents[i] if i < len(extents) else (0, 0, 0)))
    return data


def request(op, serial=7, owner=0, extents=(), program=0, layers=(), version=5, n_extents=None, n_layers=None,
            gid=None, gids=(), deny=0, into_group=0, nic=()):
    data = struct.pack("=IIII", version, serial, op, owner) + packed(extents, n_extents)
    data += struct.pack("=I", owner if gid is None else gid) + packed(gids) + struct.pack("=I", deny)
    data += struct.pack("=III", program, into_group, len(layers) if n_layers is None else n_layers)
    for i in range(64):
        kind, name = layers[i] if i < len(layers) else (0, "")
        data += LAYER.pack(kind, name.encode())
    return data + struct.pack("=16s64s64s64s64s", *(text.encode() for text in (*nic, "", "", "", "", "")[:5]))


class Reply:
    def __init__(self, data, fds):
        self.version, self.serial, self.error, self.step, self.pid, self.layer = REPLY.unpack(data)
        self.fds = fds


class Helper:
    """One helper and its connection."""

    def __init__(self, prefix=()):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = subprocess.Popen(
                [*prefix, HELPER, "--connection", str(theirs.fileno())], pass_fds=[theirs.fileno()]
            )
        self.socket = ours
        self.socket.settimeout(20)

    def send(self, data, fds=()):
        socket.send_fds(self.socket, [data], list(fds))

    def receive(self):
        data, ancillary, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(4 * 80), socket.MSG_CMSG_CLOEXEC)
        fds = array.array("i")
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(payload)
        return Reply(data, list(fds))

    def call(self, data, fds=()):
        self.send(data, fds)
        return self.receive()

    def userns(self, extents, owner=BASE):
        reply = self.call(request(USERNS, owner=owner, extents=extents))
        assert (reply.error, reply.step) == (0, 0)
        return reply.fds[0]

    def close(self):
        self.socket.close()
        assert self.process.wait(10) == 0


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(child) for child in f.read().split()]
    except FileNotFoundError:
        return []


def gone(pid):
    """Whether a process ends within a second; one that nobody waits for counts."""
    for _ in range(50):
        if not os.path.exists(f"/proc/{pid}") or status(pid).get("State", "Z").startswith("Z"):
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def helper():
    h = Helper()
    yield h
    h.close()


@pytest.fixture(scope="module", autouse=True)
def own_mounts():
    """A mount namespace for this process and the helpers it starts, with a /var/lib/bothy of its own."""
    assert libc.unshare(CLONE_NEWNS) == 0
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    # Not tmpfs alone: the directory to mount on may be missing on the machine, so a fresh /var/lib.
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/var/lib"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    os.makedirs(f"/var/lib/bothy/layers/{IMAGE_ID}/root/etc")
    os.makedirs(f"/var/lib/bothy/containers/{CONTAINER_ID}/data/upper")
    os.chmod("/var/lib/bothy", 0o700)
    for top in (f"layers/{IMAGE_ID}/root", f"containers/{CONTAINER_ID}/data"):
        for path, _, _ in os.walk(f"/var/lib/bothy/{top}"):
            os.chown(path, NEUTRAL, NEUTRAL)
    yield


def id_map(fd, name):
    """What a process that joined the namespace reads of its map."""
    script = f"import ctypes,sys; ctypes.CDLL(None).setns({fd}, 0x10000000) and sys.exit(9); print(open('/proc/self/{name}').read())"
    out = subprocess.run([sys.executable, "-c", script], pass_fds=[fd], capture_output=True, text=True, check=True)
    return [tuple(map(int, line.split())) for line in out.stdout.splitlines() if line]


def owner_of(fd):
    import fcntl

    buffer = array.array("I", [0])
    fcntl.ioctl(fd, 0xB704, buffer)  # NS_GET_OWNER_UID
    return buffer[0]


def status(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def fd_count(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


# ---- user namespaces


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


def strace_helper(tmp_path, data):
    """Runs one request under strace and returns the calls by process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    log = str(tmp_path / "trace")
    with theirs:
        process = subprocess.Popen(
            ["strace", "-f", "-ff", "-o", log, "-yy", HELPER, "--connection", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
        )
    with ours:
        ours.settimeout(20)
        ours.send(data)
        reply = ours.recv(4096)
    process.wait(20)
    assert REPLY.unpack(reply)[2] == 0
    return {name: (tmp_path / name).read_text().splitlines() for name in os.listdir(tmp_path)}


@pytest.fixture
def users_namespace():
    """A user namespace that uid 4321 made; once that is mapped, NESTED() makes one inside it."""
    code = (
        "import ctypes, os, sys; c = ctypes.CDLL(None)\n"
        "assert c.unshare(0x10000000) == 0; c.prctl(4, 1); print(os.getpid(), flush=True)\n"
        "if sys.stdin.readline():\n"
        "  c.setresgid(0, 0, 0); c.setresuid(0, 0, 0); assert c.unshare(0x10000000) == 0; c.prctl(4, 1); print(os.getpid(), flush=True)\n"
        "sys.stdin.read()\n"
    )
    p = subprocess.Popen([sys.executable, "-c", code], user=4321, group=4321, extra_groups=[], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    fds = []

    def opened():
        fds.append(os.open(f"/proc/{int(p.stdout.readline())}/ns/user", os.O_RDONLY))
        return fds[-1]

    def nested():
        p.stdin.write("go\n")
        p.stdin.flush()
        return opened()

    yield opened(), nested
    p.stdin.close()
    p.wait()
    p.stdout.close()
    for fd in fds:
        os.close(fd)


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


HAND = [(0, BASE, 65536)]


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
    assert (reply.error, reply.step) == (errno.EPERM, STEP_MAP)
    assert (id_map(fd, "uid_map"), id_map(fd, "gid_map"), setgroups_of(fd)) == ([(0, 4321, 1)], [], "allow")


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
        assert (reply.error, reply.step) == (errno.EPERM, STEP_MAP)
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


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.parametrize("call", ["setns", "write"])
@pytest.mark.parametrize("what", sorted(MEANWHILE))
def test_MAP_05_process_changes_between_call_and_write(what, call):
    """Before it is joined, or before its map is written: the map is that of a namespace of his, or nobody's."""
    before, then = MEANWHILE[what]
    shutil.copy("/bin/sleep", "/run/root-sleep")
    os.chmod("/run/root-sleep", 0o4755)
    code = f"import ctypes, os, sys\n{before}\nprint(1, flush=True); sys.stdin.readline()\n{then}"
    process = subprocess.Popen([sys.executable, "-c", code], user=4321, group=4321, extra_groups=[], text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline()
    pidfd, own = os.pidfd_open(process.pid), os.open(f"/proc/{process.pid}/ns/user", os.O_RDONLY)
    h = Helper(["strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:delay_enter=500000"])
    h.send(request(MAP, owner=4321, extents=HAND), [pidfd])
    time.sleep(0.1)
    process.stdin.write("go\n")
    process.stdin.flush()
    reply = h.receive()
    assert reply.error in (0, errno.ESRCH, errno.EPERM, errno.EINVAL, errno.EACCES), reply.error
    assert reply.error == 0 or reply.step in (STEP_JOIN, STEP_MAP)
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


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_MAP_11_child_has_the_owners_group(tmp_path, users_namespace):
    """Its owner may trace it: so it has his gid, not one that has the number of his uid."""
    fd, _ = users_namespace
    h = Helper(["strace", "-f", "-o", str(tmp_path / "trace"), "-e", "trace=setresgid,setresuid,setns"])
    assert h.call(request(MAP, owner=4321, gid=1234, extents=HAND), [fd]).error == 0
    h.close()
    lines = (tmp_path / "trace").read_text().splitlines()
    child = next(line.split()[0] for line in lines if "setns(" in line)
    calls = [line.split(None, 1)[1].partition(" = ") for line in lines if line.split()[0] == child]
    assert [(call.strip(), result) for call, _, result in calls[:3]] == [
        ("setresgid(1234, 1234, 1234)", "0"), ("setresuid(4321, 4321, 4321)", "0"), ("setns(1, CLONE_NEWUSER)", "0")]


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_MAP_09_worker_reduces_itself_before_the_write(tmp_path):
    traces = strace_helper(tmp_path, request(USERNS, owner=BASE, extents=[(0, BASE, 65536)]))
    worker = next(t for t in traces.values() if any("uid_map" in line for line in t))
    text = "\n".join(worker)
    opened = text.index("uid_map")
    for call in (f"setresgid(-1, {BASE}, -1)", f"setresuid(-1, {BASE}, -1)", "effective=1<<CAP_SETGID|1<<CAP_SETUID, permitted=1<<CAP_SETGID|1<<CAP_SETUID, inheritable=0"):
        assert 0 <= text.find(call) < opened, call
    assert sum('"0 %d 65536\\n"' % BASE in line for line in worker) == 2


@pytest.fixture
def stopped_pair():
    """A helper whose worker and its child both stop at their first write(2): the child in the new namespace, the worker at uid_map."""
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    h = Helper(["strace", "-f", "-o", "/dev/null", "-e", "inject=write:signal=SIGSTOP:when=1"])
    h.send(request(USERNS, owner=BASE, extents=[(0, BASE, 65536)]))
    started = time.monotonic()
    worker = child = None
    while child is None or not all(status(p)["State"].startswith(("T", "t")) for p in (worker, child)):
        assert time.monotonic() - started < 5
        time.sleep(0.02)
        for strace_child in children(h.process.pid):
            for worker in children(strace_child):
                for child in children(worker):
                    pass
    yield h, worker, child
    h.close()


SETID_MASK = (1 << 6) | (1 << 7)


def test_MAP_09_MAP_11_shapes_of_worker_and_child(stopped_pair):
    helper, worker, child = stopped_pair
    w, c = status(worker), status(child)
    ids = "\t".join([str(BASE)] * 4)
    for capabilities in ("CapEff", "CapPrm", "CapBnd"):
        assert int(w[capabilities], 16) == SETID_MASK
    assert int(w["CapInh"], 16) == int(w["CapAmb"], 16) == 0
    assert w["Uid"] == w["Gid"] == f"0\t{BASE}\t0\t{BASE}"
    assert w["Groups"].strip() == ""
    assert c["Uid"] == c["Gid"] == ids
    assert c["Groups"].strip() == ""
    assert fd_count(child) == 1
    assert os.readlink(f"/proc/{child}/ns/user") != os.readlink("/proc/self/ns/user")


ATTACKER = """
import ctypes, os, sys
c = ctypes.CDLL(None, use_errno=True)
c.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
def seize(pid):
    if c.ptrace(0x4206, pid, None, None) != 0:
        raise PermissionError(ctypes.get_errno()) if ctypes.get_errno() == 1 else OSError(ctypes.get_errno())
def join(pid):
    fd = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY)
    assert c.setns(fd, 0x10000000) == 0, ctypes.get_errno()
"""


def attack(code, user=BASE):
    return subprocess.run([sys.executable, "-c", ATTACKER + code], user=user, group=user, extra_groups=[], capture_output=True, text=True)


def test_MAP_10_worker_is_out_of_reach(stopped_pair):
    """Of the owner, where he is and from inside of the namespace, of which he is root."""
    _, worker, child = stopped_pair
    for inside in "", f"join({child})\n":
        for what in (f"os.kill({worker}, 19)", f"os.kill({worker}, 0)", f"open('/proc/{worker}/mem')", f"seize({worker})",
                     f"os.listdir('/proc/{worker}/fd')", f"os.pidfd_open({worker}) and c.syscall(438, os.pidfd_open({worker}), 0, 0) > 0"
                     f" or seize({worker})"):
            done = attack(inside + what)
            assert done.returncode == 1 and "PermissionError" in done.stderr, (inside, what, done.stderr)


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.parametrize("inside", [False, True])
def test_MAP_08_MAP_11_owner_gets_hold_of_the_child(users_namespace, inside):
    """He may: what he has then is a process with his own ids and a socket. The call fails within 5 s."""
    fd, _ = users_namespace
    h = Helper(["strace", "-f", "-o", "/dev/null", "-e", "inject=write:signal=SIGSTOP:when=1"])
    began = time.monotonic()
    h.send(request(MAP, owner=4321, extents=HAND), [fd])
    child = until(lambda: any_descendant_in(h.process.pid, fd))
    until(lambda: status(child)["State"].startswith(("T", "t")))
    done = attack((f"join({child})\n" if inside else "") + f"os.kill({child}, 19)\n"
                  f"print(open('/proc/{child}/status').read(), os.listdir('/proc/{child}/fd'))", user=4321)
    assert done.returncode == 0, done.stderr
    mine = dict(line.split(":\t", 1) for line in done.stdout.splitlines() if ":\t" in line)
    assert set((mine["Uid"] + " " + mine["Gid"]).split()) == {"65534" if inside else "4321"}
    assert mine["Groups"].strip() == ""
    assert done.stdout.splitlines()[-1].count("'") == 2  # one descriptor
    reply = h.receive()
    assert (reply.error, reply.step) == (errno.ETIMEDOUT, STEP_DEADLINE)
    assert time.monotonic() - began < 5.5
    assert gone(child)
    h.close()


def any_descendant_in(pid, userns):
    """A process below PID that is in the user namespace; None."""
    for child in children(pid):
        try:
            found = child if os.stat(f"/proc/{child}/ns/user").st_ino == os.fstat(userns).st_ino else any_descendant_in(child, userns)
        except FileNotFoundError:
            continue
        if found:
            return found
    return None


def test_MAP_08_stopped_child_ends_at_the_deadline(stopped_pair):
    helper, worker, child = stopped_pair
    # Meanwhile others are served.
    with open("/proc/self/ns/user") as userns:
        assert helper.call(request(MOUNT, serial=8, layers=[(IMAGE, "99" * 32)]), [userns.fileno()]).serial == 8
    reply = helper.receive()
    assert (reply.serial, reply.error, reply.step) == (7, errno.ETIMEDOUT, STEP_DEADLINE)
    assert gone(worker) and gone(child)


@pytest.fixture
def held_worker():
    """A helper, and a worker that we trace from its birth: it stays what it is until we let go of it, even when it is killed."""
    seize, detach, event_message = 0x4206, 17, 0x4201
    of_clones, wall = 2 | 4 | 8, 0x40000000
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    h = Helper()
    assert libc.ptrace(seize, h.process.pid, None, of_clones) == 0
    h.send(request(USERNS, owner=BASE, extents=[(0, BASE, 65536)]))
    os.waitpid(h.process.pid, wall)
    worker = ctypes.c_ulong()
    assert libc.ptrace(event_message, h.process.pid, None, ctypes.addressof(worker)) == 0
    os.waitpid(worker.value, wall)
    assert libc.ptrace(detach, h.process.pid, None, None) == 0
    yield h, worker.value
    os.waitpid(worker.value, wall)
    h.close()


def test_map_08_worker_that_does_not_die_holds_nobody_up(held_worker):
    helper, worker = held_worker
    reply = helper.receive()
    assert (reply.serial, reply.error, reply.step) == (7, errno.ETIMEDOUT, STEP_DEADLINE)
    assert status(worker)["State"].startswith("Z")
    with open("/proc/self/ns/user") as userns:
        assert helper.call(request(MOUNT, serial=8, layers=[(IMAGE, "99" * 32)]), [userns.fileno()]).serial == 8


def test_killed_worker_is_answered(stopped_pair):
    helper, worker, child = stopped_pair
    os.kill(worker, signal.SIGKILL)
    reply = helper.receive()
    assert (reply.error, reply.step) == (errno.EIO, STEP_FORK)
    assert gone(child)


# ---- mounts


def test_mount_clones_layers_idmapped(helper):
    userns = helper.userns([(NEUTRAL, BASE, 65536)], owner=0)
    reply = helper.call(request(MOUNT, layers=[(IMAGE, IMAGE_ID), (CONTAINER, CONTAINER_ID)]), [userns])
    assert (reply.error, reply.step, len(reply.fds)) == (0, 0, 2)
    image, data = reply.fds
    assert os.fstat(image).st_uid == BASE and os.stat("etc", dir_fd=image).st_uid == BASE
    assert os.stat("upper", dir_fd=data).st_uid == BASE
    flags = os.ST_NOSUID | os.ST_NODEV
    assert os.fstatvfs(image).f_flag & (flags | os.ST_RDONLY) == flags | os.ST_RDONLY
    assert os.fstatvfs(data).f_flag & (flags | os.ST_RDONLY) == flags


@pytest.mark.parametrize("name", ["../../etc", "a" * 31, "g" * 64, "AB" * 32, "", "." * 40, "a" * 68, "ab/" * 20])
def test_mount_refuses_names_that_are_no_ids(helper, name):
    userns = helper.userns([(NEUTRAL, BASE, 65536)])
    reply = helper.call(request(MOUNT, layers=[(IMAGE, name)]), [userns])
    assert (reply.error, reply.step, reply.fds) == (errno.EINVAL, STEP_REQUEST, [])


def test_mount_follows_no_symlink(helper):
    userns = helper.userns([(NEUTRAL, BASE, 65536)])
    for name, link in (("cd" * 32, "layers/" + "cd" * 32), ("ef" * 32, "layers/" + "ef" * 32 + "/root")):
        path = "/var/lib/bothy/" + link
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.symlink("/", path)
        reply = helper.call(request(MOUNT, layers=[(IMAGE, IMAGE_ID), (IMAGE, name)]), [userns])
        assert (reply.error, reply.step, reply.layer, reply.fds) == (errno.ELOOP, STEP_OPEN, 1, [])


def test_mount_missing_layer(helper):
    userns = helper.userns([(NEUTRAL, BASE, 65536)])
    reply = helper.call(request(MOUNT, layers=[(IMAGE, "99" * 32)]), [userns])
    assert (reply.error, reply.step, reply.layer) == (errno.ENOENT, STEP_OPEN, 0)


def test_mount_needs_a_user_namespace(helper):
    with open("/proc/self/ns/net") as net, open("/dev/null") as null:
        for f in (net, null):
            reply = helper.call(request(MOUNT, layers=[(IMAGE, IMAGE_ID)]), [f.fileno()])
            assert (reply.error, reply.step) == (errno.EINVAL, STEP_REQUEST)


def test_mount_tells_a_file_system_that_can_not(helper):
    # proc can not be idmapped.
    name = "77" * 32
    os.makedirs(f"/var/lib/bothy/layers/{name}/root")
    subprocess.run(["mount", "-t", "proc", "proc", f"/var/lib/bothy/layers/{name}/root"], check=True)
    userns = helper.userns([(NEUTRAL, BASE, 65536)])
    reply = helper.call(request(MOUNT, layers=[(IMAGE, name)]), [userns])
    assert (reply.error, reply.step, reply.fds) == (errno.EINVAL, STEP_IDMAP, [])


# ---- owners


def test_own_gives_roots_files_only(helper, tmp_path):
    directory, file, other, linked = (tmp_path / n for n in ("d", "f", "o", "l"))
    directory.mkdir()
    file.write_text("")
    other.write_text("")
    linked.write_text("")
    os.link(linked, tmp_path / "l2")
    os.chown(other, 1000, 1000)
    os.mkfifo(tmp_path / "p")

    def own(paths, owner=NEUTRAL):
        fds = [os.open(p, os.O_PATH) for p in paths]
        reply = helper.call(request(OWN, owner=owner), fds)
        for fd in fds:
            os.close(fd)
        return reply.error, reply.step, reply.layer

    assert own([directory, other]) == (errno.EPERM, STEP_OWN, 1)
    assert os.stat(directory).st_uid == 0  # nothing was done before all were checked
    assert own([directory, file]) == (0, 0, 0)
    assert (os.stat(directory).st_uid, os.stat(file).st_gid) == (NEUTRAL, NEUTRAL)
    assert own([directory]) == (errno.EPERM, STEP_OWN, 0)
    assert own([linked]) == (errno.EPERM, STEP_OWN, 0)
    assert own([tmp_path / "p"]) == (errno.EINVAL, STEP_OWN, 0)
    for owner in (0, 2**32 - 1):
        assert own([linked], owner)[:2] == (errno.EPERM, STEP_REQUEST)
    (tmp_path / "e").mkdir()
    for owner in (1, 1000, 65535):  # accounts get control groups and nothing else
        assert own([tmp_path / "e"], owner) == (errno.EPERM, STEP_OWN, 0)


def make_group(name):
    mount = next(m for m in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified") if os.path.exists(m + "/cgroup.controllers"))
    group = f"{mount}/bothy-test-{name}-{os.getpid()}"
    os.mkdir(group)
    return group


def test_own_gives_a_control_group_to_an_account(helper):
    group = make_group("own")
    try:
        fds = [os.open(p, os.O_RDONLY) for p in (group, group + "/cgroup.procs")]
        reply = helper.call(request(OWN, owner=4321), fds)
        assert (reply.error, reply.step) == (0, 0)
        assert os.stat(group).st_uid == os.stat(group + "/cgroup.procs").st_uid == 4321
        assert os.stat(group + "/cgroup.max.depth").st_uid == 0
        for fd in fds:
            os.close(fd)
    finally:
        os.rmdir(group)


# ---- control groups


def test_clear_removes_what_others_made(helper):
    """Nested deep, of many ids, closed to everybody; what has a process in it stays, and so does the rest of the tree."""
    group = make_group("clear")
    payload = f"{group}/payload"
    process = subprocess.Popen(["sleep", "100"])
    try:
        # Wherever in the listing it comes, others are before it and behind it.
        for path in ("payload", "payload/a", "payload/a/b", "payload/c", "payload/busy", "beside",
                     *(f"payload/{where}e{i}" for where in ("", "busy/") for i in range(20)), "payload/busy/e0/b"):
            os.mkdir(f"{group}/{path}")
        deep = payload + "/c" + "/d" * 60
        os.makedirs(deep)
        for path, mode in ((deep, 0o000), (payload + "/a", 0o111), (payload + "/c", 0o555), (payload, 0o700)):
            os.chown(path, BASE + len(path), BASE)
            os.chmod(path, mode)
        with open(payload + "/busy/e0/b/cgroup.procs", "w") as procs:
            procs.write(str(process.pid))
        fd = os.open(group, os.O_RDONLY)
        reply = helper.call(request(CLEAR), [fd])
        assert (reply.error, reply.step) == (0, 0)
        assert [directories for _, directories, _ in os.walk(payload)] == [["busy"], ["e0"], ["b"], []]
        assert os.path.isdir(group + "/beside")
        process.kill()
        process.wait()
        assert helper.call(request(CLEAR), [fd]).error == 0
        assert not os.path.exists(payload + "/busy")
        os.rmdir(payload)
        reply = helper.call(request(CLEAR), [fd])
        assert (reply.error, reply.step) == (errno.ENOENT, STEP_GROUP)
        os.close(fd)
    finally:
        process.kill()
        process.wait()
        for path, _, _ in os.walk(group, topdown=False):
            os.rmdir(path)


def test_clear_takes_nothing_but_a_control_group(helper, tmp_path):
    (tmp_path / "payload").mkdir()
    (tmp_path / "payload/kept").mkdir()
    os.chown(tmp_path / "payload", BASE, BASE)
    fd = os.open(tmp_path, os.O_RDONLY)
    reply = helper.call(request(CLEAR), [fd])
    assert (reply.error, reply.step) == (errno.EINVAL, STEP_GROUP)
    assert (tmp_path / "payload/kept").is_dir() and os.stat(tmp_path / "payload").st_uid == BASE
    assert helper.call(request(CLEAR)).step == STEP_REQUEST
    os.close(fd)


# ---- requests that make no sense


@pytest.mark.parametrize(
    "data",
    [
        b"x",
        b"\0" * 8,
        request(USERNS)[:-1],
        request(USERNS) + b"x",
        request(USERNS, version=1),
        request(99),
        request(0),
        request(SPAWN, program=3),
        request(SPAWN, program=1),
        request(MOUNT, n_layers=65),
        request(MOUNT, n_layers=2**32 - 1),
        request(USERNS, n_extents=2**32 - 1),
        request(OWN, owner=BASE),
        b"\xff" * 4700,
        b"\xff" * 60000,
    ],
    ids=lambda data: "%d-bytes" % len(data),
)
def test_nonsense_is_answered(helper, data):
    reply = helper.call(data)
    assert reply.error != 0 and reply.step == STEP_REQUEST
    assert helper.process.poll() is None


def test_fds_of_refused_messages_are_closed(helper):
    helper.call(request(99))
    before = fd_count(helper.process.pid)
    with open("/dev/null") as null:
        for count in (1, 72, 73, 253):
            reply = helper.call(request(99), [null.fileno()] * count)
            assert reply.step == STEP_REQUEST
    end = time.monotonic() + 2  # the reply comes before the packet is put away
    while fd_count(helper.process.pid) != before and time.monotonic() < end:
        time.sleep(0.01)
    assert fd_count(helper.process.pid) == before


def test_peer_that_is_not_root_is_refused():
    code = f"""
import os, socket, sys
os.setresuid(1234, 1234, 1234)
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
os.set_inheritable(b.fileno(), True)
os.execv({HELPER!r}, [{HELPER!r}, "--connection", str(b.fileno())])
"""
    r = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=10)
    assert r.returncode == 1 and b"not root" in r.stderr


# ---- programs


@pytest.fixture
def fake_program(own_mounts, tmp_path):
    """Puts a script in the place of the supervisor, within our mount namespace only."""
    script = tmp_path / "program"
    script.write_text(
        "#!/usr/bin/python3 -I\n"
        "import os, json\n"
        "fds = {n: os.readlink('/proc/self/fd/' + n) for n in os.listdir('/proc/self/fd') if os.path.lexists('/proc/self/fd/' + n)}\n"
        "data = dict(fds=fds, env=dict(os.environ), cwd=os.getcwd(), status=open('/proc/self/status').read(),\n"
        "  pid=os.getpid(), sid=os.getsid(0), umask=os.umask(0), net=os.listdir('/sys/class/net'),\n"
        "  netns=os.readlink('/proc/self/ns/net'), mnt=os.readlink('/proc/self/ns/mnt'),\n"
        "  group=open('/proc/self/cgroup').read())\n"
        "os.write(3, json.dumps(data).encode())\n"
    )
    script.chmod(0o755)
    os.chmod(tmp_path, 0o755)
    mounted = []
    for name in ("bothy-supervisor", "bothy-unpack"):
        target = os.path.join(LIBEXEC, name)
        if os.path.exists(target):
            subprocess.run(["mount", "--bind", str(script), target], check=True)
            mounted.append(target)
    yield mounted
    for target in mounted:
        subprocess.run(["umount", target], check=True)


@pytest.mark.parametrize("program", [SUPERVISOR, UNPACK])
def test_spawn_is_root_of_the_namespace_only(helper, fake_program, program):
    if not any(p.endswith({1: "supervisor", 2: "unpack"}[program]) for p in fake_program):
        pytest.skip("not installed")
    userns = helper.userns([(0, BASE, 65536)])
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with open("/etc/passwd") as extra:
        reply = helper.call(request(SPAWN, program=program), [userns, theirs.fileno(), extra.fileno()])
    theirs.close()
    assert (reply.error, reply.step, len(reply.fds)) == (0, 0, 1) and reply.pid > 0
    ours.settimeout(20)
    data = json.loads(ours.recv(65536))
    fds = data["fds"]
    assert [fds[str(n)] for n in range(3)] == ["/dev/null"] * 3
    assert fds["3"].startswith("socket:") and fds["4"] == "/etc/passwd"
    # 5: the interpreter's own view of /proc/self/fd
    assert set(fds) <= {"0", "1", "2", "3", "4", "5", "6"} and len(set(fds)) <= 6
    assert list(data["env"]) in (["PATH"], ["PATH", "LC_CTYPE"])
    assert data["cwd"] == "/" and data["umask"] == 0o022 and data["sid"] == data["pid"]
    s = dict(line.split(":\t", 1) for line in data["status"].splitlines() if ":\t" in line)
    assert s["Uid"] == s["Gid"] == "0\t0\t0\t0"
    assert s["Groups"].strip() == ""
    assert int(s["SigBlk"], 16) == 0
    assert data["mnt"] == os.readlink("/proc/self/ns/mnt")
    assert (data["netns"] != os.readlink("/proc/self/ns/net")) == (program == UNPACK)
    readable, _, _ = select.select(reply.fds, [], [], 10)
    assert readable
    time.sleep(0.05)
    assert not os.path.exists(f"/proc/{reply.pid}")  # reaped


def test_spawn_refuses_the_namespace_of_the_host(helper, fake_program):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with open("/proc/self/ns/user") as host:
        reply = helper.call(request(SPAWN, program=UNPACK), [host.fileno(), theirs.fileno()])
    theirs.close()
    ours.settimeout(10)
    assert reply.error == 0
    assert ours.recv(100) == b""  # it ended without running anything


@pytest.fixture
def group():
    """A control group of root's."""
    mount = next((m for m in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")
                  if os.path.exists(m + "/cgroup.procs") and os.path.exists(m + "/cgroup.controllers")), None)
    if mount is None:
        pytest.skip("no cgroup2 is mounted")
    path = f"{mount}/bothy-test-helper-{os.getpid()}"
    os.mkdir(path)
    yield path
    with open(path + "/cgroup.kill", "w") as file:
        file.write("1")
    for directory, _, _ in os.walk(path, topdown=False):
        until(lambda: removed(directory))


def removed(directory):
    try:
        os.rmdir(directory)
    except OSError:
        return False
    return True


def until(condition):
    end = time.monotonic() + 10
    while not (value := condition()):
        assert time.monotonic() < end
        time.sleep(0.005)
    return value


def read(path):
    with open(path) as file:
        return file.read()


@pytest.fixture
def held(helper, group):
    """A group and who holds it: our end of its socket, its pid, what it answered."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        reply = helper.call(request(HOLD), [theirs.fileno()])
    assert (reply.error, len(reply.fds)) == (0, 1)
    os.close(reply.fds[0])
    with open(group + "/cgroup.procs", "w") as file:
        file.write(str(reply.pid))
    ours.settimeout(10)
    ours.send(struct.pack("=I", 99))
    data, fds, _, _ = socket.recv_fds(ours, 100, 80)
    answer = Reply(data, fds)
    yield ours, reply.pid, answer
    ours.close()
    for fd in answer.fds:
        os.close(fd)


def test_hold_furnishes_the_group(held, group):
    _, pid, answer = held
    assert (answer.serial, answer.error, answer.step, len(answer.fds)) == (99, 0, 0, 15)
    assert os.readlink(f"/proc/self/fd/{answer.fds[0]}") == group + "/supervisor"
    assert read(group + "/supervisor/cgroup.procs").split() == [str(pid)] and read(group + "/cgroup.procs") == ""
    names = sorted(os.path.relpath(os.readlink(f"/proc/self/fd/{fd}"), group) for fd in answer.fds)
    of_below = ["", "/cgroup.freeze", "/cgroup.kill", "/cgroup.procs", "/cgroup.subtree_control", "/cgroup.threads"]
    assert names == sorted([below + name for below in ("supervisor", "payload") for name in of_below] +
                           ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"])
    assert os.stat(group + "/payload").st_uid == 0


def test_hold_has_no_rights_and_one_fd(held):
    _, pid, _ = held
    status = dict(line.split(":", 1) for line in read(f"/proc/{pid}/status").splitlines())
    assert status["Name"].strip() == "bothy-hold"
    assert {status[name].strip() for name in ("CapPrm", "CapEff", "CapInh", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"].strip() == "1"
    # What it answered with it closes afterwards.
    until(lambda: os.listdir(f"/proc/{pid}/fd") == ["0"])


def test_hold_ends_with_its_socket(held, helper):
    ours, pid, _ = held
    ours.close()
    until(lambda: not os.path.exists(f"/proc/{pid}"))


def test_hold_takes_one_fd(helper):
    with open("/dev/null", "rb") as null:
        for fds in [], [null.fileno()] * 2:
            reply = helper.call(request(HOLD), fds)
            assert (reply.error, reply.step) == (errno.EINVAL, STEP_REQUEST)


def test_spawn_into_a_group(helper, held, group, fake_program):
    _, _, answer = held
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    userns = helper.userns([(0, BASE, 65536)])
    ours.settimeout(20)
    with theirs:
        reply = helper.call(request(SPAWN, program=UNPACK, into_group=1), [userns, answer.fds[0], theirs.fileno()])
    assert reply.error == 0
    told = json.loads(ours.recv(65536))
    assert told["group"].strip().endswith(f"/{os.path.basename(group)}/supervisor")
    assert helper.call(request(OWN, owner=BASE), answer.fds).error == 0
    assert os.stat(group + "/payload").st_uid == os.stat(group + "/cgroup.procs").st_uid == BASE
    for fd in [userns, *reply.fds]:
        os.close(fd)


def test_spawn_into_what_is_no_group(helper):
    userns = helper.userns([(0, BASE, 65536)])
    with open("/dev/null", "rb") as null:
        reply = helper.call(request(SPAWN, program=UNPACK, into_group=1), [userns, null.fileno()])
        assert (reply.error, reply.step) == (errno.EBADF, STEP_GROUP)
        for into, fds in (1, [userns]), (2, [userns, null.fileno(), null.fileno()]):
            reply = helper.call(request(SPAWN, program=UNPACK, into_group=into), fds)
            assert (reply.error, reply.step) == (errno.EINVAL, STEP_REQUEST)
    os.close(userns)


def test_timing(helper):
    times = []
    for _ in range(200):
        start = time.perf_counter()
        a = helper.userns([(0, BASE, 65536), (NEUTRAL, NEUTRAL, 65536)])
        t1 = time.perf_counter()
        reply = helper.call(request(MOUNT, layers=[(IMAGE, IMAGE_ID), (CONTAINER, CONTAINER_ID)]), [a])
        t2 = time.perf_counter()
        assert reply.error == 0
        spawned = helper.call(request(SPAWN, program=UNPACK), [a])
        t3 = time.perf_counter()
        times.append((t1 - start, t2 - t1, t3 - t2, t3 - start))
        for fd in reply.fds + spawned.fds + [a]:
            os.close(fd)
    medians = [statistics.median(column) * 1e3 for column in zip(*times)]
    print("medians, ms: userns %.2f mount %.2f spawn %.2f all %.2f" % tuple(medians))
    assert medians[3] < 100  # a hang, not a speed: tests/bench measures


# ---- started by systemd's socket


def test_socket_activation_and_no_trace_left(tmp_path):
    path = str(tmp_path / "s")
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listening.bind(path)
    listening.listen()
    pid = os.fork()
    if pid == 0:
        os.dup2(listening.fileno(), 3, True)
        os.execve(HELPER, [HELPER], {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"})
    for _ in range(3):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            s.settimeout(10)
            s.connect(path)
            s.send(request(99))
            assert REPLY.unpack(s.recv(100))[3] == STEP_REQUEST
    assert os.waitpid(pid, os.WNOHANG) == (0, 0)
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)

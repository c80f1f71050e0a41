# SPDX-License-Identifier: LGPL-2.1-or-later
"""bothy-helper, driven as bothyd drives it. Needs root; touches only namespaces and a tmpfs of its own.

BOTHY_LIBEXEC_DIR: the installed directory of bothy-helper (and of the programs it starts).
"""

import array
import ctypes
import fcntl
import os
import socket
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

USERNS, MOUNT, SPAWN, OWN, MAP, HOLD, NIC, NETNS, CLEAR, QUOTA, FOLDER, FOLDER_MOUNT = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
ADOPTABLE, VOLUME = 14, 15
DEVICE_ACCESS, DEVICE_NODE, DEVICE_REVOKE = 16, 17, 18
TREE_LAYER, LABEL = 19, 20
TREE, TREE_CLONE, TREE_CLOSE, TREE_DETACH = 21, 22, 23, 24
IMAGE, CONTAINER = 1, 2
SUPERVISOR, UNPACK = 1, 2
STEP_REQUEST, STEP_FORK, STEP_USERNS, STEP_MAP, STEP_OPEN, STEP_IDMAP, STEP_OWN, STEP_DEADLINE, STEP_JOIN, STEP_NIC, STEP_GROUP, STEP_PARTIAL, STEP_QUOTA, STEP_FOLDER, STEP_FOLDER_CLONE, STEP_FOLDER_IDMAP, STEP_FOLDER_LOCK, STEP_FOLDERS_BUSY = 1, 2, 4, 5, 6, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18, 19, 20, 21
STEP_ADOPTABLE, STEP_TREE_MOUNTS, STEP_DEVICE, STEP_DEVICE_ACCESS = 22, 23, 24, 25
STEP_LABEL, STEP_HELD = 27, 28
NEUTRAL = 2147352576
BASE = 1073741824
IMAGE_ID = "ab" * 32
CONTAINER_ID = "00000000-1111-2222-3333-444444444444"
LAYER = struct.Struct("=I68s")
REPLY = struct.Struct("=IIiIiIQQ32s128s128s")
LARGEST = 200 * LAYER.size  # of what a step is about: layers
CLONE_NEWNS = 0x20000
NS_GET_USERNS = 0xB701
# A map that a user may have.
HAND = [(0, BASE, 65536)]
libc = ctypes.CDLL(None, use_errno=True)


def packed(extents, n_extents=None):
    data = struct.pack("=I", len(extents) if n_extents is None else n_extents)
    for i in range(5):
        data += struct.pack("=III", *(extents[i] if i < len(extents) else (0, 0, 0)))
    return data


def request(op, serial=7, owner=0, extents=(), program=0, layers=(), version=11, n_extents=None, n_layers=None,
            gid=None, gids=(), deny=0, into_group=0, nic=(), quota=(0, 0, 0, 0), path=None, groups=(), read_only=0, n_groups=None,
            device=None, adoptable=None, name=""):
    data = struct.pack("=IIII", version, serial, op, owner) + packed(extents, n_extents)
    data += struct.pack("=I", owner if gid is None else gid) + packed(gids) + struct.pack("=I", deny)
    data += struct.pack("=III", program, into_group, len(layers) if n_layers is None else n_layers)
    numbers = struct.pack("=256I", *(*groups, *[0] * 256)[:256])
    if adoptable is not None:
        meant = struct.pack("=I68s68sI", *adoptable)
    elif device is not None:
        meant = struct.pack("=68s128sIII", *device, len(groups)) + numbers
    elif path is not None:
        meant = struct.pack("=II", read_only, len(groups) if n_groups is None else n_groups) + numbers
        meant += struct.pack("=4096s", os.fsencode(path))
    else:
        meant = b"".join(LAYER.pack(kind, name.encode()) for kind, name in layers[:200])
    data += meant.ljust(LARGEST, b"\0")
    data += struct.pack("=16s64s64s64s64s", *(text.encode() for text in (*nic, "", "", "", "", "")[:5]))
    # Flags, project, bytes, inodes.
    data += struct.pack("=4xIIQQ", *quota)
    return data + struct.pack("=68s4x", name.encode())


class Reply:
    def __init__(self, data, fds):
        self.version, self.serial, self.error, self.step, self.number, self.layer, self.bytes, self.inodes, filesystem, *places = REPLY.unpack(data)
        self.filesystem = filesystem.split(b"\0")[0].decode()
        self.places = [place.split(b"\0")[0].decode() for place in places]
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
    buffer = array.array("I", [0])
    fcntl.ioctl(fd, 0xB704, buffer)  # NS_GET_OWNER_UID
    return buffer[0]


def status(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def fd_count(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


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


def until(condition):
    end = time.monotonic() + 10
    while not (value := condition()):
        assert time.monotonic() < end
        time.sleep(0.005)
    return value

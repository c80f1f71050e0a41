# SPDX-License-Identifier: LGPL-2.1-or-later
"""bothy-supervisor, driven over service/runtime/protocol.h as bothyd drives it, with a busybox for an image.

BOTHY_LIBEXEC_DIR: the installed directory. Needs root and busybox-static; touches only namespaces, files below
pytest's directory and a control group of its own.
"""

import array
import ctypes
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import time

import pytest

import forking

LIBEXEC = os.environ.get("BOTHY_LIBEXEC_DIR", "")
SUPERVISOR = os.path.join(LIBEXEC, "bothy-supervisor")
BUSYBOX = "/bin/busybox"

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not os.access(SUPERVISOR, os.X_OK) or not os.access(BUSYBOX, os.X_OK),
    reason="needs root, BOTHY_LIBEXEC_DIR and busybox-static",
)

NEUTRAL = 2147352576
BASE = 1073741824 + 65536 * 4096
CLONE_NEWUSER = 0x10000000
PREPARE, START, EXEC, SIGNAL, KILL_ALL, FREEZE, THAW, CONSOLE, NET_NAMESPACE, NETWORK, HOSTS = range(1, 12)
HELLO, REPLY, EXEC_EXITED, EXITED = range(20, 24)
STDIO, TTY, LOGIN, REBOOT, NESTING = 1, 2, 4, 8, 16
PREPARED, RUNNING, FROZEN, ENDED = 1, 2, 3, 4
STEP_REQUEST, STEP_ROOT, STEP_USER, STEP_DIRECTORY, STEP_EXEC, STEP_FILES, STEP_SYSCTL = 1, 6, 10, 11, 12, 16, 18
HEAD = struct.Struct("=IIIIIIIIiiiIIiiI")
FIELDS = (
    "version type serial id flags n_lower n_argv n_env value pid error step state code signal text_size"
).split()
libc = ctypes.CDLL(None, use_errno=True)


def syscall(number, *arguments):
    result = libc.syscall(number, *[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


UNSHARE_USER = """
(owner,), (made, mapped) = arguments, fds
if owner:
    os.setresgid(owner, owner, owner)
    os.setresuid(owner, owner, owner)
assert libc.unshare(0x10000000) == 0
os.write(made, b"x")
os.read(mapped, 1)
"""

SUPERVISE = """
theirs, userns = fds
assert libc.setns(userns, 0x10000000) == 0
os.setgroups([])
os.setresgid(0, 0, 0)
os.setresuid(0, 0, 0)
os.dup2(theirs, 3)
os.closerange(4, 4096)
os.execv(arguments[0], ["bothy-supervisor"])
"""


def make_userns(inside, outside, owner=0):
    """A user namespace of OWNER's that maps 65,536 ids."""
    made, made_end = os.pipe()
    mapped, mapped_end = os.pipe()
    pid = forking.fork(UNSHARE_USER, owner, fds=[made_end, mapped])
    os.read(made, 1)
    for name in ("uid_map", "gid_map"):
        with open(f"/proc/{pid}/{name}", "w", encoding="ascii") as file:
            file.write(f"{inside} {outside} 65536\n")
    fd = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    os.write(mapped_end, b"x")
    os.waitpid(pid, 0)
    for end in (made, made_end, mapped, mapped_end):
        os.close(end)
    return fd


def clone_idmapped(path, userns, read_only):
    fd = syscall(428, -100, str(path).encode(), 1 | os.O_CLOEXEC)  # open_tree, OPEN_TREE_CLONE
    attributes = struct.pack("QQQQ", 0x100000 | read_only, 0, 0, userns)
    syscall(442, fd, b"", 0x1000, ctypes.create_string_buffer(attributes, 32), 32)  # mount_setattr
    return fd


def cgroup2_mount():
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        for line in mounts:
            words = line.split()
            if words[2] == "cgroup2" and os.access(words[1], os.W_OK):
                return words[1]
    return None


class Message:
    def __init__(self, data, fds):
        for name, value in zip(FIELDS, HEAD.unpack_from(data)):
            setattr(self, name, value)
        self.text = data[HEAD.size :]
        self.fds = fds

    def __repr__(self):
        return "Message(" + " ".join(f"{n}={getattr(self, n)}" for n in FIELDS if getattr(self, n)) + ")"

    @property
    def fault(self):
        return self.step, self.error


class Container:
    """A supervisor and what bothyd would hold of it."""

    def __init__(self, directory, image, *, cgroup=False, flags=0, hostname="box", data=None, level=None, shm=""):
        self.directory, self.queue, self.serial, self.last_id = directory, [], 0, 0
        self.log, self.path = directory / "console.log", directory / "socket"
        self.mount = cgroup2_mount() if cgroup else ""
        self.cgroup = f"bothy-test-{os.getpid()}-{directory.name}" if cgroup else ""
        self.data = data = data or self.make_data()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(str(self.path))
        listener.listen(4)
        userns, idmap = make_userns(0, BASE, BASE), make_userns(NEUTRAL, BASE)
        fds = [clone_idmapped(image, idmap, 1), clone_idmapped(data, idmap, 0), listener.detach()]
        level = level or ("nesting" if flags & NESTING else "default")
        fds.append(os.open(os.path.join(LIBEXEC, level + ".bpf"), os.O_RDONLY))
        fds.append(os.open(self.log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600))
        self.spawn(userns)
        if cgroup:
            self.enter_cgroup()
        self.hello = self.receive()
        self.send(PREPARE, [hostname, shm], fds, n_lower=1, flags=flags)
        for fd in (*fds, userns, idmap):
            os.close(fd)
        self.prepared = self.reply()

    def make_data(self):
        data = self.directory / "data"
        data.mkdir(mode=0o755)
        os.chown(data, NEUTRAL, NEUTRAL)
        return data

    def spawn(self, userns):
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.pid = forking.fork(SUPERVISE, SUPERVISOR, fds=[theirs.fileno(), userns])
        theirs.close()
        self.running = True

    def enter_cgroup(self):
        self.group = os.path.join(self.mount, self.cgroup)
        for directory in "", "supervisor", "payload":
            os.mkdir(os.path.join(self.group, directory))
            for name in "", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads", "cgroup.freeze", "cgroup.kill":
                os.chown(os.path.join(self.group, directory, name), BASE, BASE)
        with open(os.path.join(self.group, "supervisor/cgroup.procs"), "w", encoding="ascii") as file:
            file.write(str(self.pid))

    def receive(self, timeout=20):
        self.socket.settimeout(timeout)
        data, ancillary, _, _ = self.socket.recvmsg(1 << 18, socket.CMSG_SPACE(4 * 80), socket.MSG_CMSG_CLOEXEC)
        assert data, "the supervisor hung up"
        fds = array.array("i")
        for _, _, payload in ancillary:
            fds.frombytes(payload)
        return Message(data, list(fds))

    def wait(self, wanted, timeout=20):
        for message in self.queue:
            if wanted(message):
                self.queue.remove(message)
                return message
        while True:
            message = self.receive(timeout)
            if wanted(message):
                return message
            self.queue.append(message)

    def send(self, kind, strings=(), fds=(), **fields):
        self.serial += 1
        text = b"".join(s.encode() + b"\0" for s in strings)
        values = dict.fromkeys(FIELDS, 0)
        values.update(version=1, type=kind, serial=self.serial, text_size=len(text), **fields)
        socket.send_fds(self.socket, [HEAD.pack(*values.values()) + text], list(fds))

    def reply(self):
        serial = self.serial
        return self.wait(lambda m: m.type == REPLY and m.serial == serial)

    def call(self, kind, strings=(), fds=(), **fields):
        self.send(kind, strings, fds, **fields)
        return self.reply()

    def start(self, *argv, user="", directory="", env=(), stdio=(), sysctls=()):
        strings = [self.cgroup, self.mount, user, directory, *sysctls, *argv, *env]
        self.started = self.call(
            START, strings, stdio, n_lower=len(sysctls), n_argv=len(argv), n_env=len(env),
            flags=STDIO if stdio else 0,
        )
        return self.started

    def exec(self, *argv, user="", directory="", env=(), stdio=(), flags=0):
        self.last_id += 1
        strings = [user, directory, *argv, *env]
        return self.call(
            EXEC, strings, stdio, id=self.last_id, n_argv=len(argv), n_env=len(env), flags=flags
        )

    def exec_exited(self):
        return self.wait(lambda m: m.type == EXEC_EXITED)

    def streams(self, line, **options):
        """(output, errors, code) of a line of shell inside, each stream a pipe of its own."""
        (out, out_end), (errors, errors_end) = os.pipe(), os.pipe()
        with open("/dev/null", "rb") as null:
            reply = self.exec("/bin/sh", "-c", line, stdio=[null.fileno(), out_end, errors_end], **options)
        os.close(out_end)
        os.close(errors_end)
        output = read_each(out, errors)
        assert reply.fault == (0, 0), reply
        return *(part.decode() for part in output), self.exec_exited().code

    def shell(self, line, **options):
        """(output, code) of a line of shell inside that says nothing on stderr when it works."""
        output, errors, code = self.streams(line, **options)
        assert code != 0 or errors == "", errors
        return output, code

    def connect(self):
        fresh = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        fresh.connect(str(self.path))
        self.socket, old = fresh, self.socket
        return self.receive(), old

    def exited(self):
        message = self.wait(lambda m: m.type == EXITED)
        os.waitpid(self.pid, 0)
        self.running = False
        return message

    def clear(self):
        if self.running:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.running = False
        self.socket.close()
        if self.cgroup:
            remove_cgroup(self.group)


def reap():
    """What is inside beside the first process is a child of the supervisor, and ours once that is gone."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def remove_cgroup(path):
    for _ in range(100):
        reap()
        for directory, _, _ in os.walk(path, topdown=False):
            try:
                os.rmdir(directory)
            except OSError:
                pass
        if not os.path.exists(path):
            return
        time.sleep(0.05)


def read_all(fd):
    output = b""
    while select.select([fd], [], [], 20)[0]:
        try:
            part = os.read(fd, 65536)
        except OSError:  # a terminal's other end is closed
            break
        if not part:
            break
        output += part
    os.close(fd)
    return output


def read_each(*fds):
    """What is read from each of FDS to its end, whichever is written first."""
    output = dict.fromkeys(fds, b"")
    waiting = set(fds)
    while waiting:
        ready = select.select(waiting, [], [], 20)[0]
        assert ready, output
        for fd in ready:
            part = os.read(fd, 65536)
            output[fd] += part
            if not part:
                waiting.remove(fd)
                os.close(fd)
    return [output[fd] for fd in fds]


def status_of(pid):
    """What the host's kernel says of a process."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return {name: value.strip() for name, _, value in (line.partition(":") for line in file)}


# The numbers of CAP_SYS_MODULE, SYS_RAWIO, SYS_TIME, MAC_OVERRIDE, MAC_ADMIN, SYSLOG, WAKE_ALARM, BLOCK_SUSPEND,
# AUDIT_READ, PERFMON and BPF: they act on the machine.
MACHINE_WIDE = (16, 17, 25, 32, 33, 34, 35, 36, 37, 38, 39)


def assert_confined(pid):
    """It has a filter, and no capability that acts on the machine, nor a way to one."""
    status = status_of(pid)
    assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "0"), status
    assert int(status["CapInh"], 16) == int(status["CapAmb"], 16) == 0, status
    for name in "CapBnd", "CapPrm", "CapEff":
        assert not int(status[name], 16) & sum(1 << number for number in MACHINE_WIDE), status
    assert int(status["CapBnd"], 16) & 1, status  # what makes sense inside is there


def read_until(fd, wanted):
    output = b""
    while wanted not in output:
        assert select.select([fd], [], [], 20)[0], output
        output += os.read(fd, 65536)
    return output


def eventually(check, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if check():
            return True
        reap()
        time.sleep(0.02)
    return False


def make_image(path):
    for name in ("bin", "sbin", "etc", "root"):
        (path / name).mkdir(parents=True)
    shutil.copy(BUSYBOX, path / "bin/busybox")
    for name in subprocess.run([BUSYBOX, "--list"], check=True, stdout=subprocess.PIPE, text=True).stdout.split():
        if name != "busybox":
            (path / "bin" / name).symlink_to("busybox")
    (path / "sbin/init").symlink_to("../bin/busybox")
    (path / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nu:x:1000:1000::/home/u:/bin/sh\n")
    (path / "etc/group").write_text("root:x:0:\nu:x:1000:\naudio:x:29:u,x\n")
    subprocess.run(["chown", "-hR", f"{NEUTRAL}:{NEUTRAL}", path], check=True)
    return path


@pytest.fixture(scope="module", autouse=True)
def subreaper():
    libc.prctl(36, 1, 0, 0, 0)
    yield
    libc.prctl(36, 0, 0, 0, 0)


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return make_image(tmp_path_factory.mktemp("image") / "root")


@pytest.fixture
def make(tmp_path, image):
    made = []

    def make_one(tree=None, **options):
        directory = tmp_path / f"c{len(made)}"
        directory.mkdir()
        made.append(Container(directory, tree or image, **options))
        return made[-1]

    yield make_one
    for container in made:
        container.clear()


@pytest.fixture
def box(make):
    container = make()
    assert container.start("/bin/sleep", "1000").fault == (0, 0)
    return container

# SPDX-License-Identifier: LGPL-2.1-or-later
"""bothy-supervisor, driven over service/runtime/protocol.h as bothyd drives it, with a busybox for an image.

BOTHY_LIBEXEC_DIR: the installed directory. Needs root and busybox-static; touches only namespaces, files below
pytest's directory and a control group of its own.
"""

import array
import ctypes
import errno
import fcntl
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import termios
import time

import pytest

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
PREPARE, START, EXEC, SIGNAL, KILL_ALL, FREEZE, THAW, CONSOLE, NET_NAMESPACE, NETWORK = range(1, 11)
HELLO, REPLY, EXEC_EXITED, EXITED = range(20, 24)
STDIO, TTY, LOGIN, REBOOT, NESTING = 1, 2, 4, 8, 16
PREPARED, RUNNING, FROZEN, ENDED = 1, 2, 3, 4
STEP_REQUEST, STEP_ROOT, STEP_USER, STEP_DIRECTORY, STEP_EXEC, STEP_FILES = 1, 6, 10, 11, 12, 16
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


def make_userns(inside, outside, owner=0):
    """A user namespace of OWNER's that maps 65,536 ids."""
    made, made_end = os.pipe()
    mapped, mapped_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        if owner:
            os.setresgid(owner, owner, owner)
            os.setresuid(owner, owner, owner)
        libc.unshare(CLONE_NEWUSER)
        os.write(made_end, b"x")
        os.read(mapped, 1)
        os._exit(0)
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

    def __init__(self, directory, image, *, cgroup=False, flags=0, hostname="box", data=None):
        self.directory, self.queue, self.serial, self.last_id = directory, [], 0, 0
        self.log, self.path = directory / "console.log", directory / "socket"
        self.mount = cgroup2_mount() if cgroup else ""
        self.cgroup = f"bothy-test-{os.getpid()}-{directory.name}" if cgroup else ""
        data = data or self.make_data()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(str(self.path))
        listener.listen(4)
        userns, idmap = make_userns(0, BASE, BASE), make_userns(NEUTRAL, BASE)
        fds = [clone_idmapped(image, idmap, 1), clone_idmapped(data, idmap, 0), listener.detach()]
        program = "nesting.bpf" if flags & NESTING else "default.bpf"
        fds.append(os.open(os.path.join(LIBEXEC, program), os.O_RDONLY))
        fds.append(os.open(self.log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600))
        self.spawn(userns)
        if cgroup:
            self.enter_cgroup()
        self.hello = self.receive()
        self.send(PREPARE, [hostname], fds, n_lower=1, flags=flags)
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
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.dup2(theirs.fileno(), 3)
                libc.setns(userns, CLONE_NEWUSER)
                os.setgroups([])
                os.setresgid(0, 0, 0)
                os.setresuid(0, 0, 0)
                os.closerange(4, 4096)
                os.execv(SUPERVISOR, ["bothy-supervisor"])
            finally:
                os._exit(127)
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

    def start(self, *argv, user="", directory="", env=(), stdio=()):
        strings = [self.cgroup, self.mount, user, directory, *argv, *env]
        self.started = self.call(
            START, strings, stdio, n_argv=len(argv), n_env=len(env), flags=STDIO if stdio else 0
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

    def shell(self, line, **options):
        """(output, code) of a line of shell inside."""
        reader, writer = os.pipe()
        with open("/dev/null", "rb") as null:
            reply = self.exec("/bin/sh", "-c", line, stdio=[null.fileno(), writer, writer], **options)
        os.close(writer)
        output = read_all(reader)
        assert reply.fault == (0, 0), reply
        return output.decode(), self.exec_exited().code

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


@pytest.mark.parametrize(
    "line, code, number",
    [("exit 3", 3, 0), ("true", 0, 0), ("kill -9 $$", 0, 9), ("kill -15 $$", 0, 15), ("sleep 99 & exit 0", 0, 0)],
)
def test_command_ends(make, line, code, number):
    container = make()
    assert container.prepared.state == PREPARED
    reply = container.start("/bin/sh", "-c", line)
    assert reply.fault == (0, 0) and reply.value == signal.SIGTERM
    message = container.exited()
    assert (message.code, message.signal, message.flags) == (code, number, 0)


def test_command_on_streams(make):
    reader, writer = os.pipe()
    with open("/dev/null", "rb") as null:
        make().start(
            "/bin/sh", "-c", "echo $A; pwd; id", user="u", directory="/etc", env=["A=b c"],
            stdio=[null.fileno(), writer, writer],
        )  # fmt: skip
    os.close(writer)
    assert read_all(reader) == b"b c\n/etc\nuid=1000(u) gid=1000(u) groups=29(audio),1000(u)\n"


def test_nameservers_that_do_not_fit(box):
    assert box.call(NETWORK, ["lo", "", "", "", "", "1 " * 120]).fault == (STEP_FILES, errno.EINVAL)
    assert box.call(NETWORK, ["lo", "", "", "", "", "192.0.2.1 2001:db8::1"]).fault == (0, 0)
    assert box.shell("cat /etc/resolv.conf") == ("nameserver 192.0.2.1\nnameserver 2001:db8::1\n", 0)


@pytest.mark.parametrize(
    "argv, user, directory, fault",
    [
        (["/nope"], "", "", (STEP_EXEC, errno.ENOENT)),
        (["nope"], "", "", (STEP_EXEC, errno.ENOENT)),
        (["/etc/passwd"], "", "", (STEP_EXEC, errno.EACCES)),
        (["true"], "nobody-here", "", (STEP_USER, errno.ENOENT)),
        (["true"], "01", "", (STEP_USER, errno.ENOENT)),
        (["true"], "1:", "", (STEP_USER, errno.EINVAL)),
        (["true"], "", "/nope", (STEP_DIRECTORY, errno.ENOENT)),
    ],
)
def test_what_cannot_run(make, box, argv, user, directory, fault):
    assert box.exec(*argv, user=user, directory=directory).fault == fault
    assert box.exec("true").fault == (0, 0)
    assert make().start(*argv, user=user, directory=directory).fault == fault


def test_image_init(make):
    container = make()
    assert container.start().value == signal.SIGUSR2
    assert eventually(lambda: container.shell("test -e /dev/console; pidof init")[1] == 0)
    container.call(SIGNAL, value=signal.SIGUSR2)
    message = container.exited()
    assert (message.code, message.signal, message.flags) == (0, 0, 0)


def test_image_init_reboots(make):
    container = make()
    container.start()
    container.shell("sleep 0.5; reboot -f")
    assert container.exited().flags == REBOOT


def test_image_without_init(make, tmp_path):
    tree = make_image(tmp_path / "tree")
    (tree / "sbin/init").unlink()
    assert make(tree).start().fault == (STEP_EXEC, errno.ENOENT)


@pytest.mark.parametrize("name", ["dev", "proc", "sys", "run", "tmp"])
def test_hostile_links(make, tmp_path, name):
    """CVE-2015-1335, CVE-2026-41579: a directory of the image is a link to the host's."""
    target = tmp_path / "target"
    target.mkdir(mode=0o777)
    tree = make_image(tmp_path / "tree")
    (tree / name).symlink_to(target)
    container = make(tree)
    step, error = container.prepared.fault
    assert step == STEP_ROOT and error in (errno.ELOOP, errno.ENOTDIR)
    assert container.start("/bin/true").fault == (STEP_REQUEST, errno.ECANCELED)
    assert not list(target.iterdir())


def test_hostile_files(make, tmp_path):
    tree = make_image(tmp_path / "tree")
    (tree / "dev").mkdir()
    (tree / "dev/null").symlink_to("/etc/passwd")
    (tree / "etc/passwd").unlink()
    os.mkfifo(tree / "etc/passwd")
    container = make(tree)
    assert container.prepared.fault == (0, 0)
    assert container.start("/bin/true").fault == (STEP_USER, errno.EINVAL)


def test_inside(box):
    """SUP-07, CVE-2024-21626, CVE-2022-29162: only what belongs there."""
    assert box.shell("hostname; umask; cat /run/host/container-manager; pwd")[0] == "box\n0022\nbothy\n/root\n"
    assert box.shell("cat /proc/self/uid_map")[0].split() == ["0", str(BASE), "65536"]
    status = dict(line.split(":", 1) for line in box.shell("cat /proc/self/status")[0].splitlines())
    assert int(status["CapInh"], 16) == int(status["CapAmb"], 16) == 0
    assert int(status["CapBnd"], 16) == int(status["CapEff"], 16) == int(status["CapPrm"], 16)
    for capability in (16, 17, 25, 32, 33, 34, 35, 36, 38, 39):
        assert not int(status["CapBnd"], 16) >> capability & 1, capability
    assert (status["Seccomp"].strip(), status["NoNewPrivs"].strip()) == ("2", "0")
    assert set(box.shell("ls /proc/self/fd")[0].split()) == {"0", "1", "2", "3"}  # 3: ls's own
    assert box.shell("ip -o link | wc -l; ip -o link show lo | grep -c ,UP")[0] == "1\n1\n"
    assert box.shell("echo 1 >/proc/sys/net/ipv4/ip_forward && echo x >/proc/sys/kernel/domainname")[1] == 1
    assert box.shell("echo a >/dev/null; head -c 4 /dev/zero | wc -c; ls -d /dev/pts/ptmx /dev/shm")[1] == 0
    assert box.shell("cat /proc/sys/net/ipv4/ping_group_range")[0].split() == ["0", "65535"]
    assert "/dev/vda" not in box.shell("mount")[0]


def test_host_is_gone(box):
    with open(f"/proc/{box.pid}/mountinfo", encoding="utf-8") as file:
        mounts = [line.split()[4] for line in file]
    assert {"/", "/proc", "/sys", "/dev", "/run", "/tmp"} <= set(mounts) and len(mounts) < 40
    for name in ("root", "cwd"):
        assert os.readlink(f"/proc/{box.pid}/{name}") == "/"


def test_not_traceable(box):
    """CVE-2016-9962, CVE-2019-5736: pid 1 here runs the supervisor's code; the container's root can't reach it."""
    mode = os.stat(SUPERVISOR).st_mode & 0o777
    assert mode == 0o711, oct(mode)
    assert box.shell("readlink /proc/1/exe || ls /proc/1/fd/ || cat /proc/1/mem")[1] != 0
    assert box.shell("cat /proc/1/exe >/dev/null")[1] != 0


def test_terminal(box):
    reply = box.exec("/bin/sh", flags=TTY)
    (master,) = reply.fds
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
    os.write(master, b"tty; stty size; exit 5\n")
    output = read_all(master)
    assert f"/dev/pts/{reply.value}\r\n".encode() in output and b"33 77" in output
    assert box.exec_exited().code == 5


def test_terminal_interrupts(box):
    (master,) = box.exec("/bin/sleep", "100", flags=TTY).fds
    os.write(master, b"\x03")
    assert box.exec_exited().signal == signal.SIGINT
    os.close(master)


def test_login_shell(box):
    (master,) = box.exec("", flags=TTY | LOGIN, user="u").fds
    os.write(master, b"echo $0 $HOME $USER $SHELL; exit\n")
    assert b"-sh /home/u u /bin/sh" in read_all(master)


def test_signals(box):
    assert box.exec("/bin/sleep", "100").fault == (0, 0)
    assert box.call(EXEC, ["", "", "true"], id=box.last_id, n_argv=1).fault == (STEP_REQUEST, errno.EEXIST)
    assert box.call(SIGNAL, id=box.last_id, value=10).error == 0
    assert box.exec_exited().signal == 10
    assert box.call(SIGNAL, id=box.last_id, value=10).fault == (STEP_REQUEST, errno.ESRCH)
    for number in (0, -1, 65, 1000):
        assert box.call(SIGNAL, value=number).fault == (STEP_REQUEST, errno.EINVAL)
    box.call(SIGNAL, value=signal.SIGTERM)
    assert box.exited().signal == signal.SIGTERM


def test_nonsense(box):
    """ARG-07: it answers, keeps nothing and goes on."""
    descriptors = len(os.listdir(f"/proc/{box.pid}/fd"))
    null = os.open("/dev/null", os.O_RDONLY)
    for data in (b"x", b"x" * 63, bytes(64), b"\xff" * 64, b"\xff" * 200000):
        socket.send_fds(box.socket, [data], [null] * 5)
        assert box.receive().fault == (STEP_REQUEST, errno.EBADMSG)
    for kind in (0, 12, 20, 99, 2**32 - 1):
        assert box.call(kind).fault == (STEP_REQUEST, errno.EINVAL)
    assert box.call(EXEC, ["", "", "x"], id=9, n_argv=2**32 - 1, n_env=2**32 - 1).error == errno.EBADMSG
    assert box.call(EXEC, ["", ""], id=9, n_argv=1).error == errno.EBADMSG
    assert box.call(EXEC, ["", "", "x"], [null], id=9, n_argv=1).error == errno.EINVAL
    assert box.call(EXEC, ["", "", "x"], n_argv=1).error == errno.EINVAL
    assert box.call(SIGNAL, [], [null], value=10).error == errno.EINVAL
    assert box.call(PREPARE, ["x"], [null] * 5, n_lower=1).error == errno.EALREADY
    assert box.call(START, [""] * 4).error == errno.EINVAL
    assert box.call(FREEZE).error == errno.EOPNOTSUPP
    os.close(null)
    assert box.shell("echo ${#A}", env=["A=" + "x" * 100000])[0] == "100000\n"
    assert len(os.listdir(f"/proc/{box.pid}/fd")) == descriptors


def test_new_broker(box):
    """LIFE-03: a later bothyd finds what runs and what ended."""
    for _ in range(256):
        assert box.exec("/bin/sleep", "1000").fault == (0, 0)
    assert box.exec("/bin/sleep", "1000").fault == (STEP_REQUEST, errno.EMFILE)
    hello, old = box.connect()
    assert (hello.type, hello.state, hello.pid, hello.n_argv) == (HELLO, RUNNING, box.started.pid, 256)
    assert old.recv(1) == b""
    box.socket.close()
    for text in hello.text.split(b"\0")[:-1]:
        os.kill(int(text.split()[1]), signal.SIGKILL)
    time.sleep(0.2)
    box.connect()
    assert {box.exec_exited().signal for _ in range(256)} == {signal.SIGKILL}
    box.socket.close()
    os.kill(box.started.pid, signal.SIGKILL)
    time.sleep(0.2)
    hello, _ = box.connect()
    assert hello.state == ENDED and box.exited().signal == signal.SIGKILL


def test_supervisor_killed(box):
    """LIFE-04: the kernel takes the container with it."""
    other = box.exec("/bin/sleep", "1000").pid
    os.kill(box.pid, signal.SIGKILL)
    os.waitpid(box.pid, 0)
    box.running = False
    assert eventually(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in (box.started.pid, other)))


def test_broker_lost_before_start(make):
    container = make()
    container.socket.close()
    assert os.waitpid(container.pid, 0)[1] != 0
    container.running = False


def test_stopped_from_outside(make):
    container = make()
    container.start("/bin/sh", "-c", "trap 'exit 9' TERM; echo on; while :; do sleep 0.05; done")
    assert eventually(lambda: "on" in container.log.read_text())
    os.kill(container.pid, signal.SIGTERM)
    assert container.exited().code == 9


@pytest.mark.skipif(not cgroup2_mount(), reason="needs a cgroup2 mount")
def test_control_group(make):
    container = make(cgroup=True)
    assert container.start("/bin/sleep", "1000").fault == (0, 0)
    for pid, leaf in ((container.pid, "supervisor"), (container.started.pid, "payload")):
        with open(f"/proc/{pid}/cgroup", encoding="ascii") as file:
            assert file.read().strip().endswith(f"{container.cgroup}/{leaf}")
    assert container.shell("grep ^0: /proc/self/cgroup")[0] == "0::/\n"
    assert container.call(FREEZE).state == FROZEN
    with open(f"{container.group}/payload/cgroup.events", encoding="ascii") as file:
        assert "frozen 1" in file.read()
    assert container.exec("true").fault == (STEP_REQUEST, errno.EBUSY)
    assert container.call(THAW).state == RUNNING
    assert container.shell("echo a") == ("a\n", 0)
    assert container.call(FREEZE).state == FROZEN
    assert container.call(KILL_ALL).error == 0
    assert container.exited().signal == signal.SIGKILL


def test_console(make):
    container = make()
    container.start("/bin/sh")
    (first,) = container.call(CONSOLE).fds
    fcntl.ioctl(first, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 50, 0, 0))
    os.write(first, b'stty size; echo mar""ker\n')
    assert b"20 50" in read_until(first, b"marker\r\n")
    (second,) = container.call(CONSOLE).fds
    read_until(second, b"marker\r\n")
    assert b"marker" not in read_all(first)
    os.write(second, b'yes 0123456789012345678901234567890 | head -n 60000; echo en""d\n')  # nobody reads on
    assert eventually(lambda: b"end" in container.log.read_bytes()[-100:], 30)
    assert 400_000 < container.log.stat().st_size < 1_100_000
    assert container.shell("echo a") == ("a\n", 0)
    os.close(second)
    assert container.shell("echo a") == ("a\n", 0)


def set_size(master, rows, columns):
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def test_console_follows_the_size_at_once(make):
    """Nobody types; the container's programs hear of it as they do of their own terminal."""
    container = make()
    container.start("/bin/sh", "-c", "trap 'echo now $(stty size)' WINCH; echo ready; while :; do sleep 0.1; done")
    (first,) = container.call(CONSOLE).fds
    read_until(first, b"ready\r\n")
    set_size(first, 33, 77)
    assert b"now 33 77" in read_until(first, b"now 33 77\r\n")
    (second,) = container.call(CONSOLE).fds
    set_size(first, 1, 1)
    set_size(second, 44, 88)
    assert b"1 1\r\n" not in read_until(second, b"now 44 88\r\n")
    os.close(first)
    set_size(second, 45, 89)
    read_until(second, b"now 45 89\r\n")


def test_console_sends_its_supervisor_no_signals(make):
    """SUP-07: it is the supervisor's terminal, so that it hears of its size, and of nothing else."""
    container = make()
    container.start("/bin/sleep", "1000")
    (master,) = container.call(CONSOLE).fds
    mode = termios.tcgetattr(master)
    mode[3] |= termios.ISIG | termios.ICANON
    termios.tcsetattr(master, termios.TCSANOW, mode)
    os.write(master, b"\x03\x1c\x1a")
    assert container.shell("echo a") == ("a\n", 0)
    os.close(master)
    assert container.shell("echo b") == ("b\n", 0)


def test_console_is_whole(make):
    """A reader that is slower than the container gets each byte, the last ones too."""
    container = make()
    container.start("/bin/sh", "-c", "read go; seq 1 60000; echo the end")
    (master,) = container.call(CONSOLE).fds
    os.write(master, b"\n")
    output = b""
    while b"the end\r\n" not in output:
        time.sleep(0.001)
        assert select.select([master], [], [], 20)[0], output[-100:]
        output += os.read(master, 4096)
    assert output.split()[-60002:-2] == [b"%d" % i for i in range(1, 60001)]
    container.exited()
    assert container.log.read_bytes().endswith(b"59999\r\n60000\r\nthe end\r\n")


def test_idle(box):
    box.shell("true")
    time.sleep(0.2)

    def switches():
        with open(f"/proc/{box.pid}/status", encoding="ascii") as file:
            return [line for line in file if "ctxt_switches" in line]

    before = switches()
    time.sleep(1)
    assert switches() == before


@pytest.mark.parametrize("flags, argument", [(0, ""), (NESTING, "nesting")])
def test_system_calls(make, tmp_path, flags, argument):
    """THREATS 2.5: each entry in each ABI."""
    source = os.path.join(os.path.dirname(__file__), "try-syscalls.c")
    tree = make_image(tmp_path / "tree")
    subprocess.run(["cc", "-static", "-D_GNU_SOURCE", "-o", tree / "bin/try-syscalls", source], check=True)
    container = make(tree, flags=flags)
    container.start("/bin/sleep", "1000")
    assert container.shell(f"try-syscalls {argument}") == ("", 0)


def test_nesting(make):
    container = make(flags=NESTING)
    container.start("/bin/sleep", "1000")
    assert container.shell("unshare -Urpf --mount-proc id -u") == ("0\n", 0)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""bothy-supervisor: how it starts, ends, is told and tells."""

import errno
import os
import signal
import socket
import time

import pytest

from supervising import (  # noqa: F401
    ENDED, EXEC, FREEZE, FROZEN, HELLO, KILL_ALL, PREPARE, PREPARED, RUNNING, SIGNAL, START, STEP_DIRECTORY,
    STEP_EXEC, STEP_REQUEST, STEP_USER, THAW, box, cgroup2_mount, eventually, image, make, pytestmark, read_all,
    read_each, subreaper,
)


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


@pytest.mark.parametrize("flags, error", [(os.O_RDONLY, errno.EISDIR), (os.O_PATH, errno.EBADF)], ids=["directory", "path"])
def test_streams_are_no_way_out(make, box, flags, error):
    """CVE-2024-21626: beside what it stands for lies the host's file system."""
    with open("/dev/null", "rb") as null:
        descriptor = os.open("/", flags)
        for place in range(3):
            stdio = [null.fileno()] * 3
            stdio[place] = descriptor
            assert box.exec("/bin/true", stdio=stdio).fault == (STEP_REQUEST, error)
            container = make()
            assert container.start("/bin/true", stdio=stdio).fault == (STEP_REQUEST, error)
            assert container.start("/bin/sleep", "1000").fault == (0, 0)  # nothing had begun
        os.close(descriptor)


def test_streams_are_not_swapped(box):
    assert box.streams("echo out; echo errors >&2; exit 3") == ("out\n", "errors\n", 3)


def test_streams_of_the_first_process_are_not_swapped(make):
    (out, out_end), (errors, errors_end) = os.pipe(), os.pipe()
    (source, source_end) = os.pipe()
    os.write(source_end, b"in\n")
    os.close(source_end)
    make().start("/bin/sh", "-c", "cat; echo errors >&2", stdio=[source, out_end, errors_end])
    for fd in source, out_end, errors_end:
        os.close(fd)
    assert read_each(out, errors) == [b"in\n", b"errors\n"]


def test_command_on_streams(make):
    reader, writer = os.pipe()
    with open("/dev/null", "rb") as null:
        make().start(
            "/bin/sh", "-c", "echo $A; pwd; id", user="u", directory="/etc", env=["A=b c"],
            stdio=[null.fileno(), writer, writer],
        )  # fmt: skip
    os.close(writer)
    assert read_all(reader) == b"b c\n/etc\nuid=1000(u) gid=1000(u) groups=29(audio),1000(u)\n"


@pytest.mark.parametrize(
    "argv, user, directory, fault",
    [
        (["/nope"], "", "", (STEP_EXEC, errno.ENOENT)),
        (["nope"], "", "", (STEP_EXEC, errno.ENOENT)),
        (["/etc/passwd"], "", "", (STEP_EXEC, errno.EACCES)),
        (["true"], "nobody-here", "", (STEP_USER, errno.ENOENT)),
        (["true"], "01", "", (STEP_USER, errno.ENOENT)),
        (["true"], "1:2:3", "", (STEP_USER, errno.EINVAL)),
        (["true"], "1:nobody-here", "", (STEP_USER, errno.ESRCH)),
        (["true"], "", "/etc/passwd", (STEP_DIRECTORY, errno.ENOTDIR)),
        (["true"], "", "/proc/self/cwd", (STEP_DIRECTORY, errno.ELOOP)),
    ],
)
def test_what_cannot_run(make, box, argv, user, directory, fault):
    assert box.exec(*argv, user=user, directory=directory).fault == fault
    assert box.exec("true").fault == (0, 0)
    assert make().start(*argv, user=user, directory=directory).fault == fault


def test_a_missing_directory_is_made_at_the_start_only(make, box):
    assert box.exec("true", directory="/nope").fault == (STEP_DIRECTORY, errno.ENOENT)
    made = make()
    assert made.start("sleep", "100", user="u", directory="/nope/deep").fault == (0, 0)
    assert made.shell("stat -c '%u %a' /nope /nope/deep") == ("0 755\n0 755\n", 0)


def test_signals(box):
    assert box.exec("/bin/sleep", "100").fault == (0, 0)
    assert box.call(EXEC, ["", "", "true"], id=box.last_id, n_argv=1).fault == (STEP_REQUEST, errno.EEXIST)
    assert box.call(SIGNAL, id=box.last_id, value=10).error == 0
    assert box.exec_exited().signal == 10
    assert box.call(SIGNAL, id=box.last_id, value=10).fault == (STEP_REQUEST, errno.ESRCH)
    for number in (0, -1, 67, 1000):  # 65 and 66 are other ways to ask it to power off
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
    assert box.call(PREPARE, ["x", ""], [null] * 5, n_lower=1).error == errno.EALREADY
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


@pytest.mark.once
@pytest.mark.parametrize("argv", [("/bin/sleep", "1000"), ()], ids=["command", "image's init"])
def test_supervisor_killed(make, argv):
    """LIFE-04: the kernel takes the container with it."""
    container = make()
    assert container.start(*argv).fault == (0, 0)
    other = container.exec("/bin/sleep", "1000").pid
    os.kill(container.pid, signal.SIGKILL)
    os.waitpid(container.pid, 0)
    container.running = False
    assert eventually(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in (container.started.pid, other)))


@pytest.mark.once
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


def test_idle(box):
    box.shell("true")
    time.sleep(0.2)

    def switches():
        with open(f"/proc/{box.pid}/status", encoding="ascii") as file:
            return [line for line in file if "ctxt_switches" in line]

    before = switches()
    time.sleep(1)
    assert switches() == before

# SPDX-License-Identifier: LGPL-2.1-or-later
"""bothy-helper: the programs it starts, and the control groups they are in."""

import errno
import json
import os
import select
import socket
import struct
import subprocess
import time

import pytest

from helping import (  # noqa: F401
    BASE, HOLD, LIBEXEC, OWN, REPLY, SPAWN, STEP_GROUP, STEP_REQUEST, SUPERVISOR, UNPACK, Helper, Reply, helper, own_mounts,
    pytestmark, request, until,
)


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
    assert (reply.error, reply.step, len(reply.fds)) == (0, 0, 1) and reply.number > 0
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
    assert not os.path.exists(f"/proc/{reply.number}")  # reaped


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
        file.write(str(reply.number))
    ours.settimeout(10)
    ours.send(struct.pack("=I", 99))
    data, fds, _, _ = socket.recv_fds(ours, REPLY.size, 80)
    answer = Reply(data, fds)
    yield ours, reply.number, answer
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


def test_groups_are_left(own_mounts):
    """Whatever groups bothy-helper was started with: neither it nor what it starts has one, and what is not bounded by a
    capability of its own is not inherited either."""
    h = Helper(["setpriv", "--groups=4,27", "--inh-caps=+chown", "--ambient-caps=+chown"])
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        reply = h.call(request(HOLD), [theirs.fileno()])
        assert reply.error == 0
        for pid in h.process.pid, reply.number:
            status = dict(line.split(":", 1) for line in read(f"/proc/{pid}/status").splitlines())
            assert status["Groups"].split() == [] and int(status["CapAmb"], 16) == 0, status
    h.close()


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

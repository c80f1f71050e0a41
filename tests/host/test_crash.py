# SPDX-License-Identifier: LGPL-2.1-or-later
"""What dies while containers run: the broker, the helper, a supervisor, a session. The rest goes on."""

import json
import os
import pathlib
import subprocess
import sys
import time

import pytest

sys.path.append(str(pathlib.Path(__file__).parents[1] / "bus"))

from slowfs import SlowFileSystem
from wire import MANAGER, ROOT, Client
from tools import (broker, info, names, nothing_left, processes, state, supervisor,  # noqa: F401
                   tidy, until)

# What dies at the wrong moment shows once in a while only.
pytestmark = pytest.mark.once


@pytest.fixture
def x1(host):
    host.run("root", "systemctl reset-failed bothyd bothy-helper bothy-spawn bothy-parse 2>/dev/null; true")
    host.run("alice", "bothy", "launch", "busybox", "x1", check=True)
    return info(host, "x1")


def tick(host, name="x1", user="alice"):
    """Something that counts in the container, and what it has counted to."""
    host.run(user, f"bothy exec {name} -- sh -c 'i=0; while :; do i=$((i+1)); echo $i >/root/tick; sleep 0.05; done "
                   "</dev/null >/dev/null 2>&1 &'", check=True)
    file = host.root / "var/lib/bothy/containers" / info(host, name, user)["id"] / "data/upper/root/tick"

    def count():
        try:
            return int(file.read_text() or 0)
        except (FileNotFoundError, ValueError):
            return 0

    until(count)
    return count


def kill(host, pid, name="KILL"):
    host.run("root", "kill", f"-{name}", str(pid), check=True)


RUNNING = ("leader", "leaderPIDFDId", "controlGroup", "rangeBase", "state", "startedAt", "id", "name")


@pytest.mark.parametrize("how", ["kill -9 $(systemctl show -p MainPID --value bothyd)", "systemctl restart bothyd",
                                 "systemctl stop bothyd", "systemctl daemon-reexec"])
def test_containers_outlive_the_broker_LIFE_01_CG_08(host, x1, how):
    host.run("bob", "bothy", "launch", "busybox", "b1", check=True)
    count = tick(host)
    old = broker(host)
    running = subprocess.Popen(host.command("alice", "bothy", "exec", "x1", "--", "sh", "-c", "sleep 2.5; exit 42"),
                               stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    time.sleep(0.5)
    before = count()
    host.run("root", how, check=True)
    # At once, with nothing said in between.
    assert host.run("alice", "bothy", "exec", "x1", "--", "sh", "-c", "exit 5").returncode == 5
    assert ("reexec" in how) == (broker(host) == old)
    now = info(host, "x1")
    assert {key: now[key] for key in RUNNING} == {key: x1[key] for key in RUNNING}
    assert state(host, "b1", "bob") == "running"
    until(lambda: count() > before + 5, what="the program in the container goes on")
    # What ran meanwhile ends as it ends.
    errors = running.communicate(timeout=20)[1]
    assert running.returncode == 42, errors
    host.run("alice", "bothy stop -f x1 && bothy start x1 && bothy exec x1 -- true && bothy delete -f x1", check=True)


def test_killed_broker_comes_again_by_itself(host, x1):
    old = broker(host)
    kill(host, old)
    new = until(lambda: broker(host) not in (0, old) and broker(host), 10, "systemd starts another")
    assert new != old
    assert state(host, "x1") == "running"


def test_container_that_ended_without_a_broker(host, x1):
    """Neither its end nor its exit status get lost."""
    host.run("alice", "bothy create busybox y1 -- sh -c 'sleep 1.5; exit 6' && "
                      "bothy start y1", check=True)
    host.run("root", "systemctl", "stop", "bothyd", check=True)
    time.sleep(2)
    after = info(host, "y1")
    assert (after["state"], after["lastExit"], after["lastError"]) == ("stopped", [6, 0], "")
    assert state(host, "x1") == "running"
    host.run("alice", "bothy", "delete", "y1", check=True)


def test_ephemeral_that_ended_without_a_broker(host):
    host.run("alice", "bothy create --ephemeral busybox e1 && bothy start e1", check=True)
    leader = info(host, "e1")["leader"]
    host.run("root", f"systemctl stop bothyd && kill -9 {leader}", check=True)
    until(lambda: names(host) == [], what="it is deleted")
    nothing_left(host)


def test_killed_helper_LIFE_10(host, x1):
    for _ in range(2):
        host.run("alice", "bothy", "run", "--rm", "busybox", "true", check=True)
        for unit in "bothy-helper.service", "bothy-spawn.service", "bothy-parse.service":
            host.run("root", "systemctl", "kill", "--signal=KILL", unit, check=True)
        assert host.run("alice", "bothy", "exec", "x1", "--", "true").returncode == 0
        done = host.run("alice", "bothy", "run", "--rm", "busybox", "sh", "-c", "exit 3")
        assert done.returncode == 3, done.stderr
    assert info(host, "x1")["leaderPIDFDId"] == x1["leaderPIDFDId"]


def test_killed_supervisor_LIFE_04(host, x1):
    host.run("alice", "bothy", "launch", "busybox", "x2", check=True)
    tick(host)
    kill(host, supervisor(host, x1))
    host.run("alice", "bothy", "wait", "-t", "10", "x1", check=True)
    after = info(host, "x1")
    assert after["state"] == "failed" and "supervisor" in after["lastError"]
    assert (after["leader"], after["controlGroup"], after["lastExit"]) == (0, "", [0, 9])
    until(lambda: processes(host, x1) == [], what="all its processes are gone")
    nothing_left(host)
    assert state(host, "x2") == "running"
    host.run("alice", "bothy start x1 && bothy exec x1 -- true", check=True)
    assert info(host, "x1")["lastError"] == ""


def test_supervisor_killed_without_a_broker_LIFE_04(host, x1):
    pid = supervisor(host, x1)
    host.run("root", f"systemctl stop bothyd && kill -9 {pid}", check=True)
    after = info(host, "x1")
    assert after["state"] == "failed" and "supervisor" in after["lastError"]
    assert processes(host, x1) == []
    nothing_left(host)
    host.run("alice", "bothy start x1 && bothy exec x1 -- true", check=True)


def test_stopped_supervisor_LIFE_04(host, x1):
    """SIGSTOP: its container can be killed all the same, and others wait for nothing."""
    host.run("alice", "bothy", "launch", "busybox", "x2", check=True)
    pid = supervisor(host, x1)
    kill(host, pid, "STOP")
    start = time.monotonic()
    assert host.run("alice", "bothy", "exec", "x2", "--", "true").returncode == 0
    assert json.loads(host.output("alice", "bothy list --json"))[0]["name"] == "x1"
    assert time.monotonic() - start < 2
    host.run("alice", "bothy", "stop", "--force", "x1", check=True)
    assert time.monotonic() - start < 12
    assert state(host, "x1") == "stopped"
    assert processes(host, x1) == []
    nothing_left(host)
    host.run("alice", "bothy start x1 && bothy exec x1 -- true", check=True)


def test_broker_comes_up_beside_a_stopped_supervisor_LIFE_04(host, x1):
    host.run("alice", "bothy", "launch", "busybox", "x2", check=True)
    pid = supervisor(host, x1)
    kill(host, pid, "STOP")
    try:
        host.run("root", "systemctl", "restart", "bothyd", check=True)
        assert host.run("alice", "bothy", "exec", "x2", "--", "true", timeout=30).returncode == 0
        # Whom nobody can talk to does not go on.
        until(lambda: processes(host, x1) == [], what="its processes are gone")
    finally:
        host.run("root", "kill", "-CONT", str(pid))
    assert info(host, "x1")["state"] == "failed" and "supervisor" in info(host, "x1")["lastError"]
    nothing_left(host)
    host.run("alice", "bothy delete -f x1 && bothy launch busybox x1", check=True)


def test_logout_leaves_containers_LIFE_08(host, x1):
    """A container is the machine's, as long as the user does not stop it."""
    session = subprocess.Popen(host.command("alice", "sh", "-c", "bothy launch busybox x2; echo $XDG_SESSION_ID; "
                                            "exec sleep 60", session="active"),
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    assert session.stdout.readline() == "x2\n"
    assert session.stdout.readline().strip()
    x2 = info(host, "x2")
    host.run("root", "loginctl", "terminate-user", "alice", check=True)
    session.wait(timeout=20)
    until(lambda: "alice" not in host.run("root", "loginctl list-users --no-legend").stdout, 15, "she is logged out")
    for before in x1, x2:
        now = info(host, before["name"])
        assert {key: now[key] for key in RUNNING} == {key: before[key] for key in RUNNING}
        assert host.output("alice", "bothy", "exec", before["name"], "--", "id", "-u") == "0"
    host.run("alice", "bothy stop -f x1 x2", check=True)


def test_range_is_never_given_to_another_RANGE_07(host, x1):
    mine = {r["rangeBase"] for r in json.loads(host.output("alice", "bothy range list --json"))}
    assert x1["rangeBase"] in mine
    host.run("alice", "bothy", "delete", "-f", "x1", check=True)
    host.run("root", "systemctl", "restart", "bothyd", check=True)
    for i in range(5):
        host.run("bob", "bothy", "create", "busybox", f"b{i}", check=True)
    theirs = {info(host, f"b{i}", "bob")["rangeBase"] for i in range(5)}
    assert len(theirs) == 5 and not theirs & mine
    # But she gets it again.
    host.run("alice", "bothy", "create", "busybox", "again", check=True)
    assert info(host, "again")["rangeBase"] in mine


def test_second_broker_does_not_start_STATE_06(host, x1):
    done = host.run("root", "/usr/libexec/bothy/bothyd", timeout=20)
    assert done.returncode != 0 and "Another bothyd" in done.stderr
    assert state(host, "x1") == "running"
    assert host.run("alice", "bothy", "exec", "x1", "--", "true").returncode == 0


def test_container_cannot_change_its_limits_CG_04_CG_05(host, x1):
    """Of its control group it has only what is below."""
    group = host.root / f"sys/fs/cgroup{x1['controlGroup']}"
    base = x1["rangeBase"]
    for file in group.iterdir():
        if file.is_file() and file.name not in ("cgroup.procs", "cgroup.threads", "cgroup.subtree_control"):
            assert not (file.stat().st_uid == base and file.stat().st_mode & 0o200) or file.name in \
                (host.root / "sys/kernel/cgroup/delegate").read_text().split(), file.name
    # A process of the host's does not get in: not even its number can be said inside.
    inner = host.run("alice", "bothy exec x1 -- sh -c 'mkdir /sys/fs/cgroup/below && echo $$ >/sys/fs/cgroup/below/"
                              "cgroup.procs && cat /proc/self/cgroup'")
    assert inner.returncode == 0 and "/below" in inner.stdout
    host.run("root", f"mkdir {'/sys/fs/cgroup' + x1['controlGroup']}/payload/t 2>/dev/null; true")
    done = host.run("alice", "bash", "-c", f"echo $$ >/sys/fs/cgroup{x1['controlGroup']}/cgroup.procs")
    assert done.returncode != 0
    assert state(host, "x1") == "running"


def test_foreign_unit_of_that_name_CG_03(host, x1):
    """Each start has a scope of its own, so that none ever meets what an earlier one left."""
    first = x1["controlGroup"]
    host.run("alice", "bothy", "stop", "-f", "x1", check=True)
    host.run("root", "systemd-run", "--scope", "--unit", first.rsplit("/", 1)[1], "--slice", "user-1000.slice", "--quiet",
             "sh", "-c", "sleep 30 >/dev/null 2>&1 & echo $! >/run/other.pid", check=True)
    pid = host.output("root", "cat /run/other.pid")
    host.run("alice", "bothy start x1 && bothy exec x1 -- true", check=True)
    assert info(host, "x1")["controlGroup"] != first
    host.run("alice", "bothy", "stop", "-f", "x1", check=True)
    host.run("root", f"kill -0 {pid} && kill {pid}", check=True)


@pytest.mark.once
@pytest.mark.parametrize("name", ["net", "helper", "spawn"])
def test_socket_that_is_asked_often_stays(host, x1, name):
    """systemd gives a socket unit up that starts its service too often in a short time, and then nothing works for good."""
    host.run("root", "python3", "-c", f"""
import socket, subprocess
for _ in range(60):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asked:
        asked.connect('/run/bothy/{name}.sock')
    subprocess.run(['systemctl', 'kill', '-s', 'KILL', 'bothy-{name}.service'], stderr=subprocess.DEVNULL)
""", check=True, timeout=120)
    assert host.output("root", f"systemctl is-active bothy-{name}.socket || true").strip() == "active"
    until(lambda: host.run("alice", "bothy", "run", "--rm", "busybox", "true").returncode == 0, 20)
    assert info(host, "x1")["networkError"] == ""


UPGRADE = ("systemctl daemon-reload && systemctl try-restart bothy-helper.service bothy-spawn.service bothy-parse.service "
           "bothy-mount.service bothy-net.service bothyd.service")


@pytest.mark.parametrize("how", ["restart", "upgrade", "idle"])
def test_ARG_06_bothyd_goes_on_while_a_file_hangs(fresh_host, how):
    """A thread of bothyd's closes a file that a user serves himself, and who never answers: it can not even be killed. Ten
    seconds later the next one serves."""
    host = fresh_host()
    if how == "idle":
        host.write("/etc/bothy/bothyd.conf", "[Service]\nIdleSeconds=2\n")
        host.run("bob", "bothy", "list", check=True)
    else:
        host.run("bob", "bothy", "launch", "busybox", "b1", check=True)
    (host.root / "run/slow").mkdir()
    slow = SlowFileSystem("/run/slow", b"slow", host.init)
    try:
        fd = os.open(host.root / "run/slow/file", os.O_RDONLY)
        slow.let_wait("bothyd")
        with Client(host.root / "run/dbus/system_bus_socket", 0) as root:
            root.error(ROOT, MANAGER, "NoSuchMethod", fds=[fd], timeout=5)
        until(lambda: slow.held, what="it hangs")
        old = host.output("root", "systemctl show -P MainPID bothyd")
        begin = time.monotonic()
        if how == "idle":
            # It has said that it goes, or is gone.
            until(lambda: host.output("root", "systemctl show -P ActiveState bothyd") != "active", 20, "it leaves")
            begin = time.monotonic()
        else:
            host.run("root", "systemctl restart bothyd" if how == "restart" else UPGRADE, check=True, timeout=60)
        listed = host.run("bob", "bothy", "list", timeout=60)
        took = time.monotonic() - begin
        assert listed.returncode == 0 and took < 10, (took, listed)
        assert slow.held and host.output("root", "systemctl show -P MainPID bothyd") != old
        if how != "idle":
            assert host.output("bob", "bothy exec b1 -- id -u") == "0"
        os.close(fd)
    finally:
        # Without who serves it, it is at an end.
        slow.control.close()
        os.waitpid(slow.pid, 0)

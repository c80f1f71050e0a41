# SPDX-License-Identifier: LGPL-2.1-or-later
"""Containers that are started on demand: by who connects to their ports, and by who runs something in them (AUTO)."""

import json
import subprocess

import pytest

from tools import broker, info, state, tidy, until  # noqa: F401

MARK = "var/lib/bothy/autostart"
WEB = "busybox x1 -p 8080:80 -- httpd -f -p 80 -h /etc"

ASK = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=20).read().decode())"

# Eight of them, who all are there before anybody is answered.
ASK_AT_ONCE = """
import socket
many = [socket.create_connection(("127.0.0.1", 8080), 20) for _ in range(8)]
for s in many:
    s.sendall(b"GET /hostname HTTP/1.0\\r\\n\\r\\n")
for s in many:
    print(s.makefile().read().split()[-1])
"""

# What comes of connections to a port that are made for so many seconds, one after the other.
FLOOD = """
import socket, sys, time
end, n = time.monotonic() + float(sys.argv[1]), 0
while time.monotonic() < end:
    with socket.socket() as s:
        s.settimeout(5)
        try:
            s.connect(("127.0.0.1", 8080))
            s.recv(1)
        except OSError:
            pass
    n += 1
print(n)
"""


def ask(host, address="127.0.0.1", user="bob"):
    return host.command(user, "python3", "-c", ASK, f"http://{address}:8080/hostname")


def answer(host, address="127.0.0.1"):
    done = subprocess.run(ask(host, address), capture_output=True, text=True)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def is_taken(host):
    """Whether a service of the machine's may have the port."""
    return host.run("bob", "python3", "-c", "import socket; socket.create_server(('', 8080))").returncode != 0


def listens(host, address="127.0.0.1"):
    """At once, and without starting anything: the kernel's own list."""
    return until(lambda: ":8080 " in host.output("root", "ss -ltnH"), what="it listens")


def stopped(host):
    host.run("alice", "bothy stop -f x1", check=True)
    listens(host)


def starts(host):
    return [e for e in host.output("alice", "bothy history x1").splitlines() if "started by a connection" in e]


@pytest.fixture
def web(host):
    host.run("alice", f"bothy create {WEB} && bothy autostart x1 on-demand", check=True)
    listens(host)
    assert state(host, "x1") == "stopped"
    return host


def test_AUTO_50_the_first_connection_is_answered(web):
    host = web
    assert is_taken(host)
    for address in "127.0.0.1", "[::1]":
        assert answer(host, address) == "x1"
        found = info(host, "x1")
        assert (found["state"], found["stateReason"]) == ("running", "on-demand")
        assert answer(host, address) == "x1"
        stopped(host)
    # All who come at once.
    assert host.output("bob", "python3", "-c", ASK_AT_ONCE, timeout=60).split() == ["x1"] * 8
    assert len(starts(host)) == 3
    assert "on demand" in host.output("alice", "bothy info x1")
    assert json.loads(host.output("alice", "bothy autostart x1 --json"))["mode"] == "on-demand"


def test_AUTO_51_bothyd_comes_and_goes(web):
    """What listens stays, who comes meanwhile waits; and bothyd is started at boot for it."""
    host = web
    assert (host.root / MARK).exists()
    host.run("root", "kill -9 $(systemctl show -P MainPID bothyd)", check=True)
    assert answer(host) == "x1"
    stopped(host)
    host.run("root", "systemctl stop bothyd", check=True)
    assert ":8080 " in host.output("root", "ss -ltnH")
    early = subprocess.Popen(ask(host), stdout=subprocess.PIPE, text=True)
    until(lambda: host.output("root", "ss -tnH state established '( sport = :8080 )'"), what="somebody waits")
    host.run("root", "systemctl restart bothy-autostart", check=True)
    assert early.communicate(timeout=30)[0].strip() == "x1"
    # And bothy-net itself.
    stopped(host)
    host.run("root", "kill -9 $(systemctl show -P MainPID bothy-net)", check=True)
    assert answer(host) == "x1"


def test_AUTO_52_letting_go(web):
    host = web
    host.run("alice", "bothy autostart x1 no", check=True)
    until(lambda: not is_taken(host), what="the port is free")
    assert "refused" in answer(host) and state(host, "x1") == "stopped"
    host.run("alice", "bothy autostart x1 on-demand", check=True)
    listens(host)
    host.run("alice", "bothy port remove x1 8080", check=True)
    until(lambda: not is_taken(host), what="the port is free")
    host.run("alice", "bothy port add x1 8080:80", check=True)
    listens(host)
    # A bothyd that is killed in between does not come to take it back.
    host.run("alice", "bothy delete x1", check=True)
    until(lambda: not is_taken(host), what="the port is free")
    assert not (host.root / MARK).exists()


def test_AUTO_53_a_flood_does_not_start_it_in_a_loop(host):
    """Nor does one that never comes up keep anybody waiting."""
    host.run("alice", "bothy create busybox x1 -p 8080:80 -- false && bothy autostart x1 on-demand", check=True)
    listens(host)
    assert int(host.output("bob", "python3", "-c", FLOOD, "6")) > 5
    # 100 ms, 200, 400, 800, 1600, 3200.
    assert 2 <= len(starts(host)) <= 6
    until(lambda: state(host, "x1") != "starting" and is_taken(host), what="it is held")


def test_AUTO_54_exec_and_shell(web):
    host = web
    assert host.output("alice", "bothy exec x1 -- hostname").strip() == "x1"
    assert info(host, "x1")["stateReason"] == "on-demand"
    stopped(host)
    # Two at once start it once.
    running = [subprocess.Popen(host.command("alice", "bothy", "exec", "x1", "--", "hostname"), stdout=subprocess.PIPE, text=True)
               for _ in range(2)]
    assert [each.communicate(timeout=30)[0].strip() for each in running] == ["x1"] * 2
    until(lambda: answer(host) == "x1", what="its service is there")
    stopped(host)
    # By his own authority only.
    assert host.run("bob", "bothy --no-ask-password exec alice/x1 -- true").returncode != 0
    assert host.run("bob", "bothy --no-ask-password autostart alice/x1 no").returncode != 0
    assert state(host, "x1") == "stopped"
    host.run("alice", "bothy autostart x1 no", check=True)
    assert host.run("alice", "bothy exec x1 -- true").returncode != 0


def test_AUTO_55_with_a_policy(host):
    """One that is started again anyway keeps its pauses."""
    host.run("alice", "bothy create --restart always busybox x1 -p 8080:80 -- false && bothy autostart x1 on-demand", check=True)
    listens(host)
    assert broker(host)
    host.output("bob", "python3", "-c", FLOOD, "2")
    assert len(starts(host)) == 1
    host.run("alice", "bothy stop -f x1", check=False)
    host.run("alice", "bothy autostart x1 no --restart no", check=True)

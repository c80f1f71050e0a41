# SPDX-License-Identifier: LGPL-2.1-or-later
"""Names of containers for programs of the host: libnss_bothy."""

import subprocess

import pytest

from test_network import launch
from tools import info, tidy, until  # noqa: F401


@pytest.fixture
def hosts(host):
    """A host whose nsswitch.conf asks us."""
    before = (host.root / "etc/nsswitch.conf").read_text()
    lines = [line for line in before.splitlines() if not line.startswith("hosts:")]
    host.write("/etc/nsswitch.conf", "\n".join([*lines, "hosts: files bothy dns", ""]))
    yield host
    host.write("/etc/nsswitch.conf", before)


def resolve(host, user, name, how="ahosts"):
    """The addresses that NAME has for a program of USER's."""
    done = host.run(user, "getent", how, name)
    return {line.split()[0] for line in done.stdout.splitlines()}


def own(host, name, user="alice"):
    return {a.split("/")[0] for a in until(lambda: info(host, name, user)["addresses"], what=info(host, name, user)["networkError"])}


def test_names_are_each_users_own(hosts):
    host = hosts
    launch(host, "alice", "x1")
    launch(host, "bob", "x1")
    alice, bob = own(host, "x1"), own(host, "x1", "bob")
    assert len(alice) == 2 and alice.isdisjoint(bob)
    for name in ("x1.bothy", "X1.Bothy", "x1.bothy.", "x1.alice.bothy"):
        assert resolve(host, "alice", name) == alice, name
    assert resolve(host, "bob", "x1.bothy") == bob
    assert resolve(host, "bob", "x1.alice.bothy") == set()
    assert resolve(host, "carol", "x1.bothy") == set() and resolve(host, "root", "x1.bothy") == set()
    assert resolve(host, "root", "x1.alice.bothy") == alice
    assert resolve(host, "alice", "x1.bothy", "ahostsv4") == {a for a in alice if "." in a}
    assert resolve(host, "alice", "x1.bothy", "hosts") <= alice
    for name in ("x2.bothy", "bothy", ".bothy", "x1.x1.bothy", "x1..bothy", "-.bothy", "x1.bothy.example", "a" * 250 + ".bothy"):
        assert resolve(host, "alice", name) == set(), name
    host.run("alice", "ping", "-c", "1", "x1.bothy", check=True)


def test_names_go_with_the_container(hosts):
    host = hosts
    launch(host, "alice", "x1")
    assert resolve(host, "alice", "x1.bothy")
    host.run("alice", "bothy", "stop", "--force", "x1", check=True)
    assert resolve(host, "alice", "x1.bothy") == set()
    host.run("root", "systemctl", "stop", "bothyd", check=True)
    assert not (host.root / "run/bothy/names.sock").exists()
    assert resolve(host, "alice", "x1.bothy") == set()


@pytest.mark.once
def test_killed_service(hosts):
    host = hosts
    launch(host, "alice", "x1")
    before = resolve(host, "alice", "x1.bothy")
    host.run("root", "systemctl", "kill", "-s", "KILL", "bothyd", check=True)
    until(lambda: resolve(host, "alice", "x1.bothy") == before, 20)


FLOOD = """
import os, socket, sys
held = []
for _ in range(200):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(5)
    s.connect("/run/bothy/names.sock")
    held.append(s)
for data in (b"x" * 254, b"x1.bothy\\0", b"\\xff.bothy", b"%s%n.bothy", b"x" * 100000):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect("/run/bothy/names.sock")
    try:
        s.send(data)
    except OSError:
        pass
    held.append(s)
print("ready", flush=True)
sys.stdin.read()
"""


def test_who_only_knocks_keeps_nobody_out(hosts):
    host = hosts
    launch(host, "alice", "x1")
    flood = subprocess.Popen(host.command("bob", "python3", "-c", FLOOD), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert flood.stdout.readline() == b"ready\n"
        assert resolve(host, "alice", "x1.bothy") == own(host, "x1")
    finally:
        flood.stdin.close()
        flood.wait()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What containers reach outside of the machine, and what they may reach; with the real NetworkManager."""

import json
import subprocess

import pytest

from test_network import address, launch, reaches
from tools import asked_of_net, info, tidy, until  # noqa: F401

OUTSIDE = "192.0.2.2"
OUTSIDE6 = "2001:db8::2"

MAKE = """
ip netns add outside
ip link add up0 type veth peer name far netns outside
ip addr add 192.0.2.1/24 dev up0
ip addr add 2001:db8::1/64 dev up0 nodad
ip link set up0 up
ip -6 route add default via 2001:db8::2 dev up0
ip -n outside link set lo up
ip -n outside addr add 192.0.2.2/24 dev far
ip -n outside addr add 2001:db8::2/64 dev far nodad
ip -n outside link set far up
"""

# Answers each connection with the address that it comes from.
SERVER = """
import socket
listeners = []
for port in (80, 443):
    s = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    listeners.append(s)
import select
while True:
    for s in select.select(listeners, [], [])[0]:
        c, peer = s.accept()
        c.sendall((peer[0].removeprefix("::ffff:") + "\\n").encode())
        c.close()
"""


@pytest.fixture
def outside(host):
    """A machine that the host reaches, by IPv4 and IPv6."""
    host.run("root", MAKE, check=True)
    server = subprocess.Popen(host.command("root", "ip", "netns", "exec", "outside", "python3", "-c", SERVER))
    until(lambda: host.run("root", "bash", "-c", f"exec 3<>/dev/tcp/{OUTSIDE}/443").returncode == 0, 20)
    yield host
    host.run("root", "ip netns pids outside | xargs -r kill; ip netns delete outside; ip link delete up0")
    server.wait()


def peer(host, name, where, port, user="alice"):
    """As whom WHERE sees the container; "" when it does not get there."""
    return host.run(user, "bothy", "exec", name, "--", "nc", "-w", "2", where, str(port)).stdout.strip()


def test_out_with_addresses_of_the_machine(outside):
    host = outside
    launch(host, "alice", "x1")
    assert peer(host, "x1", OUTSIDE, 80) == "192.0.2.1"
    # The bridge has come up just now, and finds first that nobody else has its address.
    until(lambda: peer(host, "x1", OUTSIDE6, 80) == "2001:db8::1")
    # Nobody comes in, even by a route.
    own = [a.split("/")[0] for a in info(host, "x1")["addresses"]]
    host.run("alice", "bothy", "exec", "x1", "--", "sh", "-c",
             "while :; do echo in | nc -l -p 80; done >/dev/null 2>&1 </dev/null &", check=True)
    until(lambda: host.run("root", "bash", "-c", f"exec 3<>/dev/tcp/{own[0]}/80").returncode == 0)
    host.run("root", "ip -n outside route add 10.209.0.0/16 via 192.0.2.1; ip -n outside -6 route add fd00::/8 via 2001:db8::1",
             check=True)
    for target in own:
        tried = host.run("root", "timeout", "2", "ip", "netns", "exec", "outside", "bash", "-c",
                         f"exec 3<>/dev/tcp/{target}/80")
        assert tried.returncode != 0, target


def test_only_what_is_allowed(outside):
    host = outside
    launch(host, "alice", "x1", "--allow", f"{OUTSIDE}:443", "--allow", "[2001:db8::/32]:80/tcp")
    launch(host, "alice", "x2")
    reached = {(where, port) for where in (OUTSIDE, OUTSIDE6) for port in (80, 443) if peer(host, "x1", where, port)}
    assert reached == {(OUTSIDE, 443), (OUTSIDE6, 80)}
    assert info(host, "x1")["egress"] == [f"{OUTSIDE}:443/tcp", "[2001:db8::/32]:80/tcp"]
    assert not reaches(host, "alice", "x1", "x2") and reaches(host, "alice", "x1", "10.209.0.1")
    assert peer(host, "x2", OUTSIDE, 80)


def test_changed_as_it_runs(outside):
    host = outside
    launch(host, "alice", "x1")
    launch(host, "alice", "x2")

    def egress(*words):
        return host.run("alice", "bothy", "egress", *words, check=True).stdout

    assert egress("list", "x1") == "all\n"
    egress("set", "x1", "none")
    assert egress("list", "x1") == "none\n" and json.loads(egress("list", "--json", "x1")) == []
    assert not peer(host, "x1", OUTSIDE, 80) and not reaches(host, "alice", "x1", "x2")
    egress("allow", "x1", f"{OUTSIDE}:80", f"{address(host, 'x2')}/icmp")
    assert peer(host, "x1", OUTSIDE, 80) and reaches(host, "alice", "x1", "x2")
    egress("deny", "x1", f"{OUTSIDE}:80/tcp")
    assert not peer(host, "x1", OUTSIDE, 80)
    egress("set", "x1", "all")
    assert peer(host, "x1", OUTSIDE, 80) and peer(host, "x1", OUTSIDE6, 443)


@pytest.mark.parametrize("how", ["bothy restart x1", "systemctl kill -s KILL bothyd", "systemctl restart NetworkManager",
                                 "nft delete table inet bothy; nft delete table bridge bothy; systemctl kill -s KILL bothyd"])
def test_survives(outside, how):
    host = outside
    launch(host, "alice", "x1", "--allow", f"{OUTSIDE}:443/tcp")
    host.run("alice" if how.startswith("bothy") else "root", how, check=True)
    until(lambda: info(host, "x1")["addresses"], 20)
    until(lambda: peer(host, "x1", OUTSIDE, 443), 20)
    assert not peer(host, "x1", OUTSIDE, 80) and not peer(host, "x1", OUTSIDE6, 443)


def test_a_published_port_of_it_answers(outside):
    host = outside
    launch(host, "alice", "x1", "--allow", "none")
    host.run("alice", "bothy", "port", "add", "x1", "8080:80", check=True)
    host.run("alice", "bothy", "exec", "x1", "--", "sh", "-c",
             "while :; do echo hello | nc -l -p 80; done >/dev/null 2>&1 </dev/null &", check=True)
    assert "hello" in until(lambda: host.run(
        "root", "timeout", "5", "ip", "netns", "exec", "outside", "bash", "-c",
        "exec 3<>/dev/tcp/192.0.2.1/8080; cat <&3").stdout)


def test_changed_while_its_nic_is_being_made(host):
    """What SetEgress said holds when it answers, whatever the one who makes the nic was told before."""
    launch(host, "alice", "x2")
    host.run("root", "systemctl", "stop", "NetworkManager", check=True)
    try:
        launch(host, "alice", "x1")
        assert info(host, "x1")["networkError"] and not reaches(host, "alice", "x1", "10.209.0.1")
        host.run("root", "pkill", "-STOP", "-x", "bothy-net", check=True)
    finally:
        host.run("root", "systemctl", "start", "NetworkManager", check=True)
    try:
        until(lambda: asked_of_net(host), 20)
        setting = subprocess.Popen(host.command("alice", "bothy", "egress", "set", "x1", "none"))
        until(lambda: info(host, "x1")["egress"] == [])
        assert info(host, "x1")["addresses"] == [] and setting.poll() is None
    finally:
        host.run("root", "pkill", "-CONT", "-x", "bothy-net", check=True)
    assert setting.wait(20) == 0 and info(host, "x1")["addresses"]
    assert not reaches(host, "alice", "x1", address(host, "x2")) and reaches(host, "alice", "x1", "10.209.0.1")


def test_refusals(host):
    launch(host, "alice", "x1")
    launch(host, "alice", "x2", "--network", "none")
    for words, code, text in ((("set", "x1", "example.org"), 1, "example.org"), (("deny", "x1", "192.0.2.1"), 1, "192.0.2.1"),
                              (("set", "x2", "all"), 1, "no network"), (("set", "x1"), 2, "destination"),
                              (("set", "no-such", "all"), 1, "no-such")):
        done = host.run("alice", "bothy", "egress", *words)
        assert done.returncode == code and text in done.stderr, done.stderr
    foreign = host.run("bob", "bothy", "--no-ask-password", "egress", "set", "alice/x1", "none")
    assert foreign.returncode == 1 and info(host, "x1")["egress"] == ["all"]

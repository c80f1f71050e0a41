# SPDX-License-Identifier: LGPL-2.1-or-later
"""What holds on bridges of the LAN: addresses that somebody chose, destinations, bridges that can not be used."""

import json
import re
import subprocess
import time

import pytest

from test_bridges import (ROUTER, attached, bridges, by_hand, delegated, inside, lan, links,  # noqa: F401
                          namespace)  # noqa: F401
from tools import asked_of_net, info, tidy, until  # noqa: F401

GUEST = "192.168.77.40"
SELF = "192.168.77.2"
NOBODY = "192.168.77.77"


@pytest.fixture
def addressed(host, delegated):
    """The machine has an address on the bridge, so that its network is known."""
    host.run("root", f"nmcli con modify br9 ipv4.method manual ipv4.addresses {SELF}/24 && nmcli device reapply br9", check=True)
    until(lambda: bridges(host)["br9"]["subnet"] == "192.168.77.0/24", 20)
    yield "br9"
    host.run("root", "nmcli con modify br9 ipv4.method disabled ipv4.addresses '' && nmcli device reapply br9", check=True)
    until(lambda: bridges(host)["br9"]["subnet"] == "", 20)


def create(host, *options, name="x1", verb="create"):
    return host.run("alice", "bothy", "--no-ask-password", verb, "--network", "lan:br9", *options, "busybox", name)


def launch(host, *options, name="x1"):
    done = create(host, *options, name=name, verb="launch")
    assert done.returncode == 0 and done.stderr == "", done.stderr


def pings(host, target, *options, name="x1"):
    return host.run("alice", "bothy", "exec", name, "--", "ping", "-c", "1", "-W", "2", *options, target).returncode == 0


def from_outside(host, target):
    # It may remember who had the address in the test before.
    host.run("root", "ip -n lan neigh flush dev lanq", check=True)
    return "0 received" not in host.run("root", f"ip netns exec lan ping -c 1 -W 2 {target}").stdout


# ---- addresses ----


def test_chosen_address(host, addressed):
    launch(host, "--address", f"{GUEST}/24,{ROUTER}")
    assert info(host, "x1")["addresses"] == [f"{GUEST}/24"] and info(host, "x1")["address"] == f"{GUEST}/24,{ROUTER}"
    assert f"Address: {GUEST}/24,{ROUTER}\n" in host.output("alice", "bothy", "info", "x1")
    assert until(lambda: pings(host, ROUTER)) and from_outside(host, GUEST)
    assert f"default via {ROUTER} dev eth0" in host.output("alice", "bothy exec x1 -- ip route")
    host.run("alice", "bothy", "restart", "x1", check=True)
    assert info(host, "x1")["addresses"] == [f"{GUEST}/24"] and until(lambda: from_outside(host, GUEST))


def test_NET_10_chosen_address_is_the_only_one(host, addressed):
    """Another one, or its ARP, gets nowhere; without a chosen address anything that is nobody's does."""
    launch(host, "--address", f"{GUEST}/24")
    launch(host, name="x2")
    for name in "x1", "x2":
        host.run("alice", "bothy", "exec", name, "--", "ip", "addr", "add", f"{NOBODY}/24", "dev", "eth0", check=True)
        assert pings(host, ROUTER, "-I", NOBODY, name=name) == (name == "x2")
        assert from_outside(host, NOBODY) == (name == "x2")
        host.run("alice", "bothy", "exec", name, "--", "ip", "addr", "del", f"{NOBODY}/24", "dev", "eth0", check=True)
    # And what is chosen is closed to all others.
    host.run("alice", "bothy", "exec", "x2", "--", "ip", "addr", "add", f"{GUEST}/24", "dev", "eth0", check=True)
    assert not pings(host, ROUTER, "-I", GUEST, name="x2") and pings(host, ROUTER)


def test_addresses_that_can_not_be(host, addressed):
    assert create(host, "--address", f"{GUEST}/24").returncode == 0
    for address, words in ((f"{GUEST}/24", "already"), (f"{SELF}/24", "already"), ("192.168.78.40/24", "192.168.77.0/24"),
                           ("192.168.77.41/25", "192.168.77.0/24"), ("192.168.77.41", "prefix"), ("192.168.77.0/24", "no host"),
                           ("192.168.77.255/24", "no host"), ("192.168.77.41/24,10.0.0.1", "gateway"),
                           ("192.168.77.41/24,192.168.77.41", "gateway"), ("fd00::1/64", "IPv4"), ("127.0.0.1/8", "no host"),
                           ("x", "IPv4"), (f"192.168.77.41/24,{ROUTER},1", "IPv4")):
        done = create(host, "--address", address, name="x2")
        assert done.returncode == 1 and words in done.stderr, (address, done.stderr)
    done = host.run("alice", "bothy", "create", "--address", f"{GUEST}/24", "busybox", "x2")
    assert done.returncode == 1 and "lan:BRIDGE" in done.stderr
    assert host.output("alice", "bothy", "list", "-q") == "x1"


def test_chosen_resolvers(host, addressed):
    words = ("ip netns exec lan dnsmasq --no-daemon --no-resolv --no-hosts --bind-interfaces --pid-file=/run/lan-dns.pid "
             f"--listen-address={ROUTER} --address=/name.example/{ROUTER}").split()
    with subprocess.Popen(host.command("root", *words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        try:
            launch(host, "--address", f"{GUEST}/24", "--dns", ROUTER, "--dns", "2001:DB8::0:1")
            for _ in range(2):
                assert host.output("alice", "bothy exec x1 -- cat /etc/resolv.conf") == f"nameserver {ROUTER}\nnameserver 2001:db8::1"
                until(lambda: pings(host, "name.example"), 20)
                host.run("alice", "bothy", "restart", "--force", "x1", check=True)
            assert info(host, "x1")["resolvers"] == [ROUTER, "2001:db8::1"]
            # Destinations bound what it resolves, too.
            host.run("alice", "bothy", "egress", "set", "x1", f"{ROUTER}/icmp", check=True)
            assert pings(host, ROUTER) and not pings(host, "name.example")
            host.run("alice", "bothy", "egress", "allow", "x1", f"{ROUTER}:53/udp", check=True)
            assert until(lambda: pings(host, "name.example"))
        finally:
            host.run("root", "pkill", "-f", "lan-dns.pid")
    for refused in "x", "127.0.0.1", "0.0.0.0", "224.0.0.1", "fe80::1", "ff02::1", "::", f"{ROUTER} 192.0.2.1", f"{ROUTER}\n", "":
        done = create(host, "--dns", refused, name="x2")
        assert done.returncode == 1 and "resolvers" in done.stderr, (refused, done.stderr)
    assert create(host, *["--dns", ROUTER] * 4, name="x2").returncode == 1
    assert "lan:BRIDGE" in host.run("alice", "bothy", "create", "--dns", ROUTER, "busybox", "x2").stderr


@pytest.mark.parametrize("how", ["systemctl kill -s KILL bothyd", "systemctl restart NetworkManager",
                                 "nft flush ruleset; systemctl kill -s KILL bothyd"])
def test_chosen_address_survives(host, addressed, how):
    launch(host, "--address", f"{GUEST}/24")
    host.run("root", how, check=True)
    until(lambda: info(host, "x1")["addresses"] == [f"{GUEST}/24"], 20)
    until(lambda: from_outside(host, GUEST), 20)
    host.run("alice", "bothy", "exec", "x1", "--", "ip", "addr", "add", f"{NOBODY}/24", "dev", "eth0", check=True)
    assert not pings(host, ROUTER, "-I", NOBODY)


# ---- destinations ----


def test_destinations_on_a_lan(host, addressed):
    launch(host, "--address", f"{GUEST}/24", "--allow", f"{ROUTER}/icmp")
    assert until(lambda: pings(host, ROUTER)) and not pings(host, SELF)
    for words, router, machine in ((("set", "x1", f"{SELF}/icmp"), False, True), (("allow", "x1", f"{ROUTER}/icmp"), True, True),
                                   (("deny", "x1", f"{SELF}/icmp"), True, False), (("set", "x1", "none"), False, False),
                                   (("set", "x1", "all"), True, True)):
        host.run("alice", "bothy", "egress", *words, check=True)
        assert (pings(host, ROUTER), pings(host, SELF)) == (router, machine), words


def test_destinations_on_a_lan_with_dhcp(host, delegated):
    """Without a chosen address as well, and it still gets one."""
    launch(host, "--allow", "192.0.2.9")
    asked = host.run("alice", "bothy", "exec", "x1", "--", "udhcpc", "-n", "-q", "-t", "5", "-i", "eth0", "-s", "/bin/true")
    assert "obtained" in asked.stdout + asked.stderr
    host.run("alice", "bothy", "exec", "x1", "--", "ip", "addr", "add", f"{NOBODY}/24", "dev", "eth0", check=True)
    assert not pings(host, ROUTER)
    host.run("alice", "bothy", "egress", "allow", "x1", "192.168.77.0/24", check=True)
    assert until(lambda: pings(host, ROUTER))
    host.run("alice", "bothy", "egress", "deny", "x1", "192.168.77.0/24", check=True)
    assert not pings(host, ROUTER)


# ---- whoever launches hears of it ----


def test_launch_tells_why_there_is_no_network(host, delegated, namespace):
    pid = namespace()
    for name in "n1", "n2":
        host.run("alice", "bothy", "nic", "attach", "-b", "br9", pid, name, check=True)
    done = create(host, verb="launch")
    assert done.returncode == 0 and done.stdout == "x1\n"
    assert "x1 runs without network" in done.stderr and "in use: 2" in done.stderr
    assert info(host, "x1")["state"] == "running" and info(host, "x1")["networkError"] in done.stderr


@pytest.mark.parametrize("command", ["start x1", "restart --force x2", "run --rm --network lan:br9 busybox echo hello",
                                     "run --rm -t --network lan:br9 busybox echo hello",
                                     "run -d --name x3 --network lan:br9 busybox"])
def test_whoever_starts_it_hears_too(host, delegated, namespace, command):
    pid = namespace()
    for name in "n1", "n2":
        host.run("alice", "bothy", "nic", "attach", "-b", "br9", pid, name, check=True)
    host.run("alice", "bothy create --network lan:br9 busybox x1; bothy create --network lan:br9 busybox x2", check=True)
    done = host.run("alice", f"bothy {command}", check=True)
    assert len(re.findall(r"^bothy: \S+ runs without network: .*in use: 2", done.stderr, re.M)) == 1, done.stderr
    assert ("hello" in done.stdout) == ("hello" in command)
    # Nothing is said where nothing is wrong, or nothing was wanted.
    for quiet in "run --rm busybox true", "run --rm --network none busybox true":
        assert host.run("alice", f"bothy {quiet}", check=True).stderr == ""


# ---- bridges that have nics ----


@pytest.fixture
def lab(host):
    """A bridge that Bothy made."""
    host.run("root", "bothy bridge create --kind lan lab && bothy bridge delegate lab alice 3", check=True)
    yield "lab"
    host.run("root", "bothy bridge revoke lab alice; bothy bridge delete lab")
    until(lambda: "lab" not in bridges(host))


def test_bridge_with_nics_stays(host, lab, namespace):
    pid = namespace()
    attached(host, pid, "--bridge", "lab")
    host.run("alice", "bothy", "launch", "--network", "lan:lab", "busybox", "x1", check=True)
    held = links(host)
    refused = host.run("root", "bothy", "bridge", "delete", "lab")
    assert refused.returncode == 1 and "alice/x1" in refused.stderr and "alice attached by hand" in refused.stderr
    assert links(host) == held and "lab" in bridges(host)
    host.run("alice", "bothy", "stop", "--force", "x1", check=True)
    refused = host.run("root", "bothy", "bridge", "delete", "lab")
    assert refused.returncode == 1 and "x1" not in refused.stderr and "by hand" in refused.stderr
    host.run("alice", "bothy", "nic", "detach", "--bridge", "lab", pid, check=True)
    host.run("root", "bothy", "bridge", "delete", "lab", check=True)
    until(lambda: "lab" not in bridges(host))


@pytest.mark.parametrize("first", ["delete", "launch"])
def test_bridge_is_deleted_while_a_nic_comes(host, lab, first):
    """One of the two is told that it can not be."""
    host.run("bob", "bothy", "launch", "busybox", "beside", check=True)
    commands = {"delete": ("root", "bothy", "bridge", "delete", "lab"),
                "launch": ("alice", "bothy", "launch", "--network", "lan:lab", "busybox", "x1")}
    running = {}
    host.run("root", "pkill", "-STOP", "-x", "bothy-net", check=True)
    try:
        for verb in sorted(commands, key=lambda verb: verb != first):
            running[verb] = subprocess.Popen(host.command(*commands[verb]), stderr=subprocess.PIPE, text=True)
            until(lambda: asked_of_net(host))
        # Whatever the second one does by then; mostly it waits for bothy-net, too.
        time.sleep(0.5)
    finally:
        host.run("root", "pkill", "-CONT", "-x", "bothy-net", check=True)
    said = {verb: process.communicate(timeout=60)[1] for verb, process in running.items()}
    assert running["launch"].returncode == 0, said
    if running["delete"].returncode == 0:
        assert "x1 runs without network" in said["launch"] and "lab" in said["launch"], said
        until(lambda: "lab" not in bridges(host))
        assert not any(" alias bothy:1000:" in line for line in host.output("root", "ip -o link").splitlines())
    else:
        assert "alice/x1" in said["delete"] and said["launch"] == "", said
        assert any("master lab" in line for line in host.output("root", "ip -o link").splitlines())


# ---- NET-02: bridges that can not be used ----


def call_attach(host, bridge, pid, name="eth0"):
    return host.run("alice", "bothy", "--no-ask-password", "nic", "attach", "--bridge", bridge, pid, name)


def untouched(host, pid):
    assert by_hand(host) == [] and "eth0" not in inside(host, pid, "ip link").stdout
    assert filtered(host) == set()


def profiles(host):
    """But for that of the default bridge, which goes some time after its last nic."""
    default = bridges(host)["bothy0"]["connection"]
    return {profile for profile in host.output("root", "nmcli -t -f UUID con").split() if profile != default}


def filtered(host):
    """The nics that the filter knows."""
    return set(re.findall(r"bothy-\w+", host.run("root", "nft list set bridge bothy nics").stdout))


def test_NET_02_not_in_policy_not_a_bridge_and_missing(host, lan, namespace):
    pid = namespace()
    before = profiles(host)
    for bridge, words in ((lan, "use-bridge"), ("lanp", "no bridge"), ("br-none", "no bridge"), ("lo", "no bridge")):
        refused = call_attach(host, bridge, pid)
        assert refused.returncode == 1 and words in refused.stderr, refused.stderr
        untouched(host, pid)
    assert profiles(host) == before


def test_NET_02_down(host, delegated, namespace):
    """Its profile is there, the interface is not; then it is, but is down."""
    pid = namespace()
    host.run("root", "nmcli con down br9p; nmcli con down br9", check=True)
    try:
        until(lambda: host.run("root", "ip link show dev br9").returncode != 0)
        refused = call_attach(host, "br9", pid)
        assert refused.returncode == 1 and "br9 is down" in refused.stderr and "nmcli" in refused.stderr
        untouched(host, pid)
    finally:
        host.run("root", "nmcli con up br9p", check=True)
    until(lambda: "master br9" in host.output("root", "ip link show dev lanp"), 20)
    until(lambda: call_attach(host, "br9", pid).returncode == 0)


def test_NET_02_renamed(host, delegated, namespace):
    pid = namespace()
    host.run("root", "ip link add rn0 type bridge && ip link set rn0 up", check=True)
    try:
        until(lambda: "rn0" in bridges(host))
        host.run("root", "bothy bridge delegate rn0 alice 1", check=True)
        host.run("root", "ip link set rn0 down && ip link set rn0 name rn1 && ip link set rn1 up", check=True)
        refused = until(lambda: (done := call_attach(host, "rn0", pid)).returncode and done)
        assert "rn0" in refused.stderr
        untouched(host, pid)
    finally:
        host.run("root", "bothy bridge revoke rn0 alice; ip link del rn0 || ip link del rn1")


def test_NET_02_deleted_during_the_call(host, namespace):
    """It comes and goes while nics are attached: each is on it, or there is none."""
    pid = namespace()
    host.run("root", "ip link add gone0 type bridge && ip link set gone0 up", check=True)
    until(lambda: "gone0" in bridges(host))
    host.run("root", "bothy bridge delegate gone0 alice 100", check=True)
    flapping = subprocess.Popen(host.command("root", "sh", "-c", "for i in $(seq 40); do ip link del gone0; sleep 0.05; "
                                             "ip link add gone0 type bridge; ip link set gone0 up; sleep 0.1; done; ip link del gone0"))
    done = [call_attach(host, "gone0", pid, f"n{i}") for i in range(12)]
    assert flapping.wait(60) == 0
    for each in done:
        assert each.returncode in (0, 1) and (each.returncode == 0 or each.stderr.startswith("bothy: ")), each.stderr
    # Of those that were made, none is up without its filter.
    shown = json.loads(host.output("root", "ip -j link"))
    assert {link["ifname"] for link in shown if link["ifname"].startswith("bothy-") and "UP" in link["flags"]} <= filtered(host)
    for i in range(12):
        host.run("alice", "bothy", "nic", "detach", "--bridge", "gone0", pid, f"n{i}")
    host.run("root", "bothy bridge revoke gone0 alice")


def test_NET_02_full_bridge(host, namespace):
    pid = namespace()
    host.run("root", "ip link add full0 type bridge && ip link set full0 up", check=True)
    lines = "".join(f"link add d{i} type veth peer name e{i}\nlink set d{i} master full0\n"
                    + f"link set e{i} master full0\n" * (i < 511) for i in range(512))
    try:
        host.run("root", "ip", "-batch", "-", input=lines, timeout=120, check=True)
        # NetworkManager looks at a thousand links first.
        until(lambda: "full0" in bridges(host), 60)
        host.run("root", "bothy bridge delegate full0 alice 5", check=True)
        refused = call_attach(host, "full0", pid)
        assert refused.returncode == 1 and "port of the bridge" in refused.stderr, refused.stderr
        untouched(host, pid)
        host.run("root", "ip link del d511", check=True)
        assert call_attach(host, "full0", pid).returncode == 0
    finally:
        host.run("root", "ip -force -batch - ; ip link del full0; bothy bridge revoke full0 alice; true", timeout=120,
                 input="".join(f"link del d{i}\n" for i in range(512)))

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The network of containers, with the real NetworkManager."""

import ipaddress
import json
import re
import subprocess
import time

import pytest

from tools import info, tidy, until  # noqa: F401

BRIDGE = "10.209.0.1"


def launch(host, user, name, *options):
    host.run(user, "bothy", "launch", *options, "busybox", name, check=True)


def address(host, name, user="alice"):
    return until(lambda: info(host, name, user)["addresses"], what=f"addresses of {name}")[0].split("/")[0]


def reaches(host, user, name, target):
    return host.run(user, "bothy", "exec", name, "--", "ping", "-c", "1", "-W", "2", target).returncode == 0


def surroundings(host):
    """What the network of the host consists of."""
    return [host.output("root", command) for command in
            ("ip -brief link | cut -d' ' -f1", "nft list ruleset", "nmcli -t -f NAME,TYPE con", "ls /run/bothy/dhcp")]


def test_neighbours_by_name(host):
    launch(host, "alice", "x1")
    launch(host, "alice", "x2")
    assert reaches(host, "alice", "x1", "x2") and reaches(host, "alice", "x2", "x1.bothy")
    assert reaches(host, "alice", "x1", BRIDGE)
    host.run("alice", "bothy", "stop", "--force", "x2", check=True)
    assert not reaches(host, "alice", "x1", "x2")


def test_others_do_not_reach_each_other(host):
    """NET-17"""
    launch(host, "alice", "x1")
    launch(host, "bob", "b1")
    alice, bob = address(host, "x1"), address(host, "b1", "bob")
    assert reaches(host, "alice", "x1", BRIDGE) and reaches(host, "bob", "b1", BRIDGE)
    assert not reaches(host, "alice", "x1", bob)
    assert not reaches(host, "bob", "b1", alice)
    assert not reaches(host, "bob", "b1", "x1")


def test_addresses_stay(host):
    launch(host, "alice", "x1")
    before = address(host, "x1")
    host.run("alice", "bothy", "restart", "x1", check=True)
    assert address(host, "x1") == before
    host.run("alice", "bothy", "exec", "x1", "--", "sh", "-c",
             f"ip -4 addr show dev eth0 | grep -q 'inet {before}/'", check=True)


def test_dhcp_answers_with_the_same_address(host):
    """A client inside that asks all the same."""
    launch(host, "alice", "x1")
    asked = host.run("alice", "bothy", "exec", "x1", "--", "udhcpc", "-n", "-q", "-t", "5", "-i", "eth0", "-s",
                     "/bin/true")
    assert f"lease of {address(host, 'x1')} obtained" in asked.stdout + asked.stderr


def test_foreign_address_gets_nothing_through(host):
    """NET-09, NET-10: somebody else's address, and one that is nobody's."""
    launch(host, "alice", "x1")
    launch(host, "alice", "x2")
    assert reaches(host, "alice", "x1", BRIDGE)
    for foreign in (address(host, "x2"), "10.209.99.99"):
        host.run("alice", "bothy", "exec", "x1", "--", "ip", "addr", "add", f"{foreign}/32", "dev", "eth0", check=True)
        sent = host.run("alice", "bothy", "exec", "x1", "--", "ping", "-c", "1", "-W", "2", "-I", foreign, BRIDGE)
        assert sent.returncode != 0


def test_host_services_are_out_of_reach(host):
    """NET-16: DNS answers, other ports do not."""
    launch(host, "alice", "x1")
    server = host.command("root", "python3", "-m", "http.server", "8000")
    with subprocess.Popen(server, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: host.run("root", "bash", "-c", f"exec 3<>/dev/tcp/{BRIDGE}/8000").returncode == 0)
            asked = host.run("alice", "bothy", "exec", "x1", "--", "nc", "-w", "2", BRIDGE, "8000")
            assert asked.returncode != 0
            assert host.run("alice", "bothy", "exec", "x1", "--", "nc", "-w", "2", BRIDGE, "53").returncode == 0
        finally:
            host.run("root", "pkill", "-f", "http.server 8000")
            process.wait()


@pytest.mark.parametrize("how", ["restart", "stop"])
def test_network_manager_goes_and_comes(host, how):
    """NET-19: containers have all again."""
    launch(host, "alice", "x1")
    launch(host, "alice", "x2")
    before = address(host, "x1"), address(host, "x2")
    host.run("root", "systemctl", how, "NetworkManager", check=True)
    if how == "stop":
        launch(host, "alice", "x3")
        assert "NetworkManager" in info(host, "x3")["networkError"]
        host.run("root", "systemctl", "start", "NetworkManager", check=True)
        until(lambda: reaches(host, "alice", "x1", "x3"), 20)
    until(lambda: reaches(host, "alice", "x1", "x2") and reaches(host, "alice", "x1", BRIDGE), 20)
    assert (address(host, "x1"), address(host, "x2")) == before
    launch(host, "bob", "b1")
    assert not reaches(host, "bob", "b1", before[0])


@pytest.mark.once
def test_killed_service_leaves_the_network(host):
    launch(host, "alice", "x1")
    launch(host, "alice", "x2")
    host.run("root", "systemctl", "kill", "-s", "KILL", "bothyd", check=True)
    assert reaches(host, "alice", "x1", "x2")
    assert until(lambda: info(host, "x1")["addresses"], 20)
    assert reaches(host, "alice", "x1", "x2")


def test_without_network(host):
    launch(host, "alice", "x1", "--network", "none")
    assert info(host, "x1")["addresses"] == [] and info(host, "x1")["networkError"] == ""
    host.run("alice", "bothy", "exec", "x1", "--", "test", "!", "-e", "/sys/class/net/eth0", check=True)


def test_ports(host):
    launch(host, "alice", "x1")
    launch(host, "bob", "b1")
    host.run("alice", "bothy", "port", "add", "x1", "8080:80", check=True)
    host.run("alice", "bothy", "exec", "x1", "--", "sh", "-c",
             "while :; do echo hello | nc -l -p 80; done >/dev/null 2>&1 </dev/null &", check=True)
    for target in (BRIDGE, "127.0.0.1"):
        assert "hello" in until(lambda: host.run(  # noqa: B023
            "root", "timeout", "5", "bash", "-c", f"exec 3<>/dev/tcp/{target}/8080; cat <&3").stdout)  # noqa: B023
    # What is not published is its owner's.
    direct = ["timeout", "5", "bash", "-c", f"exec 3<>/dev/tcp/{address(host, 'x1')}/80; cat <&3"]
    assert "hello" in until(lambda: host.run("alice", *direct).stdout)
    assert "No route to host" in host.run("bob", *direct).stderr
    assert "alias bothy:1000" not in host.output("bob", "ip link")
    taken = host.run("bob", "bothy", "port", "add", "b1", "8080")
    assert taken.returncode == 1 and "another user" in taken.stderr and "x1" not in taken.stderr
    low = host.run("alice", "bothy", "--no-ask-password", "port", "add", "x1", "80")
    assert low.returncode == 1 and "1024" in low.stderr
    host.run("root", "sysctl -qw net.ipv4.ip_unprivileged_port_start=80", check=True)
    try:
        host.run("alice", "bothy", "--no-ask-password", "port", "add", "x1", "80", check=True)
        lower = host.run("alice", "bothy", "--no-ask-password", "port", "add", "x1", "79")
        assert lower.returncode == 1 and "80" in lower.stderr
    finally:
        host.run("root", "sysctl -qw net.ipv4.ip_unprivileged_port_start=1024", check=True)
    host.run("alice", "bothy", "port", "remove", "x1", "80", check=True)
    serve = "python3 -c 'import socket; socket.socket().bind((\"127.0.0.1\", 8080))'"
    # Whatever restarts, nobody else gets a port that leads into a container.
    for how in ("true", "systemctl restart bothyd", "systemctl restart bothy-net", "systemctl kill -s KILL bothy-net"):
        host.run("root", how, check=True)
        later = host.run("bob", serve)
        assert later.returncode != 0 and "in use" in later.stderr, how
    host.run("alice", "bothy", "port", "remove", "x1", "8080", check=True)
    host.run("bob", serve, check=True)
    assert host.run("root", "bash", "-c", f"exec 3<>/dev/tcp/{BRIDGE}/8080").returncode != 0


def test_nothing_is_left(fresh_host):
    host = fresh_host()
    before = surroundings(host)
    launch(host, "alice", "x1")
    address(host, "x1")
    assert surroundings(host) != before
    host.run("alice", "bothy", "delete", "--force", "x1", check=True)
    until(lambda: surroundings(host) == before, 20, "the host as it was")


FORGED = [
    "/org/freedesktop/NetworkManager org.freedesktop.NetworkManager.StateChanged uint32:10",
    "/org/freedesktop/NetworkManager org.freedesktop.NetworkManager.DeviceRemoved objpath:/org/freedesktop/NetworkManager/Devices/1",
    "/org/freedesktop org.freedesktop.DBus.ObjectManager.InterfacesRemoved objpath:/org/freedesktop/NetworkManager/Devices/1 "
    "array:string:org.freedesktop.NetworkManager.Device,org.freedesktop.NetworkManager.Device.Bridge",
    "/org/freedesktop/NetworkManager/Settings org.freedesktop.NetworkManager.Settings.ConnectionRemoved "
    "objpath:/org/freedesktop/NetworkManager/Settings/1",
]


def lasting(ruleset):
    """Without what packets write into it, which ends by itself: limits, connections, who was spoken to."""
    return re.sub(r"\tset \w+ \{\n(?:(?!\n\t\}).)*flags dynamic.*?\n\t\}\n", "", ruleset, flags=re.S)


def steady(host):
    lines = lasting("\n".join(surroundings(host))).splitlines()
    return [line for line in lines if "limit rate" not in line]


def test_forged_signals_NET_22(host):
    """What bob says in NetworkManager's name, to all or to us alone, changes nothing."""
    launch(host, "alice", "x1")
    before = info(host, "x1"), steady(host)
    for words in FORGED:
        for number in range(1, 6):
            for to in ("", "--dest=org.bothy.Bothy1 "):
                host.run("bob", f"dbus-send --system --type=signal {to}{words.replace('/1', f'/{number}')}")
    launch(host, "alice", "x2")
    assert reaches(host, "alice", "x1", "x2") and reaches(host, "alice", "x1", BRIDGE)
    host.run("alice", "bothy", "delete", "--force", "x2", check=True)
    assert (info(host, "x1"), steady(host)) == before


def test_kept_namespace_NET_04(host):
    """Somebody keeps the network namespace after the end: the nic goes all the same, and its filter."""
    launch(host, "alice", "x1")
    own = address(host, "x1")
    leader = info(host, "x1")["leader"]
    host.run("root", f"touch /run/kept; mount --bind /proc/{leader}/ns/net /run/kept", check=True)
    try:
        host.run("alice", "bothy", "stop", "--force", "x1", check=True)
        until(lambda: "bothy-" not in host.output("root", "ip -brief link"), 20)
        assert own not in lasting(host.output("root", "nft list ruleset"))
        assert "eth0" not in host.output("root", "nsenter --net=/run/kept ip -brief link")
        launch(host, "alice", "x2")
        assert reaches(host, "alice", "x2", BRIDGE)
    finally:
        host.run("root", "umount /run/kept; rm /run/kept")


OTHERS = ("172.17.0.1/16", "10.0.3.1/24", "192.168.122.1/24", "10.137.9.1/24", "10.42.0.1/24", "10.209.4.1/22")


def other_networks(host, *addresses):
    """Interfaces of other programs, or of a VPN, with ADDRESSES."""
    host.run("root", "ip link add tun9 type veth peer name tun8; ip link set tun8 up; ip link set tun9 up; "
             + "; ".join(f"ip addr add {each} dev tun9" for each in addresses), check=True)


def of_network(text, *networks):
    return any(ipaddress.ip_interface(text).ip in ipaddress.ip_interface(network).network for network in networks)


def subnet_verdict(host):
    return next(check for check in json.loads(host.run("alice", "bothy", "--json", "doctor").stdout) if check["check"] == "subnet")


def without_bothy0(host):
    """Its addresses are chosen when it is made; who has containers on it keeps those that it has."""
    host.run("root", "systemctl stop bothyd; nmcli connection delete uuid 0e5a7b1e-b074-4d0c-9b5c-6f1bb07b0700")


def test_NET_subnet_is_nobody_elses(host):
    """Neither bothy0's nor that of a bridge that is made without one, on a machine that has docker's, LXC's, libvirt's and a VPN's."""
    without_bothy0(host)
    other_networks(host, *OTHERS)
    try:
        launch(host, "alice", "x1")
        assert not of_network(address(host, "x1") + "/32", *OTHERS) and address(host, "x1").startswith("10.73.")
        assert subnet_verdict(host)["verdict"] == "ok"
        host.run("root", "bothy bridge create lab7", check=True)
        own = until(lambda: host.output("root", "ip -4 -brief addr show lab7").split()[2:])[0]
        assert own.endswith("/24") and own.startswith("10.") and not of_network(own, *OTHERS, "10.73.0.1/16"), own
    finally:
        host.run("root", "bothy bridge delete lab7; ip link del tun9")
        host.run("alice", "bothy", "delete", "--force", "x1")
        without_bothy0(host)


def test_NET_subnet_when_others_come_later(host):
    """Doctor says so."""
    launch(host, "alice", "x1")
    before = address(host, "x1").rsplit(".", 2)[0] + "."
    assert subnet_verdict(host)["verdict"] == "ok"
    other_networks(host, before + "5.1/24")
    try:
        found = subnet_verdict(host)
        assert found["verdict"] == "warning" and before + "5.0/24" in found["found"] and "tun9" in found["found"], found
    finally:
        host.run("root", "ip link del tun9")
    assert subnet_verdict(host)["verdict"] == "ok"


def test_NET_subnet_moves(host):
    """As doctor says: with nobody on it, and its profile deleted, the next start has it elsewhere, with all that belongs to it."""
    for name in ("x1", "x2"):
        launch(host, "alice", name)
    host.run("alice", "bothy port add x1 8080:80", check=True)
    before = [address(host, name) for name in ("x1", "x2")]
    net = before[0].rsplit(".", 2)[0]
    other_networks(host, "203.0.113.1/24")
    # As Tailscale has it: in a table of its own.
    host.run("root", f"ip route add {net}.5.0/24 dev tun9 table 52; ip rule add priority 5270 table 52", check=True)
    try:
        found = subnet_verdict(host)
        assert found["verdict"] == "warning" and f"{net}.5.0/24, which tun9" in found["found"], found
        # Whoever runs keeps what he has.
        host.run("alice", "bothy", "restart", "x2", check=True)
        assert [address(host, name) for name in ("x1", "x2")] == before
        host.run("alice", "bothy stop --force x1; bothy stop --force x2", check=True)
        without_bothy0(host)
        host.run("alice", "bothy start x1; bothy start x2", check=True)
        after = [address(host, name) for name in ("x1", "x2")]
        assert all(each.startswith("10.") and not each.startswith(net + ".") for each in after), after
        gateway = after[0].rsplit(".", 2)[0] + ".0.1"
        assert gateway in host.output("root", "ip -4 -brief addr show bothy0") and subnet_verdict(host)["verdict"] == "ok"
        shown = json.loads(host.output("alice", "bothy --json bridge list"))
        assert [each["subnet"] for each in shown if each["name"] == "bothy0"] == [after[0].rsplit(".", 2)[0] + ".0.0/16"]
        # Each other by name, DNS, DHCP, and the published port.
        assert reaches(host, "alice", "x1", "x2") and reaches(host, "alice", "x2", gateway)
        host.run("alice", "bothy exec x2 -- nc -w 2 " + gateway + " 53 </dev/null", check=True)
        asked = host.run("alice", "bothy", "exec", "x1", "--", "udhcpc", "-n", "-q", "-t", "5", "-i", "eth0", "-s", "/bin/true")
        assert f"lease of {after[0]} obtained" in asked.stdout + asked.stderr
        host.run("alice", "bothy exec x1 -- sh -c 'mkdir -p /w; echo here >/w/index.html; httpd -p 80 -h /w'", check=True)
        for where in ("127.0.0.1", gateway):
            assert host.output("alice", f"bash -c 'exec 3<>/dev/tcp/{where}/8080; printf \"GET / HTTP/1.0\\r\\n\\r\\n\" >&3; tail -n 1 <&3'") == "here"
    finally:
        host.run("root", "ip rule del priority 5270; ip link del tun9")
        host.run("alice", "bothy delete --force x1; bothy delete --force x2")
        without_bothy0(host)


def test_NET_subnet_that_was_asked_for(host):
    """By bothyd.conf, where none is free, or another one is wanted."""
    without_bothy0(host)
    host.write("/etc/bothy/bothyd.conf", "[Network]\nSubnet=77\n")
    host.run("root", "systemctl", "restart", "bothyd", check=True)
    try:
        launch(host, "alice", "x1")
        assert address(host, "x1").startswith("10.77.") and reaches(host, "alice", "x1", "10.77.0.1")
    finally:
        host.run("alice", "bothy", "delete", "--force", "x1")
        host.write("/etc/bothy/bothyd.conf", "")
        without_bothy0(host)


def test_doctor_knows_other_firewalls(host):
    def firewall():
        checks = json.loads(host.run("alice", "bothy", "--json", "doctor").stdout)
        return [check for check in checks if check["check"] == "firewall"]

    assert [check["verdict"] for check in firewall()] == ["ok"]
    host.run("root", "nft 'add table ip filter; add chain ip filter DOCKER-USER; "
             "add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }'", check=True)
    try:
        (found,) = firewall()
        assert found["verdict"] == "warning" and "DOCKER-USER" in str(found)
        launch(host, "alice", "x1")
        assert "bothy0" in str(found)
        host.run("root", "nft add rule ip filter DOCKER-USER iifname bothy0 accept", check=True)
        assert [check["verdict"] for check in firewall()] == ["ok"]
    finally:
        host.run("root", "nft delete table ip filter")


DOCKER = """
add table ip filter
add chain ip filter DOCKER-USER
add rule ip filter DOCKER-USER counter return
add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }
add rule ip filter FORWARD counter jump DOCKER-USER
"""
UFW = """
add table ip filter
add chain ip filter ufw-user-forward
add chain ip filter ufw-user-input
add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }
add chain ip filter INPUT { type filter hook input priority 0; policy drop; }
add rule ip filter FORWARD counter jump ufw-user-forward
add rule ip filter INPUT counter jump ufw-user-input
"""
MINE = "add table inet mine; add chain inet mine c { type filter hook input priority 1; policy drop; }"


@pytest.mark.parametrize("whose", ["docker", "ufw"])
def test_doctor_opens_other_firewalls(host, whose):
    """With an administrator's consent, one line for each; what it can not do it leaves, and says so."""
    launch(host, "alice", "x1")
    launch(host, "alice", "x2")
    table = {"docker": DOCKER, "ufw": UFW}[whose]

    def asks():
        return host.run("alice", "bothy", "exec", "x1", "--", "nc", "-w", "2", BRIDGE, "53").returncode == 0

    host.run("root", "nft -f -", input=table, check=True)
    before = host.output("root", "nft --stateless list table ip filter")
    try:
        assert asks() == (whose == "docker")
        denied = host.run("alice", "bothy", "--no-ask-password", "doctor", "--fix")
        assert denied.returncode == 1 and "fixed" not in denied.stdout
        assert host.output("root", "nft --stateless list table ip filter") == before
        done = json.loads(host.run("root", "bothy", "--json", "doctor", "--fix", check=True).stdout)
        fixed = {line["found"].split(":")[0]: line["advice"] for line in done if line["verdict"] == "fixed"}
        assert set(fixed) == {"docker": {"docker forward"}, "ufw": {"ufw forward", "ufw input"}}[whose]
        assert all("until" in text for text in fixed.values())
        assert asks()
        again = host.run("root", "bothy", "doctor", "--fix", check=True)
        assert "fixed" not in again.stdout
        host.run("root", "nft", MINE, check=True)
        left = host.run("root", "bothy", "doctor", "--fix")
        assert left.returncode == 1 and "left" in left.stdout and "mine input" in left.stdout
    finally:
        host.run("root", "nft delete table ip filter; nft delete table inet mine")


@pytest.mark.parametrize("how", ["nft flush ruleset", "nft delete table bridge bothy", "nft flush chain bridge bothy nic",
                                 "pkill -9 -x bothy-net", "pkill -9 -x bothy-net; nft flush ruleset"])
def test_NET_12_filter_is_repaired(host, how):
    """Whatever somebody does to rules or to bothy-net: what must not pass does not, and what may does again."""
    launch(host, "alice", "x1")
    launch(host, "bob", "b1")
    own, foreign = address(host, "x1"), address(host, "b1", "bob")
    host.run("alice", "bothy", "exec", "x1", "--", "ip", "addr", "add", "10.209.99.99/32", "dev", "eth0", check=True)
    for _ in range(3):
        host.run("root", how)
        # Without the rules everything passes, and nobody is there to see it before bothy-net is.
        until(lambda: "own4" in host.run("root", "nft list table bridge bothy").stdout, 20, how)
        until(lambda: reaches(host, "alice", "x1", BRIDGE), 20, how)
        until(lambda: reaches(host, "bob", "b1", BRIDGE), 20, how)
        spoofed = host.run("alice", "bothy", "exec", "x1", "--", "ping", "-c", "1", "-W", "2", "-I", "10.209.99.99", BRIDGE)
        assert spoofed.returncode != 0
        assert not reaches(host, "alice", "x1", foreign) and not reaches(host, "bob", "b1", own)


PROFILE = "0e5a7b1e-b074-4d0c-9b5c-6f1bb07b0700"
# What happens to a host's network: a line of shell, and one that ends it. NetworkManager is in all of them.
LOSSES = {
    "restarted": "systemctl restart NetworkManager",
    "killed": "systemctl reset-failed NetworkManager; systemctl kill -s KILL NetworkManager",
    "reloaded": "systemctl reload NetworkManager; nmcli general reload",
    "stopped": "systemctl stop NetworkManager; sleep 1; systemctl start NetworkManager",
    "networking switched off": "nmcli networking off; sleep 1; nmcli networking on",
    "profile deleted": f"nmcli con delete {PROFILE}",
    "profile taken down": f"nmcli con down {PROFILE}",
    "device deleted": "nmcli device delete bothy0",
    "link deleted": "ip link delete bothy0",
    "link renamed": "ip link set bothy0 down; ip link set bothy0 name other0; ip link set other0 up",
    "link renamed and profile taken down": f"ip link set bothy0 down; ip link set bothy0 name other0; nmcli con down {PROFILE}",
    "taken over by another profile": "nmcli con add type bridge ifname bothy0 con-name other ipv4.method manual "
                                     "ipv4.addresses 10.77.0.1/24 bridge.stp no autoconnect no; nmcli con up other; "
                                     "nmcli con delete other",
}


@pytest.mark.parametrize("what", LOSSES)
def test_NET_19_network_survives(host, what):
    """Whatever happens to NetworkManager and its bridge, three times in a row: who runs has his network again, with the
    same address, and nobody did anything."""
    launch(host, "alice", "x1")
    before = address(host, "x1")
    for turn in range(3):
        host.run("root", LOSSES[what], timeout=90)
        until(lambda: reaches(host, "alice", "x1", BRIDGE), 30, f"network after: {what}, turn {turn}")
    until(lambda: info(host, "x1")["addresses"], 30, "addresses")
    assert address(host, "x1") == before and info(host, "x1")["networkError"] == ""
    launch(host, "alice", "x2")
    assert reaches(host, "alice", "x2", before)


@pytest.mark.once
def test_NET_19_whatever_comes_first(host):
    """The same, each after another one."""
    launch(host, "alice", "x1")
    for what in ("killed", "link deleted", "networking switched off", "profile deleted", "restarted", "device deleted",
                 "link renamed", "profile taken down", "taken over by another profile", "stopped", "reloaded"):
        host.run("root", LOSSES[what], timeout=90)
        until(lambda: reaches(host, "alice", "x1", BRIDGE), 30, f"network after: {what}")


@pytest.mark.once
def test_NET_19_eight_restarts(host):
    """One every six seconds: x1 has its network again after each, and says so."""
    launch(host, "alice", "x1")
    for turn in range(8):
        begin = time.monotonic()
        host.run("root", "systemctl reset-failed NetworkManager; systemctl restart NetworkManager", check=True)
        until(lambda: not info(host, "x1")["networkError"] and reaches(host, "alice", "x1", BRIDGE), 30, f"turn {turn}")
        time.sleep(max(0, begin + 6 - time.monotonic()))


def test_NET_19_what_is_shown_meanwhile(host):
    """Without networking a container says that it has no network, doctor says why, and it comes back."""
    launch(host, "alice", "x1")
    address(host, "x1")
    host.run("root", "nmcli networking off", check=True)
    try:
        until(lambda: info(host, "x1")["networkError"] and not info(host, "x1")["addresses"], what="the loss")
        checks = {check["check"]: check for check in json.loads(host.run("alice", "bothy", "--json", "doctor").stdout)}
        assert checks["network-manager"]["verdict"] == "error" and "nmcli networking on" in str(checks["network-manager"])
        launch(host, "alice", "x2")
        assert "nmcli networking on" in info(host, "x2")["networkError"]
    finally:
        host.run("root", "nmcli networking on", check=True)
    until(lambda: reaches(host, "alice", "x1", "x2"), 30)
    until(lambda: info(host, "x1")["networkError"] == "" and info(host, "x2")["networkError"] == "")


def nics(host):
    """The host's ends of nics, and whether they are up."""
    return {link["ifname"]: "UP" in link["flags"] for link in json.loads(host.output("root", "ip -j link"))
            if link["ifname"].startswith("bothy-")}


@pytest.fixture
def held(host):
    """alice's x1, whose first process waits to be started: a container that is starting, with its nic."""
    group = host.root / "sys/fs/cgroup/user.slice/user-1000.slice/cgroup.freeze"
    launch(host, "bob", "beside")
    host.run("alice", "bothy", "create", "busybox", "x1", check=True)
    others = nics(host)
    group.write_text("1")
    starting = subprocess.Popen(host.command("alice", "bothy", "start", "x1"))
    try:
        (nic,) = until(lambda: set(nics(host)) - set(others))

        def go_on():
            group.write_text("0")
            assert starting.wait(30) == 0

        yield host, nic, go_on
    finally:
        group.write_text("0")
        starting.wait(30)


@pytest.mark.parametrize("how", ["nft flush ruleset", "ip link delete {}", "systemctl stop NetworkManager; "
                                 "ip link delete bothy0; systemctl start NetworkManager"])
def test_NET_19_nic_is_lost_while_its_container_starts(held, how):
    """It is looked after as soon as the container runs."""
    host, nic, go_on = held
    host.run("root", how.format(nic), check=True)
    until(lambda: not nics(host).get(nic) or "Network" in how)
    # Who runs is looked after by now.
    until(lambda: reaches(host, "bob", "beside", BRIDGE), 20)
    assert info(host, "x1")["state"] == "starting"
    go_on()
    until(lambda: reaches(host, "alice", "x1", BRIDGE), 20)
    assert info(host, "x1")["networkError"] == ""


@pytest.fixture
def standing_still(host):
    """NetworkManager, stopped in the middle of what it does; the test may let it go on."""
    yield host
    host.run("root", "systemctl kill -s CONT NetworkManager", check=True)


@pytest.mark.parametrize("when", ["as the service runs", "as the service starts"])
def test_NET_19_network_manager_stands_still(standing_still, when):
    """Containers start without network, within bounds, and say why; they get it when it goes on."""
    host = standing_still
    until(lambda: "bothy0" not in host.output("root", "ip -brief link"), 20)
    if when == "as the service starts":
        host.run("root", "systemctl stop bothyd", check=True)
    host.run("root", "systemctl kill -s STOP NetworkManager", check=True)
    begin = time.monotonic()
    launch(host, "alice", "x1")
    assert time.monotonic() - begin < 45
    begin = time.monotonic()
    launch(host, "bob", "b1")
    assert time.monotonic() - begin < 15
    assert "NetworkManager" in info(host, "x1")["networkError"] and info(host, "x1")["state"] == "running"
    checks = {check["check"]: check for check in json.loads(host.run("alice", "bothy", "--json", "doctor").stdout)}
    assert checks["network-manager"]["verdict"] == "error" and "NetworkManager" in checks["network-manager"]["found"]
    assert "bothy" not in host.output("root", "ip -brief link") and "bothy" not in host.output("root", "nft list tables")
    host.run("root", "systemctl kill -s CONT NetworkManager", check=True)
    until(lambda: reaches(host, "alice", "x1", BRIDGE) and reaches(host, "bob", "b1", BRIDGE), 40)
    assert info(host, "x1")["networkError"] == ""
    assert not reaches(host, "bob", "b1", address(host, "x1"))
    checks = {check["check"]: check for check in json.loads(host.run("alice", "bothy", "--json", "doctor").stdout)}
    assert checks["network-manager"]["verdict"] == "ok"


@pytest.mark.once
def test_NET_19_network_manager_is_killed_in_the_middle(host):
    """Of making the bridge: whenever that is, the container runs, and has its network in the end."""
    for turn in range(5):
        starting = subprocess.Popen(host.command("alice", "bothy", "launch", "busybox", "x1"),
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.1 * turn)
        # systemd does not start what is started too often.
        host.run("root", "systemctl reset-failed NetworkManager", check=True)
        host.run("root", "systemctl kill -s KILL NetworkManager")
        assert starting.wait(60) == 0
        until(lambda: reaches(host, "alice", "x1", BRIDGE), 40, f"network in turn {turn}")
        host.run("alice", "bothy", "delete", "--force", "x1", check=True)

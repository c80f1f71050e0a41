# SPDX-License-Identifier: LGPL-2.1-or-later
"""The real firewalld beside us: it starts, loads its rules anew and goes while containers run (NET-12)."""

import json

import pytest

from test_egress import OUTSIDE, OUTSIDE6, outside, peer  # noqa: F401
from test_network import BRIDGE, address, launch, reaches
from tools import tidy, until  # noqa: F401

FOREIGN = "10.209.99.99"


@pytest.fixture
def firewalld(outside):  # noqa: F811
    host = outside
    host.run("root", "systemctl start firewalld", check=True)
    yield host
    host.run("root", "systemctl stop firewalld; rm -f /etc/firewalld/zones/*", check=True)


def published(host):
    """What somebody outside hears at the host's port."""
    return host.run("root", "timeout", "3", "ip", "netns", "exec", "outside", "bash", "-c",
                    "exec 3<>/dev/tcp/192.0.2.1/8080; cat <&3").stdout.strip()


def firewall(host):
    """What doctor says of other firewalls: (verdict, what was found and what to do)."""
    checks = json.loads(host.run("alice", "bothy", "--json", "doctor").stdout)
    return [(c["verdict"], c["found"] + c["advice"]) for c in checks if c["check"] == "firewall"]


def check_all_works(host):
    until(lambda: peer(host, "x1", OUTSIDE, 80) == "192.0.2.1", 20, "IPv4 by an address of the host's")
    until(lambda: peer(host, "x1", OUTSIDE6, 80) == "2001:db8::1", 20, "IPv6 by an address of the host's")
    until(lambda: published(host) == "inside", 20, "the port of the host")
    asked = host.run("alice", "bothy", "exec", "x1", "--", "udhcpc", "-n", "-q", "-t", "5", "-i", "eth0", "-s", "/bin/true")
    assert f"lease of {address(host, 'x1')} obtained" in asked.stdout + asked.stderr
    assert host.run("alice", "bothy", "exec", "x1", "--", "nc", "-w", "2", BRIDGE, "53").returncode == 0
    assert reaches(host, "alice", "x1", "x2")
    assert [verdict for verdict, _ in firewall(host)] == ["ok"]


def check_all_is_filtered(host):
    own, foreign = address(host, "x1"), address(host, "b1", "bob")
    assert not reaches(host, "alice", "x1", foreign) and not reaches(host, "bob", "b1", own)
    spoofed = host.run("alice", "bothy", "exec", "x1", "--", "ping", "-c", "1", "-W", "2", "-I", FOREIGN, BRIDGE)
    assert spoofed.returncode != 0
    assert host.run("alice", "bothy", "exec", "x1", "--", "nc", "-w", "2", BRIDGE, "22").returncode != 0
    host.run("root", "ip -n outside route replace 10.209.0.0/16 via 192.0.2.1", check=True)
    came = host.run("root", "timeout", "2", "ip", "netns", "exec", "outside", "bash", "-c", f"exec 3<>/dev/tcp/{own}/80")
    assert came.returncode != 0


def start_three(host):
    launch(host, "alice", "x1")
    launch(host, "alice", "x2")
    launch(host, "bob", "b1")
    host.run("alice", "bothy", "port", "add", "x1", "8080:80", check=True)
    host.run("alice", "bothy", "exec", "x1", "--", "sh", "-c",
             "while :; do echo inside | nc -l -p 80; done >/dev/null 2>&1 </dev/null &", check=True)
    host.run("alice", "bothy", "exec", "x1", "--", "ip", "addr", "add", f"{FOREIGN}/32", "dev", "eth0", check=True)


@pytest.mark.parametrize("how", ["firewall-cmd --reload", "firewall-cmd --complete-reload", "systemctl restart firewalld",
                                 "systemctl stop firewalld", "nft flush ruleset; systemctl restart firewalld"])
def test_NET_12_firewalld(firewalld, how):
    host = firewalld
    start_three(host)
    check_all_works(host)
    host.run("root", how, check=True)
    check_all_works(host)
    check_all_is_filtered(host)


def test_NET_12_firewalld_comes_later(firewalld):
    host = firewalld
    host.run("root", "systemctl stop firewalld", check=True)
    start_three(host)
    host.run("root", "systemctl start firewalld", check=True)
    check_all_works(host)
    check_all_is_filtered(host)


def test_NET_12_doctor_knows_a_wrong_zone(firewalld):
    """An administrator has put the bridge where nothing is let in: doctor says so, and how to undo it."""
    host = firewalld
    start_three(host)
    host.run("root", "firewall-cmd --zone=public --change-interface=bothy0", check=True)
    asked = host.run("alice", "bothy", "exec", "x1", "--", "nc", "-w", "2", BRIDGE, "53")
    assert asked.returncode != 0
    ((verdict, text),) = firewall(host)
    assert verdict == "warning" and "firewalld" in text
    command = "firewall-cmd --zone=nm-shared --change-interface=bothy0"
    assert command in text
    host.run("root", command, check=True)
    check_all_works(host)
    check_all_is_filtered(host)


def test_NET_12_doctor_fixes_a_wrong_zone(firewalld):
    """Where nobody wrote down that the bridge is to be there; and it holds when firewalld loads its rules anew."""
    host = firewalld
    start_three(host)
    host.run("root", "firewall-cmd --zone=public --change-interface=bothy0", check=True)
    assert [verdict for verdict, _ in firewall(host)] == ["warning"]
    host.run("root", "bothy doctor --fix", check=True)
    check_all_works(host)
    host.run("root", "firewall-cmd --reload", check=True)
    check_all_works(host)
    check_all_is_filtered(host)
    zone = host.root / "etc/firewalld/zones/public.xml"
    zone.parent.mkdir(exist_ok=True)
    zone.write_text('<?xml version="1.0" encoding="utf-8"?>\n<zone><short>Public</short><interface name="bothy0"/></zone>\n')
    host.run("root", "firewall-cmd --reload; firewall-cmd --zone=public --change-interface=bothy0", check=True)
    left = host.run("root", "bothy doctor --fix")
    assert left.returncode == 1 and "left" in left.stdout and "nm-shared" in left.stdout
    assert host.output("root", "firewall-cmd --get-zone-of-interface=bothy0") == "public"

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ports of the host that lead to a container, and what other firewalls do."""

import errno
import os
import socket
import subprocess

import pytest

from nethost import (EXAMINE, GATEWAY, HOST, LAN, PUBLISH, STEP_FILTER, STEP_REQUEST, TIDY, UDP,  # noqa: F401
                     UNPUBLISH, exchange, helper, host, index_of, inside, new_namespace, nic,  # noqa: F401
                     pytestmark, ruleset, run, service)  # noqa: F401
from frames import MARK, ether, ip4, udp  # noqa: F401


@pytest.fixture
def published(helper, nic):
    """A container with a service, and a client elsewhere that reaches the host by 192.0.2.1."""
    run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    # As on a machine without br_netfilter; with it, a container reaches others' ports only inside its group.
    run("sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=0", check=False)
    a, b = nic(2), nic(3)
    a.configure()
    b.configure()
    client = new_namespace()
    with inside(client):
        process = subprocess.Popen(["sleep", "60"])
    run("ip", "link", "add", "uplink", "type", "veth", "peer", "name", "eth0", "netns", str(process.pid))
    run("ip", "address", "add", "192.0.2.1/24", "dev", "uplink")
    run("ip", "link", "set", "uplink", "up")
    with inside(client):
        run("ip", "address", "add", "192.0.2.2/24", "dev", "eth0")
        run("ip", "link", "set", "eth0", "up")
    with service(a.namespace, 80, socket.SOCK_STREAM), service(a.namespace, 80):
        yield a, b, client
    process.kill()
    process.wait()


def test_publish(helper, published):
    a, b, client = published
    host = os.open(HOST, os.O_RDONLY)
    tcp = socket.SOCK_STREAM
    options = dict(port=8080, inside_port=80, address4=a.address4, bridge=index_of("br0"))
    assert exchange(client, "192.0.2.1", 8080, tcp) is None
    assert helper.call(PUBLISH, **options).outcome == (0, 0)
    assert exchange(client, "192.0.2.1", 8080, tcp) == b"192.0.2.2"  # who it really is
    assert exchange(client, "192.0.2.1", 8080) is None
    assert exchange(host, "127.0.0.1", 8080, tcp) == GATEWAY.encode()
    assert exchange(host, "192.0.2.1", 8080, tcp)
    assert exchange(host, GATEWAY, 8080, tcp)
    assert exchange(b.namespace, GATEWAY, 8080, tcp) == GATEWAY.encode()
    assert exchange(a.namespace, GATEWAY, 8080, tcp)
    assert exchange(b.namespace, a.address4, 80, tcp) is None
    assert helper.call(PUBLISH, flags=UDP, **options).outcome == (0, 0)
    assert exchange(client, "192.0.2.1", 8080) == b"192.0.2.2"
    assert helper.call(PUBLISH, **{**options, "address4": b.address4}).outcome == (errno.EEXIST, STEP_FILTER)
    assert helper.call(UNPUBLISH, **{**options, "address4": b.address4}).outcome == (0, 0)
    assert exchange(client, "192.0.2.1", 8080, tcp)
    assert helper.call(UNPUBLISH, **options).outcome == (0, 0)
    assert exchange(client, "192.0.2.1", 8080, tcp) is None and exchange(client, "192.0.2.1", 8080)
    a.detach()
    assert "elements" not in run("nft", "list", "map", "inet", "bothy", "ports4")
    os.close(host)


def test_publish_leaves_the_hosts_own_services(helper, published):
    a, b, client = published
    host = os.open(HOST, os.O_RDONLY)
    options = dict(port=8080, inside_port=80, address4=a.address4, bridge=index_of("br0"))
    with service(host, 8080, socket.SOCK_STREAM):
        assert helper.call(PUBLISH, **options).outcome == (errno.EADDRINUSE, STEP_FILTER)
        assert exchange(client, "192.0.2.1", 8080, socket.SOCK_STREAM)
        assert helper.call(PUBLISH, flags=UDP, **options).outcome == (0, 0)
    with service(host, 8081):
        assert helper.call(PUBLISH, **{**options, "flags": UDP, "port": 8081}).outcome == (errno.EADDRINUSE, STEP_FILTER)
    assert helper.call(PUBLISH, **options).outcome == (0, 0)
    os.close(host)

NM_SHARED = """add table ip nm-shared-br0
flush table ip nm-shared-br0
add chain ip nm-shared-br0 filter_forward { type filter hook forward priority 0; policy accept; };
add rule ip nm-shared-br0 filter_forward ip daddr 10.66.0.0/24 oifname "br0" ct state { established, related } accept;
add rule ip nm-shared-br0 filter_forward ip saddr 10.66.0.0/24 iifname "br0" accept;
add rule ip nm-shared-br0 filter_forward iifname "br0" reject;
add rule ip nm-shared-br0 filter_forward oifname "br0" reject;
"""


def test_publish_through_networkmanagers_rules(helper, published):
    a, b, client = published
    tcp = socket.SOCK_STREAM
    run("nft", "-f", "-", input=NM_SHARED)
    before = run("nft", "list", "table", "ip", "nm-shared-br0")
    options = dict(port=8080, inside_port=80, address4=a.address4, bridge=index_of("br0"))
    for _ in range(2):
        assert helper.call(PUBLISH, **options).outcome == (0, 0)
        assert exchange(client, "192.0.2.1", 8080, tcp) == b"192.0.2.2"
        assert ruleset().count('comment "bothy"') == 1
    with inside(client):
        run("ip", "route", "add", "10.66.0.0/24", "via", "192.0.2.1")
    assert exchange(client, a.address4, 80, tcp) is None
    # It is activated again.
    run("nft", "-f", "-", input=NM_SHARED)
    assert exchange(client, "192.0.2.1", 8080, tcp) is None
    assert helper.call(PUBLISH, **options).outcome == (0, 0)
    assert exchange(client, "192.0.2.1", 8080, tcp) == b"192.0.2.2"
    a.detach()
    b.detach()
    assert helper.call(TIDY).outcome == (0, 0)
    assert run("nft", "list", "table", "ip", "nm-shared-br0") == before
    assert open("/proc/sys/net/ipv4/conf/br0/route_localnet").read() == "0\n"


def test_publish_again_after_flush_ruleset(helper, published):
    a, b, client = published
    options = dict(port=8080, inside_port=80, address4=a.address4, bridge=index_of("br0"))
    assert helper.call(PUBLISH, **options).outcome == (0, 0)
    run("nft", "flush", "ruleset")
    assert a.repair().outcome == (0, 0)
    assert helper.call(PUBLISH, **options).outcome == (0, 0)
    assert exchange(client, "192.0.2.1", 8080, socket.SOCK_STREAM) == b"192.0.2.2"


def test_publish_does_not_open_the_loopback(helper, published):
    a, b, client = published
    host = os.open(HOST, os.O_RDONLY)
    assert helper.call(PUBLISH, port=8080, inside_port=80, address4=a.address4, bridge=index_of("br0")).outcome == (0, 0)
    with service(host, 53):
        assert exchange(host, "127.0.0.1", 53)
        with inside(b.namespace):
            run("ip", "route", "add", "127.0.0.1", "via", GATEWAY, "table", "local", check=False)
        frame = ether(b.mac, 0x800, ip4(b.address4, "127.0.0.1", 17, udp(5000, 53, MARK)), "02:00:00:00:00:fe")
        b.tap.drain()
        b.tap.send(frame)
        assert [f for f in b.tap.receive() if f[12:14] == b"\x08\0" and f[23] == 17] == []
    os.close(host)


def test_examine_names_who_drops(helper, nic):
    nic(2)
    assert helper.call(EXAMINE).text == b""
    tables = {
        "docker forward": "table ip filter {\nchain DOCKER-USER {\n}\nchain FORWARD {\ntype filter hook forward priority 0; policy drop;\n}\n}\n",
        "ufw input": "table ip6 filter {\nchain ufw-user-input {\n}\nchain INPUT {\ntype filter hook input priority 0; policy drop;\n}\n}\n",
        "firewalld forward": "table inet firewalld {\nchain filter_FORWARD {\ntype filter hook forward priority 10;\nreject\n}\n}\n",
        "mine forward": "table inet mine {\nchain c {\ntype filter hook forward priority 1; policy drop;\n}\n}\n",
    }
    for text in tables.values():
        run("nft", "-f", "-", input=text)
    assert sorted(helper.call(EXAMINE).text.decode().splitlines()) == sorted(tables)
    # Somebody has thought of the bridge.
    run("nft", "add", "rule", "ip", "filter", "DOCKER-USER", "iifname", "bothy0", "accept")
    run("nft", "add", "rule", "inet", "mine", "c", "iifname", "bothy0", "accept")
    assert sorted(helper.call(EXAMINE).text.decode().splitlines()) == ["firewalld forward", "ufw input"]


def test_publish_needs_an_address_and_ports(helper):
    for options in (dict(port=0, inside_port=1, address4="10.66.0.2"), dict(port=1, inside_port=0, address4="10.66.0.2"),
                    dict(port=1, inside_port=1), dict(port=1, inside_port=1, address4="127.0.0.1"),
                    dict(port=1, inside_port=1, address4="10.66.0.2", flags=LAN)):
        assert helper.call(PUBLISH, **options).outcome == (errno.EINVAL, STEP_REQUEST)

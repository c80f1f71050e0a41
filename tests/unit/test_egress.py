# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a limited nic may reach, with real packets: between neighbours, through the router, by published ports."""

import contextlib
import errno
import ipaddress
import os
import socket
import struct
import subprocess

import pytest

from frames import MARK, WIRE_MAC, arp, ether, fragment, icmp6, ip4, ip6, neighbour, udp
from nethost import (BROADCAST, DESTINATION, GATEWAY, HOST, LAN, PUBLISH, STEP_FILTER, STEP_REQUEST, TIDY, exchange, helper,  # noqa: F401
                     host, index_of, inside, ip_bytes, link_local, links, new_namespace, nic, pytestmark,  # noqa: F401
                     ruleset, run, service)  # noqa: F401
from room import Room

TCP = socket.SOCK_STREAM
OUTSIDE = "192.0.2.2"
OUTSIDE6 = "2001:db8::2"


def to(network, protocol=None, ports=(0, 65535)):
    """One destination, as bothy-net has it."""
    net = ipaddress.ip_network(network)
    first, last = (0, 255) if protocol is None else (protocol, protocol)
    return DESTINATION.pack(net.version, first, last, *ports, net[0].packed, net[-1].packed)


def rules():
    """But for limits that run, and go by themselves."""
    passing = ("limit rate", "ct count", "expires")
    return sorted(line for line in ruleset().splitlines() if not any(word in line for word in passing) and line.strip())


@pytest.fixture
def routed(nic):  # noqa: F811
    """Nics 2 and 3 of one group, and a machine outside with services, all with whole IP stacks."""
    run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
    run("sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=0", check=False)
    open("/proc/sys/net/ipv6/conf/all/disable_ipv6", "w").write("0")
    a, b = nic(2, group=1), nic(3, group=1)
    for each in (a, b):
        each.configure()
        with inside(each.namespace):
            open("/proc/sys/net/ipv6/conf/all/disable_ipv6", "w").write("0")
            open("/proc/sys/net/ipv6/conf/eth0/disable_ipv6", "w").write("0")
            run("ip", "address", "add", f"{each.address6}/64", "dev", "eth0", "nodad")
            run("ip", "-6", "route", "add", "default", "via", "fd66::1")
    outside = new_namespace()
    with inside(outside):
        process = subprocess.Popen(["sleep", "60"])
    run("ip", "link", "add", "uplink", "type", "veth", "peer", "name", "eth0", "netns", str(process.pid))
    run("ip", "address", "add", "192.0.2.1/24", "dev", "uplink")
    run("ip", "address", "add", "2001:db8::1/64", "dev", "uplink", "nodad")
    run("ip", "link", "set", "uplink", "up")
    with inside(outside):
        run("ip", "link", "set", "lo", "up")
        for name in ("all", "eth0"):
            open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "w").write("0")
        run("ip", "address", "add", f"{OUTSIDE}/24", "dev", "eth0")
        run("ip", "address", "add", f"{OUTSIDE6}/64", "dev", "eth0", "nodad")
        run("ip", "link", "set", "eth0", "up")
        run("ip", "route", "add", "10.66.0.0/24", "via", "192.0.2.1")
    with contextlib.ExitStack() as stack:
        for namespace in (a.namespace, b.namespace, outside):
            for port in (80, 443):
                for kind in (socket.SOCK_DGRAM, TCP):
                    stack.enter_context(service(namespace, port, kind, socket.AF_INET6))
        yield a, b, outside
    process.kill()
    process.wait()


def reached(namespace, address):
    """Ports and kinds that answer."""
    return {(port, "tcp" if kind == TCP else "udp") for port in (80, 443) for kind in (TCP, socket.SOCK_DGRAM)
            if exchange(namespace, address, port, kind)}


ALL = {(80, "tcp"), (80, "udp"), (443, "tcp"), (443, "udp")}


def test_everything_without_a_limit(routed):
    a, b, outside = routed
    for address in (OUTSIDE, OUTSIDE6, b.address4, b.address6):
        assert reached(a.namespace, address) == ALL
    # From outside nobody comes in, also where NetworkManager does not see to that.
    with inside(outside):
        run("ip", "-6", "route", "add", "fd66::/64", "via", "2001:db8::1")
    assert reached(outside, a.address6) == reached(outside, a.address4) == set()


def test_ipv6_leaves_with_an_address_of_the_host(routed):
    a, _, outside = routed
    assert exchange(a.namespace, OUTSIDE6, 80, TCP) == b"2001:db8::1"
    assert exchange(a.namespace, OUTSIDE6, 80) == b"2001:db8::1"


@pytest.mark.parametrize("network,address", [("192.0.2.0/24", OUTSIDE), ("2001:db8::/32", OUTSIDE6),
                                             ("10.66.0.3/32", "10.66.0.3"), ("fd66::3/128", "fd66::3")])
def test_only_what_is_allowed(routed, network, address):
    a, b, outside = routed
    others = {OUTSIDE, OUTSIDE6, b.address4, b.address6} - {address}
    for destinations, expected in (([], set()), ([to(network)], ALL), ([to(network, 6, (443, 443))], {(443, "tcp")}),
                                   ([to(network, 17, (0, 100))], {(80, "udp")}),
                                   ([to(network, 6, (0, 80)), to(network, 17, (81, 65535))], {(80, "tcp"), (443, "udp")})):
        assert a.repair(destinations=destinations).outcome == (0, 0)
        assert reached(a.namespace, address) == expected
        for other in others:
            assert reached(a.namespace, other) == set()
    assert reached(b.namespace, OUTSIDE) == ALL


def test_replies_pass(routed):
    """Whom others ask, answers: a neighbour over TCP, and anybody at a published port."""
    a, b, outside = routed
    assert a.repair(destinations=[]).outcome == (0, 0)
    assert exchange(b.namespace, a.address4, 80, TCP) == b"::ffff:10.66.0.3"
    assert exchange(b.namespace, a.address6, 80, TCP) == b"fd66::3"
    options = dict(port=8080, inside_port=80, address4=a.address4, bridge=index_of("br0"))
    assert a.helper.call(PUBLISH, **options).outcome == (0, 0)
    assert exchange(outside, "192.0.2.1", 8080, TCP) == b"::ffff:192.0.2.2"


def test_a_published_port_is_no_way_around(routed):
    a, b, outside = routed
    options = dict(port=8080, inside_port=80, address4=b.address4, bridge=index_of("br0"))
    assert a.helper.call(PUBLISH, **options).outcome == (0, 0)
    assert exchange(a.namespace, GATEWAY, 8080, TCP)
    assert a.repair(destinations=[to("192.0.2.77/32")]).outcome == (0, 0)
    assert exchange(a.namespace, GATEWAY, 8080, TCP) is None
    assert a.repair(destinations=[to(f"{GATEWAY}/32", 6, (8080, 8080))]).outcome == (0, 0)
    assert exchange(a.namespace, GATEWAY, 8080, TCP)


def test_the_resolver_and_dhcp_stay(routed):
    a, _, _ = routed
    assert a.repair(destinations=[]).outcome == (0, 0)
    outer = os.open(HOST, os.O_RDONLY)
    with service(outer, 53), service(outer, 67), service(outer, 99):
        assert exchange(a.namespace, GATEWAY, 53) and exchange(a.namespace, GATEWAY, 67)
        assert exchange(a.namespace, GATEWAY, 99) is None
    os.close(outer)


def test_a_change_cuts_what_goes_on(routed):
    """And takes the link down for nobody."""
    a, _, _ = routed
    with inside(a.namespace):
        s = socket.socket()
    with s:
        s.settimeout(0.5)
        s.connect((OUTSIDE, 443))
        assert a.repair(destinations=[to("192.0.2.0/24")]).outcome == (0, 0)
        index = links()[a.name]["ifindex"]
        assert a.repair(destinations=[to("192.0.2.0/24", 6, (80, 80))]).outcome == (0, 0)
        assert links()[a.name]["ifindex"] == index and "UP" in links()[a.name]["flags"]
        s.send(b"ping")
        with pytest.raises(OSError):
            s.recv(100)
    a.options.pop("destinations")
    assert a.repair().outcome == (0, 0)
    # The service may still wait for the one that was cut.
    assert reached(a.namespace, OUTSIDE) >= ALL - {(443, "tcp")} and "egress4" in ruleset() and " . 80 " not in ruleset()


@pytest.mark.parametrize("damage", [
    ("nft", "flush", "set", "inet", "bothy", "egress4"), ("nft", "flush", "set", "inet", "bothy", "limited4"),
    ("nft", "flush", "set", "bridge", "bothy", "limited"), ("nft", "flush", "ruleset"), ("nft", "flush", "chain", "inet", "bothy", "forward"),
])
def test_repaired(routed, damage):
    a, b, outside = routed
    destinations = [to("192.0.2.0/24", 6, (443, 443)), to("10.66.0.3/32", 17)]
    assert a.repair(destinations=destinations).outcome == (0, 0)
    before = rules()
    run(*damage)
    assert a.repair().outcome == (0, 0) and b.repair().outcome == (0, 0)
    assert rules() == before
    assert reached(a.namespace, OUTSIDE) == {(443, "tcp")}
    assert reached(a.namespace, b.address4) == {(80, "udp"), (443, "udp")}


def test_nothing_is_left(routed):
    a, b, _ = routed
    for each in (a, b):
        assert each.repair(destinations=[to("192.0.2.0/24"), to("2001:db8::/32", 6)]).outcome == (0, 0)
    run("nft", "add", "element", "inet", "bothy", "egress4", "{ br0 . 10.66.0.99 . 192.0.2.0/24 . 0-255 . 0-65535 }")
    assert a.detach().outcome == (0, 0)
    assert a.helper.call(TIDY).outcome == (0, 0)
    text = "\n".join(rules())
    assert f"{a.address4} ." not in text and a.name not in text and "10.66.0.99" not in text
    assert b.name in text and f"{b.address4} . 192.0.2.0/24" in text
    assert b.repair().outcome == (0, 0)
    b.detach()
    assert b.helper.call(TIDY).outcome == (0, 0)
    assert ruleset() == ""


def test_what_makes_no_sense(helper, nic):  # noqa: F811
    good = DESTINATION.pack(4, 6, 6, 80, 80, ip_bytes("192.0.2.1"), ip_bytes("192.0.2.9"))
    bad = [DESTINATION.pack(5, 6, 6, 80, 80, bytes(4), bytes(4)), DESTINATION.pack(4, 7, 6, 80, 80, bytes(4), bytes(4)),
           DESTINATION.pack(4, 6, 6, 81, 80, bytes(4), bytes(4)), DESTINATION.pack(4, 6, 6, 80, 80, b"\1\0\0\0", bytes(4)),
           DESTINATION.pack(6, 6, 6, 80, 80, b"\1" * 16, b"\1" * 15 + b"\0")]
    for each in bad:
        a = nic(2, attach=False, destinations=[good, each])
        assert a.attach().outcome == (errno.EINVAL, STEP_REQUEST), each
    for options in (dict(destinations=[good], extra=b"x"), dict(destinations=[good] * 1025), dict(extra=good)):
        assert nic(2, attach=False, **options).attach().outcome == (errno.EPROTO, STEP_REQUEST)
    # What overlaps is refused as a whole, and no link comes up.
    a = nic(2, attach=False, destinations=[to("10.0.0.0/8"), to("10.0.0.0/16", 6)])
    assert a.attach().step == STEP_FILTER and not [n for n in links() if n.startswith("bothy-")]
    assert nic(3, destinations=[to(f"10.{i}.0.0/16", 6) for i in range(200)]).name in links()


def test_on_a_lan(nic):  # noqa: F811
    """Where nothing is routed by the host, the bridge judges alone."""
    room = Room(nic, flags=LAN, address6="", address4="", destinations=[to("192.0.2.9/32", 17, (53, 53))])
    a = room.a
    a.address4, a.address6 = "192.0.2.7", "2001:db8::7"
    wire = ether(a.mac, 0x800, ip4(a.address4, "192.0.2.9", 17, udp(1000, 53, b"has-to-arrive")))
    all_nodes = "33:33:00:00:00:01"
    refused = [ether(a.mac, 0x800, ip4(a.address4, "192.0.2.9", 17, udp(1000, 54, MARK))),
               ether(a.mac, 0x800, ip4(a.address4, "192.0.2.8", 17, udp(1000, 53, MARK))),
               ether(a.mac, 0x800, ip4(a.address4, "192.0.2.255", 17, udp(1000, 53, MARK))),
               ether(a.mac, 0x800, ip4(a.address4, "192.0.2.9", 6, syn(0x02))),
               *(ether(a.mac, 0x800, ip4(a.address4, "192.0.2.9", 17, udp(source, target, MARK)))
                 for source, target in ((1000, 67), (67, 68), (68, 68), (69, 67))),
               *(ether(a.mac, 0x86DD, ip6(link_local(a.mac), "ff02::1:2", 17, udp(source, target, MARK)), "33:33:00:01:00:02")
                 for source, target in ((1000, 547), (546, 546), (547, 547))),
               ether(a.mac, 0x800, ip4(a.address4, "192.0.2.9", 6, syn(0x02), offset=0x2000)),
               ether(a.mac, 0x800, ip4(a.address4, "192.0.2.9", 1, b"\x08\0\0\0" + MARK)),
               ether(a.mac, 0x86DD, ip6(a.address6, "ff02::1", 17, udp(1, 2, MARK)), all_nodes),
               ether(a.mac, 0x86DD, ip6(a.address6, "ff02::1", 58, icmp6(128, bytes(4) + MARK)), all_nodes)]
    passing = [ether(a.mac, 0x806, arp(1, a.mac, a.address4, "192.0.2.1")),
               ether(a.mac, 0x800, ip4("0.0.0.0", "255.255.255.255", 17, udp(68, 67, MARK))),
               ether(a.mac, 0x86DD, ip6(link_local(a.mac), "ff02::1:ff00:1", 58, neighbour(135, "2001:db8::1")), "33:33:ff:00:00:01"),
               ether(a.mac, 0x86DD, ip6(link_local(a.mac), "ff02::1:2", 17, udp(546, 547, MARK)), "33:33:00:01:00:02")]
    heard = room.hear([*refused, *passing], wire)
    hearers = [room.wire, room.b.tap]  # the tap on the bridge itself sees what comes before the filter of "input"
    assert [f.hex() for f in heard if f in refused] == []
    for frame in (*passing, wire):
        assert heard.count(frame) >= len(hearers), frame.hex()


def syn(flags, ports=(1000, 80)):
    return struct.pack("!HHIIBBHHH", *ports, 1, 0, 0x50, flags, 100, 0, 0) + MARK


def test_on_a_lan_only_who_asked_is_answered(nic):  # noqa: F811
    """TCP without its first packet, errors, answers to ping and later fragments carry what one likes, to anybody."""
    room = Room(nic, flags=LAN, address6="", address4="", destinations=[to("192.0.2.9/32", 17, (53, 53))])
    run("sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=0", "net.bridge.bridge-nf-call-ip6tables=0", check=False)
    a, wire = room.a, room.wire
    address, address6, peer, peer6 = "192.0.2.7", "2001:db8::7", "192.0.2.66", "2001:db8::66"

    def out(protocol, payload, offset=0):
        return ether(a.mac, 0x800, ip4(address, peer, protocol, payload, offset=offset), WIRE_MAC)

    def out6(header, payload):
        return ether(a.mac, 0x86DD, ip6(address6, peer6, header, payload), WIRE_MAC)

    def come(kind, payload):
        """From the peer to the nic; until it is there."""
        frame = ether(WIRE_MAC, kind, payload, a.mac)
        a.tap.drain()
        wire.send(frame)
        assert frame in a.tap.receive(0.1)

    def arrived(frames):
        wire.drain()
        for frame in frames:
            a.tap.send(frame)
        behind = ether(a.mac, 0x800, ip4(address, "192.0.2.9", 17, udp(1000, 53, b"behind")), WIRE_MAC)
        a.tap.send(behind)
        heard = wire.receive(0.1)
        assert behind in heard
        return [frame for frame in frames if frame in heard]

    errors = [out(1, bytes([kind]) + bytes(7) + MARK) for kind in (0, 3, 11, 12)]
    errors6 = [out6(58, icmp6(kind, bytes(4) + MARK)) for kind in (1, 2, 3, 4, 129)]
    answers = [out(6, syn(flags, (80, 5000))) for flags in (0x12, 0x10, 0x11, 0x04)]
    answers6 = [out6(6, syn(flags, (80, 5000))) for flags in (0x12, 0x10)]
    never = [out(6, syn(0x02, (80, 5000))), out(6, syn(0x10, (80, 5001))), out(17, udp(80, 5000, MARK)),
             out(17, MARK, 3), out(6, MARK, 3), out6(44, fragment(17, 3, MARK)), out6(6, syn(0x10, (80, 5001)))]
    everything = errors + errors6 + answers + answers6 + never
    assert arrived(everything) == []
    # What goes to all is no question.
    for to_all, payload in ((BROADCAST, ip4(peer, "255.255.255.255", 17, udp(5000, 80, MARK))),
                            ("33:33:00:00:00:01", ip6(peer6, "ff02::1", 17, udp(5000, 80, MARK)))):
        frame = ether(WIRE_MAC, 0x800 if to_all == BROADCAST else 0x86DD, payload, to_all)
        wire.send(frame)
        assert frame in a.tap.receive(0.1)
    assert arrived(everything) == []
    # Nor does an answer to what the nic said begin a connection.
    come(0x800, ip4(peer, address, 6, syn(0x12, (5000, 80))))
    assert arrived(everything) == errors
    come(0x800, ip4(peer, address, 6, syn(0x02, (5000, 80))))
    assert arrived(everything) == errors + answers
    come(0x86DD, ip6(peer6, address6, 6, syn(0x02, (5000, 80))))
    assert arrived(everything) == errors + errors6 + answers + answers6
    # The rest of a fragmented answer follows its first part.
    first = out(6, syn(0x10, (80, 5000)), 0x2000)
    assert arrived([first, out(6, MARK, 3)]) == [first, out(6, MARK, 3)]

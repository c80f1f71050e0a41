# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a container may send, as real frames that arrive or do not."""

import contextlib
import errno
import os
import signal
import socket
import statistics
import struct
import time

import pytest

from nethost import (BOUND, GATEWAY, GATEWAY6, HOST, LAN, PUBLISH, STEP_FILTER, STEP_REQUEST, UDP, Tap, exchange,  # noqa: F401
                     helper, host, index_of, inside, link_local, links, nic, pytestmark, run, service, until, user)  # noqa: F401
from frames import (CONTROL, MARK, arp, ether, foreign_protocols, fragment, icmp6, ip4, ip6,  # noqa: F401
                    legal_frames, neighbour, server_answers, spoofed_addresses, spoofed_macs,  # noqa: F401
                    spoofed_neighbours, udp)  # noqa: F401
from room import Room, room  # noqa: F401


def test_legal_frames_pass(room):
    room.passes(legal_frames(room.a))


@pytest.fixture
def unguarded(room, helper):
    """A room where nobody filters, and nobody puts the filter back."""
    helper.process.send_signal(signal.SIGSTOP)
    run("nft", "flush", "ruleset")
    yield room
    helper.process.send_signal(signal.SIGCONT)


def is_link_local(frame):
    """Whether it is for the other end of the wire only (802.1D), which no bridge lets go on but for 00 without STP."""
    return frame[:5] == b"\x01\x80\xc2\0\0" and 0 < frame[5] < 16


def test_without_the_filter_illegal_frames_would_be_heard(unguarded):
    """That the tests below could fail at all: each frame, but those that any bridge drops."""
    run("ip", "link", "set", "br0", "type", "bridge", "mcast_snooping", "0")
    leave_fragments_alone()
    for source in (spoofed_macs, spoofed_neighbours, spoofed_addresses, foreign_protocols, server_answers):
        frames = [frame for frame in source(unguarded)
                  if not is_link_local(frame) and not frame[6] & 1 and any(frame[6:12])]
        assert len(frames) > 15
        heard = unguarded.hear(frames, unguarded.control())
        # A packet socket shows the outer tag beside the frame.
        assert [f.hex() for f in frames if f not in heard and f[:12] + f[16:] not in heard] == [], source.__name__


LINK_PROTOCOLS = {0x88CC: "LLDP", 0x8808: "PAUSE", 0x8809: "LACP", 0x888E: "802.1X", 0x88F7: "PTP", 4: "STP"}


def test_NET_11_link_protocols_do_not_reach_the_host(room, helper):
    """They are for the port alone: the bridge hands them to whoever on the host listens there."""
    a = room.a
    listeners = {}
    for kind in LINK_PROTOCOLS:
        listeners[kind] = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(kind))
        listeners[kind].bind((a.name, kind))
        listeners[kind].setblocking(False)

    def arrived():
        frames = [ether(a.mac, len(MARK) + 3 if kind == 4 else kind, b"\x42\x42\3" + MARK, f"01:80:c2:00:00:{last:02x}")
                  for kind in LINK_PROTOCOLS for last in range(16)]
        room.hear(frames, room.control())
        found = set()
        for kind, listener in listeners.items():
            with contextlib.suppress(BlockingIOError):
                while MARK in listener.recv(2000):
                    found.add(LINK_PROTOCOLS[kind])
        return found

    assert arrived() == set()
    helper.process.send_signal(signal.SIGSTOP)
    run("nft", "flush", "ruleset")
    run("ip", "link", "set", a.name, "type", "bridge_slave", "group_fwd_mask", "0")
    assert arrived() == set(LINK_PROTOCOLS.values())
    helper.process.send_signal(signal.SIGCONT)
    for listener in listeners.values():
        listener.close()


def test_NET_11_queries_are_the_bridges_to_ask(room):
    """Also where the bridge does not look at them itself."""
    for snooping in ("1", "0"):
        run("ip", "link", "set", "br0", "type", "bridge", "mcast_snooping", snooping)
        room.refuses(list(server_answers(room)))


def test_legal_listener_reports_pass(room):
    run("ip", "link", "set", "br0", "type", "bridge", "mcast_snooping", "0")
    a, hop = room.a, struct.pack("!BBBBHBB", 58, 0, 5, 2, 0, 1, 0)
    room.passes([
        ether(a.mac, 0x800, ip4(a.address4, "224.0.0.22", 2, b"\x22\0\0\0" + MARK, b"\x94\4\0\0"), "01:00:5e:00:00:16"),
        ether(a.mac, 0x86DD, ip6(link_local(a.mac), "ff02::16", 0, hop + icmp6(143, bytes(4) + MARK)), "33:33:00:00:00:16"),
        ether(a.mac, 0x86DD, ip6("::", "ff02::16", 0, hop + icmp6(143, bytes(4) + MARK)), "33:33:00:00:00:16"),
    ])


def test_nothing_hides_behind_a_hop_by_hop_header(room):
    """Of a listener report the one header before ICMP; a fragment or another header behind it could be of anything."""
    run("ip", "link", "set", "br0", "type", "bridge", "mcast_snooping", "0")
    leave_fragments_alone()
    a, report = room.a, icmp6(143, bytes(4) + MARK)

    def hop(following, length=0):
        return struct.pack("!BBBBHBB", following, length, 5, 2, 0, 1, 0) + bytes(8 * length)

    def frame(payload, source=a.address6):
        return ether(a.mac, 0x86DD, ip6(source, "ff02::16", 0, payload), "33:33:00:00:00:16")

    options = struct.pack("!BB6x", 58, 0)
    room.refuses([frame(payload, source) for source in (a.address6, link_local(a.mac), "::") for payload in (
        hop(44) + fragment(58, 0x2000, report), hop(44) + fragment(58, 0, report), hop(44) + fragment(58, 3, MARK),
        hop(44) + fragment(17, 3, MARK), hop(44) + fragment(58, 0x2002, MARK), hop(60) + options + report,
        hop(43) + options + report, hop(0) + hop(58) + report, hop(58, 1) + report, hop(17) + udp(1, 2, MARK),
        # Where the type would be, an option of a longer header has a report's.
        struct.pack("!BBBBHBBBB6x", 58, 1, 5, 2, 0, 1, 0, 143, 6) + icmp6(128, bytes(4) + MARK),
        hop(6) + bytes(20) + MARK, hop(58) + icmp6(128, bytes(4) + MARK))])
    room.passes([frame(hop(58) + report, source) for source in (a.address6, link_local(a.mac), "::")])


def leave_fragments_alone():
    """br_netfilter would put them together, and take them apart again behind the filter."""
    for name in ("iptables", "ip6tables"):
        run("sysctl", "-qw", f"net.bridge.bridge-nf-call-{name}=0", check=False)


def test_NET_10_own_fragments_pass(room):
    """From an own address; nobody looks behind the first one, and what is in that is judged as if it were whole."""
    leave_fragments_alone()
    a = room.a
    more = [ether(a.mac, 0x800, ip4(a.address4, "10.66.0.255", 17, body, offset=offset))
            for offset, body in ((0x2000, udp(1, 2, MARK)), (0x2003, MARK), (5, MARK))]
    more += [ether(a.mac, 0x86DD, ip6(a.address6, "ff02::1", 44, fragment(17, offset, body)), "33:33:00:00:00:01")
             for offset, body in ((0x2000, udp(1, 2, MARK)), (0x2003, MARK), (5, MARK))]
    more.append(ether(a.mac, 0x86DD, ip6(a.address6, "ff02::1", 44, fragment(58, 0x2000, icmp6(128, bytes(4) + MARK))),
                      "33:33:00:00:00:01"))
    room.passes(more)


def test_NET_10_fragments_hide_nothing(room):
    leave_fragments_alone()
    a, nodes = room.a, "33:33:00:00:00:01"
    frames = [
        ether(a.mac, 0x800, ip4(a.address4, "255.255.255.255", 17, udp(67, 68, MARK), offset=0x2000)),
        ether(a.mac, 0x800, ip4(a.address4, "10.66.0.255", 1, struct.pack("!BBH", 5, 0, 0) + MARK, offset=0x2000)),
        ether(a.mac, 0x800, ip4("0.0.0.0", "255.255.255.255", 17, udp(68, 67, MARK), offset=0x2000)),
        ether(a.mac, 0x800, ip4(a.address4, "224.0.0.1", 2, b"\x11\x64\0\0" + MARK, offset=0x2000)),
        ether(a.mac, 0x86DD, ip6(a.address6, "ff02::1", 44, fragment(17, 0x2000, udp(547, 546, MARK))), nodes),
    ]
    for kind in (130, 133, 134, 135, 136, 137, 143):
        for offset in (0, 0x2000):
            frames.append(ether(a.mac, 0x86DD, ip6(a.address6, "ff02::1", 44, fragment(58, offset, neighbour(kind, a.address6))), nodes))
    for inner in (0, 43, 44, 60, 51, 132, 59):
        for offset in (0, 0x2000, 0x2004):
            frames.append(ether(a.mac, 0x86DD, ip6(a.address6, "ff02::1", 44, fragment(inner, offset, bytes(8) + MARK)), nodes))
    room.refuses(frames)


def test_fragments_of_a_neighbour_are_put_together(nic):
    """A whole IP stack's: more than the MTU from one container to the other, and to the host."""
    a, b = nic(2, group=1), nic(3, group=1)
    for each in (a, b):
        each.configure()
    host = os.open(HOST, os.O_RDONLY)
    with service(b.namespace, 8000), service(host, 53):
        for address, port in ((b.address4, 8000), (GATEWAY, 53)):
            assert exchange(a.namespace, address, port, payload=bytes(4000)) == a.address4.encode()
    os.close(host)


def test_unicast_reaches_its_addressee_only(room):
    frame = ether(room.a.mac, 0x800, ip4(room.a.address4, room.b.address4, 17, udp(1, 2, MARK)), room.b.mac)
    heard = room.hear([frame], room.control())
    assert heard.count(frame) == 1


def test_NET_08_foreign_source_macs(room):
    before = run("bridge", "fdb", "show", "br", "br0")
    room.refuses(spoofed_macs(room))
    assert run("bridge", "fdb", "show", "br", "br0") == before


def test_NET_09_foreign_arp_and_neighbours(room):
    room.refuses(spoofed_neighbours(room))


def test_NET_10_foreign_addresses(room):
    room.refuses(spoofed_addresses(room))


def test_NET_10_other_protocols(room):
    room.refuses(foreign_protocols(room))


def test_NET_11_servers_and_topology(room):
    room.refuses(server_answers(room))


def test_NET_11_bpdus_with_spanning_tree_on(room):
    run("ip", "link", "set", "br0", "type", "bridge", "stp_state", "1", "forward_delay", "200")
    time.sleep(5)
    bpdu = b"\x42\x42\3\0\0\0\0\0" + bytes(8) + bytes(4) + bytes(8) + bytes(2) + bytes(8) + MARK
    for _ in range(20):
        room.a.tap.send(ether(room.a.mac, len(bpdu), bpdu, "01:80:c2:00:00:00"))
    assert links()["br0"]["linkinfo"]["info_data"]["root_port"] == 0
    # Who sends such frames loses his own port, and nobody else his.
    state = {n.name: links()[n.name]["linkinfo"]["info_slave_data"]["state"] for n in (room.a, room.b)}
    assert state[room.b.name] == "forwarding" and state[room.a.name] in ("forwarding", "disabled")
    room.wire.drain()
    room.b.tap.send(ether(room.b.mac, 0x800, ip4(room.b.address4, "10.66.0.255", 17, udp(1, 2, CONTROL))))
    heard = room.wire.receive(0.1)
    assert [f for f in heard if CONTROL in f] and not [f for f in heard if MARK in f]


def test_NET_13_broadcasts_are_limited(room):
    room.wire.drain()
    frame = ether(room.a.mac, 0x800, ip4(room.a.address4, "10.66.0.255", 17, udp(1, 2, MARK)))
    begin = time.monotonic()
    for _ in range(20000):
        room.a.tap.send(frame)
    seconds = time.monotonic() - begin
    heard = len([f for f in room.wire.receive() if MARK in f])
    assert 100 < heard < 700 + 300 * seconds
    # It is a's limit only.
    b = room.b
    b.tap.send(ether(b.mac, 0x800, ip4(b.address4, "10.66.0.255", 17, udp(1, 2, CONTROL))))
    assert [f for f in room.wire.receive() if CONTROL in f]


def test_NET_13_others_go_on_during_a_flood(room):
    """One shouts as fast as it can, at all and as mDNS and LLMNR do; another asks the host, and hears soon."""
    a, b = room.a, room.b
    b.configure()
    frames = [ether(a.mac, 0x800, ip4(a.address4, "10.66.0.255", 17, udp(1, 2, bytes(1400)))),
              ether(a.mac, 0x800, ip4(a.address4, "224.0.0.251", 17, udp(5353, 5353, bytes(1400))), "01:00:5e:00:00:fb"),
              ether(a.mac, 0x800, ip4(a.address4, "224.0.0.252", 17, udp(5355, 5355, bytes(1400))), "01:00:5e:00:00:fc")]
    before = room_bytes()
    pid = os.fork()
    if pid == 0:
        while True:
            for frame in frames:
                with contextlib.suppress(OSError):
                    a.tap.send(frame)
    here = os.open(HOST, os.O_RDONLY)
    times = []
    try:
        with service(here, 53):
            for _ in range(20):
                begin = time.monotonic()
                assert exchange(b.namespace, GATEWAY, 53)
                times.append(time.monotonic() - begin)
                time.sleep(0.05)
    finally:
        os.close(here)
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    assert statistics.median(times) < 0.05, times
    # What it sent is far more than what came out of the bridge's other ports.
    assert room_bytes() - before < 5 << 20


def room_bytes():
    return int(open("/sys/class/net/wire/statistics/tx_bytes").read())


def test_NET_14_random_macs(room):
    before = run("bridge", "fdb", "show", "br", "br0")
    frames = [ether(f"02:77:00:00:{i >> 8:02x}:{i & 255:02x}", 0x800, ip4(room.a.address4, GATEWAY, 17, udp(1, 2, MARK)),
                    "02:00:00:00:00:fe") for i in range(5000)]
    room.refuses(frames)
    assert run("bridge", "fdb", "show", "br", "br0") == before


def test_NET_15_what_a_container_changes_on_its_end(room):
    a = room.a
    a.tap.close()
    with inside(a.namespace):
        run("ip", "link", "set", "eth0", "promisc", "on")
        run("ip", "link", "add", "link", "eth0", "name", "vlan5", "type", "vlan", "id", "5", check=False)
        run("ip", "link", "set", "eth0", "address", room.b.mac, check=False)
        for mtu in "68", "65535":
            run("ip", "link", "set", "eth0", "mtu", mtu)
            assert links()["eth0"]["mtu"] == int(mtu)
    a.tap = Tap(a.namespace, "eth0")
    assert links()["br0"]["mtu"] == 1500 and links()[a.name]["mtu"] == 1500
    room.refuses(list(spoofed_macs(room)) + list(spoofed_addresses(room)))


@pytest.mark.parametrize("what", [("type", "macvlan", "mode", "bridge"), ("type", "bridge", "stp_state", "1", "forward_delay", "200")])
def test_NET_15_what_a_container_builds_on_its_end(room, what):
    """Other links with MAC addresses of their own on top of it: nothing of them gets out."""
    a = room.a
    before = run("bridge", "fdb", "show", "br", "br0")
    with inside(a.namespace):
        on = ("link", "eth0") if what[1] == "macvlan" else ()
        run("ip", "link", "add", *on, "name", "top0", "address", "02:55:00:00:00:01", *what)
        if not on:
            run("ip", "link", "set", "eth0", "master", "top0")
        run("ip", "link", "set", "top0", "up")
    top = Tap(a.namespace, "top0")
    for hearer in room.hearers:
        hearer.drain()
    for source in ("02:55:00:00:00:01", "02:55:00:00:00:02"):
        top.send(ether(source, 0x800, ip4(a.address4, "10.66.0.255", 17, udp(1, 2, MARK))))
        top.send(ether(source, 0x806, arp(1, source, a.address4, GATEWAY)))
    time.sleep(3)  # its own spanning tree speaks meanwhile
    heard = [f for hearer in room.hearers for f in hearer.receive(0.1)]
    assert [f.hex() for f in heard if MARK in f or f[:5] == b"\x01\x80\xc2\0\0"] == []
    top.close()
    assert run("bridge", "fdb", "show", "br", "br0") == before
    assert links()["br0"]["linkinfo"]["info_data"]["root_port"] == 0


def test_NET_16_services_of_the_host(nic):
    a = nic(2)
    a.configure()
    a.configure6()
    host = os.open(HOST, os.O_RDONLY)
    run("ip", "address", "add", "192.0.2.1/32", "dev", "lo")
    run("ip", "address", "add", "2001:db8::1/128", "dev", "lo", "nodad")
    with contextlib.ExitStack() as stack:
        for port in (53, 67, 22, 631, 5353, 9999):
            for family in (socket.AF_INET, socket.AF_INET6):
                stack.enter_context(service(host, port, family=family, only6=family == socket.AF_INET6))
                stack.enter_context(service(host, port, socket.SOCK_STREAM, family, only6=family == socket.AF_INET6))
        for address in (GATEWAY, "192.0.2.1", GATEWAY6, "2001:db8::1"):
            heard = {(port, kind.name): exchange(a.namespace, address, port, kind) for port in (53, 67, 22, 631, 5353, 9999)
                     for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)}
            allowed = {k for k, v in heard.items() if v}
            assert allowed == {(53, "SOCK_DGRAM"), (53, "SOCK_STREAM"), (67, "SOCK_DGRAM")}
    # The host itself may speak to the container.
    with service(a.namespace, 8000, socket.SOCK_STREAM):
        assert exchange(host, a.address4, 8000, socket.SOCK_STREAM) == GATEWAY.encode()
    os.close(host)


def test_new_connections_of_a_nic_are_bounded(helper, nic):
    """So that no container fills the table in which the host remembers those of all."""
    run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
    a, b = nic(2), nic(3)
    bridge = "02:00:00:00:00:fe"
    run("ip", "link", "add", "uplink", "type", "veth", "peer", "name", "far")
    run("ip", "link", "set", "far", "up", "arp", "off")
    run("ip", "address", "add", "192.0.2.1/24", "dev", "uplink")
    run("ip", "address", "add", "2001:db8::1/64", "dev", "uplink", "nodad")
    run("ip", "link", "set", "uplink", "up", "arp", "off")
    for each in (a, b):
        # Of the nic's own, as its namespace does not ask for anybody.
        run("ip", "neighbour", "replace", each.address4, "lladdr", each.mac, "dev", "br0")

    def known():
        return int(open("/proc/sys/net/netfilter/nf_conntrack_count").read())

    def flood(n, first):
        for port in range(first, first + n):
            a.tap.send(ether(a.mac, 0x800, ip4(a.address4, "192.0.2.9", 17, udp(port, 9, MARK)), bridge))

    # How many begin in a second, and some at once.
    begin = time.monotonic()
    flood(5000, 1000)
    assert 1500 < known() < 2100 + 500 * (time.monotonic() - begin)
    # And how many are there, however slowly they came.
    helper.process.send_signal(signal.SIGSTOP)
    for first in range(10000, 18000, 2000):
        run("nft", "flush", "set", "inet", "bothy", "begun4")
        flood(2000, first)
    assert 4000 < known() <= 4200
    # The neighbour may all the same.
    b.tap.send(ether(b.mac, 0x800, ip4(b.address4, "192.0.2.9", 17, udp(1, 9, MARK)), bridge))
    assert f"src={b.address4}" in open("/proc/net/nf_conntrack").read()
    helper.process.send_signal(signal.SIGCONT)


def test_only_the_owner_and_root_reach_a_container_from_the_host(helper, nic):
    """What it published, everybody does; and its questions are answered whoever serves."""
    host = os.open(HOST, os.O_RDONLY)
    a = nic(2, owner=1000)
    other = nic(3, owner=1001)
    for each in (a, other):
        each.configure()
        each.configure6()
    tcp, udp = socket.SOCK_STREAM, socket.SOCK_DGRAM
    families = {socket.AF_INET: a.address4, socket.AF_INET6: a.address6}
    with contextlib.ExitStack() as stack:
        for family in families:
            for kind in (tcp, udp):
                stack.enter_context(service(a.namespace, 8000, kind, family, only6=family == socket.AF_INET6))
        stack.enter_context(service(host, 53, uid=1001))
        heard = {(uid, address, kind.name): exchange(host, address, 8000, kind, uid=uid) is not None
                 for uid in (0, 1000, 1001, 65534) for address in families.values() for kind in (tcp, udp)}
        assert {key for key, value in heard.items() if value} == {key for key in heard if key[0] in (0, 1000)}
        # The owner's socket was closed, and somebody else has its port.
        with user(1000):
            own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        own.bind(("", 5555))
        own.sendto(b"ping", (a.address4, 8000))
        assert own.recv(100)
        own.close()
        assert exchange(host, a.address4, 8000, source=("", 5555), uid=1001) is None
        assert exchange(host, a.address4, 8000, source=("", 5555), uid=1000)
        # No error of its own holds up the end of a connection whose process has gone.
        assert exchange(a.namespace, GATEWAY, 53) == a.address4.encode()
        for kind in (tcp, udp):
            assert helper.call(PUBLISH, flags=0 if kind == tcp else UDP, port=8080, inside_port=8000, address4=a.address4,
                               address6=a.address6, bridge=index_of("br0")).outcome == (0, 0)
            for address in ("127.0.0.1", GATEWAY, GATEWAY6):
                assert exchange(host, address, 8080, kind, uid=1001), (kind, address)
        # Somebody else's now.
        assert a.repair(owner=1001).outcome == (0, 0)
        assert [exchange(host, a.address4, 8000, uid=uid) is not None for uid in (0, 1000, 1001)] == [True, False, True]
    os.close(host)


def test_only_root_reaches_all_containers_at_once(nic):
    """By broadcasts and multicast, which services inside hear as well."""
    a = nic(2, owner=1000)
    run("ip", "address", "replace", f"{GATEWAY}/24", "broadcast", "10.66.0.255", "dev", "br0")

    def send(uid, to, payload):
        with user(uid):
            s = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(GATEWAY))
        with s, contextlib.suppress(PermissionError):
            s.sendto(payload, (to, 6000, 0, index_of("br0")) if ":" in to else (to, 6000))

    a.tap.drain()
    for to in ("10.66.0.255", "224.0.0.1", "ff02::1"):
        for uid in (1000, 1001):
            send(uid, to, MARK)
        send(0, to, CONTROL)
    heard = a.tap.receive(0.2)
    assert [f.hex() for f in heard if MARK in f] == []
    assert len([f for f in heard if CONTROL in f]) == 3


def test_NET_17_containers_do_not_reach_each_other(nic):
    run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    a, b, c, d = nic(2), nic(3), nic(4, group=7), nic(5, group=7)
    e = nic(6, group=8)
    for each in (a, b, c, d, e):
        each.configure()
    every = {"a": a, "b": b, "c": c, "d": d, "e": e}
    with contextlib.ExitStack() as stack:
        for each in every.values():
            stack.enter_context(service(each.namespace, 8000))
        direct = {x + y for x in every for y in every if x != y and exchange(every[x].namespace, every[y].address4, 8000)}
        assert direct == {"cd", "dc"}
        # The long way, through the router, with the gateway's MAC.
        for each in every.values():
            with inside(each.namespace):
                run("ip", "route", "del", "10.66.0.0/24", check=False)
                run("ip", "route", "add", GATEWAY, "dev", "eth0")
                run("ip", "route", "replace", "default", "via", GATEWAY, "onlink", "dev", "eth0")
        run("sysctl", "-qw", "net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.br0.send_redirects=0")
        routed = {x + y for x in every for y in every if x != y and exchange(every[x].namespace, every[y].address4, 8000)}
        assert routed == {"cd", "dc"}


def test_NET_17_containers_do_not_reach_each_other_over_ipv6(nic):
    run("sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
    every = {"a": nic(2), "b": nic(3), "c": nic(4, group=7), "d": nic(5, group=7), "e": nic(6, group=8)}
    for each in every.values():
        each.configure6()

    def pairs():
        return {x + y for x in every for y in every if x != y and exchange(every[x].namespace, every[y].address6, 8000)}

    with contextlib.ExitStack() as stack:
        for each in every.values():
            stack.enter_context(service(each.namespace, 8000, family=socket.AF_INET6))
        assert pairs() == {"cd", "dc"}
        # The long way, through the router.
        for each in every.values():
            with inside(each.namespace):
                run("ip", "-6", "route", "add", GATEWAY6, "dev", "eth0")
                run("ip", "-6", "route", "del", "fd66::/64", "dev", "eth0")
        assert pairs() == {"cd", "dc"}


def test_NET_17_broadcasts_stay_in_the_group(nic):
    a, b, c, d = nic(2), nic(3), nic(4, group=7), nic(5, group=7)
    for sender, hearers in ((a, []), (c, [d])):
        frame = ether(sender.mac, 0x800, ip4(sender.address4, "10.66.0.255", 17, udp(1, 2, MARK)))
        sender.tap.send(frame)
        assert [n for n in (a, b, c, d) if n is not sender and frame in n.tap.receive(0.1)] == hearers


def test_lan_any_address_but_another_nics(nic):
    room = Room(nic, flags=LAN, address6="", address4="")
    a, b = room.a, room.b
    b.address4, b.address6 = "10.66.0.3", "fd66::3"
    a.address4 = "192.168.7.7"
    room.passes([ether(a.mac, 0x800, ip4("192.168.7.7", "255.255.255.255", 17, udp(1, 2, MARK))),
                 ether(a.mac, 0x806, arp(1, a.mac, "192.168.7.7", GATEWAY)),
                 ether(a.mac, 0x800, ip4(b.address4, "255.255.255.255", 17, udp(1, 2, MARK)))])
    assert b.repair(address4=b.address4, address6=b.address6).outcome == (0, 0)
    room.refuses([ether(a.mac, 0x800, ip4(b.address4, "255.255.255.255", 17, udp(1, 2, MARK))),
                  ether(a.mac, 0x806, arp(2, a.mac, b.address4, GATEWAY)),
                  ether(a.mac, 0x86DD, ip6(b.address6, "ff02::1", 17, udp(1, 2, MARK)), "33:33:00:00:00:01"),
                  ether(a.mac, 0x86DD, ip6("fd66::99", "ff02::1", 58, neighbour(136, b.address6)), "33:33:00:00:00:01"),
                  *spoofed_macs(room), *foreign_protocols(room), *server_answers(room)])


def claims(a, address, address6):
    """All ways to say on a LAN that an address is one's own, and to keep others from having it."""
    nodes = "33:33:00:00:00:01"
    return [*(ether(a.mac, 0x806, arp(operation, a.mac, address, target)) for operation in (1, 2) for target in (address, "10.66.0.9")),
            ether(a.mac, 0x806, arp(1, a.mac, "0.0.0.0", address)),
            ether(a.mac, 0x800, ip4(address, "255.255.255.255", 17, udp(1, 2, MARK))),
            ether(a.mac, 0x86DD, ip6("fd66::99", "ff02::1", 58, neighbour(136, address6)), nodes),
            ether(a.mac, 0x86DD, ip6("::", "ff02::1", 58, neighbour(135, address6)), nodes),
            ether(a.mac, 0x86DD, ip6(address6, "ff02::1", 58, neighbour(135, "fd66::9")), nodes),
            ether(a.mac, 0x86DD, ip6(address6, "ff02::1", 17, udp(1, 2, MARK)), nodes)]


def test_NET_09_host_and_routers_keep_their_addresses_on_a_lan(nic):
    """Nobody gave the nic an address, so it may have any but those."""
    run("ip", "route", "add", "198.51.100.0/24", "via", "10.66.0.254")
    run("ip", "-6", "route", "add", "default", "via", "fe80::254", "dev", "br0")
    run("ip", "route", "add", "203.0.113.0/24", "nexthop", "via", "10.66.0.252", "nexthop", "via", "10.66.0.253")
    room = Room(nic, flags=LAN, address6="", address4="")
    a = room.a
    a.address4 = "10.66.0.7"
    for address, address6 in ((GATEWAY, GATEWAY6), ("10.66.0.254", "fe80::254")):
        room.refuses(claims(a, address, address6))
    room.refuses([frame for address in ("10.66.0.252", "10.66.0.253") for frame in claims(a, address, GATEWAY6)])
    room.passes(claims(a, "10.66.0.77", "fd66::77"))

    def known():
        text = run("nft", "list", "set", "bridge", "bothy", "host4") + run("nft", "list", "set", "bridge", "bothy", "host6")
        return "10.66.0.77" in text and "fd66::77" in text

    # They come and go.
    run("ip", "address", "add", "10.66.0.77/24", "dev", "br0")
    run("ip", "address", "add", "fd66::77/64", "dev", "br0", "nodad")
    until(known)
    room.refuses(claims(a, "10.66.0.77", "fd66::77"))
    run("ip", "address", "del", "10.66.0.77/24", "dev", "br0")
    run("ip", "address", "del", "fd66::77/64", "dev", "br0")
    until(lambda: not known())
    room.passes(claims(a, "10.66.0.77", "fd66::77"))


def test_NET_09_nobody_is_bound_to_what_the_host_or_a_router_has(nic):
    run("ip", "route", "add", "198.51.100.0/24", "via", "10.66.0.254")
    for address in (GATEWAY, "10.66.0.254"):
        a = nic(2, attach=False, flags=LAN | BOUND, address6="", address4=address)
        assert a.attach().outcome == (errno.EADDRNOTAVAIL, STEP_FILTER) and not [n for n in links() if n.startswith("bothy-")]


def test_NET_09_probes_are_for_ones_own_address(nic):
    """Who asks for an address that another is about to take keeps him from it."""
    room = Room(nic, flags=LAN | BOUND, address6="")
    room.refuses([ether(room.a.mac, 0x806, arp(1, room.a.mac, "0.0.0.0", address))
                  for address in (GATEWAY, room.b.address4, "10.66.0.77", "0.0.0.0")])
    room.passes([ether(room.a.mac, 0x806, arp(1, room.a.mac, "0.0.0.0", room.a.address4))])


def test_NET_10_bound_on_a_lan(nic):
    """One IPv4 address, of those that the LAN has; IPv6 as everybody there."""
    room = Room(nic, flags=LAN | BOUND, address6="")
    a, nodes = room.a, "33:33:00:00:00:01"
    room.passes([ether(a.mac, 0x806, arp(1, a.mac, a.address4, GATEWAY)), ether(a.mac, 0x806, arp(1, a.mac, "0.0.0.0", a.address4)),
                 ether(a.mac, 0x800, ip4(a.address4, "255.255.255.255", 17, udp(1, 2, MARK))),
                 ether(a.mac, 0x86DD, ip6("2001:db8::7", "ff02::1", 17, udp(1, 2, MARK)), nodes)])
    others = ("192.168.7.7", room.b.address4, GATEWAY)
    room.refuses([*spoofed_macs(room)] + [ether(a.mac, 0x806, arp(operation, a.mac, other, GATEWAY))
                                          for other in others for operation in (1, 2)]
                 + [ether(a.mac, 0x800, ip4(other, "255.255.255.255", 17, udp(1, 2, MARK))) for other in others])


def test_NET_10_bound_to_what_another_has(helper, nic):
    a = nic(2, flags=LAN | BOUND, address6="")
    b = nic(3, attach=False, flags=LAN | BOUND, address6="", address4=a.address4)
    assert b.attach().outcome == (errno.EADDRNOTAVAIL, STEP_FILTER) and len([n for n in links() if n.startswith("bothy-")]) == 1
    assert a.repair().outcome == (0, 0) and a.attach().outcome == (0, 0)
    for options in (dict(flags=BOUND), dict(flags=LAN | BOUND, address4="")):
        assert nic(4, attach=False, **options).attach().outcome == (errno.EINVAL, STEP_REQUEST)
    a.detach()
    assert b.attach().outcome == (0, 0)

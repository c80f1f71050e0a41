# SPDX-License-Identifier: LGPL-2.1-or-later
"""Frames that containers send: what is theirs to say, and what is not."""

import struct

from nethost import BROADCAST, GATEWAY, ip_bytes, link_local, mac_bytes

MARK = b"must-not-arrive"
CONTROL = b"has-to-arrive"
WIRE_MAC = "02:00:00:00:02:01"
WIRE_ADDRESS = "10.66.0.200"


def ether(source, kind, payload, to=BROADCAST):
    return mac_bytes(to) + mac_bytes(source) + struct.pack("!H", kind) + payload


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip4(source, to, protocol, payload, options=b"", offset=0):
    head = struct.pack("!BBHHHBBH4s4s", 0x45 + len(options) // 4, 0, 20 + len(options) + len(payload), 1, offset, 64,
                       protocol, 0, ip_bytes(source), ip_bytes(to)) + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ip6(source, to, header, payload, hops=255):
    return struct.pack("!IHBB16s16s", 6 << 28, len(payload), header, hops, ip_bytes(source), ip_bytes(to)) + payload


def fragment(protocol, offset, payload):
    """An extension header of IPv6; OFFSET as in an IPv4 header, with 0x2000 for "more follow"."""
    return struct.pack("!BxHI", protocol, (offset & 0x1FFF) << 3 | offset >> 13, 7) + payload


def udp(source, to, payload):
    return struct.pack("!HHHH", source, to, 8 + len(payload), 0) + payload


def arp(operation, mac, address, target, to_mac="00:00:00:00:00:00"):
    return struct.pack("!HHBBH6s4s6s4s", 1, 0x800, 6, 4, operation, mac_bytes(mac), ip_bytes(address),
                       mac_bytes(to_mac), ip_bytes(target)) + MARK


def icmp6(kind, body):
    return struct.pack("!BBH", kind, 0, 0) + body


def neighbour(kind, target, body=MARK):
    return icmp6(kind, bytes(4) + ip_bytes(target) + body)


def legal_frames(a):
    """What a well-behaved container says."""
    own6 = a.address6
    solicited = "33:33:ff:00:00:01"
    return [
        ether(a.mac, 0x806, arp(1, a.mac, a.address4, GATEWAY)),
        ether(a.mac, 0x806, arp(1, a.mac, "0.0.0.0", a.address4)),
        ether(a.mac, 0x806, arp(2, a.mac, a.address4, a.address4)),
        ether(a.mac, 0x800, ip4("0.0.0.0", "255.255.255.255", 17, udp(68, 67, MARK))),
        ether(a.mac, 0x800, ip4(a.address4, "255.255.255.255", 17, udp(5000, 6000, MARK))),
        ether(a.mac, 0x86DD, ip6(own6, "ff02::1:ff00:1", 58, neighbour(135, "fd66::1")), solicited),
        ether(a.mac, 0x86DD, ip6("::", "ff02::1:ff00:1", 58, neighbour(135, own6)), solicited),
        ether(a.mac, 0x86DD, ip6("::", "ff02::1:ff00:1", 58, neighbour(135, link_local(a.mac))), solicited),
        ether(a.mac, 0x86DD, ip6(own6, "ff02::1", 58, neighbour(136, own6)), "33:33:00:00:00:01"),
        ether(a.mac, 0x86DD, ip6(link_local(a.mac), "ff02::2", 58, icmp6(133, bytes(4) + MARK)), "33:33:00:00:00:02"),
        ether(a.mac, 0x86DD, ip6(link_local(a.mac), "ff02::1", 17, udp(546, 547, MARK)), "33:33:00:00:00:01"),
    ]


def spoofed_macs(room):
    a, b = room.a, room.b
    for mac in ("02:99:00:00:00:01", "03:00:00:00:01:02", BROADCAST, "02:00:00:00:00:fe", b.mac, WIRE_MAC,
                "00:00:00:00:00:00"):
        for to in (BROADCAST, b.mac, WIRE_MAC, "02:00:00:00:00:fe"):
            yield ether(mac, 0x800, ip4(a.address4, "10.66.0.255", 17, udp(1, 2, MARK)), to)
        yield ether(mac, 0x806, arp(1, a.mac, a.address4, GATEWAY))


def spoofed_neighbours(room):
    a, b = room.a, room.b
    for address in (GATEWAY, b.address4, WIRE_ADDRESS, "192.0.2.1"):
        yield ether(a.mac, 0x806, arp(1, a.mac, "0.0.0.0", address))
        for operation in (1, 2):
            yield ether(a.mac, 0x806, arp(operation, a.mac, address, address))
            yield ether(a.mac, 0x806, arp(operation, a.mac, address, b.address4, b.mac), b.mac)
    yield ether(a.mac, 0x806, arp(2, b.mac, a.address4, GATEWAY))
    yield ether(a.mac, 0x806, arp(1, b.mac, a.address4, GATEWAY))
    yield ether(a.mac, 0x806, arp(2, a.mac, "0.0.0.0", a.address4))
    for operation in (0, 3, 4, 8, 9, 25):
        yield ether(a.mac, 0x806, arp(operation, a.mac, a.address4, GATEWAY))
    yield ether(a.mac, 0x806, b"\0\6" + arp(1, a.mac, a.address4, GATEWAY)[2:])
    yield ether(a.mac, 0x806, arp(1, a.mac, a.address4, GATEWAY)[:2] + b"\x86\xdd" + arp(1, a.mac, a.address4, GATEWAY)[4:])
    for target in ("fd66::1", b.address6, link_local(b.mac)):
        yield ether(a.mac, 0x86DD, ip6(a.address6, "ff02::1", 58, neighbour(136, target)), "33:33:00:00:00:01")
        yield ether(a.mac, 0x86DD, ip6(target, "ff02::1", 58, neighbour(136, target)), "33:33:00:00:00:01")
        yield ether(a.mac, 0x86DD, ip6(target, "ff02::1", 58, neighbour(135, "fd66::1")), "33:33:00:00:00:01")
        yield ether(a.mac, 0x86DD, ip6("::", "ff02::1", 58, neighbour(135, target)), "33:33:00:00:00:01")
        yield ether(a.mac, 0x86DD, ip6(a.address6, b.address6, 58, neighbour(136, target)), b.mac)


def spoofed_addresses(room):
    a, b = room.a, room.b
    plain = udp(1, 2, MARK)
    for source in (b.address4, GATEWAY, WIRE_ADDRESS, "127.0.0.1", "255.255.255.255", "224.0.0.1", "8.8.8.8", "0.0.0.0"):
        for to in ((BROADCAST, "10.66.0.255"), (b.mac, b.address4), ("02:00:00:00:00:fe", GATEWAY)):
            yield ether(a.mac, 0x800, ip4(source, to[1], 17, plain), to[0])
    yield ether(a.mac, 0x800, ip4("0.0.0.0", "255.255.255.255", 17, udp(68, 68, MARK)))
    yield ether(a.mac, 0x800, ip4("0.0.0.0", "255.255.255.255", 6, udp(68, 67, MARK)))
    yield ether(a.mac, 0x800, ip4("0.0.0.0", "10.66.0.255", 17, udp(68, 67, MARK)))
    yield ether(a.mac, 0x800, ip4(a.address4, "127.0.0.1", 17, plain), "02:00:00:00:00:fe")
    for source in ("::", "::1", b.address6, "fd66::1", link_local(b.mac), "ff02::1", "2001:db8::1"):
        yield ether(a.mac, 0x86DD, ip6(source, "ff02::1", 17, plain), "33:33:00:00:00:01")
        yield ether(a.mac, 0x86DD, ip6(source, "ff02::1", 58, icmp6(128, bytes(4) + MARK)), "33:33:00:00:00:01")
    for offset in (0x2000, 0x2001, 1, 0x1FFF):
        yield ether(a.mac, 0x800, ip4(b.address4, "10.66.0.255", 17, plain, offset=offset))
        yield ether(a.mac, 0x86DD, ip6(b.address6, "ff02::1", 44, fragment(17, offset, plain)), "33:33:00:00:00:01")
    for to in ("::1", "100::b074"):
        yield ether(a.mac, 0x86DD, ip6(a.address6, to, 17, plain), "02:00:00:00:00:fe")
    # Options, extension headers: what follows could not be judged.
    for options in (b"\x94\4\0\0", b"\x83\7\4\x0a\x42\0\3\0", b"\1\1\1\1"):
        yield ether(a.mac, 0x800, ip4(a.address4, "10.66.0.255", 17, plain, options))
    for header in (0, 43, 44, 51, 60, 135, 139, 140, 253, 254):
        for inner in (17, 58):
            if header == 44 and inner == 17:
                continue  # a fragment that may pass
            body = struct.pack("!BB6x", inner, 0) + (plain if inner == 17 else neighbour(136, "fd66::1"))
            yield ether(a.mac, 0x86DD, ip6(a.address6, "ff02::1", header, body), "33:33:00:00:00:01")


def foreign_protocols(room):
    a = room.a
    inner = ip4(a.address4, "10.66.0.255", 17, udp(1, 2, MARK))
    for tag in (b"\0\0", b"\0\1", b"\0\7", b"\xe0\0"):
        yield ether(a.mac, 0x8100, tag + b"\x08\0" + inner)
        yield ether(a.mac, 0x88A8, tag + b"\x08\0" + inner)
        yield ether(a.mac, 0x88A8, tag + b"\x81\0\0\5\x08\0" + inner)
    yield ether(a.mac, 0x8847, b"\0\0\x11\xff" + inner)  # MPLS
    for kind in (0x8808, 0x88CC, 0x88A4, 0x8809, 0x888E, 0x88F7, 0x8864, 0x8863, 0x22F0, 0x88E5, 0x9000, 0x1234, 0x805, 0x600):
        yield ether(a.mac, kind, inner)
        for last in (0, 1, 2, 3, 0xE):  # STP, PAUSE, LACP, 802.1X, LLDP
            yield ether(a.mac, kind, inner, f"01:80:c2:00:00:{last:02x}")
    for last in range(16):
        yield ether(a.mac, 0x800, inner, f"01:80:c2:00:00:{last:02x}")
    for length in (3, 38, 1500):  # 802.3, LLC
        yield ether(a.mac, length, b"\x42\x42\3" + MARK)
        yield ether(a.mac, length, b"\xaa\xaa\3\0\0\0\x08\0" + inner)
        yield ether(a.mac, length, b"\x42\x42\3" + bytes(35) + MARK, "01:80:c2:00:00:00")
    yield ether(a.mac, 0x800, b"\x65" + inner[1:])
    yield ether(a.mac, 0x86DD, inner)


def server_answers(room):
    a, b = room.a, room.b
    all_nodes = "33:33:00:00:00:01"
    for to in ((BROADCAST, "255.255.255.255"), (b.mac, b.address4)):
        yield ether(a.mac, 0x800, ip4(a.address4, to[1], 17, udp(67, 68, MARK)), to[0])
    for source in (a.address6, link_local(a.mac)):
        yield ether(a.mac, 0x86DD, ip6(source, "ff02::1", 17, udp(547, 546, MARK)), all_nodes)
        for kind in (134, 137, 130, 138, 139, 140, 141, 151):
            yield ether(a.mac, 0x86DD, ip6(source, "ff02::1", 58, icmp6(kind, bytes(12) + MARK)), all_nodes)
        for kind in (130, 134, 135, 136):
            hop = struct.pack("!BBBBHBB", 58, 0, 5, 2, 0, 1, 0)
            yield ether(a.mac, 0x86DD, ip6(source, "ff02::1", 0, hop + neighbour(kind, "fd66::1")), all_nodes)
    for kind in (5, 9):
        yield ether(a.mac, 0x800, ip4(a.address4, b.address4, 1, struct.pack("!BBH", kind, 0, 0) + MARK), b.mac)
    for options in (b"", b"\x94\4\0\0"):
        yield ether(a.mac, 0x800, ip4(a.address4, "224.0.0.1", 2, b"\x11\x64\0\0" + MARK, options), "01:00:5e:00:00:01")


def everything_illegal(room):
    for source in (spoofed_macs, spoofed_neighbours, spoofed_addresses, foreign_protocols, server_answers):
        yield from source(room)

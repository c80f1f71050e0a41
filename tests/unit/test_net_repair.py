# SPDX-License-Identifier: LGPL-2.1-or-later
"""The filter holds at every moment, and what is damaged is repaired or cut off."""

import contextlib
import errno
import json
import os
import signal
import socket
import struct
import subprocess
import time

import pytest

from nethost import (ATTACH, CLONE_NEWNET, DESTINATION, DETACH, Helper, LIST, Listener, Nic, REQUEST, STEP_BRIDGE, STEP_FILTER,  # noqa: F401
                     TIDY, check, helper, host, index_of, ip_bytes, libc, links, mac_bytes,  # noqa: F401
                     new_namespace, nic, pytestmark, ruleset, run)  # noqa: F401
from frames import CONTROL, MARK, ether, everything_illegal, ip4, spoofed_addresses, spoofed_macs, udp  # noqa: F401
from room import Room, room  # noqa: F401


def test_NET_12_while_others_come_and_go(helper, room):
    """Illegal frames go on while nics and foreign rules change."""
    others = [Nic(helper, 10 + i, "br0", attach=False) for i in range(4)]
    frames = [f for f in everything_illegal(room)]
    for hearer in room.hearers:
        hearer.drain()
    for turn in range(6):
        for other in others:
            assert (other.attach() if turn % 2 == 0 else other.detach()).outcome == (0, 0)
            for frame in frames[turn::6]:
                room.a.tap.send(frame)
        run("nft", "-f", "-", input="table inet firewalld {\nchain c {\ntype filter hook input priority 0;\n}\n}\n"
            "delete table inet firewalld\n")
    heard = [f for hearer in room.hearers for f in hearer.receive(0.1)]
    assert [f.hex() for f in heard if MARK in f] == []
    time.sleep(2)  # until the limit of broadcasts is over
    room.refuses([])


@contextlib.contextmanager
def owned_table(family):
    """A table that nobody but its owner may change: nftables does not work for us."""
    process = subprocess.Popen(["nft", "-i"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
    process.stdin.write(f"flush ruleset; add table {family} bothy {{ flags owner; }}\n")
    process.stdin.flush()
    while "bothy" not in ruleset():
        time.sleep(0.02)
    try:
        yield
    finally:
        process.stdin.close()
        process.wait()
        while "owner" in ruleset():
            time.sleep(0.02)


@pytest.mark.parametrize("family", ["bridge", "inet"])
def test_NET_20_no_filter_no_link(helper, nic, family):
    with owned_table(family):
        a = nic(2, attach=False)
        reply = a.attach()
        assert reply.outcome == (errno.EPERM, STEP_FILTER)
        assert not [n for n in links() if n.startswith("bothy-")]
    assert a.attach().outcome == (0, 0)
    a.up()
    with owned_table(family):
        assert a.repair().outcome == (errno.EPERM, STEP_FILTER)
        assert "UP" not in links()[a.name]["flags"]
        assert a.detach().error in (0, errno.EPERM)
        assert a.name not in links()


def test_NET_12_what_was_asked_before_the_rules_went_is_answered():
    """Somebody takes the rules away while requests are under way: each gets its answer before who asked is cut off."""
    listener = Listener()
    a = Nic(listener, 2, "br0")
    listener.process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, listener.process.pid, os.WSTOPPED | os.WNOWAIT)
    run("nft", "flush", "ruleset")
    request = REQUEST.pack(1, 5, LIST, 0, 0, 0, 0, 0, bytes(6), 0, bytes(4), bytes(16), bytes(16), 0, 0, b"", b"", 0, 0, 0)
    for _ in range(5):
        listener.socket.send(request)
    listener.process.send_signal(signal.SIGCONT)
    answers = []
    while answer := listener.socket.recv(1 << 20):
        answers.append(answer)
    assert len(answers) == 5
    assert "UP" not in links()[a.name]["flags"]
    listener.connect()
    assert a.repair().outcome == (0, 0) and "UP" in links()[a.name]["flags"]
    a.close()
    listener.close()


@pytest.mark.once
def test_NET_21_never_up_without_its_filter(helper, nic):
    """A container that shouts all the time, from the first moment of its link, is heard by nobody."""
    room = Room(nic)
    shouter = nic(9, attach=False)
    frames = [ether(mac, 0x800, ip4(source, "10.66.0.255", 17, udp(1, 2, MARK)))
              for mac, source in (("02:99:00:00:00:01", "10.66.0.9"), (shouter.mac, "8.8.8.8"), (room.b.mac, room.b.address4))]
    for hearer in room.hearers:
        hearer.drain()
    pid = os.fork()
    if pid == 0:
        check(libc.setns(shouter.namespace, CLONE_NEWNET))
        shout(frames)
    monitor = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    monitor.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)
    monitor.bind((0, 1))
    try:
        for _ in range(40):
            assert shouter.attach().outcome == (0, 0)
            time.sleep(0.01)
            assert shouter.detach().outcome == (0, 0)
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    heard = [f for hearer in room.hearers for f in hearer.receive(0.1)]
    assert [f.hex() for f in heard if MARK in f] == []
    assert shouts_of_legal_frames_arrive(room)
    # As the kernel told it: up only after the bridge, and with an alias.
    monitor.setblocking(False)
    ups = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            for name, flags, master, alias in read_links(monitor.recv(1 << 20)):
                if name.startswith("bothy-") and flags & 1:
                    ups += 1
                    assert alias
    assert ups > 0


def shout(frames):
    """Sends as soon as there is something to send on; never returns."""
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    import fcntl

    while True:
        try:
            fcntl.ioctl(control, 0x8914, struct.pack("16sH14x", b"eth0", 0x1 | 0x80))  # SIOCSIFFLAGS: up, no ARP
            for frame in frames:
                s.sendto(frame, ("eth0", 0))
        except OSError:
            pass


def shouts_of_legal_frames_arrive(room):
    heard = room.hear([], room.control())
    return len([f for f in heard if CONTROL in f]) == len(room.hearers)


def read_links(data):
    """(name, flags, master, alias) of each RTM_NEWLINK."""
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        if kind == 16 and data[16] == 0:
            flags = struct.unpack_from("=I", data, 24)[0]
            values, at = {}, 32
            while at + 4 <= length:
                size, attribute = struct.unpack_from("=HH", data, at)
                values[attribute & 0x3FFF] = data[at + 4:at + size]
                at += max(size + 3 & ~3, 4)
            yield (values.get(3, b"").rstrip(b"\0").decode(), flags, values.get(10), values.get(20, b"").rstrip(b"\0"))
        data = data[length + 3 & ~3:]


@pytest.mark.once
def test_NET_23_killed_in_the_middle(helper, nic):
    """Killed at any moment; what remains is found by the next one and tidied."""
    left = 0
    begin = time.perf_counter()
    nic(2)
    whole = time.perf_counter() - begin
    nic.made.pop().detach()
    # It would see the rules go that the next ones take away, and put them back.
    helper.close()
    for i in range(40):
        victim = Helper()
        namespace = new_namespace()
        victim.call(LIST)
        data = REQUEST.pack(1, 1, ATTACH, 0, index_of("br0"), 0, 1000, 0, mac_bytes("02:00:00:00:01:09"), 0,
                            ip_bytes("10.66.0.9"), bytes(16), bytes(16), 0, 0, b"eth0", b"bothy:1000:killed", 0, 0, 0)
        socket.send_fds(victim.socket, [data], [namespace])
        time.sleep(i / 40 * whole)
        victim.process.kill()
        victim.process.wait()
        up = [n for n, link in links().items() if n.startswith("bothy-") and "UP" in link["flags"]]
        assert not up or "10.66.0.9" in ruleset()
        left += any(n.startswith("bothy-") for n in links())
        successor = Helper()
        assert successor.call(DETACH, alias="bothy:1000:killed").outcome == (0, 0)
        assert successor.call(TIDY).outcome == (0, 0)
        successor.close()
        assert not [n for n in links() if n.startswith("bothy-")] and ruleset() == ""
        os.close(namespace)
    assert left > 0


def test_NET_23_half_a_link_is_tidied_and_foreign_ones_are_not(helper, nic):
    a = nic(2)
    run("ip", "link", "add", "bothy-00000000a", "group", str(0xB0774), "type", "veth", "peer", "name", "peer1")
    run("ip", "link", "add", "bothy-00000000b", "type", "veth", "peer", "name", "peer2")
    run("ip", "link", "add", "other", "group", str(0xB0774), "type", "veth", "peer", "name", "peer3")
    run("nft", "add", "element", "bridge", "bothy", "macs", "{ bothy-00000000c . 02:00:00:00:00:07 }")
    assert helper.call(TIDY).outcome == (0, 0)
    assert {"bothy-00000000b", "other", a.name} <= set(links()) and "bothy-00000000a" not in links()
    assert "bothy-00000000c" not in ruleset() and a.name in ruleset()
    assert a.repair().outcome == (0, 0)


@pytest.mark.parametrize("damage", [("flush", "ruleset"), ("delete", "table", "bridge", "bothy")])
def test_NET_12_down_as_soon_as_the_filter_is_gone(room, damage):
    """Without anybody asking."""
    run("nft", *damage)
    end = time.monotonic() + 5
    while any("UP" in links()[each.name]["flags"] for each in (room.a, room.b)):
        assert time.monotonic() < end
        time.sleep(0.01)
    for each in (room.a, room.b):
        assert each.repair().outcome == (0, 0)
        while links()[each.name]["linkinfo"]["info_slave_data"]["state"] != "forwarding":
            time.sleep(0.05)
    room.refuses(everything_illegal(room))


@pytest.mark.parametrize("chain", ["nic", "prerouting", "from_arp"])
def test_NET_12_rules_come_back_by_themselves(room, chain):
    run("nft", "flush", "chain", "bridge", "bothy", chain)
    end = time.monotonic() + 5
    while run("nft", "list", "chain", "bridge", "bothy", chain).count("\n") < 6:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert all("UP" in links()[each.name]["flags"] for each in (room.a, room.b))
    room.refuses(everything_illegal(room))


WEB = DESTINATION.pack(4, 6, 6, 80, 80, ip_bytes("192.0.2.1"), ip_bytes("192.0.2.9"))


def elements(family):
    """What the sets and maps have that follows from nics: set → its lines."""
    sets, found = json.loads(run("nft", "-j", "list", "table", family, "bothy"))["nftables"], {}
    for kind, entry in (pair for each in sets for pair in each.items()):
        if kind in ("set", "map") and not entry["name"].startswith("storm"):
            found[entry["name"]] = entry.get("elem")
    return found


@pytest.mark.parametrize("family, name", [
    *(("bridge", name) for name in ("macs", "own4", "own6", "targets6", "limited", "groups", "members")),
    *(("inet", name) for name in ("nics4", "nics6", "limited4", "limited6", "groups4", "members6"))])
def test_NET_12_elements_come_back_by_themselves(helper, nic, family, name):
    """Also those without which a nic could do more than it may."""
    a = nic(2, group=1001, destinations=[WEB])
    before = elements(family)
    assert before[name]
    run("nft", "flush", "map" if "groups" in name else "set", family, "bothy", name)
    end = time.monotonic() + 5
    while elements(family) != before:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert "UP" in links()[a.name]["flags"]


def test_NET_12_one_element(room):
    own = f"{{ {room.a.name} . {room.a.address4} }}"
    run("nft", "delete", "element", "bridge", "bothy", "own4", own)
    end = time.monotonic() + 5
    while room.a.address4 not in str(elements("bridge")["own4"]):
        assert time.monotonic() < end
        time.sleep(0.01)
    room.refuses(everything_illegal(room))


def test_NET_12_no_record_no_link(room):
    run("nft", "flush", "set", "bridge", "bothy", "nics")
    end = time.monotonic() + 5
    while any("UP" in links()[each.name]["flags"] for each in (room.a, room.b)):
        assert time.monotonic() < end
        time.sleep(0.01)
    for each in (room.a, room.b):
        assert each.repair().outcome == (0, 0)


def test_NET_12_broker_hears_of_elements():
    """Where a nic may go to is what only the broker knows."""
    listener = Listener()
    a = Nic(listener, 2, "br0", destinations=[WEB])
    before = elements("bridge")["egress4"]
    run("nft", "flush", "set", "bridge", "bothy", "egress4")
    assert listener.socket.recv(1 << 20) == b""
    listener.connect()
    assert a.repair(destinations=a.options["destinations"]).outcome == (0, 0)
    assert elements("bridge")["egress4"] == before
    a.close()
    listener.close()


def test_NET_12_no_false_alarm():
    """Nics that come and go, and rules that somebody takes away meanwhile, cut nobody off."""
    listener = Listener()
    nics = [Nic(listener, 2 + i, "br0") for i in range(6)]
    for turn in range(10):
        for each in nics[1:]:
            assert each.detach().outcome == (0, 0)
            run("nft", "flush", "chain", "bridge", "bothy", "nic")
        for each in nics[1:]:
            assert each.attach().outcome == (0, 0)
    # What it was told of before this is done is done.
    assert listener.call(LIST).outcome == (0, 0)
    assert "UP" in links()[nics[0].name]["flags"]
    for each in nics:
        each.close()
    listener.close()


def test_repair_after_flush_ruleset(room):
    run("nft", "flush", "ruleset")
    for each in (room.a, room.b):
        assert each.repair().outcome == (0, 0)
        assert "UP" in links()[each.name]["flags"]
    room.refuses(everything_illegal(room))


def test_repair_when_the_bridge_lost_its_ports(room):
    for each in (room.a, room.b):
        run("ip", "link", "set", each.name, "nomaster")
    for each in (room.a, room.b):
        assert each.repair().outcome == (0, 0)
    room.refuses(spoofed_macs(room))


@pytest.mark.parametrize("damage", [
    ("bridge", "link", "set", "dev", "NIC", "learning", "on"),
    ("bridge", "link", "set", "dev", "NIC", "isolated", "on"),
    ("ip", "link", "set", "NIC", "down"),
    ("ip", "link", "set", "NIC", "arp", "on"),
    ("nft", "flush", "set", "bridge", "bothy", "own4"),
    ("nft", "delete", "table", "inet", "bothy"),
    ("nft", "flush", "chain", "bridge", "bothy", "nic"),
])
def test_repair_of_damage(room, damage):
    run(*[word.replace("NIC", room.a.name) for word in damage])
    assert room.a.repair().outcome == (0, 0)
    assert room.b.repair().outcome == (0, 0)
    room.refuses(spoofed_addresses(room))


def test_repair_of_what_is_right_changes_nothing(nic):
    a = nic(2)
    before = ruleset()
    monitor = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    monitor.bind((0, 1))
    assert a.repair().outcome == (0, 0)
    monitor.setblocking(False)
    with pytest.raises(BlockingIOError):
        monitor.recv(4096)
    assert ruleset() == before


def test_repair_takes_new_addresses(room):
    assert room.a.repair(address4="10.66.0.42").outcome == (0, 0)
    # It was down for a moment, and the kernel takes its time to see it up.
    while links()[room.a.name]["linkinfo"]["info_slave_data"]["state"] != "forwarding":
        time.sleep(0.05)
    old = ether(room.a.mac, 0x800, ip4("10.66.0.2", "10.66.0.255", 17, udp(1, 2, MARK)))
    room.a.address4 = "10.66.0.42"
    room.refuses([old])


def test_repair_without_a_bridge_leaves_it_down(nic):
    a = nic(2)
    run("ip", "link", "delete", "br0")
    assert a.repair().outcome == (errno.ENODEV, STEP_BRIDGE)
    assert "UP" not in links()[a.name]["flags"]

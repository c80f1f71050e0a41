# SPDX-License-Identifier: LGPL-2.1-or-later
"""A nic, and everybody who could hear it."""

import os
import subprocess

import pytest

from nethost import Tap, inside, new_namespace, nic, run
from frames import CONTROL, MARK, WIRE_MAC, ether, ip4, udp


class Room:
    """Nic `a`, and everybody who could hear it: its neighbour `b` of the same group, the host, a stranger's port."""

    def __init__(self, nic, **options):
        wire = new_namespace()
        run("ip", "link", "add", "wire", "type", "veth", "peer", "name", "far", "netns", str(self.holder(wire)))
        run("ip", "link", "set", "wire", "master", "br0", "up")
        with inside(wire):
            run("ip", "link", "set", "far", "address", WIRE_MAC, "up")
        self.process.kill()
        self.process.wait()
        self.namespace = wire
        self.wire = Tap(wire, "far")
        self.host = Tap(os.open("/proc/self/ns/net", os.O_RDONLY), "br0")
        self.a = nic(2, group=1, **options)
        self.b = nic(3, group=1, **options)
        self.hearers = [self.wire, self.host, self.b.tap]

    def holder(self, namespace):
        """A process in NAMESPACE, since ip(8) wants a pid."""
        with inside(namespace):
            self.process = subprocess.Popen(["sleep", "60"])
        return self.process.pid

    def hear(self, frames, control):
        """What arrived anywhere of FRAMES and then CONTROL."""
        for hearer in self.hearers:
            hearer.drain()
        for frame in frames:
            self.a.tap.send(frame)
        self.a.tap.send(control)
        heard = []
        for hearer in self.hearers:
            heard += hearer.receive(0.1)
        return heard

    def control(self):
        return ether(self.a.mac, 0x800, ip4(self.a.address4, "10.66.0.255", 17, udp(1000, 2000, CONTROL)))

    def refuses(self, frames):
        """None of FRAMES arrives anywhere, while a legal one that follows them does, everywhere."""
        heard = self.hear(frames, self.control())
        assert [f.hex() for f in heard if MARK in f] == []
        assert len([f for f in heard if CONTROL in f]) == len(self.hearers)

    def passes(self, frames):
        """Each of FRAMES, broadcasts, arrives everywhere."""
        heard = self.hear(frames, self.control())
        for frame in frames:
            assert heard.count(frame) == len(self.hearers), frame.hex()


@pytest.fixture
def room(nic):
    return Room(nic)

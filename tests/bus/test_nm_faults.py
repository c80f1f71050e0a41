# SPDX-License-Identifier: LGPL-2.1-or-later
"""A NetworkManager that stands still, refuses, promises and goes (NET-19, DOS-09), and others in its name (NET-22)."""

import statistics
import time

import pytest
from gi.repository import Gio, GLib

from conftest import BOB
from networkmanager import CONNECTION, NAME, PATH, NetworkManager
from wire import BRIDGE, CONTAINER, MANAGER, OBJECTS, PROPERTIES, ROOT, wait

SECONDS = 35  # a start with all that it may wait for, on a busy machine


@pytest.fixture
def manager(world, root):
    """Makes the NetworkManager of a test."""
    made = []

    def make(**how):
        made.append(NetworkManager(world.address, **how))
        return made[-1]

    yield make
    for each in made:
        if not each.stopping:
            each.close()
    wait(lambda: [values["Name"] for interfaces in root.managed().values() for name, values in interfaces.items()
                  if name == BRIDGE] == ["bothy0"])


def verdict(client):
    """Doctor's of NetworkManager: (verdict, what it found)."""
    return next(check[1:3] for check in client.manager("Diagnose")[0] if check[0] == "network-manager")


def started(client, path, meanwhile):
    """Starts a container, and others ask as long as that takes: the seconds of the start, and of a usual question."""
    begin, asked = time.monotonic(), []
    serial = client.send(path, CONTAINER, "Start", "(a{sv})", {})
    while not client.replied(serial, 0.05):
        assert time.monotonic() - begin < SECONDS
        before = time.monotonic()
        meanwhile.manager("ListContainers")
        meanwhile.get(path, CONTAINER, "State")
        asked.append((time.monotonic() - before) / 2)
    client.reply(serial)
    return time.monotonic() - begin, statistics.median(asked or [0])


def goes_without(world, alice, path):
    """It runs, and says why it has no network; nothing of the network is there."""
    seconds, question = started(alice, path, world.client(0))
    # Whoever waits for NetworkManager waits for seconds; less than that a busy machine may take, too.
    assert question < 0.5
    assert alice.state(path) == "running" and alice.get(path, CONTAINER, "Addresses") == []
    assert "NetworkManager" in alice.get(path, CONTAINER, "NetworkError")
    found = verdict(alice)
    assert found[0] == "error" and "NetworkManager" in found[1]
    return seconds


@pytest.mark.parametrize("how", [{"silent": ["AddConnection2"]}, {"silent": ["ActivateConnection"]},
                                 {"refused": ["AddConnection2"]}, {"refused": ["ActivateConnection"]}, {}])
def test_NET_19_no_bridge(world, alice, manager, how):
    """It gives no answer, refuses, or says that it has a bridge that is not there."""
    nm = manager(**how)
    path = alice.create("x1", command=["sleep", "1000"])
    other = alice.create("x2", command=["sleep", "1000"])
    goes_without(world, alice, path)
    if "silent" in how:
        # What is known to stand still is not waited for again.
        assert goes_without(world, alice, other) < 10
    nm.speak()
    for each in (path, other):
        alice.delete(each)
    # Also of what it was asked for and did not tell of.
    wait(lambda: not nm.profiles, 40)


def test_NET_19_a_bridge_that_comes_late(root, manager):
    """Whoever was told that there is none has none: NetworkManager makes the profile afterwards, and it goes."""
    nm = manager(silent=["AddConnection2"])
    other = nm.add("br0")
    wait(lambda: ROOT + "/bridge/br0" in root.managed())
    assert root.error(ROOT, MANAGER, "CreateBridge", "(sa{sv})", "lab", {}, timeout=60) == "Failed", root.text
    assert "AddConnection2" in nm.asked and list(nm.profiles) == [other]
    nm.speak()
    wait(lambda: "Delete" in nm.asked)
    wait(lambda: list(nm.profiles) == [other])


def test_NET_19_goes_in_the_middle(world, alice, manager):
    nm = manager(silent=["ActivateConnection"])
    path = alice.create("x1", command=["sleep", "1000"])
    serial = alice.send(path, CONTAINER, "Start", "(a{sv})", {})
    wait(lambda: "ActivateConnection" in nm.asked, 30)
    nm.close()
    begin = time.monotonic()
    alice.reply(serial, SECONDS)
    assert time.monotonic() - begin < 15
    assert "NetworkManager" in alice.get(path, CONTAINER, "NetworkError")
    # The next one is asked as soon as it is there, without anybody starting anything.
    again = manager()
    wait(lambda: "ActivateConnection" in again.asked, 30)


def forge(client, path, interface, member, signature, *values):
    message = Gio.DBusMessage.new_signal(path, interface, member)
    message.set_body(GLib.Variant(signature, values))
    client.transmit(message)


def test_NET_22_forged(world, alice, manager):
    """Somebody says that bridges went and came; only the owner of the name is believed."""
    nm = manager()
    own = nm.add("br0")
    wait(lambda: ROOT + "/bridge/br0" in alice.managed())
    bob = world.client(BOB)
    settings = PATH + "/Settings"
    asked = len(nm.asked)
    for _ in range(3):
        forge(bob, "/org/freedesktop", OBJECTS, "InterfacesRemoved", "(oas)", own, [CONNECTION])
        forge(bob, settings, PROPERTIES, "PropertiesChanged", "(sa{sv}as)", NAME + ".Settings",
              {"Connections": GLib.Variant("ao", [])}, [])
        forge(bob, PATH, NAME, "StateChanged", "(u)", 10)
        forge(bob, settings, NAME + ".Settings", "ConnectionRemoved", "(o)", own)
    bob.bus("GetId")
    # What the true one says comes behind all that.
    nm.add("br1")
    wait(lambda: ROOT + "/bridge/br1" in alice.managed())
    assert ROOT + "/bridge/br0" in alice.managed()
    assert set(nm.asked[asked:]) <= {"GetSettings"}

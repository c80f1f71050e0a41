# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the service shows to others: the bus policy, what its children inherit, a real polkitd (THREATS, SUP)."""

import os
import pathlib
import re
import signal

import pytest

import surface
from conftest import ALICE, BOB
from wire import (BUS, CONTAINER, INTROSPECTABLE, MANAGER, NAME, OBJECTS, PEER, PROPERTIES, ROOT, BusError, KIND,
                  variants, wait)
from gi.repository import Gio, GLib


@pytest.mark.parametrize("interface,member,passes", [
    (MANAGER, "ListContainers", True), (PEER, "Ping", True), (OBJECTS, "GetManagedObjects", True),
    (INTROSPECTABLE, "Introspect", True), (PROPERTIES, "GetAll", True), (CONTAINER, "Freeze", True),
    ("org.freedesktop.DBus.Debug.Stats", "GetStats", False), ("org.bothy.Bothy1", "Anything", False),
    ("org.bothy.Bothy1.Other", "Anything", False), ("org.freedesktop.DBus", "Hello", False),
    ("org.freedesktop.systemd1.Manager", "Reload", False), (None, "ListContainers", False)])
@pytest.mark.parametrize("uid", [ALICE, 65534])
def test_SUP_01_policy_lets_our_interfaces_through(world, uid, interface, member, passes):
    client = world.client(uid)
    body = ("(s)", MANAGER) if member == "GetAll" else ()
    error = client.error(ROOT, interface, member, *body)
    assert (error == "AccessDenied") == (not passes), error
    if passes and interface != CONTAINER:
        assert error == ""


@pytest.mark.parametrize("name", [NAME, NAME + ".Other"])
@pytest.mark.parametrize("uid", [ALICE, 65534])
def test_SUP_02_nobody_but_root_owns_the_name(fresh_world, uid, name):
    """Before the service starts, and after it crashed."""
    world = fresh_world(start=False)
    client = world.client(uid)
    def squat():
        with pytest.raises(BusError, match="AccessDenied"):
            client.bus("RequestName", "(su)", name, 7)
    squat()
    world.start()
    squat()
    world.stop(signal.SIGKILL)
    squat()


def test_SUP_01_nobody_listens_in(world, alice):
    """No eavesdropping on calls and replies, and no monitoring."""
    bob = world.client(BOB)
    with pytest.raises(BusError):
        bob.call("/org/freedesktop/DBus", "org.freedesktop.DBus.Monitoring", "BecomeMonitor", "(asu)", [], 0,
                 destination=BUS)
    bob.error("/org/freedesktop/DBus", BUS, "AddMatch", "(s)", "eavesdrop=true", destination=BUS)
    bob.incoming.clear()
    alice.create("secret")
    bob.drain(0.3)
    assert "secret" not in str(bob.signals()) and not [
        m for m in bob.incoming if m.get_message_type() != KIND.SIGNAL]


def test_SUP_forged_signals_change_nothing(world, alice, bob):
    """As if they were the bus's, polkit's or systemd's; unicast ones do not even arrive."""
    path = alice.create("box", command=["sleep", "1000"])
    alice.start(path)
    forged = [("/org/freedesktop/DBus", BUS, "NameOwnerChanged", ("(sss)", (alice.name, alice.name, ""))),
              ("/org/freedesktop/DBus", BUS, "NameLost", ("(s)", (NAME,))),
              ("/org/freedesktop/PolicyKit1/Authority", "org.freedesktop.PolicyKit1.Authority", "Changed", None),
              ("/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "JobRemoved",
               ("(uoss)", (1, "/x", "bothy.scope", "done"))),
              (path, PROPERTIES, "PropertiesChanged", ("(sa{sv}as)", (CONTAINER, variants({"State": "stopped"}), [])))]
    for destination in (None, NAME):
        for object_path, interface, member, body in forged:
            message = Gio.DBusMessage.new_signal(object_path, interface, member)
            if body:
                message.set_body(GLib.Variant(*body))
            message.set_destination(destination)
            bob.transmit(message)
    bob.drain(0.1)
    assert alice.state(path) == "running"
    alice.execute(path, "true")
    # alice's signals still come: the service does not think she left.
    alice.call(path, CONTAINER, "Freeze")
    alice.wait_signal("PropertiesChanged", path, match=lambda a: a[1].get("State") == "frozen")


def test_SUP_07_what_a_container_inherits(world, alice):
    """A clean environment, no fd but its own, no signal blocked or ignored."""
    path = alice.create("box", command=["sh", "-c", "env >/tmp/env; touch /tmp/ready; exec sleep 1000"],
                        environment=["MINE=1"])
    alice.start(path)
    leader = alice.get(path, CONTAINER, "Leader")
    proc = pathlib.Path(f"/proc/{leader}")
    wait(lambda: alice.execute(path, "test", "-e", "/tmp/ready")[1] == (0, 0))
    environment = alice.execute(path, "cat", "/tmp/env")[0].splitlines()
    assert "MINE=1" in environment
    assert not [entry for entry in environment
                if entry.startswith(("DBUS", "ASAN", "UBSAN", "G_", "BOTHY_", "PYTEST", "PYTHON"))]
    output = alice.execute(path, "sh", "-c", "ls /proc/self/fd; umask; cat /proc/self/status; env")[0]
    assert re.match(r"0\n1\n2\n3\n0022\n", output), output  # 3 is that of ls
    status = (proc / "status").read_text()
    for line in ("SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000"):
        assert line in status
    assert "DBUS" not in output and "ASAN" not in output
    # Nothing of the service's namespaces but what is documented.
    for kind in ("user", "pid", "mnt", "net", "ipc", "uts", "cgroup"):
        assert os.readlink(proc / "ns" / kind) != os.readlink(f"/proc/{world.pid}/ns/{kind}"), kind
    assert (proc / "cwd").resolve().name == "" or os.readlink(proc / "cwd") in ("/", "/root")


def test_SUP_07_the_service_keeps_no_capability(world):
    status = pathlib.Path(f"/proc/{world.pid}/status").read_text()
    assert "CapEff:\t0000000000000000" in status and "CapPrm:\t0000000000000000" in status
    assert "Uid:\t0\t0\t0\t0" in status


@pytest.fixture(scope="module")
def real_polkit(unpacker):
    from conftest import World
    world = World(unpacker, polkit="real")
    yield world
    world.close()


def test_AUTH_end_to_end_defaults(real_polkit):
    """With polkitd and our policy: everybody creates, nobody sees or touches what is not his."""
    alice, bob = real_polkit.client(ALICE), real_polkit.client(BOB)
    path = alice.create("hers", command=["sleep", "1000"])
    alice.start(path)
    assert alice.execute(path, "echo", "x")[0] == "x\n"
    assert bob.manager("ListContainers") == ([],)
    for member in surface.OF_CONTAINER:
        with pytest.raises(BusError) as error:
            bob.reply(surface.call_container(bob, path, member, interactive=True))
        assert error.value.short == "UnknownObject", member
    assert alice.state(path) == "running"
    alice.delete(path)


def test_AUTH_end_to_end_rules_decide_by_details(real_polkit):
    rules = real_polkit.root / "etc/polkit-1/rules.d"
    rules.mkdir(parents=True, exist_ok=True)
    (rules / "10-test.rules").write_text("""
polkit.addRule(function(action, subject) {
  if (action.id == "org.bothy.Bothy1.create-container" && action.lookup("container") == "forbidden")
    return polkit.Result.NO;
  if (action.id == "org.bothy.Bothy1.manage-containers" && action.lookup("owner") == "1000" &&
      action.lookup("verb") == "Freeze" && subject.user == "bob")
    return polkit.Result.YES;
});
""")
    alice, bob = real_polkit.client(ALICE), real_polkit.client(BOB)
    wait(lambda: alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "forbidden", "no-such", {}) ==
         "NotAuthorized")
    path = alice.create("allowed", command=["sleep", "1000"])
    alice.start(path)
    bob.call(path, CONTAINER, "Freeze")
    assert alice.state(path) == "frozen"
    assert bob.error(path, CONTAINER, "Thaw") == "UnknownObject"
    alice.delete(path)


def test_AUTH_03_polkitd_dies(real_polkit):
    alice = real_polkit.client(ALICE)
    real_polkit.polkitd.kill()
    real_polkit.polkitd.wait()
    assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "x1", "busybox", {}) == "NotAuthorized"
    assert "polkitd" in alice.text
    real_polkit.start_polkitd()
    alice.delete(alice.create("x1"))

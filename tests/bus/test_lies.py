# SPDX-License-Identifier: LGPL-2.1-or-later
"""A bus that does not say who is asking, or says it wrongly: nobody is let in on a doubt (THREATS, AUTH-06)."""

import os

import pytest
from gi.repository import GLib

import lyingbus
from conftest import ALICE, BOB
from wire import CONTAINER, MANAGER, NAME, PROPERTIES, ROOT, BusError, variants, wait


@pytest.fixture(scope="module")
def lied_to(unpacker):
    """A world whose bothyd talks to the bus through one that can lie."""
    from conftest import World
    world = World(unpacker, start=False)
    bus = lyingbus.LyingBus(world.directory / "lies", world.address)
    world.environment["DBUS_SYSTEM_BUS_ADDRESS"] = f"unix:path={world.directory}/lies"
    world.start()
    world.lies = bus
    yield world
    world.close()
    bus.close()


def credentials(**values):
    return lyingbus.body(GLib.Variant("(a{sv})", (values,)))


def test_DOS_02_files_of_nobody_known(lied_to):
    """While the bus does not say whose a connection is, its calls wait, but not with any number of files."""
    fds = [os.open("/dev/null", os.O_RDONLY) for _ in range(16)]
    lied_to.lies.lies["GetConnectionCredentials"] = lambda answer: None
    before = lied_to.n_fds()
    with lied_to.client(ALICE) as alice:
        serials = [alice.send(ROOT, MANAGER, "ListContainers", fds=fds) for _ in range(20)]
        for serial in serials[2:]:
            assert alice.message(serial, 5).get_error_name() == f"{NAME}.Error.LimitsExceeded"
        assert not any(alice.replied(serial, 0) for serial in serials[:2])
        assert lied_to.n_fds() < before + 50
    lied_to.lies.truth()
    with lied_to.client(ALICE) as alice:
        assert alice.manager("ListContainers") == ([],)
    for fd in fds:
        os.close(fd)


LIES = {
    "error": lyingbus.error("org.freedesktop.DBus.Error.NameHasNoOwner"),
    "no access": lyingbus.error("org.freedesktop.DBus.Error.AccessDenied"),
    "nothing": credentials(),
    "a process only": credentials(ProcessID=GLib.Variant("u", 1)),
    "nobody": credentials(UnixUserID=GLib.Variant("u", 0xFFFFFFFF)),
    "more than polkit tells apart": credentials(UnixUserID=GLib.Variant("u", 0x80000000)),
    "four milliards": credentials(UnixUserID=GLib.Variant("u", 4000000000)),
    "a neutral id": credentials(UnixUserID=GLib.Variant("u", 2147352576)),
    "a negative id": credentials(UnixUserID=GLib.Variant("i", -1)),
    "root as text": credentials(UnixUserID=GLib.Variant("s", "0")),
    "root as another number": credentials(UnixUserID=GLib.Variant("t", 0)),
    "root in a variant": credentials(UnixUserID=GLib.Variant("v", GLib.Variant("u", 0))),
    "a bare number": lyingbus.body(GLib.Variant("(u)", (0,))),
    "no body": lyingbus.body(None),
}


@pytest.mark.parametrize("lie", LIES)
def test_AUTH_06_the_bus_does_not_say_who_it_is(lied_to, lie):
    before = lied_to.records()
    lied_to.polkit.questions.clear()
    lied_to.lies.lies["GetConnectionCredentials"] = LIES[lie]
    with lied_to.client(ALICE) as alice, lied_to.client(0) as root:
        for caller in (alice, root):
            assert caller.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "x1", "busybox", {}) == "NotAuthorized"
            assert caller.error(ROOT, MANAGER, "ListContainers") == "NotAuthorized"
            assert caller.error(ROOT, PROPERTIES, "GetAll", "(s)", MANAGER) == "NotAuthorized"
        lied_to.lies.truth()
        assert not lied_to.polkit.asked() and lied_to.records() == before
        # It was not remembered of them, either.
        assert alice.manager("ListContainers") == ([],)


def test_AUTH_06_an_id_of_a_container(lied_to):
    """What is in a container has no say on the machine's bus, even if it got there."""
    with lied_to.client(ALICE) as alice, lied_to.client(BOB) as bob:
        path = alice.create("hers")
        base = alice.get(path, CONTAINER, "RangeBase")
        for uid in (base, base + 1, base + 65535):
            lied_to.lies.lies["GetConnectionCredentials"] = credentials(UnixUserID=GLib.Variant("u", uid))
            assert bob.error(ROOT, MANAGER, "ListContainers") == "NotAuthorized"
        lied_to.lies.truth()
        alice.delete(path)


def test_AUTH_06_the_bus_never_says(lied_to):
    """Others are served meanwhile; who is not known by then is refused."""
    with lied_to.client(ALICE) as alice, lied_to.client(BOB) as bob:
        bob.manager("ListContainers")
        lied_to.lies.lies["GetConnectionCredentials"] = lyingbus.silence
        serials = [alice.send(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", f"x{i}", "busybox", {}) for i in range(100)]
        assert bob.manager("ListContainers", timeout=2) == ([],)
        wait(lambda: sum(alice.replied(serial, 0) for serial in serials) == 68, 5)
        errors = []
        for serial in serials:
            with pytest.raises(BusError) as error:
                alice.reply(serial, timeout=20)
            errors.append(error.value.short)
        lied_to.lies.truth()
        # 32 are kept until it is known; the others are refused at once.
        assert sorted(errors) == ["LimitsExceeded"] * 68 + ["NotAuthorized"] * 32
        assert alice.manager("ListContainers") == ([],)


def test_AUTH_06_somebody_else(lied_to):
    """Everything hangs on what the bus says, and on nothing that the caller says: so lies are believed, once."""
    with lied_to.client(BOB) as bob:
        lied_to.lies.lies["GetConnectionCredentials"] = credentials(UnixUserID=GLib.Variant("u", ALICE))
        path = bob.create("as-alice")
        lied_to.lies.truth()
        assert bob.state(path) == "stopped"
    with lied_to.client(BOB) as bob, lied_to.client(ALICE) as alice:
        assert bob.error(path, CONTAINER, "Freeze") == "UnknownObject"
        assert alice.call(path, CONTAINER, "Delete", "(a{sv})", variants({"force": True}))

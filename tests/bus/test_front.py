# SPDX-License-Identifier: LGPL-2.1-or-later
"""Messages that are larger than any honest one are dropped before anybody builds values of them (DOS-03)."""

import os

import pytest
from gi.repository import Gio, GLib

from conftest import BOB
from wire import CONTAINER, MANAGER, NAME, ROOT, variants, wait

MAX_CALL = 256 * 1024


def many_variants(size):
    """An "av" of about that many bytes on the wire, which as values would be sixty times as large."""
    return GLib.Variant("(av)", ([GLib.Variant("y", 1)] * (size // 4),))


def test_DOS_03_a_body_of_variants(fresh_world):
    """The larger of them would have been three times the memory that the service may take."""
    world = fresh_world()
    alice, bob = world.client(1000), world.client(BOB)
    bob.manager("ListContainers")
    before = world.rss()
    for size in (64 << 10, 1900 << 10, 5700 << 10):
        body = many_variants(size)
        for _ in range(3):
            serial = alice.send(ROOT, MANAGER, "ListRemotes", body=body)
            assert alice.message(serial).get_error_name() == f"{NAME}.Error.LimitsExceeded"
            alice.reply_fds.pop(serial)
    assert world.rss() - before < 8 << 20
    assert bob.manager("ListContainers", timeout=5) == ([],)


def test_DOS_03_the_bound(world, alice):
    """What a method takes passes up to the bound, and gets the method's own answer."""
    def name(length):
        return alice.error(ROOT, MANAGER, "GetImage", "(s)", "x" * length)
    # The header and the length before the string take less than this.
    assert name(MAX_CALL - 512) in ("InvalidArgs", "NoSuchImage")
    assert name(MAX_CALL) == "LimitsExceeded"
    assert str(MAX_CALL) in alice.text
    # Of a type that no method takes, what is small is told what the method takes.
    assert alice.error(ROOT, MANAGER, "GetImage", "(av)", [GLib.Variant("y", 1)] * 100) == "InvalidArgs"


@pytest.mark.parametrize("order", ["little", "big"])
def test_DOS_03_both_byte_orders(world, alice, order):
    message = Gio.DBusMessage.new_method_call(NAME, ROOT, MANAGER, "GetImage")
    message.set_byte_order(Gio.DBusMessageByteOrder.BIG_ENDIAN if order == "big" else
                           Gio.DBusMessageByteOrder.LITTLE_ENDIAN)
    message.set_body(GLib.Variant("(s)", ("x" * (1 << 20),)))
    assert alice.message(alice.transmit(message)).get_error_name() == f"{NAME}.Error.LimitsExceeded"
    message = Gio.DBusMessage.new_method_call(NAME, ROOT, MANAGER, "GetImage")
    message.set_byte_order(Gio.DBusMessageByteOrder.BIG_ENDIAN if order == "big" else
                           Gio.DBusMessageByteOrder.LITTLE_ENDIAN)
    message.set_body(GLib.Variant("(s)", ("no-such-image",)))
    assert alice.message(alice.transmit(message)).get_error_name() == f"{NAME}.Error.NoSuchImage"


def test_DOS_03_dropped_ones_keep_no_fds_and_no_order(world, alice):
    """Large calls with file descriptors between honest ones, all sent before the first reply is read."""
    fds = [os.open("/dev/null", os.O_RDONLY) for _ in range(16)]
    before = world.settled_fds()
    path = alice.create("box")
    dropped, honest = [], []
    for _ in range(10):
        dropped.append(alice.send(ROOT, MANAGER, "GetImage", "(s)", "x" * (1 << 20), fds=fds))
        honest.append(alice.send(ROOT, MANAGER, "GetContainer", "(s)", "box"))
        honest.append(alice.send(path, CONTAINER, "Exec", "(asaha{sv})", ["true"], [0, 1, 2], variants({}),
                                 fds=fds[:3]))
    assert {alice.message(serial).get_error_name() for serial in dropped} == {f"{NAME}.Error.LimitsExceeded"}
    errors = [alice.message(serial).get_error_name() for serial in honest]
    assert set(errors[0::2]) == {None}
    assert set(errors[1::2]) == {f"{NAME}.Error.WrongState"}
    for fd in fds:
        os.close(fd)
    alice.delete(path)
    wait(lambda: world.settled_fds() <= before)


def test_DOS_03_no_answer_for_who_wants_none(world, alice):
    serial = alice.send(ROOT, MANAGER, "GetImage", "(s)", "x" * (1 << 20), no_reply=True)
    assert alice.manager("ListContainers") == ([],)
    assert serial not in alice.replies


def test_DOS_03_signals_for_the_service(world, alice, bob):
    """Anybody may send one to anybody, with what he likes in it; none of it stays."""
    fds = [os.open("/dev/null", os.O_RDONLY) for _ in range(16)]
    owner = alice.bus("GetNameOwner", "(s)", NAME)[0]
    before = world.settled_fds(), world.rss()
    for size in (1, 64 << 10, 5700 << 10):
        message = Gio.DBusMessage.new_signal("/", "org.freedesktop.DBus", "NameOwnerChanged")
        message.set_destination(owner)
        message.set_body(many_variants(size))
        alice.transmit(message, fds)
    assert bob.manager("ListContainers", timeout=10) == ([],)
    for fd in fds:
        os.close(fd)
    wait(lambda: world.settled_fds() <= before[0])
    assert world.rss() - before[1] < 64 << 20

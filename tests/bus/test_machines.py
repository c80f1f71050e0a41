# SPDX-License-Identifier: LGPL-2.1-or-later
"""systemd-machined takes its time, or has somebody else's machine of a name: that one is not ours to take away (MACHINE)."""

import time

import pytest
from gi.repository import Gio, GLib

from conftest import ALICE
from wire import CONTAINER, KIND, Client, wait

NAME = "org.freedesktop.machine1"
PATH = "/org/freedesktop/machine1"
MANAGER = NAME + ".Manager"
BOX = "box.u1000"


class Machined:
    """It answers when, and as, the test says."""

    def __init__(self, address):
        self.client = Client(address, 0)
        self.client.bus("RequestName", "(su)", NAME, 0)

    def take(self, member, timeout=20):
        """The next call, which has to be of MEMBER."""
        deadline = time.monotonic() + timeout
        while True:
            for message in self.client.incoming:
                if message.get_message_type() == KIND.METHOD_CALL:
                    self.client.incoming.remove(message)
                    assert message.get_member() == member, message.print_(0)
                    return message
            assert self.client.receive(deadline - time.monotonic()), f"no {member}"

    def asked(self):
        """What it was asked and has not taken, once whoever asks has said all that he had to."""
        self.client.drain()
        return [message.get_member() for message in self.client.incoming if message.get_message_type() == KIND.METHOD_CALL]

    def answer(self, call, body=None):
        reply = Gio.DBusMessage.new_method_reply(call)
        if body is not None:
            reply.set_body(body)
        self.client.transmit(reply)

    def accept(self, call):
        self.answer(call, GLib.Variant("(o)", (PATH + "/machine/one",)))

    def refuse(self, call, name="MachineExists"):
        self.client.transmit(Gio.DBusMessage.new_method_error_literal(call, f"{NAME}.{name}", "no"))

    def removed(self, name):
        message = Gio.DBusMessage.new_signal(PATH, MANAGER, "MachineRemoved")
        message.set_body(GLib.Variant("(so)", (name, PATH + "/machine/one")))
        self.client.transmit(message)


@pytest.fixture
def machined(world):
    found = Machined(world.address)
    yield found
    found.client.close()


def properties(call, **changed):
    """Those of the machine that CALL registers."""
    _, number, service, _, leader, _ = call.get_body().unpack()
    values = {"Id": GLib.Variant("ay", number), "Service": GLib.Variant("s", service), "Leader": GLib.Variant("u", leader)}
    return GLib.Variant("(a{sv})", ({**values, **changed},))


def somebody_has_it(machined, **changed):
    """machined has a machine of our name; what of it is another's is CHANGED."""
    call = machined.take("RegisterMachine")
    machined.refuse(call)
    machined.accept(machined.take("GetMachine"))
    machined.answer(machined.take("GetAll"), properties(call, **changed))


def has_ended(alice, path):
    alice.stop(path)
    wait(lambda: alice.state(path) == "stopped")


@pytest.mark.parametrize("another", [{"Service": GLib.Variant("s", "nspawn")}, {"Leader": GLib.Variant("u", 1)},
                                     {"Id": GLib.Variant("ay", b"\1" * 16)}], ids=str)
def test_MACHINE_04_what_is_somebody_elses_stays(world, machined, alice, box, another):
    somebody_has_it(machined, **another)
    has_ended(alice, box)
    assert machined.asked() == []
    # When he has let go of the name, it is ours again.
    alice.start(box)
    somebody_has_it(machined, **another)
    machined.removed(BOX)
    machined.accept(machined.take("RegisterMachine"))
    has_ended(alice, box)
    machined.answer(machined.take("UnregisterMachine"))


def test_MACHINE_04_what_an_earlier_one_registered_is_ours(world, machined, alice, box):
    somebody_has_it(machined)
    has_ended(alice, box)
    assert machined.take("UnregisterMachine").get_body().unpack() == (BOX,)


def test_MACHINE_04_it_ends_before_the_answer(world, machined, alice, box):
    first = machined.take("RegisterMachine")
    has_ended(alice, box)
    alice.start(box)
    # Nothing is said of the name until it is known whose it is.
    assert machined.asked() == []
    machined.accept(first)
    assert machined.take("UnregisterMachine").get_body().unpack() == (BOX,)
    second = machined.take("RegisterMachine")
    assert second.get_body().unpack()[4] == alice.get(box, CONTAINER, "Leader") != first.get_body().unpack()[4]
    # And the other way round.
    has_ended(alice, box)
    machined.refuse(second, "Failed")
    assert machined.asked() == []


def test_MACHINE_04_somebody_took_it_away(world, machined, alice, box):
    machined.accept(machined.take("RegisterMachine"))
    machined.removed(BOX)
    # Whoever has the name now, we do not.
    has_ended(alice, box)
    assert machined.asked() == []


def test_MACHINE_05_the_leader_ended_meanwhile(fresh_world):
    """Its number may be somebody else's by then, whom machined has registered as ours."""
    world = fresh_world()
    alice = world.client(ALICE)
    path = alice.create("box", command=["sleep", "1000"])
    alice.start(path)
    machined = Machined(world.address)
    call = machined.take("RegisterMachine")
    # bothyd does not see that it ends.
    machined.client.drain()
    has_ended(alice, path)
    machined.accept(call)
    assert machined.take("UnregisterMachine").get_body().unpack() == (BOX,)
    machined.client.close()

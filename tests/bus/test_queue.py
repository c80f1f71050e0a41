# SPDX-License-Identifier: LGPL-2.1-or-later
"""Starts that wait for their turn behind others of the same user's: they can be taken back, and wait no longer than others (LIFE)."""

import os
import pathlib
import signal

import pytest

from gi.repository import GLib

from conftest import ALICE
from slowfs import SlowFileSystem
from test_clock import clock  # noqa: F401
from wire import CONTAINER, NAME, OPERATION, variants, wait

AT_ONCE = 8
LONG = ["sleep", "1000"]


class Queue:
    """As many starts as may be under way, which stand still until the end; one more waits behind them."""

    def __init__(self, world, client):
        self.world, self.client = world, client
        (self.helper,) = [pid for pid in world.processes() if "bothy-helper" in pathlib.Path(f"/proc/{pid}/cmdline").read_text()]
        self.paths = [client.create(f"c{i}", command=LONG, network="none") for i in range(AT_ONCE)]
        self.last = client.create("last", command=LONG, network="none", restart="always")

    def __enter__(self):
        os.kill(self.helper, signal.SIGSTOP)
        self.serials = [self.begin(path) for path in self.paths]
        self.waiting = self.begin(self.last)
        wait(lambda: self.client.state(self.last) == "starting")
        return self

    def begin(self, path):
        return self.client.send(path, CONTAINER, "Start", "(a{sv})", {})

    def go_on(self):
        os.kill(self.helper, signal.SIGCONT)

    def __exit__(self, *_):
        self.go_on()


@pytest.fixture
def queue(world, alice):
    with Queue(world, alice) as queue:
        yield queue


def error_of(client, serial, timeout=10):
    name = client.message(serial, timeout).get_error_name()
    return name and name.removeprefix(f"{NAME}.Error.")


@pytest.mark.parametrize("how", ["stop", "kill", "restart is over"])
def test_LIFE_07_a_start_that_waits_is_stopped(world, alice, queue, how):
    if how == "kill":
        assert alice.error(queue.last, CONTAINER, "Kill", "(si)", "leader", 15) == "WrongState"
        alice.call(queue.last, CONTAINER, "Kill", "(si)", "all", 9, timeout=5)
    else:
        alice.call(queue.last, CONTAINER, "Stop", "(a{sv})", variants({"timeout": 20}), timeout=5)
    assert error_of(alice, queue.waiting) == "Cancelled"
    assert alice.state(queue.last) == "stopped" and alice.get(queue.last, CONTAINER, "StateReason") == "asked"
    if how == "restart is over":
        again = queue.begin(queue.last)
    assert alice.error(queue.paths[0], CONTAINER, "Stop", "(a{sv})", {}, timeout=5) == "Busy"
    queue.go_on()
    assert [error_of(alice, serial, 60) for serial in queue.serials] == [None] * AT_ONCE
    if how == "restart is over":
        assert error_of(alice, again, 60) is None and alice.state(queue.last) == "running"
    else:
        # Nobody starts it, also not by its policy.
        assert alice.state(queue.last) == "stopped"


def test_LIFE_07_a_start_that_waits_is_deleted(world, alice, queue):
    assert alice.error(queue.last, CONTAINER, "Delete", "(a{sv})", {}, timeout=5) == "Busy"
    operation = alice.call(queue.last, CONTAINER, "Delete", "(a{sv})", variants({"force": True}), timeout=5)[0]
    assert error_of(alice, queue.waiting) == "Cancelled"
    wait(lambda: queue.last not in alice.managed())
    queue.go_on()
    assert alice.finish(operation)["Failure"] == ""
    assert [error_of(alice, serial, 60) for serial in queue.serials] == [None] * AT_ONCE


def test_LIFE_07_a_launch_that_waits_is_cancelled(world, alice):
    """Behind those whose directories hang, which are waited for some seconds."""
    directory = world.directory / "slow"
    directory.mkdir(exist_ok=True)
    with SlowFileSystem(directory, process=world.pid) as slow:
        fd = os.open(f"/proc/{world.pid}/root{directory}", os.O_RDONLY | os.O_DIRECTORY)
        mounts = GLib.Variant("a(hsa{sv})", [(0, "/work", variants({"path": str(directory)}))])
        paths = [alice.manager("CreateContainer", "(ssa{sv})", f"c{i}", "busybox", {"mounts": mounts}, fds=[fd])[0]
                 for i in range(AT_ONCE)]
        os.close(fd)
        slow.let_wait("bothy-helper")
        serials = [alice.send(path, CONTAINER, "Start", "(a{sv})", {}) for path in paths]
        operation, = alice.manager("Launch", "(ssa{sv})", "job", "busybox", variants({"command": LONG, "network": "none"}))
        wait(lambda: alice.get(operation, OPERATION, "Phase") == "starting")
        alice.call(operation, OPERATION, "Cancel")
        assert alice.finish(operation, 10)["ErrorName"] == f"{NAME}.Error.Cancelled"
        assert [alice.state(path) for path in paths] == ["starting"] * AT_ONCE
        wait(lambda: not [path for path in alice.managed() if path.endswith("/job")])
        slow.let_wait("")
        for serial in serials:
            alice.message(serial, 60)


def test_LIFE_07_nobody_elses_waits_behind_them(world, alice, bob):
    path = bob.create("box", command=LONG, network="none")
    with Queue(world, alice) as queue:
        assert bob.error(queue.last, CONTAINER, "Stop", "(a{sv})", {}) in ("UnknownObject", "UnknownMethod")
        serial = bob.send(path, CONTAINER, "Start", "(a{sv})", {})
        wait(lambda: bob.state(path) == "starting")
        # It is under way, with what has to be waited for.
        assert bob.error(path, CONTAINER, "Stop", "(a{sv})", {}) == "Busy"
        queue.go_on()
        assert error_of(bob, serial, 60) is None


def test_LIFE_07_a_start_waits_no_longer_than_a_start_may_take(fresh_world, clock):  # noqa: F811
    world = fresh_world(environment=clock.environment)
    world.expected.append("-WARNING|-Message")
    alice = world.client(ALICE)
    with Queue(world, alice) as queue:
        clock.move(125, 125, 125)
        alice.get(queue.last, CONTAINER, "State")
        assert error_of(alice, queue.waiting) == "StartFailed"
        assert alice.state(queue.last) == "failed" and "longer than" in alice.get(queue.last, CONTAINER, "LastError")
        # It is not in the queue any more.
        alice.call(queue.last, CONTAINER, "Delete", "(a{sv})", {}, timeout=5)

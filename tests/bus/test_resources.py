# SPDX-License-Identifier: LGPL-2.1-or-later
"""Limits of containers on the bus: what is taken, what is kept, and who may go above an administrator's ceilings.

That the kernel keeps to them is shown in a virtual machine: see tests/vm.
"""

import math
import signal

import pytest
from gi.repository import GLib

import polkit
from conftest import ALICE, BOB, cgroup2_mount
from wire import CONTAINER, MANAGER, ROOT, variants

EXCEED = "org.bothy.Bothy1.exceed-quota"
MIB = 1 << 20
NONE = (1 << 64) - 1
KINDS = {"cpu": "d", "cpus": "s"}


def limits(**values):
    named = {name.replace("_", "-"): value for name, value in values.items()}
    return {name: GLib.Variant(KINDS.get(name, "t"), value) for name, value in named.items()}


def set_limits(client, path, interactive=False, **values):
    """The error, "" for none."""
    return client.error(path, CONTAINER, "SetLimits", "(a{sv})", limits(**values), interactive=interactive)


def get_limits(client, path):
    return client.get(path, CONTAINER, "Limits")


def create_limited(client, name, interactive=False, **values):
    return client.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", name, "busybox",
                        {"limits": GLib.Variant("a{sv}", limits(**values))}, interactive=interactive)


@pytest.fixture
def path(world, alice):
    return alice.create("limited")


def test_preset(alice, path):
    assert get_limits(alice, path) == {"pids": 4096}


def test_named_ones_change(alice, path):
    assert set_limits(alice, path, memory=64 * MIB, cpu=1.5, cpus="0", swap=0, io_weight=50) == ""
    assert get_limits(alice, path) == {"memory": 64 * MIB, "cpu": 1.5, "cpus": "0", "swap": 0, "io-weight": 50,
                                       "pids": 4096}
    assert set_limits(alice, path, pids=99, cpu_weight=7, memory_high=32 * MIB) == ""
    assert set_limits(alice, path, memory=NONE, cpu=math.inf, cpus="") == ""
    assert get_limits(alice, path) == {"swap": 0, "io-weight": 50, "pids": 99, "cpu-weight": 7, "memory-high": 32 * MIB}
    assert set_limits(alice, path, pids=NONE) == ""
    assert "pids" not in get_limits(alice, path)


def test_change_is_told(alice, path):
    alice.managed()
    assert set_limits(alice, path, pids=77) == ""
    changed = alice.wait_signal("PropertiesChanged", path, match=lambda arguments: "Limits" in arguments[1])
    assert changed[1]["Limits"]["pids"] == 77


@pytest.mark.parametrize("key, value, named", [
    ("memroy", GLib.Variant("t", 64 * MIB), "memroy"), ("memory", GLib.Variant("s", "64M"), "memory"),
    ("memory", GLib.Variant("t", 0), "memory"), ("pids", GLib.Variant("u", 50), "pids"),
    ("cpu", GLib.Variant("d", math.nan), "cpu"), ("cpu", GLib.Variant("d", -1), "cpu"),
    ("cpus", GLib.Variant("s", "0-"), "cpus"), ("cpus", GLib.Variant("s", "1023"), "cpus"),
    ("cpu-weight", GLib.Variant("t", 10001), "cpu-weight"),
])
def test_refused_by_name(world, alice, path, key, value, named):
    before = get_limits(alice, path)
    body = {"pids": GLib.Variant("t", 50)} if key != "pids" else {}
    assert alice.error(path, CONTAINER, "SetLimits", "(a{sv})", {**body, key: value}) == "InvalidArgs"
    assert f'"{named}"' in alice.text
    assert get_limits(alice, path) == before


def test_limits_of_create(alice):
    assert create_limited(alice, "made", memory=64 * MIB, pids=50) == ""
    assert get_limits(alice, "/org/bothy/Bothy1/container/u1000/made") == {"memory": 64 * MIB, "pids": 50}
    assert create_limited(alice, "unmade", memroy=64 * MIB) == "InvalidArgs"
    assert "memroy" in alice.text


def test_limits_are_kept(fresh_world):
    world = fresh_world()
    alice = world.client(ALICE)
    path = alice.create("kept")
    assert set_limits(alice, path, memory=64 * MIB, cpus="0", swap=0) == ""
    world.restart(signal.SIGKILL)
    assert get_limits(world.client(ALICE), path) == {"memory": 64 * MIB, "cpus": "0", "swap": 0, "pids": 4096}


def test_stats_of_a_stopped_one(alice, path):
    assert alice.error(path, CONTAINER, "GetStats") == "WrongState"


def test_stats(alice):
    path = alice.create("runs", command=["sleep", "1000"])
    alice.start(path)
    stats = alice.call(path, CONTAINER, "GetStats")[0]
    assert stats["cpu-usec"] >= 0
    alice.delete(path)


def test_missing_controller_is_named(fresh_world):
    """Without systemd, where the controller is not to be had; nothing is changed then."""
    world = fresh_world(start=False)
    # Whatever the machine has, nothing gets from the world's top to what is below.
    world.inside("mount", "--bind", "/dev/null", cgroup2_mount() / "cgroup.subtree_control")
    world.start()
    alice = world.client(ALICE)
    path = alice.create("runs", command=["sleep", "1000"])
    alice.start(path)
    assert set_limits(alice, path, memory=64 * MIB) == "Failed"
    assert '"memory"' in alice.text
    assert get_limits(alice, path) == {"pids": 4096}
    # A preset that can not be set is no reason not to start; what was asked for is.
    alice.stop(path)
    assert set_limits(alice, path, memory=64 * MIB) == ""
    assert alice.error(path, CONTAINER, "Start", "(a{sv})", {}, timeout=60) == "Failed"
    assert '"memory"' in alice.text
    assert alice.state(path) == "failed"


def test_disk_without_quotas_DOS_08(alice):
    """The limits are kept, said to be without effect, and not made up where nobody asked; see tests/vm for where they hold."""
    path = alice.create("disk")
    assert alice.get(path, CONTAINER, "DiskLimits") == "unsupported" and get_limits(alice, path) == {"pids": 4096}
    assert set_limits(alice, path, disk=20 * MIB, inodes=1000) == ""
    assert get_limits(alice, path) == {"pids": 4096, "disk": 20 * MIB, "inodes": 1000}
    assert set_limits(alice, path, disk=MIB - 1) == "InvalidArgs"
    assert set_limits(alice, path, inodes=63) == "InvalidArgs"
    assert set_limits(alice, path, disk=NONE) == ""
    assert get_limits(alice, path) == {"pids": 4096, "inodes": 1000}
    assert alice.error(path, CONTAINER, "GetStats") == "WrongState"
    checks = {check[0]: check[1:] for check in alice.manager("Diagnose")[0]}
    assert checks["disk-limits"][0] == "warning" and "prjquota" in checks["disk-limits"][2]


class TestCeilings:
    @pytest.fixture(autouse=True)
    def prepare(self, fresh_world):
        self.world = fresh_world(config="[Limits]\nContainerMemory=134217728\nContainerTasks=500\nContainerCPUs=1\n")
        self.alice = self.world.client(ALICE)
        self.path = self.alice.create("below")
        self.polkit = self.world.polkit
        self.polkit.answers[EXCEED] = "no"
        self.polkit.questions.clear()

    def asked(self):
        return [(q.action, q.details) for q in self.polkit.questions]

    def test_hold_for_who_said_nothing(self):
        assert get_limits(self.alice, self.path) == {"memory": 128 * MIB, "pids": 500, "cpu": 1.0}

    def test_nobody_is_asked_below(self):
        assert set_limits(self.alice, self.path, memory=128 * MIB, pids=500, cpu=1.0) == ""
        assert self.asked() == []

    @pytest.mark.parametrize("key, value, shown, ceiling", [
        ("memory", 129 * MIB, "memory=129M", "memory=128M"), ("memory", 128 * MIB + 1, "memory=134217729", "memory=128M"),
        ("memory", NONE, "memory=max", "memory=128M"), ("pids", 501, "pids=501", "pids=500"),
        ("cpu", math.inf, "cpu=max", "cpu=1"), ("cpu", 1.000001, "cpu=1.000001", "cpu=1")])
    def test_above(self, key, value, shown, ceiling):
        before = self.world.snapshot()
        assert set_limits(self.alice, self.path, **{key: value}) == "QuotaExceeded"
        assert f" {shown}" in self.alice.text and f" {ceiling}" in self.alice.text
        assert self.world.snapshot() == before
        assert self.asked() == [(EXCEED, {"container": "below", "owner": "1000", "limits": shown, "ceilings": ceiling})]

    def test_all_that_is_above_is_asked_about(self):
        """An administrator answers for each value, not for the first one alone."""
        above = {"memory": 512 * MIB, "memory_high": 400 * MIB, "cpu": 1.5, "pids": 501, "cpu_weight": 200}
        question = {"owner": "1000", "limits": "memory=512M cpu=1.5 pids=501", "ceilings": "memory=128M cpu=1 pids=500"}
        before = self.world.snapshot()
        assert set_limits(self.alice, self.path, **above) == "QuotaExceeded"
        for text in question["limits"].split() + question["ceilings"].split():
            assert text in self.alice.text
        assert create_limited(self.alice, "above", **above) == "QuotaExceeded"
        assert self.world.snapshot() == before
        assert [details for action, details in self.asked() if action == EXCEED] == [
            {"container": "below", **question}, {"container": "above", "image": "busybox", **question}]
        self.polkit.answers[EXCEED] = "yes"
        assert set_limits(self.alice, self.path, **above) == create_limited(self.alice, "above", **above) == ""
        wanted = {key.replace("_", "-"): value for key, value in above.items()}
        for name in "below", "above":
            assert get_limits(self.alice, f"/org/bothy/Bothy1/container/u1000/{name}") == wanted

    def test_only_what_is_changed_is_asked_about(self):
        self.polkit.answers[EXCEED] = "yes"
        assert set_limits(self.alice, self.path, memory=512 * MIB) == ""
        assert set_limits(self.alice, self.path, pids=600, cpu=0.5) == ""
        assert [details["limits"] for _, details in self.asked()] == ["memory=512M", "pids=600"]
        assert get_limits(self.alice, self.path) == {"memory": 512 * MIB, "pids": 600, "cpu": 0.5}

    def test_authorized(self):
        self.polkit.answers[EXCEED] = "yes"
        assert set_limits(self.alice, self.path, memory=512 * MIB) == ""
        assert get_limits(self.alice, self.path)["memory"] == 512 * MIB
        # It is for that value; the next one is asked for again.
        self.polkit.answers[EXCEED] = "no"
        assert set_limits(self.alice, self.path, memory=256 * MIB) == "QuotaExceeded"
        self.world.restart(signal.SIGKILL)
        assert get_limits(self.world.client(ALICE), self.path)["memory"] == 512 * MIB

    def test_dialog_only_if_the_caller_lets(self):
        self.polkit.answers[EXCEED] = "challenge"
        self.polkit.dialogs[EXCEED] = "yes"
        assert set_limits(self.alice, self.path, pids=600) == "QuotaExceeded"
        assert set_limits(self.alice, self.path, interactive=True, pids=600) == ""
        self.polkit.dialogs[EXCEED] = "dismissed"
        assert set_limits(self.alice, self.path, interactive=True, pids=700) == "NotAuthorizedDismissed"
        assert get_limits(self.alice, self.path)["pids"] == 600

    def test_create_above(self):
        before = self.world.snapshot()
        assert create_limited(self.alice, "above", memory=512 * MIB) == "QuotaExceeded"
        assert self.world.snapshot() == before
        self.polkit.answers[EXCEED] = "yes"
        assert create_limited(self.alice, "above", memory=512 * MIB) == ""
        assert get_limits(self.alice, "/org/bothy/Bothy1/container/u1000/above")["memory"] == 512 * MIB

    def test_misshapen_is_not_asked_about(self):
        assert self.alice.error(self.path, CONTAINER, "SetLimits", "(a{sv})",
                                {**limits(memory=512 * MIB), "nothing": GLib.Variant("t", 1)}) == "InvalidArgs"
        assert self.asked() == []

    def test_others_are_asked_both(self):
        """Who manages others' containers is no more than who has them."""
        bob = self.world.client(BOB)
        self.polkit.answers[polkit.MANAGE] = "yes"
        assert set_limits(bob, self.path, memory=512 * MIB) == "QuotaExceeded"
        assert [action for action, _ in self.asked()] == [polkit.MANAGE, EXCEED]
        assert set_limits(bob, self.path, memory=64 * MIB) == ""
        self.polkit.answers[polkit.MANAGE] = "no"
        assert set_limits(bob, self.path, memory=65 * MIB) == "UnknownObject"

    def test_lower_ceiling_holds_for_what_was_said_before(self):
        assert set_limits(self.alice, self.path, memory=100 * MIB) == ""
        self.world.configure("[Limits]\nContainerMemory=67108864\n")
        self.world.restart(signal.SIGTERM)
        assert get_limits(self.world.client(ALICE), self.path)["memory"] == 64 * MIB

    def test_gone_while_asked(self):
        """What was asked about has to be there still."""
        self.polkit.answers[EXCEED] = "hang"
        serial = self.alice.send(self.path, CONTAINER, "SetLimits", "(a{sv})", limits(memory=512 * MIB))
        assert not self.alice.replied(serial)
        other = self.world.client(ALICE)
        other.delete(self.path)
        other.create("below")
        self.polkit.release("yes")
        with pytest.raises(Exception, match="UnknownObject"):
            self.alice.reply(serial)
        assert get_limits(other, self.path)["memory"] == 128 * MIB


def test_variants_are_refused_for_limits(alice):
    assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "typed", "busybox",
                       variants({"limits": "memory=5M"})) == "InvalidArgs"

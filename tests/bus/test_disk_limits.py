# SPDX-License-Identifier: LGPL-2.1-or-later
"""What containers may take of a disk with project quotas (THREATS, DOS-08): what bothyd does with a file system that says it has
them, of which a kernel may be built without any. That they hold is seen in tests/vm."""

import errno
import os
import pathlib
import signal
import struct
import subprocess

import pytest
from gi.repository import GLib

from conftest import ALICE
from test_resources import limits, set_limits
from wire import CONTAINER, BusError, variants, wait

SOURCE = pathlib.Path(__file__).parent / "quotas.c"
KNOBS = ("enforced", "error", "delay", "delayed", "read", "says")
MIB = 1 << 20


class Quotas:
    def __init__(self, directory):
        self.library, self.file = directory / "quotas.so", directory / "quotas"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-o", self.library, SOURCE], check=True)
        self.file.write_bytes(bytes(8 * (6 + 6 * 64)))
        self.set(enforced=1)

    def set(self, **values):
        with open(self.file, "r+b") as file:
            for key, value in values.items():
                file.seek(8 * KNOBS.index(key))
                file.write(struct.pack("=q", value))

    def get(self, key):
        return struct.unpack_from("=q", self.file.read_bytes(), 8 * KNOBS.index(key))[0]

    def projects(self):
        rows = [struct.unpack_from("=6q", self.file.read_bytes(), 8 * (6 + 6 * i)) for i in range(64)]
        return {row[0]: row[2:] for row in rows if row[0]}

    def use(self, project, size, files):
        at = list(self.projects()).index(project)
        with open(self.file, "r+b") as file:
            file.seek(8 * (6 + 6 * at + 4))
            file.write(struct.pack("=2q", size, files))

    @property
    def environment(self):
        return {"LD_PRELOAD": str(self.library), "BOTHY_TEST_QUOTAS": str(self.file),
                "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}


@pytest.fixture
def quotas(tmp_path):
    for directory in (tmp_path, *list(tmp_path.parents)[:2]):
        directory.chmod(0o755)
    return Quotas(tmp_path)


def create(client, name, **values):
    """The path of a new container with these limits, or "" and the error's name."""
    options = {"limits": GLib.Variant("a{sv}", limits(**values))} if values else {}
    try:
        return client.create(name, **options), ""
    except BusError as error:
        client.text = error.text
        return "", error.short


def test_DOS_08_a_bound_below_what_is_preset(fresh_world, quotas):
    """An administrator bounds users to less than one container has unless its owner says something: both go together."""
    world = fresh_world(config="[Limits]\nUserDisk=8388608\nUserInodes=4000\nDefaultDisk=1073741824\nDefaultInodes=1000000\n",
                        environment=quotas.environment)
    with world.client(ALICE) as alice:
        path = create(alice, "one")[0]
        assert alice.get(path, CONTAINER, "Limits")["disk"] == 2 * MIB and alice.get(path, CONTAINER, "DiskLimits") == "enforced"
        alice.create("two")
        assert create(alice, "three", disk=5 * MIB)[1] == "QuotaExceeded"
        assert "disk=8M" in alice.text and "disk=5M" in alice.text


def test_DOS_08_file_system_that_knows_nothing_of_what_it_said(fresh_world, quotas):
    """It says that it bounds projects, and ESRCH when it is told of one: containers are made as on any other."""
    world = fresh_world(environment=quotas.environment)
    world.expected.append("keeps no project quotas any more")
    quotas.set(error=errno.ESRCH)
    with world.client(ALICE) as alice:
        path = alice.create("one")
        assert alice.get(path, CONTAINER, "DiskLimits") == "older"
        quotas.set(error=errno.EIO)
        assert create(alice, "two")[1] == "StartFailed"


def test_DOS_08_what_is_used_takes_no_helper(fresh_world, quotas):
    """However often somebody asks: no process with a capability for each call, where the file system says it by itself."""
    world = fresh_world(environment=quotas.environment)
    with world.client(ALICE) as alice:
        path = create(alice, "one", disk=64 * MIB, inodes=1000)[0]
        (project,) = quotas.projects()
        quotas.use(project, 5 * MIB, 12)
        before = quotas.get("read")
        stats = alice.call(path, CONTAINER, "GetStats")[0]
        assert (stats["disk"], stats["inodes"], stats["disk-max"], stats["inodes-max"]) == (5 * MIB, 12, 64 * MIB, 1000)
        assert quotas.get("read") == before + 1
        quotas.set(says=1)
        for _ in range(20):
            assert alice.call(path, CONTAINER, "GetStats")[0] == stats
        assert quotas.get("read") == before + 1


@pytest.mark.once
def test_DOS_08_a_project_is_not_given_again_before_it_is_free(fresh_world, quotas):
    """What a deleted container's project is bounded to at last is told late: it does not lift the bound of the next one."""
    world = fresh_world(environment=quotas.environment)
    with world.client(ALICE) as alice:
        path = create(alice, "one", disk=4 * MIB, inodes=1000)[0]
        quotas.set(delay=3000, delayed=20 * MIB)
        alice.delete(path)
        path = create(alice, "two", disk=2 * MIB, inodes=1000)[0]
        wait(lambda: any(row[0] == 20 * MIB for row in quotas.projects().values()))
        assert [row[0] for row in quotas.projects().values()].count(2 * MIB) == 1
        assert alice.get(path, CONTAINER, "DiskLimits") == "enforced"


@pytest.mark.once
def test_DOS_08_what_is_being_removed_counts(fresh_world, quotas):
    """Deleted files of his take what they take until they are gone."""
    world = fresh_world(config="[Limits]\nUserDisk=8388608\n", environment=quotas.environment)
    with world.client(ALICE) as alice:
        path = create(alice, "one", disk=6 * MIB, inodes=1000)[0]
        # What is empty goes without a helper.
        (world.state / "containers" / alice.get(path, CONTAINER, "Id") / "data" / "file").touch()
        (helper,) = [pid for pid in world.processes() if "bothy-helper" in pathlib.Path(f"/proc/{pid}/cmdline").read_text()]
        os.kill(helper, signal.SIGSTOP)
        try:
            alice.call(path, CONTAINER, "Delete", "(a{sv})", variants({"force": True}))
            wait(lambda: list((world.state / "trash").iterdir()))
            assert create(alice, "two", disk=6 * MIB, inodes=1000)[1] == "QuotaExceeded"
            assert "still being removed" in alice.text
        finally:
            os.kill(helper, signal.SIGCONT)
        wait(lambda: not list((world.state / "trash").iterdir()))
        wait(lambda: create(alice, "two", disk=6 * MIB, inodes=1000)[0])


@pytest.mark.once
def test_DOS_08_told_late_is_not_enforced(fresh_world, quotas):
    """Killed between the record and the file system: the next bothyd says that the bound holds when it does."""
    world = fresh_world(start=False, environment=quotas.environment)
    world.start(BOTHY_FAULT="limits.recorded")
    with world.client(ALICE) as alice:
        path = create(alice, "one", disk=4 * MIB, inodes=1000)[0]
        quotas.set(delay=3000, delayed=2 * MIB)
        set_limits(alice, path, disk=2 * MIB)
        assert world.service.wait(20) == -signal.SIGKILL
        world.service = None
        world.start()
        assert alice.get(path, CONTAINER, "DiskLimits") == "pending"
        assert "disk" in alice.get(path, CONTAINER, "UnenforcedLimits")
        wait(lambda: alice.get(path, CONTAINER, "DiskLimits") == "enforced")
        assert [row[0] for row in quotas.projects().values()] == [2 * MIB]

# SPDX-License-Identifier: LGPL-2.1-or-later
"""LIFE-02: what the kernel is asked for fails. An operation then happens or leaves no trace, and all goes on."""

import re
import subprocess
import time

import pytest

from conftest import ALICE
from wire import MANAGER, ROOT, BusError, container_path, wait

# What bothyd does to the world outside its memory, and an error that each may have. Not write(2), with which GLib
# wakes its threads, nor sendmsg(2), with which it talks to the bus: they have no errors but with the process's end.
# A full disk is in test_limits.py, what systemd and polkit say on a bad day in test_lies.py.
ERRORS = [("openat", "EMFILE"), ("openat", "EIO"), ("mkdirat,mkdir", "ENOSPC"), ("renameat,renameat2,rename", "EIO"),
          ("fsync,fdatasync", "EIO"), ("unlinkat,unlink", "EROFS"),
          ("socketpair,socket", "EMFILE"), ("listen,bind", "ENOMEM"),
          ("fchmod,fchmodat", "EPERM"), ("newfstatat,statx", "EIO")]


class Failing:
    """The service, for some time with a system call that fails from the WHICHth on, for a while."""

    def __init__(self, world, calls, error, which):
        self.command = ["strace", "-f", "-qq", "-o", str(world.directory / "strace"), "-e", f"trace={calls}", "-e",
                        f"inject={calls}:error={error}:when={which}..{which + 2}", "-p", str(world.pid)]
        self.pid, self.world = world.pid, world

    def __enter__(self):
        self.tracer = subprocess.Popen(self.command, stderr=subprocess.DEVNULL)
        wait(lambda: f"TracerPid:\t{self.tracer.pid}\n" in open(f"/proc/{self.pid}/status").read())
        time.sleep(0.05)

    def __exit__(self, *_):
        self.tracer.terminate()
        self.tracer.wait(20)
        self.world.injected += (self.world.directory / "strace").read_text().count("(INJECTED)")


def attempt(call):
    """What became of it: "" or an error. It has to answer, in any case."""
    try:
        call()
    except BusError as error:
        return error.short
    return ""


@pytest.mark.parametrize("calls,error", ERRORS, ids=lambda value: value.split(",")[0])
def test_LIFE_02_an_error_in_place_of_each_step(fresh_world, calls, error):
    world = fresh_world()
    world.injected = 0
    world.expected.append("-WARNING|-Message")  # it may well say what does not work
    alice = world.client(ALICE)
    beside = alice.create("beside", command=["sleep", "1000"])
    alice.start(beside)
    path = container_path(ALICE, "victim")
    for which in 1, 4:
        live_with_errors(world, alice, path, (calls, error, which))
        # What ran beside it has not noticed, and ids are given out still.
        assert alice.execute(beside, "echo", "y")[0] == "y\n"
        assert alice.get(ROOT, MANAGER, "Degraded") is False
    assert world.injected > 0
    alice.delete(beside)
    world.no_container_groups()
    wait(lambda: not [name for name in world.records() if re.search("(containers|trash)/.", name)])


def live_with_errors(world, alice, path, failure):
    """A container's life, each step of it once with errors, and then, if it needs that, without."""
    with Failing(world, *failure):
        made = attempt(lambda: alice.create("victim", command=["sleep", "1000"]))
    assert (path in alice.managed()) == (made == ""), made
    wait(lambda: not [name for name in world.records() if "/." in name or name.endswith(".new")])
    if made:
        alice.create("victim", command=["sleep", "1000"])
    with Failing(world, *failure):
        started = attempt(lambda: alice.start(path))
    wait(lambda: alice.state(path) in (("failed", "stopped") if started else ("running",)))
    if started:
        wait(lambda: len(world.container_groups()) <= 4)
        alice.start(path)
    assert alice.execute(path, "echo", "x")[0] == "x\n"
    with Failing(world, *failure):
        attempt(lambda: alice.execute(path, "true"))
    assert alice.execute(path, "echo", "x")[0] == "x\n"
    alice.stop(path)
    with Failing(world, *failure):
        deleted = attempt(lambda: alice.delete(path))
    # Who asks after the operation may have had the error in place of what became of it.
    if path in alice.managed():
        assert deleted or alice.state(path) == "stopped"
        alice.delete(path)
    assert path not in alice.managed()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""ARG-05: what is sent with a call can not be duplicated, one time after the other. The call is then refused with a
clear error and nothing is done, or it is done with all that the caller sent; it never goes on without a part of it."""

import contextlib
import os
import subprocess

import pytest

from conftest import ALICE
from test_bridges import DEFAULT, namespace
from test_hand import PLAIN, SIZE, Process, allocate
from test_remotes import PREFIX
from wire import BRIDGE, CONTAINER, BusError, wait


@contextlib.contextmanager
def traced(world, lines, *options):
    """LINES gets what the service's main thread asked fcntl(2) for meanwhile. Not its other threads: there GLib sets
    flags of what it receives, which the kernel never refuses."""
    log = world.directory / "strace-fcntl"
    tracer = subprocess.Popen(["strace", "-qq", "-o", str(log), "-e", "trace=fcntl,dup", *options, "-p", str(world.pid)],
                              stderr=subprocess.DEVNULL)
    status = f"/proc/{world.pid}/status"
    wait(lambda: f"TracerPid:\t{tracer.pid}\n" in open(status).read())
    try:
        yield
    finally:
        tracer.terminate()
        tracer.wait(20)
        lines += log.read_text().splitlines()


def without_duplicate(world, which, lines):
    """The WHICHth fcntl(2) fails, and the one after it: GLib tries a second time, with dup(2)."""
    return traced(world, lines, "-e", f"inject=fcntl,dup:error=EMFILE:when={which}..{which + 1}")


def fds_of(world):
    found = []
    for fd in os.listdir(f"/proc/{world.pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(f"/proc/{world.pid}/fd/{fd}"))
    return sorted(found)


@contextlib.contextmanager
def output(expected):
    """The end of a pipe that is written; what was written says whether the call was done, and done with it."""
    reader, writer = os.pipe()
    try:
        yield writer
    except BusError:
        expected = b""
        raise
    finally:
        os.close(writer)
        with os.fdopen(reader, "rb") as file:
            assert file.read() == expected


def case_exec(world, alice):
    box = alice.create("box", command=["sleep", "1000"])
    alice.start(box)

    def attempt():
        with output(b"here\n") as fd:
            alice.call(box, CONTAINER, "Exec", "(asaha{sv})", ["echo", "here"], [0, 0, 0], {}, fds=[fd])

    yield attempt
    alice.delete(box)


def case_map(world, alice):
    base, processes = allocate(alice), []

    def attempt():
        processes.append(Process("import ctypes, sys\nassert ctypes.CDLL(None).unshare(0x10000000) == 0\n" + PLAIN, ALICE))
        try:
            alice.manager("MapUserNamespace", "(ha(suuu))", 0, [("b", 0, base, SIZE)], fds=[processes[-1].pidfd])
        except BusError:
            assert processes[-1].map() == []
            raise
        assert processes[-1].map() == [(0, base, SIZE)]

    yield attempt
    for process in processes:
        process.end()
    alice.manager("ReleaseRange", "(u)", base)


def case_delegate(world, alice):
    world.polkit.answers["org.bothy.Bothy1.move-service"] = "yes"
    processes = []

    def attempt():
        processes.append(Process(PLAIN, ALICE))
        before = processes[-1].read("cgroup")
        try:
            alice.manager("DelegateCgroup", "(ha{sv})", 0, {}, fds=[processes[-1].pidfd])
        except BusError:
            assert processes[-1].read("cgroup") == before
            raise
        assert processes[-1].read("cgroup") != before
        processes.pop().end()

    yield attempt
    for process in processes:
        process.end()


def case_attach(world, alice):
    """bothy-net is not there: that is said once it was proved whose the namespace is."""
    with namespace(ALICE) as fd:
        def attempt():
            error = alice.error(DEFAULT, BRIDGE, "AttachNic", "(hsa{sv})", 0, "eth0", {}, fds=[fd])
            assert error
            if error != "Failed" or "bothy-net" not in alice.text:
                raise BusError(PREFIX + error, alice.text)

        yield attempt


CASES = {name.removeprefix("case_"): function for name, function in list(globals().items()) if name.startswith("case_")}


@pytest.mark.parametrize("name", sorted(CASES))
def test_ARG_05_no_duplicate(world, alice, name):
    world.expected.append("-WARNING|-Message")
    with contextlib.contextmanager(CASES[name])(world, alice) as attempt:
        attempt()
        before, lines = world.settled_fds(), []
        kept = fds_of(world)
        with traced(world, lines):
            attempt()
        refusals = []
        steps = [i + 1 for i, line in enumerate(lines) if "F_DUPFD" in line]
        assert steps, lines
        for which in steps:
            lines, refused = [], None
            with without_duplicate(world, which, lines):
                try:
                    attempt()
                except BusError as error:
                    refused = error
            assert world.service.poll() is None, (which, "bothyd died")
            assert any("F_DUPFD" in line and "(INJECTED)" in line for line in lines), (which, lines)
            # What is no part of the request, such as a connection for a helper, it may do without or try again.
            if refused:
                assert refused.short in ("LimitsExceeded", "Failed"), (which, refused, lines)
                assert refused.text.isascii() and refused.text.isprintable() and "open" in refused.text, refused
            refusals.append(refused)
            wait(lambda: fds_of(world) == kept or world.settled_fds() <= before)
        assert any(refusals), steps
        # And all is as it was.
        attempt()

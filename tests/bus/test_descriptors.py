# SPDX-License-Identifier: LGPL-2.1-or-later
"""ARG-05: what is sent with a call can not be duplicated, one time after the other. The call is then refused with a
clear error and nothing is done, or it is done with all that the caller sent; it never goes on without a part of it."""

import contextlib
import os
import pathlib
import struct
import subprocess

import pytest
from gi.repository import GLib

import archives
from conftest import ALICE
from test_bridges import DEFAULT, namespace
from test_credentials import ALICES, REF, push, send
from test_hand import PLAIN, SIZE, Process, allocate
from test_registries import registry  # noqa: F401
from test_remotes import PREFIX, server  # noqa: F401
from wire import BRIDGE, CONTAINER, IMAGE, BusError, variants, wait


SOURCE = pathlib.Path(__file__).parent / "duplicates.c"


class Duplicates:
    """What the service's main thread duplicates. Not its other threads: there GLib looks after what it receives."""

    def __init__(self, directory):
        self.library, self.file = directory / "duplicates.so", directory / "duplicates"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-o", self.library, SOURCE], check=True)
        self.write(0, 0)

    def write(self, process, failing):
        with open(self.file, "r+b" if self.file.exists() else "wb") as file:
            file.write(struct.pack("=4q", process, 0, failing, 0))

    @contextlib.contextmanager
    def counted(self, world, failing=0):
        """The FAILINGth from now on fails. Gives a function: how many were asked for, and how many failed."""
        self.write(world.pid, failing)
        try:
            yield lambda: struct.unpack("=4q", self.file.read_bytes())[1::2]
        finally:
            self.write(0, 0)

    @property
    def environment(self):
        # The sanitizer's own library does not come first then, and says so.
        return {"LD_PRELOAD": str(self.library), "BOTHY_TEST_DUPLICATES": str(self.file),
                "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}


@pytest.fixture
def duplicates(tmp_path):
    for directory in (tmp_path, *list(tmp_path.parents)[:2]):
        directory.chmod(0o755)
    return Duplicates(tmp_path)


@pytest.fixture
def world(fresh_world, duplicates):
    return fresh_world(environment=duplicates.environment)


def fds_of(world):
    found = []
    for fd in os.listdir(f"/proc/{world.pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(f"/proc/{world.pid}/fd/{fd}"))
    return sorted(found)


def finish(client, operation):
    done = client.finish(operation)
    if done["Failure"]:
        error = BusError(*done["Failure"].split(": ", 1))
        error.of_operation = True  # of what bothyd's workers need: it fails, whatever it says
        raise error
    return done["Object"]


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


def case_start(world, alice):
    box = alice.create("box", command=["echo", "here"])

    def attempt():
        with output(b"here\n") as fd:
            try:
                alice.call(box, CONTAINER, "Start", "(a{sv})", {"stdio": GLib.Variant("ah", [0, 0, 0])}, fds=[fd])
            finally:
                wait(lambda: alice.state(box) in ("stopped", "failed"))

    yield attempt
    alice.delete(box)


def case_import(world, alice):
    def attempt():
        # One of its own: a worker that is about to end may still read from the last one's, and share its position.
        with archives.temporary(archives.small_bytes(b"imported")) as file:
            image = finish(alice, alice.manager("ImportImage", "(ha{sv})", 0, variants({"alias": "mine"}),
                                                fds=[file.fileno()])[0])
        assert alice.get(image, IMAGE, "Aliases") == ["mine"]
        alice.call(image, IMAGE, "Remove")
        wait(lambda: image not in alice.managed())

    yield attempt


def case_export(world, alice):
    image = alice.manager("GetImage", "(s)", "busybox")[0]
    file = archives.temporary(b"")

    def attempt():
        os.ftruncate(file.fileno(), 0)
        finish(alice, alice.call(image, IMAGE, "Export", "(ha{sv})", 0, {}, fds=[file.fileno()])[0])
        assert os.fstat(file.fileno()).st_size > 1000

    yield attempt
    file.close()


def case_pull(world, alice):
    """Without the password the server has no such image."""
    server = world.registry
    push(server)

    def attempt():
        try:
            image = finish(alice, send(alice, "PullImage", REF, {server.url: ALICES}))
        except BusError as error:
            assert error.short != "NoSuchImage", error
            raise
        alice.call(image, IMAGE, "Remove")
        wait(lambda: image not in alice.managed())

    yield attempt


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
def test_ARG_05_no_duplicate(world, alice, registry, duplicates, name):  # noqa: F811
    world.registry = registry
    world.expected.append("-WARNING|-Message")
    with contextlib.contextmanager(CASES[name])(world, alice) as attempt:
        attempt()
        before = world.settled_fds()
        kept = fds_of(world)
        with duplicates.counted(world) as count:
            attempt()
            asked, _ = count()
        assert asked
        refusals, missed = [], 0
        for which in range(1, asked + 1):
            refused = None
            with duplicates.counted(world, which) as count:
                try:
                    attempt()
                except BusError as error:
                    refused = error
                missed += count()[1] == 0
            assert world.service.poll() is None, (which, "bothyd died")
            # What is no part of the request, such as a connection for a helper, it may do without or try again.
            if refused:
                assert refused.short == "LimitsExceeded", (which, refused)
                assert refused.text.isascii() and refused.text.isprintable() and "open" in refused.text, (which, refused)
            refusals.append(refused)
            try:
                # What is still under way only adds to them, and what stays each time is more in the end.
                wait(lambda: world.n_fds() <= before)
            except TimeoutError:
                print(which, refused, set(fds_of(world)) - set(kept), fds_of(world), kept, sep="\n")
                raise
        assert any(refusals) and missed < asked / 2, (refusals, missed)
        # And all is as it was.
        attempt()

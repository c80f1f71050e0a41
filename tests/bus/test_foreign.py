# SPDX-License-Identifier: LGPL-2.1-or-later
"""Files on a file system that a user serves himself: whatever is done with them may take for ever (THREATS, ARG-06)."""

import fcntl
import os
import signal
import socket

import pytest
from gi.repository import Gio

import archives
from conftest import ALICE, BOB
from slowfs import SlowFileSystem
from wire import BusError, CONTAINER, MANAGER, NAME, PEER, ROOT, variants, wait


@pytest.fixture
def slow(world):
    directory = world.directory / "slow"
    directory.mkdir(exist_ok=True)
    with SlowFileSystem(directory, archives.small_bytes(b"slow")) as file_system:
        yield file_system


@pytest.fixture
def file(slow):
    """Open already; nothing that bothyd asks about it from now on gets an answer."""
    fd = os.open(slow.file, os.O_RDONLY)
    slow.let_wait("bothyd")
    yield fd
    slow.let_wait("")
    os.close(fd)


def is_there(world):
    with world.client(BOB) as bob:
        return bob.manager("ListContainers", timeout=3) == ([],)


def test_ARG_06_archive_on_a_file_system_that_hangs(world, alice, slow, file):
    operation = alice.manager("ImportImage", "(ha{sv})", 0, variants({"alias": "slow"}), fds=[file], timeout=5)[0]
    assert is_there(world)
    # bothy-unpack gets its answers.
    done = alice.finish(operation)
    assert done["Failure"] == ""
    assert slow.held and is_there(world)
    alice.call(done["Object"], "org.bothy.Bothy1.Image", "Remove")


def test_ARG_06_stdio_on_a_file_system_that_hangs(world, alice, slow, file):
    path = alice.create("box", command=["sleep", "1000"])
    alice.start(path)
    reader, writer = os.pipe()
    for _ in range(3):
        alice.call(path, CONTAINER, "Exec", "(asaha{sv})", ["head", "-c", "10"], [0, 1, 1], {}, fds=[file, writer],
                   timeout=5)
        assert len(os.read(reader, 100)) == 10
        assert is_there(world)
    assert slow.held
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize("interface,member", [(MANAGER, "ListRemotes"), (PEER, "Ping"), (MANAGER, "NoSuchMethod")])
def test_ARG_06_file_that_hangs_is_not_asked_for(world, alice, slow, file, interface, member):
    alice.error(ROOT, interface, member, fds=[file] * 8, timeout=5)
    assert is_there(world)
    # Of what GDBus answers itself they are not even taken.
    if interface != PEER:
        wait(lambda: slow.held)


def test_ARG_06_what_hangs_keeps_nobody_elses_pipes_open(world, alice, bob, slow, file):
    """However many of one user's files hang: what a program writes for another one comes to its end."""
    path = bob.create("box", command=["sleep", "1000"])
    bob.start(path)
    for _ in range(4):
        alice.error(ROOT, MANAGER, "NoSuchMethod", fds=[file] * 16, timeout=5)
    wait(lambda: slow.held)
    for _ in range(3):
        assert bob.execute(path, "echo", "on")[0] == "on\n"


def test_ARG_06_what_hangs_is_counted(world, alice, bob, slow, file):
    """Whoever sends many files that can not be closed can send no more, from however many connections, and by no other kind
    of message; another one's sockets are closed in time; and it ends when the files are closed."""
    path = bob.create("box", command=["sleep", "1000"])
    bob.start(path)

    def refused():
        with world.client(ALICE) as again:
            return again.error(ROOT, MANAGER, "ListContainers", fds=[file] * 16, timeout=5) == "LimitsExceeded" and again.text

    for _ in range(60):
        text = refused()
        if text:
            break
    assert text and "does not answer" in text

    def count():
        return len(os.listdir(f"/proc/{world.pid}/fd"))

    before, owner = count(), alice.bus("GetNameOwner", "(s)", NAME)[0]
    with world.client(ALICE) as again:
        for sender in alice, again:
            for interface, member in [(PEER, "Ping"), (MANAGER, "ListContainers")] * 20:
                sender.error(ROOT, interface, member, fds=[file] * 16, timeout=5)
            for _ in range(40):
                message = Gio.DBusMessage.new_signal("/", "org.freedesktop.DBus", "NameOwnerChanged")
                message.set_destination(owner)
                sender.transmit(message, [file] * 16)
            # A header of which only the beginning is looked at: nobody knows whose it is.
            for _ in range(40):
                sender.send("/" + "x" * 70000, MANAGER, "ListContainers", fds=[file] * 16)
    assert count() < before + 100 and bob.state(path) == "running"
    assert alice.manager("ListContainers", timeout=5) == ([],)
    for _ in range(3):
        with world.client(BOB) as other:
            ours, theirs = socket.socketpair()
            other.state(path)
            other.call(path, CONTAINER, "Exec", "(asaha{sv})", ["echo", "on"], [0, 0, 0], {}, fds=[theirs.fileno()], timeout=5)
            theirs.close()
            ours.settimeout(5)
            assert ours.recv(100) == b"on\n" and ours.recv(100) == b""
            ours.close()
    slow.let_wait("")
    wait(lambda: not refused())


def echo_over_a_socket(world, path):
    """On a connection of bob's that nobody knows yet: what his program writes, and that it ends."""
    with world.client(BOB) as other:
        ours, theirs = socket.socketpair()
        other.call(path, CONTAINER, "Exec", "(asaha{sv})", ["echo", "on"], [0, 0, 0], {}, fds=[theirs.fileno()], timeout=5)
        theirs.close()
        ours.settimeout(5)
        said = ours.recv(100), ours.recv(100)
        ours.close()
        return said


def test_ARG_06_one_users_budget_is_nobody_elses(world, alice, bob, slow, file):
    """While so many of alice's hang that no more of hers are taken: what bob sends with the first call of a connection is his."""
    path = bob.create("box", command=["sleep", "1000"])
    bob.start(path)
    for _ in range(60):
        with world.client(ALICE) as again:
            if again.error(ROOT, MANAGER, "ListContainers", fds=[file] * 16, timeout=5) == "LimitsExceeded":
                break
    for _ in range(3):
        assert echo_over_a_socket(world, path) == (b"on\n", b"")


def test_ARG_06_who_leaves_at_once_has_the_same_budget(world, bob, slow, file):
    """Connections that send files that hang, and are gone before anybody has asked who they were."""
    path = bob.create("box", command=["sleep", "1000"])
    bob.start(path)
    before = len(os.listdir(f"/proc/{world.pid}/fd"))
    for _ in range(120):
        with world.client(ALICE) as one:
            one.send(ROOT, MANAGER, "NoSuchMethod", fds=[file] * 16)
    wait(lambda: slow.held)
    for _ in range(3):
        assert echo_over_a_socket(world, path) == (b"on\n", b"")
    assert len(os.listdir(f"/proc/{world.pid}/fd")) < before + 800


def test_ARG_06_whoever_is_asked_about_gets_no_second_way_in(world, alice, bob, slow, file):
    """To know whose a new connection is the bus is asked, by a name that takes no files and does not stay: what is sent there
    would be closed by a thread that all wait for."""
    path = bob.create("box", command=["sleep", "1000"])
    bob.start(path)
    for _ in range(60):
        with world.client(ALICE) as again:
            if again.error(ROOT, MANAGER, "ListContainers", fds=[file] * 16, timeout=5) == "LimitsExceeded":
                break
    assert echo_over_a_socket(world, path) == (b"on\n", b"")
    owner = alice.bus("GetNameOwner", "(s)", NAME)[0]
    others = []
    for name in alice.bus("ListNames")[0]:
        if not name.startswith(":") or name == owner:
            continue
        try:
            if alice.bus("GetConnectionUnixProcessID", "(s)", name)[0] == world.pid:
                others.append(name)
        except BusError:
            pass
    for name in others:
        message = Gio.DBusMessage.new_signal("/", "org.freedesktop.DBus", "NameOwnerChanged")
        message.set_destination(name)
        alice.transmit(message, [file] * 16)
    for _ in range(3):
        assert echo_over_a_socket(world, path) == (b"on\n", b"")
    assert not others


def test_ARG_06_programs_on_what_hangs_keep_nobody_elses_sockets(world, alice, bob, slow, file):
    """Six programs of alice's that have it as all of theirs."""
    path = bob.create("box", command=["sleep", "1000"])
    bob.start(path)
    mine = alice.create("box", command=["sleep", "1000"])
    alice.start(mine)
    for _ in range(6):
        alice.call(mine, CONTAINER, "Exec", "(asaha{sv})", ["sleep", "1000"], [0, 0, 0], {}, fds=[file], timeout=5)
    wait(lambda: slow.held)
    for _ in range(3):
        assert echo_over_a_socket(world, path) == (b"on\n", b"")


def test_ARG_06_user_namespace_that_is_a_file_that_hangs(world, alice, slow, file):
    base = alice.manager("AllocateRange", "(ua{sv})", 65536, {})[0]
    alice.error(ROOT, MANAGER, "MapUserNamespace", "(ha(suuu))", 0, [("b", 0, base, 65536)], fds=[file], timeout=15)
    assert is_there(world) and slow.held
    alice.manager("ReleaseRange", "(u)", base)


def test_ARG_06_nothing_that_may_hang_gets_to_bothy_helper(world, alice, slow):
    """All privileged steps of everybody go through that process: it never closes what a user opened."""
    fd = os.open(slow.file, os.O_RDONLY)
    slow.let_wait("bothy-helper")
    base = alice.manager("AllocateRange", "(ua{sv})", 65536, {})[0]
    assert alice.error(ROOT, MANAGER, "MapUserNamespace", "(ha(suuu))", 0, [("b", 0, base, 65536)], fds=[fd], timeout=5) == "NotYours"
    done = alice.finish(alice.manager("ImportImage", "(ha{sv})", 0, variants({"alias": "slow"}), fds=[fd], timeout=5)[0])
    assert done["Failure"] == ""
    path = alice.create("box", command=["sleep", "1000"])
    alice.start(path, timeout=5)
    alice.call(done["Object"], "org.bothy.Bothy1.Image", "Remove")
    alice.manager("ReleaseRange", "(u)", base)
    assert not slow.held
    slow.let_wait("")
    os.close(fd)


def serves(world):
    """It has the name, whoever had it before; one whose end hangs keeps its connection to the bus."""
    with world.client(0) as root:
        if not root.bus("NameHasOwner", "(s)", "org.bothy.Bothy1")[0]:
            return False
        owner = root.bus("GetNameOwner", "(s)", "org.bothy.Bothy1")[0]
        return root.bus("GetConnectionUnixProcessID", "(s)", owner)[0] == world.pid


def has_let_go(world):
    with open(world.root / "run/bothy/lock") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def has_ended(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_ARG_06_the_next_one_starts_while_the_end_of_the_last_hangs(fresh_world, number):
    """A thread that closes a file can not be ended while its file system does not answer, and keeps all that is open."""
    world = fresh_world()
    alice = world.client(ALICE)
    box = alice.create("box", command=["sleep", "1000"])
    alice.start(box)
    directory = world.directory / "slow"
    directory.mkdir()
    with SlowFileSystem(directory, b"slow") as slow:
        fd = os.open(slow.file, os.O_RDONLY)
        slow.let_wait("bothyd")
        alice.error(ROOT, MANAGER, "NoSuchMethod", fds=[fd], timeout=5)
        wait(lambda: slow.held)
        old = world.service
        old.send_signal(number)
        wait(lambda: has_let_go(world) or has_ended(old.pid), 10)
        world.start(wait=False)
        wait(lambda: world.check_alive() or serves(world), 60)
        assert old.poll() is None
        assert alice.state(box) == "running" and alice.execute(box, "echo", "on")[0] == "on\n"
        # What hung goes on: that is nobody's business any more.
        slow.let_wait("")
        old.wait(30)
        assert serves(world) and alice.state(box) == "running"
        os.close(fd)
    alice.delete(box)

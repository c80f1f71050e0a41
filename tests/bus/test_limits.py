# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ids, quotas, damaged records, full disks and floods (THREATS, RANGE, STATE, DOS)."""

import os
import re
import resource
import signal
import statistics
import time

import pytest
from gi.repository import Gio

import archives
import polkit
from conftest import ALICE, BOB
from wire import CONTAINER, MANAGER, OPERATION, PROCESS, ROOT, BusError, container_path, variants, wait


def bases(client):
    return sorted(entry[0] for entry in client.manager("ListRanges")[0])


def create_many(client, names):
    serials = [client.send(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", name, "busybox", {}) for name in names]
    results = []
    for serial in serials:
        try:
            client.reply(serial, timeout=60)
            results.append("")
        except BusError as error:
            results.append(error.short)
    return results


def test_RANGE_02_parallel_creates_are_disjoint(fresh_world):
    world = fresh_world(config="[Quota]\nContainers=200\n")
    users = [world.client(uid) for uid in (ALICE, ALICE, BOB, 1002)]
    serials = [(user, user.send(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", f"c{i}-{n}", "busybox", {}))
               for i in range(15) for n, user in enumerate(users)]
    for user, serial in serials:
        user.reply(serial, timeout=120)
    found = [entry for user in users[1:] for entry in user.manager("ListRanges")[0]]
    assert len(found) == 60 == len({base for base, *_ in found})
    pool = 1073741824
    for base, count, _, name in found:
        assert count == 65536 and base % 65536 == 0 and base >= pool and name
    # The same after a restart.
    world.restart(signal.SIGKILL)
    assert sorted(found) == sorted(entry for user in users[1:] for entry in user.manager("ListRanges")[0])


@pytest.mark.once
def test_RANGE_02_five_hundred_at_once(fresh_world):
    """Of twelve users, who each ask for more than they may have: each gets as many as that, and none twice."""
    world = fresh_world(config="[Quota]\nRanges=42\n")
    users = range(2000, 2012)
    for uid in users:
        world.add_account(uid)
    clients = [world.client(uid) for uid in users]
    # Of a connection that is not known yet fewer calls are kept.
    for client in clients:
        assert bases(client) == []
    serials = [(client, client.send(ROOT, MANAGER, "AllocateRange", "(ua{sv})", 65536, {}))
               for _ in range(46) for client in clients]
    given, refused = {uid: [] for uid in users}, {uid: 0 for uid in users}
    for client, serial in serials:
        try:
            uid, gid = client.reply(serial, timeout=120)
            assert uid == gid
            given[client.uid].append(uid)
        except BusError as error:
            assert error.short == "QuotaExceeded"
            refused[client.uid] += 1
    assert set(refused.values()) == {4} and {len(found) for found in given.values()} == {42}
    found = sorted(base for owned in given.values() for base in owned)
    assert len(found) == 504 == len(set(found)) and not [base for base in found if base % 65536]
    assert 1073741824 <= found[0] and found[-1] < 1879048192
    for _ in range(2):
        for client in clients:
            assert bases(client) == sorted(given[client.uid])
            # The quota has no gap either: one back, one more, and no second.
            client.manager("ReleaseRange", "(u)", given[client.uid][0])
            assert allocated(client) == given[client.uid][0]
            assert client.error(ROOT, MANAGER, "AllocateRange", "(ua{sv})", 1, {}) == "QuotaExceeded"
        world.restart(signal.SIGKILL)
        clients = [world.client(uid) for uid in users]


def allocated(client):
    return client.manager("AllocateRange", "(ua{sv})", 1, {})[0]


UNREADABLE = {
    "directory": lambda f: f.mkdir(), "fifo": os.mkfifo, "link to nowhere": lambda f: f.symlink_to("nowhere"),
    "link to a device": lambda f: f.symlink_to("/dev/zero"), "too large": lambda f: f.write_bytes(b"#" * (17 << 20)),
    "no number": lambda f: f.write_text("bob:100000:many\n"), "negative": lambda f: f.write_text("bob:-1:65536\n"),
    "half a line": lambda f: f.write_text("alice:1:1\nbob:100000"), "zeros": lambda f: f.write_bytes(bytes(100)),
}


@pytest.mark.parametrize("name", ["subuid", "subgid"])
def test_RANGE_03_files_that_can_not_be_read(world, alice, name):
    """Nothing is given out, by either way, and nothing is written down; with the file in order, all is."""
    listing = world.root / "etc" / name
    for what, make in UNREADABLE.items():
        make(listing)
        before = world.snapshot()
        for refused in (alice.error(ROOT, MANAGER, "AllocateRange", "(ua{sv})", 1, {}),
                        alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "x1", "busybox", {})):
            assert refused in ("Degraded", "Failed"), (what, refused)
        wait(lambda: world.snapshot() == before)
        if listing.is_dir() and not listing.is_symlink():
            listing.rmdir()
        else:
            listing.unlink()
    base = allocated(alice)
    # A link to what can be read counts as that: also its last line, without an end.
    (world.root / "etc/elsewhere").write_text(f"# bob\n\nbob:7:0\n1001:1:1\nbob:{base + 65536}:9\nbob:{base + 70000}:4000000")
    listing.symlink_to("elsewhere")
    following = allocated(alice)
    assert following >= base + 70000 + 4000000
    listing.unlink()
    for held in base, following:
        alice.manager("ReleaseRange", "(u)", held)


def test_RANGE_04_accounts_inside_of_a_range(fresh_world):
    """The next range has an account's uid in it, the one after that a group's number: both are passed over."""
    world = fresh_world()
    alice = world.client(ALICE)
    base = allocated(alice)
    with open(world.root / "etc/passwd", "a") as passwd, open(world.root / "etc/group", "a") as group:
        passwd.write(f"inside:x:{base + 65536 + 4711}:1::/:/bin/false\n")
        group.write(f"inside:x:{base + 3 * 65536 - 1}:\n")
    assert allocated(alice) == base + 3 * 65536


def test_RANGE_07_nobody_gets_what_was_anothers(fresh_world):
    """alice's container is gone, a file with its ids is not: bob takes all that he can, and never hers."""
    pool = 0x60000000 + os.getpid() % 4000 * 65536
    world = fresh_world(config=f"[Ranges]\nBase={pool}\nCount=6\n[Quota]\nRanges=10\n")
    alice, bob = world.client(ALICE), world.client(BOB)
    path = alice.create("gone", command=["true"])
    former = {alice.get(path, CONTAINER, "RangeBase"), allocated(alice)}
    alice.delete(path)
    alice.manager("ReleaseRange", "(u)", max(former))
    bob.create("his")
    taken = set()
    for restarted in False, True:
        while not (error := bob.error(ROOT, MANAGER, "AllocateRange", "(ua{sv})", 1, {})):
            taken = set(bases(bob))
        assert error == "NoFreeRange" and len(taken) == 4 and not taken & former
        world.restart(signal.SIGKILL)
        alice, bob = world.client(ALICE), world.client(BOB)
    assert {allocated(alice), allocated(alice)} == former


def test_RANGE_05_pool_is_exhausted(fresh_world):
    # Where no other test's containers are, also of a run at the same time.
    base = 0x60000000 + os.getpid() % 4000 * 65536
    world = fresh_world(config=f"[Ranges]\nBase={base}\nCount=2\n")
    alice, bob = world.client(ALICE), world.client(BOB)
    assert create_many(alice, ["a", "b", "c", "d"]).count("") == 2
    assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "e", "busybox", {}) == "NoFreeRange"
    before = world.snapshot()
    assert bob.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "x", "busybox", {}) == "NoFreeRange"
    assert bob.error(ROOT, MANAGER, "AllocateRange", "(ua{sv})", 65536, {}) == "NoFreeRange"
    wait(lambda: world.snapshot() == before)
    # A range is its owner's for ever: a free one of alice's helps alice, not bob.
    path = alice.manager("ListContainers")[0][0][5]
    alice.delete(path)
    assert bob.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "x", "busybox", {}) == "NoFreeRange"
    alice.create("again")


def test_RANGE_06_quota_of_containers(fresh_world):
    world = fresh_world(config="[Quota]\nContainers=3\n")
    alice, bob = world.client(ALICE), world.client(BOB)
    results = create_many(alice, [f"c{i}" for i in range(10)])
    assert sorted(results) == [""] * 3 + ["QuotaExceeded"] * 7
    assert alice.get(ROOT, MANAGER, "MaxContainers") == 3
    bob.create("his")
    alice.delete(alice.manager("ListContainers")[0][0][5])
    alice.create("next")


def test_quota_of_ports(fresh_world):
    """Of all of a user's containers, whether they run or not; what is taken away makes room."""
    world = fresh_world(config="[Quota]\nPorts=3\n")
    alice, bob = world.client(ALICE), world.client(BOB)
    one, two, his = alice.create("one"), alice.create("two"), bob.create("his")
    add = "AddPort", "(sqqa{sv})"
    for path, protocol, port in ((one, "tcp", 8080), (one, "udp", 8080), (two, "tcp", 8081)):
        alice.call(path, CONTAINER, *add, protocol, port, 80, {})
    for path in one, two:
        assert alice.error(path, CONTAINER, *add, "tcp", 8082, 80, {}) == "QuotaExceeded"
        assert "bothy port remove" in alice.text
    bob.call(his, CONTAINER, *add, "tcp", 8082, 80, {})
    assert alice.get(ROOT, MANAGER, "MaxPorts") == 3
    alice.delete(two)
    alice.call(one, CONTAINER, *add, "tcp", 8083, 80, {})
    assert alice.error(one, CONTAINER, *add, "tcp", 8084, 80, {}) == "QuotaExceeded"
    alice.call(one, CONTAINER, "RemovePort", "(sqa{sv})", "tcp", 8083, {})
    alice.call(one, CONTAINER, *add, "tcp", 8084, 80, {})


def test_RANGE_06_failed_creates_are_not_counted(fresh_world):
    world = fresh_world(config="[Quota]\nContainers=1\n")
    alice = world.client(ALICE)
    for _ in range(3):
        assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "x1", "no-such", {}) == "NoSuchImage"
    alice.create("x1")


def test_RANGE_06_quota_of_processes(fresh_world):
    world = fresh_world(config="[Quota]\nProcesses=2\n")
    alice = world.client(ALICE)
    path = alice.create("box", command=["sleep", "1000"])
    alice.start(path)
    running = [alice.call(path, CONTAINER, "Exec", "(asaha{sv})", ["sleep", "99"], [], {})[0] for _ in range(2)]
    assert alice.error(path, CONTAINER, "Exec", "(asaha{sv})", ["true"], [], {}) == "QuotaExceeded"
    assert alice.error(path, CONTAINER, "OpenShell", "(ssasas)", "", "", [], []) == "QuotaExceeded"
    alice.call(running[0], PROCESS, "Kill", "(i)", 9)
    wait(lambda: alice.get(running[0], PROCESS, "Ended"))
    assert alice.execute(path, "echo", "x")[0] == "x\n"


def test_RANGE_06_operations_take_turns(fresh_world):
    """What is beyond the number at work waits, can be cancelled, and gives back what it took; others do not wait along."""
    world = fresh_world(config="[Quota]\nOperations=2\n")
    alice, bob = world.client(ALICE), world.client(BOB)
    pipes = [os.pipe() for _ in range(5)]

    def begin(client, number):
        return client.manager("ImportImage", "(ha{sv})", 0, {}, fds=[pipes[number][0]])[0]

    def phase(operation):
        return alice.get(operation, OPERATION, "Phase")

    def cancel(client, operation):
        client.call(operation, OPERATION, "Cancel")
        assert client.finish(operation)["Failure"].startswith("org.bothy.Bothy1.Error.Cancelled: ")
    running = [begin(alice, number) for number in range(2)]
    fds = world.settled_fds()
    waiting = [begin(alice, number) for number in range(2, 4)]
    assert [phase(operation) for operation in running + waiting] == ["unpacking"] * 2 + ["waiting"] * 2
    bobs = begin(bob, 4)
    assert bob.get(bobs, OPERATION, "Phase") == "unpacking"
    cancel(bob, bobs)
    cancel(alice, waiting[0])
    cancel(alice, running[0])
    wait(lambda: phase(waiting[1]) == "unpacking")
    cancel(alice, waiting[1])
    cancel(alice, running[1])
    with archives.small() as file:
        done = alice.finish(alice.manager("ImportImage", "(ha{sv})", 0, {}, fds=[file.fileno()])[0])
    assert done["Failure"] == "" and done["Phase"] == "done"
    assert world.settled_fds() <= fds
    for pair in pipes:
        os.close(pair[0])
        os.close(pair[1])


def test_RANGE_06_how_many_wait_is_bounded(fresh_world):
    """Also of those who were cancelled meanwhile; and whoever has that many can still delete."""
    world = fresh_world(config="[Quota]\nOperations=1\n")
    alice = world.client(ALICE)
    path = alice.create("box")
    pipe = os.pipe()
    operations = [alice.manager("ImportImage", "(ha{sv})", 0, {}, fds=[pipe[0]])[0] for _ in range(255)]
    alice.call(operations[9], OPERATION, "Cancel")
    begun = [alice.manager("ImportImage", "(ha{sv})", 0, {}, fds=[pipe[0]])[0] for _ in range(2)]
    assert alice.error(ROOT, MANAGER, "ImportImage", "(ha{sv})", 0, {}, fds=[pipe[0]]) == "QuotaExceeded"
    for operation in reversed(operations + begun):
        alice.error(operation, OPERATION, "Cancel")
    wait(lambda: alice.error(ROOT, MANAGER, "ImportImage", "(ha{sv})", 7, {}) == "InvalidArgs")
    alice.delete(path)
    os.close(pipe[0])
    os.close(pipe[1])


def test_RANGE_06_thirty_deletions_in_a_row(world, alice):
    """None is refused because the files of others are still being removed: it waits, and is there until its turn."""
    paths = [alice.create(f"box{number}") for number in range(30)]
    operations = [alice.call(path, CONTAINER, "Delete", "(a{sv})", {})[0] for path in paths]
    assert all(alice.finish(operation)["Failure"] == "" for operation in operations)


@pytest.mark.parametrize("limit", ["ImageBytes=100000\n", "ImageFiles=3\n"])
def test_RANGE_06_quota_of_images(fresh_world, limit):
    world = fresh_world(config="[Quota]\n" + limit)
    alice = world.client(ALICE)
    # The built-in image may have too many files as well, and lies in the trash then.
    wait(lambda: not [name for name in world.records() if re.search(r"trash/.", name)])
    before = world.records()
    with archives.small() as file:
        try:
            done = alice.finish(alice.manager("ImportImage", "(ha{sv})", 0, {}, fds=[file.fileno()])[0])
            assert re.match(r"org.bothy.Bothy1.Error.(QuotaExceeded|LimitsExceeded)", done["Failure"])
        except BusError as error:
            assert error.short == "QuotaExceeded"
    wait(lambda: world.records() == before)


@pytest.mark.parametrize("options", [{"environment": ["A=" + "x" * (2 << 20)]}, {"command": ["x" * 1000] * 2000}])
def test_RANGE_09_a_record_that_is_too_long(fresh_world, options):
    """It would count as damaged after the next start, and nobody would get ids."""
    world = fresh_world()
    alice = world.client(ALICE)
    before = world.records()
    with pytest.raises(BusError) as refused:
        alice.create("long", **options)
    assert refused.value.short == "LimitsExceeded"
    # The range stays his, and with it whose it is.
    wait(lambda: {name for name in world.records() if not name.startswith(("ranges/", "accounts/"))} ==
         {name for name in before if not name.startswith(("ranges/", "accounts/"))})
    world.stop()
    world.start()
    alice = world.client(ALICE)
    assert alice.get(ROOT, MANAGER, "Degraded") is False
    alice.create("long")


DAMAGE = {
    "truncated": lambda f: f.write_bytes(f.read_bytes()[:-5]), "empty": lambda f: f.write_bytes(b""),
    "flipped": lambda f: f.write_bytes(bytes(b ^ (4 if i == len(f.read_bytes()) - 3 else 0)
                                             for i, b in enumerate(f.read_bytes()))),
    "zeros": lambda f: f.write_bytes(bytes(200)), "mode": lambda f: f.chmod(0o666),
    "owner": lambda f: os.chown(f, 1000, 1000), "newer": lambda f: f.write_bytes(
        f.read_bytes().replace(b"bothy-record 1", b"bothy-record 9")),
    "symlink": lambda f: (f.rename(f.parent.parent / "elsewhere"), f.symlink_to("../elsewhere")),
    "directory": lambda f: (f.unlink(), f.mkdir()), "fifo": lambda f: (f.unlink(), os.mkfifo(f)),
    "hardlink": lambda f: os.link(f, f.parent.parent / "second"),
    "huge": lambda f: os.truncate(f, 1 << 30),
}


@pytest.mark.parametrize("damage", sorted(DAMAGE))
def test_RANGE_09_damaged_range_record(fresh_world, damage):
    """Nothing is given out when it is not known what is taken; what exists goes on."""
    world = fresh_world()
    world.expected.append(r"Ranges: |Container .*: ")
    alice, bob = world.client(ALICE), world.client(BOB)
    path = alice.create("old", command=["sleep", "1000"])
    other = bob.create("his", command=["sleep", "1000"])
    bob.start(other)
    record = world.state / "ranges" / str(alice.get(path, CONTAINER, "RangeBase"))
    world.stop()
    DAMAGE[damage](record)
    world.start()
    assert alice.get(ROOT, MANAGER, "Degraded") is True
    for client in (alice, bob):
        assert client.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "new", "busybox", {}) == "Degraded"
        assert client.error(ROOT, MANAGER, "AllocateRange", "(ua{sv})", 1, {}) == "Degraded"
    assert bob.execute(other, "echo", "x")[0] == "x\n"
    assert alice.manager("Diagnose")[0]
    world.restart()
    assert alice.get(ROOT, MANAGER, "Degraded") is True


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "symlink", "fifo", "owner"])
def test_STATE_03_damaged_container_record(fresh_world, damage):
    world = fresh_world()
    world.expected.append(r"Container .*: ")
    alice = world.client(ALICE)
    alice.create("broken")
    other = alice.create("other", command=["sleep", "1000"])
    (identity,) = [p.name for p in (world.state / "containers").iterdir()
                   if p.name == alice.get(container_path(ALICE, "broken"), CONTAINER, "Id")]
    world.stop()
    DAMAGE[damage](world.state / "containers" / identity / "container")
    world.start()
    assert alice.get(ROOT, MANAGER, "Degraded") is True
    assert container_path(ALICE, "broken") not in alice.managed()
    alice.start(other)
    assert alice.execute(other, "echo", "x")[0] == "x\n"
    assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "new", "busybox", {}) == "Degraded"
    # Its files are still there for an administrator.
    assert (world.state / "containers" / identity / "data").is_dir()


def test_STATE_02_disk_is_full(fresh_world):
    """Refused, with nothing left behind; what is there can be read, and used again when there is space."""
    world = fresh_world(state_size="16M")
    alice = world.client(ALICE)
    path = alice.create("old", command=["sleep", "1000"])
    with archives.small() as file:
        # An import that does not fit.
        before = world.records()
        filler = world.state / "filler"
        fill(filler, leave=400 << 10)
        done = alice.finish(alice.manager("ImportImage", "(ha{sv})", 0, {}, fds=[file.fileno()])[0])
        assert done["Phase"] == "failed" and done["Failure"].startswith("org.bothy.Bothy1.Error.NoSpace: ")
        filler.unlink()
        wait(lambda: world.records() == before)
    fill(filler, leave=0)
    before = world.records()
    assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "new", "busybox", {}) == "NoSpace"
    wait(lambda: world.records() == before)
    assert alice.error(path, CONTAINER, "Rename", "(s)", "renamed") == "NoSpace"
    assert alice.get(path, CONTAINER, "Name") == "old"
    assert [entry[0] for entry in alice.manager("ListContainers")[0]] == ["old"]
    alice.manager("ListRanges")
    filler.unlink()
    alice.create("new")
    alice.start(path)
    assert alice.execute(path, "echo", "x")[0] == "x\n"


def fill(path, leave):
    free = os.statvfs(path.parent)
    with open(path, "wb") as file:
        size = free.f_bavail * free.f_frsize - leave
        try:
            while size > 0:
                size -= file.write(bytes(min(size, 65536)))
                file.flush()
        except OSError:
            pass


def test_STATE_02_read_only(fresh_world):
    world = fresh_world()
    alice = world.client(ALICE)
    path = alice.create("old")
    before = world.records()
    world.inside("mount", "-o", "remount,ro", "/var/lib/bothy")
    assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "new", "busybox", {})
    assert alice.error(path, CONTAINER, "Rename", "(s)", "renamed")
    assert alice.error(path, CONTAINER, "Delete", "(a{sv})", {})
    assert alice.state(path) == "stopped"
    world.inside("mount", "-o", "remount,rw", "/var/lib/bothy")
    assert world.records() == before
    alice.create("new")
    alice.delete(path)


def test_STATE_06_second_service_is_refused(fresh_world):
    world = fresh_world()
    alice = world.client(ALICE)
    path = alice.create("box", command=["sleep", "1000"])
    alice.start(path)
    before = world.records()
    owner = alice.bus("GetNameOwner", "(s)", "org.bothy.Bothy1")
    second = world.spawn()
    assert second.wait(20) == 1
    assert alice.bus("GetNameOwner", "(s)", "org.bothy.Bothy1") == owner
    assert world.records() == before
    assert alice.execute(path, "echo", "x")[0] == "x\n"


@pytest.mark.parametrize("text", ["[Nonsense]\nA=1\n", "[Quota]\nContainers=-1\n", "[Quota]\nContainers=many\n",
                                  "[Ranges]\nBase=0\n", "[Ranges]\nBase=1073741825\n", "[Quota\n",
                                  "[Quota]\nContainers=99999999999999999999\n"])
def test_STATE_configuration_that_makes_no_sense(fresh_world, text):
    """Said, and not guessed at."""
    world = fresh_world(start=False)
    world.configure(text)
    service = world.spawn()
    assert service.wait(20) == 1
    assert "/etc/bothy/bothyd.conf" in world.log()


def test_DOS_01_a_flood_does_not_keep_others_waiting(world, alice, bob):
    """alice sends as much as she can; bob's calls are answered in time."""
    for cheap in ("ListContainers", "Diagnose"):
        times, sent = [], []
        for _ in range(20):
            sent += [alice.send(ROOT, MANAGER, cheap) for _ in range(300 if cheap == "ListContainers" else 100)]
            start = time.monotonic()
            bob.manager("ListContainers", timeout=20)
            times.append(time.monotonic() - start)
            alice.drain(0)
        assert statistics.quantiles(times, n=20)[-1] < 3, times
        errors = set()
        for serial in sent:
            try:
                alice.reply(serial)
            except BusError as error:
                errors.add(error.name.rsplit(".", 1)[1])
        # The bus has a limit, too.
        assert errors <= {"LimitsExceeded"}
    assert alice.manager("ListContainers") == ([],)


def test_DOS_01_calls_that_wait_are_bounded_per_user(world, bob):
    """Not per connection: with polkit hanging, alice's later calls are refused and bob's are not."""
    world.polkit.answers[polkit.INSPECT] = "hang"
    clients = [world.client(ALICE) for _ in range(10)]
    serials = [(client, client.send(ROOT, MANAGER, "ListContainers")) for client in clients for _ in range(30)]
    wait(lambda: sum(client.replied(serial, 0) for client, serial in serials) == 300 - 64)
    world.polkit.wait_held(16)
    bobs = bob.send(ROOT, MANAGER, "ListContainers")
    wait(lambda: [q for q in world.polkit.asked() if q.subject["name"] == bob.name])
    # What waits for its turn is no question yet.
    assert len([q for q in world.polkit.asked() if q.subject["name"] != bob.name]) == 16
    assert sum(client.replied(serial, 0) for client, serial in serials) == 300 - 64
    world.polkit.answers[polkit.INSPECT] = "no"
    world.polkit.release("no")
    assert bob.reply(bobs) == ([],)
    outcomes = []
    for client, serial in serials:
        try:
            client.reply(serial)
            outcomes.append("")
        except BusError as error:
            outcomes.append(error.short)
    assert set(outcomes) == {"", "LimitsExceeded"}
    assert clients[0].manager("ListContainers") == ([],)


def test_DOS_01_questions_are_bounded_for_all(fresh_world):
    """The bus allows a connection 128 calls without a reply, and bothyd is one: many users at once wait their turns."""
    world = fresh_world()
    users = range(2000, 2008)
    for uid in users:
        world.add_account(uid)
    clients = [world.client(uid) for uid in users]
    world.polkit.answers[polkit.INSPECT] = "hang"
    serials = [(client, client.send(ROOT, MANAGER, "ListContainers")) for client in clients for _ in range(20)]
    world.polkit.wait_held(96)
    # What does not wait for polkit is answered, after all that came before it.
    for client in clients:
        client.manager("ListRemotes")
    assert len(world.polkit.asked()) == 96
    released = 0
    while released < 160:
        held = world.polkit.wait_held()
        world.polkit.release("no")
        assert len(held) <= 96
        released += len(held)
    for client, serial in serials:
        assert client.reply(serial) == ([],)


def test_DOS_02_one_who_does_not_read(fresh_world):
    """The service's memory does not grow with what a caller leaves unread."""
    world = fresh_world()
    slow, bob = world.client(ALICE), world.client(BOB)
    slow.create("box")
    slow.socket.setblocking(False)
    before = world.rss()
    data = b""
    for serial in range(1000, 21000):
        message = Gio.DBusMessage.new_method_call("org.bothy.Bothy1", ROOT, "org.freedesktop.DBus.ObjectManager",
                                                  "GetManagedObjects")
        message.set_serial(serial)
        data += bytes(message.to_blob(Gio.DBusCapabilityFlags.NONE))
    sent, deadline = 0, time.monotonic() + 8
    while sent < len(data) and time.monotonic() < deadline:
        try:
            sent += slow.socket.send(data[sent:sent + 65536])
        except BlockingIOError:
            time.sleep(0.01)
        except OSError:
            break
    start = time.monotonic()
    bob.manager("ListContainers", timeout=30)
    assert time.monotonic() - start < 5
    assert world.rss() - before < 400 << 20


def test_DOS_03_large_messages_with_fds(world, alice, bob):
    fds = [os.open("/dev/null", os.O_RDONLY) for _ in range(16)]
    before = world.settled_fds()
    for _ in range(5):
        assert alice.error(ROOT, MANAGER, "GetImage", "(s)", "x" * (8 << 20), fds=fds) == "LimitsExceeded"
    assert bob.manager("ListContainers", timeout=5) == ([],)
    for fd in fds:
        os.close(fd)
    wait(lambda: world.settled_fds() <= before)


def test_DOS_04_many_connections(world, bob):
    before = world.rss(), world.settled_fds()
    for _ in range(300):
        with world.client(ALICE) as client:
            client.send(ROOT, MANAGER, "ListContainers")
    assert bob.manager("ListContainers", timeout=10) == ([],)
    assert world.rss() - before[0] < 100 << 20
    assert world.settled_fds() <= before[1] + 1


def test_DOS_05_a_thousand_containers_of_twenty_users(fresh_world):
    """All of it works, lists are quick, nothing grows faster than what there is, and it all goes again."""
    world = fresh_world(config=f"[Quota]\nContainers=50\n[Ranges]\nBase={0x50000000 + os.getpid() % 8 * 0x4000000}\n"
                               "Count=1024\n")
    for uid in range(2000, 2020):
        world.add_account(uid)
    users = [world.client(uid) for uid in range(2000, 2020)]
    times = []
    for i in range(50):
        begin = time.monotonic()
        serials = [(user, user.send(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", f"c{i}", "busybox",
                                    variants({"command": ["sleep", "1000"]}))) for user in users]
        for user, serial in serials:
            user.reply(serial, timeout=60)
        times.append(time.monotonic() - begin)
    assert statistics.median(times[-10:]) < 4 * statistics.median(times[:10]), times
    assert users[0].error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "more", "busybox", {}) == "QuotaExceeded"
    root, before = world.client(0), world.settled_fds()
    listed = []
    for _ in range(5):
        begin = time.monotonic()
        assert len(root.manager("ListContainers")[0]) == 1000
        listed.append(time.monotonic() - begin)
    assert min(listed) < 0.5  # with sanitizers; bench has the bar of the product
    found = [entry for user in users for entry in user.manager("ListRanges")[0]]
    assert len({entry[0] for entry in found}) == 1000 == len(found)
    assert world.rss() < 600 << 20
    running = [(user, container_path(user.uid, f"c{i}")) for user in users for i in range(2)]
    for user, path in running:
        user.start(path)
    for user, path in running:
        assert user.execute(path, "echo", "x")[0] == "x\n"
        user.stop(path)
    wait(lambda: world.settled_fds() <= before + 2)
    world.no_container_groups()
    world.restart(signal.SIGKILL)
    assert len(world.client(0).manager("ListContainers")[0]) == 1000
    for i in range(50):
        deleted = [(user, user.send(container_path(user.uid, f"c{i}"), CONTAINER, "Delete", "(a{sv})", {}))
                   for user in users]
        assert all(user.finish(user.reply(serial)[0])["Phase"] == "done" for user, serial in deleted)
    wait(lambda: not [path for top in ("containers", "trash") for path in (world.state / top).iterdir()], 60)


def test_DOS_08_what_a_user_says_does_not_fill_the_disk(fresh_world):
    """Names and options are in records, which are short and as many as containers; a console's log is kept short."""
    world = fresh_world(config="[Quota]\nContainers=3\n")
    alice = world.client(ALICE)
    long = ["A=" + "x" * 60000]
    results = []
    for i in range(30):
        results.append(alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", f"c{i}", "busybox",
                                   variants({"environment": long, "command": ["x" * 60000]})))
    assert results[:3] == [""] * 3 and set(results[3:]) == {"QuotaExceeded"}
    for i in range(40):
        alice.call(container_path(ALICE, "c0" if i % 2 == 0 else "d0"), CONTAINER, "Rename", "(s)",
                   "d0" if i % 2 == 0 else "c0")
    records = [path for path in world.state.rglob("*") if path.is_file() and "layers" not in path.parts]
    assert sum(path.stat().st_size for path in records) < 2 << 20
    alice.delete(container_path(ALICE, "c2"))
    loud = alice.create("loud", command=["sh", "-c", "yes 0123456789012345678901234567890 | head -c 8000000; sleep 1000"])
    alice.start(loud)
    (log,) = [world.state / "containers" / alice.get(loud, CONTAINER, "Id") / "console.log"]
    wait(lambda: len(world.processes()) > 0 and alice.execute(loud, "pidof", "yes")[1] != (0, 0), 60)
    assert 100_000 < log.stat().st_size < 1_200_000


@pytest.mark.parametrize("polkit_is_there", [True, False])
def test_DOS_10_refused_calls_do_not_fill_the_log(fresh_world, polkit_is_there):
    world = fresh_world()
    alice, bob = world.client(ALICE), world.client(BOB)
    path = alice.create("hers")
    if not polkit_is_there:
        world.polkit.vanish()
    before = len(world.log())
    for i in range(300):
        bob.error(path, CONTAINER, "Freeze")
        bob.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", f"-{i}", "busybox", {})
        if not polkit_is_there:
            assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "x1", "busybox", {}) == "NotAuthorized"
    for _ in range(50):
        with world.client(BOB) as gone:
            gone.send(path, CONTAINER, "Freeze")
    alice.state(path)
    assert world.log()[before:].count("\n") <= (0 if polkit_is_there else 1), world.log()[before:][:2000]
    if not polkit_is_there:
        assert "polkit did not answer" in world.log()[before:]
        world.polkit.appear()


def test_DOS_06_few_file_descriptors(fresh_world):
    """Calls fail while there are none, the service does not; and it recovers."""
    world = fresh_world()
    alice = world.client(ALICE)
    path = alice.create("box", command=["sleep", "1000"])
    alice.start(path)
    limits = resource.prlimit(world.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(world.pid, resource.RLIMIT_NOFILE, (world.settled_fds() + 2, limits[1]))
    results = set(create_many(alice, [f"c{i}" for i in range(20)]))
    for _ in range(10):
        results.add(alice.error(path, CONTAINER, "OpenLog"))
    assert results - {""}
    assert alice.state(path) == "running"
    resource.prlimit(world.pid, resource.RLIMIT_NOFILE, limits)
    used = cpu_ticks(world.pid)
    time.sleep(1)
    assert cpu_ticks(world.pid) - used < 50
    assert alice.get(ROOT, MANAGER, "Degraded") is False
    assert alice.execute(path, "echo", "x")[0] == "x\n"
    alice.create("later")


def cpu_ticks(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def test_DOS_07_many_lives_leave_nothing(world, alice):
    def live(i):
        path = alice.create(f"c{i % 3}", command=["sleep", "1000"])
        alice.start(path)
        alice.execute(path, "true")
        alice.delete(path)
    live(0)
    wait(lambda: not [name for name in world.records() if re.search(r"containers/.|trash/.", name)])
    before, ranges = world.settled_fds(), bases(alice)
    for i in range(25):
        live(i)
    wait(lambda: world.settled_fds() <= before)
    world.no_container_groups()
    assert bases(alice) == ranges


def test_DOS_09_polkit_hangs_and_others_go_on(world, alice, bob):
    path = alice.create("box", command=["sleep", "1000"])
    world.polkit.answers[polkit.CREATE] = "hang"
    waiting = bob.send(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "x1", "busybox", {})
    world.polkit.wait_held()
    start = time.monotonic()
    alice.start(path)
    alice.state(path)
    alice.get_all(path, CONTAINER)
    assert time.monotonic() - start < 5
    world.polkit.release("yes")
    bob.reply(waiting)


def test_MAP_ranges_are_what_the_kernel_has(world, alice):
    path = alice.create("box", command=["sleep", "1000"])
    alice.start(path)
    values = alice.get_all(path, CONTAINER)
    for kind in ("uid", "gid"):
        with open(f"/proc/{values['Leader']}/{kind}_map") as file:
            assert file.read().split() == ["0", str(values["RangeBase"]), str(values["RangeCount"])]

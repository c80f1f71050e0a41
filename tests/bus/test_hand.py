# SPDX-License-Identifier: LGPL-2.1-or-later
"""What containers that users build by hand get: ranges, maps, control groups (THREATS, RANGE, MAP, CG)."""

import contextlib
import os
import pathlib
import subprocess
import sys
import time

import pytest
from gi.repository import GLib

import polkit
from conftest import ALICE, BOB, CAROL
from wire import MANAGER, ROOT, BusError, variants, wait

SIZE = 65536

# Makes as many user namespaces, one in the other, as it is told; with an argument it writes its own map at once.
INSIDE = """
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
assert libc.unshare(0x10000000) == 0
if len(sys.argv) > 1:
    open("/proc/self/uid_map", "w").write(sys.argv[1])
print("ready", flush=True)
for line in sys.stdin:
    exec(line)
    print("done", flush=True)
"""
PLAIN = "import sys\nprint('ready', flush=True)\nsys.stdin.read()\n"


class Process:
    """Somebody's process, and fds that stand for it."""

    def __init__(self, code, uid, *arguments, gid=None, groups=(), command=lambda *words: list(words)):
        self.process = subprocess.Popen(
            command(sys.executable, "-c", "import os\n" + f"os.setgroups({list(groups)}); os.setresgid(*[{gid or uid}]*3); "
                    f"os.setresuid(*[{uid}]*3)\nimport ctypes; ctypes.CDLL(None).prctl(4, 1)\n" + code, *arguments),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"
        self.pid = self.process.pid
        self.pidfd = os.pidfd_open(self.pid)
        self.namespace = os.open(f"/proc/{self.pid}/ns/user", os.O_RDONLY)

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def read(self, name):
        return pathlib.Path(f"/proc/{self.pid}/{name}").read_text()

    def map(self, kind="uid"):
        return [tuple(map(int, line.split())) for line in self.read(kind + "_map").splitlines()]

    def end(self):
        self.process.communicate()


@pytest.fixture
def processes():
    with contextlib.ExitStack() as stack:
        def make(*arguments, **options):
            process = Process(*arguments, **options)
            stack.callback(os.close, process.namespace)
            stack.callback(os.close, process.pidfd)
            stack.callback(process.end)
            return process
        yield make


@pytest.fixture
def ranges(world):
    """Ranges are given back at the end of a test."""
    yield
    for uid in (ALICE, BOB, 0, 100):
        client = world.client(uid)
        for base, _, owner, name in client.manager("ListRanges")[0]:
            if owner == uid and name == "by hand":
                client.manager("ReleaseRange", "(u)", base)


def allocate(client, count=SIZE):
    return client.manager("AllocateRange", "(ua{sv})", count, {})[0]


def held(client):
    return [base for base, _, owner, name in client.manager("ListRanges")[0] if name == "by hand" and owner == client.uid]


def outcome(client, fd, extents):
    """The error of MapUserNamespace, "" for none."""
    return client.error(ROOT, MANAGER, "MapUserNamespace", "(ha(suuu))", 0, extents, fds=[fd])


def test_RANGE_07_range_is_his_and_stays_his(world, alice, bob, ranges):
    uid, gid = alice.manager("AllocateRange", "(ua{sv})", 1, {})
    assert uid == gid and uid % SIZE == 0
    assert (uid, SIZE, ALICE, "by hand") in alice.manager("ListRanges")[0]
    assert held(bob) == [] and uid not in [r[0] for r in bob.manager("ListRanges")[0]]
    assert bob.error(ROOT, MANAGER, "ReleaseRange", "(u)", uid) == "NotYours"
    assert alice.error(ROOT, MANAGER, "ReleaseRange", "(u)", uid + 1) == "NotYours"
    # A process of an earlier test's, which is just ending, may still have ids of it.
    wait(lambda: alice.error(ROOT, MANAGER, "ReleaseRange", "(u)", uid) == "")
    assert held(alice) == []
    assert alice.error(ROOT, MANAGER, "ReleaseRange", "(u)", uid) == "NotYours"
    assert allocate(bob) != uid
    assert allocate(alice) == uid


def setuid_file(world, uid):
    """A file of that id's, which makes everybody who runs it that id."""
    path = world.directory / f"left-{uid}"
    path.write_bytes(b"")
    os.chown(path, uid, uid)
    path.chmod(0o4755)
    return path


def boot(world, number):
    """The machine is booted anew, as far as the service sees."""
    world.stop()
    (world.directory / "boot").write_text(f"{number:08}-0000-4000-8000-000000000000\n")
    world.inside("mount", "--bind", world.directory / "boot", "/proc/sys/kernel/random/boot_id")
    world.start()


def all_he_can_get(client):
    got = set()
    while not client.error(ROOT, MANAGER, "AllocateRange", "(ua{sv})", 1, {}):
        got = set(held(client))
    return got


def test_RANGE_07_reclaimed_by_an_administrator(fresh_world):
    """alice gives her range back, and has left a setuid file: nothing that she does gets it to bob, nor does a boot. What an
    administrator answers for gets it to him: twice, for he looks when nothing in the kernel can have its ids any more."""
    pool = 0x60000000 + os.getpid() % 4000 * 65536
    world = fresh_world(config=f"[Ranges]\nBase={pool}\nCount=3\n[Quota]\nRanges=10\n")
    boot(world, 1)
    alice, bob = world.client(ALICE), world.client(BOB)
    base = allocate(alice)
    path = setuid_file(world, base + 5)
    assert alice.error(ROOT, MANAGER, "ReclaimRange", "(u)", base) == "NotAuthorized"
    assert world.polkit.asked(polkit.RECLAIM)[0].details == {"range": str(base)}
    alice.manager("ReleaseRange", "(u)", base)
    assert alice.error(ROOT, MANAGER, "ReclaimRange", "(u)", base) == "NotAuthorized"
    boot(world, 2)
    alice, bob = world.client(ALICE), world.client(BOB)
    assert all_he_can_get(bob) == {pool + SIZE, pool + 2 * SIZE} and path.stat().st_uid == base + 5

    world.polkit.answers[polkit.RECLAIM] = "yes"
    carol = world.client(CAROL)
    assert carol.error(ROOT, MANAGER, "ReclaimRange", "(u)", base + 1) == "InvalidArgs"
    assert carol.error(ROOT, MANAGER, "ReclaimRange", "(u)", pool + SIZE) == "Busy" and "1001" in carol.text
    assert carol.manager("ReclaimRange", "(u)", base) == (False,)
    # In this boot she can still make files, by what she has kept open.
    path = setuid_file(world, base + 6)
    for again in False, True:
        if again:
            world.restart()
            alice, bob, carol = world.client(ALICE), world.client(BOB), world.client(CAROL)
        assert carol.error(ROOT, MANAGER, "ReclaimRange", "(u)", base) == "Busy" and "boot" in carol.text
        assert (base, SIZE, ALICE, "shut until boot") in alice.manager("ListRanges")[0]
        for client in alice, bob:
            assert client.error(ROOT, MANAGER, "AllocateRange", "(ua{sv})", 1, {}) == "NoFreeRange"
    # A boot gives it to nobody; whoever looks then finds all that there is.
    for number in 3, 4:
        boot(world, number)
        alice, bob, carol = world.client(ALICE), world.client(BOB), world.client(CAROL)
        assert (base, SIZE, ALICE, "shut before boot") in alice.manager("ListRanges")[0]
        for client in alice, bob:
            assert client.error(ROOT, MANAGER, "AllocateRange", "(ua{sv})", 1, {}) == "NoFreeRange"
    assert path.stat().st_uid == base + 6
    path.unlink()
    assert carol.manager("ReclaimRange", "(u)", base) == (True,)
    assert alice.manager("ListRanges")[0] == []
    assert carol.error(ROOT, MANAGER, "ReclaimRange", "(u)", base) == "InvalidArgs"
    assert allocate(bob) == base


def test_RANGE_07_not_reclaimed_while_it_is_used(world, alice, root, ranges, processes):
    world.polkit.answers[polkit.RECLAIM] = "yes"
    path = alice.create("uses")
    base = alice.get(path, "org.bothy.Bothy1.Container", "RangeBase")
    assert root.error(ROOT, MANAGER, "ReclaimRange", "(u)", base) == "Busy"
    alice.delete(path)
    # Somebody else's process has it, who is root.
    process = processes(INSIDE, 0)
    pathlib.Path(f"/proc/{process.pid}/uid_map").write_text(f"0 {base} {SIZE}")
    assert root.error(ROOT, MANAGER, "ReclaimRange", "(u)", base) == "Busy"
    process.end()
    assert alice.get(alice.create("again"), "org.bothy.Bothy1.Container", "RangeBase") == base


@pytest.mark.parametrize("count", [0, SIZE + 1, 2**32 - 1])
def test_RANGE_11_counts_that_no_range_has(world, alice, count):
    assert alice.error(ROOT, MANAGER, "AllocateRange", "(ua{sv})", count, {}) == "InvalidArgs"
    assert not world.polkit.asked() and held(alice) == []


def test_AUTH_02_creation_by_hand_is_asked_for(world, alice, ranges):
    world.polkit.answers[polkit.CREATE] = "no"
    assert alice.error(ROOT, MANAGER, "AllocateRange", "(ua{sv})", 7, {}) == "NotAuthorized"
    (question,) = world.polkit.asked()
    assert question.action == polkit.CREATE and question.details == {"count": "7"}
    assert held(alice) == []


def test_RANGE_06_quota_and_restart(fresh_world):
    world = fresh_world(config="[Quota]\nRanges=2\n")
    alice, bob = world.client(ALICE), world.client(BOB)
    first = [allocate(alice), allocate(alice)]
    assert alice.error(ROOT, MANAGER, "AllocateRange", "(ua{sv})", 1, {}) == "QuotaExceeded"
    others = allocate(bob)
    world.stop()
    world.start()
    alice, bob = world.client(ALICE), world.client(BOB)
    assert (held(alice), held(bob)) == (sorted(first), [others])
    path = alice.create("one", command=["true"])
    assert alice.get(path, "org.bothy.Bothy1.Container", "RangeBase") not in first
    assert alice.error(ROOT, MANAGER, "AllocateRange", "(ua{sv})", 1, {}) == "QuotaExceeded"
    alice.delete(path)


def test_RANGE_06_bound_on_all_ranges(fresh_world):
    """Containers and what is held by hand count together, and what is left of either is had again."""
    world = fresh_world(config="[Quota]\nAllRanges=3\n")
    alice, bob = world.client(ALICE), world.client(BOB)
    assert alice.get(ROOT, MANAGER, "MaxAllRanges") == 3
    path = alice.create("one")
    held_by_hand = [allocate(alice), allocate(alice)]
    world.polkit.questions.clear()
    before = world.snapshot()
    assert alice.error(ROOT, MANAGER, "AllocateRange", "(ua{sv})", 1, {}) == "QuotaExceeded"
    assert "3 id ranges" in alice.text and "bothy range list" in alice.text
    assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "two", "busybox", {}) == "QuotaExceeded"
    assert "3 id ranges" in alice.text
    assert world.snapshot() == before
    bound = {"owner": str(ALICE), "limits": "ranges=4", "ceilings": "ranges=3"}
    assert [q.details for q in world.polkit.asked(polkit.EXCEED)] == [
        {"count": "1", "container": "(built by hand)", **bound}, {"container": "two", "image": "busybox", **bound}]
    bob.create("one")

    alice.delete(path)
    assert alice.create("two")
    alice.manager("ReleaseRange", "(u)", held_by_hand[0])
    assert allocate(alice) == held_by_hand[0]
    assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "three", "busybox", {}) == "QuotaExceeded"

    world.polkit.answers[polkit.EXCEED] = "yes"
    assert alice.create("three")
    assert allocate(alice)
    world.restart()
    world.polkit.answers[polkit.EXCEED] = "no"
    alice = world.client(ALICE)
    assert len(alice.manager("ListRanges")[0]) == 5
    assert alice.error(ROOT, MANAGER, "AllocateRange", "(ua{sv})", 1, {}) == "QuotaExceeded"


def outcome_of(client, serial):
    """The error of a call, "" for none."""
    try:
        client.reply(serial)
    except BusError as error:
        return error.short
    return ""


def test_RANGE_06_nobody_is_asked_in_vain(fresh_world):
    """No answer of an administrator's lets him hold more by hand than he may."""
    world = fresh_world(config="[Quota]\nRanges=1\nAllRanges=1\n")
    alice = world.client(ALICE)
    allocate(alice)
    world.polkit.questions.clear()
    world.polkit.answers[polkit.EXCEED] = "yes"
    assert alice.error(ROOT, MANAGER, "AllocateRange", "(ua{sv})", 1, {}) == "QuotaExceeded"
    assert world.polkit.asked(polkit.EXCEED) == []


def test_RANGE_06_one_yes_is_for_one_range(fresh_world):
    """An administrator who says yes to three ranges has not said yes to four, however many calls ask at once."""
    world = fresh_world(config="[Quota]\nAllRanges=2\n")
    alice = world.client(ALICE)
    for name in "one", "two":
        alice.create(name)
    world.polkit.answers[polkit.EXCEED] = "hang"
    serials = [alice.send(ROOT, MANAGER, "AllocateRange", "(ua{sv})", 1, {}) for _ in range(2)]
    held_back = list(world.polkit.wait_held(2))
    assert [question.details["limits"] for question in held_back] == ["ranges=3"] * 2
    world.polkit.release("yes")
    assert sorted(outcome_of(alice, serial) for serial in serials) == ["", "QuotaExceeded"]
    assert len(alice.manager("ListRanges")[0]) == 3


def test_RANGE_06_all_that_exceeds_is_said(fresh_world):
    """An administrator who answers for memory answers for the range as well, and is told of both."""
    world = fresh_world(config="[Quota]\nAllRanges=1\n[Limits]\nContainerMemory=134217728\n")
    alice = world.client(ALICE)
    alice.create("one")
    options = {"limits": GLib.Variant("a{sv}", {"memory": GLib.Variant("t", 512 << 20)})}
    assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "two", "busybox", options) == "QuotaExceeded"
    assert "memory=512M" in alice.text and "memory=128M" in alice.text and "1 id ranges" in alice.text
    (question,) = world.polkit.asked(polkit.EXCEED)
    assert question.details["limits"] == "memory=512M ranges=2"
    assert question.details["ceilings"] == "memory=128M ranges=1"
    world.polkit.answers[polkit.EXCEED] = "yes"
    assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "two", "busybox", options) == ""


@pytest.mark.parametrize("kind", ["namespace", "pidfd"])
def test_MAP_his_own_namespace(world, alice, ranges, processes, kind):
    base, process = allocate(alice), processes(INSIDE, ALICE)
    assert outcome(alice, getattr(process, kind), [("b", 0, base, SIZE)]) == ""
    assert process.map("uid") == process.map("gid") == [(0, base, SIZE)]
    assert process.read("setgroups") == "allow\n"
    process.say("assert libc.setresuid(0, 0, 0) == 0")
    assert process.read("status").split("Uid:\t")[1].split()[0] == str(base)
    assert outcome(alice, process.namespace, [("b", 0, base, SIZE)]) == "AlreadyMapped"  # MAP-02
    assert alice.error(ROOT, MANAGER, "ReleaseRange", "(u)", base) == "Busy"
    process.end()


def test_MAP_01_namespaces_that_are_not_his(world, alice, bob, ranges, processes):
    base = allocate(alice)
    bobs, roots, plain, own = processes(INSIDE, BOB), processes(INSIDE, 0), processes(PLAIN, ALICE), processes(INSIDE, ALICE)
    whole = [("b", 0, base, SIZE)]
    null = os.open("/dev/null", os.O_RDONLY)
    initial = os.open("/proc/self/ns/user", os.O_RDONLY)
    daemons, daemon = os.open(f"/proc/{world.pid}/ns/user", os.O_RDONLY), os.pidfd_open(world.pid)
    network = os.open(f"/proc/{own.pid}/ns/net", os.O_RDONLY)
    for fd in (bobs.namespace, bobs.pidfd, roots.namespace, roots.pidfd, plain.namespace, plain.pidfd, initial, network, null, daemons, daemon):
        assert outcome(alice, fd, whole) == "NotYours"
    assert bobs.map() == roots.map() == own.map() == []
    for fd in (null, initial, network, daemons, daemon):
        os.close(fd)


def test_MAP_01_grandchild(world, alice, ranges, processes):
    base, process = allocate(alice), processes(INSIDE, ALICE)
    assert outcome(alice, process.pidfd, [("b", 0, base, SIZE)]) == ""
    process.say("assert libc.setresgid(0, 0, 0) == libc.setresuid(0, 0, 0) == 0 and libc.unshare(0x10000000) == 0 and libc.prctl(4, 1) == 0")
    inner = os.open(f"/proc/{process.pid}/ns/user", os.O_RDONLY)
    assert outcome(alice, inner, [("b", 0, base, SIZE)]) == "NotYours"
    assert outcome(alice, process.pidfd, [("b", 0, base, SIZE)]) == "NotYours"
    assert process.map() == []
    os.close(inner)


def test_MAP_02_mapped_by_himself(world, alice, ranges, processes):
    base, process = allocate(alice), processes(INSIDE, ALICE, f"0 {ALICE} 1")
    assert outcome(alice, process.namespace, [("b", 0, base, SIZE)]) == "PartialMap"
    assert process.map("gid") == []


def test_MAP_04_ids_that_are_not_his(world, alice, bob, ranges, processes):
    mine, theirs = allocate(alice), allocate(bob)
    path = alice.create("hers", command=["true"])
    containers = alice.get(path, "org.bothy.Bothy1.Container", "RangeBase")
    process = processes(INSIDE, ALICE)
    for extents in (
        [("b", 0, theirs, 1)], [("b", 0, containers, 1)], [("b", 0, mine, SIZE + 1)], [("b", 0, mine - 1, 1)],
        [("b", 0, mine - 1, 2)], [("b", 0, mine + SIZE - 1, 2)], [("b", 0, 0, 1)], [("b", 0, BOB, 1)],
        [("b", 0, ALICE, 2)], [("u", 0, mine, 1), ("g", 0, theirs, 1)], [("b", 0, 2**31, 1)], [("b", 0, 0, 2**32 - 1)],
        [("b", 0, mine, 1), ("b", 1, 27, 1)],
    ):
        assert outcome(alice, process.namespace, extents) == "NotYours", extents
    for extents in (
        [], [("b", 0, mine, 0)], [("u", 0, mine, 1)], [("g", 0, mine, 1)], [("x", 0, mine, 1)], [("", 0, mine, 1)],
        [("b", 2**32 - 1, mine, 1)], [("b", 2, mine, 2**32 - 1)], [("b", 0, mine, 9), ("u", 8, mine + 9, 1)],
        [("b", 0, mine, 9), ("g", 9, mine + 8, 1)], [("b", i, mine + i, 1) for i in range(6)],
    ):
        assert outcome(alice, process.namespace, extents) == "InvalidArgs", extents
    assert process.map("uid") == process.map("gid") == []
    assert outcome(alice, process.namespace, [("b", i, mine + i, 1) for i in range(4)] + [("b", 4, mine + SIZE - 1, 1)]) == ""
    assert len(process.map("uid")) == len(process.map("gid")) == 5
    alice.delete(path)


def test_MAP_05_process_that_is_gone(world, alice, ranges, processes):
    base, process = allocate(alice), processes(INSIDE, ALICE)
    process.end()
    assert outcome(alice, process.pidfd, [("b", 0, base, SIZE)]) == "NotYours"


def test_MAP_07_keep_id_keeps_what_his_groups_deny(world, alice, ranges, processes, tmp_path):
    """A file that the members of a group may not read stays closed to one of them who keeps his id."""
    closed = tmp_path / "closed"
    closed.write_text("secret")
    os.chown(closed, 0, 4444)
    closed.chmod(0o604)
    tmp_path.chmod(0o755)
    base, process = allocate(alice), processes(INSIDE, ALICE, groups=[4444])
    assert outcome(alice, process.namespace, [("b", 0, base, 1000), ("b", 1000, ALICE, 1)]) == ""
    assert process.map("uid") == process.map("gid") == [(0, base, 1000), (1000, ALICE, 1)]
    assert process.read("setgroups") == "deny\n"
    process.say("assert libc.setgroups(0, None) == -1 and libc.setresgid(0, 0, 0) == 0")
    assert process.read("status").split("Groups:\t")[1].split("\n")[0].split() == ["4444"]
    process.say(f"import os; assert not os.access({str(closed)!r}, os.R_OK)")


def test_MAP_07_his_group_is_that_of_his_account(world, ranges, processes):
    """Where the numbers differ: an account has gid 100, and no right to a group 4321 of that number."""
    with open(world.root / "etc/passwd", "a") as file:
        file.write("frank:x:4321:100::/:/bin/sh\n")
    frank = world.client(4321)
    process = processes(INSIDE, 4321, gid=100)
    assert outcome(frank, process.namespace, [("b", 0, 4321, 1)]) == "NotYours"
    assert outcome(frank, process.namespace, [("u", 0, 4321, 1), ("g", 0, 100, 1)]) == ""
    assert (process.map("uid"), process.map("gid")) == ([(0, 4321, 1)], [(0, 100, 1)])
    frank.close()


def delegate(client, fd, **options):
    return client.manager("DelegateCgroup", "(ha{sv})", 0, variants(options), fds=[fd])[0]


def test_CG_02_process_of_his(world, alice, ranges, processes):
    base, process = allocate(alice), processes(PLAIN, ALICE, command=world.command)
    group = delegate(alice, process.pidfd)
    assert group.startswith(f"/bothy/u{ALICE}/bothy-hand-")
    where = world.group / group[1:]
    assert (where / "cgroup.procs").read_text().split() == [str(process.pid)]
    assert {os.stat(where / name).st_uid for name in ("", "cgroup.procs", "cgroup.subtree_control")} == {ALICE}
    assert os.stat(where / "cgroup.max.depth").st_uid == 0
    second = world.group / delegate(alice, process.pidfd, uid=base + 5)[1:]
    assert os.stat(second).st_uid == base + 5 and second != where
    process.end()
    third = processes(PLAIN, ALICE, command=world.command)
    last = delegate(alice, third.pidfd)
    assert [group for group in world.cgroups() if "hand" in group] == [last[1:]]  # what was empty is gone


def test_CG_02_process_in_a_group_of_the_machine(world, alice, bob, ranges, processes):
    """What bounds a service there is not its own to leave."""
    base, process = allocate(alice), processes(PLAIN, ALICE)  # not in the world's own group
    before, asked = process.read("cgroup"), lambda: world.polkit.asked("org.bothy.Bothy1.move-service")
    assert alice.error(ROOT, MANAGER, "DelegateCgroup", "(ha{sv})", 0, {}, fds=[process.pidfd]) == "NotAuthorized"
    (question,) = asked()
    assert question.subject == {"name": alice.name} and question.details["uid"] == str(ALICE)
    assert question.details["group"].startswith("/..")
    # Nobody is asked about what is refused anyway.
    assert bob.error(ROOT, MANAGER, "DelegateCgroup", "(ha{sv})", 0, {}, fds=[process.pidfd]) == "NotYours"
    assert alice.error(ROOT, MANAGER, "DelegateCgroup", "(ha{sv})", 0, variants({"uid": base - 1}),
                       fds=[process.pidfd]) == "NotYours"
    assert len(asked()) == 1 and process.read("cgroup") == before
    world.polkit.answers["org.bothy.Bothy1.move-service"] = "yes"
    group = delegate(alice, process.pidfd)
    assert (world.group / group[1:] / "cgroup.procs").read_text().split() == [str(process.pid)]
    # From there on it is in one of her own.
    delegate(alice, process.pidfd, uid=base)
    assert len(asked()) == 2


def test_CG_02_processes_of_others(world, alice, bob, ranges, processes):
    base, theirs = allocate(alice), allocate(bob)
    bobs, roots, own = processes(PLAIN, BOB), processes(PLAIN, 0), processes(PLAIN, ALICE)
    half = processes(f"os.setresuid({ALICE}, 0, {ALICE})\n" + PLAIN, 0)  # as a set-user-ID program of root's
    gone = processes(PLAIN, ALICE)
    gone.end()
    null = os.open("/dev/null", os.O_RDONLY)
    daemon = os.pidfd_open(world.pid)
    before = [process.read("cgroup") for process in (bobs, roots, half, own)]
    groups = [group for group in world.cgroups() if "hand" in group]  # an earlier test's, until somebody sweeps them
    for fd in (bobs.pidfd, roots.pidfd, half.pidfd, gone.pidfd, daemon, null, own.namespace):
        assert alice.error(ROOT, MANAGER, "DelegateCgroup", "(ha{sv})", 0, {}, fds=[fd]) == "NotYours"
    for uid in (0, BOB, theirs, base - 1, base + SIZE):
        assert alice.error(ROOT, MANAGER, "DelegateCgroup", "(ha{sv})", 0, variants({"uid": uid}), fds=[own.pidfd]) == "NotYours"
    assert [process.read("cgroup") for process in (bobs, roots, half, own)] == before
    assert [group for group in world.cgroups() if "hand" in group] == groups
    os.close(null)
    os.close(daemon)


@contextlib.contextmanager
def slow_to_join(world):
    """Who is to join a user namespace takes a second for it, in bothy-helper."""
    helper = [line.split()[0] for line in world.inside("ps", "-A", "-o", "pid=,args=").splitlines() if "bothy-helper --conn" in line]
    mine = [pid for pid in helper if int(pid) in world.processes()]
    assert len(mine) == 1
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-p", mine[0], "-o", "/dev/null", "-e", "trace=setns",
                               "-e", "inject=setns:delay_enter=1500000"])
    wait(lambda: "TracerPid:\t0" not in pathlib.Path(f"/proc/{mine[0]}/status").read_text())
    yield
    tracer.terminate()
    tracer.wait()


def test_RANGE_10_range_is_not_given_back_while_it_is_mapped(world, alice, ranges, processes):
    """Nobody has its ids yet when processes are looked at; a moment later somebody has."""
    base, process = allocate(alice), processes(INSIDE, ALICE)
    whole = [("b", 0, base, SIZE)]
    with slow_to_join(world):
        pending = alice.send(ROOT, MANAGER, "MapUserNamespace", "(ha(suuu))", 0, whole, fds=[process.pidfd])
        time.sleep(0.5)
        assert process.map() == []
        assert alice.error(ROOT, MANAGER, "ReleaseRange", "(u)", base) == "Busy"
        alice.reply(pending)
    assert process.map("uid") == process.map("gid") == [(0, base, SIZE)]
    assert alice.error(ROOT, MANAGER, "ReleaseRange", "(u)", base) == "Busy" and held(alice) == [base]
    process.end()
    alice.manager("ReleaseRange", "(u)", base)


def test_RANGE_10_somebody_wrote_a_line_over_it(world, alice, ranges, processes):
    """What has been given out by then is mapped no more, and not given out again, until the line is gone."""
    base, process = allocate(alice), processes(INSIDE, ALICE)
    path = alice.create("hers", command=["sleep", "60"])
    container = alice.get(path, "org.bothy.Bothy1.Container", "RangeBase")
    for name in "subuid", "subgid":
        listing = world.root / "etc" / name
        listing.write_text(f"bob:{base + SIZE - 1}:1\nbob:{container + 7}:1\n")
        assert outcome(alice, process.namespace, [("b", 0, base, SIZE)]) == "NotYours"
        assert process.map() == []
        with pytest.raises(BusError, match="/etc/subuid"):
            alice.start(path)
        assert alice.get(path, "org.bothy.Bothy1.Container", "State") == "failed"
        alice.manager("ReleaseRange", "(u)", base)
        other = allocate(alice)
        assert other != base
        listing.write_text("bob:this:9\n")
        assert outcome(alice, process.namespace, [("b", 0, other, SIZE)]) == "Degraded"
        listing.unlink()
        alice.manager("ReleaseRange", "(u)", other)
        assert allocate(alice) == base
    alice.start(path)
    assert outcome(alice, process.namespace, [("b", 0, base, SIZE)]) == ""

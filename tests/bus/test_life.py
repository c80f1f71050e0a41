# SPDX-License-Identifier: LGPL-2.1-or-later
"""Containers' lives through the bus, as an ordinary user and with control groups of our own making (THREATS, LIFE)."""

import pathlib
import random
import re
import signal
import time

import pytest

from conftest import ALICE, TRAP
from wire import CONTAINER, MANAGER, ROOT, BusError, container_path, variants, wait


def test_LIFE_one_container_from_create_to_delete(world, alice):
    path = alice.create("one", command=["sleep", "1000"])
    assert path == container_path(ALICE, "one")
    assert alice.state(path) == "stopped"
    assert alice.get(path, CONTAINER, "LastExit") == (-1, 0)
    alice.start(path)
    values = alice.get_all(path, CONTAINER)
    assert values["State"] == "running" and values["Owner"] == ALICE and values["Name"] == "one"
    # Root inside is an id of the container's range outside.
    status = pathlib.Path(f"/proc/{values['Leader']}/status").read_text()
    assert f"Uid:\t{values['RangeBase']}\t" in status
    assert (world.group / values["ControlGroup"].lstrip("/")).is_dir()
    assert alice.execute(path, "id", "-u") == ("0\n", (0, 0))
    assert alice.execute(path, "hostname") == ("one\n", (0, 0))
    alice.stop(path)
    assert alice.state(path) == "stopped"
    assert alice.get(path, CONTAINER, "Leader") == 0 and alice.get(path, CONTAINER, "ControlGroup") == ""
    world.no_container_groups()
    alice.delete(path)
    assert path not in alice.managed()
    assert alice.manager("ListContainers") == ([],)


def test_LIFE_groups_of_an_earlier_bothyd_go(world, alice):
    """It was killed before the last process of a container had left its control group. Those that run keep theirs."""
    path = alice.create("stays", command=["sleep", "1000"])
    alice.start(path)
    group = world.group / alice.get(path, CONTAINER, "ControlGroup").lstrip("/")
    left = group.parent / "bothy-01234567-89ab-cdef-0123-456789abcdef-00000001"
    (left / "supervisor").mkdir(parents=True, exist_ok=True)
    world.restart(signal.SIGKILL)
    wait(lambda: not left.exists())
    assert alice.execute(path, "echo", "still") == ("still\n", (0, 0)) and (group / "supervisor").is_dir()
    alice.stop(path)
    world.no_container_groups()


def test_LIFE_second_create_of_a_name(world, alice):
    alice.create("one")
    before = world.snapshot()
    assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "one", "busybox", {}) == "ContainerExists"
    assert world.snapshot() == before


def test_LIFE_no_such_image(world, alice):
    before = world.snapshot()
    for image in ("nothing", "0" * 64, "0" * 12):
        assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "one", image, {}) == "NoSuchImage"
    assert world.snapshot() == before


def test_LIFE_what_is_written_stays(world, alice):
    path = alice.create("keep", command=["sleep", "1000"])
    for content in ("first", "second"):
        alice.start(path)
        alice.execute(path, "sh", "-c", f"echo {content} >>/root/file")
        alice.stop(path)
    alice.start(path)
    assert alice.execute(path, "cat", "/root/file")[0] == "first\nsecond\n"


def test_LIFE_freeze_and_thaw(world, alice, box):
    alice.call(box, CONTAINER, "Freeze")
    assert alice.state(box) == "frozen"
    assert alice.error(box, CONTAINER, "Freeze") == "WrongState"
    assert alice.error(box, CONTAINER, "Exec", "(asaha{sv})", ["true"], [], {}) == "WrongState"
    alice.call(box, CONTAINER, "Thaw")
    assert alice.state(box) == "running"
    assert alice.error(box, CONTAINER, "Thaw") == "WrongState"
    assert alice.execute(box, "echo", "x")[0] == "x\n"


@pytest.mark.parametrize("how", ["kill", "stop", "delete"])
def test_LIFE_a_frozen_one_can_be_ended(world, alice, box, how):
    alice.call(box, CONTAINER, "Freeze")
    if how == "kill":
        alice.call(box, CONTAINER, "Kill", "(si)", "all", 9)
        wait(lambda: alice.state(box) in ("failed", "stopped"))
    elif how == "stop":
        alice.stop(box)
        assert alice.state(box) == "stopped"
    else:
        alice.delete(box, force=True)
        assert box not in alice.managed()


def test_LIFE_kill_and_exit_status(world, alice, box):
    alice.call(box, CONTAINER, "Kill", "(si)", "leader", 9)
    wait(lambda: alice.state(box) == "failed")
    assert alice.get(box, CONTAINER, "LastExit") == (0, 9)
    assert alice.error(box, CONTAINER, "Kill", "(si)", "leader", 9) == "WrongState"
    assert "Kill signal=9" in [deed for _, _, deed, _ in alice.call(box, CONTAINER, "GetHistory")[0]]
    alice.start(box)
    assert alice.state(box) == "running" and alice.get(box, CONTAINER, "LastError") == ""


def test_LIFE_stop_asks_first(world, alice):
    path = alice.create("trap", command=TRAP)
    alice.start(path)
    wait(lambda: alice.execute(path, "test", "-e", "/tmp/ready")[1] == (0, 0))
    start = time.monotonic()
    alice.stop(path, timeout=20)
    assert time.monotonic() - start < 15
    assert alice.get(path, CONTAINER, "LastExit") == (3, 0)


@pytest.fixture
def stubborn(world, alice):
    """A container that does not end when it is asked to, and a stop of it, or a restart, that is under way."""
    path = alice.create("stubborn", command=["sh", "-c", "trap '' TERM HUP INT QUIT USR1 USR2 PWR; touch /tmp/ready; "
                                             "while :; do sleep 1000; done"])
    alice.start(path)
    wait(lambda: alice.execute(path, "test", "-e", "/tmp/ready")[1] == (0, 0))

    def begin(member="Stop", timeout=100):
        client = world.client(ALICE)
        serial = client.send(path, CONTAINER, member, "(a{sv})", variants({"timeout": timeout}))
        wait(lambda: alice.state(path) == "stopping")
        return client, serial

    return path, begin


@pytest.mark.parametrize("how", ["stop", "stop with less time", "kill the leader", "kill all", "delete"])
def test_LIFE_a_slow_stop_can_be_cut_short(world, alice, stubborn, how):
    """Whoever began it is told that it ended; and who only waits with him waits for the same end."""
    path, begin = stubborn
    first, serial = begin()
    second = world.client(ALICE)
    waiting = second.send(path, CONTAINER, "Stop", "(a{sv})", variants({"timeout": 100}))
    assert second.state(path) == "stopping"
    start = time.monotonic()
    if how == "stop":
        alice.call(path, CONTAINER, "Stop", "(a{sv})", variants({"force": True}))
    elif how == "stop with less time":
        alice.call(path, CONTAINER, "Stop", "(a{sv})", variants({"timeout": 1}))
    elif how == "delete":
        alice.delete(path)
    else:
        alice.call(path, CONTAINER, "Kill", "(si)", "leader" if how == "kill the leader" else "all", 9)
    first.reply(serial, timeout=20)
    second.reply(waiting, timeout=20)
    assert time.monotonic() - start < 20
    if how == "delete":
        assert path not in alice.managed()
    else:
        assert alice.state(path) == "stopped"
        alice.start(path)
        assert alice.state(path) == "running"


def test_LIFE_who_stops_one_that_restarts_has_it_stopped(world, alice, stubborn):
    path, begin = stubborn
    first, serial = begin("Restart")
    alice.call(path, CONTAINER, "Stop", "(a{sv})", variants({"force": True}))
    with pytest.raises(BusError) as error:
        first.reply(serial, timeout=20)
    assert error.value.short == "WrongState" and "stopped while it restarted" in error.value.text
    assert alice.state(path) == "stopped"
    # It has no consequences for the next one.
    alice.call(path, CONTAINER, "Restart", "(a{sv})", {})
    alice.call(path, CONTAINER, "Restart", "(a{sv})", variants({"force": True}))
    assert alice.state(path) == "running"


def test_LIFE_ephemeral_that_stops_is_deleted_once(world, alice, stubborn):
    alice.delete(stubborn[0])
    path = alice.create("stubborn", command=["sh", "-c", "trap '' TERM; touch /tmp/ready; while :; do sleep 1000; done"],
                        ephemeral=True)
    alice.start(path)
    wait(lambda: alice.execute(path, "test", "-e", "/tmp/ready")[1] == (0, 0))
    first, serial = stubborn[1]()
    assert alice.error(path, CONTAINER, "Delete", "(a{sv})", variants({"force": True})) == "UnknownObject"
    first.reply(serial, timeout=20)
    assert path not in alice.managed()


def test_LIFE_restart(world, alice, box):
    before = alice.get(box, CONTAINER, "Leader")
    alice.call(box, CONTAINER, "Restart", "(a{sv})", variants({"force": True}))
    assert alice.state(box) == "running" and alice.get(box, CONTAINER, "Leader") != before
    alice.stop(box)
    alice.call(box, CONTAINER, "Restart", "(a{sv})", {})
    assert alice.state(box) == "running"


def test_LIFE_wrong_states(world, alice, box):
    assert alice.error(box, CONTAINER, "Start", "(a{sv})", {}) == "WrongState"
    assert alice.error(box, CONTAINER, "Delete", "(a{sv})", {}) == "WrongState"
    assert alice.error(box, CONTAINER, "Rename", "(s)", "other") == "WrongState"
    alice.stop(box)
    for member in ("Freeze", "Thaw", "OpenConsole"):
        assert alice.error(box, CONTAINER, member) == "WrongState", member
    assert alice.error(box, CONTAINER, "Stop", "(a{sv})", {}) == "WrongState"
    assert alice.error(box, CONTAINER, "Exec", "(asaha{sv})", ["true"], [], {}) == "WrongState"
    assert alice.error(box, CONTAINER, "OpenShell", "(ssasas)", "", "", [], []) == "WrongState"


def test_LIFE_rename(world, alice):
    old = alice.create("old", command=["sleep", "1000"])
    alice.create("taken")
    identity = alice.get(old, CONTAINER, "Id")
    assert alice.error(old, CONTAINER, "Rename", "(s)", "taken") == "ContainerExists"
    alice.call(old, CONTAINER, "Rename", "(s)", "new")
    new = container_path(ALICE, "new")
    assert alice.get(new, CONTAINER, "Id") == identity and alice.get(new, CONTAINER, "Name") == "new"
    assert old not in alice.managed()
    assert alice.error(old, CONTAINER, "Start", "(a{sv})", {}) == "UnknownObject"
    # The name is free: another one takes it, and they are two.
    alice.create("old")
    assert alice.get(old, CONTAINER, "Id") != identity
    alice.delete(old)
    alice.start(new)
    assert alice.state(new) == "running"


def test_LIFE_start_that_fails_says_why_and_leaves_nothing(world, alice):
    path = alice.create("broken", command=["/no/such/program"])
    fds = world.settled_fds()
    assert alice.error(path, CONTAINER, "Start", "(a{sv})", {}) in ("NoSuchProgram", "StartFailed")
    assert "/no/such/program" in alice.text or "program" in alice.text
    assert alice.state(path) == "failed" and alice.get(path, CONTAINER, "LastError")
    world.no_container_groups()
    wait(lambda: world.settled_fds() <= fds)
    assert alice.error(path, CONTAINER, "Exec", "(asaha{sv})", ["true"], [], {}) == "WrongState"


def test_LIFE_start_without_a_control_group(world, alice):
    """It fails while the supervisor still builds the root."""
    path = alice.create("groupless", command=["sleep", "1000"])
    limit = world.group / "cgroup.max.descendants"
    fds = world.settled_fds()
    limit.write_text("0")
    try:
        for _ in range(5):
            assert alice.error(path, CONTAINER, "Start", "(a{sv})", {}) in ("Failed", "StartFailed")
    finally:
        limit.write_text("max")
    wait(lambda: world.settled_fds() <= fds)
    alice.start(path)
    alice.stop(path)


def test_LIFE_more_ephemeral_ones_end_than_operations_are_allowed(fresh_world):
    world = fresh_world(config="[Quota]\nOperations=1\n")
    alice = world.client(ALICE)
    paths = [alice.create(f"e{i}", command=["sleep", "1000"], ephemeral=True) for i in range(4)]
    for path in paths:
        alice.start(path)
    for path in paths:
        alice.call(path, CONTAINER, "Kill", "(si)", "all", 9)
    wait(lambda: not alice.manager("ListContainers")[0])


def test_LIFE_ephemeral_goes_when_it_stops(world, alice):
    path = alice.create("brief", command=["true"], ephemeral=True)
    alice.call(path, CONTAINER, "Start", "(a{sv})", {})
    wait(lambda: path not in alice.managed())
    wait(lambda: not [name for name in world.records() if re.search("containers/[0-9a-f]", name)])


def test_LIFE_an_ephemeral_one_that_never_ran_stays(world, alice):
    path = alice.create("later", command=["true"], ephemeral=True)
    alice.call(path, CONTAINER, "SetEgress", "(sas)", "set", ["192.0.2.1"])
    alice.error(path, CONTAINER, "Stop", "(a{sv})", {})
    assert alice.get(path, CONTAINER, "Egress") == ["192.0.2.1"]
    alice.call(path, CONTAINER, "Start", "(a{sv})", {})
    wait(lambda: path not in alice.managed())


def overlay_options(world, alice, path):
    pid = alice.get(path, CONTAINER, "Leader")
    with open(f"/proc/{pid}/mountinfo", encoding="utf-8") as file:
        return next(line for line in file if " - overlay " in line).split()[-1].split(",")


def sleeps(alice, path):
    try:
        return alice.execute(path, "pidof", "sleep")[0] != ""
    except BusError:
        return False  # between its runs


def test_LIFE_ephemeral_waits_for_no_disk_and_may_reboot(world, alice):
    once = "test -e /was && exec sleep 1000; touch /was; reboot -f"
    path = alice.create("brief", command=["sh", "-c", once], ephemeral=True)
    alice.call(path, CONTAINER, "Start", "(a{sv})", {})
    wait(lambda: sleeps(alice, path))
    assert alice.execute(path, "ls", "/was")[0] == "/was\n"
    assert "volatile" in " ".join(overlay_options(world, alice, path))  # or fsync=volatile
    lasting = alice.create("lasting", command=["sleep", "1000"])
    alice.start(lasting)
    assert "volatile" not in " ".join(overlay_options(world, alice, lasting))


def test_LIFE_one_that_only_reboots_is_stopped(world, alice):
    path = alice.create("loop", command=["reboot", "-f"])
    for _ in range(2):
        alice.error(path, CONTAINER, "Start", "(a{sv})", {})
        wait(lambda: alice.state(path) == "failed", 40)
        assert "rebooted more than 10 times" in alice.get(path, CONTAINER, "LastError")
        # And stays so.
        started = alice.get(path, CONTAINER, "StartedAt")
        alice.drain(1)
        assert alice.get(path, CONTAINER, "StartedAt") == started


def test_LIFE_signals_reach_the_owner(world, alice):
    watcher = world.client(ALICE)
    watcher.manager("ListContainers")
    path = alice.create("seen", command=["sleep", "1000"])
    added = watcher.wait_signal("InterfacesAdded", ROOT, match=lambda a: a[0] == path)
    assert added[1][CONTAINER]["State"] == "stopped"
    alice.start(path)
    def state(wanted):
        return lambda a: a[0] == CONTAINER and a[1].get("State") == wanted
    watcher.wait_signal("PropertiesChanged", path, match=state("running"))
    process = alice.call(path, CONTAINER, "Exec", "(asaha{sv})", ["sh", "-c", "exit 5"], [], {})[0]
    assert watcher.wait_signal("Exited", process) == (5, 0)
    alice.stop(path)
    watcher.wait_signal("PropertiesChanged", path, match=state("stopped"))
    operation = alice.call(path, CONTAINER, "Delete", "(a{sv})", {})[0]
    assert watcher.wait_signal("Completed", operation) == (True, "", "", "/")
    watcher.wait_signal("InterfacesRemoved", ROOT, match=lambda a: a[0] == path)
    states = [s[3][1]["State"] for s in watcher.signals("PropertiesChanged", path) if "State" in s[3][1]]
    assert states[:2] == ["starting", "running"] and states[-1] == "stopped"


MODEL = {  # state → method → states it may lead to; a method that is not there is refused with WrongState
    "stopped": {"Start": "running", "Restart": "running"}, "failed": {"Start": "running", "Restart": "running"},
    "running": {"Stop": "stopped", "Freeze": "frozen", "Restart": "running"},
    "frozen": {"Stop": "stopped", "Thaw": "running", "Restart": "running"},
}


def operate(client, path, member):
    options = (variants({"force": True}),) if member in ("Stop", "Restart") else ({},) if member == "Start" else ()
    return client.send(path, CONTAINER, member, "(a{sv})" if options else "()", *options)


def test_LIFE_05_random_operations_against_a_model(world, alice):
    path = alice.create("model", command=["sleep", "1000"])
    chance = random.Random(20261121)
    state = "stopped"
    for step in range(60):
        member = chance.choice(["Start", "Stop", "Freeze", "Thaw", "Restart"])
        expected = MODEL[state].get(member)
        try:
            alice.reply(operate(alice, path, member))
            result = ""
        except BusError as error:
            result = error.short
        assert result == ("" if expected else "WrongState"), (step, state, member)
        state = expected or state
        assert alice.state(path) == state, (step, member)


def test_LIFE_05_many_clients_on_one_object(world, alice):
    """Each answer is one that some order of the calls explains, and the end is a state that works."""
    path = alice.create("shared", command=["sleep", "1000"])
    chance = random.Random(5)
    clients = [world.client(ALICE) for _ in range(12)]
    for _ in range(8):
        calls = [(client, operate(client, path, chance.choice(["Start", "Stop", "Freeze", "Thaw", "Restart"])))
                 for client in clients]
        succeeded = 0
        for client, serial in calls:
            try:
                client.reply(serial, timeout=60)
                succeeded += 1
            except BusError as error:
                assert error.short in ("Busy", "WrongState"), error
        assert alice.state(path) in ("stopped", "running", "frozen")
    alice.call(path, CONTAINER, "Restart", "(a{sv})", variants({"force": True}))
    assert alice.execute(path, "echo", "fine")[0] == "fine\n"


def test_LIFE_05_delete_twice_and_while_it_starts(world, alice):
    others = [world.client(ALICE) for _ in range(5)]
    for round_ in range(6):
        path = alice.create("doomed", command=["sleep", "1000"])
        calls = [(others[0], operate(others[0], path, "Start"))]
        calls += [(client, client.send(path, CONTAINER, "Delete", "(a{sv})", variants({"force": True})))
                  for client in others[1:]]
        done = []
        for client, serial in calls:
            try:
                client.reply(serial, timeout=60)
                done.append(client)
            except BusError as error:
                assert error.short in ("Busy", "WrongState", "UnknownObject", "StartFailed"), error
        if path in alice.managed():
            alice.delete(path)
        assert path not in alice.managed()
    world.no_container_groups()


def test_LIFE_control_groups_of_a_container_are_removed(world, alice, box):
    """Nested deep, and many: they are its root's, which the service has no right to remove."""
    nest = "cd /sys/fs/cgroup && mkdir a b b/c && i=0 && while [ $i -lt 600 ]; do mkdir d && cd d && i=$((i+1)); done"
    assert alice.execute(box, "sh", "-c", nest)[1] == (0, 0)
    group = world.group / alice.get(box, CONTAINER, "ControlGroup").lstrip("/")
    assert (group / "payload/d/d/d").is_dir()
    alice.stop(box)
    wait(lambda: not group.exists())


def test_CG_06_control_groups_of_a_container_are_few(world, alice, box):
    """Each takes memory of the kernel's, which is nobody's where there is no controller for it."""
    many = "cd /sys/fs/cgroup && i=0; while mkdir g$i 2>/dev/null; do i=$((i+1)); done; echo $i"
    assert 1000 < int(alice.execute(box, "sh", "-c", many)[0]) < 4096
    assert alice.execute(box, "sh", "-c", "echo max >/sys/fs/cgroup/cgroup.max.descendants")[1] != (0, 0)
    alice.stop(box)
    world.no_container_groups()

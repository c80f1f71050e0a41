# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a desktop and scripts ask for: errors by name and detail, and all at once what else takes many calls."""

import os
import signal

import polkit
from gi.repository import GLib

from conftest import ALICE, BOB
from wire import BRIDGE, CONTAINER, IMAGE, MANAGER, NAME, OPERATION, PROCESS, ROOT, variants, wait

ERROR = NAME + ".Error."


def last_error(client, path):
    shown = client.get_all(path, CONTAINER)
    assert bool(shown["LastError"]) == bool(shown["LastErrorName"])
    return shown["LastErrorName"].removeprefix(ERROR), shown["LastErrorDetails"]


def test_last_error_is_typed(world, alice):
    """Also of what an earlier bothyd saw; and it goes with the next start."""
    none = alice.create("broken", command=["/no/such/program"])
    who = alice.create("who", command=["true"], user="nobody-like-that")
    killed = alice.create("killed", command=["sleep", "1000"])
    assert last_error(alice, none) == ("", {})
    assert alice.error(none, CONTAINER, "Start", "(a{sv})", {}) == "NoSuchProgram"
    assert alice.error(who, CONTAINER, "Start", "(a{sv})", {}) == "NoSuchUser"
    alice.start(killed)
    os.kill(alice.get(killed, CONTAINER, "Leader"), signal.SIGSEGV)
    wait(lambda: alice.state(killed) == "failed")
    for _ in range(2):
        assert last_error(alice, none) == ("NoSuchProgram", {"container": "broken", "program": "/no/such/program"})
        assert last_error(alice, who) == ("NoSuchUser", {"container": "who", "user": "nobody-like-that"})
        assert last_error(alice, killed) == ("Crashed", {"signal": "11"})
        world.restart()
    alice.start(killed)
    assert last_error(alice, killed) == ("", {})


def test_last_error_comes_with_the_state(world, alice):
    watcher = world.client(ALICE)
    watcher.manager("ListContainers")
    path = alice.create("broken", command=["/no/such/program"])
    assert alice.error(path, CONTAINER, "Start", "(a{sv})", {}) == "NoSuchProgram"
    changed = watcher.wait_signal("PropertiesChanged", path, match=lambda a: a[1].get("State") == "failed")[1]
    assert changed["LastErrorName"] == ERROR + "NoSuchProgram" and changed["LastErrorDetails"]["program"] == "/no/such/program"


def test_operations_end_with_a_name_a_text_and_what_was_made(world, alice):
    watcher = world.client(ALICE)
    watcher.manager("ListContainers")
    with open("/etc/hostname", "rb") as file:
        operation = alice.manager("ImportImage", "(ha{sv})", 0, variants({"alias": "none"}), fds=[file.fileno()])[0]
    ok, name, text, result = watcher.wait_signal("Completed", operation)
    assert (ok, name, result) == (False, ERROR + "BadArchive", "/") and text and ERROR not in text
    shown = alice.get_all(operation, OPERATION)
    assert (shown["ErrorName"], shown["Error"], shown["Subject"]) == (name, text, "none")
    assert shown["StartedAt"] > 1e15 and shown["ErrorDetails"] == {}
    path = alice.create("seen")
    copy = alice.call(path, CONTAINER, "Clone", "(sa{sv})", "copy", {})[0]
    assert watcher.wait_signal("Completed", copy) == (True, "", "", ROOT + "/container/u1000/copy")
    assert alice.get(copy, OPERATION, "Subject") == "seen"


def t(**limits):
    """a{sv} of SetLimits."""
    return {name: GLib.Variant("d" if name == "cpu" else "t", value) for name, value in limits.items()}


def test_stats_of_all_in_one_call(world, alice, bob):
    paths = [alice.create(name, command=["sleep", "1000"]) for name in ("one", "two", "three")]
    his = bob.create("his", command=["sleep", "1000"])
    for client, path in ((alice, paths[0]), (alice, paths[1]), (bob, his)):
        client.start(path)
    all_stats = dict(alice.manager("GetAllStats")[0])
    assert sorted(all_stats) == sorted(paths[:2])
    for path, stats in all_stats.items():
        assert set(stats) == set(alice.call(path, CONTAINER, "GetStats")[0]) and stats["cpu-usec"] > 0
    world.polkit.questions.clear()
    assert [path for path, _ in bob.manager("GetAllStats")[0]] == [his]
    assert world.polkit.asked() == []
    bob.delete(his)


def test_ceilings_and_who_has_what(world, alice, bob):
    """Nobody sees what others have, and who may say what they may have is an administrator."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE")
    ceilings = alice.manager("Ceilings")[0]
    assert ceilings["memory"] == machine and ceilings["cpu"] == os.sysconf("SC_NPROCESSORS_CONF") and "disk" not in ceilings
    box = alice.create("box", limits=GLib.Variant("a{sv}", t(memory=64 << 20, cpu=1.5)))
    alice.create("second")
    (row,) = alice.manager("ListUsers")[0]
    assert (row["uid"], row["containers"], row["running"]) == (1000, 2, 0) and row["ranges"] >= 2
    assert row["own-ceilings"] == {} and row["ceilings"] == {}
    assert [row["uid"] for row in bob.manager("ListUsers")[0]] == [BOB]
    with world.client(0) as root:
        assert alice.error(ROOT, MANAGER, "SetUserCeilings", "(ua{sv})", 1000, t(memory=32 << 20)) == "NotAuthorized"
        for bad in ({"memory": GLib.Variant("t", 1)}, t(cpu=1.5), {"cpu-weight": GLib.Variant("t", 100)}, {"x": GLib.Variant("t", 100)},
                    {"memory": GLib.Variant("s", "1G")}):
            assert root.error(ROOT, MANAGER, "SetUserCeilings", "(ua{sv})", 1000, bad) == "InvalidArgs"
        assert root.error(ROOT, MANAGER, "SetUserCeilings", "(ua{sv})", 2 ** 32 - 1, {}) == "InvalidArgs"
        root.manager("SetUserCeilings", "(ua{sv})", 1000, t(memory=32 << 20, cpu=1.0, inodes=2 ** 64 - 1))
        for _ in range(2):
            # What she said stays said, and does not hold.
            assert alice.get(box, CONTAINER, "Limits")["memory"] == 32 << 20 and alice.get(box, CONTAINER, "Limits")["cpu"] == 1.0
            assert alice.manager("Ceilings")[0]["memory"] == 32 << 20
            assert bob.manager("Ceilings")[0]["memory"] == machine
            assert alice.error(box, CONTAINER, "SetLimits", "(a{sv})", t(memory=48 << 20)) == "QuotaExceeded"
            assert "32M" in alice.text
            (row,) = [row for row in root.manager("ListUsers")[0] if row["uid"] == 1000]
            assert row["own-ceilings"] == {"memory": 32 << 20, "cpu": 1.0, "inodes": 2 ** 64 - 1}
            assert row["ceilings"] == {"memory": 32 << 20, "cpu": 1.0}
            world.restart()
        assert {row["uid"] for row in root.manager("ListUsers")[0]} >= {0, 1000}
        root.manager("SetUserCeilings", "(ua{sv})", 1000, {})
        assert alice.get(box, CONTAINER, "Limits")["memory"] == 64 << 20 and alice.get(box, CONTAINER, "Limits")["cpu"] == 1.5
        assert not list((world.state / "ceilings").iterdir())


def test_administrators_are_asked_about_ceilings(world, alice, bob):
    world.polkit.answers["org.bothy.Bothy1.manage-ceilings"] = "yes"
    world.polkit.questions.clear()
    bob.manager("SetUserCeilings", "(ua{sv})", 1000, t(memory=512 << 20, pids=500))
    (question,) = world.polkit.asked()
    assert question.action == "org.bothy.Bothy1.manage-ceilings"
    assert {key: question.details[key] for key in ("owner", "limits", "verb")} == \
        {"owner": "1000", "limits": "memory=512M pids=500", "verb": "SetUserCeilings"}
    bob.manager("SetUserCeilings", "(ua{sv})", 1000, {})
    # The administrators' view opens a question only where the call lets it, as that of all containers.
    world.polkit.answers[polkit.INSPECT] = "yes"
    alice.create("box")
    assert {ALICE, BOB} <= {row["uid"] for row in bob.manager("ListUsers")[0]}


def test_ceilings_that_can_not_be_read_let_nobody_have_more(fresh_world):
    world = fresh_world()
    with world.client(0) as root:
        root.manager("SetUserCeilings", "(ua{sv})", 1000, t(memory=32 << 20))
    world.stop()
    (world.state / "ceilings/1000").write_text("nonsense")
    world.start()
    alice = world.client(ALICE)
    assert alice.get(ROOT, MANAGER, "Degraded")
    assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "box", "busybox", {}) == "Degraded"


def test_objects_by_call(world, alice, bob):
    box = alice.create("box", command=["sleep", "1000"])
    alice.start(box)
    process, = alice.call(box, CONTAINER, "Exec", "(asaha{sv})", ["sleep", "100"], [], {})
    pid = alice.get(process, PROCESS, "Pid")
    assert alice.manager("GetProcess", "(u)", pid) == (process, alice.get_all(process, PROCESS))
    for client, number in ((bob, pid), (alice, 1), (alice, alice.get(box, CONTAINER, "Leader"))):
        assert client.error(ROOT, MANAGER, "GetProcess", "(u)", number) == "UnknownObject"
    image, = alice.manager("GetImage", "(s)", "busybox")
    assert alice.manager("ListImages")[0][image] == alice.get_all(image, IMAGE)
    with open("/bin/busybox", "rb") as file:
        assert alice.error(ROOT, MANAGER, "ImportImage", "(ha{sv})", 0, {}, fds=[file.fileno()]) == ""
    bridges = alice.manager("ListBridges")[0]
    assert bridges[ROOT + "/bridge/bothy0"] == alice.get_all(ROOT + "/bridge/bothy0", BRIDGE)
    alice.call(process, PROCESS, "Kill", "(i)", 9)
    wait(lambda: alice.get(process, PROCESS, "Ended"))
    assert alice.error(ROOT, MANAGER, "GetProcess", "(u)", pid) == "UnknownObject"

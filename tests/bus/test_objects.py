# SPDX-License-Identifier: LGPL-2.1-or-later
"""What one user learns of another's things: nothing (THREATS, OBJ)."""

import os
import statistics
import subprocess
import time

import pytest

import polkit
import surface
from conftest import ALICE, BOB, CAROL
from wire import (CONTAINER, IMAGE, INTROSPECTABLE, MANAGER, NAME, OBJECTS, OPERATION, PROCESS, PROPERTIES, ROOT,
                  BusError, container_path, variants)

TREE = [(INTROSPECTABLE, "Introspect", "()", ()), (PROPERTIES, "Get", "(ss)", (CONTAINER, "State")),
        (PROPERTIES, "GetAll", "(s)", (CONTAINER,)), (PROPERTIES, "Set", "(ssv)", None),
        (OBJECTS, "GetManagedObjects", "()", ()), (CONTAINER, "NoSuchMethod", "()", ()),
        (PROCESS, "OpenPTY", "()", ()), (IMAGE, "Remove", "()", ()), ("org.freedesktop.DBus.Peer", "NoSuch", "()", ())]


@pytest.fixture
def hers(world, alice):
    path = alice.create("hers", command=["sleep", "1000"])
    alice.start(path)
    return path


def answer(client, path, interface, member, signature, arguments):
    """The reply's bytes, without the two numbers that count messages."""
    client.serial = 5000
    if arguments is None:
        arguments = (CONTAINER, "State", variants({"v": "x"})["v"])
    serial = client.send(path, interface, member, signature, *arguments)
    client.message(serial)
    raw = client.raw.pop(serial)
    return raw[:8] + raw[12:]


CALLS = [(CONTAINER, member, surface.SIGNATURES[CONTAINER, member], surface.ARGUMENTS[member])
         for member in surface.OF_CONTAINER] + TREE


@pytest.mark.parametrize("answered", ["no", "error", "dismissed"])
def test_OBJ_01_foreign_looks_like_missing(world, bob, hers, answered):
    """Every method: byte for byte, once the path is the same."""
    world.polkit.answers[polkit.MANAGE] = world.polkit.answers[polkit.INSPECT] = answered
    for call in CALLS:
        foreign = answer(bob, hers, *call)
        missing = answer(bob, hers.replace("hers", "miss"), *call)
        assert foreign.replace(b"hers", b"miss") == missing, call[:2]


def test_OBJ_01_with_bad_arguments_too(world, bob, hers):
    for member, signature, arguments in (("Kill", "(si)", ("nobody", 99)), ("Rename", "(s)", ("A",)),
                                         ("Start", "(a{sv})", (variants({"nonsense": "x"}),)),
                                         ("Start", "(s)", ("wrong",)), ("Freeze", "(u)", (1,))):
        call = (CONTAINER, member, signature, arguments)
        assert answer(bob, hers, *call).replace(b"hers", b"miss") == answer(bob, hers.replace("hers", "miss"), *call)


def test_OBJ_01_of_images_processes_and_operations(world, alice, bob, hers):
    process = alice.call(hers, CONTAINER, "Exec", "(asaha{sv})", ["sleep", "100"], [], {})[0]
    operation = alice.call(alice.create("gone"), CONTAINER, "Delete", "(a{sv})", {})[0]
    for path, interface in ((process, PROCESS), (operation, OPERATION)):
        missing = path.rsplit("/", 1)[0] + "/" + "9" * len(path.rsplit("/", 1)[1])
        for member in ("Get", "GetAll", "Introspect"):
            call = {"Get": (PROPERTIES, "Get", "(ss)", (interface, "Pid")),
                    "GetAll": (PROPERTIES, "GetAll", "(s)", (interface,)),
                    "Introspect": (INTROSPECTABLE, "Introspect", "()", ())}[member]
            assert answer(bob, path, *call).replace(path.encode(), missing.encode()) == answer(bob, missing, *call)


@pytest.mark.parametrize("name", ["hers", "1000/hers", "alice/hers"])
def test_OBJ_01_lookup_by_name(world, bob, hers, name):
    missing = name.replace("hers", "miss")
    with pytest.raises(BusError) as foreign:
        bob.manager("GetContainer", "(s)", name)
    with pytest.raises(BusError) as unknown:
        bob.manager("GetContainer", "(s)", missing)
    assert foreign.value.short == "NoSuchContainer"
    assert foreign.value.text.replace("hers", "miss") == unknown.value.text


def test_OBJ_01_lookup_by_pid(world, alice, bob, hers):
    leader = alice.get(hers, CONTAINER, "Leader")
    assert alice.manager("GetContainerByPID", "(u)", leader) == (hers,)
    with pytest.raises(BusError) as foreign:
        bob.manager("GetContainerByPID", "(u)", leader)
    with pytest.raises(BusError) as unknown:
        bob.manager("GetContainerByPID", "(u)", 1)
    assert foreign.value.short == "NoContainerForPID"
    assert foreign.value.text.replace(str(leader), "1") == unknown.value.text


def test_OBJ_02_trees_have_ones_own_only(world, alice, bob, hers):
    his = bob.create("his")
    assert {p for p in bob.managed() if "/container/" in p} == {his}
    assert {p for p in alice.managed() if "/container/" in p} == {hers}
    for path in ("/", "/org", ROOT, ROOT + "/container", ROOT + f"/container/u{ALICE}", hers):
        text = bob.call(path, INTROSPECTABLE, "Introspect")[0]
        assert "hers" not in text and f'"u{ALICE}"' not in text, path
    assert f'name="u{BOB}"' in bob.call(ROOT + "/container", INTROSPECTABLE, "Introspect")[0]
    assert bob.error(hers, PROPERTIES, "GetAll", "(s)", CONTAINER) == "UnknownObject"
    # Ranges of containers that he had before stay his.
    ranges = bob.manager("ListRanges")[0]
    assert [r[3] for r in ranges if r[3]] == ["his"] and {r[2] for r in ranges} == {BOB}


def test_OBJ_03_signals_go_to_their_owner_only(world, alice):
    watchers = [world.client(uid) for uid in (ALICE, BOB, CAROL)]
    world.polkit.answers[polkit.INSPECT] = "no"
    for watcher in watchers:
        for rule in ("type='signal'", f"type='signal',path_namespace='{ROOT}'", f"type='signal',sender='{NAME}'",
                     f"type='signal',interface='{PROPERTIES}'"):
            watcher.bus("AddMatch", "(s)", rule)
        if watcher.uid == CAROL:
            world.polkit.answers[polkit.INSPECT] = "yes"
        watcher.manager("ListContainers")
    path = alice.create("hers", command=["sleep", "1000"])
    alice.start(path)
    alice.execute(path, "true")
    alice.stop(path)
    alice.call(path, CONTAINER, "Rename", "(s)", "renamed")
    alice.delete(container_path(ALICE, "renamed"))
    watchers[0].wait_signal("InterfacesRemoved", match=lambda a: a[0] == container_path(ALICE, "renamed"))
    owner, other, inspector = watchers
    for watcher in (other, inspector):
        watcher.drain(0.3)
    assert other.signals() == []
    # The same test sees what it looks for, where it may be.
    for watcher in (owner, inspector):
        assert watcher.signals("InterfacesAdded") and watcher.signals("PropertiesChanged", path)


def test_OBJ_03_an_inspector_is_asked_about_at_each_signal(world, alice):
    inspector = world.client(CAROL)
    world.polkit.answers[polkit.INSPECT] = "yes"
    inspector.manager("ListContainers")
    alice.create("one")
    inspector.wait_signal("InterfacesAdded")
    world.polkit.answers[polkit.INSPECT] = "no"
    inspector.incoming.clear()
    alice.create("two")
    inspector.drain(0.3)
    assert inspector.signals() == []


def test_OBJ_04_foreign_takes_as_long_as_missing(world, bob, hers):
    times = {hers: [], hers.replace("hers", "miss"): []}
    for _ in range(200):
        for path, taken in times.items():
            start = time.perf_counter()
            bob.error(path, CONTAINER, "Freeze")
            taken.append(time.perf_counter() - start)
    foreign, missing = (statistics.median(taken) for taken in times.values())
    assert 0.6 < foreign / missing < 1.6


def test_OBJ_05_names_and_uids_that_begin_alike(world):
    users = {uid: world.client(uid) for uid in (100, 1000, 10000)}
    for uid, user in users.items():
        for name in ("foo", "foobar", "f"):
            assert user.create(name) == container_path(uid, name)
    for uid, user in users.items():
        assert [entry[:2] for entry in user.manager("ListContainers")[0]] == [("f", uid), ("foo", uid), ("foobar", uid)]
        for other in set(users) - {uid}:
            assert user.error(container_path(other, "foo"), PROPERTIES, "GetAll", "(s)", CONTAINER) == "UnknownObject"
        text = user.call(ROOT + "/container", INTROSPECTABLE, "Introspect")[0]
        assert text.count("<node name=") == 1 and f'"u{uid}"' in text


def test_OBJ_06_two_users_one_name(world, alice, bob):
    paths = [user.create("same", command=["sleep", "1000"]) for user in (alice, bob)]
    for user, path in zip((alice, bob), paths):
        user.start(path)
    values = [user.get_all(path, CONTAINER) for user, path in zip((alice, bob), paths)]
    for name in ("Id", "RangeBase", "Leader", "ControlGroup"):
        assert values[0][name] != values[1][name], name
    assert abs(values[0]["RangeBase"] - values[1]["RangeBase"]) >= 65536
    alice.delete(paths[0])
    assert bob.state(paths[1]) == "running"


def test_OBJ_07_files_are_nobody_elses(world, alice, hers):
    """As bob, and as an id of another container of his."""
    alice.execute(hers, "sh", "-c", "echo secret >/root/secret; chmod 666 /root/secret")
    files = [f"/{path.relative_to(world.root)}" for top in (world.state, world.run) for path in top.rglob("*")
             if path.name != "names.sock"]  # anybody's, for he is told of his own only: test_names
    assert any("containers" in f for f in files) and any(f.startswith("/run/bothy/") for f in files)
    script = r"""
import os, socket, stat, sys
for path in sys.stdin.read().split("\0"):
    for flags in (os.O_RDONLY, os.O_WRONLY):
        try:
            os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
            print("opened", path, flags)
        except OSError:
            pass
    for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
        try:
            socket.socket(socket.AF_UNIX, kind).connect(path)
            print("connected", path)
        except OSError:
            pass
for directory in ("/var/lib/bothy", "/run/bothy"):
    try:
        print(os.listdir(directory))
    except PermissionError:
        pass
"""
    # The ids of alice's own container may not, either: they have no way to a path of the host.
    for uid in (BOB, alice.get(hers, CONTAINER, "RangeBase") + 65536 * 100 + 1):
        done = subprocess.run(world.command("setpriv", "--reuid", uid, "--regid", uid, "--clear-groups",
                                            "/usr/bin/python3", "-c", script),
                              input="\0".join(files), text=True, stdout=subprocess.PIPE, check=True)
        assert done.stdout == "", uid


def test_OBJ_09_handles_of_others(world, alice, bob, hers):
    process = alice.call(hers, CONTAINER, "Exec", "(asaha{sv})", ["sleep", "100"], [], variants({"tty": True}))[0]
    reader, writer = os.pipe()
    operation = alice.manager("ImportImage", "(ha{sv})", 0, {}, fds=[reader])[0]
    # Also to one whom polkit would let manage.
    world.polkit.answers[polkit.MANAGE] = world.polkit.answers[polkit.INSPECT] = "yes"
    assert bob.error(operation, OPERATION, "Cancel") == "UnknownObject"
    assert bob.error(process, PROCESS, "Kill", "(i)", 9) == "UnknownObject"
    assert bob.error(process, PROCESS, "OpenPTY") == "UnknownObject"
    assert alice.get(operation, OPERATION, "Phase") not in ("done", "failed")
    assert not alice.get(process, PROCESS, "Ended")
    alice.call(operation, OPERATION, "Cancel")
    os.close(writer)
    os.close(reader)
    assert alice.finish(operation)["Phase"] == "failed"


def test_OBJ_09_images_of_others(world, alice, bob):
    image = import_tar(alice, "mine")
    assert image in alice.managed() and image not in bob.managed()
    assert bob.error(image, IMAGE, "Remove") == "UnknownObject"
    assert bob.error(image, PROPERTIES, "GetAll", "(s)", IMAGE) == "UnknownObject"
    assert bob.error(ROOT, MANAGER, "GetImage", "(s)", "mine") == "NoSuchImage"
    assert bob.error(ROOT, MANAGER, "GetImage", "(s)", alice.get(image, IMAGE, "Fingerprint")) == "NoSuchImage"
    alice.call(image, IMAGE, "Remove")
    assert image not in alice.managed()


def import_tar(client, alias, seed=b"content"):
    """Imports a small archive; gives the image's path."""
    import archives
    with archives.small(seed) as file:
        operation = client.manager("ImportImage", "(ha{sv})", 0, variants({"alias": alias}), fds=[file.fileno()])[0]
    done = client.finish(operation)
    assert done["Phase"] == "done", done["Failure"]
    return done["Object"]

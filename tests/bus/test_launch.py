# SPDX-License-Identifier: LGPL-2.1-or-later
"""Launch: image, container and start in one operation, of which nothing is left when it fails or is cancelled."""

import signal

import polkit
import pytest
from gi.repository import GLib

from conftest import ALICE
from test_remotes import PREFIX, PULL, Gate, add, archive, key, server  # noqa: F401 (fixtures)
from wire import BusError, CONTAINER, IMAGE, MANAGER, OPERATION, ROOT, container_path, variants, wait

LONG = ["sleep", "1000"]


def launch(client, name="job", image="busybox", **options):
    return client.manager("Launch", "(ssa{sv})", name, image, variants(options))[0]


def answer(client, serial):
    """The error of the call with SERIAL, "" for none."""
    try:
        client.reply(serial)
    except BusError as error:
        return error.short
    return ""


def stored(world):
    """What there is of images and containers."""
    return {name for name in world.records() if name.startswith(("images/", "containers/", "layers/", "trash/"))}


def nothing(client, path=container_path(ALICE, "job")):
    """There is no container, and no files of one."""
    assert path not in client.managed()


def test_launch_of_what_is_there(world, alice):
    watcher = world.client(ALICE)
    watcher.manager("ListContainers")
    alice.manager("GetImage", "(s)", "busybox")
    world.polkit.questions.clear()
    done = alice.finish(launch(alice, command=LONG, hostname="other", nesting=True))
    assert done["Failure"] == ""
    assert (done["Kind"], done["Subject"], done["Phase"], done["Object"]) == \
        ("launch-container", "job", "done", container_path(ALICE, "job"))
    shown = alice.get_all(done["Object"], CONTAINER)
    assert (shown["State"], shown["StateReason"], shown["Hostname"], shown["Nesting"]) == ("running", "asked", "other", True)
    # What is there need not be got, so nobody is asked for that.
    assert [question.action for question in world.polkit.asked()] == [polkit.CREATE]
    phases = [a[1]["Phase"] for _, _, _, a in watcher.signals("PropertiesChanged") if "Phase" in a[1]]
    watcher.drain()
    assert set(phases) <= {"creating", "starting", "done"}
    assert [deed[2] for deed in alice.call(done["Object"], CONTAINER, "GetHistory")[0]][0] == "Launch image=busybox"
    assert alice.error(ROOT, MANAGER, "Launch", "(ssa{sv})", "job", "busybox", {}) == "ContainerExists"
    assert alice.error(ROOT, MANAGER, "Launch", "(ssa{sv})", "x y", "busybox", {}) == "InvalidArgs"


@pytest.mark.parametrize("options,error", [({"command": ["/no/such"]}, "NoSuchProgram"), ({"command": LONG, "user": "none"}, "NoSuchUser"),
                                           ({"command": ["/no/such"], "ephemeral": True}, "NoSuchProgram")])
def test_launch_that_can_not_start_leaves_no_container(world, alice, options, error):
    world.settled_fds()
    done = alice.finish(launch(alice, **options))
    assert (done["Phase"], done["ErrorName"], done["Object"]) == ("failed", PREFIX + error, "/"), done
    assert done["ErrorDetails"]["container"] == "job"
    nothing(alice)
    wait(lambda: not [name for name in world.records() if name.startswith(("containers/", "trash/"))])
    world.no_container_groups()
    alice.delete(alice.create("job"))


def test_launch_of_no_such_image(world, alice):
    world.polkit.answers[PULL] = "no"
    for name in "none/such", "0123456789ab":
        wanted = "NoSuchImage" if "/" not in name else "NotAuthorized"
        if wanted == "NotAuthorized":
            assert alice.error(ROOT, MANAGER, "Launch", "(ssa{sv})", "job", name, {}) == wanted
        else:
            assert alice.finish(launch(alice, image=name))["ErrorName"] == PREFIX + wanted
        nothing(alice)


def test_launch_gets_what_is_missing(world, alice, bob, server):  # noqa: F811
    gate = Gate(server, server.streams(archive()))
    add(alice, server, timeout=20)
    world.polkit.questions.clear()
    operation = launch(alice, image="test:debian/13", command=LONG)
    wait(lambda: alice.get(operation, OPERATION, "Phase") == "downloading" and gate.asked())
    asked = world.polkit.asked()
    assert [question.action for question in asked] == [polkit.CREATE, PULL]
    assert (asked[1].details["image"], asked[1].details["remote"]) == ("debian/13", "test")
    assert asked[0].details["image"] == "test:debian/13"
    nothing(alice)
    assert operation not in bob.managed()
    gate.open.set()
    done = alice.finish(operation)
    assert done["Failure"] == "" and done["Total"] > 0 and alice.state(done["Object"]) == "running"
    assert alice.execute(done["Object"], "/bin/busybox", "cat", "/etc/seed")[0] == "remote"
    image = alice.manager("GetImage", "(s)", "test:debian/13")[0]
    assert alice.get(image, IMAGE, "Fingerprint") == alice.get(done["Object"], CONTAINER, "Image")
    alice.delete(done["Object"])


def test_launch_keeps_its_name_from_the_beginning(world, alice, server):  # noqa: F811
    """Who wants the same name is told at once, not when he has got an image for nothing; and it is free when nothing comes of it."""
    gate = Gate(server, server.streams(archive()))
    add(alice, server, timeout=20)
    operation = launch(alice, image="test:debian/13", command=LONG)
    wait(lambda: alice.get(operation, OPERATION, "Phase") == "downloading" and gate.asked())
    for method in "Launch", "CreateContainer":
        assert alice.error(ROOT, MANAGER, method, "(ssa{sv})", "job", "busybox", {}) == "ContainerExists"
    alice.call(operation, OPERATION, "Cancel")
    assert alice.finish(operation)["ErrorName"] == PREFIX + "Cancelled"
    alice.delete(alice.create("job"))
    # Those that wait for their turn have their names, too.
    waiting = [launch(alice, f"job{number}", "test:debian/13") for number in range(6)]
    assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "job5", "busybox", {}) == "ContainerExists"
    for each in waiting:
        alice.error(each, OPERATION, "Cancel")
    for each in waiting:
        assert alice.finish(each)["ErrorName"] == PREFIX + "Cancelled"
    gate.open.set()
    alice.delete(alice.create("job5"))
    assert not world.client(ALICE).manager("ListContainers")[0]


@pytest.mark.once
def test_launch_leaves_what_somebody_else_started(world, alice):
    """Who sees it come and starts it has it, whatever becomes of the launch."""
    with world.client(ALICE) as other:
        for _ in range(15):
            serial = alice.send(ROOT, MANAGER, "Launch", "(ssa{sv})", "job", "busybox", variants({"command": LONG}))
            starts = [other.send(container_path(ALICE, "job"), CONTAINER, "Start", "(a{sv})", {}) for _ in range(30)]
            done = alice.finish(alice.reply(serial)[0])
            answers = {answer(other, each) for each in starts}
            # One of both started it, so it runs.
            assert "" in answers or done["ErrorName"] == "", (answers, done)
            assert alice.state(container_path(ALICE, "job")) == "running"
            alice.delete(container_path(ALICE, "job"))


def test_launch_may_be_left_by_its_caller(world, alice, server):  # noqa: F811
    """The window is closed, and the container comes all the same."""
    gate = Gate(server, server.streams(archive()))
    add(alice, server, timeout=20)
    leaver = world.client(ALICE)
    operation = launch(leaver, image="test:debian/13", command=LONG)
    wait(lambda: alice.get(operation, OPERATION, "Phase") == "downloading" and gate.asked())
    leaver.close()
    gate.open.set()
    path = alice.finish(operation)["Object"]
    assert alice.state(path) == "running"
    alice.delete(path)


def test_launch_is_cancelled_while_it_downloads(world, alice, server):  # noqa: F811
    gate = Gate(server, server.streams(archive()))
    add(alice, server, timeout=20)
    before = stored(world)
    operation = launch(alice, image="test:debian/13", command=LONG)
    wait(lambda: alice.get(operation, OPERATION, "Phase") == "downloading" and gate.asked())
    alice.call(operation, OPERATION, "Cancel")
    assert alice.finish(operation)["ErrorName"] == PREFIX + "Cancelled"
    gate.open.set()
    nothing(alice)
    wait(lambda: stored(world) == before)
    assert alice.error(ROOT, MANAGER, "GetImage", "(s)", "test:debian/13") == "NoSuchImage"


@pytest.mark.once
def test_launch_is_cancelled_at_any_time(world, alice):
    """Whatever it was doing: either it was too late, and the container runs, or there is none."""
    outcomes = set()
    for i in range(20):
        serials = [alice.send(ROOT, MANAGER, "Launch", "(ssa{sv})", "job", "busybox", variants({"command": LONG}))]
        operation, = alice.reply(serials[0])
        for _ in range(i % 10):
            alice.get(operation, OPERATION, "Phase")
        alice.error(operation, OPERATION, "Cancel")
        done = alice.finish(operation)
        outcomes.add(done["ErrorName"].removeprefix(PREFIX))
        if done["ErrorName"]:
            nothing(alice)
        else:
            assert alice.state(done["Object"]) == "running"
            alice.delete(done["Object"])
    assert "Cancelled" in outcomes and outcomes <= {"Cancelled", ""}
    wait(lambda: not [name for name in world.records() if name.startswith(("containers/", "trash/"))])
    world.no_container_groups()


def test_launch_asks_for_what_goes_beyond(world, alice):
    """As CreateContainer does: what only an administrator may say yes to."""
    assert alice.error(ROOT, MANAGER, "Launch", "(ssa{sv})", "job", "busybox", variants({"network": "lan:none0"})) == "NoSuchBridge"
    with open("/etc/hostname", "rb") as file:
        assert alice.error(ROOT, MANAGER, "Launch", "(ssa{sv})", "job", "busybox",
                           variants({"credentials": GLib.Variant("a{sh}", {"https://example.org": 0})}), fds=[file.fileno()]) == "InvalidArgs"
    assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "job", "busybox",
                       variants({"credentials": GLib.Variant("a{sh}", {})})) == "InvalidArgs"
    nothing(alice)


@pytest.mark.once
@pytest.mark.parametrize("point", ["launch.created", "launch.started"])
def test_launch_is_killed(fresh_world, point):
    """What a new service finds is a container like others."""
    world = fresh_world(start=False)
    world.start(BOTHY_FAULT=point)
    alice = world.client(ALICE)
    launch(alice, command=LONG)
    assert world.service.wait(20) == -signal.SIGKILL
    world.service = None
    world.start()
    path = container_path(ALICE, "job")
    wait(lambda: alice.state(path) in ("stopped", "running"))
    alice.delete(path)

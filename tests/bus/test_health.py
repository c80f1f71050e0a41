# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether containers are well: asked inside, in time, and no more than that (HEALTH)."""

import signal
import tempfile
import time

import pytest
from gi.repository import GLib

import bundles
from conftest import ALICE, BOB
from test_autostart import set_autostart
from test_says import put  # noqa: F401
from wire import CONTAINER, IMAGE, MANAGER, ROOT, variants, wait

SECOND = 1_000_000


def check(test, interval=1, timeout=5, **options):
    """What CreateContainer takes: TEST is a command of the shell's, or words."""
    words = test if isinstance(test, list) else ["CMD-SHELL", test]
    values = {"test": GLib.Variant("as", words), "interval": GLib.Variant("t", interval * SECOND),
              "timeout": GLib.Variant("t", timeout * SECOND)}
    values.update({key.replace("_", "-"): value if isinstance(value, GLib.Variant) else
                   GLib.Variant("s", value) if isinstance(value, str) else GLib.Variant("t", value)
                   for key, value in options.items()})
    return GLib.Variant("a{sv}", values)


def health(client, path):
    return client.get(path, CONTAINER, "Health")


def last(client, path):
    return tuple(client.get(path, CONTAINER, "LastHealthCheck"))


def started(client, name, *words, **options):
    path = client.create(name, command=["sleep", "1000"], health=check(*words, **options))
    client.call(path, CONTAINER, "Start", "(a{sv})", {})
    return path


def inside(client, path, script):
    return client.execute(path, "/bin/sh", "-c", script)[0].strip()


def processes(client):
    return [found for found in client.managed() if "/process/" in found]


def becomes(client, path, state, timeout=15):
    return wait(lambda: health(client, path) == state, timeout)


def test_HEALTH_01_arguments(world, alice):
    before = world.snapshot()
    for value in (check(["CMD"]), check(["CMD", ""]), check(["CMD-SHELL"]), check(["CMD-SHELL", "a", "b"]), check(["true"]),
                  check(["NONE", "x"]), check("x" * 65536), check("true", interval=86401), check("true", timeout=86401), check("true", retries=1001),
                  check("true", start_interval=1), check("true", on_failure="reboot"), check("true", colour="red"),
                  GLib.Variant("a{sv}", {"interval": GLib.Variant("u", 5)})):
        assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "one", "busybox",
                           {"health": value}) == "InvalidArgs", value
    assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "one", "busybox",
                       {"health": check("true", on_failure="restart"), "ephemeral": GLib.Variant("b", True)}) == "InvalidArgs"
    assert world.snapshot() == before


def test_HEALTH_02_it_starts_and_is_well(world, alice):
    path = started(alice, "one", "echo fine $((1 + 1)); test -e /tmp/well")
    assert health(alice, path) == "starting"
    shown = alice.get(path, CONTAINER, "HealthCheck")
    assert shown["test"] == ["CMD-SHELL", "echo fine $((1 + 1)); test -e /tmp/well"] and shown["retries"] == 3
    assert shown["interval"] == SECOND and shown["on-failure"] == "none"
    becomes(alice, path, "unhealthy")
    assert last(alice, path) == (1, 3, "fine 2")
    assert alice.state(path) == "running"
    inside(alice, path, "touch /tmp/well")
    becomes(alice, path, "healthy")
    assert last(alice, path) == (0, 0, "fine 2")
    deeds = [deed for _, _, deed, _ in alice.call(path, CONTAINER, "GetHistory")[0]]
    assert "unhealthy" in deeds and "healthy again" in deeds
    alice.call(path, CONTAINER, "Stop", "(a{sv})", variants({"timeout": 0}))
    assert health(alice, path) == ""


def test_HEALTH_02_nobody_else_is_asked(world, alice):
    path = alice.create("one", command=["sleep", "1000"])
    alice.call(path, CONTAINER, "Start", "(a{sv})", {})
    assert health(alice, path) == "" and alice.get(path, CONTAINER, "HealthCheck") == {}
    assert last(alice, path) == (-1, 0, "")


@pytest.mark.parametrize("deed, state, reason", [("stop", "stopped", "unhealthy"), ("kill", "failed", "crashed")])
def test_HEALTH_03_what_is_done(world, alice, deed, state, reason):
    path = started(alice, "one", "exit 7", retries=1, on_failure=deed)
    assert wait(lambda: alice.state(path) == state, 15)
    assert alice.get(path, CONTAINER, "StateReason") == reason
    assert health(alice, path) == "" and last(alice, path)[:2] == (7, 1)


def test_HEALTH_03_it_is_restarted(world, alice):
    path = started(alice, "one", "test -e /tmp/again || exit 7", retries=2, on_failure="restart")
    first = alice.get(path, CONTAINER, "StartedAt")
    assert wait(lambda: alice.get(path, CONTAINER, "StartedAt") != first and alice.state(path) == "running", 45)
    assert alice.get(path, CONTAINER, "StateReason") == "unhealthy" and health(alice, path) == "starting"


def test_HEALTH_03_restarts_end(world, alice):
    """As those of what ends by itself do: with a pause before each, and only as often as the policy says."""
    path = alice.create("one", command=["sh", "-c", "trap exit TERM; sleep 1000 & wait"], health=check("exit 7", retries=1, on_failure="restart"))
    set_autostart(alice, path, "", restart="on-failure:2")
    alice.call(path, CONTAINER, "Start", "(a{sv})", {})

    def deeds():
        return [deed for _, _, deed, _ in alice.call(path, CONTAINER, "GetHistory")[0]]
    assert wait(lambda: any("not restarted again" in deed for deed in deeds()), 40)
    assert len([deed for deed in deeds() if deed.startswith("restarted, for")]) == 2
    assert alice.state(path) == "running" and health(alice, path) == "unhealthy"
    # It is said once, whoever comes to it again.
    world.restart()
    alice = world.client(ALICE)
    failures = last(alice, path)[1]
    assert wait(lambda: last(alice, path)[1] >= failures + 2, 15)
    assert len([deed for deed in deeds() if "restarted" in deed]) == 3
    # What ends by itself is started again as often as ever.
    alice.call(path, CONTAINER, "Kill", "(si)", "leader", 9)
    assert wait(lambda: alice.get(path, CONTAINER, "StateReason") == "restart" and health(alice, path) == "unhealthy", 15)
    assert wait(lambda: last(alice, path)[1] >= 2, 15)
    assert len([deed for deed in deeds() if "restarted" in deed]) == 3


def test_HEALTH_04_a_check_that_hangs_is_killed_with_its_children(world, alice):
    path = started(alice, "one", "sleep 777 & sleep 777", timeout=1, retries=1)
    becomes(alice, path, "unhealthy")
    code, failures, said = last(alice, path)
    assert code == -1 and failures >= 1 and "within 1 second" in said
    # No more than those of the one that is being waited for.
    for _ in range(3):
        assert inside(alice, path, "ps | grep -c '[s]leep 777'") in ("0", "1", "2")
        time.sleep(0.7)


def test_HEALTH_04_what_it_says_is_bounded(world, alice):
    path = started(alice, "one", "head -c 500000 /dev/zero | tr '\\0' x; echo more >/dev/stderr")
    becomes(alice, path, "healthy")
    assert last(alice, path) == (0, 0, "x" * 4096)


def test_HEALTH_04_it_is_the_containers_own(world, alice):
    """As its user, in its group, with its environment; and no process that anybody sees."""
    path = alice.create("one", command=["sleep", "1000"], environment=["WHO=me"], user="1234:1234", working_directory="/tmp",
                        health=check("echo $(id -u) $WHO $PWD; cat /proc/self/cgroup; sleep 1"))
    before = processes(alice)
    alice.call(path, CONTAINER, "Start", "(a{sv})", {})
    becomes(alice, path, "healthy")
    # Where it is, as its own namespace of control groups has it: among the container's.
    first, *groups = last(alice, path)[2].splitlines()
    assert first == "1234 me /tmp"
    assert [group for group in groups if group.startswith("0::/")] and not [group for group in groups if ".." in group]
    assert processes(alice) == before


def test_HEALTH_04_who_is_well_and_ill_in_turn_does_not_fill_the_history(world, alice):
    path = started(alice, "one", "test -e /tmp/x && rm /tmp/x || ! touch /tmp/x", retries=1)
    time.sleep(20)
    deeds = [deed for _, _, deed, _ in alice.call(path, CONTAINER, "GetHistory")[0]]
    assert 6 <= len([deed for deed in deeds if "health" in deed]) <= 10 and [deed for deed in deeds if deed.startswith("Create")]


def test_HEALTH_05_frozen_ones_are_not_asked(world, alice):
    path = started(alice, "one", "echo x >> /tmp/asked; sleep 3", retries=1, timeout=1)
    wait(lambda: "x" in inside(alice, path, "cat /tmp/asked"), 10)
    alice.call(path, CONTAINER, "Freeze")
    seen = last(alice, path)
    time.sleep(3)
    assert last(alice, path) == seen
    alice.call(path, CONTAINER, "Thaw")
    becomes(alice, path, "unhealthy")


def test_HEALTH_06_bothyd_is_killed_during_a_check(world, alice):
    path = started(alice, "one", "echo x >> /tmp/asked; test $(wc -l < /tmp/asked) -lt 2 || sleep 888", timeout=600, retries=1)
    becomes(alice, path, "healthy")
    sleeps = "ps | grep -c '[s]leep 888'"
    wait(lambda: int(inside(alice, path, sleeps)) > 0, 10)
    world.restart(signal.SIGKILL)
    alice = world.client(ALICE)
    assert health(alice, path) == "healthy"
    assert not processes(alice)
    # The one that was under way is killed, and another one is asked for.
    wait(lambda: int(inside(alice, path, "wc -l < /tmp/asked")) >= 3, 10)
    assert int(inside(alice, path, sleeps)) <= 2


def test_HEALTH_07_others_do_not_see_it(world, alice):
    path = started(alice, "one", "true")
    bob = world.client(BOB)
    assert bob.error(path, "org.freedesktop.DBus.Properties", "Get", "(ss)", CONTAINER, "Health") in ("UnknownObject", "UnknownMethod")


def test_HEALTH_08_as_the_image_says(world, alice, put):  # noqa: F811
    """Unless somebody says otherwise; what it says too small or too great is as near as it may be."""
    put(bundles.saying(Healthcheck={"Test": ["CMD-SHELL", "echo image"], "Interval": 1000, "Timeout": 10**18, "Retries": 5000}))
    path = alice.create("one", "says", command=["sleep", "1000"], entrypoint=[])
    shown = alice.get(path, CONTAINER, "HealthCheck")
    assert shown == {"test": ["CMD-SHELL", "echo image"], "interval": SECOND, "timeout": 86400 * SECOND, "start-period": 0,
                     "start-interval": 0, "retries": 1000, "on-failure": "none"}
    world.restart()
    assert alice.get(path, CONTAINER, "HealthCheck") == shown
    off = alice.create("two", "says", health=GLib.Variant("a{sv}", {"test": GLib.Variant("as", ["NONE"])}))
    assert alice.get(off, CONTAINER, "HealthCheck") == {}
    own = alice.create("three", "says", health=check("echo own", interval=7))
    assert alice.get(own, CONTAINER, "HealthCheck") == {**shown, "test": ["CMD-SHELL", "echo own"], "interval": 7 * SECOND,
                                                        "timeout": 5 * SECOND}
    copy = alice.finish(alice.call(own, CONTAINER, "Clone", "(sa{sv})", "four", {})[0])["Object"]
    assert alice.get(copy, CONTAINER, "HealthCheck") == alice.get(own, CONTAINER, "HealthCheck")


ODD = {"nothing": ["CMD"], "empty": ["CMD", ""], "no-command": ["CMD-SHELL"], "empty-line": ["CMD-SHELL", ""], "two-lines": ["CMD-SHELL", "a", "b"],
       "many": ["CMD"] + ["x"] * 300, "other": ["WHAT", "x"], "none-and-more": ["NONE", "x"], "void": [""], "odd-words": ["CMD", "a;b", "", " \n\\"]}


def test_HEALTH_08_images_that_make_no_sense(world, alice, put):  # noqa: F811
    """Whatever an image says of health and of all the rest, what is made of it is read again, and ids are given out to others."""
    rest = {"Labels": {"": "x", "a\nb": "c\u0001;"}, "Env": ["A=\n;\\", "=x", "B", "\u00e9=\u0001"], "Volumes": {"/v;\n/../w": {}, "//": {}, "é": {}},
            "ExposedPorts": {"80": {}, "x/y": {}, "0/tcp": {}, "1-70000/udp": {}}, "Cmd": ["", ";", " \\"], "Entrypoint": ["", "x;"],
            "WorkingDir": "a/../;\n é", "StopSignal": "nonsense", "User": "1:$"}
    for name, test in ODD.items():
        put(bundles.saying(Healthcheck={"Test": test, "Interval": -1, "Timeout": 1, "Retries": 2**62}, **rest), name)
        alice.create(f"c-{name}", name)
    checks = {path: alice.get(path, CONTAINER, "HealthCheck") for path, found in alice.managed().items() if CONTAINER in found}
    assert [check["test"] for check in checks.values() if check] == [ODD["odd-words"]]
    world.restart()
    assert {path: alice.get(path, CONTAINER, "HealthCheck") for path, found in alice.managed().items() if CONTAINER in found} == checks
    with world.client(BOB) as bob:
        bob.delete(bob.create("another"))


def test_HEALTH_09_it_goes_along_with_an_image(world, alice):
    path = alice.create("one", health=check("test \"a\" = 'a'", interval=7, start_period=5 * SECOND))
    with tempfile.TemporaryFile() as file:
        operation, = alice.call(path, CONTAINER, "Export", "(hsa{sv})", 0, "oci", {}, fds=[file.fileno()])
        assert alice.finish(operation)["Error"] == ""
        file.seek(0)
        operation, = alice.manager("ImportImage", "(ha{sv})", 0, variants({"alias": "again"}), fds=[file.fileno()])
        image = alice.finish(operation)["Object"]
    assert alice.get(image, IMAGE, "Configuration")["healthcheck"] == {
        "test": ["CMD-SHELL", "test \"a\" = 'a'"], "interval": 7 * SECOND, "timeout": 5 * SECOND, "start-period": 5 * SECOND, "retries": 3}
    alice.call(image, IMAGE, "Remove")

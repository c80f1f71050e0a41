# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is started unasked: at boot, in which order, and again when it ended (AUTO). Logins are host/test_autostart's."""

import shutil
import signal
import time

import pytest
from gi.repository import GLib

import polkit
from conftest import ALICE, BOB
from test_clock import clock  # noqa: F401
from wire import CONTAINER, MANAGER, ROOT, variants, wait

FOREVER = ["sleep", "1000"]


def set_autostart(client, path, mode, **options):
    client.call(path, CONTAINER, "SetAutostart", "(sa{sv})", mode, values(options))


def refused(client, path, mode, **options):
    return client.error(path, CONTAINER, "SetAutostart", "(sa{sv})", mode, values(options))


def values(options):
    return {key: GLib.Variant("u" if isinstance(value, int) else "s", value) for key, value in options.items()}


def autostart(client, path):
    return client.get(path, CONTAINER, "Autostart")


def reason(client, path):
    return client.get(path, CONTAINER, "StateReason")


def boot(world):
    """As after a boot of the machine: no process of a container's is left, and nothing in /run says that there was one."""
    world.stop(signal.SIGKILL)
    for group in world.container_groups():
        kill = world.group / group / "cgroup.kill"
        if kill.exists():
            kill.write_text("1")
    shutil.rmtree(world.run / "boot")
    shutil.rmtree(world.run / "supervisors")
    world.start()


def runs(client, path):
    return wait(lambda: client.state(path) == "running")


# ---- what is said ----

NOTHING = {"mode": "no", "delay": 0, "after": "", "restart": "no"}


def test_AUTO_01_arguments(world, alice):
    path = alice.create("one")
    alice.create("two")
    before = world.snapshot()
    for mode in "on demand", "Boot", "boot ", "yes", "true":
        assert refused(alice, path, mode) == "InvalidArgs", mode
    for options in ({"delay": 3601}, {"delay": 2**32 - 1}, {"delay": "5"}, {"after": "Two"}, {"after": "bob/two"}, {"after": 1},
                    {"restart": "yes"}, {"restart": ""}, {"restart": "on-failure:0"}, {"restart": "on-failure:"},
                    {"restart": "on-failure:101"}, {"restart": "on-failure:-1"}, {"restart": "unless-stopped"},
                    {"restart": "always:3"}, {"start": "boot"}):
        assert refused(alice, path, "boot", **options) == "InvalidArgs", options
    assert refused(alice, path, "boot", after="three") == "NoSuchContainer"
    assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "three", "busybox",
                       variants({"restart": "sometimes"})) == "InvalidArgs"
    assert world.snapshot() == before
    assert autostart(alice, path) == NOTHING and reason(alice, path) == ""


def test_AUTO_02_what_is_not_named_stays(world, alice):
    path = alice.create("one", restart="always")
    alice.create("two")
    assert autostart(alice, path) == {**NOTHING, "restart": "always"}
    set_autostart(alice, path, "boot", delay=7, after="two")
    changed = alice.wait_signal("PropertiesChanged", path)
    assert changed[1]["Autostart"] == {"mode": "boot", "delay": 7, "after": "two", "restart": "always"}
    set_autostart(alice, path, "", restart="on-failure:3")
    set_autostart(alice, path, "login", delay=0)
    expected = {"mode": "login", "delay": 0, "after": "two", "restart": "on-failure:3"}
    assert autostart(alice, path) == expected
    assert (world.state / "autostart").exists()
    world.restart(signal.SIGKILL)
    alice = world.client(ALICE)
    assert autostart(alice, path) == expected and alice.state(path) == "stopped"
    set_autostart(alice, path, "no", after="", restart="no")
    assert autostart(alice, path) == NOTHING
    assert not (world.state / "autostart").exists()


def test_AUTO_02_the_other_is_renamed_and_deleted(world, alice):
    first, second = alice.create("first"), alice.create("second")
    set_autostart(alice, second, "boot", after="first")
    alice.call(first, CONTAINER, "Rename", "(s)", "db")
    assert autostart(alice, second)["after"] == "db"
    world.restart()
    alice = world.client(ALICE)
    assert autostart(alice, second)["after"] == "db"
    alice.delete(first.replace("first", "db"))
    assert autostart(alice, second)["after"] == ""
    # Whoever gets the name is another one.
    alice.create("db")
    assert autostart(alice, second)["after"] == ""
    alice.delete(second)
    assert not (world.state / "autostart").exists()


def test_AUTO_07_who_did_it_is_told(fresh_world):
    world = fresh_world()
    alice = world.client(ALICE)
    path = alice.create("one", network="none", restart="on-failure:1", command=["false"])
    set_autostart(alice, path, "boot", delay=0)
    boot(world)
    alice = world.client(ALICE)
    wait(lambda: "in a row" in alice.get(path, CONTAINER, "LastError"))
    told = [deed for _, _, deed, _ in alice.call(path, CONTAINER, "GetHistory")[0]][1:]
    assert set(told[0].split()) == {"SetAutostart", "delay=0", "mode=boot"}
    assert told[1:] == ["started at boot", "exited with 1", "exited with 1", "not started again, after restart 1 of 1"]


def test_AUTO_08_bothyd_stays_for_logins(fresh_world):
    """Else nobody would see them. For a boot alone it has not to be there."""
    world = fresh_world(config="[Service]\nIdleSeconds=1\n")
    alice = world.client(ALICE)
    path = alice.create("one")
    set_autostart(alice, path, "login")
    alice.close()
    time.sleep(2.5)
    assert world.service.poll() is None
    alice = world.client(ALICE)
    set_autostart(alice, path, "boot")
    alice.close()
    assert world.service.wait(10) == 0
    world.service = None


def test_AUTO_03_circles_are_refused_and_named(world, alice, bob):
    a, b, c = (alice.create(name) for name in "abc")
    bob.create("z")
    set_autostart(alice, b, "boot", after="a")
    set_autostart(alice, c, "boot", after="b")
    before = world.snapshot()
    for path, after, way in (a, "c", "a → c → b → a"), (b, "b", "b → b"), (a, "a", "a → a"):
        with pytest.raises(Exception, match=way) as caught:
            set_autostart(alice, path, "boot", after=after)
        assert caught.value.short == "InvalidArgs"
    # Others' are not there.
    assert refused(alice, a, "boot", after="z") == "NoSuchContainer"
    assert world.snapshot() == before


def test_AUTO_04_ephemeral_ones_are_not_started_again(world, alice):
    assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "one", "busybox",
                       variants({"ephemeral": True, "restart": "always"})) == "InvalidArgs"
    path = alice.create("one", ephemeral=True, command=FOREVER)
    for arguments in ("boot", {}), ("", {"restart": "on-failure"}):
        assert refused(alice, path, arguments[0], **arguments[1]) == "InvalidArgs"
    set_autostart(alice, path, "no", restart="no")


def test_AUTO_05_somebody_elses(world, alice, bob, root):
    path = alice.create("one")
    before = world.snapshot()
    assert refused(bob, path, "boot") == "UnknownObject"
    assert world.snapshot() == before
    set_autostart(root, path, "boot")
    assert autostart(alice, path)["mode"] == "boot"
    world.polkit.answers.update({polkit.MANAGE: "yes", polkit.INSPECT: "yes"})
    set_autostart(bob, path, "login")
    assert autostart(alice, path)["mode"] == "login"


def test_AUTO_06_no_more_than_a_user_may_have(fresh_world):
    world = fresh_world(config="[Quota]\nAutostarts=2\n")
    alice, bob = world.client(ALICE), world.client(BOB)
    paths = [alice.create(name) for name in ("one", "two", "three")]
    for path in paths[:2]:
        set_autostart(alice, path, "boot")
    assert refused(alice, paths[2], "login") == "QuotaExceeded"
    assert autostart(alice, paths[2]) == NOTHING
    # What is one of them already may be another way; a policy is none of them; and others have their own.
    set_autostart(alice, paths[0], "login")
    set_autostart(alice, paths[2], "", restart="always")
    set_autostart(bob, bob.create("one"), "boot")
    set_autostart(alice, paths[0], "no")
    set_autostart(alice, paths[2], "boot")
    # What an administrator is asked, and says.
    world.polkit.answers[polkit.EXCEED] = "yes"
    set_autostart(alice, paths[0], "boot")
    asked = world.polkit.asked(polkit.EXCEED)[-1].details
    assert asked["limits"] == "autostarts=3" and asked["ceilings"] == "autostarts=2" and asked["container"] == "one"


# ---- boot ----

def test_AUTO_10_boot_starts_them_once(fresh_world):
    world = fresh_world()
    alice, bob = world.client(ALICE), world.client(BOB)
    path, other, his = alice.create("one", command=FOREVER), alice.create("two", command=FOREVER), bob.create("one", command=FOREVER)
    set_autostart(alice, path, "boot")
    set_autostart(bob, his, "boot")
    alice.start(other)
    # Not at each start of bothyd, nor at once.
    world.restart()
    alice = world.client(ALICE)
    time.sleep(0.5)
    assert alice.state(path) == "stopped" and alice.state(other) == "running"
    boot(world)
    alice, bob = world.client(ALICE), world.client(BOB)
    runs(alice, path)
    runs(bob, his)
    assert reason(alice, path) == "autostart"
    assert alice.state(other) == "stopped" and reason(alice, other) == "shutdown"
    # Stopped, it stays so, whatever bothyd does.
    alice.stop(path)
    assert reason(alice, path) == "asked"
    world.restart(signal.SIGKILL)
    alice = world.client(ALICE)
    time.sleep(0.5)
    assert alice.state(path) == "stopped"
    boot(world)
    runs(world.client(ALICE), path)


def started_at(client, path):
    return client.get(path, CONTAINER, "StartedAt")


def test_AUTO_11_one_after_the_other(fresh_world):
    world = fresh_world()
    alice = world.client(ALICE)
    a, b, c, d = (alice.create(name, command=FOREVER) for name in "abcd")
    alice.create("broken", command=["/nonexistent"])
    broken = alice.create("e", command=FOREVER)
    set_autostart(alice, c, "boot", delay=1)
    set_autostart(alice, a, "boot", after="c", delay=1)
    set_autostart(alice, b, "boot", after="a")
    # "d" comes after one that nobody starts, "e" after one that can not be started.
    alice.create("never", command=FOREVER)
    set_autostart(alice, d, "boot", after="never")
    set_autostart(alice, broken.replace("/e", "/broken"), "boot")
    set_autostart(alice, broken, "boot", after="broken")
    boot(world)
    alice = world.client(ALICE)
    for path in a, b, c, d, broken:
        runs(alice, path)
    assert started_at(alice, a) - started_at(alice, c) >= 1_000_000
    assert started_at(alice, b) >= started_at(alice, a)
    assert started_at(alice, d) < started_at(alice, c)
    assert alice.state(broken.replace("/e", "/broken")) == "failed"
    assert "without never, which does not run" in world.log() and "without broken" in world.log()


def test_AUTO_12_killed_while_it_starts_them(fresh_world):
    """Those that were not started yet are started by the next one, and the others not again."""
    world = fresh_world()
    alice = world.client(ALICE)
    path, late = alice.create("one", command=["sh", "-c", "echo x >>/starts; exec sleep 1000"]), alice.create("late", command=FOREVER)
    set_autostart(alice, path, "boot")
    set_autostart(alice, late, "boot", delay=2)
    boot(world)
    runs(world.client(ALICE), path)
    world.restart(signal.SIGKILL)
    alice = world.client(ALICE)
    assert alice.state(late) == "stopped" and alice.state(path) == "running"
    runs(alice, late)
    assert alice.execute(path, "cat", "/starts")[0] == "x\n"
    assert alice.get(late, CONTAINER, "StateReason") == "autostart"


def test_AUTO_13_many_of_one_user(fresh_world):
    """A few at a time; others' come between; and who asks for something himself does not wait for them."""
    world = fresh_world(config="[Quota]\nContainers=60\nAutostarts=60\n", state_size="1G")
    alice, bob = world.client(ALICE), world.client(BOB)
    paths = [alice.create(f"c{i}", command=FOREVER) for i in range(40)]
    for path in paths:
        set_autostart(alice, path, "boot")
    his = bob.create("one", command=FOREVER)
    set_autostart(bob, his, "boot")
    boot(world)
    bob, root = world.client(BOB), world.client(0)
    runs(bob, his)
    states = [interfaces[CONTAINER]["State"] for path, interfaces in root.managed().items()
              if path in paths and CONTAINER in interfaces]
    assert states.count("starting") <= 2 and states.count("running") < 30, states
    alice = world.client(ALICE)
    wait(lambda: all(alice.state(path) == "running" for path in paths), 120)


# ---- again ----

def test_AUTO_20_on_failure_up_to_its_limit(world, alice):
    path = alice.create("one", restart="on-failure:3", command=["sh", "-c", "echo x; exit 7"])
    begin = time.monotonic()
    alice.start(path)
    wait(lambda: alice.state(path) == "failed")
    # 100 + 200 + 400 ms
    assert time.monotonic() - begin > 0.7
    error = alice.get(path, CONTAINER, "LastError")
    assert "3 times in a row" in error and "bothy start one" in error
    assert alice.get(path, CONTAINER, "LastExit") == (7, 0) and reason(alice, path) == "exited"
    time.sleep(1)
    assert alice.state(path) == "failed"
    assert "not started again" in world.log()
    # Who starts it begins anew.
    alice.start(path)
    wait(lambda: alice.state(path) == "failed")


def test_AUTO_20_only_on_failure(world, alice):
    path = alice.create("one", restart="on-failure", command=["true"])
    alice.start(path)
    wait(lambda: alice.state(path) == "stopped" and reason(alice, path) == "exited")
    time.sleep(0.5)
    assert alice.state(path) == "stopped"


def test_AUTO_21_always_until_it_is_stopped(world, alice):
    path = alice.create("one", restart="always", command=["sleep", "0.2"])
    alice.start(path)
    first = started_at(alice, path)
    wait(lambda: reason(alice, path) == "restart" and started_at(alice, path) > first)
    # In the pause as well as while it runs.
    wait(lambda: alice.state(path) == "stopped")
    alice.stop(path)
    at = started_at(alice, path)
    time.sleep(1)
    assert alice.state(path) == "stopped" and started_at(alice, path) == at
    assert alice.error(path, CONTAINER, "Stop", "(a{sv})", {}) == "WrongState"
    set_autostart(alice, path, "", restart="always")
    time.sleep(0.5)
    assert alice.state(path) == "stopped"
    # Or by another policy.
    alice.start(path)
    wait(lambda: alice.state(path) == "stopped")
    set_autostart(alice, path, "", restart="on-failure")
    set_autostart(alice, path, "", restart="no")
    at = started_at(alice, path)
    time.sleep(1)
    assert alice.state(path) == "stopped" and started_at(alice, path) == at


def test_AUTO_21_stopped_while_it_runs(world, alice):
    path = alice.create("one", restart="always", command=FOREVER)
    alice.start(path)
    leader = alice.get(path, CONTAINER, "Leader")
    alice.call(path, CONTAINER, "Kill", "(si)", "leader", 9)
    wait(lambda: alice.state(path) == "running" and alice.get(path, CONTAINER, "Leader") not in (0, leader))
    assert reason(alice, path) == "restart"
    alice.stop(path)
    assert reason(alice, path) == "asked"
    time.sleep(0.5)
    assert alice.state(path) == "stopped"
    world.restart(signal.SIGKILL)
    alice = world.client(ALICE)
    time.sleep(0.5)
    assert alice.state(path) == "stopped"


def test_AUTO_27_after_a_steady_run_it_counts_anew(fresh_world, clock):
    world = fresh_world(environment=clock.environment)
    alice = world.client(ALICE)
    path = alice.create("one", restart="on-failure:1", network="none",
                        command=["sh", "-c", "until [ -e /go ]; do sleep 0.05; done; rm /go; exit 1"])
    alice.start(path)
    for i in range(3):
        at = started_at(alice, path)
        clock.move(11 * (i + 1))
        alice.execute(path, "touch", "/go")
        wait(lambda: alice.state(path) == "running" and started_at(alice, path) > at)
    alice.execute(path, "touch", "/go")
    wait(lambda: alice.state(path) == "failed")
    assert "1 time in a row" in alice.get(path, CONTAINER, "LastError")


def test_AUTO_22_it_ended_while_bothyd_was_away(world, alice):
    path = alice.create("one", restart="on-failure", command=["sh", "-c", "sleep 0.7; exit 3"])
    fine = alice.create("two", restart="on-failure", command=["sleep", "0.7"])
    for each in path, fine:
        alice.start(each)
    first = started_at(alice, path)
    world.stop(signal.SIGKILL)
    time.sleep(1.2)
    world.start()
    alice = world.client(ALICE)
    wait(lambda: alice.state(path) == "running" and started_at(alice, path) > first)
    assert alice.state(fine) == "stopped" and reason(alice, fine) == "exited"


def test_AUTO_22_killed_in_the_pause(world, alice):
    """The next one goes on, and where the count was."""
    path = alice.create("one", restart="on-failure:4", command=["false"])
    alice.start(path)
    wait(lambda: "Due=true" in next((world.state / "containers").glob("*/container")).read_text())
    world.restart(signal.SIGKILL)
    alice = world.client(ALICE)
    wait(lambda: alice.state(path) == "failed")
    assert "4 times in a row" in alice.get(path, CONTAINER, "LastError")


def test_AUTO_23_what_can_not_be_started(world, alice):
    """Who asks hears of it, and it is not tried again."""
    path = alice.create("one", restart="always", command=["/nonexistent"])
    assert alice.error(path, CONTAINER, "Start", "(a{sv})", {}) == "NoSuchProgram"
    time.sleep(0.5)
    assert alice.state(path) == "failed" and reason(alice, path) == "asked"


def test_AUTO_24_a_crash_loop_costs_little(world, alice, bob):
    """The pauses double, each end is one entry of the journal, and others are served as before."""
    paths = [alice.create(f"c{i}", restart="always", network="none", command=["false"]) for i in range(6)]
    before = len(world.log().splitlines())
    for path in paths:
        alice.start(path)
    time.sleep(4)
    # 100 + 200 + 400 + 800 + 1600 ms are 3.1 s: at most five of each.
    for file in (world.state / "containers").glob("*/container"):
        line = next(line for line in file.read_text().splitlines() if line.startswith("Restarts="))
        assert 2 <= int(line.split("=")[1]) <= 6, line
    new = world.log().splitlines()[before:]
    assert len(new) <= 6 * 8, new
    begin = time.monotonic()
    path = bob.create("one", command=FOREVER)
    bob.start(path)
    assert time.monotonic() - begin < 5
    # One that is about to start again is busy for a moment.
    for path in paths:
        wait(lambda: alice.error(path, CONTAINER, "Delete", "(a{sv})", variants({"force": True})) in ("", "UnknownObject"))
        wait(lambda: path not in alice.managed())


def test_AUTO_25_an_administrator(world, alice, root):
    path = alice.create("one", restart="always", command=FOREVER)
    root.start(path)
    assert reason(alice, path) == "administrator"
    root.stop(path)
    assert (alice.state(path), reason(alice, path)) == ("stopped", "administrator")
    time.sleep(0.5)
    assert alice.state(path) == "stopped"


def test_AUTO_26_a_reason_comes_with_its_state(world, alice):
    path = alice.create("one", command=["sh", "-c", "kill -9 $$"])
    shell = alice.create("two", command=FOREVER)
    alice.start(path)
    wait(lambda: alice.state(path) == "failed" or alice.state(path) == "stopped")
    alice.start(shell)
    alice.call(shell, CONTAINER, "Kill", "(si)", "leader", 9)
    wait(lambda: alice.state(shell) == "failed")
    assert reason(alice, shell) == "crashed"
    seen = [arguments[1] for *_, arguments in alice.signals("PropertiesChanged", shell)]
    assert next(c for c in seen if "StateReason" in c)["StateReason"] == "asked"
    assert {"State": "failed", "StateReason": "crashed"}.items() <= next(c for c in seen if c.get("State") == "failed").items()


# ---- taken back ----

def test_AUTO_14_stopped_before_it_began(fresh_world):
    """It stays so until the next boot, also for the bothyd that comes after this one."""
    world = fresh_world()
    alice = world.client(ALICE)
    path = alice.create("one", network="none", command=FOREVER)
    set_autostart(alice, path, "boot", delay=2)
    boot(world)
    alice = world.client(ALICE)
    alice.stop(path)
    world.restart(signal.SIGKILL)
    time.sleep(3)
    alice = world.client(ALICE)
    assert alice.state(path) == "stopped"
    boot(world)
    alice = world.client(ALICE)
    runs(alice, path)


@pytest.mark.parametrize("restart", ["no", "always"])
def test_AUTO_15_a_deletion_that_was_cut_short_brings_nothing_back(fresh_world, restart):
    """What is to go is started no more, however far the deletion came."""
    world = fresh_world(start=False)
    world.start(BOTHY_FAULT="delete.before-rename")
    alice = world.client(ALICE)
    path = alice.create("one", network="none", command=FOREVER, restart=restart)
    alice.start(path)
    alice.send(path, CONTAINER, "Delete", "(a{sv})", variants({"force": True}))
    assert world.service.wait(20) != 0
    world.start()
    time.sleep(1)
    alice = world.client(ALICE)
    assert alice.state(path) in ("stopped", "failed")


def test_AUTO_16_the_administrators_switch(fresh_world):
    """Also for what was asked for before, and for who starts bothyd."""
    world = fresh_world()
    alice = world.client(ALICE)
    path = alice.create("one", network="none", command=FOREVER, restart="always")
    set_autostart(alice, path, "boot")
    world.configure("[Quota]\nAutostarts=0\n")
    boot(world)
    alice = world.client(ALICE)
    time.sleep(1)
    assert alice.state(path) == "stopped"
    alice.start(path)
    alice.call(path, CONTAINER, "Kill", "(si)", "all", 9)
    time.sleep(1)
    assert alice.state(path) == "failed"


def test_AUTO_17_what_it_waits_for_changes(fresh_world):
    """It waits for the other one, or for none, and not for ever."""
    world = fresh_world()
    alice = world.client(ALICE)
    late = alice.create("late", network="none", command=FOREVER)
    paths = [alice.create(name, network="none", command=FOREVER) for name in ("one", "two")]
    other = alice.create("other", network="none")
    set_autostart(alice, late, "boot", delay=3600)
    for path in paths:
        set_autostart(alice, path, "boot", after="late")
    boot(world)
    alice = world.client(ALICE)
    time.sleep(0.5)
    assert [alice.state(path) for path in paths] == ["stopped"] * 2
    set_autostart(alice, paths[0], "", after="")
    set_autostart(alice, paths[1], "", after="other")
    for path in paths:
        runs(alice, path)
    assert alice.state(late) == alice.state(other) == "stopped"


def test_AUTO_18_who_fails_again_and_again_keeps_nobody_waiting(fresh_world):
    world = fresh_world()
    alice = world.client(ALICE)
    db = alice.create("db", network="none", command=["/no/such/program"], restart="always")
    web = alice.create("web", network="none", command=FOREVER)
    set_autostart(alice, db, "boot")
    set_autostart(alice, web, "boot", after="db")
    boot(world)
    alice = world.client(ALICE)
    runs(alice, web)


# ---- on demand ----

def test_AUTO_09_exec_starts_it(fresh_world):
    world = fresh_world(config="[Service]\nIdleSeconds=1\n")
    alice = world.client(ALICE)
    path = alice.create("one", network="none", command=FOREVER)
    argv = (["true"], {})
    assert alice.error(path, CONTAINER, "ExecAndWait", "(asa{sv})", *argv) == "WrongState"
    set_autostart(alice, path, "on-demand")
    assert autostart(alice, path)["mode"] == "on-demand" and alice.state(path) == "stopped"
    assert alice.call(path, CONTAINER, "ExecAndWait", "(asa{sv})", *argv)[0] == 0
    assert (alice.state(path), reason(alice, path)) == ("running", "on-demand")
    alice.call(path, CONTAINER, "Stop", "(a{sv})", variants({"force": True}))
    # bothyd stays, to hear of connections.
    alice.close()
    time.sleep(2.5)
    assert world.service.poll() is None
    alice = world.client(ALICE)
    # What could not be started says why.
    set_autostart(alice, path, "no")
    broken = alice.create("two", network="none", command=["/nonexistent"])
    set_autostart(alice, broken, "on-demand")
    assert alice.error(broken, CONTAINER, "ExecAndWait", "(asa{sv})", *argv) == "NoSuchProgram"

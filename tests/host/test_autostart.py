# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is started unasked, with systemd and its logind: at boot, at login, and again when it ended (AUTO)."""

import json
import subprocess
import time

import pytest

from tools import UID, broker, info, state, tidy, until  # noqa: F401

MARK = "var/lib/bothy/autostart"


def runs(host, name, user="alice", seconds=20):
    return until(lambda: (found := info(host, name, user))["state"] == "running" and found, seconds,
                 f"{name} runs")


def logged_in(host):
    return [user for user in UID if host.run("root", "loginctl", "show-user", user).returncode == 0]


def autostart_unit(host):
    return host.output("root", "systemctl show -P ConditionResult bothy-autostart.service")


def login(host, user="alice", session="active"):
    """A session, which is over when its input is."""
    process = subprocess.Popen(host.command(user, "sh", "-c", "echo in; cat", session=session), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "in\n"
    return process


def log_out(host, *sessions, user="alice"):
    for process in sessions:
        process.stdin.close()
        process.wait(20)
    host.run("root", "loginctl", "terminate-user", user)
    until(lambda: user not in logged_in(host), 30, "he is logged out")


# ---- boot ----

def test_AUTO_10_a_boot_of_the_machine(fresh_host):
    """It is started without its owner, in his slice, and one after the other; what was stopped before, too."""
    host = fresh_host()
    host.run("alice", "bothy create busybox web -- sleep 1000 && bothy launch busybox db && bothy launch busybox other && "
                      "bothy launch --restart always busybox again", check=True)
    host.run("bob", "bothy launch --restart always busybox his", check=True)
    host.run("alice", "bothy autostart web boot --after db --delay 1 && bothy autostart db boot", check=True)
    before = info(host, "again")["startedAt"]
    host.reboot()
    assert autostart_unit(host) == "yes"
    # Nobody called it.
    until(lambda: broker(host) != 0, what="bothyd runs")
    web, db = runs(host, "web"), runs(host, "db")
    assert logged_in(host) == []
    assert web["stateReason"] == "autostart" and web["startedAt"] - db["startedAt"] >= 1_000_000
    assert "/user-1000" in web["controlGroup"] and web["owner"] == UID["alice"]
    assert host.output("alice", "bothy", "exec", "web", "--", "id", "-u") == "0"
    # A policy is no autostart, and the shutdown was no crash.
    again, other = info(host, "again"), info(host, "other")
    assert (again["state"], again["stateReason"], again["startedAt"]) == ("stopped", "shutdown", before)
    assert (other["state"], other["stateReason"]) == ("stopped", "shutdown")
    assert state(host, "his", "bob") == "stopped"
    # Once: what is stopped stays so while the machine is up.
    host.run("alice", "bothy stop -f web", check=True)
    host.run("root", "kill -9 $(systemctl show -P MainPID bothyd); systemctl restart bothy-autostart bothyd", check=True)
    time.sleep(1.5)
    assert state(host, "web") == "stopped" and state(host, "db") == "running"
    # And without any, bothyd is not started.
    host.run("alice", "bothy autostart web no; bothy autostart db no", check=True)
    assert not (host.root / MARK).exists()
    host.reboot()
    assert autostart_unit(host) == "no" and broker(host) == 0


# ---- login ----

@pytest.fixture
def alone(host):
    """Nobody is logged in."""
    log_out(host)
    yield host
    log_out(host)


def test_AUTO_30_the_first_session(alone):
    host = alone
    host.run("alice", "bothy create busybox x1 && bothy autostart x1 login", check=True)
    host.run("bob", "bothy create busybox b1 && bothy autostart b1 login", check=True)
    time.sleep(0.5)
    assert state(host, "x1") == "stopped"
    first = login(host)
    found = runs(host, "x1")
    assert found["stateReason"] == "autostart" and state(host, "b1", "bob") == "stopped"
    # Not once more at each of them.
    host.run("alice", "bothy stop -f x1", check=True)
    second = login(host, session="remote")
    host.run("root", "systemctl restart bothyd", check=True)
    time.sleep(1)
    assert state(host, "x1") == "stopped"
    host.run("alice", "bothy start x1", check=True)
    leader = info(host, "x1")["leader"]
    log_out(host, first, second)
    # Left running; and then the next session finds it so.
    assert info(host, "x1")["leader"] == leader
    third = login(host)
    time.sleep(0.5)
    assert info(host, "x1")["leader"] == leader
    host.run("alice", "bothy stop -f x1", check=True)
    log_out(host, third)
    fourth = login(host, session="remote")
    runs(host, "x1")
    log_out(host, fourth)


def test_AUTO_30_while_bothyd_is_away(alone):
    """It sees who is logged in when it comes back."""
    host = alone
    host.run("alice", "bothy create busybox x1 && bothy autostart x1 login", check=True)
    host.run("root", "systemctl stop bothyd", check=True)
    session = login(host)
    host.run("root", "systemctl start bothyd", check=True)
    runs(host, "x1")
    host.run("alice", "bothy stop -f x1", check=True)
    host.run("root", "systemctl stop bothyd", check=True)
    log_out(host, session)
    session = login(host)
    host.run("root", "systemctl start bothyd", check=True)
    # Whether that was another session it can not know, unless it was there in between.
    time.sleep(0.5)
    log_out(host, session)
    session = login(host)
    runs(host, "x1")
    log_out(host, session)


def test_AUTO_31_nobody_is_logged_in_by_a_signal(alone):
    host = alone
    host.run("alice", "bothy create busybox x1 && bothy autostart x1 login", check=True)
    emit = ("gdbus emit --system {} --object-path /org/freedesktop/login1 --signal "
            "org.freedesktop.login1.Manager.SessionNew c99 \"objectpath '/org/freedesktop/login1/session/c99'\"")
    for user in "bob", "root":
        host.run(user, emit.format(""))
        host.run(user, emit.format("--dest org.bothy.Bothy1"))
    time.sleep(1)
    assert state(host, "x1") == "stopped"
    host.run("alice", "bothy autostart x1 no", check=True)


def test_AUTO_32_another_account_with_the_uid(fresh_host):
    """Who has the uid now is not who wanted it, and who is gone can not start it either."""
    host = fresh_host()
    for user in "alice", "bob", "carol":
        host.run(user, "bothy create busybox x1 && bothy autostart x1 boot", check=True)
    host.run("root", "sed -i 's/^alice:/mallory:/' /etc/passwd /etc/shadow /etc/group; "
                     "sed -i '/^bob:/d' /etc/passwd /etc/shadow; "
                     # As a boot would: the root of such a host forgets its accounts.
                     "systemctl stop bothyd; rm -r /run/bothy/boot; systemctl restart bothy-autostart", check=True)
    runs(host, "x1", "carol")

    def log():
        return host.output("root", "journalctl -u bothyd -o cat")

    until(lambda: "Container x1 of user 1000 is not started" in log() and
          "Container x1 of user 1001 is not started" in log(), what=log)
    listed = json.loads(host.output("root", "bothy list --all --json"))
    assert {c["owner"]: c["state"] for c in listed} == {1000: "stopped", 1001: "stopped", 1002: "running"}


# ---- again ----

def test_AUTO_20_restart_and_its_limit(host):
    host.run("alice", "bothy launch --restart on-failure:3 busybox x1 -- sh -c 'exit 4'", check=True)
    until(lambda: state(host, "x1") == "failed", what="it is given up")
    found = info(host, "x1")
    assert "3 times in a row" in found["lastError"] and found["lastExit"] == [4, 0]
    shown = host.output("alice", "bothy info x1")
    assert "on-failure:3" in shown and "3 times in a row" in shown
    assert "not started again" in host.output("root", "journalctl -u bothyd -o cat --since -1min")


def test_AUTO_21_killed_again_and_again(host):
    """Its first process, its supervisor's, and bothyd in between; until it is stopped."""
    host.run("alice", "bothy launch --restart always busybox x1", check=True)
    leader = info(host, "x1")["leader"]
    for how in "{leader}", "$(ps -o ppid= -p {leader})", "{leader} $(systemctl show -P MainPID bothyd)":
        host.run("root", "kill -9 " + how.format(leader=leader), check=True)
        leader = until(lambda: (found := info(host, "x1"))["state"] == "running" and
                       found["leader"] not in (0, leader) and found["leader"], 20, "it runs again")
        assert info(host, "x1")["stateReason"] == "restart"
    host.run("alice", "bothy stop -f x1", check=True)
    host.run("root", "systemctl restart bothyd", check=True)
    time.sleep(0.7)
    assert (state(host, "x1"), info(host, "x1")["stateReason"]) == ("stopped", "asked")


def test_AUTO_26_it_ended_by_itself(host):
    host.run("alice", "bothy launch busybox x1 -- sh -c 'sleep 0.3; exit 0'", check=True)
    until(lambda: info(host, "x1")["stateReason"] == "exited", what="it ended by itself")


def test_AUTO_40_the_command(host):
    host.run("alice", "bothy create busybox x1 && bothy create busybox x2", check=True)
    assert host.output("alice", "bothy autostart x1").split() == ["Started:", "no", "Restarted:", "no"]
    host.run("alice", "bothy autostart x1 boot --delay 5 --after x2 --restart on-failure:5", check=True)
    assert json.loads(host.output("alice", "bothy autostart x1 --json")) == {
        "mode": "boot", "delay": 5, "after": "x2", "restart": "on-failure:5"}
    shown = host.output("alice", "bothy info x1")
    assert "at boot, after x2, 5 seconds later" in shown and "on-failure:5" in shown
    assert info(host, "x1")["autostart"]["after"] == "x2"
    done = host.run("alice", "bothy autostart x2 boot --after x1")
    assert done.returncode == 1 and "x2 → x1 → x2" in done.stderr
    for words in "x1 demand", "x1 boot --delay 4000", "x1 --restart sometimes", "x1 --after nobody", "x1 boot x2":
        assert host.run("alice", f"bothy autostart {words}").returncode != 0, words
    done = host.run("alice", "bothy run --rm --restart always busybox true")
    assert done.returncode == 125 and "ephemeral" in done.stderr
    host.run("alice", "bothy autostart x1 no --after '' --delay 0 --restart no", check=True)
    assert not (host.root / MARK).exists()
    assert host.run("bob", "bothy autostart alice/x1 boot").returncode != 0

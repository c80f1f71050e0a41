# SPDX-License-Identifier: LGPL-2.1-or-later
"""CG-07, LIFE-02: systemd answers with an error, late or never, or somebody answers in its place.

It is the host's own systemd; between it and bothyd is a bus that changes what they say.
"""

import subprocess
import time

import pytest
from gi.repository import GLib

import lyingbus
from tools import info, nothing_left, spare_units, state, tidy, until  # noqa: F401

SOCKET = "/run/lies"
DROP_IN = "/run/systemd/system/bothyd.service.d/lies.conf"
FAILED = "org.freedesktop.systemd1.LoadFailed"


@pytest.fixture(scope="module")
def lies(host):
    (host.root / SOCKET.lstrip("/")).unlink(missing_ok=True)
    bus = lyingbus.LyingBus(host.root / SOCKET.lstrip("/"), str(host.root / "run/dbus/system_bus_socket"))
    host.write(DROP_IN, f"[Service]\nEnvironment=DBUS_SYSTEM_BUS_ADDRESS=unix:path={SOCKET}\n")
    host.run("root", "systemctl daemon-reload && systemctl restart bothyd", check=True)
    yield bus
    (host.root / DROP_IN.lstrip("/")).unlink()
    host.run("root", "systemctl daemon-reload && systemctl restart bothyd", check=True)
    bus.close()


@pytest.fixture
def x1(host, lies):
    """A container that no scope is kept ready for: the next start asks systemd for one."""
    host.run("alice", "bothy", "create", "busybox", "x1", check=True)
    host.run("bob", "bothy", "launch", "busybox", "beside", check=True)
    host.run("root", "systemctl", "restart", "bothyd", check=True)
    host.run("alice", "bothy", "list", check=True)
    yield info(host, "x1")
    lies.truth()


def start(host, seconds=60):
    return host.run("alice", "bothy", "start", "x1", timeout=seconds)


def goes_on(host, lies):
    """The truth again: nothing is left of the start that failed, and the next one works."""
    lies.truth()
    nothing_left(host, 20)
    assert host.run("bob", "bothy exec beside -- true").returncode == 0
    host.run("alice", "bothy start x1 && bothy exec x1 -- true && bothy stop -f x1", check=True)
    nothing_left(host)


def failed_with(host, done, text):
    assert done.returncode != 0 and text in done.stderr, done.stderr
    assert state(host, "x1") == "failed" and text in info(host, "x1")["lastError"]


def test_CG_07_systemd_refuses(host, lies, x1):
    lies.lies["StartTransientUnit"] = lyingbus.error(FAILED, "it would rather not")
    failed_with(host, start(host), "it would rather not")
    goes_on(host, lies)


def test_CG_07_limits_are_refused(host, lies, x1):
    """A scope that is kept ready has the limits of everybody. A supervisor is in it by then: it goes again."""
    host.run("alice", "bothy limit x1 pids=100", check=True)
    host.run("alice", "bothy create busybox x2 && bothy delete x2", check=True)
    until(lambda: spare_units(host), what="a scope is kept ready")
    lies.lies["SetUnitProperties"] = lyingbus.error(FAILED, "no limits today")
    failed_with(host, start(host), "no limits today")
    goes_on(host, lies)


def test_CG_07_the_answer_makes_no_sense(host, lies, x1):
    lies.lies["StartTransientUnit"] = lyingbus.body(GLib.Variant("(s)", ("done",)))
    assert start(host).returncode != 0
    assert state(host, "x1") == "failed"
    goes_on(host, lies)


def test_CG_07_the_job_fails(host, lies, x1):
    def fails(message):
        body = message.get_body().unpack()
        if body[2].startswith("bothy-"):
            message.set_body(GLib.Variant("(uoss)", (*body[:3], "failed")))
            lies.back.send(bytes(message.to_blob(lyingbus.FDS)))
            return False
        return True
    lies.signals["JobRemoved"] = fails
    failed_with(host, start(host), "job ended: failed")
    lies.held.clear()
    goes_on(host, lies)


def test_CG_07_systemd_never_answers(host, lies, x1):
    """Others are served meanwhile; the start ends by itself."""
    lies.swallowed.add("StartTransientUnit")
    waiting = subprocess.Popen(host.command("alice", "bothy", "start", "x1"), stdin=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    until(lambda: lies.held, what="systemd is asked")
    begin = time.monotonic()
    assert host.run("bob", "bothy exec beside -- true").returncode == 0
    assert state(host, "x1") == "starting"
    assert time.monotonic() - begin < 5
    errors = waiting.communicate(timeout=60)[1]
    assert waiting.returncode != 0 and "systemd" in errors
    assert state(host, "x1") == "failed"
    lies.held.clear()
    goes_on(host, lies)


def test_CG_07_systemd_does_not_say_that_it_is_done(host, lies, x1):
    """It is asked then, before anybody gives up."""
    lies.signals["JobRemoved"] = lambda message: False
    done = start(host)
    assert done.returncode == 0, done.stderr
    assert state(host, "x1") == "running"
    lies.signals.clear()
    lies.held.clear()
    host.run("alice", "bothy stop -f x1", check=True)
    goes_on(host, lies)


def test_CG_07_systemd_is_late_and_bob_says_that_it_is_done(host, lies, x1):
    """Who says it is looked at, not only what is said."""
    lies.signals["JobRemoved"] = lambda message: False
    waiting = subprocess.Popen(host.command("alice", "bothy", "start", "x1"), stdin=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    held = until(lambda: [m for m in lies.held if m.get_member() == "JobRemoved"
                          and m.get_body().unpack()[2].startswith("bothy-")], what="its job has ended")
    number, job, unit, _ = held[0].get_body().unpack()
    lies.signals.clear()
    for result in "failed", "done":
        host.run("bob", "gdbus", "emit", "--system", "--object-path", "/org/freedesktop/systemd1", "--signal",
                 "org.freedesktop.systemd1.Manager.JobRemoved", str(number), f"objectpath '{job}'", unit, result,
                 check=True)
    time.sleep(1)
    assert waiting.poll() is None and state(host, "x1") == "starting"
    lies.release()
    assert waiting.wait(30) == 0, waiting.stderr.read()
    assert state(host, "x1") == "running"
    host.run("alice", "bothy stop -f x1", check=True)
    nothing_left(host, 20)

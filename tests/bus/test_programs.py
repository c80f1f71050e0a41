# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs in containers and their terminals through the bus; the console (THREATS, LIFE)."""

import os
import re
import time

import pytest

import wire
from conftest import ALICE
from wire import CONTAINER, PROCESS, ROOT, variants, wait


def test_LIFE_start_with_stdio(world, alice):
    reader, writer = os.pipe()
    path = alice.create("cat", command=["sh", "-c", "echo to the fd; exit 7"])
    null = os.open("/dev/null", os.O_RDWR)
    alice.call(path, CONTAINER, "Start", "(a{sv})", {"stdio": wire.GLib.Variant("ah", [0, 1, 0])}, fds=[null, writer])
    os.close(writer)
    os.close(null)
    with os.fdopen(reader) as file:
        assert file.read() == "to the fd\n"
    wait(lambda: alice.get(path, CONTAINER, "LastExit") == (7, 0))


def test_LIFE_exec_options_and_errors(world, alice, box):
    assert alice.execute(box, "sh", "-c", "echo $A; pwd", environment=["A=b c"], working_directory="/tmp") == (
        "b c\n/tmp\n", (0, 0))
    assert alice.execute(box, "sh", "-c", "exit 42")[1] == (42, 0)
    assert alice.execute(box, "sh", "-c", "kill -TERM $$")[1] == (0, 15)
    assert alice.execute(box, "id", "-u", user="7") == ("7\n", (0, 0))
    for arguments, options, wanted in ((["nothing"], {}, "NoSuchProgram"), (["/etc/passwd"], {}, "NotExecutable"),
                                       (["true"], {"user": "nobodyatall"}, "NoSuchUser")):
        assert alice.error(box, CONTAINER, "Exec", "(asaha{sv})", arguments, [], variants(options)) == wanted


def test_LIFE_terminals(world, alice, box):
    pty, name = alice.call(box, CONTAINER, "OpenShell", "(ssasas)", "", "/bin/sh", [], [])
    assert re.fullmatch(r"pts/\d+", name)
    os.write(pty, b"echo $((6*7)); tty; echo $((7*8))\n")
    assert read_until(pty, b"42\r\n/dev/" + name.encode() + b"\r\n56")
    os.close(pty)
    process = alice.call(box, CONTAINER, "Exec", "(asaha{sv})", ["cat"], [], variants({"tty": True}))[0]
    (pty,) = alice.call(process, PROCESS, "OpenPTY")
    os.write(pty, b"through\n")
    assert read_until(pty, b"through")
    os.close(pty)
    alice.call(process, PROCESS, "Kill", "(i)", 9)
    wait(lambda: alice.get(process, PROCESS, "Ended"))
    assert alice.get(process, PROCESS, "ExitStatus") == (0, 9)
    assert alice.error(process, PROCESS, "Kill", "(i)", 9) == "WrongState"


def test_LIFE_terminals_of_the_ended_are_few(fresh_world):
    """Each keeps an fd for whoever comes to look; more than a user may run are not kept."""
    world = fresh_world(config="[Quota]\nProcesses=8\n")
    alice = world.client(ALICE)
    box = alice.create("box", command=["sleep", "1000"])
    alice.start(box)
    before, processes = world.settled_fds(), []
    for _ in range(30):
        processes += alice.call(box, CONTAINER, "Exec", "(asaha{sv})", ["true"], [], variants({"tty": True}))
        alice.wait_signal("Exited", processes[-1])
    assert [process for process in processes if process in alice.managed()] == processes[-8:]
    assert alice.wait_signal("InterfacesRemoved", ROOT, match=lambda a: a[0] == processes[0])
    assert world.settled_fds() <= before + 8
    assert alice.get(processes[-8], PROCESS, "ExitStatus") == (0, 0)


def read_until(fd, text):
    data = b""
    os.set_blocking(fd, False)
    deadline = time.monotonic() + 10
    while text not in data and time.monotonic() < deadline:
        try:
            data += os.read(fd, 4096)
        except BlockingIOError:
            time.sleep(0.01)
    return text in data


def test_LIFE_console_and_log(world, alice):
    path = alice.create("talk", command=["sh", "-c", "echo hello console; exec sleep 1000"])
    alice.start(path)
    (console,) = alice.call(path, CONTAINER, "OpenConsole")
    assert read_until(console, b"hello console")
    os.close(console)
    (log,) = alice.call(path, CONTAINER, "OpenLog")
    assert read_until(log, b"hello console")
    with pytest.raises(OSError):
        os.write(log, b"x")
    os.close(log)

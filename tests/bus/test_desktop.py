# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a desktop and scripts ask for: errors by name and detail, and all at once what else takes many calls."""

import os
import signal

from conftest import ALICE
from wire import CONTAINER, NAME, OPERATION, ROOT, variants, wait

ERROR = NAME + ".Error."


def last_error(client, path):
    shown = client.get_all(path, CONTAINER)
    assert bool(shown["LastError"]) == bool(shown["LastErrorName"])
    return shown["LastErrorName"].removeprefix(ERROR), shown["LastErrorDetails"]


def test_last_error_is_typed(world, alice):
    """Also of what an earlier bothyd saw; and it goes with the next start."""
    none = alice.create("none", command=["/no/such/program"])
    who = alice.create("who", command=["true"], user="nobody-like-that")
    killed = alice.create("killed", command=["sleep", "1000"])
    assert last_error(alice, none) == ("", {})
    assert alice.error(none, CONTAINER, "Start", "(a{sv})", {}) == "NoSuchProgram"
    assert alice.error(who, CONTAINER, "Start", "(a{sv})", {}) == "NoSuchUser"
    alice.start(killed)
    os.kill(alice.get(killed, CONTAINER, "Leader"), signal.SIGSEGV)
    wait(lambda: alice.state(killed) == "failed")
    for _ in range(2):
        assert last_error(alice, none) == ("NoSuchProgram", {"container": "none", "program": "/no/such/program"})
        assert last_error(alice, who) == ("NoSuchUser", {"container": "who", "user": "nobody-like-that"})
        assert last_error(alice, killed) == ("Crashed", {"signal": "11"})
        world.restart()
    alice.start(killed)
    assert last_error(alice, killed) == ("", {})


def test_last_error_comes_with_the_state(world, alice):
    watcher = world.client(ALICE)
    watcher.manager("ListContainers")
    path = alice.create("none", command=["/no/such/program"])
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

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is said without having been asked for."""

import pytest

TOLD = "Main.messageTray.getSources().flatMap(each => each.notifications)"
SETTINGS = "org.gnome.shell.extensions.bothy"


@pytest.fixture(autouse=True)
def quiet(desktop):
    """None is left of another test."""
    clear = "Main.messageTray.getSources().forEach(each => each.destroy()); return true"
    desktop.eval(clear)
    yield
    desktop.eval(clear)


def set_key(desktop, key, value):
    desktop.eval(f"indicator._notifier._settings.set_boolean('{key}', {'true' if value else 'false'}); return true")


def kill(desktop, name):
    leader = desktop.host.output("alice", f"bothy info {name} --json | jq .leader")
    desktop.host.run("root", f"kill -9 {leader}", check=True)


def test_failure(desktop, until):
    """Once, with a button that starts it again; and gone when it runs."""
    desktop.bothy("launch", "busybox", "db", check=True)
    desktop.wait("toggle.subtitle === 'db'")
    kill(desktop, "db")
    desktop.wait(f"{TOLD}.length === 1")
    assert desktop.eval(f"{TOLD}.map(each => [each.title, each.body, each.urgency])") == [
        ["db has failed", "Its first program was killed by signal 9", 2]]
    desktop.picture("notification")
    desktop.eval(f"{TOLD}[0].actions[0].activate(); return true")
    until(lambda: desktop.state("db") == "running")
    desktop.wait(f"{TOLD}.length === 0")


def test_failure_is_not_said(desktop, until):
    """Not to who does not want it, and not of a start that somebody asked for and heard the answer of."""
    set_key(desktop, "notify-failures", False)
    desktop.bothy("launch", "busybox", "db", check=True)
    desktop.wait("toggle.subtitle === 'db'")
    kill(desktop, "db")
    desktop.wait("toggle.subtitle === 'db failed'")
    assert desktop.eval(f"{TOLD}.length") == 0
    set_key(desktop, "notify-failures", True)
    desktop.bothy("create", "busybox", "bad", "--", "/none", check=True)
    assert desktop.bothy("start", "bad").returncode != 0
    desktop.wait("toggle.subtitle === '2 failed'")
    assert desktop.eval(f"{TOLD}.length") == 0
    # What the service says of it, for there is no sentence of ours.
    desktop.open_menu()
    desktop.wait("!!row('bad')")
    assert desktop.row("bad")["detail"] == "There is no such program in the container"


def test_memory_is_said_once_in_a_while(desktop):
    desktop.bothy("launch", "busybox", "db", check=True)
    desktop.wait("toggle.subtitle === 'db'")
    desktop.eval("""
        const [container] = indicator._client.containers.values();
        indicator._onEvent('memory', container);
        indicator._onEvent('memory', container);
        return true""")
    assert desktop.eval(f"{TOLD}.map(each => [each.title, each.urgency])") == [["db used all its memory", 1]]


def test_started_by_themselves(desktop):
    """One sentence for all, if it is wanted."""
    set_key(desktop, "notify-started", True)
    try:
        for name in "a", "b":
            desktop.bothy("launch", "--restart", "always", "busybox", name, check=True)
        desktop.wait("toggle.subtitle === '2 running'")
        kill(desktop, "a")
        kill(desktop, "b")
        desktop.wait(f"{TOLD}.some(each => each.title === 'Containers were started')", 40)
        bodies = desktop.eval(f"{TOLD}.filter(each => each.title === 'Containers were started').map(each => each.body)")
        assert set(", ".join(bodies).split(", ")) <= {"a", "b"}
    finally:
        set_key(desktop, "notify-started", False)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the menu does when the service comes and goes."""

import pytest

NAME = "org.bothy.Bothy1"
PRESENCE = "indicator._client.presence"


def pid(desktop):
    return int(desktop.host.output("root", "systemctl", "show", "-P", "MainPID", "bothyd"))


@pytest.fixture
def idle(desktop):
    """The service leaves after a second."""
    def configure(text):
        desktop.host.write("/etc/bothy/bothyd.conf", text)
        desktop.host.run("root", "systemctl", "restart", "bothyd", check=True)
    yield lambda: configure("[Service]\nIdleSeconds=1\n")
    configure("")


def test_idle_exit_keeps_the_list(desktop, until, idle):
    """It leaves when nobody needs it: the list stays, and a click wakes it."""
    desktop.bothy("create", "busybox", "old", check=True)
    idle()
    desktop.open_menu()
    desktop.wait("indicator._rows.size === 1")
    until(lambda: pid(desktop) == 0, 30)
    desktop.wait(f"{PRESENCE} === 'asleep'")
    assert desktop.rows() == ["old"] and desktop.eval("toggle.visible && toggle.menu.isOpen")
    desktop.close_menus()
    desktop.open_menu()
    desktop.wait(f"{PRESENCE} === 'awake'")
    until(lambda: pid(desktop) == 0, 30)
    desktop.wait(f"{PRESENCE} === 'asleep'")
    desktop.click_row("old", "_main")
    until(lambda: desktop.state("old") == "running")
    desktop.wait("row('old')._main.accessible_name === 'Stop old'")


def test_killed_with_the_menu_open(desktop, until):
    """Its containers go on; the list is there all the time, and right again when it is back."""
    desktop.bothy("launch", "busybox", "web", check=True)
    desktop.open_menu()
    desktop.wait("indicator._rows.size === 1")
    before = pid(desktop)
    desktop.host.run("root", f"kill -9 {before}", check=True)
    desktop.wait(f"{PRESENCE} !== 'awake'")
    assert desktop.rows() == ["web"] and desktop.eval("toggle.menu.isOpen")
    until(lambda: pid(desktop) not in (0, before), 30)
    desktop.wait(f"{PRESENCE} === 'awake'")
    desktop.bothy("create", "busybox", "old", check=True)
    desktop.wait("indicator._rows.size === 2")
    desktop.click_row("web", "_main")
    until(lambda: desktop.state("web") == "stopped", 60)


def test_can_not_start(desktop, until):
    """An administrator has switched it off: the menu says so."""
    desktop.host.run("root", "systemctl mask --runtime --now bothyd", check=True)
    try:
        desktop.wait(f"{PRESENCE} !== 'awake'")
        desktop.open_menu()
        desktop.wait(f"{PRESENCE} === 'broken'")
        desktop.wait("toggle.subtitle === 'Not available' && indicator._note.visible")
        assert desktop.eval("indicator._note.label.text") == "An administrator has switched the service off."
        desktop.picture("broken")
    finally:
        desktop.host.run("root", "systemctl unmask --runtime bothyd", check=True)
    desktop.close_menus()
    desktop.open_menu()
    desktop.wait(f"{PRESENCE} === 'awake' && !toggle.subtitle")


def test_no_containers_yet(desktop):
    desktop.open_menu()
    desktop.wait("indicator._note.visible")
    assert desktop.eval("[indicator._note.label.text, indicator._section.actor.visible, toggle.subtitle]") == [
        "No containers yet", False, None]


def test_others_are_not_shown(desktop):
    """Also when the service shows them: here, because a rule lets alice see everybody's."""
    desktop.host.write("/etc/polkit-1/rules.d/10-test.rules", """polkit.addRule(function(action, subject) {
        if (action.id == "org.bothy.Bothy1.inspect-containers" && subject.user == "alice") return polkit.Result.YES; });""")
    desktop.host.run("root", "systemctl", "restart", "polkit", check=True)
    try:
        desktop.bothy("launch", "busybox", "theirs", user="bob", check=True)
        desktop.bothy("create", "busybox", "mine", check=True)
        desktop.open_menu()
        desktop.wait("indicator._rows.size === 1")
        desktop.eval("indicator._client.load(false)")
        assert "theirs" in desktop.host.output("alice", "bothy", "list", "--all")
        assert desktop.rows() == ["mine"] and desktop.eval("toggle.subtitle") is None
    finally:
        desktop.host.run("root", "rm /etc/polkit-1/rules.d/10-test.rules; systemctl restart polkit", check=True)


def test_answer_and_signals_at_once(desktop, until):
    """The shell was busy: what the service said of the list, and of what changed since, is there in one go."""
    desktop.bothy("create", "busybox", "web", check=True)
    desktop.open_menu()
    desktop.wait("indicator._rows.size === 1")
    desktop.eval("""
        const path = row('web').path;
        indicator.act(path, 'Start');
        indicator._client.load(false);
        const end = GLib.get_monotonic_time() + 3e6;
        while (GLib.get_monotonic_time() < end);
        return true""")
    until(lambda: desktop.state("web") == "running")
    desktop.wait("row('web')._main.accessible_name === 'Stop web'")

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The window with the three switches."""

import time

import pytest

from desktop import BAD, UUID

WINDOWS = "global.get_window_actors().map(each => each.meta_window.get_title())"


@pytest.fixture(autouse=True)
def closed(desktop):
    yield
    desktop.eval("for (const key of indicator._notifier._settings.list_keys()) indicator._notifier._settings.reset(key); return true")
    desktop.eval("global.get_window_actors().forEach(each => each.meta_window.delete(0)); return true")
    desktop.wait("global.get_window_actors().length === 0")


def test_switches(desktop):
    desktop.session("gnome-extensions", "prefs", UUID)
    desktop.wait(f"{WINDOWS}.includes('Bothy')", 40)
    # Its first frame is an empty one.
    desktop.wait("global.get_window_actors().some(each => each.mapped && each.width > 300)")
    time.sleep(2)
    desktop.picture("prefs")
    said = desktop.host.output("root", "journalctl", "--no-pager", "-o", "cat", f"--since=@{desktop.since}")
    assert [line for line in said.splitlines() if any(word in line for word in BAD)] == []
    # The first switch, by keys; it is what the shell's own settings have then.
    key = "indicator._notifier._settings.get_boolean('notify-failures')"
    assert desktop.eval(key) is True
    desktop.eval("global.get_window_actors()[0].meta_window.activate(0); return true")
    desktop.press("Tab", "space")
    for _ in range(4):
        if desktop.eval(key) is False:
            break
        desktop.press("Tab", "space")
    desktop.wait(f"!{key}")
    desktop.press("space")
    desktop.wait(key)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A day with containers and no terminal, from the first look at the menu on: the extension, the real application and the
service together. Each step leaves a numbered picture; `quickstart desktop` is this."""

import itertools
import time

import test_polkit

PATH = "/org/bothy/Bothy1/container/u1000/"
WINDOWS = "global.get_window_actors().map(each => each.meta_window).filter(each => each.get_wm_class() === 'org.bothy.Bothy')"


class Tour:
    def __init__(self, desktop):
        self.desktop = desktop
        self.numbers = itertools.count(1)

    def picture(self, what):
        time.sleep(1.5)  # GTK draws when it has been told, and nobody tells that it has
        self.desktop.picture(f"{next(self.numbers):02}-{what}")

    def application(self, action, path=None):
        """One of the application's actions, as the menu asks for them."""
        parameters = f"[<'{path}'>]" if path else "[]"
        self.desktop.session("gdbus", "call", "--session", "--dest", "org.bothy.Bothy", "--object-path", "/org/bothy/Bothy",
                             "--method", "org.freedesktop.Application.ActivateAction", action, parameters, "{}")
        self.desktop.wait(f"{WINDOWS}.length === 1 && {WINDOWS}[0].has_focus()", seconds=60)

    def close(self):
        """What is open in the window is closed first, and then the window."""
        self.desktop.wait(f"{WINDOWS}.forEach(each => each.delete(global.get_current_time())); return {WINDOWS}.length === 0")


def test_tour(desktop, until):
    tour = Tour(desktop)
    desktop.open_menu()
    desktop.wait("toggle.menu.isOpen && indicator._client.presence !== 'unknown'")
    tour.picture("no-containers-yet")

    # "New Container…" opens the window in which one is made.
    footer = "[...toggle.menu._getMenuItems()].find(each => each.label?.text === 'New Container…')"
    desktop.click(footer)
    desktop.wait(f"{WINDOWS}.length === 1", seconds=60)
    assert not desktop.eval("quick.menu.isOpen")
    time.sleep(4)
    tour.picture("a-new-container")
    tour.close()

    desktop.bothy("launch", "busybox", "web", check=True)
    desktop.bothy("create", "busybox", "old", check=True)
    desktop.open_menu()
    desktop.wait("indicator._rows.size === 2 && row('web')._detail.text.includes('.')")
    tour.picture("one-runs")
    desktop.click_row("web", "_more")
    desktop.wait("row('web').isTurned()")
    tour.picture("what-can-be-done-with-it")

    # "Details" is its page in the application.
    desktop.click_action("web", "Details")
    desktop.wait(f"{WINDOWS}.length === 1 && {WINDOWS}[0].has_focus()", seconds=60)
    tour.picture("its-page")
    tour.application("log", PATH + "web")
    tour.picture("its-log")
    tour.application("images")
    tour.picture("images")
    tour.application("doctor")
    tour.picture("this-computer")
    tour.close()

    leader = desktop.host.output("alice", "bothy info web --json | jq .leader")
    desktop.host.run("root", "kill", "-9", leader, check=True)
    desktop.open_menu()
    desktop.wait("row('web')._state === 'failed'")
    tour.picture("one-failed")
    desktop.close_menus()

    desktop.eval("Main.messageTray.getSources().forEach(each => each.destroy()); Main.overview.show(); return true")
    desktop.wait("Main.overview.visible && !Main.overview.animationInProgress")
    desktop.type("web")
    tour.picture("found-by-its-name")
    desktop.eval("Main.overview.hide(); return true")

    asking = test_polkit.ask(desktop)
    desktop.wait(f"!!{test_polkit.OPEN}")
    tour.picture("what-an-administrator-is-asked")
    desktop.press("Escape")
    asking.communicate(timeout=30)
    assert desktop.state("web", "bob") == "running"

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The menu of GNOME Shell, by clicks and keys, with the real service behind it."""


def test_toggle_counts(desktop, until):
    """It shows without anybody opening it what runs, and nothing where nothing does."""
    desktop.wait("toggle.visible")
    desktop.bothy("launch", "busybox", "web", check=True)
    desktop.wait("toggle.subtitle === 'web' && toggle.checked")
    desktop.bothy("launch", "busybox", "db", check=True)
    desktop.wait("toggle.subtitle === '2 running'")
    desktop.bothy("stop", "--timeout", "0", "web", "db", check=True)
    desktop.wait("!toggle.subtitle && !toggle.checked")


def test_menu_lists(desktop):
    for name in "web", "dev":
        desktop.bothy("launch", "busybox", name, check=True)
    desktop.bothy("create", "busybox", "old", check=True)
    desktop.open_menu()
    desktop.wait("indicator._rows.size === 3")
    desktop.picture("menu-first")
    assert desktop.rows() == ["dev", "web", "old"]
    assert desktop.row("old")["detail"] == "Never started"
    assert desktop.row("web")["main"] == "Stop web"

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


def test_start_stop_freeze_by_click(desktop, until):
    """The menu stays open meanwhile, and the service did it."""
    desktop.bothy("create", "busybox", "web", check=True)
    desktop.open_menu()
    desktop.wait("indicator._rows.size === 1")
    desktop.click_row("web", "_main")
    until(lambda: desktop.state("web") == "running")
    desktop.wait("row('web')._main.accessible_name === 'Stop web'")
    desktop.click_action("web", "Freeze")
    until(lambda: desktop.state("web") == "frozen")
    until(lambda: desktop.row("web")["detail"] == "Frozen")
    assert desktop.row("web")["main"] == "Thaw web"
    desktop.click_row("web", "_main")
    until(lambda: desktop.state("web") == "running")
    desktop.wait("row('web')._main.accessible_name === 'Stop web'")
    leader = desktop.host.output("alice", "bothy info web --json | jq .leader")
    desktop.click_action("web", "Restart")
    until(lambda: desktop.host.output("alice", "bothy info web --json | jq '.leader, .state'").split()[1] == '"running"'
          and desktop.host.output("alice", "bothy info web --json | jq .leader") != leader, 60)
    desktop.wait("row('web')._main.accessible_name === 'Stop web'")
    desktop.click_row("web", "_main")
    until(lambda: desktop.state("web") == "stopped", 60)
    until(lambda: desktop.row("web")["detail"] == "Stopped just now")
    assert desktop.eval("toggle.menu.isOpen && quick.menu.isOpen")
    history = desktop.host.output("alice", "bothy", "history", "web")
    assert "alice" in history


def test_keys(desktop, until):
    """Without a pointer: Down walks, Enter starts, Right and Left open and close what can be done, Escape leaves."""
    for name in "db", "web":
        desktop.bothy("create", "busybox", name, check=True)
    desktop.press("Super_L+s")
    desktop.wait("quick.menu.isOpen")
    desktop.eval("toggle._box.get_first_child().grab_key_focus()")
    desktop.press("Return")
    desktop.wait("toggle.menu.isOpen && indicator._rows.size === 2")
    focused = "global.stage.key_focus?.accessible_name"
    for _ in range(6):
        if (desktop.eval(focused) or "").startswith("db,"):
            break
        desktop.press("Down")
    assert desktop.eval(focused) == "db, Never started"
    desktop.press("Return")
    until(lambda: desktop.state("db") == "running")
    desktop.wait("row('db')._main.accessible_name === 'Stop db'")
    until(lambda: "Copy Address" in desktop.row("db")["actions"])
    desktop.press("Right")
    desktop.wait("row('db').isTurned()")
    assert desktop.eval("row('db')._box.contains(global.stage.key_focus)")
    desktop.press("Down")
    assert desktop.eval("row('db')._box.get_children().indexOf(global.stage.key_focus)") > 0
    desktop.press("Up", "Left")
    desktop.wait("!row('db').isTurned()")
    assert desktop.eval(focused).startswith("db,")
    desktop.press("Down")
    assert desktop.eval(focused) == "web, Never started"
    desktop.press("Escape")
    desktop.wait("!toggle.menu.isOpen")


def test_failure_is_a_sentence(desktop, until):
    desktop.bothy("launch", "busybox", "db", check=True)
    desktop.bothy("launch", "busybox", "web", check=True)
    desktop.bothy("create", "busybox", "old", check=True)
    desktop.bothy("launch", "busybox", "job", "--", "sh", "-c", "exit 4")
    desktop.host.run("root", f"kill -9 {desktop.host.output('alice', 'bothy info db --json | jq .leader')}", check=True)
    until(lambda: desktop.state("db") == "failed")
    desktop.wait("toggle.subtitle === 'db failed'")
    desktop.open_menu()
    desktop.wait("indicator._rows.size === 4")
    assert desktop.rows()[0] == "db"
    assert desktop.row("db")["detail"] == "Its first program was killed by signal 9"
    assert desktop.row("db")["icon"] == "dialog-warning-symbolic"
    assert desktop.row("job")["detail"] == "Ended with code 4"
    desktop.click_row("web", "_more")
    desktop.wait("row('web').isTurned()")
    assert desktop.row("db")["name"] == "db failed: Its first program was killed by signal 9"
    desktop.eval("Main.messageTray.getSources().forEach(each => each.destroy()); return true")
    desktop.picture("menu")
    desktop.click_row("web", "_more")
    # What a click on the row can not do is said in the row.
    desktop.eval("indicator.act(row('old').path, 'Freeze')")
    until(lambda: desktop.row("old")["detail"] == "Its state has just changed.")


def test_memory_in_use(desktop):
    """Behind the address, where the kernel tells: here it has no controller for it, so it is said."""
    desktop.bothy("launch", "busybox", "web", check=True)
    desktop.open_menu()
    desktop.wait("row('web')?._detail.text.includes('.')")
    desktop.eval("row('web')._container.memory = 310e6; indicator._sync(); return true")
    assert desktop.row("web")["detail"].endswith("\u2069 · \u2068310.0\u00a0MB\u2069")


def test_copied_address(desktop, until):
    desktop.bothy("launch", "busybox", "web", check=True)
    desktop.open_menu()
    until(lambda: "Copy Address" in (desktop.row("web") or {"actions": []})["actions"])
    desktop.click_action("web", "Copy Address")
    copied = """
        const text = await new Promise(done => St.Clipboard.get_default().get_text(St.ClipboardType.CLIPBOARD,
            (_clipboard, got) => done(got)));
        return text"""
    assert desktop.eval(copied) == desktop.row("web")["detail"].strip("\u2068\u2069")


def test_order_stays_while_it_is_open(desktop, until):
    for name in "a", "b", "c10", "c9":
        desktop.bothy("create", "busybox", name, check=True)
    desktop.open_menu()
    desktop.wait("indicator._rows.size === 4")
    assert desktop.rows() == ["a", "b", "c9", "c10"]
    desktop.bothy("start", "c9", check=True)
    desktop.wait("row('c9')._main.accessible_name === 'Stop c9'")
    assert desktop.rows() == ["a", "b", "c9", "c10"]
    desktop.bothy("delete", "b", check=True)
    desktop.wait("indicator._rows.size === 3")
    desktop.close_menus()
    desktop.open_menu()
    assert desktop.rows() == ["c9", "a", "c10"]

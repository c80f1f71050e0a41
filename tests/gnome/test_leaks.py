# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nothing is left when the extension is switched off."""

import time


def match_rules(desktop):
    """How many the shell's connection to the system bus has."""
    name = desktop.eval("Gio.DBus.system.get_unique_name()")
    stats = desktop.host.output("root", "busctl", "call", "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                "org.freedesktop.DBus.Debug.Stats", "GetConnectionStats", "s", name)
    words = stats.split()
    return int(words[words.index('"MatchRules"') + 2])


def settled(desktop, on):
    """The same, once it is switched on or off and all calls are over."""
    desktop.enable(on)
    desktop.eval("(await import('system')).default.gc(); return true")
    if on:
        desktop.wait("indicator._client.presence === 'awake'")
    counts = [-1, -2]
    while len(set(counts[-3:])) > 1:
        time.sleep(0.3)
        counts.append(match_rules(desktop))
    return counts[-1]


def test_match_rules_of_twenty_rounds(desktop):
    """No more than before, whether it is on or off. The shell itself drops a few while it runs, in its first minute."""
    desktop.bothy("create", "busybox", "web", check=True)
    on, off = settled(desktop, True), settled(desktop, False)
    assert off < on
    for _ in range(20):
        desktop.enable()
        desktop.open_menu()
        desktop.close_menus()
        desktop.enable(False)
    assert settled(desktop, False) <= off
    assert settled(desktop, True) <= on


def test_nothing_stays(desktop):
    """Rows, menu and client go with it; no source of ours stays."""
    for name in "db", "web":
        desktop.bothy("launch", "busybox", name, check=True)
    desktop.open_menu()
    desktop.wait("indicator._rows.size === 2")
    desktop.close_menus()
    desktop.eval("""
        globalThis.kept = {};
        for (const [name, object] of Object.entries({client: indicator._client, rows: row('web'), item: row('web').item,
            operations: indicator._operations, section: indicator._section, notifier: indicator._notifier,
            application: indicator._application, permission: indicator._permission}))
            kept[name] = new WeakRef(object);
        return true""")
    before = desktop.eval("quick.menu._grid.get_children().length")
    desktop.enable(False)
    try:
        assert desktop.eval("quick.menu._grid.get_children().length") == before - 1
        stays = """
            const System = await import('system');
            for (let i = 0; i < 3; i++) {
                System.default.gc();
                await new Promise(done => GLib.timeout_add(0, 200, () => done() ?? false));
            }
            return Object.keys(kept).filter(name => kept[name].deref() !== undefined)"""
        assert desktop.eval(stays) == []
    finally:
        desktop.enable()


def test_lock_screen(desktop):
    """Nobody sees it there."""
    desktop.eval("Main.sessionMode.pushMode('unlock-dialog'); return true")
    try:
        desktop.wait("!Main.extensionManager.lookup(UUID).stateObj?._indicator")
    finally:
        desktop.eval("Main.sessionMode.popMode('unlock-dialog'); return true")
    desktop.wait("toggle?.visible")


def test_two_hundred(desktop):
    """They are made a few at a time, and what they take does not stop the desktop."""
    took = desktop.eval("""
        const {_client: client} = indicator;
        // Neither a service that wakes nor what it says then takes them away again.
        client.wake = client.load = client.refreshStats = async () => {};
        for (let i = 0; i < 200; i++)
            client.containers.set(`/c${i}`, {path: `/c${i}`, name: `c${i}`, state: i % 2 ? 'running' : 'stopped', reason: '',
                error: '', exit: [0, 0], addresses: [], stoppedAt: 0});
        const times = [];
        const sync = indicator._sync;
        indicator._sync = function () {
            const from = GLib.get_monotonic_time();
            sync.call(this);
            times.push((GLib.get_monotonic_time() - from) / 1000);
        };
        quick.menu.open();
        toggle.menu.open();
        while (indicator._rows.size < 200)
            await new Promise(done => GLib.timeout_add(0, 20, () => done() ?? false));
        // The machine may have been elsewhere in one of them, as somebody else's work is.
        for (let i = 0; i < 8; i++)
            indicator._sync();
        return times""")
    desktop.picture("two-hundred")
    height = desktop.eval("indicator._section.actor.height")
    desktop.eval("row('c99').item.grab_key_focus()")
    desktop.enable(False)
    desktop.enable()
    print(f"milliseconds: {took}")
    assert height <= 400
    # Every row looked at, and none touched, on a machine that others use as well.
    assert min(took[-8:]) < 4


def test_switched_off_while_its_menu_is_open(desktop):
    """As when the screen locks, or another extension is switched off."""
    desktop.bothy("create", "busybox", "web", check=True)
    desktop.open_menu()
    desktop.wait("indicator._rows.size === 1")
    desktop.enable(False)
    time.sleep(4)  # longer than the menu asks for numbers
    desktop.enable()
    assert desktop.complaints() == []

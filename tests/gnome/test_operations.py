# SPDX-License-Identifier: LGPL-2.1-or-later
"""Work that takes time, as the menu shows it."""

import subprocess

import pytest


@pytest.fixture
def importing(desktop):
    """An import that waits for more of its archive, begun elsewhere."""
    command = desktop.host.command("alice", "sh", "-c", "sleep 100 | bothy image import --alias mine -")
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield process
    desktop.host.run("root", "pkill -u alice -x sleep")
    process.wait()


def test_operation_row_and_cancel(desktop, importing):
    """What it is about, although somebody else began it; and an end to it by a click."""
    desktop.wait("toggle.subtitle?.includes('Importing')")
    desktop.open_menu()
    rows = "[...indicator._operations._rows.values()]"
    desktop.wait(f"{rows}.length === 1 && {rows}[0].actor.mapped")
    title, name = desktop.eval(f"[{rows}[0]._title.text, {rows}[0]._button.accessible_name]")
    assert title == "Importing \u2068mine\u2069" and name == f"Cancel: {title}"
    desktop.picture("operation")
    desktop.click(f"{rows}[0]._button")
    desktop.wait(f"{rows}[0]._title.text.includes('It was cancelled.') && !{rows}[0]._button.visible")
    desktop.wait("!toggle.subtitle")


def test_many_operations(desktop):
    """Three are shown, and how many more there are."""
    desktop.open_menu()
    desktop.eval("""
        indicator._client.operations.clear();
        for (let i = 0; i < 5; i++)
            indicator._client.operations.set(`/o${i}`, {path: `/o${i}`, kind: 'pull-image', phase: 'downloading',
                progress: i / 10, subject: `debian/${i}`, object: '/', error: '', errorName: ''});
        indicator._sync();
        return true""")
    assert desktop.eval("indicator._operations._rows.size") == 3
    assert desktop.eval("indicator._operations._more.text") == "2 more…"
    assert desktop.eval("toggle.subtitle") == "0 % · Getting \u2068debian/0\u2069"
    desktop.picture("operations")
    desktop.eval("indicator._client.operations.clear(); indicator._sync(); return true")
    assert not desktop.eval("indicator._operations.actor.visible")

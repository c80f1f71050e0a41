# SPDX-License-Identifier: LGPL-2.1-or-later
"""The menu's Files, by the real application, in a file manager that writes down what it is to show."""

import pytest

from test_tour import WINDOWS

MANAGER = {
    "/usr/local/bin/manager": '#!/bin/sh\necho "$1" >/home/alice/shown\n',
    "/usr/share/applications/manager.desktop": "[Desktop Entry]\nType=Application\nName=Manager\n"
                                               "Exec=/usr/local/bin/manager %u\nMimeType=inode/directory;\n",
    "/etc/xdg/mimeapps.list": "[Default Applications]\ninode/directory=manager.desktop\n",
}


@pytest.fixture
def shown(desktop, until):
    """What the file manager was asked for."""
    for name, text in MANAGER.items():
        desktop.host.write(name, text, 0o755)
    yield lambda: until(lambda: desktop.host.run("alice", "cat ~/shown; rm -f ~/shown").stdout.strip(), 60)
    desktop.eval(f"{WINDOWS}.forEach(each => each.delete(global.get_current_time())); return true")
    desktop.host.run("root", "rm", "-f", *MANAGER)


def test_files_in_the_file_manager(desktop, shown):
    """Without a window of the application's; of a container that runs, one says why they can not be shown, and offers to stop it."""
    desktop.bothy("launch", "busybox", "web", check=True)
    desktop.open_menu()
    desktop.wait("row('web')?._state === 'running' && indicator.application")
    desktop.click_action("web", "Files")
    desktop.wait(f"{WINDOWS}.length === 1 && {WINDOWS}[0].has_focus()", seconds=60)
    desktop.picture("files-of-one-that-runs")
    desktop.press("Escape")
    desktop.wait(f"{WINDOWS}.forEach(each => each.delete(global.get_current_time())); return {WINDOWS}.length === 0")
    desktop.bothy("stop", "--timeout", "0", "web", check=True)
    desktop.open_menu()
    desktop.wait("row('web')?._state === 'stopped'")
    desktop.click_action("web", "Files")
    assert shown() == "/run/bothy/trees/1000/web"
    assert desktop.eval(f"{WINDOWS}.length") == 0

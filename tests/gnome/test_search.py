# SPDX-License-Identifier: LGPL-2.1-or-later
"""Containers in the shell's own search; app/test_search.py asks the provider more."""

OURS = """Main.overview.searchController._searchResults._providers
    .find(each => each.appInfo?.get_id() === 'org.bothy.Bothy.desktop')"""


def test_a_container_is_found_and_started(desktop):
    desktop.bothy("create", "busybox", "web", check=True)
    desktop.eval("Main.overview.show(); return true")
    desktop.wait("Main.overview.visible && !Main.overview.animationInProgress")
    desktop.type("web")
    shown = f"Object.values({OURS}?.display?._resultDisplays ?? {{}})"
    desktop.wait(f"{shown}.filter(each => each.mapped).length === 2")
    assert desktop.eval(f"{shown}.map(each => each.metaInfo.description)") == ["Open Shell · Stopped", "Start · Stopped"]
    desktop.picture("search")
    desktop.eval(f"{shown}.find(each => each.metaInfo.description.startsWith('Start')).activate(); return true")
    desktop.eval("Main.overview.hide(); return true")
    for _ in range(100):
        if desktop.state("web") == "running":
            break
    assert desktop.state("web") == "running"

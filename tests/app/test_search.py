# SPDX-License-Identifier: LGPL-2.1-or-later
"""What GNOME Shell's search asks for, asked over the same bus as alice."""

import json

import pytest

from conftest import wait_for

NAME = "org.bothy.Bothy.SearchProvider"
ROOT = "/org/bothy/Bothy1/container/u1000"


@pytest.fixture
def search(screen):
    """Calls a method of the provider, which the bus starts; the answer's first value."""
    def call(method, signature, *arguments):
        done = screen.host.output("alice", "busctl", "--user", "--json=short", "call", NAME, "/org/bothy/Bothy/SearchProvider",
                                  "org.gnome.Shell.SearchProvider2", method, signature, *arguments)
        return json.loads(done)["data"][0] if done else None

    yield call
    for user in "alice", "bob":
        for name in screen.host.output(user, "bothy list -q").split():
            screen.host.run(user, "bothy", "delete", "--force", name)


def find(search, *terms):
    return search("GetInitialResultSet", "as", str(len(terms)), *terms)


def test_containers_are_found_by_words(screen, search):
    screen.host.run("alice", "bothy create busybox web-old && bothy launch busybox web-new && bothy create busybox db", check=True)
    screen.host.run("bob", "bothy", "create", "busybox", "web-bob", check=True)
    new, old = f"{ROOT}/web_2dnew", f"{ROOT}/web_2dold"
    # Those that run first; one that stands still can be started as well. Nobody else's.
    assert find(search, "web") == [f"shell:{new}", f"shell:{old}", f"start:{old}"]
    assert find(search, "WEB", "ol") == [f"shell:{old}", f"start:{old}"]
    assert find(search, "eb") == []  # in the middle of a word
    assert search("GetSubsearchResultSet", "asas", "1", f"shell:{new}", "2", "web", "n") == [f"shell:{new}"]
    metas = search("GetResultMetas", "as", "3", f"shell:{new}", f"start:{old}", f"start:{ROOT}/gone")
    assert [(meta["id"]["data"], meta["name"]["data"], meta["description"]["data"]) for meta in metas] == \
        [(f"shell:{new}", "web-new", "Open Shell · Running"), (f"start:{old}", "web-old", "Start · Stopped")]


def test_one_is_started(screen, search):
    screen.host.run("alice", "bothy", "create", "busybox", "sleepy", check=True)
    search("ActivateResult", "sasu", f"start:{ROOT}/sleepy", "0", "0")
    wait_for(lambda: screen.host.output("alice", "bothy info sleepy --json | jq -r .state") == "running", "a running container")


def test_a_shell_is_the_application_s(screen, search):
    """It has no terminal here, and says so in its window."""
    screen.host.run("alice", "bothy", "launch", "busybox", "web", check=True)
    search("ActivateResult", "sasu", f"shell:{ROOT}/web", "0", "0")
    screen.see("No shell was opened in")
    screen.end()


def test_it_leaves(screen, search):
    """Nobody pays for a search that he made once."""
    find(search, "x")
    running = "pgrep -f bothy-search-provider"
    assert screen.host.run("alice", running).returncode == 0
    wait_for(lambda: screen.host.run("alice", "pgrep", "-f", "bothy-search-provider").returncode, "its end", seconds=30)

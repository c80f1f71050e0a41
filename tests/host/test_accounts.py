# SPDX-License-Identifier: LGPL-2.1-or-later
"""Uids that are used again."""

from tools import STATE, info, names


def test_RANGE_08_the_next_account_with_the_uid(fresh_host):
    """It gets nothing of the old one's, not even a look, until an administrator says so."""
    host = fresh_host()
    host.run("alice", "bothy", "launch", "busybox", "x1", check=True)
    base = info(host, "x1")["rangeBase"]
    host.run("alice", "bothy", "range", "allocate", check=True)
    assert (host.root / STATE / "accounts/1000").exists()
    host.run("root", "sed -i 's/^alice:/mallory:/' /etc/passwd /etc/shadow /etc/group", check=True)
    for words in (("list",), ("info", "x1"), ("exec", "x1", "--", "id"), ("range", "list"), ("range", "allocate"),
                  ("launch", "busybox", "x2"), ("delete", "--force", "x1")):
        done = host.run("mallory", "bothy", *words)
        assert done.returncode != 0 and "alice" in done.stderr and "accounts/1000" in done.stderr, done
    listed = host.run("root", "bothy", "list", "--all", "--quiet", check=True).stdout
    assert "x1" in listed and "x2" not in listed
    # Others are as they were.
    host.run("bob", "bothy", "launch", "busybox", "b1", check=True)
    assert info(host, "b1", "bob")["rangeBase"] != base
    # Also after a new start of the service; then an administrator gives it over.
    host.run("root", "systemctl", "kill", "-s", "KILL", "bothyd", check=True)
    assert host.run("mallory", "bothy", "info", "x1").returncode != 0
    host.run("root", "rm", f"/{STATE}/accounts/1000", check=True)
    assert names(host, "mallory") == ["x1"]
    host.run("mallory", "bothy", "delete", "--force", "x1", check=True)
    # And who had the name before is as much a stranger from then on.
    host.run("mallory", "bothy", "create", "busybox", "x3", check=True)
    host.run("root", "sed -i 's/^mallory:/alice:/' /etc/passwd /etc/shadow /etc/group", check=True)
    assert "mallory" in host.run("alice", "bothy", "list").stderr

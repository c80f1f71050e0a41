# SPDX-License-Identifier: LGPL-2.1-or-later
"""What administrators see of users, and say of them."""

import json


def users(host, user="root"):
    return {row["name"]: row for row in json.loads(host.output(user, "bothy user list --json --no-ask-password"))}


def test_users_and_their_ceilings(host):
    host.run("alice", "bothy create busybox c1 --memory 1G && bothy create busybox c2", check=True)
    try:
        assert users(host)["alice"]["containers"] == 2 and users(host)["alice"]["ownCeilings"] == {}
        # Others are out of sight.
        assert list(users(host, "bob")) == ["bob"]
        host.run("root", "bothy user set-ceiling alice memory=512M cpu=2", check=True)
        host.run("root", "bothy user set-ceiling alice pids=500 cpu=default", check=True)
        assert users(host)["alice"]["ownCeilings"] == {"memory": 512 << 20, "pids": 500}
        assert json.loads(host.output("alice", "bothy info c1 --json"))["limits"]["memory"] == 512 << 20
        refused = host.run("alice", "bothy limit --no-ask-password c1 memory=600M")
        assert refused.returncode == 1 and "memory=512M" in refused.stderr
        shown = host.output("root", "bothy user list")
        assert "AT MOST" in shown and "memory=512M pids=500" in shown
        refused = host.run("alice", "bothy user set-ceiling --no-ask-password alice memory=max")
        assert refused.returncode == 1 and "Hint" in refused.stderr
        for words in ("alice", "alice memory", "alice cpu-weight=7 x", "alice memory=x"):
            assert host.run("root", f"bothy user set-ceiling {words}").returncode == 2, words
        assert host.run("root", "bothy user set-ceiling nobody-like-that memory=1G").returncode == 1
        host.run("root", "bothy user set-ceiling alice memory=default pids=default", check=True)
        assert users(host)["alice"]["ownCeilings"] == {}
        assert json.loads(host.output("alice", "bothy info c1 --json"))["limits"]["memory"] == 1 << 30
    finally:
        host.run("alice", "bothy delete -f c1 c2")
        host.run("root", "bothy user set-ceiling alice memory=default pids=default cpu=default")

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Uids that are used again."""

import json

import pytest

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


def add_account(host, name, uid):
    """One that is in no file that bothyd reads, but known to NSS, as SSSD's are."""
    record = {"userName": name, "uid": uid, "gid": uid, "disposition": "regular", "shell": "/bin/sh", "homeDirectory": "/tmp", "service": "test"}
    group = {"groupName": name, "gid": uid, "disposition": "regular", "service": "test"}
    for kind, fields in ("user", record), ("group", group):
        host.write(f"/etc/userdb/{name}.{kind}", json.dumps(fields))
        host.run("root", "ln", "-sf", f"{name}.{kind}", f"/etc/userdb/{uid}.{kind}", check=True)
    assert host.output("root", "id", "-u", name) == str(uid)


@pytest.mark.parametrize("name, uid", [("dora", 1500000), ("dora@example.org", 1400001107), ("EXAMPLE\\dora", 1234567890)])
def test_RANGE_04_accounts_that_are_in_no_file(fresh_host, name, uid):
    """Also where a directory server gave them ids that lie in the pool of ranges, as SSSD does with those of Active Directory."""
    host = fresh_host()
    add_account(host, name, uid)

    def run(line, check=True):
        return host.run("root", "setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "env", f"USER={name}", "HOME=/tmp", "sh", "-c", line, check=check)
    run("bothy launch busybox x1")
    assert run("bothy exec x1 -- id -u").stdout == "0\n"
    base = json.loads(run("bothy info x1 --json").stdout)["rangeBase"]
    assert not base <= uid < base + 65536
    # It is his, and nobody else gets a range with him in it, nor can he be taken for a container's.
    assert name in host.output("root", "bothy list --all") and host.output("root", f"id -un {base}").startswith("bothy-")
    bound = (uid - 1073741824) // 65536 * 65536 + 1073741824
    if bound > 0:
        host.run("alice", "bothy launch busybox a1", check=True)
        assert info(host, "a1")["rangeBase"] != bound


def test_RANGE_04_a_domain_that_lists_nobody(fresh_host):
    """Its administrator has a known place in its slice of ids; nobody's range lies in that, wherever its people are."""
    host = fresh_host()
    add_account(host, "administrator@example.org", 1073600500)
    host.run("alice", "bothy launch busybox x1", check=True)
    assert info(host, "x1")["rangeBase"] >= 1073800000


def test_RANGE_04_an_account_among_ids_that_were_given_out(fresh_host):
    """Who comes later is told what is wrong, and who mends it how."""
    host = fresh_host()
    host.run("alice", "bothy launch busybox x1", check=True)
    base = info(host, "x1")["rangeBase"]
    host.run("root", f"echo late:x:{base + 7}:{base + 7}::/tmp:/bin/sh >>/etc/passwd", check=True)
    done = host.run("root", "setpriv", f"--reuid={base + 7}", f"--regid={base + 7}", "--clear-groups", "env", "HOME=/tmp", "bothy", "list")
    assert done.returncode == 1 and f"from {base} to {base + 65535}" in done.stderr and f"bothy range reclaim {base}" in done.stderr, done
    assert "Base=" in done.stderr and "which user you are" not in done.stderr

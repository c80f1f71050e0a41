# SPDX-License-Identifier: LGPL-2.1-or-later
"""Snapshots of containers."""

import json
import time

import pytest

from tools import info, names, nothing_left, state, tidy, until  # noqa: F401


def inside(host, line, name="x1"):
    return host.run("alice", "bothy", "exec", "-T", name, "--", "sh", "-c", line)


def out(host, line, name="x1"):
    done = inside(host, line, name)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def snapshots(host, name="x1"):
    return [s["name"] for s in json.loads(host.output("alice", f"bothy snapshot list {name} --json"))]


@pytest.fixture
def x1(host):
    host.run("alice", "bothy launch busybox x1", check=True)


def stop(host, name="x1"):
    host.run("alice", f"bothy stop -f {name}", check=True)


def start(host, name="x1"):
    host.run("alice", f"bothy start {name}", check=True)


def test_restored(host, x1):
    out(host, "echo one >/root/file; mkdir /root/dir; echo kept >/root/dir/in; ln -s file /root/link")
    stop(host)
    assert host.output("alice", "bothy snapshot create x1 before") == "before"
    start(host)
    assert out(host, "cat /root/link /root/dir/in") == "one\nkept"
    out(host, "rm -rf /bin/* /root /etc/passwd 2>/dev/null; true")
    stop(host)
    begin = time.monotonic()
    host.run("alice", "bothy snapshot restore x1 before", check=True)
    print(time.monotonic() - begin)
    start(host)
    assert out(host, "cat /root/link /root/dir/in; ls /etc/passwd") == "one\nkept\n/etc/passwd"
    assert snapshots(host)[0] == "before" and snapshots(host)[1].startswith("before-restore-")

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether containers are well, with systemd: what the commands show, and where the check runs (HEALTH)."""

import json

from tools import info, tidy, until  # noqa: F401


def test_HEALTH_10_commands(host):
    host.run("alice", "bothy launch --health-cmd 'echo so so; test -e /tmp/well' --health-interval 1s --health-retries 2 "
                      "--health-timeout 5s --health-on-failure none busybox x1 -- sleep 1000", check=True)
    until(lambda: info(host, "x1")["health"] == "unhealthy", 20, "it is unhealthy")
    assert "running (unhealthy)" in host.output("alice", "bothy list")
    shown = host.output("alice", "bothy info x1")
    assert "so so" in shown and "code 1" in shown
    host.run("alice", "bothy exec x1 -- touch /tmp/well", check=True)
    until(lambda: info(host, "x1")["health"] == "healthy", 20, "it is healthy")
    assert json.loads(host.output("alice", "bothy --json list"))[0]["health"] == "healthy"
    entries = host.output("root", "journalctl -o json BOTHY_CONTAINER=x1")
    assert any("healthy again" in json.loads(line)["MESSAGE"] for line in entries.splitlines())


def test_HEALTH_11_bad_options(host):
    for options, words in (("--health-interval often", "--health-interval"), ("--health-retries -1", "--health-retries"),
                           ("--no-healthcheck --health-cmd true", "--no-healthcheck")):
        done = host.run("alice", f"bothy create {options} busybox x1")
        assert done.returncode == 2 and words in done.stderr, options
    assert host.run("alice", "bothy create --health-on-failure dance --health-cmd true busybox x1").returncode == 1


def test_HEALTH_12_the_check_is_in_the_containers_scope(host):
    host.run("alice", "bothy launch --health-cmd '[\"sleep\", \"4242\"]' --health-interval 1s busybox x1 -- sleep 1000", check=True)
    found = until(lambda: host.output("root", "pgrep -x -f 'sleep 4242' || true").strip(), 20, "it is asked")
    where = host.output("root", f"cat /proc/{found.split()[0]}/cgroup")
    assert info(host, "x1")["controlGroup"].strip("/") in where
    host.run("alice", "bothy stop -t 0 x1", check=True)
    until(lambda: not host.output("root", "pgrep -x -f 'sleep 4242' || true").strip(), 10, "it is gone")

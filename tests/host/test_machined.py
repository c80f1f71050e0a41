# SPDX-License-Identifier: LGPL-2.1-or-later
"""systemd-machined knows of containers where it runs, and is not started for them (MACHINE)."""

import json

from tools import info, tidy, until  # noqa: F401


def machines(host):
    return {found["machine"]: found for found in json.loads(host.output("root", "machinectl list -o json --no-pager || echo []"))}


def is_running(host):
    return host.run("root", "systemctl is-active -q systemd-machined.service").returncode == 0


def test_MACHINE_01_it_is_not_started_for_containers(host):
    host.run("root", "systemctl stop systemd-machined.service", check=True)
    host.run("alice", "bothy launch busybox x1 -- sleep 1000", check=True)
    assert info(host, "x1")["state"] == "running" and not is_running(host)
    # It comes when somebody asks for it, and is told what there is.
    until(lambda: "x1.u1000" in machines(host), 20, "it is known")


def test_MACHINE_02_two_of_one_name(host):
    host.run("root", "systemctl start systemd-machined.service", check=True)
    for user in "alice", "bob":
        host.run(user, "bothy launch busybox x1 -- sleep 1000", check=True)
    found = until(lambda: len(now := machines(host)) == 2 and now, 20, "both are known")
    assert set(found) == {"x1.u1000", "x1.u1001"}
    assert found["x1.u1000"]["class"] == "container" and found["x1.u1000"]["service"] == "bothy"
    shown = dict(line.split("=", 1) for line in host.output("root", "machinectl show x1.u1000").splitlines())
    alices = info(host, "x1")
    assert int(shown["Leader"]) == alices["leader"] and shown["Id"] == alices["id"].replace("-", "")
    assert alices["controlGroup"].endswith(shown["Unit"])
    # Begun anew it is another one, and bothyd may be as well.
    host.run("alice", "bothy restart -t 0 x1", check=True)
    until(lambda: f"Leader={info(host, 'x1')['leader']}" in host.output("root", "machinectl show x1.u1000"), 20, "it is the new one")
    host.run("root", "systemctl restart bothyd.service", check=True)
    assert "x1.u1000" in machines(host)
    host.run("alice", "bothy stop -t 0 x1", check=True)
    until(lambda: set(machines(host)) == {"x1.u1001"}, 20, "it is gone")
    host.run("bob", "bothy delete -f x1", check=True)
    until(lambda: not machines(host), 20, "both are gone")


def test_MACHINE_03_users_may_not_end_others(host):
    host.run("root", "systemctl start systemd-machined.service", check=True)
    host.run("alice", "bothy launch busybox x1 -- sleep 1000", check=True)
    until(lambda: "x1.u1000" in machines(host), 20, "it is known")
    assert host.run("bob", "machinectl --no-ask-password terminate x1.u1000").returncode != 0
    assert host.run("bob", "busctl call org.freedesktop.machine1 /org/freedesktop/machine1 org.freedesktop.machine1.Manager "
                           "UnregisterMachine s x1.u1000").returncode != 0
    assert info(host, "x1")["state"] == "running" and "x1.u1000" in machines(host)
    # Root's word is heard, and the container is gone as a whole.
    host.run("root", "machinectl terminate x1.u1000", check=True)
    until(lambda: info(host, "x1")["state"] in ("stopped", "failed"), 20, "it has ended")
    host.run("alice", "bothy start x1", check=True)
    until(lambda: "x1.u1000" in machines(host), 20, "it is known again")

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Limits as systemd has them (THREATS CG-01). The kernel's part needs its controllers: see tests/vm."""

import json
import re
import subprocess
import tarfile

import pytest

from tools import info, names, tidy, until  # noqa: F401

CONTAINER = "/org/bothy/Bothy1/container/u1000/"
SLICE = "user-1000-bothy.slice"
SHOWN = ("MemoryMax", "MemoryHigh", "MemorySwapMax", "CPUQuotaPerSecUSec", "CPUWeight", "IOWeight", "TasksMax")


def unit_of(host, name):
    return json.loads(host.output("alice", "bothy", "info", "--json", name))["controlGroup"].split("/")[-1]


def show(host, unit, *names):
    lines = host.output("root", "systemctl", "show", unit, *(f"--property={name}" for name in names or SHOWN))
    return dict(line.split("=", 1) for line in lines.splitlines())


@pytest.fixture
def container(host):
    host.run("alice", "bothy", "launch", "busybox", "limited", "-m", "512M", "--cpus", "1.5", "--limit", "pids=200",
             "--limit", "memory-high=256M", "--limit", "swap=0", "--limit", "cpu-weight=20", "--limit", "io-weight=30",
             check=True)
    yield "limited"
    host.run("alice", "bothy", "delete", "--force", "limited")


def test_CG_01_properties_of_the_scope(host, container):
    unit = unit_of(host, container)
    assert show(host, unit) == {
        "MemoryMax": "536870912", "MemoryHigh": "268435456", "MemorySwapMax": "0", "CPUQuotaPerSecUSec": "1.500000s",
        "CPUWeight": "20", "IOWeight": "30", "TasksMax": "200"}
    limited = json.loads(host.output("alice", "bothy info --json limited"))
    assert show(host, unit, "Delegate", "Slice") == {"Delegate": "yes", "Slice": "user-1000.slice"}
    until(lambda: show(host, unit, "Description")["Description"] == f"Bothy container {limited['id']}")
    base = limited["rangeBase"]
    group = host.output("root", f"systemctl show {unit} -P ControlGroup")
    mount = host.output("root", "findmnt -nft cgroup2 -o TARGET")
    assert host.output("root", f"stat -c %u {mount}{group}/cgroup.procs") == str(base)


def test_the_scope_of_a_container_that_was_not_described_yet(host, container):
    """A broker that is killed right after a start leaves it like this; the next one must not take it for a spare."""
    unit = unit_of(host, container)
    id = json.loads(host.output("alice", "bothy info --json limited"))["id"]
    host.run("root", "busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager "
             f"SetUnitProperties 'sba(sv)' {unit} true 1 Description s 'Bothy: kept ready'", check=True)
    until(lambda: show(host, unit, "Description")["Description"] == "Bothy: kept ready")
    host.run("root", "systemctl kill -s KILL bothyd", check=True)
    until(lambda: host.run("alice", "bothy exec limited -- true").returncode == 0)
    until(lambda: show(host, unit, "Description")["Description"] == f"Bothy container {id}")
    assert show(host, unit, "ActiveState")["ActiveState"] == "active"
    assert unit_of(host, container) == unit


def test_a_scope_kept_ready_has_what_holds_for_everybody(host, container):
    """So that starting a container without limits of its own need not ask systemd for them."""
    host.run("alice", "bothy", "launch", "busybox", "plain", check=True)
    assert show(host, unit_of(host, "plain"), "TasksMax", "MemoryMax") == {"TasksMax": "4096", "MemoryMax": "infinity"}
    host.run("alice", "bothy", "delete", "--force", "plain", check=True)


def test_live_change(host, container):
    unit = unit_of(host, container)
    host.run("alice", "bothy", "limit", "limited", "memory=max", "pids=300", "cpu=0.25", check=True)
    shown = show(host, unit)
    assert shown["MemoryMax"] == "infinity" and shown["TasksMax"] == "300"
    assert shown["CPUQuotaPerSecUSec"] == "250ms" and shown["MemoryHigh"] == "268435456"
    host.run("alice", "bothy", "restart", "--timeout", "1", "limited", check=True)
    assert unit_of(host, container) != unit
    assert show(host, unit_of(host, container)) == shown


def test_preset(host):
    host.run("alice", "bothy", "launch", "busybox", "unlimited", check=True)
    try:
        shown = show(host, unit_of(host, "unlimited"))
        assert shown["TasksMax"] == "4096" and shown["MemoryMax"] == "infinity"
    finally:
        host.run("alice", "bothy", "delete", "--force", "unlimited", check=True)


def test_shown(host, container):
    assert json.loads(host.output("alice", "bothy limit --json limited")) == {
        "memory": 536870912, "memoryHigh": 268435456, "swap": 0, "cpu": 1.5, "cpuWeight": 20, "ioWeight": 30,
        "pids": 200}
    assert json.loads(host.output("alice", "bothy info --json limited"))["limits"]["memoryHigh"] == 268435456
    assert "memory=512M" in host.output("alice", "bothy info limited")
    host.run("alice", "bothy", "limit", "limited", "memory=max", "memory-high=max", "swap=max", "cpu=max", "pids=max",
             "cpu-weight=max", "io-weight=max", check=True)
    assert host.output("alice", "bothy limit limited") == "No limits"


def test_top(host, container):
    """What is used: in a table and for programs, whose keys have no dashes; as much as the kernel counts here."""
    host.run("alice", "bothy create busybox still", check=True)
    top = {entry["name"]: entry for entry in json.loads(host.output("alice", "bothy top --json"))}
    assert set(top) == {"limited", "still"} and top["still"] == {"name": "still", "state": "stopped"}
    assert top["limited"]["state"] == "running" and top["limited"]["cpuUsec"] > 0
    assert top["limited"]["cpuPercent"] >= 0 and not [key for key in top["limited"] if "-" in key]
    host.run("alice", "bothy limit limited cpu=max && bothy exec limited -- sh -c 'yes >/dev/null 2>&1 &'", check=True)
    before = top["limited"]["cpuUsec"]
    until(lambda: json.loads(host.output("alice", "bothy top --json"))[0]["cpuUsec"] > before + 200000,
          what="it is seen to work")
    header, line = host.output("alice", "bothy top --once | grep -v still").splitlines()
    assert header.split()[:3] == ["NAME", "STATE", "CPU%"] and line.split()[:2] == ["limited", "running"]


@pytest.mark.parametrize("word", ["memory", "memory=x", "colour=red", "cpu=1,5"])
def test_words_that_make_no_sense(host, container, word):
    done = host.run("alice", "bothy", "limit", "limited", word)
    assert done.returncode == 2 and word in done.stderr
    assert host.run("alice", "bothy", "run", "--limit", word, "busybox", "true").returncode == 125


def test_others_do_not_set_limits(host, container):
    path = CONTAINER + container
    done = host.run("bob", f"busctl call org.bothy.Bothy1 {path} org.bothy.Bothy1.Container SetLimits 'a{{sv}}' 0")
    assert done.returncode != 0 and "nothing that you may see" in done.stderr


def test_ceilings(fresh_host):
    host = fresh_host()
    host.write("/etc/bothy/bothyd.conf",
               "[Limits]\nContainerMemory=134217728\nUserMemory=201326592\nUserTasks=500\nUserCPUs=2\n")
    host.run("alice", "bothy", "launch", "busybox", "x", check=True)
    assert show(host, unit_of(host, "x"))["MemoryMax"] == "134217728"
    assert show(host, unit_of(host, "x"), "Slice") == {"Slice": SLICE}
    shown = show(host, SLICE)
    assert (shown["MemoryMax"], shown["TasksMax"], shown["CPUQuotaPerSecUSec"]) == ("201326592", "500", "2s")
    refused = host.run("alice", "bothy", "limit", "x", "memory=1G")
    assert refused.returncode == 1 and "memory=1G" in refused.stderr and "memory=128M" in refused.stderr
    # Root is an administrator.
    host.run("root", "bothy", "limit", "alice/x", "memory=1G", check=True)
    assert show(host, unit_of(host, "x"))["MemoryMax"] == "1073741824"
    # The limits of all go with the configuration.
    host.write("/etc/bothy/bothyd.conf", "")
    host.run("root", "systemctl", "restart", "bothyd", check=True)
    host.run("alice", "bothy", "restart", "--timeout", "1", "x", check=True)
    assert show(host, unit_of(host, "x"), "Slice") == {"Slice": "user-1000.slice"}


def test_DOS_08_disk_without_quotas(fresh_host):
    """Nobody believes in a bound that is not there: whoever sets it hears so at once."""
    # With a file system of its own, for the machine's may have quotas.
    host = fresh_host("--state-size", "256M")
    host.run("alice", "bothy", "create", "busybox", "plain", check=True)
    assert json.loads(host.output("alice", "bothy info --json plain"))["diskLimits"] == "unsupported"
    done = host.run("alice", "bothy", "limit", "plain", "disk=10G", "inodes=1M")
    assert done.returncode == 0 and "Nothing bounds the disk of plain" in done.stderr and "doctor" in done.stderr
    assert "disk" not in host.run("alice", "bothy", "limit", "plain", "pids=100", check=True).stderr
    assert json.loads(host.output("alice", "bothy limit plain --json")) == {"disk": 10 << 30, "inodes": 1 << 20, "pids": 100}
    shown = host.output("alice", "bothy", "info", "plain")
    assert "disk=10G inodes=1M" in shown and "no limit holds" in shown
    done = host.run("alice", "bothy", "create", "busybox", "born", "--disk", "20M")
    assert done.returncode == 0 and done.stdout == "born\n" and "Nothing bounds the disk of born" in done.stderr
    host.run("alice", "bothy", "delete", "plain", "born", check=True)
    checks = {check["check"]: check for check in json.loads(host.run("alice", "bothy", "--json", "doctor").stdout)}
    assert checks["disk-limits"]["verdict"] == "warning" and "prjquota" in str(checks["disk-limits"])


def parsers(host):
    """pids, outside, of what reads archives."""
    return host.output("root", "pgrep -x 'bothy-(unpack|bundle|pack)' || true").split()


def test_parsers_count_as_their_users(fresh_host):
    """Twelve imports that do not end, as many as three users may have: what they take is each user's own, in a group of
    his slice with bounds; none is where containers are started. It goes when they have ended."""
    host = fresh_host()
    # What all containers of a user's together may have bounds his parsers as well.
    host.write("/etc/bothy/bothyd.conf", "[Limits]\nUserTasks=500\n")
    host.run("root", "systemctl restart bothyd", check=True)
    host.run("bob", "bothy", "launch", "busybox", "b1", check=True)
    imports = [subprocess.Popen(host.command(user, "bothy", "image", "import", "--alias", f"a{number}", "-"),
                                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
               for user in ("alice", "bob", "carol") for number in range(4)]
    # The beginning of a tar: whoever reads it waits for the rest.
    member = tarfile.TarInfo("etc/hostname")
    member.size = 1 << 20
    for each in imports:
        each.stdin.write(member.tobuf())
        each.stdin.flush()
    until(lambda: len(parsers(host)) >= 24, 60, "all imports have begun")
    groups = [host.output("root", f"grep ^0:: /proc/{pid}/cgroup").removeprefix("0::") for pid in parsers(host)]
    for user in "alice", "bob", "carol":
        uid = host.output(user, "id -u")
        slice_ = f"/user.slice/user-{uid}.slice/user-{uid}-bothy.slice/"
        assert show(host, f"user-{uid}-bothy.slice", "TasksMax") == {"TasksMax": "500"}
        own = {group for group in groups if group.startswith(slice_)}
        assert len(own) == 1 and sum(group in own for group in groups) == 8, groups
        scope = own.pop().removesuffix("/supervisor")
        bounds = show(host, scope.rsplit("/", 1)[1], "MemoryMax", "MemorySwapMax", "TasksMax", "CPUWeight", "IOWeight")
        assert bounds == {"MemoryMax": str(1 << 30), "MemorySwapMax": "0", "TasksMax": "64", "CPUWeight": "50", "IOWeight": "50"}
        # Where the machine has the controllers.
        for name, most in (("memory.max", 1 << 30), ("pids.max", 64)):
            text = host.output("root", f"cat /sys/fs/cgroup{scope}/{name} 2>/dev/null || true")
            assert not text or int(text) == most
    assert host.output("bob", "bothy exec b1 -- id -u") == "0"
    host.run("carol", "bothy", "launch", "busybox", "c1", check=True)
    # A container's group is another.
    assert info(host, "c1", "carol")["controlGroup"] not in groups
    for each in imports:
        each.stdin.close()
        each.wait(60)
    until(lambda: not parsers(host), 30, "no parser is left")
    held = "pgrep -x bothy-hold | while read -r pid; do cat /proc/$pid/cgroup; done"
    paths = {group for group in groups}
    until(lambda: not any(group in host.run("root", held).stdout for group in paths), 40, "their groups are gone")


def test_parsers_of_the_machine_have_a_bound(host):
    """What removes files, and what is asked for by root: a unit of their own, where no container is started."""
    bounds = show(host, "bothy-parse.service", "MemoryMax", "MemorySwapMax", "TasksMax", "CPUWeight")
    total = int(host.output("root", "awk '/^MemTotal/ { print $2 }' /proc/meminfo")) * 1024
    assert int(bounds["MemoryMax"]) <= total // 2 + 4096 and int(bounds["MemorySwapMax"]) <= total
    assert bounds["TasksMax"] == "512" and bounds["CPUWeight"] == "50"
    member = tarfile.TarInfo("etc/hostname")
    member.size = 1 << 20
    with subprocess.Popen(host.command("root", "bothy", "image", "import", "--alias", "a", "-"), stdin=subprocess.PIPE,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as one:
        one.stdin.write(member.tobuf())
        one.stdin.flush()
        until(lambda: len(parsers(host)) >= 2, 60, "the import has begun")
        groups = {host.output("root", f"grep ^0:: /proc/{pid}/cgroup") for pid in parsers(host)}
        assert groups == {"0::/system.slice/bothy-parse.service"}
        one.stdin.close()
        one.wait(60)
    until(lambda: not parsers(host), 30, "no parser is left")


def unenforced(host, *keys):
    """Those of KEYS whose controllers this machine has not given to cgroup2."""
    there = host.output("root", "cat $(findmnt -nft cgroup2 -o TARGET)/cgroup.controllers").split()
    of = {"memory": "memory", "memory-high": "memory", "swap": "memory", "cpu": "cpu", "cpu-weight": "cpu", "io-weight": "io", "pids": "pids"}
    return [key for key in of if key in keys and of[key] not in there]


def test_limits_that_nothing_enforces_are_told(host):
    """At once, whoever sets them, and by info; never a limit that holds."""
    left = unenforced(host, "memory", "cpu")
    for words in ("create --memory 64M --cpus 1 busybox x1", "limit x1 memory=65M cpu=1", "limit x1"):
        done = host.run("alice", f"bothy {words}", check=True)
        for key in "memory", "cpu":
            assert bool(re.search(rf"does not enforce limits of this kind.*: .*\b{key}\b", done.stderr)) == (key in left), done
    assert set(info(host, "x1")["unenforcedLimits"]) & {"memory", "cpu"} == set(left)
    assert bool(re.search(r"Not enforced: .*memory", host.output("alice", "bothy info x1"))) == ("memory" in left)
    # What is not limited is not told of.
    host.run("alice", "bothy limit x1 memory=max cpu=max", check=True)
    assert set(info(host, "x1")["unenforcedLimits"]) == set(unenforced(host, "pids"))
    assert host.run("alice", "bothy limit x1 memory=max").stderr == ""


@pytest.mark.parametrize("wrong", ["memory=999999T", "memory-high=999999T", "swap=7000000T", "disk=999999T"])
def test_limits_that_make_no_sense_are_refused(host, wrong):
    host.run("alice", "bothy create busybox x1", check=True)
    before = info(host, "x1")["limits"]
    for words in f"limit x1 {wrong}", f"create --limit {wrong} busybox x2":
        done = host.run("alice", f"bothy {words}")
        assert done.returncode == 1 and "makes no sense" in done.stderr and wrong.split("=")[1] in done.stderr, done
    assert "of memory" in done.stderr or wrong.startswith("disk")
    assert info(host, "x1")["limits"] == before and names(host) == ["x1"]
    # As long as it may be so, it may.
    host.run("alice", "bothy limit x1 memory=1T swap=1T disk=1T memory-high=max", check=True)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The main job: an ordinary user's containers, on the command line and on the bus."""

import hashlib
import json
import os
import re
import subprocess
import time

import pytest

from tools import FIRST_ID, Terminal, info, names, nothing_left, own_children, processes, state, steady, tidy, until  # noqa: F401

BUS = "org.bothy.Bothy1"
PATH = "/org/bothy/Bothy1"
CONTAINER = {"diskLimits", "unenforcedLimits", "name", "id", "owner", "image", "hostname", "ephemeral", "command", "rangeBase", "rangeCount", "state", "stateReason", "treePath",
             "leader", "leaderPIDFDId", "controlGroup", "addresses", "autostart", "lastExit", "lastError", "lastErrorName", "lastErrorDetails", "health", "healthCheck", "lastHealthCheck", "createdAt", "startedAt",
             "stoppedAt", "limits", "network", "address", "resolvers", "networkError", "ports", "account", "egress",
             "sysctls", "shmSize", "snapshots", "mounts", "devices", "environment", "user", "workingDirectory", "nesting"}
IMAGE = {"fingerprint", "aliases", "os", "release", "variant", "architecture", "size", "createdAt", "expiresAt", "origin",
         "verified", "configuration", "layers", "daysLeft", "newer", "squashedOwners"}


@pytest.fixture
def x1(host):
    assert host.output("alice", "bothy", "launch", "busybox", "x1") == "x1"
    return info(host, "x1")


def call(host, path, method, *args, interface="Container"):
    return host.run("alice", "busctl", "call", BUS, PATH + path, f"{BUS}.{interface}", method, *args)


def test_two_commands(host):
    assert host.output("alice", "bothy launch busybox x1 && bothy exec x1 -- id -u") == "x1\n0"


def test_root_is_nobody_outside(host, x1):
    host.run("alice", "bothy", "launch", "busybox", "x2", check=True)
    x2 = info(host, "x2")
    seen = {}
    for container in x1, x2:
        uid, gid, name = host.output("bob", "ps", "-o", "uid=,gid=,user:40=", "-p", str(container["leader"])).split()
        assert int(uid) == int(gid) == container["rangeBase"] >= FIRST_ID
        assert re.fullmatch(r"bothy-\d+-root", name)
        assert host.output("bob", "id", "-un", uid) == name
        seen[uid] = name
    assert len(seen) == len(set(seen.values())) == 2


def test_ids_are_disjoint_OBJ_06(host):
    """Also when two users take the same name."""
    for user in "alice", "bob":
        for name in "same", "other":
            host.run(user, "bothy", "launch", "busybox", name, check=True)
    every = [info(host, name, user) for user in ("alice", "bob") for name in ("same", "other")]
    spans = sorted((c["rangeBase"], c["rangeBase"] + c["rangeCount"]) for c in every)
    assert all(left[1] <= right[0] for left, right in zip(spans, spans[1:]))
    for key in "id", "controlGroup", "leader":
        assert len({c[key] for c in every}) == 4
    for one in every:
        running = processes(host, one)
        assert one["leader"] in running
        for pid in running:
            assert one["controlGroup"] in (host.root / f"proc/{pid}/cgroup").read_text()
    # What one does, the namesake does not see.
    host.run("alice", "bothy exec same -- touch /root/mine", check=True)
    assert host.output("bob", "bothy exec same -- ls /root") == ""


def test_json_keys(host, x1):
    assert set(x1) == CONTAINER
    listed = json.loads(host.output("alice", "bothy list --json"))
    assert [c["name"] for c in listed] == ["x1"] and steady(listed[0]) == steady(x1)
    assert (x1["state"], x1["owner"], x1["rangeCount"], x1["lastExit"], x1["lastError"]) == \
        ("running", 1000, 65536, [-1, 0], "")
    assert x1["createdAt"] <= x1["startedAt"] and x1["stoppedAt"] == 0
    images = json.loads(host.output("alice", "bothy image list --json"))
    assert all(set(image) == IMAGE for image in images)
    busybox = [image for image in images if image["aliases"] == ["busybox"]]
    assert len(busybox) == 1 and busybox[0]["fingerprint"] == x1["image"] and busybox[0]["origin"] == "builtin"
    assert json.loads(host.output("alice", "bothy image info busybox --json"))["fingerprint"] == x1["image"]
    ranges = json.loads(host.output("alice", "bothy range list --json"))
    assert {"rangeBase": x1["rangeBase"], "rangeCount": 65536, "owner": 1000, "holder": "container",
            "name": "x1"} in ranges
    assert (host.root / f"proc/{x1['leader']}/cgroup").read_text().strip().endswith(x1["controlGroup"] + "/payload")


def test_doctor(host):
    done = host.run("alice", "bothy", "doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    verdicts = dict(line.split()[1::-1] for line in done.stdout.splitlines() if not line.startswith(" "))
    assert {check.rstrip(":"): verdict for check, verdict in verdicts.items()
            if check.rstrip(":") not in ("cgroups", "disk", "disk-limits")} == \
        dict.fromkeys(["installation", "kernel", "user-namespaces", "ids", "names", "built-in-image",
                       "image-servers", "network-manager", "firewall", "subnet", "legacy-firewall", "reverse-path", "forwarding"], "ok") | {"host-names": "warning"}
    # The administrator has not put us into nsswitch.conf here.
    assert "nsswitch.conf" in done.stdout


def test_busctl(host):
    made = call(host, "", "CreateContainer", "ssa{sv}", "b1", "busybox", "0", interface="Manager")
    assert made.stdout == f'o "{PATH}/container/u1000/b1"\n'
    for method, wanted in ("Start", "running"), ("Freeze", "frozen"), ("Thaw", "running"), ("Restart", "running"):
        options = {"Start": ("a{sv}", "0"), "Restart": ("a{sv}", "1", "force", "b", "true")}.get(method, ())
        done = call(host, "/container/u1000/b1", method, *options)
        assert done.returncode == 0, done.stderr
        assert state(host, "b1") == wanted
    done = call(host, "/container/u1000/b1", "Stop", "a{sv}", "0")
    assert (done.returncode, done.stdout) == (0, "")
    assert host.output("alice", "busctl", "get-property", BUS, f"{PATH}/container/u1000/b1", f"{BUS}.Container",
                       "State", "Leader") == 's "stopped"\nu 0'
    again = call(host, "/container/u1000/b1", "Stop", "a{sv}", "0")
    assert again.returncode != 0 and "is stopped" in again.stderr
    deleted = call(host, "/container/u1000/b1", "Delete", "a{sv}", "0")
    assert re.fullmatch(rf'o "{PATH}/operation/\d+"\n', deleted.stdout)
    assert names(host) == []
    nothing_left(host)


def test_gdbus(host):
    def gdbus(method, *args, path="", interface="Manager"):
        return host.output("alice", "gdbus", "call", "--system", "--dest", BUS, "--object-path", PATH + path,
                           "--method", f"{BUS}.{interface}.{method}", *args)

    made = gdbus("CreateContainer", "g1", "busybox", "{'hostname': <'elsewhere'>}")
    assert made == f"(objectpath '{PATH}/container/u1000/g1',)"
    assert gdbus("Start", "{}", path="/container/u1000/g1", interface="Container") == "()"
    assert host.output("alice", "bothy exec g1 -- hostname") == "elsewhere"
    assert re.match(r"\(\[\('g1', (uint32 )?1000, 'running', 'busybox', '[^']*', (objectpath )?"
                    rf"'{PATH}/container/u1000/g1'\)\],\)", gdbus("ListContainers"))
    leader = info(host, "g1")["leader"]
    assert gdbus("GetContainerByPID", str(leader)) == f"(objectpath '{PATH}/container/u1000/g1',)"
    base = info(host, "g1")["rangeBase"]
    assert gdbus("MapFromUser", "7", path="/container/u1000/g1", interface="Container") == f"(uint32 {base + 7},)"
    assert gdbus("Stop", "{'timeout': <uint32 0>}", path="/container/u1000/g1", interface="Container") == "()"
    assert state(host, "g1") == "stopped"


EXITS = [("true", 0), ("false", 1), ("exit 7", 7), ("exit 255", 255), ("kill -9 $$", 137), ("kill -15 $$", 143)]


@pytest.mark.parametrize("script, code", EXITS)
def test_exit_code_of_run(host, script, code):
    assert host.run("alice", "bothy", "run", "--rm", "busybox", "sh", "-c",
                    script if "kill" not in script else f"sh -c '{script}'; exit $?").returncode == code
    nothing_left(host)


def test_exit_codes_of_exec(host, x1):
    for script, code in EXITS:
        assert host.run("alice", "bothy", "exec", "x1", "--", "sh", "-c", script).returncode == code, script
    for words, code in ((["x1", "--", "nosuch"], 127), (["x1", "--", "/etc/passwd"], 126), (["none", "--", "true"], 125),
                        ([], 125), (["--nosuch", "x1", "true"], 125), (["-u", "nosuch", "x1", "--", "true"], 125)):
        done = host.run("alice", "bothy", "exec", *words)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert done.stderr.startswith("bothy: ")


@pytest.mark.parametrize("words, code", [(["busybox", "nosuch"], 127), (["busybox", "/etc/passwd"], 126),
                                         (["noimage", "true"], 125), (["--nosuch"], 125)])
def test_own_exit_code_of_run(host, words, code):
    done = host.run("alice", "bothy", "run", "--rm", *words)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert names(host) == []
    nothing_left(host)


def test_large_streams_pass_whole(host, x1):
    data = os.urandom(3_000_000)
    for words in (["exec", "x1", "--", "cat"], ["run", "--rm", "-i", "busybox", "cat"],
                  ["exec", "x1", "--", "sh", "-c", "tee /root/copy >&2; sha256sum </root/copy >/root/sum; exit 3"]):
        done = host.run("alice", "bothy", *words, input=data, text=False)
        if "exec" in words and "-c" in words:
            assert done.returncode == 3 and done.stderr == data
            assert host.output("alice", "bothy exec x1 -- cat /root/sum").split()[0] == hashlib.sha256(data).hexdigest()
        else:
            assert done.returncode == 0, done.stderr
            assert done.stdout == data


def test_exec_passes_user_directory_and_environment(host, x1):
    assert host.output("alice", "bothy exec -u 1234:99 -w /etc -e A='b c' x1 -- sh -c 'id -u; id -g; pwd; echo $A'") == \
        "1234\n99\n/etc\nb c"
    # Nothing of the caller's own leaks in, neither variables nor file descriptors.
    found = host.run("alice", "SECRET=1 bothy exec x1 -- sh -c 'env; ls -l /proc/self/fd' 9</etc/hostname", check=True)
    assert "SECRET" not in found.stdout and "/home/alice" not in found.stdout
    assert {line.split()[-3] for line in found.stdout.splitlines() if "->" in line} <= {"0", "1", "2", "3"}
    assert "hostname" not in found.stdout


def test_signals_reach_an_exec(host, x1):
    command = subprocess.Popen(host.command("alice", "bothy", "exec", "x1", "--", "sh", "-c",
                                            "trap 'echo got; exit 9' TERM; echo ready; while :; do sleep 0.1; done"),
                               stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    assert command.stdout.readline() == "ready\n"
    pid, = own_children(host, "alice", "bothy")
    host.run("root", "kill", "-TERM", str(pid), check=True)
    assert command.communicate(timeout=10)[0] == "got\n"
    assert command.returncode == 9


def test_run_ends_at_a_signal_and_leaves_nothing(host):
    command = subprocess.Popen(host.command("alice", "bothy", "run", "--rm", "busybox", "sh", "-c",
                                            "trap '' TERM INT; echo ready; while :; do sleep 0.1; done"),
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    assert command.stdout.readline() == "ready\n"
    pid, = own_children(host, "alice", "bothy")
    for i in range(3):
        assert command.poll() is None
        host.run("root", "kill", "-TERM", str(pid), check=True)
        time.sleep(0.3)
    command.communicate(timeout=15)
    assert command.returncode == 137
    until(lambda: names(host) == [], what="the container is deleted")
    nothing_left(host)


def test_rename(host, x1):
    running = host.run("alice", "bothy", "rename", "x1", "y1")
    assert running.returncode == 1 and "running" in running.stderr
    host.run("alice", "bothy stop -f x1 && bothy rename x1 y1 && bothy start y1", check=True)
    assert names(host) == ["y1"]
    assert info(host, "y1")["id"] == x1["id"]
    assert host.run("alice", "bothy", "info", "x1").returncode == 1
    for bad in "-a", "a-", "A", "a_b", "a" * 64, "", "../x", "a\nb":
        assert host.run("alice", "bothy", "create", "busybox", "--name", bad).returncode != 0, bad
    assert names(host) == ["y1"]


def test_freeze_and_thaw(host, x1):
    host.run("alice", "bothy exec x1 -- sh -c 'while :; do date +%N >>/root/ticks; sleep 0.02; done >/dev/null 2>&1 &'",
             check=True)

    def ticks():
        return (host.root / "var/lib/bothy/containers" / x1["id"] / "data/upper/root/ticks").stat().st_size

    until(lambda: ticks() > 0, what="the program runs")
    host.run("alice", "bothy", "freeze", "x1", check=True)
    assert state(host, "x1") == "frozen"
    before = ticks()
    time.sleep(0.5)
    assert ticks() == before
    done = host.run("alice", "bothy", "exec", "x1", "--", "true")
    assert done.returncode == 125 and "frozen" in done.stderr
    assert host.run("alice", "bothy", "freeze", "x1").returncode == 1
    host.run("alice", "bothy", "thaw", "x1", check=True)
    assert state(host, "x1") == "running"
    until(lambda: ticks() > before, what="the program goes on")
    # A frozen one can be stopped, and goes.
    host.run("alice", "bothy freeze x1 && bothy stop -t 10 x1", check=True)
    assert state(host, "x1") == "stopped"
    assert processes(host, x1) == []


def test_kill(host, x1):
    host.run("alice", "bothy", "kill", "x1", check=True)
    host.run("alice", "bothy", "wait", "--timeout", "10", "x1", check=True)
    assert (info(host, "x1")["state"], info(host, "x1")["lastExit"]) == ("failed", [0, 9])
    assert "signal 9" in info(host, "x1")["lastError"]
    host.run("alice", "bothy create busybox k1 -- sh -c 'trap \"exit 4\" HUP; while :; do sleep 0.1; done' && "
             "bothy start k1 && sleep 0.3 && bothy kill -s HUP k1 && bothy wait -t 10 k1", check=True)
    assert (info(host, "k1")["state"], info(host, "k1")["lastExit"]) == ("stopped", [4, 0])
    assert host.run("alice", "bothy", "kill", "k1").returncode == 1


def test_restart(host, x1):
    host.run("alice", "bothy exec x1 -- touch /root/stays /tmp/stays", check=True)
    host.run("alice", "bothy", "restart", "x1", check=True)
    again = info(host, "x1")
    assert again["state"] == "running" and again["leaderPIDFDId"] != x1["leaderPIDFDId"]
    assert again["rangeBase"] == x1["rangeBase"]
    assert host.output("alice", "bothy exec x1 -- ls /root") == "stays"
    assert "stays" in host.output("alice", "bothy exec x1 -- ls /tmp")  # as docker has it


def test_wait(host, x1):
    late = host.run("alice", "bothy", "wait", "--timeout", "1", "x1")
    assert late.returncode == 1 and late.stderr.startswith("bothy: ")
    waiting = subprocess.Popen(host.command("alice", "bothy", "wait", "x1"), stdin=subprocess.DEVNULL)
    time.sleep(0.3)
    assert waiting.poll() is None
    host.run("alice", "bothy", "stop", "-f", "x1", check=True)
    assert waiting.wait(timeout=5) == 0


def test_monitor(host):
    watching = subprocess.Popen(host.command("alice", "bothy", "--json", "monitor"), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, text=True)
    others = subprocess.Popen(host.command("bob", "bothy", "--json", "monitor"), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, text=True)
    time.sleep(0.5)
    host.run("alice", "bothy launch busybox m1 && bothy exec m1 -- true && bothy delete -f m1", check=True)
    time.sleep(0.3)
    for name in "alice", "bob":
        pid, = own_children(host, name, "bothy")
        host.run("root", "kill", "-INT", str(pid), check=True)
    events = [json.loads(line) for line in watching.communicate(timeout=10)[0].splitlines()]
    mine = [event for event in events if event["path"] == f"{PATH}/container/u1000/m1"]
    assert mine[0]["event"] == "added" and mine[-1]["event"] == "removed"
    states = [event["properties"]["state"] for event in mine if "state" in (event.get("properties") or {})]
    assert states[0] == "stopped" and "running" in states[1:]
    assert {event["kind"] for event in events} >= {"container", "operation", "process"}
    # And nobody else hears of any of it, though perhaps of what he did himself before.
    heard = [json.loads(line) for line in others.communicate(timeout=10)[0].splitlines()]
    assert not {event["path"] for event in heard} & {event["path"] for event in events}


def test_logs(host):
    host.run("alice", "bothy create busybox l1 -- sh -c 'for i in 1 2 3; do echo line $i; done; printf \"\\033]0;t\\007\"'"
             " && bothy start l1 && bothy wait -t 10 l1", check=True)
    assert [line for line in host.output("alice", "bothy logs l1").splitlines() if line.startswith("line")] == \
        ["line 1", "line 2", "line 3"]
    # A pipe gets what there is; on a terminal escapes are shown, not obeyed.
    assert "\033]0;t\a" in host.output("alice", "bothy logs l1")
    with Terminal(host, "alice", "bothy", "logs", "l1") as terminal:
        assert terminal.wait() == 0
        assert "line 3" in terminal.text and "]0;t" in terminal.text and "\033" not in terminal.text
    assert "line 3" in host.output("alice", "bothy logs -n 2 l1") and \
        "line 1" not in host.output("alice", "bothy logs -n 2 l1")
    # Another run's comes behind it.
    host.run("alice", "bothy start l1 && bothy wait -t 10 l1", check=True)
    assert host.output("alice", "bothy logs l1").count("line 2") == 2


def test_ephemeral_is_gone_when_it_stops(host):
    host.run("alice", "bothy create --ephemeral busybox e1 && bothy start e1 && bothy stop -f e1", check=True)
    until(lambda: names(host) == [], what="it is deleted")
    nothing_left(host)


def test_reboot_and_poweroff_from_inside(host, x1):
    host.run("alice", "bothy", "exec", "x1", "--", "reboot", "-f")
    again = until(lambda: (lambda now: now["state"] == "running" and now["leaderPIDFDId"] != x1["leaderPIDFDId"]
                           and now)(info(host, "x1")), what="it is rebooted")
    assert host.output("alice", "bothy exec x1 -- id -u") == "0"
    host.run("alice", "bothy", "exec", "x1", "--", "poweroff", "-f")
    host.run("alice", "bothy", "wait", "-t", "10", "x1", check=True)
    assert (info(host, "x1")["state"], info(host, "x1")["lastError"]) == ("stopped", "")
    assert processes(host, again) == []
    nothing_left(host)

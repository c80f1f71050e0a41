# SPDX-License-Identifier: LGPL-2.1-or-later
"""Containers that users build by hand, as bothy-by-hand(7) says, with nothing set up."""

import json
import pathlib
import time

import pytest

HERE = pathlib.Path(__file__).parent

ARCHIVE = r"""
set -e
mkdir -p "$1/tree/etc"
cd "$1/tree"
echo root:x:0:0::/:/bin/sh >etc/passwd
echo root:x:0: >etc/group
: >etc/shadow
echo 'passwd: files' >etc/nsswitch.conf
programs=$(PATH=/usr/sbin:/usr/bin; for p in sh useradd setpriv touch stat hostname cat tail; do command -v $p; done)
tar -C / --dereference -cf - $programs $(ldd $programs | grep -o '/[^ ]*\.so[^ ]*' | sort -u) 2>/dev/null | tar -x
ln -s usr/bin bin 2>/dev/null || true
tar -cf ../rootfs.tar .
"""


def held(host, user="alice"):
    return [r["rangeBase"] for r in json.loads(host.output(user, "bothy", "range", "list", "--json")) if r["holder"] == "by hand"]


@pytest.fixture(autouse=True)
def nothing_left(host):
    yield
    for user in "alice", "bob":
        for base in held(host, user):
            host.run(user, "bothy", "range", "release", str(base), check=True)


def test_HAND_the_recipe(host):
    """mkdir, chown, tar, mounts, chroot, useradd, rm -rf: all as an ordinary user."""
    host.write("/usr/local/bin/by-hand.sh", (HERE / "by-hand.sh").read_text(), mode=0o755)
    directory = host.output("alice", "d=$(mktemp -d); chmod 755 $d; mkdir $d/work; echo $d")
    host.run("alice", "sh", "-c", ARCHIVE, "archive", directory, check=True)
    output = host.output("alice", "by-hand.sh", "../rootfs.tar", cwd=directory + "/work")
    assert output.split("\n") == ["eth0", "user", "by-hand", "sh", "0::/"]
    assert host.output("alice", "ls", "-A", directory + "/work") == ""
    assert host.output("root", "cat /etc/subuid /etc/subgid") == ""
    host.run("alice", "rm", "-rf", directory, check=True)


def test_HAND_range_stays_when_the_service_restarts(host):
    answer = json.loads(host.output("alice", "bothy", "range", "allocate", "--json"))
    assert answer["uid"] == answer["gid"] and answer["count"] == 65536
    host.run("root", "systemctl", "restart", "bothyd", check=True)
    assert held(host) == [answer["uid"]]
    assert held(host, "bob") == []
    refused = host.run("bob", "bothy", "range", "release", str(answer["uid"]))
    assert refused.returncode == 1 and "hold no id range" in refused.stderr


def test_HAND_one_range_is_made_and_used_again(host):
    for _ in range(2):
        maps = host.output("alice", "bothy", "userns-exec", "--", "cat", "/proc/self/uid_map", "/proc/self/gid_map").split()
        assert maps == ["0", str(held(host)[0]), "65536"] * 2
    assert len(held(host)) == 1


def test_HAND_command_is_the_process(host):
    assert host.output("alice", "echo $$; exec bothy unshare -m -- sh -c 'echo $$; id -u'").split()[2] == "0"
    first, second, _ = host.output("alice", "echo $$; exec bothy unshare -m -- sh -c 'echo $$; id -u'").split()
    assert first == second
    for command, code in (("exit 7", 7), ("sh -c 'kill -9 $$'; exit $?", 137)):
        assert host.run("alice", "bothy", "unshare", "-p", "--mount-proc", "--", "sh", "-c", command).returncode == code
    assert host.run("alice", "bothy", "unshare", "--", "no-such-program").returncode == 127
    assert host.run("alice", "bothy", "unshare", "--", "/etc/passwd").returncode == 126
    assert host.run("alice", "bothy", "unshare", "-m", "nonsense:1", "true").returncode == 127  # -m is --mount


def test_MAP_04_maps_that_are_not_his(host):
    theirs = host.output("bob", "bothy", "range", "allocate", "-q")
    for part in (f"b:0:{theirs}:1", "b:0:0:1", "b:0:100000:65536", "b:0:1001:1"):
        refused = host.run("alice", "bothy", "userns-exec", "-m", part, "--", "true")
        assert refused.returncode == 125 and "range" in refused.stderr, part
    assert host.run("alice", "bothy", "userns-exec", "-m", "b:0:1", "--", "true").returncode == 125


def test_MAP_07_current_user(host):
    output = host.output("alice", "bothy unshare -c -- sh -c 'id -u; id -g; cat /proc/self/setgroups'")
    assert output.split() == ["1000", "1000", "deny"]


def test_CG_02_control_group_of_its_own(host):
    with_group = "bothy unshare -C -m -- sh -c 'mount -t cgroup2 none /mnt && mkdir /mnt/inner && echo $$ >/mnt/inner/cgroup.procs && cat /proc/self/cgroup; sleep 3'"
    done = host.run("alice", f"{with_group} & sleep 1; systemctl list-units --plain --no-legend 'bothy-hand-*'; wait")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.split("\n")
    assert "0::/inner" in lines
    (unit,) = [line.split()[0] for line in lines if line.startswith("bothy-hand-")]
    time.sleep(0.5)
    assert host.output("root", f"systemctl show -p ActiveState --value {unit}") == "inactive"

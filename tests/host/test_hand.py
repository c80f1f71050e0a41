# SPDX-License-Identifier: LGPL-2.1-or-later
"""Containers that users build by hand, as bothy-by-hand(7) says, with nothing set up."""

import json
import pathlib
import subprocess
import time

import pytest

from tools import until

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


SMALL = r"""
set -e
mkdir -p "$1/tree/bin" "$1/tree/sbin" "$1/tree/etc" "$1/tree/proc" "$1/tree/sys" "$1/tree/dev"
cp /bin/busybox "$1/tree/bin"
ln -s busybox "$1/tree/bin/sh"
ln -s ../bin/busybox "$1/tree/sbin/init"
tar -C "$1/tree" -cf "$1/rootfs.tar" .
"""
GATEWAY = "10.209.0.1"


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
    output = host.output("alice", "/usr/local/bin/by-hand.sh", "../rootfs.tar", cwd=directory + "/work", session="active")
    assert output.split("\n") == ["eth0", "user", "by-hand", "sh", "0::/"]
    assert host.output("alice", "ls", "-A", directory + "/work") == ""
    assert host.output("root", "cat /etc/subuid /etc/subgid") == ""
    host.run("alice", "rm", "-rf", directory, check=True)


@pytest.fixture
def lxc(host):
    """A container of LXC's, by the recipe: the pid of its init, and what ends it."""
    host.write("/usr/local/bin/by-hand-lxc.sh", (HERE / "by-hand-lxc.sh").read_text(), mode=0o755)
    directory = host.output("alice", "d=$(mktemp -d); chmod 755 $d; mkdir $d/work; echo $d")
    host.run("alice", "sh", "-c", SMALL, "archive", directory, check=True)
    words = host.command("alice", "sh", "-c", f"cd {directory}/work && by-hand-lxc.sh ../rootfs.tar 2>&1", session="active")
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as recipe:
        nic = next((line.split() for line in recipe.stdout if line.startswith("02:")), None)
        assert nic, "no nic was attached"
        # LXC tells its pid before it is what is executed.
        init = until(lambda: host.run("root", "pgrep", "-o", "-x", "init", "-u", str(held(host)[0])).stdout.strip(), 30,
                     lambda: host.output("root", f"ps -u {held(host)[0]} -o pid,comm,args"))
        yield init, nic, recipe
        recipe.stdin.close()
        recipe.stdout.read()
        assert recipe.wait(30) == 0
    assert host.output("alice", "ls", "-A", directory + "/work") == "" and held(host) == []
    host.run("alice", "rm", "-rf", directory, check=True)


def test_HAND_recipes_are_those_of_the_page():
    """Line by line, but for where the archive is."""
    page = (HERE.parent.parent / "data/man/bothy-by-hand.7.scd").read_text().replace("rootfs.tar", "$1")
    for name in "by-hand.sh", "by-hand-lxc.sh":
        recipe = (HERE / name).read_text().split("set -eu\n")[1].replace('"$1"', "$1")
        assert f"```\n{recipe}```\n" in page, name


def test_HAND_nic_of_a_container_of_LXC(host, lxc):
    """Neither subuid nor lxc-usernet has a line, and neither newuidmap nor lxc-user-nic has a part in it."""
    init, (mac, address, address6), recipe = lxc

    def inside(command):
        return host.run("root", f"nsenter -n -t {init} {command}")

    def reaches(*options):
        return inside(" ".join(("ping -c 2 -i 0.3 -W 1", *options, GATEWAY))).returncode == 0

    recipe.stdin.write("/bin/busybox hostname; /bin/busybox cat /proc/self/uid_map\n")
    recipe.stdin.flush()
    assert recipe.stdout.readline() == "web\n"
    assert recipe.stdout.readline().split() == ["0", str(held(host)[0]), "65536"]
    group = host.output("root", f"grep ^0:: /proc/{init}/cgroup")
    assert "/user-1000.slice/bothy-hand-" in group and group.endswith("/lxc.payload.web")
    assert host.output("root", "cat /etc/subuid /etc/subgid; cat /etc/lxc/lxc-usernet 2>/dev/null || true") == ""
    shown = inside("ip addr show dev eth0").stdout
    assert mac in shown and address in shown and address6 in shown
    until(reaches, what="the gateway answers")
    inside("ip addr add 10.209.99.99/16 dev eth0")
    assert not reaches("-I", "10.209.99.99") and reaches("-I", address.split("/")[0])
    inside("ip link set dev eth0 address 02:00:00:00:00:09")
    assert not reaches("-I", address.split("/")[0])
    inside(f"ip link set dev eth0 address {mac}")
    until(lambda: reaches("-I", address.split("/")[0]))
    host.run("alice", "bothy", "nic", "detach", init, check=True)
    assert inside("ip link show dev eth0").returncode == 1
    assert ":nic" not in host.output("root", "ip link")


def test_HAND_range_stays_when_the_service_restarts(host):
    answer = json.loads(host.output("alice", "bothy", "range", "allocate", "--json"))
    assert answer["uid"] == answer["gid"] and answer["count"] == 65536
    host.run("root", "systemctl", "restart", "bothyd", check=True)
    assert held(host) == [answer["uid"]]
    assert held(host, "bob") == []
    refused = host.run("bob", "bothy", "range", "release", str(answer["uid"]))
    assert refused.returncode == 1 and "hold no id range" in refused.stderr


def test_HAND_quiet_list_is_first_ids(host):
    """What "bothy range release" takes, and nothing else."""
    answer = host.output("alice", "bothy", "range", "allocate", "--quiet")
    listed = host.output("alice", "bothy", "range", "list", "--quiet").splitlines()
    assert answer in listed
    assert listed == [str(r["rangeBase"]) for r in json.loads(host.output("alice", "bothy", "range", "list", "--json"))]


def test_HAND_one_range_is_made_and_used_again(host):
    for _ in range(2):
        maps = host.output("alice", "bothy", "userns-exec", "--", "cat", "/proc/self/uid_map", "/proc/self/gid_map").split()
        assert maps == ["0", str(held(host)[0]), "65536"] * 2
    assert len(held(host)) == 1


def test_HAND_all_ranges_are_mapped(host):
    """As lxc-usernsexec has it: what one of them made can be taken away without a map."""
    bases = [host.output("alice", "bothy", "range", "allocate", "-q") for _ in range(4)]
    maps = host.output("alice", "bothy", "userns-exec", "--", "cat", "/proc/self/uid_map").split("\n")
    assert [line.split() for line in maps] == [[str(n * 65536), base, "65536"] for n, base in enumerate(bases)]
    directory = host.output("alice", "d=$(mktemp -d); chmod 777 $d; echo $d")
    for base in bases[1:3]:
        host.run("alice", "bothy", "userns-exec", "-m", f"b:0:{base}:65536", "--", "mkdir", "-p", f"{directory}/{base}/a/b", check=True)
    host.run("alice", f"bothy userns-exec -- rm -rf {directory}/*", check=True)
    assert host.output("alice", "ls", "-A", directory) == ""
    host.run("alice", "rmdir", directory, check=True)


def test_HAND_unshare_inside_of_a_map(host):
    """No service is asked, for whom root of a map is nobody; what belongs to the new namespaces is mounted."""
    host.write("/usr/local/bin/look", "readlink /proc/self/ns/user; echo $$; ls -d /proc/[0-9]*; stat -f -c %T /dev/shm; cat /proc/self/uid_map\n")
    host.write("/usr/local/bin/outer", "readlink /proc/self/ns/user\nexport DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nowhere\n"
               "exec bothy unshare -s 'MOUNT|PID' -M sh /usr/local/bin/look\n")
    lines = host.output("alice", "bothy", "userns-exec", "--", "sh", "/usr/local/bin/outer").split("\n")
    assert lines[0] == lines[1] and lines[2] == "1" and len([line for line in lines if line.startswith("/proc/")]) == 1, lines
    assert lines[-2] == "tmpfs" and lines[-1].split()[1] == str(held(host)[0])
    # By itself it makes a user namespace, as before.
    assert len(set(host.output("alice", "readlink /proc/self/ns/user; bothy unshare -M -p -- readlink /proc/self/ns/user").split())) == 2


def test_HAND_a_closed_directory_is_explained(host):
    directory = host.output("alice", "d=$(mktemp -d); mkdir $d/x; chmod 700 $d; echo $d")
    for where, told in (directory, True), ("/tmp", False):
        done = host.run("alice", "bothy", "userns-exec", "--", "ls", "-d", "x", cwd=where)
        assert (f"{directory} is closed to who is root inside" in done.stderr) == told and done.returncode != 0
    host.run("alice", "rm", "-rf", directory, check=True)


def test_HAND_nic_attach_names_a_bridge(host):
    """As lxc-user-nic has it; what is no bridge is the interface's name."""
    with subprocess.Popen(host.command("alice", "unshare", "-Urn", "sleep", "100")) as process:
        pid = until(lambda: host.run("root", "pgrep", "-u", "alice", "-x", "sleep").stdout.strip())
        for words, name in (("bothy0",), "eth0"), (("bothy0", "web1"), "web1"), (("web2",), "web2"):
            host.run("alice", "bothy", "nic", "attach", pid, *words, check=True)
            assert host.run("root", f"nsenter -n -t {pid} ip link show dev {name}").returncode == 0
            host.run("alice", "bothy", "nic", "detach", pid, *words, check=True)
        refused = host.run("alice", "bothy", "nic", "attach", pid, "br9", "eth0")
        assert refused.returncode == 1 and "no bridge br9" in refused.stderr
        host.run("root", "kill", pid, check=True)
        process.wait()


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
    with_group = "bothy unshare -C -m -- sh -c 'mount -t cgroup2 none /mnt && mkdir /mnt/inner && echo 0 >/mnt/inner/cgroup.procs && cat /proc/self/cgroup; sleep 3'"
    done = host.run("alice", f"{with_group} & sleep 1; systemctl list-units --plain --no-legend 'bothy-hand-*'; wait",
                    session="active")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.split("\n")
    assert "0::/inner" in lines
    (unit,) = [line.split()[0] for line in lines if line.startswith("bothy-hand-")]
    time.sleep(0.5)
    assert host.output("root", f"systemctl show -p ActiveState --value {unit}") == "inactive"


def test_CG_02_service_does_not_leave_its_bounds(host):
    """What it may use is the administrator's to say, not its own."""
    unit = "systemd-run --quiet --pipe --wait --collect -p User=alice -p MemoryMax=64M -p TasksMax=30 -p IPAddressDeny=any"
    program = "bothy unshare --cgroup -- sh -c 'cat /proc/self/cgroup; echo out'"
    refused = host.run("root", f"{unit} --unit confined sh -c \"cat /proc/self/cgroup; {program}\"")
    assert refused.returncode != 0 and "out" not in refused.stdout
    assert "/system.slice/confined.service" in refused.stdout
    assert "org.bothy.Bothy1.move-service" in refused.stderr
    # In a session of hers she may, as root may everywhere.
    assert "out" in host.output("alice", program, session="remote")
    assert "out" in host.output("root", f"systemd-run --quiet --pipe --wait --collect {program}")

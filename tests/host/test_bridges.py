# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bridges to a LAN, with the real NetworkManager and a DHCP server on the other side; nics by hand."""

import base64
import contextlib
import hmac
import json
import re
import subprocess
import time

import pytest

from tools import info, tidy, until  # noqa: F401

GATEWAY = "10.209.0.1"
ROUTER = "192.168.77.1"
IN = "nsenter -n -t"  # as root of the host, who may everything there
LEASE = r"lease of (192\.168\.77\.\d+) obtained"

LAN = f"""
ip netns add lan
ip link add lanp type veth peer name lanq netns lan
ip -n lan link set lanq up
ip -n lan addr add {ROUTER}/24 dev lanq
ip link set lanp up
nmcli con add type bridge ifname br9 con-name br9 bridge.stp no ipv4.method disabled ipv6.method disabled
nmcli con add type ethernet ifname lanp con-name br9p master br9
nmcli con up br9p
"""
DHCP = ("ip netns exec lan dnsmasq --no-daemon --no-resolv --port=0 --interface=lanq --bind-interfaces "
        "--dhcp-range=192.168.77.50,192.168.77.99,1h --dhcp-leasefile=/run/lan.leases").split()


@pytest.fixture(scope="module")
def lan(host):
    """br9 with a port that leads to a namespace where dnsmasq gives addresses."""
    host.run("root", "bash", "-ec", LAN, check=True)
    with subprocess.Popen(host.command("root", *DHCP), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        until(lambda: "br9" in bridges(host))
        yield "br9"
        host.run("root", "pkill", "-f", "lan.leases")
        server.wait()
    host.run("root", "nmcli con del br9p br9; ip netns del lan", check=True)


@pytest.fixture
def delegated(host, lan):
    """alice may have two nics on it."""
    host.run("root", "bothy", "bridge", "delegate", lan, "alice", "2", check=True)
    yield lan
    for delegation in bridges(host)[lan]["delegations"]:
        host.run("root", "bothy", "bridge", "revoke", lan, delegation["principal"], check=True)


@pytest.fixture
def namespace(host):
    """Makes network namespaces of somebody's, by whatever command sleeps in them; gives pids."""
    with contextlib.ExitStack() as stack:
        def make(user="alice", command="unshare -Urn"):
            words = host.command(user, "sh", "-c", f"echo $$; exec {command} sleep 600")
            process = stack.enter_context(subprocess.Popen(words, stdout=subprocess.PIPE, text=True))
            parent = process.stdout.readline().strip()
            stack.callback(end, host, parent)
            return until(lambda: sleeper(host, parent), what=f"sleep of {command}")
        yield make
    until(lambda: by_hand(host) == [], what="no nic by hand is left")


def end(host, pid):
    host.run("root", "sh", "-c", f"kill -9 $(ps -o pid= --ppid {pid}) {pid}")


def sleeper(host, parent):
    """The pid of the sleep that is a child of PARENT, or PARENT itself, once it is in its namespace."""
    script = (f"p={parent}; for i in 1 2 3 4; do c=$(ps -o pid= --ppid $p | head -n 1); [ -z $c ] || p=$((c)); done; "
              "[ \"$(cat /proc/$p/comm)\" = sleep ] && echo $p")
    return host.run("root", "sh", "-c", script).stdout.strip()


def bridges(host, user="root"):
    return {bridge["name"]: bridge for bridge in json.loads(host.output(user, "bothy", "bridge", "list", "--json"))}


def reveal(host, alias):
    """What the service knows a nic by, "UID:ID": its alias is sealed with a key that only root can read."""
    key = (host.root / "run/bothy/alias.key").read_bytes()
    sealed = base64.urlsafe_b64decode(alias.removeprefix("bothy:") + "==")
    pad = b"".join(hmac.digest(key, b"pad%d" % part + sealed[:16], "sha256") for part in range(3))
    return bytes(a ^ b for a, b in zip(sealed[16:], pad)).rstrip(b"\0").decode()


def links(host):
    """The nics that are ours, as the service knows them."""
    return [reveal(host, alias) for alias in re.findall(r"alias (bothy:\S+)", host.output("root", "ip link"))]


def by_hand(host):
    return [nic for nic in links(host) if ":nic" in nic]


def attach(host, pid, *options, user="alice"):
    return host.run(user, "bothy", "--no-ask-password", "nic", "attach", *options, pid)


def attached(host, pid, *options, user="alice"):
    done = attach(host, pid, "--json", *options, user=user)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def inside(host, pid, command):
    return host.run("root", f"{IN} {pid} {command}")


def reaches(host, pid, target):
    return inside(host, pid, f"ping -c 1 -W 2 {target}").returncode == 0


def lease(host, pid):
    asked = inside(host, pid, "busybox udhcpc -n -q -t 5 -i eth0 -s /bin/true")
    return re.search(LEASE, asked.stdout + asked.stderr)


# ---- bridges ----


def test_bridge_made_and_removed(host):
    profiles = host.output("root", "nmcli -t -f UUID con")
    host.run("root", "bothy", "bridge", "create", "--subnet", "10.50.0.1/24", "lab", check=True)
    assert bridges(host, "bob")["lab"]["subnet"] == "10.50.0.0/24"
    assert "10.50.0.1/24" in host.output("root", "ip addr show dev lab")
    assert "yes" in host.output("root", "nmcli -g connection.autoconnect con show lab")
    assert "lab" in host.output("root", "grep -l lab /etc/NetworkManager/system-connections/*")
    again = host.run("root", "bothy", "bridge", "create", "lab")
    assert again.returncode == 1 and "already" in again.stderr
    host.run("root", "bothy", "bridge", "delete", "lab", check=True)
    assert host.output("root", "nmcli -t -f UUID con") == profiles
    until(lambda: "lab" not in bridges(host))


def test_bridge_with_a_port(host):
    host.run("root", "ip link add p0 type veth peer name p1 && ip link set p0 up && ip link set p1 up && "
                     "nmcli device set p0 managed yes", check=True)
    host.run("root", "bothy", "bridge", "create", "--port", "p0", "lab", check=True)
    assert "master lab" in host.output("root", "ip link show dev p0")
    host.run("root", "bothy", "bridge", "delete", "lab", check=True)
    assert "master" not in host.output("root", "ip link show dev p0")
    missing = host.run("root", "bothy", "bridge", "create", "--port", "p9", "lab")
    assert missing.returncode == 1 and "nmcli device" in missing.stderr
    host.run("root", "ip link del p0", check=True)


def test_only_administrators_delegate(host, lan):
    for words in (["delegate", lan, "alice", "9"], ["revoke", lan, "alice"], ["create", "lab"]):
        done = host.run("alice", "bothy", "--no-ask-password", "bridge", *words)
        assert done.returncode == 1 and "authorized" in done.stderr.lower()
    assert bridges(host)[lan]["delegations"] == [] and "lab" not in bridges(host)


def test_lines_of_lxc_usernet(host, delegated):
    host.write("/etc/lxc/lxc-usernet", "# USER TYPE BRIDGE COUNT\nalice veth br9 3\n@sudo veth br9 10\n\n"
                                       "bob macvlan br9 1\nnobody9 veth br9 1\nbob veth br-none 1\nbob veth br9\n")
    done = host.run("root", "bothy", "bridge", "import-lxc")
    assert done.returncode == 1
    for number in (5, 6, 7, 8):
        assert f"lxc-usernet:{number}:" in done.stderr
    assert bridges(host)["br9"]["delegations"] == [{"principal": "alice", "quota": 3}, {"principal": "@sudo", "quota": 10}]
    host.run("root", "rm -r /etc/lxc", check=True)


# ---- containers on a LAN ----


def test_container_gets_its_address_from_the_lan(host, delegated):
    host.run("alice", "bothy", "launch", "--network", "lan:br9", "busybox", "x1", check=True)
    assert info(host, "x1")["network"] == "lan:br9" and info(host, "x1")["networkError"] == ""
    script = "ip addr add $ip/24 dev eth0; ip link set eth0 up"
    host.run("alice", "bothy", "exec", "x1", "--", "sh", "-c",
             f"printf '#!/bin/sh\\n[ $1 = bound ] && {{ {script}; }}\\n:\\n' >/tmp/s; chmod 755 /tmp/s", check=True)
    asked = host.run("alice", "bothy", "exec", "x1", "--", "udhcpc", "-n", "-q", "-t", "5", "-i", "eth0", "-s", "/tmp/s")
    first = re.search(LEASE, asked.stdout + asked.stderr)[1]
    host.run("alice", "bothy", "exec", "x1", "--", "ping", "-c", "1", "-W", "2", ROUTER, check=True)
    assert "0 received" not in host.output("root", f"ip netns exec lan ping -c 1 -W 2 {first}")
    # The same MAC address the next time, so the same lease.
    host.run("alice", "bothy", "restart", "x1", check=True)
    asked = host.run("alice", "bothy", "exec", "x1", "--", "udhcpc", "-n", "-q", "-t", "5", "-i", "eth0", "-s", "/bin/true")
    assert re.search(LEASE, asked.stdout + asked.stderr)[1] == first


def test_NET_08_foreign_mac_gets_nothing_through(host, delegated, namespace):
    pid = namespace()
    attached(host, pid, "--bridge", "br9")
    assert lease(host, pid)
    inside(host, pid, "ip link set eth0 down")
    inside(host, pid, "ip link set eth0 address 02:00:00:00:00:77")
    inside(host, pid, "ip link set eth0 up")
    assert not lease(host, pid)


def test_NET_03_delegation_bounds_containers_and_nics_by_hand(host, delegated, namespace):
    pid = namespace()
    attached(host, pid, "--bridge", "br9")
    host.run("alice", "bothy", "launch", "--network", "lan:br9", "busybox", "x1", check=True)
    assert info(host, "x1")["networkError"] == ""
    third = host.run("alice", "bothy", "--no-ask-password", "nic", "attach", "--bridge", "br9", pid, "eth1")
    assert third.returncode == 1 and "in use: 2" in third.stderr
    host.run("alice", "bothy", "launch", "--network", "lan:br9", "busybox", "x2", check=True)
    assert "in use: 2" in info(host, "x2")["networkError"]
    host.run("alice", "bothy", "nic", "detach", "--bridge", "br9", pid, check=True)
    host.run("alice", "bothy", "restart", "x2", check=True)
    assert info(host, "x2")["networkError"] == "" and len(links(host)) == 2


@pytest.mark.once
def test_NET_03_twenty_at_once(host, delegated, namespace):
    pid = namespace()
    script = f"for i in $(seq 20); do bothy --no-ask-password nic attach -q -b br9 {pid} n$i 2>/dev/null & done; wait"
    host.run("alice", script)
    assert len(re.findall(r": n\d+@", inside(host, pid, "ip link").stdout)) == 2 and len(by_hand(host)) == 2


def test_NET_03_counted_by_the_kernel_after_a_kill(host, delegated, namespace):
    pid = namespace()
    for name in "n1", "n2":
        host.run("alice", "bothy", "nic", "attach", "-b", "br9", pid, name, check=True)
    host.run("root", "systemctl", "kill", "-s", "KILL", "bothyd", check=True)
    third = host.run("alice", "bothy", "--no-ask-password", "nic", "attach", "-b", "br9", pid, "n3")
    assert third.returncode == 1 and "in use: 2" in third.stderr
    assert len(by_hand(host)) == 2


def test_group_shares_its_nics(host, lan, namespace):
    """As lines of lxc-usernet have it."""
    host.run("root", "groupadd netters && usermod -aG netters alice && usermod -aG netters bob && "
                     "bothy bridge delegate br9 @netters 1", check=True)
    try:
        hers, his = namespace(), namespace("bob")
        attached(host, hers, "--bridge", "br9")
        refused = attach(host, his, "--bridge", "br9", user="bob")
        assert refused.returncode == 1 and "in use: 1" in refused.stderr
        host.run("alice", "bothy", "nic", "detach", "-b", "br9", hers, check=True)
        attached(host, his, "--bridge", "br9", user="bob")
    finally:
        host.run("root", "bothy bridge revoke br9 @netters; groupdel netters", check=True)


def test_who_is_not_delegated_needs_an_administrator(host, delegated, namespace):
    pid = namespace("bob")
    refused = attach(host, pid, "--bridge", "br9", user="bob")
    assert refused.returncode == 1 and "org.bothy.Bothy1.use-bridge" in refused.stderr
    refused = host.run("bob", "bothy", "--no-ask-password", "create", "--network", "lan:br9", "busybox", "b1")
    assert refused.returncode == 1 and "org.bothy.Bothy1.use-bridge" in refused.stderr
    assert by_hand(host) == []
    host.write("/etc/polkit-1/rules.d/10-bridge.rules", """
polkit.addRule(function(action, subject) {
  if (action.id == "org.bothy.Bothy1.use-bridge" && action.lookup("bridge") == "br9" && subject.user == "bob")
    return polkit.Result.YES;
});""")
    try:
        until(lambda: attach(host, pid, "--bridge", "br9", user="bob").returncode == 0)
        assert lease(host, pid)
        host.run("bob", "bothy", "launch", "--network", "lan:br9", "busybox", "b1", check=True)
        assert info(host, "b1", "bob")["networkError"] == ""
    finally:
        host.run("root", "rm /etc/polkit-1/rules.d/10-bridge.rules", check=True)


def test_permissions_of_the_profile_hold(host, delegated, namespace):
    """What is delegated does not help whom NetworkManager leaves out."""
    host.run("root", "nmcli con modify br9 connection.permissions user:bob", check=True)
    try:
        until(lambda: "br9" not in bridges(host, "alice"))
        assert "br9" in bridges(host, "bob")
        refused = attach(host, namespace(), "--bridge", "br9")
        assert refused.returncode == 1 and "There is no bridge br9" in refused.stderr
        refused = host.run("alice", "bothy", "create", "--network", "lan:br9", "busybox", "x1")
        assert refused.returncode == 1 and "There is no bridge br9" in refused.stderr
    finally:
        host.run("root", "nmcli", "con", "modify", "br9", "connection.permissions", "", check=True)
    until(lambda: "br9" in bridges(host, "alice"))


def test_NET_19_lan_comes_back_with_network_manager(host, delegated, namespace):
    pid = namespace()
    attached(host, pid, "--bridge", "br9")
    host.run("alice", "bothy", "launch", "--network", "lan:br9", "busybox", "x1", check=True)
    assert lease(host, pid)
    host.run("root", "systemctl", "restart", "NetworkManager", check=True)
    until(lambda: "master br9" in host.output("root", "ip link show dev lanp"), 20)
    until(lambda: lease(host, pid), 20)
    until(lambda: host.output("root", "ip link show master br9").count("alias bothy:") == 2, 20)
    assert info(host, "x1")["networkError"] == ""


# ---- by hand ----


@pytest.mark.parametrize("command", ["unshare -Urn", "bwrap --unshare-user --unshare-net --dev-bind / /",
                                     "bothy unshare -n --"])
def test_nic_by_hand(host, namespace, command):
    pid = namespace(command=command)
    nic = attached(host, pid)
    address = nic["addresses"][0]
    shown = inside(host, pid, "ip addr show dev eth0").stdout
    assert address in shown and nic["mac"] in shown and nic["addresses"][1] in shown
    until(lambda: reaches(host, pid, GATEWAY))
    host.run("alice", "bothy", "launch", "busybox", "x1", check=True)
    mine = until(lambda: info(host, "x1")["addresses"])[0].split("/")[0]
    assert reaches(host, pid, mine)
    host.run("bob", "bothy", "launch", "busybox", "b1", check=True)
    theirs = until(lambda: info(host, "b1", "bob")["addresses"])[0].split("/")[0]
    assert not reaches(host, pid, theirs)
    asked = inside(host, pid, "busybox udhcpc -n -q -t 5 -i eth0 -s /bin/true")
    assert f"lease of {address.split('/')[0]} obtained" in asked.stdout + asked.stderr


CRUN = {"ociVersion": "1.0.0", "process": {"terminal": False, "user": {"uid": 0, "gid": 0}, "args": ["/sleep", "600"],
                                           "cwd": "/", "env": ["PATH=/usr/bin:/bin"]},
        "root": {"path": "rootfs"}, "hostname": "c1",
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                   {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"}],
        "linux": {"namespaces": [{"type": kind} for kind in ("user", "pid", "mount", "uts", "network")],
                  "uidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}],
                  "gidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}]}}


def test_nic_of_crun(host):
    directory = host.output("alice", "d=$(mktemp -d); mkdir $d/rootfs; cp /bin/busybox $d/rootfs/sleep; echo $d")
    (host.root / directory.lstrip("/") / "config.json").write_text(json.dumps(CRUN))
    crun = f"XDG_RUNTIME_DIR={directory} crun --cgroup-manager=disabled"
    host.run("alice", f"cd {directory} && {crun} run -d c1 </dev/null >/dev/null 2>&1", check=True)
    try:
        pid = str(json.loads(host.output("alice", f"{crun} state c1"))["pid"])
        attached(host, pid)
        until(lambda: reaches(host, pid, GATEWAY))
    finally:
        host.run("alice", f"{crun} delete -f c1; rm -r {directory}")
    until(lambda: by_hand(host) == [], what="the nic went with the container")


def test_nic_goes_with_its_namespace(fresh_host):
    host = fresh_host()
    what = ("ip -brief link | cut -d' ' -f1", "nft list ruleset", "nmcli -t -f NAME,TYPE con", "ls /run/bothy/dhcp")
    before = [host.output("root", command) for command in what]
    process = subprocess.Popen(host.command("alice", "unshare", "-Urn", "sh", "-c", "read x; exit"),
                               stdin=subprocess.PIPE)
    pid = until(lambda: host.run("root", "pgrep -u alice -x sh").stdout.strip())
    time.sleep(0.2)
    attached(host, pid)
    assert [host.output("root", command) for command in what] != before
    process.communicate(b"\n")
    until(lambda: [host.output("root", command) for command in what] == before, 20, "the host as it was")


def test_NET_01_namespaces_of_others(host, namespace):
    his = namespace("bob")
    roots = namespace("root", "unshare -Urn")
    plain = namespace("root", "unshare -n")
    host.run("alice", "bothy", "launch", "busybox", "x1", check=True)
    before = links(host)
    for pid in (his, roots, plain, "1", str(info(host, "x1")["leader"])):
        refused = host.run("root", "sh", "-c", "exec setpriv --reuid alice --regid alice --clear-groups "
                                               f"bothy nic attach /proc/self/fd/9 9</proc/{pid}/ns/net")
        assert refused.returncode == 1 and "user namespace that you made" in refused.stderr, (pid, refused.stderr)
    assert links(host) == before
    # The administrator's own are not containers, either.
    refused = host.run("root", "bothy", "nic", "attach", plain)
    assert refused.returncode == 1 and "user namespace that you made" in refused.stderr
    assert attach(host, "1").returncode == 1


def test_NET_05_renamed_and_taken_away(host, namespace):
    pid = namespace()
    attached(host, pid)
    inside(host, pid, "ip link set eth0 down")
    assert inside(host, pid, "ip link set eth0 name wan").returncode == 0
    assert host.run("alice", "bothy", "nic", "detach", pid).returncode == 1
    host.run("alice", "bothy", "nic", "detach", pid, "wan", check=True)
    assert by_hand(host) == []


def test_NET_05_nobody_takes_anothers_nic_away(host, namespace):
    pid = namespace()
    attached(host, pid)
    refused = host.run("root", "sh", "-c", "exec setpriv --reuid bob --regid bob --clear-groups "
                                           f"bothy nic detach /proc/self/fd/9 9</proc/{pid}/ns/net")
    assert refused.returncode == 1 and len(by_hand(host)) == 1
    # A nic that Bothy gave a container is not one by hand.
    host.run("alice", "bothy", "nic", "detach", pid, check=True)


def test_NET_07_names_inside(host, namespace):
    pid = namespace()
    for name in ("lo", "all", "default", "a/b", "x" * 16, "%d", "..", "a b", "-x"):
        refused = host.run("alice", "bothy", "nic", "attach", "--", pid, name)
        assert refused.returncode in (1, 2), name
    attached(host, pid)
    taken = attach(host, pid)
    assert taken.returncode == 1 and "already" in taken.stderr
    assert len(by_hand(host)) == 1


def test_bare_nic_is_down(host, namespace):
    pid = namespace()
    assert attached(host, pid, "--bare")["addresses"]
    shown = inside(host, pid, "ip addr show dev eth0").stdout
    assert "state DOWN" in shown and "inet " not in shown


def test_quota_of_the_default_bridge(host, namespace):
    pid = namespace()
    most = json.loads(host.output("alice", "busctl --json=short get-property org.bothy.Bothy1 /org/bothy/Bothy1 "
                                           "org.bothy.Bothy1.Manager MaxNics"))["data"]
    for i in range(most):
        host.run("alice", "bothy", "nic", "attach", "-q", pid, f"n{i}", check=True)
    refused = attach(host, pid)
    assert refused.returncode == 1 and f"in use: {most}" in refused.stderr
    other = namespace("bob")
    attached(host, other, user="bob")

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Snapshots of containers."""

import json

import pytest

from tools import info, names, state, tidy, until  # noqa: F401


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
    # Whatever there is, and with the command's own start.
    took = host.output("alice", "begin=$(date +%s%N); bothy snapshot restore x1 before; echo $((($(date +%s%N) - begin) / 1000000))")
    assert int(took) < 500, took
    start(host)
    assert out(host, "cat /root/link /root/dir/in; ls /etc/passwd") == "one\nkept\n/etc/passwd"
    assert snapshots(host)[0] == "before" and snapshots(host)[1].startswith("before-restore-")


def tree(host):
    """What there is on disk, but for records."""
    return host.output("root", "cd /var/lib/bothy && find uppers containers trash -mindepth 1 -maxdepth 1 | sort").split()


# What a layer has to keep: deleted files, directories put in place of deleted ones, modes, links, extended attributes.
CHANGES = ("rm /etc/passwd; rm -rf /etc/init.d /usr; mkdir /usr; echo new >/usr/only; "
           "cp /bin/busybox /root/su; chown 1:2 /root/su; chmod 6755 /root/su; ln /root/su /root/su2; "
           "mkdir -m 1777 /root/sticky; mkfifo /root/pipe; truncate -s 1G /root/sparse; chmod 750 /; chown 0:7 /; "
           "mv /bin/sh /bin/sh2; ln -s busybox /bin/sh; setfattr -n user.note -v text /root/su 2>/dev/null; true")
LOOK = ("ls -1A / /etc /usr /bin | sort; stat -c '%n %a %u:%g %h %F %s' / /root/su /root/su2 /root/sticky /root/pipe /root/sparse /usr; "
        "cat /usr/only; readlink /bin/sh")


def test_changes_of_all_kinds(host, x1):
    out(host, CHANGES)
    before = out(host, LOOK)
    stop(host)
    host.run("alice", "bothy snapshot create x1 s1", check=True)
    start(host)
    assert out(host, LOOK) == before
    out(host, "rm -rf /root/* /usr; mkdir -p /usr/other; echo back >/etc/passwd; chmod 755 /; chown 0:0 /; rm /bin/sh2")
    changed = out(host, "ls -1A /usr /root; stat -c %a:%g /; cat /etc/passwd")
    assert changed != before
    stop(host)
    host.run("alice", "bothy snapshot restore x1 s1", check=True)
    start(host)
    assert out(host, LOOK) == before
    # And what was there before the restore, by its automatic snapshot.
    stop(host)
    automatic = snapshots(host)[1]
    host.run("alice", f"bothy snapshot restore x1 {automatic}", check=True)
    # Nothing was written since the first restore but what a start does.
    start(host)
    assert out(host, "ls -1A /usr /root; stat -c %a:%g /; cat /etc/passwd") == changed


def test_names_and_formats(host, x1):
    stop(host)
    assert host.output("alice", "bothy snapshot list x1 -q") == ""
    made = host.output("alice", "bothy snapshot create x1")
    assert made.startswith("20") and host.output("alice", "bothy snapshot list x1 -q") == made
    assert host.output("alice", "bothy snapshot create --keep 1 x1") == host.output("alice", "bothy snapshot list x1 -q") != made
    made = host.output("alice", "bothy snapshot list x1 -q")
    assert host.run("alice", "bothy snapshot create --keep 1 x1 named").returncode == 2
    host.run("alice", "bothy snapshot create x1 second", check=True)
    assert host.output("alice", "bothy snapshot list x1 -q").split() == [made, "second"]
    listed = json.loads(host.output("alice", "bothy snapshot list x1 --json"))
    assert [sorted(s) for s in listed] == [["automatic", "createdAt", "name"]] * 2 and not listed[0]["automatic"]
    assert [s["name"] for s in info(host, "x1")["snapshots"]] == [made, "second"]
    for words, why in (("create x1 second", "already"), ("create x1 Wrong", "name"), ("create x1 ../x", "name"), ("restore x1 gone", "no snapshot gone"),
                       ("delete x1 gone", "no snapshot gone"), ("create gone x", "no container"), ("restore x1", "needed"), ("create", "needed")):
        done = host.run("alice", f"bothy snapshot {words}")
        assert done.returncode in (1, 2) and why in done.stderr.lower(), done.stderr
    assert len(snapshots(host)) == 2


def test_while_running_only_with_stop(host, x1):
    host.run("alice", "bothy stop -f x1 && bothy snapshot create x1 s1 && bothy start x1", check=True)
    for verb in "restore x1 s1", :
        done = host.run("alice", f"bothy snapshot {verb}")
        assert done.returncode == 1 and "stop it first" in done.stderr
    out(host, "echo x >/root/new")
    host.run("alice", "bothy snapshot restore --stop x1 s1", check=True)
    assert state(host, "x1") == "running" and inside(host, "cat /root/new").returncode != 0


def test_delete_in_the_middle(host, x1):
    """What others stand on stays, and the rest goes."""
    for number in range(1, 5):
        out(host, f"echo {number} >/root/file{number}; dd if=/dev/zero of=/root/big{number} bs=1M count=2 2>/dev/null")
        stop(host)
        host.run("alice", f"bothy snapshot create x1 s{number}", check=True)
        start(host)
    stop(host)
    host.run("alice", "bothy snapshot delete x1 s2 s3", check=True)
    assert snapshots(host) == ["s1", "s4"]
    start(host)
    assert out(host, "cat /root/file*").split() == ["1", "2", "3", "4"]
    host.run("alice", "bothy snapshot restore --stop x1 s1", check=True)
    assert out(host, "cat /root/file*").split() == ["1"]
    # s4 and what was there after it are all that stood on the layers in between.
    automatic = snapshots(host)[-1]
    host.run("alice", f"bothy snapshot delete x1 s4 {automatic}", check=True)
    until(lambda: len([p for p in tree(host) if p.startswith(("uppers", "trash"))]) == 1, what="only what is in use stays")
    assert out(host, "cat /root/file*").split() == ["1"]
    host.run("alice", "bothy delete -f x1", check=True)
    until(lambda: tree(host) == [], what="all goes with the container")


def test_machine_id_and_hostname(host, x1):
    """A snapshot does not make a container forget who it is, and a copy is somebody else."""
    out(host, "echo 0123456789abcdef0123456789abcdef >/etc/machine-id; echo own >/etc/hostname; ln -sf ../root/resolv /etc/resolv.conf; echo own >/root/resolv")
    stop(host)
    host.run("alice", "bothy snapshot create x1 s1 && bothy copy x1/s1 x2", check=True)
    for name in "x1", "x2":
        start(host, name)
    assert out(host, "cat /etc/machine-id /etc/hostname").split() == ["0123456789abcdef0123456789abcdef", "own"]
    assert out(host, "readlink /etc/resolv.conf; cat /root/resolv").split() == ["../root/resolv", "own"]
    assert out(host, "cat /etc/machine-id /etc/hostname", "x2").split() == ["x2"]
    assert out(host, "hostname", "x2") == "x2"
    one, two = info(host, "x1"), info(host, "x2")
    assert one["rangeBase"] != two["rangeBase"] and one["id"] != two["id"]
    mac = "cat /sys/class/net/eth0/address"
    assert out(host, mac) != out(host, mac, "x2")


def test_copies_live_on(host, x1):
    out(host, CHANGES)
    before = out(host, LOOK)
    stop(host)
    assert host.output("alice", "bothy copy x1 x2") == "x2"
    host.run("alice", "bothy copy x2 x3", check=True)
    start(host)
    out(host, "echo x >/root/only-in-x1")
    start(host, "x2")
    assert out(host, LOOK, "x2") == before and inside(host, "cat /root/only-in-x1", "x2").returncode != 0
    out(host, "echo x >/root/only-in-x2", "x2")
    host.run("alice", "bothy delete -f x1 && bothy delete -f x2", check=True)
    start(host, "x3")
    assert out(host, LOOK, "x3") == before and inside(host, "ls /root/only*", "x3").returncode != 0
    host.run("root", "systemctl restart bothyd", check=True)
    host.run("alice", "bothy stop -f x3 && bothy start x3", check=True)
    assert out(host, LOOK, "x3") == before
    host.run("alice", "bothy delete -f x3", check=True)
    until(lambda: tree(host) == [], what="all goes with the last")


def test_copy_of_settings(host):
    host.run("alice", "bothy create -e A=b -p 127.0.0.1:8097:80 --restart always busybox x1", check=True)
    host.run("alice", "bothy limit x1 pids=77", check=True)
    done = host.run("alice", "bothy copy x1 x2", check=True)
    assert "No port" in done.stderr and "not started by itself" in done.stderr
    one, two = info(host, "x1"), info(host, "x2")
    assert two["limits"]["pids"] == 77 and two["ports"] == [] and two["autostart"]["restart"] == "no"
    assert one["image"] == two["image"] and two["hostname"] == "x2" and one["egress"] == two["egress"]
    for words, why in (("x1 x2", "already"), ("x1/gone x3", "gone"), ("gone x3", "gone"), ("x1", "needed"), ("x1 X", "name")):
        done = host.run("alice", f"bothy copy {words}")
        assert done.returncode in (1, 2) and why in done.stderr.lower(), done.stderr
    assert sorted(names(host)) == ["x1", "x2"]


def with_record(host, name, change):
    """Lets bothyd find another record of a container, as after a power cut: CHANGE gets its path as $f, and a shell."""
    path = f"/var/lib/bothy/containers/{info(host, name)['id']}/container"
    host.run("root", f"f={path}; {{ {change}; }} && systemctl kill -s KILL bothyd && systemctl restart bothyd", check=True)


SEAL = """python3 -c 'import hashlib, sys
text = open(sys.argv[1]).read().split("\\n", 1)[1].replace(sys.argv[2], sys.argv[3])
open(sys.argv[1], "w").write("#bothy-record 1 " + hashlib.sha256(text.encode()).hexdigest() + "\\n" + text)' $f """


def test_SNAP_05_a_record_of_before(host, x1):
    """The disk lost that the container writes into another layer now: what its copy stands on stays as it is."""
    out(host, "echo one >/root/file")
    stop(host)
    host.run("root", f"cp -p /var/lib/bothy/containers/{info(host, 'x1')['id']}/container /root/before")
    host.run("alice", "bothy copy x1 x2", check=True)
    with_record(host, "x1", "cp -p /root/before $f")
    done = host.run("alice", "bothy start x1")
    assert done.returncode == 1 and "snapshot create x1" in done.stderr, done.stderr
    host.run("alice", "bothy snapshot create x1 s1 && bothy start x1", check=True)
    assert out(host, "cat /root/file; echo two >/root/file") == "one"
    start(host, "x2")
    assert out(host, "cat /root/file", "x2") == "one"


def test_the_directory_of_all(host):
    """/ of a container is open to all its users, also if nothing was ever written into what it stands on."""
    host.run("alice", "bothy create busybox x1 && bothy copy x1 x2 && bothy copy x2 x3", check=True)
    for name in "x1", "x2", "x3":
        start(host, name)
        assert out(host, "stat -c '%a %u:%g' /", name) == "755 0:0"
        host.run("alice", f"bothy exec -T -u 1000 {name} -- ls /", check=True)


def test_a_copy_that_was_found_again(host, x1):
    """Its record says that nothing was written into it, and it ran since: that is what its own copy has."""
    stop(host)
    host.run("alice", "bothy copy x1 x2 && bothy start x2", check=True)
    out(host, "echo one >/root/file", "x2")
    with_record(host, "x2", SEAL + "Fresh=false Fresh=true")
    host.run("alice", "bothy stop -f x2 && bothy copy x2 x3 && bothy start x3", check=True)
    assert out(host, "cat /root/file", "x3") == "one"


def test_what_goes_when_it_ends(host):
    """To stop an ephemeral container would be to delete it."""
    host.run("alice", "bothy launch --ephemeral busybox x1", check=True)
    for words in "create --stop x1 s1", "restore --stop x1 s1", "create x1 s1":
        done = host.run("alice", f"bothy snapshot {words}")
        assert done.returncode == 1 and "ephemeral" in done.stderr, (words, done.stderr)
        assert state(host, "x1") == "running"
    host.run("alice", "bothy copy x1 x2", check=True)


def test_LIFE_stopped_while_it_is_copied(host, x1):
    """Who waits for a copy does not keep anybody from ending the container."""
    for line in "bothy stop -f x1", "bothy kill x1", "bothy delete -f x1":
        out(host, "dd if=/dev/urandom of=/root/big bs=1M count=700 2>/dev/null")
        host.run("root", "(until bothy info alice/x1 | grep -q -e freezing -e frozen || [ $((i += 1)) = 500 ]; do :; done; "
                 f"su -s /bin/sh alice -c '{line}' >/tmp/line 2>&1; echo $? >>/tmp/line) & "
                 "su -s /bin/sh alice -c 'bothy snapshot create x1 s1' 2>/tmp/said; wait")
        assert host.output("root", "cat /tmp/line").split()[-1] == "0", (line, host.output("root", "cat /tmp/line /tmp/said"))
        if "delete" not in line:
            until(lambda: state(host, "x1") in ("stopped", "failed"))
            host.run("alice", "bothy start x1; bothy snapshot delete x1 s1 2>/dev/null; true", check=True)
    until(lambda: tree(host) == [], what="all goes")


def test_LIFE_killed_while_it_freezes(host, x1):
    """A bothyd that dies before the container stands still: it goes on all the same."""
    with_record(host, "x1", SEAL + "Personal= \"$(printf 'Held=true\\nPersonal=')\"")
    record = f"/var/lib/bothy/containers/{info(host, 'x1')['id']}/container"
    until(lambda: host.run("root", f"grep Held {record}").returncode == 1, what="it is on record")
    assert state(host, "x1") == "running"
    host.run("alice", "timeout 10 bothy exec x1 -- true", check=True)


def test_a_copy_that_can_not_be(host, x1):
    """Its source has no layer more."""
    stop(host)
    before = tree(host)
    done = host.run("alice", "bothy copy x1 x1")
    assert done.returncode == 1 and "already" in done.stderr
    assert tree(host) == before


def test_foreign(host, x1):
    """Missing and foreign are alike; who may manage may."""
    stop(host)
    host.run("alice", "bothy snapshot create x1 s1", check=True)
    for words in "snapshot create alice/x1 s2", "snapshot restore alice/x1 s1", "snapshot delete alice/x1 s1", "copy alice/x1 b1", "copy alice/x1/s1 b1":
        done = host.run("bob", f"bothy {words}")
        assert done.returncode == 1, words
        assert done.stderr.replace("x1", "none") == host.run("bob", f"bothy {words}".replace("x1", "none")).stderr
    assert snapshots(host) == ["s1"] and names(host, "bob") == []
    host.run("root", "bothy snapshot create alice/x1 s2 && bothy copy alice/x1/s2 x2 && bothy snapshot delete alice/x1 s1", check=True)
    assert snapshots(host) == ["s2"] and sorted(names(host)) == ["x1", "x2"] and names(host, "root") == []
    history = host.output("alice", "bothy history x1")
    assert "Snapshot" in history and "s2" in history and "Clone" in history and "RemoveSnapshot" in history


def test_while_it_runs(host, x1):
    """It goes on in the same process, and all its files are as they were at one instant."""
    out(host, CHANGES + "; mkdir -p $(seq -s/ 1 40); ln -s /etc /root/link; touch -d '2001-02-03 04:05:06' /root/su")
    before, leader = out(host, LOOK), info(host, "x1")["leader"]
    out(host, "(i=0; while true; do i=$((i+1)); for n in a b; do echo $i >/root/t; mv /root/t /root/$n; done; done) >/dev/null 2>&1 &")
    host.run("alice", "bothy snapshot create x1 s1", check=True)
    assert state(host, "x1") == "running" and info(host, "x1")["leader"] == leader
    one = out(host, "cat /root/a")
    until(lambda: out(host, "cat /root/a") != one, what="it goes on")
    host.run("alice", "bothy copy x1 x2", check=True)
    assert info(host, "x1")["leader"] == leader
    out(host, "rm -rf /usr /root/*; echo x >/etc/passwd")
    host.run("alice", "bothy snapshot restore --stop x1 s1", check=True)
    for name in "x1", "x2":
        if name == "x2":
            start(host, name)
        a, b = map(int, out(host, "cat /root/a /root/b", name).split())
        assert a - b in (0, 1)
        out(host, "rm -f /root/a /root/b /root/t", name)
        assert out(host, LOOK, name) == before
        assert out(host, "readlink /root/link; stat -c %Y /root/su; stat -c %b /root/sparse", name).split() == ["/etc", "981173106", "0"]
        assert out(host, "ls -d /" + "/".join(map(str, range(1, 41))) + " || ls -d /root/" + "/".join(map(str, range(1, 41))), name)
    # Also of one that its owner froze, which stays so.
    host.run("alice", "bothy freeze x2 && bothy snapshot create x2 s1", check=True)
    assert state(host, "x2") == "frozen"
    host.run("alice", "bothy thaw x2 && bothy exec x2 -- true", check=True)


def test_too_much_to_copy_while_it_runs(host, x1):
    out(host, "mkdir -p /root/" + "/".join(["d"] * 70))
    before = tree(host)
    done = host.run("alice", "bothy snapshot create x1 s1")
    assert done.returncode == 1 and "stop it first" in done.stderr, done.stderr
    assert state(host, "x1") == "running" and snapshots(host) == []
    until(lambda: tree(host) == before, what="nothing is left")
    host.run("alice", "bothy snapshot create --stop x1 s1", check=True)
    assert state(host, "x1") == "running" and snapshots(host) == ["s1"]


def test_killed_while_it_is_copied(host, x1):
    """Half of it is no snapshot."""
    out(host, "dd if=/dev/zero of=/root/big bs=1M count=600 2>/dev/null")
    leader = info(host, "x1")["leader"]
    host.run("root", f"(until [ $(systemctl is-active bothyd) = x ] || bothy info alice/x1 | grep -q frozen; do :; done; kill -9 {leader}) & "
             "su -s /bin/sh alice -c 'bothy snapshot create x1 s1' 2>/tmp/said; wait")
    until(lambda: state(host, "x1") != "frozen")
    said = host.output("root", "cat /tmp/said")
    assert snapshots(host) == ([] if said else ["s1"])
    if said:
        assert "ended while its files were copied" in said or "not running" in said, said
    host.run("alice", "bothy delete -f x1", check=True)
    until(lambda: tree(host) == [], what="all goes")


def in_srv(host, words):
    """What changed there: at each start /etc/hosts and its like are written anew."""
    return [line for line in host.output("alice", f"bothy diff {words}").splitlines() if line[2:].startswith("/srv")]


def test_diff(host, x1):
    """As it is shown: in order, as JSON, from the image, from a snapshot and between two."""
    out(host, "mkdir -p /srv/a /srv/many; echo one >/srv/a/file; echo one >/srv/a.txt")
    stop(host)
    host.run("alice", "bothy snapshot create x1 s1", check=True)
    start(host)
    assert host.output("alice", "bothy diff x1").splitlines()[-6:] == host.output("alice", "bothy snapshot diff x1").splitlines()[-6:]
    out(host, "echo two >/srv/a/file; rm /srv/a.txt; echo x >/srv/a/new")
    assert in_srv(host, "x1 s1") == ["C /srv", "C /srv/a", "C /srv/a/file", "A /srv/a/new", "D /srv/a.txt"]
    assert "/srv/a/new" in host.output("alice", "bothy diff -q x1 s1").splitlines()
    stop(host)
    host.run("alice", "bothy snapshot create x1 s2", check=True)
    assert json.loads(host.output("alice", "bothy snapshot diff --json x1 s2 s1"))[-1] == {"kind": "added", "path": "/srv/a.txt"}
    assert host.output("alice", "bothy diff x1 s2") == ""
    done = host.run("alice", "bothy diff x1 none")
    assert done.returncode == 1 and "none" in done.stderr
    # A restored one, and a copy of it, know where they came from.
    host.run("alice", "bothy snapshot restore x1 s1 && bothy copy x1 x2", check=True)
    assert host.output("alice", "bothy diff x1 s1") == "" and "A /srv/a.txt" in host.output("alice", "bothy diff x2")
    assert "A /srv/a.txt" in host.output("alice", "bothy diff x1 s2").splitlines()


def test_SNAP_06_names_on_a_terminal(host, x1):
    out(host, "mkdir -p /srv; touch \"/srv/$(printf 'a\\033[31m\\nA b')\"")
    shown = host.output("alice", "bothy diff x1")
    assert "\x1b" not in shown and "A b" not in shown.splitlines() and [line for line in shown.splitlines() if "[31m" in line]


def test_diff_takes_as_long_as_there_are_changes(host, x1):
    """Ten thousand files below, and one that changed."""
    def took():
        times = []
        for _ in range(5):
            times.append(int(host.output("alice", "begin=$(date +%s%N); bothy diff x1 s1 >/dev/null; echo $((($(date +%s%N) - begin) / 1000000))")))
        return min(times)

    stop(host)
    host.run("alice", "bothy snapshot create x1 s1", check=True)
    start(host)
    out(host, "mkdir -p /srv/small; echo x >/srv/small/x")
    little = took()
    # In one go, for each file is a system call in there.
    out(host, "mkdir -p /srv/big; cd /srv/big; i=0; while [ $i -lt 100 ]; do mkdir $i; i=$((i + 1)); done; "
        "for d in *; do i=0; while [ $i -lt 100 ]; do : >$d/$i; i=$((i + 1)); done; done")
    stop(host)
    host.run("alice", "bothy snapshot delete x1 s1 && bothy snapshot create x1 s1", check=True)
    start(host)
    out(host, "echo y >/srv/big/0/0")
    assert took() < 2 * little + 100
    assert in_srv(host, "x1 s1") == ["C /srv", "C /srv/big", "C /srv/big/0", "C /srv/big/0/0"]


def test_SNAP_04_no_space(fresh_host):
    """It happens or leaves nothing, and what is there stays."""
    host = fresh_host("--state-size", "48M")
    host.run("alice", "bothy launch busybox x1", check=True)
    out(host, "echo kept >/root/file")
    stop(host)
    host.run("alice", "bothy snapshot create x1 s1", check=True)
    start(host)
    out(host, "echo new >/root/file; dd if=/dev/zero of=/root/big bs=1M count=20 2>/dev/null")
    before = tree(host)
    # A copy of it does not fit any more.
    done = host.run("alice", "bothy snapshot create x1 s2")
    assert done.returncode == 1 and "space" in done.stderr.lower(), done.stderr
    assert state(host, "x1") == "running" and snapshots(host) == ["s1"]
    until(lambda: tree(host) == before, what="nothing is left")
    stop(host)
    # Nothing at all fits any more: neither a byte nor a file.
    host.run("root", "cd /var/lib/bothy && (dd if=/dev/zero of=fill bs=1M; dd if=/dev/zero of=fill2 bs=1k; i=0; while : >fill-$i; do i=$((i+1)); done) 2>/dev/null; true",
             timeout=120)
    for line in "bothy snapshot create x1 s2", "bothy snapshot restore x1 s1", "bothy snapshot delete x1 s1", "bothy copy x1 x2":
        done = host.run("alice", line)
        assert done.returncode == 1 and "space" in done.stderr.lower(), (line, done.stderr)
    assert snapshots(host) == ["s1"] and names(host) == ["x1"]
    host.run("root", "cd /var/lib/bothy && find . -maxdepth 1 -name 'fill*' -delete", check=True)
    host.run("alice", "bothy snapshot create x1 s2 && bothy snapshot restore x1 s1 && bothy start x1", check=True)
    assert out(host, "cat /root/file") == "kept"
    host.run("alice", "bothy snapshot restore --stop x1 s2", check=True)
    assert out(host, "cat /root/file; stat -c %s /root/big") == "new\n20971520"


def test_commit(host, x1):
    """An image of a container is one like any other, also of one that runs, or as it was."""
    # The directory / of every new container is as any.
    out(host, CHANGES + "; chmod 755 /; chown 0:0 /")
    before = out(host, LOOK)
    host.run("alice", "bothy snapshot create x1 s1", check=True)
    out(host, "echo later >/root/later")
    assert host.output("alice", "bothy commit x1 mine") == "mine"
    assert host.output("alice", "bothy commit x1/s1 older") == "older"
    assert state(host, "x1") == "running"
    host.run("alice", "bothy delete -f x1", check=True)
    try:
        host.run("alice", "bothy launch mine m1 && bothy launch older m2", check=True)
        for name in "m1", "m2":
            assert out(host, LOOK, name) == before
        assert out(host, "cat /root/later", "m1") == "later" and inside(host, "cat /root/later", "m2").returncode != 0
        for words, why in (("gone mine2", "no container"), ("m1/gone mine2", "gone"), ("m1", "needed"), ("m1 Wrong!", "alias")):
            done = host.run("alice", f"bothy commit {words}")
            assert done.returncode in (1, 2) and why in done.stderr.lower(), done.stderr
        done = host.run("bob", "bothy commit alice/m1 mine")
        assert done.returncode == 1
    finally:
        for name in names(host):
            host.run("alice", "bothy", "delete", "-f", name)
        host.run("alice", "bothy image delete mine older", check=True)
    until(lambda: tree(host) == [], what="all goes")

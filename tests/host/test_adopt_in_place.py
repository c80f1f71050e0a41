# SPDX-License-Identifier: LGPL-2.1-or-later
"""Root's containers that other tools made, adopted where they are: nothing is copied, and nothing of the original is written."""

import json
import os
import shutil

import pytest

from test_adopt import BASE, adopt_for_alice, capability_of, everything, inside, lxc, make_incus, make_tree, own_images  # noqa: F401
from test_faults import set_fault
from tools import info, names, nothing_left, tidy, until  # noqa: F401


def adopt_in_place(host, *words):
    return adopt_for_alice(host, "--in-place", *words)


def label_of(container):
    return [path.name for path in container.parent.iterdir() if path.name.startswith(".adopted-by-bothy.")]


def wait_given_back(host, container):
    host.run("root", f"until test -e /var/lib/lxc/{container.name}/config; do sleep 0.05; done", check=True, timeout=20)


def stat_inside(host, *paths):
    return inside(host, "stat -c '%a %u:%g %n' " + " ".join(paths)).splitlines()


def test_conv03_in_place_it_runs_on_the_tree(host, lxc):  # noqa: F811
    before = everything(lxc)
    assert adopt_in_place(host, "lxc:web") == "web"
    assert label_of(lxc) and not lxc.exists()
    host.run("alice", "bothy start web", check=True)
    assert stat_inside(host, "/usr/setuid", "/home/user/file", "/srv/nobodys", "/root/secret", "/tmp") == [
        "4755 0:0 /usr/setuid", "644 1000:1000 /home/user/file", "644 65534:65534 /srv/nobodys", "600 0:0 /root/secret", "1777 0:0 /tmp"]
    assert inside(host, "stat -c %h /usr/one; cat /root/secret /root/nobodys; hostname") == "2\nsecret\nhidden\njeedom1"
    # What is changed is changed above.
    inside(host, "echo new >/root/secret; rm /usr/one; mkdir /srv/made; chown 1000:1000 /srv/acl; rm -r /home")
    inside(host, "test ! -e /usr/one && test -d /srv/made && cat /root/secret")
    host.run("alice", "bothy restart web", check=True)
    assert inside(host, "cat /root/secret; test -e /home || echo none") == "new\nnone"
    host.run("alice", "bothy stop web", check=True)
    assert everything(lxc.parent / label_of(lxc)[0]) == before
    # It stays across a restart of the service, and goes with the container, to the bit.
    host.run("root", "systemctl stop bothyd", check=True)
    host.run("alice", "bothy start web && bothy delete -f web", check=True)
    wait_given_back(host, lxc)
    assert everything(lxc) == before and not label_of(lxc) and own_images(host) == []
    nothing_left(host)


def test_conv06_in_place_its_own_tool_does_not_find_it(host, lxc):  # noqa: F811
    adopt_in_place(host, "lxc:web", "mine")
    assert "adopted as mine by alice" in host.output("root", "bothy adopt --list")
    for words in ("lxc:web", "--in-place lxc:web"):
        done = host.run("root", f"bothy adopt --owner alice {words} second")
        assert done.returncode == 1 and ("adopted in place already" in done.stderr or "put aside" in done.stderr), done.stderr
    # Without its label it is nobody's layer.
    labelled = lxc.parent / label_of(lxc)[0]
    labelled.rename(lxc)
    done = host.run("alice", "bothy start mine")
    assert done.returncode == 1 and "lxc:web" in done.stderr and "put aside" in done.stderr, done.stderr
    # Nor with another one's.
    other = lxc.parent / (".adopted-by-bothy." + "0" * 64 + ".web")
    lxc.rename(other)
    assert host.run("alice", "bothy start mine").returncode == 1
    other.rename(labelled)
    # LXC makes another one of that name beside it.
    (lxc / "rootfs").mkdir(parents=True)
    (lxc / "config").write_text("lxc.uts.name = other\n")
    host.run("alice", "bothy start mine", check=True)
    shutil.rmtree(lxc)
    host.run("alice", "bothy delete -f mine", check=True)
    wait_given_back(host, lxc)


def test_conv04_in_place_ids_of_others_are_refused(host, lxc):  # noqa: F811
    os.chown(lxc / "rootfs/usr/one", 70000, 0)
    before = everything(lxc)
    done = host.run("root", "bothy adopt --in-place --owner alice lxc:web")
    assert done.returncode == 1 and "/usr/one" in done.stderr, done.stderr
    assert everything(lxc) == before and names(host) == []
    nothing_left(host)


def test_conv07_in_place_is_for_roots_containers(host, lxc):  # noqa: F811
    done = host.run("alice", "bothy", "--no-ask-password", "adopt", "--in-place", "lxc:web")
    assert done.returncode == 1 and "uthor" in done.stderr, done.stderr
    assert host.run("root", "bothy adopt --in-place --owner alice dir:/var/lib/lxc/web/rootfs web").returncode == 1
    assert names(host) == [] and label_of(lxc) == []


def test_conv07_in_place_on_a_file_system_that_can_not(host):
    """The throwaway host's own is an overlay."""
    host.run("root", "mkdir -p /var/lib/lxc/over && cp -a /etc/os-release /var/lib/lxc/over && mkdir -p /var/lib/lxc/over/rootfs/bin "
             "/var/lib/lxc/over/rootfs/etc && echo lxc.uts.name = over >/var/lib/lxc/over/config", check=True)
    try:
        done = host.run("root", "bothy adopt --in-place --owner alice lxc:over")
        assert done.returncode == 1 and "idmapped" in done.stderr, done.stderr
        assert host.run("root", "test -e /var/lib/lxc/over/config").returncode == 0 and names(host) == []
    finally:
        host.run("root", "rm -r /var/lib/lxc/over", check=True)


def test_conv03_in_place_mapped_ids(host, lxc):  # noqa: F811
    """Root's container that had ids of its own already."""
    make_tree(lxc.parent / "shifted/rootfs", BASE)
    (lxc.parent / "shifted/config").write_text(f"lxc.uts.name = s\nlxc.idmap = u 0 {BASE} 65536\nlxc.idmap = g 0 {BASE} 65536\n")
    before = everything(lxc.parent / "shifted")
    adopt_in_place(host, "lxc:shifted", "web")
    host.run("alice", "bothy start web", check=True)
    assert stat_inside(host, "/usr/setuid", "/home/user/file", "/srv/nobodys") == [
        "4755 0:0 /usr/setuid", "644 1000:1000 /home/user/file", "644 65534:65534 /srv/nobodys"]
    host.run("alice", "bothy delete -f web", check=True)
    wait_given_back(host, lxc.parent / "shifted")
    assert everything(lxc.parent / "shifted") == before


def test_in_place_snapshots_and_copies(host, lxc):  # noqa: F811
    before = everything(lxc)
    adopt_in_place(host, "lxc:web")
    host.run("alice", "bothy start web", check=True)
    inside(host, "echo 1 >/root/mark")
    host.run("alice", "bothy stop web && bothy snapshot create web before && bothy copy web two && bothy start web two", check=True)
    inside(host, "echo 2 >/root/mark")
    assert inside(host, "cat /root/mark /root/secret", "two") == "1\nsecret"
    host.run("alice", "bothy snapshot restore --stop web before", check=True)
    assert inside(host, "cat /root/mark") == "1"
    done = host.run("alice", "bothy stop web; bothy commit web image")
    assert done.returncode == 1 and "lxc:web" in done.stderr, done.stderr
    # The original is the other's still.
    host.run("alice", "bothy delete -f web", check=True)
    assert not lxc.exists() and inside(host, "cat /root/secret", "two") == "secret"
    host.run("alice", "bothy delete -f two", check=True)
    wait_given_back(host, lxc)
    assert everything(lxc) == before


@pytest.mark.once
def test_conv05_in_place_killed_at_any_time(host, lxc):  # noqa: F811
    before = everything(lxc)
    for delay in (0.05, 0.15, 0.3, 0.5):
        host.run("root", f"systemctl reset-failed bothyd; bothy adopt --in-place --owner alice lxc:web >/dev/null 2>&1 & sleep {delay}; "
                 "kill -9 $(systemctl show -p MainPID --value bothyd); wait; true", timeout=60)
        host.run("alice", "until bothy list >/dev/null 2>&1; do sleep 0.1; done", check=True, timeout=20)
        if names(host):
            assert label_of(lxc)
            host.run("alice", "bothy start web && bothy delete -f web", check=True)
        wait_given_back(host, lxc)
        assert everything(lxc) == before
        nothing_left(host)


def test_conv06_undo_brings_it_back_as_it_was(host, lxc):  # noqa: F811
    before = everything(lxc)
    adopt_in_place(host, "lxc:web")
    host.run("alice", "bothy start web", check=True)
    inside(host, "echo new >/root/secret")
    done = host.run("alice", "bothy adopt --undo web")
    assert done.returncode == 1 and "stop it first" in done.stderr, done.stderr
    host.run("alice", "bothy stop web && bothy copy web two", check=True)
    done = host.run("alice", "bothy adopt --undo web")
    assert done.returncode == 1 and "copies" in done.stderr, done.stderr
    host.run("alice", "bothy delete two", check=True)
    # Somebody has made another one there.
    lxc.mkdir()
    done = host.run("alice", "bothy adopt --undo web")
    assert done.returncode == 1 and "another one in its place" in done.stderr and names(host) == ["web"], done.stderr
    lxc.rmdir()
    assert host.run("bob", "bothy adopt --undo alice/web").returncode == 1
    host.run("alice", "bothy adopt --undo web", check=True)
    assert everything(lxc) == before and names(host) == [] and own_images(host) == []
    nothing_left(host)
    adopt_for_alice(host, "lxc:web")
    done = host.run("alice", "bothy adopt --undo web")
    assert done.returncode == 1 and "not adopted in place" in done.stderr, done.stderr
    # An original that is gone is not given back, and nothing is lost of what was written.
    host.run("alice", "bothy delete web", check=True)
    adopt_in_place(host, "lxc:web")
    labelled = lxc.parent / label_of(lxc)[0]
    labelled.rename(lxc.parent / "elsewhere")
    done = host.run("alice", "bothy adopt --undo web")
    assert done.returncode == 1 and "lxc:web" in done.stderr and names(host) == ["web"], done.stderr
    (lxc.parent / "elsewhere").rename(labelled)
    host.run("alice", "bothy adopt --undo web", check=True)
    assert everything(lxc) == before


def listen_as(host, user, path):
    """Something that answers where LXC's monitor would."""
    host.run(user, "systemd-run -q --unit monitor python3 -c 'import socket, time; s = socket.socket(socket.AF_UNIX); "
             f's.bind("\\0{path}"); s.listen(); time.sleep(600)\'' if user == "root" else
             "python3 -c 'import socket, time; s = socket.socket(socket.AF_UNIX); "
             f's.bind("\\0{path}"); s.listen(); time.sleep(600)\' >/dev/null 2>&1 & echo $! >/tmp/listener', check=True)
    host.run("root", f"until grep -q '@{path}' /proc/net/unix; do sleep 0.05; done", check=True, timeout=10)


def test_conv06_in_place_its_monitor_listens(host, lxc):  # noqa: F811
    """LXC's own monitor, of root's; a user's, who may take that name, says nothing."""
    listen_as(host, "alice", "/var/lib/lxc/web/command")
    try:
        adopt_in_place(host, "lxc:web")
        host.run("alice", "bothy adopt --undo web", check=True)
    finally:
        host.run("alice", "kill $(cat /tmp/listener); rm /tmp/listener", check=True)
    host.run("root", "until ! grep -q lxc/web/command /proc/net/unix; do sleep 0.05; done", check=True, timeout=10)
    adopt_in_place(host, "lxc:web", "first")
    listen_as(host, "root", "/var/lib/lxc/web/command")
    try:
        done = host.run("alice", "bothy start first")
        assert done.returncode == 1 and "it runs" in done.stderr, done.stderr
        host.run("alice", "bothy adopt --undo first", check=True)
        done = host.run("root", "bothy adopt --in-place --owner alice lxc:web")
        assert done.returncode == 1 and "runs" in done.stderr and label_of(lxc) == [], done.stderr
    finally:
        host.run("root", "systemctl stop monitor", check=True)


def test_conv06_in_place_nspawn(host):
    """A machine of systemd-nspawn's: it is another name of its directory that keeps it from being found, and its lock that tells."""
    host.run("root", "mkdir -p /var/lib/machines && mount -t tmpfs -o mode=755 none /var/lib/machines && systemctl stop bothyd", check=True)
    try:
        machine = host.root / "var/lib/machines/Mine"
        make_tree(machine, 524288)
        before = everything(machine)
        host.run("root", "systemd-run -q --unit locker flock /var/lib/machines/.#Mine.lck sleep 600; "
                 "until ! flock -n /var/lib/machines/.#Mine.lck true; do sleep 0.05; done", check=True, timeout=20)
        done = host.run("root", "bothy adopt --in-place --owner alice nspawn:Mine")
        assert done.returncode == 1 and "it runs" in done.stderr, done.stderr
        # As systemd 250 and later do it.
        host.run("root", "systemctl stop locker; systemd-run -q --unit locker python3 -c 'import fcntl, struct, time; "
                 'f = open("/var/lib/machines/.#Mine.lck", "r+"); '
                 "fcntl.fcntl(f, 37, struct.pack(\"hhqqi4x\", fcntl.F_WRLCK, 0, 0, 0, 0)); open(\"/run/locked\", \"w\"); time.sleep(600)'; "
                 "until test -e /run/locked; do sleep 0.05; done", check=True, timeout=20)
        done = host.run("root", "bothy adopt --in-place --owner alice nspawn:Mine")
        assert done.returncode == 1 and "it runs" in done.stderr, done.stderr
        host.run("root", "systemctl stop locker; rm /run/locked", check=True)
        assert adopt_in_place(host, "nspawn:Mine") == "mine"
        assert not machine.exists() and host.run("root", "machinectl image-status Mine").returncode != 0
        assert "adopted as mine by alice" in host.output("root", "bothy adopt --list")
        host.run("alice", "bothy start mine", check=True)
        assert stat_inside_of(host, "mine", "/usr/setuid", "/home/user/file") == ["4755 0:0 /usr/setuid", "644 1000:1000 /home/user/file"]
        host.run("alice", "bothy stop mine && bothy adopt --undo mine", check=True)
        assert everything(machine) == before
    finally:
        host.run("root", "systemctl stop locker 2>/dev/null; umount -l /var/lib/machines", check=True)


@pytest.mark.parametrize("base", [0, 1000000], ids=["unmapped", "mapped"])
def test_conv06_in_place_incus(host, base):
    """One in a pool of Incus', privileged or not: as of LXC, its own tool does not find it meanwhile."""
    host.run("root", "mkdir -p /var/lib/incus && mount -t tmpfs -o mode=711 none /var/lib/incus && systemctl stop bothyd", check=True)
    try:
        container = make_incus(host.root / "var/lib/incus/storage-pools/default/containers/box", base)
        before, uses = everything(container), [path.stat().st_blocks for path in sorted(container.rglob("*")) if path.is_file()]
        done = host.run("root", "bothy adopt --dry-run --in-place --json --owner alice incus:box")
        assert done.returncode == 0 and json.loads(done.stdout)["facts"]["way"] == "in-place", done.stderr
        done = host.run("alice", "bothy", "--no-ask-password", "adopt", "--in-place", "incus:box")
        assert done.returncode == 1 and "uthor" in done.stderr, done.stderr
        # Killed when it had the label, it is given back.
        set_fault(host, "place.labelled")
        try:
            done = host.run("root", "bothy adopt --in-place --owner alice incus:box")
            assert done.returncode == 1 and "restarted" in done.stderr, done
        finally:
            set_fault(host, None)
        host.run("alice", "bothy list", check=True)
        until(lambda: container.exists(), what="the original is given back")
        assert everything(container) == before and names(host) == []
        # Of two at once one gets it.
        done = host.run("root", "bothy adopt --in-place --owner alice incus:box one & bothy adopt --in-place --owner alice incus:box two; "
                        "test $? = 0; first=$?; wait $!; test $? = 0; echo $((first + $?))", timeout=60)
        assert done.stdout.splitlines()[-1] == "1" and len(names(host)) == 1, done
        (name,) = names(host)
        assert not container.exists() and len(label_of(container)) == 1
        assert f"adopted as {name} by alice" in host.output("root", "bothy adopt --list")
        done = host.run("root", "bothy adopt --owner alice incus:box third")
        assert done.returncode == 1 and "adopted in place already" in done.stderr, done.stderr
        host.run("alice", f"bothy start {name}", check=True)
        assert stat_inside_of(host, name, "/usr/setuid", "/home/user/file", "/srv/nobodys", "/root/secret") == [
            "4755 0:0 /usr/setuid", "644 1000:1000 /home/user/file", "644 65534:65534 /srv/nobodys", "600 0:0 /root/secret"]
        assert inside(host, "stat -c %h /usr/one; cat /root/secret; du -k /srv/sparse | cut -f 1", name).split() == ["2", "secret", "4"]
        inside(host, "echo new >/root/secret; rm /usr/one", name)
        made = info(host, name)
        seen = host.output("root", "python3", "-c", "import os, sys; print(os.getxattr(sys.argv[1], 'security.capability').hex())",
                           f"/proc/{made['leader']}/root/usr/capable")
        assert bytes.fromhex(seen.strip()) == capability_of(made["rangeBase"])
        # The service begins anew, and so does the container.
        host.run("root", "systemctl stop bothyd", check=True)
        host.run("alice", f"bothy restart {name}", check=True)
        assert inside(host, "cat /root/secret", name) == "new"
        done = host.run("alice", f"bothy stop {name} && bothy commit {name} image")
        assert done.returncode == 1 and "incus:box" in done.stderr, done.stderr
        assert host.run("bob", f"bothy adopt --undo alice/{name}").returncode == 1
        host.run("alice", f"bothy adopt --undo {name}", check=True)
        assert everything(container) == before and names(host) == [] and own_images(host) == []
        assert [path.stat().st_blocks for path in sorted(container.rglob("*")) if path.is_file()] == uses
        nothing_left(host)
    finally:
        host.run("root", "umount -l /var/lib/incus", check=True)


def stat_inside_of(host, name, *paths):
    return inside(host, "stat -c '%a %u:%g %n' " + " ".join(paths), name).splitlines()

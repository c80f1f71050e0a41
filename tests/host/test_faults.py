# SPDX-License-Identifier: LGPL-2.1-or-later
"""LIFE-01: the broker dies between any two effects, and the next one makes "done" or "not done" of the rest.

Points are found in the sources, so a new one without an operation here fails.
"""

import io
import json
import pathlib
import re
import tarfile
import time

import pytest

from test_network import reaches
from tools import broker, info, names, nothing_left, state, steady, tidy, until  # noqa: F401

SERVICE = pathlib.Path(__file__).parents[2] / "service"
POINTS = sorted({name for path in SERVICE.rglob("*.c")
                 for name in re.findall(r'BOTHY_FAULT_POINT \("([^"]+)"\)', path.read_text())})
DROP_IN = "/run/systemd/system/bothyd.service.d/fault.conf"

SNAPSHOT = ("bothy launch busybox f1 && bothy exec f1 -- sh -c 'echo one >/root/file' && bothy stop -f f1 && bothy snapshot create f1 s0 && "
            "bothy start f1 && bothy exec f1 -- sh -c 'echo two >/root/file' && bothy stop -f f1")

LXC = ("mkdir -p /var/lib/lxc && (mountpoint -q /var/lib/lxc || mount -t tmpfs -o mode=711 none /var/lib/lxc) && cd /var/lib/lxc && "
       "mkdir -p fault/rootfs/bin fault/rootfs/etc && cp /bin/busybox fault/rootfs/bin/busybox && ln -sf busybox fault/rootfs/bin/sh && "
       "echo lxc.uts.name = fault >fault/config")

# What comes to each group of points, with "f1" as the container that it is about.
OPERATIONS = {
    "create": (None, "bothy create busybox f1"),
    "range": ("for i in 1 2 3 4 5 6 7 8; do bothy create busybox spare$i; done", "bothy create busybox f1"),
    "start": ("bothy create busybox f1", "bothy start f1"),
    "exec": ("bothy launch busybox f1", "bothy exec f1 -- sh -c 'echo done >/root/exec'"),
    "stop": ("bothy launch busybox f1", "bothy stop --force f1"),
    "delete": ("bothy launch busybox f1; bothy stop --force f1", "bothy delete f1"),
    "limits": ("bothy launch busybox f1", "bothy limit f1 pids=77"),
    "autostart": ("bothy create busybox f1", "bothy autostart f1 boot"),
    "mount": ("mkdir -p /dev/shm/fault; echo x >/dev/shm/fault/file; bothy launch busybox f1",
              "bothy mount add f1 /dev/shm/fault:/work && bothy mount remove f1 /work"),
    "tree": ("bothy launch busybox f1; bothy stop --force f1", "bothy files f1 && bothy files --unmount f1"),
    "device": ("bothy launch busybox f1", "bothy device add f1 d1 fuse && bothy device remove f1 d1"),
    "launch": (None, "busctl call org.bothy.Bothy1 /org/bothy/Bothy1 org.bothy.Bothy1.Manager Launch 'ssa{sv}' f1 busybox 0"),
    "volume": ("bothy volume create keep; bothy run --rm -v keep:/work busybox sh -c 'echo kept >/work/file'",
               "bothy volume create gone && bothy launch -v gone:/bin -v keep:/work busybox f1 && bothy delete -f f1 && bothy volume delete gone"),
    # Two layers are made, and one is not needed any more.
    "snapshot": (SNAPSHOT, "bothy snapshot create f1 s1 && bothy snapshot restore f1 s0"),
    "live": ("bothy launch busybox f1 && bothy exec f1 -- sh -c 'echo two >/root/file'", "bothy snapshot create f1 s1"),
    "copy": (SNAPSHOT, "bothy copy f1 f2"),
    "adopt": ("mkdir -p /dev/shm/adopt/bin /dev/shm/adopt/etc && cp /bin/busybox /dev/shm/adopt/bin/busybox && "
              "ln -sf busybox /dev/shm/adopt/bin/sh", "bothy adopt /dev/shm/adopt f1"),
    "place": (LXC, "bothy adopt --in-place --owner alice lxc:fault f1 && bothy delete alice/f1"),
    "undo": (LXC, "bothy adopt --in-place --owner alice lxc:fault f1 && bothy adopt --undo alice/f1"),
    "keep": (SNAPSHOT + " && bothy copy f1/s0 f2", "bothy delete f1"),
    "egress": ("bothy launch busybox f1; bothy launch busybox f2", "bothy egress set f1 none"),
    "bridge": (None, "bothy bridge create fault0"),
    "delegate": ("bothy bridge create fault0", "bothy bridge delegate fault0 alice 2"),
    "nic": ("unshare -Urn sleep 600 >/dev/null 2>&1 & echo $! >/tmp/nic.pid; sleep 0.2",
            "bothy nic attach $(cat /tmp/nic.pid)"),
    "import": (None, "bothy image import --alias fault /tmp/small.tar"),
    "catalogue": ("mkdir -p /srv/fault/streams/v1; cd /srv/fault/streams/v1; "
                  """printf '{"format": "index:1.0", "index": {"images": {"datatype": "image-downloads", """
                  """"path": "streams/v1/images.json", "format": "products:1.0"}}}' >index.json; """
                  """printf '{"format": "products:1.0", "datatype": "image-downloads", "products": {}}' >images.json; """
                  "systemd-run -q --unit faultserver python3 -m http.server -b 127.0.0.1 -d /srv/fault 8098; "
                  "until ss -tln | grep -q :8098; do sleep 0.1; done; bothy remote add fault http://127.0.0.1:8098; "
                  "bothy image search fault:", "bothy image search fault:"),
    "image-delete": ("bothy image import --alias fault /tmp/small.tar", "bothy image delete fault"),
}

AS_ROOT = {"bridge", "delegate", "catalogue", "place", "undo"}


def small_archive(text):
    """A root file system with one program that tells apart what was imported."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in "bin", "etc", "sbin":
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        entry = tarfile.TarInfo("etc/marker")
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text))
    return buffer.getvalue()


def set_fault(host, name):
    path = host.root / DROP_IN.lstrip("/")
    if name:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"[Service]\nEnvironment=BOTHY_FAULT={name}\nRestart=no\n")
    else:
        path.unlink(missing_ok=True)
    host.run("root", "systemctl daemon-reload; systemctl reset-failed bothyd; systemctl stop bothyd; true", check=True)


@pytest.fixture
def broken(host):
    """A host whose other containers run, whatever happens to f1."""
    host.run("bob", "bothy", "launch", "busybox", "beside", check=True)
    yield host
    set_fault(host, None)
    host.run("alice", "bothy image delete fault", timeout=30)


def images(host):
    return [alias for image in json.loads(host.output("alice", "bothy image list --json")) for alias in image["aliases"]]


def profiles(host):
    return [line for line in host.output("root", "nmcli -t -f NAME con").splitlines() if "fault0" in line]


def check_bridge(host, point):
    if point in ("bridge.added", "bridge.up"):
        until(lambda: not profiles(host), what="no profile of a bridge that was made half")
        host.run("root", "bothy bridge create fault0", check=True)
    (bridge,) = (b for b in json.loads(host.output("root", "bothy bridge list --json")) if b["name"] == "fault0")
    assert bridge["delegations"] == []
    host.run("root", "bothy bridge delegate fault0 alice 2 && bothy bridge revoke fault0 alice && "
                     "bothy bridge delete fault0", check=True)
    assert profiles(host) == []


def check_nic(host):
    """None of it is left, and none of it is counted."""
    until(lambda: " alias bothy:1000:nic" not in host.output("root", "ip link"), what="no nic by hand")
    host.run("alice", "bothy nic attach $(cat /tmp/nic.pid) && bothy nic detach $(cat /tmp/nic.pid)", check=True)
    host.run("alice", "kill $(cat /tmp/nic.pid); rm /tmp/nic.pid", check=True)


def check_in_place(host, point):
    """Who has a container has the label; and without one the original is as it was."""
    there = host.root / "var/lib/lxc/fault"
    assert names(host) == (["f1"] if point.split(".")[0] == "undo" else [])
    if names(host):
        host.run("alice", "bothy adopt --undo f1", check=True)
    until(lambda: [path.name for path in sorted(there.iterdir())] == ["config", "rootfs"], what="the original is given back")
    host.run("root", "bothy adopt --in-place --owner alice lxc:fault f1", check=True)
    assert not (there / "config").exists()
    host.run("alice", "bothy adopt --undo f1", check=True)
    assert (there / "config").exists() and names(host) == []
    host.run("root", "umount -l /var/lib/lxc", check=True)


def check_volumes(host):
    """What was there is there; the other one is whole, however often it was filled, or not there at all."""
    host.run("alice", "bothy start f1; bothy volume create gone")
    if "f1" not in names(host):
        host.run("alice", "bothy launch -v gone:/bin -v keep:/work busybox f1", check=True)
    assert host.output("alice", "bothy exec f1 -- cat /work/file") == "kept"
    assert host.output("alice", "bothy exec f1 -- ls /bin") == host.output("alice", "bothy run --rm busybox ls /bin")
    host.run("alice", "bothy delete -f f1 && bothy volume delete gone keep", check=True)
    assert not [path for path in (host.root / "var/lib/bothy/volumes").iterdir()]


def check_autostart(host, point):
    """What was written down holds, and systemd finds the mark that goes with it."""
    done = point == "autostart.recorded"
    assert info(host, "f1")["autostart"]["mode"] == ("boot" if done else "no")
    assert (host.root / "var/lib/bothy/autostart").exists() == done
    host.run("alice", "bothy autostart f1 boot && bothy autostart f1 no", check=True)
    assert not (host.root / "var/lib/bothy/autostart").exists()


def check_egress(host):
    """What was written down holds, and can be changed."""
    until(lambda: not reaches(host, "alice", "f1", "f2"), what="it reaches nobody")
    assert host.output("alice", "bothy egress list f1") == "none"
    host.run("alice", "bothy egress set f1 all", check=True)
    until(lambda: reaches(host, "alice", "f1", "f2"), what="it reaches its neighbour again")


def file_of(host, name):
    host.run("alice", f"bothy start {name}", check=True)
    return host.output("alice", f"bothy exec -T {name} -- cat /root/file && bothy stop -f {name}")


def check_snapshot(host, point):
    """It is as before, or the snapshot is there, or the old one was restored and what was there is kept."""
    have = [s["name"] for s in info(host, "f1")["snapshots"]]
    text = file_of(host, "f1")
    assert (have, text) in ((["s0"], "two"), (["s0", "s1"], "two"), (["s0", "s1"], "one")), (have, text)
    if point == "snapshot.recorded":
        assert have == ["s0", "s1"]
    if point == "snapshot.swept":
        assert text == "one"
    host.run("alice", "bothy snapshot create f1 s2 && bothy snapshot restore f1 s0", check=True)
    assert file_of(host, "f1") == "one"
    if "s1" in have:
        host.run("alice", "bothy snapshot restore f1 s1", check=True)
        assert file_of(host, "f1") == "two"


def check_live(host):
    """It goes on, and there is no half of a snapshot."""
    until(lambda: state(host, "f1") == "running", what="it goes on")
    assert info(host, "f1")["snapshots"] == []
    host.run("alice", "bothy exec f1 -- true && bothy snapshot create f1 s1 && bothy snapshot restore --stop f1 s1", check=True)
    assert host.output("alice", "bothy exec -T f1 -- cat /root/file") == "two"


def check_copies(host, point):
    have = names(host)
    assert "f1" in have or point == "keep.moved"
    if "f1" in have:
        assert file_of(host, "f1") == "two" and [s["name"] for s in info(host, "f1")["snapshots"]] == ["s0"]
    if "f2" in have:
        assert file_of(host, "f2") == ("two" if point.startswith("copy") else "one")
    assert "f2" in have or point.startswith("copy")
    host.run("alice", "bothy copy f2 f3" if "f2" in have else "bothy copy f1 f3", check=True)
    assert file_of(host, "f3") in ("one", "two")


def check_mount(host):
    """It is there in both or in neither, and comes and goes as ever."""
    assert json.loads(host.output("alice", "bothy mount list f1 --json")) == []
    assert host.run("alice", "bothy exec f1 -- ls /work/file").returncode != 0
    host.run("alice", "bothy mount add f1 /dev/shm/fault:/work && bothy exec f1 -- ls /work/file && bothy mount remove f1 /work",
             check=True)


def check_tree(host):
    """What was mounted is not any more, before the container has it, and comes and goes as ever."""
    host.run("alice", "bothy start f1", check=True)
    assert "/trees/" not in host.output("root", "cat /proc/1/mountinfo")
    host.run("alice", "bothy stop --force f1 && ls $(bothy files f1)/etc && bothy files --unmount f1", check=True)
    assert "/trees/" not in host.output("root", "cat /proc/1/mountinfo")


def check_device(host):
    """It is asked for, and there, or neither; and comes and goes as ever. The machine's own one, in its place, is nobody's inside."""
    def whose():
        return host.output("alice", "bothy exec -T f1 -- stat -c %U /dev/fuse")

    asked = [device["name"] for device in json.loads(host.output("alice", "bothy device list f1 --json"))]
    assert asked in ([], ["d1"])
    until(lambda: whose() == ("root" if asked else "nobody"), what="what is asked for is there")
    if asked:
        host.run("alice", "bothy device remove f1 d1", check=True)
    assert whose() == "nobody"
    host.run("alice", "bothy device add f1 d1 fuse", check=True)
    assert whose() == "root"
    host.run("alice", "bothy device remove f1 d1", check=True)
    assert whose() == "nobody"


def check_launch(host):
    """It is there, and is or can be started, or it is not there at all."""
    if "f1" in names(host):
        host.run("alice", "bothy start f1", check=state(host, "f1") != "running")
    else:
        host.run("alice", "bothy launch busybox f1", check=True)
    host.run("alice", "bothy exec f1 -- true", check=True)


def check_catalogue(host):
    """With what is left of it or without it, it is asked for and kept again."""
    kept = host.root / "var/lib/bothy/remotes/fault.catalogue"
    host.run("alice", "bothy image search fault:", check=True)
    assert kept.exists()
    host.run("root", "bothy remote remove fault && systemctl stop faultserver", check=True)
    assert not kept.exists()
    assert not [entry.name for entry in kept.parent.iterdir() if "fault" in entry.name]


def check_group(host, group, point):
    """Done or not done, and in either case all goes on from there."""
    have = names(host)
    if group in ("create", "range"):
        if "f1" in have:
            assert state(host, "f1") == "stopped"
        else:
            host.run("alice", "bothy create busybox f1", check=True)
        host.run("alice", "bothy start f1 && bothy exec f1 -- true", check=True)
    elif group == "start":
        assert state(host, "f1") in ("stopped", "failed", "running")
        if state(host, "f1") != "running":
            host.run("alice", "bothy", "start", "f1", check=True)
        host.run("alice", "bothy exec f1 -- true", check=True)
    elif group == "exec":
        assert state(host, "f1") == "running"
        done = host.run("alice", "bothy exec f1 -- cat /root/exec")
        assert (done.returncode, done.stdout) in ((0, "done\n"), (1, ""))
        if point == "exec.running":
            assert done.stdout == "done\n"
        host.run("alice", "bothy exec f1 -- true", check=True)
    elif group == "stop":
        assert state(host, "f1") in ("stopped", "failed", "running")
        if state(host, "f1") == "running":
            host.run("alice", "bothy exec f1 -- true && bothy stop -f f1", check=True)
        if point == "stop.ended":
            assert state(host, "f1") == "stopped" and info(host, "f1")["lastError"] == ""
        host.run("alice", "bothy start f1 && bothy exec f1 -- true", check=True)
    elif group == "delete":
        if "f1" in have:
            host.run("alice", "bothy start f1 && bothy exec f1 -- true && bothy delete -f f1", check=True)
        host.run("alice", "bothy create busybox f1", check=True)
    elif group == "limits":
        assert state(host, "f1") == "running"
        assert ("77" in json.dumps(info(host, "f1")["limits"])) == (point in ("limits.recorded", "limits.disk-bound"))
        if point in ("limits.recorded", "limits.disk-bound"):
            unit = info(host, "f1")["controlGroup"].split("/")[-1]
            until(lambda: host.output("root", f"systemctl show -P TasksMax {unit}") == "77",
                  what="what was written down holds")
        host.run("alice", "bothy exec f1 -- true && bothy limit f1 pids=77", check=True)
    elif group == "autostart":
        check_autostart(host, point)
    elif group == "mount":
        check_mount(host)
    elif group == "tree":
        check_tree(host)
    elif group == "device":
        check_device(host)
    elif group == "launch":
        check_launch(host)
    elif group == "volume":
        check_volumes(host)
    elif group == "snapshot":
        check_snapshot(host, point)
    elif group == "live":
        check_live(host)
    elif group in ("copy", "keep"):
        check_copies(host, point)
    elif group == "adopt":
        # What was copied is nobody's image without a container.
        assert "f1" not in have and host.output("alice", "bothy image list -q").split() in ([], ["busybox"])
        host.run("alice", "bothy adopt /dev/shm/adopt f1", check=True)
    elif group in ("place", "undo"):
        check_in_place(host, point)
    elif group == "egress":
        check_egress(host)
    elif group == "catalogue":
        check_catalogue(host)
    elif group == "nic":
        check_nic(host)
    elif group in AS_ROOT:
        check_bridge(host, point)
    elif group in ("import", "image-delete"):
        if "fault" not in images(host):
            host.run("alice", "bothy image import --alias fault /tmp/small.tar", check=True)
        host.run("alice", "bothy create fault f1", check=True)


@pytest.mark.parametrize("point", POINTS)
def test_fault_LIFE_01_IMG_09(broken, point):
    host = broken
    group = point.split(".")[0]
    assert group in OPERATIONS, "there is no operation that comes to this point"
    before, operation = OPERATIONS[group]
    user = "root" if group in AS_ROOT else "alice"
    host.write("/tmp/small.tar", "")
    (host.root / "tmp/small.tar").write_bytes(small_archive(point.encode()))
    if group == "range":
        # All that she has ever had is in use, so that the next one needs a new range.
        free = [r for r in json.loads(host.output("alice", "bothy range list --json")) if not r["name"]]
        for i in range(len(free)):
            host.run("alice", "bothy", "create", "busybox", f"spare{i}", check=True)
    elif before:
        host.run(user, before, check=True)
    beside = info(host, "beside", "bob")
    set_fault(host, point)
    host.run("alice", "bothy", "list", check=True)
    old = broker(host)
    assert old != 0
    done = host.run(user, operation, timeout=30)
    # Another one may be there already, for a client that asks again.
    until(lambda: broker(host) != old, 5,
          f"bothyd does not come to {point}: {operation} says {done.returncode} {done.stderr}")
    set_fault(host, None)
    # The next one.
    host.run("alice", "bothy", "list", check=True)
    nothing_left(host)
    assert steady(info(host, "beside", "bob")) == steady(beside)
    host.run("bob", "bothy exec beside -- true", check=True)
    check_group(host, group, point)
    for name in names(host):
        host.run("alice", "bothy", "delete", "-f", name, check=True)
    host.run("alice", "bothy image delete fault")
    nothing_left(host)
    assert host.output("root", "ls -A /var/lib/bothy/uppers") == ""
    assert steady(info(host, "beside", "bob")) == steady(beside)


def test_every_point_is_found():
    assert len(POINTS) >= 20
    for path in SERVICE.rglob("*.c"):
        text = path.read_text()
        assert text.count("BOTHY_FAULT_POINT (") == len(re.findall(r'BOTHY_FAULT_POINT \("[a-z.-]+"\)', text)), path


@pytest.mark.once
@pytest.mark.parametrize("verb", ["start", "stop --force", "delete --force", "restart --force"])
def test_killed_at_any_time_LIFE_01(host, verb):
    """Where no point is: kills that come at random times."""
    host.run("root", "systemctl reset-failed bothyd; true")
    for delay in 0.005, 0.03:
        host.run("root", "systemctl reset-failed bothyd; true")
        if "f1" not in names(host):
            host.run("alice", "bothy create busybox f1", check=True)
        if (verb == "start") == (state(host, "f1") == "running"):
            host.run("alice", "bothy stop -f f1" if verb == "start" else "bothy start f1", check=True)
        host.run("root", f"su -s /bin/sh alice -c 'bothy {verb} f1 >/dev/null 2>&1' & sleep {delay}; "
                         "kill -9 $(systemctl show -p MainPID --value bothyd); wait", timeout=60)
        time.sleep(0.1)
        host.run("alice", "until bothy list >/dev/null; do sleep 0.1; done", check=True)
        nothing_left(host)
        if "f1" in names(host):
            assert until(lambda: state(host, "f1") in ("running", "stopped", "failed"))
            if state(host, "f1") != "running":
                host.run("alice", "bothy start f1", check=True)
            host.run("alice", "bothy exec f1 -- true", check=True)

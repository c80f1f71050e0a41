# SPDX-License-Identifier: LGPL-2.1-or-later
"""Devices of the machine in containers: with a real udevd, and what the kernel says when a device is plugged in and out.

The serial line ttyS0 is there on this machine. For udev here it is a stick of USB's; the kernel is asked to say that it was
unplugged (udev hears just what it would hear), and that it is there again.
"""

import json

import pytest

from tools import tidy, until  # noqa: F401

RULE = """KERNEL=="ttyS0", ENV{ID_BUS}="usb", ENV{ID_VENDOR_ID}="0658", ENV{ID_MODEL_ID}="0200", ENV{ID_SERIAL_SHORT}="S1", \
ENV{ID_VENDOR}="Sigma", ENV{ID_MODEL}="Z-Stick", ENV{BOTHY_TEST}="stick"
"""
STICK = "usb:0658:0200"


def event(host, action):
    host.run("root", f"echo {action} >/sys/class/tty/ttyS0/uevent; udevadm settle", check=True)


@pytest.fixture
def stick(host):
    """Its node is the group dialout's on the machine, as udev has it, and alice is not in there."""
    host.run("root", "mknod -m 660 /dev/ttyS0 c 4 64; chgrp dialout /dev/ttyS0", check=True)
    host.write("etc/udev/rules.d/70-stick.rules", RULE)
    host.run("root", "udevadm control --reload", check=True)
    event(host, "add")
    yield "/dev/ttyS0"
    host.run("root", "rm -f /dev/ttyS0 /etc/udev/rules.d/70-stick.rules; udevadm control --reload", check=True)
    event(host, "remove")


@pytest.fixture
def hers(host, stick):
    """As with the seat of who sits at the machine."""
    host.run("root", f"setfacl -m u:alice:rw {stick}", check=True)
    return stick


def inside(host, line, name="x1", user=""):
    option = ["-u", user] if user else []
    return host.run("alice", "bothy", "exec", "-T", *option, name, "--", "sh", "-c", line)


def out(host, line, **options):
    done = inside(host, line, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def devices(host, name="x1"):
    return json.loads(host.output("alice", f"bothy device list {name} --json"))


def is_there(host, path="/dev/ttyS0", name="x1"):
    return inside(host, f"test -c {path}", name).returncode == 0


def test_dev03_plugged_in_and_out(host, hers):
    before = host.output("root", f"stat -c '%u %g %a %i' {hers}; getfacl -p {hers}")
    host.run("alice", "bothy launch busybox x1", check=True)
    out(host, "echo dialout:x:77: >>/etc/group")
    host.run("alice", f"bothy device add x1 zwave {STICK} --group dialout --symlink zwave%n --mode 0660", check=True)
    assert out(host, "stat -c '%u %g %a %t:%T' /dev/ttyS0; readlink /dev/zwave0") == "0 77 660 4:40\nttyS0"
    assert devices(host) == [{"name": "zwave", "match": STICK, "owner": "", "group": "dialout", "mode": "0660",
                              "symlink": "zwave%n", "nodes": ["/dev/ttyS0"]}]
    for _ in range(5):
        event(host, "remove")
        until(lambda: not is_there(host))
        assert inside(host, "ls /dev/zwave0 /dev/ttyS0").returncode != 0 and devices(host)[0]["nodes"] == []
        event(host, "add")
        until(lambda: is_there(host))
        assert out(host, "stat -c '%u %g %a' /dev/ttyS0; readlink /dev/zwave0") == "0 77 660\nttyS0"
    # The machine's own node is what it was.
    assert host.output("root", f"stat -c '%u %g %a %i' {hers}; getfacl -p {hers}") == before
    host.run("alice", "bothy device remove x1 zwave", check=True)
    assert not is_there(host) and devices(host) == []


def test_present_or_not_when_it_starts(host, hers):
    host.run("alice", "bothy create busybox x1", check=True)
    host.run("alice", f"bothy device add x1 zwave {STICK}; bothy device add x1 other usb:1234:5678", check=True)
    assert [device["nodes"] for device in devices(host)] == [[], []]
    # It is there before the first process is.
    host.run("alice", "bothy start x1", check=True)
    assert is_there(host) and [device["nodes"] for device in devices(host)] == [["/dev/ttyS0"], []]
    host.run("alice", "bothy stop -f x1", check=True)
    event(host, "remove")
    host.run("alice", "bothy start x1", check=True)
    assert not is_there(host)
    event(host, "add")
    until(lambda: is_there(host))
    host.run("alice", "bothy restart -f x1", check=True)
    assert is_there(host) and out(host, "stat -c '%u %g %a' /dev/ttyS0") == "0 0 600"


@pytest.mark.parametrize("which", [STICK, STICK + ":S1", "serial", "BOTHY_TEST=stick,ID_BUS=usb", "path:/dev/ttyS0"])
def test_which(host, hers, which):
    host.run("alice", f"bothy launch busybox x1 && bothy device add x1 line {which}", check=True)
    assert is_there(host)


def test_what_is_shown(host, hers):
    host.run("alice", "bothy launch busybox x1", check=True)
    table = host.output("alice", "bothy device list --host")
    assert [line.split() for line in table.splitlines() if "ttyS0" in line] == [
        ["/dev/ttyS0", "serial", STICK, "Sigma", "Z-Stick", "yes", "-"]]
    host.run("alice", f"bothy device add x1 zwave {STICK}", check=True)
    for user, container in ("alice", "x1"), ("bob", ""):
        found = [d for d in json.loads(host.output(user, "bothy device list --host --json")) if d["node"] == "/dev/ttyS0"]
        assert found == [{"node": "/dev/ttyS0", "id": STICK, "serial": "S1", "class": "serial", "vendor": "Sigma", "model": "Z-Stick",
                          "container": container, "inUse": True, "allowed": "yes" if user == "alice" else "ask"}]
    assert host.output("alice", "bothy device list x1 -q") == "zwave"
    assert "root" in host.output("alice", "bothy device list x1") and "device list" in host.run("alice", "bothy device list").stderr


def test_dev01_what_he_could_not_open_an_administrator_is_asked_about(host, stick):
    host.run("alice", "bothy launch busybox x1", check=True)
    done = host.run("alice", "bothy", "--no-ask-password", "device", "add", "x1", "zwave", STICK)
    assert done.returncode == 1 and "assign-device" in done.stderr
    assert devices(host) == [] and not is_there(host)
    for node in "/dev/null", "/dev/tty", "/dev/ptmx":
        done = host.run("root", "bothy", "device", "add", "alice/x1", "d", f"path:{node}")
        assert done.returncode == 1 and "no container" in done.stderr, done.stderr
    # Root is one, and what he agreed to is this stick: on whatever port, and whatever alice may.
    host.run("root", f"bothy device add alice/x1 zwave {STICK}", check=True)
    assert is_there(host)
    event(host, "remove")
    until(lambda: not is_there(host))
    event(host, "add")
    until(lambda: is_there(host))
    # Another one with the same numbers of USB is not the one.
    host.write("etc/udev/rules.d/70-stick.rules", RULE.replace("S1", "S2"))
    host.run("root", "udevadm control --reload", check=True)
    event(host, "remove")
    event(host, "add")
    until(lambda: not is_there(host))


def test_dev04_who_may_not_any_more_gets_it_no_more(host, hers):
    """As when he has left the seat: looked at whenever it is plugged in."""
    host.run("alice", f"bothy launch busybox x1 && bothy device add x1 zwave {STICK}", check=True)
    host.run("root", f"setfacl -b {hers}; chmod 660 {hers}", check=True)
    event(host, "remove")
    until(lambda: not is_there(host))
    event(host, "add")
    host.run("alice", "bothy restart -f x1", check=True)
    assert not is_there(host)
    host.run("root", f"setfacl -m u:alice:rw {hers}", check=True)
    event(host, "change")
    until(lambda: is_there(host))
    # Also while it is plugged in.
    host.run("root", f"setfacl -b {hers}; chmod 660 {hers}", check=True)
    event(host, "change")
    until(lambda: not is_there(host))
    assert devices(host)[0]["nodes"] == []


def test_dev04_somebody_else_sits_there(host, hers):
    """logind changes access lists, and udev has nothing to say of that."""
    host.run("alice", f"bothy launch busybox x1 && bothy device add x1 zwave {STICK}", check=True)
    host.run("root", f"setfacl -b {hers}; chmod 660 {hers}", check=True)
    host.run("bob", "true", session="active", check=True)
    until(lambda: not is_there(host))


def test_dev05_a_node_that_was_kept_opens_nothing(host, hers):
    """Neither a bind mount of it nor a descriptor, when it was unplugged; nor when it is there again."""
    host.run("alice", f"bothy launch busybox x1 && bothy device add x1 zwave {STICK}", check=True)
    out(host, "touch /root/kept && mount --bind /dev/ttyS0 /root/kept && : </root/kept")
    event(host, "remove")
    until(lambda: not is_there(host))
    assert "Permission denied" in inside(host, ": </root/kept").stderr
    assert inside(host, "chmod 666 /root/kept").returncode != 0 and inside(host, "chown 0 /root/kept").returncode != 0
    event(host, "add")
    until(lambda: is_there(host))
    assert "Permission denied" in inside(host, ": </root/kept").stderr
    out(host, ": </dev/ttyS0")
    # Also by the owner's word.
    out(host, "umount /root/kept; mount --bind /dev/ttyS0 /root/kept && : </root/kept")
    host.run("alice", "bothy device remove x1 zwave", check=True)
    assert "Permission denied" in inside(host, ": </root/kept").stderr


def test_dev05_another_one_with_its_number(host, hers):
    """It is not the one that the container is to have."""
    host.run("alice", f"bothy launch busybox x1 && bothy device add x1 zwave {STICK}", check=True)
    host.write("etc/udev/rules.d/70-stick.rules", RULE.replace("0658", "0aaa"))
    host.run("root", "udevadm control --reload", check=True)
    event(host, "remove")
    event(host, "add")
    until(lambda: not is_there(host))
    assert devices(host)[0]["nodes"] == []


@pytest.mark.parametrize("number", ["KILL", "TERM"])
def test_dev06_another_bothyd(host, hers, number):
    host.run("alice", f"bothy launch busybox x1 && bothy device add x1 zwave {STICK} --symlink zwave%n", check=True)
    host.run("root", f"systemctl kill -s {number} bothyd; systemctl stop bothyd", check=True)
    event(host, "remove")
    host.run("alice", "bothy list", check=True)
    until(lambda: not is_there(host))
    event(host, "add")
    until(lambda: is_there(host))
    assert out(host, "readlink /dev/zwave0") == "ttyS0"
    host.run("root", "systemctl restart bothyd", check=True)
    until(lambda: devices(host)[0]["nodes"] == ["/dev/ttyS0"])
    assert is_there(host)
    # Whoever tells of devices is gone: another one does.
    host.run("root", "systemctl kill 'bothy-devices@*'", check=True)
    event(host, "remove")
    until(lambda: not is_there(host))


@pytest.mark.parametrize("point", ["device.recorded", "device.made", "device.plugged", "device.removing"])
def test_dev06_killed_at(host, hers, point):
    """A device that was half plugged in, or half taken away, is neither there nor on record afterwards."""
    host.run("alice", "bothy launch busybox x1", check=True)
    if point == "device.removing":
        host.run("alice", f"bothy device add x1 zwave {STICK}", check=True)
    host.run("root", f"mkdir -p /run/systemd/system/bothyd.service.d; printf '[Service]\\nEnvironment=BOTHY_FAULT={point}\\n' "
             ">/run/systemd/system/bothyd.service.d/fault.conf; systemctl daemon-reload; systemctl restart bothyd", check=True)
    try:
        verb = "remove x1 zwave" if point == "device.removing" else f"add x1 zwave {STICK}"
        assert host.run("alice", f"bothy device {verb}").returncode != 0
    finally:
        host.run("root", "rm -r /run/systemd/system/bothyd.service.d; systemctl daemon-reload; systemctl restart bothyd", check=True)
    until(lambda: devices(host) == [] and not is_there(host))
    assert host.output("root", "find /run/bothy/devices -type c") == ""
    host.run("alice", f"bothy device add x1 zwave {STICK}", check=True)
    assert is_there(host)


def test_dev07_one_container_at_a_time(host, hers):
    host.run("root", f"setfacl -m u:bob:rw {hers}", check=True)
    host.run("alice", f"bothy launch busybox x1 && bothy device add x1 zwave {STICK} && bothy launch busybox x2", check=True)
    done = host.run("alice", f"bothy device add x2 zwave {STICK}")
    assert done.returncode == 1 and "another container has it" in done.stderr and devices(host, "x2") == []
    # One that is to have it when it is free gets it then.
    host.run("alice", f"bothy stop -f x2 && bothy device add x2 zwave {STICK} && bothy start x2", check=True)
    assert not is_there(host, name="x2")
    host.run("alice", "bothy device remove x1 zwave", check=True)
    until(lambda: is_there(host, name="x2"))


def test_dev08_the_machines_node_stays_as_it_is(host, hers):
    before = host.output("root", f"stat -c '%u %g %a %i %Z' {hers}; getfacl -p {hers}")
    host.run("alice", f"bothy launch busybox x1 && bothy device add x1 zwave {STICK}", check=True)
    out(host, "chown 5:6 /dev/ttyS0; chmod 777 /dev/ttyS0; touch /dev/ttyS0; mount -o remount,bind,ro /dev/ttyS0; umount /dev/ttyS0; rm /dev/ttyS0")
    assert host.output("root", f"stat -c '%u %g %a %i %Z' {hers}; getfacl -p {hers}") == before
    assert not is_there(host)
    # What the container has taken away itself is there again with the next time.
    event(host, "remove")
    until(lambda: devices(host)[0]["nodes"] == [])
    event(host, "add")
    until(lambda: is_there(host))


def test_what_the_container_has_put_in_its_place(host, hers):
    host.run("alice", "bothy launch busybox x1", check=True)
    for place in ("mkdir /dev/ttyS0", "ln -s /etc/passwd /dev/ttyS0"):
        out(host, place)
        done = host.run("alice", f"bothy device add x1 zwave {STICK}")
        assert done.returncode == 1 and "in its place" in done.stderr and devices(host) == []
        out(host, "rm -r /dev/ttyS0")
    done = host.run("alice", f"bothy device add x1 zwave {STICK} --group none")
    assert done.returncode == 1 and "/etc/group" in done.stderr and devices(host) == []
    # A group file that leads out of the container, or is none.
    for table in ("ln -sf /proc/self/root/etc/shadow /etc/group", "rm /etc/group; mkfifo /etc/group"):
        out(host, table)
        assert host.run("alice", f"bothy device add x1 zwave {STICK} --group dialout", timeout=20).returncode == 1
    assert host.output("root", "find /run/bothy/devices -type c") == ""


FORGE = r"""
import socket, struct, sys
text = b"ACTION=remove\0DEVPATH=/devices/pnp0/00:00/00:00:0/00:00:0.0/tty/ttyS0\0SUBSYSTEM=tty\0DEVNAME=/dev/ttyS0\0MAJOR=4\0MINOR=64\0SEQNUM=1\0"
head = struct.pack("=8sIIIIIIII", b"libudev", socket.htonl(0xfeedcafe), 40, 40, len(text), 0, 0, 0, 0)
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15)
s.sendto(head + text, (0, 2))
"""


def test_forged_events_are_not_heard(host, hers):
    """udev's process is root's. Others may not even send, unless an administrator gave them a capability."""
    host.run("alice", f"bothy launch busybox x1 && bothy device add x1 zwave {STICK}", check=True)
    host.write("tmp/forge.py", FORGE)
    assert "PermissionError" in host.run("alice", "python3 /tmp/forge.py").stderr
    host.run("root", "setpriv --reuid 1000 --inh-caps +net_admin --ambient-caps +net_admin python3 /tmp/forge.py", check=True)
    event(host, "change")
    assert is_there(host)
    # That it would have been heard, from root.
    host.run("root", "python3 /tmp/forge.py", check=True)
    until(lambda: not is_there(host))
    event(host, "add")


def test_dev05_an_event_that_is_lost(host, hers):
    """bothy-devices stands still while there are more events than the kernel keeps; the last one says that it was unplugged."""
    host.run("alice", f"bothy launch busybox x1 && bothy device add x1 zwave {STICK}", check=True)
    flood = FORGE.replace("remove", "change").replace("ttyS0", "nothing").replace("s.sendto(", "for _ in range(5000):\n    s.sendto(")
    host.write("tmp/flood.py", flood)
    host.run("root", "systemctl kill --signal=STOP 'bothy-devices@*.service'", check=True)
    try:
        host.run("root", "python3 /tmp/flood.py", check=True)
        event(host, "remove")
    finally:
        host.run("root", "systemctl kill --signal=CONT 'bothy-devices@*.service'", check=True)
    until(lambda: not is_there(host))
    event(host, "add")
    until(lambda: is_there(host))


def test_names_of_devices_go_with_the_container(host, hers):
    host.run("alice", f"bothy launch busybox x1 && bothy device add x1 zwave {STICK} && bothy delete -f x1 && bothy launch busybox x1", check=True)
    assert devices(host) == [] and host.output("root", "find /run/bothy/devices -type c") == ""


def test_of_a_new_container(host, hers):
    """--device, as docker has it for a node, or as "device add" takes it; each is there when the first process is."""
    done = host.run("alice", "bothy", "run", "--rm", f"--device={hers}", "busybox", "stat", "-c", "%u %a %t:%T", hers)
    assert done.stdout == "0 600 4:40\n", done.stderr
    host.run("alice", "bothy", "create", "--device", STICK, "--device", f"{hers}:{hers}:rwm", "--device", "usb:1234:5678:A b",
             "--device", "path:/dev/ttys0", "--device=fuse", "busybox", "x1", check=True)
    assert [(device["name"], device["match"]) for device in devices(host)] == [
        ("usb-0658-0200", STICK), ("ttys0", "path:/dev/ttyS0"), ("usb-1234-5678-a-b", "usb:1234:5678:A b"),
        ("ttys0-2", "path:/dev/ttys0"), ("fuse", "fuse")]
    for wrong in f"{hers}:/dev/other", f"{hers}:r", "/dev/a:/dev/a:rw:m":
        done = host.run("alice", "bothy", "run", "--rm", "--device", wrong, "busybox", "true")
        assert done.returncode in (2, 125) and "--symlink" in done.stderr, done
    done = host.run("alice", "bothy", "launch", "--device", "usb:1:2", "busybox", "x2")
    assert done.returncode == 1 and "x2" not in host.output("alice", "bothy list -q").split(), done


def test_dev01_of_a_new_container_an_administrator_is_asked(host, stick):
    """And without his word there is none."""
    for line in (f"launch --device {STICK} busybox x2", f"create --device=tun --device={stick} busybox x2",
                 f"run --rm --name x2 --device {stick} busybox true"):
        done = host.run("alice", f"bothy --no-ask-password {line}")
        assert done.returncode != 0 and "assign-device" in done.stderr, done
        assert host.output("alice", "bothy list -q") == ""

# SPDX-License-Identifier: LGPL-2.1-or-later
"""AddDevice, RemoveDevice and ListDevices: what they take, of whom, and who is asked. There is no udev here; the machine's
/dev/fuse is everybody's, and ttyS0 is root's."""

import os
import signal
import subprocess
import time

import pytest

import polkit
from fakedevices import FakeDevices
from slowfs import SlowFileSystem
from wire import CONTAINER, BusError, variants, wait

ASSIGN = "org.bothy.Bothy1.assign-device"
LINE = "path:/dev/ttyS0"


@pytest.fixture(autouse=True)
def everybodys(world):
    """fuse and net/tun are everybody's, as udev has them; the machine's own nodes stay as they are."""
    world.inside("sh", "-euc", "umask 0; [ -e /run/fuse ] || { mknod -m 666 /run/fuse c 10 229; mknod -m 666 /run/tun c 10 200; "
                 "mount --bind /run/fuse /dev/fuse; mount --bind /run/tun /dev/net/tun; }")


@pytest.fixture
def box(alice):
    return alice.create("box", command=["sleep", "1000"])


def add(client, box, match, name="d1", **options):
    """The error's name, or ""."""
    return client.error(box, CONTAINER, "AddDevice", "(sa{sv})", name, variants({"match": match, **options}))


def out(client, box, *argv):
    """What a command inside prints."""
    code, _, output, errors = client.call(box, CONTAINER, "ExecAndWait", "(asa{sv})", argv, {})[:4]
    assert code == 0, errors
    return bytes(output).decode()


def shown(client, box):
    return client.get(box, CONTAINER, "Devices")


def test_what_is_shown(alice, box):
    assert not add(alice, box, "usb:0658:ABCD", "zwave", group="dialout", symlink="zwave%n")
    assert not add(alice, box, "fuse", "fuse", owner="1000", mode="0640")
    assert shown(alice, box) == [
        {"name": "zwave", "match": "usb:0658:abcd", "owner": "", "group": "dialout", "mode": "0660", "symlink": "zwave%n", "nodes": []},
        {"name": "fuse", "match": "fuse", "owner": "1000", "group": "", "mode": "0640", "symlink": "", "nodes": []}]
    assert add(alice, box, "gpu", "zwave") == "DeviceExists"
    assert alice.error(box, CONTAINER, "RemoveDevice", "(s)", "other") == "NoSuchDevice" and "box" in alice.text
    assert alice.error(box, CONTAINER, "RemoveDevice", "(s)", "../x") == "InvalidArgs"
    assert not alice.error(box, CONTAINER, "RemoveDevice", "(s)", "zwave")
    assert [device["name"] for device in shown(alice, box)] == ["fuse"]


def test_in_one_that_runs_and_again(world, alice, box):
    """It is there at once, and after a stop, a start and another bothyd."""
    alice.start(box)
    before = os.stat(world.root / "dev/fuse")
    assert not add(alice, box, "fuse", "fuse", owner="1000", group="1001", mode="0640", symlink="mine")

    def look():
        return out(alice, box, "stat", "-c", "%u %g %a", "/dev/fuse") + out(alice, box, "readlink", "/dev/mine")

    assert shown(alice, box)[0]["nodes"] == ["/dev/fuse"]
    assert look() == "1000 1001 640\nfuse\n"
    alice.stop(box)
    assert shown(alice, box)[0]["nodes"] == []
    alice.start(box)
    assert look() == "1000 1001 640\nfuse\n" and shown(alice, box)[0]["nodes"] == ["/dev/fuse"]
    assert not alice.error(box, CONTAINER, "RemoveDevice", "(s)", "fuse")
    # The one that every container has is there again.
    assert out(alice, box, "stat", "-c", "%u %a", "/dev/fuse") == "65534 666\n"
    after = os.stat(world.root / "dev/fuse")
    assert (after.st_ino, after.st_mode, after.st_uid, after.st_gid, after.st_mtime) == (
        before.st_ino, before.st_mode, before.st_uid, before.st_gid, before.st_mtime)


@pytest.mark.parametrize("options", [{"match": ""}, {"match": "usb:1:2"}, {"match": "path:/etc/passwd"}, {"match": "path:/dev/../etc/passwd"},
                                     {"match": "path:/proc/self/fd/3"}, {"match": "fuse", "mode": "9"}, {"match": "fuse", "mode": "4755"},
                                     {"match": "fuse", "group": "a:b"}, {"match": "fuse", "symlink": "../x"}, {"match": "fuse", "owner": "a\nb"},
                                     {}, {"match": "fuse", "unknown": True}, {"match": 5}])
def test_DEV_02_options(world, alice, box, options):
    before = world.records()
    assert alice.error(box, CONTAINER, "AddDevice", "(sa{sv})", "d1", variants(options)) == "InvalidArgs"
    assert world.records() == before and shown(alice, box) == []


@pytest.mark.parametrize("node", ["null", "ptmx"] + [name for name in ("kmsg", "tty1", "console", "vcs1") if os.path.exists(f"/dev/{name}")])
def test_DEV_01_what_is_for_no_container(world, alice, root, box, node):
    """Nobody is asked: also an administrator's yes would be a mistake."""
    world.polkit.answers[ASSIGN] = "yes"
    for client in alice, root:
        assert add(client, box, f"path:/dev/{node}") == "NotAuthorized" and node in client.text
    assert [question.action for question in world.polkit.questions if question.action == ASSIGN] == []
    assert shown(alice, box) == []


def test_DEV_01_a_disk(world, alice, box):
    disks = [name for name in os.listdir("/sys/class/block") if os.path.exists(f"/dev/{name}")]
    assert add(alice, box, f"path:/dev/{disks[0]}") == "NotAuthorized" and "disks" in alice.text


def test_DEV_01_an_administrator_is_asked(world, alice, box):
    """About what is there; what he refuses leaves no trace, and what he agrees to is plugged in."""
    alice.start(box)
    for answer, error in ("no", "NotAuthorized"), ("challenge", "NotAuthorizedCanObtain"):
        world.polkit.answers[ASSIGN] = answer
        before = world.records()
        assert add(alice, box, LINE) == error
        assert world.records() == before and shown(alice, box) == []
    world.polkit.answers[ASSIGN] = "yes"
    assert not add(alice, box, LINE)
    question = [question for question in world.polkit.questions if question.action == ASSIGN][-1]
    assert {key: question.details[key] for key in ("container", "device", "match", "nodes", "model")} == {
        "container": "box", "device": "d1", "match": LINE, "nodes": "/dev/ttyS0", "model": "ttyS0"}
    assert shown(alice, box)[0]["nodes"] == ["/dev/ttyS0"]
    assert out(alice, box, "stat", "-c", "%u %a %t:%T", "/dev/ttyS0") == "0 600 4:40\n"


def test_DEV_01_what_everybody_may_open_needs_no_question(world, alice, box):
    world.polkit.answers[ASSIGN] = "no"
    alice.start(box)
    assert not add(alice, box, "path:/dev/net/tun")
    assert [question for question in world.polkit.questions if question.action == ASSIGN] == []
    # Not of somebody else's containers: those are not his to give to.
    world.polkit.answers[polkit.MANAGE] = "yes"
    bob = world.client(1001)
    assert add(bob, box, "fuse", "d2") == "NotAuthorized"


def test_DEV_07_one_at_a_time(world, alice, bob, box):
    world.polkit.answers[ASSIGN] = "yes"
    other = bob.create("other", command=["sleep", "1000"])
    alice.start(box)
    bob.start(other)
    assert not add(alice, box, LINE)
    assert add(bob, other, LINE) == "Busy" and "box" not in bob.text
    assert shown(bob, other) == []
    # Those that can be shared are.
    assert not add(alice, box, "fuse", "d2") and not add(bob, other, "fuse", "d2")
    line = [device for device in bob.manager("ListDevices")[0] if device["node"] == "/dev/ttyS0"][0]
    assert (line["in-use"], line["container"], line["class"]) == (True, "", "serial")
    line = [device for device in alice.manager("ListDevices")[0] if device["node"] == "/dev/ttyS0"][0]
    assert (line["in-use"], line["container"], line["allowed"]) == (True, "box", "ask")
    assert not alice.error(box, CONTAINER, "RemoveDevice", "(s)", "d1")
    assert not add(bob, other, LINE)


def test_it_happens_or_leaves_no_trace(world, alice, box):
    alice.start(box)
    before = world.records()
    assert add(alice, box, "fuse", group="nobody-knows") == "NoSuchUser" and "/dev/fuse" in alice.text
    assert world.records() == before and shown(alice, box) == []
    assert out(alice, box, "stat", "-c", "%u %a", "/dev/fuse") == "65534 666\n"
    out(alice, box, "sh", "-c", "ln -s /etc/passwd /dev/mine; rm -rf /dev/shm/x")
    assert not add(alice, box, "fuse", symlink="mine")
    # What the container has put there stays.
    assert out(alice, box, "readlink", "/dev/mine") == "/etc/passwd\n"


def test_quotas(world, alice, box):
    for number in range(16):
        assert not add(alice, box, "usb:0658:0200", f"d{number}")
    assert add(alice, box, "usb:0658:0200", "d16") == "QuotaExceeded"


def test_DEV_06_killed_between(world, alice, box):
    """What an earlier bothyd had plugged in is plugged in by this one, and a half-done one is not there."""
    alice.start(box)
    assert not add(alice, box, "fuse", "kept")
    world.restart(signal.SIGKILL)
    wait(lambda: shown(alice, box) and shown(alice, box)[0]["nodes"] == ["/dev/fuse"])
    assert out(alice, box, "stat", "-c", "%u", "/dev/fuse") == "0\n"
    nodes = [name for _, _, names in os.walk(world.run / "devices") for name in names]
    assert nodes == ["10:229"]


# ---- what is plugged in and out, and who would keep it ----

FUSE, TUN = ("fuse", 10, 229), ("net/tun", 10, 200)
USERS = b"root:x:0:0::/:/bin/sh\nsomebody:x:1000:1000::/:/bin/sh\n"


@pytest.fixture
def devices(world, everybodys):
    fake = FakeDevices(world)
    fake.plug(*FUSE)
    fake.plug(*TUN)
    yield fake
    fake.close()


def nodes(world):
    """Those that anybody but root may open."""
    found = []
    for directory, _, names in os.walk(world.run / "devices"):
        found += [name for name in names if os.stat(os.path.join(directory, name)).st_mode & 0o777]
    return sorted(found)


def mount_inside(leader, *words):
    subprocess.run(["nsenter", f"--target={leader}", "--mount", "--", *words], check=True)


def test_DEV_05_a_file_system_inside_that_never_answers(world, alice, box, devices):
    """Root of the container keeps its supervisor waiting. What is unplugged meanwhile, nobody can open all the same; and what is
    asked of the supervisor fails after a while."""
    alice.start(box)
    assert not add(alice, box, "fuse", "d1")
    assert nodes(world) == ["10:229"]
    leader = alice.get(box, CONTAINER, "Leader")
    seen = f"/proc/{leader}/root/dev/fuse"
    out(alice, box, "sh", "-euc", "mkdir -p /slow /etc; : >>/etc/passwd")
    with SlowFileSystem("/slow", USERS, process=leader) as slow:
        mount_inside(leader, "mount", "--bind", "/slow/file", "/etc/passwd")
        slow.let_wait("bothy-supervisor")
        adding = alice.send(box, CONTAINER, "AddDevice", "(sa{sv})", "d2", variants({"match": "tun", "owner": "somebody"}))
        wait(lambda: slow.held)
        assert nodes(world) == ["10:200", "10:229"]
        devices.unplug("fuse")
        wait(lambda: nodes(world) == ["10:200"], 3)
        kept = os.stat(seen)
        assert (kept.st_rdev, kept.st_uid, kept.st_mode & 0o777) == (os.makedev(10, 229), 0, 0)
        assert not alice.replied(adding, 0)
        # Another one has its number, and is not the container's: it can not even be said to its supervisor.
        devices.plug(*FUSE)
        # Its own, unplugged as it is plugged in.
        devices.unplug("net/tun")
        wait(lambda: nodes(world) == [], 3)
        with pytest.raises(BusError, match="removed meanwhile|does not answer"):
            alice.reply(adding, 25)
        assert os.stat(seen).st_mode & 0o777 == 0
        slow.let_wait("")
        mount_inside(leader, "umount", "-l", "/etc/passwd")
        # It answers again, and has what it is to have.
        wait(lambda: [device["nodes"] for device in shown(alice, box)] == [["/dev/fuse"]], 15)
    assert nodes(world) == ["10:229"] and os.stat(seen).st_mode & 0o777 == 0o600


def test_DEV_05_what_is_removed_while_nobody_watches(world, alice, box, devices):
    """Whether or not it is known what devices there are."""
    alice.start(box)
    assert not add(alice, box, "fuse", "d1") and not add(alice, box, "tun", "d2")
    devices.be_silent()
    world.expected.append("Devices of container")
    time.sleep(0.5)
    assert not alice.error(box, CONTAINER, "RemoveDevice", "(s)", "d1")
    assert nodes(world) == ["10:200"] and [device["nodes"] for device in shown(alice, box)] == [["/dev/net/tun"]]


def test_DEV_05_nobody_watches(world, alice, box, devices):
    """After some seconds it may be anything that has its number; and when somebody watches again, all is there again."""
    alice.start(box)
    assert not add(alice, box, "fuse", "d1")
    devices.be_silent()
    time.sleep(2)
    assert nodes(world) == ["10:229"]
    wait(lambda: nodes(world) == [] and shown(alice, box)[0]["nodes"] == [], 15)
    devices.speak()
    wait(lambda: nodes(world) == ["10:229"] and shown(alice, box)[0]["nodes"] == ["/dev/fuse"], 15)


def test_DEV_06_both_killed(world, alice, box, devices):
    """bothyd and the container's supervisor: nobody is there who would have taken it away."""
    alice.start(box)
    assert not add(alice, box, "fuse", "d1")
    leader = alice.get(box, CONTAINER, "Leader")
    with open(f"/proc/{leader}/status") as status:
        supervisor = [int(line.split()[1]) for line in status if line.startswith("PPid:")][0]
    world.stop(signal.SIGKILL)
    os.kill(supervisor, signal.SIGKILL)
    assert nodes(world) == ["10:229"]
    world.start()
    wait(lambda: nodes(world) == [])


def test_DEV_01_for_anothers_container_what_is_not_there(world, alice, box, devices):
    """Who manages it gives it nothing that its owner could open one day."""
    world.polkit.answers[polkit.MANAGE] = world.polkit.answers[ASSIGN] = "yes"
    bob = world.client(1001)
    assert add(bob, box, "usb:0658:0200") == "NotAuthorized" and "plug it in first" in bob.text
    assert not add(bob, box, "fuse", "d2")
    # What was agreed to is that device, and no other that it could mean.
    alice.start(box)
    wait(lambda: shown(alice, box)[0]["nodes"] == ["/dev/fuse"])


def test_whoever_looks_at_what_there_is_hears_of_changes(world, alice, bob, box, devices):
    """What comes and goes, and what containers get and lose; a burst of it once. Not what it is: that he asks for, as himself."""
    def hear(client):
        assert client.wait_signal("DevicesChanged", timeout=5) == ()

    def listed(client):
        return [device["node"] for device in client.manager("ListDevices")[0]]

    alice.start(box)
    assert "/dev/fuse" in listed(alice) and "/dev/net/tun" in listed(bob)
    # Of the first that ever asked.
    time.sleep(1)
    for client in alice, bob:
        listed(client)
        client.incoming.clear()
    devices.unplug("fuse")
    devices.unplug("net/tun")
    for client in alice, bob:
        hear(client)
        assert "/dev/fuse" not in listed(client)
    devices.plug(*FUSE)
    for client in alice, bob:
        hear(client)
        assert "/dev/fuse" in listed(client)
        assert len(client.signals("DevicesChanged")) == 2
    assert not add(alice, box, "fuse")
    hear(bob)
    alice.stop(box)
    hear(bob)

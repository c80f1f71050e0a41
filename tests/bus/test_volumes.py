# SPDX-License-Identifier: LGPL-2.1-or-later
"""Volumes on the bus: whose they are, how many there may be, and two who want the same at once."""

import os
import pathlib
import shutil
import signal

import pytest
from gi.repository import GLib

import polkit
from conftest import BOB
from wire import CONTAINER, MANAGER, ROOT, BusError, variants, wait


@pytest.fixture
def box(alice):
    return alice.create("box", command=["sleep", "1000"])


def create(client, name, **options):
    return client.error(ROOT, MANAGER, "CreateVolume", "(sa{sv})", name, variants(options))


def delete(client, name):
    return client.error(ROOT, MANAGER, "DeleteVolume", "(s)", name)


def add(client, box, name, destination="/work", **options):
    return client.error(box, CONTAINER, "AddVolume", "(ssa{sv})", name, destination, variants(options))


def volumes(client):
    return {v["name"]: v for v in client.manager("ListVolumes")[0]}


def test_what_is_shown(alice, box):
    assert not create(alice, "data") and create(alice, "data") == "VolumeExists"
    assert add(alice, box, "nothing") == "NoSuchVolume"
    assert not add(alice, box, "data", "//work/x/", **{"read-only": True})
    assert add(alice, box, "data", "/work/x") == "MountFailed"
    (mount,) = alice.get(box, CONTAINER, "Mounts")
    assert mount == {"source": "data", "volume": "data", "destination": "/work/x", "read-only": True}
    assert volumes(alice)["data"]["containers"] == ["box"]
    assert alice.manager("GetVolume", "(s)", "data")[0]["name"] == "data"
    assert not alice.error(box, CONTAINER, "RemoveMount", "(s)", "/work/x") and not delete(alice, "data")
    assert volumes(alice) == {} and delete(alice, "data") == "NoSuchVolume"


@pytest.mark.parametrize("options", [{"disk": "much"}, {"memory": 1}, {"disk": 0}])
def test_options(world, alice, options):
    before = world.settled_fds(), world.records()
    assert create(alice, "data", **options) == "InvalidArgs"
    assert (world.settled_fds(), world.records()) == before


def test_VOL_01_whose_they_are(world, alice, bob, box):
    """Names are each user's own, and nobody hears of another's, nor mounts one in a container that he only manages."""
    assert not create(alice, "data")
    assert volumes(bob) == {} and delete(bob, "data") == "NoSuchVolume"
    assert bob.error(ROOT, MANAGER, "GetVolume", "(s)", "data") == "NoSuchVolume"
    seen = [(add(bob, path, "data"), bob.text.replace(path, "")) for path in (box, box.replace("box", "none"))]
    assert seen[0] == seen[1]
    assert not create(bob, "data") and not create(bob, "bobs") and not delete(bob, "data")
    assert list(volumes(alice)) == ["data"]
    world.polkit.answers.update({polkit.MANAGE: "yes", polkit.INSPECT: "yes"})
    for name in "bobs", "data", "nothing":
        assert add(bob, box, name) == "NotAuthorized"
    assert volumes(alice)["data"]["containers"] == [] and volumes(bob)["bobs"]["containers"] == []
    with world.client(0) as root:
        assert not add(root, box, "data") and volumes(alice)["data"]["containers"] == ["box"]
    assert not delete(bob, "bobs")


def outcome(client, serial):
    """The error's name, or ""."""
    try:
        client.reply(serial)
    except BusError as error:
        return error.name.rsplit(".", 1)[-1]
    return ""


def test_VOL_02_two_at_once(alice):
    """The same name twice; a container that is being made, of a volume that is being deleted: one of both, and never half."""
    calls = [alice.send(ROOT, MANAGER, "CreateVolume", "(sa{sv})", "data", {}) for _ in range(4)]
    assert sorted(outcome(alice, call) for call in calls) == ["", "VolumeExists", "VolumeExists", "VolumeExists"]
    with_data = {"volumes": GLib.Variant("a(ssa{sv})", [("data", "/work", {})])}
    calls = [alice.send(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "c1", "busybox", with_data),
             alice.send(ROOT, MANAGER, "DeleteVolume", "(s)", "data")]
    assert [outcome(alice, call) for call in calls] in (["", "VolumeInUse"], ["NoSuchVolume", ""])
    assert create(alice, "data") in ("", "VolumeExists")
    box = alice.create("box", command=["sleep", "1000"])
    calls = [alice.send(ROOT, MANAGER, "DeleteVolume", "(s)", "data"),
             alice.send(box, CONTAINER, "AddVolume", "(ssa{sv})", "data", "/work", {})]
    seen = [outcome(alice, call) for call in calls]
    assert seen in (["VolumeInUse", ""], ["", "NoSuchVolume"])
    assert bool(alice.get(box, CONTAINER, "Mounts")) == ("box" in volumes(alice).get("data", {"containers": []})["containers"])


KEEP = {
    "mounted elsewhere": "mkdir -p /keep && mount --bind /work /keep",
    "an open file": "exec 3>/work/file; sleep 1000 >/dev/null 2>&1 &",
}


@pytest.mark.parametrize("way", KEEP)
def test_VOL_06_what_still_has_it(world, alice, way):
    """A volume that was taken away from a container that runs on is not deleted, also by the next bothyd, until that ends."""
    box = alice.create("box", command=["sleep", "1000"])
    alice.start(box)
    assert not create(alice, "data") and not add(alice, box, "data")
    assert alice.execute(box, "sh", "-c", KEEP[way])[1] == (0, 0)
    assert not alice.error(box, CONTAINER, "RemoveMount", "(s)", "/work")
    assert delete(alice, "data") == "VolumeInUse" and "container box" in alice.text and "stop" in alice.text
    world.restart()
    assert delete(alice, "data") == "VolumeInUse" and alice.state(box) == "running"
    alice.stop(box)
    assert not delete(alice, "data")


def test_VOL_06_gone_with_the_machine(world, alice):
    """What is on record of a run that nobody saw end keeps no volume."""
    box = alice.create("box", command=["sleep", "1000"])
    alice.start(box)
    assert not create(alice, "data") and not add(alice, box, "data")
    assert not alice.error(box, CONTAINER, "RemoveMount", "(s)", "/work")
    assert delete(alice, "data") == "VolumeInUse"
    world.stop(signal.SIGKILL)
    for group in world.container_groups():
        (world.group / group / "cgroup.kill").write_text("1")
    shutil.rmtree(world.run / "supervisors")
    world.start()
    assert wait(lambda: alice.state(box) != "running")
    assert not delete(alice, "data")


def directory_of(world):
    (found,) = (world.state / "volumes").iterdir()
    return found


def running(alice, line="true"):
    box = alice.create("box", command=["sleep", "1000"])
    alice.start(box)
    assert alice.execute(box, "sh", "-c", line)[1] == (0, 0)
    return box


def test_VOL_03_what_can_not_be_noted(world, alice):
    """It was mounted, and then it could not be written down that it is filled: it is not there, and nothing says so."""
    box = running(alice, "mkdir /work && echo one >/work/one")
    assert not create(alice, "data")
    record = directory_of(world) / "volume"
    kept = record.rename(record.with_name("kept"))
    (record / "in the way").mkdir(parents=True)
    assert add(alice, box, "data") not in ("", "NoSuchMount"), alice.text
    assert alice.get(box, CONTAINER, "Mounts") == []
    assert " /work " not in alice.execute(box, "cat", "/proc/mounts")[0]
    shutil.rmtree(record)
    kept.rename(record)
    assert not add(alice, box, "data") and alice.execute(box, "cat", "/work/one")[0] == "one\n"


def test_VOL_03_read_only_first(alice):
    """Who can not write does not fill it, and leaves that to who can."""
    box = running(alice, "mkdir /work && echo one >/work/one")
    assert not create(alice, "data") and not add(alice, box, "data", "/seen", **{"read-only": True}), alice.text
    assert alice.execute(box, "ls", "/seen")[0] == ""
    assert not add(alice, box, "data") and alice.execute(box, "cat", "/work/one", "/seen/one")[0] == "one\none\n"


def test_VOL_03_nothing_of_what_is_left_out(world, alice):
    """Another file system inside what is copied, mounted over a file as well: nothing is in its place."""
    box = running(alice, "mkdir -p /work/over && touch /work/file /work/mine /other && mount --bind /bin /work/over && mount --bind /other /work/file")
    assert not create(alice, "data") and not add(alice, box, "data"), alice.text
    assert set(alice.execute(box, "ls", "/work")[0].split()) == {"mine"}


def test_VOL_03_holes_stay(alice):
    box = running(alice, "mkdir /work && truncate -s 4G /work/holes && printf end | dd of=/work/holes bs=1M seek=4095 conv=notrunc")
    assert not create(alice, "data") and not add(alice, box, "data"), alice.text
    size, blocks = alice.execute(box, "stat", "-c", "%s %b", "/work/holes")[0].split()
    assert int(size) == 4 << 30 and int(blocks) < 1000
    assert alice.execute(box, "sh", "-c", "dd if=/work/holes bs=1M skip=4095 2>/dev/null | head -c 3")[0] == "end"


def forks(world):
    """Those of supervisors, in their containers."""
    found = set()
    for pid in world.processes():
        try:
            path = pathlib.Path(f"/proc/{pid}")
            if os.readlink(path / "exe").endswith("bothy-supervisor") and "/payload" in (path / "cgroup").read_text():
                found.add(pid)
        except OSError:
            pass
    return found


def stop_filler(world, others):
    """Stops the process that copies into a volume before it is done, as its container could do."""
    pid = wait(lambda: forks(world) - others, pause=0).pop()
    os.kill(pid, signal.SIGSTOP)
    return pid


@pytest.mark.once
@pytest.mark.parametrize("then", ["goes on", "killed", "restart", "stop"])
def test_VOL_08_filled_beside_what_runs(world, alice, then):
    """However long the copy into a new volume takes, nobody else waits for it, and the container is not lost."""
    box = running(alice, "mkdir /work && cd /work && seq 20000 | xargs touch")
    assert not create(alice, "data")
    others = forks(world)
    call = alice.send(box, CONTAINER, "AddVolume", "(ssa{sv})", "data", "/work", {})
    pid = stop_filler(world, others)
    assert alice.execute(box, "true")[1] == (0, 0)
    assert alice.error(box, CONTAINER, "AddMount", "(hsa{sv})", 0, "/x", variants({"path": "/"}), fds=[0]) != ""
    if then == "restart":
        world.restart(signal.SIGKILL)
        assert alice.state(box) == "running"
    elif then == "stop":
        alice.stop(box)
        wait(lambda: alice.state(box) == "stopped")
    else:
        os.kill(pid, signal.SIGKILL if then == "killed" else signal.SIGCONT)
        assert (outcome(alice, call) == "") == (then == "goes on")
    wait(lambda: not os.path.exists(f"/proc/{pid}"))
    mounts = [m["destination"] for m in alice.get(box, CONTAINER, "Mounts")]
    if then in ("killed", "restart"):
        assert mounts == [] and alice.execute(box, "grep", " /work ", "/proc/mounts")[0] == ""
        wait(lambda: add(alice, box, "data") != "Busy")
    elif then == "stop":
        assert bool(outcome(alice, call)) == (mounts == [])
        assert mounts or not add(alice, box, "data"), alice.text
        alice.start(box)
    assert alice.execute(box, "sh", "-c", "grep -c ' /work ' /proc/mounts; ls /work | wc -l")[0].split() == ["1", "20000"]


@pytest.mark.once
def test_VOL_08_a_start_waits_for_it(world, alice):
    """Two containers that share a new volume: the second starts when the first one has filled it."""
    box = running(alice, "mkdir /work && cd /work && seq 20000 | xargs touch")
    second = alice.create("second", command=["sleep", "1000"])
    ended = alice.create("ended", command=["sleep", "1000"])
    assert not create(alice, "data") and not add(alice, second, "data") and not add(alice, ended, "data")
    others = forks(world)
    call = alice.send(box, CONTAINER, "AddVolume", "(ssa{sv})", "data", "/work", {})
    pid = stop_filler(world, others)
    starts = [alice.send(path, CONTAINER, "Start", "(a{sv})", {}) for path in (second, ended)]
    assert not alice.replied(starts[0], 2)
    os.kill(pid, signal.SIGCONT)
    assert [outcome(alice, sent) for sent in (call, *starts)] == ["", "", ""]
    assert alice.execute(second, "sh", "-c", "ls /work | wc -l")[0] == "20000\n"


@pytest.mark.once
def test_DOS_02_starts_that_wait(world, alice):
    """Each keeps its layers open meanwhile: so many of one user's are under way, and the others wait for these."""
    def under_way():
        return sum(alice.state(path) == "starting" and bool(alice.get(path, CONTAINER, "ControlGroup")) for path in paths)

    box = running(alice, "mkdir /work && cd /work && seq 20000 | xargs touch")
    paths = [alice.create(f"b{number}", command=["sleep", "1000"]) for number in range(10)]
    assert not create(alice, "data") and not any(add(alice, path, "data") for path in paths)
    others = forks(world)
    call = alice.send(box, CONTAINER, "AddVolume", "(ssa{sv})", "data", "/work", {})
    pid = stop_filler(world, others)
    calls = [alice.send(path, CONTAINER, "Start", "(a{sv})", {}) for path in paths]
    wait(lambda: under_way() == 8, 60)
    with world.client(BOB) as bob:
        other = bob.create("other", command=["sleep", "1000"])
        bob.start(other)
        bob.call(other, CONTAINER, "Delete", "(a{sv})", variants({"force": True}))
    assert under_way() == 8
    os.kill(pid, signal.SIGCONT)
    assert [outcome(alice, sent) for sent in (call, *calls)] == [""] * 11


def test_VOL_07_what_can_not_be_read(fresh_world):
    """A record that makes no sense keeps its name, and its project id, from others."""
    world = fresh_world()
    world.expected.append("its record makes no sense")
    alice = world.client(1000)
    assert not create(alice, "data")
    (directory_of(world) / "volume").write_text("[Volume]\nId=x\n")
    world.restart()
    assert create(alice, "data") == "Degraded" and create(alice, "other") == "Degraded"


def test_VOL_05_how_many(world, alice, bob):
    most = alice.get(ROOT, MANAGER, "MaxVolumes")
    for i in range(most):
        assert not create(alice, f"v{i}")
    assert create(alice, "more") == "QuotaExceeded" and not create(bob, "mine")
    for i in range(most):
        while (refused := delete(alice, f"v{i}")) == "Busy":
            pass
        assert not refused
    assert not create(alice, "more")


def test_they_stay(world, alice, box):
    assert not create(alice, "data") and not add(alice, box, "data")
    world.restart()
    assert volumes(alice)["data"]["containers"] == ["box"]
    assert delete(alice, "data") == "VolumeInUse"

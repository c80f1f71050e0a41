# SPDX-License-Identifier: LGPL-2.1-or-later
"""What becomes of containers when the service, the bus or a supervisor is gone (THREATS, LIFE)."""

import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

from conftest import ALICE, TRAP
from slowfs import SlowFileSystem
from wire import CONTAINER, MANAGER, ROOT, BusError, container_path, variants, wait


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_LIFE_03_containers_outlive_the_service(fresh_world, how):
    world = fresh_world()
    alice = world.client(ALICE)
    paths = [alice.create(f"c{i}", command=["sleep", "1000"]) for i in range(3)]
    for path in paths[:2]:
        alice.start(path)
    alice.call(paths[1], CONTAINER, "Freeze")
    before = [alice.get_all(path, CONTAINER) for path in paths]
    for _ in range(3):
        world.restart(how)
        after = [alice.get_all(path, CONTAINER) for path in paths]
        for old, new in zip(before, after):
            assert {k: (v, new.get(k)) for k, v in old.items() if new.get(k) != v} == {}
    assert alice.execute(paths[0], "echo", "still here")[0] == "still here\n"
    alice.call(paths[1], CONTAINER, "Thaw")
    alice.call(paths[0], CONTAINER, "Kill", "(si)", "leader", 9)
    wait(lambda: alice.state(paths[0]) == "failed")
    for path in paths:
        alice.delete(path)


@pytest.mark.once
def test_LIFE_03_a_container_that_ended_meanwhile(fresh_world):
    world = fresh_world()
    alice = world.client(ALICE)
    path = alice.create("ends", command=["sleep", "1000"])
    brief = alice.create("brief", command=["sleep", "1000"], ephemeral=True)
    for one in (path, brief):
        alice.start(one)
    leaders = [alice.get(one, CONTAINER, "Leader") for one in (path, brief)]
    world.stop(signal.SIGKILL)
    for leader in leaders:
        os.kill(leader, 9)
    wait(lambda: not any(os.path.exists(f"/proc/{leader}") for leader in leaders))
    world.start()
    wait(lambda: alice.state(path) in ("stopped", "failed"))
    wait(lambda: brief not in alice.managed())
    alice.start(path)
    assert alice.execute(path, "echo", "again")[0] == "again\n"


@pytest.mark.once
def test_LIFE_04_supervisor_is_killed(world, alice, box):
    leader = alice.get(box, CONTAINER, "Leader")
    supervisor = int(re.search(r"PPid:\s+(\d+)", pathlib.Path(f"/proc/{leader}/status").read_text())[1])
    other = alice.create("other", command=["sleep", "1000"])
    alice.start(other)
    os.kill(supervisor, 9)
    wait(lambda: alice.state(box) == "failed")
    shown = alice.get_all(box, CONTAINER)
    assert shown["LastError"] and shown["LastErrorName"] == "org.bothy.Bothy1.Error.Crashed" and shown["LastErrorDetails"] == {}
    wait(lambda: not os.path.exists(f"/proc/{leader}"))
    assert alice.execute(other, "echo", "x")[0] == "x\n"
    alice.start(box)


@pytest.mark.once
def test_LIFE_04_supervisor_is_killed_while_nobody_looks(fresh_world):
    """As if the service had been there; but what ended with the machine has not failed."""
    world = fresh_world()
    alice = world.client(ALICE)
    boxes = [alice.create(name, command=["sleep", "1000"]) for name in ("killed", "shut-down")]
    supervisors = []
    for box in boxes:
        alice.start(box)
        status = pathlib.Path(f"/proc/{alice.get(box, CONTAINER, 'Leader')}/status").read_text()
        supervisors.append(int(re.search(r"PPid:\s+(\d+)", status)[1]))
    world.stop(signal.SIGKILL)
    for pid in supervisors:
        os.kill(pid, 9)
    (world.run / "supervisors" / alice_id(world, "shut-down")).unlink()
    wait(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in supervisors))
    world.start()
    killed = alice.get_all(boxes[0], CONTAINER)
    assert killed["State"] == "failed" and "supervisor was killed" in killed["LastError"] and killed["LastErrorName"].endswith(".Crashed")
    assert killed["LastExit"] == (0, 9) and killed["ControlGroup"] == ""
    assert alice.state(boxes[1]) == "stopped"
    world.restart()
    assert alice.state(boxes[0]) == "failed"
    for box in boxes:
        alice.start(box)
        assert alice.execute(box, "echo", "again")[0] == "again\n"


def alice_id(world, name):
    """The id of a container, by its record."""
    (record,) = [path for path in world.state.glob("containers/*/container") if f"\nName={name}\n" in path.read_text()]
    return record.parent.name


@pytest.mark.once
def test_LIFE_04_control_groups_of_one_whose_supervisor_was_killed(world, alice, box):
    """Nobody else would remove them: they belong to ids of the container's, and are closed to others."""
    nest = ("cd /sys/fs/cgroup && mkdir -p a b/c && chown 7:7 b && chmod 0 a && i=0 && "
            "while [ $i -lt 300 ]; do mkdir d && cd d && i=$((i+1)); done")
    assert alice.execute(box, "sh", "-c", nest)[1] == (0, 0)
    group = world.group / alice.get(box, CONTAINER, "ControlGroup").lstrip("/")
    leader = alice.get(box, CONTAINER, "Leader")
    os.kill(int(re.search(r"PPid:\s+(\d+)", pathlib.Path(f"/proc/{leader}/status").read_text())[1]), 9)
    wait(lambda: alice.state(box) == "failed")
    wait(lambda: not group.exists())


FAULTS = ["range.before-record", "range.after-record", "create.made-directory", "create.before-record",
          "create.recorded", "create.placed", "delete.before-rename"]


@pytest.mark.once
@pytest.mark.parametrize("point", FAULTS)
def test_LIFE_01_killed_at_a_fault_point(fresh_world, point):
    """What a new service finds is a container, or none; and it can go on."""
    world = fresh_world(start=False)
    world.start(BOTHY_FAULT=point)
    alice = world.client(ALICE)
    with pytest.raises(BusError):
        path = alice.create("victim", command=["sleep", "1000"])
        alice.call(path, CONTAINER, "Delete", "(a{sv})", {})
    assert world.service.wait(20) == -signal.SIGKILL
    world.service = None
    world.start()
    assert not alice.get(ROOT, MANAGER, "Degraded")
    path = container_path(ALICE, "victim")
    if path not in alice.managed():
        alice.create("victim", command=["sleep", "1000"])
    alice.start(path)
    assert alice.execute(path, "echo", "x")[0] == "x\n"
    alice.delete(path)
    wait(lambda: not [name for name in world.records() if re.search(r"containers/.", name)])


def test_LIFE_07_sigterm_during_work(fresh_world):
    world = fresh_world()
    alice = world.client(ALICE)
    path = alice.create("box", command=TRAP)
    alice.start(path)
    for i in range(4):
        alice.send(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", f"c{i}", "busybox", {})
    reader, writer = os.pipe()
    alice.send(ROOT, MANAGER, "ImportImage", "(ha{sv})", 0, {}, fds=[reader])
    alice.send(path, CONTAINER, "Stop", "(a{sv})", variants({"timeout": 20}))
    start = time.monotonic()
    assert world.stop() == 0
    assert time.monotonic() - start < 10
    world.start()
    wait(lambda: alice.state(path) in ("running", "stopped", "failed"))
    assert not alice.get(ROOT, MANAGER, "Degraded")
    os.close(reader)
    os.close(writer)
    for entry in alice.manager("ListContainers")[0]:
        wait(lambda: entry[5] not in alice.managed() or not alice.error(
            entry[5], CONTAINER, "Delete", "(a{sv})", variants({"force": True})))


def test_LIFE_07_the_bus_goes(fresh_world):
    world = fresh_world()
    alice = world.client(ALICE)
    path = alice.create("box", command=["sleep", "1000"])
    alice.start(path)
    leader = alice.get(path, CONTAINER, "Leader")
    world.polkit.close()
    world.bus_daemon.kill()
    world.bus_daemon.wait()
    world.service.wait(10)
    world.service = None
    assert os.path.exists(f"/proc/{leader}")
    os.unlink(world.address)
    world.start_bus()
    world.polkit.appear()
    world.start()
    again = world.client(ALICE)
    assert again.execute(path, "echo", "x")[0] == "x\n"


def test_LIFE_09_stays_until_groups_are_gone(fresh_world):
    """A process that waits for a file which does not answer can not be killed; who leaves before it goes leaves its group."""
    world = fresh_world(start=False)
    configuration = world.root / "etc/bothy/bothyd.conf"
    configuration.write_text(configuration.read_text().replace("IdleSeconds=0", "IdleSeconds=3"))
    directory = world.directory / "slow"
    directory.mkdir()
    with SlowFileSystem(directory, b"slow") as slow:
        world.start()
        alice = world.client(ALICE)
        path = alice.create("box", command=["sleep", "1000"])
        alice.start(path)
        group = alice.get(path, CONTAINER, "ControlGroup")
        fd = os.open(slow.file, os.O_RDONLY)
        slow.let_wait("busybox")
        alice.call(path, CONTAINER, "Exec", "(asaha{sv})", ["head", "-c", "1"], [0, 1, 1], {}, fds=[fd, fd])
        os.close(fd)
        wait(lambda: slow.held)
        alice.call(path, CONTAINER, "Stop", "(a{sv})", variants({"force": True}), timeout=60)
        assert alice.state(path) != "running" and world.container_groups()
        # Idle, it would be gone by then.
        with pytest.raises(subprocess.TimeoutExpired):
            world.service.wait(9)
        slow.let_wait("")
        assert world.service.wait(20) == 0
    assert not world.container_groups(), group
    world.service = None


def test_LIFE_09_leaves_when_idle_and_comes_back(fresh_world):
    world = fresh_world(start=False)
    world.configure("")
    (world.root / "etc/bothy/bothyd.conf").write_text("[Service]\nIdleSeconds=1\n")
    world.start()
    alice = world.client(ALICE)
    path = alice.create("box", command=["sleep", "1000"])
    alice.start(path)
    time.sleep(1.5)
    assert world.service.poll() is None or world.service.poll() == 0
    if world.service.poll() is None:
        alice.stop(path)
    assert world.service.wait(10) == 0
    world.service = None
    world.start()
    assert alice.get(path, CONTAINER, "Name") == "box"

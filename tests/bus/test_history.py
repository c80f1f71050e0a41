# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who did what: GetHistory, and what the journal is told."""

import os
import time

import pytest
from gi.repository import GLib

import polkit
from conftest import ALICE, BOB
from wire import CONTAINER, IMAGE, MANAGER, ROOT, variants, wait

NOBODY = 2**32 - 1


@pytest.fixture(scope="module", autouse=True)
def a_window_of_its_own():
    """What earlier tests did may have been so much that the rest is only counted, for ten seconds."""
    time.sleep(11)


def history(client, path):
    return [(user, deed, grounds) for _, user, deed, grounds in client.call(path, CONTAINER, "GetHistory")[0]]


def noted(world, text):
    return [line for line in world.log().splitlines() if text in line]


def test_DOER_what_the_owner_does(world, alice):
    before = time.time()
    path = alice.create("box", command=["sh", "-c", "exit 3"])
    alice.call(path, CONTAINER, "Start", "(a{sv})", {})
    wait(lambda: alice.state(path) == "stopped")
    alice.call(path, CONTAINER, "SetLimits", "(a{sv})", {"pids": GLib.Variant("t", 100)})
    alice.call(path, CONTAINER, "Rename", "(s)", "crate")
    path = alice.manager("GetContainer", "(s)", "crate")[0]
    deeds = history(alice, path)
    (first, *_), *_ = alice.call(path, CONTAINER, "GetHistory")[0]
    assert before <= first / 1e6 <= time.time()
    assert [deed.split()[0] for _, deed, _ in deeds] == ["CreateContainer", "Start", "exited", "SetLimits", "Rename"]
    assert deeds[0] == (ALICE, "CreateContainer image=busybox", polkit.CREATE)
    assert deeds[3][1] == "SetLimits limits=pids=100" and deeds[4][1] == "Rename from=box"
    assert deeds[1] == (ALICE, "Start", "owner") and deeds[2] == (NOBODY, "exited with 3", "")
    # It outlives the service, and the name does not matter.
    world.restart()
    assert history(alice, path) == deeds
    alice.call(path, CONTAINER, "Delete", "(a{sv})", {})
    assert noted(world, f"Container crate of user {ALICE}: Delete by user {ALICE} (owner)")


def test_DOER_what_others_do(world, alice, bob, root):
    """With why they might; who might not has done nothing."""
    path = alice.create("box", command=["sleep", "1000"])
    world.polkit.answers[polkit.MANAGE] = "no"
    assert bob.error(path, CONTAINER, "Start", "(a{sv})", {}) == "UnknownObject"
    world.polkit.answers.update({polkit.MANAGE: "yes", polkit.INSPECT: "yes"})
    bob.call(path, CONTAINER, "Start", "(a{sv})", {})
    root.call(path, CONTAINER, "Stop", "(a{sv})", variants({"force": True}))
    wait(lambda: alice.state(path) == "stopped")
    assert history(bob, path)[1:] == [(BOB, "Start", polkit.MANAGE), (NOBODY, "killed by signal 9", ""), (0, "Stop", "root")]
    assert history(bob, path) == history(alice, path)
    assert noted(world, f"Container box of user {ALICE}: Stop by user 0 (root)")


def test_DOER_reading_is_no_deed(world, alice, box):
    before = history(alice, box)
    image = alice.manager("GetImage", "(s)", "busybox")[0]
    alice.call(box, CONTAINER, "GetStats")
    alice.call(box, CONTAINER, "OpenLog")
    alice.get_all(image, IMAGE)
    alice.manager("ListContainers")
    alice.manager("ListRemotes")
    lines = noted(world, f"by user {ALICE} ")
    assert alice.error(box, CONTAINER, "RemovePort", "(sqa{sv})", "sctp", 1, {}) == "InvalidArgs"
    assert history(alice, box) == before and noted(world, f"by user {ALICE} ") == lines
    alice.call(box, CONTAINER, "Exec", "(asaha{sv})", ["true"], [], {})
    assert history(alice, box)[-1] == (ALICE, "Exec", "owner")


def test_DOER_a_call_without_a_reply_is_noted(world, alice, box):
    alice.send(box, CONTAINER, "Freeze", "()", no_reply=True)
    wait(lambda: alice.state(box) == "frozen")
    wait(lambda: history(alice, box)[-1] == (ALICE, "Freeze", "owner"))
    alice.call(box, CONTAINER, "Thaw")


def test_DOER_nothing_hides_what_is_done_with_others(world, alice, bob):
    """However much somebody does with what is his own."""
    path = alice.create("box")
    world.polkit.answers.update({polkit.MANAGE: "yes", polkit.INSPECT: "yes"})
    image = bob.manager("GetImage", "(s)", "busybox")[0]
    for _ in range(40):
        bob.call(image, IMAGE, "AddAlias", "(s)", "decoy")
        bob.call(image, IMAGE, "RemoveAlias", "(s)", "decoy")
    bob.call(path, CONTAINER, "SetEgress", "(sas)", "set", ["192.0.2.1"])
    assert history(alice, path)[-1] == (BOB, "SetEgress set=192.0.2.1", polkit.MANAGE)


def test_DOER_what_failed_is_noted(world, alice):
    """It may be half done: a restart that stopped a container, and could not start it."""
    path = alice.create("box")
    assert alice.error(path, CONTAINER, "Freeze") == "WrongState"
    assert history(alice, path)[-1] == (ALICE, "Freeze failed: WrongState", "owner")


def test_DOER_long_texts_stay(world, alice, tmp_path):
    """Also where the cut falls into a character; and what is shortened keeps its end."""
    path = alice.create("box")
    for length in range(120, 130):
        alice.error(path, CONTAINER, "RemoveMount", "(s)", "/" + "x" * length + "é" * 20)
    assert len([deed for _, deed, _ in history(alice, path) if deed.startswith("RemoveMount inside=/xxx")]) == 10
    (file,) = world.state.glob("containers/*/history")
    line = "1\t2\tfull\towner\n"
    for extra in range(0, 40, 7):
        file.write_text("y" * extra + "\n" + line * ((32768 - extra - 1) // len(line)))
        for number in (1, 2):
            alice.call(path, CONTAINER, "SetLimits", "(a{sv})", {"pids": GLib.Variant("t", 100 + number)})
        assert [deed for _, deed, _ in history(alice, path)[-3:]] == \
            ["full", "SetLimits limits=pids=101", "SetLimits limits=pids=102"]


def test_DOER_ephemeral_ones_have_no_file(world, alice):
    path = alice.create("box", ephemeral=True)
    assert history(alice, path) == []
    assert noted(world, f"Container box of user {ALICE}: CreateContainer")


def test_DOER_neither_disk_nor_journal_is_filled(world, alice):
    """Calls of one who does nothing else: the file is bounded and keeps the latest, the journal has their number."""
    path = alice.create("box")
    overrun = f"more calls, about things of user {ALICE} by user {ALICE}"
    entries, overruns = len(noted(world, f"by user {ALICE} ")), len(noted(world, overrun))
    begin = time.monotonic()
    for _ in range(600):
        assert alice.error(path, CONTAINER, "Thaw") == "WrongState"
    windows = 2 + (time.monotonic() - begin) / 10
    assert len(noted(world, f"by user {ALICE} ")) - entries <= 60 * windows < 600
    # The last of the ten seconds end, and the next ones begin.
    time.sleep(11)
    assert len(noted(world, overrun)) > overruns
    (file,) = world.state.glob("containers/*/history")
    assert file.stat().st_size <= 32 << 10
    file.write_text("x" * 100 + "\n" + "1\t2\tfull\towner\n" * 4000)
    alice.call(path, CONTAINER, "Rename", "(s)", "last")
    assert file.stat().st_size <= 32 << 10
    assert not list(world.state.glob("containers/*/.history.new"))


def test_DOER_a_full_disk_keeps_nobody_from_stopping(fresh_world):
    world = fresh_world(state_size="32M")
    alice = world.client(ALICE)
    path = alice.create("box", command=["sleep", "1000"])
    alice.call(path, CONTAINER, "Start", "(a{sv})", {})
    before = history(alice, path)
    filler = world.state / "filler"
    try:
        with open(filler, "wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
    except OSError:
        assert os.statvfs(world.state).f_bavail == 0
    alice.call(path, CONTAINER, "Stop", "(a{sv})", variants({"force": True}))
    wait(lambda: alice.state(path) == "stopped")
    filler.unlink(missing_ok=True)
    assert history(alice, path)[:len(before)] == before
    alice.call(path, CONTAINER, "Delete", "(a{sv})", {})
    assert alice.error(ROOT, MANAGER, "GetContainer", "(s)", "box") == "NoSuchContainer"


def test_DOER_what_happens_by_itself_displaces_no_deeds(world, alice):
    """Of a container that ends again and again, or is ill and well in turn, the history still says who made it."""
    path = alice.create("box")
    (file,) = world.state.glob("containers/*/history")
    first = file.read_text()
    assert "CreateContainer" in first
    line = f"1\t{NOBODY}\texited with 3\t\n"
    file.write_text(first + line * ((32768 - len(first) - 1) // len(line)))
    for number in (1, 2, 3, 4):
        alice.call(path, CONTAINER, "SetLimits", "(a{sv})", {"pids": GLib.Variant("t", 100 + number)})
    kept = history(alice, path)
    assert [deed.split()[0] for _, deed, _ in kept if deed != "exited with 3"] == ["CreateContainer"] + ["SetLimits"] * 4
    assert 200 < len([deed for _, deed, _ in kept if deed == "exited with 3"]) < 500 and file.stat().st_size < 16384

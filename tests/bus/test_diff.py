# SPDX-License-Identifier: LGPL-2.1-or-later
"""DiffSnapshot: what changed in a container's files, as overlayfs really wrote it."""

import os
import tempfile

import pytest

import polkit
from conftest import BOB
from wire import CONTAINER, variants

MAKE = ("mkdir -p /srv/dir/deep /srv/gone /srv/same; echo one >/srv/file; echo in >/srv/dir/in; echo deep >/srv/dir/deep/file; echo x >/srv/gone/x; "
        "ln -s file /srv/link; echo kept >/srv/kept; echo was >/srv/becomes; echo old >/srv/same/old")


@pytest.fixture
def box(alice):
    path = alice.create("box", command=["sleep", "1000"])
    alice.start(path)
    yield path
    alice.finish(alice.call(path, CONTAINER, "Delete", "(a{sv})", variants({"force": True}))[0])


def do(client, box, line):
    assert client.execute(box, "sh", "-c", line)[1] == (0, 0)


def operate(client, path):
    done = client.finish(path, 60)
    return done["Failure"]


def snapshot(client, box, name):
    assert operate(client, client.call(box, CONTAINER, "Snapshot", "(sa{sv})", name, {})[0]) == ""


def diff(client, box, old="", new=""):
    with tempfile.TemporaryFile() as file:
        assert operate(client, client.call(box, CONTAINER, "DiffSnapshot", "(hssa{sv})", 0, old, new, {}, fds=[file.fileno()])[0]) == ""
        file.seek(0)
        lines = file.read().split(b"\0")
    assert lines.pop() == b"" and len(set(lines)) == len(lines)
    return {line[2:].decode(): chr(line[0]) for line in lines}


def below(changes, top="/srv"):
    return {path.removeprefix(top + "/"): kind for path, kind in changes.items() if path.startswith(top + "/")}


def change(client, box):
    do(client, box, "cd /srv; echo two >file; rm -rf gone link; echo new >new; mkdir -p added/below; echo y >added/below/y; "
       "rm becomes; mkdir becomes; echo z >becomes/z; rm -rf dir; mkdir dir; echo other >dir/other; chmod 700 kept; "
       "mv same/old same/renamed; rm /etc/passwd")


CHANGED = {"file": "C", "gone": "D", "link": "D", "new": "A", "added": "A", "added/below": "A", "added/below/y": "A", "becomes": "C",
           "becomes/z": "A", "dir": "C", "dir/in": "D", "dir/deep": "D", "dir/other": "A", "kept": "C", "same": "C", "same/old": "D",
           "same/renamed": "A"}


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_changes_of_all_kinds(alice, box, running):
    """From the image, from a snapshot, to a snapshot, and back; a snapshot of what runs is a copy, whose files are the same."""
    do(alice, box, MAKE)
    first = diff(alice, box)
    assert below(first) == {path: "A" for path in (
        "file", "dir", "dir/in", "dir/deep", "dir/deep/file", "gone", "gone/x", "link", "kept", "becomes", "same", "same/old")}
    if not running:
        alice.call(box, CONTAINER, "Stop", "(a{sv})", variants({"force": True}))
    snapshot(alice, box, "s1")
    assert diff(alice, box, "s1") == {}
    if not running:
        alice.start(box)
    change(alice, box)
    changed = diff(alice, box, "s1")
    assert below(changed) == CHANGED
    assert changed["/etc"] == "C" and changed["/etc/passwd"] == "D" and "/" not in changed
    if not running:
        alice.call(box, CONTAINER, "Stop", "(a{sv})", variants({"force": True}))
    snapshot(alice, box, "s2")
    assert diff(alice, box, "s1", "s2") == changed
    assert diff(alice, box, "s2") == {}
    # The other way round.
    back = below(diff(alice, box, "s2", "s1"))
    assert {path for path, kind in back.items() if kind == "A"} == {
        "gone", "gone/x", "link", "dir/in", "dir/deep", "dir/deep/file", "same/old"}
    assert {path for path, kind in back.items() if kind == "D"} == {"new", "added", "dir/other", "same/renamed"}
    # Against the image: what came and went again is nothing.
    assert below(diff(alice, box, "", "s2")) == {
        path: "A" for path in ("file", "new", "added", "added/below", "added/below/y", "becomes", "becomes/z", "dir", "dir/other",
                               "kept", "same", "same/renamed")}


def test_content_tells(alice, box):
    """What is written again as it was is no change; what is changed under the same size and time is one."""
    do(alice, box, "mkdir -p /srv; echo one >/srv/a; echo one >/srv/b; echo one >/srv/c; touch -d '2020-01-01' /srv/*")
    snapshot(alice, box, "s1")
    do(alice, box, "cd /srv; cp -p a x; mv x a; echo two >b; touch -d '2020-01-01' b; chown 5:5 c")
    changes = below(diff(alice, box, "s1"))
    assert {path: kind for path, kind in changes.items() if path != "."} == {"b": "C", "c": "C"}


def test_SNAP_06_names_of_strangers(alice, box):
    """Bytes stay bytes, and one name can not look like two."""
    do(alice, box, "mkdir -p /srv/A; cd /srv; touch 'a\nA ' $(printf '\\377\\033') 'D y'")
    with tempfile.TemporaryFile() as file:
        operate(alice, alice.call(box, CONTAINER, "DiffSnapshot", "(hssa{sv})", 0, "", "", {}, fds=[file.fileno()])[0])
        file.seek(0)
        lines = file.read().split(b"\0")
    assert {b"A /srv/a\nA ", b"A /srv/\xff\x1b", b"A /srv/D y"} <= set(lines)


def test_SNAP_06_it_needs_a_reader_and_a_right(world, alice, box):
    do(alice, box, "mkdir -p /srv; i=0; while [ $i -lt 3000 ]; do : >/srv/a-name-that-takes-some-room-in-a-pipe-$i; i=$((i + 1)); done")
    records = world.records()
    reader, writer = os.pipe()
    operation, = alice.call(box, CONTAINER, "DiffSnapshot", "(hssa{sv})", 0, "", "", {}, fds=[writer])
    os.close(writer)
    os.close(reader)
    assert ".Busy:" in operate(alice, operation)
    reader, writer = os.pipe()
    operation, = alice.call(box, CONTAINER, "DiffSnapshot", "(hssa{sv})", 0, "", "", {}, fds=[writer])
    os.close(writer)
    alice.call(operation, "org.bothy.Bothy1.Operation", "Cancel")
    assert ".Cancelled:" in operate(alice, operation)
    os.close(reader)
    assert world.records() == records
    with tempfile.TemporaryFile() as file:
        for old, new in ("gone", ""), ("", "gone"):
            error = operate(alice, alice.call(box, CONTAINER, "DiffSnapshot", "(hssa{sv})", 0, old, new, {}, fds=[file.fileno()])[0])
            assert ".NoSuchSnapshot:" in error and "gone" in error
        assert alice.error(box, CONTAINER, "DiffSnapshot", "(hssa{sv})", 0, "../x", "", {}, fds=[file.fileno()]) == "InvalidArgs"
        with world.client(BOB) as bob:
            seen = [(bob.error(path, CONTAINER, "DiffSnapshot", "(hssa{sv})", 0, "", "", {}, fds=[file.fileno()]), bob.text.replace(path, ""))
                    for path in (box, box.replace("box", "none"))]
            assert seen[0] == seen[1]
            world.polkit.answers.update({polkit.MANAGE: "yes", polkit.INSPECT: "yes"})
            assert operate(bob, bob.call(box, CONTAINER, "DiffSnapshot", "(hssa{sv})", 0, "", "", {}, fds=[file.fileno()])[0]) == ""
            # What he looked at is his neighbour's, who can see that he did.
            assert [(user, deed) for _, user, deed, _ in alice.call(box, CONTAINER, "GetHistory")[0]
                    if deed.startswith("DiffSnapshot") and user == BOB]


def test_SNAP_06_as_the_container_goes(alice, box):
    """It is deleted in the middle, and what is compared stays until that is done."""
    do(alice, box, "mkdir -p /srv; i=0; while [ $i -lt 3000 ]; do : >/srv/a-name-that-takes-some-room-in-a-pipe-$i; i=$((i + 1)); done")
    other = alice.create("other", command=["sleep", "1000"])
    alice.start(other)
    do(alice, other, "mkdir -p /srv; i=0; while [ $i -lt 3000 ]; do : >/srv/a-name-that-takes-some-room-in-a-pipe-$i; i=$((i + 1)); done")
    reader, writer = os.pipe()
    operation, = alice.call(other, CONTAINER, "DiffSnapshot", "(hssa{sv})", 0, "", "", {}, fds=[writer])
    os.close(writer)
    alice.finish(alice.call(other, CONTAINER, "Delete", "(a{sv})", variants({"force": True}))[0])
    with open(reader, "rb") as pipe:
        lines = pipe.read().split(b"\0")
    assert operate(alice, operation) == "" and len(lines) > 3000

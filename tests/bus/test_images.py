# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images through the bus: good ones, bad ones, and what is left of either."""

import hashlib
import os
import signal
import tarfile
import threading

import pytest

import archives
from conftest import ALICE
from wire import CONTAINER, IMAGE, MANAGER, OPERATION, ROOT, variants, wait


def start_import(client, file, **options):
    return client.manager("ImportImage", "(ha{sv})", 0, variants(options), fds=[file.fileno()])[0]


def test_IMAGE_import_use_and_remove(world, alice):
    data = archives.small_bytes()
    before = world.records()
    with archives.temporary(data) as file:
        operation = start_import(alice, file, alias="mine")
    done = alice.finish(operation)
    assert (done["Kind"], done["Subject"], done["Phase"], done["Failure"]) == ("import-image", "mine", "done", "")
    image = done["Object"]
    values = alice.get_all(image, IMAGE)
    assert values["Fingerprint"] == hashlib.sha256(data).hexdigest()
    assert (values["Aliases"], values["OS"], values["Verified"]) == (["mine"], "small", "none")
    for name in ("mine", values["Fingerprint"], values["Fingerprint"][:12]):
        assert alice.manager("GetImage", "(s)", name) == (image,)
    path = alice.create("box", image="mine", command=["sleep", "1000"])
    alice.start(path)
    assert alice.execute(path, "/bin/busybox", "cat", "/etc/seed")[0] == "content"
    assert alice.call(path, CONTAINER, "GetOSRelease") == ({"ID": "small"},)
    assert alice.error(image, IMAGE, "Remove") == "ImageInUse"
    alice.delete(path)
    alice.call(image, IMAGE, "Remove")
    assert image not in alice.managed()
    wait(lambda: {n for n in world.records() if "ranges" not in n and "accounts" not in n} ==
         {n for n in before if "ranges" not in n and "accounts" not in n})


def test_IMAGE_signals(world, alice):
    watcher = world.client(ALICE)
    watcher.manager("ListContainers")
    with archives.small(b"signals") as file:
        operation = start_import(alice, file, alias="mine")
        assert watcher.wait_signal("Completed", operation)[0] is True
    image = alice.get(operation, OPERATION, "Object")
    watcher.wait_signal("InterfacesAdded", ROOT, match=lambda a: a[0] == image)
    alice.call(image, IMAGE, "Remove")
    for client in (watcher, alice):
        assert client.wait_signal("InterfacesRemoved", ROOT, match=lambda a: a[0] == image) == (image, [IMAGE])


def test_IMAGE_signals_to_whom_it_concerns(world, alice, bob):
    """One user's taking and leaving of an image that another one has, too."""
    with archives.small(b"shared") as file:
        image = alice.finish(start_import(alice, file))["Object"]
    bob.managed()
    with archives.small(b"shared") as file:
        bob.finish(start_import(bob, file, alias="his"))
    assert bob.wait_signal("InterfacesAdded", ROOT, match=lambda a: a[0] == image)[1][IMAGE]["Aliases"] == []
    bob.drain()
    alice.drain()
    bob.incoming, alice.incoming = [], []
    alice.call(image, IMAGE, "Remove")
    alice.wait_signal("InterfacesRemoved", ROOT, match=lambda a: a[0] == image)
    bob.drain()
    assert bob.signals("InterfacesRemoved") == []
    alice.incoming = []
    bob.call(image, IMAGE, "Remove")
    bob.wait_signal("InterfacesRemoved", ROOT, match=lambda a: a[0] == image)
    alice.drain()
    assert alice.signals("InterfacesRemoved") == []


def test_IMAGE_same_bytes_twice_are_kept_once(world, alice, bob):
    images = []
    for client in (alice, bob):
        with archives.small(b"twice") as file:
            images.append(client.finish(start_import(client, file, alias="same"))["Object"])
    assert images[0] == images[1]
    alice.call(images[0], IMAGE, "Remove")
    assert images[0] not in alice.managed() and images[0] in bob.managed()
    assert alice.error(ROOT, MANAGER, "GetImage", "(s)", "same") == "NoSuchImage"
    bob.call(images[0], IMAGE, "Remove")


def test_IMAGE_fingerprint(world, alice):
    data = archives.small_bytes(b"fingerprint")
    before = world.records()
    with archives.temporary(data) as file:
        done = alice.finish(start_import(alice, file, fingerprint="0" * 64))
    assert done["Failure"].startswith("org.bothy.Bothy1.Error.BadArchive: ")
    wait(lambda: world.records() == before)
    with archives.temporary(data) as file:
        done = alice.finish(start_import(alice, file, fingerprint=hashlib.sha256(data).hexdigest()))
    assert done["Phase"] == "done"
    assert alice.get(done["Object"], IMAGE, "Verified") == "sha256"
    alice.call(done["Object"], IMAGE, "Remove")


GOOD = archives.small_bytes()
BAD = {
    "empty": b"", "noise": bytes(range(256)) * 40, "text": b"hello\n" * 100, "truncated": GOOD[:len(GOOD) // 2],
    "cut-header": GOOD[:700], "gzip-noise": b"\x1f\x8b\x08\0" + b"\xff" * 400, "xz-noise": b"\xfd7zXZ\0" + b"\xff" * 400,
    "zstd-noise": b"\x28\xb5\x2f\xfd" + b"\xff" * 400, "dotdot": archives.hostile("../../evil"),
    "deep-dotdot": archives.hostile("etc/../../../evil"), "through-symlink": archives.through_symlink(),
    "hardlink-out": archives.hostile("etc/x", tarfile.LNKTYPE, "../../../etc/passwd"),
    "long-name": archives.hostile("x" * 5000),
}


@pytest.mark.parametrize("kind", sorted(BAD))
def test_IMAGE_bad_archives_leave_no_trace(world, alice, kind):
    before, fds = world.records(), world.settled_fds()
    with archives.temporary(BAD[kind]) as file:
        done = alice.finish(start_import(alice, file, alias="bad"))
    if done["Phase"] == "done":
        # What is not hostile after all, like "/../x" cut to "x", stays inside of the image.
        alice.call(done["Object"], IMAGE, "Remove")
    else:
        assert done["Failure"].split(":")[0].rsplit(".", 1)[1] in ("BadArchive", "LimitsExceeded", "Failed")
        assert done["Failure"].isascii() and done["Failure"].isprintable()
        assert done["Object"] == "/"
    assert kind in ("empty", "dotdot", "deep-dotdot", "through-symlink") or done["Phase"] == "failed"
    wait(lambda: world.records() == before)
    wait(lambda: world.settled_fds() <= fds)
    assert alice.error(ROOT, MANAGER, "GetImage", "(s)", "bad") == "NoSuchImage"
    for place in ("/evil", "/tmp/bothy-escaped", "/var/lib/evil", "/var/lib/bothy/evil", "/var/lib/bothy/images/evil"):
        assert not os.path.lexists(str(world.root) + place) and not os.path.lexists(place)


def feed(fd, data, end):
    """Writes to a pipe in the background until it is full or told to end."""
    def run():
        with os.fdopen(fd, "wb") as pipe:
            try:
                pipe.write(data)
                pipe.flush()
            except OSError:
                return
            end.wait(30)
    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.parametrize("how", ["cancel", "kill-service", "end-of-pipe"])
def test_IMAGE_import_that_does_not_end_well(fresh_world, how):
    world = fresh_world()
    alice = world.client(ALICE)
    before = world.records()
    reader, writer = os.pipe()
    end = threading.Event()
    thread = feed(writer, GOOD[: len(GOOD) // 2], end)
    operation = alice.manager("ImportImage", "(ha{sv})", 0, variants({"alias": "half"}), fds=[reader])[0]
    os.close(reader)
    wait(lambda: alice.get(operation, OPERATION, "Bytes") > 0 or None, timeout=10) if how != "end-of-pipe" else None
    if how == "cancel":
        alice.call(operation, OPERATION, "Cancel")
        done = alice.finish(operation)
        assert done["Failure"].startswith("org.bothy.Bothy1.Error.Cancelled: ")
        assert alice.error(operation, OPERATION, "Cancel") == "WrongState"
    elif how == "kill-service":
        world.restart(signal.SIGKILL)
    else:
        end.set()
        assert alice.finish(operation)["Failure"].startswith("org.bothy.Bothy1.Error.BadArchive: ")
    end.set()
    thread.join()
    wait(lambda: world.records() == before)
    assert alice.error(ROOT, MANAGER, "GetImage", "(s)", "half") == "NoSuchImage"
    wait(lambda: not [p for p in world.processes() if command_of(p).endswith("bothy-unpack")])


def command_of(pid):
    try:
        return open(f"/proc/{pid}/cmdline").read().split("\0")[0]
    except OSError:
        return ""


def test_IMAGE_caller_leaves_during_import(world, alice):
    """The operation is the user's, not the connection's."""
    with archives.small(b"leaver") as file, world.client(ALICE) as other:
        operation = start_import(other, file, alias="left")
    assert alice.finish(operation)["Phase"] == "done"
    alice.call(alice.manager("GetImage", "(s)", "left")[0], IMAGE, "Remove")


def test_IMAGE_builtin_can_not_be_taken_away(world, alice, bob):
    image = alice.manager("GetImage", "(s)", "busybox")[0]
    alice.error(image, IMAGE, "Remove")
    assert bob.manager("GetImage", "(s)", "busybox") == (image,)
    assert alice.manager("GetImage", "(s)", "busybox") == (image,)
    assert alice.get(image, IMAGE, "Origin") == "builtin"

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images that were pulled and that nobody uses go by themselves: [Images] ExpireDays."""

import hashlib

import pytest

import archives
from conftest import ALICE, BOB
from imageserver import Fetchers, Server
from test_clock import clock  # noqa: F401
from test_images import start_import
from test_remotes import LIBEXEC, PULL, REMOTES, add, archive, pull, stored
from wire import IMAGE, wait


@pytest.fixture
def place(fresh_world, clock):  # noqa: F811
    """A world in which images go after three days, and a server for it."""
    world = fresh_world(config="[Images]\nExpireDays=3\n", environment=clock.environment)
    server, fetchers = Server(), Fetchers(world, LIBEXEC / "bothy-fetch")
    presets = world.root / "etc/bothy/remotes.d"
    presets.mkdir(exist_ok=True)
    (presets / "images.conf").write_text("[Remote]\nEnabled=no\n")
    world.polkit.answers[PULL] = world.polkit.answers[REMOTES] = "yes"
    server.streams(archive())
    with world.client(ALICE) as alice:
        add(alice, server)
    yield world, server
    server.close()
    fetchers.close()


def pass_days(world, n):
    """So many dates were seen since."""
    world.stop()
    path = world.state / "days"
    lines = path.read_text().splitlines()
    header, body = lines[0], lines[1:]
    count = int([line for line in body if line.startswith("Count=")][0].removeprefix("Count="))
    text = "\n".join(f"Count={count + n}" if line.startswith("Count=") else line for line in body) + "\n"
    path.write_text(header[:-64] + hashlib.sha256(text.encode()).hexdigest() + "\n" + text)
    world.start()


def test_STATE_expiry(place):
    world, _ = place
    with world.client(ALICE) as alice, world.client(BOB) as bob:
        before = stored(world)
        image = pull(alice)["Object"]
        assert pull(bob)["Object"] == image
        assert alice.get(image, IMAGE, "DaysLeft") == 3
    pass_days(world, 2)
    with world.client(ALICE) as alice, world.client(BOB) as bob:
        assert alice.get(image, IMAGE, "DaysLeft") == bob.get(image, IMAGE, "DaysLeft") == 1
    pass_days(world, 1)
    with world.client(ALICE) as alice, world.client(BOB) as bob:
        assert image not in alice.managed() and image not in bob.managed()
        assert "ExpireDays" in world.log()
        wait(lambda: stored(world) == before)


def test_STATE_expiry_while_it_runs(place, clock):  # noqa: F811
    """The day is counted by a timer, too: a service that is always there sees it as well."""
    world, _ = place
    day = 86400
    with world.client(ALICE) as alice, world.client(BOB) as bob:
        before = stored(world)
        image = pull(alice)["Object"]
        box = bob.create("box")
        for n, left in ((1, 2), (2, 1)):
            clock.move(n * day, awake=n * (day + 60))
            bob.state(box)
            wait(lambda: alice.get(image, IMAGE, "DaysLeft") == left)
        # Half a day later it is still there, and the timer is not over either.
        clock.move(5 * day // 2, awake=5 * day // 2)
        assert alice.get(image, IMAGE, "DaysLeft") == 1
        clock.move(3 * day, awake=3 * (day + 60))
        bob.state(box)
        alice.wait_signal("InterfacesRemoved", match=lambda a: a[0] == image)
        assert image not in alice.managed()
        bob.delete(box)
        wait(lambda: stored(world) == before)


def test_STATE_expiry_of_what_is_used(place):
    world, _ = place
    with world.client(ALICE) as alice:
        image = pull(alice)["Object"]
        box = alice.create("box", image="test:debian/13", command=["sleep", "1000"])
    pass_days(world, 2)
    pass_days(world, 50)
    with world.client(ALICE) as alice:
        assert alice.get(image, IMAGE, "DaysLeft") == 3
        alice.delete(box)
        # Now it counts from here.
        assert alice.get(image, IMAGE, "DaysLeft") == 3
    pass_days(world, 2)
    with world.client(ALICE) as alice:
        # To want it again is a use.
        assert pull(alice)["Object"] == image and alice.get(image, IMAGE, "DaysLeft") == 3
    pass_days(world, 2)
    with world.client(ALICE) as alice:
        assert image in alice.managed()
    pass_days(world, 1)
    with world.client(ALICE) as alice:
        assert image not in alice.managed()


def test_STATE_expiry_of_what_was_imported(place):
    """Nor of what was pulled before somebody brought it himself."""
    world, _ = place
    with world.client(ALICE) as alice, world.client(BOB) as bob:
        image = pull(alice)["Object"]
        with archives.temporary(archive()) as file:
            assert bob.finish(start_import(bob, file, alias="mine"))["Object"] == image
        with archives.temporary(archives.small_bytes(b"other")) as file:
            other = alice.finish(start_import(alice, file, alias="other"))["Object"]
        assert alice.get(image, IMAGE, "DaysLeft") == alice.get(other, IMAGE, "DaysLeft") == 0
    pass_days(world, 1000)
    with world.client(ALICE) as alice, world.client(BOB) as bob:
        assert image in alice.managed() and image in bob.managed() and other in alice.managed()


def test_STATE_04_days_that_begin_anew(place):
    """What was counted is lost: nothing goes for that."""
    world, _ = place
    with world.client(ALICE) as alice:
        pass
    pass_days(world, 20)
    with world.client(ALICE) as alice:
        image = pull(alice)["Object"]
    world.stop()
    (world.state / "days").unlink()
    world.start()
    with world.client(ALICE) as alice:
        assert alice.get(image, IMAGE, "DaysLeft") == 3
    pass_days(world, 2)
    with world.client(ALICE) as alice:
        assert alice.get(image, IMAGE, "DaysLeft") == 1

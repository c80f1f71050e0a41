# SPDX-License-Identifier: LGPL-2.1-or-later
"""STATE-04: the clock jumps while the service runs, or while it does not."""

import os
import pathlib
import re
import signal
import struct
import subprocess
import time

import pytest

import archives
from conftest import ALICE
from test_image_kinds import YAML, unified
from wire import CONTAINER, IMAGE, MANAGER, ROOT, variants, wait

SOURCE = pathlib.Path(__file__).parent / "clock.c"
YEAR = 365 * 86400
# What somebody who takes no notice of SIGTERM has to be waited for.
DEAF = ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"]


class Clock:
    """The service's: moved by as many seconds, it jumps."""

    def __init__(self, directory):
        self.library, self.file = directory / "clock.so", directory / "clock"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-o", self.library, SOURCE], check=True)
        self.move(0)

    def move(self, seconds, asleep=0, awake=0):
        """AWAKE: what timers count. Who sleeps until the first one is over sees it when something else wakes him."""
        if not self.file.exists():
            self.file.write_bytes(bytes(24))
        with open(self.file, "r+b") as file:
            file.write(struct.pack("=qqq", seconds, asleep, awake))

    @property
    def environment(self):
        # The sanitizer's own library does not come first then, and says so.
        return {"LD_PRELOAD": str(self.library), "BOTHY_TEST_CLOCK": str(self.file),
                "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}


@pytest.fixture
def clock(tmp_path):
    for directory in (tmp_path, *list(tmp_path.parents)[:2]):
        directory.chmod(0o755)
    return Clock(tmp_path)


JUMPS = {"ten years on": (10 * YEAR, 0), "ten years back": (-10 * YEAR, 0), "to 1970": (-int(time.time()) + 5, 0),
         "a leap second": (-1, 0), "two days asleep": (2 * 86400, 2 * 86400)}


def things(world, client):
    """All that there is, but for what is said of when."""
    found = client.managed()
    return {path: {name: {key: value for key, value in values.items() if not re.search("At$|Bridges|Objects", key)}
                   for name, values in interfaces.items()}
            for path, interfaces in found.items() if "/operation/" not in path and "/process/" not in path}


def test_STATE_04_the_clock_is_the_one_that_jumps(fresh_world, clock):
    """Else what follows would show nothing."""
    world = fresh_world(environment=clock.environment)
    alice = world.client(ALICE)
    made = []
    for seconds in 0, 10 * YEAR, -10 * YEAR:
        clock.move(seconds)
        made.append(alice.get(alice.create(f"at{len(made)}"), CONTAINER, "CreatedAt") / 1e6 - time.time() - seconds)
    assert max(map(abs, made)) < 60, made


@pytest.mark.parametrize("jump", sorted(JUMPS))
def test_STATE_04_the_clock_jumps(fresh_world, clock, jump):
    """Nothing expires, nothing is late or early, and what there is stays, also over a restart."""
    world = fresh_world(environment=clock.environment)
    alice = world.client(ALICE)
    path, deaf = alice.create("box", command=["sleep", "1000"]), alice.create("deaf", command=DEAF)
    alice.start(path)
    expiring = YAML.replace(b"1786536000", b"%d" % (time.time() + 86400))
    with archives.temporary(unified(expiring)) as file:
        assert alice.finish(alice.manager("ImportImage", "(ha{sv})", 0, {}, fds=[file.fileno()])[0])["Phase"] == "done"
    held = alice.manager("AllocateRange", "(ua{sv})", 1, {})[0]
    alice.start(deaf)
    before = things(world, alice)
    assert len([path for path, interfaces in before.items() if IMAGE in interfaces]) >= 2
    # In the middle of a wait: neither over at once nor never.
    began = time.monotonic()
    stopping = alice.send(deaf, CONTAINER, "Stop", "(a{sv})", variants({"timeout": 6}))
    wait(lambda: alice.state(deaf) == "stopping")
    clock.move(*JUMPS[jump])
    alice.reply(stopping, timeout=30)
    assert 5.5 < time.monotonic() - began < 25
    alice.start(deaf)

    def unchanged():
        now = things(world, alice)
        same = ("State", "Name", "Id", "Leader", "RangeBase")
        return now.keys() == before.keys() and all(
            now[path][name].get(key) == value for path in before for name, values in before[path].items()
            for key, value in values.items() if key in same and path != deaf)

    assert unchanged()
    assert alice.execute(path, "echo", "x")[0] == "x\n"
    # What comes later is later, whatever the clock says: operations are counted.
    alice.delete(alice.create("later"))
    for number in signal.SIGTERM, signal.SIGKILL:
        world.restart(number)
        assert unchanged() and alice.get(ROOT, MANAGER, "Degraded") is False
        assert alice.execute(path, "echo", "x")[0] == "x\n"
        assert held in [entry[0] for entry in alice.manager("ListRanges")[0]]
        clock.move(0)
    assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "next", "busybox", {}) == ""

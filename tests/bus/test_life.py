# SPDX-License-Identifier: LGPL-2.1-or-later
"""A container's life through the bus, as an ordinary user and with control groups of our own making."""

from wire import CONTAINER, wait


def test_LIFE_one_container_from_create_to_delete(world, alice):
    path = alice.create("one", command=["sleep", "1000"])
    assert alice.state(path) == "stopped"
    alice.start(path)
    assert alice.state(path) == "running"
    output, status = alice.execute(path, "id", "-u")
    assert (output, status) == ("0\n", (0, 0))
    alice.stop(path)
    assert alice.state(path) in ("stopped", "failed")
    alice.delete(path)
    assert path not in alice.managed()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images that are written into an archive: what that costs whom."""

import os

import archives
from conftest import ALICE
from test_images import start_import
from wire import IMAGE


def test_IMAGE_export_counts_as_long_as_it_is_read(fresh_world):
    """Who removes an image while a pipe that nobody reads still holds it has no room for another one."""
    data = archives.with_files({"big": os.urandom(3 * 1024 * 1024)})
    other = archives.with_files({"big": os.urandom(3 * 1024 * 1024)})
    world = fresh_world(config="[Quota]\nImageBytes=5242880\n")
    alice = world.client(ALICE)
    with archives.temporary(data) as file:
        image = alice.finish(start_import(alice, file, alias="one"))["Object"]
    reader, writer = os.pipe()
    operation, = alice.call(image, IMAGE, "Export", "(ha{sv})", 0, {}, fds=[writer])
    os.close(writer)
    alice.call(image, IMAGE, "Remove")
    with archives.temporary(other) as file:
        refused = alice.finish(start_import(alice, file, alias="two"))
    assert "Exceeded" in refused["Failure"], refused
    os.close(reader)
    assert alice.finish(operation)["Phase"] == "failed"
    with archives.temporary(other) as file:
        assert alice.finish(start_import(alice, file, alias="two"))["Failure"] == ""

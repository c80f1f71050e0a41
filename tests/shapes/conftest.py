# SPDX-License-Identifier: LGPL-2.1-or-later
"""The throwaway host, and images of real programs in it."""

import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "host"))

from host.conftest import Host, staged  # noqa: E402
from shape import Shape, made, write_image  # noqa: E402
from tools import nothing_left, tidy_up  # noqa: E402


@pytest.fixture(scope="session")
def host():
    host = Host(stage=staged())
    yield host
    host.halt()


@pytest.fixture(scope="session")
def images(host):
    """Names of the images that were made. They stay to the end, so that what they share is unpacked once."""
    names = []
    yield names
    for name in names:
        host.run("alice", "bothy", "image", "delete", name, check=True)
    nothing_left(host, 60)


@pytest.fixture
def shape(host, images):
    """Makes an image of alice's of Debian's packages, and runs it: shape("nginx", ["base", "nginx"], entries, Cmd=...) with entries
    as bundles.tar() takes them, for a layer on top, and what docker's configuration says."""
    def make(name, layers, entries=(), **settings):
        file = host.root / f"tmp/{name}.tar"
        write_image(file, [made(layer, *layers[:i]) for i, layer in enumerate(layers)], entries, settings)
        try:
            host.run("alice", f"bothy image import --alias {name} /tmp/{name}.tar", check=True, timeout=300)
        finally:
            file.unlink()
        if name not in images:
            images.append(name)
        return Shape(host, name)

    yield make
    tidy_up(host)
    host.run("alice", "v=$(bothy volume list -q); [ -z \"$v\" ] || bothy volume delete $v", check=True)

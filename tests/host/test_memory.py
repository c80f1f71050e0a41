# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the service takes does not grow with the images that it gets."""

import hashlib
import io
import json
import pathlib
import sys
import tarfile

from tools import nothing_left

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "bus"))

from imageserver import PRODUCT, VERSION, debian_architecture  # noqa: E402

MIB = 1 << 20
DATA = 48 * MIB  # what one process may have of its own, stacks of threads included
LARGE = 400 * MIB
MANY = 50000
UNITS = ("bothyd", "bothy-helper", "bothy-fetch@", "bothy-supervisor@")


def large(path):
    """A root with one file of zeros; on the disk it takes nothing."""
    with tarfile.open(path, "w") as archive:
        for name, size in (("sbin/init", 10), ("zeros", LARGE)):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = size, 0o755
            archive.addfile(entry, io.BytesIO(b"#!/bin/sh\n") if size == 10 else None)
    with open(path, "r+b") as file:
        file.truncate(file.seek(0, io.SEEK_END) + LARGE + 1024)


def many(path):
    with tarfile.open(path, "w") as archive:
        for i in range(MANY):
            archive.addfile(tarfile.TarInfo(f"data/{i // 1000:03}/a name of some length, as files may have it {i}"))
        archive.addfile(tarfile.TarInfo("sbin/init"))


def offer(directory, archive):
    """A catalogue with the file ARCHIVE, which is too large to have it in memory here."""
    with archive.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(MIB):
            digest.update(block)
    item = {"ftype": "root.tar.xz", "sha256": digest.hexdigest(), "size": archive.stat().st_size, "path": archive.name}
    product = {"aliases": "large", "arch": debian_architecture(), "os": "Debian", "release": "trixie",
               "variant": "default", "versions": {VERSION: {"items": {"root": item}}}}
    streams = directory / "streams/v1"
    streams.mkdir(parents=True)
    (streams / "index.json").write_text(json.dumps({"format": "index:1.0", "index": {"images": {
        "datatype": "image-downloads", "path": "streams/v1/images.json", "format": "products:1.0"}}}))
    (streams / "images.json").write_text(json.dumps({
        "content_id": "images", "datatype": "image-downloads", "format": "products:1.0", "products": {PRODUCT: product}}))


def test_memory_does_not_grow_with_images(fresh_host):
    host = fresh_host()
    for unit in UNITS:
        drop_in = host.root / f"etc/systemd/system/{unit}.service.d/memory.conf"
        drop_in.parent.mkdir(parents=True)
        drop_in.write_text(f"[Service]\nLimitDATA={DATA}\n")
    images = host.root / "srv/images"
    images.mkdir()
    large(images / "large.tar")
    many(images / "many.tar")
    offer(images, images / "large.tar")
    host.run("root", "systemctl daemon-reload; systemctl restart bothyd bothy-helper", check=True)
    assert host.output("root", "grep 'data size' /proc/$(pgrep -x bothyd)/limits").split()[3] == str(DATA)
    host.run("root", "systemd-run", "--unit", "imageserver", "python3", "-m", "http.server", "--bind", "127.0.0.1",
             "--directory", "/srv/images", "8099", check=True)
    host.run("root", "until ss -tln | grep -q :8099; do sleep 0.1; done", check=True)
    host.run("root", "bothy remote add aaa http://127.0.0.1:8099", check=True)
    for command in ("pull aaa:large", "import /srv/images/large.tar --alias large", "import /srv/images/many.tar --alias many"):
        done = host.run("alice", f"bothy image {command}", timeout=300)
        assert done.returncode == 0, (command, done.stderr)
        host.run("alice", "bothy image list --quiet | grep -v busybox | xargs bothy image delete", check=True)
    nothing_left(host, 60)

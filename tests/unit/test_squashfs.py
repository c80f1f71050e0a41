# SPDX-License-Identifier: LGPL-2.1-or-later
"""bothy-unpack with squashfs file systems, good and hostile. Nothing is mounted."""

import os
import shutil
import stat
import struct
import subprocess

import pytest

from helping import NEUTRAL, own_mounts  # noqa: F401
from test_unpack import listing, tree, unpack, unpacker  # noqa: F401
from test_unpack import pytestmark  # noqa: F401
from unpacking import ARCHIVE, BAD_ARCHIVE, LIMIT_EXCEEDED, OK

V2 = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)  # cap_net_raw=ep
DEVICES = ("etc/null", "etc/loop")


@pytest.fixture
def source(tmp_path):
    """A tree with what an image may have, and with what is left out."""
    top = tmp_path / "source"
    (top / "usr/bin").mkdir(parents=True)
    (top / "etc").mkdir()
    (top / "etc/os-release").write_text("ID=squashed\n")
    (top / "usr/bin/tool").write_bytes(os.urandom(700000))
    os.link(top / "usr/bin/tool", top / "usr/bin/tool2")
    os.link(top / "usr/bin/tool", top / "etc/tool3")
    os.symlink("usr/bin", top / "bin")
    os.symlink("../../../../etc/shadow", top / "etc/out")
    os.mkfifo(top / "etc/fifo", 0o640)
    os.mknod(top / "etc/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod(top / "etc/loop", stat.S_IFBLK | 0o660, os.makedev(7, 0))
    with open(top / "etc/sparse", "wb") as file:
        file.write(b"a" * 5000)
        file.truncate(9 << 20)
    (top / "etc/empty").touch()
    (top / ("n" * 255)).write_text("long")
    deep = top / "/".join(["d" * 100] * 12)
    deep.mkdir(parents=True)
    (deep / "file").write_text("deep")
    for i, name in enumerate([b"latin-\xe9", b"new\nline", b" ", b"back\\slash"]):
        with open(os.path.join(os.fsencode(top), name), "w") as file:
            file.write(str(i))
    many = top / "many"
    many.mkdir(mode=0o2775)
    for i in range(1500):
        (many / f"{i:04}").write_text(str(i))
    os.chown(many, 1000, 65535)
    os.chmod(many, 0o2775)
    os.chown(top / "usr/bin/tool", 33, 44)
    os.chmod(top / "usr/bin/tool", 0o6755)
    os.setxattr(top / "usr/bin/tool", "user.note", b"\0\1\2")
    (top / "usr/bin/ping").write_bytes(b"#!/bin/true\n")
    os.setxattr(top / "usr/bin/ping", "security.capability", V2)
    os.setxattr(top / "etc", "user.directory", b"x" * 3000)
    os.setxattr(top / "etc/empty", "trusted.overlay.opaque", b"y")
    os.setxattr(top / "etc/empty", "user.overlay.redirect", b"/etc/shadow")
    for path, directories, files in os.walk(top):
        for name in files + directories:
            os.utime(os.path.join(path, name), ns=(0, 1234567890 * 10**9), follow_symlinks=False)
        os.utime(path, ns=(0, 1500000000 * 10**9))
    return top


def squash(source, target, *options):
    subprocess.run(["mksquashfs", source, target, "-quiet", "-no-progress", "-noappend", "-xattrs", *options], check=True)
    return target.read_bytes()


@pytest.mark.parametrize("options", [("-comp", c) for c in ("gzip", "xz", "zstd", "lz4")] +
                         [("-noI", "-noD", "-noF", "-noX"), ("-no-fragments", "-b", "4096"), ("-b", "1M", "-no-xattrs")],
                         ids=" ".join)
def test_same_as_its_source(unpacker, tree, source, tmp_path, options):  # noqa: F811
    data = squash(source, tmp_path / "image", *options)
    result = unpack(unpacker, tree, data)
    assert result.error == OK, result
    assert result.os_release == "ID=squashed\n"
    ours, theirs = listing(tree, NEUTRAL), listing(source)
    assert result.skipped == len(DEVICES)
    for name in DEVICES:
        del theirs[name]
    kept = {"etc": {"user.directory": b"x" * 3000}, "etc/tool3": {"user.note": b"\0\1\2"},
            "usr/bin/tool": {"user.note": b"\0\1\2"}, "usr/bin/tool2": {"user.note": b"\0\1\2"}}
    theirs = {name: (*values[:-1], kept.get(name, {}) if "-no-xattrs" not in options else {})
              for name, values in theirs.items()}
    assert set(ours) == set(theirs)
    assert {name: (ours[name], theirs[name]) for name in ours if ours[name] != theirs[name]} == {}
    assert os.stat(tree + "/etc/sparse").st_blocks * 512 < 2 << 20
    assert os.stat(tree + "/usr/bin/tool").st_ino == os.stat(tree + "/etc/tool3").st_ino
    if "-no-xattrs" not in options:
        value = os.getxattr(tree + "/usr/bin/ping", "security.capability")
        assert len(value) == 24 and value[3] == 3 and struct.unpack("<I", value[20:])[0] == NEUTRAL


def test_compression_that_the_library_does_not_have(unpacker, tree, source, tmp_path):  # noqa: F811
    """Debian's does without lzo; whoever has another one may well have it."""
    result = unpack(unpacker, tree, squash(source, tmp_path / "image", "-comp", "lzo"))
    assert result.error == OK or (result.error == BAD_ARCHIVE and b"compression that is not known" in result.text), result


def test_from_a_pipe(unpacker, tree, source, tmp_path):  # noqa: F811
    data = squash(source, tmp_path / "image")
    with subprocess.Popen(["cat", tmp_path / "image"], stdout=subprocess.PIPE) as cat:
        result = unpacker.run(ARCHIVE, tree, cat.stdout.fileno())
    assert result.error == OK and result.bytes_in == len(data), result


def test_img_02_squashfs_bounds(unpacker, tree, source, tmp_path):  # noqa: F811
    data = squash(source, tmp_path / "image")
    for limits in ({"max_bytes": 800000}, {"max_bytes": 1000}, {"max_inodes": 100}):
        assert unpack(unpacker, tree, data, **limits).error == LIMIT_EXCEEDED
    with open(source / "etc/bomb", "wb") as file:
        for _ in range(64):
            file.write(b"x" * (1 << 20))
    bomb = squash(source, tmp_path / "image")
    assert len(bomb) < 2 << 20
    result = unpack(unpacker, tree, bomb, max_bytes=8 << 20)
    assert result.error == LIMIT_EXCEEDED, result


def test_img_03_squashfs_truncated(unpacker, tree, source, tmp_path):  # noqa: F811
    shutil.rmtree(source / "many")
    data = squash(source, tmp_path / "image", "-nopad")
    for cut in sorted({*range(0, len(data), 65536), 1, 3, 4, 50, 95, 96, 97, len(data) - 1}):
        result = unpack(unpacker, tree, data[:cut])
        assert result.error == BAD_ARCHIVE and result.text, (cut, result)
    assert unpack(unpacker, tree, data).error == OK


def test_img_03_squashfs_bit_flips(unpacker, tree, source, tmp_path):  # noqa: F811
    """Content has no digest of its own; what matters is that there is an answer, and nothing outside."""
    shutil.rmtree(source / "many")
    data = squash(source, tmp_path / "image", "-noI", "-noX")
    refused = 0
    for position in [*range(0, 96, 3), *range(len(data) - 8000, len(data) - 16, 97)]:
        damaged = bytearray(data)
        damaged[position] ^= 0x41
        result = unpack(unpacker, tree, bytes(damaged), max_bytes=64 << 20, max_seconds=20)
        refused += result.error != OK
        subprocess.run(["find", tree, "-mindepth", "1", "-delete"], check=True)
    assert refused > 20


@pytest.mark.parametrize("name", [b"..", b"../x", b"a/b", b".", b"x\0y"])
def test_img_01_squashfs_names(unpacker, tree, tmp_path, name):  # noqa: F811
    """A name that no file has, put into the table of a directory."""
    source = tmp_path / "source"
    (source / "etc").mkdir(parents=True)
    placeholder = b"Z" * len(name) if len(name) > 2 else b"QZ"[:len(name)]
    (source / "etc" / placeholder.decode()).write_text("evil")
    data = squash(source, tmp_path / "image", "-noI", "-no-fragments")
    header = struct.pack("<H", len(name) - 1) + placeholder
    assert data.count(header) == 1
    result = unpack(unpacker, tree, data.replace(header, header[:2] + name))
    assert result.error == BAD_ARCHIVE and result.text, result
    assert not (tmp_path / "x").exists()


def test_img_01_squashfs_owner_out_of_range(unpacker, tree, source, tmp_path):  # noqa: F811
    os.chown(source / "etc/empty", 65536, 0)
    result = unpack(unpacker, tree, squash(source, tmp_path / "image"))
    assert result.error == BAD_ARCHIVE and b"65536" in result.text, result


def test_img_01_squashfs_loop(unpacker, tree, tmp_path):  # noqa: F811
    """A directory in itself, through the inode that its entry points to."""
    source = tmp_path / "source"
    (source / "etc/loop/below").mkdir(parents=True)
    data = bytearray(squash(source, tmp_path / "image", "-noI", "-noX"))
    # Entry: offset of the inode in its block, difference of the number, type, size of the name - 1, name.
    below, loop = data.index(b"below") - 8, data.index(b"loop") - 8
    data[below:below + 2] = data[loop:loop + 2]
    result = unpack(unpacker, tree, bytes(data))
    assert result.error != OK, result

# SPDX-License-Identifier: LGPL-2.1-or-later
"""bothy-unpack with good, odd and hostile archives. Needs root and BOTHY_LIBEXEC_DIR, with bothy-helper beside it."""

import bz2
import gzip
import hashlib
import io
import lzma
import os
import shutil
import stat
import struct
import subprocess
import tarfile
import time

import pytest

from helping import LIBEXEC, NEUTRAL, gone, own_mounts, status  # noqa: F401
from unpacking import (
    IS_CHECKED, HAS_SQUASHED, SQUASH_OWNERS,
    ARCHIVE, BAD_ARCHIVE, BUSYBOX, LAYER, LIMIT_EXCEEDED, NO_SPACE, NOT_STATIC, OK, REMOVE, Unpacker,
    make_tree,
)

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not os.access(os.path.join(LIBEXEC, "bothy-unpack"), os.X_OK),
    reason="needs root and BOTHY_LIBEXEC_DIR",
)


@pytest.fixture(scope="module")
def unpacker(own_mounts):  # noqa: F811
    u = Unpacker()
    yield u
    u.close()


@pytest.fixture
def tree(tmp_path):
    return make_tree(str(tmp_path / "tree"))


def member(name, kind=tarfile.REGTYPE, data=b"", **fields):
    info = tarfile.TarInfo(name)
    info.type = kind
    info.size = len(data) if kind == tarfile.REGTYPE else 0
    info.mode = fields.pop("mode", 0o755 if kind == tarfile.DIRTYPE else 0o644)
    info.mtime = fields.pop("mtime", 1000000000)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def directory(name, **fields):
    return member(name, tarfile.DIRTYPE, **fields)


def symlink(name, target, **fields):
    return member(name, tarfile.SYMTYPE, linkname=target, **fields)


def hard_link(name, target):
    return member(name, tarfile.LNKTYPE, linkname=target)


BASE = [directory("./"), directory("./etc"), member("./etc/os-release", data=b"ID=test\n")]


def tar(members, format=tarfile.PAX_FORMAT, base=True, errors="surrogateescape"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format, errors=errors) as archive:
        for info, data in (BASE if base else []) + members:
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def unpack(unpacker, tree, data, mode=ARCHIVE, **limits):
    fd = os.memfd_create("archive")
    os.write(fd, data) if len(data) < 1 << 20 else os.fdopen(os.dup(fd), "wb").write(data)
    os.lseek(fd, 0, os.SEEK_SET)
    try:
        return unpacker.run(mode, tree, fd, **limits)
    finally:
        os.close(fd)


def listing(tree, shift=0):
    """Everything that is to be the same, by path."""
    found = {}
    for path, names, files in os.walk(tree):
        for name in [""] + files + [n for n in names if os.path.islink(os.path.join(path, n))]:
            full = os.path.join(path, name) if name else path
            st = os.lstat(full)
            xattrs = {} if stat.S_ISLNK(st.st_mode) else {
                a: os.getxattr(full, a) for a in os.listxattr(full) if a != "security.capability"
            }
            content = None
            if stat.S_ISREG(st.st_mode):
                with open(full, "rb") as f:
                    content = hashlib.sha256(f.read()).hexdigest()
            elif stat.S_ISLNK(st.st_mode):
                content = os.readlink(full)
            found[os.path.relpath(full, tree)] = (
                st.st_mode, st.st_uid - shift, st.st_gid - shift, st.st_mtime_ns,
                st.st_nlink if not stat.S_ISDIR(st.st_mode) else 0, content, xattrs,
            )
    return found


# ---- good archives


def test_same_as_tar(unpacker, tree, tmp_path):
    source = tmp_path / "source"
    (source / "usr/bin").mkdir(parents=True)
    (source / "etc").mkdir()
    (source / "etc/os-release").write_text("ID=odd\nNAME=x\n")
    (source / "usr/bin/tool").write_bytes(os.urandom(300000))
    os.chmod(source / "usr/bin/tool", 0o4755)
    os.setxattr(source / "usr/bin/tool", "user.note", b"\0\1\2")
    os.link(source / "usr/bin/tool", source / "usr/bin/tool2")
    os.symlink("usr/bin", source / "bin")
    os.symlink("/etc/os-release", source / "etc/absolute")
    os.mkfifo(source / "etc/fifo", 0o640)
    with open(source / "etc/sparse", "wb") as f:
        f.write(b"a" * 4096)
        f.seek(3 << 20)
        f.write(b"b" * 5000)
        f.truncate(9 << 20)
    (source / "etc/empty").touch()
    (source / ("n" * 255)).write_text("long")
    deep = source / "/".join(["d" * 100] * 12)
    os.makedirs(deep)
    (deep / "file").write_text("deep")
    for i, name in enumerate([b"latin-\xe9", "utf-\N{SNOWMAN}".encode(), b"new\nline", b" ", b"back\\slash"]):
        with open(os.path.join(os.fsencode(source), name), "w") as f:
            f.write(str(i))
    os.mkdir(source / "shut", 0)
    (source / "shut/in").write_text("x")
    os.chmod(source / "shut", 0)
    os.mkdir(source / "sgid", 0o2775)
    os.chown(source / "sgid", 1000, 65535)
    os.chmod(source / "sgid", 0o7775)
    (source / "sgid/plain").write_text("root's")
    os.chown(source / "usr/bin/tool", 33, 44)
    os.chmod(source / "usr/bin/tool", 0o6755)
    os.utime(source / "etc/empty", ns=(0, -5 * 10**9))
    for path, _, files in os.walk(source):
        for name in files:
            if (len(name) % 3) == 0:
                os.utime(os.path.join(path, name), ns=(0, 123456789012345678), follow_symlinks=False)
        os.utime(path, ns=(0, 1500000000123456789))
    for format in ("gnu", "pax"):
        archive = tmp_path / f"{format}.tar"
        subprocess.run(
            ["tar", "-cpSf", archive, f"--format={format}", "--xattrs", "--numeric-owner", "-C", source, "."], check=True
        )
        result = unpacker.run(ARCHIVE, tree, archive)
        assert result.error == OK, result
        assert result.os_release == "ID=odd\nNAME=x\n" and result.architecture == "unknown"
        assert result.bytes_in == archive.stat().st_size
        expected = tmp_path / f"expected-{format}"
        expected.mkdir()
        subprocess.run(["tar", "-xpf", archive, "--xattrs", "--numeric-owner", "-C", expected], check=True)
        ours, theirs = listing(tree, NEUTRAL), listing(expected)
        assert set(ours) == set(theirs)
        assert {k: (ours[k], theirs[k]) for k in ours if ours[k] != theirs[k]} == {}
        assert os.stat(tree + "/etc/sparse").st_blocks * 512 < 2 << 20
        # over an existing tree: the same again
        assert unpacker.run(ARCHIVE, tree, archive).error == OK
        assert listing(tree, NEUTRAL) == theirs
        assert unpacker.run(REMOVE, tree, 0).error == OK


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, "zstd"], ids=["gzip", "bzip2", "xz", "zstd"])
def test_compressors_and_members(unpacker, tree, compress):
    if compress == "zstd":
        def compress(data):
            return subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True).stdout
    data = tar([member("etc/big", data=os.urandom(100000))])
    whole = compress(data)
    parts = compress(data[:50000]) + compress(data[50000:])
    for archive in (whole, parts):
        result = unpack(unpacker, tree, archive)
        assert result.error == OK, result
        assert os.path.getsize(tree + "/etc/big") == 100000


def test_all_is_read_that_follows(unpacker, tree):
    data = gzip.compress(tar([])) + b"\0" * 700000
    result = unpack(unpacker, tree, data)
    assert result.error == OK and result.bytes_in == len(data), result


def test_from_a_slow_pipe_with_progress(unpacker, tree):
    read, write = os.pipe()
    data = tar([member("etc/f%d" % i, data=os.urandom(1000)) for i in range(300)])
    started = unpacker.start(ARCHIVE, tree, read)
    os.close(read)
    for i in range(0, len(data), 40000):
        os.write(write, data[i : i + 40000])
        time.sleep(0.03)
    os.close(write)
    assert unpacker.finish(started).error == OK


def test_cancelled_by_closing(unpacker, tree):
    read, write = os.pipe()
    connection, pidfd, pid = unpacker.start(ARCHIVE, tree, read)
    os.close(read)
    os.write(write, tar([])[:1024])
    time.sleep(0.1)
    connection.close()
    assert gone(pid)
    os.close(pidfd)
    os.close(write)


def test_confined_while_it_runs(unpacker, tree):
    read, write = os.pipe()
    connection, pidfd, pid = unpacker.start(ARCHIVE, tree, read)
    time.sleep(0.3)
    s = status(pid)
    wanted = sum(1 << c for c in (0, 1, 3, 4, 31))  # CHOWN DAC_OVERRIDE FOWNER FSETID SETFCAP
    assert int(s["CapEff"], 16) == int(s["CapPrm"], 16) == int(s["CapBnd"], 16) == wanted
    assert int(s["CapInh"], 16) == 0
    assert s["NoNewPrivs"] == "1" and s["Seccomp"] == "2"
    assert s["Uid"] == "\t".join([str(NEUTRAL)] * 4)
    assert os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net")
    connection.close()
    os.close(write)
    os.close(read)
    assert gone(pid)
    os.close(pidfd)


def test_nothing_is_written_through_a_mount(unpacker, tree, tmp_path):
    """What is mounted in the tree is another's: an archive that leads there ends."""
    elsewhere = make_tree(str(tmp_path / "elsewhere"))
    os.mkdir(tree + "/etc")
    os.chown(tree + "/etc", NEUTRAL, NEUTRAL)
    subprocess.run(["mount", "--bind", elsewhere, tree + "/etc"], check=True)
    try:
        result = unpack(unpacker, tree, tar([directory("etc"), member("etc/file", data=b"x")]))
        assert result.error != OK and os.listdir(elsewhere) == [], result
    finally:
        subprocess.run(["umount", tree + "/etc"], check=True)


# ---- IMG-01: hostile entries


@pytest.mark.parametrize(
    "name", ["../out", "a/../../out", "./../out", "etc/..", "/../out", "..", "etc/../../../../../../tmp/out"]
)
@pytest.mark.parametrize("kind", ["file", "directory", "symlink", "hard link", "hard link target"])
def test_img_01_dotdot_is_refused(unpacker, tree, name, kind):
    entry = {
        "file": member(name), "directory": directory(name), "symlink": symlink(name, "x"),
        "hard link": hard_link(name, "etc/os-release"), "hard link target": hard_link("etc/x", name),
    }[kind]
    result = unpack(unpacker, tree, tar([entry]))
    assert result.error == BAD_ARCHIVE and b".." in result.text, result
    assert os.listdir(os.path.dirname(tree)) == ["tree"]


def test_img_01_absolute_names_and_links_stay_inside(unpacker, tree, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o777)
    os.chown(outside, NEUTRAL, NEUTRAL)
    (outside / "secret").write_text("secret")
    victim = str(outside)
    result = unpack(unpacker, tree, tar([
        member("/etc/absolute", data=b"1"),
        directory(victim.lstrip("/")),
        symlink("to-host", victim),
        member("to-host/planted", data=b"2"),
        symlink("climb", "../" * 30 + victim.lstrip("/")),
        member("climb/planted2", data=b"3"),
        symlink("etc/hosts", "/etc/hosts"),
        member("etc/hosts", data=b"mine"),
    ]))
    assert result.error == OK, result
    assert sorted(os.listdir(outside)) == ["secret"]
    assert sorted(os.listdir(tree + victim)) == ["planted", "planted2"]
    with open(tree + "/etc/hosts") as f:
        assert f.read() == "mine" and not os.path.islink(tree + "/etc/hosts")


def test_img_01_hard_links_cannot_reach_out(unpacker, tree, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("x")
    os.chown(victim, NEUTRAL, NEUTRAL)
    for members in (
        [hard_link("etc/l", str(victim))],
        [hard_link("etc/l", "/etc/shadow")],
        [symlink("up", "/"), hard_link("etc/l", "up" + str(victim))],
        [symlink("up", "../../.."), hard_link("etc/l", "up/victim")],
    ):
        result = unpack(unpacker, tree, tar(members))
        assert result.error == BAD_ARCHIVE and b"etc/l" in result.text, result
    assert os.stat(victim).st_nlink == 1
    # A link to a symbolic link names the symbolic link.
    result = unpack(unpacker, tree, tar([symlink("etc/s", str(victim)), hard_link("etc/l", "etc/s"), member("etc/l", data=b"y")]))
    assert result.error == OK and victim.read_text() == "x", result


def test_img_01_loops_and_odd_parents(unpacker, tree):
    for members in (
        [symlink("a", "b"), symlink("b", "a"), member("a/x")],
        [symlink("self", "self/x"), member("self/x")],
        [member("file"), symlink("a", "file"), member("a/x")],
        [symlink("a", "long/" * 800), symlink("long", "a/a"), member("a/x")],
    ):
        result = unpack(unpacker, tree, tar(members))
        assert result.error != OK and result.text, result
        assert unpacker.run(REMOVE, tree, 0).error == OK


def test_removing_takes_turns(unpacker, tree):
    """So that nobody's large tree is in the way of others'; each turn gets on."""
    for i in range(30):
        os.makedirs(f"{tree}/d{i}/deep/er")
        open(f"{tree}/d{i}/deep/er/f", "w").close()
    subprocess.run(["chown", "-R", f"{NEUTRAL}:{NEUTRAL}", tree], check=True)
    turns, more = 0, 1 << 6
    while more:
        before = sum(len(names) + len(files) for _, names, files in os.walk(tree))
        result = unpacker.run(REMOVE, tree, 0, max_inodes=20)
        more = result.flags & 1 << 6
        left = sum(len(names) + len(files) for _, names, files in os.walk(tree))
        assert result.error == OK and left < before, result
        turns += 1
    assert turns > 4 and os.listdir(tree) == []
    # Without a bound it is one.
    os.makedirs(f"{tree}/a/b/c")
    subprocess.run(["chown", "-R", f"{NEUTRAL}:{NEUTRAL}", tree], check=True)
    result = unpacker.run(REMOVE, tree, 0, max_inodes=0)
    assert result.error == OK and not result.flags and os.listdir(tree) == []


@pytest.mark.parametrize("members, wanted", [
    ([member("file"), member("file/x")], ["file/x"]),
    ([symlink("a", "nowhere"), member("a/x")], ["a", "nowhere/x"]),
    ([symlink("a", "../../../tmp/no/where"), member("a/x")], ["a", "tmp/no/where/x"]),
    ([directory("full"), member("full/x"), symlink("full", "/etc")], ["full"]),
], ids=["a file", "a link", "a link that goes up", "a full directory"])
def test_img_01_what_is_on_the_way(unpacker, tree, members, wanted):
    """The later entry counts, and whatever a link says, nothing is made outside of the tree."""
    result = unpack(unpacker, tree, tar(members))
    assert result.error == OK, result
    assert sorted(set(listing(tree)) - {".", "etc", "etc/os-release"} - {os.path.dirname(name) for name in wanted}
                  - {"tmp", "tmp/no"}) == wanted
    assert not os.path.lexists("/tmp/no")


def test_img_01_directory_becomes_symlink_in_the_middle(unpacker, tree, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o777)
    os.chown(outside, NEUTRAL, NEUTRAL)
    result = unpack(unpacker, tree, tar([
        directory("d", mode=0o777, mtime=5), symlink("d", str(outside)), directory(str(outside).lstrip("/")), member("d/x"),
    ]))
    assert result.error == OK, result
    assert os.listdir(outside) == [] and os.stat(outside).st_mtime != 5 and os.path.islink(tree + "/d")


def test_img_01_devices_are_skipped_and_counted(unpacker, tree):
    result = unpack(unpacker, tree, tar([
        member("dev/null", tarfile.CHRTYPE, devmajor=1, devminor=3),
        member("dev/sda", tarfile.BLKTYPE, devmajor=8),
        member("etc/whiteout", tarfile.CHRTYPE, devmajor=0, devminor=0),
    ]))
    assert result.error == OK and result.skipped == 3, result
    assert sorted(os.listdir(tree + "/etc")) == ["os-release"]


@pytest.mark.parametrize("uid, gid", [(65536, 0), (0, 65536), (2**32, 0), (2**32 - 1, 0), (-1, 0), (NEUTRAL, NEUTRAL)])
def test_img_01_owners_out_of_range_are_refused(unpacker, tree, uid, gid):
    result = unpack(unpacker, tree, tar([member("etc/mine", uid=uid, gid=gid)], format=tarfile.GNU_FORMAT))
    assert result.error == BAD_ARCHIVE and b"etc/mine" in result.text and b"--squash-owners" in result.text, result
    assert result.flags & HAS_SQUASHED == 0


@pytest.mark.parametrize("mode", [ARCHIVE, LAYER])
def test_img_01_owners_out_of_range_become_nobody(unpacker, tree, mode):
    """Who asks for that. What has ids that there are keeps them, each by itself."""
    entries = [directory("etc", uid=1234567890, gid=7), member("etc/mine", uid=65536, gid=5000000000, mode=0o4755), member("etc/last", uid=65535, gid=65535),
               symlink("etc/link", "mine", uid=1 << 20), hard_link("etc/hard", "etc/mine")]
    result = unpack(unpacker, tree, tar(entries, format=tarfile.GNU_FORMAT), mode=mode, flags=SQUASH_OWNERS)
    assert result.error == OK and result.flags & HAS_SQUASHED, result
    owners = {name: (st.st_uid - NEUTRAL, st.st_gid - NEUTRAL, st.st_mode & 0o7777)
              for name in ("", "mine", "last", "link", "hard") for st in [os.lstat(f"{tree}/etc/{name}")]}
    assert owners[""][:2] == (65534, 7) and owners["mine"] == owners["hard"] == (65534, 65534, 0o4755)
    assert owners["last"][:2] == (65535, 65535) and owners["link"][:2] == (65534, 0)


def test_img_01_who_asks_to_squash_needs_not(unpacker, tree):
    result = unpack(unpacker, tree, tar([member("etc/mine", uid=5)]), flags=SQUASH_OWNERS)
    assert result.error == OK and result.flags & HAS_SQUASHED == 0 and os.stat(tree + "/etc/mine").st_uid == NEUTRAL + 5


def test_a_directory_that_is_called_a_file(unpacker, tree):
    """As old tars wrote it: type 0, no content, a slash at the end. tar(1) and Go's reader make directories of them."""
    slash = tarfile.TarInfo("etc/x/")
    slash.mode, slash.uid, slash.mtime = 0o750, 7, 1000000000
    root = tarfile.TarInfo("./")
    root.mode = 0o711
    whole = tarfile.TarInfo("/")
    result = unpack(unpacker, tree, raw_tar([root, whole, slash, member("etc/x/in", data=b"in")[0]], {"etc/x/in": b"in"}))
    assert result.error == OK, result
    st = os.stat(tree + "/etc/x")
    assert (stat.S_ISDIR(st.st_mode), stat.S_IMODE(st.st_mode), st.st_uid - NEUTRAL, st.st_mtime) == (True, 0o750, 7, 1000000000)
    assert open(tree + "/etc/x/in", "rb").read() == b"in" and stat.S_IMODE(os.stat(tree).st_mode) == 0o711


def raw_tar(entries, contents):
    """Headers as they are: tarfile would make a directory of what ends in a slash itself, and takes the slash away."""
    data = b""
    for info in entries:
        header = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
        name = info.name.encode()
        header[: 100] = name.ljust(100, b"\0")
        content = contents.get(info.name, b"")
        header[124:136] = b"%011o\0" % len(content)
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header[:512])
        data += bytes(header[:512]) + content.ljust(-(-len(content) // 512) * 512, b"\0")
    return data + b"\0" * 1024


def test_img_01_attributes_that_no_image_may_set(unpacker, tree):
    names = ["user.overlay.redirect", "user.overlay.opaque", "user.overlay.metacopy", "trusted.overlay.opaque",
             "security.selinux", "security.ima", "system.data", "user.fine"]
    result = unpack(unpacker, tree, tar([
        member("etc/x", pax_headers={"SCHILY.xattr." + n: "v" for n in names}),
        directory("etc/d", pax_headers={"SCHILY.xattr." + n: "v" for n in names}),
    ]))
    assert result.error == OK, result
    assert os.listxattr(tree + "/etc/x") == os.listxattr(tree + "/etc/d") == ["user.fine"]


def test_img_01_file_capabilities_and_acls(unpacker, tree):
    v2 = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)
    headers = {"SCHILY.xattr.security.capability": v2.decode("latin-1")}
    result = unpack(unpacker, tree, tar([
        member("etc/ping", uid=5, mode=0o755, pax_headers=headers),
        member("etc/acl", pax_headers={"SCHILY.acl.access": "user::rw-,user:1000:r--,group::r--,mask::r--,other::---"}),
        directory("etc/dacl", pax_headers={"SCHILY.acl.default": "user::rwx,group::r-x,group:7:rwx,mask::rwx,other::---"}),
        member("etc/dacl/child", mode=0o644),
        member("etc/named", mode=0o640, pax_headers={"SCHILY.acl.access": "user::rw-,user:someone:rw-,group::r--,mask::rw-,other::---"}),
    ]))
    assert result.error == OK, result
    value = os.getxattr(tree + "/etc/ping", "security.capability")
    assert len(value) == 24 and value[3] == 3 and struct.unpack("<I", value[20:])[0] == NEUTRAL
    acl = os.getxattr(tree + "/etc/acl", "system.posix_acl_access")
    assert struct.unpack("<HHI", acl[12:20]) == (2, 4, NEUTRAL + 1000)
    assert os.getxattr(tree + "/etc/dacl", "system.posix_acl_default")
    assert os.listxattr(tree + "/etc/dacl/child") == [] and os.listxattr(tree + "/etc/named") == []


V2 = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 1 << 2, 0)


@pytest.mark.parametrize("value,high", [
    (struct.pack("<III", 0x01000001, 1 << 13, 0), 0), (V2, 1 << 2), (struct.pack("<I", 0x03000001) + V2[4:] + struct.pack("<I", 0), 1 << 2),
    (struct.pack("<I", 0x03000001) + V2[4:] + struct.pack("<I", 100000), 1 << 2),
    (struct.pack("<I", 0x03000001) + V2[4:] + struct.pack("<I", 4294967294), 1 << 2)], ids=["v1", "v2", "v3", "v3 of another root", "v3 of nobody"])
def test_file_capabilities_of_every_version(unpacker, tree, value, high):
    """They hold for root of the container, whoever was root where the image was built."""
    result = unpack(unpacker, tree, tar([member("etc/ping", mode=0o755, pax_headers={"SCHILY.xattr.security.capability": value.decode("utf-8", "surrogateescape")})]))
    assert result.error == OK, result
    assert struct.unpack("<IIIIII", os.getxattr(tree + "/etc/ping", "security.capability")) == (0x03000001, 1 << 13, 0, high, 0, NEUTRAL)


@pytest.mark.parametrize("value", [b"", b"\1", struct.pack("<I", 0x04000001) + V2[4:], V2[:-1], V2 + b"x", struct.pack("<I", 0x01000001) + V2[4:],
                                   struct.pack("<I", 0x03000001) + V2[4:], V2[:12], bytes(24), b"x" * 4000],
                         ids=["nothing", "a byte", "v4", "short", "long", "v1 too long", "v3 without a root", "v2 of v1's size", "zeros", "large"])
def test_file_capabilities_that_are_none_IMG_01(unpacker, tree, value):
    result = unpack(unpacker, tree, tar([member("etc/ping", pax_headers={"SCHILY.xattr.security.capability": value.decode("utf-8", "surrogateescape")})]))
    assert result.error == BAD_ARCHIVE or "security.capability" not in os.listxattr(tree + "/etc/ping"), result


def test_img_01_names_too_long_or_missing(unpacker, tree):
    for name in ("n" * 256, "/".join(["d" * 200] * 21)):
        result = unpack(unpacker, tree, tar([member(name)]))
        assert result.error == BAD_ARCHIVE and b"too long" in result.text, result


def test_img_01_root_that_is_no_directory(unpacker, tree):
    for entry in (member("./"), symlink(".", "/etc"), hard_link("/", "etc/os-release")):
        entry[0].name = entry[0].name.rstrip("/") or "."
        assert unpack(unpacker, tree, tar([entry])).error == BAD_ARCHIVE


def test_os_release_that_would_block_or_lead_out(unpacker, tree):
    for entry in (member("etc/os-release", tarfile.FIFOTYPE), symlink("etc/os-release", "/proc/self/environ"), directory("etc/os-release")):
        result = unpack(unpacker, tree, tar([directory("etc"), entry], base=False))
        assert result.error == OK and result.os_release == "", result
        assert unpacker.run(REMOVE, tree, 0).error == OK


# ---- IMG-02: bombs


def test_img_02_bytes_inodes_and_seconds(unpacker, tree):
    megabyte = member("etc/zero", data=b"\0" * (8 << 20))
    result = unpack(unpacker, tree, gzip.compress(tar([megabyte]), 9), max_bytes=1 << 20)
    assert result.error == LIMIT_EXCEEDED and b"bytes" in result.text and result.bytes_out < 3 << 20, result
    result = unpack(unpacker, tree, tar([member("etc/%d" % i) for i in range(200)]), max_inodes=100)
    assert result.error == LIMIT_EXCEEDED and b"100 files" in result.text, result
    read, write = os.pipe()
    started = time.monotonic()
    result = unpacker.run(ARCHIVE, tree, read, max_seconds=1)
    assert result.error == LIMIT_EXCEEDED and b"1 seconds" in result.text and time.monotonic() - started < 3, result
    os.close(read)
    os.close(write)


def test_img_02_sparse_giant(unpacker, tree, tmp_path):
    giant = tmp_path / "giant"
    with open(giant, "wb") as f:
        f.truncate(2 << 40)
    archive = tmp_path / "a.tar"
    subprocess.run(["tar", "-cSf", archive, "-C", tmp_path, "giant"], check=True)
    result = unpacker.run(ARCHIVE, tree, archive)
    assert result.error == LIMIT_EXCEEDED and b"giant" in result.text, result


def test_img_02_endless_trailer_and_nested_compression(unpacker, tree):
    result = unpack(unpacker, tree, gzip.compress(tar([]) + b"\0" * (80 << 20), 9))
    assert result.error == BAD_ARCHIVE and b"64 MiB" in result.text, result
    result = unpack(unpacker, tree, gzip.compress(gzip.compress(tar([]))))
    assert result.error == BAD_ARCHIVE and b"more than once" in result.text, result


def test_img_02_long_attribute_lists_count(unpacker, tree):
    headers = {"SCHILY.xattr.user.a%d" % i: "v" * 900 for i in range(1000)}
    result = unpack(unpacker, tree, tar([member("etc/x", pax_headers=headers)]), max_bytes=100000)
    assert result.error == LIMIT_EXCEEDED, result


def test_no_space(unpacker, tmp_path):
    small = str(tmp_path / "small")
    os.mkdir(small)
    # In the helper's mount namespace, too: it shares ours.
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=1m,uid={NEUTRAL},gid={NEUTRAL},mode=700", "tmpfs", small], check=True)
    try:
        result = unpack(unpacker, small, tar([member("etc/x", data=b"x" * (4 << 20))]))
        assert result.error == NO_SPACE and b"etc/x" in result.text, result
    finally:
        subprocess.run(["umount", "-l", small], check=True)


# ---- IMG-03: damage


@pytest.mark.parametrize("window", [27, 31])
def test_how_far_zstd_looks_back(unpacker, tree, window):
    data = subprocess.run(["zstd", "-q", "-c", f"--long={window}"], input=tar([]), capture_output=True, check=True).stdout
    result = unpack(unpacker, tree, data)
    assert result.error == (OK if window == 27 else BAD_ARCHIVE), result
    assert window == 27 or b"--long=27" in result.text


@pytest.mark.parametrize("end", [1024, 10240, 512 * 600], ids=["marks", "records", "many"])
def test_archives_one_after_the_other(unpacker, tree, end):
    """As cat makes them: none is lost."""
    parts = [tar([member(f"etc/{i}", data=b"%d" % i * 700)], base=i == 0) for i in range(3)]
    ends = [part.rstrip(b"\0") for part in parts]
    data = b"".join(part + b"\0" * ((-len(part) % 512) + end) for part in ends)
    result = unpack(unpacker, tree, data)
    assert result.error == OK and sorted(os.listdir(tree + "/etc")) == ["0", "1", "2", "os-release"], result
    for i in range(3):
        assert open(f"{tree}/etc/{i}", "rb").read() == b"%d" % i * 700


def test_what_follows_the_end_mark_and_is_no_archive(unpacker, tree):
    assert unpack(unpacker, tree, tar([]) + b"signature" * 1000).error == OK


@pytest.mark.parametrize("checked", [True, False])
def test_without_an_end_mark(unpacker, tree, checked):
    """It may have been cut off, unless somebody knows its digest."""
    data = tar([member("etc/x", data=b"x" * 512)]).rstrip(b"\0")
    data += b"\0" * (-len(data) % 512)
    result = unpack(unpacker, tree, data, flags=IS_CHECKED if checked else 0)
    assert result.error == (OK if checked else BAD_ARCHIVE), result
    assert checked or b"SHA-256" in result.text


@pytest.mark.parametrize("compress", [bytes, gzip.compress, lzma.compress, bz2.compress, "zstd"], ids=["tar", "gzip", "xz", "bzip2", "zstd"])
def test_img_03_truncated_anywhere(unpacker, tree, compress):
    if compress == "zstd":
        def compress(data):
            return subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True).stdout
    plain = tar([member("etc/%d" % i, data=os.urandom(3000)) for i in range(20)])
    # A tar is whole with its end mark; what follows only fills the last record.
    end = len(plain.rstrip(b"\0")) + 511 >> 9 << 9
    data = compress(plain)
    step = 4096 if compress is not bytes else 2560
    cuts = sorted({*range(0, len(data), step), 1, 5, 511, 512, 513, len(data) - 1, len(data) - 9})
    for cut in cuts:
        result = unpack(unpacker, tree, data[:cut])
        if compress is bytes and cut >= end + 512:
            assert result.error == OK
        else:
            assert result.error == BAD_ARCHIVE and result.text, (cut, result)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\0" * 10240, b"x", b"hello world" * 1000, b"PK\3\4" + b"\0" * 2000, b"7z\xbc\xaf\x27\x1c" + b"\0" * 2000,
        b"MZ" + b"\0" * 2000, b"070701" + b"0" * 2000, b"!<arch>\n" + b" " * 2000, b"\x1f\x8b" + b"x" * 2000,
        b"\xfd7zXZ\0" + b"x" * 2000, b"\x28\xb5\x2f\xfd" + b"x" * 2000, b"BZh9" + b"x" * 2000,
        b"\0" * 32768 + b"\1CD001" + b"\0" * 10000, gzip.compress(b"no tar"), gzip.compress(b""),
    ],
    ids=["empty", "zeros", "x", "text", "zip", "7z", "pe", "cpio", "ar", "gzip", "xz", "zstd", "bzip2", "iso", "gzip-text", "gzip-nothing"],
)
def test_img_03_not_an_archive(unpacker, tree, data):
    result = unpack(unpacker, tree, data)
    assert result.error == BAD_ARCHIVE and result.text, result
    assert os.listdir(tree) == []


def test_img_03_bit_flips_in_compressed_data(unpacker, tree):
    data = bytearray(lzma.compress(tar([member("etc/%d" % i, data=os.urandom(3000)) for i in range(10)])))
    for position in range(100, len(data) - 100, 2000):
        damaged = bytearray(data)
        damaged[position] ^= 4
        assert unpack(unpacker, tree, bytes(damaged)).error == BAD_ARCHIVE


def test_img_03_not_a_root(unpacker, tree):
    result = unpack(unpacker, tree, tar([member("readme")], base=False))
    assert result.error == BAD_ARCHIVE and b"root file system" in result.text, result


# ---- busybox


@pytest.mark.skipif(not os.path.exists("/bin/busybox"), reason="needs busybox")
def test_busybox_makes_a_root(unpacker, tree, tmp_path):
    first = unpacker.run(BUSYBOX, tree, "/bin/busybox")
    if first.error == NOT_STATIC:
        pytest.skip("busybox is not static")
    assert first.error == OK, first
    assert "ID=busybox" in first.os_release and first.architecture == os.uname().machine.replace("i386", "i686")
    out = subprocess.run(["chroot", tree, "/bin/sh", "-c", "ls / && id -u && cat /etc/os-release"], capture_output=True, text=True)
    assert out.returncode == 0 and "ID=busybox" in out.stdout
    assert stat.S_IMODE(os.stat(tree + "/tmp").st_mode) == 0o1777 and os.readlink(tree + "/sbin/init") == "../bin/busybox"
    again = unpacker.run(BUSYBOX, make_tree(str(tmp_path / "again")), "/bin/busybox")
    assert again.sha256 == first.sha256


def test_busybox_must_be_static(unpacker, tree, tmp_path):
    assert unpacker.run(BUSYBOX, tree, shutil.which("ls")).error == NOT_STATIC
    for content in (b"", b"#!/bin/sh\n", b"\x7fELF" + b"\xff" * 100):
        (tmp_path / "odd").write_bytes(content)
        assert unpacker.run(BUSYBOX, tree, tmp_path / "odd").error == NOT_STATIC
    assert os.listdir(tree) == []


# ---- removing


def as_owner(path):
    for directory_, names, files in os.walk(path):
        for name in [""] + names + files:
            os.lchown(os.path.join(directory_, name), NEUTRAL + 5, NEUTRAL + 5)


def test_remove_everything(unpacker, tree, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").touch()
    os.makedirs(tree + "/a/b/c")
    os.symlink(outside, tree + "/a/link")
    os.mkfifo(tree + "/a/fifo")
    for i in range(3000):
        open(f"{tree}/a/b/{i}", "w").close()
    as_owner(tree)
    os.chown(tree, NEUTRAL, NEUTRAL)
    os.chmod(tree + "/a/b", 0)
    result = unpacker.run(REMOVE, tree, 0)
    assert result.error == OK and os.listdir(tree) == [], result
    assert os.listdir(outside) == ["file"]


def test_img_02_remove_a_very_deep_tree(unpacker, tree):
    # In memory: on a disk this takes half a minute.
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"uid={NEUTRAL},gid={NEUTRAL},mode=700", "tmpfs", tree], check=True)
    fd = os.open(tree, os.O_RDONLY)
    for _ in range(100000):
        os.mkdir("d", dir_fd=fd)
        os.chown("d", NEUTRAL, NEUTRAL, dir_fd=fd)
        inner = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = inner
    os.close(fd)
    try:
        result = unpacker.run(REMOVE, tree, 0)
        assert result.error == OK and os.listdir(tree) == [], result
    finally:
        subprocess.run(["umount", "-l", tree], check=True)


def test_remove_stays_on_its_file_system(unpacker, tree):
    os.makedirs(tree + "/a/mounted")
    as_owner(tree)
    os.chown(tree, NEUTRAL, NEUTRAL)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"uid={NEUTRAL}", "tmpfs", tree + "/a/mounted"], check=True)
    try:
        os.mkdir(tree + "/a/mounted/keep")
        result = unpacker.run(REMOVE, tree, 0)
        assert result.error != OK and os.listdir(tree + "/a/mounted") == ["keep"], result
    finally:
        subprocess.run(["umount", "-l", tree + "/a/mounted"], check=True)

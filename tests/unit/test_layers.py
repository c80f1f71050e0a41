# SPDX-License-Identifier: LGPL-2.1-or-later
"""What bothy-unpack makes of the layers of images, and how the kernel stacks that. Needs root, as test_unpack.py does."""

import gzip
import hashlib
import os
import stat
import subprocess
from tarfile import FIFOTYPE

import pytest

from helping import own_mounts  # noqa: F401
from test_unpack import directory, hard_link, member, pytestmark, symlink, tar, tree, unpacker  # noqa: F401
from unpacking import BAD_ARCHIVE, CLOSED, DECOMPRESS, HASH, HIDES_BELOW, IO, IS_ROOT, LAYER, OK, REMOVE, make_tree


def unpack(unpacker, tree, data, **options):  # noqa: F811
    fd = os.memfd_create("layer")
    with os.fdopen(os.dup(fd), "wb") as file:
        file.write(data)
    os.lseek(fd, 0, os.SEEK_SET)
    try:
        return unpacker.run(LAYER, tree, fd, **options)
    finally:
        os.close(fd)


def layer(*members):
    return tar(list(members), base=False)


@pytest.fixture
def stack(unpacker, tmp_path):  # noqa: F811
    """Unpacks layers, the lowest first, mounts them as a supervisor does, and gives the paths that are seen."""
    mounted = []

    def run(*layers):
        trees = []
        for data in layers:
            trees.append(make_tree(str(tmp_path / f"layer{len(trees)}")))
            result = unpack(unpacker, trees[-1], data)
            assert result.error == OK, result
        target = tmp_path / "merged"
        target.mkdir()
        subprocess.run(["mount", "-t", "overlay", "-o", "userxattr,lowerdir=" + ":".join(reversed(trees)), "bothy", target],
                       check=True)
        mounted.append(target)
        return target
    yield run
    for target in mounted:
        subprocess.run(["umount", target], check=True)


def seen(top):
    return sorted(os.path.relpath(os.path.join(path, name), top) for path, names, files in os.walk(top) for name in names + files)


BELOW = layer(directory("etc"), member("etc/a", data=b"below"), member("etc/b", data=b"below"),
              directory("var"), directory("var/old"), member("var/old/x"), directory("var/old/deep"), member("var/old/deep/y"),
              symlink("link", "etc/a"))


def test_files_of_a_layer_are_over_those_below(stack):
    top = stack(BELOW, layer(directory("etc"), member("etc/a", data=b"above"), member("etc/c")))
    assert (top / "etc/a").read_bytes() == b"above" and (top / "etc/b").read_bytes() == b"below"
    assert "etc/c" in seen(top) and "var/old/x" in seen(top)


def test_whiteouts_hide_files_directories_and_links(stack):
    top = stack(BELOW, layer(member("etc/.wh.a"), member("var/.wh.old"), member(".wh.link"), member("etc/.wh.never-was")))
    assert seen(top) == ["etc", "etc/b", "var"]


@pytest.mark.parametrize("first", ["mark", "content"])
def test_an_opaque_directory_shows_only_its_own(stack, first):
    entries = [member("var/old/.wh..wh..opq"), directory("var/old", mode=0o700), member("var/old/new")]
    top = stack(BELOW, layer(*(entries if first == "mark" else reversed(entries))))
    assert seen(top) == ["etc", "etc/a", "etc/b", "link", "var", "var/old", "var/old/new"]
    assert stat.S_IMODE(os.stat(top / "var/old").st_mode) == 0o700


@pytest.mark.parametrize("order", ["hidden first", "hidden last", "implied"])
def test_what_a_layer_hides_and_makes_anew(stack, order):
    """OCI's layer.md: a whiteout is about layers below, wherever in the archive it stands."""
    new = [directory("var/old"), member("var/old/new")]
    hide = [member("var/.wh.old"), member("etc/.wh.a")]
    file = [member("etc/a", data=b"anew")]
    top = stack(BELOW, layer(*{"hidden first": hide + new + file, "hidden last": new + file + hide,
                               "implied": hide + new[1:] + file}[order]))
    assert seen(top) == ["etc", "etc/a", "etc/b", "link", "var", "var/old", "var/old/new"]
    assert (top / "etc/a").read_bytes() == b"anew"


def test_three_layers(stack):
    top = stack(BELOW, layer(member("etc/.wh.a"), member("var/.wh.old")), layer(member("etc/a", data=b"third"), member("var/old", data=b"file")))
    assert (top / "etc/a").read_bytes() == b"third" and (top / "var/old").read_bytes() == b"file"


def test_kind_changes_between_layers(stack):
    top = stack(BELOW, layer(member("var", data=b"a file now"), directory("link"), member("link/in")))
    assert (top / "var").read_bytes() == b"a file now" and "link/in" in seen(top)


def test_an_opaque_root_hides_all_layers_below(unpacker, tree):  # noqa: F811
    result = unpack(unpacker, tree, layer(directory("usr"), member(".wh..wh..opq")))
    assert result.error == OK and result.flags == IS_ROOT | HIDES_BELOW
    assert os.listdir(tree) == ["usr"]


def test_a_layer_need_not_be_a_root(unpacker, tree):  # noqa: F811
    result = unpack(unpacker, tree, layer(member("app/run", data=b"x")))
    assert result.error == OK and result.flags == 0 and result.os_release == "" and result.architecture == "unknown"


def test_links_within_a_layer_and_across(unpacker, tree, tmp_path):  # noqa: F811
    assert unpack(unpacker, tree, layer(member("a", data=b"x"), hard_link("b", "a"))).error == OK
    assert os.stat(tree + "/a").st_ino == os.stat(tree + "/b").st_ino
    other = make_tree(str(tmp_path / "other"))
    result = unpack(unpacker, other, layer(hard_link("etc/mine", "etc/below")))
    assert result.error == BAD_ARCHIVE and b"did not bring" in result.text, result


def test_AUFS_leftovers_are_left_out(unpacker, tree):  # noqa: F811
    """What has several names it links to from the directory of links; nobody sees that, and all names are the same file."""
    result = unpack(unpacker, tree, layer(
        member("etc/x"), directory(".wh..wh.plnk"), member(".wh..wh.plnk/123.456", data=b"both"), hard_link("etc/one", ".wh..wh.plnk/123.456"),
        hard_link("etc/two", ".wh..wh.plnk/123.456"), member(".wh..wh.aufs"), directory(".wh..wh.orph"), member(".wh..wh.orph/x"),
        directory("etc/.wh..wh.plnk"), member("etc/.wh..wh.plnk/x")))
    assert result.error == OK, result
    assert seen(tree) == ["etc", "etc/one", "etc/two", "etc/x"]
    assert os.stat(tree + "/etc/one").st_ino == os.stat(tree + "/etc/two").st_ino
    assert open(tree + "/etc/two", "rb").read() == b"both" and os.stat(tree + "/etc/two").st_nlink == 2


@pytest.mark.parametrize("data", [b"", b"\0" * 1024, b"\0" * 10240], ids=["nothing", "an end mark", "a record"])
def test_a_layer_may_be_empty(unpacker, tree, data):  # noqa: F811
    result = unpack(unpacker, tree, data)
    assert result.error == OK and result.flags == 0 and os.listdir(tree) == [], result


def test_a_layer_may_lack_its_end_mark(unpacker, tree):  # noqa: F811
    """Its digest was compared; some builders leave the mark out."""
    result = unpack(unpacker, tree, layer(member("etc/x", data=b"x" * 700))[:512 + 1024])
    assert result.error == OK and os.listdir(tree + "/etc") == ["x"], result


KINDS = {
    "file": [member("p", data=b"file")],
    "directory": [directory("p", mode=0o700)],
    "full directory": [directory("p"), member("p/in"), directory("p/deep", mode=0o711), member("p/deep/er")],
    "link": [symlink("p", "etc")],
    "dangling link": [symlink("p", "nowhere")],
    "hard link": [hard_link("p", "etc/a")],
    "pipe": [member("p", FIFOTYPE)],
    "implied directory": [member("p/implied")],
}
CONTENT = {
    "file": ["p"], "directory": ["p"], "full directory": ["p", "p/deep", "p/deep/er", "p/in"], "link": ["p"], "dangling link": ["p"],
    "hard link": ["p"], "pipe": ["p"], "implied directory": ["p", "p/implied"],
}
STAYS = ("directory", "full directory", "implied directory")


@pytest.mark.parametrize("second", KINDS)
@pytest.mark.parametrize("first", KINDS)
def test_a_name_twice(stack, first, second):
    """As tar over the tree below: the later entry counts, directories come together, and nothing is left of what was replaced."""
    below = layer(directory("etc"), member("etc/a", data=b"below"), directory("p"), member("p/old"))
    top = stack(below, layer(member("etc/a", data=b"above"), *KINDS[first], *KINDS[second]))
    wanted = {"etc", "etc/a", *CONTENT[second]}
    if first in STAYS and second in STAYS:
        wanted |= {"p/old", *CONTENT[first]}  # nothing was ever replaced
    elif second == "implied directory" and first == "link":
        wanted = {"etc", "etc/a", "etc/implied", "p"}
    elif second == "implied directory" and first == "dangling link":
        wanted = {"etc", "etc/a", "nowhere", "nowhere/implied", "p"}
    elif second in STAYS and first == "file":
        assert "p/old" not in seen(top)
    assert seen(top) == sorted(wanted)
    if second == "hard link":
        assert (top / "p").read_bytes() == b"above"


def test_what_a_replaced_directory_had_is_set_of_no_other(unpacker, tree):  # noqa: F811
    result = unpack(unpacker, tree, layer(directory("p"), directory("p/d", mode=0o700), directory("other"), directory("other/d"), symlink("p", "other")))
    assert result.error == OK, result
    assert stat.S_IMODE(os.stat(tree + "/other/d").st_mode) == 0o755


@pytest.mark.parametrize("target", ["usr/lib", "/usr/lib", "./usr/../usr/lib", "../../usr/lib"])
def test_a_way_through_a_link_to_what_is_below(stack, target):
    """The link comes again in the layer, and what it leads to is only in the one below."""
    top = stack(layer(directory("usr"), directory("usr/lib"), member("usr/lib/a"), symlink("lib", target)),
                layer(symlink("lib", target), member("lib/b"), member("lib/deep/c")))
    assert seen(top) == ["lib", "usr", "usr/lib", "usr/lib/a", "usr/lib/b", "usr/lib/deep", "usr/lib/deep/c"]


@pytest.mark.parametrize("entries", [[symlink("a", "b"), symlink("b", "a"), member("a/x")], [member("f"), symlink("l", "f"), member("l/x")]],
                         ids=["in circles", "to a file"])
def test_a_way_that_leads_nowhere(unpacker, tree, entries):  # noqa: F811
    assert unpack(unpacker, tree, layer(*entries)).error != OK


@pytest.mark.parametrize("entries", [
    [member("../.wh.shadow")], [member(".wh.")], [member("etc/.wh.")], [member(".wh...")], [member("etc/.wh...")], [member("etc/.wh..")],
    [member(".wh.etc/passwd")], [directory(".wh.d"), member(".wh.d/x")], [member("etc/../../.wh.x")],
    [member("etc/.wh.a"), hard_link("etc/b", "etc/a")],
], ids=lambda entries: entries[-1][0].name)
def test_whiteouts_that_nobody_makes_IMG_01(unpacker, tree, entries):  # noqa: F811
    result = unpack(unpacker, tree, layer(*entries))
    # What is not refused has hidden a name in the tree, and nothing else.
    assert result.error == BAD_ARCHIVE or entries[-1][0].name == ".wh.d/x", result
    assert not os.path.lexists(os.path.dirname(tree) + "/shadow")


def test_a_whiteout_does_not_follow_links_out_IMG_01(unpacker, tree, tmp_path):  # noqa: F811
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "victim").write_text("here")
    up = "../" * 20
    result = unpack(unpacker, tree, layer(symlink("out", str(outside)), member("out/.wh.victim"), member("out/.wh..wh..opq"),
                                          symlink("up", up + str(outside)), member("up/.wh.victim")))
    assert (outside / "victim").read_text() == "here" and os.listdir(outside) == ["victim"]
    assert not os.listxattr(outside), result


def test_no_image_sets_overlayfs_own_attributes_IMG_01(unpacker, tree):  # noqa: F811
    info, data = directory("etc")
    info.pax_headers = {"SCHILY.xattr.user.overlay.opaque": "y", "SCHILY.xattr.trusted.overlay.redirect": "/x"}
    assert unpack(unpacker, tree, layer((info, data))).error == OK
    assert os.listxattr(tree + "/etc") == []
    info, data = member("dev", data=b"")
    info.type, info.devmajor, info.devminor = b"3", 0, 0
    assert unpack(unpacker, tree, layer(directory("x"), (info, data))).skipped == 1


def test_a_whiteout_goes_with_the_rest(unpacker, tree):  # noqa: F811
    assert unpack(unpacker, tree, layer(member(".wh.a"), member("d/.wh.b"), member("d/.wh..wh..opq"))).error == OK
    assert stat.S_ISCHR(os.lstat(tree + "/a").st_mode) and os.lstat(tree + "/a").st_rdev == 0
    assert unpacker.run(REMOVE, tree, 0).error == OK
    assert os.listdir(tree) == []


# ---- digests


def test_a_layer_is_not_decompressed_where_it_is_unpacked(unpacker, tree):  # noqa: F811
    """What is hashed last is what is unpacked, and not what is in it."""
    result = unpack(unpacker, tree, gzip.compress(layer(member("etc/x"))))
    assert result.error == BAD_ARCHIVE and os.listdir(tree) == [], result


def hash_through(unpacker, source, mode=HASH):  # noqa: F811
    """What comes out of the pipe, and the result."""
    read, write = os.pipe()
    started = unpacker.start(mode, write, source)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        return pipe.read(), unpacker.finish(started)


def test_the_source_is_hashed_on_its_way(unpacker):  # noqa: F811
    data = os.urandom(3_000_001)
    fd = os.memfd_create("source")
    os.write(fd, data)
    os.lseek(fd, 0, os.SEEK_SET)
    out, result = hash_through(unpacker, fd)
    os.close(fd)
    assert out == data and result.error == OK and result.bytes_in == len(data)
    assert result.sha256 == hashlib.sha256(data).digest()
    null = os.open("/dev/null", os.O_RDONLY)
    out, result = hash_through(unpacker, null)
    os.close(null)
    assert out == b"" and result.sha256 == hashlib.sha256(b"").digest()


@pytest.mark.parametrize("how", ["gzip", "zstd", "plain", "parts"])
def test_decompressing(unpacker, how):  # noqa: F811
    data = os.urandom(3_000_001)
    compressed = {"gzip": gzip.compress(data, 1), "plain": data, "parts": gzip.compress(data[:99], 1) + gzip.compress(data[99:], 1),
                  "zstd": subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True).stdout}[how]
    fd = os.memfd_create("source")
    with os.fdopen(fd, "w+b", buffering=0) as file:
        file.write(compressed)
        for size, error in (len(compressed), OK), (len(compressed) // 2, OK if how == "plain" else BAD_ARCHIVE), (0, OK):
            file.truncate(size)
            file.seek(0)
            out, result = hash_through(unpacker, file.fileno(), DECOMPRESS)
            assert result.error == error and data.startswith(out) and result.sha256 == bytes(32), result
            if size == len(compressed):
                assert out == data


def test_no_digest_of_what_was_not_taken_or_read(unpacker, tmp_path):  # noqa: F811
    """What unpacks can not end early and leave a digest of more than it saw."""
    read, write = os.pipe()
    zero = os.open("/dev/zero", os.O_RDONLY)
    started = unpacker.start(HASH, write, zero)
    os.close(write)
    os.close(zero)
    os.read(read, 1000)
    os.close(read)
    result = unpacker.finish(started)
    assert result.error == CLOSED and result.sha256 == bytes(32), result
    read, write = os.pipe()
    directory_fd = os.open(tmp_path, os.O_RDONLY)
    started = unpacker.start(HASH, write, directory_fd)
    os.close(write)
    os.close(read)
    os.close(directory_fd)
    assert unpacker.finish(started).error == IO

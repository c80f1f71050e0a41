# SPDX-License-Identifier: LGPL-2.1-or-later
"""What bothy-unpack makes of the layers of images, and how the kernel stacks that. Needs root, as test_unpack.py does."""

import ctypes
import gzip
import hashlib
import itertools
import os
import shutil
import stat
import subprocess
from tarfile import FIFOTYPE

import pytest

from helping import NEUTRAL, own_mounts  # noqa: F401
from test_unpack import directory, hard_link, member, pytestmark, symlink, tar, tree, unpacker  # noqa: F401
from unpacking import (BAD_ARCHIVE, CHECK, CLOSED, DECOMPRESS, HASH, HIDES_BELOW, IO, IS_OVER, IS_ROOT, LAYER, LIMIT_EXCEEDED,
                       MAY_NEED_BELOW, NEEDS_BELOW, OK, REMOVE, make_tree)

libc = ctypes.CDLL(None, use_errno=True)
OPEN_TREE, OPEN_TREE_CLONE, AT_EMPTY_PATH = 428, 1, 0x1000


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


def check(unpacker, tree, trees):  # noqa: F811
    """Whether the layer TREE, unpacked by itself, is another one over TREES, the lowest first."""
    fds = [os.open(path, os.O_PATH | os.O_DIRECTORY) for path in reversed(trees)]
    null = os.open("/dev/null", os.O_RDONLY)
    try:
        result = unpacker.run(CHECK, tree, null, beside=fds)
    finally:
        for fd in (*fds, null):
            os.close(fd)
    assert result.error == OK, result
    return result.flags & NEEDS_BELOW != 0


def unpack_over(unpacker, tree, data, trees, **options):  # noqa: F811
    """Unpacks DATA over TREES, the lowest first."""
    def mounted(path):
        with_path = os.open(path, os.O_PATH | os.O_DIRECTORY)
        fd = libc.syscall(OPEN_TREE, with_path, b"", OPEN_TREE_CLONE | AT_EMPTY_PATH | os.O_CLOEXEC)
        assert fd >= 0, os.strerror(ctypes.get_errno())
        os.close(with_path)
        return fd
    source = os.memfd_create("layer")
    os.write(source, data)
    os.lseek(source, 0, os.SEEK_SET)
    fds = [source, *(mounted(path) for path in reversed(trees))]
    top = mounted(tree)
    try:
        return unpacker.run(LAYER, top, source, flags=IS_OVER, beside=fds, **options)
    finally:
        for fd in (*fds, top):
            os.close(fd)


@pytest.fixture
def stack(unpacker, tmp_path):  # noqa: F811
    """Unpacks layers, the lowest first, as bothyd does; mounts them as a supervisor does, and gives the paths that are seen."""
    mounted = []

    def run(*layers, over=None):
        trees = []
        for data in layers:
            tree = make_tree(str(tmp_path / f"layer{len(trees)}"))
            result = unpack(unpacker, tree, data)
            assert result.error == OK, result
            needs = bool(trees) and bool(result.flags & NEEDS_BELOW or (result.flags & MAY_NEED_BELOW and check(unpacker, tree, trees)))
            if needs:
                tree = make_tree(str(tmp_path / f"over{len(trees)}"))
                result = unpack_over(unpacker, tree, data, trees)
                assert result.error == OK, result
            trees.append(tree)
        assert over is None or over == needs
        run.trees = trees
        target = tmp_path / "merged"
        target.mkdir()
        subprocess.run(["mount", "-t", "overlay", "-o", "userxattr,lowerdir=" + ":".join(os.path.basename(tree) for tree in reversed(trees)), "bothy", target],
                       check=True, cwd=tmp_path)
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


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("with_entry", [True, False], ids=["entry", "implied"])
def test_whiteouts_in_an_opaque_directory(stack, order, with_entry):
    """No device 0:0 shows, which is what a whiteout becomes where nothing below can be hidden any more."""
    below = layer(directory("d"), member("d/x"), member("d/y"), directory("d/z"), member("d/z/deep"))
    entries = [member("d/.wh..wh..opq"), member("d/.wh.x"), member("d/new")]
    top = stack(below, layer(*([directory("d")] if with_entry else []), *(entries[i] for i in order), member("d/.wh.z")))
    assert seen(top) == ["d", "d/new"]
    assert os.listdir(top / "d") == ["new"]


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
    assert result.error == OK and result.flags == MAY_NEED_BELOW and result.os_release == "" and result.architecture == "unknown"


def test_links_within_a_layer_and_across(unpacker, tree, tmp_path):  # noqa: F811
    assert unpack(unpacker, tree, layer(member("a", data=b"x"), hard_link("b", "a"))).error == OK
    assert os.stat(tree + "/a").st_ino == os.stat(tree + "/b").st_ino
    other = make_tree(str(tmp_path / "other"))
    result = unpack(unpacker, other, layer(hard_link("etc/mine", "etc/below")))
    assert result.error == OK and result.flags & NEEDS_BELOW, result
    shutil.rmtree(other)
    result = unpack_over(unpacker, make_tree(other), layer(hard_link("etc/mine", "etc/below")), [tree])
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


# ---- what refers to layers below


USR = layer(directory("etc"), member("etc/a", data=b"below", mode=0o4711), directory("usr"), directory("usr/lib", mode=0o711),
            member("usr/lib/old", data=b"old"), symlink("lib", "usr/lib"), symlink("lib64", "/usr/lib"), symlink("up", "../../usr/lib"),
            member("file", data=b"file"), directory("d", mode=0o1777), member("d/x", data=b"x"), directory("d/deep"), member("d/deep/y"))


def test_a_hard_link_to_a_file_below(stack):
    """As tar makes it over the tree that is there: another name of that file, with all that it has."""
    info, data = member("usr/lib/attributed", data=b"attributed", mode=0o640)
    info.uid, info.gid, info.mtime = 12, 34, 1000000000
    info.pax_headers = {"SCHILY.xattr.user.kind": "below"}
    top = stack(USR, layer(directory("usr"), directory("usr/lib"), (info, data)),
                layer(directory("etc"), hard_link("etc/b", "etc/a"), hard_link("x", "usr/lib/attributed"), hard_link("y", "x"),
                      hard_link("z", "lib")), over=True)
    assert (top / "etc/b").read_bytes() == b"below" and stat.S_IMODE(os.stat(top / "etc/b").st_mode) == 0o4711
    assert os.path.samefile(top / "etc/a", top / "etc/b")
    st = os.stat(top / "x")
    assert (top / "y").read_bytes() == b"attributed" and os.path.samefile(top / "x", top / "y") and os.path.samefile(top / "x", top / "usr/lib/attributed")
    assert (stat.S_IMODE(st.st_mode), st.st_uid - NEUTRAL, st.st_gid - NEUTRAL, st.st_mtime) == (0o640, 12, 34, 1000000000)
    assert os.getxattr(top / "y", "user.kind") == b"below" and os.listxattr(top / "y") == ["user.kind"]
    assert os.readlink(top / "z") == "usr/lib"


@pytest.mark.parametrize("through", ["lib", "lib64", "up"])
def test_a_path_through_a_link_below(stack, through):
    """Only a name in the path of an entry: what is there decides what it is, and it has all that it had."""
    top = stack(USR, layer(member(f"{through}/x.so", data=b"new"), member(f"{through}/deep/y"), hard_link("again", f"{through}/old")), over=True)
    assert os.path.islink(top / through) and (top / "usr/lib/x.so").read_bytes() == b"new" and "usr/lib/deep/y" in seen(top)
    assert stat.S_IMODE(os.stat(top / "usr/lib").st_mode) == 0o711 and (top / "again").read_bytes() == b"old"


def test_an_entry_for_a_directory_takes_a_link_s_place(stack):
    """As docker and containerd do it; the directory that the link led to stays as it was."""
    top = stack(USR, layer(directory("lib"), member("lib/x.so", data=b"new"), member("lib64/y")), over=True)
    assert not os.path.islink(top / "lib") and os.listdir(top / "lib") == ["x.so"]
    assert sorted(os.listdir(top / "usr/lib")) == ["old", "y"]

def test_an_entry_for_a_directory_after_what_went_through_the_link(stack):
    top = stack(USR, layer(member("lib/x.so", data=b"new"), directory("lib")), over=True)
    assert not os.path.islink(top / "lib") and os.listdir(top / "lib") == []
    assert sorted(os.listdir(top / "usr/lib")) == ["old", "x.so"]


def test_entries_alone_need_nothing_below(stack):
    top = stack(USR, layer(directory("lib"), member("lib/x.so", data=b"new"), directory("usr"), directory("usr/share"), member("usr/share/x")), over=False)
    assert os.listdir(top / "lib") == ["x.so"] and sorted(os.listdir(top / "usr")) == ["lib", "share"]


def test_a_plain_directory_below_needs_no_other_layer(stack):
    """A directory that had no entry, and is one of root's that everybody may read, is the same over any layer."""
    top = stack(USR, layer(member("etc/b"), member("usr/share/doc/x"), member("new/y")), over=False)
    assert {"etc/a", "etc/b", "usr/share/doc/x", "new/y"} <= set(seen(top))


def test_a_directory_without_an_entry_keeps_what_it_has(stack):
    top = stack(USR, layer(member("d/new"), member("usr/lib/new")), over=True)
    assert stat.S_IMODE(os.stat(top / "d").st_mode) == 0o1777 and stat.S_IMODE(os.stat(top / "usr/lib").st_mode) == 0o711
    assert sorted(os.listdir(top / "d")) == ["deep", "new", "x"]


def test_whiteouts_through_links(stack):
    top = stack(USR, layer(member("lib/.wh.old"), member("lib/new")), over=True)
    assert os.path.islink(top / "lib") and os.listdir(top / "usr/lib") == ["new"]


@pytest.mark.parametrize("first", ["mark", "content"])
def test_opaque_marks_through_links(stack, first):
    entries = [member("lib/.wh..wh..opq"), member("lib/new"), hard_link("kept", "lib/old")]
    top = stack(USR, layer(*(entries if first == "mark" else entries[::-1])), over=True)
    assert os.path.islink(top / "lib") and os.listdir(top / "usr/lib") == ["new"] and (top / "kept").read_bytes() == b"old"


def test_a_link_below_that_a_whiteout_takes_away(stack):
    """What comes after it does not go through the link; what came before did."""
    top = stack(USR, layer(member("lib64/before"), member(".wh.lib"), member("lib/x.so", data=b"new"), hard_link("etc/b", "etc/a")), over=True)
    assert not os.path.islink(top / "lib") and os.listdir(top / "lib") == ["x.so"]
    assert sorted(os.listdir(top / "usr/lib")) == ["before", "old"]


def test_whiteouts_of_what_a_link_needs(stack):
    """A whiteout speaks of the layers below, also where what was there went on under another name."""
    top = stack(USR, layer(hard_link("b", "etc/a"), member("etc/.wh.a"), member(".wh.b"), hard_link("dd", "d/x"), member(".wh.d"),
                           hard_link("f", "file"), member("d/own")), over=True)
    assert (top / "b").read_bytes() == b"below" and os.listdir(top / "etc") == []
    assert (top / "dd").read_bytes() == b"x" and os.listdir(top / "d") == ["own"] and (top / "f").read_bytes() == b"file"


def test_whole_directories_of_layers_below_go(stack):
    top = stack(USR, layer(hard_link("b", "etc/a"), member(".wh.d"), member("usr/.wh.lib"), member("lib", data=b"now a file")), over=True)
    assert seen(top) == ["b", "etc", "etc/a", "file", "lib", "lib64", "up", "usr"]


def test_a_file_where_below_is_a_directory_and_the_other_way_round(stack):
    """An entry replaces; as a name on the way to another entry, a file gives way to a directory."""
    top = stack(USR, layer(hard_link("b", "etc/a"), member("d", data=b"a file"), directory("file"), member("file/in")), layer(member("d/in"), hard_link("c", "b")), over=True)
    assert os.listdir(top / "d") == ["in"] and os.listdir(top / "file") == ["in"] and (top / "c").read_bytes() == b"below"


def test_a_link_below_that_leads_to_a_file(unpacker, tree, tmp_path):  # noqa: F811
    assert unpack(unpacker, tree, layer(member("file"), symlink("l", "file"), symlink("circle", "circle"))).error == OK
    for n, name in enumerate(("l", "circle")):
        result = unpack_over(unpacker, make_tree(str(tmp_path / f"over{n}")), layer(member(f"{name}/x")), [tree])
        assert result.error == BAD_ARCHIVE, result


def test_a_link_to_what_is_large_counts_IMG_02(unpacker, tree, tmp_path):  # noqa: F811
    assert unpack(unpacker, tree, layer(member("large", data=bytes(1 << 20)))).error == OK
    links = [hard_link(f"link{i}", "large") for i in range(100)]
    result = unpack_over(unpacker, make_tree(str(tmp_path / "over")), layer(*links), [tree], max_bytes=(1 << 20) + 4096)
    assert result.error == OK and result.bytes_out >= 1 << 20, result
    result = unpack_over(unpacker, make_tree(str(tmp_path / "less")), layer(*links), [tree], max_bytes=1 << 19)
    assert result.error == LIMIT_EXCEEDED, result


def test_links_below_lead_nowhere_outside_IMG_01(stack, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "victim").write_text("here")
    up = "../" * 20
    top = stack(layer(symlink("out", str(outside)), symlink("up", up + str(outside)), symlink("magic", "/proc/self/root"), directory("etc"), member("etc/a")),
                layer(member("out/.wh.victim"), member("up/.wh..wh..opq"), member("up/x"), member("magic/y"), hard_link("b", "etc/a")), over=True)
    assert (outside / "victim").read_text() == "here" and os.listdir(outside) == ["victim"] and not os.listxattr(outside)
    assert (top / str(outside)[1:] / "x").exists() and (top / "proc/self/root/y").exists()


def test_names_of_overlayfs_do_not_stay(stack):
    top = stack(USR, layer(member("rootfs/x"), member("work/y"), member("lib/z"), member(".bothy-rootfs-0")), over=True)
    assert {"rootfs/x", "work/y", "usr/lib/z", ".bothy-rootfs-0"} <= set(seen(top))
    assert sorted(os.listdir(stack.trees[-1])) == [".bothy-rootfs-0", "rootfs", "usr", "work"]


def owned(entry, uid, gid):
    info, *data = entry
    info.uid, info.gid = uid, gid
    return (info, *data)


def test_owners_and_modes_are_those_of_the_entries(stack):
    """Also where a directory below has an owner, or gives its group to what is made in it."""
    top = stack(layer(owned(directory("of-user"), 1000, 1000), owned(directory("mail", mode=0o2775), 0, 8), directory("etc"), member("etc/a")),
                layer(hard_link("b", "etc/a"), directory("of-user"), member("mail/x", mode=0o2755), directory("mail/sub"),
                      symlink("mail/l", "x")), over=True)

    def shape(path):
        st = os.lstat(top / path)
        return st.st_uid - NEUTRAL, st.st_gid - NEUTRAL, stat.S_IMODE(st.st_mode)

    assert shape("of-user") == (0, 0, 0o755) and shape("mail") == (0, 8, 0o2775)
    assert shape("mail/x") == (0, 0, 0o2755) and shape("mail/sub") == (0, 0, 0o755) and shape("mail/l")[:2] == (0, 0)


def test_which_file_a_whiteout_means(stack):
    """The one below, whatever became of its other names."""
    top = stack(USR, layer(hard_link("b", "etc/a"), member("b", data=b"own"), member("etc/.wh.a")), over=True)
    assert os.listdir(top / "etc") == [] and (top / "b").read_bytes() == b"own"


def test_a_whiteout_leaves_what_the_layer_brings(stack):
    top = stack(USR, layer(hard_link("b", "etc/a"), member("etc/a", data=b"own"), hard_link("c", "etc/a"), member("etc/.wh.a")), over=True)
    assert (top / "etc/a").read_bytes() == (top / "c").read_bytes() == b"own" and (top / "b").read_bytes() == b"below"


def test_a_whiteout_is_where_it_was(stack):
    """And not where a symbolic link leads that has taken a directory's place since."""
    top = stack(layer(directory("a"), directory("a/d"), member("a/d/x"), directory("etc"), member("etc/a")),
                layer(hard_link("b", "etc/a"), member("a/.wh.d"), symlink("a", "/z"), directory("z"), directory("z/d"), member("z/d/own")), over=True)
    assert os.readlink(top / "a") == "/z" and os.listdir(top / "z/d") == ["own"]


def test_sixty_three_layers_below(stack):
    layers = [layer(directory("etc"), member(f"etc/f{i}", data=b"%d" % i)) for i in range(62)]
    top = stack(USR, *layers, layer(hard_link("etc/link", "etc/f0"), member("lib/x")), over=True)
    assert (top / "etc/link").read_bytes() == b"0" and (top / "usr/lib/x").exists()


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

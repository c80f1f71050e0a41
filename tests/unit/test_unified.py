# SPDX-License-Identifier: LGPL-2.1-or-later
"""bothy-unpack with images as Incus and LXD write them: metadata.yaml, templates and rootfs in one archive."""

import gzip
import os
import stat

import pytest

from helping import NEUTRAL, own_mounts  # noqa: F401
from test_unpack import directory, hard_link, member, symlink, tar, tree, unpack, unpacker  # noqa: F401
from test_unpack import pytestmark  # noqa: F401
from unpacking import BAD_ARCHIVE, METADATA, OK

YAML = b"""architecture: x86_64
creation_date: 1755000000
expiry_date: 1786536000
properties:
  architecture: amd64
  description: "Debian trixie amd64"
  os: Debian
  release: trixie
  variant: default
templates:
  /etc/hostname:
    when: [create, copy]
    template: hostname.tpl
"""
ROOTFS = [directory("rootfs", uid=0, mode=0o751, mtime=1500000000), directory("rootfs/etc"),
          member("rootfs/etc/os-release", data=b"ID=debian\n"), directory("rootfs/usr/bin"),
          member("rootfs/usr/bin/su", data=b"x", mode=0o4755), hard_link("rootfs/usr/bin/su2", "rootfs/usr/bin/su"),
          symlink("rootfs/bin", "usr/bin")]
TEMPLATES = [directory("templates"), member("templates/hostname.tpl", data=b"{{ container.name }}\n"),
             directory("templates/deep/er"), member("templates/deep/er/x")]


def image(yaml=YAML, rootfs=ROOTFS, templates=TEMPLATES):
    return [member("metadata.yaml", data=yaml), *templates, *rootfs]


@pytest.mark.parametrize("turn", [0, 1, 4, 8])
def test_unified_in_any_order(unpacker, tree, turn):  # noqa: F811
    members = image()
    # A hard link follows its target.
    turned = members[:-2][turn:] + members[:-2][:turn] + members[-2:] if turn else members
    result = unpack(unpacker, tree, gzip.compress(tar(turned, base=False)))
    assert result.error == OK, result
    assert sorted(os.listdir(tree)) == ["bin", "etc", "usr"]
    assert result.os_release == "ID=debian\n" and result.architecture == "unknown"
    assert result.metadata == {"architecture": "x86_64", "expiry_date": "1786536000", "os": "Debian",
                               "release": "trixie", "variant": "default"}
    top = os.stat(tree)
    assert (stat.S_IMODE(top.st_mode), top.st_uid, top.st_mtime) == (0o751, NEUTRAL, 1500000000)
    su = os.stat(tree + "/usr/bin/su")
    assert su.st_nlink == 2 and stat.S_IMODE(su.st_mode) == 0o4755
    assert os.readlink(tree + "/bin") == "usr/bin"


def test_unified_names_that_collide(unpacker, tree):  # noqa: F811
    rootfs = [*ROOTFS, directory("rootfs/rootfs"), member("rootfs/metadata.yaml", data=b"mine"),
              member("rootfs/templates"), member("rootfs/.bothy-rootfs-0"), member(".bothy-rootfs-1")]
    result = unpack(unpacker, tree, tar(image(rootfs=rootfs), base=False))
    assert result.error == OK, result
    assert sorted(os.listdir(tree)) == [".bothy-rootfs-0", "bin", "etc", "metadata.yaml", "rootfs", "templates", "usr"]


def test_what_is_not_unified(unpacker, tree):  # noqa: F811
    """A root that happens to have such files is left as it is."""
    for members, base in (([member("metadata.yaml", data=YAML), directory("rootfs")], True),
                          ([directory("rootfs"), directory("usr")], False),
                          ([directory("metadata.yaml"), directory("rootfs"), directory("usr")], False)):
        result = unpack(unpacker, tree, tar(members, base=base))
        assert result.error == OK and result.metadata == {}, result
        assert os.path.isdir(tree + "/rootfs")
        os.system(f"find {tree} -mindepth 1 -delete")


@pytest.mark.parametrize("link", ["rootfs", "metadata.yaml"])
def test_img_10_unified_links(unpacker, tree, link):  # noqa: F811
    """Neither the root nor what is said of it is read through a link."""
    members = [symlink(link, "../../../../etc" if link == "rootfs" else "/etc/passwd")]
    members += [m for m in image() if m[0].name.split("/")[0] != link]
    result = unpack(unpacker, tree, tar(members, base=False))
    assert result.error == BAD_ARCHIVE and b"root file system" in result.text, result


BAD = {
    "not-yaml": b"{[}", "tabs": b"a:\n\t- b", "nul": b"architecture: x\0y", "binary": bytes(range(256)),
    "deep": b"a: " + b"[" * 5000, "deep-map": b"{a: " * 1000, "huge": b"#" * (1 << 20) + b"\na: b\n",
}


@pytest.mark.parametrize("kind", sorted(BAD))
def test_img_04_metadata_refused(unpacker, tree, kind):  # noqa: F811
    result = unpack(unpacker, tree, tar(image(BAD[kind]), base=False))
    assert result.error == BAD_ARCHIVE and b"metadata.yaml" in result.text, result


ODD = {
    "empty": (b"", {}), "list": (b"- architecture\n- x86_64\n", {}), "scalar": (b"x", {}),
    "wrong-types": (b"architecture: [a]\nexpiry_date: never\nproperties: 7\n", {}),
    "list-of-properties": (b"properties:\n- os\n- Debian\narchitecture: x86_64\n", {"architecture": "x86_64"}),
    "deeper": (b"properties: {os: {os: evil, release: evil}, release: good}\n", {"release": "good"}),
    "strange-values": (b"properties: {os: \"a\\nb\", release: \"\\e[31m\", variant: \"a=b\"}\n", {}),
    "long": (b"architecture: " + b"x" * 5000, {}), "negative": (b"expiry_date: -5\n", {}),
    "our-keys": (b"PublicAlias: busybox\nVerified: signature\nproperties: {Claims: 0}\n", {}),
    "aliases": (b"a: &a {os: x}\nproperties: *a\narchitecture: armv7l\n", {"architecture": "armv7l"}),
    "bomb": (b"".join(b"%c: &%c [%s]\n" % (97 + i, 97 + i, b",".join([b"*%c" % (96 + i)] * 9) if i else b"x")
                      for i in range(20)), {}),
    "two-documents": (b"architecture: x86_64\n---\narchitecture: i686\n", {"architecture": "x86_64"}),
}


@pytest.mark.parametrize("kind", sorted(ODD))
def test_img_04_metadata_that_says_nothing_of_use(unpacker, tree, kind):  # noqa: F811
    yaml, expected = ODD[kind]
    result = unpack(unpacker, tree, tar(image(yaml), base=False))
    assert result.error == OK and result.metadata == expected, result


@pytest.mark.parametrize("kind", sorted(ODD))
def test_img_04_metadata_apart(unpacker, tree, tmp_path, kind):  # noqa: F811
    """The same in an archive without a root: nothing is made of that."""
    yaml, expected = ODD[kind]
    (tmp_path / "metadata.tar.gz").write_bytes(gzip.compress(tar([*TEMPLATES, member("./metadata.yaml", data=yaml)], base=False)))
    result = unpacker.run(METADATA, tree, tmp_path / "metadata.tar.gz")
    assert result.error == OK and result.metadata == expected, result
    assert os.listdir(tree) == []


@pytest.mark.parametrize("link", ["symlink", "hard-link"])
def test_img_01_metadata_apart_are_no_link(unpacker, tree, tmp_path, link):  # noqa: F811
    entry = (symlink if link == "symlink" else hard_link)("metadata.yaml", "/etc/passwd")
    (tmp_path / "metadata.tar").write_bytes(tar([entry], base=False))
    result = unpacker.run(METADATA, tree, tmp_path / "metadata.tar")
    assert result.error == BAD_ARCHIVE, result

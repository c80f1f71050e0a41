# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images that become archives again."""

import io
import json
import os
import stat
import struct
import tarfile

import pytest

import bundles
from test_layers import BASE, TOP, image, put  # noqa: F401
from tools import STATE, tidy, until  # noqa: F401

# cap_net_raw=ep, as the kernel has it in a file.
CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)


def member(name, data=b"", **fields):
    info = tarfile.TarInfo(name)
    info.size, info.mtime = len(data), 1500000000
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def archive(members, base=BASE):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        with tarfile.open(fileobj=io.BytesIO(base)) as old:
            for info in old:
                tar.addfile(info, old.extractfile(info) if info.isfile() else None)
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


ODD = [
    member("bin/ping", b"#!", mode=0o755, pax_headers={"SCHILY.xattr.security.capability": CAPABILITY.decode("latin-1")}),
    member("bin/su", b"#!su", mode=0o4755), member("bin/wall", b"#!wall", mode=0o2755, gid=5),
    member("bin/hard", type=tarfile.LNKTYPE, linkname="bin/su"),
    member("etc/note", b"x", uid=1000, gid=65535, mode=0o640,
           pax_headers={"SCHILY.xattr.user.note": "kept", "SCHILY.acl.access": "user::rw-\nuser:1234:rw-\ngroup::r--\nmask::rw-\nother::---\n"}),
    member("srv/shared", type=tarfile.DIRTYPE, mode=0o3770, gid=33),
    member("srv/pipe", type=tarfile.FIFOTYPE, mode=0o600), member("srv/empty"),
    member("srv/" + "long/" * 30 + "n" * 200, b"deep"), member("srv/dangling", type=tarfile.SYMTYPE, linkname="/etc/shadow"),
    member("srv/gr\xfc\xdf\n\x1b", b"odd"),
]


def tree(top):
    """All that a tree is made of; times of directories are when they were written."""
    found, links = {}, {}
    for directory, names, files in os.walk(os.fsencode(top)):
        for name in [b"", *names, *files] if directory == os.fsencode(top) else names + files:
            path = os.path.join(directory, name).rstrip(b"/")
            st = os.lstat(path)
            content = None
            if stat.S_ISREG(st.st_mode):
                with open(path, "rb") as file:
                    content = file.read()
            elif stat.S_ISLNK(st.st_mode):
                content = os.readlink(path)
            # What overlayfs keeps for itself, no container sees.
            attributes = {key: os.getxattr(path, key, follow_symlinks=False) for key in os.listxattr(path, follow_symlinks=False)
                          if not key.startswith("user.overlay.")}
            found[os.path.relpath(path, os.fsencode(top))] = (
                st.st_mode, st.st_uid, st.st_gid, st.st_nlink if content is not None else 0, st.st_mtime if content else 0,
                links.setdefault(st.st_ino, path[len(os.fsencode(top)):]) if st.st_nlink > 1 and content is not None else None,
                content, attributes)
    return found


def files_of(host, name):
    layer, = image(host, name)["layers"]
    return tree(host.root / STATE / "layers" / layer / "root")


@pytest.mark.parametrize("suffix", ["", ".gz", ".xz", ".zst"])
def test_export_and_import_again(host, put, suffix):  # noqa: F811
    put(archive(ODD), "odd")
    host.run("alice", f"bothy image export odd /tmp/out.tar{suffix} && bothy image export odd - >/tmp/again.tar", check=True)
    try:
        put(None, "back", how=f"bothy image import --alias {{alias}} /tmp/out.tar{suffix}", file=False)
        before, after = files_of(host, "odd"), files_of(host, "back")
        assert before.keys() == after.keys()
        for path, value in before.items():
            assert after[path] == value, path
        assert before[b"bin/ping"][-1]["security.capability"][:1] == b"\1" and before[b"bin/su"][0] == 0o104755
        assert set(before[b"etc/note"][-1]) == {"user.note", "system.posix_acl_access"}
        # The same image becomes the same bytes, and nothing stands beside them.
        again = (host.root / "tmp/again.tar").read_bytes()
        if not suffix:
            assert (host.root / "tmp/out.tar").read_bytes() == again
            with tarfile.open(fileobj=io.BytesIO(again)) as tar:
                names = tar.getnames()
                assert names[:2] == ["metadata.yaml", "rootfs"] and all(name.startswith("rootfs") for name in names[1:])
                assert tar.extractfile("metadata.yaml").read().startswith(b'architecture: "')
        assert not list((host.root / "tmp").glob("out.tar*.??????"))
    finally:
        host.run("alice", "rm -f /tmp/out.tar* /tmp/again.tar")


def test_export_of_a_stack(host, put, tidy):  # noqa: F811
    """Layers become what a container sees of them."""
    put(bundles.layout([BASE, TOP, bundles.tar([("old", b"now a file\n"), ("srv/.wh.none", b"")])]), "stack")
    host.run("alice", "bothy image export stack - | bothy image import --alias flat -", check=True)
    put(None, "flat", how="true {alias}", file=False)
    assert len(image(host, "stack")["layers"]) == 3 and len(image(host, "flat")["layers"]) == 1
    seen = [host.output("alice", f"bothy run --rm -u root {name} -- /bin/sh -c 'find / -xdev | busybox sort; cat /etc/b /old'"
                                 .replace("busybox sort", "/bin/busybox sort")) for name in ("stack", "flat")]
    assert seen[0] == seen[1] and seen[0].endswith("above\nnow a file") and "/gone" not in seen[0] and "/etc/a" not in seen[0]


def test_export_of_what_nobody_may_see_IMG_07(host, put):  # noqa: F811
    put(BASE, "hers")
    fingerprint = image(host, "hers")["fingerprint"]
    for name in ("hers", fingerprint):
        done = host.run("bob", f"bothy image export {name} /tmp/stolen.tar")
        assert done.returncode == 1 and "There is no image" in done.stderr
        assert not (host.root / "tmp/stolen.tar").exists()


@pytest.mark.parametrize("how", ["full", "reader-leaves", "interrupted"])
def test_export_that_fails_leaves_nothing_IMG_08(host, put, how):  # noqa: F811
    put(archive([member("srv/large", os.urandom(24 << 20))]), "large")
    host.run("root", "mkdir -p /tmp/small && mount -t tmpfs -o size=8M,mode=1777 none /tmp/small && echo old >/tmp/small/out.tar && chmod 666 /tmp/small/out.tar", check=True)
    try:
        if how == "full":
            done = host.run("alice", "bothy image export large /tmp/small/out.tar")
            assert done.returncode == 1 and "No space left on device" in done.stderr, done.stderr
        elif how == "reader-leaves":
            done = host.run("alice", "bash", "-c", "set -o pipefail; bothy image export large - | head -c 1000 >/dev/null")
            assert done.returncode == 1 and "Nobody takes" in done.stderr
        else:
            done = host.run("alice", "mkfifo /tmp/small/fifo; sleep 100 </tmp/small/fifo & reader=$!; bothy image export large /tmp/small/fifo & exporter=$!; "
                            "until pgrep -x bothy-pack >/dev/null; do sleep 0.1; done; kill -TERM $exporter; wait $exporter; code=$?; kill $reader; exit $code", timeout=60)
            assert done.returncode == 1, done
        # What was there is there, and no process of ours goes on.
        assert host.output("alice", "cat /tmp/small/out.tar; ls -A /tmp/small | grep -v fifo") == "old\nout.tar"
        until(lambda: not host.run("root", "pgrep bothy-pack").stdout)
    finally:
        host.run("root", "umount -l /tmp/small")
    assert json.loads(host.output("alice", "bothy image info --json large"))["aliases"] == ["large"]


def test_an_image_that_goes_while_it_is_exported(host, put):  # noqa: F811
    put(archive([member("srv/large", os.urandom(8 << 20))]), "large")
    size = len(files_of(host, "large")[b"srv/large"][6])
    # A pipe does not take all of it, so it is not through when the image goes.
    done = host.run("alice", "cd; bothy image export large - | { head -c 1000 >all.tar; bothy image delete large; "
                             "cat >>all.tar; }; tar -tvf all.tar | grep srv/large; rm all.tar", timeout=60)
    assert str(size) in done.stdout, done
    put(BASE, "large")

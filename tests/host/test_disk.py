# SPDX-License-Identifier: LGPL-2.1-or-later
"""Full disks, hostile archives, and machines that lack something: a clear error, and nothing left of it."""

import gzip
import io
import json
import subprocess
import tarfile

import pytest

from tools import STATE, info, names, nothing_left, state, tidy, tree, until  # noqa: F401


@pytest.fixture
def small(fresh_host):
    host = fresh_host("--state-size", "64M")
    host.run("bob", "bothy", "launch", "busybox", "beside", check=True)
    return host


def archive(*entries):
    """A tar of (name, kind, what): bytes of a file, target of a link."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind, what in (("bin", "dir", None), ("bin/sh", "file", b"#!"), *entries):
            entry = tarfile.TarInfo(name)
            entry.mode = 0o755
            data = None
            if kind == "dir":
                entry.type = tarfile.DIRTYPE
            elif kind == "file":
                entry.size, data = len(what), io.BytesIO(what)
            elif kind == "symlink":
                entry.type, entry.linkname = tarfile.SYMTYPE, what
            elif kind == "link":
                entry.type, entry.linkname = tarfile.LNKTYPE, what
            elif kind == "block":
                entry.type, entry.devmajor, entry.devminor = tarfile.BLKTYPE, 8, 0
            elif kind == "char":
                entry.type, entry.devmajor, entry.devminor = tarfile.CHRTYPE, 1, 1
            tar.addfile(entry, data)
    return buffer.getvalue()


def import_bytes(host, data, *options, user="alice"):
    done = host.run(user, "bothy", "image", "import", *options, "-", input=data, text=False, timeout=120)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_full_disk_IMG_08_STATE_02(small):
    """An import that does not fit, then a disk without one byte left."""
    host = small
    before = tree(host)
    zeros = subprocess.run(["sh", "-c", "mkdir -p bin; head -c 100000000 /dev/urandom >big; tar -c bin big"],
                           cwd=make_directory(host), stdout=subprocess.PIPE, check=True).stdout
    code, out, error = import_bytes(host, zeros, "--alias", "big")
    assert code == 1 and out == "" and "space" in error.lower(), error
    until(lambda: tree(host) == before, what="the half image is gone")
    nothing_left(host)
    host.run("bob", "bothy exec beside -- true", check=True)
    # Full to the last block, as a container of bob's may do.
    host.run("bob", "bothy exec beside -- sh -c 'cat /dev/zero >/root/zeros'")
    host.run("root", f"cd /{STATE}; cat /dev/zero >fill; for i in $(seq 200); do head -c 1024 /dev/zero >fill$i || exit 0; "
                     "done")
    assert int(host.output("root", f"df --output=avail /{STATE} | tail -1")) <= 4
    for i in range(3):
        done = host.run("alice", "bothy", "create", "busybox", f"c{i}")
        assert done.returncode == 0 or "space" in done.stderr.lower(), done.stderr
        if done.returncode:
            assert f"c{i}" not in names(host)
    refused = [done for done in (host.run("alice", "bothy", "launch", "busybox", f"d{i}") for i in range(40))
               if done.returncode]
    assert refused and all("space" in done.stderr.lower() for done in refused), [d.stderr for d in refused][:3]
    # Reading goes on, stopping and deleting too, and then there is room again.
    assert state(host, "beside", "bob") == "running"
    host.run("bob", "bothy exec beside -- rm /root/zeros", check=True)
    host.run("bob", "bothy stop -f beside && bothy delete beside", check=True)
    host.run("root", "systemctl", "restart", "bothyd", check=True)
    left = names(host)
    for name in left:
        host.run("alice", "bothy", "delete", "-f", name, check=True)
    host.run("root", f"rm /{STATE}/fill*", check=True)
    nothing_left(host)
    host.run("alice", "bothy", "run", "--rm", "busybox", "true", check=True)


def make_directory(host):
    directory = host.handle / "scratch"
    directory.mkdir(exist_ok=True)
    return directory


HOSTILE = {
    "parent": archive(("../../escaped", "file", b"x")),
    "inner-parent": archive(("bin/../../escaped", "file", b"x")),
    "absolute": archive(("/escaped", "file", b"x")),
    "symlink-parent": archive(("out", "symlink", "/tmp"), ("out/escaped", "file", b"x")),
    "symlink-up": archive(("out", "symlink", "../../../../../../tmp"), ("out/escaped", "file", b"x")),
    "hard-link-out": archive(("etc", "dir", None), ("etc/shadow", "link", "../../../../../../etc/shadow")),
    "hard-link-absolute": archive(("shadow", "link", "/etc/shadow")),
    "hard-link-through": archive(("out", "symlink", "/etc"), ("shadow", "link", "out/shadow")),
    "block-device": archive(("dev", "dir", None), ("dev/sda", "block", None)),
    "char-device": archive(("mem", "char", None)),
    "truncated": archive(("big", "file", b"x" * 100000))[:60000],
    "truncated-gzip": gzip.compress(archive(("big", "file", bytes(range(256)) * 4000)))[:3000],
    "no-archive": b"\0\1\2 this is no archive at all" * 100,
    "empty": b"",
    "root-is-a-file": archive((".", "file", b"x")),
    "newline-name": archive(("a\nb\033[31m", "file", b"x")),
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_archive(host, name):
    host.run("alice", "bothy", "list", check=True)
    before = tree(host)
    code, out, error = import_bytes(host, HOSTILE[name], "--alias", "hostile")
    for place in "/escaped", "/tmp/escaped", f"/{STATE}/escaped", f"/{STATE}/images/escaped", "/var/escaped":
        assert not (host.root / place.lstrip("/")).exists()
    if code:
        assert code == 1 and out == "" and error.startswith("bothy: ")
        assert not any(byte in error for byte in "\033\a")
        until(lambda: tree(host) == before, what="nothing is left")
    else:
        # Taken, then harmless: all of it is below the image's root, in ids that are nobody's.
        fingerprint = out.strip()
        image = host.root / STATE / "layers" / fingerprint / "root"
        for path in [image, *image.rglob("*")]:
            assert path.lstat().st_uid >= 65536, path
            assert not path.is_block_device() and not path.is_char_device()
            if path.name == "shadow":
                assert path.is_symlink() or path.lstat().st_ino != (host.root / "etc/shadow").stat().st_ino
        host.run("alice", "bothy", "image", "delete", "hostile", check=True)
        until(lambda: tree(host) == before, what="nothing is left")
    if name in ("truncated", "truncated-gzip", "no-archive", "empty", "parent", "inner-parent", "hard-link-absolute"):
        assert code == 1 or name in ("hard-link-absolute",), "it is taken"
    nothing_left(host)


def test_bomb_against_the_quota(fresh_host):
    """Gigabytes of zeros in a few kilobytes, and too many files: refused when the quota is reached, not when the disk is full."""
    # Others write to the machine's disk as well.
    host = fresh_host("--state-size", "4G")
    host.write("/etc/bothy/bothyd.conf", "[Quota]\nImageBytes=50000000\nImageFiles=1000\n")
    host.run("root", "systemctl stop bothyd; true")
    host.run("alice", "bothy", "list", check=True)
    before = tree(host)
    bomb = subprocess.run("(printf x; head -c 511 /dev/zero) >/dev/null; d=$(mktemp -d) && cd $d && mkdir bin && "
                          "truncate -s 2G zeros && tar -c bin zeros | zstd -1 -q -c; cd / && rm -r $d",
                          shell=True, stdout=subprocess.PIPE, check=True).stdout
    sparse = subprocess.run("d=$(mktemp -d) && cd $d && mkdir bin && truncate -s 10G zeros && tar -S -c bin zeros; "
                            "cd / && rm -r $d", shell=True, stdout=subprocess.PIPE, check=True).stdout
    many = archive(*((f"f{i}", "file", b"") for i in range(3000)))
    # Holes take nothing, neither of the disk nor of the quota.
    free = host.output("root", f"df --output=avail /{STATE} | tail -1")
    assert import_bytes(host, sparse, "--alias", "holes")[0] == 0
    assert abs(int(free) - int(host.output("root", f"df --output=avail /{STATE} | tail -1"))) < 1_000_000
    host.run("alice", "bothy", "image", "delete", "holes", check=True)
    for data in bomb, many:
        free = host.output("root", f"df --output=avail /{STATE} | tail -1")
        code, out, error = import_bytes(host, data, "--alias", "bomb")
        assert (code, out) == (1, ""), error
        assert "bothy: " in error and ("limit" in error.lower() or "quota" in error.lower() or "many" in error.lower()
                                       or "large" in error.lower() or "more than" in error.lower()), error
        until(lambda: tree(host) >= before and not any((host.root / STATE / "trash").iterdir()), what="nothing is left")
        assert abs(int(free) - int(host.output("root", f"df --output=avail /{STATE} | tail -1"))) < 10_000_000
    nothing_left(host)
    # What fits, fits.
    assert import_bytes(host, archive(), "--alias", "fits")[0] == 0


def test_masked_polkit(fresh_host):
    host = fresh_host()
    host.run("alice", "bothy", "launch", "busybox", "x1", check=True)
    host.run("root", "systemctl mask --now polkit", check=True)
    done = host.run("alice", "bothy", "create", "busybox", "x2", timeout=90)
    assert done.returncode == 1 and "polkit" in done.stderr, done.stderr
    assert names(host) == ["x1"]
    # What needs no question goes on.
    host.run("alice", "bothy exec x1 -- true && bothy stop -f x1 && bothy start x1 && bothy delete -f x1", check=True)
    nothing_left(host)


def test_file_system_without_idmapped_mounts(fresh_host):
    """ramfs has no idmapped mounts, on any kernel."""
    host = fresh_host()
    host.run("root", f"systemctl stop bothyd; mount -t ramfs -o mode=700 none /{STATE} && systemctl restart bothy-helper",
             check=True)
    assert "ramfs" in host.output("root", f"stat -f -c %T /{STATE}")
    host.run("alice", "bothy", "create", "busybox", "x1", check=True)
    done = host.run("alice", "bothy", "start", "x1")
    assert done.returncode == 1
    assert "idmap" in done.stderr.lower() or "ext4" in done.stderr, done.stderr
    assert info(host, "x1")["state"] == "failed" and info(host, "x1")["lastError"]
    raw = host.run("alice", "busctl", "call", "org.bothy.Bothy1", "/org/bothy/Bothy1/container/u1000/x1",
                   "org.bothy.Bothy1.Container", "Start", "a{sv}", "0")
    assert raw.returncode != 0
    nothing_left(host)


def test_image_with_links_where_mounts_go_IMG_10(host):
    """/dev, /proc, /sys, /run and /etc as links to elsewhere: starts or fails, and the host is untouched."""
    busybox = (host.root / "bin/busybox").read_bytes()
    for number, links in enumerate((("dev", "proc", "sys", "run", "tmp"), ("etc", "sbin"), ("dev",), ("proc",), ("sys",))):
        entries = [("bin/busybox", "file", busybox), ("bin/init", "symlink", "busybox")]
        entries += [(name, "symlink", "../../../../../../../tmp/target") for name in links]
        entries += [("sbin", "dir", None), ("sbin/init", "symlink", "/bin/busybox")] if "sbin" not in links else []
        host.run("root", "rm -rf /tmp/target; mkdir -m 777 /tmp/target", check=True)
        code, out, error = import_bytes(host, archive(*entries), "--alias", "links")
        assert code == 0, error
        done = host.run("alice", "bothy", "launch", "links", f"l{number}")
        assert done.returncode == 0 or done.stderr.startswith("bothy: "), done.stderr
        assert host.output("root", "ls -A /tmp/target") == ""
        host.run("alice", "bothy delete -f l%d; bothy image delete links" % number, check=True)
        nothing_left(host)
    # Without an init it does not start, and says so.
    assert import_bytes(host, archive(), "--alias", "noinit")[0] == 0
    done = host.run("alice", "bothy", "launch", "noinit", "n1")
    assert done.returncode != 0 and done.stderr.startswith("bothy: ")
    host.run("alice", "bothy delete -f n1; bothy image delete noinit")
    assert "noinit" not in host.output("alice", "bothy image list --json")


def test_two_users_import_the_same_IMG_11(host):
    """One goes away, the other's stays."""
    data = archive(("etc", "dir", None), ("etc/os-release", "file", b"ID=both\n"), ("big", "file", b"y" * 3_000_000))
    commands = [subprocess.Popen(host.command(user, "bothy", "image", "import", "--alias", f"of-{user}", "-"),
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                for user in ("alice", "bob")]
    for command in commands:
        command.stdin.write(data[:100_000])
        command.stdin.flush()
    commands[0].stdin.write(data[100_000:])
    commands[0].stdin.close()
    commands[0].stdin = None
    out = commands[0].communicate(timeout=30)
    assert commands[0].returncode == 0, out
    # bob's is cut off.
    commands[1].stdin.close()
    commands[1].stdin = None
    cut = commands[1].communicate(timeout=30)
    assert commands[1].returncode == 1, cut
    assert import_bytes(host, data, "--alias", "of-bob", user="bob")[0] == 0
    listed = {user: [alias for image in json.loads(host.output(user, "bothy image list --json"))
                     for alias in image["aliases"]] for user in ("alice", "bob")}
    assert sorted(listed["alice"]) == ["busybox", "of-alice"] and sorted(listed["bob"]) == ["busybox", "of-bob"]
    host.run("alice", "bothy", "image", "delete", "of-alice", check=True)
    host.run("bob", "bothy", "create", "of-bob", "b1", check=True)
    host.run("bob", "bothy delete b1 && bothy image delete of-bob", check=True)
    nothing_left(host)

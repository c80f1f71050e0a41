# SPDX-License-Identifier: LGPL-2.1-or-later
"""Containers that other tools made: what becomes of their files and of their configuration."""

import json
import os
import re
import struct
import subprocess

import pytest

from tools import UID, info, names, nothing_left, tidy  # noqa: F401

BUSYBOX = "/bin/busybox"
CONFIG = """# Template used to create this container: /usr/share/lxc/templates/lxc-debian
lxc.include = /usr/share/lxc/config/debian.common.conf
lxc.rootfs.path = dir:/var/lib/lxc/web/rootfs
lxc.uts.name = jeedom1
lxc.arch = amd64
lxc.environment = FROM=lxc
lxc.net.0.type = veth
lxc.net.0.link = lxcbr0
lxc.net.0.hwaddr = 00:16:3e:11:22:33
lxc.mount.entry = /srv/data srv/data none bind,create=dir 0 0
lxc.cgroup2.memory.max = 256M
lxc.cgroup2.devices.allow = c 188:* rwm
lxc.start.auto = 1
lxc.start.delay = 5
lxc.apparmor.profile = unconfined
lxc.hook.pre-start = /usr/local/bin/hook
"""
OLD_CONFIG = """lxc.utsname = old
lxc.rootfs = {tree}
lxc.id_map = u 0 {base} 65536
lxc.id_map = g 0 {base} 65536
lxc.network.type = empty
lxc.cgroup.memory.limit_in_bytes = 128M
lxc.aa_profile = unconfined
"""
CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)  # cap_net_raw, effective


def capability_of(root):
    """The third version, with who is root."""
    return struct.pack("<IIIIII", 0x03000001, 1 << 13, 0, 0, 0, root) if root else CAPABILITY


def acl(*named):
    """rw for the owner, r for the group and each of the named users."""
    entries = [(1, 6, 2**32 - 1), *((2, 4, uid) for uid in named), (4, 4, 2**32 - 1), (16, 4, 2**32 - 1), (32, 0, 2**32 - 1)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def make_tree(root, base=0):
    """A small system with all that a copy may lose. Root inside is BASE."""
    for path in ("bin", "sbin", "etc", "usr", "srv/data", "home/user", "dev", "proc", "sys", "tmp", "var", "root", "run"):
        (root / path).mkdir(parents=True)
    binary = root / "bin/busybox"
    binary.write_bytes(open(BUSYBOX, "rb").read())
    for name in ("sh", "ls", "stat", "cat", "sleep", "su", "id", "ping", "env", "hostname", "find", "du", "true", "sha256sum", "readlink"):
        (root / "bin" / name).symlink_to("busybox")
    (root / "sbin/init").write_text("#!/bin/sh\ntrap 'exit 0' TERM\n" + "while :; do sleep 1 & wait; done\n")
    (root / "etc/os-release").write_text('NAME=Small\nID=small\nVERSION_ID=7\nPRETTY_NAME="Small 7"\n')
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n")
    (root / "home/user/file").write_text("his\n")
    (root / "srv/nobodys").write_text("nobody\n")
    (root / "usr/setuid").write_text("x")
    (root / "usr/capable").write_text("x")
    (root / "usr/one").write_text("linked")
    os.link(root / "usr/one", root / "usr/two")
    (root / "root/secret").write_text("secret\n")
    (root / "root/nobodys").write_text("hidden\n")
    with open(root / "srv/sparse", "wb") as sparse:
        sparse.seek(20 << 20)
        sparse.write(b"end")
    (root / "srv/acl").write_text("acl")
    os.mkfifo(root / "srv/pipe")
    os.mknod(root / "dev/ttyUSB0", 0o20660, os.makedev(188, 0))
    for path in (root, *root.rglob("*")):
        os.lchown(path, base, base)
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.parent.name in ("bin", "sbin") else 0o644)
    for path in ("home/user", "home/user/file"):
        os.chown(root / path, base + 1000, base + 1000)
    for path in ("srv/nobodys", "root/nobodys"):
        os.chown(root / path, base + 65534, base + 65534)
    (root / "root").chmod(0o700)
    (root / "tmp").chmod(0o1777)
    (root / "root/secret").chmod(0o600)
    (root / "root/nobodys").chmod(0o600)
    (root / "usr/setuid").chmod(0o4755)
    (root / "srv/data").chmod(0o2775)
    os.setxattr(root / "usr/capable", "security.capability", capability_of(base))
    os.setxattr(root / "srv/acl", "system.posix_acl_access", acl(base + 1000))
    for path in ("home/user/file", "usr/one", "srv/data"):
        os.utime(root / path, ns=(10**18, 10**18 + 123456789))


@pytest.fixture
def lxc(host):
    """Root's, privileged. The throwaway host's own file system is an overlay, which can not be idmapped."""
    host.run("root", "mkdir -p /var/lib/lxc && mount -t tmpfs -o mode=711 none /var/lib/lxc", check=True)
    container = host.root / "var/lib/lxc/web"
    container.mkdir()
    container.chmod(0o770)
    make_tree(container / "rootfs")
    (container / "config").write_text(CONFIG)
    yield container
    host.run("root", "umount -l /var/lib/lxc", check=True)


def everything(root):
    """What there is to know of each file but devices, to compare."""
    found = {}
    for path in (root, *sorted(root.rglob("*"))):
        st = path.lstat()
        if not os.path.islink(path) and (st.st_mode & 0o170000) in (0o020000, 0o060000):
            continue
        found[str(path.relative_to(root))] = (
            oct(st.st_mode), st.st_uid, st.st_gid, st.st_nlink if not path.is_dir() else 0, st.st_size if not path.is_dir() else 0,
            st.st_mtime_ns if not path.is_dir() or path.name == "data" else 0, os.readlink(path) if path.is_symlink() else "",
            {} if path.is_symlink() else {n: os.getxattr(path, n) for n in os.listxattr(path)})
    return found


def image_root(host, name, user="alice"):
    """The directory of the machine that has what was copied: its owners are those inside, and so many more."""
    layers = json.loads(host.output("root", f"bothy info {user}/{name} --json"))["image"]
    record = (host.root / f"var/lib/bothy/images/{layers}/image").read_text()
    (layer,) = re.search(r"^Layers=(.*)$", record, re.M)[1].rstrip(";").split(";")
    return host.root / f"var/lib/bothy/layers/{layer}/root"


NEUTRAL = 2147352576


def inside(host, line, name="web", user="alice"):
    return host.output(user, "bothy", "exec", "-T", name, "--", "/bin/sh", "-c", line)


def plan(host, user, *words):
    done = host.run(user, "bothy", "adopt", "--dry-run", "--json", *words)
    return json.loads(done.stdout), done


def outcomes(found):
    return {line["key"]: (line["outcome"], line["text"]) for line in found["lines"]}


def adopt_for_alice(host, *words):
    return host.output("root", "bothy", "adopt", "--owner", "alice", *words)


# ---- what is copied ----

def test_conv03_privileged_tree_of_lxc(host, lxc):
    before = everything(lxc)
    assert adopt_for_alice(host, "lxc:web") == "web"
    assert everything(lxc) == before
    root = image_root(host, "web")
    copied, original = everything(root), everything(lxc / "rootfs")
    assert set(copied) == set(original)
    for path, (mode, uid, gid, links, size, mtime, target, attributes) in original.items():
        there = copied[path]
        assert there[:3] == (mode, uid + NEUTRAL, gid + NEUTRAL), path
        assert there[3:7] == (links, size, mtime, target), path
        assert set(there[7]) == set(attributes), path
    assert copied["usr/capable"][7]["security.capability"] == capability_of(NEUTRAL)
    assert copied["srv/acl"][7]["system.posix_acl_access"] == acl(NEUTRAL + 1000)
    assert (root / "usr/one").stat().st_ino == (root / "usr/two").stat().st_ino
    assert (root / "srv/sparse").stat().st_blocks < 100


def test_conv03_it_runs_as_it_was(host, lxc):
    adopt_for_alice(host, "lxc:web")
    host.run("alice", "bothy start web", check=True)
    assert inside(host, "hostname; cat /proc/1/environ").split("\n")[0] == "jeedom1"
    assert "FROM=lxc" in info(host, "web")["environment"]
    assert inside(host, "stat -c '%a %u:%g %n' /usr/setuid /home/user/file /srv/nobodys /root/secret /tmp").splitlines() == [
        "4755 0:0 /usr/setuid", "644 1000:1000 /home/user/file", "644 65534:65534 /srv/nobodys", "600 0:0 /root/secret",
        "1777 0:0 /tmp"]
    assert inside(host, "stat -c %h /usr/one; cat /root/secret /root/nobodys") == "2\nsecret\nhidden"
    found = info(host, "web")
    assert found["limits"]["memory"] == 256 << 20
    assert found["autostart"]["mode"] == "boot" and found["autostart"]["delay"] == 5
    assert found["owner"] == UID["alice"] and found["rangeBase"] >= 1073741824

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Containers that other tools made: what becomes of their files and of their configuration."""

import json
import os
import re
import struct

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
    # Mounts do not spread there, so that bothyd has to begin anew to see it.
    host.run("root", "mkdir -p /var/lib/lxc && mount -t tmpfs -o mode=711 none /var/lib/lxc && systemctl stop bothyd", check=True)
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


def own_images(host, user="alice"):
    return [name for name in host.output(user, "bothy image list -q").split() if name != "busybox"]


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


def test_dir_of_a_users_own(host):
    """Files of hers alone are root's inside."""
    host.run("root", "mkdir -p ~alice/disk && mount -t tmpfs -o uid=1000,gid=1000,mode=755 none ~alice/disk", check=True)
    try:
        tree = host.root / host.output("alice", "realpath ~/disk").lstrip("/") / "tree"
        for path in ("bin", "etc", "usr"):
            (tree / path).mkdir(parents=True)
        (tree / "bin/busybox").write_bytes(open(BUSYBOX, "rb").read())
        (tree / "bin/sh").symlink_to("busybox")
        (tree / "etc/mine").write_text("mine")
        for path in (tree, *tree.rglob("*")):
            os.lchown(path, 1000, 1000)
        (tree / "bin/busybox").chmod(0o755)
        (tree / "etc/mine").chmod(0o600)
        found, done = plan(host, "alice", f"dir:{host.output('alice', 'realpath ~/disk/tree')}")
        assert done.returncode == 0, done.stderr
        assert found["facts"]["map"] == "0 is 1000" and found["lines"] == [] and found["facts"]["obstacle"] == ""
        assert host.output("alice", "cd ~/disk && bothy adopt ./tree") == "tree"
        copied = image_root(host, "tree")
        assert {path.lstat().st_uid for path in (copied, *copied.rglob("*"))} == {NEUTRAL}
        assert (copied / "etc/mine").stat().st_mode & 0o7777 == 0o600
        # What is somebody else's there makes it none of hers.
        (tree / "etc/bobs").write_text("bobs")
        os.chown(tree / "etc/bobs", 1001, 1001)
        found, done = plan(host, "alice", f"dir:{host.output('alice', 'realpath ~/disk/tree')}")
        assert done.returncode == 1 and found["facts"]["foreign"] == 1 and found["facts"]["foreignPaths"] == ["/etc/bobs"]
        done = host.run("alice", "cd ~/disk && bothy adopt ./tree two")
        assert done.returncode == 1 and "/etc/bobs" in done.stderr and names(host) == ["tree"]
    finally:
        host.run("root", "umount -l ~alice/disk", check=True)


# ---- whose it is ----

BASE = 300000


@pytest.fixture
def own(host):
    """alice's LXC container, with ids that are hers by subuid(5)."""
    host.run("root", "mkdir -p ~alice/.local/share/lxc && mount -t tmpfs -o uid=1000,gid=1000,mode=755 none ~alice/.local/share/lxc",
             check=True)
    home = host.output("alice", "realpath ~")
    container = host.root / home.lstrip("/") / ".local/share/lxc/mine"
    container.mkdir()
    make_tree(container / "rootfs", BASE)
    (container / "config").write_text(OLD_CONFIG.format(tree=f"{home}/.local/share/lxc/mine/rootfs", base=BASE))
    host.write("etc/subuid", f"alice:{BASE}:65536\n")
    host.write("etc/subgid", f"alice:{BASE}:65536\n")
    yield container
    host.run("root", ": >/etc/subuid; : >/etc/subgid; umount -l ~alice/.local/share/lxc", check=True)


def test_conv04_own_container_with_mapped_ids(host, own):
    before = everything(own)
    assert host.output("alice", "bothy adopt --list").splitlines()[1].split()[:2] == ["lxc:mine", "stopped"]
    found, done = plan(host, "alice", "lxc:mine")
    assert done.returncode == 0, done.stderr
    assert found["facts"]["map"] == f"0-65535 are {BASE}-{BASE + 65535}" and found["facts"]["privileged"] is False
    told = outcomes(found)
    assert told["lxc.utsname"][0] == "kept" and told["lxc.id_map"][0] == "changed" and told["lxc.aa_profile"][0] == "dropped"
    assert told["lxc.network.type"] == ("kept", "no network")
    assert host.output("alice", "bothy adopt lxc:mine") == "mine"
    assert everything(own) == before
    copied, original = everything(image_root(host, "mine")), everything(own / "rootfs")
    assert set(copied) == set(original)
    for path, (mode, uid, gid, *_) in original.items():
        assert copied[path][:3] == (mode, uid - BASE + NEUTRAL, gid - BASE + NEUTRAL), path
    assert copied["usr/capable"][7]["security.capability"] == capability_of(NEUTRAL)
    assert copied["srv/acl"][7]["system.posix_acl_access"] == acl(NEUTRAL + 1000)
    assert info(host, "mine")["network"] == "none" and info(host, "mine")["hostname"] == "old"


def test_conv04_ids_of_others_are_refused(host, own):
    host.write("etc/subuid", f"alice:{BASE}:65535\nbob:{BASE}:65536\n")
    done = host.run("alice", "bothy adopt lxc:mine")
    assert done.returncode == 1 and "not yours" in done.stderr and names(host) == []
    # What the configuration says is hers is not what the files have.
    host.write("etc/subuid", f"alice:{BASE + 100000}:65536\n")
    host.write("etc/subgid", f"alice:{BASE + 100000}:65536\n")
    (own / "config").write_text((own / "config").read_text().replace(str(BASE), str(BASE + 100000)))
    done = host.run("alice", "bothy adopt lxc:mine")
    assert done.returncode == 1 and names(host) == []
    nothing_left(host)


def test_conv07_roots_is_for_an_administrator(host, lxc):
    done = host.run("alice", "bothy", "--no-ask-password", "adopt", "lxc:web")
    assert done.returncode == 1 and "uthor" in done.stderr, done.stderr
    done = host.run("alice", "bothy", "--no-ask-password", "adopt", "--dry-run", "lxc:web")
    assert done.returncode == 1 and "jeedom" not in done.stdout + done.stderr
    assert host.run("alice", "bothy", "--no-ask-password", "adopt", "--list", "--all").returncode == 1
    # Nor for whom an administrator did not mean.
    done = host.run("alice", "bothy", "--no-ask-password", "adopt", "--owner", "bob", "dir:/usr", "x1")
    assert done.returncode == 1 and names(host, "bob") == []
    # Root's files are nobody else's, even where anybody may read them.
    done = host.run("alice", "bothy", "adopt", "dir:/", "x1")
    assert done.returncode == 1 and "not yours" in done.stderr
    assert names(host) == []


def test_conv07_by_name_after_an_administrators_word(host, lxc):
    """carol has no right to open it herself; the service does, by its name."""
    host.write("etc/polkit-1/rules.d/49-test.rules", """polkit.addRule(function(action, subject) {
      if (action.id == "org.bothy.Bothy1.adopt-container" && subject.user == "carol") {
        polkit.log("asked " + action.lookup("source") + " " + action.lookup("owner-name"));
        return polkit.Result.YES;
      }
    });""")
    host.run("root", "systemctl try-restart polkit", check=True)
    try:
        assert host.run("carol", "ls /var/lib/lxc/web").returncode != 0
        assert "lxc:web" in host.output("carol", "bothy adopt --list --all")
        (lxc / "config").write_text("lxc.uts.name = byname\n")
        found, done = plan(host, "carol", "lxc:web")
        assert done.returncode == 0 and found["facts"]["privileged"] is True, done.stderr
        assert host.output("carol", "bothy adopt --owner bob lxc:web theirs") == "theirs"
        assert names(host, "bob") == ["theirs"] and names(host, "carol") == []
        assert info(host, "theirs", "bob")["hostname"] == "byname"
        # A link is not followed, wherever it leads.
        (lxc / "rootfs").rename(lxc / "moved")
        (lxc / "rootfs").symlink_to("moved")
        done = host.run("carol", "bothy adopt lxc:web other")
        assert done.returncode == 1 and "symbolic link" in done.stderr
        done = host.run("carol", "bothy adopt lxc:nothere")
        assert done.returncode == 1 and "there is none" in done.stderr
    finally:
        host.run("root", "rm /etc/polkit-1/rules.d/49-test.rules; systemctl try-restart polkit", check=True)


# ---- the plan ----

def test_conv09_what_is_not_carried_over_is_told(host, lxc):
    found, done = plan(host, "root", "lxc:web")
    assert done.returncode == 0, done.stderr
    told = outcomes(found)
    assert len(found["lines"]) == CONFIG.count(" = ")
    assert [key for key, (outcome, _) in told.items() if outcome == "dropped"] == [
        "lxc.net.0.link", "lxc.net.0.hwaddr", "lxc.mount.entry", "lxc.cgroup2.devices.allow", "lxc.apparmor.profile", "lxc.hook.pre-start"]
    assert "bothy mount add web /srv/data:/srv/data" in told["lxc.mount.entry"][1]
    assert told["lxc.cgroup2.memory.max"] == ("kept", "limit memory=268435456")
    facts = found["facts"]
    assert facts["privileged"] is True and facts["os"] == "Small 7" and facts["map"] == "0-65535 are 0-65535"
    assert (facts["setuid"], facts["capabilities"], facts["acls"], facts["links"], facts["devices"]) == (1, 1, 1, 2, 1)
    assert names(host) == [] and own_images(host, "root") == []
    text = host.output("root", "bothy adopt --dry-run lxc:web")
    assert "lxc.hook.pre-start" in text and re.search(r"Ids: +0-65535 are 0-65535", text)


def test_conv04_ids_out_of_range_are_refused_with_a_list(host, lxc):
    os.chown(lxc / "rootfs/usr/one", 70000, 0)
    os.setxattr(lxc / "rootfs/srv/acl", "system.posix_acl_access", acl(80000))
    found, done = plan(host, "root", "lxc:web")
    assert done.returncode == 1
    assert sorted(found["facts"]["foreignPaths"]) == ["/srv/acl", "/usr/one", "/usr/two"]
    done = host.run("root", "bothy adopt --owner alice lxc:web")
    assert done.returncode == 1 and "/usr/one" in done.stderr
    assert names(host) == []
    nothing_left(host)


# ---- when it does not work ----

def test_conv07_what_is_mounted_in_it_is_not_missed(host, lxc):
    host.run("root", "mount -t tmpfs -o mode=755 none /var/lib/lxc/web/rootfs/srv/data && mkdir -p '/var/lib/lxc/web 2'", check=True)
    done = host.run("root", "bothy adopt --owner alice lxc:web")
    assert done.returncode == 1 and "mounted in it" in done.stderr and names(host) == []
    host.run("root", "umount /var/lib/lxc/web/rootfs/srv/data && mount -t tmpfs none '/var/lib/lxc/web 2'", check=True)
    assert adopt_for_alice(host, "lxc:web") == "web"
    host.run("root", "umount '/var/lib/lxc/web 2'", check=True)


def test_conv06_running_is_refused(host, lxc):
    host.run("root", "mkdir -p /sys/fs/cgroup/lxc.payload.web && (sh -c 'echo $$ >/sys/fs/cgroup/lxc.payload.web/cgroup.procs; exec sleep 60' "
             ">/dev/null 2>&1 & )", check=True)
    try:
        host.run("root", "until grep -q . /sys/fs/cgroup/lxc.payload.web/cgroup.procs; do sleep 0.05; done", check=True)
        assert "running" in host.output("root", "bothy adopt --list")
        done = host.run("root", "bothy adopt --owner alice lxc:web")
        assert done.returncode == 1 and "lxc-stop -n web" in done.stderr and names(host) == []
    finally:
        host.run("root", "kill $(cat /sys/fs/cgroup/lxc.payload.web/cgroup.procs); "
                 "until rmdir /sys/fs/cgroup/lxc.payload.web 2>/dev/null; do sleep 0.05; done", check=True)
    assert adopt_for_alice(host, "lxc:web") == "web"


def test_conv06_a_users_session_says_nothing_of_roots(host, lxc):
    """alice calls a group of hers like root's container."""
    group = "/sys/fs/cgroup/user.slice/user-1000.slice/lxc.payload.web"
    host.run("root", f"mkdir -p {group} && (setsid setpriv --reuid 1000 --regid 1000 --clear-groups sleep 60 >/dev/null 2>&1 & "
             f"echo $! >{group}/cgroup.procs; setsid sleep 60 >/dev/null 2>&1 & echo $! >{group}/cgroup.procs)", check=True)
    try:
        assert host.output("root", f"grep -c . {group}/cgroup.procs") == "2"
        assert "running" not in host.output("root", "bothy adopt --list")
        assert host.run("root", "bothy adopt --dry-run lxc:web").returncode == 0
    finally:
        host.run("root", f"kill $(cat {group}/cgroup.procs); until rmdir {group} 2>/dev/null; do sleep 0.05; done", check=True)


def test_conv01_root_follows_no_link(host):
    """Root names a tree of alice's, which leads elsewhere by then."""
    host.run("root", "mkdir -p /srv/roots/bin /srv/roots/etc && mkdir -p ~alice/trees && chown alice: ~alice/trees", check=True)
    host.run("alice", "ln -s /srv/roots ~/trees/tree; ln -s /srv ~/trees/above", check=True)
    for path, target in ("tree", "/srv/roots"), ("above/roots", "/srv/roots"), ("../trees/tree", "/srv/roots"):
        done = host.run("root", f"cd ~alice/trees && bothy adopt --owner alice dir:$PWD/{path} x1")
        assert done.returncode == 1 and "symbolic link" in done.stderr and target in done.stderr, done.stderr
    assert names(host) == []
    host.run("root", "rm -r /srv/roots ~alice/trees", check=True)


def test_names_and_what_is_deleted(host, lxc):
    adopt_for_alice(host, "lxc:web", "one")
    done = host.run("root", "bothy adopt --owner alice lxc:web one")
    assert done.returncode == 1 and "one" in done.stderr
    done = host.run("root", "bothy adopt --owner alice lxc:web No")
    assert done.returncode == 2
    assert host.run("root", "bothy adopt --owner nobodyhere lxc:web x").returncode == 2
    assert host.run("root", "bothy adopt --owner 4242 lxc:web x").returncode == 1
    assert host.run("root", "bothy adopt --convert lxc:web x").returncode == 2
    # Its files are an image of its owner's, which counts, and goes with it.
    assert len(own_images(host)) == 1
    host.run("alice", "bothy copy one two && bothy delete one", check=True)
    assert len(own_images(host)) == 1
    host.run("alice", "bothy delete two", check=True)
    assert own_images(host) == []
    # Unless they are an image of hers beside that.
    adopt_for_alice(host, "lxc:web", "one")
    host.run("alice", "bothy image tag $(bothy image list -q | grep -v busybox) kept && bothy delete one", check=True)
    assert own_images(host) == ["kept"]
    host.run("alice", "bothy image delete kept", check=True)
    nothing_left(host)


def test_bad_configurations(host, lxc):
    for text, words in (("nonsense\n", "line 1"), ("lxc.uts.name = a\n" * 5000, "more than"), ("lxc.rootfs.path = zfs:pool/web\n", "zfs:pool/web"),
                        ("lxc.idmap = u 0 nonsense\n", "no map"), ("lxc.uts.name = a\0b\n", "NUL")):
        (lxc / "config").write_text(text)
        done = host.run("root", "bothy adopt --owner alice lxc:web")
        assert done.returncode == 1 and words in done.stderr, (text[:40], done.stderr)
    assert names(host) == []
    nothing_left(host)


def test_conv10_no_space(fresh_host):
    """It happens or leaves nothing."""
    host = fresh_host("--state-size", "32M")
    host.run("root", "mkdir -p /srv/tree && mount -t tmpfs none /srv/tree && mkdir -p /srv/tree/bin /srv/tree/etc && "
             "cp /bin/busybox /srv/tree/bin/sh && dd if=/dev/urandom of=/srv/tree/big bs=1M count=40 2>/dev/null", check=True)
    done = host.run("root", "bothy adopt --owner alice dir:/srv/tree")
    assert done.returncode == 1 and "space" in done.stderr.lower(), done.stderr
    assert names(host) == [] and own_images(host) == []
    nothing_left(host)
    host.run("root", "truncate -s 1M /srv/tree/big", check=True)
    assert adopt_for_alice(host, "dir:/srv/tree") == "tree"


def test_conv05_killed_at_any_time(host, lxc):
    """The broker, or who asked for it: it is there as a whole, or not at all."""
    host.run("root", "dd if=/dev/urandom of=/var/lib/lxc/web/rootfs/srv/big bs=1M count=60 2>/dev/null", check=True)
    before = everything(lxc)
    for victim, delay in (("bothyd", 0.1), ("bothyd", 0.4), ("bothy-unpack", 0.3), ("bothy-pack", 0.3), ("client", 0.3)):
        kill = {"bothyd": "kill -9 $(systemctl show -p MainPID --value bothyd)", "client": "kill -INT $!"}.get(
            victim, f"pkill -9 -x {victim}")
        host.run("root", f"systemctl reset-failed bothyd; bothy adopt --owner alice lxc:web >/dev/null 2>&1 & sleep {delay}; {kill}; wait; true",
                 timeout=60)
        host.run("alice", "until bothy list >/dev/null 2>&1; do sleep 0.1; done", check=True, timeout=20)
        nothing_left(host)
        assert (names(host), len(own_images(host))) in (([], 0), (["web"], 1)), victim
        if names(host):
            host.run("alice", "bothy start web && bothy delete -f web", check=True)
        assert everything(lxc) == before


def test_conv01_the_tree_changes_meanwhile(host, lxc):
    """Directories become links to the host's, and back, while it is copied: nothing of the host's is in the copy."""
    host.run("root", "echo of-the-host >/etc/host-secret; chmod 600 /etc/host-secret; mkdir -p /var/lib/lxc/web/rootfs/srv/swap && "
             "echo mine >/var/lib/lxc/web/rootfs/srv/swap/host-secret", check=True)
    host.run("root", """(while :; do mv srv/swap srv/kept; ln -s /etc srv/swap; rm srv/swap; mv srv/kept srv/swap
      mv home/user/file home/user/kept; ln -s /etc/host-secret home/user/file; rm home/user/file; mv home/user/kept home/user/file
      done) >/dev/null 2>&1 & echo $! >/tmp/swapper""", cwd="/var/lib/lxc/web/rootfs", check=True)
    try:
        for i in range(6):
            done = host.run("root", f"bothy adopt --owner alice lxc:web w{i}")
            if done.returncode == 0:
                found = host.run("root", f"grep -rl of-the-host {str(image_root(host, f'w{i}'))[len(str(host.root)):]}")
                assert found.stdout == ""
    finally:
        host.run("root", "kill $(cat /tmp/swapper); rm -f /etc/host-secret /tmp/swapper", check=True)


def test_nspawn(host):
    """Root's machine of systemd-nspawn, with a settings file."""
    host.run("root", "mkdir -p /var/lib/machines && mount -t tmpfs -o mode=755 none /var/lib/machines && mkdir -p /etc/systemd/nspawn && "
             "systemctl stop bothyd", check=True)
    try:
        machine = host.root / "var/lib/machines/My_Machine"
        make_tree(machine, 524288)
        host.write("etc/systemd/nspawn/My_Machine.nspawn", """[Exec]
Boot=yes
Hostname=spawned
Environment=A=1 "B=two words"
PrivateUsers=pick
[Files]
Bind=/srv/data:/data
BindReadOnly=/srv/ro
[Network]
VirtualEthernet=yes
Port=tcp:8080:80
""")
        assert "nspawn:My_Machine" in host.output("root", "bothy adopt --list")
        found, done = plan(host, "root", "nspawn:My_Machine")
        assert done.returncode == 0, done.stderr
        assert found["facts"]["map"] == "0-65535 are 524288-589823"
        told = outcomes(found)
        assert "bothy mount add my-machine /srv/data:/data\"" in told["Files.Bind"][1]
        assert "/srv/ro:/srv/ro:ro" in told["Files.BindReadOnly"][1]
        assert "bothy port add my-machine 8080:80" in told["Network.Port"][1]
        assert adopt_for_alice(host, "nspawn:My_Machine") == "my-machine"
        made = info(host, "my-machine")
        assert made["hostname"] == "spawned" and made["environment"] == ["A=1", "B=two words"]
        assert (image_root(host, "my-machine") / "home/user/file").stat().st_uid == NEUTRAL + 1000
    finally:
        host.run("root", "umount -l /var/lib/machines; rm -f /etc/systemd/nspawn/My_Machine.nspawn", check=True)


BACKUP = """container:
  architecture: x86_64
  config:
    boot.autostart: "true"
  created_at: 2024-05-01T10:00:00Z
  devices: {}
  ephemeral: false
  profiles: [default, web]
  expanded_config:
    boot.autostart: "true"
    boot.autostart.delay: "4"
    environment.FROM: incus
    image.os: Small
    limits.cpu: "2"
    limits.memory: 256MiB
    limits.processes: "300"
    raw.lxc: |
      lxc.hook.pre-start = /bin/evil
    security.privileged: "false"
    user.user-data: "#cloud-config\\nusers: []"
    volatile.last_state.idmap: '%s'
  expanded_devices:
    data:
      path: /srv/data
      source: /srv/host
      type: disk
    eth0:
      name: eth0
      network: incusbr0
      type: nic
    root:
      path: /
      pool: default
      type: disk
  name: box
  status: Stopped
snapshots:
- name: snap0
  expanded_config:
    limits.memory: 1GiB
pool:
  name: default
  config: {source: /elsewhere}
"""
IDMAP = '[{"Isuid":true,"Isgid":false,"Hostid":%u,"Nsid":0,"Maprange":1000000000},{"Isuid":false,"Isgid":true,"Hostid":%u,"Nsid":0,"Maprange":1000000000}]'


def make_incus(container, base):
    make_tree(container / "rootfs", base)
    (container / "backup.yaml").write_text(BACKUP % (IDMAP % (base, base) if base else "[]"))
    (container / "backup.yaml").chmod(0o400)
    os.chown(container, base, 0)
    container.chmod(0o100)
    return container


@pytest.mark.parametrize("base", [0, 1000000], ids=["unmapped", "mapped"])
def test_conv04_incus(host, base):
    """One in a pool of directories, whose files have the ids that it had when it ran last, or those that are inside."""
    host.run("root", "mkdir -p /var/lib/incus && mount -t tmpfs -o mode=711 none /var/lib/incus && systemctl stop bothyd", check=True)
    try:
        container = make_incus(host.root / "var/lib/incus/storage-pools/default/containers/box", base)
        before = everything(container)
        assert host.output("root", "bothy adopt --list").splitlines()[1].split()[:2] == ["incus:box", "stopped"]
        found, done = plan(host, "root", "incus:box")
        assert done.returncode == 0, done.stderr
        assert found["facts"]["map"] == f"0-65535 are {base}-{base + 65535}" and found["facts"]["obstacle"] == ""
        told = outcomes(found)
        assert told["limits.memory"] == ("kept", "limit memory=268435456") and told["limits.processes"] == ("kept", "limit pids=300")
        assert told["raw.lxc"][0] == told["user.user-data"][0] == "dropped" and told["boot.autostart"] == ("kept", "autostart boot")
        assert "bothy mount add box /srv/host:/srv/data" in told["devices.data.source"][1]
        assert told["devices.eth0.type"][0] == told["devices.root.path"][0] == "changed"
        assert adopt_for_alice(host, "incus:box") == "box"
        assert everything(container) == before
        copied, original = everything(image_root(host, "box")), everything(container / "rootfs")
        for path, (mode, uid, gid, *_) in original.items():
            assert copied[path][:3] == (mode, uid - base + NEUTRAL, gid - base + NEUTRAL), path
        assert copied["usr/capable"][7]["security.capability"] == capability_of(NEUTRAL)
        made = info(host, "box")
        assert made["limits"]["memory"] == 256 << 20 and made["limits"]["cpu"] == 2 and made["network"] == "nat"
        assert made["autostart"]["mode"] == "boot" and "FROM=incus" in made["environment"]
        # Its monitor.
        host.run("root", "systemd-run -q --unit monitor python3 -c 'import socket, time; s = socket.socket(socket.AF_UNIX); "
                 's.bind("\\0/var/lib/incus/containers/box/command"); s.listen(); time.sleep(600)\'; '
                 "until grep -q incus/containers/box /proc/net/unix; do sleep 0.05; done", check=True, timeout=10)
        done = host.run("root", "bothy adopt --owner alice incus:box two")
        assert done.returncode == 1 and "it runs" in done.stderr, done.stderr
        # What is no YAML, or no map, is no configuration.
        host.run("root", "systemctl stop monitor", check=True)
        for text, words in (("container: [", "YAML"), (BACKUP % "[{\"Isuid\":1}]", "no map")):
            (container / "backup.yaml").write_text(text)
            done = host.run("root", "bothy adopt --owner alice incus:box two")
            assert done.returncode == 1 and words in done.stderr, done.stderr
        assert names(host) == ["box"]
    finally:
        host.run("root", "systemctl stop monitor 2>/dev/null; umount -l /var/lib/incus", check=True)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Containers that Debian's own LXC makes, starts and stops, beside what becomes of them here."""

import os
import re
import subprocess

import pytest

from test_adopt import acl, capability_of, everything, inside, make_tree, plan
from tools import info, names, nothing_left, tidy  # noqa: F401

CONFIG = """lxc.include = /usr/share/lxc/config/common.conf
lxc.arch = linux64
lxc.rootfs.path = dir:/var/lib/lxc/real/rootfs
lxc.uts.name = real
lxc.net.0.type = empty
lxc.apparmor.profile = unconfined
lxc.environment = FROM=lxc
"""
OLD_CONFIG = """lxc.include = /usr/share/lxc/config/common.conf
lxc.arch = amd64
lxc.rootfs = /var/lib/lxc/old/rootfs
lxc.utsname = old
lxc.network.type = empty
lxc.aa_profile = unconfined
lxc.cgroup.memory.limit_in_bytes = 128M
lxc.seccomp = /usr/share/lxc/config/common.seccomp
"""
# What anybody can see of it who is in it.
LOOK = ("find / -xdev \\( -path /dev -o -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /etc -o -path '/.*' \\) -prune -o "
        "-exec stat -c '%a %u:%g %h %s %Y %F %n' {} + | grep -v directory | sort; find / -xdev -type f -links +1 | sort; "
        "du -k /srv/sparse | cut -f1; find / -xdev -type f -perm -4000 | sort; cat /root/secret /root/nobodys")
EUID = '#include <stdio.h>\n#include <unistd.h>\nint main (void) { printf ("%u\\n", (unsigned) geteuid ()); return 0; }\n'


def add_programs(root):
    """One that is setuid and tells who it is, and a busybox that may open raw sockets."""
    program = root / "usr/who"
    subprocess.run(["gcc", "-static", "-x", "c", "-o", program, "-"], input=EUID, text=True, check=True)
    program.chmod(0o4755)
    (root / "usr/raw").mkdir()
    (root / "usr/raw/busybox").write_bytes((root / "bin/busybox").read_bytes())
    (root / "usr/raw/busybox").chmod(0o755)
    os.setxattr(root / "usr/raw/busybox", "security.capability", capability_of(0))
    (root / "bin/xargs").symlink_to("busybox")
    for name in ("grep", "sort", "cut"):
        (root / "bin" / name).symlink_to("busybox")
    os.setxattr(root / "srv/acl", "system.posix_acl_access", acl(1000))


@pytest.fixture
def real(host):
    host.run("root", "mkdir -p /var/lib/lxc && mount -t tmpfs -o mode=711 none /var/lib/lxc && systemctl stop bothyd", check=True)
    container = host.root / "var/lib/lxc/real"
    make_tree(container / "rootfs")
    add_programs(container / "rootfs")
    (container / "config").write_text(CONFIG)
    container.chmod(0o770)
    yield container
    host.run("root", "lxc-stop -k -n real 2>/dev/null; umount -l /var/lib/lxc", check=True)


def in_lxc(host, line):
    return host.output("root", "lxc-attach", "-n", "real", "--clear-env", "-v", "PATH=/bin", "--", "/bin/sh", "-c", line)


def told(host, directory, pattern, base):
    """What getcap and getfacl say of a tree whose root has the id BASE, as it is said of one whose root is 0."""
    lines = host.output("root", f"cd {directory} && getcap -n -r usr | sort && getfacl -n -p srv/acl usr/one home/user/file && readlink bin/sh")
    lines = re.sub(r" \[rootid=(\d+)\]", lambda m: "" if int(m[1]) == base else m[0], lines)
    return re.sub(pattern, lambda m: m[1] + str(int(m[2]) - base), lines)


IDS = r"((?:user|owner|group): ?)(\d+)"


@pytest.mark.parametrize("way", [[], ["--in-place"]], ids=["copy", "in-place"])
def test_conv03_what_lxc_shows_is_what_bothy_shows(host, real, way):
    host.run("root", "lxc-start -n real", check=True)
    seen = in_lxc(host, LOOK)
    assert "4755 0:0" in seen and "/usr/one\n/usr/two" in seen
    # As long as it runs it is LXC's.
    assert "running" in host.output("root", "bothy adopt --list")
    done = host.run("root", "bothy", "adopt", *way, "--owner", "alice", "lxc:real")
    assert done.returncode == 1 and "runs" in done.stderr and names(host) == [], done.stderr
    assert host.output("root", "lxc-info -n real -s -H") == "RUNNING"
    host.run("root", "lxc-stop -k -n real", check=True)
    before, outside = everything(real), told(host, "/var/lib/lxc/real/rootfs", IDS, 0)
    assert "cap_net_raw" in outside and "user:1000:r--" in outside
    host.run("root", "bothy", "adopt", *way, "--owner", "alice", "lxc:real", check=True)
    host.run("alice", "bothy start real", check=True)
    assert inside(host, LOOK, "real") == seen
    made = info(host, "real")
    assert told(host, f"/proc/{made['leader']}/root", IDS, made["rangeBase"]) == outside
    # They do what they did, for who is nobody outside.
    assert host.output("alice", "bothy exec -T -u user real -- /usr/who") == "0"
    assert host.output("alice", "bothy exec -T -u user real -- /usr/raw/busybox grep CapEff /proc/self/status").split()[-1] == "0000000000002000"
    if not way:
        assert host.output("root", "lxc-info -n real -s -H") == "STOPPED"
        assert everything(real) == before
        return
    # It is none of LXC's meanwhile, so LXC destroys nothing of it.
    assert host.output("root", "lxc-ls") == ""
    for command in "lxc-start -n real", "lxc-destroy -n real", "lxc-destroy -f -n real", "lxc-info -n real", "lxc-copy -n real -N two":
        assert host.run("root", command).returncode != 0, command
    (labelled,) = real.parent.glob(".adopted-by-bothy.*.real")
    assert everything(labelled) == before and not real.exists()
    inside(host, "echo other >/root/secret; rm /usr/who", "real")
    host.run("alice", "bothy stop real && bothy adopt --undo real", check=True)
    assert everything(real) == before
    host.run("root", "lxc-start -n real", check=True)
    assert in_lxc(host, LOOK) == seen
    host.run("root", "lxc-stop -k -n real", check=True)
    nothing_left(host)


def test_conv09_old_keys_are_what_lxc_makes_of_them(host, real):
    """lxc-update-config has the new names; both have the same plan."""
    old = real.parent / "old"
    make_tree(old / "rootfs")
    (old / "config").write_text(OLD_CONFIG)
    found, done = plan(host, "root", "lxc:old")
    assert done.returncode == 0, done.stderr
    host.run("root", "lxc-update-config -c /var/lib/lxc/old/config", check=True)
    assert "lxc.uts.name" in (old / "config").read_text() and "lxc.utsname" not in (old / "config").read_text()
    updated, done = plan(host, "root", "lxc:old")
    assert done.returncode == 0, done.stderr
    assert [(line["outcome"], line["value"]) for line in found["lines"]] == [
        (line["outcome"], line["value"].removeprefix("dir:")) for line in updated["lines"]]

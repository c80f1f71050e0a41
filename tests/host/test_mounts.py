# SPDX-License-Identifier: LGPL-2.1-or-later
"""A user's own directories in his containers."""

import json

import pytest

from tools import info, names, state, tidy  # noqa: F401


@pytest.fixture
def folder(host):
    """alice's, with a file of hers, one of bob's and one of root's."""
    # The throwaway host's own file system is an overlay, which can not be idmapped.
    host.run("root", "mkdir -p ~alice/disk && mount -t tmpfs -o uid=1000,gid=1000,mode=755 none ~alice/disk", check=True)
    host.run("alice", "mkdir ~/disk/project && echo hers >~/disk/project/own", check=True)
    host.run("root", "cd ~alice/disk/project && echo bobs >bobs && chown bob bobs && echo roots >roots && chmod 644 bobs roots "
             "&& echo secret >secret && chmod 600 secret", check=True)
    yield host.output("alice", "realpath ~/disk/project")
    host.run("root", "umount -l ~alice/disk; rm -rf /tmp/elsewhere", check=True)


def mounts(host, name="x1"):
    return json.loads(host.output("alice", f"bothy mount list {name} --json"))


def inside(host, line, name="x1", user=""):
    option = ["-u", user] if user else []
    return host.run("alice", "bothy", "exec", "-T", *option, name, "--", "sh", "-c", line)


def out(host, line, **options):
    done = inside(host, line, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def x1(host, folder):
    host.run("alice", "bothy", "launch", "busybox", "x1", check=True)
    host.run("alice", "bothy mount add x1 ~/disk/project:/work", check=True)


def test_run(host, folder):
    done = host.run("alice", 'bothy run --rm -v "$PWD:/work" -w /work busybox sh -c "ls; echo made >made; stat -c %u:%g own made bobs roots"',
                    cwd=folder, check=True)
    assert done.stdout.split() == ["bobs", "own", "roots", "secret", "0:0", "0:0", "65534:65534", "65534:65534"]
    assert host.output("alice", f"stat -c %U:%G {folder}/made") == host.output("alice", "echo $(id -un):$(id -gn)")
    assert names(host) == []


def test_mnt01_others_files_can_not_be_changed(host, x1, folder):
    assert out(host, "cat /work/own /work/bobs /work/roots").split() == ["hers", "bobs", "roots"]
    for line in ("echo x >>/work/roots", "echo x >>/work/bobs", "chmod 777 /work/roots", "chown 0 /work/roots", "cat /work/secret",
                 "chown 1000 /work/own", "chown 0:1 /work/own"):
        assert inside(host, line).returncode != 0, line
    # Not even what alice herself could, whose the directory is.
    assert inside(host, "mv /work/bobs /work/moved").returncode != 0 and inside(host, "rm -f /work/bobs").returncode != 0
    assert out(host, "echo more >>/work/own; cat /work/own") == "hers\nmore"
    assert host.output("root", f"stat -c %U {folder}/bobs {folder}/roots {folder}/own").split() == ["bob", "root", "alice"]
    assert host.output("root", f"cat {folder}/bobs {folder}/roots") == "bobs\nroots"


def test_mnt01_users_inside(host, folder):
    """Who has the files is one of them; others inside are others to the files."""
    host.run("alice", f"bothy launch -v {folder}:/work:user=1000:1000 busybox x1", check=True)
    assert out(host, "stat -c %u:%g /work/own") == "1000:1000"
    assert inside(host, "echo x >/work/by-root").returncode != 0
    assert inside(host, "echo x >/work/by-other", user="1001:1001").returncode != 0
    out(host, "echo x >/work/by-him", user="1000:1000")
    assert host.output("alice", f"stat -c %U {folder}/by-him") == "alice"
    assert mounts(host) == [{"source": folder, "destination": "/work", "readOnly": False, "user": "1000:1000"}]


def test_mnt04_setuid_and_devices(host, x1, folder):
    out(host, "cp /bin/busybox /work/busybox && chmod 6755 /work/busybox && cp -p /work/busybox /busybox && chmod 4755 /busybox")
    # busybox itself says whether the bit took effect.
    assert "must be suid" in inside(host, "/work/busybox su -c id", user="1234").stderr
    assert "must be suid" not in inside(host, "/busybox su -c id </dev/null", user="1234").stderr
    assert host.output("alice", f"stat -c %U {folder}/busybox; {folder}/busybox id -u") == "alice\n1000"
    host.run("root", f"mknod -m 666 {folder}/zero c 1 5", check=True)
    assert inside(host, "head -c 1 /work/zero").returncode != 0
    assert inside(host, "mknod /work/own-zero c 1 5").returncode != 0


def test_mnt04_read_only_stays(host, folder):
    host.run("alice", f"bothy launch -v {folder}:/work:ro busybox x1", check=True)
    for line in ("echo x >/work/made", "mount -o remount,rw /work", "mount -o remount,bind,rw /work",
                 "mount --bind /work /mnt && mount -o remount,bind,rw /mnt", "mount -o remount,bind,ro,suid /work",
                 "mount -o remount,bind,ro,dev /work", "touch /work/own", "chmod 600 /work/own"):
        assert inside(host, line).returncode != 0, line
    assert host.output("alice", f"ls {folder}").split() == ["bobs", "own", "roots", "secret"]
    assert mounts(host)[0]["readOnly"] is True


def test_live(host, x1, folder):
    leader = info(host, "x1")["leader"]
    host.run("alice", "mkdir ~/disk/other && echo other >~/disk/other/file && bothy mount add x1 ~/disk/other:/srv/a/b/", check=True)
    assert out(host, "cat /work/own /srv/a/b/file; stat -c %u:%a /srv /srv/a") == "hers\nother\n0:755\n0:755"
    assert [m["destination"] for m in mounts(host)] == ["/srv/a/b", "/work"]
    host.run("alice", "bothy mount remove x1 /work", check=True)
    assert out(host, "ls /work; grep -c ' /work ' /proc/mounts; cat /srv/a/b/file || true") == "0\nother"
    assert inside(host, "mount | grep -q project").returncode != 0
    assert [m["destination"] for m in mounts(host)] == ["/srv/a/b"]
    assert info(host, "x1")["leader"] == leader
    assert host.output("alice", f"cat {folder}/own") == "hers"


def test_removed_wherever_the_container_put_it(host, x1):
    out(host, "mkdir /elsewhere && mount --move /work /elsewhere && mount -t tmpfs none /work && cat /elsewhere/own")
    host.run("alice", "bothy mount remove x1 /work", check=True)
    assert inside(host, "cat /elsewhere/own").returncode != 0
    host.run("alice", "bothy mount add x1 ~/disk/project:/again", check=True)
    out(host, "umount -l /again")
    host.run("alice", "bothy mount remove x1 /again", check=True)
    assert mounts(host) == []


def test_stays(host, x1, folder):
    """After a stop, and after bothyd started anew."""
    host.run("alice", "bothy stop -f x1 && bothy start x1", check=True)
    assert out(host, "cat /work/own") == "hers"
    host.run("root", "systemctl restart bothyd", check=True)
    assert out(host, "cat /work/own") == "hers"
    assert [m["source"] for m in mounts(host)] == [folder]
    host.run("alice", "bothy mount remove x1 /work", check=True)
    assert inside(host, "cat /work/own").returncode != 0
    host.run("alice", "bothy stop -f x1 && bothy mount add x1 ~/disk/project:/work && bothy start x1", check=True)
    assert out(host, "cat /work/own") == "hers"


@pytest.mark.parametrize("change, why", [
    ("mv ~/disk/project ~/disk/moved", "there is no such directory any more"),
    ("rm -rf ~/disk/project || mv ~/disk/project ~/disk/moved", "there is no such directory any more"),
    ("mv ~/disk/project ~/disk/moved && ln -s /etc ~/disk/project", "not the directory that was mounted"),
    ("mv ~/disk/project ~/disk/moved && ln -s /proc/self/cwd ~/disk/project", "Too many levels"),
    ("mv ~/disk/project ~/disk/moved && mkdir ~/disk/project", "not the directory that was mounted"),
    ("mv ~/disk/project ~/disk/moved && echo x >~/disk/project", "it is no directory"),
    ("chmod 0 ~/disk/project", "owner may not open it"),
], ids=["renamed", "deleted", "link to /etc", "magic link", "another one", "a file", "closed"])
def test_mnt02_what_is_not_there_at_the_start(host, x1, folder, change, why):
    host.run("alice", "bothy stop -f x1", check=True)
    host.run("alice", change)
    done = host.run("alice", "bothy start x1")
    assert done.returncode == 1
    assert folder in done.stderr and why in done.stderr and "bothy mount remove x1 /work" in done.stderr, done.stderr
    assert state(host, "x1") == "failed"
    host.run("alice", "bothy mount remove x1 /work && bothy start x1", check=True)
    assert inside(host, "cat /work/own").returncode != 0
    host.run("alice", "bothy delete -f x1; chmod 755 ~/disk/project; rm -rf ~/disk/project; mv ~/disk/moved ~/disk/project")


def test_a_link_to_it_is_as_good(host, x1):
    host.run("alice", "bothy stop -f x1 && mv ~/disk/project ~/disk/moved && ln -s moved ~/disk/project && bothy start x1", check=True)
    assert out(host, "cat /work/own") == "hers"
    host.run("alice", "rm ~/disk/project", check=True)


def test_mnt02_not_as_root(host, folder):
    """What the owner may not open is not mounted, whoever asks for it."""
    host.run("root", "mkdir -m 700 /tmp/elsewhere && mkdir /tmp/elsewhere/below && echo x >/tmp/elsewhere/below/file && chown alice /tmp/elsewhere/below",
             check=True)
    host.run("alice", "bothy launch busybox x1", check=True)
    done = host.run("root", "bothy mount add alice/x1 /tmp/elsewhere/below:/work")
    assert done.returncode == 1 and "owner may not open it" in done.stderr, done.stderr
    assert mounts(host) == [] and inside(host, "ls /work").returncode != 0
    host.run("root", f"bothy mount add alice/x1 {folder}:/work", check=True)
    assert out(host, "cat /work/own") == "hers"
    done = host.run("bob", "bothy mount add alice/x1 /tmp:/tmp2")
    assert done.returncode == 1 and len(mounts(host)) == 1


def test_groups_of_the_owner(host, folder):
    host.run("root", "groupadd -f crew && usermod -aG crew alice && mkdir -m 770 /tmp/elsewhere && chgrp crew /tmp/elsewhere", check=True)
    try:
        host.run("alice", "bothy launch busybox x1 && sg crew -c 'bothy mount add x1 /tmp/elsewhere:/work'", check=True)
        # Inside nobody is in that group.
        assert inside(host, "ls /work").returncode != 0
        host.run("alice", "bothy stop -f x1 && bothy start x1", check=True)
    finally:
        host.run("root", "gpasswd -d alice crew && groupdel crew", check=True)


def test_mnt05_root(host):
    host.run("root", "mkdir -p /tmp/elsewhere && echo x >/tmp/elsewhere/file", check=True)
    for options in "", ":ro":
        done = host.run("root", f"bothy run --rm -v /tmp/elsewhere:/work{options} busybox ls /work")
        assert done.returncode == 125 and "user of your own" in done.stderr
    host.run("root", "rm -r /tmp/elsewhere")


def test_file_systems_that_can_not(host, x1):
    for path, kind in ("/proc/sys", "proc"), ("/sys/kernel", "sysfs"):
        done = host.run("alice", f"bothy mount add x1 {path}:/x")
        assert done.returncode == 1 and f"its file system, {kind}" in done.stderr, done.stderr
    assert len(mounts(host)) == 1 and inside(host, "ls /x").returncode != 0


@pytest.mark.parametrize("words, why", [
    ("x1 ~/disk/project", "is wanted"), ("x1 project:/other:user=1", "begin with ./"), ("x1 ~/disk/project:work", "has to begin with /"),
    ("x1 ~/disk/project:/w:rx", "the options are"), ("x1 ~/disk/nothing:/w", "there is no such directory"), ("x1 ~/disk/project/own:/w", "Not a directory"),
    ("x1 ~/disk/project:/a/../b", "with no . or .."), ("x1 ~/disk/project:/", "the container itself"), ("x1 ~/disk/project:/proc/x", "nothing can be mounted in /proc"),
    ("x1 ~/disk/project:/dev", "nothing can be mounted in /dev"), ("x1 ~/disk/project:/work", "mounted at /work already"),
    ("x1 ~/disk/project:/etc/passwd", "no directory in the container"), ("x1 ~/disk/project:/x:user=70000", "is wanted"),
    ("x1 ~/disk/project:/x:user=nobody", "is wanted"),
])
def test_what_is_refused(host, x1, words, why):
    done = host.run("alice", f"bothy mount add {words}")
    assert done.returncode in (1, 2) and why in done.stderr, done.stderr
    assert len(mounts(host)) == 1


@pytest.mark.parametrize("link", ["/proc", "/dev", "/sys", "/", "/dev/pts"])
def test_mnt03_links_inside(host, x1, link):
    out(host, f"ln -s {link} /link")
    done = host.run("alice", "bothy mount add x1 ~/disk/project:/link")
    assert done.returncode == 1 and "links inside lead to" in done.stderr, done.stderr
    out(host, "rm /link; ln -s ../../../../tmp/elsewhere /link; mkdir /tmp/elsewhere")
    host.run("alice", "bothy mount add x1 ~/disk/project:/link", check=True)
    assert out(host, "cat /tmp/elsewhere/own") == "hers"
    assert host.run("alice", "ls /tmp/elsewhere").returncode != 0


def test_nested(host, folder):
    host.run("alice", "mkdir -p ~/disk/other ~/disk/project/sub && echo other >~/disk/other/file", check=True)
    host.run("alice", "bothy launch -v ~/disk/other:/work/sub -v ~/disk/project:/work busybox x1", check=True)
    assert out(host, "cat /work/own /work/sub/file") == "hers\nother"
    done = host.run("alice", "bothy mount remove x1 /work")
    assert done.returncode == 1 and "/work/sub is mounted in it" in done.stderr
    host.run("alice", "bothy mount remove x1 /work/sub && bothy mount remove x1 /work", check=True)


def test_at_most_so_many(host, x1):
    for i in range(15):
        host.run("alice", f"bothy mount add x1 ~/disk/project:/w{i:02}", check=True)
    done = host.run("alice", "bothy mount add x1 ~/disk/project:/one-more")
    assert done.returncode == 1 and "16 directories" in done.stderr
    host.run("alice", "bothy stop -f x1 && bothy start x1", check=True)
    assert out(host, "cat /w*/own | wc -l") == "16"


def test_two_at_once(host, x1):
    line = " & ".join(f"bothy mount add x1 ~/disk/project:/w{i} 2>/tmp/e{i}" for i in range(4))
    host.run("alice", f"{line} & wait", check=True)
    seen = {m["destination"] for m in mounts(host)}
    mounted = set(out(host, "ls -d /w[0-9]/own | xargs -n1 dirname").split())
    assert seen == mounted | {"/work"} and mounted


def test_unusual_names(host, x1):
    host.run("alice", "mkdir -p ~/disk/project/\"$(printf 'a b\\377\\n;')/$(printf '\\303\\244')\" && cd ~/disk/project/a*/ && "
             "bothy mount add x1 .:/odd && touch here && bothy stop -f x1 && bothy start x1", check=True)
    assert out(host, "ls /odd | wc -l; ls /odd/here") == "2\n/odd/here"

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Volumes: directories of Bothy's own that outlive containers."""

import json

import pytest

from tools import info, names, tidy  # noqa: F401


@pytest.fixture(autouse=True)
def no_volumes(host, tidy):  # noqa: F811
    """None is left, of anybody's."""
    yield
    for user in "alice", "bob":
        host.run(user, "bothy delete -f --all; bothy volume delete $(bothy volume list -q)")
        assert volumes(host, user) == []


def volumes(host, user="alice"):
    return json.loads(host.output(user, "bothy volume list --json"))


def inside(host, line, name="x1", user="root"):
    return host.run("alice", "bothy", "exec", "-T", "-u", user, name, "--", "sh", "-c", line)


def out(host, line, **options):
    done = inside(host, line, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def site(host):
    """An image that has something where a volume is mounted."""
    host.run("alice", "bothy launch busybox x1", check=True)
    out(host, "mkdir -p /srv/site/a/b && echo one >/srv/site/one && echo deep >/srv/site/a/b/deep && ln -s one /srv/site/link && "
        "touch -d '2001-02-03 04:05:06' /srv/site/one && chown -R 33:44 /srv/site && chmod 2750 /srv/site && chmod 4711 /srv/site/one")
    host.run("alice", "bothy commit x1 site && bothy delete -f x1", check=True)
    yield "site"
    host.run("alice", "bothy delete -f --all; bothy image delete site")


def test_run_and_run_again(host):
    host.run("alice", "bothy run --rm -v data:/work busybox sh -c 'echo hello >/work/file'", check=True)
    assert host.output("alice", "bothy run --rm -v data:/elsewhere busybox cat /elsewhere/file") == "hello"
    assert names(host) == [] and [v["name"] for v in volumes(host)] == ["data"]
    assert volumes(host)[0]["containers"] == []


def test_verbs(host):
    assert host.output("alice", "bothy volume create data cache") == "data\ncache"
    done = host.run("alice", "bothy volume create data")
    assert done.returncode == 1 and "You have a volume data already" in done.stderr
    host.run("alice", "bothy create -v data:/var/lib/x -v cache:/var/cache:ro busybox x1", check=True)
    assert host.output("alice", "bothy volume list -q").split() == ["cache", "data"]
    assert json.loads(host.output("alice", "bothy volume info data --json"))["containers"] == ["x1"]
    assert json.loads(host.output("alice", "bothy mount list x1 --json")) == [
        {"volume": "cache", "destination": "/var/cache", "readOnly": True},
        {"volume": "data", "destination": "/var/lib/x", "readOnly": False}]
    assert "data:/var/lib/x" in host.output("alice", "bothy info x1")
    assert [m["volume"] for m in info(host, "x1")["mounts"]] == ["cache", "data"]


def test_VOL_02_not_while_a_container_has_it(host):
    host.run("alice", "bothy create -v data:/work busybox x1", check=True)
    done = host.run("alice", "bothy volume delete data")
    assert done.returncode == 1 and "Container x1 has volume data" in done.stderr
    host.run("alice", "bothy mount remove x1 /work && bothy volume delete data", check=True)
    done = host.run("alice", "bothy volume delete data")
    assert done.returncode == 1 and "You have no volume data" in done.stderr


def test_shared_and_live(host):
    """One volume in two containers: each sees the other's files as its own."""
    host.run("alice", "bothy launch -v data:/work busybox x1 && bothy launch busybox x2 && bothy mount add x2 data:/work", check=True)
    out(host, "echo x >/work/file && chown 1000:100 /work/file")
    assert out(host, "stat -c %u:%g /work/file; cat /work/file", name="x2") == "1000:100\nx"
    out(host, "echo more >>/work/file", name="x2", user="1000")
    host.run("alice", "bothy mount remove x2 /work", check=True)
    assert inside(host, "ls /work/file", name="x2").returncode != 0
    assert out(host, "cat /work/file") == "x\nmore"
    host.run("alice", "bothy stop -f x1 && bothy start x1", check=True)
    assert out(host, "cat /work/file") == "x\nmore"
    host.run("root", "systemctl restart bothyd", check=True)
    host.run("alice", "bothy stop -f x1 && bothy start x1", check=True)
    assert out(host, "cat /work/file") == "x\nmore"


def test_VOL_03_filled_once(host, site):
    """A new volume begins with what the image has there, owners, modes and times too; never again."""
    look = "cd /work && stat -c '%n %u:%g %a' . one a/b/deep && stat -c %Y one && cat one link a/b/deep"
    host.run("alice", f"bothy launch -v data:/srv/site {site} x1", check=True)
    assert out(host, look.replace("/work", "/srv/site")) == (". 33:44 2750\none 33:44 4711\na/b/deep 33:44 644\n981173106\none\none\ndeep")
    out(host, "rm /srv/site/one; echo two >/srv/site/two")
    host.run("alice", f"bothy delete -f x1 && bothy launch -v data:/srv/site {site} x1", check=True)
    assert out(host, "ls /srv/site") == "a\nlink\ntwo"
    # Not from another place either, and empty stays empty.
    out(host, "rm -rf /srv/site/*")
    host.run("alice", f"bothy launch -v data:/bin/x -v data:/etc {site} x2 && bothy delete -f x2", check=True)
    assert out(host, "ls /srv/site") == ""
    # Without a volume the image's own is there.
    assert host.output("alice", f"bothy run --rm {site} ls /srv/site") == "a\nlink\none"


def test_VOL_03_filled_in_a_running_one(host, site):
    host.run("alice", f"bothy launch {site} x1 && bothy mount add x1 data:/srv/site", check=True)
    out(host, "cat /srv/site/one && echo mine >/srv/site/mine")
    host.run("alice", "bothy mount remove x1 /srv/site", check=True)
    assert out(host, "ls /srv/site") == "a\nlink\none"
    assert host.output("alice", "bothy run --rm -v data:/d busybox ls /d") == "a\nlink\nmine\none"


def test_VOL_04_read_only_and_nosuid_stay(host):
    host.run("alice", "bothy run --rm -v data:/work busybox sh -c 'echo x >/work/file && cp /bin/busybox /work/ && chmod 4755 /work/busybox'", check=True)
    host.run("alice", "bothy launch -v data:/work:ro busybox x1", check=True)
    for line in ("echo x >/work/made", "mount -o remount,rw /work", "mount -o remount,bind,rw /work", "umount /work && mount --bind / /work",
                 "mount --bind /work /mnt && mount -o remount,bind,rw /mnt", "mount -o remount,bind,ro,suid /work", "chmod 600 /work/file"):
        assert inside(host, line).returncode != 0 or "umount" in line, line
    host.run("alice", "bothy launch -v data:/work busybox x2", check=True)
    assert inside(host, "mount -o remount,bind,suid /work", name="x2").returncode != 0
    assert inside(host, "mknod /work/zero c 1 5", name="x2").returncode != 0
    assert "must be suid" in inside(host, "/work/busybox su -c id", name="x2", user="1234").stderr
    assert out(host, "ls /work", name="x2") == "busybox\nfile"


def test_VOL_01_foreign(host):
    """bob has neither alice's volumes nor a way to find them."""
    host.run("alice", "bothy run --rm -v data:/work busybox sh -c 'echo secret >/work/file'", check=True)
    assert volumes(host, "bob") == []
    assert host.run("bob", "bothy volume info data").stderr == host.run("bob", "bothy volume info data2").stderr.replace("data2", "data")
    assert host.run("bob", "bothy volume delete data").returncode == 1
    assert host.output("bob", "bothy run --rm -v data:/work busybox ls /work") == ""
    assert host.output("alice", "bothy run --rm -v data:/work busybox cat /work/file") == "secret"
    assert host.run("alice", "ls /var/lib/bothy/volumes").returncode != 0


def test_nothing_is_left_of_a_refusal(host):
    done = host.run("alice", "bothy create -v data:/work -v other:/work nothing-like-it x1")
    assert done.returncode != 0 and volumes(host) == []
    assert host.run("alice", "bothy create -v data:/proc/x busybox x1").returncode != 0 and volumes(host) == []
    assert host.run("alice", "bothy create -v Data:/x busybox x1").returncode != 0 and volumes(host) == []


def test_copies_share_it(host):
    host.run("alice", "bothy create -v data:/work busybox x1 && bothy copy x1 x2 && bothy delete x1", check=True)
    done = host.run("alice", "bothy volume delete data")
    assert done.returncode == 1 and "Container x2" in done.stderr


@pytest.mark.once
def test_VOL_06_two_at_once(host, site):
    """Both start; one of them fills it, and the other finds it filled."""
    host.run("alice", f"bothy create {site} big && bothy start big && bothy exec big -- dd if=/dev/urandom of=/srv/site/big bs=1M count=30 2>/dev/null && "
             "bothy commit big bigger && bothy delete -f big", check=True)
    for name in "x1", "x2", "x3":
        host.run("alice", f"bothy create -v data:/srv/site bigger {name}", check=True)
    host.run("alice", "bothy start x1 & bothy start x2 & bothy start x3 & wait", check=True)
    sums = {out(host, "cd /srv/site && md5sum big one a/b/deep", name=name) for name in ("x1", "x2", "x3")}
    assert len(sums) == 1 and out(host, "md5sum /srv/site/big").split()[0] == host.output("alice", "bothy run --rm bigger md5sum /srv/site/big").split()[0]
    host.run("alice", "bothy delete -f x1 x2 x3 && bothy image delete bigger", check=True)


def test_VOL_06_no_room(fresh_host):
    """Nothing is half there: the container does not start, and once there is room it starts with everything."""
    host = fresh_host("--state-size", "64M")
    host.run("alice", "bothy launch busybox x1 && bothy exec x1 -- sh -c 'mkdir -p /srv/d && dd if=/dev/urandom of=/srv/d/big bs=1M count=12 2>/dev/null && echo x >/srv/d/z' && "
             "bothy launch busybox full && bothy exec full -- sh -c 'dd if=/dev/zero of=/root/room bs=1M count=6 2>/dev/null; "
             "dd if=/dev/zero of=/root/all bs=1M 2>/dev/null; rm /root/room'", check=True)
    done = host.run("alice", "bothy volume create data && bothy mount add x1 data:/srv/d")
    assert done.returncode == 1 and "space" in done.stderr.lower(), done.stderr
    assert out(host, "cat /srv/d/z") == "x" and json.loads(host.output("alice", "bothy mount list x1 --json")) == []
    host.run("alice", "bothy delete -f full && bothy mount add x1 data:/srv/d", check=True)
    here = out(host, "cd /srv/d && md5sum big z")
    host.run("alice", "bothy mount remove x1 /srv/d", check=True)
    assert out(host, "cd /srv/d && md5sum big z") == here

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Containers as archives, and back: formats, the same bytes, and what is left when it goes wrong."""

import json
import shutil
import signal
import subprocess
import tarfile

import pytest

from tools import info, names, tidy, until  # noqa: F401

FILES = ("mkdir -p /srv/a && echo one >/srv/one && ln /srv/one /srv/hard && ln -s one /srv/link && cp /bin/busybox /srv/tool && "
         "chmod 4755 /srv/tool && chown 33:44 /srv/one && rm -rf /home && dd if=/dev/zero of=/srv/sparse bs=1 count=1 seek=5000000 2>/dev/null")
LOOK = "cd /srv && stat -c '%n %u:%g %a %h %s' one hard tool sparse && readlink link && cat one && ls -d /home 2>/dev/null; true"


@pytest.fixture
def x1(host, tidy):  # noqa: F811
    """A container with an image of its own below, and something deleted from that."""
    host.run("alice", "bothy launch --env COLOUR=blue busybox x1 -- sleep 1000", check=True)
    host.run("alice", "bothy", "exec", "-T", "x1", "--", "sh", "-c", FILES, check=True)
    host.run("alice", "bothy stop -f x1", check=True)
    yield host
    host.run("alice", "rm -rf /tmp/export; bothy delete -f --all; bothy image prune --all")


def look(host, name):
    return host.output("alice", "bothy", "exec", "-T", name, "--", "sh", "-c", LOOK)


def test_tar(x1, tmp_path):
    host = x1
    host.run("alice", "mkdir /tmp/export && bothy export x1 /tmp/export/x1.tar.zst && cd /tmp/export && zstd -qd x1.tar.zst || bothy export x1 /tmp/export/x1.tar",
             check=True)
    with tarfile.open(host.root / "tmp/export/x1.tar") as tar:
        members = {m.name: m for m in tar.getmembers()}
    assert "srv/one" in {n.removeprefix("./") for n in members} and not [n for n in members if n.startswith(("rootfs", "metadata"))]
    one, tool = (next(m for n, m in members.items() if n.removeprefix("./") == name) for name in ("srv/one", "srv/tool"))
    assert (tool.mode, tool.uid) == (0o4755, 0) and (one.islnk() or one.uid == 33)
    assert not [n for n in members if n.removeprefix("./").startswith("home")]


@pytest.mark.parametrize("form", ["tar", "oci", "incus"])
def test_there_and_back(x1, form):
    """The same bytes each time, and the same files from them."""
    host = x1
    host.run("alice", f"mkdir /tmp/export && cd /tmp/export && bothy export --format {form} x1 1 && sleep 1.1 && bothy export --format {form} x1 2", check=True)
    assert host.run("alice", "cmp /tmp/export/1 /tmp/export/2").returncode == 0
    assert host.output("alice", "bothy import /tmp/export/1 x2") == "x2"
    host.run("alice", "bothy start x1 x2", check=True)
    assert look(host, "x1") == look(host, "x2")
    if form == "oci":
        # What is said of its containers is there, too.
        assert [info(host, name)["command"] for name in ("x1", "x2")] == [["sleep", "1000"]] * 2
        assert "COLOUR=blue" in info(host, "x2")["environment"]


def test_skopeo_and_incus(x1, tmp_path):
    """What others read of it."""
    host = x1
    host.run("alice", "mkdir /tmp/export && cd /tmp/export && bothy export --format oci x1 oci.tar && bothy export --format incus x1 incus.tar", check=True)
    place = tmp_path
    for name in "oci.tar", "incus.tar":
        shutil.copyfile(host.root / "tmp/export" / name, place / name)
    said = json.loads(subprocess.run(["skopeo", "inspect", "--config", f"oci-archive:{place}/oci.tar"], check=True, stdout=subprocess.PIPE).stdout)
    assert said["config"]["Cmd"] == ["sleep", "1000"] and "COLOUR=blue" in said["config"]["Env"] and said["architecture"] == "amd64"
    subprocess.run(["skopeo", "copy", "-q", "--insecure-policy", f"oci-archive:{place}/oci.tar", f"docker-archive:{tmp_path}/docker.tar:x1:1"], check=True)
    with tarfile.open(place / "incus.tar") as tar:
        listed = tar.getnames()
        assert listed[0] == "metadata.yaml" and listed[1] == "rootfs" and "rootfs/srv/link" in listed
        text = tar.extractfile("metadata.yaml").read().decode()
    assert "architecture: \"x86_64\"" in text and "creation_date: " in text


def test_of_a_snapshot_and_while_it_runs(x1):
    host = x1
    host.run("alice", "bothy snapshot create x1 s1 && bothy start x1 && bothy exec -T x1 -- sh -c 'echo two >/srv/one; echo new >/srv/new' && mkdir /tmp/export && "
             "cd /tmp/export && bothy export x1/s1 then && bothy export x1 now && bothy import then x2 && bothy import now x3 && bothy start x2 x3", check=True)
    assert host.output("alice", "bothy exec -T x2 -- cat /srv/one; bothy exec -T x2 -- ls /srv/new 2>/dev/null; true") == "one"
    assert host.output("alice", "bothy exec -T x3 -- cat /srv/one /srv/new") == "two\nnew"
    assert host.output("alice", "bothy exec -T x1 -- cat /srv/one") == "two"


def test_EXP_01_foreign_and_missing(x1):
    host = x1
    seen = [host.run("bob", f"bothy export {name} - | cat; bothy export {name} /tmp/export-bob") for name in ("alice/x1", "alice/x9")]
    assert seen[0].stderr == seen[1].stderr.replace("x9", "x1") and seen[0].stdout == ""
    assert host.run("bob", "ls /tmp/export-bob").returncode != 0
    done = host.run("alice", "bothy export x1/none /tmp/export-none")
    assert done.returncode == 1 and "none" in done.stderr and host.run("alice", "ls /tmp/export-none").returncode != 0
    assert host.run("alice", "bothy export --format zip x1 /tmp/export-zip").returncode == 2


@pytest.mark.parametrize("form", ["tar", "oci"])
def test_EXP_02_a_full_disk(x1, form):
    host = x1
    host.run("root", "mkdir -p /tmp/small && mount -t tmpfs -o size=200k,uid=1000,mode=755 none /tmp/small", check=True)
    try:
        done = host.run("alice", f"bothy export --format {form} x1 /tmp/small/x1")
        assert done.returncode == 1 and "space" in done.stderr, done.stderr
        assert host.output("alice", "ls -A /tmp/small") == ""
    finally:
        host.run("root", "umount /tmp/small")
    host.run("alice", "bothy start x1 && bothy exec -T x1 -- true", check=True)


def test_EXP_02_cancelled_and_killed(x1):
    """Nobody reads: it ends when its user does, and keeps nothing from being deleted."""
    host = x1
    for number in signal.SIGINT, signal.SIGKILL:
        with subprocess.Popen(host.command("alice", "sh", "-c", "bothy export --format oci x1 - | sleep 100"), start_new_session=True) as export:
            until(lambda: host.run("root", "pgrep bothy-pack").returncode == 0, what="it packs")
            host.run("alice", f"pkill -{int(number)} -x -u alice bothy; true")
            host.run("alice", "pkill -x -u alice sleep; true")
            export.wait(20)
        until(lambda: host.run("root", "pgrep bothy-pack").returncode != 0, what="the packer is gone")
    host.run("root", "systemctl kill -s KILL bothyd", check=True)
    host.run("alice", "bothy delete x1", check=True)
    assert names(host) == []


def test_EXP_03_two_at_once(x1):
    """Each is whole, or it was refused and there is no file of it."""
    host = x1
    host.run("alice", "mkdir /tmp/export && cd /tmp/export && { bothy export x1 1 2>e1 & bothy export --format oci x1 2 2>e2 & bothy start x1 2>e3 & wait; }; "
             "for n in 1 2; do test -e $n || grep -q being e$n; done", check=True)
    for name in host.output("alice", "cd /tmp/export && ls [12]; true").split():
        host.run("alice", f"bothy import /tmp/export/{name} y{name} && bothy start y{name} && bothy exec -T y{name} -- cat /srv/one", check=True)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Root's containers of other tools, which become layers where they are: labelled first, and never written."""

import errno
import fcntl
import os
import pathlib
import shutil
import socket

import pytest

from helping import (ADOPTABLE, BASE, LABEL, STEP_ADOPTABLE, STEP_HELD, STEP_LABEL, STEP_REQUEST, STEP_TREE_MOUNTS, TREE_LAYER, USERNS,
                     Helper, helper, own_mounts, pytestmark, request)
from test_helper_folders import in_container

LXC, NSPAWN, INCUS = 1, 2, 3
ID, OTHER = "ab" * 32, "cd" * 32
POOLS = "/var/lib/incus/storage-pools"
# Where containers lie, and what is in them that is a tree.
TOPS = {LXC: "/var/lib/lxc", NSPAWN: "/var/lib/machines", INCUS: POOLS + "/default/containers"}
TREES = {LXC: "/var/lib/lxc/web/rootfs", NSPAWN: "/var/lib/machines/web", INCUS: TOPS[INCUS] + "/web/rootfs"}

fixtures = helper, own_mounts, pytestmark, Helper


@pytest.fixture(params=[LXC, NSPAWN, INCUS], ids=["lxc", "nspawn", "incus"])
def kind(request):
    return request.param


@pytest.fixture
def tree(kind):
    path = pathlib.Path(TREES[kind])
    path.mkdir(parents=True)
    (path / "file").write_text("root's")
    if kind == LXC:
        (path.parent / "config").write_text("lxc.uts.name = web\n")
    yield path
    shutil.rmtree("/var/lib/incus" if kind == INCUS else TOPS[kind])


def label(helper, kind, take=0, name=b"web", id=ID):
    return helper.call(request(LABEL, adoptable=(kind, name, id.encode(), take)))


def layer(helper, kind, name=b"web", id=ID, extents=((0, BASE, 65536),)):
    userns = helper.call(request(USERNS, owner=BASE, extents=extents)).fds[0]
    return helper.call(request(TREE_LAYER, adoptable=(kind, name, id.encode(), 0)), [userns])


def labelled(kind):
    """Its directory, as it is called now."""
    (home,) = pathlib.Path(TOPS[kind]).glob(".adopted-by-bothy.*.web")
    return home if kind == NSPAWN else home / "rootfs"


def everything(kind):
    top = pathlib.Path(TOPS[kind])
    return sorted(str(path) for path in top.rglob("*"))


def outcome(reply):
    return reply.error, reply.step


def test_conv06_only_what_is_labelled_is_a_layer(helper, kind, tree):
    before = everything(kind)
    assert outcome(layer(helper, kind)) == (errno.ENOENT, STEP_LABEL)
    assert outcome(label(helper, kind)) == (0, 0) and outcome(label(helper, kind)) == (0, 0)
    assert everything(kind) != before
    assert outcome(layer(helper, kind, id=OTHER)) == (errno.ENOENT, STEP_LABEL)
    # It is one layer's, and is labelled for no other.
    assert outcome(label(helper, kind, id=OTHER)) == (errno.ENOENT, STEP_LABEL)
    assert outcome(label(helper, kind, take=1, id=OTHER))[0] in (0, errno.ENOENT)
    assert outcome(layer(helper, kind)) == (0, 0)
    assert outcome(label(helper, kind, take=1)) == (0, 0) and outcome(label(helper, kind, take=1)) == (0, 0)
    assert everything(kind) == before


def test_conv01_nobody_writes_through_it(helper, kind, tree):
    """The container's root is the host's there, as far as files go."""
    label(helper, kind)
    reply = layer(helper, kind)
    assert (*outcome(reply), len(reply.fds)) == (0, 0, 1)
    out = in_container(reply.fds[0], """
print(os.stat("file").st_uid)
for flag in 1, 2, 4: # read-only, nosuid, nodev
    print(change(flag))
for act in lambda: open("made", "w"), lambda: open("file", "a"), lambda: os.chmod("file", 0o4777), lambda: os.unlink("file"):
    try:
        act()
        print("done")
    except OSError as e:
        print(e.errno)
""").split()
    assert out == ["0"] + [str(errno.EPERM)] * 3 + [str(errno.EROFS)] * 4


def test_conv06_nothing_else_is_overwritten(helper, kind, tree):
    label(helper, kind)
    # It is out of the way of whoever makes another one of that name there.
    assert not (tree if kind == NSPAWN else tree.parent).exists()
    tree.mkdir(parents=True)
    assert outcome(label(helper, kind, take=1)) == (errno.EEXIST, STEP_LABEL)
    assert outcome(layer(helper, kind)) == (0, 0)


def test_conv07_links_lead_nowhere(helper, kind, tree):
    label(helper, kind)
    home = labelled(kind)
    home.rename(home.parent / "kept")
    home.symlink_to("/etc")
    assert layer(helper, kind).error in (errno.ELOOP, errno.ENOTDIR)
    home.unlink()
    home.symlink_to("kept")
    assert layer(helper, kind).error in (errno.ELOOP, errno.ENOTDIR)


def test_conv06_what_is_mounted_in_it_is_not_missed(helper, kind, tree):
    label(helper, kind)
    home = labelled(kind)
    (home / "mnt").mkdir()
    assert os.system(f"mount -t tmpfs none {home}/mnt") == 0
    # The helper began before that and shares the mounts.
    assert outcome(layer(helper, kind)) == (errno.EBUSY, STEP_TREE_MOUNTS)
    os.system(f"umount {home}/mnt")
    assert outcome(layer(helper, kind)) == (0, 0)


def test_conv06_lxc_runs(helper):
    tree = pathlib.Path(TREES[LXC])
    tree.mkdir(parents=True)
    (tree.parent / "config").write_text("")
    with socket.socket(socket.AF_UNIX) as monitor:
        monitor.bind("\0/var/lib/lxc/web/command")
        monitor.listen()
        assert outcome(label(helper, LXC)) == (errno.EBUSY, STEP_HELD)
        assert outcome(helper.call(request(ADOPTABLE, adoptable=(LXC, b"web", b"", 0)))) == (errno.EBUSY, STEP_HELD)
    assert outcome(label(helper, LXC)) == (0, 0)
    shutil.rmtree("/var/lib/lxc")


@pytest.mark.parametrize("user,wanted", [(1000, (0, 0)), (0, (errno.EBUSY, STEP_HELD))])
def test_conv06_whose_monitor_takes_no_more_connections(helper, user, wanted):
    """Only root's is LXC's; who connects to one whose queue is full does not learn whose it is."""
    tree = pathlib.Path(TREES[LXC])
    tree.mkdir(parents=True)
    waiting = []
    os.seteuid(user)
    try:
        monitor = socket.socket(socket.AF_UNIX)
        monitor.bind("\0/var/lib/lxc/web/command")
        monitor.listen(0)
    finally:
        os.seteuid(0)
    with monitor:
        with pytest.raises(BlockingIOError):
            while True:
                waiting.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK))
                waiting[-1].connect("\0/var/lib/lxc/web/command")
        assert outcome(label(helper, LXC)) == wanted
        for client in waiting:
            client.close()
    shutil.rmtree("/var/lib/lxc")


# nspawn's own directory is the tree: nothing is between the two.
@pytest.mark.parametrize("kind,who", [(LXC, "others"), (LXC, "group"), (LXC, "owner"), (LXC, "inside"),
                                      (NSPAWN, "others"), (NSPAWN, "group"), (NSPAWN, "owner"),
                                      (INCUS, "others"), (INCUS, "inside"), (INCUS, "pool")], indirect=["kind"])
def test_conv04_others_can_write_there(helper, kind, tree, who):
    """Then the tree is not what was looked at."""
    top = tree.parent if kind == NSPAWN else tree.parents[2 if who == "pool" else 1]
    if who == "owner":
        os.chown(top, 1000, 0)
    elif who == "group":
        os.chown(top, 0, 1000)
        top.chmod(0o775)
    else:
        (tree.parent if who == "inside" else top).chmod(0o777)
    assert outcome(label(helper, kind)) == (errno.EPERM, STEP_LABEL)


def test_conv07_of_two_of_incus_none_is_meant(helper):
    """One may run, or be another's."""
    pools = pathlib.Path("/var/lib/incus/storage-pools"), pathlib.Path("/var/lib/lxd/storage-pools")
    trees = [pools[0] / "default/containers/web/rootfs", pools[0] / "other/containers/web/rootfs", pools[1] / "default/containers/web/rootfs"]
    wanted = (0, 0), (errno.ENOTUNIQ, STEP_ADOPTABLE), (errno.ENOTUNIQ, STEP_ADOPTABLE)
    assert outcome(helper.call(request(ADOPTABLE, adoptable=(3, b"web", b"", 0)))) == (errno.ENOENT, STEP_ADOPTABLE)
    for tree, outcome_wanted in zip(trees, wanted):
        tree.mkdir(parents=True)
        assert outcome(helper.call(request(ADOPTABLE, adoptable=(3, b"web", b"", 0)))) == outcome_wanted
    shutil.rmtree(trees[1])
    reply = helper.call(request(ADOPTABLE, adoptable=(3, b"web", b"", 0)))
    assert outcome(reply) == (errno.ENOTUNIQ, STEP_ADOPTABLE)
    # Both are named, each by its own pool.
    assert reply.places == [str(pool / "default") for pool in pools]
    for directory in pools:
        shutil.rmtree(directory.parent)


@pytest.mark.parametrize("where", ["/var/lib/machines/.#web.lck", "/run/systemd/nspawn/locks/inode-{0}:{1}"])
@pytest.mark.parametrize("how", ["flock", "ofd"])
def test_conv06_nspawn_runs(helper, where, how):
    tree = pathlib.Path(TREES[NSPAWN])
    tree.mkdir(parents=True)
    lock = pathlib.Path(where.format(tree.stat().st_dev, tree.stat().st_ino))
    lock.parent.mkdir(parents=True, exist_ok=True)
    with open(lock, "w+") as held:
        if how == "flock":
            fcntl.flock(held, fcntl.LOCK_EX)
        else:
            fcntl.fcntl(held, fcntl.F_OFD_SETLK, __import__("struct").pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
        assert outcome(label(helper, NSPAWN)) == (errno.EBUSY, STEP_HELD)
        assert outcome(helper.call(request(ADOPTABLE, adoptable=(NSPAWN, b"web", b"", 0)))) == (errno.EBUSY, STEP_HELD)
    assert outcome(label(helper, NSPAWN)) == (0, 0)
    assert outcome(layer(helper, NSPAWN)) == (0, 0)
    with open(lock, "w+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert outcome(layer(helper, NSPAWN)) == (errno.EBUSY, STEP_HELD)
    shutil.rmtree("/var/lib/machines")


def test_conv06_what_root_removed_is_given_back(helper, kind, tree):
    """But not where its file system may be missing, which shows an empty directory."""
    label(helper, kind)
    top = tree.parent if kind == NSPAWN else tree.parents[1]
    (labelled(kind) if kind == NSPAWN else labelled(kind).parent).rename(top / "elsewhere")
    assert outcome(label(helper, kind, take=1)) == (errno.ENOENT, STEP_LABEL)
    assert outcome(label(helper, kind, take=2)) == (0, 0)
    shutil.rmtree(top)
    assert label(helper, kind, take=2).error == errno.ENOENT
    if kind != INCUS: # who has that in each pool, also in one that has no containers
        top.mkdir()
    assert outcome(label(helper, kind, take=2)) == (errno.ENOENT, STEP_LABEL)
    tree.mkdir(parents=True)
    assert outcome(label(helper, kind)) == outcome(label(helper, kind, take=2)) == (0, 0) and tree.exists()


def make(pool, name="web"):
    tree = pathlib.Path(POOLS, pool, "containers", name, "rootfs")
    tree.mkdir(parents=True)
    return tree


@pytest.fixture
def pools():
    """Of Incus: two of them."""
    yield make("default"), make("other", "db")
    shutil.rmtree("/var/lib/incus")


def test_conv06_incus_pool_is_not_there(helper, pools):
    """What is called as the original was in another pool is not the original, which is where nobody can see it for now."""
    label(helper, INCUS)
    home = labelled(INCUS).parent
    pool = pathlib.Path(POOLS, "default")
    assert os.system(f"mount -t tmpfs none {pool}") == 0
    try:
        another = make("other")
        for take in 1, 2:
            assert outcome(label(helper, INCUS, take=take)) == (errno.ENOENT, STEP_LABEL)
        assert outcome(layer(helper, INCUS)) == (errno.ENOENT, STEP_LABEL)
    finally:
        os.system(f"umount {pool}")
    # It comes back where it was, whatever else has that name.
    assert home.exists() and outcome(layer(helper, INCUS)) == (0, 0)
    assert outcome(label(helper, INCUS, take=1)) == (0, 0)
    assert pools[0].exists() and another.exists() and not home.exists()
    assert outcome(label(helper, INCUS, take=1)) == (0, 0)
    # Of the two now none is meant.
    assert outcome(label(helper, INCUS)) == (errno.EEXIST, STEP_LABEL)


def test_conv06_incus_a_pool_without_containers_is_one(helper, pools):
    label(helper, INCUS)
    shutil.rmtree(pools[1].parent)
    assert outcome(label(helper, INCUS, take=1)) == outcome(label(helper, INCUS, take=1)) == (0, 0)
    label(helper, INCUS)
    shutil.rmtree(labelled(INCUS).parent)
    assert outcome(label(helper, INCUS, take=1)) == (errno.ENOENT, STEP_LABEL)
    assert outcome(label(helper, INCUS, take=2)) == (0, 0)


@pytest.mark.parametrize("top", ["/var/lib/incus", "/var/lib/lxd", "/var/snap/lxd/common/lxd"])
def test_conv06_incus_runs(helper, pools, top):
    with socket.socket(socket.AF_UNIX) as monitor:
        monitor.bind(f"\0{top}/containers/web/command")
        monitor.listen()
        assert outcome(label(helper, INCUS)) == (errno.EBUSY, STEP_HELD)
    assert outcome(label(helper, INCUS)) == (0, 0)
    with socket.socket(socket.AF_UNIX) as monitor:
        monitor.bind(f"\0{top}/containers/web/command")
        monitor.listen()
        assert outcome(layer(helper, INCUS)) == (errno.EBUSY, STEP_HELD)
        assert outcome(label(helper, INCUS, take=1)) == (0, 0)


@pytest.mark.parametrize("adoptable", [(0, b"web", ID.encode(), 0), (4, b"web", ID.encode(), 0), (LXC, b"", ID.encode(), 0),
                                       (LXC, b"..", ID.encode(), 0), (LXC, b"a/b", ID.encode(), 0), (LXC, b"w" * 68, ID.encode(), 0),
                                       (LXC, b"web", b"", 0), (LXC, b"web", b"../" * 11, 0), (LXC, b"web", b"a" * 68, 0),
                                       (LXC, b"web", ID.encode(), 3)])
def test_nonsense_is_refused(helper, adoptable):
    assert outcome(helper.call(request(LABEL, adoptable=adoptable))) == (errno.EINVAL, STEP_REQUEST)
    userns = helper.userns([(0, BASE, 65536)])
    assert outcome(helper.call(request(TREE_LAYER, adoptable=adoptable), [userns])) == (errno.EINVAL, STEP_REQUEST)


def test_what_is_not_there(helper, kind):
    assert outcome(label(helper, kind)) in ((errno.ENOENT, STEP_ADOPTABLE), (errno.ENOENT, STEP_LABEL))
    assert layer(helper, kind).error == errno.ENOENT

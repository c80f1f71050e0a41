# SPDX-License-Identifier: LGPL-2.1-or-later
"""An account like the caller's in a new container, also in images that were made to mislead."""

import io
import os
import pathlib
import tarfile

import pytest

import archives
from conftest import ALICE
from wire import CONTAINER, IMAGE, MANAGER, ROOT, variants

TABLES = {
    "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\nother:x:1000:1000::/:/bin/false",
    "etc/group": b"root:x:0:\nother:x:1000:\n",
    "etc/shadow": b"root:*:1:0:99999:7:::\n",
}


def image(files, links=(), directories=(), without=()):
    """A root that runs, with these files and links in place of its own."""
    out = io.BytesIO()
    base = tarfile.open(fileobj=io.BytesIO(archives.small_bytes(b"account")))
    with tarfile.open(fileobj=out, mode="w") as tar:
        for member in base:
            if not member.name.startswith(tuple(without) or ("//",)):
                tar.addfile(member, base.extractfile(member) if member.isfile() else None)
        for name in directories:
            archives.add(tar, name, kind=tarfile.DIRTYPE)
        for name, data in files.items():
            archives.add(tar, name, data, mode=0o640)
        for name, target in dict(links).items():
            archives.add(tar, name, kind=tarfile.SYMTYPE, link=target)
    return out.getvalue()


@pytest.fixture
def make(world, alice):
    """Imports an archive and makes a container of it with an account."""
    made = []

    def run(data, account="alice", **options):
        with archives.temporary(data) as file:
            operation = alice.manager("ImportImage", "(ha{sv})", 0, variants({"alias": "account"}), fds=[file.fileno()])[0]
        done = alice.finish(operation)
        assert done["Failure"] == ""
        box = alice.create("box", image="account", command=["sleep", "1000"], account=account, **options)
        made.extend((box, done["Object"]))
        return box
    yield run
    if made:
        alice.delete(made[0])
        alice.call(made[1], IMAGE, "Remove")


def read(alice, box, *names):
    return alice.execute(box, "/bin/busybox", "cat", *names)[0]


def test_IMG_account_is_made(world, alice, make):
    box = make(image(TABLES))
    assert alice.get(box, CONTAINER, "Account") == "alice"
    alice.start(box)
    # Before the other of the same id, so that the id is called so; and what was there stays.
    assert read(alice, box, "/etc/passwd") == (
        f"root:x:0:0:root:/root:/bin/sh\nalice:x:{ALICE}:{ALICE}::/home/alice:/bin/sh\n"
        "other:x:1000:1000::/:/bin/false")
    assert read(alice, box, "/etc/group") == f"root:x:0:\nalice:x:{ALICE}:\nother:x:1000:\n"
    assert read(alice, box, "/etc/shadow") == "root:*:1:0:99999:7:::\nalice:!:::::::\n"
    assert alice.execute(box, "/bin/busybox", "stat", "-c", "%u:%g:%a", "/home/alice", "/etc/shadow", "/etc/passwd")[0] \
        == f"{ALICE}:{ALICE}:700\n0:0:640\n0:0:640\n"
    assert alice.execute(box, "/bin/busybox", "ls", "-A", "/etc")[0].split() == sorted(
        ["group", "hostname", "hosts", "nsswitch.conf", "os-release", "passwd", "seed", "shadow"])
    assert alice.execute(box, "/bin/busybox", "id", user="alice")[0].startswith(f"uid={ALICE}")
    before = read(alice, box, "/etc/passwd", "/etc/group", "/etc/shadow")
    alice.execute(box, "/bin/busybox", "touch", "/home/alice/mine")
    alice.stop(box)
    alice.start(box)
    assert read(alice, box, "/etc/passwd", "/etc/group", "/etc/shadow") == before
    assert alice.execute(box, "/bin/busybox", "ls", "/home/alice")[0] == "mine\n"


def test_IMG_account_without_tables(world, alice, make):
    """An image of one program has none; it gets what the account needs, and no shadow."""
    box = make(image({}))
    alice.start(box)
    assert read(alice, box, "/etc/passwd", "/etc/group") == \
        f"alice:x:{ALICE}:{ALICE}::/home/alice:/bin/sh\nalice:x:{ALICE}:\n"
    assert alice.execute(box, "/bin/busybox", "ls", "/etc/shadow")[1] != (0, 0)


def test_IMG_account_that_is_there(world, alice, make):
    files = dict(TABLES, **{"etc/passwd": b"alice:x:77:77::/:/bin/sh\n", "etc/group": b"alice:x:77:\n"})
    box = make(image(files))
    alice.start(box)
    assert read(alice, box, "/etc/passwd", "/etc/group") == "alice:x:77:77::/:/bin/sh\nalice:x:77:\n"
    assert alice.execute(box, "/bin/busybox", "ls", "/home")[1] != (0, 0)


def test_IMG_account_takes_the_group_of_its_name(world, alice, make):
    box = make(image(dict(TABLES, **{"etc/group": b"alice:x:77:\n"})))
    alice.start(box)
    assert f"alice:x:{ALICE}:77::" in read(alice, box, "/etc/passwd")
    assert read(alice, box, "/etc/group") == "alice:x:77:\n"


HOSTILE = {
    "passwd-absolute": ({}, {"etc/passwd": "/proc/1/root/etc/passwd"}),
    "passwd-relative": ({}, {"etc/passwd": "../../../../../../etc/passwd"}),
    "passwd-inside": ({"etc/target": b"untouched"}, {"etc/passwd": "target"}),
    "group": ({"etc/target": b"untouched"}, {"etc/group": "/etc/target"}),
    "shadow": ({"etc/target": b"untouched"}, {"etc/shadow": "/etc/target"}),
    "home": ({}, {"home": "/etc"}),
    "home-of": ({}, {"home": "../../../../tmp"}),
}


@pytest.mark.parametrize("how", sorted(HOSTILE))
def test_IMG_10_account_follows_no_link(world, alice, make, how):
    files, links = HOSTILE[how]
    tables = {name: data for name, data in TABLES.items() if name not in links}
    before = [pathlib.Path(name).read_bytes() for name in ("/etc/passwd", "/etc/group", "/etc/shadow")]
    box = make(image({**tables, **files}, links))
    for _ in range(2):
        assert alice.error(box, CONTAINER, "Start", "(a{sv})", {}) == "StartFailed"
        assert "account" in alice.text and "link" in alice.text
    assert before == [pathlib.Path(name).read_bytes() for name in ("/etc/passwd", "/etc/group", "/etc/shadow")]
    assert not os.path.lexists("/tmp/alice") and not os.path.lexists("/home/alice.bothy")
    tree = pathlib.Path(f"{world.root}/var/lib/bothy/containers/{alice.get(box, CONTAINER, 'Id')}/data/upper")
    for target in ("etc/target", "etc/alice"):
        assert not (tree / target).exists()


def test_IMG_10_account_and_a_link_for_etc(world, alice, make):
    box = make(image({"elsewhere/passwd": TABLES["etc/passwd"]}, {"etc": "elsewhere"}, ("elsewhere",), ("etc",)))
    assert alice.error(box, CONTAINER, "Start", "(a{sv})", {}) == "StartFailed"
    assert "account" in alice.text


def test_IMG_account_is_not_roots(world, root):
    """Root's id has an account inside; and no other's can be asked for."""
    assert root.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "box", "busybox",
                      variants({"account": "alice"})) == "InvalidArgs"

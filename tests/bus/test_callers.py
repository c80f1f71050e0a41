# SPDX-License-Identifier: LGPL-2.1-or-later
"""Callers are accounts: who can run programs with many uids is one user all the same (THREATS, AUTH-06)."""

from conftest import ALICE, CAROL
from wire import MANAGER, ROOT

FIRST = 100000


def test_AUTH_06_subordinate_ids_are_no_users(fresh_world):
    world = fresh_world()
    (world.root / "etc/subuid").write_text(f"alice:{FIRST}:65536\nroot:300000:65536\n")
    for uid in (FIRST, FIRST + 1, FIRST + 65535):
        world.add_account(uid)
        with world.client(uid) as stranger:
            for _ in range(5):
                assert stranger.error(ROOT, MANAGER, "AllocateRange", "(ua{sv})", 65536, {}) == "NotAuthorized"
                assert f"uid {uid} is a subordinate id" in stranger.text
    assert world.client(0).manager("ListRanges") == ([],)
    # Root can be anybody without them.
    for uid in (FIRST - 1, FIRST + 65536, 300001):
        world.add_account(uid)
        with world.client(uid) as user:
            assert user.error(ROOT, MANAGER, "AllocateRange", "(ua{sv})", 65536, {}) == ""
    assert world.client(ALICE).manager("ListContainers") == ([],)


def test_AUTH_06_users_of_machines_are_no_users(fresh_world):
    """nss-mymachines(8) makes accounts of all ids of a container of systemd's."""
    world = fresh_world()
    with open(world.root / "etc/passwd", "a") as file:
        file.write("vu-box-7:x:600007:600007::/:/bin/sh\nsomebody:x:600008:600008::/:/bin/sh\n")
    with world.client(600007) as stranger, world.client(600008) as user:
        assert stranger.error(ROOT, MANAGER, "ListContainers") == "NotAuthorized"
        assert "has none" in stranger.text
        assert user.manager("ListContainers") == ([],)


def test_AUTH_06_users_of_namespaces_are_no_users(fresh_world):
    """systemd-nsresourced(8) gives any user thousands of ids, or single ones, and each has an account."""
    world = fresh_world()
    made_up = {600007: "ns-box-7", 61200: "ns-box-two-0", 600010: "ns-1-9"}
    # What systemd's containers have on disk, whatever those accounts are called.
    foreign = {2147352576: "foreign-0", 2147418111: "foreign-65535", 2147352577: "smith"}
    people = {600008: "ns-smith", 600009: "ns-smith-9a", 5000: "ns-box-7", 61201: "vu-box-7", 2147352575: "foreign-9"}
    with open(world.root / "etc/passwd", "a") as file:
        file.writelines(f"{name}:x:{uid}:{uid}::/:/bin/sh\n" for uid, name in {**made_up, **foreign, **people}.items())
    for uid in (*made_up, *foreign):
        with world.client(uid) as stranger:
            assert stranger.error(ROOT, MANAGER, "ListContainers") == "NotAuthorized"
            assert "has none" in stranger.text or uid in foreign
    for uid in people:
        with world.client(uid) as user:
            assert user.manager("ListContainers") == ([],)


def test_AUTH_06_who_lost_his_account_is_no_user(fresh_world):
    """The bus knows him from before."""
    world = fresh_world()
    carol = world.client(CAROL)
    path = world.root / "etc/passwd"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if not line.startswith("carol")))
    assert carol.error(ROOT, MANAGER, "AllocateRange", "(ua{sv})", 65536, {}) == "NotAuthorized"
    assert f"uid {CAROL} has none" in carol.text


def test_AUTH_06_nobody_calls_when_lines_make_no_sense(fresh_world):
    """They may say that the caller is somebody's subordinate."""
    world = fresh_world()
    (world.root / "etc/subuid").write_text("alice:100000\n")
    assert world.client(ALICE).error(ROOT, MANAGER, "ListContainers") != ""
    (world.root / "etc/subuid").unlink()
    assert world.client(ALICE).manager("ListContainers") == ([],)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What users call images: IMG-07."""

import pytest

import archives
from conftest import ALICE, BOB
from test_images import start_import
from wire import IMAGE, MANAGER, ROOT, wait


@pytest.fixture
def shared(alice, bob):
    """One image that both have, and another one of alice's."""
    with archives.small(b"shared") as file:
        image = alice.finish(start_import(alice, file, alias="first"))["Object"]
    with archives.small(b"shared") as file:
        assert bob.finish(start_import(bob, file, alias="his"))["Object"] == image
    with archives.small(b"other") as file:
        other = alice.finish(start_import(alice, file, alias="other"))["Object"]
    yield image, other
    for client, path in ((alice, image), (bob, image), (alice, other)):
        client.call(path, IMAGE, "Remove")


def aliases(client, image):
    return client.get(image, IMAGE, "Aliases")


def test_IMG_07_aliases_are_each_users_own(world, alice, bob, shared):
    image, other = shared
    bob.drain()
    bob.incoming = []
    alice.call(image, IMAGE, "AddAlias", "(s)", "second")
    alice.wait_signal("PropertiesChanged", image, match=lambda a: "Aliases" in a[1] or "Aliases" in a[2])
    assert aliases(alice, image) == ["first", "second"]
    assert alice.manager("GetImage", "(s)", "second") == (image,)
    # Nobody else sees it, or hears of it.
    assert aliases(bob, image) == ["his"]
    assert bob.error(ROOT, MANAGER, "GetImage", "(s)", "second") == "NoSuchImage"
    assert all("second" not in str(signal) for signal in bob.incoming)
    # Another user's image may be called the same.
    bob.call(image, IMAGE, "AddAlias", "(s)", "other")
    assert alice.manager("GetImage", "(s)", "other") == (other,)
    # What somebody else calls it is nothing that one takes away.
    assert alice.error(image, IMAGE, "RemoveAlias", "(s)", "his") == "NoSuchImage"
    assert alice.error(image, IMAGE, "RemoveAlias", "(s)", "nothing") == "NoSuchImage"
    assert aliases(bob, image) == ["his", "other"]
    alice.call(image, IMAGE, "RemoveAlias", "(s)", "second")
    assert aliases(alice, image) == ["first"]


def test_IMG_07_no_alias_of_what_one_does_not_see(world, bob, shared):
    _, other = shared
    missing = other[:-4] + "beef"
    for member in ("AddAlias", "RemoveAlias"):
        assert bob.error(other, IMAGE, member, "(s)", "other") == bob.error(missing, IMAGE, member, "(s)", "other")
        assert "UnknownObject" == bob.error(other, IMAGE, member, "(s)", "other")


def test_IMG_07_an_alias_moves(world, alice, shared):
    image, other = shared
    alice.call(image, IMAGE, "AddAlias", "(s)", "other")
    assert alice.manager("GetImage", "(s)", "other") == (image,)
    assert (aliases(alice, image), aliases(alice, other)) == (["first", "other"], [])
    # Once more says the same once.
    alice.call(image, IMAGE, "AddAlias", "(s)", "other")
    assert aliases(alice, image) == ["first", "other"]


def test_IMG_07_no_name_of_an_image_stays(world, alice, shared):
    image, _ = shared
    alice.call(image, IMAGE, "RemoveAlias", "(s)", "first")
    assert aliases(alice, image) == [] and image in alice.managed()
    assert alice.manager("GetImage", "(s)", alice.get(image, IMAGE, "Fingerprint")) == (image,)


def test_IMG_07_the_built_in_image(world, alice, bob):
    image = alice.manager("GetImage", "(s)", "busybox")[0]
    before = aliases(alice, image)
    alice.call(image, IMAGE, "AddAlias", "(s)", "box")
    assert set(aliases(alice, image)) == {*before, "box"} and aliases(bob, image) == before
    for client in (alice, bob):
        assert client.error(image, IMAGE, "RemoveAlias", "(s)", "busybox") == "NoSuchImage"
    alice.call(image, IMAGE, "RemoveAlias", "(s)", "box")
    assert aliases(alice, image) == before
    # With the name went what was alice's of it.
    assert alice.error(image, IMAGE, "Remove") == "ImageInUse"


@pytest.mark.parametrize("name", ["", "a" * 128, "A", "a b", "../x", "0123456789ab", "x\n", "-x", "\u00e4"])
def test_IMG_07_what_no_alias_is(world, alice, shared, name):
    image, _ = shared
    before = aliases(alice, image)
    for member in ("AddAlias", "RemoveAlias"):
        assert alice.error(image, IMAGE, member, "(s)", name) == "InvalidArgs", member
    assert aliases(alice, image) == before


def test_IMG_07_as_many_as_there_may_be(world, alice, shared):
    image, _ = shared
    for i in range(63):
        alice.call(image, IMAGE, "AddAlias", "(s)", f"name-{i}")
    assert alice.error(image, IMAGE, "AddAlias", "(s)", "one-more") == "QuotaExceeded"
    assert len(aliases(alice, image)) == 64


def test_IMG_07_aliases_survive_a_restart(fresh_world):
    world = fresh_world()
    alice = world.client(ALICE)
    with archives.small(b"shared") as file:
        image = alice.finish(start_import(alice, file, alias="first"))["Object"]
    world.client(BOB)
    alice.call(image, IMAGE, "AddAlias", "(s)", "second")
    alice.call(image, IMAGE, "RemoveAlias", "(s)", "first")
    world.restart()
    alice = world.client(ALICE)
    assert aliases(alice, image) == ["second"]
    assert wait(lambda: alice.manager("GetImage", "(s)", "second") == (image,))

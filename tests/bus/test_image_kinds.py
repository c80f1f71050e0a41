# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images of other kinds than a root in a tar archive, and what is told of them beside their files."""

import datetime
import hashlib
import io
import subprocess
import tarfile

from gi.repository import GLib
import pytest

import archives
from conftest import ALICE
from test_images import start_import
from test_remotes import add, pull, refused, server, stored  # noqa: F401
from wire import IMAGE, variants, wait

YAML = b"""architecture: armv7l
creation_date: 1755000000
expiry_date: 1786536000
properties:
  os: Elsewhere
  release: "7"
  variant: default
templates:
  /etc/hostname:
    when: [start]
    template: hostname.tpl
"""


def microseconds(year, month, day):
    return int(datetime.datetime(year, month, day, tzinfo=datetime.timezone.utc).timestamp()) * 1000000


@pytest.fixture(scope="module")
def squashfs(tmp_path_factory):
    """The small root as squashfs."""
    directory = tmp_path_factory.mktemp("squashfs")
    with tarfile.open(fileobj=io.BytesIO(archives.small_bytes(b"squashed"))) as tar:
        tar.extractall(directory / "root")
    subprocess.run(["mksquashfs", directory / "root", directory / "image", "-quiet", "-no-progress", "-all-root",
                    "-comp", "xz"], check=True)
    return (directory / "image").read_bytes()


def unified(yaml=YAML, seed=b"unified"):
    """The small root as Incus has images."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        archives.add(tar, "metadata.yaml", yaml, mode=0o644)
        archives.add(tar, "templates", kind=tarfile.DIRTYPE)
        archives.add(tar, "templates/hostname.tpl", b"{{ 1/0 }}", mode=0o644)
        archives.add(tar, "rootfs", kind=tarfile.DIRTYPE)
        with tarfile.open(fileobj=io.BytesIO(archives.small_bytes(seed))) as base:
            for member in base:
                data = base.extractfile(member) if member.isfile() else None
                member.name = "rootfs/" + member.name
                tar.addfile(member, data)
    return out.getvalue()


def import_bytes(alice, data, **options):
    with archives.temporary(data) as file:
        return alice.finish(start_import(alice, file, **options))


def content(alice, image, name="/etc/seed"):
    box = alice.create("box", image=image, command=["sleep", "1000"])
    alice.start(box)
    found = alice.execute(box, "/bin/busybox", "cat", name)[0]
    alice.delete(box)
    return found


def test_IMG_import_squashfs(world, alice, squashfs):
    done = import_bytes(alice, squashfs, alias="squashed", fingerprint=hashlib.sha256(squashfs).hexdigest())
    assert (done["Phase"], done["Failure"]) == ("done", "")
    values = alice.get_all(done["Object"], IMAGE)
    assert (values["OS"], values["Verified"], values["ExpiresAt"]) == ("small", "sha256", 0)
    assert content(alice, "squashed") == "squashed"
    alice.call(done["Object"], IMAGE, "Remove")


@pytest.mark.parametrize("damage", ["cut", "begin", "end"])
def test_IMG_03_squashfs_leaves_no_trace(world, alice, squashfs, damage):
    before = stored(world)
    data = bytearray(squashfs)
    if damage == "cut":
        data = data[:len(data) // 2]
    else:
        for i in range(64):
            data[100 + i if damage == "begin" else len(data) - 5000 + i] ^= 0xff
    done = import_bytes(alice, bytes(data))
    assert done["Failure"].startswith("org.bothy.Bothy1.Error.BadArchive: ") or done["Phase"] == "done"
    if done["Phase"] == "done":
        alice.call(done["Object"], IMAGE, "Remove")
    assert damage != "cut" or done["Phase"] == "failed"
    wait(lambda: stored(world) == before)


def test_IMG_pull_squashfs(world, alice, server, squashfs):  # noqa: F811
    server.streams(squashfs, ftype="squashfs")
    add(alice, server)
    found, = alice.manager("SearchImages", "(sa{sv})", "test:debian", {})[0]
    assert found["size"] == len(squashfs)
    done = pull(alice)
    assert done["Failure"] == ""
    assert alice.get(done["Object"], IMAGE, "Fingerprint") == hashlib.sha256(squashfs).hexdigest()
    assert content(alice, "test:debian/13") == "squashed"


def test_IMG_05_squashfs_with_a_flipped_byte(world, alice, server, squashfs):  # noqa: F811
    damaged = squashfs[:5000] + bytes([squashfs[5000] ^ 1]) + squashfs[5001:]
    server.streams(squashfs, ftype="squashfs", served=damaged)
    add(alice, server)
    refused(world, alice, "NotVerified")


def test_IMG_04_import_unified(world, alice):
    data = unified()
    done = import_bytes(alice, data, alias="incus")
    assert done["Failure"] == ""
    values = alice.get_all(done["Object"], IMAGE)
    assert values["Fingerprint"] == hashlib.sha256(data).hexdigest()
    # What the tree says goes before what is said of it.
    assert (values["OS"], values["Release"], values["Variant"], values["ExpiresAt"]) == (
        "small", "7", "default", 1786536000 * 1000000)
    assert values["Architecture"] in ("x86_64", "aarch64")
    # No template did anything, and nothing of them is in the root.
    assert content(alice, "incus") == "unified"
    assert content(alice, "incus", "/templates/hostname.tpl") != "{{ 1/0 }}"
    alice.call(done["Object"], IMAGE, "Remove")


def test_IMG_04_unified_survives_a_restart(fresh_world):
    world = fresh_world()
    image = import_bytes(world.client(ALICE), unified())["Object"]
    before = world.client(ALICE).get_all(image, IMAGE)
    world.restart()
    assert world.client(ALICE).get_all(image, IMAGE) == before


@pytest.mark.parametrize("yaml", [b"{[", b"a: " + b"[" * 9000, b"#" * (2 << 20)], ids=["broken", "deep", "large"])
def test_IMG_04_unified_with_bad_metadata(world, alice, yaml):
    before = stored(world)
    done = import_bytes(alice, unified(yaml))
    assert done["Failure"].startswith("org.bothy.Bothy1.Error.BadArchive: metadata.yaml: "), done
    wait(lambda: stored(world) == before)


def metadata(yaml=YAML, name="metadata.yaml", mode="w:xz"):
    """What Incus has beside the root in an archive of its own."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:
        archives.add(tar, "templates", kind=tarfile.DIRTYPE)
        archives.add(tar, name, yaml, mode=0o644)
    return out.getvalue()


def import_two(alice, about, root, **options):
    with archives.temporary(about) as first, archives.temporary(root) as second:
        values = variants(options) | {"metadata": GLib.Variant("h", 1)}
        return alice.finish(alice.manager("ImportImage", "(ha{sv})", 0, values, fds=[second.fileno(), first.fileno()])[0])


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_IMG_import_in_two_archives(world, alice, squashfs, mode):
    about = metadata(mode=mode)
    both = hashlib.sha256(about + squashfs).hexdigest()
    done = import_two(alice, about, squashfs, alias="two", fingerprint=both)
    assert done["Failure"] == ""
    values = alice.get_all(done["Object"], IMAGE)
    assert values["Layers"] == [hashlib.sha256(squashfs).hexdigest()] and values["Verified"] == "sha256"
    assert (values["OS"], values["Release"], values["Variant"], values["ExpiresAt"]) == (
        "small", "7", "default", 1786536000 * 1000000)
    assert content(alice, "two") == "squashed"
    alice.call(done["Object"], IMAGE, "Remove")


def test_IMG_two_archives_make_one_image(world, alice, bob):
    """What it is called by says where one ends and the other begins, so nobody gets another's who divides the same bytes."""
    root = archives.small_bytes(b"two")
    first = import_two(alice, metadata(mode="w"), root)["Object"]
    assert import_two(bob, metadata(mode="w"), root)["Object"] == first
    alone = import_bytes(alice, root)["Object"]
    other = import_two(alice, metadata(YAML.replace(b"default", b"other"), mode="w"), root)["Object"]
    padded = import_two(alice, metadata(mode="w") + bytes(512), root)["Object"]
    assert len({first, alone, other, padded}) == 4
    assert alice.get(other, IMAGE, "Variant") == "other" and alice.get(alone, IMAGE, "Variant") == ""
    assert alice.get(first, IMAGE, "Layers") == alice.get(other, IMAGE, "Layers") == alice.get(alone, IMAGE, "Layers")
    for image in (first, alone, other, padded):
        alice.call(image, IMAGE, "Remove")
    bob.call(first, IMAGE, "Remove")


@pytest.mark.parametrize("about,reason", [
    (b"", "no archive"), (b"no tar at all " * 100, "no archive"), (metadata()[:100], "no archive"), (metadata(b"{["), "not YAML"),
    (metadata(name="other.yaml"), "no metadata.yaml"), (metadata(b"#" * (2 << 20)), "larger than 1 MiB"),
    (metadata(b"a: 1\n" + bytes(5 << 20), mode="w"), "larger than 4194304 bytes")],
    ids=["empty", "text", "cut", "broken", "missing", "yaml-large", "large"])
def test_IMG_04_bad_metadata_in_an_archive_of_its_own(world, alice, about, reason):
    before = stored(world)
    done = import_two(alice, about, archives.small_bytes(b"two"))
    code = "LimitsExceeded" if "4194304" in reason else "BadArchive"
    assert done["Failure"].startswith(f"org.bothy.Bothy1.Error.{code}: The archive with the metadata: "), done
    assert reason in done["Failure"]
    wait(lambda: stored(world) == before)


def test_IMG_05_two_archives_that_are_not_the_ones(world, alice):
    before = stored(world)
    about, root = metadata(), archives.small_bytes(b"two")
    for sha256 in (hashlib.sha256(root), hashlib.sha256(root + about), hashlib.sha256(about)):
        done = import_two(alice, about, root, fingerprint=sha256.hexdigest())
        assert done["Failure"].startswith("org.bothy.Bothy1.Error.BadArchive: The SHA-256 of both archives together is "), done
    wait(lambda: stored(world) == before)


@pytest.mark.parametrize("said,expected", [("2029-06-30", microseconds(2029, 6, 30)), ("2019-01-01", microseconds(2019, 1, 1)),
                                           ("soon", 0), ("2029-13-40", 0), ("2029-6-3", 0), (7, 0), (None, 0)])
def test_IMG_support_ends(world, alice, server, said, expected):  # noqa: F811
    data = archives.small_bytes(str(said).encode())
    server.streams(data, support_eol=said)
    add(alice, server)
    found, = alice.manager("SearchImages", "(sa{sv})", "test:debian", {})[0]
    assert found["support-end"] == (said if expected or said == "2029-13-40" else "")
    image = pull(alice)["Object"]
    assert (alice.get(image, IMAGE, "ExpiresAt"), alice.get(image, IMAGE, "Variant")) == (expected, "default")
    # It can be used all the same.
    assert content(alice, "test:debian/13") == str(said)

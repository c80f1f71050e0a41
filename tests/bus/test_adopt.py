# SPDX-License-Identifier: LGPL-2.1-or-later
"""PlanAdoption and AdoptContainer: who may, with which arguments, and what is left when it ends early."""

import json
import os

import pytest
from gi.repository import GLib

import archives
import bundles
import polkit
from conftest import ALICE, BOB
from wire import CONTAINER, IMAGE, MANAGER, OPERATION, ROOT, BusError, Client, container_path, variants, wait

ADOPT = "org.bothy.Bothy1.adopt-container"
PLAN, DO = "(ssaha{sv})", "(ssahsa{sv})"
# The service sees the whole machine's processes, those of tests that run containers of LXC's beside these as well.
LXC = "never-run"


@pytest.fixture
def place(world):
    """A file system that can be idmapped, in the mount namespace of the service."""
    directory = world.root / "mnt"
    world.inside("mount", "-t", "tmpfs", "none", "/mnt")
    yield directory
    world.inside("umount", "-l", "/mnt")


def make_tree(tree, uid):
    for name in "bin", "etc", "usr":
        (tree / name).mkdir(parents=True)
    (tree / "etc/os-release").write_text("ID=small\nVERSION_ID=7\nPRETTY_NAME=Small\n")
    (tree / "etc/secret").write_text("hers")
    (tree / "etc/secret").chmod(0o600)
    for path in (tree, *tree.rglob("*")):
        os.lchown(path, uid, uid)
    return tree


class Opened:
    """File descriptors for a call."""

    def __init__(self, *paths):
        self.fds = [os.open(path, os.O_RDONLY) for path in paths]

    def __enter__(self):
        return self.fds

    def __exit__(self, *_):
        for fd in self.fds:
            os.close(fd)


def images(world, user):
    with Client(world.address, user) as client:
        return [path for path, interfaces in client.managed().items() if IMAGE in interfaces and not interfaces[IMAGE]["Aliases"]]


def error_of(client, operation):
    """Its name alone."""
    return client.finish(operation)["Failure"].split(":")[0].rsplit(".", 1)[-1]


def test_CONV_07_own_tree(world, alice, place):
    tree = make_tree(place / "tree", ALICE)
    with Opened(tree) as fds:
        lines, facts = alice.manager("PlanAdoption", PLAN, "dir", "", [0], {}, fds=fds)
        assert lines == [] and facts["map"] == f"0 is {ALICE}" and facts["obstacle"] == "" and facts["os"] == "Small"
        assert facts["files"] == 6 and facts["privileged"] is False
        (operation,) = alice.manager("AdoptContainer", DO, "dir", "", [0], "mine", {}, fds=fds)
    done = alice.finish(operation)
    assert done["Failure"] == "" and done["Object"] == container_path(ALICE, "mine") and done["Kind"] == "adopt-container"
    assert done["Subject"] == "mine"
    assert {question.action for question in world.polkit.questions} == {polkit.CREATE}
    assert alice.get(done["Object"], CONTAINER, "Owner") == ALICE
    assert len(images(world, ALICE)) == 1
    alice.delete(done["Object"])
    assert images(world, ALICE) == []


def test_CONV_04_ids_of_others(world, alice, bob, place):
    tree = make_tree(place / "tree", ALICE)
    os.chown(tree / "etc/secret", BOB, BOB)
    with Opened(tree) as fds:
        _, facts = alice.manager("PlanAdoption", PLAN, "dir", "", [0], {}, fds=fds)
        assert facts["foreign"] == 1 and facts["foreign-paths"] == ["/etc/secret"] and "/etc/secret" in facts["obstacle"]
        (operation,) = alice.manager("AdoptContainer", DO, "dir", "", [0], "mine", {}, fds=fds)
        assert error_of(alice, operation) == "NotYours"
        # Whoever may open a directory of hers gets nothing of it.
        (operation,) = bob.manager("AdoptContainer", DO, "dir", "", [0], "his", {}, fds=fds)
        assert error_of(bob, operation) == "NotYours"
        assert bob.error(ROOT, MANAGER, "PlanAdoption", PLAN, "dir", "", [0], {}, fds=fds) == "NotYours"
    assert images(world, ALICE) == images(world, BOB) == []


@pytest.mark.parametrize("arguments", [("lxc", LXC, []), ("nspawn", "web", []), ("dir", "", [0])])
def test_CONV_07_what_takes_an_administrator(world, alice, place, arguments):
    """Root's by name, and any for another owner: create-container, and adopt-container as well, for the call as it is."""
    kind, source, handles = arguments
    tree = make_tree(place / "tree", ALICE)
    options = variants({"owner": GLib.Variant("u", BOB)}) if handles else {}
    with Opened(tree) as fds:
        fds = fds if handles else []
        for answer, wanted in (("no", "NotAuthorized"), ("challenge", "NotAuthorizedCanObtain"), ("dismissed", "NotAuthorizedDismissed")):
            world.polkit.answers[ADOPT] = answer
            world.polkit.questions.clear()
            assert alice.error(ROOT, MANAGER, "AdoptContainer", DO, kind, source, handles, "x1", options, fds=fds) == wanted
            assert [question.action for question in world.polkit.asked()] == [polkit.CREATE, ADOPT]
            details = dict(world.polkit.questions[-1].details)
            owner = BOB if handles else ALICE
            message, domain = details.pop("polkit.message"), details.pop("polkit.gettext_domain")
            assert details.pop("owner-name") and details.pop("user")
            assert "$(kind):$(source)" in message and ("is root's" in message) == (not handles) and domain == "bothy"
            assert details == {"kind": kind, "source": source or "x1", "from": "caller" if handles else "root", "container": "x1", "way": "copy",
                               "owner": str(owner)}
            if not handles:
                assert alice.error(ROOT, MANAGER, "PlanAdoption", PLAN, kind, source, [], {}) == wanted
        world.polkit.answers[polkit.CREATE] = "no"
        world.polkit.answers[ADOPT] = "yes"
        assert alice.error(ROOT, MANAGER, "AdoptContainer", DO, kind, source, handles, "x1", options, fds=fds) == "NotAuthorized"


def test_CONV_07_for_another_owner(world, alice, bob, place):
    world.polkit.answers[ADOPT] = "yes"
    tree = make_tree(place / "tree", ALICE)
    with Opened(tree) as fds:
        (operation,) = alice.manager("AdoptContainer", DO, "dir", "", [0], "theirs", variants({"owner": GLib.Variant("u", 0)}), fds=fds)
        assert alice.finish(operation)["Failure"] == ""
        assert alice.error(ROOT, MANAGER, "AdoptContainer", DO, "dir", "", [0], "x2", variants({"owner": GLib.Variant("u", 424242)}),
                           fds=fds) == "NoSuchAccount"
    # It is not hers, and so she does not see it.
    assert container_path(0, "theirs") not in alice.managed()
    with Client(world.address, 0) as root:
        assert root.get(container_path(0, "theirs"), CONTAINER, "Owner") == 0
    (entry,) = [line for line in world.log().splitlines() if "AdoptContainer " in line and " source=theirs" in line]
    assert f"by user {ALICE} ({ADOPT})" in entry
    assert all(f" {words}" in entry for words in ("from=caller", "container=theirs", "owner=0")), entry


@pytest.mark.parametrize("kind,source", [("lxc", LXC), ("dir", "")])
def test_CONV_07_the_word_is_for_roots_container(world, alice, place, kind, source):
    """An administrator says yes to lxc:web, and what comes with the call is a directory that the caller may open: not all in it is his."""
    world.polkit.answers[ADOPT] = "yes"
    tree = make_tree(place / "tree", 0)
    with Opened(tree) as fds:
        for owner in BOB, ALICE:
            options = variants({"owner": GLib.Variant("u", owner)})
            (operation,) = alice.manager("AdoptContainer", DO, kind, source, [0], "x1", options, fds=fds)
            done = alice.finish(operation)
            assert ".NotYours:" in done["Failure"] and "root can adopt it" in done["Failure"], done
    assert images(world, BOB) == images(world, ALICE) == []


def test_CONV_04_a_tree_of_a_user_is_no_range(world, root, place):
    """What alice moved into her tree of bob's stays his, also when root adopts the tree for her, or for nobody in particular."""
    tree = make_tree(place / "tree", ALICE)
    os.chown(tree / "etc/secret", BOB, BOB)
    hers = variants({"owner": GLib.Variant("u", ALICE)})
    with Opened(tree) as fds:
        (operation,) = root.manager("AdoptContainer", DO, "dir", "", [0], "x1", hers, fds=fds)
        done = root.finish(operation)
        assert ".NotYours:" in done["Failure"] and "/etc/secret" in done["Failure"], done
        (operation,) = root.manager("AdoptContainer", DO, "dir", "", [0], "x1", {}, fds=fds)
        assert error_of(root, operation) == "NotYours"
        _, facts = root.manager("PlanAdoption", PLAN, "dir", "", [0], hers, fds=fds)
        assert facts["map"] == f"0 is {ALICE}" and facts["foreign-paths"] == ["/etc/secret"]
        os.chown(tree / "etc/secret", ALICE, ALICE)
        (operation,) = root.manager("AdoptContainer", DO, "dir", "", [0], "x1", hers, fds=fds)
        assert root.finish(operation)["Failure"] == ""
    assert root.get(container_path(ALICE, "x1"), CONTAINER, "Owner") == ALICE


@pytest.fixture
def roots(world):
    """Root's container of LXC, in the mount namespace of the service."""
    world.inside("mkdir", "-p", "/var/lib/lxc")
    world.inside("mount", "-t", "tmpfs", "-o", "mode=755", "none", "/var/lib/lxc")
    container = world.root / "var/lib/lxc" / LXC
    make_tree(container / "rootfs", 0)
    (container / "config").write_text("lxc.uts.name = inside\n")
    yield container
    world.inside("umount", "-l", "/var/lib/lxc")


IN_PLACE = variants({"way": "in-place"})


def test_CONV_07_in_place_takes_an_administrators_word(world, alice, bob, roots):
    world.polkit.answers[ADOPT] = "no"
    for member, signature, rest in ("PlanAdoption", PLAN, ()), ("AdoptContainer", DO, ("web",)):
        assert alice.error(ROOT, MANAGER, member, signature, "lxc", LXC, [], *rest, IN_PLACE) == "NotAuthorized"
    assert (roots / "config").exists()
    world.polkit.answers[ADOPT] = "yes"
    lines, facts = alice.manager("PlanAdoption", PLAN, "lxc", LXC, [], IN_PLACE)
    assert facts["way"] == "in-place" and facts["obstacle"] == "" and (roots / "config").exists()
    (operation,) = alice.manager("AdoptContainer", DO, "lxc", LXC, [], "web", IN_PLACE)
    done = alice.finish(operation)
    assert done["Error"] == "", done
    asked = [question for question in world.polkit.questions if question.action == ADOPT][-1]
    assert asked.details["way"] == "in-place" and asked.details["from"] == "root"
    assert "in place" in asked.details["polkit.message"]
    # Whoever makes another one of that name there makes another directory.
    assert not roots.exists() and label_of(roots) and len(images(world, ALICE)) == 1
    # A second time it is nobody's, in whichever way.
    (operation,) = alice.manager("AdoptContainer", DO, "lxc", LXC, [], "two", {})
    assert error_of(alice, operation) == "WrongState"
    box = done["Object"]
    assert bob.error(box, CONTAINER, "UndoAdoption", "(a{sv})", {}) == "UnknownObject"
    (operation,) = alice.call(box, CONTAINER, "UndoAdoption", "(a{sv})", {})
    assert alice.finish(operation)["Error"] == ""
    assert sorted(path.name for path in roots.iterdir()) == ["config", "rootfs"] and images(world, ALICE) == []


def adopt_in_place(client, name="web"):
    (operation,) = client.manager("AdoptContainer", DO, "lxc", LXC, [], name, IN_PLACE)
    done = client.finish(operation)
    assert done["Error"] == "", done
    return done["Object"]


def label_of(container):
    """The id of the layer that the container of LXC's is, or None."""
    top = container.parent
    found = [name.split(".")[3] for directory in (top, container) if directory.exists() for name in os.listdir(directory)
             if name.startswith(".adopted-by-bothy.")] + (
        [name.rsplit(".", 1)[1] for name in os.listdir(container) if ".adopted-by-bothy." in name] if container.exists() else [])
    return found[0] if found else None


def test_CONV_06_no_archive_names_what_is_in_place(world, alice, roots):
    """An image of alice's own that names the layer would read root's tree on, also when it was given back."""
    world.polkit.answers[ADOPT] = "yes"
    box = adopt_in_place(alice)
    layer = label_of(roots)
    assert layer
    data = bundles.busybox()
    plain = json.loads(bundles.config_of([data]))
    for diff_ids in [layer], [layer, bundles.sha256(data)], [bundles.sha256(data), layer]:
        plain["rootfs"]["diff_ids"] = ["sha256:" + diff_id for diff_id in diff_ids]
        made = bundles.Layout()
        made.add([data] * len(diff_ids), config=json.dumps(plain).encode())
        archive = archives.temporary(made.tar())
        (operation,) = alice.manager("ImportImage", "(ha{sv})", 0, {}, fds=[archive.fileno()])
        done = alice.finish(operation)
        assert ".BadArchive:" in done["Failure"], done
    assert len(images(world, ALICE)) == 1
    (operation,) = alice.call(box, CONTAINER, "UndoAdoption", "(a{sv})", {})
    assert alice.finish(operation)["Error"] == ""
    assert label_of(roots) is None and images(world, ALICE) == []


@pytest.fixture
def listing(world):
    yield lambda text: [(world.root / "etc" / name).write_text(text) for name in ("subuid", "subgid")]
    for name in "subuid", "subgid":
        (world.root / "etc" / name).unlink(missing_ok=True)


def test_CONV_04_in_place_ids_that_somebody_has(world, alice, roots, listing):
    """Bob, whose the ids are by subuid(5), could change the tree that alice's container reads, and that is root's."""
    world.polkit.answers[ADOPT] = "yes"
    (roots / "config").write_text("lxc.idmap = b 0 300000 65536\n")
    for path in (roots / "rootfs", *(roots / "rootfs").rglob("*")):
        os.lchown(path, 300000, 300000)
    listing("root:300000:65536\nbob:1000000:65536\n")
    assert alice.manager("PlanAdoption", PLAN, "lxc", LXC, [], IN_PLACE)[1]["obstacle"] == ""
    for text in "bob:300000:65536\n", "root:300000:65536\nbob:365535:1\n", "bob:200000:100001\n":
        listing(text)
        _, facts = alice.manager("PlanAdoption", PLAN, "lxc", LXC, [], IN_PLACE)
        assert "somebody's" in facts["obstacle"] and "copy" in facts["obstacle"]
        (operation,) = alice.manager("AdoptContainer", DO, "lxc", LXC, [], "web", IN_PLACE)
        assert error_of(alice, operation) == "NotYours" and label_of(roots) is None
        # A copy is nobody's but hers.
        assert alice.manager("PlanAdoption", PLAN, "lxc", LXC, [], {})[1]["obstacle"] == ""
    listing("")
    (roots / "config").write_text(f"lxc.idmap = b 0 300000 65535\nlxc.idmap = b 65535 {BOB} 1\n")
    assert "account" in alice.manager("PlanAdoption", PLAN, "lxc", LXC, [], IN_PLACE)[1]["obstacle"]
    (roots / "config").write_text("lxc.idmap = b 0 300000 65536\n")
    roots.parent.chmod(0o777)
    (operation,) = alice.manager("AdoptContainer", DO, "lxc", LXC, [], "web", IN_PLACE)
    assert "others than root can write" in alice.finish(operation)["Failure"]
    assert images(world, ALICE) == []


def test_CONV_06_undo_is_one_step(world, alice, roots):
    """From its first look until it is over nothing else is done to the container, and no deletion of hers waits for a turn."""
    world.polkit.answers[ADOPT] = "yes"
    for member, signature, values in (("Start", "(a{sv})", ({},)), ("Delete", "(a{sv})", ({},)), ("UndoAdoption", "(a{sv})", ({},))):
        box = adopt_in_place(alice)
        undo = alice.send(box, CONTAINER, "UndoAdoption", "(a{sv})", {})
        other = alice.send(box, CONTAINER, member, signature, *values)
        (operation,) = alice.reply(undo)
        try:
            reply = alice.reply(other)
            other = alice.finish(reply[0])["Failure"].split(":")[0] if reply else ""
        except BusError as e:
            other = e.name
        assert other.endswith((".Busy", ".UnknownObject")), (member, other)
        done = alice.finish(operation)
        assert done["Error"] == "", (member, done)
        assert label_of(roots) is None and images(world, ALICE) == [] and box not in alice.managed()


def test_CONV_06_what_could_not_be_given_back(world, alice, roots):
    """It is tried again until nothing is in the way; and what root removed himself needs no giving back."""
    world.polkit.answers[ADOPT] = "yes"
    layers = world.root / "var/lib/bothy/layers"
    alone = sorted(os.listdir(layers))
    alice.delete(adopt_in_place(alice))
    wait(lambda: sorted(os.listdir(layers)) == alone)
    box = adopt_in_place(alice)
    # Somebody made another one in its place.
    roots.mkdir()
    alice.delete(box)
    wait(lambda: "tried again" in world.log())
    assert label_of(roots)
    roots.rmdir()
    wait(lambda: (roots / "config").exists() and sorted(os.listdir(layers)) == alone, 60)
    box = adopt_in_place(alice)
    next(roots.parent.glob(".adopted-by-bothy.*")).rename(roots.parent / "elsewhere")
    alice.delete(box)
    wait(lambda: sorted(os.listdir(layers)) == alone)


def test_CONV_07_in_place_incus(world, alice):
    """In a pool of its own, which is missing for a while: it is given back when it is there again, and not to another pool."""
    world.polkit.answers[ADOPT] = "yes"
    world.inside("mkdir", "-p", "/var/lib/incus")
    world.inside("mount", "-t", "tmpfs", "-o", "mode=711", "none", "/var/lib/incus")
    try:
        pools = world.root / "var/lib/incus/storage-pools"
        box = pools / "default/containers/web"
        make_tree(box / "rootfs", 0)
        (pools / "other/containers").mkdir(parents=True)
        (box / "backup.yaml").write_text("container:\n  expanded_config:\n    volatile.last_state.idmap: '[]'\n")
        lines, facts = alice.manager("PlanAdoption", PLAN, "incus", "web", [], IN_PLACE)
        assert facts["way"] == "in-place" and facts["obstacle"] == "", facts
        (operation,) = alice.manager("AdoptContainer", DO, "incus", "web", [], "web", IN_PLACE)
        done = alice.finish(operation)
        assert done["Error"] == "" and not box.exists() and label_of(box), done
        (pools / "default").rename(pools.parent / "kept")
        (pools / "default").mkdir()
        (pools / "other/containers/web").mkdir()
        (operation,) = alice.call(done["Object"], CONTAINER, "UndoAdoption", "(a{sv})", {})
        assert error_of(alice, operation) == "WrongState" and alice.get(done["Object"], CONTAINER, "Name") == "web"
        (pools / "default").rmdir()
        (pools.parent / "kept").rename(pools / "default")
        (operation,) = alice.call(done["Object"], CONTAINER, "UndoAdoption", "(a{sv})", {})
        assert alice.finish(operation)["Error"] == ""
        assert sorted(path.name for path in box.iterdir()) == ["backup.yaml", "rootfs"] and images(world, ALICE) == []
    finally:
        world.inside("umount", "-l", "/var/lib/incus")


def test_CONV_06_in_place_is_undone_only_where_it_was_done(world, alice, box):
    (operation,) = alice.call(box, CONTAINER, "UndoAdoption", "(a{sv})", {})
    assert error_of(alice, operation) == "WrongState"
    assert alice.get(box, CONTAINER, "Name")


def test_ARG_01_ways(world, alice, place):
    tree = make_tree(place / "tree", ALICE)
    with Opened(tree) as fds:
        for way in "", "In-place", "convert":
            assert alice.error(ROOT, MANAGER, "AdoptContainer", DO, "dir", "", [0], "x1", variants({"way": way}), fds=fds) == "InvalidArgs"
        # What a user has may change, and is not found again after a boot.
        assert alice.error(ROOT, MANAGER, "AdoptContainer", DO, "dir", "", [0], "x1", IN_PLACE, fds=fds) == "InvalidArgs"
        assert alice.error(ROOT, MANAGER, "AdoptContainer", DO, "lxc", LXC, [0], "x1", IN_PLACE, fds=fds) == "InvalidArgs"
    assert images(world, ALICE) == []


def test_CONV_07_list_is_for_an_administrator(world, alice, root):
    assert alice.error(ROOT, MANAGER, "ListAdoptable") == "NotAuthorized"
    assert [question.action for question in world.polkit.asked()] == [ADOPT]
    assert root.manager("ListAdoptable") == ([],)
    assert root.error(ROOT, MANAGER, "PlanAdoption", PLAN, "lxc", "nothere", [], {}) == "NoSuchContainer"


def test_ARG_01_sources(world, alice, place):
    tree = make_tree(place / "tree", ALICE)
    (place / "config").write_text("lxc.uts.name = x\n")
    path_only = os.open(tree, os.O_PATH)
    with Opened(tree, place / "config") as (directory, file):
        world.polkit.answers[ADOPT] = "yes"
        before = world.settled_fds(), world.records()
        for kind, source, fds in (("", "", [directory]), ("LXC", "x", [directory]), ("docker", "x", [directory]), ("dir", "", []),
                                  ("dir", "x", [directory]), ("dir", "", [file]), ("dir", "", [path_only]), ("dir", "", [directory, file]),
                                  ("lxc", "", [directory, file]), ("lxc", "x", [directory, directory]), ("lxc", "x", [file, directory]),
                                  ("lxc", "x", [directory, file, file]), *(("lxc", bad, []) for bad in (
                                      "..", ".", ".x", "a/b", "/etc", "a b", "a\nb", "x" * 64, "\u202e", "a\u00e4", "<b>x", "a&b", "$(owner)", "a\x1bb"))):
            world.polkit.questions.clear()
            for member, signature, rest in (("PlanAdoption", PLAN, ({},)), ("AdoptContainer", DO, ("x1", {}))):
                assert alice.error(ROOT, MANAGER, member, signature, kind, source, list(range(len(fds))), *rest, fds=fds) == "InvalidArgs", (
                    kind, source, alice.text)
            assert not world.polkit.questions
        for name in "", "A", "-x", "a/b", "..", "x" * 64:
            assert alice.error(ROOT, MANAGER, "AdoptContainer", DO, "dir", "", [0], name, {}, fds=[directory]) == "InvalidArgs"
        for network in "host", "lan:br0", "":
            assert alice.error(ROOT, MANAGER, "AdoptContainer", DO, "dir", "", [0], "x1", variants({"network": network}),
                               fds=[directory]) == "InvalidArgs"
        assert alice.error(ROOT, MANAGER, "AdoptContainer", DO, "dir", "", [7], "x1", {}, fds=[directory]) == "InvalidArgs"
        assert (world.settled_fds(), world.records()) == before
    os.close(path_only)


def test_CONV_09_configuration(world, alice, place):
    """Parsed by a process without rights; what it says is looked at as all else that comes from a caller."""
    tree = make_tree(place / "tree", ALICE)
    (place / "config").write_text(f"""lxc.idmap = u 0 {ALICE} 1
lxc.idmap = g 0 {ALICE} 1
lxc.uts.name = "quoted"
lxc.environment = A=1
lxc.environment = =bad
lxc.environment = INHERITED
lxc.cgroup.cpu.cfs_period_us = 50000
lxc.cgroup.cpu.cfs_quota_us = 75000
lxc.cgroup.cpu.shares = 512
lxc.cgroup.memory.limit_in_bytes = 64M
lxc.cgroup.memory.memsw.limit_in_bytes = 96M
lxc.cgroup2.pids.max = 1
lxc.sysctl.kernel.shmmax = 65536
lxc.sysctl.kernel.panic = 1
lxc.signal.halt = SIGRTMIN+3
lxc.init.cmd = /bin/app --one "two words"
lxc.net.0.type = empty
lxc.something.new = 1
""")
    with Opened(tree, place / "config") as fds:
        lines, facts = alice.manager("PlanAdoption", PLAN, "lxc", LXC, [0, 1], variants({"name": "web"}), fds=fds)
        found = {}
        for key, value, outcome, text in lines:
            assert text and outcome in ("kept", "changed", "dropped")
            found[f"{key}={value}"] = outcome
        (operation,) = alice.manager("AdoptContainer", DO, "lxc", LXC, [0, 1], "web", variants({"network": "nat"}), fds=fds)
    assert [line for line, outcome in found.items() if outcome == "dropped"] == [
        "lxc.environment==bad", "lxc.environment=INHERITED", "lxc.cgroup2.pids.max=1", "lxc.sysctl.kernel.panic=1", "lxc.something.new=1"]
    done = alice.finish(operation)
    assert done["Failure"] == "", done
    made = alice.get_all(done["Object"], CONTAINER)
    assert made["Hostname"] == "quoted" and made["Environment"] == ["A=1"] and made["Network"] == "nat"
    assert made["Command"] == ["/bin/app", "--one", "two words"]
    limits = made["Limits"]
    assert (limits["cpu"], limits["cpu-weight"], limits["memory"], limits["swap"]) == (1.5, 50, 64 << 20, 32 << 20)


def test_CONV_05_cancelled(world, alice, place):
    """Nothing of it is left, wherever it was."""
    tree = make_tree(place / "tree", ALICE)
    with open(tree / "usr/big", "wb") as file:
        for _ in range(60):
            file.write(os.urandom(1 << 20))
    os.chown(tree / "usr/big", ALICE, ALICE)
    with Opened(tree) as fds:
        before = world.settled_fds(), world.records()
        for bytes_before in (0, 0, 1, 20 << 20):
            (operation,) = alice.manager("AdoptContainer", DO, "dir", "", [0], "gone", {}, fds=fds)
            wait(lambda: alice.get(operation, OPERATION, "Bytes") >= bytes_before)
            alice.call(operation, OPERATION, "Cancel")
            assert error_of(alice, operation) == "Cancelled"
        # Whoever is not there any more waits for no plan.
        with Client(world.address, BOB) as client:
            client.send(ROOT, MANAGER, "PlanAdoption", PLAN, "dir", "", [0], {}, fds=fds)
        wait(lambda: not [line for line in world.processes() if "bothy-unpack" in str(line)])
        wait(lambda: (world.settled_fds(), world.records()) == before)
    assert images(world, ALICE) == []


def test_OBJ_07_name_of_another_is_free(world, alice, bob, place):
    """Two at once: one name is one container's of a user's."""
    for user, name in ((ALICE, "a"), (BOB, "b")):
        make_tree(place / name, user)
    with Opened(place / "a") as first, Opened(place / "b") as second:
        operations = [alice.manager("AdoptContainer", DO, "dir", "", [0], "same", {}, fds=first)[0] for _ in range(2)]
        (his,) = bob.manager("AdoptContainer", DO, "dir", "", [0], "same", {}, fds=second)
        errors = sorted(error_of(alice, operation) for operation in operations)
        assert errors == ["", "ContainerExists"] and bob.finish(his)["Failure"] == ""
    assert len(images(world, ALICE)) == 1

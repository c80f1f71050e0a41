# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bridges as objects, and whom they are delegated to; NetworkManager's own part is tested on the host."""

import contextlib
import os
import subprocess
import sys

import pytest

from conftest import ALICE, BOB
from networkmanager import NetworkManager
from slowfs import SlowFileSystem
from test_arguments import fd_kinds
from wire import BRIDGE, BusError, CONTAINER, MANAGER, PROPERTIES, ROOT, variants, wait

DELEGATE = "org.bothy.Bothy1.delegate-bridge"
BRIDGES = "org.bothy.Bothy1.manage-bridges"
USE = "org.bothy.Bothy1.use-bridge"
DEFAULT = ROOT + "/bridge/bothy0"
BR0 = ROOT + "/bridge/br0"


@pytest.fixture
def nm(world):
    nm = NetworkManager(world.address)
    yield nm
    nm.close()
    # What a test delegated is taken back while its bridge is still shown, or again.
    wait(lambda: not [path for path in bridges(world.client(0)) if path != DEFAULT])


@pytest.fixture
def br0(world, nm, alice, bob):
    """A bridge to the LAN; alice and bob are there to hear of it."""
    alice.manager("ListContainers")
    bob.manager("ListContainers")
    nm.add("br0", address="192.0.2.7/24")
    wait(lambda: BR0 in alice.managed())
    yield BR0
    root = world.client(0)
    for principal, _ in root.get(BR0, BRIDGE, "Delegations"):
        root.call(BR0, BRIDGE, "Revoke", "(s)", principal)


def bridges(client):
    return {path: interfaces[BRIDGE] for path, interfaces in client.managed().items() if BRIDGE in interfaces}


def test_default_bridge_is_always_there(world, alice):
    assert alice.get(ROOT, MANAGER, "DefaultBridge") == DEFAULT
    values = bridges(alice)[DEFAULT]
    assert values["Kind"] == "nat" and values["Name"] == "bothy0" and values["Delegations"] == []
    assert values["Subnet"].endswith("/16")
    assert alice.error(DEFAULT, BRIDGE, "Delegate", "(su)", "bob", 1) == "NotAuthorized"
    assert world.client(0).error(DEFAULT, BRIDGE, "Delegate", "(su)", "bob", 1) == "InvalidArgs"


def test_profiles_come_and_go(world, nm, alice, bob):
    alice.manager("ListContainers")
    path = nm.add("br-9.x", address="192.0.2.7/24")
    added = alice.wait_signal("InterfacesAdded", match=lambda a: "bridge/br_2d9_2ex" in a[0])
    assert added[1][BRIDGE]["Kind"] == "lan" and added[1][BRIDGE]["Subnet"] == "192.0.2.0/24"
    assert len(added[1][BRIDGE]["Connection"]) == 36
    nm.change(path, "br-9.x", method="shared", address="198.51.100.1/25")
    alice.wait_signal("PropertiesChanged", added[0],
                      match=lambda a: a[1] == {"Kind": "nat", "Subnet": "198.51.100.0/25"})
    nm.remove(path)
    alice.wait_signal("InterfacesRemoved", match=lambda a: a[0] == added[0])
    assert added[0] not in alice.managed()


def test_names_that_could_hurt_are_not_shown(nm, alice):
    for name in ("br 0", "br/0", "..", "brücke"):
        nm.add(name)
    nm.add("plain")
    wait(lambda: ROOT + "/bridge/plain" in bridges(alice))
    assert set(bridges(alice)) == {DEFAULT, ROOT + "/bridge/plain"}


def test_OBJ_02_permissions_of_the_profile_hide_it(world, nm, alice, bob, root):
    alice.manager("ListContainers")
    bob.manager("ListContainers")
    nm.add("hers", users=["alice", "no-such-user"])
    path = ROOT + "/bridge/hers"
    alice.wait_signal("InterfacesAdded", match=lambda a: a[0] == path)
    assert path in bridges(alice) and path in bridges(root)
    assert path not in bridges(bob)
    for member, signature, arguments in (("Delegate", "(su)", ("bob", 1)), ("Revoke", "(s)", ("bob",)),
                                         ("Delete", "()", ())):
        assert bob.error(path, BRIDGE, member, signature, *arguments) == "UnknownObject"
        hidden = bob.text
        assert bob.error(path + "x", BRIDGE, member, signature, *arguments) == "UnknownObject"
        assert bob.text == hidden.replace(path, path + "x")
    assert bob.error(path, PROPERTIES, "GetAll", "(s)", BRIDGE) == "UnknownObject"
    assert not world.polkit.asked(DELEGATE)
    bob.drain(0.2)
    assert "hers" not in str(bob.signals())


def test_OBJ_02_permissions_change(nm, alice, bob):
    bob.manager("ListContainers")
    profile = nm.add("shared")
    path = ROOT + "/bridge/shared"
    bob.wait_signal("InterfacesAdded", match=lambda a: a[0] == path)
    nm.change(profile, "shared", users=["alice"])
    bob.wait_signal("InterfacesRemoved", match=lambda a: a[0] == path)
    wait(lambda: path in bridges(alice))
    assert path not in bridges(bob)
    nm.change(profile, "shared", users=["bob"])
    bob.wait_signal("InterfacesAdded", match=lambda a: a[0] == path)
    assert path not in bridges(alice)


def test_delegations(world, br0, alice, root):
    root.call(br0, BRIDGE, "Delegate", "(su)", "@nogroup", 5)
    root.call(br0, BRIDGE, "Delegate", "(su)", "bob", 1)
    root.call(br0, BRIDGE, "Delegate", "(su)", "alice", 2)
    wanted = [("alice", 2), ("bob", 1), ("@nogroup", 5)]
    alice.wait_signal("PropertiesChanged", br0, match=lambda a: a[1].get("Delegations") == wanted)
    root.call(br0, BRIDGE, "Delegate", "(su)", "alice", 3)
    assert root.get(br0, BRIDGE, "Delegations") == [("alice", 3), *wanted[1:]]
    root.call(br0, BRIDGE, "Revoke", "(s)", "bob")
    assert root.get(br0, BRIDGE, "Delegations") == [("alice", 3), ("@nogroup", 5)]
    assert root.error(br0, BRIDGE, "Revoke", "(s)", "bob") == "InvalidArgs"
    assert root.error(br0, BRIDGE, "Delegate", "(su)", "no-such", 1) == "NoSuchAccount"
    assert root.error(br0, BRIDGE, "Delegate", "(su)", "@alicex", 1) == "NoSuchAccount"


def test_delegations_stay(world, br0, root):
    root.call(br0, BRIDGE, "Delegate", "(su)", "alice", 2)
    for number in (15, 9):
        world.restart(number)
        wait(lambda: br0 in bridges(root))
        assert root.get(br0, BRIDGE, "Delegations") == [("alice", 2)]


@pytest.mark.parametrize("answer,wanted", [("no", "NotAuthorized"), ("challenge", "NotAuthorizedCanObtain"),
                                           ("dismissed", "NotAuthorizedDismissed"), ("error", "NotAuthorized")])
def test_AUTH_01_denied_bridges_have_no_effect(world, nm, br0, alice, answer, wanted):
    """Whatever else she may."""
    lab = ROOT + "/bridge/lab0"
    nm.add("lab0", ours=True)
    wait(lambda: lab in alice.managed())
    before = world.records()
    world.polkit.answers.update({DELEGATE: answer, BRIDGES: "yes"})
    assert alice.error(br0, BRIDGE, "Delegate", "(su)", "alice", 2) == wanted
    assert alice.error(br0, BRIDGE, "Revoke", "(s)", "alice") == wanted
    world.polkit.answers.update({DELEGATE: "yes", BRIDGES: answer})
    assert alice.error(ROOT, MANAGER, "CreateBridge", "(sa{sv})", "lab", {}) == wanted
    assert alice.error(lab, BRIDGE, "Delete") == wanted
    assert world.records() == before and alice.get(br0, BRIDGE, "Delegations") == []
    assert set(bridges(alice)) == {DEFAULT, br0, lab}
    # Nobody is asked about one that is not Bothy's to delete.
    world.polkit.questions.clear()
    assert alice.error(br0, BRIDGE, "Delete") == alice.error(DEFAULT, BRIDGE, "Delete") == "NotManaged"
    assert not world.polkit.asked(BRIDGES)


def test_AUTH_02_polkit_hears_what_is_delegated(world, br0, alice):
    world.polkit.answers[DELEGATE] = "yes"
    alice.call(br0, BRIDGE, "Delegate", "(su)", "@nogroup", 7)
    alice.call(br0, BRIDGE, "Revoke", "(s)", "@nogroup")
    delegate, revoke = world.polkit.asked(DELEGATE)
    assert delegate.subject == {"name": alice.name}
    assert delegate.details == {"bridge": "br0", "principal": "@nogroup", "quota": "7", "verb": "Delegate"}
    assert revoke.details == {"bridge": "br0", "principal": "@nogroup", "verb": "Revoke"}


@pytest.mark.parametrize("principal", ["", "@", "@@x", "-x", "a b", "a\nb", "a:b", "x" * 65, "%s", "a/b", "\u202ex", "[x]"])
def test_ARG_01_principals(world, br0, root, principal):
    assert root.error(br0, BRIDGE, "Delegate", "(su)", principal, 1) == "InvalidArgs"
    assert root.error(br0, BRIDGE, "Revoke", "(s)", principal) == "InvalidArgs"


def test_ARG_02_quotas(world, br0, root):
    for quota in (0, 1024, 2**32 - 1):
        assert root.error(br0, BRIDGE, "Delegate", "(su)", "alice", quota) == "InvalidArgs"
    assert root.get(br0, BRIDGE, "Delegations") == []


@pytest.mark.parametrize("name,options", [
    ("", {}), ("1x", {}), ("bothy1", {}), ("x" * 16, {}), ("a/b", {}), ("a b", {}), ("..", {}), ("%d", {}),
    ("lab", {"kind": "vlan"}), ("lab", {"port": "eth0"}), ("lab", {"kind": "lan", "subnet": "10.0.0.1/24"}),
    ("lab", {"kind": "lan", "port": "a b"}), ("lab", {"subnet": "10.0.0.1"}), ("lab", {"subnet": "10.0.0.1/31"}),
    ("lab", {"subnet": "10.0.0.256/24"}), ("lab", {"subnet": "fd00::1/64"}), ("lab", {"mtu": 1500})])
def test_ARG_01_bridges_that_can_not_be(world, nm, root, name, options):
    before = bridges(root)
    assert root.error(ROOT, MANAGER, "CreateBridge", "(sa{sv})", name, variants(options)) == "InvalidArgs"
    assert bridges(root) == before


def test_create_finds_a_name_taken(world, br0, root):
    assert root.error(ROOT, MANAGER, "CreateBridge", "(sa{sv})", "br0", {}) == "BridgeExists"
    assert root.error(br0, BRIDGE, "Delete") == "NotManaged"


def test_without_network_manager(world, root):
    assert root.error(ROOT, MANAGER, "CreateBridge", "(sa{sv})", "lab", {}) == "Failed"
    assert "NetworkManager" in root.text


def test_STATE_record_that_makes_no_sense(fresh_world):
    """Nobody has anything then, and the service runs."""
    world = fresh_world(start=False)
    path = world.state / "bridges"
    path.mkdir(mode=0o700)
    (path / "delegations").write_text("[br0 alice]\nId=1000\nQuota=2\n")
    (path / "delegations").chmod(0o600)
    world.expected.append("Delegations:")
    nm = NetworkManager(world.address)
    try:
        nm.add("br0")
        world.start()
        root = world.client(0)
        wait(lambda: BR0 in bridges(root))
        assert root.get(BR0, BRIDGE, "Delegations") == []
        assert root.error(BR0, BRIDGE, "Delegate", "(su)", "alice", 1) == "Degraded"
    finally:
        nm.close()


# ---- nics by hand; what they do is tested on the host ----

INSIDE = """
import ctypes, os, sys
if sys.argv[1] != "0":
    os.setgroups([]); os.setresgid(*[int(sys.argv[1])] * 3); os.setresuid(*[int(sys.argv[1])] * 3)
assert ctypes.CDLL(None, use_errno=True).unshare(int(sys.argv[2])) == 0
print("ready", flush=True)
sys.stdin.read()
"""
NEWUSER, NEWNET = 0x10000000, 0x40000000


@contextlib.contextmanager
def namespace(uid, flags=NEWUSER | NEWNET, kind="net"):
    """An fd of a namespace that UID made."""
    with subprocess.Popen([sys.executable, "-c", INSIDE, str(uid), str(flags)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        fd = os.open(f"/proc/{process.pid}/ns/{kind}", os.O_RDONLY)
        try:
            yield fd
        finally:
            os.close(fd)
            process.communicate()


def attach(client, fd, path=DEFAULT, name="eth0", **options):
    return client.error(path, BRIDGE, "AttachNic", "(hsa{sv})", 0, name, variants(options), fds=[fd])


def test_NET_01_namespaces_that_are_not_his(world, alice, root):
    """Proved from the fd alone; bothy-net, which this world has not, is not even asked."""
    for uid, flags, wanted in ((BOB, NEWUSER | NEWNET, "NotYours"), (0, NEWUSER | NEWNET, "NotYours"),
                               (0, NEWNET, "NotYours"), (ALICE, NEWUSER | NEWNET, "Failed")):
        with namespace(uid, flags) as fd:
            assert attach(alice, fd) == wanted, (uid, flags)
            assert alice.error(DEFAULT, BRIDGE, "DetachNic", "(hs)", 0, "eth0", fds=[fd]) == wanted
    with namespace(0, NEWNET) as fd:
        assert attach(root, fd) == "NotYours"
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    assert attach(root, own) == attach(alice, own) == "NotYours"
    os.close(own)
    with namespace(ALICE, kind="user") as fd:
        assert attach(alice, fd) == "InvalidArgs"


@pytest.mark.parametrize("kind", sorted(set(fd_kinds()) - {"netns"}))
def test_ARG_06_what_is_no_namespace(world, alice, bob, kind):
    fd = fd_kinds()[kind][0]()
    before = world.settled_fds()
    assert attach(alice, fd) == "InvalidArgs"
    assert alice.error(DEFAULT, BRIDGE, "DetachNic", "(hs)", 0, "eth0", fds=[fd]) == "InvalidArgs"
    os.close(fd)
    bob.manager("ListContainers")
    wait(lambda: world.settled_fds() <= before)


@pytest.mark.parametrize("name", ["", "lo", "all", "default", "a/b", "a b", "%d", "..", "../x", "x" * 16, "-x", "1x", "a\nb"])
def test_NET_07_names_inside(world, alice, name):
    with namespace(ALICE) as fd:
        assert attach(alice, fd, name=name) == "InvalidArgs"
    assert not world.polkit.asked("org.bothy.Bothy1.use-bridge")


@pytest.mark.parametrize("answer,wanted", [("no", "NotAuthorized"), ("challenge", "NotAuthorizedCanObtain"),
                                           ("dismissed", "NotAuthorizedDismissed"), ("error", "NotAuthorized"),
                                           ("yes", "Failed")])
def test_AUTH_02_a_bridge_that_is_not_delegated(world, br0, alice, root, answer, wanted):
    """Failed: it went on, to bothy-net, which is not there."""
    world.polkit.answers["org.bothy.Bothy1.use-bridge"] = answer
    with namespace(ALICE) as fd:
        assert attach(alice, fd, br0) == wanted
        (question,) = world.polkit.asked("org.bothy.Bothy1.use-bridge")
        assert question.details == {"bridge": "br0", "verb": "AttachNic"} and question.subject == {"name": alice.name}
        root.call(br0, BRIDGE, "Delegate", "(su)", "alice", 1)
        assert attach(alice, fd, br0) == "Failed"
    assert len(world.polkit.asked("org.bothy.Bothy1.use-bridge")) == 1


def test_AUTH_02_a_container_on_a_bridge(world, br0, alice, root):
    create = ("CreateContainer", "(ssa{sv})", "x1", "busybox", variants({"network": "lan:br0"}))
    assert alice.error(ROOT, MANAGER, *create) == "NotAuthorized"
    (question,) = world.polkit.asked("org.bothy.Bothy1.use-bridge")
    assert question.details == {"bridge": "br0", "container": "x1", "image": "busybox"}
    for name, wanted in (("lan:", "InvalidArgs"), ("lan:a b", "InvalidArgs"), ("br0", "InvalidArgs"), ("lan", "InvalidArgs"),
                         ("lan:bothy0", "InvalidArgs"), ("lan:br-none", "NoSuchBridge")):
        assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "x1", "busybox",
                           variants({"network": name})) == wanted, name
    root.call(br0, BRIDGE, "Delegate", "(su)", "alice", 1)
    path = alice.manager(*create)[0]
    assert alice.get(path, CONTAINER, "Network") == "lan:br0"
    assert len(world.polkit.asked("org.bothy.Bothy1.use-bridge")) == 1


# ---- what changes while somebody thinks about it ----


@pytest.fixture
def groups(world):
    """Writes /etc/group anew: what it was, and those lines."""
    path, before = world.root / "etc/group", (world.root / "etc/group").read_text()

    def write(*lines):
        new = path.with_suffix(".new")
        new.write_text("".join(line + "\n" for line in [before.rstrip(), *lines]))
        new.rename(path)

    yield write
    write()


def send_attach(client, fd, path):
    return client.send(path, BRIDGE, "AttachNic", "(hsa{sv})", 0, "eth0", {}, fds=[fd])


def outcome(client, serial):
    try:
        client.reply(serial)
    except BusError as error:
        return error.short
    return ""


def goes_and_comes(nm, alice, profile, meanwhile):
    """MEANWHILE there is no such bridge; gives what it gives."""
    nm.remove(profile)
    alice.wait_signal("InterfacesRemoved", match=lambda a: a[0] == BR0)
    result = meanwhile()
    nm.add("br0", address="192.0.2.7/24")
    wait(lambda: BR0 in alice.managed())
    return result


def test_AUTH_race_a_bridge_that_goes_during_the_question(world, nm, br0, alice):
    """Neither the one that was asked about, nor another one that has got its name."""
    (profile,) = nm.profiles
    for again in (False, True):
        world.polkit.answers[USE] = "hang"
        world.polkit.questions.clear()
        with namespace(ALICE) as fd:
            serial = send_attach(alice, fd, br0)
            world.polkit.wait_held()
            if again:
                goes_and_comes(nm, alice, profile, lambda: None)
                world.polkit.release("yes")
                assert outcome(alice, serial) == "UnknownObject"
            else:
                assert goes_and_comes(nm, alice, profile, lambda: (
                    world.polkit.release("yes"), outcome(alice, serial))[1]) == "UnknownObject"
        (profile,) = nm.profiles


def test_AUTH_race_a_bridge_that_goes_before_it_is_known_whether_to_ask(world, nm, br0, alice, root, groups):
    """It is delegated to a group of hers, but the machine takes its time to say who is in it."""
    (profile,) = nm.profiles
    content = (world.root / "etc/group").read_text() + "friends:x:4711:alice\n"
    (world.root / "etc/slow").mkdir(exist_ok=True)
    with SlowFileSystem("/etc/slow", content.encode(), world.holder.pid) as slow, namespace(ALICE) as fd:
        groups()
        (world.root / "etc/group").unlink()
        (world.root / "etc/group").symlink_to("slow/file")
        root.call(br0, BRIDGE, "Delegate", "(su)", "@friends", 1)
        for again in (False, True):
            slow.let_wait("bothyd")
            serial = send_attach(alice, fd, br0)
            wait(lambda: slow.held)

            def meanwhile():
                slow.let_wait("")
                return outcome(alice, serial)

            if again:
                goes_and_comes(nm, alice, profile, lambda: None)
                assert meanwhile() == "UnknownObject"
            else:
                assert goes_and_comes(nm, alice, profile, meanwhile) == "UnknownObject"
            (profile,) = nm.profiles
        # Otherwise it goes on, to bothy-net, which is not there.
        assert attach(alice, fd, br0) == "Failed"
        assert not world.polkit.asked(USE)
        groups()


def test_AUTH_race_a_container_on_a_bridge_that_goes(world, nm, br0, alice):
    (profile,) = nm.profiles
    world.polkit.answers[USE] = "hang"
    before = world.records()
    serial = alice.send(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "x1", "busybox", variants({"network": "lan:br0"}))
    world.polkit.wait_held()
    assert goes_and_comes(nm, alice, profile, lambda: (
        world.polkit.release("yes"), outcome(alice, serial))[1]) == "NoSuchBridge"
    assert world.records() == before and alice.manager("ListContainers") == ([],)


@pytest.mark.parametrize("line,wanted", [
    ("friends:x:4711:alice", "Failed"), ("friends:x:4711:bob", "NotAuthorized"), ("friends:x:4711:", "NotAuthorized"),
    ("friends:x:4712:alice", "NotAuthorized"), ("others:x:4711:alice", "NotAuthorized"), ("", "NotAuthorized")])
def test_AUTH_02_a_group_is_its_name_and_its_number(world, br0, alice, root, groups, line, wanted):
    """Neither a group that has the name now, nor one that has the number, has what was another's. Failed: it went on."""
    groups("friends:x:4711:alice")
    root.call(br0, BRIDGE, "Delegate", "(su)", "@friends", 1)
    groups(line)
    with namespace(ALICE) as fd:
        assert attach(alice, fd, br0) == wanted
    assert len(world.polkit.asked(USE)) == (wanted != "Failed")
    groups("friends:x:4711:alice")


@pytest.mark.parametrize("line,wanted", [
    ("alice:x:1000:1000::/:/bin/sh", "Failed"), ("alicia:x:1000:1000::/:/bin/sh", "NotAuthorized"), ("", "NotAuthorized"),
    ("alice:x:1003:1000::/:/bin/sh", "NotAuthorized"), ("alice:x:1003:1000::/:/bin/sh\nbob:x:1000:1000::/:/bin/sh", "NotAuthorized")])
def test_AUTH_02_a_user_is_his_name_and_his_number(world, br0, alice, root, line, wanted):
    """As with groups: of bob, who has nothing else in this world."""
    passwd = world.root / "etc/passwd"
    before = passwd.read_text()
    root.call(br0, BRIDGE, "Delegate", "(su)", "alice", 1)
    # She is nobody that the service has written down something of.
    for record in (world.state / "accounts").glob(str(ALICE)):
        record.unlink()
    try:
        passwd.write_text("".join(entry + "\n" for entry in before.splitlines() if not entry.startswith("alice:")) + line + "\n")
        with namespace(ALICE) as fd:
            assert attach(alice, fd, br0) == wanted
        assert len(world.polkit.asked(USE)) == (wanted != "Failed")
    finally:
        passwd.write_text(before)


def addressed(client, name, address="192.0.2.40/24"):
    """Sends the call for a container that is to have that address on br0."""
    return client.send(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", name, "busybox",
                       variants({"network": "lan:br0", "address": address}))


def outcomes(clients, serials):
    """The paths and errors that the calls end with."""
    ended = []
    for client, serial in zip(clients, serials):
        try:
            ended.append(client.reply(serial)[0])
        except BusError as error:
            ended.append((error.short, error.text))
    return ended


def test_AUTH_02_addresses_are_told_to_those_who_may_use_the_bridge(world, br0, alice, bob, root):
    root.call(br0, BRIDGE, "Delegate", "(su)", "alice", 1)
    (path,) = outcomes([alice], [addressed(alice, "x1")])
    assert alice.get(path, CONTAINER, "Address") == "192.0.2.40/24"
    taken, free = outcomes([bob] * 2, [addressed(bob, "b1"), addressed(bob, "b1", "192.0.2.41/24")])
    assert taken == free and taken[0] == "NotAuthorized"
    world.polkit.answers["org.bothy.Bothy1.use-bridge"] = "yes"
    (taken,) = outcomes([bob], [addressed(bob, "b1")])
    assert taken[0] == "InvalidArgs" and "already" in taken[1]
    # What is wrong with it as such is said before anybody is asked.
    asked = len(world.polkit.asked("org.bothy.Bothy1.use-bridge"))
    (other,) = outcomes([bob], [addressed(bob, "b1", "198.51.100.7/24")])
    assert other[0] == "InvalidArgs" and "192.0.2.0/24" in other[1]
    assert len(world.polkit.asked("org.bothy.Bothy1.use-bridge")) == asked
    alice.delete(path)
    (path,) = outcomes([bob], [addressed(bob, "b1")])
    assert bob.get(path, CONTAINER, "Address") == "192.0.2.40/24"


def test_AUTH_10_two_get_an_address_once(world, br0, alice, bob):
    """Also when both were asked about it before either had it."""
    world.polkit.answers["org.bothy.Bothy1.use-bridge"] = "hang"
    serials = [addressed(alice, "x1"), addressed(bob, "b1")]
    world.polkit.wait_held(2)
    world.polkit.release("yes")
    ended = outcomes([alice, bob], serials)
    (path,) = [each for each in ended if isinstance(each, str)]
    (refused,) = [each for each in ended if not isinstance(each, str)]
    assert refused[0] == "InvalidArgs" and "already" in refused[1]
    # One that could not be made holds nothing back.
    (alice if ended[0] == path else bob).delete(path)
    world.polkit.answers["org.bothy.Bothy1.use-bridge"] = "yes"
    assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "x2", "no-such-image",
                       variants({"network": "lan:br0", "address": "192.0.2.40/24"})) == "NoSuchImage"
    assert isinstance(*outcomes([alice], [addressed(alice, "x2")]), str)


def test_uids_of_callers_matter_not_names(world, br0, alice, bob):
    """Neither alice nor bob can delegate to herself, or himself."""
    for client in (alice, bob):
        assert client.error(br0, BRIDGE, "Delegate", "(su)", "alice", 1) == "NotAuthorized"
    assert {q.subject["name"] for q in world.polkit.asked(DELEGATE)} == {alice.name, bob.name}
    assert (alice.uid, bob.uid) == (ALICE, BOB)

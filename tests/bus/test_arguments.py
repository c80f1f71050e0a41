# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bad input (THREATS, ARG). bothyd runs with G_DEBUG=fatal-criticals: an assertion would end it."""

import os
import random
import select
import socket
import tempfile
import time

import pytest
from gi.repository import GLib

import surface
from conftest import ALICE
from wire import (BRIDGE, CONTAINER, IMAGE, MANAGER, OBJECTS, OPERATION, PEER, PROCESS, PROPERTIES, ROOT, BusError,
                  Gone, variants, wait)

STRINGS = ["", "x" * 64, "x" * 128, "y" * 65536, ".", "..", "a/b", "/a", "-x", "x-", "%s%n", "$(id)", "a\nb", "a\rb",
           "a\tb", "\x7f", "\u009b", "\u202e", "a\u200db", "e\u0301", "\u0430dmin", "ADMIN", "admin ", "a..b", "a\\b",
           "#", "'", '"', "host", "root", "self", "all", "lo", "default", "123", "con", "a_b", "u1000/a"]


def refused_safely(client, name, wanted):
    assert name in wanted, (name, client.text)
    assert client.text.isascii() and client.text.isprintable() and len(client.text) < 600, client.text


@pytest.mark.parametrize("text", STRINGS, ids=lambda text: ascii(text[:20]) + f"-{len(text)}")
def test_ARG_01_strings(world, alice, box, text):
    before = world.settled_fds(), world.records()
    name_only = {"InvalidArgs"}
    refused_safely(alice, alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", text, "busybox", {}), name_only)
    refused_safely(alice, alice.error(box, CONTAINER, "Rename", "(s)", text), name_only)
    if text:
        refused_safely(alice, alice.error(box, CONTAINER, "Snapshot", "(sa{sv})", text, {}), name_only)
    refused_safely(alice, alice.error(box, CONTAINER, "Restore", "(s)", text), name_only)
    for member, signature, *more in ("CreateVolume", "(sa{sv})", {}), ("DeleteVolume", "(s)"), ("GetVolume", "(s)"):
        refused_safely(alice, alice.error(ROOT, MANAGER, member, signature, text, *more), name_only)
    refused_safely(alice, alice.error(box, CONTAINER, "AddVolume", "(ssa{sv})", text, "/x", {}), name_only)
    refused_safely(alice, alice.error(box, CONTAINER, "RemoveSnapshot", "(s)", text), name_only)
    refused_safely(alice, alice.error(box, CONTAINER, "Clone", "(sa{sv})", text, {}), name_only)
    refused_safely(alice, alice.error(box, CONTAINER, "Clone", "(sa{sv})", "c2", variants({"snapshot": text})), name_only)
    refused_safely(alice, alice.error(ROOT, MANAGER, "GetContainer", "(s)", text), {"NoSuchContainer"})
    refused_safely(alice, alice.error(ROOT, MANAGER, "GetContainer", "(s)", f"1001/{text}"), {"NoSuchContainer"})
    refused_safely(alice, alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "c1", text, {}),
                   {"InvalidArgs", "NoSuchImage"})
    refused_safely(alice, alice.error(ROOT, MANAGER, "GetImage", "(s)", text), {"InvalidArgs", "NoSuchImage"})
    refused_safely(alice, alice.error(box, CONTAINER, "Kill", "(si)", text, 9) if text != "all" else "InvalidArgs",
                   name_only)
    refused_safely(alice, alice.error(box, PROPERTIES, "Get", "(ss)", CONTAINER, text), {"UnknownProperty"})
    # An empty interface is any interface, as the D-Bus specification has it.
    refused_safely(alice, alice.error(box, PROPERTIES, "GetAll", "(s)", text or "x"), {"UnknownInterface"})
    refused_safely(alice, alice.error(box, CONTAINER, "Exec", "(asaha{sv})", [text], [], {}),
                   {"InvalidArgs", "NoSuchProgram", "NotExecutable", "StartFailed"})
    refused_safely(alice, alice.error(box, CONTAINER, "OpenShell", "(ssasas)", "", text or "x", [], []),
                   {"InvalidArgs", "NoSuchProgram", "NotExecutable", "StartFailed"})
    refused_safely(alice, alice.error(box, CONTAINER, "Exec", "(asaha{sv})", ["true"], [],
                                      variants({"environment": ["=" + text]})), name_only)
    refused_safely(alice, alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "c1", "busybox",
                                      variants({text: "x"})), name_only)
    assert (world.settled_fds(), world.records()) == before


@pytest.mark.parametrize("option,bad", [
    ("user", ["-x", "x" * 65, "a b", "a\nb", "a:b:c", "\u202e"]), ("working-directory", ["x", "..", "/" + "x" * 4096]),
    ("account", ["-x", "x" * 33, "a b", "a:b", "a\nb", "Alice", "1a", "root", "a/b", "..", "\u202e"]),
    ("hostname", ["", "-x", "x" * 64, "a_b", "a\nb", "..", "."]),
    ("environment", [[""], ["=x"], ["A\n=x"], ["\x7f"], GLib.Variant("aay", [b"A\0=x"]), GLib.Variant("aay", [b"\xff\n=x"])]),
    ("command", [GLib.Variant("aay", [b"a\0b"]), GLib.Variant("aas", [["a"]]), GLib.Variant("ay", b"a"), "a"])])
def test_ARG_01_options(world, alice, option, bad):
    for value in bad:
        assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "c1", "busybox",
                           variants({option: value})) == "InvalidArgs", value


def test_ARG_01_import_options(world, alice):
    with tempfile.TemporaryFile() as file:
        for name, bad in (("alias", ["", "A", "a b", "../x", "x" * 128, "-x", "a" * 12, "\u202e"]),
                          ("fingerprint", ["", "abc", "g" * 64, "A" * 64, "a" * 63, "a" * 65])):
            for value in bad:
                assert alice.error(ROOT, MANAGER, "ImportImage", "(ha{sv})", 0, variants({name: value}),
                                   fds=[file.fileno()]) == "InvalidArgs", (name, value)


def test_ARG_01_empty_command(world, alice, box):
    assert alice.error(box, CONTAINER, "Exec", "(asaha{sv})", [], [], {}) == "InvalidArgs"


def test_ARG_01_as_long_as_a_call_may_be(world, alice, box):
    """Refused, without being echoed, and without staying in memory."""
    huge = "x" * (250 << 10)
    for _ in range(2):
        assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", huge, "busybox", {}) == "InvalidArgs"
        assert len(alice.text) < 600
    before = world.rss()
    for _ in range(100):
        assert alice.error(box, CONTAINER, "Rename", "(s)", huge) == "InvalidArgs"
        assert alice.error(ROOT, MANAGER, "GetImage", "(s)", huge) in ("InvalidArgs", "NoSuchImage")
    # What the address sanitizer keeps back of freed memory is not little.
    assert world.rss() - before < 300 << 20
    assert alice.state(box) == "running"


def test_ARG_01_sixteen_mebibytes(world, alice, box):
    """Dropped before anybody parses it (test_front.py)."""
    huge = "x" * (16 << 20)
    before = world.rss()
    for _ in range(6):
        assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", huge, "busybox", {}) == "LimitsExceeded"
        assert alice.error(box, CONTAINER, "Rename", "(s)", huge) == "LimitsExceeded"
        assert len(alice.text) < 600
    assert world.rss() - before < 16 << 20
    assert alice.state(box) == "running"


def test_ARG_02_integers(world, alice, box):
    base = alice.get(box, CONTAINER, "RangeBase")
    for number in (0, -1, 65, 1000, 2**31 - 1, -2**31):
        assert alice.error(box, CONTAINER, "Kill", "(si)", "leader", number) == "InvalidArgs", number
        assert alice.error(box, CONTAINER, "Kill", "(si)", "all", number) == "InvalidArgs", number
    assert alice.error(box, CONTAINER, "Kill", "(si)", "all", 15) == "InvalidArgs"
    for number in (86401, 2**32 - 1):
        for member in ("Stop", "Restart"):
            assert alice.error(box, CONTAINER, member, "(a{sv})", variants({"timeout": number})) == "InvalidArgs"
    for inner in (65536, 2**31, 2**32 - 1):
        assert alice.error(box, CONTAINER, "MapFromUser", "(u)", inner) == "NoSuchUserMapping"
    for outer in (0, base - 1, base + 65536, 2**32 - 1):
        assert alice.error(box, CONTAINER, "MapToUser", "(u)", outer) == "NoSuchUserMapping"
    for inner in (0, 1000, 65535):
        assert alice.call(box, CONTAINER, "MapFromUser", "(u)", inner) == (base + inner,)
        assert alice.call(box, CONTAINER, "MapToUser", "(u)", base + inner) == (inner,)
    for pid in (0, 1, os.getpid(), 2**31, 2**32 - 1):
        assert alice.error(ROOT, MANAGER, "GetContainerByPID", "(u)", pid) == "NoContainerForPID"
    process = alice.call(box, CONTAINER, "Exec", "(asaha{sv})", ["sleep", "9"], [], {})[0]
    for number in (0, -1, 65, 2**31 - 1, -2**31):
        assert alice.error(process, PROCESS, "Kill", "(i)", number) == "InvalidArgs"
    assert alice.state(box) == "running"


WITH_OPTIONS = [(i, m, s) for i, m, s in surface.METHODS if "a{sv}" in s]


@pytest.mark.parametrize("interface,member,signature", WITH_OPTIONS, ids=lambda v: v.rsplit(".", 1)[-1])
def test_ARG_03_unknown_options_are_named(world, alice, box, interface, member, signature):
    """With every other argument good."""
    image = alice.manager("GetImage", "(s)", "busybox")[0]
    path = {CONTAINER: box, BRIDGE: ROOT + "/bridge/bothy0", IMAGE: image}.get(interface, ROOT)
    pidfd = os.pidfd_open(os.getpid())
    directory = os.open("/", os.O_RDONLY)
    with tempfile.TemporaryFile() as file:
        for options in ({"no-such-thing": True}, {"No-Such-Thing": "x"}, {"": True}):
            good = {"CreateContainer": ("c1", "busybox"), "Launch": ("c1", "busybox"), "SetUserCeilings": (1000,), "ImportImage": (0,), "Export": (0,), "Exec": (["true"], []),
                    "AllocateRange": (1,), "DelegateCgroup": (0,), "AddPort": ("tcp", 8080, 80), "RemovePort": ("tcp", 8080),
                    "PullImage": ("debian/13",), "CreateBridge": ("lab",), "AttachNic": (0, "eth0"), "SearchImages": ("",),
                    "AddRemote": ("x", "https://example.org"), "AddMount": (0, "/mnt"), "AddDevice": ("stick",), "AddVolume": ("data", "/mnt"), "CreateVolume": ("data",), "SetAutostart": ("no",),
                    "ExecAndWait": (["true"],), "CopyFrom": ("/etc", 0), "CopyTo": ("/etc", 0),
                    "Snapshot": ("s1",), "DiffSnapshot": (0, "", ""), "Clone": ("c2",), "Commit": ("mine",), "PlanAdoption": ("dir", "", [0]),
                    "AdoptContainer": ("dir", "", [0], "c3")}.get(member, ())
            if (interface, member) == (CONTAINER, "Export"):
                good = (0, "tar")
            fds = {"ImportImage": [file.fileno()], "Export": [file.fileno()], "DiffSnapshot": [file.fileno()], "DelegateCgroup": [pidfd],
                   "AttachNic": [pidfd], "AddMount": [pidfd], "CopyFrom": [file.fileno()], "CopyTo": [file.fileno()],
                   "PlanAdoption": [directory], "AdoptContainer": [directory]}.get(member, [])
            assert alice.error(path, interface, member, signature, *good, variants(options), fds=fds) == "InvalidArgs"
            assert f'"{list(options)[0]}"' in alice.text
    os.close(pidfd)
    os.close(directory)
    assert alice.state(box) == "running"


OPTIONS = [("CreateContainer", name) for name in
           ("command", "entrypoint", "environment", "user", "working-directory", "hostname", "ephemeral", "nesting", "egress", "account",
            "network", "address", "resolvers", "sysctls", "shm-size")]
OPTIONS += [("Stop", "timeout"), ("Stop", "force"), ("Delete", "force"), ("Start", "stdio"), ("Start", "console"),
            ("Exec", "environment"), ("Exec", "working-directory"), ("Exec", "user"), ("Exec", "tty")]


def send_options(client, box, member, options):
    path = ROOT if member == "CreateContainer" else box
    interface = MANAGER if member == "CreateContainer" else CONTAINER
    good = {"CreateContainer": ("c1", "busybox"), "Exec": (["true"], [])}.get(member, ())
    return client.error(path, interface, member, surface.SIGNATURES[interface, member], *good, options)


@pytest.mark.parametrize("member,option", OPTIONS)
def test_ARG_03_options_of_another_type(world, alice, box, member, option):
    nested = GLib.Variant("v", GLib.Variant("s", "x"))
    for _ in range(20):
        nested = GLib.Variant("v", nested)
    for value in (GLib.Variant("d", 1.5), GLib.Variant("x", 1), GLib.Variant("an", [1]), nested,
                  GLib.Variant("a{sv}", {}), GLib.Variant("(s)", ("x",))):
        assert send_options(alice, box, member, {option: value}) == "InvalidArgs"
        assert f'"{option}"' in alice.text
    assert alice.state(box) == "running"


def test_ARG_03_the_same_option_twice(world, alice, box):
    entries = GLib.Variant.new_array(None, [
        GLib.Variant.new_dict_entry(GLib.Variant("s", "timeout"), GLib.Variant("v", GLib.Variant("u", number)))
        for number in (1, 2)])
    serial = alice.send(box, CONTAINER, "Stop", body=GLib.Variant.new_tuple(entries))
    with pytest.raises(BusError, match="timeout"):
        alice.reply(serial)
    assert alice.state(box) == "running"


def test_ARG_03_thousands_of_options(world, alice, box):
    start = time.monotonic()
    assert send_options(alice, box, "Stop", {f"x{i}": GLib.Variant("u", i) for i in range(8000)}) == "InvalidArgs"
    assert send_options(alice, box, "Exec", variants({"environment": [f"A{i}=x" for i in range(15000)]})) == ""
    # What is beyond the size of a call gets no further than its header.
    assert send_options(alice, box, "Stop", {f"x{i}": GLib.Variant("u", i) for i in range(100000)}) == "LimitsExceeded"
    assert send_options(alice, box, "Exec", variants({"environment": [f"A{i}=x" for i in range(100000)]})) == \
        "LimitsExceeded"
    assert time.monotonic() - start < 20
    assert alice.state(box) == "running"


BODIES = [None, ("(s)", ("x",)), ("(u)", (1,)), ("(ss)", ("a", "b")), ("(a{sv})", ({},)), ("(h)", (0,)),
          ("(asaha{sv}s)", (["x"], [], {}, "y")), ("(v)", (GLib.Variant("s", "x"),)), ("(si)", ("x", 1)),
          ("((s))", (("x",),)), ("(ay)", (b"x",)), ("(a{ss})", ({},))]


@pytest.mark.parametrize("interface,member,signature", surface.METHODS,
                         ids=[f"{i.rsplit('.', 1)[1]}.{m}" for i, m, _ in surface.METHODS])
def test_ARG_04_wrong_signatures(world, alice, box, interface, member, signature):
    path = {MANAGER: ROOT, CONTAINER: box, BRIDGE: ROOT + "/bridge/bothy0"}.get(interface)
    if interface == IMAGE:
        path = alice.manager("GetImage", "(s)", "busybox")[0]
    elif interface == PROCESS:
        path = alice.call(box, CONTAINER, "Exec", "(asaha{sv})", ["sleep", "99"], [], {})[0]
    elif interface == OPERATION:
        path = alice.call(alice.create("gone"), CONTAINER, "Delete", "(a{sv})", {})[0]
    for body in BODIES:
        kind = body[0] if body else "()"
        if kind == signature:
            continue
        assert alice.error(path, interface, member, *((kind, *body[1]) if body else ())) == "InvalidArgs", kind
    assert alice.state(box) == "running"


def test_ARG_04_no_such_thing(world, alice, box):
    for path, interface, member, wanted in (
            (ROOT, MANAGER, "NoSuch", {"UnknownMethod"}), (ROOT, CONTAINER, "Start", {"UnknownMethod"}),
            (box, MANAGER, "ListContainers", {"UnknownMethod"}), (box, OBJECTS, "GetManagedObjects", {"UnknownMethod"}),
            ("/", MANAGER, "ListContainers", {"UnknownObject"}), ("/", CONTAINER, "Start", {"UnknownObject"}),
            (ROOT + "/nothing", MANAGER, "ListContainers", {"UnknownObject"}),
            (ROOT, PROPERTIES, "NoSuch", {"UnknownMethod"})):
        assert alice.error(path, interface, member) in wanted, (path, member)


def test_ARG_04_properties_can_not_be_set(world, alice, box):
    for path, interface, name in ((ROOT, MANAGER, "Version"), (box, CONTAINER, "Name"), (box, CONTAINER, "Owner")):
        before = alice.get(path, interface, name)
        assert alice.error(path, PROPERTIES, "Set", "(ssv)", interface, name, GLib.Variant("s", "x")) == "PropertyReadOnly"
        assert alice.get(path, interface, name) == before


def test_ARG_04_every_property_of_the_interface_is_there(world, alice, box):
    process = alice.call(box, CONTAINER, "Exec", "(asaha{sv})", ["sleep", "99"], [], {})[0]
    operation = alice.call(alice.create("gone"), CONTAINER, "Delete", "(a{sv})", {})[0]
    image = alice.manager("GetImage", "(s)", "busybox")[0]
    for path, interface in ((ROOT, MANAGER), (box, CONTAINER), (image, IMAGE), (ROOT + "/bridge/bothy0", BRIDGE), (process, PROCESS),
                            (operation, OPERATION)):
        values = alice.get_all(path, interface)
        assert sorted(values) == sorted(surface.properties(interface))
        for name, value in values.items():
            if interface != OPERATION:
                assert alice.get(path, interface, name) == value


def test_ARG_04_peer_answers(world, alice):
    assert alice.call(ROOT, PEER, "Ping") == ()


def test_ARG_04_no_reply_wanted(world, alice, box):
    serial = alice.send(box, CONTAINER, "Freeze", no_reply=True)
    wait(lambda: alice.state(box) == "frozen")
    assert serial not in alice.replies
    alice.call(box, CONTAINER, "Thaw")


@pytest.mark.parametrize("interface,member,signature", surface.METHODS,
                         ids=[f"{i.rsplit('.', 1)[1]}.{m}" for i, m, _ in surface.METHODS])
def test_ARG_05_stray_fds_are_closed(world, alice, box, interface, member, signature):
    """16 fds with each method: one that takes none refuses, and none stays open."""
    path = box if interface == CONTAINER else ROOT
    fds = [os.open("/dev/null", os.O_RDONLY) for _ in range(16)]
    before = world.settled_fds()
    if "h" not in signature and "a{sv}" not in signature and interface in (MANAGER, CONTAINER):
        assert alice.error(path, interface, member, body=surface.some_body(interface, member), fds=fds) == "InvalidArgs"
    else:
        # Not an argument that would do something: a path at which there is nothing.
        assert alice.error(ROOT + "/nothing", interface, member, body=surface.some_body(interface, member), fds=fds)
    for fd in fds:
        os.close(fd)
    assert world.settled_fds() <= before


def test_ARG_05_handles(world, alice, box):
    null = os.open("/dev/null", os.O_RDWR)
    before = world.settled_fds()
    for index in (1, 16, -1, 2**31 - 1, -2**31):
        assert alice.error(ROOT, MANAGER, "ImportImage", "(ha{sv})", index, {}, fds=[null]) == "InvalidArgs"
        assert alice.error(box, CONTAINER, "Exec", "(asaha{sv})", ["true"], [0, 0, index], {}, fds=[null]) == "InvalidArgs"
    assert alice.error(ROOT, MANAGER, "ImportImage", "(ha{sv})", 0, {}) == "InvalidArgs"
    assert alice.error(box, CONTAINER, "Exec", "(asaha{sv})", ["true"], [0, 1, 2], {}) == "InvalidArgs"
    for n in (1, 2, 4, 10):
        assert alice.error(box, CONTAINER, "Exec", "(asaha{sv})", ["true"], [0] * n, {}, fds=[null]) == "InvalidArgs"
    assert alice.error(box, CONTAINER, "Exec", "(asaha{sv})", ["true"], [0] * 3, variants({"tty": True}),
                       fds=[null]) == "InvalidArgs"
    assert world.settled_fds() <= before
    # One fd for all three is no mistake.
    alice.call(box, CONTAINER, "Exec", "(asaha{sv})", ["true"], [0, 0, 0], {}, fds=[null])
    os.close(null)


def memfd():
    return os.memfd_create("x")


def fd_kinds():
    """name, what makes one, whether it is an archive to read, whether it can be somebody's stdio."""
    def opened(path, flags):
        return lambda: os.open(path, flags)
    def pipe(end):
        def make():
            ends = os.pipe()
            os.close(ends[1 - end])
            return ends[end]
        return make
    def socket_end():
        left, right = socket.socketpair()
        right.close()
        return left.detach()
    def deleted():
        with tempfile.TemporaryFile() as file:
            return os.dup(file.fileno())
    def epoll():
        poller = select.epoll()
        return os.dup(poller.fileno())
    return {
        "directory": (opened("/", os.O_RDONLY), False, False), "zero": (opened("/dev/zero", os.O_RDONLY), False, True),
        "full": (opened("/dev/full", os.O_RDWR), False, True), "path": (opened("/etc/passwd", os.O_PATH), False, False),
        "write-only": (opened("/dev/null", os.O_WRONLY), False, True), "pipe-read": (pipe(0), True, True),
        "pipe-write": (pipe(1), False, True), "socket": (socket_end, True, True), "memfd": (memfd, True, True),
        "deleted": (deleted, True, True), "eventfd": (lambda: os.eventfd(0), False, True), "epoll": (epoll, False, True),
        "pidfd": (lambda: os.pidfd_open(os.getpid()), False, True),
        "tty": (lambda: os.openpty()[1], False, True), "netns": (opened("/proc/self/ns/net", os.O_RDONLY), None, True),
        "userns": (opened("/proc/self/ns/user", os.O_RDONLY), None, True),
        "procfs": (opened("/proc/self/status", os.O_RDONLY), None, True),
        "sysfs": (opened("/sys/kernel/mm", os.O_RDONLY), False, False),
    }


@pytest.mark.parametrize("kind", sorted(fd_kinds()))
def test_ARG_06_archive(world, alice, bob, kind):
    """Only what is read from front to back; and nothing of it holds the service up."""
    make, readable, _ = fd_kinds()[kind]
    fd = make()
    before = world.settled_fds()
    error = alice.error(ROOT, MANAGER, "ImportImage", "(ha{sv})", 0, variants({"alias": "x"}), fds=[fd])
    os.close(fd)
    start = time.monotonic()
    bob.manager("ListContainers")
    assert time.monotonic() - start < 1
    if readable is not None:
        assert error == ("" if readable else "InvalidArgs")
    if not error:
        for path, interfaces in alice.managed().items():
            if OPERATION in interfaces:
                assert alice.finish(path)["Phase"] in ("done", "failed")
    wait(lambda: world.settled_fds() <= before)
    assert alice.error(ROOT, MANAGER, "GetImage", "(s)", "x") == "NoSuchImage"


@pytest.mark.parametrize("kind", sorted(fd_kinds()))
def test_ARG_06_stdio(world, alice, bob, box, kind):
    make, _, usable = fd_kinds()[kind]
    fd = make()
    before = world.settled_fds()
    error = alice.error(box, CONTAINER, "Exec", "(asaha{sv})", ["true"], [0, 0, 0], {}, fds=[fd])
    os.close(fd)
    assert error == ("" if usable else "InvalidArgs")
    start = time.monotonic()
    bob.manager("ListContainers")
    assert time.monotonic() - start < 1
    wait(lambda: world.settled_fds() <= before + 1)


def test_ARG_07_random_bodies(world, alice, box):
    """Some rounds of what a fuzzer does, against every method at once."""
    chance = random.Random(7)
    kinds = ["s", "u", "i", "h", "as", "ah", "a{sv}", "v", "o", "b", "t", "d", "ay", "a{ss}"]
    def value(kind):
        return {"s": chance.choice(STRINGS), "u": chance.choice([0, 1, 2**32 - 1]), "i": chance.choice([-1, 0, 9]),
                "h": chance.choice([0, 5, -1]), "as": [chance.choice(STRINGS)] * chance.randrange(3),
                "ah": [0] * chance.randrange(5), "v": GLib.Variant("s", "x"), "o": "/x", "b": True, "t": 2**64 - 1,
                "d": float("nan"), "ay": b"\xff" * chance.randrange(9), "a{ss}": {"a": "b"},
                "a{sv}": variants({chance.choice(["force", "timeout", "user", "tty", "x"]): chance.choice([True, 1, "x"])})
                }[kind]
    for _ in range(600):
        interface, member, signature = chance.choice(surface.METHODS)
        if member in ("Stop", "Restart", "Delete", "CreateContainer", "Kill", "Remove", "AllocateRange"):
            continue
        chosen = [chance.choice(kinds) for _ in range(chance.randrange(5))]
        alice.error(chance.choice([ROOT, box]), interface, member, f"({''.join(chosen)})", *map(value, chosen))
    assert alice.call(ROOT, PEER, "Ping") == ()


def test_ARG_07_bytes_that_are_no_message_end_the_senders_connection_only(world, alice):
    stranger = world.client(ALICE)
    with pytest.raises(Gone):
        stranger.transmit_bytes(b"l\1\0\1" + b"\xff" * 200)
        stranger.drain(5)
    assert alice.manager("ListContainers") == ([],)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who is asking, and may he: polkit as a mock that writes down the questions (THREATS, AUTH)."""

import os
import random
import re
import time

import pytest

from gi.repository import GLib

import polkit
import surface
import wire
from conftest import ALICE, BOB, CAROL
from test_clock import clock  # noqa: F401
from wire import CONTAINER, INTROSPECTABLE, MANAGER, OBJECTS, PROPERTIES, ROOT, BusError, container_path, variants, wait


@pytest.fixture
def foreign(world, alice):
    """A running container of alice's, which bob calls on."""
    path = alice.create("hers", command=["sleep", "1000"])
    alice.start(path)
    return path


def refused(client, serial):
    with pytest.raises(BusError) as error:
        client.reply(serial)
    return error.value.short


def outcome(client, serial):
    try:
        client.reply(serial)
    except BusError as error:
        return error.short
    return ""


class TestDenied:
    """One running container for all: nothing here may change it."""

    @pytest.fixture(autouse=True)
    def prepare(self, world, foreign):
        self.path = foreign

    @pytest.mark.parametrize("answer", ["no", "error", "challenge", "dismissed"])
    def test_AUTH_01_denied_has_no_effect(self, world, answer):
        """Every method of a container, from another user whom polkit does not let."""
        bob = world.client(BOB)
        bob.managed()
        bob.drain(0)
        world.polkit.answers = {polkit.CREATE: answer, polkit.MANAGE: answer, polkit.INSPECT: answer}
        before = world.snapshot()
        wanted = "NotAuthorizedDismissed" if answer == "dismissed" else "UnknownObject"
        for member in surface.OF_CONTAINER:
            world.polkit.questions.clear()
            assert refused(bob, surface.call_container(bob, self.path, member)) == wanted, member
            assert world.polkit.asked(), member
        bob.close()
        assert world.snapshot() == before

    def test_AUTH_01_denied_manager_has_no_effect(self, world):
        bob = world.client(BOB)
        with open("/dev/zero", "rb") as zero, open(os.devnull, "rb"):
            archive = os.memfd_create("archive")
            os.write(archive, zero.read(1024))
        for answer, wanted in (("no", "NotAuthorized"), ("challenge", "NotAuthorizedCanObtain"),
                               ("dismissed", "NotAuthorizedDismissed"), ("error", "NotAuthorized")):
            world.polkit.answers[polkit.CREATE] = answer
            before = world.snapshot()
            assert bob.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "mine", "busybox", {}) == wanted
            assert bob.error(ROOT, MANAGER, "ImportImage", "(ha{sv})", 0, {}, fds=[archive]) == wanted
            after = world.snapshot()
            assert after.pop("fds") <= before.pop("fds") + 1 and after == before
        os.close(archive)

    @pytest.mark.parametrize("member,signature,arguments,action", [
        ("CreateContainer", "(ssa{sv})", ("mine", "busybox", {}), "create-container"),
        ("Launch", "(ssa{sv})", ("mine", "busybox", {}), "create-container"),
        ("ImportImage", "(ha{sv})", (0, {}), "create-container"), ("AllocateRange", "(ua{sv})", (1, {}), "create-container"),
        ("DelegateCgroup", "(ha{sv})", (0, {}), "create-container"), ("ReclaimRange", "(u)", (1 << 30,), "reclaim-range"),
        ("PullImage", "(sa{sv})", ("images:debian/13", {}), "pull-image"), ("SearchImages", "(sa{sv})", ("", {}), "pull-image"),
        ("AddRemote", "(ssa{sv})", ("x", "https://example.org", {}), "manage-remotes"),
        ("RemoveRemote", "(s)", ("images",), "manage-remotes"), ("CreateBridge", "(sa{sv})", ("lab", {}), "manage-bridges"),
        ("SetUserCeilings", "(ua{sv})", (1000, {}), "manage-ceilings"), ("CheckForUpdates", "(a{sv})", ({},), "pull-image"),
        ("OpenFirewalls", None, (), "open-firewall"), ("ListAdoptable", None, (), "adopt-container"),
        ("PlanAdoption", "(ssaha{sv})", ("lxc", "x", [], {}), "create-container"),
        ("AdoptContainer", "(ssahsa{sv})", ("lxc", "x", [], "x", {}), "create-container")])
    def test_AUTH_01_each_action_is_for_its_methods_alone(self, world, bob, member, signature, arguments, action):
        """Whoever may do all else may not do this, and is asked nothing else for it."""
        action = "org.bothy.Bothy1." + action
        world.polkit.answers = {name: "yes" for name in polkit.ACTIONS}
        world.polkit.answers[action] = "no"
        fd = os.pidfd_open(os.getpid()) if member == "DelegateCgroup" else os.memfd_create("archive")
        before = world.snapshot()
        world.polkit.questions.clear()
        assert bob.error(ROOT, MANAGER, member, *([signature, *arguments] if signature else ()),
                         fds=[fd] * ("(h" in (signature or ""))) == "NotAuthorized"
        assert [(question.action, question.subject) for question in world.polkit.asked()] == [(action, {"name": bob.name})]
        after = world.snapshot()
        os.close(fd)
        assert after == before

    @pytest.mark.parametrize("interface,member,signature,arguments,empty", [
        (MANAGER, "ListContainers", "()", (), True), (MANAGER, "ListRanges", "()", (), True),
        (OBJECTS, "GetManagedObjects", "()", (), False), (INTROSPECTABLE, "Introspect", "()", (), False)])
    def test_AUTH_01_denied_viewer_sees_his_own_only(self, world, bob, interface, member, signature, arguments, empty):
        answer = bob.call(ROOT, interface, member, signature, *arguments)[0]
        if member == "ListRanges":  # An earlier test may have left him his own.
            answer = [row for row in answer if row[2] != BOB]
        assert (not empty or answer == []) and "hers" not in str(answer)
        assert world.polkit.asked(polkit.INSPECT)


def test_AUTH_01_every_method_is_known_to_these_tests():
    assert set(surface.OF_CONTAINER) == set(surface.ARGUMENTS)


@pytest.mark.parametrize("member", surface.OF_CONTAINER)
def test_AUTH_02_polkit_is_asked_for_exactly_the_call(world, bob, member):
    """The subject is the caller's bus name, the action the declared one, the details those of the call."""
    path = container_path(ALICE, "no-such")
    assert refused(bob, surface.call_container(bob, path, member)) == "UnknownObject"
    (question,) = world.polkit.asked()
    assert question.kind == "system-bus-name" and question.subject == {"name": bob.name}
    assert question.action == (polkit.INSPECT if member in surface.READS else polkit.MANAGE)
    details = dict(question.details)
    # A name where the machine has one, and a message that says what is to be done where there is one of that method.
    assert re.fullmatch("[a-z0-9-]+", details.pop("owner-name"))
    message = details.pop("polkit.message", None)
    assert message is None or message.endswith(" $(container) of $(owner-name)") and details.pop("polkit.gettext_domain") == "bothy"
    assert details == {"container": "no-such", "owner": str(ALICE), "verb": member}
    assert question.flags == 0


def test_AUTH_02_what_is_to_be_done_and_to_whose_is_said_in_words(world, bob):
    root = next(line.split(":")[0] for line in open("/etc/passwd") if line.split(":")[2] == "0")
    for member, deed in (("Stop", "stop"), ("SetLimits", "change the limits of"), ("Exec", "run a program in")):
        world.polkit.questions.clear()
        assert refused(bob, surface.call_container(bob, container_path(0, "x"), member)) == "UnknownObject"
        (question,) = world.polkit.asked()
        assert question.details["owner-name"] == root
        assert question.details["polkit.message"] == f"Authentication is required to {deed} the container $(container) of $(owner-name)"


def test_AUTH_02_all_containers_are_asked_for(world, bob, alice, foreign):
    """By a call that says so, and once; a mere listing opens no dialog, whatever its message allows."""
    bob.create("his")
    world.polkit.answers = dict.fromkeys(polkit.ACTIONS, "challenge")
    world.polkit.questions.clear()
    for interactive in False, True:
        lines, properties, everything = bob.manager("ListAllContainers", interactive=interactive)
        assert [line[0] for line in lines] == ["his"] and [each["Name"] for each in properties] == ["his"] and not everything
    assert [question.flags for question in world.polkit.asked(polkit.INSPECT)] == [0, 0, polkit.INTERACTION]
    bob.manager("ListContainers", interactive=True)
    assert [question.flags for question in world.polkit.asked(polkit.INSPECT)][3:] == [0]
    world.polkit.answers[polkit.INSPECT] = "yes"
    lines, properties, everything = bob.manager("ListAllContainers", interactive=True)
    assert everything and sorted(line[0] for line in lines) == ["hers", "his"]
    assert [line[0] for line in lines] == [each["Name"] for each in properties]
    assert [line[1] for line in lines] == [each["Owner"] for each in properties]


@pytest.mark.parametrize("member,arguments", [("Get", ("State",)), ("GetAll", ())])
def test_AUTH_02_properties_are_asked_for(world, bob, member, arguments):
    path = container_path(ALICE, "no-such")
    signature = "(" + "s" * (1 + len(arguments)) + ")"
    assert bob.error(path, PROPERTIES, member, signature, CONTAINER, *arguments) == "UnknownObject"
    (question,) = world.polkit.asked()
    assert question.action == polkit.INSPECT
    assert question.details.items() >= {"container": "no-such", "owner": str(ALICE), "verb": member}.items()


def test_AUTH_02_details_of_creation_equal_the_arguments(world, alice):
    alice.create("two", command=["true"])
    (question,) = world.polkit.asked(polkit.CREATE)
    assert question.subject == {"name": alice.name}
    assert question.details == {"container": "two", "image": "busybox"}


def test_AUTH_02_nobody_is_asked_about_his_own(world, alice, foreign):
    world.polkit.answers = {}
    world.polkit.questions.clear()
    assert alice.execute(foreign, "true")[1] == (0, 0)
    alice.get_all(foreign, CONTAINER)
    for member in ("GetOSRelease", "OpenLog", "Freeze", "Thaw"):
        for fd in alice.call(foreign, CONTAINER, member):
            if isinstance(fd, int):
                os.close(fd)
    assert alice.manager("GetContainer", "(s)", "hers") == (foreign,)
    assert alice.manager("GetContainer", "(s)", f"{ALICE}/hers") == (foreign,)
    assert not world.polkit.asked()


def test_AUTH_02_root_is_not_asked(world, root, foreign):
    world.polkit.questions.clear()
    assert root.state(foreign) == "running"
    assert root.manager("GetContainer", "(s)", f"{ALICE}/hers") == (foreign,)
    assert not world.polkit.asked()


def test_AUTH_02_authorized_manager_acts(world, bob, alice, foreign):
    world.polkit.answers.update({polkit.MANAGE: "yes", polkit.INSPECT: "yes"})
    bob.call(foreign, CONTAINER, "Freeze")
    assert alice.state(foreign) == "frozen"
    bob.call(foreign, CONTAINER, "Thaw")
    assert bob.state(foreign) == "running"
    assert [entry[0] for entry in bob.manager("ListContainers")[0]] == ["hers"]


def test_AUTH_03_without_polkit_the_answer_is_no_and_says_why(world, alice):
    before = world.records()
    world.polkit.vanish()
    try:
        assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "x1", "busybox", {}) == "NotAuthorized"
        assert "polkitd" in alice.text
        assert alice.manager("ListContainers") == ([],)
    finally:
        world.polkit.appear()
    assert world.records() == before
    alice.create("x1")


def test_AUTH_03_polkit_leaves_while_it_thinks(world, alice):
    world.polkit.answers[polkit.CREATE] = "hang"
    serial = alice.send(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "x1", "busybox", {})
    world.polkit.wait_held()
    world.polkit.vanish()
    world.polkit.held.clear()
    try:
        assert refused(alice, serial) == "NotAuthorized"
    finally:
        world.polkit.appear()
    assert alice.manager("ListContainers") == ([],)


def test_AUTH_03_polkit_never_answers(world, alice, bob):
    """The call ends by itself; others are served meanwhile."""
    world.polkit.answers[polkit.CREATE] = "silent"
    serial = alice.send(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "x1", "busybox", {})
    wait(lambda: world.polkit.asked(polkit.CREATE))
    assert bob.manager("ListContainers", timeout=2) == ([],)
    assert refused(alice, serial) == "NotAuthorized"
    wait(lambda: world.polkit.cancelled == [world.polkit.asked(polkit.CREATE)[0].cancellation])


@pytest.mark.parametrize("answer", ["malformed", "wrong-type"])
def test_AUTH_03_misshapen_answers_are_no(world, alice, bob, foreign, answer):
    """bothyd runs with G_DEBUG=fatal-criticals: it would not be there for the next call."""
    world.polkit.answers.update({polkit.CREATE: answer, polkit.MANAGE: answer, polkit.INSPECT: answer})
    before = world.records()
    assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "x1", "busybox", {}) == "NotAuthorized"
    assert "polkit did not answer" in alice.text
    assert refused(bob, surface.call_container(bob, foreign, "Stop", interactive=True)) == "UnknownObject"
    assert bob.manager("ListContainers") == ([],)
    assert world.records() == before and alice.state(foreign) == "running"


def test_AUTH_04_authorized_after_the_caller_left(world, alice):
    other = world.client(ALICE)
    world.polkit.answers[polkit.CREATE] = "hang"
    other.send(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "x1", "busybox", {})
    (held,) = world.polkit.wait_held()
    assert held.cancellation
    other.close()
    wait(lambda: world.polkit.cancelled == [held.cancellation])
    world.polkit.release("yes")
    alice.drain(0.3)
    assert alice.manager("ListContainers") == ([],)
    assert not world.records().get("containers/new")


def test_AUTH_04_foreign_call_after_the_caller_left(world, alice, foreign):
    other = world.client(BOB)
    world.polkit.answers[polkit.MANAGE] = "hang"
    surface.call_container(other, foreign, "Stop")
    (held,) = world.polkit.wait_held()
    other.close()
    wait(lambda: world.polkit.cancelled == [held.cancellation])
    world.polkit.release("yes")
    alice.drain(0.3)
    assert alice.state(foreign) == "running"


def test_AUTH_05_callers_leave_at_any_time(world, alice, foreign):
    """No crash (sanitizers watch), no fd and no call left behind; the service goes on."""
    chance = random.Random(5)
    before = world.settled_fds()
    calls = [("Exec", foreign), ("OpenShell", foreign), ("OpenConsole", foreign), ("OpenLog", foreign),
             ("Freeze", foreign), ("Thaw", foreign)]
    for round_ in range(60):
        caller = world.client(chance.choice([ALICE, BOB]))
        for _ in range(chance.randrange(1, 4)):
            member, path = chance.choice(calls)
            surface.call_container(caller, path, member)
        if chance.random() < 0.5:
            caller.send(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", f"left-{round_ % 5}", "busybox", {})
        if chance.random() < 0.5:
            time.sleep(chance.random() * 0.02)
        caller.close()
    alice.drain(0.2)
    for entry in alice.manager("ListContainers")[0]:
        if entry[0] != "hers":
            alice.delete(entry[5])
    if alice.state(foreign) == "frozen":
        alice.call(foreign, CONTAINER, "Thaw")
    assert alice.execute(foreign, "echo", "on")[0] == "on\n"
    wait(lambda: world.settled_fds() <= before + 4)


def test_AUTH_06_the_bus_names_a_user_who_can_not_be(fresh_world):
    """Nobody with an id that is a container's, or beyond what polkit knows to tell apart."""
    world = fresh_world()
    alice = world.client(ALICE)
    base = alice.get(alice.create("hers"), CONTAINER, "RangeBase")
    for uid in (base, base + 1000, 2147352576, 0x7FFFFFFF + 1, 4000000000):
        world.add_account(uid)
        with world.client(uid) as stranger:
            assert stranger.error(ROOT, MANAGER, "ListContainers") == "NotAuthorized", uid
            assert stranger.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "x1", "busybox", {}) == "NotAuthorized"
    assert [q.subject for q in world.polkit.asked(polkit.CREATE)] == [{"name": alice.name}]


@pytest.mark.once
def test_AUTH_06_caller_is_gone_before_he_is_looked_up(world, alice):
    for _ in range(100):
        caller = world.client(ALICE)
        caller.send(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "ghost", "busybox", {})
        caller.close()
    alice.drain(0.2)
    assert {entry[0] for entry in alice.manager("ListContainers")[0]} <= {"ghost"}


def test_AUTH_05_the_last_of_many_callers_is_missed_too(world):
    """More connections than the bus allows one match rules."""
    callers = [world.client(uid) for uid in (ALICE, BOB, CAROL) for _ in range(200)]
    for caller in callers:
        caller.send(ROOT, MANAGER, "ListRemotes")
    for caller in callers:
        assert caller.receive(20)
    world.polkit.answers[polkit.CREATE] = "hang"
    callers[-1].send(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "x1", "busybox", {})
    (held,) = world.polkit.wait_held()
    callers[-1].close()
    wait(lambda: world.polkit.cancelled == [held.cancellation])


def test_AUTH_08_interaction_is_the_messages_to_allow(world, bob, foreign):
    world.polkit.answers[polkit.MANAGE] = "challenge"
    world.polkit.dialogs[polkit.MANAGE] = "yes"
    world.polkit.questions.clear()
    assert refused(bob, surface.call_container(bob, foreign, "Freeze")) == "UnknownObject"
    assert [q.flags for q in world.polkit.asked()] == [0]
    bob.reply(surface.call_container(bob, foreign, "Freeze", interactive=True))
    assert [q.flags for q in world.polkit.asked()] == [0, 0, 1]


def test_AUTH_08_can_obtain_is_said(world, alice):
    world.polkit.answers[polkit.CREATE] = "challenge"
    world.polkit.dialogs[polkit.CREATE] = "yes"
    assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "x1", "busybox", {}) == "NotAuthorizedCanObtain"
    alice.call(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "x1", "busybox", {}, interactive=True)


def test_AUTH_08_lists_open_no_dialog(world, bob):
    world.polkit.answers[polkit.INSPECT] = "challenge"
    world.polkit.dialogs[polkit.INSPECT] = "yes"
    for interface, member in ((MANAGER, "ListContainers"), (OBJECTS, "GetManagedObjects"),
                              (INTROSPECTABLE, "Introspect")):
        bob.call(ROOT, interface, member, interactive=True)
    assert [q.flags for q in world.polkit.asked()] == [0, 0, 0]


def test_AUTH_09_nothing_is_remembered(world, alice, bob, foreign):
    """One question per call: not per user, action or connection."""
    carol = world.client(CAROL)
    world.polkit.questions.clear()
    world.polkit.answers[polkit.MANAGE] = "yes"
    bob.reply(surface.call_container(bob, foreign, "Freeze"))
    bob.reply(surface.call_container(bob, foreign, "Thaw"))
    world.polkit.answers[polkit.MANAGE] = "no"
    assert refused(bob, surface.call_container(bob, foreign, "Freeze")) == "UnknownObject"
    assert refused(carol, surface.call_container(carol, foreign, "Freeze")) == "UnknownObject"
    assert [q.subject["name"] for q in world.polkit.asked()] == [bob.name] * 3 + [carol.name]


def test_AUTH_10_what_was_authorized_is_what_is_done(world, alice):
    """A second call on the way changes nothing of the first."""
    world.polkit.answers[polkit.CREATE] = "hang"
    first = alice.send(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "first", "busybox", variants({"hostname": "good"}))
    world.polkit.wait_held(1)
    second = alice.send(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "first", "busybox",
                        variants({"hostname": "bad", "ephemeral": True}))
    world.polkit.wait_held(2)
    world.polkit.release("yes")
    outcomes = {outcome(alice, first), outcome(alice, second)}
    assert outcomes == {"", "ContainerExists"}
    path = container_path(ALICE, "first")
    assert alice.get(path, CONTAINER, "Hostname") == "good"
    assert not alice.get(path, CONTAINER, "Ephemeral")


@pytest.mark.parametrize("target,asked", [(0, True), (ALICE, True), (BOB, False)])
def test_AUTH_11_on_behalf_of_somebody_else(world, bob, target, asked):
    """Whose container it is makes the difference, root's too; there is no word by which a caller becomes somebody else."""
    path = world.client(target).create("theirs", command=["sleep", "1000"])
    world.polkit.answers[polkit.MANAGE] = "no"
    world.polkit.questions.clear()
    if asked:
        assert refused(bob, surface.call_container(bob, path, "Start")) == "UnknownObject"
        (question,) = world.polkit.asked()
        assert question.action == polkit.MANAGE and question.details["owner"] == str(target)
    else:
        bob.start(path)
        assert not world.polkit.asked()
    world.polkit.answers[polkit.MANAGE] = "yes"
    for key in ("owner", "uid", "for", "as-user"):
        for value in (target, str(target), True):
            assert bob.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "x1", "busybox",
                             variants({key: value})) == "InvalidArgs"
    # What an authorized caller does to it makes it nobody else's.
    if asked:
        bob.call(path, CONTAINER, "Start", "(a{sv})", {}, timeout=60)
        assert world.client(target).get(path, CONTAINER, "Owner") == target
        assert bob.manager("ListContainers") == ([],)


@pytest.mark.parametrize("real,uid", [(ALICE, BOB), (BOB, 0), (0, BOB), (ALICE, 65534)])
def test_AUTH_16_a_program_that_runs_as_somebody_else(world, foreign, real, uid):
    """Set-user-ID programs are whom the bus says, and that alone: not who started them, and never both."""
    with wire.Client(world.address, uid, real=real) as caller:
        assert caller.bus("GetConnectionUnixUser", "(s)", caller.name) == (uid,)
        world.polkit.questions.clear()
        wanted = "" if uid == 0 else "UnknownObject"
        assert caller.error(foreign, CONTAINER, "Freeze") == wanted
        assert [q.details["owner"] for q in world.polkit.asked()] == ([] if uid == 0 else [str(ALICE)])
        path = caller.create("whose")
        assert caller.get(path, CONTAINER, "Owner") == uid
        caller.delete(path)


@pytest.mark.parametrize("answer,wanted", [("dismissed", "NotAuthorizedDismissed"), ("no", "UnknownObject"),
                                           ("error", "UnknownObject"), ("challenge", "UnknownObject")])
def test_AUTH_12_dialog_ends_without_a_yes(world, bob, alice, foreign, answer, wanted):
    world.polkit.answers[polkit.MANAGE] = "challenge"
    world.polkit.dialogs[polkit.MANAGE] = answer
    # Twice: the first must not leave the user's one dialog taken.
    for _ in range(2):
        assert refused(bob, surface.call_container(bob, foreign, "Stop", interactive=True)) == wanted
    assert alice.state(foreign) == "running"


def test_AUTH_13_one_dialog_per_user(world, alice, bob):
    """100 requests that need a dialog: one is asked, the rest refused at once, and others are not held up."""
    world.polkit.answers[polkit.CREATE] = "challenge"
    world.polkit.dialogs[polkit.CREATE] = "hang"
    other = world.client(ALICE)
    for caller in (alice, other):
        caller.manager("ListRemotes")
    def ask(caller, name):
        return caller, caller.send(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", name, "busybox", {}, interactive=True)
    serials = [ask(alice, "first")]
    # Which of two connections is heard first is the bus's to say: so the one that is asked is there before the others.
    world.polkit.wait_held()
    serials += [ask(caller, f"x{i}") for i in range(50) for caller in (alice, other)][1:]
    bobs = bob.send(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "his", "busybox", {}, interactive=True)
    world.polkit.wait_held(2)
    wait(lambda: sum(caller.replied(serial, 0) for caller, serial in serials) == 99)
    assert [q.subject["name"] for q in world.polkit.asked() if q.flags] == [
        serials[0][0].name, bob.name]
    world.polkit.release("no")
    errors = sorted(refused(caller, serial) for caller, serial in serials)
    assert errors == ["LimitsExceeded"] * 99 + ["NotAuthorized"]
    assert refused(bob, bobs) == "NotAuthorized"
    # The dialog is free again.
    world.polkit.dialogs[polkit.CREATE] = "yes"
    alice.call(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "x1", "busybox", {}, interactive=True)


def test_AUTH_12_a_dialog_ends(fresh_world, clock):  # noqa: F811
    """Whom polkit asks for a password has two minutes; then the question is called off, and he may be asked again."""
    world = fresh_world(environment=clock.environment)
    alice, bob = world.client(ALICE), world.client(BOB)
    for client in (alice, bob):
        client.manager("ListContainers")
    world.polkit.answers[polkit.CREATE] = "challenge"
    world.polkit.dialogs[polkit.CREATE] = "silent"
    create = ("CreateContainer", "(ssa{sv})", "x1", "busybox", {})
    serial = alice.send(ROOT, MANAGER, *create, interactive=True)
    (question,) = wait(lambda: [q for q in world.polkit.asked(polkit.CREATE) if q.flags])
    clock.move(0, awake=100)
    assert bob.manager("ListContainers") == ([],)
    assert not alice.replied(serial)
    clock.move(0, awake=125)
    assert bob.manager("ListContainers") == ([],)
    assert refused(alice, serial) == "NotAuthorized"
    wait(lambda: world.polkit.cancelled == [question.cancellation])
    world.polkit.answer(question, "yes")
    assert alice.manager("ListContainers") == ([],)
    world.polkit.dialogs[polkit.CREATE] = "yes"
    alice.call(ROOT, MANAGER, *create, interactive=True)


def test_AUTH_04_who_leaves_a_dialog_ends_it(fresh_world):
    """Also the second one, for what is above a ceiling."""
    world = fresh_world(config="[Limits]\nContainerTasks=500\n")
    above = variants({"limits": GLib.Variant("a{sv}", {"pids": GLib.Variant("t", 501)})})
    for action, options in ((polkit.CREATE, {}), (polkit.EXCEED, above)):
        world.polkit.reset()
        world.polkit.answers[action] = "challenge"
        world.polkit.dialogs[action] = "hang"
        with world.client(ALICE) as caller:
            caller.send(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "x1", "busybox", options, interactive=True)
            (held,) = world.polkit.wait_held()
            assert held.action == action and held.flags == 1
        wait(lambda: world.polkit.cancelled == [held.cancellation])
        world.polkit.release("yes")
        with world.client(ALICE) as again:
            assert again.manager("ListContainers") == ([],)


HOSTILE = ["a\nb", "\x1b[31m", "a\u009bb", "\u202egnp", "zero\u200dwidth", "<b>x</b>", "$(owner)", "a/b", "../x", "A", ""]


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_AUTH_14_hostile_text_never_comes_to_polkit(world, alice, bob, text):
    assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", text, "busybox", {}) == "InvalidArgs"
    assert alice.text.isprintable() and alice.text.isascii()
    if text not in ("a/b",):
        assert alice.error(ROOT, MANAGER, "CreateContainer", "(ssa{sv})", "x1", text, {}) == "InvalidArgs"
    assert bob.error(ROOT, MANAGER, "GetContainer", "(s)", f"{ALICE}/{text}") == "NoSuchContainer"
    assert bob.text.isprintable() and bob.text.isascii()
    assert not world.polkit.asked()


def test_AUTH_14_hostile_paths_never_come_to_polkit(world, bob):
    for path in (f"{ROOT}/container/u1000/A", f"{ROOT}/container/u1000/a_0ab", f"{ROOT}/container/u01000/a",
                 f"{ROOT}/container/u1000/a/b", f"{ROOT}/container/u99999999999/a", f"{ROOT}/container/u4294967295/a",
                 f"{ROOT}/container/u/a", f"{ROOT}/container/u1000/_3cb_3e", f"{ROOT}/container/u1000/a_2", "/"):
        assert bob.error(path, CONTAINER, "Freeze") == "UnknownObject", path
    assert not world.polkit.asked()


@pytest.mark.once
class TestDialogRace:
    """What was seen before the dialog is looked at again after it."""

    @pytest.fixture(autouse=True)
    def ask(self, world, alice, bob):
        self.path = alice.create("hers", command=["sleep", "1000"])
        world.polkit.answers[polkit.MANAGE] = "hang"
        self.serial = surface.call_container(bob, self.path, "Start", interactive=True)
        world.polkit.wait_held()

    def test_AUTH_race_deleted(self, world, alice, bob):
        alice.delete(self.path)
        world.polkit.release("yes")
        assert refused(bob, self.serial) == "UnknownObject"

    def test_AUTH_race_renamed(self, world, alice, bob):
        alice.call(self.path, CONTAINER, "Rename", "(s)", "other")
        world.polkit.release("yes")
        assert refused(bob, self.serial) == "UnknownObject"
        assert alice.state(container_path(ALICE, "other")) == "stopped"

    def test_AUTH_race_another_of_the_same_name(self, world, alice, bob):
        alice.delete(self.path)
        alice.create("hers")
        world.polkit.release("yes")
        assert refused(bob, self.serial) == "UnknownObject"
        assert alice.state(self.path) == "stopped"

    def test_AUTH_race_appears_only_later(self, world, alice, bob):
        serial = surface.call_container(bob, container_path(ALICE, "later"), "Start", interactive=True)
        world.polkit.wait_held(2)
        path = alice.create("later")
        world.polkit.release("yes")
        assert refused(bob, serial) == "UnknownObject"
        assert alice.state(path) == "stopped"

    def test_AUTH_race_unchanged_is_done(self, world, alice, bob):
        world.polkit.release("yes")
        bob.reply(self.serial)
        assert alice.state(self.path) == "running"


def test_AUTH_06_the_next_one_with_the_uid(fresh_world):
    """What was alice's is nothing of mallory's, who has her uid now; and hers again when she is there again."""
    world = fresh_world()
    passwd = world.root / "etc/passwd"
    before = passwd.read_text()
    alice = world.client(ALICE)
    path = alice.create("hers")
    base = alice.manager("AllocateRange", "(ua{sv})", 1, {})[0]
    def refuses():
        world.polkit.questions.clear()
        for interface, member, *body in (
                (MANAGER, "ListContainers"), (MANAGER, "ListRanges"), (MANAGER, "ListRemotes"), (PROPERTIES, "GetAll", "(s)", MANAGER),
                (MANAGER, "ReleaseRange", "(u)", base), (MANAGER, "CreateContainer", "(ssa{sv})", "new", "busybox", {}),
                (OBJECTS, "GetManagedObjects"), (INTROSPECTABLE, "Introspect")):
            assert alice.error(ROOT, interface, member, *body) == "NotAuthorized", member
            assert "mallory" in alice.text
        assert alice.error(path, CONTAINER, "Delete", "(a{sv})", {}) == "NotAuthorized"
        assert not world.polkit.asked()
    passwd.write_text(before.replace("alice:", "mallory:"))
    refuses()
    world.restart()
    refuses()
    # Whoever is made anew with both has both, as he has her home: there is nothing that tells them apart.
    passwd.write_text("".join(line + "\n" for line in before.splitlines() if not line.startswith("alice:")))
    passwd.write_text(before)
    assert alice.manager("GetContainer", "(s)", "hers") == (path,)
    assert (base, 65536, ALICE, "by hand") in alice.manager("ListRanges")[0]


@pytest.mark.parametrize("port,protocol", [(1, "tcp"), (1023, "tcp"), (1023, "udp")])
@pytest.mark.parametrize("answer,wanted", [("no", "NotAuthorized"), ("dismissed", "NotAuthorizedDismissed"),
                                           ("challenge", "NotAuthorizedCanObtain")])
def test_AUTH_02_privileged_ports_are_asked_for(world, alice, bob, port, protocol, answer, wanted):
    """Of the owner, and of whoever manages others' containers: he is no more than she."""
    path = alice.create("box")
    world.polkit.answers.update({polkit.PORT: answer, polkit.MANAGE: "yes"})
    before = alice.get_all(path, CONTAINER)
    for caller, questions in ((alice, [polkit.PORT]), (bob, [polkit.MANAGE, polkit.PORT])):
        world.polkit.questions.clear()
        assert caller.error(path, CONTAINER, "AddPort", "(sqqa{sv})", protocol, port, 80, {}) == wanted
        assert [question.action for question in world.polkit.asked()] == questions
        details = world.polkit.asked()[-1].details
        assert details["container"] == "box" and details["port"] == f"{port}/{protocol}"
    assert alice.get_all(path, CONTAINER) == before
    world.polkit.questions.clear()
    alice.error(path, CONTAINER, "AddPort", "(sqqa{sv})", protocol, 1024, 80, {})
    assert not world.polkit.asked()


def test_AUTH_race_a_privileged_port(world, alice):
    """The container that it was asked for is gone, and another one has its name."""
    path = alice.create("box")
    world.polkit.answers[polkit.PORT] = "hang"
    serial = alice.send(path, CONTAINER, "AddPort", "(sqqa{sv})", "tcp", 80, 80, {})
    world.polkit.wait_held()
    alice.delete(path)
    alice.create("box")
    world.polkit.release("yes")
    assert refused(alice, serial) == "UnknownObject"
    assert alice.get(path, CONTAINER, "Ports") == []


@pytest.mark.parametrize("present", [True, False])
def test_AUTH_replies_nothing_to_one_who_left(world, present):
    """polkit answers for a name that is gone, and then for one it was never asked about."""
    caller = world.client(BOB)
    world.polkit.answers[polkit.MANAGE] = "hang"
    surface.call_container(caller, container_path(ALICE, "x"), "Stop")
    held = list(world.polkit.wait_held())
    if not present:
        caller.close()
    world.polkit.release("yes")
    for question in held:
        world.polkit.answer(question, "yes")
    with world.client(BOB) as again:
        assert again.manager("ListContainers") == ([],)

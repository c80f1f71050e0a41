# SPDX-License-Identifier: LGPL-2.1-or-later
"""Several users: what one has is neither within reach of the others nor in their sight, unless polkit says so."""

import json
import re
import time

import pytest

from tools import Terminal, info, names, own_children, state, steady, tidy, until  # noqa: F401

BUS = "org.bothy.Bothy1"
PATH = "/org/bothy/Bothy1"
RULES = "/etc/polkit-1/rules.d/10-test.rules"


@pytest.fixture
def a1(host):
    host.run("alice", "bothy", "launch", "busybox", "a1", check=True)
    return info(host, "a1")


@pytest.fixture
def rule(host):
    """Puts a rule in force: a function's body with action and subject."""
    def install(body):
        host.write(RULES, "polkit.addRule(function (action, subject) { " + body + " });\n")
        host.run("root", "systemctl reset-failed polkit; systemctl restart polkit", check=True)

    yield install
    (host.root / RULES.lstrip("/")).unlink(missing_ok=True)
    host.run("root", "systemctl reset-failed polkit; systemctl restart polkit", check=True)


def answers(host, user, path):
    """Error name and text of every method at a path, without the path."""
    methods = [(f"{BUS}.Container", "Start", "a{sv}", "0"), (f"{BUS}.Container", "Stop", "a{sv}", "0"),
               (f"{BUS}.Container", "Restart", "a{sv}", "0"), (f"{BUS}.Container", "Freeze"),
               (f"{BUS}.Container", "Thaw"), (f"{BUS}.Container", "Kill", "si", "all", "9"),
               (f"{BUS}.Container", "Delete", "a{sv}", "1", "force", "b", "true"),
               (f"{BUS}.Container", "Rename", "s", "mine"),
               (f"{BUS}.Container", "Exec", "asaha{sv}", "1", "true", "0", "0"),
               (f"{BUS}.Container", "OpenShell", "ssasas", "", "", "0", "0"),
               (f"{BUS}.Container", "OpenConsole"), (f"{BUS}.Container", "OpenLog"),
               (f"{BUS}.Container", "GetOSRelease"), (f"{BUS}.Container", "MapFromUser", "u", "0"),
               (f"{BUS}.Container", "MapToUser", "u", "0"),
               ("org.freedesktop.DBus.Properties", "GetAll", "s", f"{BUS}.Container"),
               ("org.freedesktop.DBus.Properties", "Get", "ss", f"{BUS}.Container", "State"),
               ("org.freedesktop.DBus.Introspectable", "Introspect")]
    found = {}
    for interface, method, *args in methods:
        done = host.run(user, "busctl", "--verbose", "call", BUS, path, interface, method, *args)
        found[method] = (done.returncode, done.stdout, done.stderr.replace(path.rsplit("/", 1)[1], "NAME"))
    return found


def test_others_are_invisible_OBJ_01_OBJ_02(host, a1):
    foreign = answers(host, "bob", f"{PATH}/container/u1000/a1")
    missing = answers(host, "bob", f"{PATH}/container/u1000/zz")
    assert foreign == missing
    assert "interface" not in foreign.pop("Introspect")[1]
    assert all(code != 0 and text == "" for code, text, _ in foreign.values())
    # Nothing of all that had an effect.
    assert steady(info(host, "a1")) == steady(a1)


def test_command_line_tells_nothing_of_others_OBJ_01(host, a1):
    for words in (["info"], ["stop"], ["delete", "--force"], ["logs"], ["kill"], ["freeze"], ["start"], ["restart"],
                  ["wait"], ["console"]):
        texts = []
        for name in "alice/a1", "alice/zz", "1000/a1", "1000/zz":
            done = host.run("bob", "bothy", "--no-ask-password", *words, name)
            assert done.returncode != 0 and done.stdout == "", (words, name)
            texts.append(done.stderr.replace("a1", "NAME").replace("zz", "NAME").replace("1000", "alice"))
        assert texts[0] == texts[1] and texts[2] == texts[3], words
    assert names(host, "bob") == []
    assert a1["rangeBase"] not in [r["rangeBase"] for r in json.loads(host.output("bob", "bothy range list --json"))]
    assert a1["id"] not in host.output("bob", "busctl", "tree", BUS)
    # As a whole word: fingerprints are made of such letters.
    assert not re.search(r"\ba1\b", host.output("bob", "busctl", "call", BUS, PATH,
                                                "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"))
    by_pid = host.run("bob", "busctl", "call", BUS, PATH, f"{BUS}.Manager", "GetContainerByPID", "u",
                      str(a1["leader"]))
    own = host.run("bob", "busctl call org.bothy.Bothy1 /org/bothy/Bothy1 org.bothy.Bothy1.Manager "
                          "GetContainerByPID u $$; true")
    assert by_pid.returncode != 0
    assert by_pid.stderr.split(str(a1["leader"]))[0] == own.stderr[:len(by_pid.stderr.split(str(a1["leader"]))[0])]
    assert steady(info(host, "a1")) == steady(a1)


def test_units_tell_no_names_OBJ_08(host, a1):
    host.run("alice", "bothy", "launch", "busybox", "secretname", check=True)
    # The description of a unit is set some seconds after its container has started.
    until(lambda: a1["id"] in host.output("root", "systemctl list-units --full --no-legend 'bothy-*.scope'"),
          what="its unit has the container's id")
    seen = host.run("bob", "systemctl list-units --all --full --no-legend; systemctl show '*.scope'; systemctl status; "
                           "ip link; ps -eo args").stdout
    assert a1["id"] in seen, "what bob sees does not have what this test looks for"
    assert not re.search("secretname", seen)


def test_refused_without_a_password(host, a1):
    for session in None, "active", "remote":
        done = host.run("bob", "bothy", "--no-ask-password", "list", "--all", session=session)
        assert done.returncode == 0 and "a1" not in done.stdout, session
        assert "Containers of other users are left out" in done.stderr, session
    assert state(host, "a1") == "running"


def test_rule_lets_bob_in(host, a1, rule):
    rule(f"if (action.id == '{BUS}.inspect-containers' && subject.user == 'bob') return polkit.Result.YES;")
    listed = json.loads(host.output("bob", "bothy list --all --json"))
    assert [(c["name"], c["owner"]) for c in listed] == [("a1", 1000)]
    assert info(host, "alice/a1", "bob")["id"] == a1["id"]
    # To see is not to touch.
    done = host.run("bob", "bothy", "--no-ask-password", "stop", "-f", "alice/a1")
    assert done.returncode == 1 and state(host, "a1") == "running"
    rule(f"if (subject.user == 'bob' && (action.id == '{BUS}.inspect-containers' || "
         f"action.id == '{BUS}.manage-containers' && action.lookup('owner') == '1000' && "
         "action.lookup('container') == 'a1' && action.lookup('verb') == 'Stop')) return polkit.Result.YES;")
    assert host.run("bob", "bothy", "--no-ask-password", "delete", "-f", "alice/a1").returncode == 1
    assert host.run("bob", "bothy", "--no-ask-password", "exec", "alice/a1", "--", "true").returncode == 125
    host.run("bob", "bothy", "stop", "-f", "alice/a1", check=True)
    assert state(host, "a1") == "stopped"
    # carol is not bob.
    assert "a1" not in host.output("carol", "bothy --no-ask-password list --all")


def test_shipped_rule_for_operators(host, a1):
    example = next(host.root.glob("usr/share/doc/*/**/10-bothy-group-manages.rules"), None)
    assert example, "the examples are not installed"
    host.run("root", "groupadd -f operators && usermod -aG operators bob", check=True)
    target = host.root / RULES.lstrip("/")
    target.write_text(example.read_text())
    target.chmod(0o644)
    try:
        host.run("root", "systemctl reset-failed polkit; systemctl restart polkit", check=True)
        assert "a1" in host.output("bob", "bothy list --all")
        host.run("bob", "bothy", "stop", "-f", "alice/a1", check=True)
        assert host.run("bob", "bothy", "--no-ask-password", "delete", "alice/a1").returncode == 1
        assert names(host) == ["a1"]
    finally:
        target.unlink()
        host.run("root", "gpasswd -d bob operators; systemctl reset-failed polkit; systemctl restart polkit", check=True)


def test_rule_for_create(host, rule):
    rule(f"if (action.id == '{BUS}.create-container' && subject.user == 'bob') return polkit.Result.NO;")
    done = host.run("bob", "bothy", "launch", "busybox", "b1")
    assert done.returncode == 1 and "authorized" in done.stderr.lower()
    assert names(host, "bob") == []
    assert not any((host.root / "var/lib/bothy/containers").iterdir())
    host.run("alice", "bothy", "launch", "busybox", "b1", check=True)


def test_active_and_remote_sessions_AUTH_15(host, a1, rule):
    """polkit is told of the caller's own session."""
    rule(f"if (action.id == '{BUS}.inspect-containers' && subject.user == 'bob' && subject.local && subject.active) "
         "return polkit.Result.YES;")
    assert "a1" in host.output("bob", "bothy --no-ask-password list --all", session="active")
    assert "a1" not in host.output("bob", "bothy --no-ask-password list --all", session="remote")
    assert "a1" not in host.output("bob", "bothy --no-ask-password list --all")


def password(terminal, text):
    terminal.expect(r"[Pp]assword: ")
    # It forgets what was typed before it switched the echo off.
    time.sleep(1)
    terminal.send(text + "\n")


@pytest.mark.parametrize("session", ["active", "remote"])
def test_administrators_password(host, a1, session):
    with Terminal(host, "carol", "sh", "-c", "bothy info alice/a1; bothy stop -f alice/a1; echo code=$?",
                  session=session) as terminal:
        password(terminal, "carol")
        terminal.expect(r"State: (\x1b\[\d+m)?running")
        password(terminal, "carol")
        terminal.expect("code=0")
        terminal.wait()
    assert state(host, "a1") == "stopped"


@pytest.mark.parametrize("words", [["list", "--all"], ["list", "--filter", "owner=alice", "--json"]], ids=" ".join)
def test_listing_all_asks_for_a_password(host, a1, words):
    """Once, and over ssh as well, where polkit keeps none."""
    with Terminal(host, "carol", "bothy", *words, session="remote") as terminal:
        password(terminal, "carol")
        terminal.expect(r"\ba1\b")
        assert terminal.wait() == 0
    with Terminal(host, "carol", "bothy", *words, session="remote") as terminal:
        password(terminal, "wrong")
        terminal.expect("Containers of other users are left out")
        assert terminal.wait(40) == 0


def test_port_below_1024_asks_for_a_password(host):
    """An administrator's own, here; it was refused without a question."""
    host.run("carol", "bothy", "create", "busybox", "c1", check=True)
    done = host.run("carol", "bothy", "--no-ask-password", "port", "add", "c1", "81:80")
    assert done.returncode == 1 and "an administrator has to agree" in done.stderr
    with Terminal(host, "carol", "bothy", "port", "add", "c1", "81:80", session="remote") as terminal:
        terminal.expect(r"to let port 81/tcp lead\s+into the container c1")
        password(terminal, "carol")
        assert terminal.wait() == 0
    assert info(host, "c1", "carol")["ports"] == [{"protocol": "tcp", "address": "", "host": 81, "inside": 80}]


def test_question_names_the_deed_and_whose_it_is(host, a1):
    for verb, deed in (["stop", "-f"], "stop"), (["limit"], "see the containers of other users"), (["delete"], "delete"):
        with Terminal(host, "carol", "bothy", *verb, "alice/a1", session="remote") as terminal:
            terminal.expect("to see the containers of other users" if verb == ["limit"] else rf"to {deed} the container a1\s+of alice")
    assert state(host, "a1") == "running"


def test_wrong_password_changes_nothing(host, a1):
    with Terminal(host, "carol", "bothy", "stop", "-f", "alice/a1", session="remote") as terminal:
        password(terminal, "wrong")
        assert terminal.wait(40) != 0
    assert state(host, "a1") == "running"


def test_caller_who_leaves_during_the_question_AUTH_07(host, a1):
    """The question was about that connection: when it is gone, no answer counts."""
    with Terminal(host, "carol", "bothy", "delete", "-f", "alice/a1", session="remote") as terminal:
        terminal.expect(r"[Pp]assword: ")
        pid, = own_children(host, "carol", "bothy")
        host.run("root", "kill", "-KILL", str(pid), check=True)
        terminal.process.wait(timeout=20)
    assert steady(info(host, "a1")) == steady(a1)
    # And the container is free for its owner.
    host.run("alice", "bothy", "stop", "-f", "a1", check=True)


@pytest.mark.parametrize("bus", ["daemon", "broker"])
def test_subordinate_ids_are_no_users_AUTH_06(fresh_host, bus):
    """dbus-daemon refuses who has no account itself, dbus-broker lets everybody in: callers are the same with both."""
    host = fresh_host("--bus", bus)
    host.write("/etc/subuid", "alice:300000:65536\n")
    host.run("root", "useradd --uid 300007 --no-create-home sub && useradd --uid 4711 --no-create-home lone", check=True)
    call = f"busctl call {BUS} {PATH} {BUS}.Manager ListContainers"
    refused = host.run("root", f"setpriv --reuid=300007 --regid=300007 --clear-groups {call}")
    assert refused.returncode != 0 and "uid 300007 is a subordinate id" in refused.stderr
    nobody = host.run("root", f"setpriv --reuid=300008 --regid=300008 --clear-groups {call}")
    assert nobody.returncode != 0 and "a(sussso)" not in nobody.stdout
    assert bus == "daemon" or "300008" in nobody.stderr
    host.run("root", f"setpriv --reuid=4711 --regid=4711 --clear-groups {call}", check=True)
    host.run("alice", "bothy", "launch", "busybox", "a1", check=True)
    assert host.output("alice", "bothy exec a1 -- id -u") == "0"
    assert names(host) == ["a1"]

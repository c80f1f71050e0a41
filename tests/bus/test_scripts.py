# SPDX-License-Identifier: LGPL-2.1-or-later
"""For whom busctl has to do: calls without file descriptors, errors by the names of D-Bus, all of a container to be seen."""

import pathlib
import re
import shutil
import subprocess
import time

import pytest
from gi.repository import GLib

from conftest import BOB
from wire import CONTAINER, MANAGER, OPERATION, PROPERTIES, ROOT, variants


@pytest.fixture
def box(alice):
    path = alice.create("box", command=["sleep", "1000"])
    alice.start(path)
    return path


def run(client, box, *argv, timeout=30, **options):
    code, signal, output, errors = client.call(box, CONTAINER, "ExecAndWait", "(asa{sv})", argv, variants(options), timeout=timeout)
    return code, signal, bytes(output), bytes(errors)


def test_exec_and_wait(alice, box):
    assert run(alice, box, "sh", "-c", "echo out; echo err >&2; exit 7") == (7, 0, b"out\n", b"err\n")
    assert run(alice, box, "sh", "-c", "kill -9 $$") == (0, 9, b"", b"")
    assert run(alice, box, "sh", "-c", r"printf '\377\0x'; cat") == (0, 0, b"\xff\0x", b"")
    assert run(alice, box, "sh", "-c", "echo $A $PWD; id -u", environment=["A=b"], user="1000",
               **{"working-directory": "/tmp"})[2] == b"b /tmp\n1000\n"
    assert run(alice, box, argv=GLib.Variant("aay", [b"printf\0", b"\xfe\0"]))[2] == b"\xfe"
    assert alice.error(box, CONTAINER, "ExecAndWait", "(asa{sv})", [], {}) == "InvalidArgs"
    assert alice.error(box, CONTAINER, "ExecAndWait", "(asa{sv})", ["none"], {}) == "NoSuchProgram"
    assert alice.error(box, CONTAINER, "ExecAndWait", "(asa{sv})", ["true"], variants({"capture": 524289})) == "InvalidArgs"
    # What goes on in the background keeps nobody waiting.
    begun = time.monotonic()
    assert run(alice, box, "sh", "-c", "sleep 100 & echo done")[2] == b"done\n"
    assert time.monotonic() - begun < 50


def test_exec_and_wait_is_bounded(world, alice, box):
    """Whoever writes for ever is ended, and what is kept is no more than was asked for."""
    before = world.settled_fds()
    code, signal, output, _ = run(alice, box, "yes")
    assert (code, signal) in ((0, 13), (1, 0)) and output == b"y\n" * 32768
    assert len(run(alice, box, "yes", capture=524288)[2]) == 524288
    assert run(alice, box, "echo", "hello", capture=0)[2] == b""
    assert run(alice, box, "sh", "-c", "head -c 300000 /dev/zero >&2; echo ok", capture=400000)[2] == b"ok\n"
    # The caller may be gone when it ends, and so may the container.
    client = world.client(1000)
    client.send(box, CONTAINER, "ExecAndWait", "(asa{sv})", ["sleep", "1"], {})
    client.close()
    serial = alice.send(box, CONTAINER, "ExecAndWait", "(asa{sv})", ["sleep", "100"], {})
    alice.call(box, CONTAINER, "Kill", "(si)", "all", 9)
    assert tuple(alice.reply(serial))[:2] == (0, 9)
    alice.finish(alice.call(box, CONTAINER, "Delete", "(a{sv})", variants({"force": True}))[0])
    assert world.settled_fds() <= before


def test_log(alice):
    box = alice.create("box", command=["sh", "-c", "printf 'one\\ntwo\\n'; sleep 1000"])
    alice.start(box)

    def read(offset, count):
        return bytes(alice.call(box, CONTAINER, "ReadLog", "(tu)", offset, count)[0])

    deadline = time.monotonic() + 20
    while b"two" not in read(0, 100) and time.monotonic() < deadline:
        time.sleep(0.05)
    whole = read(0, 2 ** 32 - 1)
    assert whole == b"one\r\ntwo\r\n" and read(5, 3) == b"two" and read(len(whole), 10) == read(2 ** 64 - 1, 10) == read(0, 0) == b""


def test_a_container_can_be_made_again_of_what_is_shown(alice):
    given = {"command": ["sleep", "5"], "environment": ["A=b c"], "user": "1000:1000", "working-directory": "/tmp", "nesting": True,
             "hostname": "host", "network": "none"}
    first = alice.get_all(alice.create("one", **given), CONTAINER)
    again = {"command": first["Command"], "environment": first["Environment"], "user": first["User"],
             "working-directory": first["WorkingDirectory"], "nesting": first["Nesting"], "hostname": first["Hostname"],
             "network": first["Network"], "entrypoint": []}
    second = alice.get_all(alice.create("two", first["Image"], **again), CONTAINER)
    for name in ("Command", "Environment", "User", "WorkingDirectory", "Nesting", "Hostname", "Network"):
        assert first[name] == second[name], name
    assert first["Environment"] == ["A=b c"] and first["User"] == "1000:1000" and first["Nesting"] is True


def test_errors_have_their_standard_names(world, alice, box):
    def name(path, interface, member, signature="()", *values):
        return alice.message(alice.send(path, interface, member, signature, *values)).get_error_name()

    standard = "org.freedesktop.DBus.Error."
    assert name(ROOT + "/container/u1000/none", CONTAINER, "Freeze") == standard + "UnknownObject"
    assert name(box, CONTAINER, "NoSuchThing") == standard + "UnknownMethod"
    assert name(box, CONTAINER, "Freeze", "(s)", "x") == standard + "InvalidArgs"
    assert name(box, PROPERTIES, "Get", "(ss)", CONTAINER, "None") == standard + "UnknownProperty"
    assert name(box, PROPERTIES, "Get", "(ss)", "org.example.None", "Name") == standard + "UnknownInterface"
    text = GLib.Variant("s", "x")
    assert name(box, PROPERTIES, "Set", "(ssv)", CONTAINER, "Name", text) == standard + "PropertyReadOnly"
    assert name(box, PROPERTIES, "Set", "(ssv)", CONTAINER, "None", text) == standard + "UnknownProperty"
    assert name(box, PROPERTIES, "Set", "(ssv)", OPERATION, "Kind", text) == standard + "UnknownInterface"
    assert name(ROOT, MANAGER, "GetContainer", "(s)", "none") == "org.bothy.Bothy1.Error.NoSuchContainer"
    # Nothing is told of what one may not see.
    with world.client(BOB) as bob:
        for value in "Name", "None":
            assert bob.error(box, PROPERTIES, "Set", "(ssv)", CONTAINER, value, text) == "UnknownObject"


PAGE = pathlib.Path(__file__).parents[2] / "data/man/bothy-scripting.7.scd"
LANGUAGES = {"SHELL": ["sh", "-e"], "PYTHON": ["/usr/bin/python3"], "JAVASCRIPT": ["gjs"]}


def recipes(language):
    section = re.search(rf"^# {language}$(.*?)^# ", PAGE.read_text(), re.M | re.S)[1]
    return re.findall(r"^```\n(.*?)^```", section, re.M | re.S)


@pytest.mark.parametrize("language,shown", [("SHELL", ['s "running"', "hello", "error: \n", "made: /org/bothy/Bothy1/container/u1000/quick", "at most memory",
                                                               "busybox \n", "bothy0", "sleep 1000", "has 1"]), ("PYTHON", ["0 b'hello\\n'"]),
                                            ("JAVASCRIPT", ["job is running", "job is stopped"])])
def test_recipes_of_the_manual(world, alice, tmp_path, language, shown):
    """As they stand there, by an ordinary user."""
    output = ""
    shutil.chown(tmp_path, 1000, 1000)
    for parent in tmp_path.parents[:2]:
        parent.chmod(0o755)
    blocks = recipes(language)
    assert blocks
    for number, block in enumerate(blocks):
        (tmp_path / f"{number}").write_text(block)
        done = subprocess.run(["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", *LANGUAGES[language], str(number)],
                              cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
                              env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={world.address}"})
        assert done.returncode == 0, (block, done.stdout)
        output += done.stdout
    assert all(text in output for text in shown), output

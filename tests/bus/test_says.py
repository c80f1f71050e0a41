# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an image says of its containers holds as docker makes it: read, recorded, shown and done."""

import os
import signal
import tempfile

import pytest
from gi.repository import GLib

import bundles
from wire import CONTAINER, IMAGE, PROCESS, variants, wait


@pytest.fixture
def put(alice):
    """Imports an archive of an image as alice; the properties of it. What was imported goes at the end."""
    paths = []

    def run(data, alias="says"):
        with tempfile.TemporaryFile() as file:
            file.write(data)
            file.seek(0)
            operation = alice.manager("ImportImage", "(ha{sv})", 0, variants({"alias": alias}), fds=[file.fileno()])[0]
            ended = alice.finish(operation)
        assert ended["Phase"] == "done", ended["Failure"]
        paths.append(ended["Object"])
        return alice.get_all(ended["Object"], IMAGE)
    yield run
    for path, interfaces in alice.managed().items():
        if CONTAINER in interfaces:
            alice.delete(path)
    for path in dict.fromkeys(paths):
        alice.call(path, IMAGE, "Remove")


def stdio_of(alice, path, options=None):
    """Starts a container; what its first process wrote, as bytes, once it has ended."""
    reader, writer = os.pipe()
    null = os.open("/dev/null", os.O_RDONLY)
    with os.fdopen(reader, "rb") as file:
        try:
            alice.call(path, CONTAINER, "Start", "(a{sv})", {"stdio": GLib.Variant("ah", [0, 1, 2])}, fds=[null, writer, writer], timeout=60)
        finally:
            os.close(writer)
            os.close(null)
        output = file.read()
    wait(lambda: alice.state(path) in ("stopped", "failed"))
    return output


def said(alice, script, image="says", name="c1", **options):
    """The output of SCRIPT, run by the shell as the first process of a new container, which goes afterwards."""
    path = alice.create(name, image, command=["-c", script], entrypoint=["/bin/sh"], **options)
    try:
        return stdio_of(alice, path).decode().strip()
    finally:
        alice.delete(path)


FULL = {"ExposedPorts": {"8080/tcp": {}, "53/udp": {}, "9000-9002": {}, "1/sctp": {}}, "Volumes": {"/data": {}, "rel/../rel": {}, "/there": {}},
        "Labels": {"org.example.a": "1=2", "empty": ""}, "StopSignal": "sigrtmax-2", "WorkingDir": "work/deep", "User": "www",
        "Healthcheck": {"Test": ["CMD-SHELL", "true"], "Interval": 30 * 10**9, "Timeout": 10**9, "Retries": 3}}


@pytest.mark.parametrize("made", [bundles.layout, bundles.docker_save])
def test_what_it_says_is_shown(world, alice, put, made):
    configuration = put(bundles.saying(made=made, **FULL))["Configuration"]
    assert configuration["ports"] == ["8080/tcp", "53/udp", "9000-9002/tcp"]
    assert configuration["volumes"] == ["/data", "/rel", "/there"]
    assert configuration["labels"] == {"org.example.a": "1=2", "empty": ""}
    assert configuration["healthcheck"] == {"test": ["CMD-SHELL", "true"], "interval": 30000000, "timeout": 1000000, "retries": 3}
    assert (configuration["stop-signal"], configuration["working-directory"]) == (signal.SIGRTMAX - 2, "/work/deep")
    # A service that is started anew reads the same from its records.
    world.restart()
    assert alice.get(alice.manager("GetImage", "(s)", "says")[0], IMAGE, "Configuration") == configuration


def test_directories_are_made(alice, put):
    """Root's, with mode 0755, whoever the user is; what the image has stays as it is."""
    put(bundles.saying(bundles.owned("there", 33, 34, 0o2770), bundles.owned("there/file", 33, 34, 0o640, b"x"), ("link", "/real"), ("real", None),
                       **{**FULL, "Volumes": {"/data/in": {}, "/there": {}, "/link/below": {}, "/tmp/mine": {}, "/etc/passwd": {}}}))
    out = said(alice, "id -u; pwd; stat -c '%n %u:%g %a' /work /work/deep /data /data/in /there /there/file /real/below /tmp/mine")
    assert out.split("\n") == ["33", "/work/deep", "/work 0:0 755", "/work/deep 0:0 755", "/data 0:0 755", "/data/in 0:0 755",
                               "/there 33:34 2770", "/there/file 33:34 640", "/real/below 0:0 755", "/tmp/mine 0:0 755"]
    # One of the owner's, too.
    assert said(alice, "pwd; stat -c '%u %a' .", working_directory="/a/b") == "/a/b\n0 755"
    path = alice.create("c1", "says", working_directory="/etc/passwd/x")
    assert alice.error(path, CONTAINER, "Start", "(a{sv})", {}, timeout=60) == "StartFailed"


def test_SUP_07_open_files_are_no_directories(world, alice, put):
    """What starts the first process has files of the machine's open, and nothing leads to one of these."""
    put(bundles.saying(("link", "/proc/self/fd"), ("proc-link", "/proc/self/cwd"), Volumes={"/link/11/mine": {}}))
    for directory in (*(f"/proc/self/fd/{n}" for n in range(3, 32)), "/link/11", "/proc/1/fd/11", "/proc-link", "/proc/self/root"):
        path = alice.create("c1", "says", entrypoint=["/bin/ls"], command=["../.."], working_directory=directory)
        assert alice.error(path, CONTAINER, "Start", "(a{sv})", {}, timeout=60) == "StartFailed", directory
        assert "working directory" in alice.text
        alice.delete(path)
    assert not list(world.group.glob("**/mine"))


GROUPS = bundles.owned("etc/group", content=b"root:x:0:\nwww:x:33:\nadm:x:4:www\nweb:x:50:www,root\n")


@pytest.mark.parametrize("user,wanted", [
    ("", "0 0 0 50"), ("www", "33 33 33 4 50"), ("33", "33 33 33 4 50"), ("www:", "33 33 33 4 50"), ("33:", "33 33 33 4 50"), (":4", "0 4 4"),
    (":web", "0 50 50"), ("www:adm", "33 4 4"), ("33:7", "33 7 7"), ("www:33", "33 33 33"), ("1234", "1234 0 0"), ("1234:", "1234 0 0"),
    ("1234:adm", "1234 4 4"), ("1234:1234", "1234 1234 1234"), (":", "0 0 0 50")])
def test_users(alice, put, user, wanted):
    put(bundles.saying(GROUPS, User=user))
    shown = "echo $(id -u) $(id -g) $(id -G)"
    assert said(alice, shown) == wanted
    if user:
        # The same in the owner's own words, over what another image says.
        put(bundles.saying(GROUPS, User="77"), "other")
        assert said(alice, shown, "other", user=user) == wanted


@pytest.mark.parametrize("user,reason", [("nobody", "no such user"), ("www:wheel", "no such group"), ("70000", "65535"), ("33:70000", "65535")])
def test_nobody_is_called_so(alice, put, user, reason):
    put(bundles.saying(User=user))
    path = alice.create("c1", "says")
    assert alice.error(path, CONTAINER, "Start", "(a{sv})", {}, timeout=60) == "NoSuchUser"
    assert f'"{user}"' in alice.text and "image says" in alice.text and "--user" in alice.text and reason in alice.text
    assert said(alice, "id -u", name="c2", user="0") == "0"
    other = alice.create("c3", "says", user="0", entrypoint=["/bin/sleep"], command=["1000"])
    alice.start(other)
    assert alice.error(other, CONTAINER, "Exec", "(asaha{sv})", ["id"], [], variants({"user": "her"})) == "NoSuchUser"
    assert '"her"' in alice.text and "image" not in alice.text


def test_environment(alice, put):
    put(bundles.saying(Env=["A=1", "PATH=/old", "my.own-name=1", "A=2", "PATH=/bin", "HOME", "GONE=1", "GONE"]))
    # Not through a shell, which forgets names that it could not say.
    path = alice.create("c1", "says", entrypoint=["/bin/env"], environment=["B=1", "B=2", "A"])
    seen = dict(line.split("=", 1) for line in stdio_of(alice, path).decode().strip().split("\n"))
    alice.delete(path)
    assert seen["PATH"] == "/bin" and seen["my.own-name"] == "1" and seen["B"] == "2"
    assert not {"A", "HOME", "GONE"} & set(seen)
    put(bundles.saying(Env=[]), "bare")
    assert "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" in said(alice, "/bin/env", "bare").split("\n")


@pytest.mark.parametrize("settings,options,wanted", [
    ({"Entrypoint": "/bin/echo", "Cmd": ["a b"]}, {}, b"a b\n"),
    ({"Entrypoint": ["/bin/sh", "-c", "echo $0 $HOME"], "Cmd": None}, {}, b"/bin/sh /root\n"),
    ({"Entrypoint": [""], "Cmd": ["/bin/echo", "x"]}, {}, b"x\n"),
    ({"Entrypoint": None, "Cmd": ["/bin/sh", "-c", "echo a  b"]}, {}, b"a b\n"),
    ({"Entrypoint": ["/bin/echo"], "Cmd": ["no"]}, {"entrypoint": [], "command": ["/bin/echo", "y"]}, b"y\n"),
    ({"Entrypoint": ["/bin/false"], "Cmd": ["no"]}, {"entrypoint": [""], "command": ["/bin/echo", "y"]}, b"y\n")])
def test_commands(alice, put, settings, options, wanted):
    put(bundles.saying(**settings))
    assert stdio_of(alice, alice.create("c1", "says", **options)) == wanted


@pytest.mark.parametrize("said,number", [("sigint", signal.SIGINT), ("RTMIN+3", signal.SIGRTMIN + 3), ("SIGRTMAX-2", signal.SIGRTMAX - 2), ("Winch", signal.SIGWINCH),
                                         ("10", signal.SIGUSR1)])
def test_stop_signals(alice, put, said, number):
    script = f"trap 'exit 7' {int(number)}; : >/ready; while :; do sleep 0.05; done"
    put(bundles.saying(StopSignal=said, Cmd=["/bin/sh", "-c", script]))
    path = alice.create("c1", "says")
    alice.start(path)
    wait(lambda: alice.execute(path, "/bin/ls", "/ready")[1] == (0, 0))
    alice.stop(path, timeout=20)
    assert alice.get(path, CONTAINER, "LastExit") == (7, 0)


BYTES = b"\xff\xfe=\x80 \xc3("


def test_what_is_not_utf8(world, alice, put):
    put(bundles.saying())
    options = {"command": GLib.Variant("aay", [b"-c", b'echo "$0 $1 $V"; pwd', b"\xff", b"\xe9\0"]), "entrypoint": ["/bin/sh"],
               "environment": GLib.Variant("aay", [b"V=\xfe", b"W=ok"]), "working_directory": GLib.Variant("ay", b"/d\xe9")}
    path = alice.create("c1", "says", **options)
    # Records keep it; on the bus what is no text is shown as a mark.
    world.restart()
    assert alice.get(path, CONTAINER, "Command")[3:] == ["\ufffd", "\ufffd"]
    assert stdio_of(alice, path) == b"\xff \xe9 \xfe\n/d\xe9\n"
    other = alice.create("c2", "says", entrypoint=["/bin/sleep"], command=["1000"])
    alice.start(other)
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as file:
        process = alice.call(other, CONTAINER, "Exec", "(asaha{sv})", [], [0, 0, 0], variants({
            "argv": GLib.Variant("aay", [b"/bin/sh", b"-c", b'echo "$0$V"', BYTES]), "environment": GLib.Variant("aay", [b"V=\xe9"])}), fds=[writer])[0]
        os.close(writer)
        assert file.read() == BYTES + b"\xe9\n"
    shown = alice.get(process, PROCESS, "Argv")[3]
    assert "\ufffd" in shown and [c for c in shown if c != "\ufffd"] == list("= (")
    for argv, option in ((["true"], ["true"]), ([], []), ([], [""])):
        assert alice.error(other, CONTAINER, "Exec", "(asaha{sv})", argv, [], variants({"argv": option})) == "InvalidArgs"


def test_as_long_as_the_kernel_takes(alice, put):
    put(bundles.saying())
    path = alice.create("c1", "says", entrypoint=["/bin/sleep"], command=["1000"])
    alice.start(path)
    longest = "x" * (128 * 1024 - 1)
    assert alice.execute(path, "sh", "-c", "echo ${#1}", "sh", longest)[0] == f"{len(longest)}\n"
    assert alice.execute(path, "sh", "-c", "echo ${#1}${#2}", "sh", longest, "y" * 120000)[0] == f"{len(longest)}120000\n"
    assert alice.error(path, CONTAINER, "Exec", "(asaha{sv})", ["echo", longest + "x"], [], {}) == "StartFailed"
    assert "too long" in alice.text
    assert alice.error(path, CONTAINER, "Exec", "(asaha{sv})", ["echo", longest, longest], [], {}) == "LimitsExceeded"
    assert str(256 * 1024) in alice.text
    # Of a first process as well, with what the image says on top.
    assert stdio_of(alice, alice.create("c2", "says", entrypoint=["/bin/sh"], command=["-c", "echo ${#1}${#2}", "sh", longest, "y" * 120000])) == \
        f"{len(longest)}120000\n".encode()


def test_free_ports(alice, put):
    put(bundles.saying(Cmd=["/bin/sleep", "1000"]))
    path = alice.create("c1", "says")
    for inside, protocol in ((80, "tcp"), (81, "tcp"), (80, "udp")):
        alice.call(path, CONTAINER, "AddPort", "(sqqa{sv})", protocol, 0, inside, {})
    ports = alice.get(path, CONTAINER, "Ports")
    assert sorted((protocol, inside) for protocol, _, inside, _ in ports) == [("tcp", 80), ("tcp", 81), ("udp", 80)]
    assert all(host >= 49152 for _, host, _, _ in ports) and len({(protocol, host) for protocol, host, _, _ in ports}) == 3
    assert alice.error(path, CONTAINER, "AddPort", "(sqqa{sv})", "tcp", 0, 0, {}) == "InvalidArgs"

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests in the throwaway host share: containers as JSON, terminals, what is left behind."""

import fcntl
import json
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

USERS = ("alice", "bob", "carol")
UID = {"alice": 1000, "bob": 1001, "carol": 1002}
STATE = "var/lib/bothy"
FIRST_ID = 1073741824


def until(condition, seconds=10, what=None):
    """Waits for something to become true, and gives it. WHAT may be a function, for what is to be said at the end."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what or condition}")
        time.sleep(0.05)


def info(host, name, user="alice"):
    return json.loads(host.output(user, "bothy", "info", name, "--json"))


def steady(container):
    """What does not change by itself; addresses come when they come."""
    return {key: value for key, value in container.items() if key not in ("addresses", "networkError")}


def state(host, name, user="alice"):
    return info(host, name, user)["state"]


def names(host, user="alice"):
    return host.output(user, "bothy", "list", "--quiet").split()


def everybodys(host):
    """The containers of all users, as JSON."""
    return json.loads(host.output("root", "bothy", "list", "--all", "--json"))


def tidy_up(host):
    """No container is left, of anybody's."""
    left = everybodys(host)
    for user in USERS:
        named = [container["name"] for container in left if container["owner"] == UID[user]]
        if named:
            host.run(user, "bothy", "delete", "--force", *named, check=True)


@pytest.fixture(autouse=True)
def tidy(request):
    """The common host is without containers after each test that uses it."""
    yield
    if "host" in request.fixturenames:
        tidy_up(request.getfixturevalue("host"))


def broker(host):
    """The pid of bothyd inside the host."""
    return int(host.output("root", "systemctl", "show", "-p", "MainPID", "--value", "bothyd"))


def broker_again(host, old):
    """Waits for the bothyd after this one, which answers."""
    host.run("alice", "until bothy list >/dev/null 2>&1; do sleep 0.1; done", check=True, timeout=20)
    return until(lambda: (broker(host) not in (0, old)) and broker(host), what="another bothyd")


def supervisor(host, container):
    """The pid of a container's supervisor: the parent of its first process."""
    return int(host.output("root", "ps", "-o", "ppid=", "-p", str(container["leader"])))


def processes(host, container):
    """pids of the host that have ids of the container."""
    base, count = container["rangeBase"], container["rangeCount"]
    found = []
    for line in host.output("root", "ps -eo pid=,uid=").splitlines():
        pid, uid = map(int, line.split())
        if base <= uid < base + count:
            found.append(pid)
    return found


def tree(host):
    """What is on disk, without what lies inside of images and containers."""
    root = host.root / STATE
    found = set()
    for top in "containers", "images", "layers", "trash":
        for entry in (root / top).iterdir():
            found.add(f"{top}/{entry.name}")
    return found


# What there is, all at one time: a scope that is kept ready expires.
SNAPSHOT = """
bothy list --all --json
for user in alice bob carol; do
  echo --
  setpriv --reuid $user --regid $user --init-groups bothy image list --json
done
echo --
systemctl show --property Id,Slice,Description 'bothy-*.scope'
echo --
ps -eo pid=,uid=,comm=
"""


def snapshot(host):
    """Containers (as JSON), fingerprints of images, units of systemd's (as properties), and lines of ps."""
    listed, *images, units, programs = host.output("root", SNAPSHOT).split("--\n")
    return {
        "containers": json.loads(listed),
        "images": {image["fingerprint"] for text in images for image in json.loads(text)},
        "units": [dict(line.split("=", 1) for line in unit.splitlines()) for unit in units.strip().split("\n\n") if unit],
        "programs": programs.splitlines(),
    }


def unit_of(container):
    return container["controlGroup"].rpartition("/")[2]


def spare_units(host, now=None):
    """Scopes that bothyd keeps ready, one for each user at most. One that a container just got looks the same."""
    now = now or snapshot(host)
    taken = {unit_of(container) for container in now["containers"]}
    ready = [unit for unit in now["units"] if unit["Description"] == "Bothy: kept ready" and unit["Id"] not in taken]
    slices = {unit["Slice"] for unit in ready}
    return [unit["Id"] for unit in ready] if len(slices) == len(ready) else []


def parser_units(now):
    """Scopes of users' parsers, one for each user at most."""
    units = [unit for unit in now["units"] if unit["Description"] == "Bothy: parsers"]
    return [unit["Id"] for unit in units] if len({unit["Slice"] for unit in units}) == len(units) else []


def leftovers(host):
    """Everything that belongs to containers which do not run, or do not exist: should be empty."""
    now = snapshot(host)
    known = {container["id"] for container in now["containers"]}
    running = {container["id"]: unit_of(container) for container in now["containers"]
               if container["state"] in ("running", "frozen")}
    images, programs = now["images"], now["programs"]
    layers = {id for record in (host.root / STATE / "images").glob("*/image") for line in record.read_text().splitlines()
              if line.startswith("Layers=") for id in line[7:].split(";")}
    wrong = []
    for path in sorted(tree(host)):
        top, name = path.split("/")
        if name not in {"containers": known, "images": images, "layers": layers, "trash": ()}[top]:
            wrong.append(path)
    for path in (host.root / STATE / "ranges").iterdir():
        if not path.name.isdigit():
            wrong.append(f"ranges/{path.name}")
    for path in (host.root / "run/bothy/supervisors").iterdir():
        if path.name not in running:
            wrong.append(f"socket {path.name}")
    ready, parsers = spare_units(host, now), parser_units(now)
    # Several at once may still be on their way out.
    wrong += [f"unit {unit}" for unit in now["units"] if unit["Id"] not in {*running.values(), *ready, *parsers}]
    supervisors = [line for line in programs if "bothy-supervis" in line]
    if len(supervisors) != len(running):
        wrong.append(f"{len(supervisors)} supervisors of {len(running)} containers: {supervisors}")
    wrong += [f"process {line}" for line in programs if "bothy-unpack" in line]
    holders = [line for line in programs if "bothy-hold" in line]
    if len(holders) != len(ready) + len(parsers):
        wrong.append(f"{len(holders)} holders of {len(ready)} scopes that are kept ready and {len(parsers)} of parsers")
    if not running:
        wrong += [f"process {line}" for line in programs if int(line.split()[1]) >= FIRST_ID]
    return wrong


def nothing_left(host, seconds=8):
    """Nothing is left behind; what is removed in the background has some time for it, and several looks."""
    end, looks = time.monotonic() + seconds, 0
    while True:
        wrong = leftovers(host)
        if not wrong:
            return
        looks += 1
        if looks >= 5 and time.monotonic() > end:
            raise AssertionError("left behind: " + ", ".join(wrong))
        time.sleep(0.1)


def asked_of_net(host):
    """Whether bothy-net has something to read."""
    sockets = host.output("root", "ss -xnH state connected src /run/bothy/net.sock").splitlines()
    return any(int(line.split()[2]) for line in sockets)


def descendants(pid):
    """pids, on the machine, of all that a process of ours started."""
    found = []
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], stdout=subprocess.PIPE, text=True).stdout
    for child in map(int, children.split()):
        found += [child, *descendants(child)]
    return found


class Terminal:
    """A command of a user's on a terminal."""

    def __init__(self, host, user, *command, session=None, rows=24, columns=80):
        self.master, slave = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.text = ""
        self.code = None

        def control():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(host.command(user, *command, session=session, terminal=bool(session)),
                                        stdin=slave, stdout=slave, stderr=slave, preexec_fn=control, close_fds=True)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def pump(self, seconds):
        if select.select([self.master], [], [], seconds)[0]:
            try:
                self.text += os.read(self.master, 65536).decode(errors="replace")
            except OSError:
                pass

    def expect(self, pattern, seconds=15):
        """Waits for a text, gives the match, and forgets what came up to there."""
        end = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self.text)
            if match:
                self.text = self.text[match.end():]
                return match
            if time.monotonic() > end:
                raise AssertionError(f"{pattern!r} does not come: {self.text!r}")
            self.pump(0.1)

    def send(self, text):
        os.write(self.master, text.encode())

    def wait(self, seconds=20):
        """The exit status."""
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            self.pump(0.05)
            if time.monotonic() > end:
                raise AssertionError(f"it does not end: {self.text!r}")
        self.pump(0)
        return self.process.returncode

    @property
    def restored(self):
        """Whether the terminal's settings are those of before."""
        return termios.tcgetattr(self.slave) == self.before

    @property
    def raw(self):
        return not termios.tcgetattr(self.slave)[3] & (termios.ICANON | termios.ECHO)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            for pid in descendants(self.process.pid):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.process.kill()
            self.process.wait()
        os.close(self.slave)
        os.close(self.master)


def own_children(host, user, name):
    """pids, inside the host, of a user's programs of that name."""
    return [int(pid) for pid in host.run("root", "pgrep", "-u", user, "-x", name).stdout.split()]


def put(host, path, source):
    """Copies a file of the machine's into the host, readable for all."""
    target = pathlib.Path(host.root, str(path).lstrip("/"))
    with open(source, "rb") as reader, open(target, "wb") as writer:
        while chunk := reader.read(1 << 20):
            writer.write(chunk)
    target.chmod(0o644)
    return target

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host with a screen that nobody sees, on which alice uses the application; driver.c is her hand and eye."""

import os
import pathlib
import shutil
import socket
import subprocess
import time

import pytest

from host.conftest import Host, staged

DISPLAY = ":7"
SESSION = f"""
set -eu
Xvfb {DISPLAY} -screen 0 1400x1000x24 -nolisten tcp &
export DISPLAY={DISPLAY} GDK_BACKEND=x11 GSK_RENDERER=cairo LIBGL_ALWAYS_SOFTWARE=1 NO_AT_BRIDGE=1 GTK_A11Y=none
export BOTHY_APP_DRIVER=/run/user/1000/driver LD_PRELOAD=/usr/lib/bothy-app-driver.so
export G_DEBUG=fatal-criticals
dbus-update-activation-environment DISPLAY GDK_BACKEND GSK_RENDERER LIBGL_ALWAYS_SOFTWARE NO_AT_BRIDGE GTK_A11Y \
  BOTHY_APP_DRIVER LD_PRELOAD G_DEBUG
unset LD_PRELOAD
until xdpyinfo >/dev/null 2>&1; do sleep 0.05; done
openbox &
touch /run/user/1000/screen
wait
"""


def wait_for(test, what, seconds=30):
    """Waits until test() is true, and gives what it gave."""
    end = time.monotonic() + seconds
    while not (value := test()):
        assert time.monotonic() < end, f"not in time: {what() if callable(what) else what}"
        time.sleep(0.05)
    return value


class App:
    """The application of alice on a host's screen."""

    def __init__(self, host):
        self.host = host
        self.connection = None
        runtime = host.root / "run/user/1000"
        driver = pathlib.Path(os.environ.get("BOTHY_BUILD") or f"{host.stage}/../build") / "tests/app/bothy-app-driver.so"
        shutil.copy(driver, host.root / "usr/lib/bothy-app-driver.so")
        self.session = subprocess.Popen(host.command("alice", "sh", "-c", SESSION, session="active"),
                                        stdin=subprocess.DEVNULL, start_new_session=True)
        wait_for((runtime / "screen").exists, "a screen")

    def action(self, name, *parameters):
        """Has the bus start the application, if it does not run, and do one of its actions, as the shell's menu does."""
        values = ", ".join(f"<{parameter!r}>" for parameter in parameters)
        self.host.run("alice", "gdbus", "call", "--session", "--dest", "org.bothy.Bothy", "--object-path", "/org/bothy/Bothy",
                      "--method", "org.freedesktop.Application.ActivateAction", name, f"[{values}]", "{}", check=True)

    def activate(self):
        self.host.run("alice", "gdbus", "call", "--session", "--dest", "org.bothy.Bothy", "--object-path", "/org/bothy/Bothy",
                      "--method", "org.freedesktop.Application.Activate", "{}", check=True)

    def ask(self, command):
        """What driver.c answers."""
        if self.connection is None:
            connection = socket.socket(socket.AF_UNIX)
            path = self.host.root / "run/user/1000/driver"
            # The path through /proc may be longer than an address of a socket.
            directory = os.open(path.parent, os.O_PATH)
            wait_for(path.exists, "the application")
            wait_for(lambda: not connection.connect_ex(f"/proc/self/fd/{directory}/driver"), "its answer")
            os.close(directory)
            connection.settimeout(30)
            self.connection = connection.makefile("rw")
        self.connection.write(command + "\n")
        self.connection.flush()
        answer = self.connection.readline().rstrip("\n")
        assert answer, "the application has ended"
        return answer

    def do(self, command, seconds=15):
        """Does it as soon as it can be done."""
        wait_for(lambda: self.ask(command).startswith("ok"), lambda: f"{command}: {self.ask(command)} in {self.read()}", seconds)

    def click(self, text):
        self.do(f"click {text}")

    def read(self):
        return self.ask("tree")[3:]

    def see(self, text, seconds=30):
        """Waits until TEXT can be read somewhere."""
        wait_for(lambda: text in self.read(), lambda: f"'{text}' in {self.read()}", seconds)

    def see_not(self, text, seconds=30):
        wait_for(lambda: text not in self.read(), lambda: f"no '{text}' in {self.read()}", seconds)

    def shot(self, name):
        """A picture, where pictures are wanted."""
        time.sleep(0.6)
        if directory := os.environ.get("BOTHY_PICTURES"):
            self.do(f"shot /run/user/1000/{name}.png")
            shutil.copy(self.host.root / f"run/user/1000/{name}.png", directory)

    def forget(self):
        """What comes is said to another process."""
        if self.connection:
            self.connection.close()
        self.connection = None

    def end(self):
        self.forget()
        self.host.run("alice", "pkill", "-x", "bothy-app")
        wait_for(lambda: self.host.run("alice", "pgrep", "-x", "bothy-app").returncode, "its end")
        (self.host.root / "run/user/1000/driver").unlink(missing_ok=True)

    def leave(self):
        self.end()
        self.host.run("root", "loginctl", "terminate-user", "alice")
        self.session.wait(timeout=30)


@pytest.fixture(scope="session")
def host():
    host = Host("--root", "app", stage=staged())
    yield host
    host.halt()


@pytest.fixture(scope="session")
def screen(host):
    app = App(host)
    yield app
    app.leave()


@pytest.fixture
def app(screen):
    """The application with its window open, and nothing of alice's there but what the test makes."""
    screen.activate()
    yield screen
    screen.end()
    for name in screen.host.output("alice", "bothy list -q").split():
        screen.host.run("alice", "bothy", "delete", "--force", name)

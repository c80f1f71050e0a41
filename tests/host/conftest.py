# SPDX-License-Identifier: LGPL-2.1-or-later
"""The throwaway host as a fixture; see tests/README.md."""

import os
import pathlib
import subprocess
import tempfile
import time

import pytest

HERE = pathlib.Path(__file__).parent


class Host:
    """A running throwaway host."""

    def __init__(self, *options, stage=None):
        self.stage = stage
        self.boot(*options)

    def boot(self, *options):
        command = [HERE / "boot", *options]
        if self.stage:
            command += ["--stage", self.stage]
        if os.environ.get("BOTHY_HOST_SUITE"):
            command += ["--suite", os.environ["BOTHY_HOST_SUITE"]]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=600)
        if done.returncode:
            raise RuntimeError("the throwaway host does not boot")
        self.handle = pathlib.Path(done.stdout.strip())

    @property
    def init(self):
        """The pid of the host's systemd, on the machine."""
        return int((self.handle / "init").read_text().split()[0])

    @property
    def root(self):
        """The host's file system, to read and write from outside."""
        return pathlib.Path(f"/proc/{self.init}/root")

    def command(self, user, *command, session=None, env=None, cwd=None, terminal=False):
        """The command line, for subprocess.Popen, that runs a command in the host."""
        words = [HERE / "enter", self.handle, "-u", user]
        if session:
            words += ["-s", session]
        if terminal:
            words += ["-t"]
        if cwd:
            words += ["-d", cwd]
        for name, value in (env or {}).items():
            words += ["-e", f"{name}={value}"]
        return [str(word) for word in (*words, "--", *command)]

    def run(self, user, *command, session=None, env=None, cwd=None, check=False, input=None, timeout=60, text=True,
            pass_fds=()):
        """Runs a command as a user; one string is a line of shell. Gives a CompletedProcess."""
        if len(command) == 1:
            command = ("sh", "-c", command[0])
        extra = {"input": input} if input is not None else {"stdin": subprocess.DEVNULL}
        done = subprocess.run(self.command(user, *command, session=session, env=env, cwd=cwd), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=text, timeout=timeout, pass_fds=pass_fds, **extra)
        if check and done.returncode:
            raise AssertionError(f"{command} as {user}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def output(self, user, *command, **options):
        """What a command that must succeed prints, without the last newline."""
        return self.run(user, *command, check=True, **options).stdout.rstrip("\n")

    def write(self, path, text, mode=0o644):
        """Makes a file in the host, owned by root."""
        file = self.root / str(path).lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def reboot(self):
        """Shuts it down as its systemd does it, and boots anew with what is in /var/lib/bothy; all else is forgotten."""
        init = pathlib.Path(f"/proc/{self.init}")
        self.run("root", "systemctl", "--no-block", "poweroff", check=True)
        end = time.monotonic() + 60
        while init.exists():
            assert time.monotonic() < end, "it does not shut down"
            time.sleep(0.05)
        with tempfile.TemporaryDirectory(dir=self.handle.parent) as kept:
            state = pathlib.Path(kept) / "state"
            (self.handle / "state").rename(state)
            self.halt()
            self.boot("--state", str(state))

    def halt(self):
        subprocess.run([HERE / "halt", self.handle], check=True, timeout=60)


def staged():
    """The built tree: what tests/run says, or else built now."""
    stage = os.environ.get("BOTHY_STAGE")
    if stage:
        return stage
    command = [HERE / "build", "-D", "fault_points=true"]
    if os.environ.get("BOTHY_HOST_SUITE"):
        command += ["--suite", os.environ["BOTHY_HOST_SUITE"]]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip() + "/stage"


@pytest.fixture(scope="session")
def host():
    """One host with Bothy installed, for all tests of a run: clean up after yourself."""
    host = Host(stage=staged())
    yield host
    host.halt()


@pytest.fixture
def fresh_host():
    """Boots hosts of the test's own: fresh_host("--state-size", "64M")."""
    hosts = []

    def boot(*options, stage=True):
        hosts.append(Host(*options, stage=staged() if stage else None))
        return hosts[-1]

    yield boot
    for host in hosts:
        host.halt()

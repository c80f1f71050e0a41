# SPDX-License-Identifier: LGPL-2.1-or-later
"""The service on a bus of its own, as fixtures.

A world is a mount and a control group namespace with empty directories for Bothy's state, a real dbus-daemon with our
policy, a polkit that does as it is told, and bothyd. What is built with sanitizers is installed in /usr by tests/run.
"""

import hashlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import pytest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))

import wire  # noqa: E402
from polkit import Polkit  # noqa: E402

LIBEXEC = pathlib.Path(os.environ.get("BOTHY_LIBEXEC_DIR", "/nonexistent"))
ALICE, BOB, CAROL = 1000, 1001, 1002
# Which part of the pool ids are from: tests/run has several workers, and hosts have the first part.
POOL = 1 + int(os.environ.get("BOTHY_WORKER") or os.getpid()) % 15
# A command that says when it is ready to be told to stop.
TRAP = ["sh", "-c", "trap 'exit 3' TERM PWR; touch /tmp/ready; while :; do sleep 0.05; done"]

BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <auth>EXTERNAL</auth>
  <listen>unix:path={socket}</listen>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
    <allow send_destination="org.freedesktop.PolicyKit1"/>
    <allow send_destination="org.freedesktop.NetworkManager"/>
    <allow send_destination="org.freedesktop.machine1"/>
  </policy>
  <policy user="root">
    <allow own="org.freedesktop.PolicyKit1"/>
    <allow own="org.freedesktop.NetworkManager"/>
    <allow own="org.freedesktop.machine1"/>
  </policy>
  <policy user="polkitd">
    <allow own="org.freedesktop.PolicyKit1"/>
  </policy>
  <limit name="max_connections_per_user">2000</limit>
  <limit name="max_match_rules_per_connection">512</limit>
  <include>/usr/share/dbus-1/system.d/org.bothy.Bothy1.conf</include>
</busconfig>
"""

# What a world looks like from inside; $1 is its directory, $2 the size of the state's file system.
SET_UP = r"""
for directory in /etc /var/lib; do
  name=$(echo "$directory" | tr / -)
  mkdir -p "$1/layers/upper$name" "$1/layers/work$name"
  mount -t overlay -o "lowerdir=$directory,upperdir=$1/layers/upper$name,workdir=$1/layers/work$name" world "$directory"
done
mkdir -p /var/lib/bothy /etc/bothy
mount -t tmpfs -o "mode=0755" world /run
mkdir -m 0711 /run/bothy
mkdir -m 0755 /run/userdb
mount -t tmpfs -o "mode=0700,size=$2" world /var/lib/bothy
# Not at once where it belongs: a file system is not mounted on itself.
mkdir "$1/layers/cgroup"
mount -t cgroup2 world "$1/layers/cgroup"
mount --bind "$1/layers/cgroup" "$3"
rm -f /etc/bothy/bothyd.conf
# dbus-daemon serves nobody without an account.
printf '%s\n' root:x:0:0::/root:/bin/sh alice:x:1000:1000::/:/bin/sh bob:x:1001:1001::/:/bin/sh \
  carol:x:1002:1002::/:/bin/sh dave:x:100:100::/:/bin/sh erin:x:10000:10000::/:/bin/sh \
  nobody:x:65534:65534::/:/bin/sh polkitd:x:990:990::/:/bin/sh >/etc/passwd
printf '%s\n' root:x:0: alice:x:1000: bob:x:1001: carol:x:1002: dave:x:100: erin:x:10000: nogroup:x:65534: \
  polkitd:x:990: >/etc/group
printf '%s\n' 'passwd: files' 'group: files' >/etc/nsswitch.conf
rm -f /etc/subuid /etc/subgid
if [ -n "$4" ]; then
  mount --bind "$4" /usr/libexec/bothy/bothy-unpack
  mount --bind "${4%/*}/bothy-pack" /usr/libexec/bothy/bothy-pack
  mount --bind "${4%/*}/bothy-bundle" /usr/libexec/bothy/bothy-bundle
fi
echo ready
exec sleep infinity
"""


def pytest_addoption(parser):
    # How much of a comparison is shown: pytest's own reporter, which lines.py replaces, would have it.
    try:
        parser.addoption("--comparisons", dest="verbose", type=int, default=1)
    except ValueError:
        pass


def cgroup2_mount():
    for candidate in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
        if os.path.exists(candidate + "/cgroup.procs") and os.path.exists(candidate + "/cgroup.controllers"):
            return pathlib.Path(candidate)
    raise RuntimeError("there is no cgroup2 mount")


def plain_unpacker():
    """bothy-unpack, and bothy-pack and bothy-bundle beside it, without sanitizers: they bound their own address space, of
    which these take terabytes. What bothy-bundle reads is watched in fuzz-bundle."""
    command = [HERE.parent / "host/build", "--name", "plain", "-D", "fault_points=true"]
    built = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    kept = pathlib.Path(tempfile.mkdtemp(prefix="bothy-unpack-")) / "bothy-unpack"
    for program in "bothy-unpack", "bothy-pack", "bothy-bundle":
        shutil.copy2(f"{built}/stage/usr/libexec/bothy/{program}", kept.with_name(program))
    return kept


class AtMost(int):
    """Is equal to what is as much or more: what was open before may be closed since."""

    def __eq__(self, before):
        return int(self) <= int(before)

    def __ne__(self, before):
        return not self == before

    __hash__ = int.__hash__


class World:
    """A bus with Bothy on it."""

    def __init__(self, unpacker, config="", state_size="512M", polkit="mock", start=True, environment=None):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="bothy-bus-"))
        self.directory.chmod(0o755)
        layers = self.directory / "layers"
        layers.mkdir()
        self.clients, self.daemons, self.polkit, self.service, self.polkitd = [], [], None, None, None
        self.environment = environment or {}
        self.expected = []
        self.digests = {}
        self.group = cgroup2_mount() / f"bothy-test-{os.getpid()}-{self.directory.name}"
        self.group.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64M", "bothy-bus", layers], check=True)
        self.holder = subprocess.Popen(
            ["sh", "-c", 'echo $$ >"$0/cgroup.procs"; exec "$@"', self.group,
             "unshare", "--mount", "--cgroup", "--propagation", "private",
             "sh", "-euc", SET_UP, "world", self.directory, state_size, cgroup2_mount(), unpacker],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "ready\n":
            raise RuntimeError("no namespaces for the test")
        self.root = pathlib.Path(f"/proc/{self.holder.pid}/root")
        self.state, self.run = self.root / "var/lib/bothy", self.root / "run/bothy"
        self.address = str(self.directory / "bus")
        try:
            self.configure(config)
            self.start_bus()
            if polkit == "mock":
                self.polkit = Polkit(self.address)
            elif polkit == "real":
                self.start_polkitd()
            if start:
                self.start()
        except BaseException:
            self.clean_up()
            raise

    def configure(self, text):
        """Writes bothyd.conf, with ids of this run's part of the pool."""
        pool = "" if "[Ranges]" in text else f"[Ranges]\nBase={0x40000000 + POOL * 0x2000000}\nCount=512\n"
        (self.root / "etc/bothy/bothyd.conf").write_text("[Service]\nIdleSeconds=0\n" + pool + text)

    # ---- processes ----

    def command(self, *words):
        """The words that run a command inside."""
        return ["sh", "-c", 'echo $$ >"$0/cgroup.procs"; exec "$@"', str(self.group), "nsenter",
                f"--target={self.holder.pid}", "--mount", "--cgroup", "--", *map(str, words)]

    def inside(self, *words, **options):
        return subprocess.run(self.command(*words), check=True, text=True, stdout=subprocess.PIPE, **options).stdout

    def start_bus(self):
        config = self.directory / "bus.conf"
        config.write_text(BUS_CONFIG.format(socket=self.address))
        daemon = subprocess.Popen(
            self.command("dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile", "--print-address"),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        if not daemon.stdout.readline().startswith("unix:"):
            raise RuntimeError("no dbus-daemon")
        self.bus_daemon = daemon
        self.daemons.append(daemon)

    def start_polkitd(self):
        for directory in ("etc/polkit-1", "etc/polkit-1/rules.d"):
            (self.root / directory).mkdir(exist_ok=True)
            (self.root / directory).chmod(0o755)
        self.polkitd = subprocess.Popen(
            self.command("/usr/lib/polkit-1/polkitd", "--no-debug"), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.address}"})
        self.daemons.append(self.polkitd)
        self.wait_owner("org.freedesktop.PolicyKit1")

    def wait_owner(self, name, timeout=60):
        with wire.Client(self.address, 0) as client:
            wire.wait(lambda: client.bus("NameHasOwner", "(s)", name)[0] or self.check_alive(), timeout)

    def check_alive(self):
        if self.service and self.service.poll() is not None:
            raise RuntimeError(f"bothyd ended: {self.service.returncode}\n{self.log()}")
        return False

    @property
    def log_path(self):
        return self.directory / "bothyd.log"

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def spawn(self, **environment):
        """Another bothyd."""
        variables = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.address}",
                     "G_DEBUG": "fatal-criticals", **self.environment, **environment}
        with open(self.log_path, "ab") as log:
            return subprocess.Popen(self.command(LIBEXEC / "bothyd"), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    env=variables, start_new_session=True)

    def start(self, wait=True, **environment):
        self.service = self.spawn(**environment)
        if wait:
            self.wait_owner(wire.NAME)

    def stop(self, number=signal.SIGTERM, timeout=20):
        """Ends bothyd; gives its status."""
        self.service.send_signal(number)
        status = self.service.wait(timeout)
        self.service = None
        with wire.Client(self.address, 0) as client:
            wire.wait(lambda: not client.bus("NameHasOwner", "(s)", wire.NAME)[0])
        return status

    def restart(self, number=signal.SIGTERM):
        self.stop(number)
        self.start()

    @property
    def pid(self):
        return self.service.pid

    def client(self, uid, **options):
        client = wire.Client(self.address, uid, **options)
        self.clients.append(client)
        return client

    def add_account(self, uid):
        with open(self.root / "etc/passwd", "a") as file:
            file.write(f"u{uid}:x:{uid}:{uid}::/:/bin/sh\n")

    # ---- looking ----

    def n_fds(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def settled_fds(self):
        """How many fds bothyd has when nothing is under way any more."""
        with wire.Client(self.address, 0) as client:
            last, since = -1, time.monotonic()
            while time.monotonic() - since < 0.2:
                client.call(wire.ROOT, wire.PEER, "Ping")
                now = self.n_fds()
                if now != last:
                    last, since = now, time.monotonic()
                time.sleep(0.02)
            return last

    def rss(self):
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) * 1024

    def records(self):
        """What is in the state directory: files with their contents, but for what images have inside and what only
        tells what was done."""
        found = {}
        for path, directories, files in os.walk(self.state):
            where = pathlib.Path(path).relative_to(self.state)
            if where.name in ("tree", "rootfs", "data"):
                directories.clear()
                files = []
            found[str(where)] = "directory"
            for name in files:
                file = pathlib.Path(path) / name
                if name in ("console.log", "history"):
                    continue
                try:
                    found[str(where / name)] = self.digest(file) if file.is_file() else "other"
                except FileNotFoundError:
                    pass  # it went meanwhile
        return found

    def digest(self, file):
        """Of its content, which is read again only where it may have changed: whole archives are among them."""
        found = file.stat()
        key = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        if key not in self.digests:
            self.digests[key] = hashlib.sha256(file.read_bytes()).hexdigest()
        return self.digests[key]

    def cgroups(self):
        """Without those of parsers, which are there for some seconds after the last."""
        return sorted(str(pathlib.Path(path).relative_to(self.group)) for path, _, _ in os.walk(self.group)
                      if "/bothy-parsers-" not in path)

    def container_groups(self):
        """Those of containers, with all below them."""
        return [group for group in self.cgroups() if re.search(r"/bothy-[0-9a-f]{8}-[0-9a-f]{4}-", group)]

    def no_container_groups(self):
        """Waits until those of containers are gone. The last process of one unmounts its overlay, which writes out
        all that the file system below has: with other tests beside it that takes as long as the disk takes."""
        try:
            wire.wait(lambda: not self.container_groups(), timeout=120)
        except TimeoutError:
            left = [(group, process, open(f"/proc/{process}/stat").read()) for group in self.container_groups()
                    for process in (self.group / group / "cgroup.procs").read_text().split()]
            raise AssertionError(f"{self.container_groups()} are left, and in them {left}") from None

    def snapshot(self):
        """All that a call which was refused must not have changed."""
        with wire.Client(self.address, 0) as root:
            # Without what goes by itself a minute after its end.
            objects = {path: interfaces for path, interfaces in root.managed().items()
                       if wire.OPERATION not in interfaces and wire.PROCESS not in interfaces}
        sockets = sorted(str(p.relative_to(self.run)) for p in self.run.rglob("*"))
        return {"records": self.records(), "run": sockets, "cgroups": self.cgroups(), "objects": objects,
                "fds": AtMost(self.settled_fds())}

    def processes(self):
        return [int(line) for path, _, _ in os.walk(self.group)
                for line in (pathlib.Path(path) / "cgroup.procs").read_text().split()]

    # ---- the end ----

    def complaints(self):
        """What the log has that nobody should see."""
        bad = re.compile(r"AddressSanitizer|runtime error|LeakSanitizer|-CRITICAL|-WARNING|-ERROR|assertion")
        return [line for line in self.log().splitlines()
                if bad.search(line) and not any(re.search(text, line) for text in self.expected)]

    def close(self):
        for client in self.clients:
            client.close()
        status = None
        if self.service and self.service.poll() is None:
            self.service.terminate()
            try:
                status = self.service.wait(20)
            except subprocess.TimeoutExpired:
                status = "hangs"
        elif self.service:
            status = self.service.returncode
        if self.polkit:
            self.polkit.close()
        self.clean_up()
        complaints, log = self.complaints(), self.log()
        shutil.rmtree(self.directory, ignore_errors=True)
        assert not complaints, "bothyd complains:\n" + "\n".join(complaints) + "\n\n" + log[-6000:]
        assert status in (None, 0), f"bothyd ended with {status}\n{log[-6000:]}"

    def clean_up(self):
        for process in [*self.daemons, self.service]:
            if process and process.poll() is None:
                process.kill()
                process.wait()
        (self.group / "cgroup.kill").write_text("1")
        self.holder.wait()
        self.holder.stdout.close()
        wire.wait(lambda: not self.processes())
        for path, _, _ in os.walk(self.group, topdown=False):
            os.rmdir(path)
        subprocess.run(["umount", "--lazy", self.directory / "layers"], check=True)


def delete(client, path):
    """Whether it is gone, or nearly; a call that is still under way keeps it for a moment."""
    try:
        client.delete(path)
    except wire.BusError as error:
        return error.short == "UnknownObject"
    return True


@pytest.fixture(scope="session")
def unpacker():
    """Also the place that says when a test is run where it can not be."""
    if os.geteuid() != 0 or not (LIBEXEC / "bothyd").exists():
        pytest.fail("run it as root, through tests/run bus")
    path = plain_unpacker()
    yield path
    shutil.rmtree(path.parent)


@pytest.fixture(scope="session")
def shared_world(unpacker):
    world = World(unpacker)
    yield world
    world.close()


def delete_volumes(world, user):
    with wire.Client(world.address, user) as client:
        for volume in client.manager("ListVolumes")[0]:
            wire.wait(lambda name=volume["name"]: client.error(wire.ROOT, wire.MANAGER, "DeleteVolume", "(s)", name) != "Busy")


@pytest.fixture
def world(shared_world):
    """The world that tests share: each leaves it without containers of its own."""
    if shared_world.service.poll() is not None:
        pytest.fail("bothyd died in an earlier test")
    shared_world.polkit.reset()
    shared_world.clients = []
    yield shared_world
    for client in shared_world.clients:
        client.close()
    shared_world.polkit.release("no")
    shared_world.polkit.reset()
    if shared_world.service.poll() is not None:
        pytest.fail("bothyd died:\n" + shared_world.log()[-6000:])
    with wire.Client(shared_world.address, 0) as root:
        for path, interfaces in root.managed().items():
            if wire.CONTAINER in interfaces:
                wire.wait(lambda: delete(root, path))
    complaints = shared_world.complaints()
    if complaints:
        shared_world.expected += [re.escape(line) for line in complaints]
        pytest.fail("bothyd complains:\n" + "\n".join(complaints))
    for user in ALICE, BOB:
        delete_volumes(shared_world, user)


@pytest.fixture
def fresh_world(unpacker):
    """Makes worlds of the test's own: fresh_world(config="[Quota]\\nContainers=2\\n")."""
    worlds = []

    def make(**options):
        worlds.append(World(unpacker, **options))
        return worlds[-1]

    yield make
    for world in worlds:
        world.close()


@pytest.fixture
def alice(world):
    return world.client(ALICE)


@pytest.fixture
def bob(world):
    return world.client(BOB)


@pytest.fixture
def root(world):
    return world.client(0)


@pytest.fixture
def box(world, alice):
    """A container of alice's that runs."""
    path = alice.create("box", command=["sleep", "1000"])
    alice.start(path)
    return path

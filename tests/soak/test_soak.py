# SPDX-License-Identifier: LGPL-2.1-or-later
"""One user does again and again what threats.md says of neighbours; another one works meanwhile, and is neither refused
nor kept waiting. BOTHY_SOAK_SECONDS is how long, BOTHY_SOAK_MEDIAN_MS what his commands may take at the median: without it, 50 ms, or
ten times of what they take alone, where the machine is slow, busy, or shares its processors without control groups."""

import collections
import json
import os
import pathlib
import select
import socket
import statistics
import subprocess
import time
import traceback

import pytest
from gi.repository import Gio, GLib

import forking
from slowfs import SlowFileSystem
from tools import info
from wire import CONTAINER, MANAGER, NAME, ROOT, Client, BusError, Gone, variants

SECONDS = int(os.environ.get("BOTHY_SOAK_SECONDS", "30"))
MEDIAN_MS = float(os.environ.get("BOTHY_SOAK_MEDIAN_MS", "0"))
SLOWER = 10
ALICE, SUBORDINATE = 1000, 100000

WORK = r"""
while :; do
  begin=$(date +%s%N)
  if said=$(bothy exec b1 -- echo fine 2>&1) && [ "$said" = fine ]; then echo "$(( ($(date +%s%N) - begin) / 1000 ))"
  else echo "refused: $said"; fi
  sleep 0.2
done
"""


class Hostile:
    """Alice. What a call of hers ends with is counted; that it ends is what matters."""

    ATTACKS = ("large_messages", "files_that_hang", "as_subordinates", "takes_ranges", "publishes_ports", "starts_and_deletes",
               "fills_disk_and_parsers")

    def __init__(self, host, slow, control):
        self.host, self.slow, self.control, self.ends = host, slow, control, collections.Counter()

    def is_enough(self, seconds=0):
        """Whether somebody says within SECONDS that it is."""
        return bool(select.select([self.control], [], [], seconds)[0])

    def run(self, name):
        """Again and again, until it is enough; then it tells what came of it."""
        while not self.is_enough():
            try:
                getattr(self, name)()
            except (BusError, Gone, OSError, subprocess.TimeoutExpired) as failure:
                self.ends[f"{name}: {type(failure).__name__}"] += 1
            except Exception:
                self.ends[f"{name} failed: {traceback.format_exc()}"] += 1
                break
        self.control.sendall(json.dumps(self.ends).encode())

    def client(self, uid=ALICE):
        return Client(self.host.root / "run/dbus/system_bus_socket", uid)

    def call(self, client, *call, **options):
        """What it returned, or None."""
        try:
            answer = client.call(*call, timeout=60, **options)
            self.ends[f"{call[2]}: done"] += 1
            return answer
        except BusError as error:
            self.ends[f"{call[2]}: {error.short}"] += 1
            return None

    def large_messages(self):
        with self.client() as alice:
            body = GLib.Variant("(av)", ([GLib.Variant("y", 1)] * (5700 << 8),))
            for _ in range(3):
                serial = alice.send(ROOT, MANAGER, "ListRemotes", body=body)
                self.ends["large: " + str(alice.message(serial, 60).get_error_name())] += 1
            message = Gio.DBusMessage.new_signal("/", "org.freedesktop.DBus", "NameOwnerChanged")
            message.set_destination(alice.bus("GetNameOwner", "(s)", NAME)[0])
            message.set_body(body)
            alice.transmit(message)

    def files_that_hang(self):
        fd = os.open(self.host.root / "run/slow/file", os.O_RDONLY)
        try:
            with self.client() as alice:
                self.slow.let_wait("bothyd")
                for _ in range(20):
                    self.call(alice, ROOT, MANAGER, "ListContainers", fds=[fd] * 16)
        finally:
            os.close(fd)
        # As long as they hang, nothing else of hers is taken that comes with files.
        self.is_enough(3)
        self.slow.let_wait("")
        self.is_enough(7)

    def as_subordinates(self):
        for uid in range(SUBORDINATE, SUBORDINATE + 20):
            with self.client(uid) as one:
                assert self.call(one, ROOT, MANAGER, "AllocateRange", "(ua{sv})", 65536, {}) is None

    def takes_ranges(self):
        with self.client() as alice:
            ranges = [self.call(alice, ROOT, MANAGER, "AllocateRange", "(ua{sv})", 65536, {}) for _ in range(40)]
            for taken in filter(None, ranges):
                self.call(alice, ROOT, MANAGER, "ReleaseRange", "(u)", taken[0])
        self.is_enough(1)

    def publishes_ports(self):
        with self.client() as alice:
            path = self.call(alice, ROOT, MANAGER, "GetContainer", "(s)", "a1")
            for member in ("AddPort", "RemovePort") if path else ():
                for port in range(20000, 20040):
                    values = ("(sqqa{sv})", "tcp", port, 80, {}) if member == "AddPort" else ("(sqa{sv})", "tcp", port, {})
                    self.call(alice, path[0], CONTAINER, member, *values)

    def starts_and_deletes(self):
        with self.client() as alice:
            paths = []
            for i in range(12):
                made = self.call(alice, ROOT, MANAGER, "CreateContainer", "(ssa{sv})", f"many{i}", "busybox",
                                 variants({"command": ["false"], "restart": "always"}))
                paths += made or ()
            for serial in [alice.send(path, CONTAINER, "Start", "(a{sv})", {}) for path in paths]:
                alice.message(serial, 200)
            for path in paths:
                self.call(alice, path, CONTAINER, "Delete", "(a{sv})", variants({"force": True}))

    def fills_disk_and_parsers(self):
        for line in ("bothy exec a1 -- sh -c 'dd if=/dev/zero of=/root/x bs=1M count=64; rm /root/x'",
                     "bothy image import --alias bomb /tmp/bomb.gz", "bothy image delete bomb",
                     "bothy exec a1 -- sh -c 'i=0; while [ $i -lt 500 ]; do sleep 5 & i=$((i+1)); done'"):
            done = self.host.run("alice", line, timeout=200)
            self.ends[f"{line.split(' --')[0]}: {done.returncode} {done.stderr[:80] if done.returncode else ''}".rstrip()] += 1


class InHerSlice:
    """What she does takes from her, and not from the machine: processes of ours in her slice, one for each attack."""

    def __init__(self, host, slow):
        self.group = pathlib.Path((pathlib.Path(host.handle) / "cgroup").read_text().strip()) / "user.slice/user-1000.slice/soak"
        self.group.mkdir()
        self.children = [self.begin(host, slow, attack) for attack in Hostile.ATTACKS]

    def begin(self, host, slow, attack):
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        pid = os.fork()
        if pid == 0:
            try:
                control.close()
                (self.group / "cgroup.procs").write_text(str(os.getpid()))
                forking.parent = None
                Hostile(host, slow, theirs).run(attack)
            finally:
                os._exit(0)
        theirs.close()
        return pid, control

    def stop(self):
        """What came of it, by what it was."""
        ends = {}
        for _, control in self.children:
            control.shutdown(socket.SHUT_WR)
        for pid, control in self.children:
            control.settimeout(400)
            text = b"".join(iter(lambda control=control: control.recv(1 << 16), b""))
            ends.update(json.loads(text or b"{}"))
            os.waitpid(pid, 0)
            control.close()
        return ends


@pytest.fixture
def hosted(fresh_host):
    host = fresh_host()
    host.write("/etc/subuid", f"alice:{SUBORDINATE}:65536\n")
    host.write("/etc/subgid", f"alice:{SUBORDINATE}:65536\n")
    host.run("bob", "bothy", "launch", "busybox", "b1", check=True)
    host.run("alice", "bothy", "launch", "busybox", "a1", check=True)
    host.run("alice", "head -c 100M /dev/zero | gzip -1 >/tmp/bomb.gz", check=True)
    (host.root / "run/slow").mkdir()
    slow = SlowFileSystem("/run/slow", b"slow", host.init)
    try:
        yield host, slow
    finally:
        # Without who serves it, it is at an end.
        slow.control.close()
        os.waitpid(slow.pid, 0)


def work(host, seconds):
    """What bob's commands took (ms), and what was said of those that failed."""
    with subprocess.Popen(host.command("bob", "sh", "-c", WORK), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        end, lines = time.monotonic() + seconds, []
        while time.monotonic() < end:
            lines.append(process.stdout.readline().strip())
        process.terminate()
    return sorted(int(line) / 1000 for line in lines if line.isdecimal()), [line for line in lines if not line.isdecimal()]


@pytest.mark.once
def test_soak_one_user_against_another(hosted):
    host, slow = hosted
    began = info(host, "b1", "bob")["startedAt"]
    alone, refused = work(host, 5)
    assert not refused
    hostile = InHerSlice(host, slow)
    took, refused = work(host, SECONDS)
    ends = hostile.stop()
    print(f"# alone {statistics.median(alone):.0f} ms; beside her {len(took)} commands, {took[0]:.0f} to {took[-1]:.0f} ms, "
          f"{statistics.median(took):.0f} at the median", *sorted(map(str, ends.items())), sep="\n#   ")
    assert not [end for end in ends if " failed: " in end], ends
    assert refused == []
    assert statistics.median(took) < (MEDIAN_MS or max(50, SLOWER * statistics.median(alone)))
    # Each attack was tried, to its end.
    for what in ("large: org.bothy.Bothy1.Error.LimitsExceeded", "ListContainers: LimitsExceeded", "as_subordinates: Gone",
                 "AllocateRange: QuotaExceeded", "AddPort: done", "Delete: done", "bothy image import: 1 bothy: More", "bothy exec a1: 0"):
        assert [end for end in ends if end.startswith(what)], (what, ends)
    assert info(host, "b1", "bob")["startedAt"] == began

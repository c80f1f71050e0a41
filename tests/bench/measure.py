#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The measurements (design, "How good is good"). Runs as root in the throwaway host, see `run`.

Times are taken by bench-tool, one process that is alice's for ours and one that is root's for the
peers. What is compared is measured in turns, so that load from outside meets both; rows are medians.
"""

import argparse
import functools
import json
import os
import pwd
import shutil
import statistics
import subprocess
import sys
import time

import peers
import pulling
import stream

TOP = "/srv/bench"
NAME = "org.bothy.Bothy1"
OBJECT = "/org/bothy/Bothy1"
CONFIGURATION = "/etc/bothy/bothyd.conf"
MILLISECONDS, SECONDS, KIB = ("ms", 1e6), ("s", 1e9), ("KiB", 1)
MANY = 1000
SERIES = 200
IDLE_SECONDS, SETTLE_SECONDS = 10, 20
# Moving a process between control groups makes the kernel wait for an RCU grace period unless one has
# just passed: without a pause each would profit of the other's.
PAUSE = 0.1


class Tool:
    """One bench-tool, of root or alice."""

    def __init__(self, user):
        entry = pwd.getpwnam(user)
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            [f"{TOP}/bench-tool"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/",
            user=entry.pw_uid, group=entry.pw_gid, extra_groups=[],
            env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": entry.pw_dir, "USER": user, "LANG": "C.UTF-8"})

    def ask(self, *words):
        self.process.stdin.write("\t".join(words) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if not answer:
            sys.exit(f"measure: failed: {' '.join(words)}")
        return answer

    def time(self, *words):
        return int(self.ask(*words)[0])

    def manager(self, member, types="", *arguments):
        """Time, and the path that it returned if it did."""
        answer = self.ask("call", OBJECT, f"{NAME}.Manager", member, types, *arguments)
        return int(answer[0]), answer[1] if len(answer) > 1 else None

    def container(self, path, member, types="v", *arguments):
        answer = self.ask("call", path, f"{NAME}.Container", member, types, *arguments)
        return int(answer[0]), answer[1] if len(answer) > 1 else None

    def get(self, path, interface, name):
        return self.ask("get", path, f"{NAME}.{interface}", name)[0]

    def await_value(self, path, interface, name, *values):
        end = time.monotonic() + 60
        while (found := self.get(path, interface, name)) not in values:
            if time.monotonic() > end or found == "failed":
                sys.exit(f"measure: {path}: {name} is {found}, not {' or '.join(values)}")
            time.sleep(0.002)


class Bench:
    def __init__(self, quick, only):
        self.quick, self.only = quick, only
        self.rows = []
        self.alice, self.root = Tool("alice"), Tool("root")

    def repetitions(self, n):
        return max(3, n // 5) if self.quick else n

    def wants(self, word):
        return not self.only or self.only == word

    def turns(self, n, *sides):
        """Medians of functions that are called in turns, after one call each that does not count."""
        times = [[] for _ in sides]
        for turn in range(self.repetitions(n) + 1):
            for side, taken in zip(sides, times):
                time.sleep(PAUSE)
                result = side()
                if turn > 0:
                    taken.append(result)
        return [statistics.median(taken) for taken in times]

    def row(self, name, against, ours, theirs, bar, unit):
        """THEIRS is what the bar is a multiple of; without, the bar is in UNIT itself."""
        label, divisor = unit
        ours = ours / divisor
        theirs = theirs / divisor if theirs is not None else None
        ratio = ours / theirs if theirs else None
        row = {"name": name, "against": against, "unit": label, "ours": round(ours, 3),
               "theirs": round(theirs, 3) if theirs is not None else None,
               "ratio": round(ratio, 3) if ratio is not None else None, "bar": bar,
               "ok": (ratio if ratio is not None else ours) <= bar}
        self.rows.append(row)
        print_row(row)

    # ---- Containers of alice's ----

    def alice_run(self, *words):
        return subprocess.run(["setpriv", "--reuid", "alice", "--regid", "alice", "--init-groups", *words],
                              check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, "HOME": "/home/alice"}
                              ).stdout

    def create(self, name, image="busybox"):
        """Time and path."""
        return self.alice.manager("CreateContainer", "ssv", name, image)

    def delete(self, path):
        taken, operation = self.alice.container(path, "Delete")
        self.alice.await_value(operation, "Operation", "Phase", "done")
        return taken

    def running(self, name):
        """A container whose first process only sleeps."""
        self.alice_run("bothy", "create", "busybox", name, "--", "sleep", "1000000")
        self.alice_run("bothy", "start", name)

    def remove(self, *names):
        self.alice_run("bothy", "delete", "--force", *names)

    # ---- Rows ----

    def network(self):
        """From a container to its neighbour, through the filter and past it."""
        found = []
        for name in ("net1", "net2"):
            self.running(name)
            found.append(json.loads(self.alice_run("bothy", "info", "--json", name)))
        address = found[1]["addresses"][0].split("/")[0]

        def send(filtered):
            stream.switch(filtered)
            return stream.measure(found[0]["leader"], found[1]["leader"], address)

        row = self.turns(20, lambda: send(True), lambda: send(False))
        stream.switch(True)
        # 0.95 of what passes in a time is 1 / 0.95 of the time.
        self.row("512 MiB from one container to another", "without the filter", *row, 1.053, SECONDS)
        for name in ("net1", "net2"):
            self.remove(name)

    def start(self):
        crun = peers.crun("echo", ["/bin/echo", "x"])
        # With the same kind of control group as ours.
        crun_scope = peers.crun("scope", ["/bin/echo", "x"], "--systemd-cgroup")
        self.alice_run("bothy", "create", "busybox", "start", "--", "/bin/echo", "x")
        path = f"{OBJECT}/container/u{pwd.getpwnam('alice').pw_uid}/start"

        def ours():
            taken = self.alice.time("start", path)
            self.alice.await_value(path, "Container", "State", "stopped")
            return taken

        taken, of_crun, of_scope = self.turns(60, ours, lambda: self.root.time("byte", *crun),
                                              lambda: self.root.time("byte", *crun_scope))
        name = "Start on the bus, until the first process wrote a byte"
        self.row(name, "crun run, the same", taken, of_crun, 1.0, MILLISECONDS)
        self.row(name, "crun run in a scope", taken, of_scope, 1.0, MILLISECONDS)
        self.remove("start")

    def run(self):
        crun, podman = peers.crun("true", ["/bin/true"]), peers.podman()
        ours, of_crun, of_podman = self.turns(
            30, lambda: self.alice.time("spawn", "bothy", "run", "--rm", "busybox", "--", "true"),
            lambda: self.root.time("spawn", *crun), lambda: self.root.time("spawn", *podman))
        self.row("bothy run --rm busybox true", "crun run", ours, of_crun, 2, MILLISECONDS)
        self.row("bothy run --rm busybox true", "podman run --rm", ours, of_podman, 0.15, MILLISECONDS)

    def exec(self):
        lxc = peers.lxc()
        self.running("exec")
        row = self.turns(60, lambda: self.alice.time("spawn", "bothy", "exec", "exec", "true"),
                         lambda: self.root.time("spawn", *lxc))
        self.row("bothy exec NAME true", "lxc-attach", *row, 1.5, MILLISECONDS)
        self.row("supervisor's memory (Pss)", "LXC's monitor", pss("bothy-superviso"), pss("[lxc monitor]"), 0.2, KIB)
        self.remove("exec")
        peers.lxc_stop()

    def tree(self):
        for name, files in (("small", 100), ("large", 10000)):
            self.import_tree(name, files)
        paths = {}

        def create(image):
            taken, paths[image] = self.create(f"tree-{image}", image)
            return taken

        def delete(image):
            return self.delete(paths[image])

        times = self.turns(30, lambda: create("large"), lambda: create("small"), lambda: delete("large"),
                           lambda: delete("small"))
        self.row("create from a cached image of 10,000 files", "of 100 files", *times[:2], 1.1, MILLISECONDS)

        def written(image):
            self.alice_run("bothy", "run", "--name", f"tree-{image}", image, "--", "cp", "-a", "/data", "/copy")
            return self.delete(f"{OBJECT}/container/u{pwd.getpwnam('alice').pw_uid}/{label(f'tree-{image}')}")

        row = self.turns(10, lambda: written("large"), lambda: written("small"))
        self.row("delete a container that wrote 10,000 files", "100 files", *row, 1.1, MILLISECONDS)

    def import_tree(self, name, files):
        tree = f"{TOP}/{name}"
        shutil.copytree(peers.ROOT, tree, symlinks=True)
        for i in range(files):
            os.makedirs(f"{tree}/data/{i // 100}", exist_ok=True)
            with open(f"{tree}/data/{i // 100}/{i}", "w", encoding="utf-8") as file:
                file.write(f"{i}\n")
        subprocess.run(["tar", "-C", tree, "--owner=0", "--group=0", "-cf", f"{tree}.tar", "."], check=True)
        self.alice_run("bothy", "image", "import", f"{tree}.tar", "--alias", name)

    def unpack(self):
        for archive, kind in (("debian.tar", "a tar"), ("debian.tar.zst", "a tar.zst")):
            row = self.turns(7, lambda: self.unpack_ours(archive),  # pylint: disable=cell-var-from-loop
                             lambda: self.unpack_tar(archive))  # pylint: disable=cell-var-from-loop
            self.row(f"bothy image import of {kind} of Debian, hash taken", "tar -xpf", *row, 1.1, SECONDS)

    def unpack_ours(self, archive):
        os.sync()
        taken = self.alice.time("spawn", "bothy", "image", "import", f"{TOP}/{archive}", "--alias", "unpacked")
        self.alice_run("bothy", "image", "delete", "unpacked")
        await_empty("/var/lib/bothy/trash")
        return taken

    def unpack_tar(self, archive):
        target = f"{TOP}/unpacked"
        os.mkdir(target)
        os.sync()
        taken = self.root.time("spawn", "tar", "-C", target, "-xpf", f"{TOP}/{archive}")
        shutil.rmtree(target)
        return taken

    def pull(self):
        """The peer does one thing after the other, and then all of it at once."""
        shutil.copy(f"{TOP}/debian.tar", f"{TOP}/debian-1.tar")
        subprocess.run(["xz", "-1", f"{TOP}/debian-1.tar"], check=True)
        for archive, kind in (("debian.tar.zst", "a tar.zst"), ("debian-1.tar.xz", "a tar.xz")):
            with pulling.Remote(f"{TOP}/{archive}") as remote:
                row = self.turns(7, lambda: self.pull_ours(remote),  # pylint: disable=cell-var-from-loop
                                 lambda: self.pull_peer(remote, archive))  # pylint: disable=cell-var-from-loop
            self.row(f"bothy image pull of {kind} of Debian", "curl|sha256sum, tar", *row, 1.1, SECONDS)

    def pull_ours(self, remote):
        os.sync()
        taken = self.alice.time("spawn", "bothy", "image", "pull", remote.image)
        self.alice_run("bothy", "image", "delete", remote.image)
        await_empty("/var/lib/bothy/trash")
        return taken

    def pull_peer(self, remote, archive):
        os.sync()
        return self.root.time("spawn", "sh", "-c", f"curl -sSf {remote.url} | sha256sum") + self.unpack_tar(archive)

    def memory(self):
        """Of all processes of the service together, at their highest."""
        peaks = []
        for megabytes in (20, 400):
            archive = pulling.make_archive(f"{TOP}/{megabytes}.tar", megabytes << 20)
            with pulling.Remote(archive) as remote, pulling.Memory() as memory:
                self.pull_ours(remote)
            peaks.append(memory.peak)
        self.row("memory (Pss) while an image of 400 MiB is pulled", "one of 20 MiB", *reversed(peaks), 1.1, KIB)

    def idle(self):
        self.running("idle")
        # Nothing is left to do of what was before; threads that GLib keeps for a while go, too.
        subprocess.run(["systemctl", "restart", "bothyd.service"], check=True)
        time.sleep(SETTLE_SECONDS)
        names = ("bothyd", "bothy-helper", "bothy-superviso")
        before = switches(names)
        time.sleep(IDLE_SECONDS)
        counts = sum(count - before.get(thread, 0) for thread, count in switches(names).items())
        self.row(f"wake-ups of the service in {IDLE_SECONDS} s, a container running", "", counts, None, 0, ("", 1))
        self.remove("idle")
        configure("[Service]\nIdleSeconds=1\n")
        self.alice_run("bothy", "run", "--rm", "busybox", "--", "true")
        begin = time.monotonic()
        while pids("bothyd") and time.monotonic() < begin + 30:
            time.sleep(0.01)
        self.row("time until an idle service left, told 1 s", "", (time.monotonic() - begin) * 1e9, None, 3, SECONDS)

    def series(self):
        """Containers that are started one after the other, and stay."""
        configure(f"[Quota]\nContainers={2 * SERIES}\nAllRanges={2 * SERIES}\n")
        names = [f"series-{i}" for i in range(SERIES)]
        for name in names:
            self.alice_run("bothy", "create", "busybox", name, "--", "sleep", "1000000")
        paths = [f"{OBJECT}/container/u{pwd.getpwnam('alice').pw_uid}/{label(name)}" for name in names]
        times = [self.alice.container(path, "Start")[0] for path in paths]
        first, last = statistics.median(times[:SERIES // 10]), statistics.median(times[-SERIES // 10:])
        self.row(f"Start of the last of {SERIES} containers", "of the first", last, first, 1.5, MILLISECONDS)
        self.remove(*names)

    def many(self):
        configure(f"[Quota]\nContainers={2 * MANY}\nAllRanges={2 * MANY}\n")
        for i in range(MANY):
            self.create(f"many-{i}")
        listing = functools.partial(self.alice.time, "call", OBJECT)
        row = self.turns(30, lambda: listing(f"{NAME}.Manager", "ListContainers", ""),
                         lambda: listing("org.freedesktop.DBus.ObjectManager", "GetManagedObjects", ""))
        self.row(f"ListContainers with {MANY:,} containers", "", row[0], None, 50, MILLISECONDS)
        self.row(f"GetManagedObjects with {MANY:,} containers", "", row[1], None, 50, MILLISECONDS)


def label(name):
    """As systemd escapes it for a path."""
    return name.replace("-", "_2d")


def configure(text):
    """The service has just started with this configuration."""
    os.makedirs(os.path.dirname(CONFIGURATION), exist_ok=True)
    with open(CONFIGURATION, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(CONFIGURATION, 0o644)
    subprocess.run(["systemctl", "restart", "bothyd.service"], check=True)


def pids(name):
    """Processes by name, or by how their command line begins."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                comm = file.read().strip()
            with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
                command = file.read()
        except FileNotFoundError:
            continue
        if comm == name or command.startswith(name):
            found.append(int(pid))
    return found


def pss(name):
    """Of all processes of that name, in KiB."""
    total, found = 0, pids(name)
    if not found:
        sys.exit(f"measure: there is no process '{name}'")
    for pid in found:
        with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
            total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    return total


def switches(names):
    """How often each thread of those processes was let run."""
    counts = {}
    for name in names:
        for pid in pids(name):
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/status", encoding="utf-8") as file:
                    counts[thread] = sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)
    return counts


def await_empty(directory):
    for _ in range(3000):
        if not os.listdir(directory):
            return
        time.sleep(0.01)
    sys.exit(f"measure: {directory} does not become empty")


def text_of(value):
    return "" if value is None else f"{value:.2f}" if value < 100 else f"{value:.0f}"


def print_row(row):
    verdict = "ok" if row["ok"] else "MISSED"
    theirs = f"{text_of(row['theirs'])}" if row["theirs"] is not None else ""
    bar = f"{row['bar']:g}" + (" ×" if row["ratio"] is not None else f" {row['unit']}")
    print(f"{row['name']:<56} {row['against']:<20} {text_of(row['ours']):>9} {theirs:>9} {row['unit']:<4}"
          f"{text_of(row['ratio']):>7} {bar:>8}  {verdict}", flush=True)


def version(*words):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[0]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", required=True)
    parser.add_argument("--only")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    # Somebody who is logged in: his slice is there.
    subprocess.run(["loginctl", "enable-linger", "alice"], check=True)
    bench = Bench(options.quick, options.only)
    bench.alice_run("bothy", "image", "list")
    (image,) = os.listdir("/var/lib/bothy/images")
    peers.make_root(f"/var/lib/bothy/layers/{image}/root")

    machine = {"kernel": os.uname().release, "processors": os.cpu_count(), "crun": version("crun", "--version").split()[-1],
               "podman": version("podman", "--version").split()[-1], "lxc": version("lxc-attach", "--version")}
    print(", ".join(f"{key} {value}" for key, value in machine.items()))
    print(f"{'what':<56} {'against':<20} {'ours':>9} {'theirs':>9} {'':<4}{'ratio':>7} {'at most':>8}")
    for name in ("start", "run", "exec", "network", "tree", "unpack", "pull", "memory", "idle", "series", "many"):
        if bench.wants(name):
            getattr(bench, name)()
    with open(options.json, "w", encoding="utf-8") as file:
        json.dump({"machine": machine, "rows": bench.rows}, file, indent=2)
        file.write("\n")


main()

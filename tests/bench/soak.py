#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls every method of the service again and again, by its owner, by a stranger and misshapen, and watches that the
service stays as large as it is.

    soak.py [--seconds N] [--rounds N] [--warm-up N] [--allow KIB] [--build NAME]

--seconds  at most so long in all (120)
--rounds   at most so many rounds in all; one is some 120 calls (0: as many as there is time for)
--warm-up  the first seconds, after which nothing may grow (two thirds of all, at most 80): what has ended is kept for a minute
--allow    by how many KiB memory may be larger at the end (1024; with sanitizers 8192)
--build    "plain" or "sanitizers" (plain)

It prints a line every ten seconds and fails if file descriptors or memory grew, if a method was never called, if one
that should work did not, or if bothyd said something that nobody should see. It needs root.
"""

import argparse
import collections
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
TESTS = HERE.parent
SANITIZERS = ["--buildtype", "debug", "-D", "b_sanitize=address,undefined", "-D", "fault_points=true"]
WARM_UP = 80


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--warm-up", type=int, default=0)
    parser.add_argument("--allow", type=int, default=0)
    parser.add_argument("--build", choices=("plain", "sanitizers"), default="plain")
    return parser.parse_args()


def enter(options):
    """Again, where the build is installed in /usr, as nobody else sees it."""
    flags = SANITIZERS if options.build == "sanitizers" else ["-D", "fault_points=true"]
    built = subprocess.run([TESTS / "host/build", "--name", options.build, *flags], check=True, stdout=subprocess.PIPE,
                           text=True).stdout.strip()
    environment = {**os.environ, "BOTHY_LIBEXEC_DIR": "/usr/libexec/bothy", "PYTHONDONTWRITEBYTECODE": "1",
                   # What is freed comes back soon, so that what is not is seen.
                   "ASAN_OPTIONS": "halt_on_error=1:detect_leaks=0:quarantine_size_mb=1:malloc_context_size=1",
                   "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}
    os.execvpe("unshare", ["unshare", "--mount", "--propagation", "private", "bash", "-euc",
                           'mount -t overlay -o "ro,lowerdir=$1/usr:/usr" bothy-soak /usr; shift; exec "$@"', "soak",
                           f"{built}/stage", "/usr/bin/python3", __file__, *sys.argv[1:]], environment)


class Soak:
    """The calls of one round, and what came of them."""

    def __init__(self, world):
        self.world, self.round = world, 0
        self.alice, self.bob, self.root = world.client(ALICE), world.client(BOB), world.client(0)
        self.called, self.wrong = collections.Counter(), collections.Counter()
        self.null = os.open("/dev/null", os.O_RDWR)

    def call(self, client, path, interface, member, *values, wanted=("",), fds=()):
        """WANTED: the errors that it may end with, "" for none. Gives what it returned, or None."""
        self.called[interface, member] += 1
        error, answer = "", None
        try:
            answer = client.call(path, interface, member, surface.SIGNATURES[interface, member], *values, fds=fds, timeout=60)
        except wire.BusError as failure:
            error = failure.short
        if error not in wanted:
            self.wrong[f"{member}: {error or 'done'}, not {' or '.join(name or 'done' for name in wanted)}"] += 1
        return answer

    def container(self, member, *values, **options):
        return self.call(self.alice, self.box, wire.CONTAINER, member, *values, **options)

    def manager(self, member, *values, **options):
        return self.call(self.alice, wire.ROOT, wire.MANAGER, member, *values, **options)

    # ---- what a round is made of ----

    def live(self):
        """A container from its making to its end."""
        self.box, = self.manager("CreateContainer", "box", "busybox", wire.variants({"command": ["sleep", "1000"]}))
        self.container("Start", {})
        self.programs()
        for member in ("Freeze", "Thaw", "GetStats", "GetOSRelease", "GetAddresses"):
            self.container(member)
        self.manager("GetContainer", "box")
        self.manager("GetContainerByPID", self.alice.get(self.box, wire.CONTAINER, "Leader"))
        base = self.alice.get(self.box, wire.CONTAINER, "RangeBase")
        self.container("MapFromUser", 0)
        self.container("MapToUser", base)
        self.container("SetLimits", {"pids": GLib.Variant("t", 100)}, wanted=("", "Failed", "NotSupported"))
        self.container("AddPort", "tcp", 8080, 80, {}, wanted=("", "Failed", "WrongState", "InvalidArgs"))
        self.container("RemovePort", "tcp", 8080, {}, wanted=("", "Failed", "InvalidArgs", "WrongState"))
        self.container("SetEgress", "set", ["192.0.2.1"], wanted=("", "Failed", "WrongState", "InvalidArgs"))
        self.container("Restart", wire.variants({"force": True}))
        self.container("Kill", "leader", 9)
        self.container("Stop", wire.variants({"force": True}), wanted=("", "WrongState"))
        self.container("Rename", "renamed")
        self.box = wire.container_path(ALICE, "renamed")
        operation = self.container("Delete", wire.variants({"force": True}))[0]
        self.alice.finish(operation)

    def programs(self):
        process, = self.container("Exec", ["sleep", "1000"], [0, 0, 0], {}, fds=[self.null])
        self.call(self.alice, process, wire.PROCESS, "OpenPTY", wanted=("WrongState", "Failed", "InvalidArgs", "NotSupported"))
        self.call(self.alice, process, wire.PROCESS, "Kill", 9)
        wire.wait(lambda: self.alice.get(process, wire.PROCESS, "Ended"))
        process, = self.container("Exec", ["sleep", "1000"], [], wire.variants({"tty": True}))
        os.close(self.call(self.alice, process, wire.PROCESS, "OpenPTY")[0])
        self.call(self.alice, process, wire.PROCESS, "Kill", 9)
        for member, values in (("OpenShell", ("", "/bin/sh", [], [])), ("OpenConsole", ()), ("OpenLog", ())):
            for value in self.container(member, *values):
                if isinstance(value, int):
                    os.close(value)
        self.container("Exec", ["/no/such/program"], [0, 0, 0], {}, fds=[self.null], wanted=("NoSuchProgram",))

    def images(self):
        with archives.small(b"soak %d" % (self.round % 3)) as file:
            operation, = self.manager("ImportImage", 0, wire.variants({"alias": "mine"}), fds=[file.fileno()])
            image = self.alice.finish(operation)["Object"]
        self.manager("GetImage", "mine")
        for member, values in (("AddAlias", ("other",)), ("RemoveAlias", ("other",))):
            self.call(self.alice, image, wire.IMAGE, member, *values)
        self.call(self.alice, image, wire.IMAGE, "Refresh", {}, wanted=("WrongState",))
        with open("/dev/null", "wb") as sink:
            exported = self.call(self.alice, image, wire.IMAGE, "Export", 0, {}, fds=[sink.fileno()], wanted=("", "InvalidArgs"))
        if exported:
            self.alice.finish(exported[0])
        reader, writer = os.pipe()
        operation, = self.manager("ImportImage", 0, {}, fds=[reader])
        self.call(self.alice, operation, wire.OPERATION, "Cancel")
        os.close(reader)
        os.close(writer)
        self.alice.finish(operation)
        self.call(self.alice, image, wire.IMAGE, "Remove")

    def remotes(self):
        """There is no bothy-fetch: what would ask it ends with that."""
        self.manager("AddRemote", "soak", "https://192.0.2.1", {})
        self.manager("ListRemotes")
        self.manager("SearchImages", "soak:", {}, wanted=("", "RemoteFailed", "Failed"))
        self.alice.finish(self.manager("PullImage", "soak:debian/13", {})[0])
        self.manager("RemoveRemote", "soak")

    def by_hand(self):
        base, _ = self.manager("AllocateRange", 1, {})
        self.manager("ListRanges")
        self.manager("MapUserNamespace", 0, [("b", 0, base, 1)], fds=[self.null], wanted=("NotYours",))
        self.manager("DelegateCgroup", 0, {}, fds=[self.null], wanted=("NotYours",))
        self.manager("ReleaseRange", base)

    def bridges(self):
        bridge = wire.ROOT + "/bridge/bothy0"
        self.manager("CreateBridge", "lab", {}, wanted=("Failed",))
        for member, values, fds in (("Delegate", ("bob", 1), ()), ("Revoke", ("bob",), ()), ("Delete", (), ()),
                                    ("AttachNic", (0, "eth0", {}), [self.null]), ("DetachNic", (0, "eth0"), [self.null])):
            self.call(self.alice, bridge, wire.BRIDGE, member, *values, fds=fds,
                      wanted=("InvalidArgs", "NotManaged", "WrongState", "BridgeInUse"))

    def looks(self):
        self.manager("ListContainers")
        self.manager("Diagnose")
        for client in (self.alice, self.bob, self.root):
            client.managed()
            client.get_all(wire.ROOT, wire.MANAGER)
            client.call(wire.ROOT, wire.INTROSPECTABLE, "Introspect")
            client.call(wire.ROOT, wire.PEER, "Ping")

    def strangers(self):
        """A stranger, with all that the door has; and the owner, with what no method takes."""
        path = wire.container_path(ALICE, "hers")
        for interface, member, signature in surface.METHODS:
            if interface != wire.MANAGER:
                error = self.bob.error(path, interface, member, body=surface.some_body(interface, member),
                                       fds=[self.null] * ("h" in signature))
                if error != "UnknownObject":
                    self.wrong[f"{member} of a stranger: {error or 'done'}"] += 1
            error = self.alice.error(path, interface, member, "(dt)", 1.5, 7)
            if error not in ("InvalidArgs", "UnknownMethod", "UnknownObject"):
                self.wrong[f"{member} misshapen: {error or 'done'}"] += 1
        with self.world.client(BOB) as left:
            left.send(wire.ROOT, wire.MANAGER, "CreateContainer", "(ssa{sv})", "left", "no-such-image", {})
        self.world.clients.remove(left)

    def go(self):
        if self.round == 0:
            self.alice.create("hers", command=["sleep", "1000"])
        for part in (self.live, self.images, self.remotes, self.by_hand, self.bridges, self.looks, self.strangers):
            part()
        for client in (self.alice, self.bob, self.root):
            client.drain(0)
            client.incoming.clear()
        self.round += 1

    def missing(self):
        return [f"{interface}.{member}" for interface, member, _ in surface.METHODS if not self.called[interface, member]]


def measure(world):
    return world.settled_fds(), world.rss() // 1024


def soak(options, world):
    work, began = Soak(world), time.monotonic()
    world.polkit.answers = {action: "yes" for action in polkit.ACTIONS}
    world.polkit.answers.update({polkit.INSPECT: "no", polkit.MANAGE: "no"})
    warm_up = options.warm_up or min(options.seconds * 2 // 3, WARM_UP)
    first, shown = None, 0
    while time.monotonic() - began < options.seconds and (not options.rounds or work.round < options.rounds):
        work.go()
        world.polkit.questions.clear()
        now = time.monotonic() - began
        if not first and now >= warm_up:
            first = measure(world)
        if now >= shown:
            shown = now + 10
            fds, rss = measure(world)
            print(f"{now:6.0f} s {work.round:6d} rounds {sum(work.called.values()):8d} calls {fds:4d} fds {rss:8d} KiB", flush=True)
    last = measure(world)
    return work, first, last


def judge(options, work, first, last):
    allow = options.allow or (8192 if options.build == "sanitizers" else 1024)
    problems = [f"{n} times {text}" for text, n in work.wrong.most_common()]
    problems += [f"never called: {name}" for name in work.missing()]
    if not first:
        problems.append("it was over before the service was warm")
    elif last[0] > first[0]:
        problems.append(f"{last[0]} file descriptors, and {first[0]} before")
    if first and last[1] > first[1] + allow:
        problems.append(f"{last[1]} KiB, and {first[1]} before")
    return problems


def main():
    options = arguments()
    if "BOTHY_LIBEXEC_DIR" not in os.environ:
        enter(options)
    world = World(unpacker="" if options.build == "plain" else plain_unpacker())
    try:
        work, first, last = soak(options, world)
    finally:
        world.close()
    problems = judge(options, work, first, last)
    print("\n".join(problems) or f"flat: {last[0]} fds, {last[1]} KiB after {sum(work.called.values())} calls; {first[1]} KiB when warm")
    return 1 if problems else 0


if __name__ == "__main__":
    if "BOTHY_LIBEXEC_DIR" in os.environ:
        sys.path[:0] = [str(TESTS), str(TESTS / "bus")]
        from gi.repository import GLib

        import archives
        import polkit
        import surface
        import wire
        from conftest import ALICE, BOB, World, plain_unpacker
    sys.exit(main())

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A network namespace that plays the host, bothy-net in it, driven as bothyd drives it, and nics.

BOTHY_LIBEXEC_DIR: the installed directory of bothy-net. Needs root; touches only network namespaces of its own.
"""

import contextlib
import ctypes
import errno
import ipaddress
import json
import os
import select
import socket
import struct
import subprocess
import time

import pytest

import forking

NET = os.path.join(os.environ.get("BOTHY_LIBEXEC_DIR", ""), "bothy-net")
pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not os.access(NET, os.X_OK), reason="needs root and BOTHY_LIBEXEC_DIR"
)
ATTACH, DETACH, REPAIR, LIST, TIDY, PUBLISH, UNPUBLISH, EXAMINE, FIND, OPEN_FIREWALLS, LISTEN, UNLISTEN = range(1, 13)
UDP, LAN, LIMITED, BOUND, PAUSED = 1, 2, 4, 8, 16
STEP_REQUEST, STEP_NAMESPACE, STEP_BRIDGE, STEP_LINK, STEP_FILTER, STEP_PORT, STEP_VERIFY = range(1, 8)
REQUEST = struct.Struct("=IIIIIIII6sBx4s16s16sHH16s128sIII")
DESTINATION = struct.Struct("=BBBxHH16s16s")
REPLY = struct.Struct("=IIiII16sI")
CLONE_NEWNS, CLONE_NEWNET = 0x20000, 0x40000000
ETH_P_ALL = 3
BROADCAST = "ff:ff:ff:ff:ff:ff"
GATEWAY = "10.66.0.1"
GATEWAY6 = "fd66::1"
libc = ctypes.CDLL(None, use_errno=True)


def run(*command, check=True, input=None):
    return subprocess.run(command, check=check, capture_output=True, text=True, input=input).stdout


def check(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def mac_bytes(text):
    return bytes(int(part, 16) for part in text.split(":"))


def ip_bytes(text):
    return ipaddress.ip_address(text).packed if text else b""


def link_local(mac):
    m = mac_bytes(mac)
    return str(ipaddress.ip_address(b"\xfe\x80" + bytes(6) + bytes([m[0] ^ 2]) + m[1:3] + b"\xff\xfe" + m[3:]))


def until(condition, seconds=20):
    """Waits for what comes by itself."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@contextlib.contextmanager
def user(uid):
    """Sockets that are made meanwhile are UID's."""
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)


@contextlib.contextmanager
def inside(namespace):
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        check(libc.setns(namespace, CLONE_NEWNET))
        yield
    finally:
        check(libc.setns(own, CLONE_NEWNET))
        os.close(own)


def new_namespace():
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        check(libc.unshare(CLONE_NEWNET))
        fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        # Nothing is sent but what a test sends.
        for name in ("default", "all"):
            with contextlib.suppress(FileNotFoundError), open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "w") as f:
                f.write("1")
        return fd
    finally:
        check(libc.setns(own, CLONE_NEWNET))
        os.close(own)


class Tap:
    """A raw socket on a link of a namespace."""

    def __init__(self, namespace, name):
        with inside(namespace):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self.socket.bind((name, ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE
        self.socket.setblocking(False)

    def send(self, frame):
        self.socket.send(frame)

    def drain(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                self.socket.recv(65536)

    def receive(self, seconds=0.25):
        """All frames that come (not those that this end sent) until nothing comes for a while."""
        frames = []
        while select.select([self.socket], [], [], seconds)[0]:
            frame, address = self.socket.recvfrom(65536)
            if address[2] != 4:  # PACKET_OUTGOING
                frames.append(frame)
        return frames

    def close(self):
        self.socket.close()


class Reply:
    def __init__(self, data):
        size = REPLY.size
        self.version, self.serial, self.error, self.step, self.index, name, self.text_size = REPLY.unpack(data[:size])
        self.name = name.split(b"\0")[0].decode()
        self.text = data[size:]

    @property
    def outcome(self):
        return self.error, self.step


class Helper:
    """One bothy-net and its connection."""

    def __init__(self, prefix=()):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = subprocess.Popen(
                [*prefix, NET, "--connection", str(theirs.fileno())], pass_fds=[theirs.fileno()]
            )
        self.socket = ours
        self.socket.settimeout(20)

    def call(self, op, fds=(), flags=0, bridge=0, group=0, owner=1000, mtu=0, mac="00:00:00:00:00:00", address4="", address6="",
             port=0, inside_port=0, name="eth0", alias="", version=1, serial=7, extra=b"", destinations=None,
             host_address="", host_family=None, asker=0, ticket=0):
        if destinations is not None:
            flags |= LIMITED
            extra = b"".join(destinations) + extra
        data = REQUEST.pack(version, serial, op, flags, bridge, group, owner, mtu, mac_bytes(mac),
                            {"": 0, ".": 4, ":": 6}[host_address and (":" if ":" in host_address else ".")]
                            if host_family is None else host_family, ip_bytes(address4), ip_bytes(address6),
                            ip_bytes(host_address), port, inside_port, name.encode(), alias.encode(), asker, ticket, len(destinations or ()))
        socket.send_fds(self.socket, [data + extra], list(fds))
        return Reply(self.socket.recv(1 << 20))

    def close(self):
        self.socket.close()
        assert self.process.wait(10) == 0


class Store:
    """The part of systemd that keeps file descriptors for a service."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0notify")
        self.address = "@notify"
        self.kept = {}

    def take(self):
        """Does what was asked for."""
        while select.select([self.socket], [], [], 0)[0]:
            text, fds, _, _ = socket.recv_fds(self.socket, 4096, 1)
            lines = dict(line.split("=", 1) for line in text.decode().splitlines())
            if "FDSTORE" in lines:
                # systemd would let go of it at once: poll(2) says that it is hung up.
                assert lines["FDPOLL"] == "0" and lines["FDNAME"] not in self.kept
                (self.kept[lines["FDNAME"]],) = fds
            elif "FDSTOREREMOVE" in lines:
                os.close(self.kept.pop(lines["FDNAME"]))
        return self

    def fds(self):
        return list(self.take().kept.values())

    def close(self):
        for fd in self.fds():
            os.close(fd)
        self.socket.close()


class Listener(Helper):
    """One that listens, as systemd starts it, so that one can come back to it."""

    def __init__(self, store=None):
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listening.bind("\0bothy-net")
        listening.listen()
        self.address = listening.getsockname()
        fds = [listening.fileno(), *(store.fds() if store else ())]
        # First out of the way of each other.
        command = [f"exec {number + 100}<&{fd} {fd}<&-" for number, fd in enumerate(fds)]
        command += [f"exec {number + 3}<&{number + 100} {number + 100}<&-" for number in range(len(fds))]
        command += [f"{f'NOTIFY_SOCKET={store.address}' if store else ''} LISTEN_FDS={len(fds)} LISTEN_PID=$$ exec {NET}"]
        self.process = subprocess.Popen(["bash", "-c", "\n".join(command)], pass_fds=fds)
        self.connect()

    def connect(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(20)
        self.socket.connect(self.address)

    def close(self):
        self.socket.close()
        self.process.terminate()
        self.process.wait()


class Nic:
    """A namespace and the nic in it."""

    def __init__(self, helper, number, bridge, attach=True, **options):
        self.helper = helper
        self.namespace = new_namespace()
        self.mac = f"02:00:00:00:01:{number:02x}"
        self.options = {
            "bridge": index_of(bridge), "mac": self.mac, "alias": f"bothy:1000:nic-{number}",
            "address4": f"10.66.0.{number}", "address6": f"fd66::{number:x}", **options,
        }
        self.address4, self.address6 = self.options["address4"], self.options["address6"]
        self.alias = self.options["alias"]
        self.tap = None
        if attach:
            reply = self.attach()
            assert reply.outcome == (0, 0)
            self.up()

    def attach(self):
        reply = self.helper.call(ATTACH, [self.namespace], **self.options)
        self.name, self.index = reply.name, reply.index
        return reply

    def repair(self, **changes):
        self.options.update(changes)
        return self.helper.call(REPAIR, **self.options)

    def detach(self):
        return self.helper.call(DETACH, alias=self.alias)

    def up(self):
        with inside(self.namespace):
            run("ip", "link", "set", "lo", "up")
            run("ip", "link", "set", self.options.get("name", "eth0"), "up", "arp", "off")
        self.tap = Tap(self.namespace, self.options.get("name", "eth0"))

    def configure(self):
        """Addresses and a route, for what needs a whole IP stack."""
        with inside(self.namespace):
            run("ip", "link", "set", "eth0", "arp", "on")
            run("ip", "address", "add", f"{self.address4}/24", "dev", "eth0")
            run("ip", "route", "add", "default", "via", GATEWAY)

    def configure6(self):
        """The same for IPv6."""
        with inside(self.namespace):
            run("ip", "link", "set", "eth0", "arp", "on")
            for name in ("all", "eth0", "lo"):
                with open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "w") as f:
                    f.write("0")
            run("ip", "address", "replace", "::1/128", "dev", "lo")
            run("ip", "address", "add", f"{self.address6}/64", "dev", "eth0", "nodad")
            run("ip", "route", "add", "default", "via", GATEWAY6)

    def close(self):
        if self.tap:
            self.tap.close()
        os.close(self.namespace)


def index_of(name):
    return socket.if_nametoindex(name)


def links():
    """Without what changes by itself."""
    return {link["ifname"]: link for link in json.loads(run("ip", "-j", "-d", "link"))}


def names():
    return {link["ifindex"]: (name, link.get("ifalias"), link["mtu"]) for name, link in links().items()}


def ruleset():
    return run("nft", "list", "ruleset")


@pytest.fixture(autouse=True)
def host():
    """This process in a network namespace that plays the host, with a bridge like NetworkManager's."""
    check(libc.unshare(CLONE_NEWNET | CLONE_NEWNS))
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "sysfs", "sysfs", "/sys")
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "br0", "address", "02:00:00:00:00:fe", "type", "bridge", "stp_state", "0")
    run("ip", "address", "add", f"{GATEWAY}/24", "dev", "br0")
    run("ip", "address", "add", f"{GATEWAY6}/64", "dev", "br0", "nodad")
    run("ip", "link", "set", "br0", "up")
    yield
    check(libc.setns(HOME, CLONE_NEWNET))
    run("umount", "/sys")

HOME = os.open("/proc/self/ns/net", os.O_RDONLY)


@pytest.fixture
def helper():
    h = Helper()
    yield h
    h.close()


@pytest.fixture
def nic(helper):
    """Makes nics: nic(2) is 10.66.0.2 in a namespace of its own, on br0."""
    made = []

    def make(number, bridge="br0", **options):
        made.append(Nic(helper, number, bridge, **options))
        return made[-1]

    make.made = made
    yield make
    for each in made:
        each.close()


SERVICES = []  # what answers() takes, of each that runs


def answers(namespace, port, kind, loopback):
    """What asks a service beside it, by the loopback, waits for its answer: whatever came to the service before is answered."""
    with inside(namespace):
        s = socket.socket(socket.AF_INET6 if ":" in loopback else socket.AF_INET, kind)
    with s:
        s.settimeout(20)
        try:
            s.connect((loopback, port))
            s.send(b"ping")
            assert s.recv(100)
        except OSError as error:
            raise AssertionError(f"the service at port {port} does not answer its own host") from error


def comes(s, for_writing=False):
    """Whether S gets ready. What has not come when all services have answered somebody who asked later will not come."""
    def ready(seconds):
        return any(select.select([] if for_writing else [s], [s] if for_writing else [], [], seconds))

    if ready(0.1):
        return True
    for each in SERVICES:
        answers(*each)
    return ready(0.1)


def exchange(namespace, address, port, kind=socket.SOCK_DGRAM, source=None, payload=b"ping", uid=0):
    """What a service at ADDRESS answers a process of UID's in NAMESPACE; None: nothing."""
    with inside(namespace), user(uid):
        s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    with s:
        s.setblocking(False)
        try:
            if source:
                s.bind(source)
            if kind == socket.SOCK_DGRAM:
                s.sendto(payload, (address, port))
            else:
                if s.connect_ex((address, port)) not in (0, errno.EINPROGRESS) or not comes(s, for_writing=True):
                    return None
                s.send(payload)
            return s.recv(100) if comes(s) else None
        except OSError:
            return None


ANSWER = """
s, (kind,) = socket.socket(fileno=fds[0]), arguments
while True:
    try:
        if kind == socket.SOCK_DGRAM:
            _, peer = s.recvfrom(65536)
            s.sendto(peer[0].encode(), peer)
        else:
            connection, peer = s.accept()
            with connection:
                connection.recv(100)
                connection.send(peer[0].encode())
    except OSError:
        pass  # who asked does not want to know
"""


@contextlib.contextmanager
def service(namespace, port, kind=socket.SOCK_DGRAM, family=socket.AF_INET, uid=0, only6=False):
    """Answers with the address of who asked. One of IPv6 answers IPv4 too, unless ONLY6."""
    with inside(namespace), user(uid):
        s = socket.socket(family, kind)
    if only6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("", port))
    if kind == socket.SOCK_STREAM:
        s.listen()
    pid = forking.fork(ANSWER, kind, fds=[s.fileno()])
    s.close()
    beside = namespace, port, kind, "::1" if only6 else "127.0.0.1"
    SERVICES.append(beside)
    try:
        yield
    finally:
        SERVICES.remove(beside)
        os.kill(pid, 9)
        os.waitpid(pid, 0)

HOST = "/proc/self/ns/net"

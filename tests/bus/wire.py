# SPDX-License-Identifier: LGPL-2.1-or-later
"""A small D-Bus client for tests: one socket, no main loop, and every message as it was on the wire.

GDBus would refuse to send much of what has to be tried here, and would hide what came.
"""

import array
import os
import select
import socket
import time

import forking
import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

NAME = "org.bothy.Bothy1"
ROOT = "/org/bothy/Bothy1"
MANAGER = NAME + ".Manager"
CONTAINER = NAME + ".Container"
IMAGE = NAME + ".Image"
BRIDGE = NAME + ".Bridge"
OPERATION = NAME + ".Operation"
PROCESS = NAME + ".Process"
PROPERTIES = "org.freedesktop.DBus.Properties"
OBJECTS = "org.freedesktop.DBus.ObjectManager"
INTROSPECTABLE = "org.freedesktop.DBus.Introspectable"
PEER = "org.freedesktop.DBus.Peer"
BUS = "org.freedesktop.DBus"

FDS = Gio.DBusCapabilityFlags.UNIX_FD_PASSING
KIND = Gio.DBusMessageType


class BusError(Exception):
    """An error that came as a reply."""

    def __init__(self, name, text):
        super().__init__(f"{name}: {text}")
        self.name, self.text = name, text

    @property
    def short(self):
        """The name without its prefix: the service's own, or that of D-Bus for what it has a name for."""
        return self.name.removeprefix(NAME + ".Error.").removeprefix("org.freedesktop.DBus.Error.")


class Gone(Exception):
    """The connection was closed by the other side."""


CONNECT = """
address, uid, real = arguments
# Who he is to be may not get there from the root.
os.chdir(os.path.dirname(address))
os.setgroups([])
os.setresgid(uid, uid, uid)
os.setresuid(uid if real is None else real, uid, uid)
connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
connected.connect(os.path.basename(address))
socket.send_fds(socket.socket(fileno=fds[0]), [b"x"], [connected.fileno()])
"""


def open_socket(address, uid, real=None):
    """A socket that a process of UID has connected: so the bus knows its user. REAL: who started it, if it is set-user-ID."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    pid = forking.fork(CONNECT, str(address), uid, real, fds=[theirs.fileno()])
    theirs.close()
    _, fds, _, _ = socket.recv_fds(ours, 1, 1)
    ours.close()
    os.waitpid(pid, 0)
    if not fds:
        raise Gone(f"uid {uid} can not connect")
    return socket.socket(fileno=fds[0])


class Client:
    """A connection to the bus of one user."""

    def __init__(self, address, uid, hello=True, real=None):
        self.uid, self.serial, self.buffer, self.fds = uid, 0, b"", []
        self.replies, self.raw, self.reply_fds, self.incoming = {}, {}, {}, []
        self.socket = open_socket(address, uid, real)
        self.handshake(str(uid))
        self.name = None
        if hello:
            self.name = self.bus("Hello")[0]

    def handshake(self, uid):
        self.socket.settimeout(20)
        self.socket.sendall(b"\0AUTH EXTERNAL " + uid.encode().hex().encode() + b"\r\n")
        answer = self.line()
        if not answer.startswith(b"OK "):
            raise Gone(answer.decode())
        self.socket.sendall(b"NEGOTIATE_UNIX_FD\r\n")
        assert self.line() == b"AGREE_UNIX_FD"
        self.socket.sendall(b"BEGIN\r\n")

    def line(self):
        text = b""
        while not text.endswith(b"\r\n"):
            byte = self.socket.recv(1)
            if not byte:
                raise Gone("no authentication")
            text += byte
        return text[:-2]

    # ---- out ----

    def transmit(self, message, fds=()):
        self.serial += 1
        message.set_serial(self.serial)
        if fds:
            message.set_unix_fd_list(Gio.UnixFDList.new_from_array([os.dup(fd) for fd in fds]))
        self.transmit_bytes(bytes(message.to_blob(FDS)), fds)
        return self.serial

    def transmit_bytes(self, data, fds=()):
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        try:
            sent = self.socket.sendmsg([data], ancillary)
            self.socket.sendall(data[sent:])
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Gone(str(error)) from error

    def send(self, path, interface, member, signature="()", *values, fds=(), interactive=False, destination=NAME,
             no_reply=False, body=None):
        """Sends a call, and gives its serial for reply()."""
        message = Gio.DBusMessage.new_method_call(destination, path, interface, member)
        if body is None and signature != "()":
            body = GLib.Variant(signature, values)
        if body is not None:
            message.set_body(body)
        flags = Gio.DBusMessageFlags.NONE
        if interactive:
            flags |= Gio.DBusMessageFlags.ALLOW_INTERACTIVE_AUTHORIZATION
        if no_reply:
            flags |= Gio.DBusMessageFlags.NO_REPLY_EXPECTED
        message.set_flags(flags)
        return self.transmit(message, fds)

    # ---- in ----

    def receive(self, timeout):
        """Takes one message in, if one comes in time; says whether."""
        deadline = time.monotonic() + timeout
        while True:
            if len(self.buffer) >= 16:
                needed = Gio.DBusMessage.bytes_needed(self.buffer[:16])
                if len(self.buffer) >= needed:
                    self.take(needed)
                    return True
            left = deadline - time.monotonic()
            if not select.select([self.socket], [], [], max(left, 0))[0]:
                return False
            try:
                data, ancillary, _, _ = self.socket.recvmsg(65536, socket.CMSG_SPACE(64 * 4))
            except ConnectionResetError as error:
                raise Gone(str(error)) from error
            for _, kind, content in ancillary:
                if kind == socket.SCM_RIGHTS:
                    numbers = array.array("i")
                    numbers.frombytes(content[: len(content) - len(content) % 4])
                    self.fds += numbers
            if not data:
                raise Gone("closed")
            self.buffer += data

    def take(self, size):
        raw, self.buffer = self.buffer[:size], self.buffer[size:]
        message = Gio.DBusMessage.new_from_blob(raw, FDS)
        fds = [self.fds.pop(0) for _ in range(message.get_num_unix_fds())]
        if message.get_message_type() in (KIND.METHOD_RETURN, KIND.ERROR):
            serial = message.get_reply_serial()
            self.replies[serial], self.raw[serial], self.reply_fds[serial] = message, raw, fds
        else:
            message.fds = fds
            self.incoming.append(message)

    def message(self, serial, timeout=30):
        """The reply's message."""
        deadline = time.monotonic() + timeout
        while serial not in self.replies:
            if not self.receive(deadline - time.monotonic()):
                raise TimeoutError(f"no reply in {timeout} s")
        return self.replies.pop(serial)

    def reply(self, serial, timeout=30):
        """What the reply has: a tuple; handles become fds, which are the caller's to close."""
        message = self.message(serial, timeout)
        body = message.get_body()
        values = body.unpack() if body is not None else ()
        fds = self.reply_fds.pop(serial)
        if message.get_message_type() == KIND.ERROR:
            raise BusError(message.get_error_name(), values[0] if values else "")
        if fds:
            types = [body.get_child_value(i).get_type_string() for i in range(body.n_children())]
            values = tuple(fds[value] if kind == "h" else value for kind, value in zip(types, values))
        return values

    def replied(self, serial, timeout=0.3):
        """Whether the reply has come within that time."""
        deadline = time.monotonic() + timeout
        while serial not in self.replies:
            if not self.receive(deadline - time.monotonic()):
                return False
        return True

    def drain(self, seconds=0.2):
        """Takes in what comes until it is quiet for that long."""
        while self.receive(seconds):
            pass

    # ---- convenience ----

    def call(self, path, interface, member, signature="()", *values, timeout=30, **options):
        return self.reply(self.send(path, interface, member, signature, *values, **options), timeout)

    def error(self, path, interface, member, signature="()", *values, timeout=30, **options):
        """The name of the error that a call ends with, "" for none."""
        try:
            self.call(path, interface, member, signature, *values, timeout=timeout, **options)
        except BusError as error:
            self.text = error.text
            return error.short
        return ""

    def bus(self, member, signature="()", *values):
        return self.call("/org/freedesktop/DBus", BUS, member, signature, *values, destination=BUS)

    def manager(self, member, signature="()", *values, **options):
        return self.call(ROOT, MANAGER, member, signature, *values, **options)

    def get(self, path, interface, name):
        return self.call(path, PROPERTIES, "Get", "(ss)", interface, name)[0]

    def get_all(self, path, interface):
        return self.call(path, PROPERTIES, "GetAll", "(s)", interface)[0]

    def managed(self):
        return self.call(ROOT, OBJECTS, "GetManagedObjects")[0]

    def create(self, name, image="busybox", **options):
        return self.manager("CreateContainer", "(ssa{sv})", name, image, variants(options))[0]

    def start(self, path, timeout=60):
        self.call(path, CONTAINER, "Start", "(a{sv})", {}, timeout=timeout)

    def stop(self, path, timeout=0):
        self.call(path, CONTAINER, "Stop", "(a{sv})", variants({"timeout": timeout}), timeout=60)

    def state(self, path):
        return self.get(path, CONTAINER, "State")

    def delete(self, path, force=True):
        """Deletes a container, and waits until its files are gone."""
        operation = self.call(path, CONTAINER, "Delete", "(a{sv})", variants({"force": force}), timeout=60)[0]
        return self.finish(operation)

    def finish(self, operation, timeout=60):
        """The properties of an operation once it has ended; its "Failure" is "" or "NAME: TEXT"."""
        done = wait(lambda: (lambda p: p if p["Phase"] in ("done", "failed") else None)(
            self.get_all(operation, OPERATION)), timeout)
        assert bool(done["ErrorName"]) == bool(done["Error"]) == (done["Phase"] == "failed"), done
        return {**done, "Failure": done["ErrorName"] and f"{done['ErrorName']}: {done['Error']}"}

    def execute(self, path, *argv, **options):
        """Runs a program in a container to its end: output and (code, signal); its complaints are in `errors`."""
        reader, writer = os.pipe()
        null = os.open("/dev/null", os.O_RDONLY)
        with os.fdopen(reader, "rb") as file, os.fdopen(os.memfd_create("errors"), "w+b") as errors:
            try:
                process = self.call(path, CONTAINER, "Exec", "(asaha{sv})", argv, [0, 1, 2], variants(options),
                                    fds=[null, writer, errors.fileno()])[0]
            finally:
                os.close(writer)
                os.close(null)
            output = file.read().decode()
            wait(lambda: self.get(process, PROCESS, "Ended"))
            errors.seek(0)
            self.errors = errors.read().decode()
        return output, self.get(process, PROCESS, "ExitStatus")

    def signal_messages(self, member=None, path=None):
        for message in self.incoming:
            if message.get_message_type() != KIND.SIGNAL or message.get_sender() == BUS:
                continue
            if (not member or message.get_member() == member) and (not path or message.get_path() == path):
                yield message

    def signals(self, member=None, path=None):
        """The signals that have come: (path, interface, member, arguments)."""
        return [(message.get_path(), message.get_interface(), message.get_member(), arguments(message))
                for message in self.signal_messages(member, path)]

    def wait_signal(self, member, path=None, timeout=20, match=lambda arguments: True):
        """The arguments of the first such signal that no wait has given yet."""
        deadline = time.monotonic() + timeout
        while True:
            for message in self.signal_messages(member, path):
                if not hasattr(message, "waited") and match(arguments(message)):
                    message.waited = True
                    return arguments(message)
            if not self.receive(deadline - time.monotonic()):
                raise TimeoutError(f"no signal {member}")

    def close(self):
        self.socket.close()
        for fd in [*self.fds, *(fd for fds in self.reply_fds.values() for fd in fds)]:
            os.close(fd)
        self.fds, self.reply_fds = [], {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def arguments(message):
    """What a message carries."""
    body = message.get_body()
    return body.unpack() if body is not None else ()


def variants(options):
    """A dictionary for a{sv}; what is no variant yet becomes one of the obvious type."""
    def variant(value):
        if isinstance(value, GLib.Variant):
            return value
        if isinstance(value, bool):
            return GLib.Variant("b", value)
        if isinstance(value, int):
            return GLib.Variant("u", value)
        if isinstance(value, str):
            return GLib.Variant("s", value)
        return GLib.Variant("as", value)
    return {name.replace("_", "-"): variant(value) for name, value in options.items()}


def wait(condition, timeout=20, pause=0.02):
    """Waits for a condition, and gives what it gave."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing in {timeout} s")
        time.sleep(pause)


def container_path(uid, name):
    """The object path of a container, as the interface documents it."""
    label = "".join(c if c.isalpha() or (c.isdigit() and i) else f"_{ord(c):02x}" for i, c in enumerate(name))
    return f"{ROOT}/container/u{uid}/{label}"

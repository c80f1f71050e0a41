# SPDX-License-Identifier: LGPL-2.1-or-later
"""A bus that lies: hands on what a service and the real bus say to each other, and changes some of it."""

import array
import os
import select
import socket
import threading

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

FDS = Gio.DBusCapabilityFlags.UNIX_FD_PASSING
KIND = Gio.DBusMessageType
RIGHTS = socket.CMSG_SPACE(64 * 4)


class Way:
    """One direction: bytes and file descriptors as they come, and where they go."""

    def __init__(self, source, target, talked):
        self.source, self.target, self.talked = source, target, talked
        self.data, self.fds = b"", []

    def receive(self):
        """False: the other end is gone."""
        try:
            data, ancillary, _, _ = self.source.recvmsg(65536, RIGHTS)
        except OSError:
            return False
        for _, kind, content in ancillary:
            if kind == socket.SCM_RIGHTS:
                numbers = array.array("i")
                numbers.frombytes(content[: len(content) - len(content) % 4])
                self.fds += numbers
        self.data += data
        return bool(data)

    def messages(self):
        """(bytes, message, fds) of each whole message that is there."""
        while len(self.data) >= 16:
            size = Gio.DBusMessage.bytes_needed(self.data[:16])
            if len(self.data) < size:
                return
            raw, self.data = self.data[:size], self.data[size:]
            message = Gio.DBusMessage.new_from_blob(raw, FDS)
            n = message.get_num_unix_fds()
            fds, self.fds = self.fds[:n], self.fds[n:]
            yield raw, message, fds

    def send(self, data, fds=()):
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        try:
            sent = self.target.sendmsg([data], ancillary)
            self.target.sendall(data[sent:])
        except OSError:
            pass
        for fd in fds:
            os.close(fd)


class LyingBus:
    """Listens at SOCKET for one service, for which it talks to the bus at ADDRESS. `lies` has what a lie does to the
    answer of a method, by the method's name: it is given the answer and gives another, or None for none at all.
    `signals` has, by name, what says whether a signal is handed on. A call whose name is in `swallowed` never
    gets to where it goes. What is held back is in `held`."""

    def __init__(self, path, address):
        self.lies, self.signals, self.swallowed, self.held = {}, {}, set(), []
        self.address = address
        self.asked = {}  # serial → member
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(path))
        os.chmod(path, 0o600)
        self.listener.listen(4)
        self.stopping, self.stop = os.pipe()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        ways = {}
        while True:
            ready = select.select([self.listener, self.stopping, *ways], [], [])[0]
            if self.stopping in ready:
                break
            for source in ready:
                if source is self.listener:
                    self.accept(ways)
                elif source in ways and not self.pump(ways[source]):
                    other = ways.pop(source).target
                    ways.pop(other, None)
                    source.close()
                    other.close()
        for source in ways:
            source.close()

    def accept(self, ways):
        service, _ = self.listener.accept()
        bus = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        bus.connect(self.address)
        self.back = Way(bus, service, False)
        ways[service], ways[bus] = Way(service, bus, False), self.back
        ways[service].outward, ways[bus].outward = True, False

    def pump(self, way):
        if not way.receive():
            return False
        if not way.talked and not self.pass_greeting(way):
            return True
        for raw, message, fds in way.messages():
            if way.outward:
                self.hear(way, raw, message, fds)
            else:
                self.tell(way, raw, message, fds)
        return True

    def pass_greeting(self, way):
        """Before the messages there are lines. True: they are over."""
        if way.outward:
            lines, begin, rest = way.data.partition(b"BEGIN\r\n")
            way.data = rest
            way.talked = bool(begin)
            way.send(lines + begin)
            return way.talked
        while way.data and way.data[:1] not in (b"l", b"B"):
            line, end, rest = way.data.partition(b"\r\n")
            if not end:
                return False
            way.send(line + end)
            way.data = rest
        way.talked = bool(way.data)
        return way.talked

    def hear(self, way, raw, message, fds):
        if message.get_message_type() == KIND.METHOD_CALL:
            self.asked[message.get_serial()] = message.get_member()
            if message.get_member() in self.swallowed:
                self.held.append(message)
                for fd in fds:
                    os.close(fd)
                return
        way.send(raw, fds)

    def tell(self, way, raw, message, fds):
        kind = message.get_message_type()
        if kind == KIND.SIGNAL:
            keep = self.signals.get(message.get_member())
            if keep and not keep(message):
                self.held.append(message)
                return
        elif kind in (KIND.METHOD_RETURN, KIND.ERROR):
            lie = self.lies.get(self.asked.pop(message.get_reply_serial(), None))
            if lie:
                message = lie(message)
                if not message:
                    return
                raw = bytes(message.to_blob(FDS))
        way.send(raw, fds)

    def release(self):
        """Hands on the signals that were held back."""
        held, self.held = self.held, []
        for message in held:
            if message.get_message_type() == KIND.SIGNAL:
                self.back.send(bytes(message.to_blob(FDS)))

    def truth(self):
        """No more lies."""
        self.lies, self.signals, self.swallowed = {}, {}, set()
        self.release()

    def close(self):
        os.write(self.stop, b"x")
        self.thread.join()
        self.listener.close()
        os.close(self.stopping)
        os.close(self.stop)


def error(name, text="it is a lie"):
    """A lie: the answer is an error."""
    def lie(message):
        answer = Gio.DBusMessage()
        answer.set_message_type(KIND.ERROR)
        answer.set_error_name(name)
        answer.set_body(GLib.Variant("(s)", (text,)))
        return dressed(answer, message)
    return lie


def body(variant):
    """A lie: the answer has another body."""
    def lie(message):
        answer = Gio.DBusMessage()
        answer.set_message_type(KIND.METHOD_RETURN)
        if variant:
            answer.set_body(variant)
        return dressed(answer, message)
    return lie


def silence(_):
    """A lie: there is no answer."""
    return None


def dressed(answer, message):
    """The answer in the envelope of the true one."""
    answer.set_serial(message.get_serial())
    answer.set_reply_serial(message.get_reply_serial())
    answer.set_sender(message.get_sender())
    answer.set_destination(message.get_destination())
    answer.set_flags(Gio.DBusMessageFlags.NO_REPLY_EXPECTED)
    return answer

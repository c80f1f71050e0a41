# SPDX-License-Identifier: LGPL-2.1-or-later
"""A polkit that writes down what it is asked, and answers as it is told."""

import pathlib
import re
import threading

from gi.repository import Gio, GLib

from wire import KIND, Client, wait

AUTHORITY = "org.freedesktop.PolicyKit1.Authority"
PATH = "/org/freedesktop/PolicyKit1/Authority"
INTERACTION = 1

CREATE = "org.bothy.Bothy1.create-container"
INSPECT = "org.bothy.Bothy1.inspect-containers"
MANAGE = "org.bothy.Bothy1.manage-containers"
EXCEED = "org.bothy.Bothy1.exceed-quota"
RECLAIM = "org.bothy.Bothy1.reclaim-range"
PORT = "org.bothy.Bothy1.privileged-port"
POLICY = pathlib.Path(__file__).parents[2] / "polkit/org.bothy.Bothy1.policy.in"
ACTIONS = re.findall(r'<action id="([^"]+)">', POLICY.read_text())


class Question:
    """One CheckAuthorization."""

    def __init__(self, message):
        self.message = message
        (self.kind, self.subject), self.action, self.details, self.flags, self.cancellation = (
            message.get_body().unpack())

    def __repr__(self):
        return f"Question({self.kind} {self.subject} {self.action} {self.details} {self.flags})"


class Polkit:
    """Answers are per action: "yes", "no", "challenge", "dismissed", "error", "malformed", "wrong-type", "hang" or
    "silent". A challenge is answered by `dialogs` once interaction is allowed."""

    def __init__(self, address):
        self.address = address
        self.lock = threading.Lock()
        self.reset()
        self.client = None
        self.appear()

    def reset(self):
        with self.lock:
            self.answers = {CREATE: "yes", INSPECT: "no", MANAGE: "no"}
            self.dialogs = {}
            self.questions, self.held, self.cancelled = [], [], []

    def appear(self):
        self.client = Client(self.address, 0)
        self.client.bus("RequestName", "(su)", "org.freedesktop.PolicyKit1", 0)
        self.stopping = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def vanish(self):
        self.stopping = True
        self.thread.join()
        self.client.close()
        self.client = None

    def run(self):
        while not self.stopping:
            if not self.client.receive(0.05):
                continue
            messages, self.client.incoming = self.client.incoming, []
            for message in messages:
                if message.get_message_type() == KIND.METHOD_CALL:
                    self.handle(message)

    def handle(self, message):
        member = message.get_member()
        if member == "GetAll":
            self.send(message, GLib.Variant("(a{sv})", ({
                "BackendName": GLib.Variant("s", "test"), "BackendVersion": GLib.Variant("s", "1"),
                "BackendFeatures": GLib.Variant("u", 1)},)))
        elif member == "CheckAuthorization":
            question = Question(message)
            with self.lock:
                self.questions.append(question)
                answer = self.answers.get(question.action, "no")
                if answer == "challenge" and question.flags & INTERACTION:
                    answer = self.dialogs.get(question.action, "no")
            self.answer(question, answer)
        elif member == "CancelCheckAuthorization":
            with self.lock:
                self.cancelled.append(message.get_body().unpack()[0])
            self.send(message, None)
        else:
            self.transmit(Gio.DBusMessage.new_method_error_literal(
                message, "org.freedesktop.DBus.Error.UnknownMethod", member))

    def answer(self, question, answer):
        message = question.message
        if answer == "hang":
            with self.lock:
                self.held.append(question)
        elif answer == "silent":
            pass
        elif answer == "exit":
            self.stopping = True
        elif answer == "error":
            self.transmit(Gio.DBusMessage.new_method_error_literal(
                message, "org.freedesktop.PolicyKit1.Error.Failed", "out of order"))
        elif answer == "malformed":
            self.send(message, GLib.Variant("(s)", ("yes",)))
        elif answer == "wrong-type":
            self.send(message, GLib.Variant("((uua{ss}))", ((1, 0, {}),)))
        else:
            details = {"polkit.dismissed": "true"} if answer == "dismissed" else {}
            self.send(message, GLib.Variant("((bba{ss}))", ((answer == "yes", answer == "challenge", details),)))

    def send(self, message, body):
        reply = Gio.DBusMessage.new_method_reply(message)
        if body is not None:
            reply.set_body(body)
        self.transmit(reply)

    def transmit(self, reply):
        with self.lock:
            self.client.transmit(reply)

    # ---- for tests ----

    def asked(self, action=None):
        with self.lock:
            return [q for q in self.questions if action in (None, q.action)]

    def wait_held(self, n=1):
        return wait(lambda: self.held if len(self.held) >= n else None)

    def release(self, answer="yes"):
        with self.lock:
            held, self.held = self.held, []
        for question in held:
            self.answer(question, answer)

    def close(self):
        if self.client:
            self.vanish()

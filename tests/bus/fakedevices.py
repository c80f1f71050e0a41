# SPDX-License-Identifier: LGPL-2.1-or-later
"""In place of bothy-devices: what a test says is plugged in."""

import json
import os
import socket

PRESENT, GONE, READY = 1, 2, 3
PROGRAM = '''#!/usr/bin/python3
import json, os, select, socket, struct, sys
STATE, CONTROL = {state!r}, {control!r}
out = socket.socket(fileno=3)
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
if os.path.exists(CONTROL):
    os.unlink(CONTROL)
listener.bind(CONTROL)

def say(kind, device=None):
    text = b""
    if kind == 1:
        words = [device["name"], device["subsystem"], device["path"], "", "", "", "", "", "", "", "USEC_INITIALIZED=%d" % device["moment"]]
        text = b"".join(word.encode() + bytes(1) for word in words)
    numbers = (device["major"], device["minor"]) if device else (0, 0)
    out.send(struct.pack("=6I", 1, kind, *numbers, 0, len(text)) + text)

with open(STATE) as state:
    known = json.load(state)
for device in known["devices"]:
    say(1, device)
if known["ready"]:
    say(3)
while True:
    if out in select.select([listener, out], [], [])[0]:
        sys.exit(0)
    kind, device = json.loads(listener.recv(65536))
    if not kind:
        sys.exit(0)
    say(kind, device)
'''


class FakeDevices:
    def __init__(self, world):
        self.world, self.present, self.ready, self.moment = world, {}, True, 1
        self.state, self.control = world.directory / "devices.json", world.directory / "devices.control"
        program = world.directory / "fake-devices"
        program.write_text(PROGRAM.format(state=str(self.state), control=str(self.control)))
        program.chmod(0o755)
        self.target = "/usr/libexec/bothy/bothy-devices"
        self.write()
        world.inside("mount", "--bind", program, self.target)
        world.restart()

    def write(self):
        self.state.write_text(json.dumps({"devices": list(self.present.values()), "ready": self.ready}))

    def say(self, kind, device=None):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            try:
                sender.connect(str(self.control))
                sender.send(json.dumps([kind, device]).encode())
            except OSError:
                # Nobody watches.
                pass

    def plug(self, name, major, minor):
        self.moment += 1
        self.present[name] = {"name": name, "subsystem": "misc", "path": f"/devices/virtual/misc/{os.path.basename(name)}",
                              "major": major, "minor": minor, "moment": self.moment}
        self.write()
        self.say(PRESENT, self.present[name])

    def unplug(self, name):
        gone = self.present.pop(name)
        self.write()
        self.say(GONE, gone)

    def be_silent(self):
        """It ends, and the next one does not say that it has told of all."""
        self.ready = False
        self.write()
        self.say(0)

    def speak(self):
        self.ready = True
        self.write()
        self.say(READY)

    def close(self):
        self.world.inside("umount", self.target)
        self.world.restart()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A file system (FUSE) with one file, which lets some processes wait for ever: those that are called as it is told."""

import ctypes
import os
import pathlib
import select
import socket
import stat
import struct
import subprocess

LOOKUP, FORGET, GETATTR, OPEN, READ, RELEASE, FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, INTERRUPT = (
    1, 2, 3, 14, 15, 18, 25, 26, 27, 28, 29, 36)
PROC = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)   # ours, wherever the file system is mounted
ROOT_NODE, FILE_NODE = 1, 2
ENOSYS = 38
SLOW = (GETATTR, READ, FLUSH, OPENDIR)


class Server:
    """What answers the kernel, in a process of its own: the test's would wait for itself."""

    def __init__(self, device, control, content):
        self.device, self.control, self.content = device, control, content
        self.slow, self.held = "", []

    def run(self):
        while True:
            readable = select.select([self.device, self.control], [], [])[0]
            if self.control in readable and not self.command():
                return
            if self.device in readable:
                self.take()

    def command(self):
        text = self.control.recv(4096).decode()
        if text == "held":
            self.control.send(str(len(self.held)).encode())
        elif text:
            self.slow = text[len("slow "):]
            if not self.slow:
                held, self.held = self.held, []
                for request in held:
                    self.handle(*request)
            self.control.send(b"done")
        return text != ""

    def take(self):
        try:
            data = os.read(self.device, 1 << 20)
        except OSError:
            return
        _, opcode, unique, node, _, _, pid = struct.unpack_from("=IIQQIII", data)
        if self.slow and opcode in SLOW and self.name_of(pid) == self.slow:
            self.held.append((opcode, unique, node, data[40:]))
        else:
            self.handle(opcode, unique, node, data[40:])

    @staticmethod
    def name_of(pid):
        try:
            return os.path.basename(os.readlink(f"{pid}/exe", dir_fd=PROC))
        except OSError:
            pass
        try:
            with open(f"{pid}/comm", opener=lambda path, flags: os.open(path, flags, dir_fd=PROC)) as name:
                return name.read().strip()
        except OSError:
            return ""

    def reply(self, unique, body=b"", error=0):
        try:
            os.write(self.device, struct.pack("=IiQ", 16 + len(body), -error, unique) + body)
        except OSError:
            # Whoever asked is gone.
            pass

    def attributes(self, node):
        mode, size = (stat.S_IFDIR | 0o755, 0) if node == ROOT_NODE else (stat.S_IFREG | 0o644, len(self.content))
        return struct.pack("=6Q10I", node, size, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def handle(self, opcode, unique, node, body):
        if opcode == INIT:
            self.reply(unique, struct.pack("=IIIIHHIIHHI7I", 7, 31, 65536, 0, 8, 8, 65536, 1, 0, 0, 0, *[0] * 7))
        elif opcode == LOOKUP:
            self.reply(unique, struct.pack("=QQQQII", FILE_NODE, 1, 0, 0, 0, 0) + self.attributes(FILE_NODE))
        elif opcode == GETATTR:
            self.reply(unique, struct.pack("=QII", 0, 0, 0) + self.attributes(node))
        elif opcode in (OPEN, OPENDIR):
            self.reply(unique, struct.pack("=QII", 1, 0, 0))
        elif opcode == READ:
            _, offset, size = struct.unpack_from("=QQI", body)
            self.reply(unique, self.content[offset:offset + size])
        elif opcode in (FLUSH, RELEASE, RELEASEDIR, READDIR):
            self.reply(unique)
        elif opcode not in (FORGET, INTERRUPT):
            self.reply(unique, error=ENOSYS)


def mount(directory, device, process):
    """In the mount namespace of PROCESS, if there is one: it is for a process that has nothing else to do."""
    libc = ctypes.CDLL(None, use_errno=True)
    if process and libc.setns(os.open(f"/proc/{process}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC), 0) < 0:
        raise OSError(ctypes.get_errno(), "setns")
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other"
    if libc.mount(b"slow", os.fsencode(directory), b"fuse", 0, options.encode()) < 0:
        raise OSError(ctypes.get_errno(), "mount")


class SlowFileSystem:
    """Of the program that `slow` names nothing about the file is answered. PROCESS: who has it mounted, if not we."""

    def __init__(self, directory, content=b"", process=None):
        self.directory, self.process = pathlib.Path(directory), process
        device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.pid = os.fork()
        if self.pid == 0:
            try:
                self.control.close()
                mount(directory, device, process)
                theirs.send(b"ready")
                Server(device, theirs, content).run()
            finally:
                os._exit(0)
        theirs.close()
        os.close(device)
        if self.control.recv(100) != b"ready":
            raise OSError("no file system for the test")

    @property
    def file(self):
        return self.directory / "file"

    def ask(self, text):
        self.control.send(text.encode())
        return self.control.recv(100).decode()

    def let_wait(self, program):
        """"" lets all go on."""
        self.ask("slow " + program)

    @property
    def held(self):
        return int(self.ask("held"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.let_wait("")
        inside = ["nsenter", f"--target={self.process}", "--mount", "--"] if self.process else []
        subprocess.run([*inside, "umount", "-l", self.directory], check=True)
        self.control.close()
        os.waitpid(self.pid, 0)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Drives bothy-unpack as bothyd does: in a user namespace over the neutral range, through bothy-helper."""

import os
import socket
import struct

from helping import NEUTRAL, SPAWN, UNPACK, Helper, request

ARCHIVE, BUSYBOX, REMOVE, LAYER, HASH, BUNDLE, DECOMPRESS, METADATA, PACK, CHECK = range(1, 11)
OK, BAD_ARCHIVE, LIMIT_EXCEEDED, NO_SPACE, IO, NOT_STATIC, CLOSED = range(7)
IS_UNIFIED, IS_ROOT, HIDES_BELOW, IS_CHECKED, IS_OVER, NEEDS_BELOW, MAY_NEED_BELOW = 1, 2, 4, 32, 128, 256, 512
SQUASH_OWNERS, HAS_SQUASHED = 1 << 14, 1 << 15
MESSAGE = struct.Struct("=IIIiQQQQ32s32sIII4x")
REQUEST = struct.Struct("=IIIIQQQ32768s4096sII")


class Result:
    def __init__(self, data):
        (_, self.type, self.error, self.errno, self.bytes_in, self.bytes_out, self.inodes, self.skipped, self.sha256,
         self.whole, self.flags, self.n_layers, size) = MESSAGE.unpack(data[: MESSAGE.size])
        self.text = data[MESSAGE.size : MESSAGE.size + size]
        assert len(self.text) == size == len(data) - MESSAGE.size

    def __repr__(self):
        return f"<error {self.error} errno {self.errno} in {self.bytes_in} out {self.bytes_out} inodes {self.inodes} {self.text[-200:]!r}>"

    @property
    def os_release(self):
        return self.text.split(b"\0")[0].decode()

    @property
    def architecture(self):
        return self.text.split(b"\0")[1].decode()

    @property
    def metadata(self):
        """What metadata.yaml said, without what it did not say."""
        pairs = (line.split("=", 1) for line in self.text.split(b"\0")[2].decode().splitlines())
        return {name: value for name, value in pairs if value}


class Unpacker:
    """Makes bothy-unpack processes."""

    def __init__(self):
        self.helper = Helper()
        self.userns = self.helper.userns([(0, NEUTRAL, 65536)], owner=0)

    def close(self):
        os.close(self.userns)
        self.helper.close()

    def start(self, mode, tree, source, max_bytes=1 << 34, max_inodes=1 << 22, max_seconds=120, flags=0, beside=()):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        directory = os.dup(tree) if isinstance(tree, int) else os.open(tree, os.O_RDONLY | os.O_DIRECTORY)
        reply = self.helper.call(
            request(SPAWN, program=UNPACK), [self.userns, theirs.fileno(), directory, source]
        )
        assert reply.error == 0
        os.close(directory)
        theirs.close()
        ours.settimeout(180)
        # BESIDE: what goes to it with the request, the source first.
        socket.send_fds(ours, [REQUEST.pack(7, mode, flags, 0, max_bytes, max_inodes, max_seconds, b"", b"", 0, 0)], beside)
        return ours, reply.fds[0], reply.number

    def finish(self, started):
        connection, pidfd, _ = started
        os.close(pidfd)
        with connection:
            while True:
                data = connection.recv(1 << 18)
                assert data, "bothy-unpack ended without a result"
                result = Result(data)
                if result.type == 2:
                    return result

    def run(self, mode, tree, source, **limits):
        if isinstance(source, (str, os.PathLike)):
            fd = os.open(source, os.O_RDONLY)
        else:
            fd = os.dup(source)
        try:
            return self.finish(self.start(mode, tree, fd, **limits))
        finally:
            os.close(fd)


def make_tree(path):
    os.mkdir(path, 0o700)
    os.chown(path, NEUTRAL, NEUTRAL)
    return path

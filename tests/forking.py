# SPDX-License-Identifier: LGPL-2.1-or-later
"""Children for tests, forked from a small process.

A fork of pytest copies the tables of a hundred megabytes, and each page that is used afterwards is copied as well: a
tenth of a second and more where a child is wanted for three system calls. The process that forks here has nothing,
and a clone with CLONE_PARENT makes the child pytest's own: os.kill() and os.waitpid() work as after os.fork().
"""

import json
import os
import platform
import socket
import subprocess
import sys

# One request after the other until pytest has gone.
PARENT = r"""
import array, ctypes, json, os, socket, sys, traceback

clone, CLONE_PARENT, SIGCHLD = int(sys.argv[2]), 0x8000, 17
libc = ctypes.CDLL(None, use_errno=True)
requests = socket.socket(fileno=int(sys.argv[1]))
while True:
    data, ancillary, _, _ = requests.recvmsg(1 << 17, socket.CMSG_SPACE(4 * 16))
    if not data:
        break
    fds = array.array("i")
    for _, _, payload in ancillary:
        fds.frombytes(payload)
    pid = libc.syscall(clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        status = 1
        try:
            requests.close()
            source, arguments = json.loads(data)
            exec(source, {"fds": list(fds), "arguments": arguments, "libc": libc, "os": os, "socket": socket})
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    for fd in fds:
        os.close(fd)
    requests.send(str(pid).encode())
"""

parent = None


def fork(source, *arguments, fds=()):
    """Runs SOURCE in a child, and gives its pid.

    SOURCE finds `fds` (its own copies), `arguments` (what JSON makes of them), `libc`, `os` and `socket`. The child's
    namespaces, environment and directory are those that pytest had at the first call. It ends with 0, or after an
    exception with 1.
    """
    global parent
    if not parent:
        parent, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        clone = {"x86_64": 56}.get(platform.machine(), 220)
        with theirs:
            subprocess.Popen([sys.executable, "-I", "-S", "-c", PARENT, str(theirs.fileno()), str(clone)],
                             pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
    socket.send_fds(parent, [json.dumps([source, arguments]).encode()], list(fds))
    pid = int(parent.recv(100))
    if pid < 0:
        raise OSError("no child could be made")
    return pid


def status_of(pid):
    """Waits for a child and gives what os.waitstatus_to_exitcode() says of it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bytes from one network namespace to another."""

import ctypes
import os
import socket
import subprocess
import time

CLONE_NEWNET = 0x40000000
AMOUNT, CHUNK = 512 << 20, 1 << 18


def enter(pid):
    namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    if ctypes.CDLL(None, use_errno=True).setns(namespace, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
    os.close(namespace)


def receive(pid, ready):
    """Takes one connection, and says when all has come."""
    enter(pid)
    listening = socket.create_server(("0.0.0.0", 5001))
    os.write(ready, b"x")
    connection, _ = listening.accept()
    room = bytearray(CHUNK)
    while connection.recv_into(room):
        pass
    connection.send(b"x")


def send(pid, address):
    """How many nanoseconds the bytes take, until the last has come."""
    enter(pid)
    chunk = memoryview(bytes(CHUNK))
    with socket.create_connection((address, 5001)) as connection:
        begin = time.perf_counter_ns()
        for _ in range(AMOUNT // CHUNK):
            connection.sendall(chunk)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)
        return time.perf_counter_ns() - begin


def forked(function, *arguments):
    """Runs it in a process of its own; gives that, and where its answer comes."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(write, str(function(*arguments)).encode())
        finally:
            os._exit(0)
    os.close(write)
    return pid, read


def measure(sender, receiver, address):
    ready, told = os.pipe()
    server, _ = forked(receive, receiver, told)
    os.read(ready, 1)
    client, answer = forked(send, sender, address)
    taken = os.read(answer, 100)
    for pid in (server, client):
        os.waitpid(pid, 0)
    for fd in (ready, told, answer, _):
        os.close(fd)
    return int(taken)


def switch(on):
    """The filter of the bridge and at the router; tables that are dormant do nothing."""
    for family in ("bridge", "inet"):
        flags = "" if on else " { flags dormant; }"
        subprocess.run(["nft", f"add table {family} bothy{flags}"], check=True)

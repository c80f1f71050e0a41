# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ports of the host that wait for the first connection, which starts a container, and gets through to it."""

import errno
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from nethost import (LISTEN, PAUSED, PUBLISH, STEP_FILTER, STEP_REQUEST, TIDY, UDP, UNLISTEN, UNPUBLISH,  # noqa: F401
                     Listener, Nic, Reply, exchange, helper, host, inside, nic, pytestmark, run, service, until)  # noqa: F401
from test_net_ports import PLACES, TCP, kept, refused, request, serve  # noqa: F401

ME = 7


def listen(helper, port=8080, asker=ME, ticket=77, **options):
    return helper.call(LISTEN, port=port, asker=asker, ticket=ticket, **options).outcome


def unlisten(helper, port=8080, asker=ME, ticket=77, **options):
    return helper.call(UNLISTEN, port=port, asker=asker, ticket=ticket, **options).outcome


def knock(helper):
    """The ticket of a port that somebody came to."""
    reply = Reply(helper.socket.recv(1 << 16))
    assert (reply.serial, reply.error) == (0, 0)
    return reply.index


def is_told(helper):
    return bool(select.select([helper.socket], [], [], 0)[0])


def connect(address="127.0.0.1", port=8080):
    s = socket.create_connection((address, port), timeout=20)
    s.settimeout(20)
    return s


def is_refused(address="127.0.0.1", port=8080):
    try:
        connect(address, port).close()
    except ConnectionRefusedError:
        return True
    return False


def is_over(s):
    try:
        return s.recv(100) == b""
    except ConnectionResetError:
        return True


def proxies(helper):
    return Path(f"/proc/{helper.process.pid}/task/{helper.process.pid}/children").read_text().split()


@pytest.fixture
def asleep(helper, nic):
    """A container that has its network, and no service yet."""
    run("ip", "address", "add", "192.0.2.1/32", "dev", "lo")
    a = nic(2)
    a.configure()
    a.configure6()
    return a


@pytest.mark.parametrize("address", ["127.0.0.1", "192.0.2.1", "::1"])
def test_the_first_connection_is_answered(helper, asleep, address):
    """It waits until the container is there, and its service; who comes later takes the usual way."""
    assert listen(helper) == (0, 0)
    assert refused(8080, TCP) == PLACES and not is_told(helper)
    with connect(address) as first, connect(address) as second:
        assert knock(helper) == 77
        for s in first, second:
            s.send(b"pi")
        assert helper.call(PUBLISH, **request(asleep, TCP)).outcome == (0, 0)
        assert not select.select([first, second], [], [], 0.1)[0]
        with service(asleep.namespace, 80, TCP, socket.AF_INET6):
            for s in first, second:
                assert s.recv(100)
            assert exchange(os.open("/proc/self/ns/net", os.O_RDONLY), "127.0.0.1", 8080, TCP)
            assert refused(8080, TCP) == PLACES
    until(lambda: proxies(helper) == [])


def test_all_of_it_gets_through_both_ways(helper, asleep):
    """More than fits into any buffer, and each end learns that the other has no more to say."""
    assert listen(helper) == (0, 0)
    with connect() as client:
        assert knock(helper) == 77
        assert helper.call(PUBLISH, **request(asleep, TCP)).outcome == (0, 0)
        with inside(asleep.namespace):
            server = socket.create_server(("", 80))
        server.settimeout(20)
        with server, server.accept()[0] as other:
            other.settimeout(20)
            for sender, receiver in (client, other), (other, client):
                sent = os.urandom(3 << 20)
                feeder = threading.Thread(target=sender.sendall, args=(sent,))
                feeder.start()
                received = bytearray()
                while len(received) < len(sent) and (part := receiver.recv(1 << 16)):
                    received += part
                feeder.join()
                assert received == sent
                sender.shutdown(socket.SHUT_WR)
                assert receiver.recv(100) == b""
    until(lambda: proxies(helper) == [])


def test_who_hands_over_can_do_nothing_else(helper, asleep):
    assert listen(helper) == (0, 0)
    with connect():
        knock(helper)
        assert helper.call(PUBLISH, **request(asleep, TCP)).outcome == (0, 0)
        (pid,) = proxies(helper)
        until(lambda: "Seccomp:\t2" in Path(f"/proc/{pid}/status").read_text())
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        assert int(status["CapPrm"], 16) == int(status["CapEff"], 16) == 0 and status["NoNewPrivs"] == "1"
        kinds = [os.readlink(f"/proc/{pid}/fd/{fd}").split(":")[0] for fd in os.listdir(f"/proc/{pid}/fd") if fd != "2"]
        # The connection, what ends it, and perhaps the way inside that it tries just now.
        assert sorted(set(kinds)) == ["pipe", "socket"] and kinds.count("pipe") == 1 and kinds.count("socket") <= 2
    asleep.detach()
    until(lambda: proxies(helper) == [])


@pytest.mark.parametrize("end", ["detach", "listen", "unpublish"])
def test_what_was_handed_over_ends_with_the_container(helper, asleep, end):
    assert listen(helper) == (0, 0)
    with connect() as client:
        knock(helper)
        assert helper.call(PUBLISH, **request(asleep, TCP)).outcome == (0, 0)
        {"detach": asleep.detach, "listen": lambda: listen(helper),
         "unpublish": lambda: helper.call(UNPUBLISH, **request(asleep, TCP))}[end]()
        assert is_over(client)
    until(lambda: proxies(helper) == [])


def test_it_is_told_once_each_time_it_is_asked(helper, asleep):
    assert listen(helper) == (0, 0)
    with connect(), connect():
        assert knock(helper) == 77
        with connect():
            assert not is_told(helper)
        assert listen(helper, ticket=78) == (0, 0)
        assert knock(helper) == 78
        # And while it is paused, nobody waits.
        assert listen(helper, flags=PAUSED) == (0, 0)
        assert is_refused() and is_refused("::1") and refused(8080, TCP) == PLACES
        assert listen(helper, ticket=79) == (0, 0)
        assert not is_told(helper)
        with connect("::1"):
            assert knock(helper) == 79


def test_again_and_again(helper, asleep):
    """Connections that were handed over before, and are still open on this side, are not in the way."""
    clients = []
    with service(asleep.namespace, 80, TCP):
        for round in range(3):
            assert listen(helper, ticket=round + 1) == (0, 0)
            clients.append(connect())
            assert knock(helper) == round + 1
            assert helper.call(PUBLISH, **request(asleep, TCP)).outcome == (0, 0)
            clients[-1].send(b"ping")
            assert clients[-1].recv(100)
            assert helper.call(UNPUBLISH, **request(asleep, TCP)).outcome == (0, 0)
            assert is_refused()
    for client in clients:
        client.close()


def test_letting_go(helper, asleep):
    for port, asker in (8080, ME), (8081, ME), (8082, ME + 1):
        assert listen(helper, port, asker) == (0, 0)
    with connect() as client:
        # Or it would be taken for the answer.
        assert knock(helper) == 77
        assert unlisten(helper) == (0, 0)
        assert is_over(client) and is_refused()
        until(lambda: refused(8080, TCP) == [])
    # Whatever an earlier bothyd asked for; nothing of what leads to a container.
    assert helper.call(PUBLISH, **request(asleep, TCP, 8083)).outcome == (0, 0)
    assert unlisten(helper, 0) == (0, 0) and helper.call(TIDY).outcome == (0, 0)
    assert refused(8081, TCP) == refused(8083, TCP) == PLACES and refused(8082, TCP) == []
    assert unlisten(helper, 8083) == unlisten(helper, 8084) == (0, 0)
    assert refused(8083, TCP) == PLACES


def test_what_somebody_else_asked_for_since(helper, asleep):
    """It may be another user's by now: who comes late with his word takes nothing."""
    assert listen(helper) == listen(helper, ticket=78) == (0, 0)
    with connect():
        assert knock(helper) == 78
    for options in {"ticket": 77}, {"ticket": 78, "asker": ME + 1}:
        assert unlisten(helper, **options) == (0, 0)
        assert refused(8080, TCP) == PLACES and not is_refused()
    assert unlisten(helper, ticket=78) == (0, 0) and is_refused()
    until(lambda: refused(8080, TCP) == [])


BINDS = """
import socket
while True:
    s = socket.socket()
    for option in OPTIONS:
        s.setsockopt(socket.SOL_SOCKET, option, 1)
    try:
        s.bind(("127.0.0.1", 8080))
    except OSError:
        s.close()
        continue
    print("bound", flush=True)
    s.listen()
    print("won", flush=True)
"""


def test_nobody_gets_in_between(helper, asleep):
    """Another user tries to bind the port all the time, with every option there is, and does not get it when it begins to listen,
    although connections that were handed over are in the way."""
    clients, others = [], []
    with service(asleep.namespace, 80, TCP):
        for ticket in range(3):
            assert listen(helper, ticket=ticket) == (0, 0)
            clients.append(connect())
            assert knock(helper) == ticket
            assert helper.call(PUBLISH, **request(asleep, TCP)).outcome == (0, 0)
            clients[-1].send(b"ping")
            assert clients[-1].recv(100)
            assert helper.call(UNPUBLISH, **request(asleep, TCP)).outcome == (0, 0)
        assert listen(helper, flags=PAUSED) == (0, 0)
        for options in "(socket.SO_REUSEADDR,)", "(socket.SO_REUSEADDR, socket.SO_REUSEPORT)":
            others.append(subprocess.Popen([sys.executable, "-c", BINDS.replace("OPTIONS", options)], user=1234, group=1234,
                                           extra_groups=[], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL))
        try:
            for ticket in range(300):
                assert listen(helper, ticket=ticket) == listen(helper, ticket=ticket, flags=PAUSED) == (0, 0)
        finally:
            for other in others:
                other.kill()
        assert [other.communicate()[0] for other in others] == [b"", b""]
    for client in clients:
        client.close()


def test_who_does_not_read_keeps_no_processor(helper, asleep):
    """The client is gone, and what he said can not be passed on: nothing is done until somebody moves."""
    assert listen(helper) == (0, 0)
    client = connect()
    assert knock(helper) == 77
    assert helper.call(PUBLISH, **request(asleep, TCP)).outcome == (0, 0)
    with inside(asleep.namespace):
        server = socket.create_server(("", 80))
    server.settimeout(20)
    with server, server.accept()[0]:
        client.settimeout(0.5)
        with pytest.raises(TimeoutError):
            while True:
                client.sendall(bytes(1 << 20))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        (pid,) = proxies(helper)
        before = ticks(pid)
        time.sleep(1)
        assert ticks(pid) - before < os.sysconf("SC_CLK_TCK") / 5
    until(lambda: proxies(helper) == [])


def ticks(pid):
    """What a process has taken of a processor."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def test_one_user_has_so_many_processes(helper, asleep):
    """The rest of those who wait is refused, and another user's are not."""
    def hand_over(port, owner):
        assert listen(helper, port, ticket=port) == (0, 0)
        client = connect(port=port)
        assert knock(helper) == port
        assert helper.call(PUBLISH, **request(asleep, TCP, port), owner=owner).outcome == (0, 0)
        return client

    with service(asleep.namespace, 80, TCP):
        clients = [hand_over(8080 + n, 1000) for n in range(32)]
        assert len(proxies(helper)) == 32
        assert is_over(hand_over(8200, 1000)) and len(proxies(helper)) == 32
        clients.append(hand_over(8201, 1001))
        assert len(proxies(helper)) == 33
        clients.pop(0).close()
        until(lambda: len(proxies(helper)) == 32)
        clients.append(hand_over(8202, 1000))
        assert len(proxies(helper)) == 33


def test_a_process_of_the_host_has_it(helper, host):
    with serve(PLACES[1], 8080, TCP):
        assert listen(helper) == (errno.EADDRINUSE, STEP_FILTER)
        assert listen(helper, host_address="::1") == (0, 0)
        assert unlisten(helper, host_address="::1") == (0, 0)
    assert listen(helper, host_address="127.0.0.1") == (0, 0)
    assert not is_refused() and is_refused("::1")


def test_requests_that_make_no_sense(helper, host):
    for options in ({"port": 0}, {"asker": 0}, {"flags": UDP}, {"flags": 1 << 10}, {"host_address": "224.0.0.1"},
                    {"host_address": "fe80::1"}, {"host_family": 5}):
        assert listen(helper, **options) == (errno.EINVAL, STEP_REQUEST), options
    assert unlisten(helper, flags=PAUSED) == unlisten(helper, asker=0) == (errno.EINVAL, STEP_REQUEST)


def test_it_goes_on_when_bothy_net_is_started_anew(kept):  # noqa: F811
    """systemd has the sockets: who waits, waits on; and what nobody asks for any more is let go of."""
    first = Listener(kept)
    for port in 8080, 8081:
        assert listen(first, port) == (0, 0)
    kept.take()
    with connect() as client:
        assert knock(first) == 77
        first.process.send_signal(signal.SIGKILL)
        first.close()
        with connect("::1") as late:
            second = Listener(kept)
            assert listen(second, asker=ME + 1, ticket=5) == (0, 0)
            assert knock(second) == 5
            a = Nic(second, 2, "br0")
            a.configure()
            a.configure6()
            with service(a.namespace, 80, TCP, socket.AF_INET6):
                assert second.call(PUBLISH, **request(a, TCP)).outcome == (0, 0)
                for s in client, late:
                    s.send(b"ping")
                    assert s.recv(100)
            assert unlisten(second, 0, ME + 1) == (0, 0)
            assert sorted(kept.take().kept) == ["tcp-8080"] and refused(8081, TCP) == []
    second.close()
    a.close()

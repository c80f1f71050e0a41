# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ports of the machine that lead into containers: at which address, from where, and several at once."""

import json
import subprocess

import pytest

from test_egress import outside  # noqa: F401
from test_network import BRIDGE, launch
from tools import info, tidy, until  # noqa: F401

LAN, LAN6 = "192.0.2.1", "2001:db8::1"

# Answers with NAME, by TCP and UDP, IPv4 and IPv6, at each of PORTS.
SERVER = """
import select, socket, sys
name, ports = sys.argv[1].encode(), sys.argv[2:]
sockets = []
for port in ports:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        s = socket.socket(socket.AF_INET6, kind)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        s.bind(("::", int(port)))
        if kind == socket.SOCK_STREAM:
            s.listen()
        sockets.append(s)
print("ready", flush=True)
while True:
    for s in select.select(sockets, [], [])[0]:
        try:
            if s.type == socket.SOCK_STREAM:
                connection, _ = s.accept()
                connection.sendall(name)
                connection.close()
            else:
                _, peer = s.recvfrom(100)
                s.sendto(name, peer)
        except OSError:
            pass
"""

# Who answers at each of TARGETS ("tcp/127.0.0.1/8080"), all asked at once; by TCP within two seconds, by UDP a second after.
CLIENT = """
import json, selectors, socket, sys, time
waiting, found = selectors.DefaultSelector(), {}
for target in sys.argv[1:]:
    protocol, address, port = target.split("/")
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET,
                      socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
    s.setblocking(False)
    try:
        s.connect_ex((address, int(port)))
        if protocol == "udp":
            s.send(b"who")
    except OSError:
        pass
    waiting.register(s, selectors.EVENT_READ, target)
end = time.monotonic() + 2
while time.monotonic() < end and waiting.get_map():
    for key, _ in waiting.select(max(0, end - time.monotonic())):
        waiting.unregister(key.fileobj)
        try:
            answer = key.fileobj.recv(100).decode()
        except OSError:
            answer = ""
        if answer:
            found[key.data] = answer
print(json.dumps(found))
"""


class Place:
    """Somewhere to talk from: the host, a network namespace of that name, or a container."""

    def __init__(self, host, *prefix):
        self.host, self.prefix = host, prefix

    def ask(self, *targets):
        return json.loads(self.host.run("root", *self.prefix, "python3", "-c", CLIENT, *targets, check=True).stdout)

    def serve(self, name, *ports):
        process = subprocess.Popen(self.host.command("root", *self.prefix, "python3", "-c", SERVER, name, *ports),
                                   stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "ready\n"
        return process


def container(host, user, name):
    until(lambda: info(host, name, user)["addresses"], what="addresses")
    return Place(host, "nsenter", "-n", "-t", str(info(host, name, user)["leader"]))


def port(host, verb, name, *words, user="alice"):
    return host.run(user, "bothy", "--no-ask-password", "port", verb, name, *words)


def listed(host, name, user="alice"):
    return {(p["protocol"], p["address"], p["host"], p["inside"])
            for p in json.loads(host.output(user, "bothy", "port", "list", "--json", name))}


@pytest.fixture
def places(outside):  # noqa: F811
    """The host, a machine outside, alice's x1 which serves, her x2, and bob's b1."""
    host = outside
    launch(host, "alice", "x1")
    launch(host, "alice", "x2")
    launch(host, "bob", "b1")
    places = {"host": Place(host), "outside": Place(host, "ip", "netns", "exec", "outside"),
              "own": container(host, "alice", "x1"), "neighbour": container(host, "alice", "x2"),
              "other": container(host, "bob", "b1")}
    servers = [places["own"].serve("x1", "80"), places["neighbour"].serve("x2", "80")]
    yield host, places
    for server in servers:
        server.kill()
        server.wait()


# Who reaches the host by which of its addresses. Where bridges pass frames to iptables (br_netfilter), what a container sends to
# a port of the host is translated on the bridge, and not routed: there only its owner's other containers get it.
WAYS = {"host": ("127.0.0.1", "127.0.0.53", "::1", LAN, LAN6, BRIDGE), "outside": (LAN, LAN6)} | dict.fromkeys(
    ("own", "neighbour", "other"), (LAN, LAN6, BRIDGE))


@pytest.fixture
def bridges(host):
    """Sets whether bridges pass frames to iptables."""
    names = ("net.bridge.bridge-nf-call-iptables", "net.bridge.bridge-nf-call-ip6tables")
    before = {name: host.run("root", "sysctl", "-n", name).stdout.strip() for name in names}

    def set_to(value):
        for name in names:
            if before[name]:
                host.run("root", "sysctl", "-qw", f"{name}={value}", check=True)

    yield set_to
    for name in names:
        if before[name]:
            host.run("root", "sysctl", "-qw", f"{name}={before[name]}", check=True)


def who_reaches(places, at, protocol):
    """Who should reach x1 by which address, and who does."""
    who_may = {who: {f"{protocol}/{way}/8080": "x1" for way in ways if at in ("", way)} for who, ways in WAYS.items()}
    found = {who: places[who].ask(*(f"{kind}/{way}/8080" for way in ways for kind in ("tcp", "udp")))
             for who, ways in WAYS.items()}
    return who_may, found


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize("at", ["", "127.0.0.1", "[::1]", LAN, f"[{LAN6}]", BRIDGE])
def test_who_reaches_a_port(places, bridges, at, protocol):
    """At the address that it was published at, and at no other; from wherever that is the host's."""
    host, places = places
    word = f"{at}:8080:80/{protocol}".removeprefix(":")
    assert port(host, "add", "x1", word).returncode == 0
    bare = at.strip("[]")
    assert listed(host, "x1") == {(protocol, bare, 8080, 80)}
    bridges(0)
    wanted, found = who_reaches(places, bare, protocol)
    assert found == wanted
    bridges(1)
    wanted, found = who_reaches(places, bare, protocol)
    for who in ("own", "other"):
        assert found.pop(who) in (wanted.pop(who), {})
    assert found == wanted
    assert port(host, "remove", "x1", word.replace(":80/", "/")).returncode == 0
    assert places["host"].ask(*(f"{protocol}/{way}/8080" for way in WAYS["host"])) == {}


def test_a_port_for_each_address(places):
    """As with bind(2): the same port of another address is another's, but not every address beside one."""
    host, places = places
    assert port(host, "add", "x1", "127.0.0.1:8080:80").returncode == 0
    assert port(host, "add", "x2", f"{LAN}:8080:80", f"[{LAN6}]:8080:80").returncode == 0
    asked = [f"tcp/{way}/8080" for way in ("127.0.0.1", "::1", LAN, LAN6)]
    wanted = {asked[0]: "x1", asked[2]: "x2", asked[3]: "x2"}
    assert places["host"].ask(*asked) == wanted
    for user, name, word in (("alice", "x1", "127.0.0.1:8080"), ("alice", "x2", "127.0.0.1:8080"), ("alice", "x1", "8080"),
                             ("bob", "b1", "8080"), ("bob", "b1", f"{LAN}:8080")):
        refused = port(host, "add", name, word, user=user)
        assert refused.returncode == 1 and "leads to" in refused.stderr, word
        assert ("another user" in refused.stderr) == (user == "bob") and (user != "bob" or "x1" not in refused.stderr)
    gone = port(host, "remove", "x1", "8080")
    assert gone.returncode == 1 and "127.0.0.1:8080/tcp does" in gone.stderr
    # A service of the host's, at an address that is left; and nobody gets one that leads into a container.
    serve = "python3 -c 'import socket, sys; socket.socket().bind((sys.argv[1], 8080))' "
    for how in ("true", "systemctl restart bothyd", "systemctl restart bothy-net", "systemctl kill -s KILL bothy-net"):
        host.run("root", how, check=True)
        assert "in use" in host.run("bob", serve + "127.0.0.1").stderr, how
        assert "in use" in host.run("bob", serve + "0.0.0.0").stderr, how
        host.run("bob", serve + "127.0.0.2", check=True)
    assert until(lambda: places["host"].ask(*asked) == wanted, 20, "ports again")
    host.run("alice", "bothy", "restart", "x1", check=True)
    assert listed(host, "x1") == {("tcp", "127.0.0.1", 8080, 80)}
    taken = subprocess.Popen(host.command("bob", "python3", "-c", "import socket, time; s = socket.create_server(('127.0.0.1', "
                                          "8090)); print('ready', flush=True); time.sleep(60)"), stdout=subprocess.PIPE)
    taken.stdout.readline()
    for word, wanted in (("127.0.0.1:8090", 1), ("8090", 1), (f"{LAN}:8090", 0)):
        assert port(host, "add", "x2", word).returncode == wanted, word
    taken.kill()
    taken.wait()


def test_a_port_at_an_address_that_is_not_the_hosts(outside):  # noqa: F811
    host = outside
    host.run("alice", "bothy", "create", "busybox", "x1", check=True)
    for address, reason in (("192.0.2.9", LAN), ("[2001:db8::9]", LAN6), ("0.0.0.0", "every one"), ("[::]", "every one"),
                            ("[fe80::1]", "link-local"), ("224.0.0.1", "no such address"), ("[::ffff:127.0.0.1]", "IPv4")):
        refused = port(host, "add", "x1", f"{address}:8080")
        assert refused.returncode == 1 and reason in refused.stderr, (address, refused.stderr)
    # Brackets are as in a URL.
    for word in ("::1:8080", "[127.0.0.1]:8080", "[::1]8080", "1.2.3:80", "127.0.0.1", "127.0.0.1:", "[::1]:", "a:80", "8080/icmp",
                 "8010-8000", "0-5", "8000-", "-8000", "1:2:3"):
        assert port(host, "add", "x1", word).returncode == 2, word
    sctp = port(host, "add", "x1", "8080/sctp")
    assert sctp.returncode == 2 and "SCTP" in sctp.stderr
    assert listed(host, "x1") == set()
    made = host.run("alice", "bothy", "create", "-p", "192.0.2.9:8080", "busybox", "x9")
    assert made.returncode == 1 and LAN in made.stderr and "x9" not in host.output("alice", "bothy list -q")
    host.run("alice", "bothy", "create", "-p", "[::1]:8080:80", "-p", "127.0.0.1:8080:80", "busybox", "x2", check=True)
    assert "127.0.0.1:8080:80/tcp" in host.output("alice", "bothy info x2")
    assert "[::1]:8080:80/tcp" in host.output("alice", "bothy info x2")
    assert {"protocol": "tcp", "address": "::1", "host": 8080, "inside": 80} in info(host, "x2")["ports"]


def test_ranges_of_ports(outside):  # noqa: F811
    """All of a range, or none of it."""
    host = outside
    launch(host, "alice", "x1", "-p", "8000-8010:9000-9010", "-p", "127.0.0.1:8100-8102/udp")
    x1 = container(host, "alice", "x1")
    assert listed(host, "x1") == {("tcp", "", 8000 + i, 9000 + i) for i in range(11)} | {
        ("udp", "127.0.0.1", 8100 + i, 8100 + i) for i in range(3)}
    server = x1.serve("x1", "9000", "9010", "8102")
    here = Place(host)
    wanted = {f"tcp/{LAN}/8000": "x1", f"tcp/{LAN}/8010": "x1", "udp/127.0.0.1/8102": "x1"}
    assert here.ask(*wanted, f"udp/{LAN}/8102", "tcp/127.0.0.1/8102") == wanted
    server.kill()
    server.wait()
    before = listed(host, "x1")
    for word, status, reason in (("8200-8203:80-82", 2, "more ports"), ("8200:80-82", 2, "more ports"),
                                 ("8200-8202:80", 2, "more ports"), ("7995-8000", 1, "8000/tcp leads to"),
                                 ("9000-9300", 1, "256"), ("1020-1025", 1, "1024"), ("1-65535", 1, "nothing was changed")):
        refused = port(host, "add", "x1", "8300", word)
        assert refused.returncode == status and reason in refused.stderr, (word, refused.stderr)
        assert listed(host, "x1") == before, word
    made = host.run("alice", "bothy", "create", "-p", "8400-8700", "busybox", "x9")
    assert made.returncode == 1 and "256" in made.stderr and "x9" not in host.output("alice", "bothy list -q")
    assert port(host, "remove", "x1", "8000-8009", "127.0.0.1:8100-8102/udp").returncode == 0
    assert listed(host, "x1") == {("tcp", "", 8010, 9010)}

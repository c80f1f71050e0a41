# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ports of the host that lead to a container, and what other firewalls do."""

import errno
import os
import pathlib
import resource
import signal
import socket
import subprocess
import time

import pytest

from nethost import (EXAMINE, GATEWAY, HOST, LAN, OPEN_FIREWALLS, PUBLISH, STEP_FILTER, STEP_REQUEST, TIDY, UDP,  # noqa: F401
                     UNPUBLISH, Listener, Nic, Store, exchange, helper, host, index_of, inside, new_namespace, nic,  # noqa: F401
                     Tap, pytestmark, ruleset, run, service)  # noqa: F401
from frames import MARK, ether, ip4, udp  # noqa: F401


@pytest.fixture
def published(helper, nic):
    """A container with a service, and a client elsewhere that reaches the host by 192.0.2.1."""
    run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    # As on a machine without br_netfilter; with it, a container reaches others' ports only inside its group.
    for name in ("iptables", "ip6tables"):
        run("sysctl", "-qw", f"net.bridge.bridge-nf-call-{name}=0", check=False)
    a, b = nic(2), nic(3)
    for each in (a, b):
        each.configure()
        each.configure6()
    client = new_namespace()
    with inside(client):
        process = subprocess.Popen(["sleep", "60"])
    run("ip", "link", "add", "uplink", "type", "veth", "peer", "name", "eth0", "netns", str(process.pid))
    run("ip", "address", "add", "192.0.2.1/24", "dev", "uplink")
    run("ip", "link", "set", "uplink", "up")
    with inside(client):
        run("ip", "link", "set", "lo", "up")
        run("ip", "address", "add", "192.0.2.2/24", "dev", "eth0")
        run("ip", "link", "set", "eth0", "up")
    with service(a.namespace, 80, socket.SOCK_STREAM), service(a.namespace, 80):
        yield a, b, client
    process.kill()
    process.wait()


def test_publish(helper, published):
    a, b, client = published
    host = os.open(HOST, os.O_RDONLY)
    tcp = socket.SOCK_STREAM
    options = dict(port=8080, inside_port=80, address4=a.address4, bridge=index_of("br0"))
    assert exchange(client, "192.0.2.1", 8080, tcp) is None
    assert helper.call(PUBLISH, **options).outcome == (0, 0)
    assert exchange(client, "192.0.2.1", 8080, tcp) == b"192.0.2.2"  # who it really is
    assert exchange(client, "192.0.2.1", 8080) is None
    assert exchange(host, "127.0.0.1", 8080, tcp) == GATEWAY.encode()
    assert exchange(host, "192.0.2.1", 8080, tcp)
    assert exchange(host, GATEWAY, 8080, tcp)
    assert exchange(b.namespace, GATEWAY, 8080, tcp) == GATEWAY.encode()
    assert exchange(a.namespace, GATEWAY, 8080, tcp)
    assert exchange(b.namespace, a.address4, 80, tcp) is None
    assert helper.call(PUBLISH, flags=UDP, **options).outcome == (0, 0)
    assert exchange(client, "192.0.2.1", 8080) == b"192.0.2.2"
    assert helper.call(PUBLISH, **{**options, "address4": b.address4}).outcome == (errno.EEXIST, STEP_FILTER)
    assert helper.call(UNPUBLISH, **{**options, "address4": b.address4}).outcome == (0, 0)
    assert exchange(client, "192.0.2.1", 8080, tcp)
    assert helper.call(UNPUBLISH, **options).outcome == (0, 0)
    assert exchange(client, "192.0.2.1", 8080, tcp) is None and exchange(client, "192.0.2.1", 8080)
    a.detach()
    assert "elements" not in run("nft", "list", "map", "inet", "bothy", "ports4")
    os.close(host)


TCP = socket.SOCK_STREAM
# Who may have a port: family, address, whether it is for IPv6 alone.
PLACES = [(socket.AF_INET, "0.0.0.0", False), (socket.AF_INET, "127.0.0.1", False), (socket.AF_INET, "192.0.2.1", False),
          (socket.AF_INET6, "::", False), (socket.AF_INET6, "::", True), (socket.AF_INET6, "::1", True),
          (socket.AF_INET6, "fd66::1", True)]


def serve(place, port, kind, *options):
    """A socket there, which listens."""
    family, address, only6 = place
    s = socket.socket(family, kind)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only6)
    for option in options:
        s.setsockopt(socket.SOL_SOCKET, option, 1)
    try:
        s.bind((address, port))
        if kind == TCP:
            s.listen()
    except OSError:
        s.close()
        raise
    return s


def refused(port, kind):
    """Where nobody gets the port, however he asks for it."""
    found = []
    for place in PLACES:
        outcomes = set()
        for options in ((), (socket.SO_REUSEADDR,), (socket.SO_REUSEPORT,), (socket.SO_REUSEADDR, socket.SO_REUSEPORT)):
            try:
                serve(place, port, kind, *options).close()
                outcomes.add(0)
            except OSError as error:
                outcomes.add(error.errno)
        assert len(outcomes) == 1, (place, outcomes)
        if outcomes == {errno.EADDRINUSE}:
            found.append(place)
    return found


def request(a, kind, port=8080, **changes):
    return dict(port=port, inside_port=80, address4=a.address4, address6=a.address6, bridge=index_of("br0"),
                flags=0 if kind == TCP else UDP) | changes


@pytest.mark.parametrize("kind", [TCP, socket.SOCK_DGRAM], ids=["tcp", "udp"])
@pytest.mark.parametrize("port", [8080, 80])
def test_a_published_port_is_taken(helper, published, kind, port):
    """Whoever wants it later is told so: his clients would talk to the container."""
    a, b, client = published
    other = socket.SOCK_DGRAM if kind == TCP else TCP
    for end in (lambda: helper.call(UNPUBLISH, **request(a, kind, port)), a.detach):
        assert refused(port, kind) == []
        assert helper.call(PUBLISH, **request(a, kind, port)).outcome == (0, 0)
        assert refused(port, kind) == PLACES and refused(port, other) == []
        assert helper.call(UNPUBLISH, **request(b, kind, port)).outcome == (0, 0)
        assert helper.call(PUBLISH, **request(b, kind, port)).outcome == (errno.EEXIST, STEP_FILTER)
        assert refused(port, kind) == PLACES
        assert end().outcome == (0, 0)
    assert refused(port, kind) == []


@pytest.mark.parametrize("kind", [TCP, socket.SOCK_DGRAM], ids=["tcp", "udp"])
@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place[1]}{' only' if place[2] else ''}")
def test_publish_fails_when_somebody_has_the_port(helper, published, place, kind):
    a, b, client = published
    with serve(place, 8080, kind, socket.SO_REUSEADDR):
        assert helper.call(PUBLISH, **request(a, kind)).outcome == (errno.EADDRINUSE, STEP_FILTER)
        for name in ("ports4", "ports6"):
            assert "elements" not in run("nft", "list", "map", "inet", "bothy", name)
        assert helper.call(PUBLISH, **request(a, kind, 8081)).outcome == (0, 0)
    assert refused(8080, kind) == []
    assert helper.call(PUBLISH, **request(a, kind)).outcome == (0, 0)


# What a port may be published at, and which of PLACES are then somebody else's no more: as the kernel has it of bind(2).
AT = {"127.0.0.1": (0, 1, 3), "192.0.2.1": (0, 2, 3), "::1": (3, 4, 5), "fd66::1": (3, 4, 6)}
KINDS = pytest.mark.parametrize("kind", [TCP, socket.SOCK_DGRAM], ids=["tcp", "udp"])


@KINDS
@pytest.mark.parametrize("at", AT)
def test_a_port_at_one_address_is_taken_there(helper, published, kind, at):
    """And nowhere else: others have their services, and their ports, at other addresses."""
    a, b, client = published
    taken = [PLACES[i] for i in AT[at]]
    one = lambda nic, **changes: request(nic, kind, host_address=at, **changes)  # noqa: E731
    for end in (lambda: helper.call(UNPUBLISH, **one(a)), a.detach):
        assert helper.call(PUBLISH, **one(a)).outcome == (0, 0)
        assert helper.call(PUBLISH, **one(a)).outcome == (0, 0)
        assert refused(8080, kind) == taken
        # Another one's is refused, whoever's it is, at this address and at every one.
        assert helper.call(PUBLISH, **one(b)).outcome == (errno.EEXIST, STEP_FILTER)
        assert helper.call(PUBLISH, **request(b, kind)).outcome == (errno.EADDRINUSE, STEP_FILTER)
        assert helper.call(UNPUBLISH, **one(b)).outcome == helper.call(UNPUBLISH, **request(a, kind)).outcome == (0, 0)
        assert refused(8080, kind) == taken
        for other in AT:
            if other != at:
                assert helper.call(PUBLISH, **request(b, kind, host_address=other)).outcome == (0, 0)
        assert refused(8080, kind) == PLACES
        for other in AT:
            if other != at:
                assert helper.call(UNPUBLISH, **request(b, kind, host_address=other)).outcome == (0, 0)
        assert refused(8080, kind) == taken
        assert end().outcome == (0, 0)
        assert refused(8080, kind) == []
    assert "elements" not in ruleset().split("table inet bothy")[-1].split("map at4")[-1].split("set loopback")[0]


@KINDS
@pytest.mark.parametrize("at", AT)
@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place[1]}{' only' if place[2] else ''}")
def test_publish_at_an_address_fails_when_somebody_has_it(helper, published, place, at, kind):
    a, b, client = published
    with serve(place, 8080, kind, socket.SO_REUSEADDR):
        wanted = (errno.EADDRINUSE, STEP_FILTER) if PLACES.index(place) in AT[at] else (0, 0)
        assert helper.call(PUBLISH, **request(a, kind, host_address=at)).outcome == wanted
        assert ("8080" in run("nft", "list", "table", "inet", "bothy")) == (wanted == (0, 0))


@KINDS
def test_a_port_at_one_address_leads_from_there(helper, published, kind):
    """From everywhere that reaches the address, and from no other address; a port at any other address may lead elsewhere."""
    a, b, client = published
    host = os.open(HOST, os.O_RDONLY)
    run("sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")

    def answers():
        return {(name, address) for name, namespace in (("host", host), ("client", client), ("a", a.namespace), ("b", b.namespace))
                for address in ("127.0.0.1", "192.0.2.1", GATEWAY, "::1", "fd66::1") if exchange(namespace, address, 8080, kind)}

    wanted = {"127.0.0.1": {("host", "127.0.0.1")}, "::1": {("host", "::1")},
              "192.0.2.1": {(who, "192.0.2.1") for who in ("host", "client", "a", "b")},
              "fd66::1": {(who, "fd66::1") for who in ("host", "a", "b")}}
    with service(a.namespace, 80, kind, socket.AF_INET6, only6=True):
        for at in AT:
            assert helper.call(PUBLISH, **request(a, kind, host_address=at)).outcome == (0, 0)
            assert answers() == wanted[at], at
            assert helper.call(UNPUBLISH, **request(a, kind, host_address=at)).outcome == (0, 0)
        assert answers() == set()
    os.close(host)


@KINDS
@pytest.mark.parametrize("localnet", [0, 1])
def test_a_port_of_the_loopback_is_not_open_from_outside(helper, published, kind, localnet):
    """Also where an administrator lets the host route what strangers send to 127.0.0.1."""
    a, b, client = published
    run("sysctl", "-qw", f"net.ipv4.conf.uplink.route_localnet={localnet}", "net.ipv4.conf.all.rp_filter=0",
        "net.ipv4.conf.uplink.rp_filter=0")
    with inside(client):
        run("sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1")
        run("ip", "address", "delete", "127.0.0.1/8", "dev", "lo")
        run("ip", "route", "add", "127.0.0.1/32", "via", "192.0.2.1", "src", "192.0.2.2")
        run("ip", "route", "delete", "table", "local", "127.0.0.0/8", "dev", "lo", check=False)
    host = os.open(HOST, os.O_RDONLY)
    with service(host, 9000, kind):
        assert bool(exchange(client, "127.0.0.1", 9000, kind)) == bool(localnet)  # it gets there at all
    assert helper.call(PUBLISH, **request(a, kind, host_address="127.0.0.1")).outcome == (0, 0)
    assert exchange(host, "127.0.0.1", 8080, kind) == GATEWAY.encode()
    assert exchange(client, "127.0.0.1", 8080, kind) is None
    # Only what prenat leaves out is in the way: it translates before the kernel looks whether such an address may come.
    run("nft", "add rule inet bothy prenat fib daddr type local dnat ip to ip daddr . meta l4proto . th dport map @at4")
    assert exchange(client, "127.0.0.1", 8080, kind)
    os.close(host)


def test_a_port_may_wait_for_its_address(helper, published):
    """The host gets it later: as when it starts."""
    a, b, client = published
    assert helper.call(PUBLISH, **request(a, TCP, host_address="192.0.2.7")).outcome == (0, 0)
    assert helper.call(PUBLISH, **request(a, TCP, host_address="fd66::7")).outcome == (0, 0)
    run("ip", "address", "add", "192.0.2.7/24", "dev", "uplink")
    assert exchange(client, "192.0.2.7", 8080, TCP) == b"192.0.2.2"
    with pytest.raises(OSError, match="in use"):
        serve((socket.AF_INET, "192.0.2.7", False), 8080, TCP)


def test_publish_leaves_the_hosts_own_services(helper, published):
    a, b, client = published
    host = os.open(HOST, os.O_RDONLY)
    with service(host, 8080, TCP):
        assert helper.call(PUBLISH, **request(a, TCP)).outcome == (errno.EADDRINUSE, STEP_FILTER)
        assert exchange(client, "192.0.2.1", 8080, TCP)
        with socket.create_connection(("127.0.0.1", 8080)) as connection:
            connection.send(b"ping")
            while connection.recv(100):
                pass
    os.close(host)
    # Connections of it that have just ended are no obstacle.
    assert "TIME-WAIT" in run("ss", "-tan", "sport", "=", "8080")
    assert helper.call(PUBLISH, **request(a, TCP)).outcome == (0, 0)
    assert refused(8080, TCP) == PLACES


def test_a_published_port_is_open_on_every_loopback(helper, published):
    a, b, client = published
    host = os.open(HOST, os.O_RDONLY)
    run("sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
    with service(a.namespace, 80, TCP, socket.AF_INET6, only6=True), service(a.namespace, 80, family=socket.AF_INET6, only6=True):
        for kind in (TCP, socket.SOCK_DGRAM):
            assert exchange(host, "::1", 8080, kind) is None
            assert helper.call(PUBLISH, **request(a, kind)).outcome == (0, 0)
            assert exchange(host, "127.0.0.1", 8080, kind) == GATEWAY.encode()
            assert exchange(host, "::1", 8080, kind) == exchange(host, "fd66::1", 8080, kind) == b"fd66::1"
            assert exchange(b.namespace, "fd66::1", 8080, kind) == b"fd66::1"
        # Where bridges translate, too.
        run("sysctl", "-qw", "net.bridge.bridge-nf-call-ip6tables=1", check=False)
        for kind in (TCP, socket.SOCK_DGRAM):
            assert exchange(host, "::1", 8080, kind) == b"fd66::1"
    a.detach()
    b.detach()
    assert helper.call(TIDY).outcome == (0, 0)
    for address in ("::1", "100::b074"):
        assert "br0" not in run("ip", "-6", "route", "show", address, "table", "local")
    os.close(host)


@pytest.mark.parametrize("priority", [-100, -90])  # an administrator's, and firewalld's
def test_translation_by_others_comes_first(helper, published, priority):
    a, b, client = published
    host = os.open(HOST, os.O_RDONLY)
    run("nft", "-f", "-", input=f"""
table ip mine {{
  chain in {{
    type nat hook prerouting priority {priority}
    ip daddr 192.0.2.1 tcp dport 8080 dnat to {b.address4}:81
  }}
  chain out {{
    type nat hook output priority {priority}
    ip daddr 192.0.2.1 tcp dport 8080 dnat to {b.address4}:81
  }}
  chain behind {{
    type nat hook postrouting priority {-priority}
    ip saddr 10.66.0.0/24 ip daddr 192.0.2.2 snat to 192.0.2.77
  }}
}}
""")
    run("ip", "address", "add", "192.0.2.77/32", "dev", "uplink")
    # Nobody is there inside.
    assert helper.call(PUBLISH, **request(a, TCP, inside_port=79)).outcome == (0, 0)
    with service(b.namespace, 81, TCP), service(client, 9000):
        assert exchange(client, "192.0.2.1", 8080, TCP) and exchange(host, "192.0.2.1", 8080, TCP)
        assert exchange(a.namespace, "192.0.2.2", 9000) == b"192.0.2.77"
    os.close(host)


@pytest.fixture
def kept():
    """One that listens, for which systemd keeps what it is given."""
    run("ip", "address", "add", "192.0.2.1/32", "dev", "lo")
    store = Store()
    yield store
    store.close()


def test_ports_stay_taken_when_it_is_started_anew(kept):
    first = Listener(kept)
    a = Nic(first, 2, "br0")
    for kind in (TCP, socket.SOCK_DGRAM):
        assert first.call(PUBLISH, **request(a, kind)).outcome == (0, 0)
    assert first.call(PUBLISH, **request(a, TCP, 8081)).outcome == (0, 0)
    assert first.call(UNPUBLISH, **request(a, TCP, 8081)).outcome == (0, 0)
    assert sorted(kept.take().kept) == ["tcp-8080", "udp-8080"]
    first.close()
    assert refused(8080, TCP) == refused(8080, socket.SOCK_DGRAM) == PLACES
    second = Listener(kept)
    second.call(PUBLISH, **request(a, TCP, 8082))
    assert refused(8080, TCP) == refused(8080, socket.SOCK_DGRAM) == PLACES
    assert second.call(UNPUBLISH, **request(a, TCP)).outcome == (0, 0)
    kept.take()
    assert refused(8080, TCP) == [] and refused(8080, socket.SOCK_DGRAM) == PLACES
    a.helper = second
    a.detach()
    kept.take()
    assert kept.kept == {} and refused(8080, socket.SOCK_DGRAM) == []
    second.close()
    a.close()


def test_one_that_fails_is_the_only_one(host):
    """It may have no more files: who can be held is, the others stay until they can be, and everybody is served."""
    first = Listener()
    a, b = Nic(first, 2, "br0"), Nic(first, 3, "br0")
    ports = list(range(8080, 8090))
    for port in ports:
        assert first.call(PUBLISH, **request(a, TCP, port)).outcome == (0, 0)
    first.close()
    second = Listener()
    comm = pathlib.Path(f"/proc/{second.process.pid}/comm")
    while comm.read_text().strip() != "bothy-net":
        time.sleep(0.01)
    _, most = resource.prlimit(second.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(second.process.pid, resource.RLIMIT_NOFILE, (12, most))
    assert second.call(EXAMINE).error == 0
    held = [port for port in ports if refused(port, TCP)]
    assert 0 < len(held) < len(ports)
    listed = run("nft", "list", "map", "inet", "bothy", "ports4")
    assert [port for port in ports if str(port) in listed] == ports
    resource.prlimit(second.process.pid, resource.RLIMIT_NOFILE, (most, most))
    assert second.call(EXAMINE).error == 0
    assert [port for port in ports if refused(port, TCP)] == ports
    lost = (set(ports) - set(held)).pop()
    assert second.call(PUBLISH, **request(b, TCP, lost)).outcome == (errno.EEXIST, STEP_FILTER)
    assert second.call(UNPUBLISH, **request(a, TCP, lost)).outcome == (0, 0)
    assert second.call(PUBLISH, **request(b, TCP, lost)).outcome == (0, 0)
    second.close()


def test_what_is_let_go_of_is_what_was_removed(helper, published):
    a, b, client = published
    for owner, port in ((a, 8080), (a, 8081), (b, 8082), (b, 8083)):
        for kind in (TCP, socket.SOCK_DGRAM):
            assert helper.call(PUBLISH, **request(owner, kind, port)).outcome == (0, 0)
    assert helper.call(UNPUBLISH, **request(b, TCP, 8082)).outcome == (0, 0)
    assert refused(8082, TCP) == [] and refused(8082, socket.SOCK_DGRAM) == PLACES
    a.detach()
    assert helper.call(TIDY).outcome == (0, 0)
    for port in 8080, 8081:
        assert refused(port, TCP) == refused(port, socket.SOCK_DGRAM) == []
    assert refused(8083, TCP) == refused(8083, socket.SOCK_DGRAM) == PLACES


def test_ports_without_systemd_are_taken_again(host):
    """Where somebody was faster, the port is his."""
    run("ip", "address", "add", "192.0.2.1/32", "dev", "lo")
    first = Listener()
    a = Nic(first, 2, "br0")
    for port in (8080, 8081):
        assert first.call(PUBLISH, **request(a, TCP, port)).outcome == (0, 0)
    first.close()
    assert refused(8080, TCP) == []
    with serve(PLACES[1], 8081, TCP):
        second = Listener()
        assert second.call(EXAMINE).error == 0
        assert refused(8080, TCP) == PLACES
        assert "8080" in run("nft", "list", "map", "inet", "bothy", "ports4")
        for name in ("ports4", "ports6"):
            assert "8081" not in run("nft", "list", "map", "inet", "bothy", name)
    second.close()
    a.close()


def test_ports_at_an_address_stay_taken(kept):
    first = Listener(kept)
    a = Nic(first, 2, "br0")
    for at in AT:
        for kind in (TCP, socket.SOCK_DGRAM):
            assert first.call(PUBLISH, **request(a, kind, host_address=at)).outcome == (0, 0)
    assert first.call(UNPUBLISH, **request(a, TCP, host_address="::1")).outcome == (0, 0)
    assert sorted(kept.take().kept) == sorted(
        f"{kind}-8080-{socket.inet_pton(socket.AF_INET6 if ':' in at else socket.AF_INET, at).hex()}"
        for at in AT for kind in ("tcp", "udp") if (kind, at) != ("tcp", "::1"))
    first.close()
    left = [place for place in PLACES if place[1] != "::1"]
    assert refused(8080, TCP) == left and refused(8080, socket.SOCK_DGRAM) == PLACES
    second = Listener(kept)
    assert second.call(PUBLISH, **request(a, TCP, host_address="::1")).outcome == (0, 0)
    assert refused(8080, TCP) == PLACES
    a.helper = second
    a.detach()
    kept.take()
    assert kept.kept == {} and refused(8080, TCP) == refused(8080, socket.SOCK_DGRAM) == []
    second.close()
    a.close()


NM_SHARED = """add table ip nm-shared-br0
flush table ip nm-shared-br0
add chain ip nm-shared-br0 filter_forward { type filter hook forward priority 0; policy accept; };
add rule ip nm-shared-br0 filter_forward ip daddr 10.66.0.0/24 oifname "br0" ct state { established, related } accept;
add rule ip nm-shared-br0 filter_forward ip saddr 10.66.0.0/24 iifname "br0" accept;
add rule ip nm-shared-br0 filter_forward iifname "br0" reject;
add rule ip nm-shared-br0 filter_forward oifname "br0" reject;
"""


def test_publish_through_networkmanagers_rules(helper, published):
    a, b, client = published
    tcp = socket.SOCK_STREAM
    run("nft", "-f", "-", input=NM_SHARED)
    before = run("nft", "list", "table", "ip", "nm-shared-br0")
    options = dict(port=8080, inside_port=80, address4=a.address4, bridge=index_of("br0"))
    for _ in range(2):
        assert helper.call(PUBLISH, **options).outcome == (0, 0)
        assert exchange(client, "192.0.2.1", 8080, tcp) == b"192.0.2.2"
        assert ruleset().count('comment "bothy"') == 1
    with inside(client):
        run("ip", "route", "add", "10.66.0.0/24", "via", "192.0.2.1")
    assert exchange(client, a.address4, 80, tcp) is None
    # It is activated again.
    run("nft", "-f", "-", input=NM_SHARED)
    assert exchange(client, "192.0.2.1", 8080, tcp) is None
    assert helper.call(PUBLISH, **options).outcome == (0, 0)
    assert exchange(client, "192.0.2.1", 8080, tcp) == b"192.0.2.2"
    a.detach()
    b.detach()
    assert helper.call(TIDY).outcome == (0, 0)
    assert run("nft", "list", "table", "ip", "nm-shared-br0") == before
    assert open("/proc/sys/net/ipv4/conf/br0/route_localnet").read() == "0\n"


def test_publish_again_after_flush_ruleset(helper, published):
    a, b, client = published
    options = dict(port=8080, inside_port=80, address4=a.address4, bridge=index_of("br0"))
    assert helper.call(PUBLISH, **options).outcome == (0, 0)
    run("nft", "flush", "ruleset")
    assert a.repair().outcome == (0, 0)
    assert helper.call(PUBLISH, **options).outcome == (0, 0)
    assert exchange(client, "192.0.2.1", 8080, socket.SOCK_STREAM) == b"192.0.2.2"


def test_publish_does_not_open_the_loopback(helper, published):
    """What comes to or from an address of the loopback, by a port of the bridge that nothing else filters."""
    a, b, client = published
    wire = new_namespace()
    with inside(wire):
        process = subprocess.Popen(["sleep", "60"])
    run("ip", "link", "add", "wire", "type", "veth", "peer", "name", "eth0", "netns", str(process.pid))
    run("ip", "link", "set", "wire", "master", "br0", "up")
    with inside(wire):
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "set", "eth0", "address", "02:00:00:00:02:01", "up")
    assert helper.call(PUBLISH, **request(a, TCP)).outcome == (0, 0)
    heard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    heard.bind(("0.0.0.0", 53))
    heard.settimeout(20)
    sender = Tap(wire, "eth0")

    def send(source, to, payload):
        sender.send(ether("02:00:00:00:02:01", 0x800, ip4(source, to, 17, udp(5000, 53, payload)), "02:00:00:00:00:fe"))

    def arrives(*addresses):
        send(*addresses, MARK)
        send("10.66.0.9", GATEWAY, b"behind")
        first = heard.recv(100)
        assert first == b"behind" or heard.recv(100) == b"behind"
        return first == MARK

    run("sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.br0.rp_filter=0")
    foreign = [("10.66.0.9", "127.0.0.1"), ("10.66.0.9", "127.255.0.7"), ("127.0.0.1", "127.0.0.1"), ("127.0.0.1", GATEWAY)]
    assert [addresses for addresses in foreign if arrives(*addresses)] == []
    # Only these rules are in the way.
    helper.process.send_signal(signal.SIGSTOP)
    run("nft", "flush", "chain", "inet", "bothy", "martian")
    assert arrives(*foreign[0])
    helper.process.send_signal(signal.SIGCONT)
    process.kill()
    process.wait()
    sender.close()
    heard.close()


def test_examine_names_who_drops(helper, nic):
    nic(2)
    assert helper.call(EXAMINE).text == b""
    tables = {
        "docker forward": "table ip filter {\nchain DOCKER-USER {\n}\nchain FORWARD {\ntype filter hook forward priority 0; policy drop;\n}\n}\n",
        "ufw input": "table ip6 filter {\nchain ufw-user-input {\n}\nchain INPUT {\ntype filter hook input priority 0; policy drop;\n}\n}\n",
        "firewalld forward": "table inet firewalld {\nchain filter_FORWARD {\ntype filter hook forward priority 10;\nreject\n}\n}\n",
        "mine forward": "table inet mine {\nchain c {\ntype filter hook forward priority 1; policy drop;\n}\n}\n",
    }
    for text in tables.values():
        run("nft", "-f", "-", input=text)
    assert sorted(helper.call(EXAMINE).text.decode().splitlines()) == sorted(tables)
    # Somebody has thought of the bridge.
    run("nft", "add", "rule", "ip", "filter", "DOCKER-USER", "iifname", "bothy0", "accept")
    run("nft", "add", "rule", "inet", "mine", "c", "iifname", "bothy0", "accept")
    assert sorted(helper.call(EXAMINE).text.decode().splitlines()) == ["firewalld forward", "ufw input"]


# As iptables of docker and of ufw make them, for both families.
DOCKER = """
*filter
:FORWARD DROP
:DOCKER-USER -
-A FORWARD -j DOCKER-USER
-A DOCKER-USER -j RETURN
COMMIT
"""
UFW = """
*filter
:INPUT DROP
:FORWARD DROP
:ufw{0}-user-input -
:ufw{0}-user-forward -
-A INPUT -j ufw{0}-user-input
-A FORWARD -j ufw{0}-user-forward
-A ufw{0}-user-forward -i eth7 -o bothy1 -j DROP
COMMIT
"""


@pytest.mark.parametrize("whose", ["docker", "ufw", "both"])
def test_other_firewalls_are_opened(helper, nic, whose):
    """In the chains that they leave to people, by rules that iptables lists; again is fine, and others' tables stay."""
    nic(2)
    tables = {"docker": DOCKER, "ufw": UFW, "both": DOCKER + UFW}[whose]
    for program, six in (("iptables-nft-restore", ""), ("ip6tables-nft-restore", "6")):
        run(program, "--noflush", input=tables.format(six))
    run("nft", "add table inet mine; add chain inet mine c { type filter hook forward priority 1; policy drop; }")
    mine = run("nft", "list", "table", "inet", "mine")
    assert helper.call(EXAMINE).text.decode().count("forward") == 3
    for _ in range(2):
        assert helper.call(OPEN_FIREWALLS).text == b"mine forward\n"
        assert run("nft", "list", "table", "inet", "mine") == mine
        for program, six in (("iptables-nft", ""), ("ip6tables-nft", "6")):
            listed = run(program, "-S").splitlines()
            ours = [line for line in listed if "bothy0" in line]
            forward = f"ufw{six}-user-forward" if whose == "ufw" else "DOCKER-USER"
            assert [line.replace(' -m comment --comment bothy', "") for line in ours if f"-A {forward} " in line] == sorted((
                f"-A {forward} -i bothy0 -j ACCEPT", f"-A {forward} -o bothy0 -j ACCEPT"), reverse=whose != "ufw")
            assert len(ours) == {"docker": 2, "ufw": 3, "both": 3}[whose]
            # What somebody refuses in ufw's chain, and docker's return, stand where they should.
            if whose == "ufw":
                assert listed.index(f"-A {forward} -i eth7 -o bothy1 -j DROP") < listed.index(ours[-1])
            else:
                assert listed.index("-A DOCKER-USER -j RETURN") > max(map(listed.index, ours[:2]))


def test_publish_needs_an_address_and_ports(helper):
    for options in (dict(port=0, inside_port=1, address4="10.66.0.2"), dict(port=1, inside_port=0, address4="10.66.0.2"),
                    dict(port=1, inside_port=1), dict(port=1, inside_port=1, address4="127.0.0.1"),
                    dict(port=1, inside_port=1, address4="10.66.0.2", flags=LAN),
                    dict(port=1, inside_port=1, address6="fd66::2", host_address="192.0.2.1"),
                    dict(port=1, inside_port=1, address4="10.66.0.2", host_address="fd66::1"),
                    *(dict(port=1, inside_port=1, address4="10.66.0.2", address6="fd66::2", **at) for at in (
                        dict(host_address="192.0.2.1", host_family=0), dict(host_address="fd66::1", host_family=4),
                        dict(host_address="fd66::1", host_family=5), dict(host_address="", host_family=4),
                        dict(host_address="0.0.0.0"), dict(host_address="224.0.0.1"), dict(host_address="255.255.255.255"),
                        dict(host_address="::"), dict(host_address="ff02::1"), dict(host_address="fe80::1"),
                        dict(host_address="::ffff:127.0.0.1")))):
        assert helper.call(PUBLISH, **options).outcome == (errno.EINVAL, STEP_REQUEST)

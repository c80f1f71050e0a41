# SPDX-License-Identifier: LGPL-2.1-or-later
"""What fingers that know other tools type, and what they are told."""

import json

import pytest

from tools import info, names, state, tidy  # noqa: F401


def refused(host, *words, code=1):
    """What is said on stderr, line by line."""
    done = host.run("alice", "bothy", *words)
    assert (done.returncode, done.stdout) == (code, ""), done
    return done.stderr.splitlines()


@pytest.mark.parametrize("verb", [["run", "-d"], ["launch"]])
def test_publish(host, verb):
    host.run("alice", "bothy", *verb, "-p", "8080:80", "--publish", "5353/udp", "--name", "web", "busybox", check=True)
    assert [tuple(port.values()) for port in info(host, "web")["ports"]] == [("tcp", "", 8080, 80), ("udp", "", 5353, 5353)]
    assert "Ports: 8080:80/tcp 5353:5353/udp" in host.output("alice", "bothy", "info", "web")


def test_publish_what_can_not_be(host):
    """Then there is no container either."""
    host.run("alice", "bothy", "create", "-p", "8080", "busybox", "first", check=True)
    assert refused(host, "launch", "-p", "8081", "-p", "8080:80", "busybox", "x1") == [
        "bothy: Port 8080/tcp leads to container first already; take another one"]
    assert names(host) == ["first"]
    assert "80:80:80: this is not [ADDRESS:]HOST" in refused(host, "create", "-p", "80:80:80", "busybox", "x1", code=2)[0]
    assert "ports of SCTP are not published" in refused(host, "run", "-p", "8080/sctp", "busybox", code=125)[0]
    # Nor are those added that stand before.
    refused(host, "port", "add", "first", "8082", "99999", code=2)
    assert info(host, "first")["ports"] == [{"protocol": "tcp", "address": "", "host": 8080, "inside": 8080}]


def test_delete_all(host):
    host.run("alice", "for n in a b; do bothy create busybox $n; done; bothy launch busybox c", check=True)
    host.run("bob", "bothy create busybox bobs", check=True)
    refused(host, "delete", "--all", "a", code=2)
    host.run("alice", "bothy", "delete", "--all", check=True)
    assert names(host) == ["c"] and state(host, "c") == "running"
    host.run("alice", "bothy", "delete", "--all", "--force", check=True)
    assert names(host) == [] and names(host, "bob") == ["bobs"]


def test_help_of_a_group(host):
    shown = host.output("alice", "bothy image --help")
    assert shown == host.output("alice", "bothy image -h") == host.output("alice", "bothy help image")
    assert "Usage: bothy image VERB" in shown and "  list " in shown.replace("  image ", "  ")
    # Columns are columns.
    verbs = [line for line in host.output("alice", "bothy help").split("Verbs:\n")[1].splitlines() if line[:2] == "  "]
    assert len({len(line) - len(line[2:].split("  ", 1)[1].lstrip()) for line in verbs}) == 1


def test_output_that_can_not_be_written(host):
    done = host.run("alice", "bothy image list >/dev/full")
    assert done.returncode == 1 and done.stderr == "bothy: Standard output: No space left on device\n"
    # Who reads no further is no reason to complain.
    assert host.run("alice", "{ bothy help; echo $? >&2; } | head -1").stderr.strip() in ("0", "141")


def test_reader_that_leaves(host):
    """What waits for news ends with who reads them, and not only with the next ones."""
    host.run("alice", "bothy launch busybox x1 -- sh -c 'echo one; exec sleep 1000'", check=True)
    assert host.run("alice", "timeout 30 bothy logs -f x1 | head -1", timeout=20).stdout == "one\n"
    assert host.run("alice", "timeout 30 bothy monitor | true", timeout=20).returncode == 0


def test_advice_is_given_once(host):
    """And not at all where it would be wrong."""
    host.run("alice", "bothy", "create", "busybox", "x1", check=True)
    assert len(refused(host, "create", "busybox", "x1")) == 1
    assert len(refused(host, "stop", "x1")) == 1
    assert len(refused(host, "image", "refresh", "busybox")) == 1
    assert "bothy start" in refused(host, "exec", "-T", "x1", "true", code=125)[1]
    assert refused(host, "info", "bob/none")[0] == "bothy: bob/none: It does not exist, or you may not see it"


def test_list_for_programs(host):
    host.run("alice", "bothy", "create", "-m", "64M", "--limit", "memory-high=32M", "busybox", "x1", check=True)
    listed, = json.loads(host.output("alice", "bothy", "list", "--json"))
    assert listed == info(host, "x1") and listed["limits"]["memoryHigh"] == 32 << 20


def test_ports_have_one_shape(host):
    host.run("alice", "bothy create busybox x1 -p 127.0.0.1:8080:80", check=True)
    port = [{"protocol": "tcp", "address": "127.0.0.1", "host": 8080, "inside": 80}]
    assert info(host, "x1")["ports"] == port == json.loads(host.output("alice", "bothy port list --json x1"))
    assert json.loads(host.output("alice", "bothy list --json"))[0]["ports"] == port
    assert host.output("alice", "bothy port list -q x1") == "127.0.0.1:8080:80/tcp"
    host.run("alice", "bothy port remove x1 $(bothy port list -q x1)", check=True)
    assert info(host, "x1")["ports"] == []


def test_info_of_several_is_an_array(host):
    host.run("alice", "bothy create busybox x1; bothy create busybox x2", check=True)
    assert [each["name"] for each in json.loads(host.output("alice", "bothy info --json x1 x2"))] == ["x1", "x2"]
    assert json.loads(host.output("alice", "bothy info --json x1"))["name"] == "x1"
    done = host.run("alice", "bothy info --json x1 nosuch")
    assert done.returncode == 1 and [each["name"] for each in json.loads(done.stdout)] == ["x1"]
    assert host.run("alice", "bothy info --json nosuch").stdout == ""


def test_slips_of_images(host):
    """What is nearly there, and what stands in the other's place."""
    assert 'is it "busybox" that is meant?' in refused(host, "launch", "busbox", "x1")[0]
    assert 'is it "busybox" that is meant?' in refused(host, "run", "--rm", "-i", "busybxo", code=125)[0]
    assert '"bothy launch busybox x2"' in refused(host, "launch", "x2", "busybox")[0]
    assert "meant" not in refused(host, "create", "something-else", "x1")[0]
    assert names(host) == []


@pytest.mark.parametrize("words,hint", [
    (["delete", "up"], "'bothy delete --force NAME'"),
    (["exec", "--cwd", "/nope", "up", "--", "ls"], "--cwd"),
    (["run", "--rm", "--cwd", "/etc/passwd", "busybox", "ls"], "--cwd"),
    (["image", "import", "/etc/hostname"], "squashfs"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_hints_fit(host, words, hint):
    host.run("alice", "bothy", "launch", "busybox", "up", check=True)
    done = host.run("alice", "bothy", *words)
    lines = done.stderr.splitlines()
    assert done.returncode and len(lines) == 2 and lines[1].startswith("Hint: ") and hint in lines[1] and "logs" not in lines[1], lines


def test_hint_where_polkit_is_away(host):
    """It is polkit that is missing, and not a rule of its."""
    host.run("root", "systemctl mask --runtime --now polkit", check=True)
    try:
        done = host.run("alice", "bothy create busybox x1")
        assert done.returncode == 1 and "polkit" in done.stderr and "rule" not in done.stderr, done
    finally:
        host.run("root", "systemctl unmask --runtime polkit; systemctl start polkit", check=True)


def test_words_of_docker(host):
    assert '"docker.io/library/alpine"' in refused(host, "launch", "alpine", "x1")[0]
    assert '"docker.io/library/ubuntu:24.04"' in refused(host, "create", "ubuntu:24.04")[0]
    assert "docker" not in refused(host, "create", "0123456789abcdef", "x1")[0]
    host.run("alice", "bothy launch -d --rm busybox x1 && bothy logs --tail 2 x1", check=True)
    assert info(host, "x1")["ephemeral"]
    assert host.output("alice", "bothy list -q --filter status=running") == "x1"

# SPDX-License-Identifier: LGPL-2.1-or-later
"""bothy image build: an image of Debian's packages, made by an ordinary user."""

import os
import signal
import subprocess

import pytest

from mirror import Mirror, apt_options, suite
from test_images import images
from tools import descendants, nothing_left, own_children, tidy_up, until


@pytest.fixture(scope="module", autouse=True)
def nothing_is_left(host):
    """After all of them: a scope that is kept ready for the next container takes its ten seconds."""
    yield
    nothing_left(host, 60)


@pytest.fixture
def mirror(host):
    """The host's apt is set up with a mirror that it can reach."""
    mirror = Mirror(host)
    sources, options = host.root / "etc/apt/sources.list", host.root / "etc/apt/apt.conf.d/90test"
    sources.write_text(f"deb {mirror.url} {suite()} main\n")
    options.write_text(apt_options())
    yield mirror
    tidy_up(host)
    host.run("alice", "bothy image prune --all --force", check=True)
    assert images(host) == {}
    sources.unlink()
    options.unlink()
    mirror.close()


def left_behind(host):
    return [name for name in os.listdir(host.root / "var/tmp") if name.startswith(("mmdebstrap", "bothy-build"))]


def test_build(host, mirror):
    """From the machine's own sources, without a line in subuid, with a package more."""
    done = host.run("alice", f"bothy image build --bootstrap debian:{suite()} --variant essential --include hello",
                    timeout=900)
    assert done.returncode == 0, done.stderr
    (fingerprint, image), = images(host).items()
    assert done.stdout.strip() == fingerprint
    assert (image["aliases"], image["os"], image["release"]) == ([f"debian/{suite()}"], "debian", suite())
    assert any(path.endswith("InRelease") for path in mirror.requests)
    script = "hello; id -u; stat -c %U:%G:%a /var/mail /tmp; dpkg --audit; ls /etc/dpkg/dpkg.cfg.d"
    assert host.output("alice", "bothy", "run", "--rm", f"debian/{suite()}", "sh", "-c", script, timeout=60).split() == \
        ["Hello,", "world!", "0", "root:mail:2775", "root:root:1777"]
    assert left_behind(host) == []
    # Nothing of it became root's, or anybody's but its range's.
    assert host.output("root", "cat /etc/subuid /etc/subgid") == ""


@pytest.fixture
def building(host, mirror):
    """A build that has begun to get packages."""
    command = host.command("alice", "bothy", "image", "build", "--bootstrap", f"debian:{suite()}")
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          start_new_session=True, text=True) as process:
        until(lambda: any("/pool/" in path for path in mirror.requests), 120)
        assert left_behind(host)
        yield process


def send(host, pids, name):
    for pid in pids:
        host.run("root", "kill", "-s", name, str(pid))


def first(host):
    """pids, inside the host, of the bothy that was called, not of those that it started."""
    return [min(own_children(host, "alice", "bothy"))]


def test_build_that_is_interrupted_on_a_terminal(host, building):
    """Then the kernel tells all of its programs."""
    for pid in descendants(building.pid):
        try:
            os.kill(pid, signal.SIGINT)
        except ProcessLookupError:
            pass
    out, err = building.communicate(timeout=120)
    assert building.returncode not in (0, -2) and out == "" and "nothing was imported" in err, (out, err)
    # Who waited for the first process of the build was told as well; that one goes on to tidy up.
    until(lambda: left_behind(host) == [] and mmdebstraps(host) == [], 30, "nothing of it goes on")
    assert images(host) == {}


@pytest.mark.parametrize("name", ["INT", "TERM", "HUP"])
def test_build_that_is_ended(host, building, name):
    """By a signal to bothy alone: it tidies up before it ends."""
    send(host, first(host), name)
    out, err = building.communicate(timeout=60)
    assert building.returncode == 1 and out == "" and "nothing was imported" in err, (out, err)
    assert images(host) == {} and left_behind(host) == []
    assert mmdebstraps(host) == []


def mmdebstraps(host):
    return host.run("root", "pgrep", "-f", "mmdebstrap --mode").stdout.split()


@pytest.mark.once
def test_build_whose_bothy_is_killed(host, building):
    send(host, first(host), "KILL")
    building.communicate(timeout=60)
    until(lambda: left_behind(host) == [] and mmdebstraps(host) == [], 30, "nothing of it goes on")
    assert images(host) == {}


@pytest.mark.once
def test_build_that_is_killed_is_tidied_up_by_the_next(host, building):
    """Where nobody of it is left to do so; what another build uses is left alone."""
    inside = host.output("root", "pgrep", "-o", "-f", "^sh -euc .*bothy-build")
    send(host, [inside], "KILL")
    assert building.wait(60) == 1
    until(lambda: mmdebstraps(host) == [], 30)
    killed, = left_behind(host)
    (host.root / "var/tmp/bothy-build.of-bob").mkdir()
    os.chown(host.root / "var/tmp/bothy-build.of-bob", 1001, 1001)
    try:
        done = host.run("alice", "bothy image build --bootstrap debian:nosuchsuite", timeout=300)
        assert done.returncode == 1
        assert left_behind(host) == ["bothy-build.of-bob"], killed
    finally:
        (host.root / "var/tmp/bothy-build.of-bob").rmdir()


@pytest.mark.parametrize("words,text", [
    ("--bootstrap debian:nosuchsuite", "did not get to its end"),
    ("--bootstrap debian", "DISTRIBUTION:SUITE"), ("--bootstrap debian:--mode=root", "DISTRIBUTION:SUITE"),
    ("--bootstrap ubuntu:noble", "--mirror"), ("--bootstrap debian:trixie --include --aptopt=x", "name of a package"),
    ("--bootstrap debian:trixie --mirror --customize-hook=id", "neither a URL"),
    ("--bootstrap debian:trixie --variant -x", "variant"), ("", "--bootstrap")])
def test_build_that_can_not_be(host, mirror, words, text):
    done = host.run("alice", f"bothy image build {words}", timeout=300)
    assert done.returncode in (1, 2) and text in done.stderr and done.stdout == "", done
    assert images(host) == {} and left_behind(host) == []


def test_build_without_mmdebstrap(host):
    done = host.run("alice", "PATH=/nowhere /usr/bin/bothy image build --bootstrap debian:trixie")
    assert done.returncode == 1 and "install the package mmdebstrap" in done.stderr

# SPDX-License-Identifier: LGPL-2.1-or-later
"""bothy image build: an image of Debian's packages, made by an ordinary user."""

import os
import signal
import subprocess

import pytest

from mirror import Mirror, apt_options, suite
from test_images import images
from tools import descendants, nothing_left, tidy_up, until


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
    nothing_left(host, 60)


def left_behind(host):
    return [name for name in os.listdir(host.root / "var/tmp") if name.startswith("mmdebstrap")]


def test_build(host, mirror):
    """From the machine's own sources, without a line in subuid, with a package more."""
    done = host.run("alice", f"bothy image build --bootstrap debian:{suite()} --variant essential --include hello",
                    timeout=900)
    assert done.returncode == 0, done.stderr
    (fingerprint, image), = images(host).items()
    assert done.stdout.strip() == fingerprint
    assert (image["aliases"], image["os"], image["release"]) == ([f"debian/{suite()}"], "debian", suite())
    assert any(path.endswith("InRelease") for path in mirror.requests)
    script = "hello; id -u; stat -c %U:%G:%a /var/mail /tmp; dpkg --audit"
    assert host.output("alice", "bothy", "run", "--rm", f"debian/{suite()}", "sh", "-c", script, timeout=60).split() == \
        ["Hello,", "world!", "0", "root:mail:2775", "root:root:1777"]
    assert left_behind(host) == []
    # Nothing of it became root's, or anybody's but its range's.
    assert host.output("root", "cat /etc/subuid /etc/subgid") == ""


def test_build_that_is_interrupted(host, mirror):
    process = subprocess.Popen(host.command("alice", "bothy", "image", "build", "--bootstrap", f"debian:{suite()}"),
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               start_new_session=True, text=True)
    until(lambda: any("by-hash" in path or "Packages" in path for path in mirror.requests), 120)
    for pid in descendants(process.pid):
        try:
            os.kill(pid, signal.SIGINT)
        except ProcessLookupError:
            pass
    out, err = process.communicate(timeout=120)
    assert process.returncode != 0 and out == "", (out, err)
    assert images(host) == {}
    until(lambda: left_behind(host) == [], 30, "nothing of mmdebstrap's is left")


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

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images as their users keep them: from directories, what they take, and how they go."""

import json

import pytest

from tools import Terminal, info, nothing_left, tidy_up

ROOT = """set -eu; rm -rf ~/root; mkdir -p ~/root/etc ~/root/bin; cd ~/root
    cp /usr/bin/busybox bin/sh; ln bin/sh bin/busybox; echo ID=directory >etc/os-release"""


def images(host, user="alice"):
    return {image["fingerprint"]: image for image in json.loads(host.output(user, "bothy image list --json"))
            if image["origin"] != "builtin"}


def disk(host, user="alice"):
    return {line["type"]: line for line in json.loads(host.output(user, "bothy df --json"))}


@pytest.fixture
def root(host):
    """A directory of alice's that could be the root of a container."""
    host.run("alice", ROOT, check=True)
    yield host
    tidy_up(host)
    host.run("alice", "bothy image prune --all --force; chmod -R u+rwX ~/root; rm -rf ~/root", check=True)
    assert images(host) == {}
    nothing_left(host)


def test_import_of_a_directory(root):
    host = root
    host.run("alice", """cd ~/root; mkfifo fifo; truncate -s 3M hole; printf end >>hole; ln -s /etc/shadow etc/link
             setfattr -n user.note -v kept etc/os-release; chmod 2750 bin; python3 -c '
import socket; socket.socket(socket.AF_UNIX).bind("socket")'""", check=True)
    fingerprint = host.output("alice", "bothy image import --alias directory root", timeout=60)
    image, = images(host).values()
    assert (image["fingerprint"], image["aliases"], image["os"]) == (fingerprint, ["directory"], "directory")
    host.run("alice", "bothy launch directory d1 -- /bin/sh -c 'sleep 1000'", check=True)

    def inside(script):
        return host.output("alice", "bothy", "exec", "d1", "--", "/bin/busybox", "sh", "-c",
                           f"for p in stat tail readlink wc ls; do alias $p=\"/bin/busybox $p\"; done; {script}")
    assert inside("/bin/busybox stat -c %u:%g:%a:%h /bin /bin/sh /fifo").split() == \
        ["1000:1000:2750:2", "1000:1000:755:2", "1000:1000:644:1"]
    assert inside("/bin/busybox readlink /etc/link; /bin/busybox tail -c 3 /hole; /bin/busybox stat -c %s:%b /hole") == \
        "/etc/shadow\nend3145731:8"
    assert "socket" not in inside("/bin/busybox ls /")
    upper = host.root / "var/lib/bothy/layers" / fingerprint / "root/etc/os-release"
    assert host.output("root", "getfattr", "--only-values", "-n", "user.note",
                       "/" + str(upper.relative_to(host.root))) == "kept"


@pytest.mark.parametrize("hide", ["chmod 0 etc/os-release", "mkdir deep; chmod 0 deep", "echo x >x; chmod 0 x"])
def test_import_of_a_directory_that_can_not_be_read(root, hide):
    host = root
    host.run("alice", f"cd ~/root; {hide}", check=True)
    done = host.run("alice", "bothy image import --alias directory root")
    name = hide.split()[-1]
    assert done.returncode == 1 and name in done.stderr and done.stdout == "", done
    # One line, and not what the service says of an archive without an end.
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert images(host) == {}


def test_import_of_no_directory(host):
    host.run("alice", "mkdir -p empty", check=True)
    done = host.run("alice", "bothy image import empty")
    assert done.returncode == 1 and "not a root file system" in done.stderr
    assert host.run("alice", "bothy image import nowhere").returncode == 1
    nothing_left(host)


def test_prune_takes_what_nothing_stands_on(root):
    host = root
    used = host.output("alice", "bothy image import --alias name root")
    host.run("alice", "bothy create name c1; echo 2 >~/root/etc/version", check=True)
    unused = host.output("alice", "bothy image import --alias name root")
    host.run("alice", "echo 3 >~/root/etc/version", check=True)
    named = host.output("alice", "bothy image import --alias name root")
    sizes = {fingerprint: image["size"] for fingerprint, image in images(host).items()}
    assert set(sizes) == {used, unused, named}
    usage = disk(host)
    assert usage["images"] == {"type": "images", "total": 3, "active": 1, "size": sum(sizes.values()),
                               "reclaimable": sizes[unused] + sizes[named], "quota": usage["images"]["quota"]}
    assert usage["images"]["quota"] > 1 << 30
    assert (usage["containers"]["total"], usage["containers"]["active"]) == (1, 0)
    # A look changes nothing.
    assert host.output("alice", "bothy image prune --dry-run") == unused
    assert set(host.output("alice", "bothy image prune --dry-run --all").split()) == {unused, named}
    assert set(images(host)) == set(sizes)
    gone, = json.loads(host.output("alice", "bothy image prune --json"))
    assert (gone["fingerprint"], gone["size"]) == (unused, sizes[unused])
    assert json.loads(host.output("alice", "bothy image prune --json")) == []
    assert host.output("alice", "bothy image prune --all") == named
    assert set(images(host)) == {used} and info(host, "c1")["image"] == used
    # Another's images are nobody's business.
    assert host.output("bob", "bothy image prune --all") == "" and disk(host, "bob")["images"]["total"] == 0
    host.run("alice", "bothy start c1; bothy delete --force c1", check=True)
    assert host.output("alice", "bothy image prune") == used


def test_prune_asks_on_a_terminal(root):
    host = root
    fingerprint = host.output("alice", "bothy image import root")
    for answer, code in (("\n", 1), ("n\n", 1), ("y\n", 0)):
        assert set(images(host)) == {fingerprint}
        with Terminal(host, "alice", "bothy", "image", "prune") as terminal:
            terminal.expect(fingerprint[:12])
            terminal.expect(r"Remove 1 image \(.*\)\? \[y/N\]")
            terminal.send(answer)
            assert terminal.wait() == code
    assert images(host) == {}
    with Terminal(host, "alice", "bothy", "image", "prune") as terminal:
        assert terminal.wait() == 0


def test_an_account_like_ones_own(host):
    host.run("alice", "bothy", "launch", "--with-user", "busybox", "c1", check=True)
    assert info(host, "c1")["account"] == "alice"
    assert host.output("alice", "bothy exec --user alice c1 -- sh -c 'id -u; id -un; cd; pwd; touch x; stat -c %U x'") == \
        "1000\nalice\n/home/alice\nalice"
    assert host.output("bob", "bothy run --rm --with-user --user bob busybox id -un") == "bob"
    done = host.run("root", "bothy", "run", "--rm", "--with-user", "busybox", "true")
    assert done.returncode == 125 and "root" in done.stderr or "user id" in done.stderr

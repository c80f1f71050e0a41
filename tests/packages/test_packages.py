# SPDX-License-Identifier: LGPL-2.1-or-later
"""Debian packages, as an administrator has them: installed, upgraded under running containers, removed, purged."""

import pathlib
import re
import shutil
import subprocess

import pytest

from host.conftest import Host

SOURCE = pathlib.Path(__file__).parents[2]
PACKAGES = {"bookworm": {"bothy"}, "trixie": {"bothy", "bothy-app", "gnome-shell-extension-bothy"}}


def build(suite, out):
    command = [SOURCE / "data/packaging/build", "--suite", suite, "--out", out]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return {file.name.split("_")[0]: file for file in out.glob("*.deb")}


@pytest.fixture(scope="module", params=sorted(PACKAGES))
def release(request):
    return request.param


@pytest.fixture(scope="module")
def packages(release, tmp_path_factory):
    """Those of a Debian release, by name. That they are built at all says that lintian has no error and no warning."""
    return build(release, tmp_path_factory.mktemp(release))


@pytest.fixture
def boot(release, monkeypatch):
    hosts = []

    def boot(*options):
        monkeypatch.setenv("BOTHY_HOST_SUITE", release)
        hosts.append(Host(*options))
        return hosts[-1]

    yield boot
    for host in hosts:
        host.halt()


def put(host, *files):
    for file in files:
        shutil.copy(file, host.root / "root")
    return [f"/root/{file.name}" for file in files]


def install(host, *files):
    """With dpkg, which installs nothing else: what the packages depend on is what the host has."""
    host.run("root", "dpkg", "--install", *put(host, *files), check=True, timeout=300)


def later(file, directory):
    """The same package, called newer."""
    tree = directory / "tree"
    subprocess.run(["dpkg-deb", "--raw-extract", file, tree], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(re.sub("^(Version: .*)$", r"\1+later", control.read_text(), flags=re.M))
    made = directory / f"later-{file.name}"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, made], check=True, stdout=subprocess.DEVNULL)
    return made


def leader(host, name):
    return host.output("alice", f"bothy info {name} --json | jq .leader")


def files(host):
    """What lies in the host's file system, but for what Debian itself keeps of packages and of what was done."""
    found = host.output("root", "find / -xdev -not -path '/var/lib/dpkg/*' -not -path '/var/log/*' -not -path '/root/*' "
                                "-not -path '/tmp/*' -not -path '/var/tmp/*' -not -path '/var/cache/*' -not -path '/home/*' "
                                "-not -path '/var/lib/systemd/*' -not -path '/var/lib/NetworkManager*'").splitlines()
    return set(found)


def test_packages(release, packages):
    assert set(packages) == PACKAGES[release]


def test_an_administrator_s_day(release, packages, boot, tmp_path):
    host = boot()
    before = files(host)
    install(host, packages["bothy"])
    # Nothing runs that nobody asked for.
    assert host.output("root", "systemctl list-units --no-legend --plain --state=active 'bothy*.service'") == ""

    # A user needs nothing set up, and no new login.
    host.run("alice", "bothy launch busybox x1 && bothy exec x1 -- true", check=True)
    assert host.output("alice", "bothy exec x1 -- id -u") == "0"
    assert host.output("alice", "getent hosts x1.bothy")
    first = leader(host, "x1")
    main = "systemctl show --property MainPID --value bothyd.service"
    old = host.output("root", main)

    # An upgrade replaces what looks after containers, and not them.
    install(host, later(packages["bothy"], tmp_path))
    assert leader(host, "x1") == first
    assert host.output("root", main) != old
    assert host.output("alice", "bothy exec x1 -- echo still") == "still"
    assert host.output("alice", "bothy exec x1 -- ip -4 -o address show eth0")

    # Removed: nothing of it runs or is mounted, and what users have is kept.
    host.run("alice", "bothy run --name x2 busybox true && echo hers >$(bothy files x2)/root/file", check=True)
    host.run("root", "dpkg", "--remove", "bothy", check=True, timeout=120)
    assert not (host.root / f"proc/{first}").exists()
    assert host.output("root", "ps -eo args | grep -c '[/]libexec/bothy' || true") == "0"
    assert host.output("root", "systemctl list-units --all --no-legend --plain --state=active 'bothy*'") == ""
    assert "/trees/" not in host.output("root", "cat /proc/1/mountinfo")
    assert "bothy" not in host.output("root", "nft list tables")
    assert "bothy0" not in host.output("root", "ip -o link")
    install(host, packages["bothy"])
    assert host.output("alice", "bothy list --json | jq -r '.[].name'").split() == ["x1", "x2"]
    assert host.output("alice", "cat $(bothy files x2)/root/file") == "hers"
    host.run("alice", "bothy start x1 && bothy exec x1 -- true", check=True)

    # Purged: the machine is as it was before, but for the user that ids in logs may be of.
    host.run("root", "dpkg", "--purge", "bothy", check=True, timeout=120)
    assert {file for file in files(host) ^ before if "/etc/" not in file or "bothy" in file} == {"/var/lib/bothy"} - before
    assert not list((host.root / "var/lib/bothy").iterdir())  # which is a disk of its own here
    assert "bothy" not in host.output("root", "cat /etc/nsswitch.conf")


def test_the_desktop_s(release, packages, boot):
    """What application and extension depend on is there in a Debian desktop, and both are found."""
    if release == "bookworm":
        assert "bothy-app" not in packages
        return
    app = boot("--root", "app")
    install(app, packages["bothy"], packages["bothy-app"])
    app.run("root", "desktop-file-validate /usr/share/applications/org.bothy.Bothy.desktop", check=True)
    app.run("root", "ldd /usr/bin/bothy-app | grep -q libadwaita && ! ldd /usr/bin/bothy-app | grep 'not found'", check=True)
    shell = boot("--root", "desktop")
    uuid = "bothy@bothy.org"
    install(shell, packages["bothy"])
    shell.run("root", "dpkg", "--force-depends", "--install", *put(shell, packages["gnome-shell-extension-bothy"]), check=True)
    assert (shell.root / "usr/share/glib-2.0/schemas/gschemas.compiled").exists()
    assert uuid in shell.output("alice", "gnome-extensions list --system", session="active")
    depends = shell.output("root", "dpkg-query --show --showformat '${Depends}' gnome-shell-extension-bothy")
    assert re.search(r"gnome-shell \(>= \d+~\), gnome-shell \(<< \d+~\)", depends), depends


def test_the_same_commit_gives_the_same_bytes(release, packages, tmp_path):
    again = build(release, tmp_path)
    assert {name: file.read_bytes() for name, file in again.items()} == {name: file.read_bytes() for name, file in packages.items()}

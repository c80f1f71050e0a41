# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images from a server inside of the throwaway host, as an ordinary user gets them."""

import json
import lzma
import os
import pathlib
import subprocess
import sys

import pytest
from tools import names, nothing_left, tidy  # noqa: F401

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "bus"))

import archives  # noqa: E402
from imageserver import Key, Server, sha256  # noqa: E402

HERE = pathlib.Path(__file__).parent
PORT = 8099


@pytest.fixture(scope="module")
def server(host):
    """The files of an honest, signing server; another program serves them."""
    key, files = Key(), Server()
    files.server.server_close()
    archive = lzma.compress(archives.with_files({"etc/hostname": b"builder\n", "etc/machine-id": b"0" * 32 + b"\n"}))
    files.streams(archive, key=key)
    for path, data in files.files.items():
        target = pathlib.Path(f"{host.root}/srv/images{path}")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    (host.root / "srv/key.gpg").write_bytes(key.armoured)
    host.run("root", "systemd-run", "--unit", "imageserver", "python3", "-m", "http.server", "--bind", "127.0.0.1",
             "--directory", "/srv/images", str(PORT), check=True)
    host.run("root", f"until ss -tln | grep -q :{PORT}; do sleep 0.1; done", check=True)
    added = host.run("root", "bothy", "remote", "add", "aaa", f"http://127.0.0.1:{PORT}", "--key", "/srv/key.gpg", check=True)
    assert added.stderr == "", "it was looked at"
    yield key, archive
    host.run("root", "bothy", "remote", "remove", "aaa")
    host.run("root", "systemctl", "stop", "imageserver")
    key.close()


def test_launch_pulls(host, server):
    key, archive = server
    try:
        done = host.run("alice", "bothy", "launch", "debian/13", "web", "--", "sleep", "1000", check=True)
        assert done.stdout == "web\n"
        image = json.loads(host.output("alice", "bothy image info --json debian/13"))
        assert image["fingerprint"] == sha256(archive)
        assert image["verified"] == "signature:" + key.fingerprint
        assert image["origin"] == "aaa:debian/13"
        # It is alice's, and a machine of its own.
        assert host.output("alice", "bothy exec web -- /bin/busybox cat /etc/hostname") == "web"
        assert host.output("alice", "bothy exec web -- /bin/busybox wc -c /etc/machine-id").startswith("0 ")
        assert host.run("bob", "bothy", "image", "info", "debian/13").returncode == 1
        # All of it was done as a user who is not root.
        log = host.output("root", "journalctl -o json --no-pager _SYSTEMD_UNIT=bothyd.service")
        assert "CRITICAL" not in log
        uid = host.output("root", "id", "-u", "bothy")
        text = host.output("root", "systemctl show -p User bothy-fetch@x.service")
        assert text == "User=bothy" and uid != "0"
    finally:
        host.run("alice", "bothy", "delete", "--force", "web")
        host.run("alice", "bothy", "image", "delete", "debian/13")
    nothing_left(host)


def test_launch_passes_over_a_remote_that_is_away(host, server):
    """The image is on the second one; what the first one said is told."""
    added = host.run("root", "bothy", "remote", "add", "a-gone", "http://127.0.0.1:1", "--key", "/srv/key.gpg", check=True)
    assert 'It is added, but there is no catalogue as yet: Remote "a-gone": 127.0.0.1: ' in added.stderr
    assert "--protocol oci" in added.stderr
    try:
        done = host.run("alice", "bothy", "launch", "debian/13", "web", "--", "sleep", "1000", check=True)
        assert done.stdout == "web\n" and 'bothy: Remote "a-gone": 127.0.0.1: ' in done.stderr
        done = host.run("alice", "bothy", "launch", "debian/99", "other")
        assert done.returncode == 1 and 'Remote "a-gone": ' in done.stderr and 'Remote "aaa": ' in done.stderr
    finally:
        host.run("root", "bothy", "remote", "remove", "a-gone")
        host.run("alice", "bothy delete --force web; bothy image delete debian/13")
    nothing_left(host)


def test_debian_is_pulled_and_boots(host, server):
    """The main job: debian/13 from a server, with systemd as its init, and a machine id of its own for each."""
    command = [HERE / "root", "image"]
    if os.environ.get("BOTHY_HOST_SUITE"):
        command.append(os.environ["BOTHY_HOST_SUITE"])
    archive = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    files = Server()
    files.server.server_close()
    files.streams(pathlib.Path(archive).read_bytes(), key=server[0])
    for path, data in files.files.items():
        target = pathlib.Path(f"{host.root}/srv/images/debian{path}")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    url = f"http://127.0.0.1:{PORT}/debian"
    host.run("root", f"bothy remote add debian {url} --key /srv/key.gpg", check=True)
    try:
        ids = set()
        for name in ("web", "web2"):
            host.run("alice", "bothy", "launch", "debian:debian/13", name, check=True, timeout=120)
            verdict = host.output("alice", f"bothy exec {name} -- sh -c 'systemctl is-system-running --wait || true'")
            assert verdict in ("running", "degraded")
            assert host.output("alice", f"bothy exec {name} -- hostname") == name
            ids.add(host.output("alice", f"bothy exec {name} -- cat /etc/machine-id"))
        assert len(ids) == 2 and all(len(machine) == 32 for machine in ids)
    finally:
        host.run("alice", "bothy", "delete", "--force", "web", "web2")
        host.run("alice", "bothy", "image", "delete", "debian:debian/13")
        host.run("root", "bothy remote remove debian; rm -rf /srv/images/debian")
    nothing_left(host, 60)


def test_run_pulls(host, server):
    try:
        assert host.output("alice", "bothy", "run", "--rm", "aaa:debian/trixie", "/bin/busybox", "cat", "/etc/seed") == "content"
    finally:
        host.run("alice", "bothy", "image", "delete", "aaa:debian/trixie")
    nothing_left(host)


def test_search(host, server):
    assert "aaa:debian/13" in host.output("alice", "bothy", "image", "search", "aaa:")
    found = json.loads(host.output("alice", "bothy", "image", "search", "aaa:debian", "--json"))
    assert found[0]["os"] == "Debian"


def test_what_is_nowhere(host, server):
    done = host.run("alice", "bothy", "launch", "aaa:nothing/1", "web")
    assert done.returncode == 1 and "There is no image aaa:nothing/1" in done.stderr
    assert names(host) == []


def test_preset_without_network(host, server):
    remotes = {remote["name"]: remote for remote in json.loads(host.output("alice", "bothy remote list --json"))}
    assert remotes["images"]["policy"] == "checksum"
    done = host.run("alice", "bothy", "image", "pull", "images:debian/13")
    assert done.returncode == 1 and "images.linuxcontainers.org" in done.stderr
    nothing_left(host)


def test_remotes_are_the_administrators(host, server):
    for command in (("add", "mine", "https://example.org"), ("remove", "aaa")):
        assert host.run("alice", "bothy", "--no-ask-password", "remote", *command).returncode == 1
    assert "mine" not in host.output("alice", "bothy remote list")


def test_fetch_socket_is_roots(host):
    assert host.output("root", "stat -c '%a %U' /run/bothy/fetch.sock") == "600 root"


def test_fetch_is_shut_in(host):
    exposure = host.output("root", "systemd-analyze security --no-pager bothy-fetch@x.service | tail -n 1")
    assert float(exposure.split(":")[1].split()[0]) < 2.0, exposure

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images from Debian's own docker-registry, filled with skopeo, as an ordinary user gets them."""

import base64
import json
import pathlib
import subprocess
import sys

import pytest
from tools import nothing_left, tidy  # noqa: F401

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "bus"))

import archives  # noqa: E402
from registryserver import Registry, layer  # noqa: E402

PORT = 5099
HOST = f"127.0.0.1:{PORT}"
CONFIG = f"""\
version: 0.1
storage:
  filesystem:
    rootdirectory: /srv/registry/data
http:
  addr: {HOST}
"""


def write_layout(directory, images):
    """An OCI image layout: IMAGES are layers by tag."""
    server = Registry()
    (directory / "blobs/sha256").mkdir(parents=True)
    manifests = []
    for tag, (layers, config) in images.items():
        what = server.push("x", tag, layers, config, index=False)
        manifests.append({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": what,
                          "size": len(server.files[f"/v2/x/manifests/{what}"]),
                          "annotations": {"org.opencontainers.image.ref.name": tag}})
    for path, data in server.files.items():
        name = path.rsplit("/", 1)[1]
        if name.startswith("sha256:"):
            (directory / "blobs/sha256" / name.removeprefix("sha256:")).write_bytes(data)
    (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": manifests}))
    server.close()


@pytest.fixture(scope="module")
def registry(host):
    directory = host.root / "srv/registry"
    directory.mkdir(parents=True)
    base = archives.small_bytes(b"base")
    write_layout(directory / "layout", {
        "1.0": ([base, layer({"etc/above": b"one\n"}, deleted=["etc/seed"])], {"Cmd": ["/bin/sh"]}),
        "2.0": ([base, layer({"etc/above": b"two\n"})], {}),
    })
    (directory / "config.yml").write_text(CONFIG)
    host.run("root", "systemd-run", "--unit", "registry", "docker-registry", "serve", "/srv/registry/config.yml",
             check=True)
    host.run("root", f"until ss -tln | grep -q :{PORT}; do sleep 0.1; done", check=True, timeout=30)
    for tag, kind in (("1.0", "oci"), ("2.0", "oci"), ("docker", "v2s2")):
        source = tag if kind == "oci" else "1.0"
        host.run("root", f"skopeo --insecure-policy copy --quiet --format {kind} --dest-tls-verify=false "
                 f"oci:/srv/registry/layout:{source} docker://{HOST}/team/app:{tag}", check=True, timeout=120)
    host.run("root", "bothy", "remote", "add", "local", f"http://{HOST}", "--protocol", "oci", check=True)
    yield
    host.run("root", "bothy", "remote", "remove", "local")
    host.run("root", "systemctl stop registry; rm -rf /srv/registry")


def blobs_given(host, since):
    """What the registry gave since then, by its own log."""
    log = host.output("root", f"journalctl -u registry -o cat --no-pager --since @{since}")
    return [line.split("/blobs/")[1].split()[0] for line in log.splitlines() if '"GET /v2/' in line and "/blobs/" in line]


def now(host):
    host.run("root", "sleep 1.1")
    return host.output("root", "date", "+%s")


def forget(host, *users):
    for user in users:
        for name in host.output(user, "bothy image list --json | jq -r '.[] | select(.origin != \"builtin\") | .fingerprint'").split():
            host.run(user, "bothy", "image", "delete", name, check=True)
    nothing_left(host)


def test_OCI_run_pulls(host, registry):
    try:
        for ref in (f"{HOST}/team/app:1.0", "local:team/app:1.0"):
            done = host.run("alice", "bothy", "run", "--rm", ref, "/bin/busybox", "cat", "/etc/above", check=True)
            assert done.stdout == "one\n"
        assert host.run("alice", "bothy", "run", "--rm", f"{HOST}/team/app:1.0", "/bin/busybox", "test", "-e",
                        "/etc/seed").returncode == 1
        image = json.loads(host.output("alice", "bothy", "image", "info", "--json", f"{HOST}/team/app:1.0"))
        assert (image["verified"], image["os"]) == ("sha256", "small")
        assert host.run("bob", "bothy", "image", "info", f"{HOST}/team/app:1.0").returncode == 1
    finally:
        forget(host, "alice")


def test_OCI_by_digest_and_docker_types(host, registry):
    what = host.output("root", f"skopeo inspect --tls-verify=false --format '{{{{.Digest}}}}' docker://{HOST}/team/app:docker")
    try:
        fingerprint = host.output("alice", "bothy", "image", "pull", f"local:team/app@{what}")
        assert host.output("alice", "bothy", "image", "pull", f"{HOST}/team/app:docker") == fingerprint
        host.run("alice", "bothy", "launch", f"{HOST}/team/app:docker", "web", "--", "sleep", "1000", check=True)
        assert host.output("alice", "bothy exec web -- /bin/busybox cat /etc/above") == "one"
        assert host.output("alice", "bothy", "image", "refresh", f"{HOST}/team/app:docker") == fingerprint
    finally:
        host.run("alice", "bothy", "delete", "--force", "web")
        forget(host, "alice")


def test_OCI_layers_come_once(host, registry):
    """A second image brings what is new of it; two users at once bring all of it once."""
    try:
        since = now(host)
        host.run("alice", "bothy", "image", "pull", "local:team/app:1.0", check=True)
        first = blobs_given(host, since)
        assert len(first) == 3  # the configuration and two layers
        since = now(host)
        host.run("alice", "bothy", "image", "pull", "local:team/app:2.0", check=True)
        second = blobs_given(host, since)
        assert len(second) == 2 and not set(first) & set(second)
        forget(host, "alice")
        since = now(host)
        pulls = [subprocess.Popen(host.command(user, "bothy", "image", "pull", "local:team/app:1.0"),
                                  stdout=subprocess.DEVNULL) for user in ("alice", "bob")]
        assert [pull.wait(60) for pull in pulls] == [0, 0]
        given = blobs_given(host, since)
        # Each of them reads the configuration.
        assert len(set(given)) == 3 and len(given) == 4, given
        # Whoever comes later gets what the same registry gave to others.
        since = now(host)
        host.run("carol", "bothy", "image", "pull", "local:team/app:1.0", check=True)
        assert len(blobs_given(host, since)) == 1
    finally:
        forget(host, "alice", "bob", "carol")


def test_PUSH_there_and_back(host, registry):
    """An image and a container, to Debian's own registry, and from there by skopeo and by others."""
    try:
        host.run("alice", "bothy", "launch", "--env", "COLOUR=blue", "busybox", "web", "--", "sleep", "1000", check=True)
        host.run("alice", "bothy exec -T web -- sh -c 'mkdir -p /srv; echo mine >/srv/mine; chown 33:44 /srv/mine; chmod 4755 /srv/mine'", check=True)
        pushed = host.output("alice", "bothy", "push", "web", f"{HOST}/alice/web:1")
        assert pushed.startswith(f"{HOST}/alice/web@sha256:")
        said = json.loads(host.output("alice", f"skopeo inspect --tls-verify=false docker://{HOST}/alice/web:1"))
        assert said["Digest"] == pushed.split("@")[1] and "COLOUR=blue" in said["Env"]
        host.run("alice", "bothy", "commit", "web", "mine", check=True)
        since = now(host)
        host.run("alice", "bothy image push mine local:alice/mine:1 && bothy image export --format oci mine /tmp/mine.tar", check=True)
        image, archive = (json.loads(host.output("root", f"skopeo inspect --tls-verify=false {where}"))
                          for where in (f"docker://{HOST}/alice/mine:1", "oci-archive:/tmp/mine.tar"))
        assert image["Architecture"] == archive["Architecture"] and len(image["Layers"]) == 1
        # From the registry it is the same image as from the archive, for everybody.
        fingerprint = host.output("bob", "bothy", "image", "pull", "local:alice/mine:1")
        assert host.output("bob", "bothy", "image", "import", "/tmp/mine.tar") == fingerprint
        for ref, colour in ((pushed, "blue"), (f"{HOST}/alice/mine:1", "")):
            done = host.run("bob", "bothy", "run", "--rm", ref, "sh", "-c", "cat /srv/mine; stat -c '%a %u:%g' /srv/mine; echo $COLOUR", check=True)
            assert done.stdout == f"mine\n4755 33:44\n{colour}\n"
        # What is there is not sent again.
        since = now(host)
        assert host.output("alice", "bothy", "push", "--container", "web", f"{HOST}/alice/web:2") == pushed
        log = host.output("root", f"journalctl -u registry -o cat --no-pager --since @{since}")
        assert '"HEAD /v2/alice/web/blobs/' in log and '"PUT /v2/alice/web/blobs/' not in log
        assert host.output("alice", "find /var/tmp -maxdepth 1 -user alice") == ""
    finally:
        host.run("alice", "rm -f /tmp/mine.tar; bothy delete -f web")
        forget(host, "alice", "bob")


def test_OCI_what_is_not_there(host, registry):
    done = host.run("alice", "bothy", "launch", f"{HOST}/team/nothing:1", "web")
    assert done.returncode == 1 and "has no image team/nothing:1" in done.stderr
    done = host.run("alice", "bothy", "image", "search", "local:app")
    assert done.returncode == 1 and "can not be searched" in done.stderr
    nothing_left(host)


def test_OCI_without_network(host, registry):
    done = host.run("alice", "bothy", "run", "--rm", "docker.io/library/alpine:3", "true")
    assert done.returncode == 125 and "docker.io" in done.stderr and "resolve" in done.stderr
    done = host.run("alice", "bothy", "image", "pull", "alpine:3")
    assert done.returncode == 1 and "docker.io/library/alpine:3" in done.stderr
    nothing_left(host)


def complete(host, line):
    """What bash offers at the end of LINE."""
    words = line.replace(":", " : ") + (" ''" if line.endswith(" ") else "")
    script = (f"COMP_WORDBREAKS=$' \\t\\n=:'; source /usr/share/bash-completion/bash_completion; "
              "source /usr/share/bash-completion/completions/bothy; "
              f"COMP_LINE='{line}' COMP_POINT={len(line)} COMP_TYPE=9 COMP_WORDS=({words}); "
              "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _bothy; printf '%s\\n' \"${COMPREPLY[@]}\"")
    return host.output("alice", "bash", "-c", script).split()


def test_names_are_completed(host, registry):
    try:
        host.run("alice", "bothy", "image", "pull", "local:team/app:1.0", check=True)
        assert {"local:team/app:1.0", "local:", "docker.io/", "images:"} <= set(complete(host, "bothy run "))
        assert complete(host, "bothy run docker") == ["docker.io/"]
        assert complete(host, "bothy launch local:te") == ["team/app:1.0"]
        assert "local:" in complete(host, "bothy image pull l")
    finally:
        forget(host, "alice")


# ---- passwords ----


SECRET = "open-sesame-4711"
PRIVATE = f"127.0.0.1:{PORT + 1}"


@pytest.fixture
def private(host, registry):
    """The same, for alice alone."""
    directory = host.root / "srv/registry"
    hashed = subprocess.run(["perl", "-e", f"print crypt '{SECRET}', '$2y$05$abcdefghijklmnopqrstuu'"], check=True,
                            stdout=subprocess.PIPE, text=True).stdout
    (directory / "htpasswd").write_text(f"alice:{hashed}\n")
    (directory / "private.yml").write_text(CONFIG.replace(HOST, PRIVATE) + (
        "auth:\n  htpasswd:\n    realm: images\n    path: /srv/registry/htpasswd\n"))
    host.run("root", "systemd-run", "--unit", "private", "docker-registry", "serve", "/srv/registry/private.yml", check=True)
    host.run("root", f"until ss -tln | grep -q :{PORT + 1}; do sleep 0.1; done", check=True, timeout=30)
    host.run("root", "bothy", "remote", "add", "private", f"http://{PRIVATE}", "--protocol", "oci", check=True)
    yield "private:team/app:1.0"
    host.run("root", "bothy", "remote", "remove", "private")
    host.run("root", "systemctl stop private")
    host.run("alice", "rm -rf ~/.config/containers ~/.docker")


def auths(host, user):
    return json.loads(host.output(user, "cat ~/.config/containers/auth.json"))["auths"]


def test_LOGIN_registry_with_htpasswd(host, private):
    try:
        done = host.run("alice", "bothy", "image", "pull", private)
        assert done.returncode == 1 and "bothy remote login" in done.stderr
        host.run("alice", "echo wrong | bothy remote login private -u alice --password-stdin", check=True)
        done = host.run("alice", "bothy", "image", "pull", private)
        assert done.returncode == 1 and "does not take the name" in done.stderr and "wrong" not in done.stderr
        host.run("alice", f"echo {SECRET} | bothy remote login private -u alice --password-stdin", check=True)
        assert host.output("alice", "stat -c %a ~/.config/containers/auth.json") == "600"
        assert list(auths(host, "alice")) == [PRIVATE]
        assert host.output("alice", "bothy", "run", "--rm", private, "/bin/busybox", "cat", "/etc/above") == "one"
        host.run("alice", "bothy", "image", "refresh", private, check=True)
        host.run("alice", "bothy", "push", private, "private:team/mine:1", check=True)
        done = host.run("bob", "bothy", "push", "busybox", "private:team/mine:2")
        assert done.returncode == 1 and "bothy remote login" in done.stderr
        # What she has is not bob's, and he proves nothing by naming it.
        assert host.run("bob", "bothy", "image", "info", private).returncode == 1
        assert host.run("bob", "bothy", "image", "pull", private).returncode == 1
        host.run("alice", "bothy", "remote", "logout", "private", check=True)
        assert auths(host, "alice") == {}
        assert host.run("alice", "bothy", "image", "refresh", private).returncode == 1
        assert host.run("alice", "bothy", "remote", "logout", "private").returncode == 1
        # Nothing of it is anywhere.
        log = host.output("root", r"journalctl -o export --no-pager | tr -cd '\n -~'")
        coded = base64.b64encode(f"alice:{SECRET}".encode()).decode()
        assert coded not in log and SECRET not in "".join(line for line in log.splitlines() if "bothy" in line)
        assert host.run("root", f"grep -rlE '{SECRET}|{coded}' /var/lib/bothy /run/bothy").stdout == ""
    finally:
        forget(host, "alice")


def test_LOGIN_what_others_wrote_counts(host, private):
    """skopeo's login is ours, and ours is skopeo's; all else in the file stays."""
    try:
        host.run("alice", "mkdir -p ~/.config/containers && printf '%s' '{\"auths\":{\"example.org\":{\"auth\":\"eDp5\"}},"
                 "\"x\":1}' >~/.config/containers/auth.json", check=True)
        host.run("alice", f"echo {SECRET} | bothy remote login {PRIVATE} -u alice --password-stdin", check=True)
        assert set(auths(host, "alice")) == {"example.org", PRIVATE}
        assert json.loads(host.output("alice", "cat ~/.config/containers/auth.json"))["x"] == 1
        host.run("alice", "skopeo inspect --authfile ~/.config/containers/auth.json --tls-verify=false "
                 f"docker://{PRIVATE}/team/app:1.0", check=True)
        host.run("alice", "bothy remote logout private; mkdir -p ~/.docker", check=True)
        coded = base64.b64encode(f"alice:{SECRET}".encode()).decode()
        host.run("alice", f"echo '{{\"auths\":{{\"http://{PRIVATE}/v2/\":{{\"auth\":\"{coded}\"}}}}}}' >~/.docker/config.json",
                 check=True)
        host.run("alice", "bothy", "image", "pull", private, check=True)
        done = host.run("alice", "bothy", "remote", "logout", "private")
        assert done.returncode == 1 and "docker logout" in done.stderr
        # One that can not be read is not passed over.
        host.run("alice", "echo nonsense >~/.config/containers/auth.json", check=True)
        done = host.run("alice", "bothy", "image", "refresh", private)
        assert done.returncode == 1 and "containers-auth.json" in done.stderr
        done = host.run("alice", f"echo {SECRET} | bothy remote login private -u alice --password-stdin")
        assert done.returncode == 1 and host.output("alice", "cat ~/.config/containers/auth.json") == "nonsense"
    finally:
        forget(host, "alice")


def test_LOGIN_at_a_terminal(host, private):
    """The password is asked for, and not shown; Ctrl-C leaves the terminal as it was."""
    script = f"""
import os, pty, select, termios, time
def talk(*answers):
    pid, master = pty.fork()
    if pid == 0:
        os.execvp("bothy", ["bothy", "remote", "login", "private"])
    seen = b""
    for wanted, answer in answers:
        while wanted not in seen:
            seen += os.read(master, 1000)
        while wanted.startswith(b"Password") and termios.tcgetattr(master)[3] & termios.ECHO:
            time.sleep(0.01)
        os.write(master, answer)
    try:
        while True:
            part = os.read(master, 1000)
            if not part:
                break
            seen += part
    except OSError:
        pass
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return seen, code, bool(termios.tcgetattr(master)[3] & termios.ECHO)
seen, code, echoes = talk((b"Name", b"alice\\n"), (b"Password", b"{SECRET}\\n"))
assert code == 0 and echoes and b"alice" in seen and b"{SECRET}" not in seen, (seen, code, echoes)
seen, code, echoes = talk((b"Name", b"alice\\n"), (b"Password", b"\\x03"))
assert code in (-2, 130, 1) and echoes, (seen, code, echoes)
"""
    (host.root / "srv/registry/talk.py").write_text(script)
    try:
        host.run("alice", "python3", "/srv/registry/talk.py", check=True, timeout=60)
        host.run("alice", "bothy", "image", "pull", private, check=True)
    finally:
        forget(host, "alice")

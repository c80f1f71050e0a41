# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images sent to registries, honest ones and others, by bothy as a user types it."""

import gzip
import json
import os
import pathlib
import signal
import subprocess
import threading
import time

import pytest

import archives
from conftest import ALICE
from imageserver import Server
from registryserver import basic, digest
from test_images import start_import
from test_registries import host_of, registry  # noqa: F401
from test_remotes import pull, server  # noqa: F401
from wire import IMAGE, variants, wait

DATA = archives.with_files({"etc/mine": b"mine\n", "big": os.urandom(300_000)})
SECRET = "open-sesame-4711"


@pytest.fixture
def target(registry):  # noqa: F811
    registry.accept()
    return registry


@pytest.fixture
def mine(alice):
    with archives.temporary(DATA) as file:
        image = alice.finish(start_import(alice, file, alias="mine"))["Object"]
    yield image
    alice.call(image, IMAGE, "Remove")


class Person:
    """Alice at a terminal, with a home of her own."""

    def __init__(self, world, home):
        self.world, self.home = world, pathlib.Path(home)
        self.spool = self.home / "spool"
        self.spool.mkdir()
        for path in (self.home, self.spool):
            path.chmod(0o777)

    def popen(self, *words, **options):
        environment = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.world.address}", "HOME": str(self.home), "LC_ALL": "C.UTF-8",
                       "TMPDIR": str(self.spool), "PATH": os.environ["PATH"], "REGISTRY_AUTH_FILE": str(self.home / "auth.json")}
        return subprocess.Popen(["setpriv", f"--reuid={ALICE}", f"--regid={ALICE}", "--clear-groups", "--", "bothy", *words],
                                env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                start_new_session=True, **options)

    def run(self, *words):
        done = self.popen(*words)
        done.out, done.err = done.communicate(timeout=60)
        # Nothing of what it kept meanwhile is left.
        assert os.listdir(self.spool) == []
        return done

    def log_in(self, host, name, password):
        login = basic(name, password).removeprefix("Basic ")
        (self.home / "auth.json").write_text(json.dumps({"auths": {host: {"auth": login}}}))
        (self.home / "auth.json").chmod(0o644)


@pytest.fixture
def person(world, tmp_path):
    for path in (tmp_path, *tmp_path.parents):
        if path.stat().st_uid == 0 and str(path).startswith("/tmp/"):
            path.chmod(path.stat().st_mode | 0o711)
    return Person(world, tmp_path)


def manifest_of(registry, name="team/app", tag="1"):  # noqa: F811
    return json.loads(registry.files[f"/v2/{name}/manifests/{tag}"])


def failed(registry, done, *words):  # noqa: F811
    """It says why, and the registry has no image and no upload."""
    assert done.returncode == 1 and done.out == "", done.out
    for word in words:
        assert word in done.err, done.err
    assert not [path for path in registry.files if "/manifests/" in path]
    assert registry.uploads == {}


def test_push_and_pull_back(world, alice, target, mine, person):
    done = person.run("push", "mine", f"{host_of(target)}/team/app:1")
    assert done.returncode == 0 and done.err == "", done.err
    manifest = manifest_of(target)
    assert done.out == f"{host_of(target)}/team/app@{digest(target.files['/v2/team/app/manifests/1'])}\n"
    layer, = manifest["layers"]
    assert layer["mediaType"].endswith("layer.v1.tar+gzip")
    plain = gzip.decompress(target.files[f"/v2/team/app/blobs/{layer['digest']}"])
    config = json.loads(target.files[f"/v2/team/app/blobs/{manifest['config']['digest']}"])
    assert config["rootfs"]["diff_ids"] == [digest(plain)]
    back = pull(alice, "reg:team/app:1")
    assert back["Error"] == ""
    # The same files from the archive of the same image are the same image.
    reader, writer = os.pipe()
    operation, = alice.call(mine, IMAGE, "Export", "(ha{sv})", 0, variants({"format": "oci"}), fds=[writer])
    os.close(writer)
    with open(reader, "rb") as pipe:
        data = pipe.read()
    assert alice.finish(operation)["Error"] == ""
    with archives.temporary(data) as file:
        imported = alice.finish(start_import(alice, file, alias="again"))["Object"]
    assert imported == back["Object"]
    box = alice.create("box", image="reg:team/app:1", command=["sleep", "1000"])
    alice.start(box)
    assert alice.execute(box, "/bin/busybox", "cat", "/etc/mine")[0] == "mine\n"
    alice.delete(box)
    # What is there is not sent again, whatever it is called.
    target.sent.clear()
    again = person.run("image", "push", "--json", "mine", "reg:team/app:2")
    assert again.returncode == 0 and target.sent == [] and manifest_of(target, tag="2") == manifest
    said = json.loads(again.out)
    assert said["reference"] == f"{host_of(target)}/team/app:2" and said["digest"] in done.out and said["size"] > 0
    # Nor are the files of what came from there.
    assert person.run("push", "reg:team/app:1", "reg:team/app:3").returncode == 0
    assert len(target.sent) <= 1 and manifest_of(target, tag="3")["layers"] == [layer]


def test_push_a_container(world, alice, target, person):
    box = alice.create("box", command=["sleep", "1000"], environment=["COLOUR=blue"])
    alice.start(box)
    assert alice.execute(box, "sh", "-c", "echo one >/etc/one")[1] == (0, 0)
    done = person.run("push", "box", "reg:box")
    assert done.returncode == 0, done.err
    config = json.loads(target.files[f"/v2/box/blobs/{manifest_of(target, 'box', 'latest')['config']['digest']}"])
    assert config["config"]["Cmd"] == ["sleep", "1000"] and "COLOUR=blue" in config["config"]["Env"]
    # What goes out of the machine is not guessed.
    alice.finish(alice.call(box, "org.bothy.Bothy1.Container", "Commit", "(sa{sv})", "box", {})[0])
    done = person.run("push", "box", "reg:box")
    assert done.returncode == 1 and "--container" in done.err
    assert person.run("push", "--image", "box", "reg:box:2").returncode == 0
    assert person.run("push", "nothing", "reg:box").err.count("neither an image nor a container") == 1
    alice.call(alice.manager("GetImage", "(s)", "box")[0], IMAGE, "Remove")
    alice.delete(box)


def test_push_with_tokens_and_passwords(world, target, mine, person):
    target.want_tokens()
    done = person.run("push", "mine", "reg:team/app:1")
    assert done.returncode == 0, done.err
    assert any("scope=repository:team/app:pull,push" in path for path in target.tokens_given)
    target.token = None
    target.want_login("alice", "alice", SECRET)
    done = person.run("push", "mine", "reg:alice/app:1")
    assert done.returncode == 1 and "bothy remote login" in done.err
    person.log_in(host_of(target), "alice", "wrong")
    done = person.run("push", "mine", "reg:alice/app:1")
    assert done.returncode == 1 and "does not take the name" in done.err and "wrong" not in done.err
    person.log_in(host_of(target), "alice", SECRET)
    assert person.run("push", "mine", "reg:alice/app:1").returncode == 0
    assert manifest_of(target, "alice/app")


def test_PUSH_01_a_password_goes_to_its_registry_only(world, target, mine, person):
    """Neither a place that the registry sends an upload to, nor one for tokens without TLS elsewhere, sees it."""
    elsewhere = Server()
    elsewhere.methods["PUT"] = lambda handler: (handler.rfile.read(int(handler.headers["Content-Length"])), handler.answer(201))
    target.want_login("team", "alice", SECRET)
    person.log_in(host_of(target), "alice", SECRET)
    post = target.methods["POST"]

    def send_on(handler):
        target.guarded(lambda handler: handler.answer(202, Location=elsewhere.url + "/upload"))(handler)

    target.methods["POST"] = send_on
    try:
        done = person.run("push", "mine", "reg:team/app:1")
        # Its blobs never came to the registry.
        assert done.returncode == 1 and "blob unknown" in done.err, done.err
        assert elsewhere.requests and all("Authorization" not in headers for _, headers in elsewhere.requests)
        target.methods["POST"] = post
        target.logins.clear()
        target.challenge = 'Bearer realm="http://192.0.2.1/token",service="x"'
        target.token = "x"
        done = person.run("push", "mine", "reg:team/app:1")
        assert done.returncode == 1 and "without https" in done.err, done.err
    finally:
        elsewhere.close()


def test_PUSH_02_what_registries_refuse(world, target, mine, person):
    def refusing(status, method, message="no"):
        before = target.methods[method]

        def answer(handler):
            handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
            target.refuse(handler, status, "X", message)

        target.methods[method] = answer
        done = person.run("push", "mine", "reg:team/app:1")
        target.methods[method] = before
        return done

    host = "127.0.0.1"
    failed(target, refusing(403, "POST"), host, "team/app", "bothy remote login")
    failed(target, refusing(404, "POST"), host, "has no team/app", "made there first")
    failed(target, refusing(405, "POST"), "takes no images")
    failed(target, refusing(429, "POST"), "try again later")
    failed(target, refusing(413, "PUT"), "too large")
    failed(target, refusing(500, "PUT", "disk\x1b[31m full"), "status 500", "disk")
    assert "\x1b" not in refusing(500, "PUT", "disk\x1b[31m full").err
    failed(target, person.run("push", "mine", "127.0.0.1:1/team/app"), "bothy remote add")
    failed(target, person.run("push", "mine", "Team/App"), "HOST[:PORT]/NAME")
    failed(target, person.run("push", "mine", f"{host_of(target)}/../x"), "HOST[:PORT]/NAME")


def test_PUSH_03_a_wrong_digest(world, target, mine, person):
    """What arrives is not what was sent, and the registry says so, or does not."""
    put = target.methods["PUT"]

    def spoil(handler):
        if "/manifests/" in handler.path:
            put(handler)
            return
        handler.rfile.read(int(handler.headers["Content-Length"]))
        target.uploads.clear()
        handler.answer(201, Docker_Content_Digest=digest(b"something else"))

    target.methods["PUT"] = spoil
    failed(target, person.run("push", "mine", "reg:team/app:1"), "another digest")
    target.methods["PUT"] = lambda handler: (handler.rfile.read(int(handler.headers["Content-Length"])),
                                             target.refuse(handler, 400, "DIGEST_INVALID", "provided digest did not match"))
    failed(target, person.run("push", "mine", "reg:team/app:1"), "status 400", "did not match")


def test_PUSH_04_hangs_and_breaks(world, target, mine, person):
    """A registry that says nothing is given up; a connection that breaks is tried again."""
    put = target.methods["PUT"]
    release = threading.Event()
    target.methods["PUT"] = lambda handler: release.wait(20)
    before = time.monotonic()
    done = person.run("push", "--timeout", "2", "mine", "reg:team/app:1")
    failed(target, done, "no answer for 2 seconds")
    assert time.monotonic() - before < 15
    release.set()
    broken = []

    def break_once(handler):
        if not broken:
            broken.append(handler.path)
            handler.close_connection = True
            handler.connection.shutdown(2)
            return
        put(handler)

    target.methods["PUT"] = break_once
    done = person.run("push", "mine", "reg:team/app:1")
    assert done.returncode == 0 and broken, done.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_PUSH_05_cancelled(world, alice, target, mine, person, number):
    """Ctrl-C, which the terminal sends to all of them, or a signal to bothy alone: the registry forgets what it got."""
    put = target.methods["PUT"]
    began, ended = threading.Event(), threading.Event()

    def slow(handler):
        began.set()
        ended.wait(10)
        put(handler)

    target.methods["PUT"] = slow
    child = person.popen("push", "mine", "reg:team/app:1")
    assert began.wait(20)
    if number == signal.SIGINT:
        os.killpg(child.pid, number)
    else:
        child.send_signal(number)
    out, err = child.communicate(timeout=20)
    ended.set()
    assert child.returncode == 1 and "cancelled" in err and out == "", err
    wait(lambda: target.uploads == {})
    assert not [path for path in target.files if "/manifests/" in path]
    assert os.listdir(person.spool) == []


def test_PUSH_05_a_full_spool(world, target, mine, person):
    """Where there is no room for what is compressed, it says where and what to do, and the service is not kept."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=777", "none", person.spool], check=True)
    try:
        failed(target, person.run("push", "mine", "reg:team/app:1"), "TMPDIR", "space")
    finally:
        subprocess.run(["umount", person.spool], check=True)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images of layers, as OCI image layouts and docker's archives bring them: what runs, what is shared, what is refused."""

import gzip
import io
import json
import os
import subprocess
import tarfile

import pytest

import bundles
from test_faults import POINTS, set_fault
from tools import STATE, broker, nothing_left, tidy, tidy_up, until  # noqa: F401

SETTINGS = {"Env": ["PATH=/bin", "A=image", "B=image"], "Entrypoint": ["/bin/echo", "entry"], "Cmd": ["one", "two"],
            "WorkingDir": "/srv", "User": "www", "StopSignal": "SIGKILL"}
BASE = bundles.busybox(("etc/a", b"below\n"), ("etc/b", b"below\n"), ("old", None), ("old/x", b"x"), ("old/deep", None),
                       ("old/deep/y", b"y"), ("gone", None), ("gone/z", b"z"), ("srv", None))
TOP = bundles.tar([("etc/.wh.a", b""), ("old/.wh..wh..opq", b""), ("old/new", b"new\n"), (".wh.gone", b""), ("etc/b", b"above\n"),
                   ("link", "/etc/b")])


@pytest.fixture
def put(host):
    """Writes an archive into the host and imports it; what was imported goes at the end."""
    names = []

    def run(data, alias, user="alice", check=True, how="bothy image import --alias {alias} /tmp/{alias}.tar", file=True):
        if file:
            (host.root / f"tmp/{alias}.tar").write_bytes(data)
        names.append((user, alias))
        return host.run(user, how.format(alias=alias), check=check, timeout=120)
    yield run
    # What stands on them goes first.
    tidy_up(host)
    for user, alias in names:
        host.run(user, "bothy", "image", "delete", alias)
        (host.root / f"tmp/{alias}.tar").unlink(missing_ok=True)
    nothing_left(host)


def image(host, name, user="alice"):
    return json.loads(host.output(user, "bothy", "image", "info", "--json", name))


def layers(host):
    return {path.name for path in (host.root / STATE / "layers").iterdir()}


def test_a_stack_is_what_its_layers_say(host, put, tidy):  # noqa: F811
    put(bundles.layout([BASE, TOP], SETTINGS), "stack")
    out = host.output("alice", "bothy run --rm -u root --entrypoint /bin/sh stack -c "
                               "'find /etc/a /etc/b /old /gone /link; cat /etc/b /old/new /link; ls /old' 2>&1")
    assert "/etc/a: No such" in out and "/gone: No such" in out and "/old/x" not in out and "/old/deep" not in out
    assert out.endswith("/link\nabove\nnew\nabove\nnew")
    # A container can do to it what it likes; the next one begins anew.
    host.run("alice", "bothy run --rm -u root --entrypoint /bin/sh stack -c 'rm -r /old /etc/b && mkdir /gone && echo x >/etc/a'", check=True)
    assert host.output("alice", "bothy run --rm -u root --entrypoint /bin/cat stack /etc/b") == "above"


def test_the_image_says_what_runs(host, put, tidy):  # noqa: F811
    put(bundles.layout([BASE], SETTINGS), "says")
    said = image(host, "says")["configuration"]
    assert (said["entrypoint"], said["command"], said["environment"], said["user"]) == (
        SETTINGS["Entrypoint"], SETTINGS["Cmd"], SETTINGS["Env"], "www")
    assert host.output("alice", "bothy run --rm says") == "entry one two"
    assert host.output("alice", "bothy run --rm says x") == "entry x"
    assert host.output("alice", "bothy run --rm --entrypoint /bin/echo says") == ""
    assert host.output("alice", "bothy run --rm --entrypoint /bin/echo says x") == "x"
    assert host.output("alice", "bothy run --rm -e B=mine --entrypoint /bin/sh says -c 'id -u; pwd; echo $A $B'") == "33\n/srv\nimage mine"
    assert host.output("alice", "bothy run --rm -u 0 -w /tmp --entrypoint /bin/sh says -c 'id -u; pwd'") == "0\n/tmp"
    for code in 0, 1, 42, 255:
        assert host.run("alice", f"bothy run --rm --entrypoint /bin/sh says -c 'exit {code}'").returncode == code
    host.run("alice", "bothy create --entrypoint /bin/sleep -e C=3 says f1 -- 1000 && bothy start f1", check=True)
    assert host.output("alice", "bothy exec f1 -- sh -c 'id -u; pwd; echo $A $C'") == "33\n/srv\nimage 3"
    assert host.output("alice", "bothy exec -u root -w / -e A=x f1 -- sh -c 'id -u; pwd; echo $A'") == "0\n/\nx"
    # SIGKILL is its stop signal: sleep(1) as pid 1's child ends at once, and by it.
    host.run("alice", "bothy stop f1", check=True, timeout=20)
    assert json.loads(host.output("alice", "bothy info --json f1"))["state"] == "stopped"


def test_deleted_and_made_anew(host, put, tidy):  # noqa: F811
    """What was below is there again under the same name, and stays so."""
    put(bundles.layout([bundles.busybox(("f", b"f"), ("a", None), ("a/b", None), ("a/b/c", b"c"), ("a/b/d", b"d"))],
                       {"Env": ["PATH=/bin"], "Cmd": ["/bin/sleep", "1000"]}), "anew")
    host.run("alice", "bothy launch anew f1", check=True)
    host.run("alice", "bothy", "exec", "f1", "--", "/bin/busybox", "sh", "-euc",
             "cd /; B=/bin/busybox; $B rm f; $B ln -s g f; $B cp -r a bak; $B rm -rf a; $B mv bak/b/c bak/b/c2; $B mv bak a", check=True)
    for _ in range(2):
        assert host.output("alice", "bothy exec f1 -- /bin/busybox sh -c '/bin/busybox readlink /f; ls /a/b; ls /a'") == "g\nc2\nd\nb"
        host.run("alice", "bothy restart f1", check=True)


@pytest.mark.parametrize("compress", ["gzip", "zstd"])
def test_docker_save_of_compressed_layers(host, put, tidy, compress):  # noqa: F811
    """What is in layer.tar is looked at, not called by its name; the image is the same one."""
    def packed(data):
        return bundles.compressed(data) if compress == "gzip" else subprocess.run(
            ["zstd", "-q", "-c"], input=data, check=True, stdout=subprocess.PIPE).stdout
    put(bundles.docker_save([BASE, TOP], SETTINGS), "plain")
    put(bundles.docker_save([BASE, TOP], SETTINGS, content=packed), "packed")
    assert image(host, "packed")["fingerprint"] == image(host, "plain")["fingerprint"]
    assert host.output("alice", "bothy run --rm packed") == "entry one two"


def test_a_manifest_without_layers(host, put, tidy):  # noqa: F811
    """One that forgot to name its layers is no image, and nothing is kept of it."""
    forgetful = bundles.Layout()
    config = bundles.config_of([BASE], {"Cmd": ["/bin/sh"]})
    manifest = {"schemaVersion": 2, "mediaType": bundles.OCI + "manifest.v1+json", "config": forgetful.blob(config, bundles.OCI + "config.v1+json")}
    forgetful.manifests.append(forgetful.blob(json.dumps(manifest).encode(), bundles.OCI + "manifest.v1+json"))
    before = layers(host)
    done = put(forgetful.tar(), "forgetful", check=False)
    assert done.returncode == 1 and "manifest" in done.stderr, done.stderr
    assert layers(host) == before


HIGH = bundles.tar([bundles.owned("srv/theirs", uid=1234567890, gid=65536, mode=0o640, content=b"theirs\n"), bundles.owned("srv/www", uid=33, content=b"")])


@pytest.mark.parametrize("made", [lambda: bundles.layout([BASE, HIGH], SETTINGS),
                                  lambda: bundles.busybox(bundles.owned("srv/theirs", uid=1234567890, gid=65536, mode=0o640, content=b"theirs\n"),
                                                          bundles.owned("srv/www", uid=33, content=b""))], ids=["layers", "root"])
def test_IMG_01_owners_that_no_container_has(host, put, tidy, made):  # noqa: F811
    """They are refused, and the refusal says what would do; then they are nobody's, which the image says."""
    put(bundles.layout([BASE], SETTINGS), "plain")
    done = put(made(), "high", check=False)
    assert done.returncode != 0 and "srv/theirs" in done.stderr and '"--squash-owners"' in done.stderr, done.stderr
    put(None, "high", how="bothy image import --squash-owners --alias {alias} /tmp/{alias}.tar", file=False)
    assert host.output("alice", "bothy run --rm -u 0 --entrypoint /bin/stat high -c %u:%g:%a /srv/theirs /srv/www") == "65534:65534:640\n33:0:755"
    assert (image(host, "high")["squashedOwners"], image(host, "plain")["squashedOwners"]) == (True, False)
    assert "Owners: those above 65535 became nobody" in host.output("alice", "bothy image info high")
    # The same bytes are the same image; and they are refused still where nobody asked for it.
    before = image(host, "high")["fingerprint"], layers(host)
    put(None, "high", how="bothy image import --squash-owners --alias {alias} /tmp/{alias}.tar", file=False)
    assert (image(host, "high")["fingerprint"], layers(host)) == before
    assert put(None, "high", how="bothy image import --alias {alias} /tmp/{alias}.tar", file=False, check=False).returncode != 0
    host.run("alice", "bothy image export high - | bothy image import --alias again -", check=True, timeout=120)
    host.run("alice", "bothy image delete again", check=True)


def many(n):
    """An image of N layers beside its lowest one, each with a file of its own, and all with one that is in all."""
    return [bundles.tar([(f"srv/{i:03}", b"%d\n" % i), ("etc/a", b"layer %d\n" % i)]) for i in range(n)]


def test_IMG_04_many_layers(host, put, tidy):  # noqa: F811
    """127 is what docker makes at most."""
    put(bundles.layout([BASE, *many(126)], {"Env": ["PATH=/bin"], "Cmd": ["/bin/sh"]}), "many")
    assert len(image(host, "many")["layers"]) == 127
    seen = "ls /srv | /bin/busybox wc -l; cat /srv/000 /srv/125 /etc/a /etc/b"
    assert host.output("alice", f"bothy run --rm many sh -c '{seen}'") == "126\n0\n125\nlayer 125\nbelow"
    # With layers of its own above, and as one root again.
    host.run("alice", "bothy create many f1 -- sleep 1000 && bothy start f1", check=True)
    for i in range(3):
        host.run("alice", f"bothy exec f1 -- sh -c 'echo {i} >>/srv/own' && bothy snapshot create f1 s{i}", check=True)
    assert host.output("alice", f"bothy exec f1 -- sh -c '{seen}; cat /srv/own'") == "127\n0\n125\nlayer 125\nbelow\n0\n1\n2"
    host.run("alice", "bothy commit f1 committed && bothy image export many - | bothy image import --alias one -", check=True, timeout=120)
    assert host.output("alice", f"bothy run --rm committed sh -c '{seen}; cat /srv/own'").endswith("0\n1\n2")
    assert len(image(host, "one")["layers"]) == 1
    assert host.output("alice", f"bothy run --rm one sh -c '{seen}'") == "126\n0\n125\nlayer 125\nbelow"
    host.run("alice", "bothy delete --force f1 && bothy image delete committed one many", check=True)
    # Each has a process that removes it.
    until(lambda: not list((host.root / STATE / "trash").iterdir()), 60)


@pytest.mark.parametrize("n, write", [(200, bundles.layout), (400, bundles.layout), (400, bundles.docker_save)], ids=["200", "400", "saved"])
def test_IMG_04_more_layers_than_can_be(host, put, tidy, n, write):  # noqa: F811
    """Said so, with what to do, however many there are."""
    done = put(write([BASE, *many(n - 1)]), "toomany", check=False)
    assert done.returncode != 0 and f"{n} layers" in done.stderr and "--squash" in done.stderr, done.stderr
    assert n > 200 or "199" in done.stderr


SAYS = {"ExposedPorts": {"80/tcp": {}, "8000-8001/tcp": {}, "53/udp": {}}, "Volumes": {"/data": {}}, "Labels": {"org.example.title": "A title"},
        "StopSignal": "rtmin+3", "WorkingDir": "app", "Healthcheck": {"Test": ["CMD", "/check"], "Interval": 30 * 10**9}}


@pytest.mark.parametrize("made", [bundles.layout, bundles.docker_save])
def test_all_that_it_says_is_shown(host, put, tidy, made):  # noqa: F811
    put(bundles.saying(made=made, **SAYS), "shown")
    text = host.output("alice", "bothy image info shown")
    for line in ("Directory: /app", "Volumes: /data", "Listens at: 80/tcp 8000-8001/tcp 53/udp", "Stop signal: SIGRTMIN+3",
                 "Health check: CMD /check, every 30 s", "Label: org.example.title=A title"):
        assert line in text, text
    host.run("alice", "bothy create shown f1", check=True)
    text = host.output("alice", "bothy info f1")
    assert "Volumes: /data" in text and "Listens at: 80/tcp" in text
    assert host.output("alice", "bothy run --rm --entrypoint /bin/sh shown -c 'pwd; ls -d /data; stat -c %u%a /app'") == "/app\n/data\n0755"


def test_all_its_ports_are_published(host, put, tidy):  # noqa: F811
    """-P: each on a free port of the machine, but for those that were named."""
    put(bundles.saying(Cmd=["/bin/sleep", "1000"], **SAYS), "ports")
    done = host.run("alice", "bothy launch -P -p 8080:80 ports f1", check=True)
    ports = json.loads(host.output("alice", "bothy port list --json f1"))
    assert sorted((port["protocol"], port["inside"]) for port in ports) == [("tcp", 80), ("tcp", 8000), ("tcp", 8001), ("udp", 53)]
    assert done.stdout == "f1\n"
    for port in ports:
        assert f"port {port['host']}/{port['protocol']} of this machine leads to port {port['inside']}\n" in done.stderr
        assert port["host"] == 8080 if (port["protocol"], port["inside"]) == ("tcp", 80) else port["host"] >= 49152
    # They lead there.
    put(bundles.saying(Cmd=["/bin/sh", "-c", "while :; do echo hello | nc -l -p 80; done"], ExposedPorts={"80": {}}), "serves")
    host.run("alice", "bothy launch -P serves f2", check=True)
    chosen = json.loads(host.output("alice", "bothy port list --json f2"))[0]["host"]
    assert "hello" in until(lambda: host.run("root", "timeout", "5", "bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{chosen}; cat <&3").stdout)
    done = host.run("alice", "bothy create -P busybox f3", check=True)
    assert "none is published" in done.stderr and host.output("alice", "bothy port list --quiet f3") == ""
    # Where no port can lead, there is no container.
    done = host.run("alice", "bothy create -P --network none serves f4")
    assert done.returncode == 1 and "no network" in done.stderr and "f4" not in host.output("alice", "bothy list -q")


def test_run_and_tmp_are_the_images(host, put, tidy):  # noqa: F811
    """A program finds there what it was built with, as with docker."""
    tree = [bundles.owned("run", 0, 0), bundles.owned("run/mysqld", 33, 33, 0o1777), bundles.owned("tmp", 0, 0, 0o1777), bundles.owned("tmp/kept", content=b"x")]
    put(bundles.saying(*tree), "runs")
    shown = "stat -c '%n %u %a' /run/mysqld /tmp; cat /tmp/kept"
    assert host.output("alice", f"bothy run --rm --entrypoint /bin/sh runs -c \"{shown}\"") == "/run/mysqld 33 1777\n/tmp 0 1777\nx"


def test_directories_lead_nowhere_outside_IMG_01(host, put, tidy):  # noqa: F811
    """They are made from inside the container, and with no more rights than its root has there."""
    victim = host.root / "tmp/victim"
    victim.mkdir(exist_ok=True)
    victim.chmod(0o777)
    put(bundles.saying(("out", "/tmp/victim"), ("up", "../../../../tmp/victim"), Volumes={"/out/a": {}, "/up/b": {}, "/../../tmp/victim/c": {}, "/proc/1/root/tmp/victim/d": {},
                       "/proc/self/cwd/tmp/victim/e": {}, "/dev/f": {}, "/sys/g": {}}, WorkingDir="/../../../tmp/victim/h"), "leads")
    assert host.output("alice", "bothy run --rm --entrypoint /bin/sh leads -c 'pwd; ls -d /dev/f'") == "/tmp/victim/h\n/dev/f"
    assert list(victim.iterdir()) == []


def test_nobody_is_called_so(host, put, tidy):  # noqa: F811
    put(bundles.saying(User="app"), "nobody")
    done = host.run("alice", "bothy run --rm nobody")
    assert done.returncode == 125 and '"app"' in done.stderr and "image nobody says" in done.stderr and "--user" in done.stderr
    assert host.output("alice", "bothy run --rm --user :33 --entrypoint /bin/sh nobody -c 'id -u; id -g'") == "0\n33"


def test_what_is_not_utf8_gets_there(host, put, tidy):  # noqa: F811
    put(bundles.saying(Env=["PATH=/bin", "GONE=1"]), "bytes")
    sent = r"""a=$(printf '\377\351'); """
    run = host.run("alice", sent + "bothy run --rm -e V=$a -e GONE -w /$a --entrypoint /bin/sh bytes -c 'echo $0$V$GONE; pwd' $a", check=True, text=False)
    assert run.stdout == b"\xff\xe9\xff\xe9\n/\xff\xe9\n", run
    host.run("alice", "bothy launch --entrypoint /bin/sleep bytes f1 -- 1000", check=True)
    done = host.run("alice", sent + "bothy exec -e V=$a f1 -- sh -c 'echo $0$V; ls /nonexistent$1 2>&1; exit 3' $a $a", text=False)
    assert done.returncode == 3 and done.stdout.startswith(b"\xff\xe9\xff\xe9\n") and b"/nonexistent\xff\xe9" in done.stdout
    # As much as a call carries.
    long = "x=$(head -c 125000 /dev/zero | tr '\\0' x); "
    assert host.output("alice", long + "bothy exec f1 -- sh -c 'echo ${#0} ${#1}' $x $x") == "125000 125000"
    done = host.run("alice", long + "bothy exec f1 -- true $x $x $x")
    assert done.returncode == 125 and "375" in done.stderr and str(252 * 1024) in done.stderr, done.stderr
    # A name of ours is text.
    done = host.run("alice", sent + "bothy create bytes f$a")
    assert done.returncode == 2 and "not UTF-8" in done.stderr
    done = host.run("alice", sent + "bothy create --hostname $a bytes f2")
    assert done.returncode == 2 and "not UTF-8" in done.stderr


def test_one_static_program(host, put, tidy):  # noqa: F811
    """An image from scratch has what it runs, and nothing else: no directory, no shell."""
    with open("/bin/busybox", "rb") as file:
        program = file.read()
    scratch = bundles.tar([("sleep", program), ("echo", "sleep")])
    put(bundles.layout([scratch], {"Entrypoint": ["/sleep"], "Cmd": ["1000"]}), "scratch")
    assert host.output("alice", "bothy run --rm --entrypoint /echo scratch hello") == "hello"
    host.run("alice", "bothy launch scratch f1", check=True)
    assert host.output("alice", "bothy exec f1 -- /echo inside") == "inside"
    host.run("alice", "bothy stop f1", check=True, timeout=60)
    host.run("alice", "bothy launch --entrypoint /echo scratch f2 -- said", check=True)
    until(lambda: host.run("alice", "bothy logs f2").stdout.strip() == "said")


@pytest.mark.parametrize("made", [bundles.layout, bundles.docker_save])
def test_layers_without_entries(host, put, tidy, made):  # noqa: F811
    """Builders make them of steps that change nothing: an end mark alone, or no byte at all."""
    put(made([BASE, bytes(1024), TOP, b""], SETTINGS), "empty")
    assert host.output("alice", "bothy run --rm -u root --entrypoint /bin/cat empty /etc/b") == "above"


def test_an_init_is_pid_1(host, put, tidy):  # noqa: F811
    script = b"#!/bin/sh\necho $$ >/pid\nexec sleep 1000\n"
    put(bundles.layout([bundles.busybox(("init", script))], {"Entrypoint": ["/init"], "Env": ["PATH=/bin"]}), "inits")
    host.run("alice", "bothy launch inits f1", check=True)
    assert until(lambda: host.run("alice", "bothy exec f1 -- cat /pid").stdout.strip()) == "1"


def test_images_and_users_share_layers(host, put, tidy):  # noqa: F811
    before = layers(host)
    put(bundles.layout([BASE, TOP], SETTINGS), "one")
    put(bundles.layout([BASE], SETTINGS), "two")
    put(bundles.layout([BASE, TOP], SETTINGS), "three", user="bob")
    assert len(layers(host) - before) == 2
    assert image(host, "one")["layers"][0] == image(host, "two")["layers"][0]
    assert image(host, "one")["fingerprint"] == image(host, "three", "bob")["fingerprint"]
    base, top = image(host, "one")["layers"]
    inode = (host.root / STATE / "layers" / base).stat().st_ino
    host.run("alice", "bothy create one f1 && bothy image delete two", check=True)
    # Bob's container stands on what alice no longer has.
    host.run("bob", "bothy create --entrypoint /bin/cat three f2 -- /etc/b", check=True)
    host.run("alice", "bothy delete f1 && bothy image delete one", check=True)
    assert host.output("bob", "bothy run --rm --entrypoint /bin/cat three /etc/b") == "above"
    host.run("bob", "bothy image delete three")
    assert {base, top} <= layers(host) and (host.root / STATE / "layers" / base).stat().st_ino == inode
    host.run("bob", "bothy delete f2 && bothy image delete three")
    until(lambda: layers(host) == before)


def entry(name, kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, 0o4755
    return info


LINKED = bundles.busybox(("srv", None), ("usr", None), ("usr/lib", None), ("usr/lib/old", b"old\n"), ("lib", "usr/lib"), ("etc/a", b"below\n"))
ACROSS = bundles.tar([("lib/new", b"new\n"), entry("etc/b", tarfile.LNKTYPE, "etc/a"), ("etc/.wh.passwd", b"")])


def test_a_layer_refers_to_those_below(host, put, tidy):  # noqa: F811
    """As if layer after layer were unpacked with tar: through the links that are there, to the files that are there."""
    host.run("alice", "bothy", "list", check=True)
    before = layers(host)
    put(bundles.layout([LINKED, ACROSS], SETTINGS), "across")
    seen = "bothy run --rm -u root --entrypoint /bin/sh {} -c 'cat /lib/old /lib/new /usr/lib/new /etc/b; ls -d /lib /etc/passwd; stat -c %h /etc/a /etc/b' 2>&1"
    out = host.output("alice", seen.format("across"))
    assert out == "old\nnew\nnew\nbelow\nls: /etc/passwd: No such file or directory\n/lib\n2\n2"
    base, top = image(host, "across")["layers"]
    assert base == bundles.sha256(LINKED) and top != bundles.sha256(ACROSS)
    # Only what it is over these is kept, and others with the same below have the same.
    assert layers(host) - before == {base, top}
    put(bundles.docker_save([LINKED, ACROSS, bundles.tar([("more", b"")])], SETTINGS), "hers", user="bob")
    assert image(host, "hers", "bob")["layers"] == [base, top, bundles.sha256(bundles.tar([("more", b"")]))]
    put(bundles.layout([bundles.busybox(("srv", None), ("lib", None), ("etc/a", b"other\n")), ACROSS], SETTINGS), "other")
    assert image(host, "other")["layers"][1] not in (top, bundles.sha256(ACROSS))
    assert host.output("alice", "bothy run --rm -u root --entrypoint /bin/cat other /lib/new /etc/b") == "new\nother"
    # A third layer on top of what is already another one over others.
    put(bundles.layout([LINKED, ACROSS, bundles.tar([entry("c", tarfile.LNKTYPE, "etc/b"), ("lib/.wh.old", b"")])], SETTINGS), "third")
    assert host.output("alice", "bothy run --rm -u root --entrypoint /bin/sh third -c 'cat /c; ls /usr/lib'") == "below\nnew"
    assert image(host, "third")["layers"][:2] == [base, top]


def test_nobody_gets_a_layer_by_naming_it(host, put):
    """Bob knows the digest of what alice has, and has not got the bytes."""
    secret = bundles.tar([("etc/secret", b"alice's\n")])
    put(bundles.layout([BASE, secret]), "hers")
    named = bundles.Layout()
    named.add([BASE, secret])
    path = "blobs/sha256/" + bundles.sha256(bundles.compressed(secret))
    kept = named.files.pop(path)
    for content in None, gzip.compress(bundles.tar([("etc/other", b"")])):
        if content is not None:
            named.files[path] = content
        done = put(named.tar(), "his", user="bob", check=False)
        assert done.returncode != 0 and ("missing" in done.stderr or "SHA-256" in done.stderr), done
    named.files[path] = kept
    put(named.tar(), "his", user="bob")
    assert image(host, "his", "bob")["fingerprint"] == image(host, "hers")["fingerprint"]


@pytest.mark.parametrize("how", ["gzip", "pipe", "docker", "reversed", "zstd", "skopeo"])
def test_archives_of_all_kinds(host, put, tidy, tmp_path, how):  # noqa: F811
    data = bundles.layout([BASE, TOP], SETTINGS)
    line = "bothy image import --alias {alias} /tmp/{alias}.tar"
    if how == "gzip":
        data = gzip.compress(data)
    elif how == "pipe":
        line = "cat /tmp/{alias}.tar | bothy image import --alias {alias} -"
    elif how == "docker":
        data = bundles.docker_save([BASE, TOP], SETTINGS)
    elif how == "reversed":
        made = bundles.Layout()
        made.add([BASE, TOP], SETTINGS)
        data = made.tar(order=lambda names: sorted(names, reverse=True))
    elif how == "zstd":
        data = bundles.layout([BASE, TOP], SETTINGS, compress=lambda tar: subprocess.run(
            ["zstd", "-q", "-c"], input=tar, stdout=subprocess.PIPE, check=True).stdout)
    elif how == "skopeo":
        (tmp_path / "in.tar").write_bytes(data)
        subprocess.run(["skopeo", "copy", "-q", "--insecure-policy", f"oci-archive:{tmp_path}/in.tar",
                        f"docker-archive:{tmp_path}/out.tar:test:latest"], check=True)
        data = (tmp_path / "out.tar").read_bytes()
    put(data, "kind", how=line)
    assert host.output("alice", "bothy run --rm --entrypoint /bin/cat kind /etc/b") == "above"
    assert host.output("alice", "bothy run --rm kind") == "entry one two"


def test_a_tar_is_one_image_in_whatever_it_comes(host, put):
    """Layers go by the tar in them: compressed or not, from an OCI layout or from docker, all are the same image."""
    forms = {"plain": bundles.layout([BASE, TOP], SETTINGS, compress=None), "gzip": bundles.layout([BASE, TOP], SETTINGS),
             "best": bundles.layout([BASE, TOP], SETTINGS, compress=lambda tar: gzip.compress(tar, 1, mtime=1)),
             "docker": bundles.docker_save([BASE, TOP], SETTINGS)}
    for user in "alice", "bob":
        for form, data in forms.items():
            put(data, form, user=user)
    assert len({image(host, form, user)["fingerprint"] for form in forms for user in ("alice", "bob")}) == 1
    assert image(host, "plain")["layers"] == [bundles.sha256(BASE), bundles.sha256(TOP)]
    # A plain tar that is a root comes to the same as a layer, and is there once.
    put(BASE, "root")
    assert image(host, "root")["layers"] == [bundles.sha256(BASE)]
    assert image(host, "root")["fingerprint"] == bundles.sha256(BASE)


# An image of Incus in one archive has no root but in rootfs/.
UNIFIED = bundles.tar([("metadata.yaml", b"architecture: x86_64\ncreation_date: 1\nproperties:\n  os: Both\n"), ("rootfs", None),
                       ("rootfs/etc", None), ("rootfs/etc/inner", b"inner\n")])


@pytest.mark.parametrize("first", ["layer", "archive"])
def test_one_archive_that_can_be_read_in_two_ways_IMG_01(host, put, first):
    """As a layer it is metadata.yaml and rootfs/; as an image of Incus it is what lies in rootfs/. No one's reading is the other's."""
    def as_layer():
        put(bundles.layout([BASE, UNIFIED], compress=None), "two-ways", user="bob")

    def as_archive():
        put(UNIFIED, "two-ways-root")

    for step in (as_layer, as_archive) if first == "layer" else (as_archive, as_layer):
        step()
    alices, bobs = image(host, "two-ways-root"), image(host, "two-ways", "bob")
    assert alices["fingerprint"] == bundles.sha256(UNIFIED) and alices["os"] == "Both"
    assert bobs["layers"][1] == bundles.sha256(UNIFIED) not in alices["layers"]
    inside = {name: host.root / STATE / "layers" / name / "root" for name in (*alices["layers"], bobs["layers"][1])}
    assert (inside[alices["layers"][0]] / "etc/inner").exists() and not (inside[alices["layers"][0]] / "metadata.yaml").exists()
    assert (inside[bobs["layers"][1]] / "metadata.yaml").exists() and (inside[bobs["layers"][1]] / "rootfs/etc/inner").exists()


def test_a_lie_about_a_diff_id_IMG_03(host, put):
    """Alice has the tar; bob says that his bytes have it in them."""
    put(bundles.layout([BASE, TOP]), "truth")
    for compress in bundles.compressed, None:
        made = bundles.Layout()
        made.add([BASE, bundles.tar([("etc/evil", b"")])], compress=compress, config=bundles.config_of([BASE, TOP]))
        done = put(made.tar(), "lie", user="bob", check=False)
        assert done.returncode != 0 and "diff_id" in done.stderr, done.stderr
    assert not (host.root / STATE / "layers" / bundles.sha256(TOP) / "root/etc/evil").exists()


def test_the_same_again_unpacks_nothing(host, put):
    data = bundles.layout([BASE, TOP], SETTINGS)
    put(data, "again")
    places = {name: (host.root / STATE / "layers" / name / "root").stat().st_ino for name in image(host, "again")["layers"]}
    put(data, "again2")
    assert places == {name: (host.root / STATE / "layers" / name / "root").stat().st_ino for name in image(host, "again2")["layers"]}
    assert image(host, "again2")["aliases"] == ["again", "again2"]


def test_the_image_for_this_machine_is_taken(host, put):
    made = bundles.Layout()
    other = bundles.config_of([BASE, TOP], architecture="s390x")
    entries = [made.add([BASE, TOP], config=other, index=False, platform={"os": "linux", "architecture": "s390x"}),
               made.add([BASE], SETTINGS, index=False, platform={"os": "linux", "architecture": bundles.ARCHITECTURE}),
               made.add([TOP], index=False, platform={"os": "unknown", "architecture": "unknown"})]
    made.add_index(entries)
    put(made.tar(), "platforms")
    assert len(image(host, "platforms")["layers"]) == 1 and image(host, "platforms")["architecture"] == os.uname().machine
    foreign = bundles.Layout()
    foreign.add([BASE], config=bundles.config_of([BASE], architecture="s390x"))
    done = put(foreign.tar(), "foreign", check=False)
    assert done.returncode != 0 and "other machines" in done.stderr


def sparse(size):
    """A tar of one file, of SIZE bytes and nothing in it."""
    info = tarfile.TarInfo("GNUSparseFile.0/holes")
    info.size = 512
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "etc/holes", "GNU.sparse.realsize": str(size)}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info, io.BytesIO((b"1\n%d\n0\n" % size).ljust(512, b"\0")))
    return buffer.getvalue()


def hostile():
    wrong = bundles.config_of([TOP])
    deep = b'{"config":' + b"[" * 100000 + b"]" * 100000 + b"}"
    two = bundles.Layout()
    two.add([BASE])
    two.add([BASE, TOP])
    many = [bundles.tar([(f"f{i}", b"")]) for i in range(200)]
    thousands = bundles.Layout()
    described = [thousands.blob(TOP, bundles.OCI + "layer.v1.tar")] * 5000
    config = thousands.blob(bundles.config_of([TOP] * 5000), bundles.OCI + "config.v1+json")
    manifest = {"schemaVersion": 2, "mediaType": bundles.OCI + "manifest.v1+json", "config": config, "layers": described}
    thousands.manifests.append(thousands.blob(json.dumps(manifest).encode(), bundles.OCI + "manifest.v1+json"))
    crowd = bundles.Layout()
    crowd.manifests = [{"mediaType": bundles.OCI + "manifest.v1+json", "digest": f"sha256:{i:064}", "size": 9} for i in range(20000)]
    endless = bundles.Layout()
    endless.manifests = [{"mediaType": bundles.OCI + "index.v1+json", "digest": "sha256:" + "0" * 64, "size": 9}]
    nested = gzip.compress(gzip.compress(TOP))
    return {
        "IMG-01 ../ in a layer": (bundles.layout([BASE, bundles.tar([("../../evil", b"x")])]), "not accepted"),
        "IMG-01 a whiteout that goes up": (bundles.layout([BASE, bundles.tar([("../.wh.images", b"")])]), "not accepted"),
        "IMG-01 a whiteout of ..": (bundles.layout([BASE, bundles.tar([(".wh...", b"")])]), "no file is called so"),
        "IMG-01 a link to what no layer has": (bundles.layout([BASE, bundles.tar([entry("x", tarfile.LNKTYPE, "etc/none")])]), "did not bring"),
        "IMG-01 a link in the lowest layer": (bundles.layout([bundles.tar([("etc", None), entry("x", tarfile.LNKTYPE, "etc/none")]), BASE]), "did not bring"),
        "IMG-01 a link to what is gone": (bundles.layout([BASE, bundles.tar([(".wh.etc", b""), ("lib", None)]), bundles.tar([entry("x", tarfile.LNKTYPE, "etc/passwd")])]), "did not bring"),
        "IMG-01 a way through a link in circles": (bundles.layout([BASE, bundles.tar([("round", "round")]), bundles.tar([("round/x", b"")])]), "opening its directory"),
        "IMG-02 200 layers": (bundles.layout([BASE, *many]), "layers"),
        "IMG-02 5000 layers that are one": (thousands.tar(), ""),
        "IMG-02 20000 manifests": (crowd.tar(), ""),
        "IMG-02 a layer of 2 TiB that has holes": (bundles.layout([BASE, sparse(2 << 40)]), "larger than 1 TiB"),
        "IMG-02 an archive of 2 TiB that has holes": (sparse(2 << 40), "larger than 1 TiB"),
        "IMG-02 a layer compressed twice": (bundles.layout([BASE, TOP], compress=lambda tar: nested if tar == TOP else tar), ""),
        "IMG-03 a manifest that is not there": (endless.tar(), "missing"),
        "IMG-03 another diff_id": (bundles.layout([BASE], config=wrong), "diff_id"),
        "IMG-03 fewer diff_ids": (bundles.layout([BASE, TOP], config=bundles.config_of([BASE])), "other layers"),
        "IMG-03 a layer of noise": (bundles.layout([BASE], compress=lambda tar: os.urandom(5000)), ""),
        "IMG-04 huge JSON": (bundles.layout([BASE], config=bundles.config_of([BASE], x="x" * (5 << 20))), "no manifest"),
        "IMG-04 deep JSON": (bundles.layout([BASE], config=deep), "no configuration"),
        "IMG-04 JSON that ends": (bundles.layout([BASE], config=bundles.config_of([BASE])[:-9]), "no configuration"),
        "IMG-04 a user with a newline": (bundles.layout([BASE], {"User": "a\nb"}), "user"),
        "IMG-04 100000 variables": (bundles.layout([BASE], {"Env": [f"A{i}=1" for i in range(100000)]}), ""),
        "IMG-04 a list in place of an object": (bundles.tar([("index.json", b"[]"), ("oci-layout", b"{}")]), "index.json"),
        "IMG-04 docker's list is none": (bundles.tar([("manifest.json", b"}{")]), "manifest.json"),
        "IMG-04 no root in any layer": (bundles.layout([bundles.tar([("f", b"")])]), "root file system"),
        "IMG-04 two images": (two.tar(), "several"),
        "IMG-10 blobs that are links": (bundles.tar([("blobs", "/etc"), ("index.json", "/etc/passwd"), ("manifest.json", "../../../etc/passwd")]), ""),
    }


HOSTILE = hostile()


@pytest.mark.parametrize("kind", sorted(HOSTILE))
def test_hostile_images(host, put, kind):
    data, reason = HOSTILE[kind]
    before = layers(host)
    done = put(data, "hostile", check=False)
    assert done.returncode != 0 and reason in done.stderr, done.stderr
    until(lambda: layers(host) == before)
    for place in "/evil", "/var/evil", "/var/lib/evil", f"/{STATE}/evil", f"/{STATE}/layers/evil", f"/{STATE}/../evil":
        assert not os.path.lexists(f"{host.root}{place}")
    assert (host.root / STATE / "images").is_dir()


def test_links_of_a_layer_lead_nowhere_outside_IMG_01(host, put, tidy):  # noqa: F811
    victim = host.root / "tmp/victim"
    victim.mkdir(exist_ok=True)
    (victim / "file").write_text("here")
    put(bundles.layout([BASE, bundles.tar([("out", "/tmp/victim"), ("out/file", b"over"), ("out/.wh.file", b""), ("up", "../../../../tmp/victim"),
                                           ("up/.wh..wh..opq", b"")])]), "links", check=False)
    assert (victim / "file").read_text() == "here" and list(victim.iterdir()) == [victim / "file"] and not os.listxattr(victim)


@pytest.mark.once
@pytest.mark.parametrize("point", [point for point in POINTS if point.startswith("import.")])
def test_killed_in_the_middle_of_layers_IMG_09(host, put, tidy, point):  # noqa: F811
    (host.root / "tmp/bundle.tar").write_bytes(bundles.layout([BASE, TOP, bundles.tar([("marker", point.encode())])], SETTINGS))
    set_fault(host, point)
    try:
        host.run("alice", "bothy", "list", check=True)
        old = broker(host)
        host.run("alice", "bothy image import --alias bundle /tmp/bundle.tar", timeout=60)
        until(lambda: broker(host) != old, 5, f"bothyd does not come to {point}")
    finally:
        set_fault(host, None)
    host.run("alice", "bothy", "list", check=True)
    nothing_left(host)
    put(b"", "bundle", file=False)
    assert host.output("alice", "bothy run --rm --entrypoint /bin/cat bundle /etc/b /marker") == "above\n" + point

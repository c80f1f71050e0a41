# SPDX-License-Identifier: LGPL-2.1-or-later
"""CopyFrom and CopyTo: files between a container that runs and a tar archive."""

import io
import os
import signal
import tarfile
import threading

import pytest
from gi.repository import GLib

from conftest import BOB
from wire import CONTAINER, variants, wait


@pytest.fixture
def box(alice):
    path = alice.create("box", command=["sleep", "1000"])
    alice.start(path)
    return path


def sh(client, box, script):
    """What a shell in it says."""
    return client.execute(box, "sh", "-c", script)[0]


def copy_to(client, box, where, archive, **options):
    """What became of the operation, ARCHIVE being bytes."""
    with open(os.memfd_create("archive"), "r+b", buffering=0) as file:
        file.write(archive)
        file.seek(0)
        operation, = client.call(box, CONTAINER, "CopyTo", "(sha{sv})", where, 0, variants(options), fds=[file.fileno()])
        return client.finish(operation)["Failure"]


def copy_from(client, box, what, **options):
    """The archive, or the error."""
    with open(os.memfd_create("archive"), "r+b", buffering=0) as file:
        operation, = client.call(box, CONTAINER, "CopyFrom", "(sha{sv})", what, 0, variants(options), fds=[file.fileno()])
        error = client.finish(operation)["Failure"]
        file.seek(0)
        return tarfile.open(fileobj=io.BytesIO(file.read())) if not error else error


def tar(*entries):
    """Of each (name, content, type or (type, link)), and maybe a dict of what else its header has."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, what, *more in entries:
            info = tarfile.TarInfo(name)
            data = None
            if isinstance(what, bytes) and what not in (tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
                data, info.size = io.BytesIO(what), len(what)
            elif isinstance(what, tuple):
                info.type, info.linkname = what
            else:
                info.type = what
            info.mode = 0o755 if info.type == tarfile.DIRTYPE else 0o644
            for key, value in (more[0] if more else {}).items():
                setattr(info, key, value)
            archive.addfile(info, data)
    return out.getvalue()


def test_COPY_there_and_back(alice, box):
    """Contents, owners, modes, times, links and extended attributes."""
    given = tar(("d", tarfile.DIRTYPE, {"mode": 0o2750, "gid": 7, "mtime": 1000}),
                ("d/file", b"text", {"mode": 0o4711, "uid": 1000, "gid": 100, "mtime": 12345}),
                ("d/again", (tarfile.LNKTYPE, "d/file")), ("d/link", (tarfile.SYMTYPE, "/etc/passwd")),
                ("d/pipe", tarfile.FIFOTYPE),
                ("d/cap", b"x", {"pax_headers": {"SCHILY.xattr.user.note": "said"}}))
    assert copy_to(alice, box, "/root", given) == ""
    assert sh(alice, box, "cat /root/d/file; stat -c '%a %u %g %Y %h' /root/d/file; stat -c '%a %g %Y' /root/d; "
              "readlink /root/d/link; stat -c %F /root/d/pipe") == \
        "text4711 1000 100 12345 2\n2750 7 1000\n/etc/passwd\nfifo\n"
    back = copy_from(alice, box, "/root/d/")
    found = {member.name: member for member in back}
    assert back.getnames()[0] == "d" and set(found) == {"d", "d/file", "d/again", "d/link", "d/pipe", "d/cap"}
    assert sorted((found[name].mode, found[name].uid, found[name].gid, found[name].mtime) for name in ("d/again", "d/file"))[1] == \
        (0o4711, 1000, 100, 12345)
    assert {found["d/again"].type, found["d/file"].type} == {tarfile.REGTYPE, tarfile.LNKTYPE}
    assert found["d/link"].linkname == "/etc/passwd" and found["d"].mode == 0o2750
    assert found["d/cap"].pax_headers["SCHILY.xattr.user.note"] == "said"


def test_COPY_names(alice, box):
    """Into a directory that is there, or as a name in one; as cp(1) has it."""
    given = tar(("hosts", b"new"))
    assert copy_to(alice, box, "/root", given) == "" and sh(alice, box, "cat /root/hosts") == "new"
    assert copy_to(alice, box, "/root/mine", given) == "" and sh(alice, box, "cat /root/mine") == "new"
    tree = tar(("a", tarfile.DIRTYPE), ("a/b", b"1"), ("a/c", (tarfile.LNKTYPE, "a/b")))
    assert copy_to(alice, box, "/root/other", tree) == "" and sh(alice, box, "cat /root/other/c; ls /root") == "1hosts\nmine\nother\n"
    # A link of the container's is followed, and leads nowhere but inside.
    sh(alice, box, "ln -s ../../../../tmp /root/way; mkdir -p /tmp; ln -s /proc/1/root /root/out")
    assert copy_to(alice, box, "/root/way", given) == "" and sh(alice, box, "cat /tmp/hosts") == "new"
    assert "opening" in copy_to(alice, box, "/root/out/tmp", given)
    for where, said in ("/no/such/place", "No such file"), ("/root/mine/x", "Not a directory"), ("/root/none/", "No such file"):
        assert said in copy_to(alice, box, where, given), where
    assert copy_from(alice, box, "/root/mine").getnames() == ["mine"]
    assert copy_from(alice, box, "/root/way/").getnames()[0] == "way"
    assert "No such file" in copy_from(alice, box, "/none")
    assert "neither a file nor a directory" in copy_from(alice, box, "/dev/null")
    # Bytes.
    odd = GLib.Variant("ay", b"/root/\xff\xfe")
    assert copy_to(alice, box, "", given, path=odd) == ""
    assert sh(alice, box, r"cat /root/$(printf '\377\376')") == "new"
    assert copy_from(alice, box, "", path=odd).getmembers()[0].size == 3


def test_COPY_what_is_there_stays(alice, box):
    """A directory is no file; what is replaced is so by the whole; what looks like a mark of a layer is a file."""
    sh(alice, box, "mkdir -p /root/d; echo old >/root/f; ln -s f /root/l; mkdir -m 2777 /root/s; chown 0:50 /root/s")
    assert "directory" in copy_to(alice, box, "/root", tar(("d", b"x")))
    assert "no directory" in copy_to(alice, box, "/root", tar(("f", tarfile.DIRTYPE)))
    assert copy_to(alice, box, "/root", tar(("f/x", b"x"))) != ""
    assert sh(alice, box, "test -d /root/d; cat /root/f") == "old\n"
    assert copy_to(alice, box, "/root", tar(("l", b"own"))) == "" and sh(alice, box, "cat /root/f /root/l") == "old\nown"
    assert copy_to(alice, box, "/root/s", tar(("x", b"", {"mode": 0o600}))) == ""
    assert sh(alice, box, "stat -c '%a %u:%g' /root/s/x /root/s") == "600 0:0\n2777 0:50\n"
    cut = tar(("f", b"y" * 100000))[:50000]
    assert copy_to(alice, box, "/root", cut) != "" and sh(alice, box, "cat /root/f; ls -A /root | grep -c bothy") == "old\n0\n"
    assert "cut off" in copy_to(alice, box, "/root", tar(("f", b"z"))[:1024])
    assert copy_to(alice, box, "/root", tar((".wh.f", b"a"), (".wh..wh..opq", b"b"))) == ""
    assert sh(alice, box, "cat /root/f /root/.wh.f") == "z" + "a"
    assert ".." in copy_to(alice, box, "/root", tar(("../x", b"")))
    assert "owner" in copy_to(alice, box, "/root", tar(("x", b"", {"uid": 70000})))


def test_COPY_only_while_it_runs(alice, box):
    alice.call(box, CONTAINER, "Freeze")
    assert copy_to(alice, box, "/root", tar(("f", b"x"))) == "" and copy_from(alice, box, "/root/f").getnames() == ["f"]
    alice.call(box, CONTAINER, "Thaw")
    alice.stop(box)
    assert "does not run; start it" in copy_from(alice, box, "/root/f")
    assert "does not run; start it" in copy_to(alice, box, "/root", tar(("f", b"x")))


def test_COPY_other_file_systems_are_not_entered(alice, box):
    """What is mounted inside is an empty directory; but who names it gets it."""
    sh(alice, box, "echo x >/run/x; mkdir /root/m")
    assert "dev/null" not in copy_from(alice, box, "/").getnames()
    assert "run/x" in copy_from(alice, box, "/run").getnames()
    assert copy_to(alice, box, "/run", tar(("y", b"1"))) == "" and sh(alice, box, "cat /run/y") == "1"


def test_COPY_of_files_that_change(alice, box):
    """It ends, and has the files whole or filled up, whatever is done to them meanwhile."""
    alice.call(box, CONTAINER, "Exec", "(asaha{sv})", ["sh", "-c", "while :; do seq 20000 >/root/big; rm -f /root/big; "
               "mkdir -p /root/d/e; ln -sf /etc /root/d/f; rm -rf /root/d; done"], [], {})
    for _ in range(15):
        archive = copy_from(alice, box, "/root")
        assert not isinstance(archive, str), archive
        assert all(name.split("/")[0] == "root" for name in archive.getnames())


def test_COPY_is_the_owners(world, alice, box):
    """Nobody else's, and with no right that the container's root has not got."""
    with world.client(BOB) as bob, open(os.memfd_create("x"), "r+b") as file:
        for member in "CopyFrom", "CopyTo":
            assert bob.error(box, CONTAINER, member, "(sha{sv})", "/etc", 0, {}, fds=[file.fileno()]) == "UnknownObject"
    assert copy_to(alice, box, "/proc/sys/kernel", tar(("panic", b"1"))) != ""


@pytest.mark.parametrize("mode", ["wrong-way", "O_PATH", "directory"])
@pytest.mark.parametrize("member", ["CopyFrom", "CopyTo"])
def test_COPY_streams(world, alice, box, member, mode):
    before = world.settled_fds()
    flags = {"wrong-way": os.O_RDONLY if member == "CopyFrom" else os.O_WRONLY, "O_PATH": os.O_PATH, "directory": os.O_RDONLY}[mode]
    fd = os.open(world.directory if mode == "directory" else "/dev/null" if mode != "wrong-way" else "/etc/hostname", flags)
    assert alice.error(box, CONTAINER, member, "(sha{sv})", "/etc", 0, {}, fds=[fd]) == "InvalidArgs"
    os.close(fd)
    assert world.settled_fds() <= before
    for path in "etc", "", "/" + "x" * 4096:
        assert alice.error(box, CONTAINER, member, "(sha{sv})", path, 0, {}, fds=[0]) == "InvalidArgs"


def test_COPY_is_cancelled(world, alice, box):
    """Also while nobody writes, or reads; and the container can be stopped meanwhile."""
    before = world.settled_fds()
    reader, writer = os.pipe()
    operation, = alice.call(box, CONTAINER, "CopyTo", "(sha{sv})", "/root", 0, {}, fds=[reader])
    sh(alice, box, "head -c 300000 /dev/zero >/root/big")
    other_reader, other_writer = os.pipe()
    other, = alice.call(box, CONTAINER, "CopyFrom", "(sha{sv})", "/root", 0, {}, fds=[other_writer])
    for each in operation, other:
        alice.call(each, "org.bothy.Bothy1.Operation", "Cancel")
        assert "ancel" in alice.finish(each)["Failure"]
    for fd in reader, writer, other_reader, other_writer:
        os.close(fd)
    alice.stop(box)
    assert alice.state(box) == "stopped"
    # What does not end by itself is killed after two seconds.
    wait(lambda: world.settled_fds() <= before)


def test_COPY_of_a_stream(alice, box):
    """It may be longer than memory: it goes through a pipe, and comes out of one."""
    reader, writer = os.pipe()
    data = tar(("big", os.urandom(3_000_000)))
    operation, = alice.call(box, CONTAINER, "CopyTo", "(sha{sv})", "/root", 0, {}, fds=[reader])
    os.close(reader)
    sender = threading.Thread(target=lambda: (os.write(writer, data[:100]), [os.write(writer, data[i:i + 60000])
                                              for i in range(100, len(data), 60000)], os.close(writer)))
    sender.start()
    done = alice.finish(operation)
    sender.join()
    assert done["Failure"] == ""
    assert copy_from(alice, box, "/root/big").extractfile("big").read() == tarfile.open(fileobj=io.BytesIO(data)).extractfile("big").read()


def feed(writer):
    """Gives as much of a long archive as is taken."""
    data = tar(("f", b"x" * 8_000_000))[:6_000_000]
    threading.Thread(target=lambda: os.write(writer, data), daemon=True).start()


def workers(world):
    """Those that copy."""
    return [pid for group in world.cgroups() if group.endswith("/copies")
            for pid in (world.group / group / "cgroup.procs").read_text().split()]


@pytest.mark.parametrize("how", ["Stop", "Delete"])
def test_COPY_ends_with_the_container(world, alice, box, how):
    """Who copies is in the container's control group: nothing is written any more once that has ended."""
    reader, writer = os.pipe()
    operation, = alice.call(box, CONTAINER, "CopyTo", "(sha{sv})", "/root", 0, {}, fds=[reader])
    feed(writer)
    wait(lambda: sh(alice, box, "ls -A /root").startswith(".bothy-"))
    assert len(workers(world)) == 1
    alice.call(box, CONTAINER, how, "(a{sv})", variants({"force": True}))
    done = alice.finish(operation)
    assert "ended while" in done["Failure"], done
    wait(lambda: not workers(world))
    for fd in reader, writer:
        os.close(fd)


def test_COPY_cancel_leaves_nothing_half_made(world, alice, box):
    sh(alice, box, "echo old >/root/f")
    reader, writer = os.pipe()
    operation, = alice.call(box, CONTAINER, "CopyTo", "(sha{sv})", "/root", 0, {}, fds=[reader])
    feed(writer)
    wait(lambda: ".bothy-" in sh(alice, box, "ls -A /root"))
    alice.call(operation, "org.bothy.Bothy1.Operation", "Cancel")
    assert "ancel" in alice.finish(operation)["Failure"]
    wait(lambda: not workers(world))
    assert sh(alice, box, "ls -A /root; cat /root/f") == "f\nold\n"
    for fd in reader, writer:
        os.close(fd)


def test_COPY_changes_no_directory_that_is_there(alice, box):
    sh(alice, box, "mkdir -m 1777 /root/t; chown 5:5 /root/t")
    assert copy_to(alice, box, "/root", tar(("t", tarfile.DIRTYPE), ("t/new", tarfile.DIRTYPE, {"mode": 0o700, "uid": 9}))) == ""
    assert sh(alice, box, "stat -c '%a %u' /root/t /root/t/new") == "1777 5\n700 9\n"
    assert copy_to(alice, box, "/root/t/../..", tar(("x", b""))) == "" and sh(alice, box, "ls /x") == "/x\n"
    for path in "/none/..", "/none/.":
        assert "No such file" in copy_to(alice, box, path, tar(("x", b"")))
    assert "no name" in copy_from(alice, box, "/root/..")


def test_COPY_is_cancelled_while_the_supervisor_does_not_answer(world, alice, box):
    supervisor, = [pid for group in world.cgroups() if group.endswith("/supervisor")
                   for pid in (world.group / group / "cgroup.procs").read_text().split()]
    os.kill(int(supervisor), signal.SIGSTOP)
    try:
        with open(os.memfd_create("x"), "r+b") as file:
            operation, = alice.call(box, CONTAINER, "CopyFrom", "(sha{sv})", "/etc", 0, {}, fds=[file.fileno()])
        alice.call(operation, "org.bothy.Bothy1.Operation", "Cancel")
        assert "ancel" in alice.finish(operation, timeout=10)["Failure"]
    finally:
        os.kill(int(supervisor), signal.SIGCONT)
    assert copy_from(alice, box, "/etc/hostname").getnames() == ["hostname"]

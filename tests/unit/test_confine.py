# SPDX-License-Identifier: LGPL-2.1-or-later
"""What bothy-unpack, bothy-pack and bothy-fetch can still do once they have confined themselves."""

import os
import pathlib
import socket
import struct
import subprocess
import sys

import pytest

from helping import LIBEXEC, status

HERE = pathlib.Path(__file__).parent
SERVICE = HERE.parents[1] / "service"
UNPACK = SERVICE / "images/unpack"
FETCH = SERVICE / "images/fetch"
WIRE = SERVICE / "wire"
PROGRAMS = {
    "unpack": (["-DWITH_UNPACK", f"-I{UNPACK}"],
               [UNPACK / "confine.c", UNPACK / "job.c", WIRE / "privilege.c", WIRE / "landlock.c"], ["libseccomp"]),
    "fetch": (["-DWITH_FETCH", f"-I{FETCH}"],
              [FETCH / "confine.c", SERVICE / "images/json/error.c", WIRE / "landlock.c"], ["libseccomp", "glib-2.0"]),
    "landlock": (["-DWITH_LANDLOCK"], [WIRE / "landlock.c"], []),
}


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """Builds one of them, without sanitizers: those need more than is left. In a place that everybody reaches."""
    directory = tmp_path_factory.mktemp("programs")
    for path in (directory, *directory.parents[:2]):
        path.chmod(0o755)

    def build(name):
        flags, sources, libraries = PROGRAMS[name]
        pkg = subprocess.run(["pkg-config", "--cflags", "--libs", *libraries], check=True, capture_output=True, text=True) if libraries else None
        subprocess.run(["cc", "-std=gnu11", "-O1", "-D_GNU_SOURCE", "-o", directory / name, *flags, f"-I{SERVICE}", f"-I{WIRE}",
                        HERE / "try-confine.c", *sources, *(pkg.stdout.split() if pkg else []), "-pthread"], check=True)
        return directory / name

    return build


@pytest.fixture
def places(tmp_path):
    """A directory to be confined to, and one beside it."""
    for name in "inside", "outside":
        (tmp_path / name / "d").mkdir(parents=True)
        (tmp_path / name / "file").write_text("x")
    subprocess.run(["chmod", "-R", "a+rwX", tmp_path], check=True)
    for path in tmp_path.parents[:3]:
        path.chmod(path.stat().st_mode | 0o111)
    return [tmp_path / "inside", tmp_path / "outside"]


@pytest.mark.parametrize("words", [[], ["reading"]], ids=["writes", "reads"])
def test_unpack(program, places, words):
    done = subprocess.run([program("unpack"), *places, *words], capture_output=True, text=True, timeout=20)
    assert (done.stdout, done.returncode) == ("", 0), done.stderr
    assert (places[1] / "file").read_text() == "x" and sorted(os.listdir(places[1])) == ["d", "file"]


def test_fetch(program, places):
    done = subprocess.run([program("fetch"), *places], user=65534, group=65534, extra_groups=[], capture_output=True, text=True,
                          timeout=20)
    assert (done.stdout, done.returncode) == ("", 0), done.stderr
    assert sorted(os.listdir(places[0])) == ["d", "file"]


def test_landlock_alone(program, places):
    """Each of what is refused by the filters of system calls as well."""
    done = subprocess.run([program("landlock"), *places], capture_output=True, text=True, timeout=20)
    assert (done.stdout, done.returncode) == ("", 0), done.stderr
    assert sorted(os.listdir(places[0])) == ["d", "file"]


REQUEST = struct.Struct("=IIIIIIIIQ")  # struct fetch_request
DOWNLOAD, STREAMS, SIGNATURE = 3, 1, 1
NOBODY = 65534


@pytest.fixture
def fetcher(tmp_path):
    """A bothy-fetch that waits for a server which never answers."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with socket.create_server(("127.0.0.1", 0)) as server, theirs, ours:
        process = subprocess.Popen([os.path.join(LIBEXEC, "bothy-fetch"), "--connection", str(theirs.fileno())],
                                   pass_fds=[theirs.fileno()], user=NOBODY, group=NOBODY, extra_groups=[])
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        text = "".join(word + "\0" for word in (url, "", "", "", url + "image", "0" * 64, "")).encode()
        reader, writer = os.pipe()
        head = REQUEST.pack(1, DOWNLOAD, STREAMS, SIGNATURE, 60, len(text), 1, 0, 1000)
        socket.send_fds(ours, [head + text], [writer])
        server.settimeout(20)
        connection, _ = server.accept()
        with connection:
            assert connection.recv(4) == b"GET "
            yield process
        ours.close()
        assert process.wait(20) == 0
        for fd in reader, writer:
            os.close(fd)


def test_fetcher_is_confined_while_it_waits(fetcher):
    """Each of its threads; and who has its uid, as all of them have, does not get at what others ask for."""
    threads = os.listdir(f"/proc/{fetcher.pid}/task")
    assert len(threads) > 1
    for thread in threads:
        of_thread = status(f"{fetcher.pid}/task/{thread}")
        assert (of_thread["Seccomp"], of_thread["NoNewPrivs"]) == ("2", "1"), of_thread
    code = f"open('/proc/{fetcher.pid}/mem', 'rb')"
    done = subprocess.run([sys.executable, "-c", code], user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True, text=True)
    assert done.returncode == 1 and "PermissionError" in done.stderr, done.stderr

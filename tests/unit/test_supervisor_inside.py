# SPDX-License-Identifier: LGPL-2.1-or-later
"""bothy-supervisor: what a container is made of, and what programs inside see and may do."""

import ctypes
import errno
import os
import select
import signal
import struct
import subprocess

import pytest

from supervising import (  # noqa: F401
    BASE, LIBEXEC, NESTING, NETWORK, REBOOT, SIGNAL, STEP_EXEC, STEP_FILES, STEP_REQUEST, STEP_ROOT, STEP_USER,
    assert_confined, box, eventually, image, make, make_image, pytestmark, status_of, subreaper,
)


def test_nameservers_that_do_not_fit(box):
    assert box.call(NETWORK, ["lo", "", "", "", "", "1 " * 120]).fault == (STEP_FILES, errno.EINVAL)
    assert box.call(NETWORK, ["lo", "", "", "", "", "192.0.2.1 2001:db8::1"]).fault == (0, 0)
    assert box.shell("cat /etc/resolv.conf") == ("nameserver 192.0.2.1\nnameserver 2001:db8::1\n", 0)


def test_image_init(make):
    container = make()
    assert container.start().value == signal.SIGUSR2
    assert eventually(lambda: container.shell("test -e /dev/console; pidof init")[1] == 0)
    container.call(SIGNAL, value=signal.SIGUSR2)
    message = container.exited()
    assert (message.code, message.signal, message.flags) == (0, 0, 0)


@pytest.mark.parametrize("argv, user", [((), ""), (("/init",), ""), (("/bin/sleep", "1000"), ""), (("/bin/sleep", "1000"), "u")],
                         ids=["image's init", "named init", "command", "user's command"])
def test_first_process_is_confined(make, tmp_path, argv, user):
    """THREATS 2.5: whichever way it comes to life; and what it starts."""
    tree = make_image(tmp_path / "tree")
    (tree / "init").symlink_to("bin/busybox")
    container = make(tree)
    assert container.start(*argv, user=user).fault == (0, 0)
    assert_confined(container.started.pid)
    with open(f"/proc/{container.started.pid}/task/{container.started.pid}/children", encoding="ascii") as children:
        for child in children.read().split():
            assert_confined(child)


def test_programs_are_confined(box):
    for user in "", "u", "1234":
        reply = box.exec("/bin/sleep", "1000", user=user)
        assert reply.fault == (0, 0)
        assert_confined(reply.pid)


def test_image_init_reboots(make):
    container = make()
    container.start()
    container.shell("sleep 0.5; reboot -f")
    assert container.exited().flags == REBOOT


def test_image_without_init(make, tmp_path):
    tree = make_image(tmp_path / "tree")
    (tree / "sbin/init").unlink()
    assert make(tree).start().fault == (STEP_EXEC, errno.ENOENT)


@pytest.mark.parametrize("name", ["dev", "proc", "sys"])
def test_hostile_links(make, tmp_path, name):
    """CVE-2015-1335, CVE-2026-41579: a directory of the image is a link to the host's."""
    target = tmp_path / "target"
    target.mkdir(mode=0o777)
    tree = make_image(tmp_path / "tree")
    (tree / name).symlink_to(target)
    container = make(tree)
    step, error = container.prepared.fault
    assert step == STEP_ROOT and error in (errno.ELOOP, errno.ENOTDIR)
    assert container.start("/bin/true").fault == (STEP_REQUEST, errno.ECANCELED)
    assert not list(target.iterdir())


def test_hostile_files(make, tmp_path):
    tree = make_image(tmp_path / "tree")
    (tree / "dev").mkdir()
    (tree / "dev/null").symlink_to("/etc/passwd")
    (tree / "etc/passwd").unlink()
    os.mkfifo(tree / "etc/passwd")
    container = make(tree)
    assert container.prepared.fault == (0, 0)
    assert container.start("/bin/true").fault == (STEP_USER, errno.EINVAL)


def test_inside(box):
    """SUP-07, CVE-2024-21626, CVE-2022-29162: only what belongs there."""
    assert box.shell("hostname; umask; echo $HOSTNAME; pwd")[0] == "box\n0022\nbox\n/root\n"
    assert box.shell("cat /proc/self/uid_map")[0].split() == ["0", str(BASE), "65536"]
    status = dict(line.split(":", 1) for line in box.shell("cat /proc/self/status")[0].splitlines())
    assert int(status["CapBnd"], 16) == int(status["CapEff"], 16) == int(status["CapPrm"], 16)
    assert set(box.shell("ls /proc/self/fd")[0].split()) == {"0", "1", "2", "3"}  # 3: ls's own
    assert box.shell("ip -o link | wc -l; ip -o link show lo | grep -c ,UP")[0] == "1\n1\n"
    assert box.shell("echo 1 >/proc/sys/net/ipv4/ip_forward && echo x >/proc/sys/kernel/domainname")[1] == 1
    assert box.shell("echo a >/dev/null; head -c 4 /dev/zero | wc -c; ls -d /dev/pts/ptmx /dev/shm")[1] == 0
    assert "/dev/vda" not in box.shell("mount")[0]


DEVICES = {"null": "1:3", "zero": "1:5", "full": "1:7", "random": "1:8", "urandom": "1:9", "tty": "5:0"}
OPTIONAL = {"fuse": "a:e5", "net/tun": "a:c8"}
LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
         "ptmx": "pts/ptmx", "core": "/proc/kcore"}


def test_devices_are_just_these(box):
    """Each is the device that it is called by; no block device, and of the kernel's log, memory and ports none."""
    devices, links, directories = {}, {}, set()
    for line in box.shell("cd /dev; find . ! -path './pts/*' ! -name . -exec stat -c '%n|%F|%t:%T|%N' {} +")[0].splitlines():
        name, kind, number, target = line.split("|")
        name = name.removeprefix("./")
        if kind == "symbolic link":
            links[name] = target.split("'")[-2]
        elif kind == "directory":
            directories.add(name)
        else:
            assert kind == "character special file", line
            devices[name] = number
    assert devices.pop("console").startswith("88:")  # a terminal of its own devpts
    for name, number in OPTIONAL.items():
        assert devices.pop(name, number) == number
    assert (devices, links) == (DEVICES, LINKS)
    assert {"net", "shm", "pts"} <= directories <= {"net", "shm", "pts", "mqueue"}


def test_proc_hides_the_host(box):
    for name in "kcore", "keys", "latency_stats", "timer_list", "sched_debug":
        kind = box.shell(f"stat -c '%F %t:%T' /proc/{name} 2>/dev/null || echo none")[0].strip()
        assert kind in ("none", "character special file 1:3"), (name, kind)
        assert box.shell(f"cat /proc/{name} 2>/dev/null; true")[0] == ""


def mounts_of(pid):
    """Where each is mounted on top, and how: its own options and its file system's."""
    with open(f"/proc/{pid}/mountinfo", encoding="utf-8") as file:
        words = [line.split() for line in file]
    return {word[4]: (word[word.index("-") + 1], set(word[5].split(",")), set(word[-1].split(","))) for word in words}


def test_mounts_are_calm(box):
    """What belongs to the host is read-only, and no device or setuid program of the image's counts."""
    mounts = mounts_of(box.started.pid)
    for path in "/sys", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger":
        if os.path.exists(path):  # kernels differ
            assert "ro" in mounts[path][1], path
    assert "rw" in mounts["/proc/sys/net"][1]
    assert mounts["/sys"][0] == "sysfs" and mounts["/proc"][0] == "proc" and mounts["/"][0] == "overlay"
    for path in "/proc", "/sys", "/dev/shm":
        assert {"nosuid", "nodev"} <= mounts[path][1], (path, mounts[path])
    for path in "/proc", "/sys", "/dev", "/dev/pts":
        assert {"nosuid", "noexec"} <= mounts[path][1], (path, mounts[path])
    output, errors, code = box.streams("echo 1 >/sys/kernel/mm/ksm/run; echo c >/proc/sysrq-trigger")
    assert code != 0 and output == "" and errors


def test_host_is_gone(box):
    with open(f"/proc/{box.pid}/mountinfo", encoding="utf-8") as file:
        mounts = [line.split()[4] for line in file]
    assert {"/", "/proc", "/sys", "/dev"} <= set(mounts) and len(mounts) < 40
    for name in ("root", "cwd"):
        assert os.readlink(f"/proc/{box.pid}/{name}") == "/"


@pytest.mark.parametrize("user", ["", "u", "1234"])
@pytest.mark.parametrize("kind", ["console", "pipe"])
def test_streams_of_the_first_process(make, user, kind):
    """Jobs of cron and checks of health log to /proc/1/fd/1: as docker has it, whoever is the command's user may, at once."""
    container = make()
    program = ("echo one >/proc/1/fd/1 && echo two >>/proc/1/fd/2 && tr '\\0' '\\n' </proc/1/environ | grep -x WORD=said;"
               "ls /proc/1/fd; test -r /proc/1/exe && readlink /proc/1/cwd; exec sleep 1000")
    (out, out_end), (null, _) = os.pipe(), os.pipe()
    stdio = [null, out_end, out_end] if kind == "pipe" else ()
    for end in stdio[1:]:
        os.fchown(end, *[BASE + {"": 0, "u": 1000}.get(user, 1234)] * 2)
    assert container.start("/bin/sh", "-c", program, user=user, env=["WORD=said"], stdio=stdio).fault == (0, 0)
    os.close(out_end)
    wanted = "one two WORD=said 0 1 2 3 /".split()
    if kind == "pipe":
        said = b""
        while not said.endswith(b"/\n") and select.select([out], [], [], 20)[0]:
            said += os.read(out, 4096)
        assert said.decode().split() == wanted
    else:
        assert eventually(lambda: container.log.read_text().split() == wanted), container.log.read_text()
    # Also who comes later.
    assert container.shell("echo three >/proc/1/fd/1; grep -c . /proc/1/status", user=user)[1] == 0
    assert container.shell("echo four >/proc/1/fd/1", user="4321")[1] != 0


def test_not_traceable(box):
    """CVE-2016-9962, CVE-2019-5736: what runs the supervisor's code is out of the reach of the container's root, and pid 1
    does not: it is an init that has nothing of the supervisor's, and whose file nobody inside can write."""
    assert [oct(os.stat(os.path.join(LIBEXEC, name)).st_mode & 0o777) for name in ("bothy-supervisor", "bothy-init")] == ["0o711", "0o755"]
    # A mount of its own, which nothing leads out of.
    assert os.readlink(f"/proc/{box.started.pid}/exe") == "/" and status_of(box.started.pid)["Name"] == "bothy-init"
    for line in ": >>/proc/1/exe", ": >/proc/1/exe", "chmod 777 /proc/1/exe", "chown 0 /proc/1/exe":
        output, errors, code = box.streams(line)
        assert code != 0 and errors, line
    assert box.shell("stat -L -c %u:%a /proc/1/exe") == ("65534:755\n", 0)  # nobody's who is inside
    # Nothing but its streams and the one end of the supervisor's channel.
    assert box.shell("for fd in /proc/1/fd/*; do readlink $fd; done | sed 's/:.*//' | sort | uniq -c")[0].split() == ["3", "/dev/pts/0", "1", "socket"]
    assert box.shell("readlink /proc/1/root; readlink /proc/1/cwd; cut -d ' ' -f 6- /proc/1/maps | grep -c supervisor") == ("/\n/\n0\n", 1)
    mine, first = (status_of(pid) for pid in (box.exec("/bin/sleep", "1000").pid, box.started.pid))
    for name in "Uid", "Gid", "Groups", "CapPrm", "CapEff", "CapBnd", "Seccomp", "NoNewPrivs":
        assert mine[name] == first[name], name


def test_it_keeps_no_file_system_of_the_machine_s(make, tmp_path_factory):
    """One that was mounted when the container started, and is not any more, is free: a stick can be taken out."""
    place = tmp_path_factory.mktemp("stick")
    subprocess.run(["mount", "-t", "tmpfs", "bothy-test", place], check=True)
    libc, inotify = ctypes.CDLL(None, use_errno=True), -1
    try:
        inotify = libc.inotify_init1(os.O_CLOEXEC)
        assert libc.inotify_add_watch(inotify, os.fsencode(place), 0x400) > 0  # IN_DELETE_SELF
        container = make()
        assert container.start("/bin/sleep", "1000").fault == (0, 0)
    finally:
        subprocess.run(["umount", place], check=True)
    assert select.select([inotify], [], [], 10)[0] == [inotify]
    assert struct.unpack_from("iI", os.read(inotify, 4096))[1] & 0x2000  # IN_UNMOUNT
    os.close(inotify)
    assert container.shell("true")[1] == 0


@pytest.mark.parametrize("name, number", [("HUP", 1), ("INT", 2), ("KILL", 9)])
def test_a_command_that_dies_of_a_signal(make, name, number):
    """Of these the kernel ends an init that asked for a reboot; of a command it is just its end."""
    container = make()
    assert container.start("/bin/sh", "-c", f"kill -{name} $$").fault == (0, 0)
    message = container.exited()
    assert (message.code, message.signal, message.flags & REBOOT) == (0, number, 0)


LIES = """
#include "minder.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

int main (int argc, char **argv)
{
  struct init_event event = { .kind = atoi (argv[1]), .value = atoi (argv[2]) };
  int init = syscall (SYS_pidfd_open, 1, 0);
  int channel = syscall (SYS_pidfd_getfd, init, MINDER_CHANNEL_FD, 0);
  if (channel < 0)
    return 2;
  return send (channel, &event, sizeof event, 0) != sizeof event;
}
"""


@pytest.mark.parametrize("lie, code", [((5, 3 << 8), 3), ((5, 0x12345678), 7), ((5, 127), 7), ((5, -1), 7), ((2, 3 << 8), 7), ((3, 1), 7)])
def test_lies_of_the_first_process(make, tmp_path, lie, code):
    """Who takes its place is believed how the command ended, if that can be, and nothing else."""
    tree = make_image(tmp_path / "tree")
    (tmp_path / "lie.c").write_text(LIES)
    runtime = os.path.join(os.path.dirname(__file__), "../../service/runtime")
    subprocess.run(["cc", "-static", "-D_GNU_SOURCE", "-I", runtime, "-o", tree / "bin/lie", tmp_path / "lie.c"], check=True)
    container = make(tree)
    assert container.start("/bin/sh", "-c", f"lie {lie[0]} {lie[1]} && exit 7; exit 99").fault == (0, 0)
    message = container.exited()
    assert (message.code, message.signal) == (code, 0)


@pytest.mark.parametrize("flags, level", [(0, "default"), (NESTING, "nesting"), (0, "strict")])
def test_system_calls(make, tmp_path, flags, level):
    """THREATS 2.5: each entry in each ABI."""
    source = os.path.join(os.path.dirname(__file__), "try-syscalls.c")
    tree = make_image(tmp_path / "tree")
    subprocess.run(["cc", "-static", "-D_GNU_SOURCE", "-o", tree / "bin/try-syscalls", source], check=True)
    container = make(tree, flags=flags, level=level)
    container.start("/bin/sleep", "1000")
    assert container.streams(f"try-syscalls {level}") == ("", "", 0)


def test_nesting(make):
    container = make(flags=NESTING)
    container.start("/bin/sleep", "1000")
    assert container.shell("unshare -Urpf --mount-proc id -u") == ("0\n", 0)

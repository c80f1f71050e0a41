# SPDX-License-Identifier: LGPL-2.1-or-later
"""bothy-supervisor: what a container is made of, and what programs inside see and may do."""

import errno
import os
import signal
import subprocess

import pytest

from supervising import (  # noqa: F401
    BASE, NESTING, NETWORK, REBOOT, SIGNAL, STEP_EXEC, STEP_FILES, STEP_REQUEST, STEP_ROOT, STEP_USER,
    SUPERVISOR, box, eventually, image, make, make_image, pytestmark, subreaper,
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


def test_image_init_reboots(make):
    container = make()
    container.start()
    container.shell("sleep 0.5; reboot -f")
    assert container.exited().flags == REBOOT


def test_image_without_init(make, tmp_path):
    tree = make_image(tmp_path / "tree")
    (tree / "sbin/init").unlink()
    assert make(tree).start().fault == (STEP_EXEC, errno.ENOENT)


@pytest.mark.parametrize("name", ["dev", "proc", "sys", "run", "tmp"])
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
    assert box.shell("hostname; umask; cat /run/host/container-manager; pwd")[0] == "box\n0022\nbothy\n/root\n"
    assert box.shell("cat /proc/self/uid_map")[0].split() == ["0", str(BASE), "65536"]
    status = dict(line.split(":", 1) for line in box.shell("cat /proc/self/status")[0].splitlines())
    assert int(status["CapInh"], 16) == int(status["CapAmb"], 16) == 0
    assert int(status["CapBnd"], 16) == int(status["CapEff"], 16) == int(status["CapPrm"], 16)
    for capability in (16, 17, 25, 32, 33, 34, 35, 36, 38, 39):
        assert not int(status["CapBnd"], 16) >> capability & 1, capability
    assert (status["Seccomp"].strip(), status["NoNewPrivs"].strip()) == ("2", "0")
    assert set(box.shell("ls /proc/self/fd")[0].split()) == {"0", "1", "2", "3"}  # 3: ls's own
    assert box.shell("ip -o link | wc -l; ip -o link show lo | grep -c ,UP")[0] == "1\n1\n"
    assert box.shell("echo 1 >/proc/sys/net/ipv4/ip_forward && echo x >/proc/sys/kernel/domainname")[1] == 1
    assert box.shell("echo a >/dev/null; head -c 4 /dev/zero | wc -c; ls -d /dev/pts/ptmx /dev/shm")[1] == 0
    assert box.shell("cat /proc/sys/net/ipv4/ping_group_range")[0].split() == ["0", "65535"]
    assert "/dev/vda" not in box.shell("mount")[0]


def test_host_is_gone(box):
    with open(f"/proc/{box.pid}/mountinfo", encoding="utf-8") as file:
        mounts = [line.split()[4] for line in file]
    assert {"/", "/proc", "/sys", "/dev", "/run", "/tmp"} <= set(mounts) and len(mounts) < 40
    for name in ("root", "cwd"):
        assert os.readlink(f"/proc/{box.pid}/{name}") == "/"


def test_not_traceable(box):
    """CVE-2016-9962, CVE-2019-5736: pid 1 here runs the supervisor's code; the container's root can't reach it."""
    mode = os.stat(SUPERVISOR).st_mode & 0o777
    assert mode == 0o711, oct(mode)
    assert box.shell("readlink /proc/1/exe || ls /proc/1/fd/ || cat /proc/1/mem")[1] != 0
    assert box.shell("cat /proc/1/exe >/dev/null")[1] != 0


@pytest.mark.parametrize("flags, argument", [(0, ""), (NESTING, "nesting")])
def test_system_calls(make, tmp_path, flags, argument):
    """THREATS 2.5: each entry in each ABI."""
    source = os.path.join(os.path.dirname(__file__), "try-syscalls.c")
    tree = make_image(tmp_path / "tree")
    subprocess.run(["cc", "-static", "-D_GNU_SOURCE", "-o", tree / "bin/try-syscalls", source], check=True)
    container = make(tree, flags=flags)
    container.start("/bin/sleep", "1000")
    assert container.shell(f"try-syscalls {argument}") == ("", 0)


def test_nesting(make):
    container = make(flags=NESTING)
    container.start("/bin/sleep", "1000")
    assert container.shell("unshare -Urpf --mount-proc id -u") == ("0\n", 0)

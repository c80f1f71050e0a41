# SPDX-License-Identifier: LGPL-2.1-or-later
"""bothy-supervisor: what programs made for docker count on: /run and /tmp, files in /etc, sysctls, /dev/shm, streams by name."""

import errno
import os
import subprocess

import pytest

from supervising import (  # noqa: F401
    HOSTS, NESTING, NETWORK, NEUTRAL, STEP_REQUEST, STEP_SYSCTL, box, eventually, image, make, make_image, pytestmark, subreaper,
)
from test_supervisor_inside import mounts_of


def own(path, uid=0):
    """PATH belongs to UID of the container."""
    os.chown(path, NEUTRAL + uid, NEUTRAL + uid, follow_symlinks=False)
    return path


def again(make, container, **options):
    """The same container, started once more."""
    container.clear()
    second = make(container.tree, data=container.data, **options)
    second.tree = container.tree
    return second


@pytest.fixture
def made(make, tmp_path):
    """Makes a container of an image of its own, which change(tree) has changed."""
    def make_one(change, **options):
        tree = make_image(tmp_path / "tree")
        change(tree)
        container = make(tree, **options)
        container.tree = tree
        return container
    return make_one


# ---- /run, /tmp, /var/tmp ----


def with_directories(tree):
    for name in "run", "tmp", "var", "var/tmp":
        own(tree / name) if (tree / name).exists() else (tree / name).mkdir()
        own(tree / name)
    for name in "tmp", "var/tmp":
        (tree / name).chmod(0o1777)
    (tree / "run/mysqld").mkdir(mode=0o750)
    own(tree / "run/mysqld", 27)
    (tree / "run/mysqld/x").write_text("x")
    own(tree / "run/mysqld/x", 27).chmod(0o4640)
    (tree / "run/link").symlink_to("mysqld/x")
    own(tree / "run/link")
    os.mkfifo(tree / "run/mysqld/fifo")
    (tree / "tmp/of-image").write_text("y")


LOOK = "stat -c '%u:%g:%a' /run/mysqld /run/mysqld/x /tmp /var/tmp; readlink /run/link; cat /run/mysqld/x"
SEEN = "27:27:750\n27:27:4640\n0:0:1777\n0:0:1777\nmysqld/x\nx"


def test_run_and_tmp_are_the_images(made, make):
    """mysql has /run/mysqld in its image, and what is written there is there after the next start."""
    container = made(with_directories)
    assert container.start("/bin/sleep", "1000").fault == (0, 0)
    assert container.shell(LOOK)[0] == SEEN
    assert not {"/run", "/tmp", "/var/tmp"} & set(mounts_of(container.started.pid))
    assert container.shell("cat /tmp/of-image; touch /run/a /tmp/b /var/tmp/c; ls /run/host 2>/dev/null; true")[0] == "y"
    assert container.shell("echo a >/tmp/u; echo b >/var/tmp/u", user="u")[1] == 0
    second = again(make, container)
    second.start("/bin/sleep", "1000")
    assert second.shell("ls -d /run/a /tmp/b /var/tmp/c")[0] == "/run/a\n/tmp/b\n/var/tmp/c\n"


def test_run_and_tmp_are_made(box):
    """An image without them."""
    assert box.shell("stat -c %u:%a /run /tmp; echo a >/run/a; cat /run/a")[0] == "0:755\n0:1777\na\n"
    assert box.shell("echo a >/tmp/u; cat /tmp/u", user="u") == ("a\n", 0)


@pytest.mark.parametrize("name", ["run", "tmp"])
def test_links_in_place_of_run_and_tmp(made, tmp_path, name):
    """CVE-2015-1335: nothing of ours goes through them."""
    target = tmp_path / "target"
    target.mkdir(mode=0o777)
    container = made(lambda tree: (tree / name).symlink_to(target))
    assert container.prepared.fault == (0, 0)
    assert container.start("/bin/sleep", "1000").fault == (0, 0)
    assert not list(target.iterdir())


SYSTEMD = r"""
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
int main (void)
{
  struct sockaddr_un address = { AF_UNIX, "/run/systemd/private" };
  int fd = socket (AF_UNIX, SOCK_STREAM, 0);
  mkdir ("/run/systemd", 0755);
  bind (fd, (struct sockaddr *) &address, sizeof address);
  for (;;)
    pause ();
}
"""


def with_systemd(tree):
    with_directories(tree)
    (tree / "usr/lib/systemd").mkdir(parents=True)
    (tree / "s.c").write_text(SYSTEMD)
    subprocess.run(["cc", "-static", "-o", tree / "usr/lib/systemd/systemd", tree / "s.c"], check=True)
    (tree / "sbin/init").unlink()
    (tree / "sbin/init").symlink_to("/usr/lib/systemd/systemd")


@pytest.mark.parametrize("argv", [(), ("/usr/lib/systemd/systemd",)], ids=["image's init", "named"])
def test_run_of_systemd(made, make, argv):
    """It gets one in memory, with what the image has in it, and nothing of an earlier run."""
    container = made(with_systemd)
    assert container.start(*argv).fault == (0, 0)
    assert container.shell(LOOK)[0] == SEEN
    mounts = mounts_of(container.started.pid)
    assert mounts["/run"][0] == "tmpfs" and {"nosuid", "nodev"} <= mounts["/run"][1] and "/tmp" not in mounts
    assert container.shell("cat /run/host/container-manager; touch /run/a; ls /run/mysqld")[0] == "bothy\nx\n"
    second = again(make, container)
    assert second.start(*argv).fault == (0, 0)
    assert second.shell("ls /run; cat /tmp/of-image")[0] == "host\nlink\nmysqld\nsystemd\ny"


@pytest.mark.parametrize("flags, link", [(0, False), (NESTING, False), (0, True)], ids=["default", "nesting", "a link's"])
def test_systemd_is_told_to_do_without_user_namespaces(make, tmp_path, flags, link):
    """redis-server and others have PrivateUsers=, and would fail; where there are user namespaces they get them."""
    tree = make_image(tmp_path / "tree")
    with_systemd(tree)
    if link:
        (tree / "run/systemd").symlink_to("../tmp")
    container = make(tree, flags=flags)
    assert container.start().fault == (0, 0)
    output = container.streams("grep -v '^#' /run/systemd/system/service.d/10-bothy.conf; ls /tmp/system")[0]
    assert output == ("" if flags or link else "[Service]\nPrivateUsers=no\n")


# ---- /etc ----


def replace_each(tree, put):
    for name in "hosts", "hostname", "resolv.conf", "nsswitch.conf":
        put(tree, name)
    for path in (tree / "etc").iterdir():
        own(path)


def without_etc(tree):
    for name in os.listdir(tree / "etc"):
        (tree / "etc" / name).unlink()
    (tree / "etc").rmdir()


def etc_elsewhere(target):
    def change(tree):
        (tree / "usr").mkdir()
        own(tree / "usr")
        (tree / "etc").rename(tree / "usr/etc")
        (tree / "etc").symlink_to(target)
    return change


IMAGES = {
    "nothing": lambda tree, name: None,
    "empty file": lambda tree, name: (tree / "etc" / name).touch(),
    "directory": lambda tree, name: (tree / "etc" / name).mkdir(),
    "dangling link": lambda tree, name: (tree / "etc" / name).symlink_to(f"../run/systemd/resolve/stub-{name}"),
    "absolute link": lambda tree, name: ((tree / f"{name}.real").write_text(""), (tree / "etc" / name).symlink_to(f"/{name}.real")),
    "link to itself": lambda tree, name: (tree / "etc" / name).symlink_to(name),
    "link into /proc": lambda tree, name: (tree / "etc" / name).symlink_to("/proc/self/fd/3"),
    "link out": lambda tree, name: (tree / "etc" / name).symlink_to("../" * 20 + str(tree.parent / "outside" / name).lstrip("/")),
    "absolute link out": lambda tree, name: (tree / "etc" / name).symlink_to(tree.parent / "outside" / name),
    "fifo": lambda tree, name: os.mkfifo(tree / "etc" / name),
}
CHANGES = {name: lambda tree, put=put: replace_each(tree, put) for name, put in IMAGES.items()}
CHANGES["no /etc"] = without_etc
CHANGES["/etc is a link"] = etc_elsewhere("usr/etc")
CHANGES["/etc is an absolute link"] = etc_elsewhere("/usr/etc")


@pytest.mark.parametrize("what", CHANGES)
def test_names_work_whatever_the_image_has(made, tmp_path, what):
    """CVE-2015-1335 besides: no link leads out of the tree."""
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o777)
    for name in "hosts", "hostname", "resolv.conf", "nsswitch.conf":
        (outside / name).write_text("outside\n")
        (outside / name).chmod(0o666)
    container = made(CHANGES[what])
    assert container.call(NETWORK, ["lo", "", "", "", "", "192.0.2.1 2001:db8::1"]).fault == (0, 0)
    assert container.start("/bin/sleep", "1000").fault == (0, 0)
    assert container.shell("cat /etc/resolv.conf")[0] == "nameserver 192.0.2.1\nnameserver 2001:db8::1\n"
    assert container.shell("cat /etc/hostname")[0] == "box\n"
    assert container.shell("cat /etc/nsswitch.conf")[0] == "hosts:\tfiles dns\n"
    hosts = container.shell("cat /etc/hosts", user="1234")[0].splitlines()
    assert "127.0.0.1\tlocalhost" in hosts and "127.0.1.1\tbox" in hosts, hosts
    assert container.call(HOSTS, ["192.0.2.9\tbox.bothy box\n192.0.2.8\tother.bothy other\n"]).fault == (0, 0)
    hosts = container.shell("cat /etc/hosts")[0].splitlines()
    assert "127.0.0.1\tlocalhost" in hosts and "192.0.2.9\tbox.bothy box" in hosts and "127.0.1.1\tbox" not in hosts, hosts
    assert {path.name: path.read_text() for path in outside.iterdir()} == \
        dict.fromkeys(["hosts", "hostname", "resolv.conf", "nsswitch.conf"], "outside\n")


def test_what_an_image_says_of_names_stays(made):
    def change(tree):
        (tree / "etc/hosts").write_text("127.0.0.1 LocalHost # box\n::1 localhost\n192.0.2.7 printer")
        (tree / "etc/nsswitch.conf").write_text("hosts: files myhostname resolve\n")
        for name in "hosts", "nsswitch.conf":
            own(tree / "etc" / name)
            (tree / "etc" / name).rename(tree / f"{name}.real")
            (tree / "etc" / name).symlink_to(f"../{name}.real")
            own(tree / "etc" / name)
    container = made(change)
    container.start("/bin/sleep", "1000")
    hosts = container.shell("cat /etc/hosts")[0]
    assert hosts.startswith("127.0.0.1 LocalHost # box\n::1 localhost\n192.0.2.7 printer\n# Begin")
    assert hosts.count("ocal") == 2 and "127.0.1.1\tbox\n" in hosts
    assert container.shell("cat /etc/nsswitch.conf; test -L /etc/nsswitch.conf")[0] == "hosts: files myhostname resolve\n"
    # The image itself is as it was.
    assert (container.tree / "hosts.real").read_text().endswith("printer")


def test_what_a_container_made_of_names_stays(made, make):
    """Something inside manages it: at the next start it is not taken away."""
    container = made(CHANGES["dangling link"])
    container.start("/bin/sleep", "1000")
    assert container.shell("ln -sf /run/mine /etc/resolv.conf; echo 192.0.2.5 mine >>/etc/hosts; echo other >/etc/hostname")[1] == 0
    second = again(make, container)
    assert second.call(NETWORK, ["lo", "", "", "", "", "192.0.2.1"]).fault == (0, 0)
    second.start("/bin/sleep", "1000")
    assert second.shell("readlink /etc/resolv.conf; cat /etc/hostname")[0] == "/run/mine\nother\n"
    assert second.shell("grep -c 'box$\\|localhost\\|mine' /etc/hosts")[0] == "4\n"


def test_network_that_comes_later(made, make):
    """systemd-resolved's link is the image's still, in a later run that is the first with a network."""
    container = made(CHANGES["dangling link"])
    container.start("/bin/sleep", "1000")
    assert container.shell("test -L /etc/resolv.conf")[1] == 0
    second = again(make, container)
    second.start("/bin/sleep", "1000")
    assert second.call(NETWORK, ["lo", "", "", "", "", "192.0.2.1"]).fault == (0, 0)
    assert second.shell("cat /etc/resolv.conf")[0] == "nameserver 192.0.2.1\n"


# ---- sysctls ----

OWN = {"kernel/shmmax": "1000000", "kernel/shmall": "5000", "kernel/shmmni": "100", "kernel/msgmax": "4096",
       "kernel/msgmnb": "8192", "kernel/msgmni": "50", "kernel/sem": "100\t2000\t50\t60", "kernel/shm_rmid_forced": "1",
       "fs/mqueue/msg_max": "20", "fs/mqueue/queues_max": "30", "net/core/somaxconn": "99", "net/ipv4/ip_forward": "1"}


PING = """
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
int main (void)
{
  struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  char request[8] = { 8 }, reply[64];
  int fd = socket (AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
  sendto (fd, request, sizeof request, 0, (struct sockaddr *) &to, sizeof to);
  return recv (fd, reply, sizeof reply, 0) == sizeof request && reply[0] == 0 ? 0 : 1;
}
"""


def with_ping(tree):
    (tree / "p.c").write_text(PING)
    subprocess.run(["cc", "-static", "-o", tree / "bin/ping-as-a-user", tree / "p.c"], check=True)


def test_low_ports_and_ping_need_no_privilege(made):
    box = made(with_ping)
    box.start("/bin/sleep", "1000")
    assert box.shell("cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/ping_group_range")[0].split() == \
        ["0", "0", "65535"]
    for user in "u", "1234:5678":
        assert box.streams("timeout 1 nc -l -p 80; echo $?", user=user)[0] == "143\n"  # it listened until then
        assert box.shell("timeout 5 ping-as-a-user", user=user)[1] == 0


def test_sysctls_of_its_namespaces_are_its_own(box):
    before = {name: open(f"/proc/sys/{name}", encoding="ascii").read() for name in OWN}
    for name, value in OWN.items():
        assert box.shell(f"echo '{value}' >/proc/sys/{name}; cat /proc/sys/{name}") == (value + "\n", 0), name
        assert box.streams(f"echo 1 >/proc/sys/{name}", user="u")[2] == 1, name
    assert {name: open(f"/proc/sys/{name}", encoding="ascii").read() for name in OWN} == before
    for name in "kernel/domainname", "kernel/pid_max", "vm/overcommit_memory", "fs/file-max", "kernel/core_pattern":
        assert box.streams(f"cat /proc/sys/{name} >/proc/sys/{name}")[2] == 1, name


def test_sysctls_are_set_at_the_start(make):
    container = make()
    sysctls = [f"{name.replace('/', '.')}={value}" for name, value in OWN.items()] + ["net.ipv4.ip_unprivileged_port_start=500"]
    assert container.start("/bin/sleep", "1000", sysctls=sysctls).fault == (0, 0)
    for name, value in OWN.items():
        assert container.shell(f"cat /proc/sys/{name}")[0] == value + "\n"
    assert container.shell("cat /proc/sys/net/ipv4/ip_unprivileged_port_start")[0] == "500\n"


@pytest.mark.parametrize("sysctl, error", [("net.core.nope=1", errno.ENOENT), ("net.core.somaxconn=x", errno.EINVAL), ("net.core.somaxconn", errno.EINVAL),
                                           ("net=1", errno.EISDIR), ("vm.swappiness=1", errno.EACCES), ("net....x=1", errno.ENOENT)])
def test_sysctls_that_can_not_be(make, sysctl, error):
    reply = make().start("/bin/sleep", "1000", sysctls=["net.core.somaxconn=99", sysctl])
    assert (reply.fault, reply.value) == ((STEP_SYSCTL, error), 1)


def test_too_many_sysctls(make):
    assert make().start("/bin/sleep", "1", sysctls=["net.core.somaxconn=9"] * 65).fault == (STEP_REQUEST, errno.EINVAL)


# ---- /dev ----


@pytest.mark.parametrize("size", ["", "1048576"])
def test_shm(make, size):
    container = make(shm=size)
    container.start("/bin/sleep", "1000")
    blocks = int(container.shell("df -k /dev/shm | tail -n 1")[0].split()[1])
    assert blocks == 1024 if size else blocks > 65536  # docker's
    assert container.shell("stat -c %a:%u:%g /dev/shm; stat -c %a /dev/mqueue")[0] == "1777:0:0\n1777\n"
    mounts = mounts_of(container.started.pid)
    for path in "/dev/shm", "/dev/mqueue":
        assert {"nosuid", "nodev", "noexec"} <= mounts[path][1]


@pytest.mark.parametrize("user", ["", "u", "1234"])
def test_console_by_name(make, user):
    """nginx, apache and php-fpm log so, when nobody looks on."""
    container = make()
    assert container.start("/bin/sh", "-c", "echo one >/dev/stdout; echo two >>/dev/stderr; echo three >/proc/self/fd/1;"
                           "test -t 0 </dev/stdin && echo four >/dev/tty; sleep 1000", user=user).fault == (0, 0)
    assert eventually(lambda: container.log.read_text().split() == ["one", "two", "three", "four"]), container.log.read_text()
    # Without streams of a caller's they are /dev/null.
    assert container.exec("/bin/sh", "-c", "echo x >/dev/stdout && cat /dev/stdin >/dev/stderr", user=user).fault == (0, 0)
    assert container.exec_exited().code == 0

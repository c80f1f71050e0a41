# SPDX-License-Identifier: LGPL-2.1-or-later
"""A container's files as its owner's own: bothy files."""

import json
import subprocess

import pytest

from tools import info, state, tidy, until  # noqa: F401


@pytest.fixture
def x1(host):
    """It ran, and left something of everything: a link to a file that the machine has, setuid, and files of another user's."""
    host.run("alice", "bothy", "launch", "busybox", "x1", check=True)
    host.run("alice", "bothy", "exec", "-T", "x1", "--", "sh", "-c",
             "cd /root; ln -s /etc/shadow link; echo inside >file; cp /bin/busybox suid; chmod 4755 suid; "
             "echo sevens >seven; chown 7:7 seven; chmod 600 seven; mkfifo pipe", check=True)
    host.run("alice", "bothy", "stop", "--force", "x1", check=True)
    yield
    host.run("root", "bothy delete --force alice/x1")


def place(host, name="x1"):
    return host.output("alice", f"bothy files {name}")


def mounted(host):
    return [line for line in host.output("root", "cat /proc/1/mountinfo").splitlines() if "/trees/" in line]


def inside(host, line):
    return host.output("alice", "bothy", "exec", "-T", "x1", "--", "sh", "-c", line)


def test_what_is_made_there_is_roots_inside(host, x1):
    where = place(host)
    assert where == "/run/bothy/trees/1000/x1" == json.loads(host.output("alice", "bothy files x1 --json"))["treePath"]
    assert info(host, "x1")["treePath"] == where
    host.run("alice", f"cd {where}/root && echo hers >new && mkdir dir && cp new dir/ && echo more >>file && chmod 600 new", check=True)
    assert host.output("alice", f"stat -c %U {where}/root/file {where}/root/new").split() == ["alice"] * 2
    # What is another's inside she can not read, though she owns the directory.
    assert "denied" in host.run("alice", f"cat {where}/root/seven").stderr
    host.run("alice", "bothy", "start", "x1", check=True)
    assert mounted(host) == [] and info(host, "x1")["treePath"] == ""
    assert inside(host, "cd /root; stat -c %u:%g:%a new dir dir/new; cat file; stat -c %u seven").split() == \
        ["0:0:600", "0:0:755", "0:0:644", "inside", "more", "7"]


def test_links_and_setuid_lead_nowhere(host, x1):
    where = place(host)
    for user in "alice", "root":
        assert "Too many levels" in host.run(user, f"cat {where}/root/link").stderr, user
    assert host.output("alice", f"readlink {where}/root/link") == "/etc/shadow"
    assert "denied" in host.run("alice", f"{where}/root/suid id -u").stderr
    assert "denied" in host.run("bob", f"ls {where}").stderr
    assert {"nosuid", "nodev", "noexec", "nosymfollow"} <= set(mounted(host)[0].split()[5].split(","))


def test_it_does_not_start_while_a_program_writes_a_file(host, x1):
    where = place(host)
    holder = subprocess.Popen(host.command("alice", "sh", "-c", f"exec 3>>{where}/root/file; echo in; read x; echo more >&3"),
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "in\n"
    # The next bothyd finds what is mounted, and that it is written.
    host.run("root", "systemctl kill -s KILL bothyd", check=True)
    for words in ("start", "x1"), ("files", "--unmount", "x1"), ("delete", "x1"):
        done = host.run("alice", "bothy", *words)
        assert done.returncode != 0 and "to write it" in done.stderr, words
    holder.communicate("\n")
    host.run("alice", "bothy", "start", "x1", check=True)
    assert inside(host, "cat /root/file").split() == ["inside", "more"]


def test_whoever_copied_the_mounts_is_in_nobodys_way(host, x1):
    """A mount namespace of another user's has all that was mounted when it was made."""
    where = place(host)
    other = subprocess.Popen(host.command("bob", "unshare", "-Urm", "sh", "-c", "grep -c /trees/ /proc/self/mountinfo; read x"),
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "1\n"
    reader = subprocess.Popen(host.command("alice", "sh", "-c", f"cd {where}/root; echo; read x; cat file; echo x >>file; echo $?"),
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert reader.stdout.readline() == "\n"
    host.run("alice", "bothy", "start", "x1", check=True)
    assert reader.communicate("\n")[0].split() == ["inside", "2"]
    other.communicate("\n")
    assert inside(host, "cat /root/file") == "inside"


def test_a_killed_bothyd_leaves_it_as_it_was(host, x1):
    """Programs read and write on, and the next one knows what is mounted."""
    where = place(host)
    host.run("root", "systemctl kill -s KILL bothyd", check=True)
    assert info(host, "x1")["treePath"] == where == place(host) and len(mounted(host)) == 1
    host.run("alice", "bothy", "files", "--unmount", "x1", check=True)
    host.run("alice", "bothy", "files", "--unmount", "x1", check=True)
    assert mounted(host) == [] and not (host.root / "run/bothy/trees/1000").exists()


def test_an_administrator_deletes_it_even_so(host, x1):
    where = place(host)
    writer = subprocess.Popen(host.command("alice", "sh", "-c", f"exec 3>>{where}/root/file; echo in; read x; echo more >&3; echo out"),
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert writer.stdout.readline() == "in\n"
    assert "to write it" in host.run("root", "bothy delete alice/x1").stderr
    host.run("root", "bothy delete --force alice/x1", check=True)
    assert mounted(host) == []
    assert writer.communicate("\n")[0] == "out\n"


def test_it_goes_with_the_container_and_at_logout(host, x1):
    session = subprocess.Popen(host.command("alice", "sh", "-c", "bothy files x1; cat", session="active"), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    assert session.stdout.readline() == "/run/bothy/trees/1000/x1\n"
    session.communicate("")
    host.run("root", "loginctl", "terminate-user", "alice")
    until(lambda: mounted(host) == [], what=lambda: mounted(host))
    place(host)
    host.run("alice", "bothy", "delete", "x1", check=True)
    until(lambda: mounted(host) == [])


def test_of_a_running_one_it_says_why_not(host, x1):
    host.run("alice", "bothy", "start", "x1", check=True)
    done = host.run("alice", "bothy", "files", "x1")
    assert done.returncode == 1 and "stop it" in done.stderr and "bothy cp" in done.stderr
    assert state(host, "x1") == "running"


def test_two_at_once(host, x1):
    both = [subprocess.Popen(host.command("alice", "bothy", "files", "x1"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(2)]
    said = [(*process.communicate(), process.returncode) for process in both]
    assert any(code == 0 for _, _, code in said) and all(code == 0 or "busy" in error for _, error, code in said), said
    assert len(mounted(host)) == 1


def test_usage(host):
    for words in ((), ("x1", "x2"), ("--open", "--unmount", "x1")):
        assert host.run("alice", "bothy", "files", *words).returncode == 2

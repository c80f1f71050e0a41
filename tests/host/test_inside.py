# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs made for docker find inside what they expect: streams that they open by name, ports, sysctls, names."""

import json
import os
import pty
import socket
import subprocess
import time

import pytest

from tools import Terminal, info, names, tidy, until  # noqa: F401

USERS = ("root", "nobody", "1234:5678")

# As alice, in the host: runs a command whose streams are of a KIND, with INPUT to read; writes what came of it as JSON.
STREAMS = r"""
import json, os, pty, socket, subprocess, sys, tempfile, tty
kind, command = sys.argv[1], sys.argv[2:]

def file(text="", flags=0):
    fd, path = tempfile.mkstemp()
    os.write(fd, text.encode())
    os.close(fd)
    return os.open(path, os.O_RDWR | flags), os.open(path, os.O_RDONLY)

def terminal():
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    return theirs, ours

def pair():
    theirs, ours = socket.socketpair()
    return theirs.detach(), ours.detach()

null = lambda: (os.open("/dev/null", os.O_RDWR), os.open("/dev/null", os.O_RDWR))
output = {"pipe": lambda: os.pipe()[::-1], "file": file, "appended file": lambda: file(flags=os.O_APPEND), "socket": pair,
          "terminal": terminal, "null": null}[kind]
source = {"pipe": os.pipe, "file": lambda: file("in\n"), "appended file": lambda: file("in\n"), "socket": pair,
          "terminal": terminal, "null": null}[kind]
(stdin, writer), (stdout, out), (stderr, err) = source(), output(), output()
if "file" not in kind:
    os.write(writer, b"in\n")
process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=stderr)
for fd in stdout, stderr:
    os.close(fd)
code = process.wait()

def rest(fd):
    text = b""
    try:
        while part := os.read(fd, 65536):
            text += part
    except OSError:
        pass
    return text.decode()

print(json.dumps([code, rest(out), rest(err)]))
"""

# All that a program does with its streams: by name, also of others that it starts, and as they are.
PROGRAM = ("head -n 1 /dev/stdin >/dev/stdout && echo err >/dev/stderr && echo fd >>/proc/self/fd/1 && "
           "echo 2 | tee -a /proc/self/fd/2 >/dev/null && echo direct && echo too >&2")
SEEN = [0, "in\nfd\ndirect\n", "err\ntoo\n"]


@pytest.fixture
def x1(host):
    host.run("alice", "bothy", "launch", "busybox", "x1", check=True)


def commands(user, program=PROGRAM):
    return {"run": ("bothy", "run", "--rm", "-i", "-u", user, "busybox", "sh", "-c", program),
            "exec": ("bothy", "exec", "-T", "-i", "-u", user, "x1", "--", "sh", "-c", program)}


@pytest.mark.parametrize("kind", ["pipe", "file", "appended file", "socket", "terminal", "null", "another's pipe"])
@pytest.mark.parametrize("verb", ["run", "exec"])
def test_streams_by_name(host, x1, verb, kind):
    for user in USERS:
        command = commands(user)[verb]
        if kind == "another's pipe":
            done = host.run("alice", *command, input="in\n")
            seen = [done.returncode, done.stdout, done.stderr]
        else:
            seen = json.loads(host.output("alice", "python3", "-c", STREAMS, kind, *command))
        # tee opened /proc/self/fd/2 of its own, which is the program's standard error.
        wanted = [0, "", ""] if kind == "null" else [0, SEEN[1], "err\n2\ntoo\n"]
        assert seen == wanted, (user, seen)


@pytest.mark.parametrize("kind", ["pipe", "null"])
def test_input_by_name_that_is_not_the_commands_alone(host, x1, kind):
    command = ("bothy", "exec", "-T", "-u", "nobody", "x1", "--", "sh", "-c", "head -n 1 </dev/stdin")
    assert json.loads(host.output("alice", "python3", "-c", STREAMS, kind, *command)) == [0, "" if kind == "null" else "in\n", ""]


def test_input_that_others_read_too_stays(host, x1):
    """As without a container: what a command does not read is there for the next one."""
    loop = "while read -r line; do bothy exec x1 -- true; echo $line; done"
    assert host.output("alice", f"printf 'a\\nb\\nc\\n' | {loop}") == "a\nb\nc"
    assert host.output("alice", f"printf 'a\\nb\\nc\\n' >/tmp/lines; {loop} </tmp/lines; rm /tmp/lines") == "a\nb\nc"


@pytest.mark.parametrize("user", USERS)
def test_terminals_by_name(host, x1, user):
    program = "echo one >/dev/stdout; echo two >/proc/self/fd/2; read -r x </dev/stdin; echo got $x >/dev/tty; test -t 1 && echo yes"
    for words in (("run", "--rm", "-it", "-u", user, "busybox"), ("exec", "-t", "-u", user, "x1", "--")):
        with Terminal(host, "alice", "bothy", *words, "sh", "-c", program) as terminal:
            terminal.expect("one")
            terminal.expect("two")
            terminal.send("three\r")
            terminal.expect("got three")
            terminal.expect("yes")
            assert terminal.wait() == 0


@pytest.mark.parametrize("user", USERS)
def test_logs_of_what_is_written_by_name(host, user):
    program = "echo one >/dev/stdout; echo two >/dev/stderr; echo three >>/proc/self/fd/1; sleep 1000"
    host.run("alice", "bothy", "run", "-d", "--name", "logger", "-u", user, "busybox", "sh", "-c", program, check=True)
    until(lambda: host.output("alice", "bothy logs logger").split() == ["one", "two", "three"],
          what=lambda: host.run("alice", "bothy logs logger"))


@pytest.mark.parametrize("user", USERS)
def test_streams_of_the_first_process(host, user):
    """Jobs of cron and checks of health say so what is to be in the log; whose program pid 1 is stays as it is."""
    program = "echo one >/proc/1/fd/1; echo two >>/proc/1/fd/2"
    done = host.run("alice", "bothy", "run", "--rm", "-u", user, "busybox", "sh", "-c", program)
    assert (done.returncode, done.stdout, done.stderr) == (0, "one\n", "two\n")
    host.run("alice", "bothy", "run", "-d", "--name", "logger", "-u", user, "busybox", "sh", "-c", program + "; sleep 1000", check=True)
    until(lambda: host.output("alice", "bothy logs logger").split() == ["one", "two"])
    host.run("alice", "bothy", "exec", "-u", user, "logger", "--", "sh", "-c", "echo three >/proc/1/fd/1", check=True)
    until(lambda: host.output("alice", "bothy logs logger").split() == ["one", "two", "three"])
    for who in user, "root":
        done = host.run("alice", "bothy", "exec", "-u", who, "logger", "--", "sh", "-c", ": >>/proc/1/exe")
        assert done.returncode != 0 and "Permission denied" in done.stderr, done


def test_what_both_outputs_say_stays_in_order(host, x1):
    for verb in "run", "exec":
        command = " ".join(commands("nobody", "'i=0; while [ $i -lt 100 ]; do echo $i; echo $i >/dev/stderr; i=$((i+1)); done'")[verb])
        lines = host.output("alice", f"{command} >/tmp/both 2>&1 </dev/null; cat /tmp/both; rm /tmp/both").split()
        assert lines == [str(n) for n in range(100) for _ in (0, 1)]


@pytest.mark.parametrize("where", ["| cat >/tmp/much", ">/tmp/much", ">>/tmp/much"])
def test_much_output(host, x1, where):
    size = 30_000_000
    for verb in "run", "exec":
        host.run("alice", f"rm -f /tmp/much; {' '.join(commands('nobody', repr(f'head -c {size} /dev/zero; echo end >/dev/stdout'))[verb])} "
                 f"</dev/null {where}", check=True)
        assert host.output("alice", "stat -c %s /tmp/much; tail -c 4 /tmp/much; rm /tmp/much") == f"{size + 4}\nend"


def test_output_that_can_not_be_written(host, x1):
    """It is no success."""
    host.run("root", "mkdir -p /tmp/small && mount -t tmpfs -o size=64k,mode=1777 none /tmp/small", check=True)
    try:
        for verb in "run", "exec":
            command = " ".join(commands("root", "'head -c 100000 /dev/zero; exit 0'")[verb])
            done = host.run("alice", f"{command} >/tmp/small/x </dev/null")
            assert done.returncode in (125, 128 + 13), done
            assert "Standard output: No space left on device" in done.stderr
    finally:
        host.run("root", "umount -l /tmp/small")


def test_readers_that_go(host, x1):
    """The command hears of it."""
    for verb in "run", "exec":
        ours, theirs = socket.socketpair()
        command = host.command("alice", *commands("root", "yes")[verb])
        with ours, subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs) as process:
            theirs.close()
            assert ours.recv(2) == b"y\n"
            ours.close()
            assert process.wait(timeout=20) == 128 + 13


def test_streams_lead_one_way(host, x1):
    """ISO: who shares a pipe or a terminal with a command keeps what he says to himself; neither root inside can take it."""
    read = "head -c 1 </proc/self/fd/1 || head -c 1 <&1 || cat 0<>/dev/stdout; echo x >/proc/self/fd/0 && echo got"
    for verb in "run", "exec":
        command = " ".join(commands("root", f"'({read}) 2>/dev/null; echo end >&2'")[verb])
        done = host.run("alice", f"sleep 1 | {{ echo secret; {command}; }} | {{ sleep 1; cat; }}")
        assert (done.stdout, done.stderr) == ("secret\n", "end\n"), (verb, done)
    with Terminal(host, "alice", "bothy", "exec", "-T", "x1", "--", "sh", "-c", "head -c 1 <&1; head -c 1 </dev/tty; echo end") as terminal:
        terminal.send("secret\r")
        terminal.expect("end")
        assert terminal.wait() == 0


@pytest.mark.parametrize("kind", ["pipe", "terminal"])
@pytest.mark.parametrize("options", [(), ("-i",), ("-T",)], ids=["", "-i", "-T"])
def test_input_that_stays_open(host, x1, kind, options):
    """Nobody writes and nobody closes it: the command ends when it ends, and what is typed later is not its."""
    ours, theirs = os.pipe()[::-1] if kind == "pipe" else pty.openpty()
    process = subprocess.Popen(host.command("alice", "bothy", "exec", *options, "x1", "--", "true"), stdin=theirs,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        output = process.communicate(timeout=15)[0]
        assert (process.returncode, output) == (0, b"")
        os.write(ours, b"later\n")
        assert os.read(theirs, 100) == b"later\n"
    finally:
        process.kill()
        os.close(ours)
        os.close(theirs)


def test_run_and_tmp_are_the_containers(host):
    """As docker has it: without an init that begins them anew, what is written there stays. /dev/shm is a new one each time."""
    host.run("alice", "bothy launch busybox x1", check=True)
    seen = "stat -c '%a %u:%g' /run /tmp /dev/shm; ls /run/x.pid /tmp/x /dev/shm/x 2>/dev/null"
    assert host.output("alice", "bothy", "exec", "x1", "--", "sh", "-c", seen + "||:") == "755 0:0\n1777 0:0\n1777 0:0"
    host.run("alice", "bothy exec x1 -- sh -euc 'touch /run/x.pid /tmp/x /dev/shm/x; chmod 0700 /dev/shm'", check=True)
    host.run("alice", "bothy restart x1", check=True)
    assert host.output("alice", "bothy", "exec", "x1", "--", "sh", "-c", seen + "||:") == "755 0:0\n1777 0:0\n1777 0:0\n/run/x.pid\n/tmp/x"


def test_the_clock_is_the_hosts(host, x1):
    """There is no time namespace; a container that slept with its machine would be behind."""
    def boot():
        return float(host.output("alice", "bothy exec x1 -- cat /proc/uptime").split()[0])
    before, inside, after = time.time(), int(host.output("alice", "bothy exec x1 -- date +%s")), time.time()
    assert int(before) <= inside <= after
    own = [float(open("/proc/uptime").read().split()[0]) for _ in range(1)][0]
    assert own - 1 <= boot() <= own + 30
    # Nor is there one for what the container's root does.
    assert host.output("alice", "bothy exec x1 -- readlink /proc/self/ns/time") == host.output("root", "readlink /proc/self/ns/time")


@pytest.mark.parametrize("user", ["65536", "9000001", "0:65536", "4294967294"])
def test_ids_above_the_range(host, x1, user):
    """Nobody becomes them, and what is said is which ones there are; nothing hangs."""
    for words in (("exec", "-u", user, "x1", "--", "true"), ("run", "--rm", "-u", user, "busybox", "true")):
        done = host.run("alice", "bothy", *words, timeout=30)
        assert done.returncode == 125 and "65535" in done.stderr, done
    # An account of that kind inside: su says so itself.
    host.run("alice", "bothy exec x1 -- sh -c 'echo far:x:9000001:9000001::/:/bin/sh >>/etc/passwd; echo far:x:9000001: >>/etc/group'", check=True)
    done = host.run("alice", "bothy exec -u far x1 -- true", timeout=30)
    assert done.returncode == 125 and "65535" in done.stderr, done
    done = host.run("alice", "bothy exec x1 -- timeout 10 su far -c id", timeout=30)
    assert done.returncode not in (0, 124, 143), done


def test_ids_in_ids(host):
    """With nesting, root inside maps what it has, and the kernel refuses what it has not. Who is none of these is nobody there."""
    host.run("alice", "bothy launch --nesting busybox x1", check=True)
    script = ("unshare -U sh -c 'echo ready; read line; cat /proc/self/uid_map; id -u' <&3 3<&- & pid=$!; sleep 1; "
              "echo {map} >/proc/$pid/uid_map; echo wrote=$?; echo go >&4; wait $pid")
    good = host.run("alice", "bothy", "exec", "x1", "--", "sh", "-c", "mkfifo /tmp/f; exec 4<>/tmp/f 3</tmp/f; " + script.format(map="0 1000 1000"))
    assert "wrote=0" in good.stdout and "1000" in good.stdout.split("wrote=0")[1] and good.stdout.rstrip().endswith("65534"), good
    bad = host.run("alice", "bothy", "exec", "x1", "--", "sh", "-c", "rm -f /tmp/f; mkfifo /tmp/f; exec 4<>/tmp/f 3</tmp/f; " + script.format(map="0 100000 10"))
    assert "wrote=0" not in bad.stdout and "not permitted" in bad.stderr, bad


def test_what_stays_in_the_background_holds_nobody_up(host, x1):
    done = host.run("alice", "bothy exec x1 -- sh -c 'sleep 1000 & echo a' >/tmp/a && cat /tmp/a; rm /tmp/a", timeout=20)
    assert done.stdout == "a\n"


# ---- sysctls, /dev/shm ----


def test_sysctls_and_shm(host):
    host.run("alice", "bothy", "launch", "busybox", "x1", "--sysctl", "net.core.somaxconn=77", "--sysctl", "kernel.sem=100 2000 50 60",
             "--shm-size", "1M", check=True)
    look = "bothy exec x1 -- sh -c 'cat /proc/sys/net/core/somaxconn /proc/sys/kernel/sem; df -k /dev/shm | tail -n 1'"
    for _ in range(2):
        words = host.output("alice", look).split()
        assert words[:5] == ["77", "100", "2000", "50", "60"] and words[6] == "1024", words
        host.run("alice", "bothy restart --force x1", check=True)
    shown = info(host, "x1")
    assert shown["sysctls"] == {"net.core.somaxconn": "77", "kernel.sem": "100 2000 50 60"} and shown["shmSize"] == 1 << 20
    text = host.output("alice", "bothy info x1")
    assert "Sysctl: net.core.somaxconn=77\n" in text and "/dev/shm: 1M" in text


@pytest.mark.parametrize("options, code, said", [
    (("--sysctl", "kernel.pid_max=1000"), 1, "kernel.pid_max"),
    (("--sysctl", "vm.overcommit_memory=1"), 1, "the whole machine's"),
    (("--sysctl", "kernel.shmmaxx=1"), 1, "kernel.shmmaxx"),
    (("--sysctl", "net.../etc=1"), 1, "name with dots"),
    (("--sysctl", "net/core/somaxconn=1"), 1, "name with dots"),
    (("--sysctl", "net.core.somaxconn=1", "--sysctl", "net.core.somaxconn=2"), 1, "twice"),
    (("--sysctl", "net.core.somaxconn="), 1, "1 to 1000 bytes"),
    (("--sysctl", "net.core.somaxconn=1\n2"), 1, "one line"),
    (("--sysctl", "net.core.somaxconn"), 2, "NAME=VALUE"),
    (("--sysctl", "=1"), 2, "NAME=VALUE"),
    (("--shm-size", "much"), 2, "512M"),
    (("--shm-size", "1K"), 1, "65536"),
])
def test_settings_that_are_refused(host, options, code, said):
    done = host.run("alice", "bothy", "create", *options, "busybox", "x1")
    assert done.returncode == code and said in done.stderr, done
    assert names(host) == []


@pytest.mark.parametrize("setting", ["net.core.nope=1", "net.core.somaxconn=many"])
def test_sysctls_that_the_kernel_refuses(host, setting):
    host.run("alice", "bothy", "create", "--sysctl", "net.core.somaxconn=10" if "nope" in setting else "net.ipv4.ip_forward=1",
             "--sysctl", setting, "busybox", "x1", check=True)
    done = host.run("alice", "bothy", "start", "x1")
    assert done.returncode == 1 and setting in done.stderr and "does not let this sysctl" in done.stderr, done
    assert info(host, "x1")["state"] == "failed" and setting in info(host, "x1")["lastError"]


# ---- names ----


@pytest.mark.parametrize("network", ["nat", "none"])
def test_names(host, network):
    host.run("alice", "bothy", "launch", "--network", network, "--hostname", "other.example", "busybox", "x1", check=True)
    for name in ("localhost", "other.example") + (("x1", "x1.bothy") if network == "nat" else ()):
        assert host.run("alice", "bothy", "exec", "x1", "--", "ping", "-c", "1", "-W", "2", name).returncode == 0, name
    assert host.output("alice", "bothy exec x1 -- cat /etc/hostname") == "other.example"


def test_low_ports(host, x1):
    assert host.run("alice", "bothy exec -u nobody x1 -- sh -c 'echo hi | nc -l -p 80 >/dev/null & sleep 0.3; nc 127.0.0.1 80 </dev/null'").stdout == "hi\n"

# SPDX-License-Identifier: LGPL-2.1-or-later
"""bothy on a terminal: what a person sees and types."""

import json
import os
import re
import subprocess
import time

import pytest

from tools import Terminal, info, names, nothing_left, own_children, state, tidy, until  # noqa: F401

PROMPT = r"[/~] # (\x1b\[6n)?"


@pytest.fixture
def x1(host):
    host.run("alice", "bothy", "launch", "busybox", "x1", check=True)


def test_run_interactively(host):
    with Terminal(host, "alice", "bothy", "run", "--rm", "-it", "busybox", "sh", rows=33, columns=101) as terminal:
        terminal.expect(PROMPT)
        assert terminal.raw
        terminal.send("stty size; tty; id -u\n")
        terminal.expect(r"\b33 101\b")
        terminal.expect(r"/dev/(console|pts/\d+)")
        terminal.expect(r"\b0\r\n")
        terminal.resize(17, 99)
        # On a console it comes with what is typed next, so that may be too late for the first line.
        time.sleep(1)
        terminal.send("stty size\n")
        terminal.expect(PROMPT)
        terminal.send("stty size\n")
        terminal.expect(r"\n17 99\r")
        # Keys are the container's, not bothy's.
        terminal.send("cat /etc/passwd -\n")
        terminal.expect("root:")
        terminal.send("x\x03")
        terminal.expect(PROMPT)
        terminal.send("echo status $?\n")
        terminal.expect("status 130")
        terminal.expect(PROMPT)
        terminal.send("exit 7\n")
        assert terminal.wait() == 7
        assert terminal.restored
    assert names(host) == []
    nothing_left(host)


def test_terminal_is_restored_at_SIGTERM(host):
    with Terminal(host, "alice", "bothy", "run", "--rm", "-it", "busybox", "sh") as terminal:
        terminal.expect(PROMPT)
        assert terminal.raw
        pid, = own_children(host, "alice", "bothy")
        host.run("root", "kill", "-TERM", str(pid), check=True)
        # It ends of that signal, as its caller expects.
        assert terminal.wait() in (-15, 143)
        assert terminal.restored
    until(lambda: names(host) == [], what="the container has ended, too")


def test_terminal_is_restored_at_SIGHUP(host):
    with Terminal(host, "alice", "bothy", "run", "--rm", "-it", "busybox", "sh") as terminal:
        terminal.expect(PROMPT)
        pid, = own_children(host, "alice", "bothy")
        host.run("root", "kill", "-HUP", str(pid), check=True)
        assert terminal.wait() in (-1, 129)
        assert terminal.restored
    until(lambda: names(host) == [], what="the container has ended, too")


@pytest.mark.parametrize("signal", ["HUP", "INT", "QUIT", "TERM", "PIPE"])
@pytest.mark.parametrize("words", [("console", "x1"), ("shell", "x1"), ("exec", "x1", "sh")], ids=lambda words: words[0])
def test_terminal_is_restored_at_each_signal(host, x1, words, signal):
    """Whichever verb has it raw: what is typed next is shown again."""
    with Terminal(host, "alice", "bothy", *words) as terminal:
        if words[0] == "console":
            terminal.expect("press Enter")
        else:
            terminal.expect(PROMPT)
        assert terminal.raw
        pid, = own_children(host, "alice", "bothy")
        host.run("root", "kill", f"-{signal}", str(pid), check=True)
        number = {"HUP": 1, "INT": 2, "QUIT": 3, "TERM": 15, "PIPE": 13}[signal]
        assert terminal.wait() in (-number, 128 + number)
        assert terminal.restored
    assert state(host, "x1") == "running"


def test_one_that_takes_no_notice_is_stopped(host):
    """Its terminal is gone, and SIGHUP and SIGTERM do not end it."""
    with Terminal(host, "alice", "bothy", "run", "--name", "deaf", "-it", "busybox", "sh", "-c",
                  "trap '' HUP TERM; echo ready; while :; do sleep 1; done") as terminal:
        terminal.expect("ready")
        pid, = own_children(host, "alice", "bothy")
        host.run("root", "kill", "-TERM", str(pid), check=True)
        assert terminal.wait() in (-15, 143)
    until(lambda: state(host, "deaf") == "stopped", 20, what="it is stopped")


def test_console_follows_the_size(host):
    """At once, and not with the next key."""
    host.run("alice", "bothy", "launch", "busybox", "c1", "--", "sh", "-c",
             "trap 'echo now $(stty size)' WINCH; while :; do sleep 0.1; done", check=True)
    with Terminal(host, "alice", "bothy", "console", "c1", rows=30, columns=90) as terminal:
        terminal.expect("now 30 90")
        terminal.resize(31, 91)
        terminal.expect("now 31 91")
        terminal.send("\035\035\035")
        assert terminal.wait() == 0
    assert state(host, "c1") == "running"


def test_exec_on_a_terminal(host, x1):
    with Terminal(host, "alice", "bothy", "exec", "x1", "sh", rows=30, columns=90) as terminal:
        terminal.expect(PROMPT)
        terminal.send("stty size; echo a | cat; tty; ps -o tty\n")
        terminal.expect(r"30 90")
        terminal.expect(r"/dev/pts/\d+")
        terminal.resize(31, 91)
        terminal.send("until stty size | grep '^31 91'; do sleep 0.1; done\n")
        terminal.expect(r"\n31 91\r")
        terminal.expect(PROMPT)
        terminal.send("exit 42\n")
        assert terminal.wait() == 42
        assert terminal.restored
    # Without one there is none, even if asked from one.
    with Terminal(host, "alice", "bothy", "exec", "-T", "x1", "--", "tty") as terminal:
        assert terminal.wait() == 1
        assert "not a tty" in terminal.text
        assert terminal.restored


def test_killed_exec_restores_the_terminal(host, x1):
    with Terminal(host, "alice", "bothy", "exec", "x1", "sh") as terminal:
        terminal.expect(PROMPT)
        assert terminal.raw
        pid, = own_children(host, "alice", "bothy")
        host.run("root", "kill", "-TERM", str(pid), check=True)
        assert terminal.wait() in (-15, 143)
        assert terminal.restored
    # As over ssh, what ran there has been hung up.
    until(lambda: host.run("alice", "bothy exec -T x1 -- ps -o tty,args | grep -q 'pts.* sh$'").returncode == 1,
          what="the shell has ended, too")


def test_container_that_stops_under_a_shell(host, x1):
    with Terminal(host, "alice", "bothy", "shell", "x1") as terminal:
        terminal.expect(r"[#$] ")
        host.run("alice", "bothy", "stop", "-f", "x1", check=True)
        terminal.wait()
        assert terminal.restored


def test_shell(host, x1):
    with Terminal(host, "alice", "bothy", "shell", "x1") as terminal:
        terminal.expect(r"# ")
        terminal.send("echo home=$HOME user=$USER; exit 3\n")
        terminal.expect(r"home=/root user=root")
        # 0: the shell was open, however it ended.
        assert terminal.wait() == 0
        assert terminal.restored


def test_shell_without_a_terminal(host, x1):
    """A file as keys: the shell ends with it, whether it takes lines or keys, and what it reads ends, too."""
    for keys, seen in (("", ""), ("echo four=$((2+2))\n", "four=4"), ("cat\n", ""), ("sleep 0.5; echo is=$((1+4))\n", "is=5")):
        done = host.run("alice", "timeout", "20", "bothy", "shell", "x1", input=keys)
        assert done.returncode == 0 and seen in done.stdout, (keys, done)


def test_console_and_leaving_it(host, x1):
    with Terminal(host, "alice", "bothy", "console", "x1") as terminal:
        terminal.expect("press Enter")
        terminal.send("\r")
        terminal.expect(PROMPT)
        terminal.send("echo on the $((1+1))nd line\n")
        terminal.expect("on the 2nd line")
        terminal.send("\x1d\x1d\x1d")
        assert terminal.wait() == 0
        assert terminal.restored
    assert state(host, "x1") == "running"
    # It is shown again to who comes later.
    with Terminal(host, "alice", "bothy", "console", "x1") as terminal:
        terminal.expect("on the 2nd line")
        # And the last one takes it over.
        with Terminal(host, "alice", "bothy", "console", "x1") as other:
            other.expect("on the 2nd line")
            terminal.wait()
            assert terminal.restored
            other.send("\x1d\x1d\x1d")
            assert other.wait() == 0


def test_name_that_would_trick_a_terminal(host, x1):
    """What a container says is escaped on its way to a person."""
    host.run("alice", "bothy", "exec", "x1", "--", "printf", r"\033[31mred\033]0;title\007\n", check=True)
    host.run("alice", "bothy", "exec", "x1", "--", "sh", "-c",
             r"printf '\033[31mred\033]0;title\007\n' >/dev/console", check=True)
    with Terminal(host, "alice", "bothy", "logs", "x1") as terminal:
        assert terminal.wait() == 0
        assert "red" in terminal.text
        assert not re.search(r"[\x1b\x07]", terminal.text)
    assert info(host, "x1")["state"] == "running"


def test_slow_stop_is_cut_short_by_ctrl_c(host):
    """Pressed once it says what the second time does; whoever waits with another stop is told that it ended, too."""
    host.run("alice", "bothy", "launch", "busybox", "x1", "--", "sh", "-c",
             "trap '' TERM HUP INT QUIT USR1 USR2 PWR; touch /tmp/ready; while :; do sleep 1000; done", check=True)
    until(lambda: host.run("alice", "bothy", "exec", "x1", "--", "test", "-e", "/tmp/ready").returncode == 0)
    # In a session of his own: here Ctrl-C would end what enters the host as well.
    with Terminal(host, "alice", "bothy", "stop", "x1", session="remote") as terminal:
        until(lambda: state(host, "x1") == "stopping")
        terminal.send("\x03")
        terminal.expect("Still stopping; Ctrl-C once more kills it")
        assert state(host, "x1") == "stopping"
        terminal.send("\x03")
        assert terminal.wait() == 0
    assert state(host, "x1") == "stopped"


@pytest.mark.parametrize("options", [["-it"], ["-t"], ["--interactive", "--tty"]], ids="".join)
def test_run_without_a_command_is_a_shell(host, options):
    """Where the image's init would run, which nobody can leave; as docker has it for busybox."""
    for way_out in "exit 3\n", "false\n\x04":
        with Terminal(host, "alice", "bothy", "run", "--rm", *options, "busybox") as terminal:
            terminal.expect(r"Ctrl-\] three times")
            terminal.expect(PROMPT)
            terminal.send("echo home=$HOME zero=$0\n")
            terminal.expect(r"home=/root zero=\S*sh")
            terminal.expect(PROMPT)
            terminal.send(way_out)
            assert terminal.wait() == (3 if "3" in way_out else 1)
            assert terminal.restored
    assert names(host) == []


def test_run_is_left_as_a_console_is(host):
    with Terminal(host, "alice", "bothy", "run", "--name", "left", "--rm", "-it", "busybox", "sh") as terminal:
        terminal.expect(r"Press Ctrl-\] three times within a second to leave left")
        terminal.expect(PROMPT)
        terminal.send("echo on the $((1+1))nd line\n")
        terminal.expect("on the 2nd line")
        terminal.send("\x1d\x1d\x1d")
        terminal.expect("Left left, which runs on: 'bothy console left'")
        assert terminal.wait() == 0
        assert terminal.restored
    assert state(host, "left") == "running"
    with Terminal(host, "alice", "bothy", "console", "left") as terminal:
        terminal.expect("on the 2nd line")
        terminal.send("exit\n")
        terminal.wait()
    until(lambda: names(host) == [], what="it is gone: --rm")


def test_run_without_a_command_reads_a_pipe(host):
    """What comes from a pipe or a file is run, and ends; a terminal that nobody types at is none."""
    for options in "-i", "-it", "-t":
        done = host.run("alice", "timeout", "20", "bothy", "run", "--rm", *options.split(), "busybox", input="echo hi; tty\n")
        said = "Standard input is no terminal"
        assert done.returncode in (0, 1), done
        assert done.stdout == ("" if options == "-t" else "hi\nnot a tty\n"), done
        assert (said in done.stderr) == ("t" in options) and "Ctrl-]" not in done.stderr, done
        done = host.run("alice", f"timeout 20 bothy run --rm {options} busybox </dev/null")
        assert done.returncode == 0 and done.stdout == "", done
    done = host.run("alice", "echo 'echo hi' | bothy run --rm -i busybox")
    assert (done.returncode, done.stdout, done.stderr) == (0, "hi\n", "")
    # The terminal of a command that reads nothing is one still.
    assert host.output("alice", "bothy run --rm -t busybox tty").strip().startswith("/dev/")
    assert names(host) == []


def test_run_shows_what_an_init_says(host):
    """Without anybody who types the image's init runs, and Ctrl-C stops it."""
    with Terminal(host, "alice", "bothy", "run", "--rm", "--name", "init", "busybox", session="remote") as terminal:
        terminal.expect("what the image's init says in init")
        terminal.expect("press Enter")
        terminal.send("\x03")
        # What it says while it ends is seen, and with us it is over.
        terminal.expect("system is going down")
        assert terminal.wait() not in (-2, 130)
    assert names(host) == []


def test_run_of_an_init_ends_with_it(host):
    """A service manager's SIGTERM is heard, and its end is waited for."""
    done = host.run("alice", "timeout --preserve-status -s TERM 3 bothy run --rm --name init busybox </dev/null")
    assert "system is going down" in done.stdout and names(host) == [], done


@pytest.mark.parametrize("shell,zero", [("/bin/ash", "ash"), ("/usr/sbin/nologin", "sh"), ("/bin/fish", "sh")])
def test_run_has_the_shell_of_the_user_inside(host, shell, zero):
    """And a shell at all, where his lets nobody in, or is not there."""
    host.run("alice", "mkdir -p ~/root/bin ~/root/etc && cp /bin/busybox ~/root/bin/ && for i in sh ash cat echo; do ln -sf busybox ~/root/bin/$i; done "
             f"&& mkdir -p ~/root/usr/sbin && ln -sf /bin/busybox ~/root/usr/sbin/nologin && echo 'root:x:0:0::/:{shell}' >~/root/etc/passwd "
             "&& tar -C ~/root -cf ~/root.tar . && bothy image import --alias mine ~/root.tar", check=True)
    try:
        assert host.output("alice", "echo 'echo $0' | bothy run --rm -i mine").endswith(zero)
    finally:
        host.run("alice", "bothy image delete mine; rm -rf root root.tar")


ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def on_terminal(host, *words, columns, user="alice"):
    """What a command shows on a terminal of so many columns, as lines without colours."""
    with Terminal(host, user, "bothy", *words, columns=columns) as terminal:
        assert terminal.wait() == 0
        lines = ESCAPES.sub("", terminal.text).replace("\r", "").rstrip("\n").split("\n")
        return [line for line in lines if not line.startswith("bothy: ")]


def test_tables_fit_the_terminal(host):
    """Columns are cut, and nothing is broken in the middle of a word or of the table."""
    names_ = ["a" * 30, "b" * 63]
    for name in names_:
        host.run("alice", "bothy", "create", "busybox", name, check=True)
    host.run("alice", "bothy", "image", "tag", "busybox", "an/alias/that/is/longer/than/others:are", check=True)
    try:
        for words in ["list"], ["image", "list"], ["remote", "list"], ["list", "--all"], ["df"], ["top", "--once"]:
            whole = host.output("alice", "bothy", *words).split("\n")
            for columns in 100, 80, 60, 40:
                lines = on_terminal(host, *words, columns=columns)
                assert len(lines) == len(whole) and max(map(len, lines)) <= columns, (words, columns, lines)
            shown = [line.rstrip() for line in on_terminal(host, *words, columns=300)]
            assert words[0] == "top" or shown == [line.rstrip() for line in whole]
        assert "docker.io" in "".join(on_terminal(host, "remote", "list", columns=40))
        cut = on_terminal(host, "list", columns=80)[1:]
        assert cut[0].startswith("a" * 20) and "…" in cut[1] + cut[0], cut
        # All of it is one option away.
        wide = [line.rstrip() for line in on_terminal(host, "list", "-o", "wide", columns=60)]
        assert wide == [line.rstrip() for line in host.output("alice", "bothy", "list").split("\n")]
    finally:
        host.run("alice", "bothy", "image", "untag", "an/alias/that/is/longer/than/others:are", check=True)


def test_ways_to_show_a_list(host, x1):
    run = lambda words: host.output("alice", f"bothy {words}")  # noqa: E731
    assert run("list -o names") == run("list --format names") == run("list -q") == "x1"
    assert run("list -o json") == run("list --json") and run("list -o wide") == run("list -o table") == run("list")
    assert run("remote list -o names") == run("remote list -q") and run("image list --output=json") == run("image list --json")
    assert run("port list x1 -ojson") == "[]" or run("port list x1 -o json").split() == ["[", "]"]
    done = host.run("alice", "bothy", "list", "-o", "yaml")
    assert done.returncode == 2 and "these are: table, wide, names, json" in done.stderr
    done = host.run("alice", "bothy", "list", "--format", "{{.Names}}")
    assert done.returncode == 2 and "-o json" in done.stderr


def test_list_filters(host, x1):
    host.run("alice", "bothy create busybox x2 && bothy create busybox other", check=True)
    for filters, wanted in [("state=running", "x1"), ("state=stopped", "other x2"), ("name=x*", "x1 x2"), ("name=x", ""),
                            ("name=x1 -f name=other", "other x1"), ("name=x* --filter state=stopped", "x2"),
                            ("image=busybox", "other x1 x2"), ("image=debian", ""), ("owner=alice", "other x1 x2"),
                            ("owner=1000", "other x1 x2"), ("owner=bob", "")]:
        for shown in "-q", "-o names":
            assert sorted(host.output("alice", f"bothy list {shown} -f {filters}").split()) == wanted.split(), filters
        assert sorted(c["name"] for c in json.loads(host.output("alice", f"bothy list --json -f {filters}"))) == wanted.split()
    for wrong in "state=runing", "colour=red", "name", "=x":
        done = host.run("alice", "bothy", "list", "--filter", wrong)
        assert done.returncode == 2 and "these are:" in done.stderr, wrong


def test_nothing_to_show_says_what_to_do(host):
    """On a terminal; a script gets what it got."""
    assert "bothy launch busybox NAME" in " ".join(on_terminal(host, "list", columns=80))
    assert "no such container" in " ".join(on_terminal(host, "list", "-f", "name=x", columns=80))
    quiet = host.run("alice", "bothy list")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    assert host.output("alice", "bothy list -q") == "" and json.loads(host.output("alice", "bothy list --json")) == []
    host.run("alice", "bothy", "create", "busybox", "x1", check=True)
    assert "bothy port add NAME HOST:INSIDE" in " ".join(on_terminal(host, "port", "list", "x1", columns=80))
    assert "bothy mount add NAME" in " ".join(on_terminal(host, "mount", "list", "x1", columns=80))


def test_progress_stays_on_its_line(host):
    """However narrow, and when the terminal gets narrower meanwhile."""
    name = "an-archive-with-a-name-that-is-so-long-that-no-terminal-of-these-has-room-for-it.tar"
    host.run("alice", f"mkfifo {name}; dd if=/dev/zero of=big bs=1M count=24; tar -cf whole.tar big", check=True)
    feed = host.command("alice", "sh", "-c", f"exec >{name}; for i in $(seq 24); do dd if=whole.tar bs=1M count=1 skip=$((i-1)) 2>/dev/null; sleep 0.2; done")
    try:
        with Terminal(host, "alice", "bothy", "image", "import", "--alias", "big", name, columns=100) as terminal:
            feeder = subprocess.Popen(feed)
            drawn = []
            for columns in 100, 80, 40, 20:
                terminal.resize(24, columns)
                os.kill(terminal.process.pid, 0)
                for pid in own_children(host, "alice", "bothy"):
                    host.run("root", "kill", "-WINCH", str(pid))
                terminal.expect(r"\r[^\r]*\x1b\[K")
                terminal.text = ""
                until(lambda: terminal.pump(0.2) or terminal.text.count("\x1b[K") > 3, what="it is drawn again")
                # The first one may have been drawn before it heard of the new width.
                ticks = [ESCAPES.sub("", tick) for tick in terminal.text.split("\r")][2:-1]
                drawn += ticks
                assert ticks and max(map(len, ticks)) < columns, (columns, ticks)
                assert "\n" not in terminal.text
            assert any("#" in tick or "MB" in tick for tick in drawn), drawn
            feeder.wait()
            terminal.wait()
    finally:
        host.run("alice", f"rm -f {name} big whole.tar; bothy image delete big")


def test_run_with_a_terminal_of_what_ends_at_once(host):
    """Before anybody could look at its console; with its code and what it said all the same."""
    script = "for i in $(seq 30); do bothy run --rm -t busybox sh -c 'echo said; exit 3'; echo code $?; done"
    done = host.run("alice", script, timeout=60)
    assert done.stdout.replace("\r", "").split("\n")[:-1] == ["said", "code 3"] * 30, done
    assert done.stderr == ""

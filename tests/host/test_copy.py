# SPDX-License-Identifier: LGPL-2.1-or-later
"""bothy cp, file push and file pull: files between here and containers, as cp(1) has it."""

import subprocess

import pytest

from tools import until


@pytest.fixture
def x1(host):
    host.run("alice", "bothy", "launch", "busybox", "x1", check=True)
    host.run("alice", "rm -rf work && mkdir -p work/d/e && cd work && echo one >f && echo two >d/e/g && ln d/e/g d/h && "
             "ln -s /etc/shadow d/l && chmod 4755 f && touch -d 2001-02-03 f && truncate -s 3M d/sparse", check=True)
    yield "x1"
    host.run("alice", "bothy delete --force --all; chmod -R u+rwX work; rm -rf work", check=True)


def inside(host, script, name="x1"):
    return host.output("alice", "bothy", "exec", name, "--", "sh", "-c", script)


def copy(host, words, **options):
    return host.run("alice", f"cd work && bothy {words}", **options)


def test_push(host, x1):
    assert copy(host, "cp f x1:/root/", check=True).stdout == ""
    assert inside(host, "stat -c '%a %u:%g %Y' /root/f; cat /root/f") == "755 0:0 981158400\none"
    copy(host, "file push f x1:/root/new", check=True)
    copy(host, "file push --mode 4711 --uid 7 --gid 8 f x1:root/other", check=True)
    assert inside(host, "cat /root/new; stat -c '%a %u:%g' /root/other") == "one\n4711 7:8"
    copy(host, "cp -r d x1:/root", check=True)
    assert inside(host, "cat /root/d/e/g; stat -c %h /root/d/h; readlink /root/d/l; stat -c '%s %b' /root/d/sparse") == \
        "two\n2\n/etc/shadow\n3145728 0"
    # The way of the directory that one is in.
    host.run("alice", "cd work/d && bothy cp . x1:/root/here && bothy cp .. x1:/root/up", check=True)
    assert inside(host, "cat /root/here/e/g; ls /root/up") == "two\nd\nf"
    # From a pipe, of which nobody knows the length.
    copy(host, "file push - x1:/root/piped --mode 600", input="said", check=True)
    assert inside(host, "stat -c %a /root/piped; cat /root/piped") == "600\nsaid"
    copy(host, "cp f d x1:/root/both", check=False)
    inside(host, "mkdir /root/both")
    copy(host, "cp f d x1:root/both", check=True)
    assert inside(host, "ls /root/both") == "d\nf"
    # Whoever's program it is here, it is root's there, and lends nobody root's rights.
    host.run("alice", "chmod 4755 work/d/e/g && cd work && bothy cp d x1:/root/set", check=True)
    assert inside(host, "stat -c %a /root/set/e/g") == "755"
    # From where its reader is in a file, and files that do not say how long they are.
    host.run("alice", "printf 'ab\ncd\n' >work/lines; cd work; { read x; bothy cp - x1:/root/rest; } <lines; bothy cp /proc/self/status x1:/root/", check=True)
    assert inside(host, "cat /root/rest; grep -c ^Name: /root/status") == "cd\n1"
    # What is there already keeps its owner and mode.
    host.run("alice", "mkdir -p work/tmp && touch work/tmp/new && cd work && bothy cp tmp x1:/", check=True)
    assert inside(host, "stat -c %a /tmp; ls /tmp") == "1777\nnew"


def test_pull(host, x1):
    inside(host, "mkdir -p /root/t/u; echo in >/root/t/u/v; ln /root/t/u/v /root/t/w; ln -s /etc/passwd /root/t/l; chmod 6755 /root/t/w; "
           "chown 1:1 /root/t/u; chmod 700 /root/t/u; mkfifo /root/t/p")
    assert copy(host, "file pull x1:/etc/hostname -").stdout == "x1\n"
    copy(host, "cp x1:/root/t .", check=True)
    assert host.output("alice", "cd work/t; cat w u/v; readlink l; stat -c '%U %a' u w; ls") == \
        "in\nin\n/etc/passwd\nalice 700\nalice 755\nl\nu\nw"
    copy(host, "cp x1:/root/t s && test -d s/u && bothy cp x1:/root/t/w name && cat name && bothy file pull x1:/root/t/w x1:/etc/hosts d && ls d",
         check=True)
    assert "hosts" in host.output("alice", "ls work/d")
    assert "MemTotal" in copy(host, "cp x1:/proc/meminfo -").stdout and copy(host, "cp x1:/sys/kernel/mm/transparent_hugepage/enabled -").stdout.count("\0") == 0
    copy(host, "cp x1:/root/t/w /dev/null && test -c /dev/null && bothy cp x1:/root/t/w /dev/stdout | grep -x in", check=True)
    copy(host, "cp x1:/root/t/. flat", check=False)
    done = copy(host, "file pull x1:/root/t -")
    assert done.returncode == 1 and done.stderr == "bothy: t/: it is a directory, and not one file\n", done
    for words, said in (("cp x1:/root/t none/", "there is no such directory"), ("cp x1:/none .", "No such file"),
                        ("cp f x1:/none/x/", "No such file"), ("cp f x1:/none/x", "No such file"), ("cp none x1:/root", "none: No such file")):
        done = copy(host, words)
        assert done.returncode == 1 and said in done.stderr and len(done.stderr.splitlines()) == 1, (words, done)
    for words in "cp f", "cp f g", "file push x1:/a f", "file pull f x1:/a", "cp --mode 9 f x1:/", "cp --uid 70000 f x1:/", "cp --uid 1 x1:/etc .":
        assert copy(host, words).returncode == 2, words


def test_between_two(host, x1):
    host.run("alice", "bothy", "launch", "busybox", "x2", check=True)
    inside(host, "mkdir -p /root/t; chown 5:6 /root/t; echo x >/root/t/f; chmod 4755 /root/t/f")
    copy(host, "cp x1:/root/t x2:/root/", check=True)
    assert inside(host, "stat -c '%a %u:%g' /root/t /root/t/f", "x2").split() == ["755", "5:6", "4755", "0:0"]
    assert "No such file" in copy(host, "cp x1:/root/none x2:/root/").stderr


def test_COPY_an_image_of_one_program(host, x1):
    """Which has neither a shell nor tar."""
    host.run("alice", "mkdir -p work/root/etc && cp /bin/busybox work/root/sleep && tar -C work/root -cf work/root.tar . && "
             "bothy image import --alias one work/root.tar && bothy launch --entrypoint /sleep one x3 -- 1000", check=True)
    try:
        copy(host, "cp f x3:/ && bothy file pull x3:/f - | grep one", check=True)
    finally:
        host.run("alice", "bothy delete --force x3; bothy image delete one", check=True)


def test_COPY_only_while_it_runs(host, x1):
    host.run("alice", "bothy", "stop", "x1", check=True)
    for words in "cp f x1:/root/", "cp x1:/etc .", "file pull x1:/etc/hostname -":
        done = copy(host, words)
        assert done.returncode == 1 and "x1 does not run" in done.stderr, done
        assert len([line for line in done.stderr.splitlines() if line.startswith("bothy:")]) == 1, done
    assert host.output("alice", "ls work") == "d\nf"


def test_COPY_of_a_hostile_container(host, x1):
    """What it makes of its files while they are read leads nowhere here."""
    inside(host, "mkdir -p /root/t; ln -s /home/alice/work /root/t/a; ln -s .. /root/t/b")
    loop = "cd /root; while :; do rm -rf t/x; ln -s ../.. t/x; rm t/x; mkdir t/x; echo bad >t/x/f; done"
    with subprocess.Popen(host.command("alice", "bothy", "exec", "x1", "--", "sh", "-c", loop), stdin=subprocess.DEVNULL) as busy:
        for i in range(10):
            done = copy(host, f"cp x1:/root/t r{i}")
            assert done.returncode in (0, 1)
        host.run("alice", "bothy", "delete", "--force", "x1", check=True)
        busy.wait()
    assert host.output("alice", "cat work/f; find work -maxdepth 1 -newer work/f -name f; ls work | grep -v '^r[0-9]'") == "one\nd\nf"


def test_COPY_others_may_not(host, x1):
    assert host.run("bob", "bothy cp alice/x1:/etc/passwd .").returncode == 1
    assert "no container" in host.run("bob", "bothy cp x1:/etc/passwd .").stderr.lower()
    host.run("root", "bothy file pull alice/x1:/etc/hostname - | grep x1", check=True)
    assert "CopyFrom" in host.output("alice", "bothy history x1")


def test_COPY_is_interrupted(host, x1):
    """Ctrl-C ends it, and nothing of it goes on."""
    with subprocess.Popen(host.command("alice", "sh", "-c", "sleep 1000 | bothy cp - x1:/root/slow"), stdin=subprocess.DEVNULL) as copying:
        until(lambda: host.run("root", "pgrep -x bothy-archive").returncode == 0, what="it reads")
        # As a terminal sends it, to all of them.
        host.run("root", "pkill -INT -x bothy; pkill -INT -x bothy-archive; pkill -x sleep", check=True)
        assert copying.wait(20) == 1
    assert inside(host, "ls -A /root | grep -c slow || true") == "0"
    assert inside(host, "ls -A /root") == ""


def test_COPY_takes_no_place_of_another_kind(host, x1):
    """A directory is never lost to a file here, nor the other way round; nor is anything written through a link."""
    inside(host, "mkdir -p /root/t/both /root/t/sub; echo x >/root/t/file; echo y >/root/t/sub/z")
    host.run("alice", "cd work && mkdir -p t/file && echo keep >t/both && mkdir big && ln -s ../big t/sub && mkfifo t/fifo", check=True)
    for what, said in ("both", "no directory"), ("file", "a directory"), ("sub", "no directory"):
        done = copy(host, f"cp x1:/root/t/{what} t")
        assert done.returncode == 1 and said in done.stderr and len(done.stderr.splitlines()) == 1, (what, done)
    assert host.output("alice", "cd work/t && cat both && test -d file && test -L sub && ls -A . ../big") == ".:\nboth\nfifo\nfile\nsub\n\n../big:".replace(".:", "keep\n.:", 1)
    inside(host, "mkdir -p /root/u; echo new >/root/u/link; echo new >/root/u/fifo")
    host.run("alice", "cd work && mkdir u && echo old >target && ln -s ../target u/link && bothy cp x1:/root/u/link u && cat u/link && cat target", check=True)
    assert host.output("alice", "cat work/u/link work/target") == "new\nold"
    # What is cut leaves nothing half made.
    host.run("alice", "cd work && mkdir cut && bothy exec x1 -- sh -c 'head -c 200000000 /dev/zero' >/dev/null", check=True)
    inside(host, "head -c 100000000 /dev/urandom >/root/huge")
    host.run("alice", "cd work/cut && ulimit -f 1000; bothy cp x1:/root/huge .")
    assert host.output("alice", "ls -A work/cut") == ""


def test_COPY_names_are_no_orders_to_a_terminal(host, x1):
    name = r"t/$(printf 'a\302\233b')"
    inside(host, f'mkdir -p "/root/{name}"')
    host.run("alice", f'cd work && mkdir -p t && touch "{name}"', check=True)
    done = copy(host, "cp x1:/root/t .")
    assert done.returncode == 1 and "\\xc2\\x9b" in done.stderr and "\x9b" not in done.stderr, done


def test_COPY_many_between_containers(host, x1):
    """More of them than there are turns: none waits for another for ever."""
    host.run("alice", "bothy", "launch", "busybox", "x2", check=True)
    inside(host, "for i in 1 2 3 4 5 6 7 8; do echo $i >/root/$i; done")
    host.run("alice", "seq 8 | xargs -P 8 -I N bothy cp x1:/root/N x2:/root/", check=True, timeout=120)
    assert inside(host, "cat /root/*", "x2").split() == [str(i) for i in range(1, 9)]


def test_edit(host, x1):
    """With the editor that the person has; what it is beside its content stays."""
    inside(host, "mkdir /root/d; echo one >/root/f; chmod 2640 /root/f; chown 5:6 /root/f")
    edit = lambda editor, place: host.run("alice", f"{editor} bothy file edit {place}")  # noqa: E731
    done = edit("EDITOR='sed -i s/one/two/'", "x1:/root/f")
    assert done.returncode == 0 and inside(host, "cat /root/f; stat -c '%a %u:%g' /root/f") == "two\n2640 5:6", done
    assert "Nothing was changed" in edit("VISUAL=true EDITOR=false", "x1:/root/f").stderr
    assert edit("EDITOR=false", "x1:/root/f").returncode == 1 and inside(host, "cat /root/f") == "two"
    assert "not one file" in edit("EDITOR=true", "x1:/root/d").stderr and "No such file" in edit("EDITOR=true", "x1:/root/none").stderr
    assert host.run("alice", "ls -d /tmp/bothy-* 2>/dev/null").stdout == ""
    # What was written is not lost with the container.
    done = edit("EDITOR='sh -c \"bothy stop --force x1; echo mine >\\$0\"'", "x1:/root/f")
    kept = done.stderr.split("still in ")[1].split("\n")[0]
    assert done.returncode == 1 and host.output("alice", "cat", kept) == "mine", done
    host.run("alice", "rm -rf /tmp/bothy-*", check=True)

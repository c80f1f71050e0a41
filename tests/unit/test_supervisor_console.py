# SPDX-License-Identifier: LGPL-2.1-or-later
"""bothy-supervisor: terminals of programs inside, and the console."""

import fcntl
import os
import select
import signal
import struct
import termios
import time

import pytest

from supervising import (  # noqa: F401
    BASE, CONSOLE, LOGIN, TTY, assert_confined, box, eventually, image, make, pytestmark, read_all, read_until, subreaper,
)


def test_terminal(box):
    reply = box.exec("/bin/sh", flags=TTY)
    (master,) = reply.fds
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
    os.write(master, b"tty; stty size; exit 5\n")
    output = read_all(master)
    assert f"/dev/pts/{reply.value}\r\n".encode() in output and b"33 77" in output
    assert box.exec_exited().code == 5


@pytest.mark.parametrize("user, uid", [("", 0), ("u", 1000), ("1234", 1234)])
def test_terminal_is_the_users(box, user, uid):
    """And nobody else's: its group may write to it, as write(1) does."""
    reply = box.exec("/bin/sh", "-c", "stat -c '%u %g %a' $(tty); read go", flags=TTY, user=user)
    (master,) = reply.fds
    assert read_until(master, b"\n").split()[-3:] == [b"%d" % uid, b"5", b"620"]
    slave = os.stat(f"/proc/{reply.pid}/fd/0")
    assert (slave.st_uid, slave.st_rdev) == (BASE + uid, os.stat(f"/proc/{reply.pid}/fd/2").st_rdev)
    os.close(master)


@pytest.mark.parametrize("options", [dict(user=""), dict(user="u"), dict(login=True)], ids=["root", "user", "login"])
def test_terminal_is_confined(box, options):
    """THREATS 2.5, as on pipes."""
    login = options.pop("login", False)
    argv = [""] if login else ["/bin/sleep", "1000"]
    reply = box.exec(*argv, flags=TTY | (LOGIN if login else 0), **options)
    assert reply.fault == (0, 0)
    assert_confined(reply.pid)
    os.close(reply.fds[0])


def test_terminal_interrupts(box):
    (master,) = box.exec("/bin/sleep", "100", flags=TTY).fds
    os.write(master, b"\x03")
    assert box.exec_exited().signal == signal.SIGINT
    os.close(master)


def test_login_shell(box):
    (master,) = box.exec("", flags=TTY | LOGIN, user="u").fds
    os.write(master, b"echo $0 $HOME $USER $SHELL; exit\n")
    assert b"-sh /home/u u /bin/sh" in read_all(master)


def test_console(make):
    container = make()
    container.start("/bin/sh")
    (first,) = container.call(CONSOLE).fds
    fcntl.ioctl(first, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 50, 0, 0))
    os.write(first, b'stty size; echo mar""ker\n')
    assert b"20 50" in read_until(first, b"marker\r\n")
    (second,) = container.call(CONSOLE).fds
    read_until(second, b"marker\r\n")
    assert b"marker" not in read_all(first)
    os.write(second, b'yes 0123456789012345678901234567890 | head -n 60000; echo en""d\n')  # nobody reads on
    assert eventually(lambda: b"end" in container.log.read_bytes()[-100:], 30)
    assert 400_000 < container.log.stat().st_size < 1_100_000
    assert container.shell("echo a") == ("a\n", 0)
    os.close(second)
    assert container.shell("echo a") == ("a\n", 0)


def set_size(master, rows, columns):
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def test_console_follows_the_size_at_once(make):
    """Nobody types; the container's programs hear of it as they do of their own terminal."""
    container = make()
    container.start("/bin/sh", "-c", "trap 'echo now $(stty size)' WINCH; echo ready; while :; do sleep 0.1; done")
    (first,) = container.call(CONSOLE).fds
    read_until(first, b"ready\r\n")
    set_size(first, 33, 77)
    assert b"now 33 77" in read_until(first, b"now 33 77\r\n")
    (second,) = container.call(CONSOLE).fds
    set_size(first, 1, 1)
    set_size(second, 44, 88)
    assert b"1 1\r\n" not in read_until(second, b"now 44 88\r\n")
    os.close(first)
    set_size(second, 45, 89)
    read_until(second, b"now 45 89\r\n")


def test_console_sends_its_supervisor_no_signals(make):
    """SUP-07: it is the supervisor's terminal, so that it hears of its size, and of nothing else."""
    container = make()
    container.start("/bin/sleep", "1000")
    (master,) = container.call(CONSOLE).fds
    mode = termios.tcgetattr(master)
    mode[3] |= termios.ISIG | termios.ICANON
    termios.tcsetattr(master, termios.TCSANOW, mode)
    os.write(master, b"\x03\x1c\x1a")
    assert container.shell("echo a") == ("a\n", 0)
    os.close(master)
    assert container.shell("echo b") == ("b\n", 0)


def test_console_is_whole(make):
    """A reader that is slower than the container gets each byte, the last ones too."""
    container = make()
    container.start("/bin/sh", "-c", "read go; seq 1 60000; echo the end")
    (master,) = container.call(CONSOLE).fds
    os.write(master, b"\n")
    output = b""
    while b"the end\r\n" not in output:
        time.sleep(0.001)
        assert select.select([master], [], [], 20)[0], output[-100:]
        output += os.read(master, 4096)
    assert output.split()[-60002:-2] == [b"%d" % i for i in range(1, 60001)]
    container.exited()
    assert container.log.read_bytes().endswith(b"59999\r\n60000\r\nthe end\r\n")

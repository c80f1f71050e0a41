# SPDX-License-Identifier: LGPL-2.1-or-later
"""bothy-supervisor: terminals of programs inside, and the console."""

import fcntl
import os
import select
import signal
import struct
import termios
import time

from supervising import (  # noqa: F401
    CONSOLE, LOGIN, TTY, box, eventually, image, make, pytestmark, read_all, read_until, subreaper,
)


def test_terminal(box):
    reply = box.exec("/bin/sh", flags=TTY)
    (master,) = reply.fds
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
    os.write(master, b"tty; stty size; exit 5\n")
    output = read_all(master)
    assert f"/dev/pts/{reply.value}\r\n".encode() in output and b"33 77" in output
    assert box.exec_exited().code == 5


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

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What zsh and fish offer at Tab, in a shell of a user's that was told nothing of Bothy. bash is in test_registries."""

import re

import pytest

from tools import Terminal, tidy  # noqa: F401

# What is typed, and what the shell makes of it, or what it offers.
ONE = [
    ("bothy laun", "bothy launch"),
    ("bothy image imp", "bothy image import"),
    ("bothy egress al", "bothy egress allow"),
    ("bothy launch --with-u", "bothy launch --with-user"),
    ("bothy image import --fing", "bothy image import --fingerprint"),
    ("bothy stop only-o", "bothy stop only-one"),
    ("bothy --quiet exec only-o", "bothy --quiet exec only-one"),
    ("bothy port add only-o", "bothy port add only-one"),
    ("bothy egress set only-o", "bothy egress set only-one"),
    ("bothy limit only-one pi", "bothy limit only-one pids="),
    ("bothy list --state froz", "bothy list --state frozen"),
    ("bothy kill --signal SIGHU", "bothy kill --signal SIGHUP"),
    ("bothy run busy", "bothy run busybox"),
    ("bothy image info busy", "bothy image info busybox"),
    ("bothy image tag busy", "bothy image tag busybox"),
    ("bothy launch imag", "bothy launch images:"),
    ("bothy image pull docker", "bothy image pull docker.io/"),
    ("bothy remote remove imag", "bothy remote remove images"),
    ("bothy help laun", "bothy help launch"),
]
SEVERAL = [
    ("bothy ", {"launch", "image", "doctor", "exec"}),
    ("bothy image ", {"list", "pull", "import", "build", "prune"}),
    ("bothy stop ", {"only-one", "x1"}),
    ("bothy launch ", {"busybox", "images:", "docker.io/"}),
    ("bothy launch --", {"--allow", "--with-user"}),
]


@pytest.fixture
def containers(host):
    host.run("alice", "bothy create busybox only-one && bothy create busybox x1", check=True)


class Zsh:
    """A shell with its own completions, and with a key that tells what is typed so far."""

    def __init__(self, host):
        self.terminal = Terminal(host, "alice", "zsh", "-f", "-i", rows=200, columns=160)
        self.terminal.send("autoload -U compinit; compinit -D; LISTMAX=1000; PS1='> '; "
                           "tell() { print -r -- \"<$BUFFER>\"; BUFFER=; zle reset-prompt }; "
                           "zle -N tell; bindkey '^G' tell; print rea''dy\n")
        self.terminal.expect("ready")

    def made_of(self, line):
        """The line that Tab makes of it."""
        self.terminal.send(f"{line}\t\x07")
        return self.terminal.expect(r"<(bothy[^>\n]*)>")[1]

    def offers(self, line, wanted):
        """Waits until all of WANTED are shown: it shows nothing while there is more to read."""
        self.terminal.text = ""
        self.terminal.send(f"{line}\t")
        for word in sorted(wanted):
            self.terminal.pump(0)
            self.terminal.expect(rf"(?s)(?=.*[\sJ]{re.escape(word)}(?![\w-]))")
        self.terminal.send("\x07")
        self.terminal.expect(r"<bothy[^>\n]*>")


@pytest.fixture
def zsh(host, containers):
    shell = Zsh(host)
    with shell.terminal:
        yield shell


def test_zsh(zsh):
    wrong = {line: made for line, wanted in ONE if not (made := zsh.made_of(line)).startswith(wanted)}
    assert wrong == {}
    for line, wanted in SEVERAL:
        zsh.offers(line, wanted)


def fish(host, line):
    shown = host.output("alice", "fish", "--command", 'complete --do-complete "$argv"', "--", line)
    return {offer.split("\t")[0] for offer in shown.splitlines()}


def test_fish(host, containers):
    for line, wanted in ONE:
        before, _, word = wanted.rpartition(" ")
        assert [before == line.rpartition(" ")[0], *fish(host, line)] == [True, word], line
    for line, wanted in SEVERAL:
        assert wanted <= fish(host, line), line

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
    ("bothy run --network no", "bothy run --network none"),
    ("bothy adopt --network no", "bothy adopt --network none"),
    ("bothy adopt --owner ali", "bothy adopt --owner alice"),
    ("bothy kill -s SIGHU", "bothy kill -s SIGHUP"),
    ("bothy start only-o", "bothy start only-one"),
    ("bothy port remove only-one 80", "bothy port remove only-one 8080:80/tcp"),
    ("bothy list -o jso", "bothy list -o json"),
    ("bothy image list --output wid", "bothy image list --output wide"),
    ("bothy list --filter ow", "bothy list --filter owner="),
]
SEVERAL = [
    ("bothy ", {"launch", "image", "doctor", "exec"}),
    ("bothy image ", {"list", "pull", "import", "build", "prune"}),
    ("bothy stop ", {"only-one", "x1"}),
    ("bothy launch ", {"busybox", "images:", "docker.io/"}),
    ("bothy launch --", {"--allow", "--with-user"}),
    ("bothy start ", {"only-one", "x1"}),
]


@pytest.fixture
def containers(host):
    host.run("alice", "bothy create busybox only-one -p 8080:80 && bothy create busybox x1", check=True)


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


def bash(host, line):
    script = ("COMP_WORDBREAKS=$' \\t\\n=:'; source /usr/share/bash-completion/bash_completion; "
              "source /usr/share/bash-completion/completions/bothy; "
              f"COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}; COMP_WORDS=({line}); [[ '{line}' != *' ' ]] || COMP_WORDS+=(''); "
              "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _bothy; printf '%s\\n' \"${COMPREPLY[@]}\"")
    return set(host.output("alice", "bash", "-c", script).split())


def test_bash_knows_what_fits(host, containers):
    assert bash(host, "bothy launch --network ") >= {"nat", "none"}
    assert "SIGHUP" in bash(host, "bothy kill -s SIGH") and bash(host, "bothy list -o js") == {"json"}
    assert bash(host, "bothy list --filter st") == {"state="}
    assert bash(host, "bothy port remove only-one ") == {"8080:80/tcp"}


def test_start_offers_what_can_be_started(host, containers):
    host.run("alice", "bothy launch busybox up", check=True)
    assert bash(host, "bothy start ") == {"only-one", "x1"} == fish(host, "bothy start ")
    assert "up" in bash(host, "bothy stop ") and "up" in fish(host, "bothy stop ")

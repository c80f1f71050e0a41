# SPDX-License-Identifier: LGPL-2.1-or-later
"""The shell's own password dialog, for what the service asks administrators."""

import subprocess

import pytest

DIALOG = "Main.layoutManager.modalDialogGroup.get_children().map(each => each._delegate ?? each)"
OPEN = f"{DIALOG}.find(each => each._passwordEntry?.mapped)"


def ask(desktop):
    """Somebody in alice's session wants to stop what is bob's."""
    desktop.bothy("launch", "busybox", "web", user="bob", check=True)
    words = ["systemd-run", "--user", "--quiet", "--wait", "--collect", "--pipe", "--", "bothy", "stop", "--timeout", "0", "bob/web"]
    command = desktop.host.command("alice", *words)
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(autouse=True)
def answered(desktop):
    """No question stays open."""
    yield
    if desktop.eval(f"!!{OPEN}"):
        desktop.press("Escape")


def test_question_names_the_container(desktop):
    asking = ask(desktop)
    desktop.wait(f"!!{OPEN}")
    said = desktop.eval(f"{OPEN}.message ?? {OPEN}._content?.description")
    assert said == "Authentication is required to stop the container web of bob"
    desktop.picture("polkit")
    desktop.type("wrong")
    desktop.press("Return")
    desktop.wait(f"{DIALOG}.some(each => each._errorMessageLabel?.mapped && each._passwordEntry?.mapped &&"
                 " each._passwordEntry.clutter_text.has_key_focus())")
    desktop.type("carol")
    desktop.press("Return")
    out, err = asking.communicate(timeout=30)
    assert asking.returncode == 0, out + err
    assert desktop.state("web", "bob") == "stopped"


def test_question_is_dismissed(desktop):
    asking = ask(desktop)
    desktop.wait(f"!!{OPEN}")
    desktop.press("Escape")
    _, err = asking.communicate(timeout=30)
    assert asking.returncode != 0 and "password was not given" in err
    assert desktop.state("web", "bob") == "running"

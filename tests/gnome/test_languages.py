# SPDX-License-Identifier: LGPL-2.1-or-later
"""The menu in other languages: the German that is there, and one that shows what can not be translated."""

import pathlib
import re
import subprocess
import tempfile

import pytest

import test_polkit

SOURCE = pathlib.Path(__file__).parents[2]
NAMES = {"web", "old", "db"}

# All that is to be read or heard in the toggle and in what opens from it.
TEXTS = """
    const texts = [];
    const walk = actor => {
        if (!actor.visible)
            return;
        if (actor instanceof St.Label && actor.text)
            texts.push(actor.text);
        if (actor instanceof St.Button && actor.accessible_name)
            texts.push(actor.accessible_name);
        actor.get_children().forEach(walk);
    };
    walk(toggle);
    walk(toggle.menu.actor);
    return texts"""


@pytest.fixture
def speak(desktop):
    """Starts the shell in a language. The service and what the shell itself says stay English."""
    def start(language, more=""):
        desktop.start_shell(f"LANG=en_US.UTF-8 LANGUAGE={language} {more}")
        desktop.enable()
    desktop.host.run("root", "localedef -i en_US -f UTF-8 en_US.UTF-8", check=True)
    yield start
    desktop.start_shell()
    desktop.enable()


def show(desktop):
    desktop.bothy("launch", "busybox", "web", check=True)
    desktop.bothy("create", "busybox", "old", check=True)
    desktop.bothy("launch", "busybox", "db", check=True)
    desktop.host.run("root", f"kill -9 {desktop.host.output('alice', 'bothy info db --json | jq .leader')}", check=True)
    desktop.wait("indicator._client.containers.size === 3 && toggle.subtitle")
    desktop.open_menu()
    desktop.wait("indicator._rows.size === 3 && row('db')._state === 'failed'")
    desktop.wait("row('web')._detail.text.includes('.')")
    desktop.click_row("web", "_more")
    desktop.wait("row('web').isTurned()")
    desktop.eval("Main.messageTray.getSources().forEach(each => each.destroy()); return true")


def bracketed():
    """A message catalogue in which each text stands in brackets."""
    files = [line for line in (SOURCE / "po/POTFILES").read_text().splitlines() if line.startswith("gnome-shell/")]
    command = ["xgettext", "--from-code=UTF-8", "--keyword=_", "--keyword=N_", "--no-wrap", "-o", "-", *files]
    text = subprocess.run(command, cwd=SOURCE, stdout=subprocess.PIPE, text=True, check=True).stdout
    text = text.replace("charset=CHARSET", "charset=UTF-8").replace("nplurals=INTEGER; plural=EXPRESSION", "nplurals=1; plural=0")
    head, *entries = text.split("\n\n")
    made = []
    for entry in entries:
        msgid = re.search('^msgid "(.*)"$', entry, re.M).group(1)
        entry = re.sub(r'^msgstr\[1\].*$\n?', "", entry + "\n", flags=re.M)
        made.append(re.sub(r'^(msgstr(?:\[0\])?) ""$', lambda found: f'{found.group(1)} "⟦{msgid}⟧"', entry, flags=re.M))
    with tempfile.TemporaryDirectory() as folder:
        source, catalogue = pathlib.Path(folder) / "xx.po", pathlib.Path(folder) / "xx.mo"
        source.write_text("\n\n".join([head, *made]))
        subprocess.run(["msgfmt", "-o", catalogue, source], check=True)
        return catalogue.read_bytes()


def test_every_text_can_be_translated(desktop, speak):
    """And the menu is the right way round where one reads from right to left."""
    target = desktop.host.root / "usr/share/locale/xx/LC_MESSAGES/bothy.mo"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(bracketed())
    speak("xx", "CLUTTER_TEXT_DIRECTION=rtl")
    show(desktop)
    desktop.picture("right-to-left")
    bare = [text for text in desktop.eval(TEXTS) if "⟦" not in text and text not in NAMES and
            not re.fullmatch("\u2068[0-9.]+\u2069", text)]
    assert bare == []
    assert desktop.eval("place(row('web')._icon)[0] > place(row('web')._more)[0]")
    actions = "row('web')._box.get_children()"
    assert desktop.eval(f"place({actions}[0])[0] > place({actions}[1])[0]")
    # There, Left opens and Right closes.
    desktop.eval("row('web').turn(false, true); return true")
    desktop.press("Left")
    desktop.wait("row('web').isTurned()")
    desktop.press("Right")
    desktop.wait("!row('web').isTurned()")


def test_question_in_german(desktop, speak):
    """Although the service knows nobody's language."""
    desktop.host.run("root", "localedef -i de_DE -f UTF-8 de_DE.UTF-8 && systemctl restart polkit", check=True)
    speak("de", "LANG=de_DE.UTF-8")
    asking = test_polkit.ask(desktop)
    desktop.wait(f"!!{test_polkit.OPEN}")
    said = desktop.eval(f"{test_polkit.OPEN}.message ?? {test_polkit.OPEN}._content?.description")
    desktop.press("Escape")
    asking.communicate(timeout=30)
    assert "web" in said and "anzuhalten" in said, said


def test_german(desktop, speak):
    speak("de")
    show(desktop)
    assert desktop.row("db")["detail"] == "Sein erstes Programm wurde durch Signal 9 getötet"
    assert "Adresse kopieren" in desktop.row("web")["actions"]
    assert desktop.eval("[toggle.subtitle, toggle.menu._headerSubtitle.text]") == ["db fehlgeschlagen", "1 von 3 laufen"]
    desktop.eval("new Gio.Settings({schema_id: 'org.gnome.desktop.interface'}).set_string('color-scheme', 'prefer-light')")
    desktop.picture("german-light")
    desktop.eval("new Gio.Settings({schema_id: 'org.gnome.desktop.interface'}).reset('color-scheme')")

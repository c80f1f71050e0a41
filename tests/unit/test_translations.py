# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether each language that Bothy speaks has all that it says."""

import pathlib
import re
import subprocess

import pytest

SOURCE = pathlib.Path(__file__).parents[2]
PO = SOURCE / "po"
LANGUAGES = [line for line in (PO / "LINGUAS").read_text().splitlines() if not line.startswith("#")]
NAMED = [line for line in (PO / "POTFILES").read_text().splitlines() if not line.startswith("#")]
@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """All that is said, as of now."""
    made = tmp_path_factory.mktemp("po") / "bothy.pot"
    subprocess.run([PO / "update", "--template", made], check=True)
    return made


def test_every_file_that_says_something_is_named():
    saying = [str(path.relative_to(SOURCE)) for folder in ("cli", "app", "service", "gnome-shell")
              for path in (SOURCE / folder).rglob("*") if path.suffix in (".c", ".h", ".js") and
              re.search(r"\b(N?_|ngettext|g_dngettext) ?\(\s*(NULL,\s*)?['\"]", path.read_text())]
    assert saying and sorted(set(saying) - set(NAMED)) == []


def test_no_text_is_cut_by_a_macro():
    """xgettext does not see what PRIu64 and its like stand for."""
    cut = [f"{name}: {text}" for name in NAMED for text in re.findall(r'%" G_[A-Z0-9]+_FORMAT', (SOURCE / name).read_text())
           if re.search(r'_ \((?:[^();]|\n)*%" G_', (SOURCE / name).read_text())]
    assert cut == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_language_is_whole(language, template, tmp_path):
    """A text that was added or changed is translated with it. What nobody says any more is not kept."""
    po, merged = PO / f"{language}.po", tmp_path / "merged.po"
    subprocess.run(["msgfmt", "--check", "-o", "/dev/null", po], check=True)
    subprocess.run(["msgmerge", "--quiet", "--no-fuzzy-matching", "-o", merged, po, template], check=True)
    assert texts("--untranslated", merged) == []
    assert texts("--only-fuzzy", merged) == []
    assert texts("--only-obsolete", merged, "#~ msgid") == []


def test_every_operation_has_words():
    """Each kind that the service begins is one that dbus/ lists, and application and menu have words for it."""
    source = "".join(path.read_text() for path in (SOURCE / "service").rglob("*.c"))
    begun = r'(?:bothy_call_return_operation \(call, |\bkind\[\] = )"([a-z-]+)"'
    kinds = set(re.findall(begun, source))
    assert {"pull-image", "delete-container", "undo-adoption"} <= kinds
    listed = re.search(r"<!-- Kind: (.*?)-->", (SOURCE / "dbus/org.bothy.Bothy1.Operation.xml").read_text(), re.S).group(1)
    assert set(re.findall(r'"([a-z-]+)"', listed)) == kinds
    application = (SOURCE / "app/words.c").read_text().split("Words kinds[]")[1].split("};")[0]
    assert kinds - set(re.findall(r'\{ "([a-z-]+)"', application)) == set()
    menu = (SOURCE / "gnome-shell/words.js").read_text().split("export function operation(")[1]
    assert kinds - set(re.findall(r"case '([a-z-]+)':", menu)) == set()


def texts(which, po, begin="msgid"):
    found = subprocess.run(["msgattrib", which, "--no-wrap", po], stdout=subprocess.PIPE, text=True, check=True).stdout
    return [line for line in found.splitlines() if line.startswith(f"{begin} ") and line != f'{begin} ""']

#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Figures of C code that say how finely it is cut, to compare it with itself and with others.

    figures.py DIRECTORY...

Needs universal-ctags. Files and lines are those of the .c files below DIRECTORY; a public function is one that a
header there declares.
"""

import collections
import json
import pathlib
import re
import subprocess
import sys


def tags(files):
    """(file, name, kind, first line, last line, whether static) of functions and prototypes."""
    command = ["ctags", "--output-format=json", "--kinds-C=pf", "--language-force=C", "--fields=+nef", "-f", "-", "-L", "-"]
    done = subprocess.run(command, input="\n".join(map(str, files)), check=True, stdout=subprocess.PIPE, text=True)
    for tag in map(json.loads, done.stdout.splitlines()):
        yield (pathlib.Path(tag["path"]), tag["name"], tag["kind"], tag["line"], tag.get("end", tag["line"]),
               "file" in tag)


def first_line(lines, number):
    """Where a function begins: its type may be on a line above its name."""
    while number > 1 and re.match(r"\w", lines[number - 2]) and not lines[number - 2].rstrip().endswith((";", "}", ":")):
        number -= 1
    return number


def main():
    files = sorted(path for folder in sys.argv[1:] for path in pathlib.Path(folder).rglob("*.[ch]"))
    if not files:
        sys.exit("usage: figures.py DIRECTORY...")
    texts = {path: path.read_text(errors="replace") for path in files}
    lines = {path: text.split("\n") for path, text in texts.items()}
    sources = [path for path in files if path.suffix == ".c"]
    total = sum(len(lines[path]) for path in sources)
    words = {path: collections.Counter(re.findall(r"[A-Za-z_]\w*", re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S)))
             for path, text in texts.items()}

    lengths, statics, defined, declared = [], [], {}, set()
    for path, name, kind, number, end, static in tags(files):
        if kind == "prototype":
            if path.suffix == ".h":
                declared.add(name)
            continue
        length = end - first_line(lines[path], number) + 1
        if path.suffix == ".h":
            continue
        lengths.append((length, name, path))
        if static:
            statics.append((path, name, length))
        else:
            defined[name] = path

    public = [name for name in declared if name in defined]
    users = {name: sum(name in counted for path, counted in words.items()
                       if path.suffix == ".c" and path != defined[name]) for name in public}
    # Its own line and the one that uses it.
    short = [name for path, name, length in statics if length <= 9 and words[path][name] == 2]
    small = [path for path in sources if len(lines[path]) <= 80]
    longest, largest = max(lengths), max(sources, key=lambda path: len(lines[path]))

    def share(part, whole):
        return f"{100 * len(part) / max(len(whole), 1):.0f} % ({len(part)} of {len(whole)})"

    for what, figure in (
            ("files, lines, functions", f"{len(sources)}, {total}, {len(lengths)}"),
            ("functions per 1,000 lines", f"{1000 * len(lengths) / total:.0f}"),
            ("files below 80 lines", share(small, sources)),
            ("public functions with one using file", share([name for name in public if users[name] == 1], public)),
            ("static functions used once, of at most nine lines", share(short, statics)),
            ("longest function", f"{longest[0]} lines, {longest[1]} in {longest[2]}"),
            ("largest file", f"{len(lines[largest])} lines, {largest}")):
        print(f"{what:50} {figure}")


main()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""How the house is kept: which room may know which, no circle between files, and what a reader of the code may rely
on. CONTRIBUTING.md has the map.

BOTHY_BUILD: a build, for what calls what.
"""

import collections
import json
import os
import re
import subprocess
from pathlib import Path

from sources import SOURCE, tracked

BUILD = Path(os.environ.get("BOTHY_BUILD") or "/nonexistent")

def none(wrong):
    assert not wrong, "\n".join(["", *wrong])


# ---- the order of rooms ----

# bothyd's rooms, from the top: a room knows those on the floors below it, and none on its own. A new room gets a place
# here before its first file is made.
FLOORS = (
    {"main"},
    {"bus"},
    {"core/registry"},
    {"core/byhand", "core/adopt"},
    {"core/remotes", "core/container"},
    {"core/images", "core/bridges", "core/devices", "core/mounts", "core/autostart", "core/health", "core/snapshots", "core/volumes"},
    {"core/operations", "core/ids", "core/accounts"},
    {"workers", "network"},
    {"platform"},
    {"storage"},
    {"base"},
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

# The rooms of the other programs, and what each of them knows beside itself.
PROGRAMS = {
    "cli": set(),
    "app": set(),
    "nss": set(),
    "wire": set(),
    "helper": {"wire"},
    "devices": {"wire"},
    "runtime": {"wire"},
    "network/net": {"wire"},
    "images/json": set(),
    "images/unpack": {"wire"},
    "images/fetch": {"wire", "images/json"},
    "images/bundle": {"images/json", "images/unpack"},
    "images/push": {"images/fetch", "images/json"},
    "images/pack": {"wire", "images/unpack"},
}

# What programs say to each other. Both ends read it, wherever they are, so it knows nothing itself.
PROTOCOL = "protocol.h"

# What the build writes.
GENERATED = {"config.h", "interface-info.h", "bothy-proxies.h", "bothy-search-provider.h"}


def room_of(name):
    top, *folders = name.split("/")[:-1]
    return top if top in ("cli", "app") else "/".join(folders) or "main"


def c_files(*endings):
    return [name for name in tracked() if name.startswith(("service/", "cli/", "app/")) and name.endswith(endings)]


def resolve(name, included):
    """The file that NAME includes as INCLUDED; None for one that the build writes."""
    folder = name.rsplit("/", 1)[0]
    # In the order of meson.build: beside it, from service/ on, and what small programs add to their path.
    for place in (folder, "service", "service/wire", "service/images/unpack", "service/runtime", "service/network"):
        if (SOURCE / place / included).is_file():
            return os.path.normpath(f"{place}/{included}")
    assert included in GENERATED, f"{name}: there is no {included}"
    return None


def includes():
    """file -> the files of ours that it includes."""
    pattern = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
    found = {}
    for name in c_files(".c", ".h"):
        files = {resolve(name, included) for included in pattern.findall((SOURCE / name).read_text())}
        found[name] = files - {None}
    return found


def may_know(name, other):
    room, known = room_of(name), room_of(other)
    if room == known or other.endswith("/" + PROTOCOL):
        return True
    if room in FLOOR:
        # bothyd links what the small programs share.
        return known == "wire" or known in FLOOR and FLOOR[room] < FLOOR[known]
    return known in PROGRAMS[room]


def test_each_room_has_a_place():
    assert {room_of(name) for name in c_files(".c", ".h")} - set(FLOOR) - set(PROGRAMS) == set()


def test_arrows_point_down():
    wrong = [f"{name} includes {other}" for name, files in includes().items() for other in files
             if not may_know(name, other)]
    none(wrong)


def test_protocols_know_nothing():
    none([f"{name} includes {other}" for name, files in includes().items() for other in files
          if name.endswith("/" + PROTOCOL)])


# ---- circles ----


def circles(graph):
    """The sets of nodes that lead to each other (Tarjan's strongly connected components)."""
    index, low, path, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        path.append(node)
        for other in graph.get(node, ()):
            if other not in index:
                visit(other)
            if other in path:
                low[node] = min(low[node], low[other])
        if low[node] == index[node]:
            at = path.index(node)
            if len(path) - at > 1:
                found.append(sorted(path[at:]))
            del path[at:]

    for node in list(graph):
        if node not in index:
            visit(node)
    return [f"{node} is in a circle: {' '.join(circle)}" for circle in sorted(found) for node in circle]


def unit_of(name):
    """A .c file and its headers are one: a circle through either of them is one between them."""
    return re.sub(r"(-private)?\.[ch]$", "", name)


def test_no_circle_of_includes():
    graph = collections.defaultdict(set)
    for name, files in includes().items():
        graph[unit_of(name)] |= {unit_of(other) for other in files if not other.endswith("/" + PROTOCOL)}
        graph[unit_of(name)].discard(unit_of(name))
    none(circles(graph))


def compiled():
    """object file -> (target, source file), of all that was compiled of service/, cli/ and app/."""
    found = {}
    for entry in json.loads((BUILD / "compile_commands.json").read_text()):
        source = os.path.relpath(os.path.join(entry["directory"], entry["file"]), SOURCE)
        if source.startswith(("service/", "cli/", "app/")) and not entry["output"].startswith("tests/"):
            found[entry["output"]] = os.path.dirname(entry["output"]), source
    return found


def calls():
    """file -> the files whose functions and variables it uses, as the linker sees it."""
    defines, uses = collections.defaultdict(dict), collections.defaultdict(set)
    objects = compiled()
    symbols = subprocess.run(["nm", "--format=posix", "--print-file-name", *objects], check=True, cwd=BUILD,
                             stdout=subprocess.PIPE, text=True).stdout
    for file, symbol, kind in (line.split()[:3] for line in symbols.splitlines()):
        target, source = objects[file.rstrip(":")]
        if kind == "U":
            uses[target, source].add(symbol)
        elif kind in "TDBRVWC":
            defines[symbol][target] = source
    found = {}
    for (target, source), symbols in uses.items():
        # main() and the like are in many programs: what the same one has comes first.
        there = [defines[symbol] for symbol in symbols if symbol in defines]
        found.setdefault(source, set()).update(places.get(target) or next(iter(places.values())) for places in there)
        found[source].discard(source)
    return found


def test_no_circle_of_calls():
    graph = calls()
    assert len(graph) > 300, "this is no build of the whole tree"
    none(circles(graph))


# ---- the map ----


def test_contributing_tells_what_is_there():
    """Each file and each function that it names."""
    text = (SOURCE / "CONTRIBUTING.md").read_text()
    files = re.findall(r"`((?:service|cli|app|tests|polkit|dbus|data)/[\w/.-]*)`|^((?:service|cli|app)/\S*)", text, re.M)
    none([name for pair in files for name in pair if name and not (SOURCE / name).exists()])
    source = "".join((SOURCE / name).read_text() for name in c_files(".c"))
    none([name for name in re.findall(r"`(\w+) ?\(\)`", text) if not re.search(rf"^{name} \(", source, re.M)])
    named = re.findall(r"`(\w+) ?\(\)`\s+in\s+`([\w/.-]+\.c)`", text)
    assert len(named) > 5
    none([f"{name} is not in {file}" for name, file in named if not re.search(rf"^{name} \(", (SOURCE / file).read_text(), re.M)])
    rooms = {room_of(name + "x") for pair in files for name in pair if name.startswith("service/") and name.endswith("/")}
    none([f"{room} is not on the map" for room in {*FLOOR, *PROGRAMS} - rooms - {"main", "cli", "app"}])


# ---- headers ----


def functions_of(names):
    """file -> its functions, declared or inline, as (first line, line of the name, last line, name, shape)."""
    command = ["ctags", "--output-format=json", "--kinds-C=pf", "--fields=+neStK", "-f", "-", *names]
    done = subprocess.run(command, check=True, cwd=SOURCE, stdout=subprocess.PIPE, text=True)
    found = collections.defaultdict(list)
    for tag in map(json.loads, done.stdout.splitlines()):
        # A macro that declares a type or a cleanup function looks like one, but has no type.
        if "typeref" not in tag or tag["name"].isupper():
            continue
        lines = (SOURCE / tag["path"]).read_text().split("\n")
        first = last = tag["line"] - 1
        while first > 0 and not re.search(r"[;{}]\s*$|\*/\s*$|^\s*$|^\s*#|^G_\w+$", lines[first - 1]):
            first -= 1
        if tag["kind"] == "prototype":
            while not lines[last].rstrip().endswith(";"):
                last += 1
        else:
            last = tag.get("end", tag["line"]) - 1
        found[tag["path"]].append((first, last, tag["name"], (tag["typeref"], tag.get("signature"))))
    return found


def undocumented(name, functions):
    """A comment stands right above its function. Right below that may be the function's _finish, or others that take
    and return the same."""
    lines = (SOURCE / name).read_text().split("\n")
    documented = {}
    for first, last, function, shape in sorted(functions):
        above = documented.get(first - 1)
        served = above and (shape == above[1] or function in (f"{above[0]}_finish", f"{above[0].removesuffix('_async')}_finish"))
        if first > 0 and lines[first - 1].rstrip().endswith("*/") or served:
            documented[last] = function, shape
        else:
            yield f"{name}: {function}"


def test_each_function_in_a_header_has_a_comment():
    found = functions_of(c_files(".h"))
    assert sum(map(len, found.values())) > 800, "functions were not recognized"
    wrong = [text for name, functions in found.items() for text in undocumented(name, functions)]
    none(wrong)


# ---- how it is written ----

# Another version formats otherwise. Debian 12 and 13 both have this one.
CLANG_FORMAT = "clang-format-19"


def test_contributing_names_the_formatter():
    assert f"`{CLANG_FORMAT}`" in (SOURCE / "CONTRIBUTING.md").read_text()


def test_formatting():
    names = [name for name in tracked() if name.endswith((".c", ".h"))]
    done = subprocess.run([CLANG_FORMAT, "--dry-run", "--Werror", *names], cwd=SOURCE, stderr=subprocess.PIPE, text=True)
    wrong = sorted(set(re.findall(r"^(\S+?):\d+:\d+: error", done.stderr, re.M)))
    assert done.returncode == 0 or wrong, done.stderr
    none(wrong)


def scripts(interpreter):
    for name in tracked():
        with open(SOURCE / name, "rb") as file:
            if re.match(rb"#!\s*\S*/(?:env )?" + interpreter, file.readline()):
                yield name


def lent(module, name):
    """Whether pytest finds it by its name: a fixture, or the mark of a whole module."""
    text = "".join(path.read_text() for path in (SOURCE / "tests").rglob(f"{module}.py"))
    return re.search(rf"^@pytest\.fixture[^\n]*\ndef {name}\b|^{name} = pytest\.mark\.|^from \w+ import .*\b{name}\b", text, re.M)


def test_python():
    names = {name for name in tracked() if name.endswith(".py")} | set(scripts(b"python"))
    done = subprocess.run(["pyflakes3", *sorted(names)], cwd=SOURCE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    wrong, fixtures = [], set()
    for line in done.stdout.splitlines():
        unused = re.search(r"^(\S+?):.* '(?:\w+\.)*(\w+)\.(\w+)' imported but unused", line)
        if unused and lent(*unused.group(2, 3)):
            fixtures.add(unused.group(1, 3))
        else:
            wrong.append(line)
    taken = re.compile(r"^(\S+?):.* redefinition of unused '(\w+)'")
    wrong = [line for line in wrong if not (match := taken.match(line)) or match.groups() not in fixtures]
    none(wrong)


def test_shell():
    names = sorted({name for name in tracked() if name.endswith(".sh")} | set(scripts(b"(?:ba|da)?sh")))
    assert len(names) > 10
    done = subprocess.run(["shellcheck", "--external-sources", *names], cwd=SOURCE, stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stdout


def named_tests(text):
    """What the last column of a table names: the file of tests, and words of their names."""
    for row in text.splitlines():
        if row.startswith("|"):
            for path, names in re.findall(r"`(\w+/[\w-]+)`([^`;]*)", row.rstrip("| ").rsplit("|", 1)[-1]):
                yield path, re.split(r",\s*|\s+", names.strip())


def test_tables_name_tests_that_there_are():
    """threats.md and reports.md are read by who wants to know whether something holds."""
    wrong, found = [], 0
    for table in ("threats.md", "reports.md"):
        for path, names in named_tests((SOURCE / "tests" / table).read_text()):
            files = [file for end in (".py", ".c", ".sh", "") if (file := SOURCE / "tests" / (path + end)).is_file()]
            text = files[0].read_text().replace("-", "_") if files else ""
            missing = [name for name in names if name.replace("-", "_") not in text] if files else ["(the file)"]
            wrong += [f"{table}: {path} {name}" for name in missing]
            found += 1
    assert found > 100
    none(wrong)

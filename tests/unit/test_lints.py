# SPDX-License-Identifier: LGPL-2.1-or-later
"""What no source file may say, and what no installed file may be (THREATS SUP-03, SUP-06, SUP-08).

An exception is a line in this file, with its reason.

BOTHY_STAGE: the tree as installed.
"""

import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

from sources import SOURCE, strip, tracked

STAGE = Path(os.environ.get("BOTHY_STAGE") or "/nonexistent")

needs_stage = pytest.mark.skipif(not STAGE.is_dir(), reason="needs BOTHY_STAGE")

# ---- source ----

# What looks like it but is not C for one of our processes: name -> reason.
NOT_RUN = {
    "service/runtime/seccomp-profile.c": "runs once, when Bothy is built",
}

FORBIDDEN = {
    "unix-process subject": r"\bpolkit_unix_process\w*",
    "check that blocks": r"\bpolkit_authority_check_authorization_sync\b",
    "shell": r"\b(system|popen|wordexp|g_spawn_command_line\w*)\s*\(",
    "unbounded string": r"\b(strcpy|strcat|stpcpy|sprintf|vsprintf|gets|tmpnam|mktemp|tempnam|alloca|g_alloca)\s*\(",
    "owner or mode by path": r"\b(chown|lchown|chmod)\s*\(",
    "file by a path that may change": r"\b(access|euidaccess|truncate|rename|link|symlink|mknod|rmdir|unlink)\s*\(",
    "text that callers write as GVariant": r"\bg_variant_parse\s*\(",
    "goto": r"^\s*goto\s+\w+;",
    "identity of the process changed": r"\bset(re|res)?[ug]id\s*\(",
}

# (file, rule) -> reason.
ALLOWED = {
    ("service/bus/front.c", "file by a path that may change"): "its own socket in /run/bothy, where only root writes",
    ("service/core/registry/diagnose.c", "file by a path that may change"): "says whether files of /proc and /sys are there",
    ("service/core/registry/diagnose-network.c", "file by a path that may change"): "says whether there are interfaces, in /sys",
    ("service/runtime/init.c", "file by a path that may change"): "looks for the container's init, inside of it",
    ("service/runtime/shutdown.c", "file by a path that may change"): "looks for what its init reads, inside of the container",
    ("service/runtime/launch.c", "identity of the process changed"): "becomes the user that a program inside runs as",
}


def c_files(*folders):
    names = [path for folder in folders for path in (SOURCE / folder).rglob("*.[ch]")]
    return sorted(path for path in names if path.relative_to(SOURCE).as_posix() not in NOT_RUN)


def find(rule, pattern, files):
    found = []
    for path in files:
        name = path.relative_to(SOURCE).as_posix()
        for match in re.finditer(pattern, strip(path.read_text()), re.M):
            line = match.string.count("\n", 0, match.start()) + 1
            if (name, rule) not in ALLOWED:
                found.append(f"{name}:{line}: {match.group().strip()}")
    return found


@pytest.mark.parametrize("rule", FORBIDDEN)
def test_sup_08_forbidden(rule):
    # The command has no identity but its user's to give up.
    folders = ["service"] if rule.startswith("identity") else ["service", "cli"]
    assert find(rule, FORBIDDEN[rule], c_files(*folders)) == []


def test_sup_08_allowed_is_needed():
    """An exception that nothing needs any more goes."""
    stale = []
    for name, rule in ALLOWED:
        path = SOURCE / name
        if not path.exists() or not re.search(FORBIDDEN[rule], strip(path.read_text()), re.M):
            stale.append(f"{name}: {rule}")
    assert stale == []


# A file that is made must be a new one, below a directory that was opened before: file -> reason.
MADE_OTHERWISE = {
    "service/core/ids/clear.c": "a note that an earlier try may have made, and not made sure of, in a directory of root's",
    "service/core/container/start.c": "the log of the console, which an earlier run began, in a directory of root's",
    "service/core/container/history.c": "the file that earlier deeds are in, in a directory of root's",
    "service/core/registry/containers.c": "the log of the console, a file that stays, in a directory of root's",
    "service/storage/lock.c": "the lock below /run/bothy, a file that stays, in a directory of root's",
    "service/images/fetch/confine.c": "names the flag to refuse it",
    "service/runtime/shutdown.c": "what runit looks at, which may be there, inside of the container; no link of /proc leads out",
    "service/runtime/etcfiles.c": "files of the container's own, opened with its root as the root",
}


def test_sup_08_o_creat():
    found = []
    for path in c_files("service"):
        name = path.relative_to(SOURCE).as_posix()
        for match in re.finditer(r"[^;{}]*\bO_CREAT\b[^;{}]*", strip(path.read_text())):
            whole = {"O_EXCL", "O_NOFOLLOW", "O_CLOEXEC"} <= set(re.findall(r"\bO_\w+", match.group()))
            if not whole and name not in MADE_OTHERWISE:
                found.append(f"{name}: {' '.join(match.group().split())}")
    assert found == []


# file -> reason
INHERITED = {"service/helper/spawn.c": "/dev/null becomes the standard input, output and error of what is started"}


def test_sup_08_each_fd_is_close_on_exec():
    found = []
    pattern = r"\b(?:open|openat|socket|socketpair|accept4|pipe2|memfd_create|epoll_create1|eventfd|signalfd)\s*\([^;{}]*;"
    for path in c_files("service"):
        for match in re.finditer(pattern, strip(path.read_text())):
            name = path.relative_to(SOURCE).as_posix()
            if not re.search("CLOEXEC|flags|how", match.group()) and name not in INHERITED:
                found.append(f"{name}: {' '.join(match.group().split())[:120]}")
    assert found == []


def test_no_build_option_turns_checks_off():
    """Fault points kill the process and nothing else; no option and no variable changes what is allowed."""
    options = re.findall(r"option\('(\w+)'", (SOURCE / "meson_options.txt").read_text())
    assert set(options) <= {"tests", "app", "fault_points", "fuzz", "gnome_shell"}
    getenv = find("environment", r"\b(?:g_|secure_)?getenv\s*\([^;]*", c_files("service"))
    known = ("service/bus/front.c",  # which bus it is: as GDBus, which it stands before, asks itself
             "service/base/fault.h", "service/runtime/fault.h", "service/wire/", "service/helper/", "service/images/")
    assert [line for line in getenv if not line.startswith(known)] == []


# ---- licence ----

# Of some of its files the form allows no comment; debian/copyright is of all of them.
DEBIAN = "data/packaging/debian/"
WITHOUT_LICENCE = {".clang-format", ".editorconfig", ".gitignore", "COPYING", "NEWS"}


def test_each_file_has_a_licence():
    missing = []
    for name in tracked():
        if name in WITHOUT_LICENCE or "/corpus/" in name or name.startswith(DEBIAN) or name.endswith((".png", ".json", ".json.in")):
            continue
        head = (SOURCE / name).read_bytes()[:1000].decode(errors="replace")
        # What software catalogues copy has to be free of conditions.
        licence = "FSFAP" if name.endswith(".metainfo.xml.in") else "LGPL-2.1-or-later"
        if f"SPDX-License-Identifier: {licence}" not in head:
            missing.append(name)
    assert missing == []


# ---- the tail ----


def functions(path):
    """(name, lines) of each function: its body begins with a brace at the line's begin and ends with one."""
    lines = path.read_text().split("\n")
    start = None
    for number, line in enumerate(lines):
        if line.rstrip() == "{":
            start = number
        elif start is not None and line.startswith("}"):
            if line.rstrip() == "}":
                head = start - 1
                while head > 0 and not re.match(r"\w+ *\(", lines[head]):
                    head -= 1
                yield re.match(r"\w*", lines[head]).group(), number - head + 1
            start = None


def test_length_of_functions(capsys):
    """The tail is for whoever reads, on lines that begin with #. A function beyond 100 lines fails."""
    files = {path: len(path.read_text().split("\n")) for path in c_files("service", "cli")}
    found = [(length, name, path.relative_to(SOURCE).as_posix()) for path in files for name, length in functions(path)]
    longest = max(found)
    largest = max(files, key=files.get)
    lengths = sorted(length for length, _, _ in found)
    over = [entry for entry in found if entry[0] > 50]
    with capsys.disabled():
        print(f"# {len(found)} functions: median {lengths[len(lengths) // 2]} lines, 9 of 10 up to "
              f"{lengths[len(lengths) * 9 // 10]}, {100 * len(over) / len(found):.1f} % over 50")
        print(f"# largest function: {longest[1]} in {longest[2]}, {longest[0]} lines")
        print(f"# largest file: {largest.relative_to(SOURCE)}, {files[largest]} lines")
    assert len(found) > 300, "functions were not recognized"
    assert [entry for entry in found if entry[0] > 100] == []


# ---- what is installed ----


def staged():
    return sorted(STAGE.rglob("*"))


def inside(path):
    return "/" + path.relative_to(STAGE).as_posix()


@needs_stage
def test_sup_03_modes():
    wrong = []
    for path in staged():
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            continue
        if status.st_mode & (stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX | stat.S_IWOTH | stat.S_IWGRP):
            wrong.append(f"{inside(path)}: mode {status.st_mode:o}")
        if (status.st_uid, status.st_gid) != (0, 0):
            wrong.append(f"{inside(path)}: owner {status.st_uid}:{status.st_gid}")
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            wrong.append(f"{inside(path)}: neither a file nor a directory")
    assert wrong == []


@needs_stage
def test_sup_03_no_file_capabilities():
    assert [inside(path) for path in staged()
            if not path.is_symlink() and "security.capability" in os.listxattr(path)] == []


@needs_stage
def test_sup_03_no_polkit_rules():
    assert [inside(path) for path in staged() if "polkit-1/rules.d" in inside(path)] == []
    assert [inside(path) for path in staged() if path.suffix == ".pkla"] == []


@needs_stage
def test_sup_03_links_stay_inside():
    for path in staged():
        if path.is_symlink():
            assert not os.readlink(path).startswith("/"), inside(path)
            assert path.resolve().is_relative_to(STAGE.resolve()), inside(path)


@needs_stage
def test_sup_03_places():
    """What a package of ours may put where."""
    places = ("/etc/NetworkManager/dnsmasq-shared.d/bothy.conf", "/usr/bin/bothy", "/usr/libexec/bothy/", "/usr/lib/systemd/", "/usr/lib/tmpfiles.d/", "/usr/lib/sysusers.d/",
              "/usr/lib/modules-load.d/", "/usr/lib/sysctl.d/", "/usr/share/",
              # The C library finds its modules there.
              "/usr/lib/x86_64-linux-gnu/libnss_bothy.so.2", "/usr/lib/aarch64-linux-gnu/libnss_bothy.so.2",
              # It says what is not to be done about our own links.
              "/usr/lib/udev/rules.d/99-z-bothy.rules",
              # Read by the dnsmasq of shared connections only.
              "/etc/NetworkManager/dnsmasq-shared.d/bothy.conf")
    assert [inside(path) for path in staged() if path.is_file() and not inside(path).startswith(places)] == []


# What each program may link: what it asks for itself, not what that asks for.
C = {"libc.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
GLIB = {"libglib-2.0.so.0", "libgobject-2.0.so.0", "libgio-2.0.so.0"}
LIBRARIES = {
    "bothyd": C | GLIB | {"libpolkit-gobject-1.so.0", "libsystemd.so.0", "libsubid.so.4", "libsubid.so.5", "libnm.so.0"},
    "bothy-helper": C,
    "bothy-devices": C | {"libsystemd.so.0"},
    "bothy-supervisor": C,
    "bothy-unpack": C | {"libarchive.so.13", "libsquashfs.so.1", "libyaml-0.so.2", "libseccomp.so.2", "libnettle.so.8"},
    "bothy-pack": C | {"libarchive.so.13", "libnettle.so.8", "libseccomp.so.2"},
    "bothy-bundle": C | GLIB | {"libarchive.so.13", "libjson-glib-1.0.so.0", "libseccomp.so.2"},
    "bothy-fetch": C | GLIB | {"libcurl.so.4", "libjson-glib-1.0.so.0", "libnettle.so.8", "libseccomp.so.2"},
    "bothy-net": C | {"libnl-3.so.200", "libnl-route-3.so.200", "libnftables.so.1", "libseccomp.so.2"},
    "libnss_bothy.so.2": {"libc.so.6"},
    "bothy-push": C | GLIB | {"libarchive.so.13", "libcurl.so.4", "libjson-glib-1.0.so.0"},
    "bothy-archive": C | {"libarchive.so.13"},
    "bothy": C | GLIB | {"libm.so.6", "libjson-glib-1.0.so.0", "libsmartcols.so.1"},
}
# Parsers that have no place in the process that decides, not even through a library of a library. (libnm brings
# libgnutls along, for certificates; nothing of ours calls it.)
NOT_IN_BOTHYD = ("libarchive", "libcurl", "libjson", "libxml2", "libyaml", "libssl", "libnetlink", "libnftables")


def programs():
    found = [path for path in staged() if path.is_file() and not path.is_symlink()]
    return [path for path in found if path.open("rb").read(4) == b"\x7fELF"]


def read_elf(path, *options):
    done = subprocess.run(["readelf", "--wide", *options, str(path)], check=True, stdout=subprocess.PIPE)
    return done.stdout.decode()


@needs_stage
def test_sup_06_libraries():
    assert {"bothyd", "bothy-helper", "bothy-supervisor", "bothy-unpack", "bothy"} <= {path.name for path in programs()}
    wrong = []
    for path in programs():
        needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", read_elf(path, "--dynamic")))
        extra = needed - LIBRARIES.get(path.name, set())
        if extra:
            wrong.append(f"{path.name}: {' '.join(sorted(extra))}")
    assert wrong == []


@needs_stage
def test_sup_06_no_parser_in_bothyd():
    bothyd = next(path for path in programs() if path.name == "bothyd")
    loaded = subprocess.run(["ldd", str(bothyd)], check=True, stdout=subprocess.PIPE).stdout.decode()
    assert [name for name in re.findall(r"^\s*(\S+)", loaded, re.M) if name.startswith(NOT_IN_BOTHYD)] == []


def hardening(path):
    """What of it there is: name -> whether."""
    header, dynamic, segments = (read_elf(path, option) for option in ("--file-header", "--dynamic", "--segments"))
    symbols = read_elf(path, "--syms" if path.name == "bothy-init" else "--dyn-syms")  # a static one exports none
    checks = {
        "position-independent": "DYN" in header and ("PIE" in dynamic or ".so." in path.name),
        "relocations read-only": "GNU_RELRO" in segments and re.search(r"BIND_NOW|\bNOW\b", dynamic),
        "stack not executable": re.search(r"GNU_STACK.* RW +0x", segments),
        "no segment written and executed": not re.search(r"LOAD.* RWE ", segments),
        "stack protector": "__stack_chk_fail" in symbols,
        "no run path": "RPATH" not in dynamic and "RUNPATH" not in dynamic,
    }
    # These call GLib for all that a fortified libc has a variant of; the module and bothy-init call nothing of that kind.
    if path.name not in ("bothyd", "bothy-fetch", "bothy-init", "libnss_bothy.so.2"):
        checks["fortified"] = re.search(r"__\w+_chk\b", symbols.replace("__stack_chk_fail", ""))
    # The C library's own first objects have no note of it, so the program has none: look at the code.
    # bothy-archive and the module have next to no function that could be called through a pointer.
    if "X86-64" in header and path.name not in ("bothy-archive", "libnss_bothy.so.2"):
        checks["control flow"] = path.read_bytes().count(b"\xf3\x0f\x1e\xfa") > 10
    return checks


def test_sup_06_end_comes_before_it_is_killed():
    """What calls may take when the service ends leaves time to hand back the name and the lock."""
    last = int(re.search(r"LAST_CALLS_MS (\d+)", (SOURCE / "service/main.c").read_text()).group(1))
    unit = (SOURCE / "data/systemd/bothyd.service.in").read_text()
    assert 2 * last <= 1000 * int(re.search(r"^TimeoutStopSec=(\d+)$", unit, re.M).group(1))


@needs_stage
def test_sup_06_hardening():
    assert [f"{path.name}: {name}" for path in programs() for name, there in hardening(path).items() if not there] == []

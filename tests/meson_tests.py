#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the tests that a build directory's meson.build files declare.

    meson_tests.py BUILD [SUITE]

Each subtest that a test reports by TAP is a line of its own, as `tests/run` prints
them, which `meson test` can't do.
"""

import json
import os
import re
import subprocess
import sys
import time

RESULT = re.compile(r"^(not ok|ok)\b\s*\d*\s*(?:- )?([^#]*?)\s*(?:#\s*(\S+)\s*(.*))?$")


def note(variable, text):
    """Adds a line to the file that the variable names. Others write to it as well."""
    if os.environ.get(variable):
        with open(os.environ[variable], "a") as file:
            file.write(f"{text}\n")


def introspect(build):
    output = subprocess.run(["meson", "introspect", "--tests", build], check=True, stdout=subprocess.PIPE)
    return json.loads(output.stdout)


class Counts:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def line(self, verdict, name, detail=""):
        if verdict == "ok":
            self.passed += 1
        elif verdict == "skip":
            self.skipped += 1
        else:
            self.failed += 1
        lines = [f"{verdict} {name}" + (f": {detail}" if verdict == "skip" else "")]
        if verdict == "not ok":
            lines += ["  " + text for text in detail.splitlines()]
        # In one piece: another suite may be writing to the same place.
        print("\n".join(lines) + "\n", end="", flush=True)


def run(test, counts):
    command = list(test["cmd"])
    tap = test.get("protocol") == "tap"
    if tap and "--tap" not in command:
        command.append("--tap")
    env = {**os.environ, **test.get("env", {})}
    limit = test.get("timeout") or 30
    try:
        done = subprocess.run(command, env=env, cwd=test.get("workdir") or None, timeout=max(limit, 1) * 3,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output, code = done.stdout.decode(errors="replace"), done.returncode
    except subprocess.TimeoutExpired as error:
        output, code = (error.stdout or b"").decode(errors="replace") + "\ntimed out", -1
    except OSError as error:
        output, code = str(error), -1

    name = test["name"]
    results = 0
    failed = False
    for text in output.splitlines() if tap else []:
        match = RESULT.match(text)
        if not match:
            continue
        verdict, subtest, directive, reason = match.groups()
        subtest = subtest.strip("/ ").removeprefix(name + "/")
        full = f"{name}/{subtest}" if subtest else name
        results += 1
        if directive and directive.upper().startswith("SKIP"):
            counts.line("skip", full, reason or "no reason given")
        elif verdict == "ok":
            counts.line("ok", full)
        else:
            failed = True
            counts.line("not ok", full, output)
    if code == 77 and not results:
        counts.line("skip", name, (output.strip().splitlines() or ["no reason given"])[-1])
    elif code != 0 and not failed:
        # It died, or a sanitizer found something, after or between its subtests.
        counts.line("not ok", name, f"{output}\nexit status {code}")
    elif not tap:
        counts.line("ok", name)
    elif not results:
        counts.line("not ok", name, f"{output}\nreported no result")


def main():
    build = sys.argv[1]
    suite = sys.argv[2] if len(sys.argv) > 2 else None
    counts = Counts()
    for test in introspect(build):
        suites = [name.split(":")[-1] for name in test.get("suite", [])]
        if suite is None or suite in suites or not set(suites) - {"bothy"}:
            begin = time.monotonic()
            run(test, counts)
            note("BOTHY_TIMES", f"{time.monotonic() - begin:.2f} unit/{test['name']}")
    note("BOTHY_COUNTS", f"{counts.passed} {counts.failed} {counts.skipped}")
    return 1 if counts.failed else 0


if __name__ == "__main__":
    sys.exit(main())

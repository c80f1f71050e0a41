# SPDX-License-Identifier: LGPL-2.1-or-later
"""A pytest plugin: one line per test, as `tests/run` prints them.

Takes the place of pytest's own reporter: pytest -p no:terminal -p lines
"""

import os
import sys

counts = {"ok": 0, "not ok": 0, "skip": 0}


def pytest_addoption(parser):
    """What assertions ask for when they tell how two values differ; pytest's own reporter has it."""
    parser.addoption("--verbose", dest="verbose", type=int, default=2)


def line(verdict, name, detail=""):
    counts[verdict] += 1
    reason = f": {detail}" if verdict == "skip" else ""
    print(f"{verdict} {name}{reason}", file=sys.__stdout__)
    if verdict == "not ok" and detail:
        print("\n".join("  " + text for text in detail.splitlines()), file=sys.__stdout__)
    sys.__stdout__.flush()


def name_of(report):
    return report.nodeid.removeprefix("tests/").replace(".py::", "/").replace("::", "/")


def details(report):
    parts = [str(report.longrepr)]
    parts += [f"--- {title} ---\n{text}" for title, text in report.sections]
    return "\n".join(parts)


def pytest_runtest_logreport(report):
    if report.failed:
        suffix = "" if report.when == "call" else f" ({report.when})"
        line("not ok", name_of(report) + suffix, details(report))
    elif report.skipped:
        if hasattr(report, "wasxfail"):
            reason = f"known to fail: {report.wasxfail}"
        else:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        line("skip", name_of(report), reason.removeprefix("Skipped: "))
    elif report.when == "call":
        line("ok", name_of(report))


def pytest_collectreport(report):
    if report.failed:
        line("not ok", name_of(report) + " (collection)", details(report))
    elif report.skipped:
        line("skip", name_of(report), str(report.longrepr[2]).removeprefix("Skipped: "))


def pytest_internalerror(excrepr):
    line("not ok", "pytest", str(excrepr))


def pytest_sessionfinish(session, exitstatus):
    path = os.environ.get("BOTHY_COUNTS")
    if path:
        with open(path, "a") as file:
            print(counts["ok"], counts["not ok"], counts["skip"], file=file)

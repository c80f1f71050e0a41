# SPDX-License-Identifier: LGPL-2.1-or-later
"""A pytest plugin: one line per test, as `tests/run` prints them.

Takes the place of pytest's own reporter: pytest -p no:terminal -p lines
"""

import os
import sys

from _pytest.runner import runtestprotocol

counts = {"ok": 0, "not ok": 0, "skip": 0}

# Many tests wait for real programs on a machine that others use as well. One that fails is tried once more, and
# what it said is printed either way; a test that fails twice has failed. More than a few such tests are no accident.
second_tries = 5


def pytest_addoption(parser):
    """What assertions ask for when they tell how two values differ; pytest's own reporter has it."""
    parser.addoption("--verbose", dest="verbose", type=int, default=2)


def say(text, detail=""):
    """In one piece: another suite may be writing to the same place."""
    lines = [text, *("  " + line for line in detail.splitlines())]
    print("\n".join(lines) + "\n", end="", file=sys.__stdout__, flush=True)


def line(verdict, name, detail=""):
    counts[verdict] += 1
    if verdict == "skip":
        say(f"{verdict} {name}: {detail}")
    else:
        say(f"{verdict} {name}", detail if verdict == "not ok" else "")


def name_of(report):
    return report.nodeid.removeprefix("tests/").replace(".py::", "/").replace("::", "/")


def details(report):
    parts = [str(report.longrepr)]
    parts += [f"--- {title} ---\n{text}" for title, text in report.sections]
    return "\n".join(parts)


def pytest_runtest_protocol(item, nextitem):
    global second_tries
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    failed = [report for report in reports if report.failed]
    if failed and second_tries > 0:
        second_tries -= 1
        say(f"# once more, because it failed: {name_of(failed[0])}", details(failed[0]))
        item._initrequest()
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


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

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A pytest plugin: one line per test, as `tests/run` prints them.

Takes the place of pytest's own reporter: pytest -p no:terminal -p lines

BOTHY_COUNTS: a file for how many tests there were of each kind.
BOTHY_FLAKY, BOTHY_TIMES: files for the tests that passed at their second try, and for how long each took.
BOTHY_CLAIMS: a directory; of several pytests that have the same one, each runs the files that no other has begun.
"""

import os
import signal
import sys

from _pytest.runner import runtestprotocol

counts = {"ok": 0, "not ok": 0, "skip": 0}

# Many tests wait for real programs on a machine that others use as well. One that fails is tried once more, and
# what it said is printed either way. When it passes then, it is flaky, which tests/run names at the end; more than a
# few such tests are no accident. What is marked with pytest.mark.once has no second try: a race that is lost once is lost.
second_tries = 5


def pytest_addoption(parser):
    """What assertions ask for when they tell how two values differ; pytest's own reporter has it."""
    parser.addoption("--verbose", dest="verbose", type=int, default=2)


def pytest_configure(config):
    # Whoever runs the tests in the background of a script has these ignored, and every program would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    config.addinivalue_line("markers", "once: a test of a race or of an order, which must not fail even once")


def note(variable, text):
    """Adds a line to the file that the variable names. Others write to it as well."""
    if os.environ.get(variable):
        with open(os.environ[variable], "a") as file:
            file.write(f"{text}\n")


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
    name = report.nodeid.removeprefix("tests/").replace(".py::", "/").replace("::", "/")
    release = os.environ.get("BOTHY_HOST_SUITE")
    return name.replace("host/", f"host-{release}/", 1) if release else name


def details(report):
    parts = [str(report.longrepr)]
    parts += [f"--- {title} ---\n{text}" for title, text in report.sections]
    return "\n".join(parts)


def claim(path):
    """Whether PATH is for this pytest to run."""
    claims = os.environ.get("BOTHY_CLAIMS")
    try:
        return not claims or not os.mkdir(os.path.join(claims, str(path).replace("/", "-")))
    except FileExistsError:
        return False


def mine(items):
    """Files are claimed one by one, so that whoever is done early takes more of them."""
    claimed = {}
    for item in items:
        if item.path not in claimed:
            claimed[item.path] = claim(item.path)
        if claimed[item.path]:
            yield item


def pytest_runtestloop(session):
    if session.testsfailed and not session.config.option.continue_on_collection_errors:
        raise session.Interrupted("not all tests could be collected")
    items = mine(session.items)
    item = next(items, None)
    while item:
        # What they share stays for the next one.
        following = next(items, None)
        item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
        for reason in session.shouldfail, session.shouldstop:
            if reason:
                raise session.Failed(reason)
        item = following
    return True


def pytest_runtest_protocol(item, nextitem):
    global second_tries
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    failed = [report for report in reports if report.failed]
    if failed and second_tries > 0 and not item.get_closest_marker("once"):
        second_tries -= 1
        say(f"# once more, because it failed: {name_of(failed[0])}", details(failed[0]))
        item._initrequest()
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        if not any(report.failed for report in reports):
            note("BOTHY_FLAKY", name_of(failed[0]))
    note("BOTHY_TIMES", f"{sum(report.duration for report in reports):.2f} {name_of(reports[0])}")
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
    note("BOTHY_COUNTS", f"{counts['ok']} {counts['not ok']} {counts['skip']}")

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A throwaway host with GNOME Shell, alice in front of it; see tests/README.md."""

import contextlib
import pathlib
import sys
import time

import pytest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "host"))

from desktop import Desktop  # noqa: E402


@pytest.fixture(scope="session")
def desktop():
    """One for all tests of a run; the extension is on."""
    desktop = Desktop()
    try:
        yield desktop
    finally:
        desktop.halt()


@pytest.fixture(autouse=True)
def clean(desktop, request):
    """Nobody finds what another test left, and nothing is said in the journal that should not be."""
    desktop.begin()
    yield
    with contextlib.suppress(Exception):
        desktop.close_menus()
    said = desktop.complaints()
    desktop.tidy()
    assert said == [], "the shell complained"


@pytest.fixture
def until():
    """Waits for something to be true: until(lambda: ...) gives what it gave."""
    def wait(question, seconds=15):
        end = time.monotonic() + seconds
        while True:
            answer = question()
            if answer:
                return answer
            assert time.monotonic() < end, "it did not come true"
            time.sleep(0.1)
    return wait

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The throwaway host, and messages sent as tests/bus sends them."""

import pathlib
import sys

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "host"), str(HERE.parent / "bus")]

from host.conftest import fresh_host  # noqa: E402,F401

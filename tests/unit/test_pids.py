# SPDX-License-Identifier: LGPL-2.1-or-later
"""MAP-06: pids that come again while bothy-helper maps by pidfd. Without sanitizers, for there are many."""

import os
import pathlib
import subprocess

import pytest

HERE = pathlib.Path(__file__).parent
HELPER = os.path.join(os.environ["BOTHY_LIBEXEC_DIR"], "bothy-helper")
# A storm of 10,000 takes minutes of both processors; a shorter one goes through the same.
NUMBER = int(os.environ.get("BOTHY_MAPS", "2500"))


@pytest.mark.once
def test_MAP_06_nobody_else_is_ever_mapped(tmp_path):
    """Not one of another user's processes, each of which waits in a namespace for which the map would be right."""
    program = tmp_path / "try-pids"
    subprocess.run(["cc", "-std=gnu11", "-O1", "-D_GNU_SOURCE", "-I", HERE.parents[1] / "service/helper", "-o", program,
                    HERE / "try-pids.c"], check=True)
    done = subprocess.run(["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", program, HELPER, str(NUMBER)],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    maps, _, again, *_ = done.stdout.split()
    assert int(maps) == NUMBER and int(again) > 0.9 * NUMBER, done.stdout

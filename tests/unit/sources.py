# SPDX-License-Identifier: LGPL-2.1-or-later
"""The source tree, for tests that read it."""

import re
import subprocess
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]


def name_of(path):
    """PATH as the tree has it."""
    return path.relative_to(SOURCE).as_posix()


def tracked():
    """The names of all files that belong to the tree."""
    command = ["git", "-c", "safe.directory=*", "-C", str(SOURCE), "ls-files", "-z"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if done.returncode == 0:
        return [name for name in done.stdout.decode().split("\0") if name and (SOURCE / name).is_file()]
    return [name_of(path) for path in SOURCE.rglob("*") if path.is_file()]


def strip(text):
    """TEXT without comments and what is between quotes; lines stay where they are."""
    pattern = r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
    return re.sub(pattern, lambda match: '""' + "\n" * match.group().count("\n"), text, flags=re.S)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A server with one image on the loopback, and what the service's processes take while it is pulled."""

import glob
import io
import os
import random
import subprocess
import tarfile
import threading
import time

import imageserver

PROGRAMS = ("bothyd", "bothy-helper", "bothy-fetch", "bothy-unpack", "bothy-bundle")


class Remote:
    """An archive as the image of a remote."""

    image = "bench:debian/13"

    def __init__(self, archive):
        self.server = imageserver.Server()
        with open(archive, "rb") as file:
            self.url = self.server.url + self.server.streams(file.read())

    def __enter__(self):
        subprocess.run(["bothy", "remote", "add", "bench", self.server.url], check=True, stdout=subprocess.DEVNULL)
        return self

    def __exit__(self, *_):
        subprocess.run(["bothy", "remote", "remove", "bench"], check=True, stdout=subprocess.DEVNULL)
        self.server.close()


def make_archive(path, size):
    """A tar of SIZE bytes in files of a MiB, with a program so that it is a root."""
    block = random.Random(1).randbytes(1 << 20)
    with tarfile.open(path, "w") as archive:
        for name, data in [("sbin/init", b"#!/bin/sh\n")] + [(f"data/{i}", block) for i in range(size >> 20)]:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o755
            archive.addfile(entry, io.BytesIO(data))
    return path


def pss_of_programs():
    """In KiB."""
    total = 0
    for comm in glob.glob("/proc/[0-9]*/comm"):
        try:
            with open(comm, encoding="utf-8") as file:
                if file.read().strip() not in PROGRAMS:
                    continue
            with open(f"{os.path.dirname(comm)}/smaps_rollup", encoding="utf-8") as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total


class Memory:
    """The highest sum of what was seen of PROGRAMS, some hundred times a second."""

    def __init__(self):
        self.peak, self.ended = 0, threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        while not self.ended.is_set():
            self.peak = max(self.peak, pss_of_programs())
            time.sleep(0.01)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

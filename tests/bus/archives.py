# SPDX-License-Identifier: LGPL-2.1-or-later
"""Archives to import, good and bad."""

import io
import tarfile
import tempfile


def add(tar, name, data=b"", kind=tarfile.REGTYPE, mode=0o755, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname, info.size = kind, mode, link, len(data)
    tar.addfile(info, io.BytesIO(data))


def temporary(data):
    file = tempfile.TemporaryFile()
    file.write(data)
    file.seek(0)
    return file


def small_bytes(seed=b"content"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for directory in ("bin", "etc", "dev", "proc", "sys", "root", "tmp"):
            add(tar, directory, kind=tarfile.DIRTYPE)
        with open("/bin/busybox", "rb") as busybox:
            add(tar, "bin/busybox", busybox.read())
        add(tar, "bin/sh", kind=tarfile.SYMTYPE, link="busybox")
        add(tar, "bin/sleep", kind=tarfile.SYMTYPE, link="busybox")
        add(tar, "etc/os-release", b"ID=small\n", mode=0o644)
        add(tar, "etc/seed", seed, mode=0o644)
    return out.getvalue()


def with_files(files, seed=b"content"):
    """The same, with some more files."""
    out = io.BytesIO(small_bytes(seed))
    with tarfile.open(fileobj=out, mode="a") as tar:
        for name, data in files.items():
            add(tar, name, data, mode=0o644)
    return out.getvalue()


def small(seed=b"content"):
    """A root that runs."""
    return temporary(small_bytes(seed))


def hostile(name, kind=tarfile.REGTYPE, link=""):
    """A good beginning, and then one entry that must not be unpacked."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        add(tar, "etc", kind=tarfile.DIRTYPE)
        add(tar, name, b"" if kind != tarfile.REGTYPE else b"evil", kind, link=link)
    return out.getvalue()


def through_symlink():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        add(tar, "out", kind=tarfile.SYMTYPE, link="/tmp")
        add(tar, "out/bothy-escaped", b"evil")
    return out.getvalue()

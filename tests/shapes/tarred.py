# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes of the upper directory of an overlay the tar that docker would have made: tarred.py TREE TAR"""

import os
import stat
import sys
import tarfile


def entry(archive, path, name):
    """What stands in the tar for one file."""
    status = os.lstat(path)
    if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
        return tarfile.TarInfo(os.path.join(os.path.dirname(name), ".wh." + os.path.basename(name)))
    info = archive.gettarinfo(path, name)
    for key in os.listxattr(path, follow_symlinks=False):
        if not key.startswith("trusted."):
            value = os.getxattr(path, key, follow_symlinks=False)
            info.pax_headers["SCHILY.xattr." + key] = value.decode("utf-8", "surrogateescape")
    return info


def add(archive, top, name=""):
    path = os.path.join(top, name)
    for child in sorted(os.listdir(path)):
        inside, below = os.path.join(name, child), os.path.join(path, child)
        info = entry(archive, below, inside)
        if info is None:  # a socket
            continue
        if info.isreg() and info.size:
            with open(below, "rb") as content:
                archive.addfile(info, content)
        else:
            archive.addfile(info)
        if info.isdir():
            if "trusted.overlay.opaque" in os.listxattr(below):
                archive.addfile(tarfile.TarInfo(os.path.join(inside, ".wh..wh..opq")))
            add(archive, top, inside)


with tarfile.open(sys.argv[2], "w", format=tarfile.PAX_FORMAT, errors="surrogateescape") as made:
    add(made, sys.argv[1])

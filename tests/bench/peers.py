# SPDX-License-Identifier: LGPL-2.1-or-later
"""The peers, set up as favourably as they can be: no nic, no filter of system calls, no limits."""

import json
import os
import subprocess

BASE, COUNT = 100000, 65536
NEUTRAL = 2147352576  # what the files of Bothy's images belong to
TOP = "/srv/bench"
ROOT = f"{TOP}/root"
CRUN = f"{TOP}/crun"
LXC = f"{TOP}/lxc"
PODMAN = ["podman", "--root", f"{TOP}/podman", "--runroot", "/run/bench-podman"]


def make_root(tree):
    """A copy of an image's tree that belongs to the peers' range."""
    subprocess.run(["cp", "-a", tree, ROOT], check=True)
    for directory, directories, files in os.walk(ROOT):
        for name in [".", *directories, *files]:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            if status.st_uid >= NEUTRAL:
                os.lchown(path, status.st_uid - NEUTRAL + BASE, status.st_gid - NEUTRAL + BASE)


def crun(name, command, *options):
    """A bundle; returns the words that run it."""
    mapping = [{"containerID": 0, "hostID": BASE, "size": COUNT}]
    config = {
        "ociVersion": "1.0.0",
        "process": {"user": {"uid": 0, "gid": 0}, "args": command, "env": ["PATH=/usr/bin:/bin"], "cwd": "/",
                    "noNewPrivileges": True},
        "root": {"path": ROOT},
        "hostname": "bench",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
             "options": ["nosuid", "mode=755", "size=65536k"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
             "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
             "options": ["nosuid", "noexec", "nodev", "mode=1777"]},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs",
             "options": ["nosuid", "noexec", "nodev", "ro"]},
        ],
        "linux": {
            "uidMappings": mapping, "gidMappings": mapping,
            "namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "user", "network", "cgroup")],
        },
    }
    bundle = f"{CRUN}/{name}"
    os.makedirs(bundle)
    with open(f"{bundle}/config.json", "w", encoding="utf-8") as file:
        json.dump(config, file)
    return ["crun", *options, "run", "--bundle", bundle, f"bench-{name}"]


def podman():
    """The same root as an image; returns the words that run `true` in it."""
    with subprocess.Popen(["tar", "-C", ROOT, "--owner=0", "--group=0", "-c", "."],
                          stdout=subprocess.PIPE) as archive:
        subprocess.run([*PODMAN, "import", "--quiet", "-", "bench"], stdin=archive.stdout, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return [*PODMAN, "run", "--rm", "--network=none", "--cgroups=disabled", "bench", "true"]


def lxc():
    """A running container; returns the words that run `true` in it."""
    os.makedirs(f"{LXC}/bench")
    for name in ("subuid", "subgid"):
        with open(f"/etc/{name}", "a", encoding="utf-8") as file:
            file.write(f"root:{BASE}:{COUNT}\n")
    with open(f"{LXC}/bench/config", "w", encoding="utf-8") as file:
        file.write(f"lxc.rootfs.path = dir:{ROOT}\n"
                   "lxc.uts.name = bench\n"
                   "lxc.net.0.type = empty\n"
                   f"lxc.idmap = u 0 {BASE} {COUNT}\n"
                   f"lxc.idmap = g 0 {BASE} {COUNT}\n"
                   "lxc.mount.auto = proc:mixed sys:mixed cgroup:mixed\n"
                   "lxc.init.cmd = /bin/sleep 1000000\n")
    subprocess.run(["lxc-start", "-P", LXC, "-n", "bench"], check=True)
    subprocess.run(["lxc-wait", "-P", LXC, "-n", "bench", "-s", "RUNNING", "-t", "10"], check=True)
    return ["lxc-attach", "-P", LXC, "-n", "bench", "--", "true"]


def lxc_stop():
    subprocess.run(["lxc-stop", "-P", LXC, "-n", "bench", "-k"], check=True)

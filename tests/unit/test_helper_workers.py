# SPDX-License-Identifier: LGPL-2.1-or-later
"""bothy-helper: what a worker and its child may do, and what becomes of them (THREATS, MAP)."""

import ctypes
import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from helping import (  # noqa: F401
    BASE, CLEAR, HAND, HOLD, IMAGE, IMAGE_ID, MAP, MOUNT, NETNS, NIC, OWN, STEP_DEADLINE, STEP_FORK, USERNS, Helper, children, fd_count, gone, libc,
    own_mounts, pytestmark, request, status, strace_helper, until, users_namespace,
)


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_MAP_11_child_has_the_owners_group(tmp_path, users_namespace):
    """Its owner may trace it: so it has his gid, not one that has the number of his uid."""
    fd, _ = users_namespace
    h = Helper(["strace", "-f", "-o", str(tmp_path / "trace"), "-e", "trace=setresgid,setresuid,setns"])
    assert h.call(request(MAP, owner=4321, gid=1234, extents=HAND), [fd]).error == 0
    h.close()
    lines = (tmp_path / "trace").read_text().splitlines()
    child = next(line.split()[0] for line in lines if "setns(" in line)
    calls = [line.split(None, 1)[1].partition(" = ") for line in lines if line.split()[0] == child]
    assert [(call.strip(), result) for call, _, result in calls[:3]] == [
        ("setresgid(1234, 1234, 1234)", "0"), ("setresuid(4321, 4321, 4321)", "0"), ("setns(1, CLONE_NEWUSER)", "0")]


@pytest.mark.once
@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_MAP_09_worker_reduces_itself_before_the_write(tmp_path):
    traces = strace_helper(tmp_path, request(USERNS, owner=BASE, extents=[(0, BASE, 65536)]))
    worker = next(t for t in traces.values() if any("uid_map" in line for line in t))
    text = "\n".join(worker)
    opened = text.index("uid_map")
    for call in (f"setresgid(-1, {BASE}, -1)", f"setresuid(-1, {BASE}, -1)", "effective=1<<CAP_SETGID|1<<CAP_SETUID, permitted=1<<CAP_SETGID|1<<CAP_SETUID, inheritable=0"):
        assert 0 <= text.find(call) < opened, call
    assert sum('"0 %d 65536\\n"' % BASE in line for line in worker) == 2


def stop_pair(log, data, fds=()):
    """A helper whose worker and its child both stop at their first write(2): the child in the new namespace, the worker at uid_map."""
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    h = Helper(["strace", "-f", "-o", log, "-e", "trace=write", "-e", "inject=write:signal=SIGSTOP:when=1"])
    h.send(data, fds)
    until(lambda: log.exists() and log.read_text().count("--- stopped by SIGSTOP ---") == 2)
    (server,) = children(h.process.pid)
    (worker,) = children(server)
    (child,) = children(worker)
    return h, worker, child


@pytest.fixture
def stopped_pair(tmp_path):
    pair = stop_pair(tmp_path / "trace", request(USERNS, owner=BASE, extents=[(0, BASE, 65536)]))
    yield pair
    pair[0].close()


SETID_MASK = (1 << 6) | (1 << 7)


@pytest.mark.parametrize("op", ["USERNS", "NETNS", "MAP"])
def test_MAP_09_MAP_11_shapes_of_worker_and_child(tmp_path, users_namespace, op):
    owner, gid = (4321, 1234) if op == "MAP" else (BASE, BASE)
    data = {"USERNS": request(USERNS, owner=owner, extents=HAND), "NETNS": request(NETNS, owner=owner, extents=HAND),
            "MAP": request(MAP, owner=owner, gid=gid, extents=HAND)}[op]
    helper, worker, child = stop_pair(tmp_path / "trace", data, [users_namespace[0]] if op == "MAP" else [])
    w, c = status(worker), status(child)
    for capabilities in ("CapEff", "CapPrm", "CapBnd"):
        assert int(w[capabilities], 16) == SETID_MASK
    assert int(w["CapInh"], 16) == int(w["CapAmb"], 16) == 0
    assert w["Uid"] == w["Gid"] == f"0\t{owner}\t0\t{owner}"
    assert w["Groups"].strip() == ""
    assert (c["Uid"], c["Gid"]) == ("\t".join([str(owner)] * 4), "\t".join([str(gid)] * 4))
    assert c["Groups"].strip() == ""
    assert fd_count(child) == 1
    assert os.readlink(f"/proc/{child}/ns/user") != os.readlink("/proc/self/ns/user")
    helper.close()


STEPS = {
    "USERNS": (USERNS, {"CAP_SETGID", "CAP_SETUID"}),
    "NETNS": (NETNS, {"CAP_SETGID", "CAP_SETUID"}),
    "MAP": (MAP, {"CAP_SETGID", "CAP_SETUID"}),
    "NIC": (NIC, {"CAP_SETGID", "CAP_SETUID"}),
    "MOUNT": (MOUNT, {"CAP_DAC_READ_SEARCH", "CAP_SYS_ADMIN"}),
    "OWN": (OWN, {"CAP_CHOWN"}),
    "CLEAR": (CLEAR, {"CAP_CHOWN", "CAP_DAC_READ_SEARCH"}),
    "HOLD": (HOLD, set()),
}


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.parametrize("step", sorted(STEPS))
def test_each_step_keeps_its_own_capabilities(tmp_path, users_namespace, step):
    """And drops the others from its bounding set as well."""
    op, kept = STEPS[step]
    fds = [] if op in (USERNS, NETNS) else [users_namespace[0]]
    h = Helper(["strace", "-f", "-o", str(tmp_path / "trace"), "-e", "trace=capset,prctl"])
    h.call(request(op, owner=4321, extents=HAND, layers=[(IMAGE, IMAGE_ID)], nic=("eth0",)), fds)
    h.close()
    lines = (tmp_path / "trace").read_text().splitlines()
    server = lines[0].split()[0]
    sets = [line for line in lines if "capset(" in line and line.split()[0] != server]
    assert sets, lines[-20:]
    names = lambda kind: set(re.findall(r"CAP_[A-Z_]+", re.search(kind + r"=([^,}]*)", sets[0])[1]))  # noqa: E731
    assert (names("effective"), names("permitted"), names("inheritable")) == (kept, kept, set()), sets[0]
    dropped = {name for line in lines if "PR_CAPBSET_DROP" in line for name in re.findall(r"DROP, (CAP_[A-Z_]+)", line)}
    assert not dropped & kept and "CAP_SYS_ADMIN" in dropped | kept


ATTACKER = """
import ctypes, os, sys
c = ctypes.CDLL(None, use_errno=True)
c.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
def seize(pid):
    if c.ptrace(0x4206, pid, None, None) != 0:
        raise PermissionError(ctypes.get_errno()) if ctypes.get_errno() == 1 else OSError(ctypes.get_errno())
def join(pid):
    fd = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY)
    assert c.setns(fd, 0x10000000) == 0, ctypes.get_errno()
"""


def attack(code, user=BASE):
    return subprocess.run([sys.executable, "-c", ATTACKER + code], user=user, group=user, extra_groups=[], capture_output=True, text=True)


def test_MAP_10_worker_is_out_of_reach(stopped_pair):
    """Of the owner, where he is and from inside of the namespace, of which he is root."""
    _, worker, child = stopped_pair
    for inside in "", f"join({child})\n":
        for what in (f"os.kill({worker}, 19)", f"os.kill({worker}, 0)", f"open('/proc/{worker}/mem')", f"seize({worker})",
                     f"os.listdir('/proc/{worker}/fd')", f"os.pidfd_open({worker}) and c.syscall(438, os.pidfd_open({worker}), 0, 0) > 0"
                     f" or seize({worker})"):
            done = attack(inside + what)
            assert done.returncode == 1 and "PermissionError" in done.stderr, (inside, what, done.stderr)


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.parametrize("inside", [False, True])
def test_MAP_08_MAP_11_owner_gets_hold_of_the_child(users_namespace, inside):
    """He may: what he has then is a process with his own ids and a socket. The call fails within 5 s."""
    fd, _ = users_namespace
    h = Helper(["strace", "-f", "-o", "/dev/null", "-e", "inject=write:signal=SIGSTOP:when=1"])
    began = time.monotonic()
    h.send(request(MAP, owner=4321, extents=HAND), [fd])
    child = until(lambda: any_descendant_in(h.process.pid, fd))
    until(lambda: status(child)["State"].startswith(("T", "t")))
    done = attack((f"join({child})\n" if inside else "") + f"os.kill({child}, 19)\n"
                  f"print(open('/proc/{child}/status').read(), os.listdir('/proc/{child}/fd'))", user=4321)
    assert done.returncode == 0, done.stderr
    mine = dict(line.split(":\t", 1) for line in done.stdout.splitlines() if ":\t" in line)
    assert set((mine["Uid"] + " " + mine["Gid"]).split()) == {"65534" if inside else "4321"}
    assert mine["Groups"].strip() == ""
    assert done.stdout.splitlines()[-1].count("'") == 2  # one descriptor
    reply = h.receive()
    assert (reply.error, reply.step) == (errno.ETIMEDOUT, STEP_DEADLINE)
    assert time.monotonic() - began < 5.5
    assert gone(child)
    h.close()


def any_descendant_in(pid, userns):
    """A process below PID that is in the user namespace; None."""
    for child in children(pid):
        try:
            found = child if os.stat(f"/proc/{child}/ns/user").st_ino == os.fstat(userns).st_ino else any_descendant_in(child, userns)
        except FileNotFoundError:
            continue
        if found:
            return found
    return None


def test_MAP_08_stopped_child_ends_at_the_deadline(stopped_pair):
    helper, worker, child = stopped_pair
    # Meanwhile others are served.
    with open("/proc/self/ns/user") as userns:
        assert helper.call(request(MOUNT, serial=8, layers=[(IMAGE, "99" * 32)]), [userns.fileno()]).serial == 8
    reply = helper.receive()
    assert (reply.serial, reply.error, reply.step) == (7, errno.ETIMEDOUT, STEP_DEADLINE)
    assert gone(worker) and gone(child)


@pytest.fixture
def held_worker():
    """A helper, and a worker that we trace from its birth: it stays what it is until we let go of it, even when it is killed."""
    seize, detach, event_message = 0x4206, 17, 0x4201
    of_clones, wall = 2 | 4 | 8, 0x40000000
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    h = Helper()
    assert libc.ptrace(seize, h.process.pid, None, of_clones) == 0
    h.send(request(USERNS, owner=BASE, extents=[(0, BASE, 65536)]))
    os.waitpid(h.process.pid, wall)
    worker = ctypes.c_ulong()
    assert libc.ptrace(event_message, h.process.pid, None, ctypes.addressof(worker)) == 0
    os.waitpid(worker.value, wall)
    assert libc.ptrace(detach, h.process.pid, None, None) == 0
    yield h, worker.value
    os.waitpid(worker.value, wall)
    h.close()


def test_map_08_worker_that_does_not_die_holds_nobody_up(held_worker):
    helper, worker = held_worker
    reply = helper.receive()
    assert (reply.serial, reply.error, reply.step) == (7, errno.ETIMEDOUT, STEP_DEADLINE)
    assert status(worker)["State"].startswith("Z")
    with open("/proc/self/ns/user") as userns:
        assert helper.call(request(MOUNT, serial=8, layers=[(IMAGE, "99" * 32)]), [userns.fileno()]).serial == 8


@pytest.mark.once
def test_killed_worker_is_answered(stopped_pair):
    helper, worker, child = stopped_pair
    os.kill(worker, signal.SIGKILL)
    reply = helper.receive()
    assert (reply.error, reply.step) == (errno.EIO, STEP_FORK)
    assert gone(child)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who is what on the host: the broker without rights, containers that are nobody, files out of reach."""

import stat

import pytest

from tools import FIRST_ID, STATE, UID, broker, info, nothing_left, processes, spare_units, state, supervisor, tidy, \
    until  # noqa: F401


@pytest.fixture
def x1(host):
    host.run("alice", "bothy", "launch", "busybox", "x1", check=True)
    return info(host, "x1")


def status(host, pid):
    text = (host.root / f"proc/{pid}/status").read_text()
    return {key: value.split() for key, value in (line.split(":", 1) for line in text.splitlines())}


def test_broker_has_no_capability_SUP_04(host, x1):
    for _ in range(2):
        mine = status(host, broker(host))
        for kind in "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb":
            assert mine[kind] == ["0000000000000000"], kind
        assert mine["Uid"] == ["0"] * 4 and mine["Gid"] == ["0"] * 4
        assert mine["NoNewPrivs"] == ["1"] and mine["Seccomp"] == ["2"]
        host.run("alice", "bothy exec x1 -- true && bothy restart -f x1", check=True)


def test_exposure_SUP_04(host):
    report = host.run("root", "systemd-analyze security --no-pager bothyd.service", timeout=60).stdout
    level = float(report.split("Overall exposure level for bothyd.service:")[1].split()[0])
    assert level <= 2.5, report


@pytest.mark.parametrize("unit, most", [("bothy-helper", 4.0), ("bothy-net", 2.5), ("bothy-fetch@x", 2.0), ("bothy-devices@x", 2.0), ("bothy-spawn", 7.5), ("bothy-parse", 7.0), ("bothy-mount", 6.5)])
def test_exposure_of_the_others_SUP_04(host, unit, most):
    """From bothy-spawn containers are born, so it can not be shut in: see its unit."""
    report = host.run("root", f"systemd-analyze security --no-pager {unit}.service", timeout=60).stdout
    level = float(report.split("Overall exposure level for")[1].split(":")[1].split()[0])
    assert level < most, report


CAPABILITIES = {"bothy-helper": ["CAP_CHOWN", "CAP_DAC_READ_SEARCH", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_ADMIN"],
                "bothy-spawn": ["CAP_SETGID", "CAP_SETPCAP", "CAP_SYS_ADMIN"],
                "bothy-parse": ["CAP_SETGID", "CAP_SYS_ADMIN"],
                "bothy-mount": ["CAP_CHOWN", "CAP_DAC_READ_SEARCH", "CAP_MKNOD", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_ADMIN"],
                "bothy-net": ["CAP_NET_ADMIN", "CAP_NET_BIND_SERVICE"]}


@pytest.fixture
def limit(host):
    """Has a unit keep fewer capabilities than it asks for."""
    drop_in = host.root / "run/systemd/system"

    def restart(unit):
        host.run("root", f"systemctl daemon-reload && systemctl stop {unit}.service bothyd.service", check=True)

    def leave_out(unit, capability):
        path = drop_in / f"{unit}.service.d/audit.conf"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"[Service]\nCapabilityBoundingSet=~{capability}\n")
        restart(unit)

    yield leave_out
    for user in "alice", "root":
        host.run(user, "bothy delete -f audit")
    for unit in CAPABILITIES:
        (drop_in / f"{unit}.service.d/audit.conf").unlink(missing_ok=True)
        restart(unit)
    host.run("alice", "bothy delete -f audit")


def test_capabilities_are_these_SUP_05(host):
    for unit, expected in CAPABILITIES.items():
        found = host.output("root", f"systemctl show -P CapabilityBoundingSet {unit}").upper().split()
        assert sorted(found) == expected, unit


@pytest.mark.parametrize("unit,capability", [(unit, name) for unit, names in CAPABILITIES.items() for name in names])
def test_each_capability_is_used_SUP_05(host, limit, unit, capability):
    """Without it a container does not get what it should; with all of them it does."""
    job = "bothy launch busybox audit && bothy exec audit -- ip -4 addr show eth0 && bothy unshare -- true"
    user = "alice"
    if unit == "bothy-parse":
        job += " && mkdir -p /tmp/audit/bin && tar -C /tmp/audit -c bin | bothy image import --alias audit - && bothy image delete audit"
    if unit == "bothy-mount":
        job = job.replace("bothy launch", "mkdir -p /dev/shm/audit && bothy launch -v /dev/shm/audit:/work").replace("bothy exec", "bothy device add audit fuse fuse && bothy exec", 1)
    if (unit, capability) == ("bothy-mount", "CAP_DAC_READ_SEARCH"):  # to open a container of root's whose directory is another id's
        job, user = ("bothy create busybox audit && mkdir -p /var/lib/lxc && mount -t tmpfs none /var/lib/lxc && mkdir -p /var/lib/lxc/a/rootfs/etc && "
                     "chown 100000:100000 /var/lib/lxc/a && chmod 700 /var/lib/lxc/a; busctl call org.bothy.Bothy1 /org/bothy/Bothy1 "
                     "org.bothy.Bothy1.Manager PlanAdoption 'ssaha{sv}' lxc a 0 0 && echo 'inet '; umount -l /var/lib/lxc"), "root"
    if capability == "CAP_NET_BIND_SERVICE":  # to hold a port for which an ordinary user would need an administrator
        job, user = job.replace("bothy exec", "bothy port add audit 82:80 && bothy exec"), "root"
    whole = host.run(user, job, timeout=60)
    assert whole.returncode == 0 and "inet " in whole.stdout, whole.stderr
    host.run(user, "bothy delete -f audit", check=True)
    limit(unit, capability)
    done = host.run(user, job, timeout=60)
    assert done.returncode != 0 or "inet " not in done.stdout


def test_processes_are_nobody(host, x1):
    """No process of a container is root outside, or has a capability that counts there."""
    outer = host.output("root", "readlink", "/proc/1/ns/user")
    host.run("alice", "bothy exec x1 -- sh -c 'sleep 100 </dev/null >/dev/null 2>&1 &'", check=True)
    running = processes(host, x1) + [supervisor(host, x1)]
    assert len(set(running)) >= 3
    for pid in set(running):
        mine = status(host, pid)
        assert {int(uid) for uid in mine["Uid"] + mine["Gid"] + mine.get("Groups", [])} <= \
            set(range(x1["rangeBase"], x1["rangeBase"] + 65536)), (pid, mine["Name"])
        assert host.output("root", "readlink", f"/proc/{pid}/ns/user") != outer, (pid, mine["Name"])
    # Nor is anything but root's own left running for the user's containers.
    for line in host.output("root", "ps -eo uid=,comm=").splitlines():
        uid, name = line.split(maxsplit=1)
        if name.startswith("bothy") and name not in ("bothyd", "bothy-helper", "bothy-net", "bothy-hold"):
            assert int(uid) >= FIRST_ID, line


def test_host_capabilities_do_nothing_inside(host, x1):
    for command in ("mknod /dev/sda b 8 0",
                    "echo x >/proc/sysrq-trigger", "echo 77 >/proc/sys/kernel/panic", "hostname other && chroot /proc/1/root "
                    "cat /var/lib/bothy/x", "swapon /dev/zero", "insmod /x.ko"):
        done = host.run("alice", "bothy", "exec", "x1", "--", "sh", "-c", command)
        assert done.returncode != 0, command
    host.run("alice", "bothy", "exec", "x1", "--", "date", "-s", "2001-01-01")
    assert int(host.output("root", "date +%Y")) > 2020
    assert host.output("root", "cat /proc/sys/kernel/hostname") == "bothy-test"
    assert host.output("root", "cat /proc/sys/kernel/panic") != "77"


def test_state_is_out_of_reach_OBJ_07(host, x1):
    """Every file of Bothy's, for another user, for its owner, and for root of a container."""
    base = x1["rangeBase"]
    paths = host.output("root", f"find /{STATE} /run/bothy -xdev | head -500").splitlines()
    assert len(paths) > 10
    # The second tells everybody of his own containers; the third leads to his own files of theirs, and nobody can list it.
    public = {"/run/bothy", "/run/bothy/names.sock", "/run/bothy/trees"}
    assert any(path.startswith("/run/bothy/dhcp/") for path in paths)
    listing = "\n".join(paths) + "\n"
    script = 'while IFS= read -r p; do if [ -r "$p" ] || [ -x "$p" ] || [ -w "$p" ]; then echo "$p"; fi; done'
    for user in "alice", "bob":
        reached = host.output(user, script, input=listing).splitlines()
        # The runtime directory may be passed through; what is in it may not be opened.
        assert set(reached) <= public, user
    for uid in base, base + 1000, FIRST_ID - 65536, 0x7fff0000:
        done = host.run("root", "setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "sh", "-c", script,
                        input=listing)
        assert set(done.stdout.splitlines()) <= public, uid
    for path in "supervisors", "trees", "lock", "helper.sock", "spawn.sock", "parse.sock", "mount.sock":
        assert host.run("alice", "sh", "-c", f"ls /run/bothy/{path}/ 2>/dev/null || cat /run/bothy/{path}").returncode != 0
    for path in host.output("root", "ls -d /run/bothy/*.sock /run/bothy/supervisors/*").split():
        done = host.run("alice", "python3", "-c", "import socket,sys; s=socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
                        "try: s.connect(sys.argv[1])\nexcept OSError as e: print(e.errno)", path)
        if done.stdout.strip() not in ("13", "2"):
            # Reached, so it has to be refused there.
            assert path.endswith(".sock") and "EOF" in host.run(
                "alice", "python3", "-c", "import socket,sys; s=socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
                "s.settimeout(5); s.connect(sys.argv[1])\ntry: print('EOF' if not s.recv(9) else 'data')\n"
                "except ConnectionError: print('EOF')", path).stdout, (path, done.stdout)


def test_modes_of_state_STATE_05(host, x1):
    root = host.root / STATE
    for name, mode in ("", 0o700), ("containers", 0o700), ("images", 0o700), ("layers", 0o700), ("ranges", 0o700), ("trash", 0o700), \
            (f"containers/{x1['id']}", 0o700), (f"images/{x1['image']}", 0o700), (f"layers/{x1['image']}", 0o700):
        found = (root / name).stat()
        assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (mode, 0, 0), name
    for pattern in "ranges/*", "containers/*/container", "containers/*/console.log", "images/*/image", "layers/*/layer":
        files = list(root.glob(pattern))
        assert files, pattern
        for file in files:
            assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0 and file.stat().st_uid == 0, file


def picture(host):
    """Units, mounts and control groups of the host, and what is on disk and in /run."""
    found = {
        "units": set(host.output("root", "systemctl list-units --all --plain --no-legend | cut -d ' ' -f 1").split()),
        "mounts": set(host.output("root", "cut -d ' ' -f 5- /proc/self/mountinfo").splitlines()),
        "groups": set(host.output("root", "find /sys/fs/cgroup -type d").splitlines()),
        "files": set(host.output("root", f"find /{STATE} /run/bothy /run/systemd/transient 2>/dev/null; true").splitlines()),
        "links": set(host.output("root", "ls /sys/class/net").split()),
        "processes": set(host.output("root", "ps -eo uid=,comm=").splitlines()),
    }
    # What others do in the meantime is not ours.
    strange = ("user-", "user@", "session-", "systemd-hostnamed", "nm-dispatcher", "/ranges/", "run-", "NetworkManager",
               "/containers/", "(sd-pam)", "ps", "systemd-tmpfiles", "systemd-networkd", "dev-", "sys-", "enter")
    return {key: {item for item in items if not any(word in item for word in strange) or "bothy-" in item}
            for key, items in found.items()}


def test_all_is_as_before(host):
    """Between before the first start and after the last delete there is no difference."""
    host.run("alice", "bothy run --rm busybox true", check=True)
    nothing_left(host)
    # What the tests before used goes a moment after its last user: the bridge, and the session of a user.
    until(lambda: "bothy0" not in host.output("root", "ls /sys/class/net").split(), 20)
    until(lambda: not spare_units(host), 20)
    until(lambda: "/run/user/" not in host.output("root", "cut -d ' ' -f 5 /proc/self/mountinfo"), 30)
    before = picture(host)
    host.run("alice", "bothy launch busybox x1 && bothy launch busybox x2 && bothy exec x1 -- true && "
                      "bothy freeze x2 && bothy thaw x2 && bothy restart -f x1", check=True)
    during = picture(host)
    assert during["groups"] - before["groups"]
    host.run("alice", "bothy delete -f x1 x2", check=True)
    nothing_left(host)

    def difference():
        after = picture(host)
        return {key: after[key] ^ before[key] for key in before if after[key] ^ before[key]}

    until(lambda: not difference(), 20, lambda: f"as before; but: {difference()}")


def test_exec_gets_a_clean_process_SUP_07(host, x1):
    """Neither descriptors, nor signals, nor limits, nor a terminal of whoever asked or helped."""
    text = host.output("alice", "ulimit -n 99; nice -n 5 bothy exec x1 -- sh -c 'cat /proc/self/status /proc/self/limits; "
                                "ls /proc/self/fd; cat /proc/self/oom_score_adj; umask; cat /proc/self/cwd/../proc/self/stat'")
    assert "SigBlk:\t0000000000000000" in text and "SigIgn:\t0000000000000000" in text
    assert "NoNewPrivs:\t0" in text and "Seccomp:\t2" in text
    lines = text.splitlines()
    files = next(line for line in lines if line.startswith("Max open files"))
    assert files.split()[3] != "99"
    assert "0022" in lines
    score = next(line for line in lines[::-1] if line.lstrip("-").isdigit() and int(line) in (0, 100, -100) or line == "0")
    assert int(score) >= 0
    leader = (host.root / f"proc/{x1['leader']}/fd")
    assert {int(fd.name) for fd in leader.iterdir()} <= set(range(0, 10))
    for fd in leader.iterdir():
        target = host.output("root", "readlink", f"/proc/{x1['leader']}/fd/{fd.name}")
        assert "bothy" not in target and "socket" not in target, target


def test_nobody_else_can_touch_processes(host, x1):
    for user in UID:
        for action in (f"kill -0 {x1['leader']}", f"cat /proc/{x1['leader']}/environ", f"ls /proc/{x1['leader']}/root/",
                       f"nsenter -U -t {x1['leader']} true"):
            assert host.run(user, action).returncode != 0, (user, action)
    assert state(host, "x1") == "running"

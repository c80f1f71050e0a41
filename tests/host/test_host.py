# SPDX-License-Identifier: LGPL-2.1-or-later
"""The throwaway host itself: it is a true one, and the machine does not notice it."""

import os
import pathlib
import subprocess
import time

import pytest


def test_systemd_runs(host):
    assert host.output("root", "systemctl is-system-running || true") == "running", \
        host.output("root", "systemctl --failed --no-legend --plain")
    assert host.output("root", "ps", "-o", "comm=", "-p", "1") == "systemd"


def test_polkit_decides(host):
    """An action that only an administrator gets is refused, one that anybody gets is granted."""
    refused = host.run("alice", "pkcheck --action-id org.freedesktop.timedate1.set-timezone --process $$")
    assert refused.returncode != 0
    assert "not authorized" in (refused.stdout + refused.stderr).lower() or refused.returncode in (1, 2)
    assert host.run("root", "pkcheck --action-id org.freedesktop.timedate1.set-timezone --process $$").returncode == 0


def test_installed_programs_find_their_libraries(host):
    """The list of what the host has is complete, and its suite is that of the build."""
    assert host.output("root", "ldd /usr/bin/bothy /usr/libexec/bothy/* 2>&1 | grep 'not found' || true") == ""
    assert host.output("alice", "bothy", "--version").startswith("bothy ")


def test_networkmanager_answers(host):
    assert host.output("root", "nmcli -t -f RUNNING general") == "running"


@pytest.mark.parametrize("user, uid", [("alice", 1000), ("bob", 1001), ("carol", 1002)])
def test_users_have_no_subordinate_ids(host, user, uid):
    assert host.output(user, "id", "-u") == str(uid)
    assert host.output("root", "cat /etc/subuid /etc/subgid") == ""


def test_carol_is_an_administrator(host):
    assert "sudo" in host.output("carol", "id", "-Gn").split()
    assert "sudo" not in host.output("alice", "id", "-Gn").split()


def test_active_session(host):
    properties = host.output("alice", "loginctl show-session -p Active -p Seat -p Remote $XDG_SESSION_ID",
                             session="active").split()
    assert sorted(properties) == ["Active=yes", "Remote=no", "Seat=seat0"]


def test_remote_session_has_no_seat(host):
    assert host.output("alice", "loginctl show-session -p Seat $XDG_SESSION_ID", session="remote") in ("", "Seat=")


def test_no_session(host):
    assert host.output("alice", "echo ${XDG_SESSION_ID:-none}") == "none"


def test_exit_status_and_streams_pass(host):
    for session in None, "active":
        done = host.run("alice", "cat; echo err >&2; exit 7", session=session, input="in")
        assert (done.returncode, done.stdout, done.stderr) == (7, "in", "err\n")


def test_user_namespaces_can_mount_proc_and_sys(host):
    """What a container needs: nothing covers /proc and /sys of the host."""
    host.run("alice", "unshare --user --map-root-user --pid --net --mount --fork "
             "sh -c 'mount -t proc proc /proc && mount -t sysfs sysfs /sys'", check=True)


def test_state_holds_an_overlay_upper_layer(host):
    host.run("root", """
        set -e
        d=$(mktemp -d /var/lib/bothy/.test-XXXXXX)
        trap 'umount $d/merged; rm -rf $d' EXIT
        mkdir $d/lower $d/upper $d/work $d/merged
        touch $d/lower/file
        mount -t overlay -o userxattr,lowerdir=$d/lower,upperdir=$d/upper,workdir=$d/work none $d/merged
        rm $d/merged/file
        test -e $d/upper/file
    """, check=True)


def test_root_in_the_host_cannot_set_the_clock(host):
    before = time.time()
    assert host.run("root", "date", "--set", "2001-01-01").returncode != 0
    assert abs(time.time() - before) < 10
    assert host.run("root", "modprobe", "dummy").returncode != 0


def test_bus_is_dbus_daemon(host):
    assert host.output("root", "ps -C dbus-daemon,dbus-broker -o comm=").split() == ["dbus-daemon"]


def test_bus_can_be_dbus_broker(fresh_host):
    host = fresh_host("--bus", "broker", stage=False)
    assert host.output("root", "ps -C dbus-daemon,dbus-broker -o comm=").split() == ["dbus-broker"]
    host.run("alice", "busctl", "call", "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "GetId", check=True)


def test_state_of_a_given_size(fresh_host):
    host = fresh_host("--state-size", "32M", stage=False)
    done = host.run("root", "dd if=/dev/zero of=/var/lib/bothy/big bs=1M count=64")
    assert done.returncode != 0
    assert "No space left" in done.stderr


def machine():
    """What of the machine a host could leave changed."""
    state = {
        "mounts": pathlib.Path("/proc/self/mountinfo").read_text(),
        "hostname": os.uname().nodename,
        "timezone": os.path.realpath("/etc/localtime"),
        "loops": sorted(str(path) for path in pathlib.Path("/sys/block").glob("loop*/loop")),
        "dev": sorted(str(path) for path in pathlib.Path("/dev").iterdir()),
        "tmp": pathlib.Path("/tmp").stat().st_mode,
        "links": sorted(os.listdir("/sys/class/net")),
        "modules": pathlib.Path("/proc/modules").read_text() if pathlib.Path("/proc/modules").exists() else "",
    }
    for path in pathlib.Path("/proc/sys").glob("[kv]*/*"):
        if path.is_file() and path.name not in ("random", "ns_last_pid", "pty", "stat_refresh", "drop_caches"):
            try:
                state[str(path)] = path.read_text()
            except OSError:
                pass
    for name in "core_pattern", "modprobe", "hotplug", "domainname":
        state.setdefault(name, "")
    for name in "file-max", "nr_open", "inotify/max_user_instances":
        state["fs/" + name] = pathlib.Path("/proc/sys/fs", name).read_text()
    return state


def test_machine_is_as_before(fresh_host):
    before = machine()
    host = fresh_host()
    handle, init = host.handle, host.init
    cgroup = pathlib.Path((handle / "cgroup").read_text().strip())
    host.run("root", "systemctl restart systemd-udevd; sysctl -q kernel.hostname=other; touch /tmp/x", check=True)
    lingering = subprocess.Popen(host.command("alice", "sleep", "600"), stdin=subprocess.DEVNULL)
    time.sleep(0.2)
    host.halt()
    assert lingering.wait(timeout=10) != 0
    assert not pathlib.Path(f"/proc/{init}").exists()
    assert not handle.exists()
    assert not cgroup.exists()
    after = machine()
    assert {name: (before.get(name), after.get(name)) for name in before if before[name] != after.get(name)} == {}

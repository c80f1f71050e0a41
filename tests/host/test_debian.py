# SPDX-License-Identifier: LGPL-2.1-or-later
"""A whole Debian system with systemd in a container, imported from a real archive."""

import json
import os
import pathlib
import subprocess
import time

import pytest

from tools import info, nothing_left, processes, put, until

HERE = pathlib.Path(__file__).parent


@pytest.fixture(scope="module")
def debian(host):
    """A container d1 of alice's; the archive has a file capability and a setuid program in it."""
    command = [HERE / "root", "image"]
    if os.environ.get("BOTHY_HOST_SUITE"):
        command.append(os.environ["BOTHY_HOST_SUITE"])
    archive = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    put(host, "/tmp/debian.tar.zst", archive)
    fingerprint = host.output("alice", "bothy image import --alias debian /tmp/debian.tar.zst", timeout=120)
    assert len(fingerprint) == 64
    host.run("alice", "bothy", "launch", "debian", "d1", check=True)
    host.output("alice", "bothy exec d1 -- timeout 60 sh -c 'until [ -S /run/systemd/private ]; do sleep 0.1; done'",
                timeout=90)
    yield host
    host.run("alice", "bothy", "delete", "--force", "d1", check=True)
    host.run("alice", "bothy", "image", "delete", "debian", check=True)
    nothing_left(host, 60)


def inside(host, script, **options):
    return host.output("alice", "bothy", "exec", "d1", "--", "sh", "-c", script, **options)


def test_systemd_runs_inside(debian):
    verdict = inside(debian, "systemctl is-system-running --wait || true", timeout=120)
    failed = inside(debian, "systemctl --failed --no-legend --plain")
    assert verdict in ("running", "degraded") and failed == "", failed
    assert inside(debian, "cat /proc/1/comm") == "systemd"
    assert "debian" in inside(debian, ". /etc/os-release; echo $ID")
    image, = [i for i in json.loads(debian.output("alice", "bothy image list --json")) if "debian" in i["aliases"]]
    assert image["os"] == "debian" and image["origin"] == "import"
    assert {"systemd", "systemd-journal"} & set(
        inside(debian, "ps -eo comm=").replace("systemd-journald", "systemd-journal").split())


def test_users_and_groups_inside(debian):
    assert inside(debian, "stat -c %U:%G:%a / /etc/shadow /tmp /usr/bin/su").split() == \
        ["root:root:755", "root:shadow:640", "root:root:1777", "root:root:4755"]
    inside(debian, "useradd -m -s /bin/sh dora || true")
    assert inside(debian, "su dora -c 'id -un; cd; pwd; touch file; stat -c %U file'") == "dora\n/home/dora\ndora"
    uid = int(inside(debian, "id -u dora"))
    base = info(debian, "d1")["rangeBase"]
    process = subprocess.Popen(debian.command("alice", "bothy", "exec", "-u", "dora", "d1", "--", "sleep", "3"),
                               stdin=subprocess.DEVNULL)
    seen = until(lambda: debian.run("root", "pgrep", "-u", str(base + uid), "-x", "sleep").stdout.split())
    assert len(seen) == 1
    process.wait(timeout=20)


def test_setuid_program(debian):
    inside(debian, "useradd -m -s /bin/sh dora 2>/dev/null; cp /usr/bin/id /usr/local/bin/suid && "
                   "chmod 4755 /usr/local/bin/suid")
    assert inside(debian, "su dora -c '/usr/local/bin/suid -u'") == "0"
    # su itself is one: root's password decides.
    inside(debian, "echo root:secret | chpasswd")
    assert inside(debian, "su dora -c 'echo secret | su root -c \"id -u\"'").splitlines()[-1].endswith("0")
    wrong = debian.run("alice", "bothy", "exec", "d1", "--", "su", "dora", "-c", "echo wrong | su root -c 'id -u'")
    assert wrong.returncode != 0 and "0" not in wrong.stdout.split()
    # And outside it means nothing: the file cannot be reached, and is not root's.
    file = debian.root / "var/lib/bothy/containers" / info(debian, "d1")["id"] / "data/upper/usr/local/bin/suid"
    assert file.stat().st_uid >= 65536
    assert debian.run("alice", str(file).replace(str(debian.root), "")).returncode != 0


def test_file_capability(debian):
    inside(debian, "useradd -m -s /bin/sh dora 2>/dev/null; cp /bin/cat /usr/local/bin/capcat && "
                   "setcap cap_dac_override+ep /usr/local/bin/capcat")
    assert "cap_dac_override" in inside(debian, "getcap /usr/local/bin/capcat")
    refused = debian.run("alice", "bothy", "exec", "-u", "dora", "d1", "--", "cat", "/etc/shadow")
    assert refused.returncode != 0
    assert "root:" in debian.output("alice", "bothy", "exec", "-u", "dora", "d1", "--", "/usr/local/bin/capcat",
                                    "/etc/shadow")
    # On disk it is worth something in that container only.
    value = debian.output("root", "getfattr", "-n", "security.capability", "-e", "hex", "--absolute-names",
                          "/var/lib/bothy/containers/" + info(debian, "d1")["id"] + "/data/upper/usr/local/bin/capcat")
    assert "=0x" in value
    kind = bytes.fromhex(value.split("=0x")[1][:8])
    assert kind[3] == 3 and int.from_bytes(bytes.fromhex(value.split("=0x")[1])[20:24], "little") != 0


def test_capability_survives_import(debian):
    """Of an archive with extended attributes, as tar --xattrs makes them."""
    made = debian.run("root", "rm -rf /tmp/c && mkdir -p /tmp/c/bin /tmp/c/etc && cp /bin/busybox /tmp/c/bin/ && "
                      "ln -s busybox /tmp/c/bin/sh && ln -s busybox /tmp/c/bin/id && cp /bin/busybox /tmp/c/bin/cat && "
                      "ln -s busybox /tmp/c/bin/sleep && "
                      "setcap cap_dac_override+ep /tmp/c/bin/cat && echo secret >/tmp/c/etc/secret && "
                      "chmod 600 /tmp/c/etc/secret && echo root:x:0:0::/:/bin/sh >/tmp/c/etc/passwd && "
                      "tar -C /tmp/c --xattrs --xattrs-include='*' -cf /tmp/c.tar . && chmod 644 /tmp/c.tar")
    assert made.returncode == 0, made.stderr
    debian.run("alice", "bothy image import --alias caps /tmp/c.tar && bothy create caps c1 -- /bin/sleep 1000 && "
                        "bothy start c1", check=True)
    try:
        assert debian.output("alice", "bothy exec -u 1000 c1 -- /bin/cat /etc/secret") == "secret"
        assert debian.run("alice", "bothy exec -u 1000 c1 -- /bin/busybox cat /etc/secret").returncode != 0
    finally:
        debian.run("alice", "bothy delete -f c1; bothy image delete caps", check=True)


def test_package_is_installed(debian):
    inside(debian, """set -e
        rm -rf /tmp/p && mkdir -p /tmp/p/DEBIAN /tmp/p/usr/bin
        printf 'Package: hello-bothy\\nVersion: 1\\nArchitecture: all\\nMaintainer: a <a@b.c>\\nDescription: x\\n' \
            >/tmp/p/DEBIAN/control
        printf '#!/bin/sh\\nuseradd -r hellouser\\nchown hellouser /usr/bin/hello-bothy\\n' >/tmp/p/DEBIAN/postinst
        chmod 755 /tmp/p/DEBIAN /tmp/p/DEBIAN/postinst
        printf '#!/bin/sh\\necho hello\\n' >/tmp/p/usr/bin/hello-bothy; chmod 755 /tmp/p/usr/bin/hello-bothy
        dpkg-deb --build /tmp/p /tmp/p.deb""")
    inside(debian, "DEBIAN_FRONTEND=noninteractive apt-get install -y /tmp/p.deb", timeout=120)
    assert inside(debian, "hello-bothy; stat -c %U /usr/bin/hello-bothy") == "hello\nhellouser"
    assert inside(debian, "dpkg -s hello-bothy | grep Status") == "Status: install ok installed"
    inside(debian, "dpkg -P hello-bothy")


def test_unit_inside(debian):
    inside(debian, "systemd-run --unit t1 --wait sh -c 'exit 0' && ! systemd-run --unit t2 --wait sh -c 'exit 3'")
    assert inside(debian, "journalctl -u t2 --no-pager -o cat | grep -c status=3") != "0"
    inside(debian, "systemctl reset-failed")


def test_services_are_stopped(debian):
    """Their own commands for that run, and there is time for them; what was in /run and /tmp is gone at the next start."""
    unit = ("[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart=/bin/true\\nExecStop=/bin/sh -c \"sleep 1; touch /root/bye\"\\n"
            "[Install]\\nWantedBy=multi-user.target\\n")
    inside(debian, f"rm -f /root/bye; mkdir -p /var/log/journal; printf '{unit}' >/etc/systemd/system/seen.service; systemctl daemon-reload; "
                   "systemctl enable --now seen.service 2>/dev/null; touch /run/x.pid /tmp/x; chmod 0700 /run /tmp; systemctl restart systemd-journald")
    seen = "stat -c '%a %u:%g' /run /tmp /dev/shm; ls /run/x.pid /tmp/x 2>/dev/null || true"
    debian.run("alice", "bothy", "stop", "d1", check=True, timeout=90)
    debian.run("alice", "bothy", "start", "d1", check=True)
    inside(debian, "systemctl is-system-running --wait >/dev/null || true", timeout=120)
    assert inside(debian, "ls /root/bye") == "/root/bye"
    assert inside(debian, seen) == "755 0:0\n1777 0:0\n1777 0:0"
    # The boot is the machine's, so the journal has both.
    said = inside(debian, "journalctl -o cat")
    assert "Stopped seen.service" in said and "Reached target shutdown.target" in said, said[-2000:]
    inside(debian, "systemctl disable --now seen.service 2>/dev/null; rm /etc/systemd/system/seen.service; rm -r /var/log/journal")


@pytest.mark.parametrize("more", [(), ("PrivateMounts=yes",), ("ProtectSystem=strict",)], ids=lambda more: "".join(more))
def test_credentials_of_services(debian, more):
    inside(debian, "echo from-file >/root/secret")
    options = " ".join(f"-p {option}" for option in ("SetCredential=a:b", "LoadCredential=f:/root/secret", *more))
    said = inside(debian, f"systemd-run --quiet --wait --pipe {options} sh -c 'cat $CREDENTIALS_DIRECTORY/a; echo; cat $CREDENTIALS_DIRECTORY/f'", timeout=60)
    assert said == "b\nfrom-file", said


def test_reboot_and_poweroff(debian):
    before = info(debian, "d1")
    inside(debian, "touch /root/stays; systemctl reboot --no-block")
    until(lambda: (lambda now: now["state"] == "running" and now["leaderPIDFDId"] != before["leaderPIDFDId"])(
        info(debian, "d1")), 40, "it is rebooted")
    inside(debian, "timeout 60 sh -c 'until [ -S /run/systemd/private ]; do sleep 0.1; done'; "
                   "systemctl is-system-running --wait; test -e /root/stays", timeout=90)
    inside(debian, "systemctl poweroff --no-block")
    debian.run("alice", "bothy", "wait", "-t", "40", "d1", check=True)
    after = info(debian, "d1")
    assert (after["state"], after["lastError"]) == ("stopped", "")
    assert processes(debian, after) == []
    debian.run("alice", "bothy", "start", "d1", check=True)
    start = time.monotonic()
    debian.run("alice", "bothy", "stop", "d1", check=True, timeout=90)
    assert time.monotonic() - start < 25
    debian.run("alice", "bothy", "start", "d1", check=True)

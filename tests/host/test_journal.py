# SPDX-License-Identifier: LGPL-2.1-or-later
"""OBJ-10: what the journal says of a container is for administrators, and cannot pass for something else."""

import json
import time

from tools import info, supervisor, tidy, until  # noqa: F401


def test_journal_of_a_container_OBJ_10(host):
    host.run("alice", "bothy", "launch", "busybox", "secretname", check=True)
    x1 = info(host, "secretname")
    host.run("root", f"kill -9 {supervisor(host, x1)}", check=True)
    until(lambda: info(host, "secretname")["state"] == "failed")
    host.run("alice", "bothy", "start", "secretname", check=True)
    host.run("root", "journalctl --sync", check=True)
    entries = [json.loads(line) for line in
               host.output("root", "journalctl -b -o json -u bothyd -u bothy-helper -u bothy-spawn -u bothy-parse -u bothy-net").splitlines()]
    assert entries and {entry["_UID"] for entry in entries if "_UID" in entry} == {"0"}
    for entry in entries:
        # The journal gives what is not printable as a list of bytes.
        assert isinstance(entry["MESSAGE"], str) and entry["MESSAGE"].isprintable(), entry
    for user in "alice", "bob":
        seen = host.run(user, "journalctl -b -o cat -u bothyd -u bothy-helper -u bothy-spawn -u bothy-parse; journalctl -b -o export").stdout
        assert x1["id"] not in seen and "secretname" not in seen, user
    # What a caller says, or a container's console, is in no entry at all.
    host.run("bob", "bothy create busybox 'a\x1b[31mb'; bothy exec alice/secretname true")
    host.run("alice", "bothy exec secretname -- sh -c 'echo HOSTILE >/dev/console; logger HOSTILE'")
    assert "HOSTILE" not in host.output("root", "journalctl -b -o cat -u bothyd -u bothy-helper -u bothy-spawn -u bothy-parse")


def test_who_did_what(host):
    """In the journal, for administrators, by field; in the container's own history, for its owner."""
    # What an earlier test did may have been so much that the rest is only counted, for ten seconds.
    time.sleep(11)
    host.run("alice", "bothy", "launch", "busybox", "x1", check=True)
    host.run("root", "bothy", "stop", "--force", "alice/x1", check=True)
    x1 = info(host, "x1")
    host.run("root", "journalctl --sync", check=True)
    entries = [json.loads(line) for line in host.output("root", f"journalctl -b -o json -u bothyd BOTHY_ID={x1['id']}").splitlines()]
    found = [(entry["BOTHY_CONTAINER"], entry["BOTHY_OWNER"], entry.get("BOTHY_USER"), entry["BOTHY_DEED"], entry["BOTHY_GROUNDS"])
             for entry in entries if "BOTHY_DEED" in entry]
    assert [deed[3].split()[0] for deed in found] == ["CreateContainer", "Start", "killed", "Stop"]
    assert found[1] == ("x1", "1000", "1000", "Start", "owner") and found[3] == ("x1", "1000", "0", "Stop", "root")
    assert found[2][2] is None
    shown = host.run("alice", "bothy", "history", "x1", check=True).stdout.splitlines()
    assert shown[0].split() == ["WHEN", "WHO", "WHAT", "AS"]
    assert [line.split()[2:] for line in shown[2:]] == [["alice", "Start", "owner"], ["-", "killed", "by", "signal", "9"],
                                                        ["root", "Stop", "root"]]
    last, = json.loads(host.run("alice", "bothy", "history", "--json", "-n", "1", "x1", check=True).stdout)
    assert (last["user"], last["deed"], last["grounds"]) == (0, "Stop", "root")
    assert host.run("alice", "bothy", "history", "x2").returncode == 1
    assert host.run("bob", "bothy", "--no-ask-password", "history", "alice/x1").returncode == 1

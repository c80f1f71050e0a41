# SPDX-License-Identifier: LGPL-2.1-or-later
"""OBJ-10: what the journal says of a container is for administrators, and cannot pass for something else."""

import json

from tools import info, supervisor, tidy, until  # noqa: F401


def test_journal_of_a_container_OBJ_10(host):
    host.run("alice", "bothy", "launch", "busybox", "secretname", check=True)
    x1 = info(host, "secretname")
    host.run("root", f"kill -9 {supervisor(host, x1)}", check=True)
    until(lambda: info(host, "secretname")["state"] == "failed")
    host.run("alice", "bothy", "start", "secretname", check=True)
    host.run("root", "journalctl --sync", check=True)
    entries = [json.loads(line) for line in
               host.output("root", "journalctl -b -o json -u bothyd -u bothy-helper -u bothy-spawn -u bothy-net").splitlines()]
    assert entries and {entry["_UID"] for entry in entries if "_UID" in entry} == {"0"}
    for entry in entries:
        # The journal gives what is not printable as a list of bytes.
        assert isinstance(entry["MESSAGE"], str) and entry["MESSAGE"].isprintable(), entry
    for user in "alice", "bob":
        seen = host.run(user, "journalctl -b -o cat -u bothyd -u bothy-helper -u bothy-spawn; journalctl -b -o export").stdout
        assert x1["id"] not in seen and "secretname" not in seen, user
    # What a caller says, or a container's console, is in no entry at all.
    host.run("bob", "bothy create busybox 'a\x1b[31mb'; bothy exec alice/secretname true")
    host.run("alice", "bothy exec secretname -- sh -c 'echo HOSTILE >/dev/console; logger HOSTILE'")
    assert "HOSTILE" not in host.output("root", "journalctl -b -o cat -u bothyd -u bothy-helper -u bothy-spawn")

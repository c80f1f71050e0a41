# SPDX-License-Identifier: LGPL-2.1-or-later
"""The application, used by alice as with a mouse, against the real service."""

import json

from conftest import wait_for


def state(host, name):
    done = host.run("alice", "bothy", "info", name, "--json")
    return json.loads(done.stdout)["state"] if done.returncode == 0 else None


def make(host, name, *options):
    host.run("alice", "bothy", "launch", *options, "busybox", name, check=True)


def path(name):
    return f"/org/bothy/Bothy1/container/u1000/{name}"


def test_first_container(app, host):
    """Somebody without a container makes one with clicks alone."""
    app.see("No Containers Yet")
    app.shot("01-empty")
    app.click("New Container…")
    app.click("busybox")
    app.see("Account Like Yours")
    app.do("type Name=first")
    app.shot("03-create-options")
    app.click("Make Container")
    wait_for(lambda: state(host, "first") == "running", "a running container")
    app.see("Running")
    app.shot("04-overview")

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Init systems of images, from Debian's packages: each boots, and powers off in its own way when it is asked to."""

import time

import pytest

from mirror import suite
from test_build import mirror  # noqa: F401
from tools import state, tidy, until  # noqa: F401

# The packages of each, and a service that leaves a trace when it is stopped.
INITS = {
    "sysvinit": ("sysvinit-core,initscripts,sysv-rc", r"""
printf '#!/bin/sh\n### BEGIN INIT INFO\n# Provides: seen\n# Required-Start:\n# Required-Stop:\n# Default-Start: 2
# Default-Stop: 0\n### END INIT INFO\n[ "$1" != stop ] || echo gently >/down\n' >/etc/init.d/seen
chmod 755 /etc/init.d/seen
update-rc.d seen defaults
/etc/init.d/seen start"""),
    "openrc": ("sysvinit-core,initscripts,openrc", r"""
printf '#!/sbin/openrc-run\nstart() { :; }\nstop() { echo gently >/down; }\n' >/etc/init.d/seen
chmod 755 /etc/init.d/seen
rc-update add seen default
rc-service seen start"""),
    "runit": ("runit-init", r"""
sed -i '2iecho gently >/down' /etc/runit/3"""),
}
# What runs once it is up.
UP = {"sysvinit": "runlevel | grep 2", "openrc": "runlevel | grep 2", "runit": "pidof runsvdir"}


@pytest.mark.once
@pytest.mark.parametrize("kind", INITS)
def test_init_powers_off(host, mirror, kind):  # noqa: F811
    """Its scripts run: none is killed in the end, as one that did not understand would be."""
    packages, service = INITS[kind]
    done = host.run("alice", f"bothy image build --bootstrap debian:{suite()} --variant minbase --include {packages}",
                    timeout=900)
    assert done.returncode == 0, done.stderr
    host.run("alice", "bothy", "launch", done.stdout.strip(), "x1", check=True)
    until(lambda: host.run("alice", "bothy", "exec", "x1", "--", "sh", "-c", UP[kind]).returncode == 0, 60, UP[kind])
    host.run("alice", "bothy", "exec", "x1", "--", "sh", "-euc", service, check=True)
    begin = time.monotonic()
    host.run("alice", "bothy", "stop", "--timeout", "200", "x1", check=True, timeout=240)
    assert time.monotonic() - begin < 150 and state(host, "x1") == "stopped"
    host.run("alice", "bothy", "start", "x1", check=True)
    assert host.output("alice", "bothy exec x1 -- cat /down") == "gently"

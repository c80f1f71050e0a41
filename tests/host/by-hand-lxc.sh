#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A container of LXC, as an ordinary user with nothing set up: bothy-by-hand(7) explains it. To be run in an empty
# directory; $1 is an archive with a root file system that has an init. The container ends with the shell inside.
# shellcheck disable=SC2086
set -eu
range=$(bothy range allocate --quiet)
mine="-m b:0:$range:65536"
both="-m u:0:$(id -u):1 -m g:0:$(id -g):1 -m b:1:$range:65536" # who can reach what is mine and what is theirs
mkdir web
bothy userns-exec $both -- chown 1:1 web
bothy userns-exec $mine -- sh -c 'mkdir web/rootfs && tar -C web/rootfs -xp' <"$1"
cat >web.conf <<END
lxc.uts.name = web
lxc.rootfs.path = dir:$PWD/web/rootfs
lxc.mount.auto = proc:mixed sys:mixed cgroup:mixed
lxc.net.0.type = empty
lxc.cgroup.relative = 1
END
lxc="env HOME=$PWD/web XDG_RUNTIME_DIR=$PWD/web"
$lxc bothy unshare -C -m $mine -- sh -ec 'mount -t cgroup2 none /mnt; mount --bind /mnt /sys/fs/cgroup
  exec lxc-start -F -n web -P "$HOME" -f web.conf' &
web="nsenter -t $! -U -m $lxc" # the tools of LXC have to be where it is
info="$web lxc-info -n web -P $PWD/web -H"
until [ "$($info -s 2>/dev/null)" = RUNNING ]; do sleep 0.1; done
pid=$($info -p)
bothy nic attach "$pid"
nsenter -t "$pid" -U -m -u -i -n -p -C /bin/sh || true
$web lxc-stop -n web -P "$PWD/web" --kill
wait $! || true
bothy userns-exec $both -- rm -rf web; rm web.conf
bothy range release "$range"

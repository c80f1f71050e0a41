#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A container by hand, as an ordinary user with nothing set up: bothy-by-hand(7) explains it. To be run in an empty
# directory; $1 is an archive with a root file system that has a shell, useradd and setpriv.
# shellcheck disable=SC2086
set -eu
range=$(bothy range allocate --quiet)
mine="-m b:0:$range:65536"
both="-m u:0:$(id -u):1 -m g:0:$(id -g):1 -m b:1:$range:65536" # who can reach what is mine and what is theirs
mkdir rootfs; mkfifo -m 666 up
bothy userns-exec $both -- chown 1:1 rootfs
bothy userns-exec $mine -- tar -C rootfs -xpf "$1"
bothy userns-exec $mine -- sh -c 'mkdir -p rootfs/dev rootfs/proc rootfs/home; touch rootfs/dev/null'
bothy unshare -C $mine -s 'MOUNT|PID|UTSNAME|IPC|NETWORK' -- sh -ec 'read _ <up; grep -o eth0 /proc/net/dev; hostname by-hand
  mount --bind /dev/null rootfs/dev/null; mount -t proc proc rootfs/proc; exec chroot rootfs sh -ec "
  useradd --user-group --create-home user; setpriv --reuid user --regid user --clear-groups touch /home/user/x
  stat -c %U /home/user/x; hostname; cat /proc/1/comm; tail -n 1 /proc/self/cgroup"' &
until bothy nic attach --quiet "$(pgrep -P $!)" 2>/dev/null; do sleep 0.1; done # once its first process is there
echo >up; wait $!; rm up
bothy userns-exec $both -- rm -rf rootfs
bothy range release "$range"

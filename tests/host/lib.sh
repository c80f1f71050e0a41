# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the scripts of the test host share. To be sourced.

# Without a process where the path is plain already: `enter` runs thousands of times.
case ${BASH_SOURCE[0]} in
  *//* | */./* | */../* | [!/]*) here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd) ;;
  *) here=${BASH_SOURCE[0]%/*} ;;
esac
# shellcheck disable=SC2034
source_root=${here%/tests/host}
# shellcheck disable=SC2034
cache=${XDG_CACHE_HOME:-/var/cache}/bothy-tests

# A test host's root user must not set the machine's clock, load its modules or
# read its log: none of that is in a namespace.
# shellcheck disable=SC2034
dropped_capabilities=-sys_time,-sys_module,-sys_rawio,-syslog,-wake_alarm,-mac_admin,-mac_override,-audit_control

die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

need_root() {
  [ "$EUID" = 0 ] || die "this needs root"
}

# Early, for later it looks as if Bothy were broken.
need_namespaces() {
  unshare --user true 2>/dev/null ||
    die "no user namespace can be made here: in a chroot the kernel refuses them, elsewhere see user.max_user_namespaces"
  unshare --mount --pid --fork --net true 2>/dev/null ||
    die "no namespaces can be made here: in a container, it needs to be a privileged one"
  cgroup2_mount >/dev/null
}

machine_suite() {
  # shellcheck disable=SC1091
  (. /etc/os-release && [ -n "${VERSION_CODENAME:-}" ] && echo "$VERSION_CODENAME") ||
    die "cannot tell the Debian release of this machine"
}

# Whether the application can be built on a Debian release: libadwaita is too old in 12.
builds_app() {
  [ "$1" != bookworm ]
}

# The mirror that apt is set up with, for whatever suite.
mirror() {
  local uri
  # shellcheck disable=SC2016
  uri=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
    awk -v suite="$(machine_suite)" '$1 == suite { print $2; exit }')
  [ -n "$uri" ] || die "apt has no source for $(machine_suite)"
  echo "$uri"
}

# Packages of one or more lists in packages.list.
package_list() {
  local section
  for section; do
    awk -v section="[$section]" '
      /^#/ || /^$/ { next }
      /^\[/ { inside = ($0 == section); if (inside) found = 1; next }
      inside { for (i = 1; i <= NF; i++) print $i }
      END { if (!found) exit 1 }' "$here/packages.list" || die "no package list '$section'"
  done
}

# The machine's cgroup2 mount: at its own place, or beside cgroup v1.
cgroup2_mount() {
  findmnt --noheadings --first-only --types cgroup2 --output TARGET || die "no cgroup2 is mounted: mount -t cgroup2 cgroup2 /sys/fs/cgroup, unless it has something else"
}

# Sets init_pid to the host's first process, or fails if it is gone. When a process started is
# field 22 of its stat, the 20th behind its name: with the pid it names one process for good.
find_init() {
  local started line fields
  [ -r "$1/init" ] || return 1
  read -r init_pid started <"$1/init"
  { read -r line <"/proc/$init_pid/stat"; } 2>/dev/null || return 1
  read -ra fields <<<"${line##*) }"
  [ "${fields[19]}" = "$started" ]
}

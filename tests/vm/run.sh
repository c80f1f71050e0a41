# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# In the virtual machine: runs the tests and prints TAP to its console. Each function
# test_… is a test; it fails when a command of it does.
exec >/dev/ttyS0 2>&1
set -u
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
cd /

# Runs a line of shell as alice.
alice() {
  runuser -u alice -- sh -c "$1"
}

fail() {
  echo "$*"
  return 1
}

# The file of a container's control group.
group_file() {
  cat "/sys/fs/cgroup$(alice "bothy info --json $1" | jq -r .controlGroup)/$2"
}

# until_true SECONDS COMMAND...
until_true() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.2
  done
}

mapfile -t wanted < <(grep . /tests/wanted)
# Whether a test is wanted: by a part of its name, or because none is.
is_wanted() {
  local word
  [ ${#wanted[@]} -gt 0 ] || return 0
  for word in "${wanted[@]}"; do
    [[ $1 != *$word* ]] || return 0
  done
  return 1
}

number=0 failed=0
for file in /tests/test-*.sh; do
  # shellcheck disable=SC1090
  . "$file"
done
for test in $(declare -F | awk '$3 ~ /^test_/ { print $3 }'); do
  is_wanted "$test" || continue
  number=$((number + 1))
  # A shell of its own: with "set -e" in a condition nothing would end it.
  (
    set -eux
    "$test"
  ) >/run/test-log 2>&1
  # shellcheck disable=SC2181
  if [ $? = 0 ]; then
    echo "ok $number - vm/$test"
  else
    failed=$((failed + 1))
    echo "not ok $number - vm/$test"
    tail -n 12 /run/test-log | sed 's/^/# /'
    journalctl -o cat -u bothyd -u bothy-helper --since "-30s" | tail -n 5 | sed 's/^/# /'
    # What runs on would disturb the next one.
    alice 'bothy delete --force $(bothy list -q)' >/dev/null 2>&1
  fi
done
echo "1..$number"
sync
# Without a wait for what a test may have left behind.
systemctl poweroff --force --force

# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Limits do what they say; see tests/vm/run.sh.

MIB=1048576

gone() {
  alice "bothy delete --force $1" >/dev/null
}

oom_kills() {
  busctl --json=short call org.bothy.Bothy1 "/org/bothy/Bothy1/container/u1000/$1" org.bothy.Bothy1.Container GetStats |
    jq '.data[0]["oom-kills"].data'
}

test_controllers_are_here() {
  for controller in memory pids cpu io cpuset; do
    grep -qw "$controller" /sys/fs/cgroup/cgroup.controllers
  done
}

test_limits_are_in_the_files() {
  alice 'bothy create busybox l1 --limit memory=64M --limit memory-high=48M --limit swap=16M --limit pids=100 --cpus 0.5 \
         --limit cpus=1 --limit cpu-weight=50 --limit io-weight=70'
  alice 'bothy start l1'
  [ "$(group_file l1 memory.max)" = $((64 * MIB)) ]
  [ "$(group_file l1 memory.high)" = $((48 * MIB)) ]
  [ "$(group_file l1 memory.swap.max)" = $((16 * MIB)) ]
  [ "$(group_file l1 pids.max)" = 100 ]
  [ "$(group_file l1 cpu.max)" = "50000 100000" ]
  [ "$(group_file l1 cpu.weight)" = 50 ]
  [ "$(group_file l1 cpuset.cpus)" = 1 ]
  [ ! -e "/sys/fs/cgroup$(alice 'bothy info --json l1' | jq -r .controlGroup)/io.weight" ] ||
    [ "$(group_file l1 io.weight)" = "default 70" ]
  gone l1
}

test_preset_of_pids() {
  alice 'bothy launch busybox l2'
  [ "$(group_file l2 pids.max)" = 4096 ]
  [ "$(group_file l2 memory.max)" = max ]
  gone l2
}

test_live_change() {
  alice 'bothy launch busybox l3'
  alice 'bothy limit l3 memory=100M pids=50 cpu=1.5 cpus=0'
  [ "$(group_file l3 memory.max)" = $((100 * MIB)) ]
  [ "$(group_file l3 pids.max)" = 50 ]
  [ "$(group_file l3 cpu.max)" = "150000 100000" ]
  [ "$(group_file l3 cpuset.cpus)" = 0 ]
  alice 'bothy limit l3 memory=max cpu=max cpus=max'
  [ "$(group_file l3 memory.max)" = max ]
  [ "$(group_file l3 cpu.max)" = "max 100000" ]
  [ "$(group_file l3 pids.max)" = 50 ]
  # A frozen one as well, and the next run.
  alice 'bothy freeze l3; bothy limit l3 pids=60; bothy thaw l3'
  [ "$(group_file l3 pids.max)" = 60 ]
  alice 'bothy restart --timeout 1 l3'
  [ "$(group_file l3 pids.max)" = 60 ]
  [ "$(group_file l3 memory.max)" = max ]
  gone l3
}

test_limits_survive_the_service() {
  alice 'bothy launch busybox l4 -m 70M'
  systemctl restart bothyd
  alice 'bothy limit l4 --json' | jq -e '.memory == 73400320' >/dev/null
  [ "$(group_file l4 memory.max)" = $((70 * MIB)) ]
  alice 'bothy limit l4 memory=80M'
  [ "$(group_file l4 memory.max)" = $((80 * MIB)) ]
  gone l4
}

# CG-06
test_memory_hog_is_killed_inside() {
  alice 'bothy launch busybox l5 -m 64M --limit swap=0'
  busctl monitor --json=short org.bothy.Bothy1 >/run/signals 2>/dev/null &
  local monitor=$! status=0
  sleep 1
  alice 'bothy exec l5 -- tail /dev/zero' || status=$?
  [ $status = 137 ] || fail "the hog ended with $status"
  until_true 10 sh -c '[ "$(bothy info --json alice/l5 | jq -r .lastError | grep -c "Out of memory")" = 1 ]'
  [ "$(oom_kills l5)" = 1 ]
  [ "$(alice 'bothy info --json l5' | jq -r .state)" = running ] || fail "it did not go on"
  alice 'bothy exec l5 true'
  until_true 10 sh -c 'journalctl -o json MESSAGE_ID=5a6d1b0d7e1f4b0f9b6f3a1c0e8d2c47 | jq -e "select(.BOTHY_CONTAINER == \"l5\")" >/dev/null'
  until_true 10 grep -q '"member":"OutOfMemory"' /run/signals
  kill $monitor
  [ "$(systemctl is-system-running)" != degraded ] || ! systemctl --failed --no-legend | grep -qv bothy-vm
  gone l5
}

test_hog_as_the_first_process() {
  local status=0
  alice 'bothy run --name l6 -m 64M --limit swap=0 busybox tail /dev/zero' || status=$?
  [ $status = 137 ] || fail "it ended with $status"
  alice 'bothy info --json l6' | jq -r .lastError | grep 'Out of memory'
  gone l6
}

# CG-06
test_fork_bomb_stays_inside() {
  alice 'bothy launch busybox l7 --limit pids=64'
  # One whose processes stay: it ends when there is no room for another one.
  ! timeout 60 runuser -u alice -- bothy exec l7 -- sh -c 'while :; do sleep 1000 & done' >/dev/null 2>&1
  [ "$(group_file l7 pids.current)" -le 64 ] && [ "$(group_file l7 pids.current)" -gt 32 ]
  # And one that does not give up.
  alice 'bothy restart --timeout 0 l7'
  alice 'bothy exec l7 -- sh -c "f() { f | f & f; }; f" >/dev/null 2>&1' &
  sleep 3
  [ "$(group_file l7 pids.current)" -le 64 ]
  # Everybody else goes on, and the bomb can be put out.
  alice 'bothy launch busybox l8'
  alice 'bothy exec l8 true'
  timeout 60 runuser -u alice -- bothy stop --force l7
  wait
  gone l7
  gone l8
}

test_processor_time() {
  alice 'bothy launch busybox l9 --cpus 0.2 -- sh -c "while :; do :; done"'
  local before began after ended
  # Both in hundredths of a second; the machine is slow, and a sleep as long as it likes.
  before=$(($(group_file l9 cpu.stat | sed -n 's/^usage_usec //p') / 10000))
  began=$(sed 's/ .*//; s/\.//' /proc/uptime)
  sleep 5
  after=$(($(group_file l9 cpu.stat | sed -n 's/^usage_usec //p') / 10000))
  ended=$(sed 's/ .*//; s/\.//' /proc/uptime)
  # A fifth of the time, and some air.
  [ $(((after - before) * 3)) -lt $((ended - began)) ] || fail "$((after - before)) of $((ended - began))"
  [ "$(group_file l9 cpu.stat | sed -n 's/^nr_throttled //p')" -gt 0 ]
  # The first process of a pid namespace ends by nothing less.
  alice 'bothy stop --force l9'
  gone l9
}

# CG-04
test_nobody_inside_raises_the_limit() {
  alice 'bothy launch busybox l10 -m 64M --limit swap=0 --limit pids=100'
  local group
  group=/sys/fs/cgroup$(alice 'bothy info --json l10' | jq -r .controlGroup)
  local uid
  uid=$(alice 'bothy info --json l10' | jq .rangeBase)
  # Who has the container's root's id can write what the kernel's delegation lists, and no limit.
  for file in memory.max memory.high memory.swap.max pids.max cpu.max cpu.weight cpuset.cpus; do
    [ "$(stat -c %u "$group/$file")" = 0 ] || fail "$file is $(stat -c %u "$group/$file")'s"
    ! setpriv --reuid "$uid" --regid "$uid" --clear-groups sh -c "echo max >$group/$file" 2>/dev/null ||
      fail "$file could be written"
  done
  for file in cgroup.procs cgroup.subtree_control; do
    [ "$(stat -c %u "$group/$file")" = "$uid" ]
  done
  # From inside: whatever it can write, the hog ends as before.
  alice 'bothy exec l10 -- sh -c "for f in /sys/fs/cgroup/memory.max /sys/fs/cgroup/*/memory.max; do echo max >\$f; done" 2>/dev/null' || true
  alice 'bothy exec l10 -- sh -c "mount -o remount,rw /sys/fs/cgroup; echo max >/sys/fs/cgroup/../memory.max" 2>/dev/null' || true
  [ "$(cat "$group/memory.max")" = $((64 * MIB)) ]
  local status=0
  alice 'bothy exec l10 -- tail /dev/zero' || status=$?
  [ $status = 137 ] || fail "the hog ended with $status"
  gone l10
}

test_stats() {
  alice 'bothy launch busybox l11 -m 64M'
  alice 'bothy top --json' >/run/top
  jq -e '.[0] | .name == "l11" and .memory > 0 and .memoryMax == 67108864 and .pids > 1 and .cpuUsec > 0 and
    .cpuPercent >= 0 and .oomKills == 0' /run/top || fail "$(cat /run/top)"
  alice 'bothy top --once' | grep -E '^l11 +running +[0-9.]+ +[0-9.]+[KM]/64M +[0-9]+ '
  gone l11
}

configure() {
  printf '%b' "$1" >/etc/bothy/bothyd.conf
  systemctl restart bothyd
}

test_ceilings() {
  mkdir -p /etc/bothy
  configure '[Limits]\nContainerMemory=134217728\nUserMemory=201326592\nUserTasks=500\n'
  alice 'bothy launch busybox l12'
  [ "$(group_file l12 memory.max)" = $((128 * MIB)) ]
  ! alice 'bothy limit l12 memory=256M' 2>/run/refused
  grep -q '"memory"' /run/refused
  [ "$(group_file l12 memory.max)" = $((128 * MIB)) ]
  ! alice 'bothy create busybox l13 -m 1G' 2>/dev/null
  # An administrator may, and it lasts.
  bothy limit alice/l12 memory=256M
  [ "$(group_file l12 memory.max)" = $((256 * MIB)) ]
  alice 'bothy restart --timeout 1 l12'
  [ "$(group_file l12 memory.max)" = $((256 * MIB)) ]
  # But all of a user's together keep to his.
  [ "$(cat /sys/fs/cgroup/user.slice/user-1000.slice/user-1000-bothy.slice/memory.max)" = $((192 * MIB)) ]
  [ "$(cat /sys/fs/cgroup/user.slice/user-1000.slice/user-1000-bothy.slice/pids.max)" = 500 ]
  gone l12
  configure ''
  alice 'bothy launch busybox l14'
  [ "$(group_file l14 memory.max)" = max ]
  [ "$(group_file l14 ../memory.max)" = max ]
  gone l14
}

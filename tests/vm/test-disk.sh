# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Limits of disk and inodes, on file systems made for it; see tests/vm/run.sh. The kernel of the machine that
# the other suites run on may be built without quotas, so this is the place where they are seen to hold.

STATE=/var/lib/bothy

# Runs a line of shell as bob, who is somebody else.
bob() {
  runuser -u bob -- sh -c "$1"
}

# with_state FILE-SYSTEM [SETTING...]: a new, small file system under Bothy's state, and these settings in [Limits].
with_state() {
  local kind=$1 options=nosuid,nodev,prjquota setting
  shift
  id bob >/dev/null 2>&1 || useradd -m -s /bin/bash -u 1001 bob
  without_state
  truncate -s 600M /var/tmp/state.img
  case $kind in
    ext4) mkfs.ext4 -q -m 0 -O quota,project -E quotatype=prjquota /var/tmp/state.img ;;
    xfs) mkfs.xfs -q /var/tmp/state.img ;;
    plain)
      mkfs.ext4 -q -m 0 /var/tmp/state.img
      options=nosuid,nodev
      ;;
  esac
  mount -o "loop,$options" /var/tmp/state.img $STATE
  chmod 700 $STATE
  mkdir -p /etc/bothy
  {
    echo '[Limits]'
    for setting in "$@"; do echo "$setting"; done
  } >/etc/bothy/bothyd.conf
  # The bus would not wait for so long as a machine without KVM may take.
  systemctl start bothyd
}

without_state() {
  systemctl stop bothyd bothy-helper bothy-spawn bothy-parse
  while mountpoint -q $STATE; do umount $STATE; done
  rm -f /var/tmp/state.img /etc/bothy/bothyd.conf
}

done_with_state() {
  for user in alice bob; do
    # shellcheck disable=SC2016
    runuser -u $user -- sh -c 'names=$(bothy list -q); [ -z "$names" ] || bothy delete --force $names >/dev/null'
  done
  until_true 60 nothing_in_trash
  without_state
}

nothing_in_trash() {
  [ -z "$(ls -A $STATE/trash)" ]
}

# record NAME KEY of alice's container
record() {
  sed -n "s/^$2=//p" "$STATE/containers/$(alice "bothy info --json $1" | jq -r .id)/container"
}

stat_of() {
  busctl --json=short call org.bothy.Bothy1 "/org/bothy/Bothy1/container/u1000/$1" org.bothy.Bothy1.Container GetStats |
    jq ".data[0][\"$2\"].data"
}

# between LOW NUMBER HIGH
between() {
  if [ "$2" -lt "$1" ] || [ "$2" -gt "$3" ]; then
    fail "$2 is not between $1 and $3"
  fi
}

# bytes_stop NAME MIB: writing inside ends there, with an error that says why.
bytes_stop() {
  local name=$1 mib=$2 size
  ! alice "bothy exec $name -- dd if=/dev/zero of=/root/zeros bs=1M count=400" 2>/run/dd || fail "nothing stopped it"
  grep -Eiq 'quota|space' /run/dd || fail "$(cat /run/dd)"
  size=$(alice "bothy exec $name -- stat -c %s /root/zeros")
  between $(((mib - 4) * 1048576)) "$size" $((mib * 1048576))
}

bound_of_bytes() {
  with_state "$1"
  alice 'bothy launch busybox d1 --disk 40M'
  bob 'bothy launch busybox beside'
  [ "$(alice 'bothy info --json d1' | jq -r .diskLimits)" = enforced ]
  [ "$(alice 'bothy limit d1 --json' | jq .disk)" = 41943040 ]
  bytes_stop d1 40
  # What is used and what may be, with no walk; also in words.
  [ "$(stat_of d1 disk-max)" = 41943040 ]
  between 37000000 "$(stat_of d1 disk)" 41943040
  alice 'bothy info d1' | grep 'On disk:.*files'
  # Others go on: a container, and what a user imports.
  bob 'bothy exec beside -- dd if=/dev/zero of=/root/zeros bs=1M count=60' 2>/dev/null
  bob 'cd /tmp && mkdir -p t/bin && head -c 30000000 /dev/urandom >t/big && tar -C t -c bin big | bothy image import --alias big - && bothy image delete big; rm -r t'
  # More, and less, while it runs.
  alice 'bothy limit d1 disk=60M'
  bytes_stop d1 60
  alice 'bothy exec d1 -- rm /root/zeros'
  alice 'bothy limit d1 disk=20M'
  bytes_stop d1 20
  alice 'bothy limit d1 disk=max'
  alice 'bothy exec d1 -- dd if=/dev/zero of=/root/zeros bs=1M count=70' 2>/dev/null
  # A stopped one still has files.
  alice 'bothy stop --force d1'
  [ "$(stat_of d1 disk)" -gt 70000000 ]
  done_with_state
}

test_bytes_stop_at_the_bound_on_ext4_DOS_08() { bound_of_bytes ext4; }
test_bytes_stop_at_the_bound_on_xfs_DOS_08() { bound_of_bytes xfs; }

bound_of_inodes() {
  local n
  with_state "$1"
  alice 'bothy launch busybox d2 --limit inodes=2K'
  bob 'bothy launch busybox beside'
  ! alice 'bothy exec d2 -- sh -c "i=0; while : >/root/f\$i; do i=\$((i+1)); done"' >/dev/null 2>&1
  n=$(alice 'bothy exec d2 -- sh -c "ls /root | wc -l"')
  between 1900 "$n" 2048
  [ "$(stat_of d2 inodes)" -le 2048 ]
  bob 'bothy exec beside -- touch /root/one'
  alice 'bothy limit d2 inodes=3K'
  alice 'bothy exec d2 -- sh -c "i=0; while [ \$i -lt 500 ]; do : >/root/g\$i || exit 1; i=\$((i+1)); done"'
  done_with_state
}

test_files_stop_at_the_bound_on_ext4_DOS_08() { bound_of_inodes ext4; }
test_files_stop_at_the_bound_on_xfs_DOS_08() { bound_of_inodes xfs; }

test_preset_is_half_of_a_small_disk() {
  local half
  with_state ext4
  alice 'bothy create busybox d3'
  half=$(alice 'bothy limit d3 --json' | jq .disk)
  between 200000000 "$half" 315000000
  done_with_state
  with_state ext4 DefaultDisk=50000000 DefaultInodes=0 ContainerDisk=80000000
  alice 'bothy create busybox d3'
  [ "$(alice 'bothy limit d3 --json' | jq -c .disk)" = 50000000 ]
  [ "$(alice 'bothy limit d3 --json' | jq -c .inodes)" = null ]
  alice 'bothy limit d3 disk=80000000'
  ! alice 'bothy --no-ask-password limit d3 disk=80000001' 2>/run/refused || fail "no ceiling"
  grep 'disk=' /run/refused
  done_with_state
}

test_one_user_has_so_much_in_all_DOS_08() {
  with_state ext4 UserDisk=104857600
  alice 'bothy create busybox d4 --disk 60M && bothy create busybox d5 --disk 40M'
  ! alice 'bothy create busybox d6 --disk 1M' 2>/run/refused || fail "one more was made"
  grep -i 'disk=100M' /run/refused
  ! alice 'bothy limit d4 disk=61M' || fail "it was raised"
  alice 'bothy limit d4 disk=30M && bothy limit d5 disk=70M'
  ! alice 'bothy limit d5 disk=max' || fail "it was lifted"
  # Whose owner says nothing leaves room for others.
  bob 'bothy create busybox quiet && bothy create busybox quieter && bothy delete quiet quieter'
  bob 'bothy create busybox theirs --disk 100M'
  alice 'bothy delete d4 && bothy create busybox d6 --disk 30M'
  done_with_state
}

# A range, and so its project, is its owner's again at once; files in the trash keep theirs.
test_delete_gives_the_project_back() {
  local project id
  with_state ext4
  alice 'bothy launch busybox d7 --disk 40M'
  project=$(record d7 Project)
  [ "$project" = "$(alice 'bothy info --json d7' | jq .rangeBase)" ] || fail "project $project"
  id=$(alice 'bothy info --json d7' | jq -r .id)
  [ "$(lsattr -pd "$STATE/containers/$id/data" | awk '{ print $1 }')" = "$project" ]
  alice 'bothy exec d7 -- dd if=/dev/zero of=/root/zeros bs=1M count=30' 2>/dev/null
  alice 'bothy delete --force d7'
  until_true 30 nothing_in_trash
  alice 'bothy launch busybox d8 --disk 40M'
  [ "$(record d8 Project)" = "$project" ] || fail "another project"
  [ "$(stat_of d8 disk)" -lt 2000000 ] || fail "$(stat_of d8 disk) bytes are left"
  bytes_stop d8 40
  done_with_state
}

# Root inside is nobody who could leave the project, or give a file to another one.
test_nobody_inside_leaves_the_project_DOS_08() {
  local id
  with_state ext4
  alice 'bothy launch busybox d9 --disk 20M'
  id=$(alice 'bothy info --json d9' | jq -r .id)
  alice 'bothy exec d9 -- sh -c "mkdir /root/d && cd /root/d && : >f && ln f g && mv f ../h"'
  # Whether or not the program is there, and says so or not: what counts is what the files have.
  alice 'bothy exec d9 -- sh -c "busybox chattr -p 4242 /root/d/g /root/d; busybox chattr -P /root/d; : >/root/d/later"' || true
  [ "$(find "$STATE/containers/$id/data" -mindepth 1 -exec lsattr -pd {} + 2>/dev/null | awk '{ print $1 }' | sort -u)" = "$(record d9 Project)" ]
  bytes_stop d9 20
  done_with_state
}

# with_fault POINT COMMAND: alice's command while bothyd kills itself at that point.
with_fault() {
  mkdir -p /run/systemd/system/bothyd.service.d
  printf '[Service]\nEnvironment=BOTHY_FAULT=%s\n' "$1" >/run/systemd/system/bothyd.service.d/fault.conf
  systemctl daemon-reload
  systemctl restart bothyd
  alice "$2" || true
  rm /run/systemd/system/bothyd.service.d/fault.conf
  systemctl daemon-reload
  systemctl restart bothyd
}

test_killed_between_record_and_bound() {
  local fault mib=24
  with_state ext4
  alice 'bothy launch busybox d10 --disk 40M'
  for fault in limits.recorded limits.disk-bound; do
    mib=$((mib + 6))
    with_fault $fault "bothy limit d10 disk=${mib}M"
    [ "$(alice 'bothy limit d10 --json' | jq .disk)" = $((mib * 1048576)) ]
    until_true 20 test "$(record d10 BoundBytes)" = $((mib * 1048576))
    bytes_stop d10 $mib
    alice 'bothy exec d10 -- rm /root/zeros'
  done
  done_with_state
}

test_killed_while_made_or_deleted() {
  local fault
  with_state ext4
  for fault in create.made-directory create.bounded create.recorded delete.renamed; do
    with_fault $fault 'bothy create busybox d11 --disk 40M; bothy delete d11'
    alice 'bothy delete d11 2>/dev/null; bothy launch busybox d11 --disk 21M'
    bytes_stop d11 21
    alice 'bothy delete --force d11'
  done
  done_with_state
}

test_older_containers_say_so() {
  with_state plain
  alice 'bothy create busybox d12'
  alice 'bothy limit d12 disk=40M' 2>/run/warned
  grep 'Nothing bounds the disk of d12' /run/warned
  alice 'bothy --json doctor' | jq -e '.[] | select(.check == "disk-limits" and .verdict == "warning")'
  systemctl stop bothyd bothy-helper
  umount $STATE
  tune2fs -O project,quota -Q prjquota /var/tmp/state.img
  mount -o loop,nosuid,nodev,prjquota /var/tmp/state.img $STATE
  systemctl start bothyd
  [ "$(alice 'bothy info --json d12' | jq -r .diskLimits)" = older ]
  alice 'bothy limit d12 disk=30M' 2>/run/warned
  grep 'was made when' /run/warned
  alice 'bothy --json doctor' | jq -e '.[] | select(.check == "disk-limits" and .verdict == "ok")'
  alice 'bothy launch busybox d13 --disk 30M' 2>/run/warned
  [ "$(grep -c 'Nothing bounds' /run/warned)" = 0 ]
  bytes_stop d13 30
  done_with_state
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "procfs.h"

#include "autofd.h"
#include "devices.h"
#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

static const char *const hidden[] = { "kcore", "keys", "latency_stats", "timer_list", "sched_debug" };
static const char *const read_only[] = { "bus", "fs", "irq", "sysrq-trigger", "sys" };

/* Of the container's own network and IPC namespaces (namespaces(7)); the rest below sys is the machine's. */
static const char *const own[] = {
  "sys/net",           "sys/fs/mqueue",
  "sys/kernel/shmmax", "sys/kernel/shmall",
  "sys/kernel/shmmni", "sys/kernel/msgmax",
  "sys/kernel/msgmnb", "sys/kernel/msgmni",
  "sys/kernel/sem",    "sys/kernel/shm_rmid_forced",
};

/*
 * As hosts have it where users trust each other, or as containers do: every group inside may ping without a raw socket
 * (icmp(7)), and a port below 1024 is like any other. Kernels differ in what they have of it.
 */
static char *const presets[] = { (char[]){ "net.ipv4.ping_group_range=0 65535" },
                                 (char[]){ "net.ipv4.ip_unprivileged_port_start=0" }, NULL };

/* Kernels differ in what is there. Looked at first: to drop a clone unused makes the kernel wait for RCU, 1
 * ms and more. */
static int
open_entry (int proc, const char *name)
{
  return open_inside (proc, name, O_PATH);
}

static int
hide (int proc, const char *name)
{
  autofd target = open_entry (proc, name);

  if (target < 0)
    return target == -ENOENT ? 0 : target;
  autofd null = device_clone ("null");
  return null < 0 ? null : mount_attach (null, target);
}

static int
make_read_only (int proc, const char *name)
{
  struct mount_attr attributes = { .attr_set = MOUNT_ATTR_RDONLY };
  autofd target = open_entry (proc, name);

  if (target < 0)
    return target == -ENOENT ? 0 : target;
  autofd clone = mount_clone (target, "");
  if (clone < 0)
    return clone;
  if (mount_setattr (clone, "", AT_EMPTY_PATH, &attributes, sizeof attributes) < 0)
    return -errno;
  return mount_attach (clone, target);
}

/* NAME=VALUE. 0 or a negative errno value. */
static int
set_sysctl (int proc, const char *setting)
{
  const char *equals = strchr (setting, '=');
  char path[256];
  int size = equals ? snprintf (path, sizeof path, "sys/%.*s", (int)(equals - setting), setting) : -1;

  if (size < 0 || (size_t)size >= sizeof path)
    return -EINVAL;
  for (char *c = path; *c; c++)
    if (*c == '.')
      *c = '/';
  autofd file = open_inside (proc, path, O_WRONLY);
  if (file < 0)
    return file;
  /* In one piece: each write(2) sets the whole value. */
  ssize_t written = write (file, equals + 1, strlen (equals + 1));
  if (written < 0)
    return -errno;
  return written == (ssize_t)strlen (equals + 1) ? 0 : -EINVAL;
}

struct fault
procfs_set_sysctls (int proc, char *const *settings)
{
  for (char *const *preset = presets; *preset; preset++)
    (void)set_sysctl (proc, *preset);
  for (int32_t i = 0; settings[i]; i++) {
    int r = set_sysctl (proc, settings[i]);

    if (r < 0) {
      struct fault fault = fault_at (SUPERVISOR_STEP_SYSCTL, r);

      fault.which = i;
      return fault;
    }
  }
  return NO_FAULT;
}

/* Takes CLONE, of what is to stay writable. It lies on top of what is mounted there since. */
static int
put_back (int proc, const char *name, int clone)
{
  if (clone == -ENOENT)
    return 0;
  if (clone < 0)
    return clone;
  autofd target = open_entry (proc, name);
  return target < 0 ? target : mount_attach (clone, target);
}

static int
mask (int proc)
{
  for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
    int r = hide (proc, hidden[i]);
    if (r < 0)
      return r;
  }
  for (size_t i = 0; i < sizeof read_only / sizeof *read_only; i++) {
    int r = make_read_only (proc, read_only[i]);
    if (r < 0)
      return r;
  }
  return 0;
}

int
procfs_mask (int proc)
{
  int clones[sizeof own / sizeof *own];

  /* Before the read-only mount covers them. */
  for (size_t i = 0; i < sizeof own / sizeof *own; i++)
    clones[i] = mount_clone (proc, own[i]);
  int r = mask (proc);
  for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
    int back = r < 0 ? 0 : put_back (proc, own[i], clones[i]);

    r = back < 0 ? back : r;
    drop_fd (&clones[i]);
  }
  return r;
}

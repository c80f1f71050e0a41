/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "procfs.h"

#include "autofd.h"
#include "devices.h"
#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>

static const char *const hidden[] = { "kcore", "keys", "latency_stats", "timer_list", "sched_debug" };
static const char *const read_only[] = { "bus", "fs", "irq", "sysrq-trigger", "sys" };

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

int
procfs_mask (int proc)
{
  autofd net = mount_clone (proc, "sys/net");

  if (net < 0)
    return net;
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
  /* Through the read-only mount, so that it lies on top of it. */
  autofd target = open_entry (proc, "sys/net");
  return target < 0 ? target : mount_attach (net, target);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rootfs.h"

#include "autofd.h"
#include "devices.h"
#include "mounts.h"
#include "procfs.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SCRATCH     "/run" /* exists on every host; covered in our own mount namespace only */
#define LAYER_NAME  16
#define CALM        (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
#define CALM_NOEXEC (CALM | MOUNT_ATTR_NOEXEC)

static int
attach_layer (int mount, const char *name)
{
  if (mkdirat (AT_FDCWD, name, 0700) < 0)
    return -errno;
  return move_mount (mount, "", AT_FDCWD, name, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

/* The current directory becomes an empty tmpfs. */
static int
enter_scratch (void)
{
  if (mount ("bothy", SCRATCH, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=700,size=1m") < 0)
    return -errno;
  return chdir (SCRATCH) < 0 ? -errno : 0;
}

static struct fault
attach_layers (struct rootfs *rootfs, const int *lower, unsigned n_lower, int upper)
{
  char name[LAYER_NAME];
  int r = enter_scratch ();

  if (r < 0)
    return fault_at (SUPERVISOR_STEP_MOUNT, r);
  for (unsigned i = 0; i < n_lower; i++) {
    snprintf (name, sizeof name, "l%u", i);
    r = attach_layer (lower[i], name);
    if (r < 0)
      return fault_at (SUPERVISOR_STEP_LAYER, r);
  }
  r = attach_layer (upper, "u");
  if (r < 0)
    return fault_at (SUPERVISOR_STEP_LAYER, r);
  rootfs->fresh = mkdirat (AT_FDCWD, "u/upper", 0755) == 0;
  if ((!rootfs->fresh && errno != EEXIST) || (mkdirat (AT_FDCWD, "u/work", 0700) < 0 && errno != EEXIST))
    return fault_at (SUPERVISOR_STEP_LAYER, errno);
  return NO_FAULT;
}

/* The mark that a volatile overlay leaves against being mounted again. It is about power cuts: the container
   that was one before does not outlive those, but it may have rebooted. */
static void
forget_volatile (void)
{
  unlinkat (AT_FDCWD, "u/work/work/incompat/volatile/dirty", 0);
  unlinkat (AT_FDCWD, "u/work/work/incompat/volatile", AT_REMOVEDIR);
  unlinkat (AT_FDCWD, "u/work/work/incompat", AT_REMOVEDIR);
}

/* By path, because overlay refuses layers that are still detached mounts. */
static struct fault
mount_overlay (struct rootfs *rootfs, unsigned n_lower, bool is_volatile)
{
  char options[SUPERVISOR_MAX_FDS * LAYER_NAME + 64];
  size_t used = (size_t)snprintf (
      options, sizeof options,
      "userxattr,%supperdir=u/upper,workdir=u/work,lowerdir=", is_volatile ? "volatile," : "");

  if (is_volatile)
    forget_volatile ();
  for (unsigned i = 0; i < n_lower; i++)
    used += (size_t)snprintf (options + used, sizeof options - used, "%sl%u", i > 0 ? ":" : "", i);
  if (mkdirat (AT_FDCWD, "root", 0755) < 0 || mount ("bothy", "root", "overlay", 0, options) < 0)
    return fault_at (SUPERVISOR_STEP_OVERLAY, errno);
  rootfs->root = open ("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
  /* Back out: a working directory in here would outlive the host's tree. */
  return rootfs->root < 0 || chdir ("/") < 0 ? fault_at (SUPERVISOR_STEP_OVERLAY, errno) : NO_FAULT;
}

static int
write_manager (int run)
{
  static const char name[] = "bothy\n";

  if (mkdirat (run, "host", 0755) < 0)
    return -errno;
  autofd fd =
      openat (run, "host/container-manager", O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_WRONLY, 0444);
  if (fd < 0 || write (fd, name, sizeof name - 1) < 0)
    return -errno;
  return 0;
}

/* Mounts a new file system of TYPE on ROOT's directory NAME. *RET gets its fd. */
static struct fault
mount_directory (int root,
                 const char *name,
                 const char *type,
                 const struct mount_option *options,
                 unsigned attributes,
                 int *ret)
{
  autofd target = open_directory_inside (root, name, 0755);

  if (target < 0)
    return fault_at (SUPERVISOR_STEP_ROOT, target);
  int fd = mount_new_on (target, type, options, attributes);
  if (fd < 0)
    return fault_at (SUPERVISOR_STEP_MOUNT, fd);
  *ret = fd;
  return NO_FAULT;
}

static struct fault
mount_run_and_tmp (int root)
{
  static const struct mount_option run_options[] = { { "mode", "0755" }, { NULL, NULL } };
  static const struct mount_option tmp_options[] = { { "mode", "1777" }, { NULL, NULL } };
  autofd run = -1;
  autofd tmp = -1;

  struct fault fault = mount_directory (root, "run", "tmpfs", run_options, CALM, &run);
  if (is_fault (fault))
    return fault;
  int r = write_manager (run);
  if (r < 0)
    return fault_at (SUPERVISOR_STEP_MOUNT, r);
  return mount_directory (root, "tmp", "tmpfs", tmp_options, CALM, &tmp);
}

static struct fault
mount_dev (struct rootfs *rootfs)
{
  static const struct mount_option options[] = { { "mode", "0755" }, { "size", "64k" }, { NULL, NULL } };
  autofd dev = -1;

  struct fault fault =
      mount_directory (rootfs->root, "dev", "tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, &dev);
  if (is_fault (fault))
    return fault;
  return devices_populate (dev, &rootfs->pts, &rootfs->console);
}

struct fault
rootfs_build (
    struct rootfs *rootfs, const int *lower, unsigned n_lower, int upper, bool is_volatile, bool for_init)
{
  struct fault fault = attach_layers (rootfs, lower, n_lower, upper);

  if (is_fault (fault))
    return fault;
  fault = mount_overlay (rootfs, n_lower, is_volatile);
  if (is_fault (fault))
    return fault;
  rootfs->proc = open_directory_inside (rootfs->root, "proc", 0555);
  if (rootfs->proc < 0)
    return fault_at (SUPERVISOR_STEP_ROOT, rootfs->proc);
  /* Read-only: systemd takes it for a container without udev. */
  fault = mount_directory (rootfs->root, "sys", "sysfs", NULL, CALM_NOEXEC | MOUNT_ATTR_RDONLY, &rootfs->sys);
  if (is_fault (fault))
    return fault;
  fault = mount_dev (rootfs);
  if (is_fault (fault) || !for_init)
    return fault;
  return mount_run_and_tmp (rootfs->root);
}

struct fault
rootfs_finish (const struct rootfs *rootfs, bool nesting, bool with_cgroup)
{
  autofd proc = mount_new_on (rootfs->proc, "proc", NULL, CALM_NOEXEC);

  if (proc < 0)
    return fault_at (SUPERVISOR_STEP_MOUNT, proc);
  if (!nesting) {
    int r = procfs_mask (proc);
    if (r < 0)
      return fault_at (SUPERVISOR_STEP_MOUNT, r);
  }
  if (!with_cgroup)
    return NO_FAULT;
  autofd target = open_inside (rootfs->sys, "fs/cgroup", O_PATH | O_DIRECTORY);
  if (target < 0)
    return fault_at (SUPERVISOR_STEP_MOUNT, target);
  autofd cgroup = mount_new_on (target, "cgroup2", NULL, CALM_NOEXEC);
  return cgroup < 0 ? fault_at (SUPERVISOR_STEP_MOUNT, cgroup) : NO_FAULT;
}

struct fault
rootfs_enter (const struct rootfs *rootfs)
{
  /* The old root ends up mounted on the new one, under ".", so no directory in the image is needed. */
  if (fchdir (rootfs->root) < 0 || syscall (SYS_pivot_root, ".", ".") < 0)
    return fault_at (SUPERVISOR_STEP_ROOT, errno);
  if (umount2 (".", MNT_DETACH) < 0 || chdir ("/") < 0)
    return fault_at (SUPERVISOR_STEP_ROOT, errno);
  return NO_FAULT;
}

void
rootfs_drop_building (struct rootfs *rootfs)
{
  drop_fd (&rootfs->root);
  drop_fd (&rootfs->proc);
  drop_fd (&rootfs->sys);
}

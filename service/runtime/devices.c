/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "devices.h"

#include "autofd.h"
#include "mounts.h"
#include "terminal.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

struct device {
  const char *name; /* below /dev, of the host and of the container */
  unsigned major, minor;
  bool optional;
};

/* Numbers: Documentation/admin-guide/devices.txt of the kernel. */
static const struct device devices[] = {
  { "null", 1, 3, false },   { "zero", 1, 5, false },      { "full", 1, 7, false },
  { "random", 1, 8, false }, { "urandom", 1, 9, false },   { "tty", 5, 0, false },
  { "fuse", 10, 229, true }, { "net/tun", 10, 200, true },
};

static const struct {
  const char *name, *target;
} links[] = {
  { "fd", "/proc/self/fd" },       { "stdin", "/proc/self/fd/0" }, { "stdout", "/proc/self/fd/1" },
  { "stderr", "/proc/self/fd/2" }, { "ptmx", "pts/ptmx" },         { "core", "/proc/kcore" },
};

static int
clone_device (const struct device *device)
{
  char path[32];
  struct stat st;

  snprintf (path, sizeof path, "/dev/%s", device->name);
  autofd fd = mount_clone (AT_FDCWD, path);
  if (fd < 0)
    return fd;
  if (fstat (fd, &st) < 0)
    return -errno;
  if (!S_ISCHR (st.st_mode) || st.st_rdev != makedev (device->major, device->minor))
    return -ENODEV;
  return steal_fd (&fd);
}

int
device_clone (const char *name)
{
  for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
    if (strcmp (devices[i].name, name) == 0)
      return clone_device (&devices[i]);
  return -ENODEV;
}

static int
add_device (int dev, const struct device *device)
{
  autofd mount = clone_device (device);

  if (mount < 0)
    return device->optional ? 0 : mount;
  autofd target = make_mount_point (dev, device->name);
  return target < 0 ? target : mount_attach (mount, target);
}

static int
add_devices (int dev)
{
  if (mkdirat (dev, "net", 0755) < 0)
    return -errno;
  for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
    int r = add_device (dev, &devices[i]);
    if (r < 0)
      return r;
  }
  for (size_t i = 0; i < sizeof links / sizeof *links; i++)
    if (symlinkat (links[i].target, dev, links[i].name) < 0)
      return -errno;
  return 0;
}

static int
add_directory (int dev, const char *name, const char *type, const struct mount_option *options)
{
  autofd target = open_directory_inside (dev, name, 0755);

  if (target < 0)
    return target;
  return mount_new_on (target, type, options,
                       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC |
                           (strcmp (type, "devpts") == 0 ? 0 : MOUNT_ATTR_NODEV));
}

/* The slave is mounted by its fd: a name below pts is never looked up. */
static int
add_console (int dev, int pts, int *master)
{
  autofd slave = -1;
  autofd fd = terminal_open (pts, O_NONBLOCK, &slave, NULL);

  if (fd < 0)
    return fd;
  autofd mount = mount_clone (slave, "");
  if (mount < 0)
    return mount;
  autofd target = make_mount_point (dev, "console");
  int r = target < 0 ? target : mount_attach (mount, target);
  if (r < 0)
    return r;
  *master = steal_fd (&fd);
  return 0;
}

struct fault
devices_populate (int dev, const char *shm_size, int *pts, int *console)
{
  /* 5 is the group tty of every distribution; see devpts in the kernel's documentation. */
  static const struct mount_option pts_options[] = {
    { "gid", "5" }, { "mode", "0620" }, { "ptmxmode", "0666" }, { NULL, NULL }
  };
  const struct mount_option shm_options[] = { { "mode", "1777" },
                                              { *shm_size ? "size" : NULL, shm_size },
                                              { NULL, NULL } };
  int r = add_devices (dev);

  if (r < 0)
    return fault_at (SUPERVISOR_STEP_MOUNT, r);
  autofd shm = add_directory (dev, "shm", "tmpfs", shm_options);
  autofd mqueue = shm < 0 ? -1 : add_directory (dev, "mqueue", "mqueue", NULL);
  if (shm < 0)
    return fault_at (SUPERVISOR_STEP_MOUNT, shm);
  if (mqueue < 0 && mqueue != -ENODEV)
    return fault_at (SUPERVISOR_STEP_MOUNT, mqueue);
  *pts = add_directory (dev, "pts", "devpts", pts_options);
  if (*pts < 0)
    return fault_at (SUPERVISOR_STEP_MOUNT, *pts);
  r = add_console (dev, *pts, console);
  return r < 0 ? fault_at (SUPERVISOR_STEP_CONSOLE, r) : NO_FAULT;
}

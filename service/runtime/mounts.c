/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mounts.h"

#include "autofd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

int
mount_new (const char *type, const struct mount_option *options, unsigned attributes)
{
  autofd context = fsopen (type, FSOPEN_CLOEXEC);

  if (context < 0)
    return -errno;
  /* df(1) and mount(8) show it. */
  if (fsconfig (context, FSCONFIG_SET_STRING, "source", type, 0) < 0)
    return -errno;
  for (const struct mount_option *o = options; o && o->key; o++)
    if (fsconfig (context, o->value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, o->key, o->value, 0) < 0)
      return -errno;
  if (fsconfig (context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
    return -errno;
  int fd = fsmount (context, FSMOUNT_CLOEXEC, attributes);
  return fd < 0 ? -errno : fd;
}

int
mount_clone (int directory, const char *path)
{
  int fd = open_tree (directory, path,
                      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT |
                          (path[0] ? 0 : AT_EMPTY_PATH));

  return fd < 0 ? -errno : fd;
}

int
mount_attach (int mount, int target)
{
  return move_mount (mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0 ? -errno
                                                                                                   : 0;
}

int
mount_new_on (int target, const char *type, const struct mount_option *options, unsigned attributes)
{
  autofd mount = mount_new (type, options, attributes);

  if (mount < 0)
    return mount;
  int r = mount_attach (mount, target);
  return r < 0 ? r : steal_fd (&mount);
}

int
open_inside (int root, const char *path, int flags)
{
  struct open_how how = { .flags = (unsigned)(flags | O_CLOEXEC | O_NOFOLLOW),
                          .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };
  long fd = syscall (SYS_openat2, root, path, &how, sizeof how);

  return fd < 0 ? -errno : (int)fd;
}

int
open_directory_inside (int root, const char *name, mode_t mode)
{
  int fd = open_inside (root, name, O_PATH | O_DIRECTORY);

  if (fd != -ENOENT)
    return fd;
  if (mkdirat (root, name, mode) < 0)
    return -errno;
  return open_inside (root, name, O_PATH | O_DIRECTORY);
}

int
make_mount_point (int directory, const char *name)
{
  autofd fd = openat (directory, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_WRONLY, 0644);

  if (fd < 0)
    return -errno;
  return open_inside (directory, name, O_PATH);
}

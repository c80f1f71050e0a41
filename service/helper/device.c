/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Devices of the host's, for containers: whether a user may open one, and a node of our own that stands for it. */
#include "step.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "config.h"
#include "devices.h"
#include "fd.h"
#include "privilege.h"

#define PLACE                                                                                                \
  RUNTIME_DIR "/devices" /* our tmpfs: a directory for each container, in it nodes called MAJOR:MINOR */
#define TMPFS_MAGIC 0x01021994

/* ---- which device it is ---- */

/* The last part of what the link at PATH leads to; false: there is none. */
static bool
read_last (const char *path, char *ret, size_t size)
{
  char target[512];
  ssize_t n = readlink (path, target, sizeof target - 1);
  const char *slash;

  if (n <= 0)
    return false;
  target[n] = '\0';
  slash = strrchr (target, '/');
  return snprintf (ret, size, "%s", slash ? slash + 1 : target) < (int)size;
}

/* Whether sysfs says of the device at PATH that its node is called NAME. */
static bool
is_called (const char *path, const char *name)
{
  char file[64], line[256], wanted[DEVICE_MAX_NAME + 16];
  bool found = false;
  FILE *uevent;

  snprintf (file, sizeof file, "%s/uevent", path);
  snprintf (wanted, sizeof wanted, "DEVNAME=%s\n", name);
  uevent = fopen (file, "re");
  if (!uevent)
    return false;
  while (!found && fgets (line, sizeof line, uevent))
    found = strcmp (line, wanted) == 0;
  fclose (uevent);
  return found;
}

/* What the kernel itself says of the number, whatever anybody else does: 0, or EPERM: it is for no container. */
static int
check_kind (const struct helper_device *device)
{
  char path[48], link[64], subsystem[64];

  snprintf (path, sizeof path, "/sys/dev/char/%u:%u", device->major, device->minor);
  snprintf (link, sizeof link, "%s/subsystem", path);
  if (!read_last (link, subsystem, sizeof subsystem))
    return ENOENT;
  if (!is_called (path, device->name))
    return ESTALE;
  return device_is_never (subsystem, device->name, device->major) ? EPERM : 0;
}

/* The host's node, as O_PATH: an fd, or a negative errno value. It is not opened, so nothing hears of it. */
static int
open_host_node (const struct helper_device *device)
{
  char path[DEVICE_MAX_NAME + 8];
  struct stat st;
  AUTO_FD fd = -1;
  int found;

  snprintf (path, sizeof path, "/dev/%s", device->name);
  fd = open (path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return -errno;
  if (fstat (fd, &st) < 0)
    return -errno;
  if (!S_ISCHR (st.st_mode) || st.st_rdev != makedev (device->major, device->minor))
    return -ESTALE;
  found = fd;
  fd = -1;
  return found;
}

/* ---- may its user open it ---- */

int
step_device_access (const struct packet *packet, struct step_result *ret)
{
  const struct helper_request *request = &packet->request;
  const struct helper_device *device = &request->device;
  AUTO_FD node = -1;
  int error = privilege_reduce (CAPABILITY (CAP_SETUID) | CAPABILITY (CAP_SETGID), 0);

  if (error == 0)
    error = step_become_user (request->owner, request->owner_gid, device->groups, device->n_groups);
  if (error != 0)
    return step_fail (ret, HELPER_STEP_CAPABILITIES, error);
  node = open_host_node (device);
  if (node < 0)
    return step_fail (ret, node == -EACCES ? HELPER_STEP_DEVICE_ACCESS : HELPER_STEP_DEVICE, -node);
  if (syscall (SYS_faccessat2, node, "", R_OK | W_OK, AT_EMPTY_PATH | AT_EACCESS) < 0)
    return step_fail (ret, HELPER_STEP_DEVICE_ACCESS, errno == EPERM ? EACCES : errno);
  return 0;
}

/* ---- our own tmpfs ---- */

static bool
is_tmpfs (int directory)
{
  struct statfs fs;
  struct statx at;

  return fstatfs (directory, &fs) == 0 && fs.f_type == TMPFS_MAGIC &&
         statx (directory, "", AT_EMPTY_PATH, STATX_TYPE, &at) == 0 &&
         (at.stx_attributes_mask & at.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

static int
open_place (void)
{
  int fd = open (PLACE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  return fd < 0 ? -errno : fd;
}

/* Mounts it, unless it is there. Two of us at once must not cover each other's. fd, or a negative errno value. */
static int
ensure_place (void)
{
  AUTO_FD lock = open (RUNTIME_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int fd;

  if (lock < 0 || flock (lock, LOCK_EX) < 0)
    return -errno;
  if (mkdirat (lock, "devices", 0700) < 0 && errno != EEXIST)
    return -errno;
  fd = open_place ();
  if (fd < 0 || is_tmpfs (fd))
    return fd;
  close (fd);
  /* Without nodev: that is what it is for. Nobody but root gets below it. */
  if (mount ("bothy-devices", PLACE, "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0700,size=1m,nr_inodes=16k") < 0)
    return -errno;
  return open_place ();
}

/* Nobody but root may open the node NAME any more, wherever else it is mounted, and then it is not here any more. */
static int
revoke_node (int directory, const char *name)
{
  if (fchownat (directory, name, 0, 0, AT_SYMLINK_NOFOLLOW) < 0 || fchmodat (directory, name, 0, 0) < 0 ||
      unlinkat (directory, name, 0) < 0)
    return errno;
  return 0;
}

static int
revoke_all (int directory)
{
  DIR *list = fdopendir (fcntl (directory, F_DUPFD_CLOEXEC, 3));
  const struct dirent *entry;
  int error = 0;

  if (!list)
    return errno;
  while ((entry = readdir (list)))
    if (entry->d_name[0] != '.') {
      int r = revoke_node (directory, entry->d_name);

      error = error != 0 ? error : r;
    }
  closedir (list);
  return error;
}

/* ---- a node of a container's ---- */

/* Makes NAME in DIRECTORY; one that is there from before is revoked, so that nothing of an earlier one holds for this. */
static int
make_node (int directory, const char *name, const struct helper_request *request)
{
  const struct helper_device *device = &request->device;
  int error = revoke_node (directory, name);

  if (error != 0 && error != ENOENT)
    return error;
  if (mknodat (directory, name, S_IFCHR | 0600, makedev (device->major, device->minor)) < 0)
    return errno;
  if (fchownat (directory, name, request->owner, request->owner, AT_SYMLINK_NOFOLLOW) == 0)
    return 0;
  error = errno;
  unlinkat (directory, name, 0);
  return error;
}

static int
clone_node (int directory, const char *name)
{
  int fd = (int)syscall (SYS_open_tree, directory, name,
                         OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);

  return fd < 0 ? -errno : fd;
}

static void
name_node (const struct helper_device *device, char ret[32])
{
  snprintf (ret, 32, "%u:%u", device->major, device->minor);
}

int
step_device_node (const struct packet *packet, struct step_result *ret)
{
  const struct helper_device *device = &packet->request.device;
  char name[32];
  AUTO_FD host = -1, place = -1, directory = -1;
  int error =
      privilege_reduce (CAPABILITY (CAP_SYS_ADMIN) | CAPABILITY (CAP_MKNOD) | CAPABILITY (CAP_CHOWN), 0);

  if (error != 0)
    return step_fail (ret, HELPER_STEP_CAPABILITIES, error);
  error = check_kind (device);
  if (error != 0)
    return step_fail (ret, HELPER_STEP_DEVICE, error);
  host = open_host_node (device);
  if (host < 0)
    return step_fail (ret, HELPER_STEP_DEVICE, -host);
  place = ensure_place ();
  if (place < 0)
    return step_fail (ret, HELPER_STEP_DEVICE_NODE, -place);
  if (mkdirat (place, device->id, 0700) < 0 && errno != EEXIST)
    return step_fail (ret, HELPER_STEP_DEVICE_NODE, errno);
  directory = openat (place, device->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (directory < 0)
    return step_fail (ret, HELPER_STEP_DEVICE_NODE, errno);
  name_node (device, name);
  error = make_node (directory, name, &packet->request);
  if (error != 0)
    return step_fail (ret, HELPER_STEP_DEVICE_NODE, error);
  ret->fds[0] = clone_node (directory, name);
  if (ret->fds[0] < 0) {
    revoke_node (directory, name);
    return step_fail (ret, HELPER_STEP_DEVICE_NODE, -ret->fds[0]);
  }
  ret->n_fds = 1;
  return 0;
}

int
step_device_revoke (const struct packet *packet, struct step_result *ret)
{
  const struct helper_device *device = &packet->request.device;
  char name[32];
  AUTO_FD place = -1, directory = -1;
  int error = privilege_reduce (CAPABILITY (CAP_CHOWN), 0);

  if (error != 0)
    return step_fail (ret, HELPER_STEP_CAPABILITIES, error);
  place = open_place ();
  directory = place < 0 ? -1 : openat (place, device->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  /* Nothing was ever made. */
  if (directory < 0)
    return (place < 0 ? -place : errno) == ENOENT ? 0 : step_fail (ret, HELPER_STEP_DEVICE_NODE, errno);
  name_node (device, name);
  error = device->major == 0 && device->minor == 0 ? revoke_all (directory) : revoke_node (directory, name);
  if (error != 0 && error != ENOENT)
    return step_fail (ret, HELPER_STEP_DEVICE_NODE, error);
  /* Only when it was the last. */
  unlinkat (place, device->id, AT_REMOVEDIR);
  return 0;
}

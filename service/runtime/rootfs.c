/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rootfs.h"

#include "autofd.h"
#include "copytree.h"
#include "devices.h"
#include "mounts.h"
#include "procfs.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
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

/* Whether resolv.conf was changed or deleted in LAYER, a directory here. */
static bool
has_resolver (const char *layer)
{
  autofd directory = open (layer, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  autofd file = directory < 0 ? -1 : open_inside (directory, "etc/resolv.conf", O_PATH);

  return file != -ENOENT;
}

/* Whether resolv.conf is still what the image has. */
static bool
has_image_resolver (unsigned n_own)
{
  char name[LAYER_NAME];
  bool changed = has_resolver ("u/upper");

  for (unsigned i = 0; i < n_own && !changed; i++) {
    snprintf (name, sizeof name, "l%u", i);
    changed = has_resolver (name);
  }
  return !changed;
}

static bool
is_empty (int fd)
{
  DIR *directory = fdopendir (fcntl (fd, F_DUPFD_CLOEXEC, 3));
  bool empty = directory != NULL;

  for (const struct dirent *entry; empty && (entry = readdir (directory)) != NULL;)
    empty = strcmp (entry->d_name, ".") == 0 || strcmp (entry->d_name, "..") == 0;
  if (directory != NULL)
    closedir (directory);
  return empty;
}

/*
 * The root directory is as the topmost layer has it, so a new one above what the container wrote begins with that. The lowest of the N_OWN
 * that it wrote has what its first start put there; if it is empty, the container never was started then, and what is mounted here is the
 * directory that would have held it, which is nobody's root.
 */
static int
inherit_root (unsigned n_own)
{
  autofd upper = open ("u/upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  autofd lower = open ("l0", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct stat st;

  if (lower >= 0 && n_own == 1 && is_empty (lower))
    return 0;
  if (upper < 0 || lower < 0 || fstat (lower, &st) < 0 || fchown (upper, st.st_uid, st.st_gid) < 0 ||
      fchmod (upper, st.st_mode & 07777) < 0)
    return -errno;
  return 0;
}

static struct fault
attach_layers (struct rootfs *rootfs, const struct rootfs_layers *layers)
{
  char name[LAYER_NAME];
  int r = enter_scratch ();

  if (r < 0)
    return fault_at (SUPERVISOR_STEP_MOUNT, r);
  for (unsigned i = 0; i < layers->n_lower; i++) {
    snprintf (name, sizeof name, "l%u", i);
    r = attach_layer (layers->lower[i], name);
    if (r < 0)
      return fault_at (SUPERVISOR_STEP_LAYER, r);
  }
  r = attach_layer (layers->upper, "u");
  if (r < 0)
    return fault_at (SUPERVISOR_STEP_LAYER, r);
  rootfs->fresh = mkdirat (AT_FDCWD, "u/upper", 0755) == 0;
  if ((!rootfs->fresh && errno != EEXIST) || (mkdirat (AT_FDCWD, "u/work", 0700) < 0 && errno != EEXIST))
    return fault_at (SUPERVISOR_STEP_LAYER, errno);
  r = rootfs->fresh && layers->n_own > 0 ? inherit_root (layers->n_own) : 0;
  if (r < 0)
    return fault_at (SUPERVISOR_STEP_LAYER, r);
  rootfs->image_resolver = has_image_resolver (layers->n_own);
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

/* Writes TEXT in the place of the file PATH below DIRECTORY. The image may have the directories. */
static int
write_below (int directory, const char *path, const char *text)
{
  const char *slash = strchr (path, '/');

  if (slash) {
    char name[NAME_MAX + 1];

    snprintf (name, sizeof name, "%.*s", (int)(slash - path), path);
    if (mkdirat (directory, name, 0755) < 0 && errno != EEXIST)
      return -errno;
    autofd below = openat (directory, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return below < 0 ? -errno : write_below (below, slash + 1, text);
  }
  unlinkat (directory, path, 0);
  autofd fd = openat (directory, path, O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_WRONLY, 0444);
  return fd < 0 || write (fd, text, strlen (text)) < 0 ? -errno : 0;
}

/*
 * Says where systemd's tools look for it what manages this container; and that its services do without user namespaces where
 * these are not to be had, as units are to allow for: else redis, and what else has PrivateUsers=, would fail. Whoever
 * wants one to fail then says so in a drop-in of that unit's.
 */
static int
tell_systemd (int run, bool nesting)
{
  int r = write_below (run, "host/container-manager", "bothy\n");

  if (r < 0 || nesting)
    return r;
  r = write_below (run, "systemd/system/service.d/10-bothy.conf",
                   "# Without --nesting a container has no user namespaces; see bothy-security(7).\n"
                   "[Service]\nPrivateUsers=no\n");
  return r == -ENOTDIR ? 0 : r; /* what the image has there is its own matter */
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

/* What programs count on and an image may lack. Whatever it has under such a name stays as it is. */
static struct fault
add_directories (int root)
{
  static const struct {
    const char *name;
    mode_t mode;
  } wanted[] = { { "run", 0755 }, { "tmp", 01777 } };

  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
    if (mkdirat (root, wanted[i].name, 0700) == 0 && fchmodat (root, wanted[i].name, wanted[i].mode, 0) == 0)
      continue;
    if (errno != EEXIST)
      return fault_at (SUPERVISOR_STEP_MOUNT, errno);
  }
  return NO_FAULT;
}

struct fault
rootfs_cover_run (const struct rootfs *rootfs, bool nesting)
{
  static const struct mount_option options[] = { { "mode", "0755" }, { NULL, NULL } };
  autofd run = open_inside (rootfs->root, "run", O_RDONLY | O_DIRECTORY);

  if (run < 0)
    return fault_at (SUPERVISOR_STEP_ROOT, run);
  autofd cover = mount_new ("tmpfs", options, CALM);
  if (cover < 0)
    return fault_at (SUPERVISOR_STEP_MOUNT, cover);
  int r = copy_tree (run, cover);
  if (r == 0)
    r = tell_systemd (cover, nesting);
  if (r == 0)
    r = mount_attach (cover, run);
  return r < 0 ? fault_at (SUPERVISOR_STEP_MOUNT, r) : NO_FAULT;
}

struct fault
rootfs_share (void)
{
  return mount (NULL, "/", NULL, MS_REC | MS_SHARED, NULL) < 0 ? fault_at (SUPERVISOR_STEP_MOUNT, errno)
                                                               : NO_FAULT;
}

static struct fault
mount_dev (struct rootfs *rootfs, const char *shm_size)
{
  static const struct mount_option options[] = { { "mode", "0755" }, { "size", "64k" }, { NULL, NULL } };
  autofd dev = -1;

  struct fault fault =
      mount_directory (rootfs->root, "dev", "tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, &dev);
  if (is_fault (fault))
    return fault;
  return devices_populate (dev, shm_size, &rootfs->pts, &rootfs->console);
}

struct fault
rootfs_build (struct rootfs *rootfs, const struct rootfs_layers *layers, const char *shm_size)
{
  struct fault fault = attach_layers (rootfs, layers);

  if (is_fault (fault))
    return fault;
  fault = mount_overlay (rootfs, layers->n_lower, layers->is_volatile);
  if (is_fault (fault))
    return fault;
  rootfs->proc = open_directory_inside (rootfs->root, "proc", 0555);
  if (rootfs->proc < 0)
    return fault_at (SUPERVISOR_STEP_ROOT, rootfs->proc);
  /* Read-only: systemd takes it for a container without udev. */
  fault = mount_directory (rootfs->root, "sys", "sysfs", NULL, CALM_NOEXEC | MOUNT_ATTR_RDONLY, &rootfs->sys);
  if (is_fault (fault))
    return fault;
  fault = mount_dev (rootfs, shm_size);
  return is_fault (fault) ? fault : add_directories (rootfs->root);
}

struct fault
rootfs_finish (const struct rootfs *rootfs, bool nesting, bool with_cgroup, char *const *sysctls)
{
  autofd proc = mount_new_on (rootfs->proc, "proc", NULL, CALM_NOEXEC);

  if (proc < 0)
    return fault_at (SUPERVISOR_STEP_MOUNT, proc);
  struct fault fault = procfs_set_sysctls (proc, sysctls);
  if (is_fault (fault))
    return fault;
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

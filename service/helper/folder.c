/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Users' own directories, for their containers: opened as the user, and cloned with his ids mapped. */
#include "step.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/nsfs.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fd.h"
#include "privilege.h"

#define PROPAGATION_PRIVATE (1u << 18) /* MS_PRIVATE; <sys/mount.h> and <linux/mount.h> do not mix */
#define FIRST_FREE_ID       65536u     /* below are the machine's own accounts */

/* ---- opened as the user ---- */

/*
 * In every id, or a file system that its user serves himself (FUSE) would not let us in. He may then end this process, but
 * not trace it.
 */
int
step_become_user (uint32_t uid, uint32_t gid, const uint32_t *groups, uint32_t n_groups)
{
  if (syscall (SYS_setgroups, n_groups, groups) < 0 || syscall (SYS_setresgid, gid, gid, gid) < 0 ||
      syscall (SYS_setresuid, uid, uid, uid) < 0)
    return errno;
  if (prctl (PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
    return errno;
  /* The kernel took them from everybody but root. */
  return privilege_clear ();
}

int
step_folder (const struct packet *packet, struct step_result *ret)
{
  struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOCTTY,
                          .resolve = RESOLVE_NO_MAGICLINKS };
  int error = privilege_reduce (CAPABILITY (CAP_SETUID) | CAPABILITY (CAP_SETGID), 0);

  if (error == 0)
    error = step_become_user (packet->request.owner, packet->request.owner_gid, packet->request.folder.groups,
                              packet->request.folder.n_groups);
  if (error != 0)
    return step_fail (ret, HELPER_STEP_CAPABILITIES, error);
  ret->fds[0] = (int)syscall (SYS_openat2, AT_FDCWD, packet->request.folder.path, &how, sizeof how);
  if (ret->fds[0] < 0)
    return step_fail (ret, HELPER_STEP_FOLDER, errno);
  ret->n_fds = 1;
  return 0;
}

/* ---- cloned, with his ids mapped ---- */

/* What /proc/self/mountinfo says after the id of a mount: whether it is idmapped, and the type of its file system. */
static bool
describe_mount (const char *line, char type[32])
{
  const char *end = strstr (line, " - ");
  const char *mapped = strstr (line, ",idmapped");

  if (!end)
    return false;
  snprintf (type, 32, "%.*s", (int)strcspn (end + 3, " \n"), end + 3);
  return mapped && mapped < end;
}

/* Why FD's mount could not be idmapped: EEXIST: it is already; else ERROR. The file system may not answer, so it is not
   asked. */
static int
explain_mount (int fd, int error, char type[32])
{
  struct statx found;
  FILE *mounts = fopen ("/proc/self/mountinfo", "re");
  char *line = NULL;
  size_t size = 0;
  bool mapped = false;

  if (!mounts)
    return error;
  if (statx (fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &found) == 0)
    while (getline (&line, &size, mounts) > 0)
      if (strtoull (line, NULL, 10) == found.stx_mnt_id)
        mapped = describe_mount (line, type);
  free (line);
  fclose (mounts);
  return mapped ? EEXIST : error;
}

static int
clone_folder (int folder, int userns, bool read_only, int *ret_mount, struct step_result *ret)
{
  struct mount_attr attributes = {
    .attr_set = MOUNT_ATTR_IDMAP | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (read_only ? MOUNT_ATTR_RDONLY : 0),
    .propagation = PROPAGATION_PRIVATE,
    .userns_fd = (uint64_t)userns,
  };

  *ret_mount = (int)syscall (SYS_open_tree, folder, "", OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH);
  if (*ret_mount < 0)
    return step_fail (ret, HELPER_STEP_FOLDER_CLONE, errno);
  if (syscall (SYS_mount_setattr, *ret_mount, "", AT_EMPTY_PATH, &attributes, sizeof attributes) < 0)
    return step_fail (ret, HELPER_STEP_FOLDER_IDMAP, explain_mount (folder, errno, ret->filesystem));
  return 0;
}

/* One id in it, which is not the host's own where it leads to, and not root's: what is made with setuid through the mount
   would be root's program outside, and a mount that is read-only is no wall before the sockets of root's services. */
static bool
maps_one (const char *name)
{
  unsigned long inside, outside, count;
  char rest;
  FILE *map = fopen (name, "re");
  bool good = map && fscanf (map, "%lu %lu %lu", &inside, &outside, &count) == 3 && count == 1 &&
              outside >= FIRST_FREE_ID && inside > 0;

  good = good && fscanf (map, " %c", &rest) == EOF;
  if (map)
    fclose (map);
  return good;
}

/* Whether USERNS is one and FOLDER a directory. Asked for here: EINVAL of mount_setattr(2) is to mean one thing only. */
static int
check_clone (int userns, int folder, struct step_result *ret)
{
  struct statx found;

  if (ioctl (userns, NS_GET_NSTYPE) != CLONE_NEWUSER ||
      statx (folder, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &found) < 0)
    return step_fail (ret, HELPER_STEP_REQUEST, EINVAL);
  return S_ISDIR (found.stx_mode) ? 0 : step_fail (ret, HELPER_STEP_REQUEST, ENOTDIR);
}

/* Gives up all but CAP_SYS_ADMIN first. */
static int
prepare_clone (int userns, int folder, struct step_result *ret)
{
  int error = privilege_reduce (CAPABILITY (CAP_SYS_ADMIN), 0);

  return error != 0 ? step_fail (ret, HELPER_STEP_CAPABILITIES, error) : check_clone (userns, folder, ret);
}

int
step_folder_mount (const struct packet *packet, struct step_result *ret)
{
  int userns = packet->fds[0], folder = packet->fds[1];
  bool read_only = packet->request.folder.read_only;
  AUTO_FD mount = -1;
  int error = prepare_clone (userns, folder, ret);

  if (error == 0)
    error = clone_folder (folder, userns, read_only, &mount, ret);
  if (error == 0)
    error = step_lock_flags (mount, userns, ret);
  if (error != 0)
    return error;
  /* This process is in the namespace by now. */
  return maps_one ("/proc/self/uid_map") && maps_one ("/proc/self/gid_map")
             ? 0
             : step_fail (ret, HELPER_STEP_REQUEST, EPERM);
}

/* PATH as /proc/self/mountinfo has it, and a "/". */
static void
escape_path (const char *path, char *ret, size_t size)
{
  size_t used = 0;

  for (; *path != '\0' && used + 6 < size; path++)
    used += (size_t)(strchr (" \t\n\\", *path) != NULL ? snprintf (ret + used, size - used, "\\%03o", *path)
                                                       : snprintf (ret + used, size - used, "%c", *path));
  snprintf (ret + used, size - used, "%s", used > 0 && ret[used - 1] == '/' ? "" : "/");
}

/* Whether a line of MOUNTS, /proc/self/mountinfo, is of a mount below PREFIX, which ends with a "/". */
static bool
has_below (FILE *mounts, const char *prefix)
{
  char *line = NULL;
  size_t size = 0;
  bool found = false;

  while (!found && getline (&line, &size, mounts) > 0) {
    char *where = line;

    for (int i = 0; i < 4 && where != NULL; i++)
      where = (where = strchr (where, ' ')) != NULL ? where + 1 : NULL;
    found = where != NULL && strncmp (where, prefix, strlen (prefix)) == 0 && where[strlen (prefix)] != ' ';
  }
  free (line);
  return found;
}

/* Whether something is mounted below the directory TREE. What can not be found out counts as yes. */
static bool
has_mounts (int tree)
{
  char link[32], path[4096], prefix[4 * sizeof path + 2];
  FILE *mounts = fopen ("/proc/self/mountinfo", "re");
  ssize_t length;
  bool found = true;

  snprintf (link, sizeof link, "/proc/self/fd/%d", tree);
  length = readlink (link, path, sizeof path - 1);
  if (mounts != NULL && length > 0 && length < (ssize_t)sizeof path - 1) {
    path[length] = '\0';
    escape_path (path, prefix, sizeof prefix);
    found = has_below (mounts, prefix);
  }
  if (mounts != NULL)
    fclose (mounts);
  return found;
}

/* Through it, somebody's root writes nothing, or it would be the host's root that did. */
int
step_tree_layer (const struct packet *packet, struct step_result *ret)
{
  int userns = packet->fds[0];
  AUTO_FD tree = -1;
  AUTO_FD mount = -1;
  int error = privilege_reduce (CAPABILITY (CAP_SYS_ADMIN) | CAPABILITY (CAP_DAC_READ_SEARCH), 0);

  if (error != 0)
    return step_fail (ret, HELPER_STEP_CAPABILITIES, error);
  error = step_open_labelled (&packet->request.adoptable, &tree, ret);
  if (error == 0)
    error = check_clone (userns, tree, ret);
  if (error == 0 && has_mounts (tree))
    return step_fail (ret, HELPER_STEP_TREE_MOUNTS, EBUSY);
  if (error == 0)
    error = clone_folder (tree, userns, true, &mount, ret);
  return error != 0 ? error : step_lock_flags (mount, userns, ret);
}

/* Who reads it has no rights in the mount namespace that it belongs to, so nobody takes a flag of it off. */
int
step_tree_mount (const struct packet *packet, struct step_result *ret)
{
  int userns = packet->fds[0], tree = packet->fds[1];
  AUTO_FD mount = -1;
  int error = prepare_clone (userns, tree, ret);

  if (error == 0 && has_mounts (tree))
    return step_fail (ret, HELPER_STEP_TREE_MOUNTS, EBUSY);
  if (error == 0)
    error = clone_folder (tree, userns, true, &mount, ret);
  if (error != 0)
    return error;
  ret->fds[0] = mount;
  ret->n_fds = 1;
  mount = -1;
  return 0;
}

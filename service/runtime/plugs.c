/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plugs.h"

#include "autofd.h"
#include "mounts.h"
#include "user.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define MAX_NAME 256

/* /dev of the tree ROOT: an fd or a negative errno value. */
static int
open_dev (int root)
{
  return open_inside (root, "dev", O_PATH | O_DIRECTORY);
}

/* The directory of NAME, which can be changed and is cut to its last part; with MAKE it is made. */
static int
open_parent (int dev, char *name, bool make)
{
  autofd at = fcntl (dev, F_DUPFD_CLOEXEC, 3);

  for (char *slash; at >= 0 && (slash = strchr (name, '/'));) {
    *slash = '\0';
    int next = make ? open_directory_inside (at, name, 0755) : open_inside (at, name, O_PATH | O_DIRECTORY);
    if (next < 0)
      return next;
    drop_fd (&at);
    at = next;
    memmove (name, slash + 1, strlen (slash + 1) + 1);
  }
  return at < 0 ? -errno : steal_fd (&at);
}

/* What the node is mounted on: what is there already, or an empty file. fd or negative errno. */
static int
open_target (int parent, const char *name)
{
  struct stat st;
  int fd = make_mount_point (parent, name);

  if (fd != -EEXIST)
    return fd;
  autofd found = openat (parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (found < 0 || fstat (found, &st) < 0)
    return -errno;
  if (S_ISDIR (st.st_mode))
    return -EISDIR;
  return S_ISLNK (st.st_mode) ? -ELOOP : steal_fd (&found);
}

/* The link of another device, or what the container made, stays. */
static int
add_link (int dev, const struct plug *plug)
{
  return plug->link[0] && symlinkat (plug->name, dev, plug->link) < 0 && errno != EEXIST ? -errno : 0;
}

/* A free place, or -1. */
static int
find_slot (const struct plug_table *table, const char *name)
{
  for (int i = 0; i < PLUGS_MAX; i++) {
    const char *found = table->slots[i].name;

    if (name ? found && strcmp (found, name) == 0 : !found)
      return i;
  }
  return -1;
}

static int
attach_node (int dev, const struct plug *plug, int node, const struct user *user)
{
  char name[MAX_NAME];

  if (snprintf (name, sizeof name, "%s", plug->name) >= (int)sizeof name)
    return -ENAMETOOLONG;
  autofd parent = open_parent (dev, name, true);
  if (parent < 0)
    return parent;
  /* Of the node itself, before anybody sees it; its mode needs a name. */
  if (fchownat (node, "", user->uid, user->gid, AT_EMPTY_PATH) < 0)
    return -errno;
  autofd target = open_target (parent, name);
  int r = target < 0 ? target : mount_attach (node, target);
  if (r < 0)
    return r;
  return fchmodat (parent, name, plug->mode, 0) < 0 ? -errno : 0;
}

struct fault
plugs_attach (struct plug_table *table, int root, const struct plug *plug, int node)
{
  autofd given = node;
  struct user user;
  int slot = find_slot (table, NULL);

  if (find_slot (table, plug->name) >= 0)
    return fault_at (SUPERVISOR_STEP_DEVICE, EEXIST);
  if (slot < 0)
    return fault_of_request (EMFILE);
  int r = user_lookup_in (root, plug->user, &user);
  if (r < 0)
    return fault_at (SUPERVISOR_STEP_USER, r);
  autofd dev = open_dev (root);
  if (dev < 0)
    return fault_at (SUPERVISOR_STEP_DEVICE, dev);
  autofree char *name = strdup (plug->name);
  autofree char *link = strdup (plug->link);
  if (!name || !link)
    return fault_of_request (ENOMEM);
  table->slots[slot].name = name;
  table->slots[slot].link = link;
  name = link = NULL;
  r = attach_node (dev, plug, given, &user);
  if (r == 0)
    r = add_link (dev, plug);
  if (r == 0)
    return NO_FAULT;
  plugs_detach (table, root, plug->name);
  return fault_at (SUPERVISOR_STEP_DEVICE, r);
}

/* Unmounts the node, and removes the file that it was mounted on if that is ours: empty, and nobody's device. */
static void
remove_node (int dev, const char *path)
{
  char name[MAX_NAME];
  struct stat st;

  snprintf (name, sizeof name, "%s", path);
  autofd parent = open_parent (dev, name, false);
  if (parent < 0 || fchdir (parent) < 0)
    return;
  umount2 (name, MNT_DETACH | UMOUNT_NOFOLLOW);
  if (fstatat (parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG (st.st_mode) && st.st_size == 0)
    unlinkat (parent, name, 0);
}

static void
remove_link (int dev, const char *link, const char *name)
{
  char target[MAX_NAME];
  ssize_t n = link[0] ? readlinkat (dev, link, target, sizeof target) : -1;

  if (n == (ssize_t)strlen (name) && memcmp (target, name, (size_t)n) == 0)
    unlinkat (dev, link, 0);
}

struct fault
plugs_detach (struct plug_table *table, int root, const char *name)
{
  autofd dev = open_dev (root);
  int r = 0;

  for (int i = 0; i < PLUGS_MAX; i++) {
    char *found = table->slots[i].name;

    if (!found || (name[0] && strcmp (found, name) != 0))
      continue;
    if (dev >= 0) {
      remove_link (dev, table->slots[i].link, found);
      remove_node (dev, found);
    }
    free (found);
    free (table->slots[i].link);
    table->slots[i].name = table->slots[i].link = NULL;
  }
  /* A working directory in there would outlive what is mounted. */
  if (chdir ("/") < 0)
    r = errno;
  return r ? fault_at (SUPERVISOR_STEP_DEVICE, r) : NO_FAULT;
}

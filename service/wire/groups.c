/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "groups.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"

#define MAX_DEPTH 4096 /* more than GROUPS_MAX_BELOW lets there be */

/* What the kernel's documentation (cgroup-v2, "Delegation") gives away. */
static const char *const of_group[] = { "cgroup.procs", "cgroup.threads", "cgroup.subtree_control", NULL };

/* In the two below, the container's root does what he could do in groups that he made. */
static const char *const of_below[] = { "cgroup.procs",  "cgroup.threads", "cgroup.subtree_control",
                                        "cgroup.freeze", "cgroup.kill",    NULL };

void
groups_close (struct groups *groups)
{
  for (unsigned int i = 0; i < groups->n_fds; i++)
    close (groups->fds[i]);
  groups->n_fds = 0;
}

int
groups_write (int group, const char *name, const char *text)
{
  AUTO_FD fd = openat (group, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);

  return fd < 0 || write (fd, text, strlen (text)) != (ssize_t)strlen (text) ? errno : 0;
}

/* O_PATH: cgroup.kill can not be read. */
static int
open_files (int group, const char *const *names, struct groups *ret)
{
  for (; *names; names++) {
    int fd = openat (group, *names, O_PATH | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
      return errno;
    ret->fds[ret->n_fds++] = fd;
  }
  return 0;
}

/* Everybody may enter it, whatever the umask is. */
static int
make_below (int group, const char *name, struct groups *ret)
{
  int fd = mkdirat (group, name, 0755) < 0 && errno != EEXIST
               ? -1
               : openat (group, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  if (fd < 0)
    return errno;
  ret->fds[ret->n_fds++] = fd;
  return fchmod (fd, 0755) < 0 ? errno : open_files (fd, of_below, ret);
}

int
groups_make (int group, struct groups *ret)
{
  int error = groups_write (group, "cgroup.max.descendants", GROUPS_MAX_BELOW);

  if (error == 0)
    error = make_below (group, GROUPS_SUPERVISOR, ret);

  if (error == 0)
    error = make_below (group, GROUPS_PAYLOAD, ret);
  if (error == 0 && mkdirat (group, GROUPS_COPIES, 0755) < 0)
    error = errno;
  return error != 0 ? error : open_files (group, of_group, ret);
}

void
groups_enable (int group)
{
  char text[256];
  char one[64];
  AUTO_FD fd = openat (group, "cgroup.controllers", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  ssize_t size = fd < 0 ? -1 : read (fd, text, sizeof text - 1);
  char *rest = text;

  if (size <= 0)
    return;
  text[size] = '\0';
  for (char *name; (name = strsep (&rest, " \n"));)
    if (name[0] != '\0' && snprintf (one, sizeof one, "+%s", name) < (int)sizeof one)
      (void)groups_write (group, "cgroup.subtree_control", one);
}

static bool
is_group (const struct dirent *entry)
{
  return entry->d_type == DT_DIR && strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0;
}

/* How far a directory has been gone through: up to the group that was entered last. */
struct level {
  long before;
  ino_t entered;
};

/* Goes on removing the groups in DIRECTORY, up to the next that is not empty, and opens that. -1: there is
 * none. The one that was entered last is tried again, for what was in it may be gone. */
static int
find_busy (int directory, struct level *level)
{
  int again = openat (directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *listing = again < 0 ? NULL : fdopendir (again);
  struct dirent *entry;
  int busy = -1;

  if (!listing)
    return -1;
  seekdir (listing, level->before);
  for (long here = level->before; busy < 0 && (entry = readdir (listing)); here = telldir (listing)) {
    if (!is_group (entry) || unlinkat (directory, entry->d_name, AT_REMOVEDIR) == 0 ||
        entry->d_ino == level->entered)
      continue;
    busy = openat (directory, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    *level = (struct level){ .before = here, .entered = entry->d_ino };
  }
  closedir (listing);
  return busy;
}

static bool
take_over (int group)
{
  return fchown (group, geteuid (), getegid ()) == 0 && fchmod (group, 0700) == 0;
}

/* They may be nested deeper than the table of descriptors holds: so only one is open at a time. One that
 * stays, because a process is in it, holds up nothing but what it is in. */
void
groups_clear (int group, bool take)
{
  struct level levels[MAX_DEPTH];
  int here = openat (group, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  unsigned depth = 0;

  levels[0] = (struct level){ 0 };
  while (here >= 0) {
    int last = here;

    if (take && levels[depth].entered == 0)
      (void)take_over (last);
    here = depth + 1 < MAX_DEPTH ? find_busy (last, &levels[depth]) : -1;
    if (here >= 0)
      levels[++depth] = (struct level){ 0 };
    else if (depth > 0) {
      here = openat (last, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      depth--;
    }
    close (last);
  }
}

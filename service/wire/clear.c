/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "clear.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
is_group (const struct dirent *entry)
{
  return entry->d_type == DT_DIR && strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0;
}

#define MAX_DEPTH 4096 /* more than GROUPS_MAX_BELOW lets there be */

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

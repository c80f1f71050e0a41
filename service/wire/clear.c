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

/* Removes the groups in DIRECTORY up to the first that is not empty, and opens that. -1: there is none. */
static int
remove_empty (int directory, unsigned *ret_removed)
{
  int again = openat (directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *listing = again < 0 ? NULL : fdopendir (again);
  struct dirent *entry;
  int busy = -1;

  *ret_removed = 0;
  while (listing && busy < 0 && (entry = readdir (listing))) {
    if (!is_group (entry))
      continue;
    if (unlinkat (directory, entry->d_name, AT_REMOVEDIR) == 0)
      ++*ret_removed;
    else
      busy = openat (directory, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  }
  if (listing)
    closedir (listing);
  return busy;
}

/* They may be nested deeper than a stack, or the table of descriptors, holds: so it goes down to what is
 * empty, and up from there. */
void
groups_clear (int group, bool take)
{
  int here = openat (group, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  unsigned depth = 0, removed;

  while (here >= 0) {
    int last = here;

    if (take && (fchown (last, geteuid (), getegid ()) < 0 || fchmod (last, 0700) < 0))
      break;
    here = remove_empty (last, &removed);
    if (here >= 0)
      depth++;
    else if (depth > 0 && removed > 0) { /* otherwise it is the top, or will not go */
      here = openat (last, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      depth--;
    }
    close (last);
  }
  if (here >= 0)
    close (here);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copytree.h"

#include "autofd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define MAX_BYTES  (100LL * 1024 * 1024) /* it all becomes memory */
#define MAX_LEVELS 32
#define CHUNK      16384

static void
close_listing (DIR **listing)
{
  if (*listing)
    closedir (*listing);
}

static int
open_below (int directory, const char *name, int flags)
{
  struct open_how how = { .flags = (unsigned)(flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY),
                          .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV };
  long fd = syscall (SYS_openat2, directory, name, &how, sizeof how);

  return fd < 0 ? -errno : (int)fd;
}

static int
copy_bytes (int from, int to, long long *budget)
{
  char bytes[CHUNK];
  ssize_t size;

  while ((size = read (from, bytes, sizeof bytes)) > 0) {
    *budget -= size;
    if (*budget < 0)
      return -EFBIG;
    if (write (to, bytes, (size_t)size) != size)
      return -EIO;
  }
  return size < 0 ? -errno : 0;
}

static int
copy_file (int from, int to, const char *name, const struct stat *st, long long *budget)
{
  autofd source = open_below (from, name, O_RDONLY);
  autofd copy = openat (to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

  if (source < 0 || copy < 0)
    return source < 0 ? source : -errno;
  int r = copy_bytes (source, copy, budget);
  if (r == 0 && (fchown (copy, st->st_uid, st->st_gid) < 0 || fchmod (copy, st->st_mode & 07777) < 0))
    r = -errno;
  return r;
}

static int
copy_link (int from, int to, const char *name, const struct stat *st)
{
  char target[PATH_MAX];
  ssize_t size = readlinkat (from, name, target, sizeof target - 1);

  if (size < 0)
    return -errno;
  target[size] = '\0';
  if (symlinkat (target, to, name) < 0 ||
      fchownat (to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
    return -errno;
  return 0;
}

/* Makes the directory NAME in TO and opens both. Its mode comes last: it may not let its owner write. */
static int
enter_directory (int from, int to, const char *name, int *below, int *copy)
{
  *below = open_below (from, name, O_RDONLY | O_DIRECTORY);
  if (*below < 0)
    return *below;
  if (mkdirat (to, name, 0700) < 0)
    return -errno;
  *copy = open_below (to, name, O_RDONLY | O_DIRECTORY);
  return *copy < 0 ? *copy : 0;
}

static int
copy_entries (int from, int to, unsigned level, long long *budget)
{
  int again = fcntl (from, F_DUPFD_CLOEXEC, 3);
  __attribute__ ((cleanup (close_listing))) DIR *listing = again < 0 ? NULL : fdopendir (again);
  int r = listing ? 0 : -errno;

  if (level > MAX_LEVELS)
    return -EMLINK;
  for (struct dirent *entry; r == 0 && (entry = readdir (listing));) {
    const char *name = entry->d_name;
    autofd below = -1, copy = -1;
    struct stat st;

    if (strcmp (name, ".") == 0 || strcmp (name, "..") == 0)
      continue;
    if (fstatat (from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
      return -errno;
    if (S_ISREG (st.st_mode))
      r = copy_file (from, to, name, &st, budget);
    else if (S_ISLNK (st.st_mode))
      r = copy_link (from, to, name, &st);
    if (!S_ISDIR (st.st_mode))
      continue;
    r = enter_directory (from, to, name, &below, &copy);
    if (r == 0)
      r = copy_entries (below, copy, level + 1, budget);
    if (r == 0 && (fchown (copy, st.st_uid, st.st_gid) < 0 || fchmod (copy, st.st_mode & 07777) < 0))
      r = -errno;
  }
  return r;
}

int
copy_tree (int from, int to)
{
  long long budget = MAX_BYTES;

  return copy_entries (from, to, 1, &budget);
}

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

#define CHUNK 16384

struct copy {
  long long budget; /* bytes that may still be written */
  unsigned max_levels;
  bool again; /* what is there is written over, with times, and other file systems are left out */
};

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

/* SIZE bytes from where both are, or fewer if FROM has no more. */
static int
copy_run (int from, int to, off_t size, struct copy *copy)
{
  char bytes[CHUNK];

  while (size > 0) {
    ssize_t some = read (from, bytes, size < CHUNK ? (size_t)size : CHUNK);

    if (some <= 0)
      return some < 0 ? -errno : 0;
    size -= some;
    copy->budget -= some;
    if (copy->budget < 0)
      return -EFBIG;
    for (ssize_t done = 0, more; done < some; done += more)
      if ((more = write (to, bytes + done, (size_t)(some - done))) <= 0)
        return more < 0 ? -errno : -EIO;
  }
  return 0;
}

/* As many as there are now: who writes on has no copy without end made. Holes stay holes. */
static int
copy_bytes (int from, int to, struct copy *copy)
{
  struct stat st;
  off_t end = 0;

  if (fstat (from, &st) < 0)
    return -errno;
  while (end < st.st_size) {
    off_t begin = lseek (from, end, SEEK_DATA);

    if (begin < 0 && errno == ENXIO)
      break;
    end = begin < 0 ? -1 : lseek (from, begin, SEEK_HOLE);
    if (end < 0 || lseek (from, begin, SEEK_SET) < 0 || lseek (to, begin, SEEK_SET) < 0)
      return -errno;
    int r = copy_run (from, to, end - begin, copy);
    if (r < 0)
      return r;
  }
  return ftruncate (to, st.st_size) < 0 ? -errno : 0;
}

/* The owner, the mode and the times of ST go to the open file or directory TO. */
static int
dress (int to, const struct stat *st, const struct copy *copy)
{
  const struct timespec times[] = { st->st_atim, st->st_mtim };

  if (fchown (to, st->st_uid, st->st_gid) < 0 || fchmod (to, st->st_mode & 07777) < 0)
    return -errno;
  return copy->again && futimens (to, times) < 0 ? -errno : 0;
}

static int
copy_file (int from, int to, const char *name, const struct stat *st, struct copy *copy)
{
  autofd source = open_below (from, name, O_RDONLY);

  /* What is left out leaves nothing. */
  if (source < 0)
    return source;
  if (copy->again)
    unlinkat (to, name, 0);
  autofd target = openat (to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (target < 0)
    return -errno;
  int r = copy_bytes (source, target, copy);
  return r < 0 ? r : dress (target, st, copy);
}

static int
copy_link (int from, int to, const char *name, const struct stat *st, const struct copy *copy)
{
  char target[PATH_MAX];
  ssize_t size = readlinkat (from, name, target, sizeof target - 1);

  if (size < 0)
    return -errno;
  target[size] = '\0';
  if (copy->again)
    unlinkat (to, name, 0);
  if (symlinkat (target, to, name) < 0 ||
      fchownat (to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
    return -errno;
  return 0;
}

/* Makes the directory NAME in TO and opens both. Its mode comes last: it may not let its owner write. */
static int
enter_directory (int from, int to, const char *name, const struct copy *copy, int *below, int *made)
{
  *below = open_below (from, name, O_RDONLY | O_DIRECTORY);
  if (*below < 0)
    return *below;
  if (mkdirat (to, name, 0700) < 0 && !(copy->again && errno == EEXIST))
    return -errno;
  *made = open_below (to, name, O_RDONLY | O_DIRECTORY);
  return *made < 0 ? *made : 0;
}

static int copy_entries (int from, int to, unsigned level, struct copy *copy);

static int
copy_entry (int from, int to, const char *name, unsigned level, struct copy *copy)
{
  autofd below = -1, made = -1;
  struct stat st;

  if (fstatat (from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
    return -errno;
  if (S_ISREG (st.st_mode))
    return copy_file (from, to, name, &st, copy);
  if (S_ISLNK (st.st_mode))
    return copy_link (from, to, name, &st, copy);
  if (!S_ISDIR (st.st_mode))
    return 0;
  int r = enter_directory (from, to, name, copy, &below, &made);
  if (r == 0)
    r = copy_entries (below, made, level + 1, copy);
  return r < 0 ? r : dress (made, &st, copy);
}

static int
copy_entries (int from, int to, unsigned level, struct copy *copy)
{
  int again = fcntl (from, F_DUPFD_CLOEXEC, 3);
  __attribute__ ((cleanup (close_listing))) DIR *listing = again < 0 ? NULL : fdopendir (again);
  int r = listing ? 0 : -errno;

  if (level > copy->max_levels)
    return -EMLINK;
  for (struct dirent *entry; r == 0 && (entry = readdir (listing));) {
    const char *name = entry->d_name;

    if (strcmp (name, ".") == 0 || strcmp (name, "..") == 0)
      continue;
    r = copy_entry (from, to, name, level, copy);
    /* It is of another file system, or is gone since it was listed. */
    if (copy->again && (r == -EXDEV || r == -ENOENT))
      r = 0;
  }
  return r;
}

int
copy_tree (int from, int to)
{
  /* It all becomes memory. */
  struct copy copy = { .budget = 100LL * 1024 * 1024, .max_levels = 32 };

  return copy_entries (from, to, 1, &copy);
}

int
copy_tree_once_more (int from, int to)
{
  struct copy copy = { .budget = LLONG_MAX, .max_levels = 128, .again = true };
  struct stat st;
  int r = fstat (from, &st) < 0 ? -errno : copy_entries (from, to, 1, &copy);

  return r < 0 ? r : dress (to, &st, &copy);
}

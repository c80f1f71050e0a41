/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unified.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "describe.h"
#include "fd.h"
#include "remove.h"
#include "tree.h"

#define MAX_TRIES 1000

static void
close_directory (DIR **directory)
{
  if (*directory != NULL)
    closedir (*directory);
}

#define AUTO_DIR __attribute__ ((cleanup (close_directory))) DIR *

/* ---- metadata.yaml ---- */

static int
open_metadata (int root)
{
  struct stat st;
  AUTO_FD fd = tree_open (root, "metadata.yaml", O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  int found = fd;

  if (fd < 0 || fstat (fd, &st) < 0 || !S_ISREG (st.st_mode))
    return -1;
  fd = -1;
  return found;
}

static bool
read_metadata (struct job *job, int fd, struct metadata *ret)
{
  char *text = malloc (METADATA_MAX_SIZE + 1);
  size_t used = 0;
  ssize_t size = 1;
  bool done;

  if (text == NULL)
    return job_fail (job, UNPACK_IO, ENOMEM, "Out of memory");
  while (size > 0 && used <= METADATA_MAX_SIZE) {
    size = read (fd, text + used, METADATA_MAX_SIZE + 1 - used);
    used += size > 0 ? (size_t)size : 0;
  }
  if (size < 0)
    done = job_fail_errno (job, "metadata.yaml", "reading");
  else if (used > METADATA_MAX_SIZE)
    done = job_fail (job, UNPACK_BAD_ARCHIVE, EFBIG, "metadata.yaml: larger than 1 MiB");
  else
    done = metadata_parse (job, text, used, ret);
  free (text);
  return done;
}

/* ---- what lies in rootfs ---- */

static int
move (int from, const char *name, int to, const char *new_name)
{
  return (int)syscall (SYS_renameat2, from, name, to, new_name, RENAME_NOREPLACE);
}

/* rootfs gets a name that nothing in it has, for its content is to come beside it. */
static bool
move_aside (struct job *job, int root, int rootfs, char name[64])
{
  for (unsigned int i = 0; i < MAX_TRIES; i++) {
    snprintf (name, 64, ".bothy-rootfs-%u", i);
    if (faccessat (rootfs, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT &&
        move (root, "rootfs", root, name) == 0)
      return true;
  }
  return job_fail (job, UNPACK_BAD_ARCHIVE, 0, "rootfs: has no place beside its files");
}

/* Removes NAME of ROOT, with all that is below it. */
static bool
remove_one (struct job *job, int root, const char *name)
{
  uint64_t inodes = job->inodes;
  AUTO_FD fd = -1;

  if (unlinkat (root, name, 0) == 0)
    return true;
  fd = errno == EISDIR ? tree_open (root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) : -1;
  if (fd < 0 || !remove_below (job, fd) || unlinkat (root, name, AT_REMOVEDIR) < 0)
    return job_fail_errno (job, name, "removing what is beside the root");
  job->inodes = inodes; /* which counts what is made */
  return true;
}

static bool
is_dots (const char *name)
{
  return strcmp (name, ".") == 0 || strcmp (name, "..") == 0;
}

/* For each file in DIRECTORY but the one called EXCEPT: moves it to TO, or removes it when that is negative.
 */
static bool
empty (struct job *job, int directory, const char *except, int to)
{
  AUTO_DIR entries = fdopendir (fcntl (directory, F_DUPFD_CLOEXEC, 0));
  const struct dirent *entry;
  bool moved = true;

  /* What is taken away while it is read may hide another file: read until nothing is left. */
  while (entries != NULL && moved) {
    moved = false;
    rewinddir (entries);
    while ((entry = readdir (entries)) != NULL) {
      if (is_dots (entry->d_name) || strcmp (entry->d_name, except) == 0)
        continue;
      if (to < 0 ? !remove_one (job, directory, entry->d_name)
                 : move (directory, entry->d_name, to, entry->d_name) < 0)
        return job_has_failed (job) ? false : job_fail_errno (job, entry->d_name, "moving it to the root");
      moved = true;
    }
  }
  return entries != NULL || job_fail_errno (job, ".", "opening a directory");
}

static bool
copy_attributes (struct job *job, int root, const struct stat *st)
{
  const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, st->st_mtim };

  if (fchown (root, st->st_uid, st->st_gid) < 0 || fchmod (root, st->st_mode & 07777) < 0 ||
      futimens (root, times) < 0)
    return job_fail_errno (job, "rootfs", "setting what it has");
  return true;
}

static bool
promote (struct job *job, int root, int rootfs)
{
  struct stat st;
  char aside[64];

  if (fstat (rootfs, &st) < 0)
    return job_fail_errno (job, "rootfs", "looking at it");
  if (!move_aside (job, root, rootfs, aside) || !empty (job, root, aside, -1) ||
      !empty (job, rootfs, "", root))
    return false;
  if (unlinkat (root, aside, AT_REMOVEDIR) < 0)
    return job_fail_errno (job, "rootfs", "removing it");
  job->inodes -= job->inodes > 0;
  return copy_attributes (job, root, &st);
}

bool
unified_raise (struct job *job, int root)
{
  AUTO_FD rootfs = tree_open (root, "rootfs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  AUTO_FD top = tree_open (root, ".", O_RDONLY | O_DIRECTORY);

  if (rootfs < 0 || top < 0)
    return job_fail_errno (job, "rootfs", "opening it");
  return promote (job, top, rootfs);
}

bool
unified_promote (struct job *job, int root, struct metadata *ret_metadata)
{
  AUTO_FD file = open_metadata (root);
  AUTO_FD rootfs = tree_open (root, "rootfs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  AUTO_FD top = tree_open (root, ".", O_RDONLY | O_DIRECTORY);

  memset (ret_metadata, 0, sizeof *ret_metadata);
  if (file < 0 || rootfs < 0 || top < 0 || describe_is_root (root))
    return true;
  job->flags |= UNPACK_IS_UNIFIED;
  return read_metadata (job, file, ret_metadata) && promote (job, top, rootfs);
}

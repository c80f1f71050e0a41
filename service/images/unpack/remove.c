/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "remove.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Directories are open from the root down to the one being emptied, DEPTH at most. One
 * that lies deeper is first moved up to the root, where it is met again: so neither
 * fds nor stack grow with a tree that was made to be deep.
 */
#define DEPTH 48

struct level {
  DIR *directory;
  char name[256]; /* in the level above */
  bool progressed;
};

struct removal {
  struct job *job;
  struct level levels[DEPTH];
  int depth; /* the last open level */
  unsigned long n_moved;
};

static int
open_directory (int above, const char *name)
{
  struct open_how how = {
    .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
  };

  return (int)syscall (SYS_openat2, above, name, &how, sizeof how);
}

static bool
push (struct removal *r, int fd, const char *name)
{
  struct level *level = &r->levels[r->depth + 1];
  DIR *directory = fdopendir (fd);

  if (directory == NULL) {
    job_fail_errno (r->job, name, "opening a directory");
    close (fd);
    return false;
  }
  *level = (struct level){ .directory = directory };
  snprintf (level->name, sizeof level->name, "%s", name);
  r->depth++;
  return true;
}

/* Moves NAME to the root, under a name that is free there. */
static bool
move_up (struct removal *r, int above, const char *name)
{
  char moved[64];

  do {
    snprintf (moved, sizeof moved, ".bothy-remove-%lu", r->n_moved++);
    if (syscall (SYS_renameat2, above, name, dirfd (r->levels[0].directory), moved, RENAME_NOREPLACE) == 0) {
      r->levels[0].progressed = true;
      return true;
    }
  } while (errno == EEXIST);
  return job_fail_errno (r->job, name, "moving a directory that lies deep");
}

static bool
remove_directory (struct removal *r, int above, const char *name)
{
  int fd;

  if (unlinkat (above, name, AT_REMOVEDIR) == 0) {
    r->levels[r->depth].progressed = true;
    return true;
  }
  if (errno != ENOTEMPTY && errno != EEXIST)
    return job_fail_errno (r->job, name, "removing a directory");
  if (r->depth + 1 == DEPTH)
    return move_up (r, above, name);
  fd = open_directory (above, name);
  if (fd < 0 && errno == EXDEV)
    return job_fail (r->job, UNPACK_IO, EBUSY, "%s: another file system is mounted there", job_escape (name));
  if (fd < 0)
    return job_fail_errno (r->job, name, "opening a directory");
  return push (r, fd, name);
}

static bool
remove_entry (struct removal *r, const struct dirent *entry)
{
  int above = dirfd (r->levels[r->depth].directory);

  if (strcmp (entry->d_name, ".") == 0 || strcmp (entry->d_name, "..") == 0)
    return true;
  r->job->inodes++;
  if (entry->d_type != DT_DIR) {
    if (unlinkat (above, entry->d_name, 0) == 0) {
      r->levels[r->depth].progressed = true;
      return true;
    }
    if (errno != EISDIR)
      return job_fail_errno (r->job, entry->d_name, "removing a file");
  }
  return remove_directory (r, above, entry->d_name);
}

/* The end of a directory: it is removed, or read again when not all of it was seen. */
static bool
pop (struct removal *r, bool *ret_done)
{
  struct level *level = &r->levels[r->depth];
  bool is_root = r->depth == 0;

  if (!is_root && unlinkat (dirfd (r->levels[r->depth - 1].directory), level->name, AT_REMOVEDIR) == 0) {
    closedir (level->directory);
    r->depth--;
    r->levels[r->depth].progressed = true;
    return true;
  }
  if (level->progressed) {
    level->progressed = false;
    rewinddir (level->directory);
    return true;
  }
  *ret_done = is_root;
  return is_root || job_fail_errno (r->job, level->name, "removing a directory");
}

/* Of removing, max_inodes says how long; of unpacking, what may be there. */
static bool
is_turn_over (struct removal *r)
{
  const struct unpack_request *request = &r->job->request;

  if (request->mode != UNPACK_REMOVE || request->max_inodes == 0 || r->job->inodes < request->max_inodes)
    return false;
  r->job->flags |= UNPACK_HAS_MORE;
  return true;
}

static bool
remove_all (struct removal *r)
{
  bool done = false;

  while (!done && !is_turn_over (r)) {
    const struct dirent *entry = (errno = 0, readdir (r->levels[r->depth].directory));

    if (entry == NULL && errno != 0)
      return job_fail_errno (r->job, r->levels[r->depth].name, "reading a directory");
    if (entry == NULL ? !pop (r, &done) : !remove_entry (r, entry))
      return false;
    job_report_progress (r->job);
  }
  return true;
}

bool
remove_below (struct job *job, int root)
{
  struct removal removal = { .job = job, .depth = -1 };
  int fd = open_directory (root, ".");
  bool done;

  if (fd < 0)
    return job_fail_errno (job, ".", "opening the tree");
  done = push (&removal, fd, ".") && remove_all (&removal);
  for (; removal.depth >= 0; removal.depth--)
    closedir (removal.levels[removal.depth].directory);
  return done;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "duplicate.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fd.h"

#define DEPTH   60 /* of directories; each has three fds open */
#define BUCKETS 4096u
#define CHUNK   (256u * 1024)
#define MAX_NAMES                                                                                            \
  65536 /* what the kernel has for the names of a file's extended attributes, and for one value */
#define UPPER "upper"

/* A file that has other names as well, and where its copy is, below TREE. */
struct linked {
  struct linked *next;
  ino_t inode;
  char path[];
};

struct duplication {
  struct job *job;
  int tree;
  char path[PATH_MAX]; /* of what is being copied, below TREE */
  size_t length;
  struct linked *linked[BUCKETS];
  char names[MAX_NAMES];
  char bytes[CHUNK];
};

static bool
fail (struct duplication *d, const char *what)
{
  return job_fail_errno (d->job, d->path, what);
}

static int
open_below (int directory, const char *name, int flags)
{
  struct open_how how = { .flags = (unsigned)(flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY),
                          .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV };

  return (int)syscall (SYS_openat2, directory, name, &how, sizeof how);
}

/* ---- what files of all kinds have ---- */

static bool
copy_attribute (struct duplication *d, int from, int to, const char *name)
{
  ssize_t size = fgetxattr (from, name, d->bytes, MAX_NAMES);

  return (size >= 0 && fsetxattr (to, name, d->bytes, (size_t)size, 0) == 0) ||
         fail (d, "copying an extended attribute");
}

/* What a security module of the host says of a file it says of a new one by itself, and lets nobody else. */
static bool
is_hosts (const char *name)
{
  return strncmp (name, "security.", strlen ("security.")) == 0 && strcmp (name, "security.capability") != 0;
}

static bool
copy_attributes (struct duplication *d, int from, int to)
{
  ssize_t size = flistxattr (from, d->names, sizeof d->names);
  bool done = size >= 0 || errno == EOPNOTSUPP || fail (d, "listing extended attributes");

  for (const char *name = d->names; done && name < d->names + size; name += strlen (name) + 1)
    done = is_hosts (name) || copy_attribute (d, from, to, name);
  return done;
}

/* A new owner takes capabilities and setuid bits away, so that comes first; the times come last. */
static bool
finish_copy (struct duplication *d, int from, int to, const struct stat *st)
{
  const struct timespec times[2] = { st->st_atim, st->st_mtim };

  if (fchown (to, st->st_uid, st->st_gid) < 0)
    return fail (d, "setting the owner");
  if (!copy_attributes (d, from, to))
    return false;
  if (fchmod (to, st->st_mode & 07777) < 0)
    return fail (d, "setting the mode");
  return utimensat (to, "", times, AT_EMPTY_PATH) == 0 || fail (d, "setting the times");
}

/* ---- files with several names ---- */

static bool
remember (struct duplication *d, ino_t inode)
{
  struct linked *new = malloc (sizeof *new + d->length + 1);
  struct linked **bucket = &d->linked[inode % BUCKETS];

  if (new == NULL)
    return job_fail (d->job, UNPACK_IO, ENOMEM, "Out of memory");
  memcpy (new->path, d->path, d->length + 1);
  new->inode = inode;
  new->next = *bucket;
  *bucket = new;
  return true;
}

static const char *
find_copy (const struct duplication *d, ino_t inode)
{
  for (const struct linked *linked = d->linked[inode % BUCKETS]; linked != NULL; linked = linked->next)
    if (linked->inode == inode)
      return linked->path;
  return NULL;
}

/* ---- one of each kind ---- */

static bool
copy_range (struct duplication *d, int from, int to, off_t begin, off_t end)
{
  while (begin < end) {
    size_t wanted = end - begin < (off_t)CHUNK ? (size_t)(end - begin) : CHUNK;
    ssize_t n = pread (from, d->bytes, wanted, begin);

    if (n <= 0)
      return n == 0 || fail (d, "reading");
    if (!job_count_bytes (d->job, (uint64_t)n))
      return false;
    for (ssize_t done = 0; done < n;) {
      ssize_t written =
          lseek (to, begin + done, SEEK_SET) < 0 ? -1 : write (to, d->bytes + done, (size_t)(n - done));

      if (written <= 0)
        return fail (d, "writing");
      done += written;
    }
    begin += n;
    job_report_progress (d->job);
  }
  return true;
}

static bool
copy_bytes (struct duplication *d, int from, int to, off_t size)
{
  off_t begin = 0;

  if (ioctl (to, FICLONE, from) == 0)
    return true;
  while (begin < size) {
    off_t data = lseek (from, begin, SEEK_DATA), hole;

    if (data < 0 && errno == ENXIO)
      break;
    hole = data < 0 ? -1 : lseek (from, data, SEEK_HOLE);
    if (hole < 0)
      return fail (d, "looking for holes");
    if (!copy_range (d, from, to, data, hole))
      return false;
    begin = hole;
  }
  return ftruncate (to, size) == 0 || fail (d, "setting the size");
}

static bool
copy_file (struct duplication *d, int from, int to, const char *name, const struct stat *st)
{
  AUTO_FD source = open_below (from, name, O_RDONLY);
  AUTO_FD copy =
      source < 0 ? -1 : openat (to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

  if (copy < 0)
    return fail (d, "copying a file");
  return copy_bytes (d, source, copy, st->st_size) && finish_copy (d, source, copy, st);
}

static bool
copy_link (struct duplication *d, int from, int to, const char *name)
{
  char target[PATH_MAX];
  ssize_t size = readlinkat (from, name, target, sizeof target - 1);

  if (size < 0)
    return fail (d, "reading a link");
  target[size] = '\0';
  return symlinkat (target, to, name) == 0 || fail (d, "making a link");
}

/* Pipes, sockets, and what says that a file is gone, a device that the kernel lets everybody make. */
static bool
copy_special (struct duplication *d, int to, const char *name, const struct stat *st)
{
  return mknodat (to, name, st->st_mode, st->st_rdev) == 0 || fail (d, "making a special file");
}

/* Of what can not be opened without effect. */
static bool
finish_by_name (struct duplication *d, int to, const char *name, const struct stat *st)
{
  const struct timespec times[2] = { st->st_atim, st->st_mtim };

  return (fchownat (to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) == 0 &&
          utimensat (to, name, times, AT_SYMLINK_NOFOLLOW) == 0) ||
         fail (d, "setting owner and times");
}

static bool
copy_directory (struct duplication *d, int from, int to, const char *name, const struct stat *st, int depth);

static bool
copy_new (struct duplication *d, int from, int to, const char *name, const struct stat *st, int depth)
{
  if (!job_count_inode (d->job))
    return false;
  if (S_ISDIR (st->st_mode))
    return copy_directory (d, from, to, name, st, depth + 1);
  if (st->st_nlink > 1 && !remember (d, st->st_ino))
    return false;
  if (S_ISREG (st->st_mode))
    return copy_file (d, from, to, name, st);
  return (S_ISLNK (st->st_mode) ? copy_link (d, from, to, name) : copy_special (d, to, name, st)) &&
         finish_by_name (d, to, name, st);
}

static bool
copy_entry (struct duplication *d, int from, int to, const char *name, int depth)
{
  const char *known;
  struct stat st;

  if (fstatat (from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
    return fail (d, "looking at a file");
  known = S_ISDIR (st.st_mode) || st.st_nlink < 2 ? NULL : find_copy (d, st.st_ino);
  if (known != NULL)
    return linkat (d->tree, known, to, name, 0) == 0 || fail (d, "giving a file another name");
  return copy_new (d, from, to, name, &st, depth);
}

static bool
copy_entries (struct duplication *d, DIR *listing, int to, int depth)
{
  size_t length = d->length;
  bool done = true;

  while (done) {
    const struct dirent *entry = (errno = 0, readdir (listing));

    if (entry == NULL)
      return errno == 0 || fail (d, "reading a directory");
    if (strcmp (entry->d_name, ".") == 0 || strcmp (entry->d_name, "..") == 0)
      continue;
    d->length = length + 1 + strlen (entry->d_name);
    if (d->length >= sizeof d->path)
      return job_fail (d->job, UNPACK_LIMIT_EXCEEDED, 0, "a path is longer than %zu bytes", sizeof d->path);
    snprintf (d->path + length, sizeof d->path - length, "/%s", entry->d_name);
    done = copy_entry (d, dirfd (listing), to, entry->d_name, depth);
    d->length = length;
    d->path[length] = '\0';
  }
  return false;
}

static bool
copy_directory (struct duplication *d, int from, int to, const char *name, const struct stat *st, int depth)
{
  AUTO_FD source = open_below (from, name, O_RDONLY | O_DIRECTORY);
  AUTO_FD copy = -1;
  DIR *listing;
  bool done;

  if (depth > DEPTH)
    return job_fail (d->job, UNPACK_LIMIT_EXCEEDED, 0, "directories are more than %d deep", DEPTH);
  if (source < 0 || mkdirat (to, name, 0700) < 0)
    return fail (d, "copying a directory");
  copy = open_below (to, name, O_RDONLY | O_DIRECTORY);
  listing = copy < 0 ? NULL : fdopendir (fcntl (source, F_DUPFD_CLOEXEC, 3));
  if (listing == NULL)
    return fail (d, "opening a directory");
  done = copy_entries (d, listing, copy, depth);
  closedir (listing);
  return done && finish_copy (d, source, copy, st);
}

bool
duplicate_upper (struct job *job, int source, int tree)
{
  static struct duplication d;
  struct stat st;

  d.job = job;
  d.tree = tree;
  d.length = (size_t)snprintf (d.path, sizeof d.path, UPPER);
  if (fstatat (source, UPPER, &st, AT_SYMLINK_NOFOLLOW) < 0)
    return errno == ENOENT || fail (&d, "looking at it");
  return copy_directory (&d, source, tree, UPPER, &st, 1);
}

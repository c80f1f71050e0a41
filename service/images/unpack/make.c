/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a tree is made of: each function puts one file in its place. */
#include "make.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fd.h"
#include "over.h"
#include "whiteout.h"

#define MAX_ID 65535
#define NOBODY 65534

/* UID or GID as it can be, which is not what it was. */
static uint32_t
squash_id (struct job *job, int64_t id)
{
  if (id >= 0 && id <= MAX_ID)
    return (uint32_t)id;
  job->flags |= UNPACK_HAS_SQUASHED;
  return NOBODY;
}

bool
tree_take_owner (
    struct job *job, const char *name, int64_t uid, int64_t gid, struct tree_attributes *attributes)
{
  bool fits = uid >= 0 && uid <= MAX_ID && gid >= 0 && gid <= MAX_ID;
  bool is_copy = job->request.mode == UNPACK_COPY_TO;

  if (!fits && (job->request.flags & UNPACK_SQUASH_OWNERS) == 0)
    return job_fail (job, UNPACK_BAD_ARCHIVE, ERANGE,
                     "%s: its owner is %lld:%lld, and in a container ids go from 0 to %d; %s"
                     "make the archive anew with other owners (tar --owner=0 --group=0, or --owner-map)",
                     job_escape (name), (long long)uid, (long long)gid, MAX_ID,
                     is_copy ? "" : "with \"--squash-owners\" such files become nobody's; or ");
  attributes->uid = squash_id (job, uid);
  attributes->gid = squash_id (job, gid);
  return true;
}

/* Whether what is made depends on where: a directory that was there gives its group on, and its default ACL. */
static bool
is_among_others (const struct tree *tree)
{
  return tree->over != NULL || tree->is_live;
}

/* What was just made is of the user and the group 0, unless a directory that was there gives its own group. */
static bool
is_owned (const struct tree *tree, const struct tree_attributes *a)
{
  return !is_among_others (tree) && a->uid == 0 && a->gid == 0;
}

static bool
set_owner_and_time (struct tree *tree, const char *path, const char *name, const struct tree_attributes *a)
{
  struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, a->mtime };

  if (!is_owned (tree, a) && fchownat (tree->parent, name, a->uid, a->gid, AT_SYMLINK_NOFOLLOW) < 0)
    return job_fail_errno (tree->job, path, "setting its owner");
  if (utimensat (tree->parent, name, times, AT_SYMLINK_NOFOLLOW) < 0)
    return job_fail_errno (tree->job, path, "setting its time");
  return true;
}

static bool
remember_directory (struct tree *tree, const char *path, const struct tree_attributes *attributes)
{
  size_t n = tree->n_directories;

  if ((n & (n - 1)) == 0) { /* doubles */
    struct tree_directory *more = reallocarray (tree->directories, n == 0 ? 1 : n * 2, sizeof *more);

    if (more == NULL)
      return job_fail (tree->job, UNPACK_IO, ENOMEM, "Out of memory");
    tree->directories = more;
  }
  tree->directories[n].path = strdup (path);
  tree->directories[n].attributes = *attributes;
  if (tree->directories[n].path == NULL)
    return job_fail (tree->job, UNPACK_IO, ENOMEM, "Out of memory");
  tree->n_directories++;
  return true;
}

/* *RET_MADE: it was not there. */
static bool
make_one_directory (struct tree *tree, const char *path, bool *ret_made)
{
  struct stat st;
  const char *name = tree_enter_parent (tree, path);

  if (name == NULL)
    return false;
  *ret_made = mkdirat (tree->parent, name, 0700) == 0;
  if (*ret_made)
    return job_count_inode (tree->job);
  if (errno != EEXIST)
    return job_fail_errno (tree->job, path, "making a directory");
  if (fstatat (tree->parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR (st.st_mode))
    return true;
  /* As cp(1) and docker have it: somebody may rely on the file. */
  if (tree->is_live)
    return job_fail (tree->job, UNPACK_IO, ENOTDIR, "%s: is there already, and no directory",
                     job_escape (path));
  return tree_replace_with_directory (tree, tree->parent, name, 0700) == 0 ||
         job_fail_errno (tree->job, path, "making a directory in the place of an earlier entry");
}

bool
tree_make_directory (struct tree *tree, const char *path, const struct tree_attributes *attributes)
{
  bool made = false;
  /* Until the end it has neither setgid nor a default ACL, so that no file inherits anything. */
  bool done = *path == '\0' || make_one_directory (tree, path, &made);

  /* What a container had before stays as it is. */
  if (done && (made || !tree->is_live))
    done = remember_directory (tree, path, attributes);
  else if (done)
    attributes_free (attributes->extended);
  if (!done)
    attributes_free (attributes->extended);
  return done;
}

/* Beside the one that it is to replace, which is whole until then. */
static int
begin_beside (struct tree *tree, const char *path, const char *name, uint32_t mode)
{
  int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY;
  uint64_t number;
  struct stat st;
  int fd;

  if (fstatat (tree->parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR (st.st_mode)) {
    job_fail (tree->job, UNPACK_IO, EISDIR, "%s: is there already, a directory", job_escape (path));
    return -1;
  }
  if (getrandom (&number, sizeof number, 0) != sizeof number) {
    job_fail_errno (tree->job, path, "finding a name");
    return -1;
  }
  snprintf (tree->job->unfinished.name, sizeof tree->job->unfinished.name, ".bothy-%016" PRIx64, number);
  tree->job->unfinished.directory = tree->parent;
  fd = openat (tree->parent, tree->job->unfinished.name, flags, mode & 0777);
  if (fd < 0) {
    tree->job->unfinished.name[0] = '\0';
    job_fail_errno (tree->job, path, "making a file");
  }
  return fd;
}

/* What was begun beside PATH takes its place. */
static bool
replace (struct tree *tree, const char *path)
{
  const char *name = tree_enter_parent (tree, path);

  if (name == NULL ||
      syscall (SYS_renameat2, tree->parent, tree->job->unfinished.name, tree->parent, name, 0) < 0)
    return job_fail_errno (tree->job, path, "putting it in its place");
  tree->job->unfinished.name[0] = '\0';
  return true;
}

int
tree_begin_file (struct tree *tree, const char *path, uint32_t mode)
{
  const char *name = tree_enter_parent (tree, path);
  int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY;
  int fd;

  if (name == NULL)
    return -1;
  if (tree->is_live)
    return begin_beside (tree, path, name, mode);
  fd = openat (tree->parent, name, flags, mode & 0777);
  if (fd < 0 && errno == EEXIST) {
    if (!tree_clear_place (tree, path, name))
      return -1;
    fd = openat (tree->parent, name, flags, mode & 0777);
  }
  if (fd < 0)
    job_fail_errno (tree->job, path, "making a file");
  else if (!job_count_inode (tree->job))
    close_fd (&fd), fd = -1;
  return fd;
}

bool
tree_write (struct tree *tree, int fd, const char *path, const void *data, size_t size)
{
  const char *bytes = data;

  if (!job_count_bytes (tree->job, size))
    return false;
  while (size > 0) {
    ssize_t written = write (fd, bytes, size);

    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return job_fail_errno (tree->job, path, "writing");
    bytes += written;
    size -= (size_t)written;
  }
  return true;
}

static bool
set_extended_and_time (struct tree *tree, int fd, const char *path, const struct tree_attributes *a)
{
  struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, a->mtime };

  if (!attributes_set (tree->job, a->extended, fd, path))
    return false;
  if (a->mtime.tv_nsec != UTIME_OMIT && futimens (fd, times) < 0)
    return job_fail_errno (tree->job, path, "setting its time");
  return true;
}

bool
tree_end_file (struct tree *tree, int fd, const char *path, const struct tree_attributes *a)
{
  if (!is_owned (tree, a) && fchown (fd, a->uid, a->gid) < 0)
    return job_fail_errno (tree->job, path, "setting its owner");
  /* After the owner, whose change takes setuid and file capabilities away. */
  if (((a->mode & 07000) != 0 || is_among_others (tree)) && fchmod (fd, a->mode) < 0)
    return job_fail_errno (tree->job, path, "setting its mode");
  return set_extended_and_time (tree, fd, path, a) && (!tree->is_live || replace (tree, path));
}

bool
tree_make_symlink (struct tree *tree,
                   const char *path,
                   const char *target,
                   const struct tree_attributes *attributes)
{
  const char *name = tree_enter_parent (tree, path);

  if (name == NULL)
    return false;
  if (symlinkat (target, tree->parent, name) < 0) {
    if (errno != EEXIST)
      return job_fail_errno (tree->job, path, "making a symbolic link");
    if (!tree_clear_place (tree, path, name))
      return false;
    if (symlinkat (target, tree->parent, name) < 0)
      return job_fail_errno (tree->job, path, "making a symbolic link");
  }
  return job_count_inode (tree->job) && set_owner_and_time (tree, path, name, attributes);
}

bool
tree_make_fifo (struct tree *tree, const char *path, const struct tree_attributes *attributes)
{
  mode_t mode = S_IFIFO | (attributes->mode & 0777);
  const char *name = tree_enter_parent (tree, path);

  if (name == NULL)
    return false;
  if (mknodat (tree->parent, name, mode, 0) < 0) {
    if (errno != EEXIST)
      return job_fail_errno (tree->job, path, "making a named pipe");
    if (!tree_clear_place (tree, path, name))
      return false;
    if (mknodat (tree->parent, name, mode, 0) < 0)
      return job_fail_errno (tree->job, path, "making a named pipe");
  }
  return job_count_inode (tree->job) && set_owner_and_time (tree, path, name, attributes);
}

static bool
is_same_file (int fd, int directory, const char *name)
{
  struct stat a;
  struct stat b;

  return fstat (fd, &a) == 0 && fstatat (directory, name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
         a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* A layer by itself: what it does not bring may be in one below. Then it has to be unpacked again, over that. */
static bool
is_apart (struct tree *tree)
{
  bool apart = tree->job->request.mode == UNPACK_LAYER && tree->over == NULL;

  if (apart)
    tree->job->flags |= UNPACK_NEEDS_BELOW;
  return apart;
}

bool
tree_make_hard_link (struct tree *tree, const char *path, const char *target)
{
  const char *name = tree_enter_parent (tree, path);
  char directory[TREE_MAX_PATH];
  const char *slash = strrchr (target, '/');
  const char *target_name = slash != NULL ? slash + 1 : target;
  struct stat st;
  AUTO_FD from = -1;
  AUTO_FD file = -1;

  if (name == NULL)
    return false;
  memcpy (directory, target, (size_t)(target_name - target));
  directory[target_name - target] = '\0';
  from = tree_open (tree->root, directory, O_PATH | O_DIRECTORY);
  /* A link's target may itself be a symbolic link, which then has two names. */
  file = tree_open (tree->root, target, O_PATH | O_NOFOLLOW);
  if ((from < 0 || file < 0) && errno == ENOENT && is_apart (tree))
    return true;
  if (from < 0 || file < 0)
    return job_fail (tree->job, errno == ENOENT ? UNPACK_BAD_ARCHIVE : UNPACK_IO, errno,
                     "%s: is a link to a file that the archive did not bring", job_escape (path));
  if (whiteout_is_at (from, target_name))
    return job_fail (tree->job, UNPACK_BAD_ARCHIVE, 0, "%s: is a link to a file that the archive takes away",
                     job_escape (path));
  if (tree->over != NULL && (fstat (file, &st) < 0 || !over_count_link (tree, directory, target_name, &st)))
    return job_fail_errno (tree->job, path, "looking at what it is a link to");
  if (linkat (from, target_name, tree->parent, name, 0) < 0) {
    if (errno != EEXIST)
      return job_fail_errno (tree->job, path, "linking");
    if (is_same_file (file, tree->parent, name))
      return true;
    if (!tree_clear_place (tree, path, name))
      return false;
    if (linkat (from, target_name, tree->parent, name, 0) < 0)
      return job_fail_errno (tree->job, path, "linking");
  }
  if (tree->over != NULL)
    over_note_copy (tree);
  return job_count_inode (tree->job);
}

bool
tree_end_directories (struct tree *tree)
{
  for (size_t i = 0; i < tree->n_directories; i++) {
    const struct tree_directory *d = &tree->directories[i];
    const struct tree_attributes *attributes = &d->attributes;
    AUTO_FD fd = tree_open (tree->root, d->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
      continue; /* a later entry took its place */
    if (fd < 0)
      return job_fail_errno (tree->job, d->path, "opening a directory again");
    /* One that lies below has the owner that it has there. */
    if (!is_owned (tree, attributes) && fchown (fd, attributes->uid, attributes->gid) < 0)
      return job_fail_errno (tree->job, d->path, "setting its owner");
    if (fchmod (fd, attributes->mode) < 0)
      return job_fail_errno (tree->job, d->path, "setting its mode");
    if (!set_extended_and_time (tree, fd, d->path, attributes))
      return false;
  }
  return true;
}

bool
tree_make_whiteout (struct tree *tree, const char *path)
{
  const char *name = tree_enter_parent (tree, path);
  AUTO_FD fd = -1;

  if (name == NULL)
    return false;
  if (tree->over != NULL)
    return over_hide (tree, path, name);
  if (whiteout_make (tree->parent, name) == 0)
    return job_count_inode (tree->job);
  if (errno != EEXIST)
    return job_fail_errno (tree->job, path, "hiding it");
  /* What the layer itself brings stays; of a directory then nothing shows through. */
  fd = openat (tree->parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return errno == ENOTDIR || errno == ELOOP || job_fail_errno (tree->job, path, "hiding it");
  return whiteout_make_opaque (fd) == 0 || job_fail_errno (tree->job, path, "hiding what lies below");
}

bool
tree_make_opaque (struct tree *tree, const char *path)
{
  char inside[TREE_MAX_PATH + 2];
  AUTO_FD fd = -1;

  /* overlayfs never asks the root of a layer: see UNPACK_HIDES_BELOW. */
  if (*path == '\0') {
    tree->job->flags |= UNPACK_HIDES_BELOW;
    return true;
  }
  snprintf (inside, sizeof inside, "%s/.", path);
  if (tree_enter_parent (tree, inside) == NULL)
    return false;
  if (tree->over != NULL)
    return over_hide_all (tree, path);
  fd = openat (tree->parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 || whiteout_make_opaque (fd) < 0)
    return job_fail_errno (tree->job, path, "hiding what lies below");
  return true;
}

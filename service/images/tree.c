/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fd.h"

#define MAX_COMPONENT 255
#define MAX_TRIES     64 /* of a look-up that the kernel wants repeated */

struct tree_directory {
  char *path;
  struct tree_attributes attributes;
};

void
tree_init (struct tree *tree, struct job *job, int root)
{
  *tree = (struct tree){ .job = job, .root = root, .parent = -1 };
}

static void
forget_parent (struct tree *tree)
{
  close_fd (&tree->parent);
  tree->parent = -1;
}

void
tree_clear (struct tree *tree)
{
  forget_parent (tree);
  for (size_t i = 0; i < tree->n_directories; i++) {
    free (tree->directories[i].path);
    attributes_free (tree->directories[i].attributes.extended);
  }
  free (tree->directories);
  tree->directories = NULL;
  tree->n_directories = 0;
}

int
tree_open (int root, const char *path, uint64_t flags)
{
  struct open_how how = {
    .flags = flags | O_CLOEXEC | ((flags & O_PATH) != 0 ? 0 : O_NOCTTY), /* O_PATH takes few others */
    .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
  };
  int fd;

  /* EAGAIN: something was renamed on the machine while ".." was followed. */
  for (int i = 0; i < MAX_TRIES; i++)
    if ((fd = (int)syscall (SYS_openat2, root, *path != '\0' ? path : ".", &how, sizeof how)) >= 0 ||
        errno != EAGAIN)
      break;
  return fd;
}

bool
tree_normalize (struct tree *tree, const char *name, char ret_path[TREE_MAX_PATH])
{
  size_t used = 0;

  for (const char *part = name; *part != '\0';) {
    size_t length = strcspn (part, "/");

    if (length == 2 && memcmp (part, "..", 2) == 0)
      return job_fail (tree->job, UNPACK_BAD_ARCHIVE, 0, "%s: names with \"..\" are not accepted",
                       job_escape (name));
    if (length > MAX_COMPONENT || used + length + 2 > TREE_MAX_PATH)
      return job_fail (tree->job, UNPACK_BAD_ARCHIVE, ENAMETOOLONG, "%s: the name is too long",
                       job_escape (name));
    if (length > 0 && !(length == 1 && part[0] == '.')) {
      if (used > 0)
        ret_path[used++] = '/';
      memcpy (ret_path + used, part, length);
      used += length;
    }
    part += length + (part[length] == '/' ? 1 : 0);
  }
  ret_path[used] = '\0';
  return true;
}

/* Opens the directory PATH, made of directories that may be missing. */
static int
open_made (struct tree *tree, const char *path)
{
  char prefix[TREE_MAX_PATH];
  int fd = tree_open (tree->root, path, O_PATH | O_DIRECTORY);
  int above;

  if (fd >= 0 || errno != ENOENT)
    return fd;
  above = tree_open (tree->root, "", O_PATH | O_DIRECTORY);
  for (size_t start = 0, end; above >= 0; start = end + 1) {
    end = start + strcspn (path + start, "/");
    memcpy (prefix, path, end);
    prefix[end] = '\0';
    fd = tree_open (tree->root, prefix, O_PATH | O_DIRECTORY);
    if (fd < 0 && errno == ENOENT && mkdirat (above, prefix + start, 0755) == 0) {
      fd = job_count_inode (tree->job) ? tree_open (tree->root, prefix, O_PATH | O_DIRECTORY) : -1;
    }
    close (above);
    above = fd;
    if (path[end] == '\0')
      break;
  }
  return above;
}

/* Splits PATH; returns the name, with the directory it belongs into as TREE->parent. NULL: failed. */
static const char *
enter_parent (struct tree *tree, const char *path)
{
  const char *slash = strrchr (path, '/');
  size_t length = slash != NULL ? (size_t)(slash - path) : 0;

  /* Entries mostly come directory by directory. */
  if (tree->parent < 0 || strncmp (tree->parent_path, path, length) != 0 ||
      tree->parent_path[length] != '\0') {
    forget_parent (tree);
    memcpy (tree->parent_path, path, length);
    tree->parent_path[length] = '\0';
    tree->parent = open_made (tree, tree->parent_path);
    if (tree->parent < 0) {
      job_fail_errno (tree->job, path, "opening its directory");
      return NULL;
    }
  }
  return slash != NULL ? slash + 1 : path;
}

/* Takes away what a new entry is to replace. */
static bool
clear_place (struct tree *tree, const char *path, const char *name)
{
  if (unlinkat (tree->parent, name, 0) == 0)
    return true;
  if (errno == EISDIR && unlinkat (tree->parent, name, AT_REMOVEDIR) == 0)
    return true;
  if (errno == ENOTEMPTY)
    return job_fail (tree->job, UNPACK_BAD_ARCHIVE, ENOTEMPTY,
                     "%s: would replace a directory with files in it", job_escape (path));
  return job_fail_errno (tree->job, path, "replacing an earlier entry");
}

static bool
set_owner_and_time (struct tree *tree, const char *path, const char *name, const struct tree_attributes *a)
{
  struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, a->mtime };

  if ((a->uid != 0 || a->gid != 0) && fchownat (tree->parent, name, a->uid, a->gid, AT_SYMLINK_NOFOLLOW) < 0)
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

static bool
make_one_directory (struct tree *tree, const char *path)
{
  struct stat st;
  const char *name = enter_parent (tree, path);

  if (name == NULL)
    return false;
  if (mkdirat (tree->parent, name, 0700) == 0)
    return job_count_inode (tree->job);
  if (errno != EEXIST)
    return job_fail_errno (tree->job, path, "making a directory");
  if (fstatat (tree->parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR (st.st_mode))
    return true;
  if (!clear_place (tree, path, name))
    return false;
  if (mkdirat (tree->parent, name, 0700) < 0)
    return job_fail_errno (tree->job, path, "making a directory");
  return job_count_inode (tree->job);
}

bool
tree_make_directory (struct tree *tree, const char *path, const struct tree_attributes *attributes)
{
  /* Until the end it has neither setgid nor a default ACL, so that no file inherits anything. */
  if ((*path == '\0' || make_one_directory (tree, path)) && remember_directory (tree, path, attributes))
    return true;
  attributes_free (attributes->extended);
  return false;
}

int
tree_begin_file (struct tree *tree, const char *path, uint32_t mode)
{
  const char *name = enter_parent (tree, path);
  int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY;
  int fd;

  if (name == NULL)
    return -1;
  fd = openat (tree->parent, name, flags, mode & 0777);
  if (fd < 0 && errno == EEXIST) {
    if (!clear_place (tree, path, name))
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

bool
tree_end_file (struct tree *tree, int fd, const char *path, const struct tree_attributes *a)
{
  struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, a->mtime };

  if ((a->uid != 0 || a->gid != 0) && fchown (fd, a->uid, a->gid) < 0)
    return job_fail_errno (tree->job, path, "setting its owner");
  /* After the owner, whose change takes setuid and file capabilities away. */
  if ((a->mode & 07000) != 0 && fchmod (fd, a->mode) < 0)
    return job_fail_errno (tree->job, path, "setting its mode");
  if (!attributes_set (tree->job, a->extended, fd, path))
    return false;
  if (a->mtime.tv_nsec != UTIME_OMIT && futimens (fd, times) < 0)
    return job_fail_errno (tree->job, path, "setting its time");
  return true;
}

bool
tree_make_symlink (struct tree *tree,
                   const char *path,
                   const char *target,
                   const struct tree_attributes *attributes)
{
  const char *name = enter_parent (tree, path);

  if (name == NULL)
    return false;
  if (symlinkat (target, tree->parent, name) < 0) {
    if (errno != EEXIST)
      return job_fail_errno (tree->job, path, "making a symbolic link");
    if (!clear_place (tree, path, name))
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
  const char *name = enter_parent (tree, path);

  if (name == NULL)
    return false;
  if (mknodat (tree->parent, name, mode, 0) < 0) {
    if (errno != EEXIST)
      return job_fail_errno (tree->job, path, "making a named pipe");
    if (!clear_place (tree, path, name))
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

bool
tree_make_hard_link (struct tree *tree, const char *path, const char *target)
{
  const char *name = enter_parent (tree, path);
  char directory[TREE_MAX_PATH];
  const char *slash = strrchr (target, '/');
  const char *target_name = slash != NULL ? slash + 1 : target;
  AUTO_FD from = -1;
  AUTO_FD file = -1;

  if (name == NULL)
    return false;
  memcpy (directory, target, (size_t)(target_name - target));
  directory[target_name - target] = '\0';
  from = tree_open (tree->root, directory, O_PATH | O_DIRECTORY);
  /* A link's target may itself be a symbolic link, which then has two names. */
  file = tree_open (tree->root, target, O_PATH | O_NOFOLLOW);
  if (from < 0 || file < 0)
    return job_fail (tree->job, errno == ENOENT ? UNPACK_BAD_ARCHIVE : UNPACK_IO, errno,
                     "%s: is a link to a file that the archive did not bring", job_escape (path));
  if (linkat (from, target_name, tree->parent, name, 0) < 0) {
    if (errno != EEXIST)
      return job_fail_errno (tree->job, path, "linking");
    if (is_same_file (file, tree->parent, name))
      return true;
    if (!clear_place (tree, path, name))
      return false;
    if (linkat (from, target_name, tree->parent, name, 0) < 0)
      return job_fail_errno (tree->job, path, "linking");
  }
  return job_count_inode (tree->job);
}

bool
tree_end_directories (struct tree *tree)
{
  for (size_t i = 0; i < tree->n_directories; i++) {
    const struct tree_directory *d = &tree->directories[i];
    struct tree_attributes attributes = d->attributes;
    AUTO_FD fd = tree_open (tree->root, d->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
      continue; /* a later entry took its place */
    if (fd < 0)
      return job_fail_errno (tree->job, d->path, "opening a directory again");
    if ((attributes.uid != 0 || attributes.gid != 0) && fchown (fd, attributes.uid, attributes.gid) < 0)
      return job_fail_errno (tree->job, d->path, "setting its owner");
    if (fchmod (fd, attributes.mode) < 0)
      return job_fail_errno (tree->job, d->path, "setting its mode");
    attributes.uid = attributes.gid = attributes.mode = 0;
    if (!tree_end_file (tree, fd, d->path, &attributes))
      return false;
  }
  return true;
}

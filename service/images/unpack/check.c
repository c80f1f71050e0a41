/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "attributes.h"
#include "fd.h"
#include "tree.h"

#define MAX_NAMES 4096

/* Whether the directory has an extended attribute that came with it. More of them than fit count as one. */
static bool
has_attributes (int layer, const char *path)
{
  AUTO_FD fd = tree_open (layer, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  char names[MAX_NAMES];
  ssize_t size = fd < 0 ? -1 : flistxattr (fd, names, sizeof names);

  if (size < 0)
    return fd < 0 || errno != EOPNOTSUPP;
  for (ssize_t at = 0; at < size; at += (ssize_t)strlen (names + at) + 1)
    if (attributes_is_allowed (names + at))
      return true;
  return false;
}

/*
 * Whether a directory that is made at PATH for want of an entry is the one that tar would find there. The highest layer
 * that has something at PATH says so; if a directory above that is hidden from it, nothing is there, which is as good.
 */
static bool
is_alike (const int *layers, unsigned int n, const char *path)
{
  struct stat st;

  for (unsigned int i = 0; i < n; i++) {
    AUTO_FD fd = tree_open (layers[i], path, O_PATH | O_NOFOLLOW);

    if (fd < 0 || fstat (fd, &st) < 0)
      continue;
    if (S_ISLNK (st.st_mode))
      return false;
    if (!S_ISDIR (st.st_mode)) /* a whiteout; or a file, whose place the directory takes */
      return true;
    return st.st_uid == 0 && st.st_gid == 0 && (st.st_mode & 07777) == 0755 &&
           !has_attributes (layers[i], path);
  }
  return true;
}

/* Looks at each directory on the way to PATH, which is changed meanwhile, and at PATH. */
static bool
is_right (const int *layers, unsigned int n, char *path)
{
  bool right = true;

  for (char *slash = strchr (path, '/'); right && slash != NULL; slash = strchr (slash + 1, '/')) {
    *slash = '\0';
    right = is_alike (layers, n, path);
    *slash = '/';
  }
  return right && is_alike (layers, n, path);
}

bool
check_below (struct job *job, int tree, const int *layers, unsigned int n)
{
  char implied[TREE_MAX_IMPLIED + 1];
  AUTO_FD fd = tree_open (tree, ".", O_RDONLY | O_DIRECTORY);
  ssize_t size = fd < 0 ? -1 : fgetxattr (fd, TREE_IMPLIED, implied, TREE_MAX_IMPLIED);
  bool right = size >= 0;

  if (size < 0 && errno != ENODATA && errno != EOPNOTSUPP)
    return job_fail_errno (job, ".", "reading which directories had no entry");
  if (right)
    implied[size] = '\0';
  for (ssize_t at = 0; right && at < size; at += (ssize_t)strlen (implied + at) + 1)
    right = is_right (layers, n, implied + at);
  if (!right)
    job->flags |= UNPACK_NEEDS_BELOW;
  return true;
}

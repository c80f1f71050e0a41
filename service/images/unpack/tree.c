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
#include "whiteout.h"

#define MAX_COMPONENT 255
#define MAX_TRIES     64 /* of a look-up that the kernel wants repeated */

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

int
tree_replace_whiteout (struct tree *tree, int directory, const char *name)
{
  AUTO_FD fd = -1;

  if (unlinkat (directory, name, 0) < 0 || mkdirat (directory, name, 0755) < 0)
    return -1;
  fd = openat (directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 || whiteout_make_opaque (fd) < 0)
    return -1;
  (void)job_count_inode (tree->job);
  return 0;
}

/* Makes the directory NAME where there is none. 0, or -1 with errno. */
static int
make_missing (struct tree *tree, int above, const char *name)
{
  if (errno == ENOTDIR && whiteout_is_at (above, name))
    return tree_replace_whiteout (tree, above, name);
  if (errno != ENOENT || mkdirat (above, name, 0755) < 0)
    return -1;
  return job_count_inode (tree->job) ? 0 : -1;
}

/* Opens the directory PATH, made of directories that may be missing. */
static int
open_made (struct tree *tree, const char *path)
{
  char prefix[TREE_MAX_PATH];
  int fd = tree_open (tree->root, path, O_PATH | O_DIRECTORY);
  int above;

  if (fd >= 0 || (errno != ENOENT && errno != ENOTDIR))
    return fd;
  above = tree_open (tree->root, "", O_PATH | O_DIRECTORY);
  for (size_t start = 0, end; above >= 0; start = end + 1) {
    end = start + strcspn (path + start, "/");
    memcpy (prefix, path, end);
    prefix[end] = '\0';
    fd = tree_open (tree->root, prefix, O_PATH | O_DIRECTORY);
    if (fd < 0 && make_missing (tree, above, prefix + start) == 0)
      fd = tree_open (tree->root, prefix, O_PATH | O_DIRECTORY);
    close (above);
    above = fd;
    if (path[end] == '\0')
      break;
  }
  return above;
}

const char *
tree_enter_parent (struct tree *tree, const char *path)
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

bool
tree_clear_place (struct tree *tree, const char *path, const char *name)
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

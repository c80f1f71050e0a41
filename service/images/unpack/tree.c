/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fd.h"
#include "remove.h"
#include "whiteout.h"

#define MAX_COMPONENT 255
#define MAX_LINKS     40
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
  if (tree->job->unfinished.name[0] != '\0')
    unlinkat (tree->parent, tree->job->unfinished.name, 0);
  forget_parent (tree);
  for (size_t i = 0; i < tree->n_directories; i++) {
    free (tree->directories[i].path);
    attributes_free (tree->directories[i].attributes.extended);
  }
  free (tree->directories);
  tree->directories = NULL;
  tree->n_directories = 0;
}

static int
tree_open_how (int root, const char *path, uint64_t flags, uint64_t resolve)
{
  struct open_how how = {
    .flags = flags | O_CLOEXEC | ((flags & O_PATH) != 0 ? 0 : O_NOCTTY), /* O_PATH takes few others */
    .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve,
  };
  int fd;

  /* EAGAIN: something was renamed on the machine while ".." was followed. */
  for (int i = 0; i < MAX_TRIES; i++)
    if ((fd = (int)syscall (SYS_openat2, root, *path != '\0' ? path : ".", &how, sizeof how)) >= 0 ||
        errno != EAGAIN)
      break;
  return fd;
}

int
tree_open (int root, const char *path, uint64_t flags)
{
  return tree_open_how (root, path, flags, RESOLVE_NO_XDEV);
}

int
tree_open_across (int root, const char *path, uint64_t flags)
{
  return tree_open_how (root, path, flags, 0);
}

int
tree_open_plain (int root, const char *path, uint64_t flags)
{
  return tree_open_how (root, path, flags, RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
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

/* The mark that overlayfs wants; a file system that has none can be no layer of one, and goes without. */
static int
make_opaque (int above, const char *name)
{
  AUTO_FD fd = openat (above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  return fd >= 0 && (whiteout_make_opaque (fd) == 0 || errno == EOPNOTSUPP) ? 0 : -1;
}

/* Over other layers it is overlayfs itself that sets the mark, when the directory is made. */

int
tree_replace_with_directory (struct tree *tree, int above, const char *name, uint32_t mode)
{
  if (unlinkat (above, name, 0) < 0 || mkdirat (above, name, mode) < 0 ||
      (tree->over == NULL && !tree->is_live && make_opaque (above, name) < 0))
    return -1;
  (void)job_count_inode (tree->job);
  return 0;
}

/* The way to a directory, without symbolic links, and what of it has not been gone yet. */
struct way {
  char real[TREE_MAX_PATH];
  char rest[2 * TREE_MAX_PATH];
  unsigned int n_links; /* that were followed */
  bool makes;           /* what is missing */
};

/* Remembers the directory NAME in ABOVE, which no entry asked for. One on the way to the next need not be named. */
static void
note_implied (struct tree *tree, const char *above, const char *name)
{
  bool goes_on = tree->implied_size > 0 && strcmp (tree->implied + tree->implied_last, above) == 0;
  size_t at = goes_on ? tree->implied_last : tree->implied_size;
  size_t room = sizeof tree->implied - at;
  int length = snprintf (NULL, 0, "%s%s%s", above, *above != '\0' ? "/" : "", name);

  if ((size_t)length + 1 > room) {
    tree->implied_more = true;
    return;
  }
  snprintf (tree->implied + at, room, "%s%s%s", above, *above != '\0' ? "/" : "", name);
  tree->implied_last = at;
  tree->implied_size = at + (size_t)length + 1;
}

bool
tree_end_implied (struct tree *tree)
{
  AUTO_FD fd = -1;

  if (tree->implied_size == 0 && !tree->implied_more)
    return true;
  tree->job->flags |= UNPACK_MAY_NEED_BELOW;
  if (tree->implied_more)
    return true;
  fd = tree_open (tree->root, ".", O_RDONLY | O_DIRECTORY);
  if (fd < 0)
    return job_fail_errno (tree->job, ".", "opening the tree");
  /* Where they can not be kept, or were too many, the layer counts as one that needs what lies below. */
  if (fsetxattr (fd, TREE_IMPLIED, tree->implied, tree->implied_size, 0) < 0 && errno != EOPNOTSUPP &&
      errno != ENOSPC && errno != E2BIG && errno != ERANGE)
    return job_fail_errno (tree->job, ".", "noting its directories");
  return true;
}

/* Puts what the link NAME in ABOVE says before the rest. 0, or -1 with errno. */
static int
follow_link (struct way *way, int above, const char *name)
{
  char target[TREE_MAX_PATH];
  size_t rest = strlen (way->rest) + 1;
  ssize_t size = readlinkat (above, name, target, sizeof target - 1);

  if (size < 0)
    return -1;
  if (++way->n_links > MAX_LINKS || (size_t)size + 1 + rest > sizeof way->rest) {
    errno = ELOOP;
    return -1;
  }
  if (target[0] == '/')
    way->real[0] = '\0';
  memmove (way->rest + size + 1, way->rest, rest);
  memcpy (way->rest, target, (size_t)size);
  way->rest[size] = '/';
  return 0;
}

/* Makes NAME in ABOVE, which is no directory yet, one. What a link leads to is not replaced. 0, or -1 with errno. */
static int
make_missing (struct tree *tree, const struct way *way, int above, const char *name, bool exists)
{
  if (exists && way->n_links == 0 && way->makes && !tree->is_live)
    return tree_replace_with_directory (tree, above, name, 0755);
  if (exists) {
    errno = ENOTDIR;
    return -1;
  }
  if (!way->makes) {
    errno = ENOENT;
    return -1;
  }
  if (mkdirat (above, name, 0755) < 0 || !job_count_inode (tree->job))
    return -1;
  if (tree->over == NULL && !tree->is_live)
    note_implied (tree, way->real, name);
  return 0;
}

/* Goes one step: NAME is the next part of the way. 0, or -1 with errno. */
static int
go_on (struct tree *tree, struct way *way, const char *name)
{
  AUTO_FD above = tree_open (tree->root, way->real, O_PATH | O_DIRECTORY);
  size_t used = strlen (way->real);
  bool exists;
  struct stat st;

  if (above < 0)
    return -1;
  exists = fstatat (above, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
  if (exists && S_ISLNK (st.st_mode))
    return follow_link (way, above, name);
  if (!(exists && S_ISDIR (st.st_mode)) && make_missing (tree, way, above, name, exists) < 0)
    return -1;
  if (used + strlen (name) + 2 > sizeof way->real) {
    errno = ENAMETOOLONG;
    return -1;
  }
  snprintf (way->real + used, sizeof way->real - used, "%s%s", used > 0 ? "/" : "", name);
  return 0;
}

/* Goes PATH to its end, from the root. 0, or -1 with errno. */
static int
go_all (struct tree *tree, struct way *way, const char *path)
{
  char part[MAX_COMPONENT + 1];

  way->real[0] = '\0';
  memcpy (way->rest, path, strlen (path) + 1);
  while (way->rest[0] != '\0') {
    size_t length = strcspn (way->rest, "/");

    if (length > MAX_COMPONENT) {
      errno = ENAMETOOLONG;
      return -1;
    }
    memcpy (part, way->rest, length);
    part[length] = '\0';
    memmove (way->rest, way->rest + length + strspn (way->rest + length, "/"),
             strlen (way->rest + length + strspn (way->rest + length, "/")) + 1);
    if (strcmp (part, "..") == 0)
      way->real[strrchr (way->real, '/') != NULL ? strrchr (way->real, '/') - way->real : 0] = '\0';
    else if (length > 0 && strcmp (part, ".") != 0 && go_on (tree, way, part) < 0)
      return -1;
  }
  return 0;
}

/*
 * Opens the directory PATH and makes what is missing on the way: also where a link leads, because what it leads to may
 * be in a layer below.
 */
static int
open_made (struct tree *tree, const char *path)
{
  struct way way = { .makes = true };
  int fd = tree->over == NULL ? tree_open (tree->root, path, O_PATH | O_DIRECTORY) : -1;

  if (fd >= 0 || (tree->over == NULL && errno != ENOENT && errno != ENOTDIR))
    return fd;
  if (go_all (tree, &way, path) < 0)
    return -1;
  memcpy (tree->parent_real, way.real, strlen (way.real) + 1);
  return tree_open (tree->root, way.real, O_PATH | O_DIRECTORY);
}

int
tree_resolve (struct tree *tree, const char *path, char ret_real[TREE_MAX_PATH])
{
  struct way way = { .makes = false };

  if (go_all (tree, &way, path) < 0)
    return -1;
  memcpy (ret_real, way.real, strlen (way.real) + 1);
  return 0;
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

/* What was to be set of directories at and below PATH means others from now on. */
static void
forget_directories (struct tree *tree, const char *path)
{
  size_t length = strlen (path);
  size_t kept = 0;

  for (size_t i = 0; i < tree->n_directories; i++) {
    struct tree_directory *d = &tree->directories[i];

    if (strncmp (d->path, path, length) == 0 && (d->path[length] == '/' || d->path[length] == '\0')) {
      free (d->path);
      attributes_free (d->attributes.extended);
    } else
      tree->directories[kept++] = *d;
  }
  tree->n_directories = kept;
}

/* A directory with all that is in it. What was counted of it stays counted. */
static bool
remove_directory (struct tree *tree, const char *path, const char *name)
{
  uint64_t inodes = tree->job->inodes;
  AUTO_FD fd = openat (tree->parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  bool done;

  if (fd < 0)
    return job_fail_errno (tree->job, path, "opening what is replaced");
  done = remove_below (tree->job, fd);
  tree->job->inodes = inodes;
  if (!done)
    return false;
  return unlinkat (tree->parent, name, AT_REMOVEDIR) == 0 ||
         job_fail_errno (tree->job, path, "replacing an earlier directory");
}

bool
tree_clear_place (struct tree *tree, const char *path, const char *name)
{
  if (unlinkat (tree->parent, name, 0) == 0)
    return true;
  if (errno != EISDIR)
    return job_fail_errno (tree->job, path, "replacing an earlier entry");
  if (tree->is_live)
    return job_fail (tree->job, UNPACK_IO, EISDIR, "%s: is there already, a directory", job_escape (path));
  forget_directories (tree, path);
  return remove_directory (tree, path, name);
}

bool
tree_remove (struct tree *tree, const char *path)
{
  const char *name = tree_enter_parent (tree, path);
  struct stat st;

  if (name == NULL)
    return false;
  return fstatat (tree->parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || tree_clear_place (tree, path, name);
}

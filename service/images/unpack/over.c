/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "over.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fd.h"
#include "unified.h"
#include "prune.h"
#include "whiteout.h"

#define SCRATCH    "/run" /* exists on every machine; covered in our own mount namespace only */
#define LAYER_NAME 16
#define UPPER      "rootfs"

struct over_path {
  struct over_path *next;
  dev_t dev; /* of what overlayfs copied, as soon as it is there: which file of this name it is */
  ino_t ino;
  char path[];
};

/* ---- mounting ---- */

static bool
fail_mounting (struct job *job, const char *what)
{
  int number = errno;

  return job_fail (job, number == ENOSPC ? UNPACK_NO_SPACE : UNPACK_IO, number,
                   "Laying a layer over others: %s: %s", what, strerror (number));
}

static bool
attach (struct job *job, int mount, const char *name)
{
  if (mkdirat (AT_FDCWD, name, 0700) < 0)
    return fail_mounting (job, "making a directory");
  return move_mount (mount, "", AT_FDCWD, name, MOVE_MOUNT_F_EMPTY_PATH) == 0 ||
         fail_mounting (job, "move_mount");
}

/* The current directory becomes an empty tmpfs, in a mount namespace that nobody else has. */
static bool
enter_scratch (struct job *job)
{
  if (unshare (CLONE_NEWNS) < 0)
    return fail_mounting (job, "unshare");
  return (mount ("bothy", SCRATCH, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=700,size=1m") == 0 &&
          chdir (SCRATCH) == 0) ||
         fail_mounting (job, "tmpfs");
}

static bool
mount_overlay (struct job *job, unsigned int n)
{
  char options[UNPACK_MAX_SOURCES * LAYER_NAME + 64];
  size_t used =
      (size_t)snprintf (options, sizeof options, "userxattr,upperdir=u/" UPPER ",workdir=u/work,lowerdir=");

  for (unsigned int i = 0; i < n; i++)
    used += (size_t)snprintf (options + used, sizeof options - used, "%sl%u", i > 0 ? ":" : "", i);
  if (mkdirat (AT_FDCWD, "u/" UPPER, 0755) < 0 || mkdirat (AT_FDCWD, "u/work", 0700) < 0 ||
      mkdirat (AT_FDCWD, "root", 0755) < 0)
    return fail_mounting (job, "making a directory");
  return mount ("bothy", "root", "overlay", MS_NOSUID | MS_NODEV, options) == 0 ||
         fail_mounting (job, "overlay");
}

bool
over_mount (struct job *job, int tree, const int *layers, unsigned int n, struct over *ret)
{
  char name[LAYER_NAME];

  *ret = (struct over){ .tree = tree, .merged = -1, .upper = -1 };
  if (!enter_scratch (job) || !attach (job, tree, "u"))
    return false;
  for (unsigned int i = 0; i < n; i++) {
    snprintf (name, sizeof name, "l%u", i);
    if (!attach (job, layers[i], name))
      return false;
  }
  if (!mount_overlay (job, n))
    return false;
  ret->merged = open ("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
  ret->upper = open ("u/" UPPER, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (ret->merged < 0 || ret->upper < 0)
    return fail_mounting (job, "opening a directory");
  /* The machine's own mounts go from this namespace, so that nobody waits for this process to unmount one. */
  if (syscall (SYS_pivot_root, ".", ".") < 0 || umount2 (".", MNT_DETACH) < 0 || chdir ("/") < 0)
    return fail_mounting (job, "pivot_root");
  return true;
}

/* ---- what is gone of the layers below ---- */

static bool
add_path (struct job *job, struct over_path **list, const char *directory, const char *name)
{
  size_t size = strlen (directory) + strlen (name) + 2;
  struct over_path *new = malloc (sizeof *new + size);

  if (new == NULL)
    return job_fail (job, UNPACK_IO, ENOMEM, "Out of memory");
  snprintf (new->path, size, "%s%s%s", directory, *directory != '\0' && *name != '\0' ? "/" : "", name);
  new->dev = 0;
  new->ino = 0;
  new->next = *list;
  *list = new;
  return true;
}

static void
free_paths (struct over_path *list)
{
  while (list != NULL) {
    struct over_path *next = list->next;

    free (list);
    list = next;
  }
}

/* Opens the directory that PATH, without symbolic links, lies in; *RET_NAME is its name there. */
static int
open_above (int root, const char *path, const char **ret_name)
{
  char above[TREE_MAX_PATH];
  const char *slash = strrchr (path, '/');

  snprintf (above, sizeof above, "%.*s", slash != NULL ? (int)(slash - path) : 0, path);
  *ret_name = slash != NULL ? slash + 1 : path;
  return tree_open_plain (root, above, O_PATH | O_DIRECTORY);
}

/* Whether ST is what overlayfs copied to P for a link's sake. A later entry of the name is a file of its own. */
static bool
is_same (const struct over_path *p, const struct stat *st)
{
  return p->ino == st->st_ino && p->dev == st->st_dev;
}

static bool
is_copy (const struct over *over, const char *path, const struct stat *st)
{
  for (const struct over_path *p = over->copied; p != NULL; p = p->next)
    if (is_same (p, st) && strcmp (p->path, path) == 0)
      return true;
  return false;
}

/* Whether PATH is a file that the layer brings. */
static bool
is_brought (const struct over *over, const char *path)
{
  const char *name;
  AUTO_FD above = open_above (over->upper, path, &name);
  struct stat st;

  return above >= 0 && fstatat (above, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !is_copy (over, path, &st);
}

/* Gets the directory TREE->parent into the layer, by setting a mode that it has already. */
static bool
copy_directory (struct tree *tree, const char *path)
{
  AUTO_FD fd = openat (tree->parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct stat st;

  if (fd < 0 || fstat (fd, &st) < 0 || fchmod (fd, st.st_mode & 07777) < 0)
    return job_fail_errno (tree->job, path, "hiding what lies below");
  return true;
}

bool
over_hide (struct tree *tree, const char *path, const char *name)
{
  struct over *over = tree->over;
  char real[2 * TREE_MAX_PATH];
  struct stat st;

  over->has_hidden = true;
  if (fstatat (tree->parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
    return errno == ENOENT || job_fail_errno (tree->job, path, "hiding it");
  /* All of a directory at once, at the end; until then entries find it as it is. */
  if (S_ISDIR (st.st_mode))
    return copy_directory (tree, path) && add_path (tree->job, &over->hidden, tree->parent_real, name);
  snprintf (real, sizeof real, "%s%s%s", tree->parent_real, *tree->parent_real != '\0' ? "/" : "", name);
  return is_brought (over, real) || unlinkat (tree->parent, name, 0) == 0 ||
         job_fail_errno (tree->job, path, "hiding it");
}

bool
over_hide_all (struct tree *tree, const char *path)
{
  return copy_directory (tree, path) && add_path (tree->job, &tree->over->opaque, tree->parent_real, "");
}

bool
over_count_link (struct tree *tree, const char *directory, const char *name, const struct stat *st)
{
  char real[TREE_MAX_PATH];
  AUTO_FD above = -1;
  struct stat own;

  if (tree_resolve (tree, directory, real) < 0)
    return job_fail_errno (tree->job, directory, "following a link");
  above = tree_open (tree->over->upper, real, O_PATH | O_DIRECTORY);
  if (above >= 0 && fstatat (above, name, &own, AT_SYMLINK_NOFOLLOW) == 0)
    return true;
  return (!S_ISREG (st->st_mode) || job_count_bytes (tree->job, (uint64_t)st->st_size)) &&
         job_count_inode (tree->job) && add_path (tree->job, &tree->over->copied, real, name);
}

void
over_note_copy (struct tree *tree)
{
  struct over_path *p = tree->over->copied;
  const char *name;
  AUTO_FD above = p != NULL && p->ino == 0 ? open_above (tree->over->upper, p->path, &name) : -1;
  struct stat st;

  if (above < 0 || fstatat (above, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
    return;
  p->dev = st.st_dev;
  p->ino = st.st_ino;
}

/* ---- the end: in what overlayfs wrote, which is not looked at through the overlay any more ---- */

static bool
is_below (const char *path, const char *directory)
{
  size_t length = strlen (directory);

  return length == 0 || (strncmp (path, directory, length) == 0 && path[length] == '/');
}

/* What was copied for a link goes with the directory in which it lay; the link stays. */
static void
remove_copies (const struct over *over, const char *directory)
{
  for (const struct over_path *p = over->copied; p != NULL; p = p->next) {
    const char *name;
    AUTO_FD above = is_below (p->path, directory) ? open_above (over->upper, p->path, &name) : -1;
    struct stat st;

    if (above >= 0 && fstatat (above, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && is_same (p, &st))
      (void)unlinkat (above, name, 0);
  }
}

/* Marks the directory PATH of the layer, if it has one there. */
static bool
mark_opaque (struct job *job, const struct over *over, const char *path)
{
  AUTO_FD fd = tree_open_plain (over->upper, path, O_RDONLY | O_DIRECTORY);

  remove_copies (over, path);
  if (fd < 0)
    return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ||
           job_fail_errno (job, path, "hiding what lies below");
  return whiteout_make_opaque (fd) == 0 || job_fail_errno (job, path, "hiding what lies below");
}

/* A whiteout where nothing of the layer is; a directory that it brings there itself lets nothing through. */
static bool
mark_hidden (struct job *job, const struct over *over, const char *path)
{
  const char *name;
  struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };
  struct stat st;
  AUTO_FD above = open_above (over->upper, path, &name);

  if (above < 0 || fstat (above, &st) < 0)
    return errno == ENOENT || errno == ENOTDIR || errno == ELOOP || job_fail_errno (job, path, "hiding it");
  if (whiteout_make (above, name) < 0)
    return errno == EEXIST ? mark_opaque (job, over, path) : job_fail_errno (job, path, "hiding it");
  times[1] = st.st_mtim;
  return (utimensat (above, ".", times, 0) == 0 && job_count_inode (job)) ||
         job_fail_errno (job, path, "hiding it");
}

bool
over_end (struct job *job, struct over *over)
{
  bool done = !job_has_failed (job);

  for (const struct over_path *p = over->hidden; done && p != NULL; p = p->next)
    done = mark_hidden (job, over, p->path);
  for (const struct over_path *p = over->opaque; done && p != NULL; p = p->next)
    done = mark_opaque (job, over, p->path);
  if (done && over->has_hidden && whiteout_prune (over->upper) < 0)
    done = job_fail_errno (job, "", "looking for what hides nothing");
  if (done && (job->flags & UNPACK_HIDES_BELOW) != 0)
    remove_copies (over, "");
  free_paths (over->hidden);
  free_paths (over->opaque);
  free_paths (over->copied);
  over->hidden = over->opaque = over->copied = NULL;
  return done && unified_raise (job, over->tree);
}

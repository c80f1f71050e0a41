/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "whiteout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fd.h"
#include "tree.h"

#define MARK   ".wh."
#define OWN    ".wh..wh."
#define OPAQUE ".wh..wh..opq"
#define LINKS  WHITEOUT_LINKS

static bool
starts_with (const char *text, const char *prefix)
{
  return strncmp (text, prefix, strlen (prefix)) == 0;
}

enum whiteout
whiteout_of (const char *path, unsigned long *ret_length, const char **ret_name)
{
  const char *slash = strrchr (path, '/');
  const char *name = slash != NULL ? slash + 1 : path;
  const char *hidden = name + strlen (MARK);

  if (starts_with (path, LINKS) && (path[strlen (LINKS)] == '/' || path[strlen (LINKS)] == '\0'))
    return WHITEOUT_NONE;
  /* No directory is called so either. */
  for (const char *part = path; part < name; part = strchr (part, '/') + 1)
    if (starts_with (part, MARK))
      return starts_with (part, OWN) ? WHITEOUT_IGNORED : WHITEOUT_BAD;
  if (!starts_with (name, MARK))
    return WHITEOUT_NONE;
  *ret_length = slash != NULL ? (unsigned long)(slash - path) : 0;
  *ret_name = hidden;
  if (strcmp (name, OPAQUE) == 0)
    return WHITEOUT_OPAQUE;
  if (starts_with (name, OWN))
    return WHITEOUT_IGNORED;
  return *hidden == '\0' || strcmp (hidden, ".") == 0 || strcmp (hidden, "..") == 0 ? WHITEOUT_BAD
                                                                                    : WHITEOUT_FILE;
}

int
whiteout_make (int directory, const char *name)
{
  return mknodat (directory, name, S_IFCHR, makedev (0, 0));
}

bool
whiteout_is_at (int directory, const char *name)
{
  struct stat st;

  return fstatat (directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR (st.st_mode) &&
         st.st_rdev == makedev (0, 0);
}

int
whiteout_make_opaque (int fd)
{
  return fsetxattr (fd, "user.overlay.opaque", "y", 1, 0);
}

/* ---- whiteouts in vain ---- */

/* A directory that is still to be looked at. */
struct pending {
  struct pending *next;
  bool shows_below; /* what lies below shows through the one that it is in */
  char path[];      /* below the root; "" is that */
};

static int
push (struct pending **list, const char *directory, const char *name, bool shows_below)
{
  size_t size = strlen (directory) + strlen (name) + 2;
  struct pending *new = malloc (sizeof *new + size);

  if (new == NULL)
    return -1;
  snprintf (new->path, size, "%s%s%s", directory, *directory != '\0' ? "/" : "", name);
  new->shows_below = shows_below;
  new->next = *list;
  *list = new;
  return 0;
}

static bool
is_opaque (int directory)
{
  char value;

  return fgetxattr (directory, "user.overlay.opaque", &value, 1) == 1 && value == 'y';
}

/* Removes the whiteout NAME from DIRECTORY, whose time stays. */
static int
remove_whiteout (int directory, const char *name)
{
  struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };
  struct stat st;

  if (fstat (directory, &st) < 0 || unlinkat (directory, name, 0) < 0)
    return -1;
  times[1] = st.st_mtim;
  return futimens (directory, times);
}

/* Looks at the directory P, which is put in front of the directories in it. */
static int
prune_directory (int root, const struct pending *p, struct pending **list)
{
  int fd = tree_open_plain (root, p->path, O_RDONLY | O_DIRECTORY);
  DIR *directory = fd < 0 ? NULL : fdopendir (fd);
  bool shows_below = p->shows_below && directory != NULL && !is_opaque (fd);
  const struct dirent *entry;
  int result = directory == NULL ? -1 : 0;

  while (result == 0 && (entry = readdir (directory)) != NULL) {
    if (strcmp (entry->d_name, ".") == 0 || strcmp (entry->d_name, "..") == 0)
      continue;
    if (entry->d_type == DT_DIR)
      result = push (list, p->path, entry->d_name, shows_below);
    else if (!shows_below && whiteout_is_at (fd, entry->d_name))
      result = remove_whiteout (fd, entry->d_name);
  }
  if (directory != NULL)
    closedir (directory);
  else
    close_fd (&fd);
  return result;
}

int
whiteout_prune (int root)
{
  struct pending *list = NULL;
  int result = push (&list, "", "", true);

  while (list != NULL) {
    struct pending *first = list;

    list = first->next;
    if (result == 0)
      result = prune_directory (root, first, &list);
    free (first);
  }
  return result;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "prune.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fd.h"
#include "tree.h"
#include "whiteout.h"

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

/* Not every file system says so with the name. */
static bool
is_directory (int directory, const struct dirent *entry)
{
  struct stat st;

  if (entry->d_type != DT_UNKNOWN)
    return entry->d_type == DT_DIR;
  /* In doubt it is one: whether it can be opened shows then. */
  return fstatat (directory, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR (st.st_mode);
}

/* The next of them; NULL at its end, and with errno when it can not be read. */
static const struct dirent *
read_entry (DIR *directory)
{
  errno = 0;
  return readdir (directory);
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

  while (result == 0 && (entry = read_entry (directory)) != NULL) {
    if (strcmp (entry->d_name, ".") == 0 || strcmp (entry->d_name, "..") == 0)
      continue;
    if (is_directory (fd, entry))
      result = push (list, p->path, entry->d_name, shows_below);
    else if (!shows_below && whiteout_is_at (fd, entry->d_name))
      result = remove_whiteout (fd, entry->d_name);
  }
  if (result == 0 && errno != 0)
    result = -1;
  int number = errno;
  if (directory != NULL)
    closedir (directory);
  else
    close_fd (&fd);
  errno = number;
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

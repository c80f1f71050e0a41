/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "whiteout.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

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

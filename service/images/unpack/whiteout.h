/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

/*
 * How a layer says that what lies below it is gone: in an archive by files called ".wh.NAME" and
 * ".wh..wh..opq" (OCI image specification, layer.md), on disk as overlayfs wants it: a character device
 * 0:0, which needs no privilege from Linux 5.8 on, and user.overlay.opaque, which "userxattr" reads from
 * 5.11 on. (user.overlay.whiteout would need 6.7.)
 */

/*
 * The directory in which AUFS keeps files that have several names: they are linked to from where they belong, and
 * nobody shall see the directory itself.
 */
#define WHITEOUT_LINKS ".wh..wh.plnk"

enum whiteout {
  WHITEOUT_NONE,    /* an ordinary file */
  WHITEOUT_FILE,    /* NAME is gone */
  WHITEOUT_OPAQUE,  /* the directory shows nothing from below */
  WHITEOUT_IGNORED, /* AUFS's own housekeeping */
  WHITEOUT_BAD,     /* what no honest archive has */
};

/* What the entry PATH says. RET_LENGTH, for FILE and OPAQUE: of the part of PATH that is the directory;
   RET_NAME, for FILE: the name in it. */
enum whiteout whiteout_of (const char *path, unsigned long *ret_length, const char **ret_name);

/* Makes a whiteout. 0, or -1 with errno. */
int whiteout_make (int directory, const char *name);

/* Whether NAME, which is not followed, is a whiteout. */
bool whiteout_is_at (int directory, const char *name);

/* Lets nothing show through the directory FD, which is open for reading. 0, or -1 with errno. */
int whiteout_make_opaque (int fd);

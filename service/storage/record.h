/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * A record is a key file that is replaced as a whole: a temporary file beside it,
 * fsync, rename, fsync of the directory, so that a reader finds the old one or the
 * new one. Its first line carries the SHA-256 of the rest; a record that does not
 * match, or is no regular file of root's with mode 0600, is not read but moved aside.
 */

typedef enum {
  BOTHY_RECORD_DURABLE,  /* survives a power cut when the call returns */
  BOTHY_RECORD_VOLATILE, /* never mixed or empty, but maybe the old one after a power cut */
} BothyRecordDurability;

/* Write CONTENT as NAME below DIRFD. Blocks on the disk: call it in a thread where that matters. */
gboolean bothy_record_write (
    int dirfd, const char *name, GKeyFile *content, BothyRecordDurability durability, GError **error);

/* NAME below DIRFD, which was written BOTHY_RECORD_VOLATILE, survives a power cut when this returns TRUE. Blocks on the disk. FALSE with
   an error: it is there, and maybe the old one after a power cut. */
gboolean bothy_record_settle (int dirfd, const char *name, GError **error);

/* Give the directory NAME below DIRFD, with its record in it, the name FINAL. It has it, or, when FALSE with errno, it has NAME:
   also when the disk did not take it. */
gboolean
bothy_record_place (int dirfd, const char *name, const char *final, BothyRecordDurability durability);

/* Read NAME below DIRFD. NULL with G_FILE_ERROR_NOENT: there is none. NULL with
   BOTHY_ERROR_DEGRADED: there was one that can not be trusted; it is now NAME.corrupt-N.
   NULL with another BOTHY_ERROR: it could not be read now. */
GKeyFile *bothy_record_read (int dirfd, const char *name, GError **error);

G_END_DECLS

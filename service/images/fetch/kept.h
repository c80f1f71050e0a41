/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "images/fetch/protocol.h"
#include "images/json/error.h"

/* What a remote answered. */
typedef struct {
  char *tag;    /* ETag, or "" */
  gint64 asked; /* s since 1970 */
  gint64 until; /* the remote need not be asked */
  gboolean is_missing;
  GBytes *bytes;
} Kept;

/* Takes a reference on BYTES, which may be NULL; the rest is as above. (transfer full) */
Kept *kept_new (const char *tag, gint64 asked, gint64 until, gboolean is_missing, GBytes *bytes);

/* Free a Kept. */
void kept_free (gpointer self);

/* A table of them by URL. */
GHashTable *kept_table (void);

/* Into ANSWERS what a file has, if it is whole: a machine that lost its power leaves anything. */
void kept_parse (const char *text, gsize size, GHashTable *answers);

/* Such a file; NULL: it would be too long. */
GBytes *kept_format (GHashTable *answers);

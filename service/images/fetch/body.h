/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <nettle/sha2.h>

#include "images/json/error.h"

/* What an answer brings: into memory or through a pipe, never more than was said, through breaks and back. */
typedef struct {
  GByteArray *array; /* takes the bytes, or: */
  int fd;
  struct sha256_ctx hash; /* of what went into FD; nettle's, which uses what the processor has */
  guint64 got;            /* with what came in earlier tries */
  guint64 skip;           /* the server sends from the begin, and these we have */
  guint64 size;           /* of all; 0: not known */
  guint64 max;
  guint64 offset; /* where this try begins */
  gboolean looked;
} Body;

void body_open (Body *self, guint64 size, guint64 max, int fd);
GBytes *body_close (Body *self);

/* In digits. */
char *body_sha256 (Body *self);

/* Before the first byte: whether an answer with status CODE and LENGTH (-1: not said) is what was asked for.
 */
gboolean body_look (Body *self, long code, gint64 length, GError **error);

gboolean body_take (Body *self, const char *bytes, gsize size, GError **error);

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

/*
 * Begin with a body of SIZE bytes (0: not known), of which more than MAX are refused. They go into FD, which stays the
 * caller's; -1: into memory.
 */
void body_open (Body *self, guint64 size, guint64 max, int fd);

/* End it; SELF can be opened again. Returns what came into memory (transfer full), or NULL where it went into an fd. */
GBytes *body_close (Body *self);

/* The SHA-256 of what went into the fd, in hexadecimal digits. (transfer full) */
char *body_sha256 (Body *self);

/* Before the first byte: whether an answer with status CODE and LENGTH (-1: not said) is what was asked for.
 */
gboolean body_look (Body *self, long code, gint64 length, GError **error);

/*
 * The next SIZE BYTES that the server sent. FALSE with FETCH_REFUSED: they are more than there may be; FETCH_CLOSED:
 * nobody reads the pipe; FETCH_FAILED: they can not be written.
 */
gboolean body_take (Body *self, const char *bytes, gsize size, GError **error);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <signal.h>

/* What a registry keeps, and calls by its digest. */
typedef struct {
  char *digest;  /* "sha256:DIGITS" */
  guint64 size;  /* bytes */
  GBytes *bytes; /* what it is, or NULL: */
  int fd;        /* of a file without a name, with nothing else in it; -1: it is in BYTES */
} Blob;

/* Close and free all of it. */
void blob_free (Blob *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Blob, blob_free)

/* One of BYTES, which are taken over. (transfer full) */
Blob *blob_new (GBytes *bytes);

/* An image as it is sent. */
typedef struct {
  GPtrArray *blobs; /* of Blob: its layers, and then its configuration */
  Blob *manifest;   /* which names them */
} Layout;

/* Free what it has. */
void layout_clear (Layout *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Layout, layout_clear)

/*
 * Read an archive of an OCI image layout from FD, to its end: each blob has to be what its name says. Layers are compressed on
 * the way, into files without names in $TMPDIR or else /var/tmp, or in memory where there can be none: how long one is and what it is called is known at its end, and a
 * registry wants to know before. The same layout becomes the same blobs. Once *STOP is not 0 it fails. FALSE with FETCH_FAILED
 * or FETCH_REFUSED.
 */
gboolean layout_read (int fd, const volatile sig_atomic_t *stop, Layout *ret, GError **error);

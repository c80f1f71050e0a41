/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"
#include "workers/unpack.h"

G_BEGIN_DECLS

/*
 * Make an image of CONTAINER's files as they are in its snapshot SNAPSHOT, or, with NULL, now: of all layers together, the image's
 * own among them, one. It says of its containers what the image says that CONTAINER stands on. It is its owner's, who calls it ALIAS. Fails
 * with NO_SUCH_SNAPSHOT, or as making a snapshot or importing an image does.
 */
void bothy_registry_commit (BothyRegistry *self,
                            BothyContainer *container,
                            const char *snapshot,
                            const char *alias,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data);

/* (transfer full); NULL with an error: there is no image. */
BothyImage *bothy_registry_commit_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

/* What an export is to be, and where it goes. */
typedef struct {
  int archive_fd; /* which its user opened; stays the caller's */
  guint32 format; /* UNPACK_AS_TREE, UNPACK_AS_OCI, or 0: an image of Incus */
  enum unpack_compression compression;
  BothyUnpackProgress progress; /* or NULL */
  gpointer progress_data;
} BothyExportTarget;

/*
 * Write the same files of CONTAINER into an archive, as TARGET says. The same files become the same bytes. Fails with
 * NO_SUCH_SNAPSHOT, LIMITS_EXCEEDED, NO_SPACE, or as making a snapshot does.
 */
void bothy_registry_export (BothyRegistry *self,
                            BothyContainer *container,
                            const char *snapshot,
                            const BothyExportTarget *target,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data);

/* FALSE with an error: the archive is not whole. */
gboolean bothy_registry_export_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

G_END_DECLS

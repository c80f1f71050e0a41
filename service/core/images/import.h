/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/images/image-store.h"

G_BEGIN_DECLS

/* What a user wants to have. */
typedef struct {
  int archive_fd;
  int metadata_fd;         /* the other archive of an image in two, or -1 */
  const char *alias;       /* or NULL */
  const char *fingerprint; /* or NULL: SHA-256 of the archive, or of both archives, the metadata first */
  const char *
      origin; /* what bothy_image_get_origin() says if he did not have it before; static, or NULL: "import" */
  gboolean squash_owners; /* what is of ids that no container has becomes nobody's */
  const BothyImageConfig
      *defaults; /* what the image says of its containers, when the archive is none of layers; or NULL */
} BothyImportSource;

/* Unpack SOURCE for USER. */
void bothy_image_store_import (BothyImageStore *self,
                               guint32 user,
                               const BothyImportSource *source,
                               BothyUnpackProgress progress,
                               gpointer progress_data,
                               GCancellable *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer user_data);
BothyImage *bothy_image_store_import_finish (BothyImageStore *self, GAsyncResult *result, GError **error);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/images/image-store.h"

G_BEGIN_DECLS

/* Of which an image is made. */
typedef struct {
  GUnixFDList
      *layers; /* directories of the neutral range, the highest first, which overlayfs shows together */
  const BothyImage *like;           /* whose architecture, system and release it has */
  const BothyImageConfig *defaults; /* what it says of its containers; or NULL */
  const char *alias;                /* or NULL */
  const char *origin;               /* static, or NULL; see BothyImportSource */
  gboolean is_exact; /* times of files are kept to the nanosecond, for which the archive is larger */
} BothyTreeSource;

/*
 * Make an image of SOURCE for USER. One process writes an archive of what is there into a pipe, and the ones that import
 * images read it there: so nobody else looks at a file, and what is made is an image like any other. PROGRESS (or NULL) is
 * told of what was packed.
 */
void bothy_image_store_import_tree (BothyImageStore *self,
                                    guint32 user,
                                    const BothyTreeSource *source,
                                    BothyUnpackProgress progress,
                                    gpointer progress_data,
                                    GCancellable *cancellable,
                                    GAsyncReadyCallback callback,
                                    gpointer user_data);

/* (transfer full); NULL with an error: nothing is left of it. */
BothyImage *
bothy_image_store_import_tree_finish (BothyImageStore *self, GAsyncResult *result, GError **error);

G_END_DECLS

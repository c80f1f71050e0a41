/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/images/image-store.h"

G_BEGIN_DECLS

/*
 * Make the layers of the image in SPOOL (taken over), within BUDGET. What USER has already is not unpacked
 * again. LAYERS (element-type BothyLayer) gets them, held, also those that were made before something went
 * wrong. SQUASH_OWNERS: what is of ids that no container has becomes nobody's. The result is the image, with all that its archive says of it; nobody's yet.
 */
void bothy_import_bundle (BothyImageStore *images,
                          BothySpool *spool,
                          guint32 user,
                          gboolean squash_owners,
                          BothyBudget *budget,
                          GPtrArray *layers,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data);
BothyImage *bothy_import_bundle_finish (GAsyncResult *result, GError **error);

G_END_DECLS

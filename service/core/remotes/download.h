/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/images/image-store.h"
#include "core/remotes/source.h"

G_BEGIN_DECLS

/* Files of remotes that become layers of the store: each once for all who want it at the same time. */
typedef struct _BothyDownloads BothyDownloads;

BothyDownloads *bothy_downloads_new (BothyImageStore *images);
void bothy_downloads_free (BothyDownloads *self);

/*
 * Gets SOURCE, or waits for who does already. What comes counts for BUDGET, which is the caller's
 * and stays until this ends. CANCELLABLE ends the download when nobody else waits for it.
 */
void bothy_downloads_join (BothyDownloads *self,
                           const BothyDownloadSource *source,
                           BothyBudget *budget,
                           BothyFetchProgress progress,
                           gpointer progress_data,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data);

/* The layer, held for the caller. RET_STALE: the catalogue names what is not there any more. */
BothyLayer *bothy_downloads_join_finish (GAsyncResult *result, gboolean *ret_stale, GError **error);

G_END_DECLS

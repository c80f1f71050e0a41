/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/remotes/download.h"

G_BEGIN_DECLS

/* All layers of an image, from the store or from its remote. */
typedef struct {
  const BothyRemote *remote;
  const char *name;       /* of the image there */
  const char *token;      /* that the registry gave for it, or NULL */
  int login;              /* what the remote gets to see of who asks, or -1 */
  GPtrArray *layers;      /* BothyManifestLayer, the lowest first */
  gboolean squash_owners; /* what is of ids that no container has becomes nobody's */
  enum unpack_mode mode;
} BothyPullLayers;

/* Whether REMOTE is where the first of IMAGE's users got it from. */
gboolean bothy_pull_layers_is_of (const BothyImage *image, const BothyRemote *remote);

/* Gets them within BUDGET, which stays until this ends. PROGRESS: of the bytes that have to come. */
void bothy_pull_layers (BothyDownloads *downloads,
                        BothyImageStore *images,
                        const BothyPullLayers *gathering,
                        BothyBudget *budget,
                        BothyFetchProgress progress,
                        gpointer progress_data,
                        GCancellable *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer user_data);

/* (element-type BothyLayer), each held for the caller. RET_STALE as of bothy_downloads_join_finish().
   RET_SHOWN: the remote shows all of them to everybody. */
GPtrArray *
bothy_pull_layers_finish (GAsyncResult *result, gboolean *ret_stale, gboolean *ret_shown, GError **error);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/download.h"

G_BEGIN_DECLS

/* All layers of an image, from the store or from its remote. */
typedef struct {
  const BothyRemote *remote;
  const char *name;  /* of the image there */
  const char *token; /* that the registry gave for it, or NULL */
  GPtrArray *layers; /* BothyManifestLayer, the lowest first */
  enum unpack_mode mode;
} BothyGathering;

/* What images of REMOTE have as Origin, or begin it with: "" for NAME. */
char *bothy_gather_origin (const BothyRemote *remote, const char *name);

/* Gets them within BUDGET, which stays until this ends. PROGRESS: of the bytes that have to come. */
void bothy_gather (BothyDownloads *downloads,
                   BothyImages *images,
                   const BothyGathering *gathering,
                   BothyBudget *budget,
                   BothyFetchProgress progress,
                   gpointer progress_data,
                   GCancellable *cancellable,
                   GAsyncReadyCallback callback,
                   gpointer user_data);

/* (element-type BothyLayer), each held for the caller. RET_STALE as of bothy_downloads_join_finish(). */
GPtrArray *bothy_gather_finish (GAsyncResult *result, gboolean *ret_stale, GError **error);

G_END_DECLS

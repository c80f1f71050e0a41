/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/images/image-store.h"
#include "core/remotes/remote.h"
#include "images/unpack/protocol.h"

G_BEGIN_DECLS

/* One file of a remote, which becomes a layer. */
typedef struct {
  const BothyRemote *remote;
  const char *name; /* of the image that the file belongs to */
  const char *url;
  const char *sha256;  /* of the file, in hexadecimal digits */
  const char *diff_id; /* SHA-256 of the tar in it, or NULL: nobody says */
  const char *token;   /* that a registry gave for the image, or NULL */
  int login;    /* fd with what the remote gets to see of who asks, or -1: it shows the file to everybody */
  guint64 size; /* bytes; 0: not known */
  gboolean squash_owners; /* what is of ids that no container has becomes nobody's */
  enum unpack_mode mode;  /* UNPACK_ARCHIVE or UNPACK_LAYER */
  GPtrArray *
      below; /* BothyLayer, the lowest first, held: it is unpacked over them, and called as these say; or NULL */
} BothyDownloadSource;

/* Files of remotes that become layers of the store: each once for all who want it at the same time. */
typedef struct _BothyDownloads BothyDownloads;

/* Layers go into the store of IMAGES, which is kept. (transfer full) */
BothyDownloads *bothy_downloads_new (BothyImageStore *images);

/* No download may be under way any more. */
void bothy_downloads_free (BothyDownloads *self);

/*
 * Download SOURCE, which is copied, or wait for the one who does so already. What comes counts for BUDGET, which is the
 * caller's and has to stay until this ends. PROGRESS is called with bytes of the file as it comes. CANCELLABLE ends the
 * download when nobody else waits for it.
 */
void bothy_downloads_join (BothyDownloads *self,
                           const BothyDownloadSource *source,
                           BothyBudget *budget,
                           BothyFetchProgress progress,
                           gpointer progress_data,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data);

/*
 * The layer, held for the caller, who releases it; or NULL with REMOTE_FAILED, NOT_VERIFIED, CANCELLED, or what
 * bothy_layer_store_add() fails with. RET_STALE, also with an error: the catalogue names what is not there any more.
 */
BothyLayer *bothy_downloads_join_finish (GAsyncResult *result, gboolean *ret_stale, GError **error);

G_END_DECLS

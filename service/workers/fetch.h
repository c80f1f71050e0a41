/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "workers/fetch-answers.h"

G_BEGIN_DECLS

/* What bothy-fetch is asked. */
typedef struct {
  enum fetch_op op;
  enum fetch_catalogue catalogue;
  enum fetch_policy policy;
  guint timeout;
  guint64 size;
  gboolean is_new;                  /* as in the protocol */
  const char *words[FETCH_N_WORDS]; /* NULL is "" */
  int fds[FETCH_N_FDS];             /* -1: none */
} BothyFetch;

/* BYTES of TOTAL (0: not known) have come. */
typedef void (*BothyFetchProgress) (guint64 bytes, guint64 total, gpointer user_data);

/* Ask a bothy-fetch of its own. FETCH is used up when this returns. CANCELLABLE ends it. */
void bothy_fetch (const BothyFetch *fetch,
                  BothyFetchProgress progress,
                  gpointer progress_data,
                  GCancellable *cancellable,
                  GAsyncReadyCallback callback,
                  gpointer user_data);

/*
 * (element-type BothyFetchAnswer). NULL: errors are NO_SUCH_IMAGE (also when what the catalogue names is
 * gone; RET_STALE, or NULL, says so), NOT_VERIFIED, REMOTE_FAILED, CANCELLED and FAILED; BUSY is that
 * nobody read the pipe.
 */
GPtrArray *bothy_fetch_finish (GAsyncResult *result, gboolean *ret_stale, GError **error);

/* Of a task that has ended: whether FETCH_FD_NEW is whole. */
gboolean bothy_fetch_is_cached (GAsyncResult *result);

/* Of a task that has failed: whether the remote could not be asked. What it answered, however wrong, is an answer. */
gboolean bothy_fetch_is_unreachable (GAsyncResult *result);

/* How old in seconds is what came, because the remote could not be asked as RET_REASON says; 0: it is not. */
guint64 bothy_fetch_get_age (GAsyncResult *result, const char **ret_reason);

/* The same for an image of a registry. */
BothyManifest *bothy_fetch_finish_manifest (GAsyncResult *result, GError **error);

G_END_DECLS

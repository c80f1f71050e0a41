/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/remotes/download.h"
#include "core/remotes/pull.h"

struct _BothyPuller {
  GObject parent;
  BothyImageStore *images;
  BothyRemotes *remotes;
  BothyDownloads *downloads;
  GHashTable *searches; /* uid → how many are under way */
};

/* What uname -m says. */
char *bothy_puller_architecture (void);

/* The catalogues that are switched on, or the remote NAME. (element-type BothyRemote) */
GPtrArray *bothy_puller_choose_remotes (BothyPuller *self, const char *name, GError **error);

/* What a remote is asked. */
typedef struct {
  const BothyRemote *remote;
  enum fetch_op op;
  const char *name; /* or a pattern */
  const char *architecture;
  gboolean is_new; /* what was known of the remote is too old */
  int login;       /* what it gets to see of who asks, or -1 */
} BothyQuestion;

/* FALSE: there is no way to ask; else CALLBACK gets the answer of bothy_fetch(). */
gboolean bothy_puller_ask (BothyPuller *self,
                           const BothyQuestion *question,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data,
                           GError **error);

/* Errors of remotes say of which. */
void bothy_puller_prefix (GError **error, const BothyRemote *remote);

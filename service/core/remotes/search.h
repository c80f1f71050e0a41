/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/remotes/credentials.h"
#include "core/remotes/puller.h"

G_BEGIN_DECLS

/* What remotes have that matches PATTERN, "[REMOTE:]TEXT": an aa{sv} as SearchImages returns it. USER may
   have two searches under way. CREDENTIALS may be NULL. */
void bothy_puller_search (BothyPuller *self,
                          guint32 user,
                          const char *pattern,
                          const char *architecture,
                          BothyCredentials *credentials,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data);
GVariant *bothy_puller_search_finish (BothyPuller *self, GAsyncResult *result, GError **error);

G_END_DECLS

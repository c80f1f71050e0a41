/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/remotes/credentials.h"
#include "core/images/image-store.h"
#include "core/operations/operation.h"
#include "core/remotes/remotes.h"

G_BEGIN_DECLS

/* Images from remotes. What several users pull at once is downloaded once. */
#define BOTHY_TYPE_PULLER (bothy_puller_get_type ())
G_DECLARE_FINAL_TYPE (BothyPuller, bothy_puller, BOTHY, PULLER, GObject)

BothyPuller *bothy_puller_new (BothyImageStore *images, BothyRemotes *remotes);

BothyRemotes *bothy_puller_get_remotes (BothyPuller *self);

/* What is to be got. */
typedef struct {
  const char *ref;
  const char *const *aliases;    /* what its user calls it */
  const char *architecture;      /* NULL: this machine's */
  BothyCredentials *credentials; /* or NULL */
} BothyPullRequest;

/* For OPERATION's user. OPERATION is kept up to date, but completed by the caller. */
void bothy_puller_pull (BothyPuller *self,
                        BothyOperation *operation,
                        const BothyPullRequest *request,
                        GAsyncReadyCallback callback,
                        gpointer user_data);
BothyImage *bothy_puller_pull_finish (BothyPuller *self, GAsyncResult *result, GError **error);

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

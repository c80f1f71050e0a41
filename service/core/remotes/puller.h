/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/per-user.h"
#include "core/remotes/download.h"
#include "core/remotes/remotes.h"

G_BEGIN_DECLS

/* How many searches of one user may be under way at once. */
#define BOTHY_MAX_SEARCHES 2

/* What getting images from remotes needs: the remotes, the store that images go into, and the downloads under way. */
#define BOTHY_TYPE_PULLER (bothy_puller_get_type ())
G_DECLARE_FINAL_TYPE (BothyPuller, bothy_puller, BOTHY, PULLER, GObject)

/* IMAGES is kept; REMOTES is taken over, and freed with the puller. (transfer full) */
BothyPuller *bothy_puller_new (BothyImageStore *images, BothyRemotes *remotes);

/* The store that images go into. (transfer none) */
BothyImageStore *bothy_puller_get_images (BothyPuller *self);

/* The remotes that are asked. (transfer none) */
BothyRemotes *bothy_puller_get_remotes (BothyPuller *self);

/* The downloads under way. (transfer none) */
BothyDownloads *bothy_puller_get_downloads (BothyPuller *self);

/* The searches that each user has under way. (transfer none) */
BothyPerUser *bothy_puller_get_searches (BothyPuller *self);

/* What uname -m says of this machine, or "". (transfer full) */
char *bothy_puller_architecture (void);

/* What a remote is asked. */
typedef struct {
  const BothyRemote *remote;
  enum fetch_op op;         /* FETCH_RESOLVE or FETCH_SEARCH */
  const char *name;         /* of an image there, or a pattern */
  const char *architecture; /* as uname -m says it, or "" for all */
  gboolean is_new;          /* what was known of the remote is too old: nothing cached is taken */
  int login;                /* fd with what the remote gets to see of who asks, or -1 */
} BothyQuestion;

/*
 * Ask the remote of QUESTION, of which all but the login's fd is copied at once. TRUE: CALLBACK gets a result for
 * bothy_fetch_finish() or bothy_fetch_finish_manifest(). FALSE with DEGRADED or FAILED: its keys can not be opened, and
 * CALLBACK is not called.
 */
gboolean bothy_puller_ask (BothyPuller *self,
                           const BothyQuestion *question,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data,
                           GError **error);

G_END_DECLS

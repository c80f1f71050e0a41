/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/remotes/credentials.h"
#include "core/remotes/puller.h"

G_BEGIN_DECLS

/* Ask the remotes that USER's images came from, one after the other, whether they have newer ones, of each that he has a name for; what they
   say is noted with the images. Nothing is downloaded but catalogues and manifests. It counts as a search of his. CREDENTIALS may be NULL. */
void bothy_puller_check_for_updates (BothyPuller *self,
                                     guint32 user,
                                     BothyCredentials *credentials,
                                     GCancellable *cancellable,
                                     GAsyncReadyCallback callback,
                                     gpointer user_data);

/* (element-type BothyUpdate) (transfer full); NULL with QUOTA_EXCEEDED or CANCELLED. */
GPtrArray *bothy_puller_check_for_updates_finish (BothyPuller *self, GAsyncResult *result, GError **error);

/* What is known of one of the images. */
typedef struct {
  BothyImage *image;
  char *origin;  /* where it was asked */
  char *version; /* of the newer one; NULL: there is none, or */
  GError *error; /* why nobody knows; NULL */
} BothyUpdate;

G_END_DECLS

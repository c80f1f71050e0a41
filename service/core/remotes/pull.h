/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/images/image-store.h"
#include "core/operations/operation.h"
#include "core/remotes/credentials.h"
#include "core/remotes/puller.h"

G_BEGIN_DECLS

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

G_END_DECLS

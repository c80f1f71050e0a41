/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/images/image-store.h"
#include "core/images/reference.h"
#include "core/operations/operation.h"
#include "core/remotes/credentials.h"
#include "core/remotes/puller.h"

G_BEGIN_DECLS

/* What is to be got; all of it is copied. */
typedef struct {
  const BothyReference *reference;
  const char *const *aliases;    /* what its user calls it */
  const char *architecture;      /* NULL: this machine's */
  gboolean squash_owners;        /* what is of ids that no container has becomes nobody's */
  BothyCredentials *credentials; /* or NULL */
} BothyPullRequest;

/*
 * Get what REQUEST says for OPERATION's user. OPERATION is kept up to date and cancels it, but is completed by the
 * caller.
 */
void bothy_puller_pull (BothyPuller *self,
                        BothyOperation *operation,
                        const BothyPullRequest *request,
                        GAsyncReadyCallback callback,
                        gpointer user_data);

/*
 * The image (transfer full), or NULL with NO_SUCH_REMOTE, NO_SUCH_IMAGE, REMOTE_FAILED, NOT_VERIFIED, QUOTA_EXCEEDED,
 * CANCELLED, or what bothy_layer_store_add() fails with.
 */
BothyImage *bothy_puller_pull_finish (BothyPuller *self, GAsyncResult *result, GError **error);

/* The remotes to be asked for what REFERENCE means, in their order, and in RET_NAME (transfer full) what they call it. (element-type
   BothyRemote) (transfer full); NULL with NO_SUCH_REMOTE or INVALID_ARGS. */
GPtrArray *bothy_pull_choose_remotes (BothyRemotes *remotes,
                                      const BothyReference *reference,
                                      char **ret_name,
                                      GError **error);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/*
 * Make an image of CONTAINER's files as they are in its snapshot SNAPSHOT, or, with NULL, now: of all layers together, the image's
 * own among them, one. It says of its containers what the image says that CONTAINER stands on. It is its owner's, who calls it ALIAS. Fails
 * with NO_SUCH_SNAPSHOT, or as making a snapshot or importing an image does.
 */
void bothy_registry_commit (BothyRegistry *self,
                            BothyContainer *container,
                            const char *snapshot,
                            const char *alias,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data);

/* (transfer full); NULL with an error: there is no image. */
BothyImage *bothy_registry_commit_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

G_END_DECLS

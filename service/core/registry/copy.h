/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/*
 * Make a container as SPEC says, which is taken over, with SOURCE's owner and files: as they are in its snapshot SNAPSHOT, or,
 * with NULL, now; SOURCE does not run then. Both stand on the same layers, so that it takes the same time whatever there is. Fails with
 * NO_SUCH_SNAPSHOT, or as making a snapshot or a container does.
 */
void bothy_registry_copy (BothyRegistry *self,
                          BothyContainer *source,
                          const char *snapshot,
                          BothyContainerSpec *spec,
                          GAsyncReadyCallback callback,
                          gpointer user_data);

/* (transfer full); NULL with an error: nothing is left of it. */
BothyContainer *bothy_registry_copy_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/*
 * Have what changed in CONTAINER's files from its snapshot FROM ("": what it stands on, its image) to its snapshot TO ("": what
 * it has now, also while it runs and goes on writing) written into OUTPUT_FD, which its user opened and which stays the
 * caller's, as images/pack/diff.h says. Nothing stands still for it, and no layer is made. Fails with NO_SUCH_SNAPSHOT,
 * NO_SUCH_CONTAINER, NO_SUCH_IMAGE, LIMITS_EXCEEDED (more layers than can be looked at, or more changes than are listed), NO_SPACE,
 * or BUSY when nobody reads.
 */
void bothy_registry_diff (BothyRegistry *self,
                          BothyContainer *container,
                          const char *from,
                          const char *to,
                          int output_fd,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data);

/* FALSE with an error: what was written is not all. */
gboolean bothy_registry_diff_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

G_END_DECLS

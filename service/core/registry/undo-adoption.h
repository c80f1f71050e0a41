/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/*
 * Give back what CONTAINER was adopted from in place, for USER: the original is as it was, to the bit, its own tool finds it
 * again, and the container goes with all that was written in it. The original comes first: where that can not be given back, the
 * container stays. CONTAINER has to be stopped, and has to be the only one that stands on the original.
 */
void bothy_registry_undo_adoption (BothyRegistry *self,
                                   BothyContainer *container,
                                   guint32 user,
                                   GAsyncReadyCallback callback,
                                   gpointer user_data);

/* FALSE with WRONG_STATE, BUSY, NO_SUCH_CONTAINER (the original is gone, or its file system not mounted) and others. */
gboolean bothy_registry_undo_adoption_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/* Ports of the host that lead into containers: the record says which, the filter has those of containers that run. */

/* Let PORT of the host, or a free one if that is 0, lead into CONTAINER, from now on and whenever it runs. Fails with PORT_IN_USE, which names who has
   it, with QUOTA_EXCEEDED, with INVALID_ARGS when the host does not have its address, and with WRONG_STATE when the container is
   not on the default bridge. */
void bothy_registry_add_port (BothyRegistry *self,
                              BothyContainer *container,
                              const BothyPort *port,
                              GAsyncReadyCallback callback,
                              gpointer user_data);

/* Let PORT, of which "inside" does not matter, lead into CONTAINER no more. Fails when it does not. */
void bothy_registry_remove_port (BothyRegistry *self,
                                 BothyContainer *container,
                                 const BothyPort *port,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data);

/* For both. FALSE with an error. */
gboolean bothy_registry_port_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

/* From now on, let a container's ports lead to it whenever it gets addresses. */
void bothy_registry_watch_addresses (BothyRegistry *self);

G_END_DECLS

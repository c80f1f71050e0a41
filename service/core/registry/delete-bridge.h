/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/* Have NetworkManager remove BRIDGE, which it made for us: once nobody has a nic on it, and without that
   anybody gets one meanwhile. BUSY, BRIDGE_IN_USE, NOT_MANAGED. */
void bothy_delete_bridge (BothyRegistry *registry,
                          const char *bridge,
                          GAsyncReadyCallback callback,
                          gpointer user_data);
gboolean bothy_delete_bridge_finish (BothyRegistry *registry, GAsyncResult *result, GError **error);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/* Who has nics on a bridge: containers, and users with network namespaces of their own. */

/* Fails with BRIDGE_IN_USE, which names them, unless nobody has one on BRIDGE. */
void bothy_holders_check (BothyRegistry *registry,
                          const char *bridge,
                          GAsyncReadyCallback callback,
                          gpointer user_data);
gboolean bothy_holders_check_finish (BothyRegistry *registry, GAsyncResult *result, GError **error);

G_END_DECLS

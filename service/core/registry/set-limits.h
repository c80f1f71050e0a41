/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/* Change CONTAINER's limits as CHANGES, the a{sv} of SetLimits, says: on record, and at once where it runs. MAY_EXCEED: an
   administrator agreed to values above the ceilings for one container; else they fail with QUOTA_EXCEEDED. */
void bothy_registry_set_limits (BothyRegistry *self,
                                BothyContainer *container,
                                GVariant *changes,
                                gboolean may_exceed,
                                GAsyncReadyCallback callback,
                                gpointer user_data);

/* FALSE with an error; then the limits are as they were. */
gboolean bothy_registry_set_limits_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

/* Find out what CONTAINER, which runs, uses. */
void bothy_registry_get_stats (BothyRegistry *self,
                               BothyContainer *container,
                               GAsyncReadyCallback callback,
                               gpointer user_data);

/* An a{sv}. (transfer full); NULL with WRONG_STATE. */
GVariant *bothy_registry_get_stats_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

G_END_DECLS

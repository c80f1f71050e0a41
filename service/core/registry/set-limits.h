/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/* Change CONTAINER's limits as CHANGES say: on record, and at once where it runs. Those that are above the ceilings for one
   container are "granted" there: an administrator agreed to the values. */
void bothy_registry_set_limits (BothyRegistry *self,
                                BothyContainer *container,
                                const BothyCgroupLimits *changes,
                                GAsyncReadyCallback callback,
                                gpointer user_data);

/* FALSE with an error; then the limits are as they were. */
gboolean bothy_registry_set_limits_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

/* Find out what CONTAINER uses. One that does not run may still use some of the disk. */
void bothy_registry_get_stats (BothyRegistry *self,
                               BothyContainer *container,
                               GAsyncReadyCallback callback,
                               gpointer user_data);

/* An a{sv}. (transfer full); NULL with WRONG_STATE. */
GVariant *bothy_registry_get_stats_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

/* Find out what each container of USER's uses that runs. */
void bothy_registry_get_all_stats (BothyRegistry *self,
                                   guint32 user,
                                   GCancellable *cancellable,
                                   GAsyncReadyCallback callback,
                                   gpointer user_data);

/* Of each its BothyContainer and an a{sv}, by name: BothyContainerStats. (transfer full); NULL with CANCELLED. */
GPtrArray *bothy_registry_get_all_stats_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

typedef struct {
  BothyContainer *container;
  GVariant *stats;
} BothyContainerStats;

G_END_DECLS

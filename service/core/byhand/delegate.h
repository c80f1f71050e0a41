/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/ids/idmap.h"
#include "core/registry/registry.h"

G_BEGIN_DECLS

/* What users build containers with who do it without us: see bothy-by-hand(7). FDs stay the caller's. */

/* Write MAP for the user namespace FD, or that of the process of the pidfd FD, which USER made. */
void bothy_byhand_map (BothyRegistry *registry,
                       guint32 user,
                       int fd,
                       const BothyIdMap *map,
                       GAsyncReadyCallback callback,
                       gpointer user_data);
gboolean bothy_byhand_map_finish (BothyRegistry *registry, GAsyncResult *result, GError **error);

/* Put USER's process PIDFD into a control group that belongs to OWNER: USER, or an id that he holds by hand.
 */
void bothy_byhand_delegate (BothyRegistry *registry,
                            guint32 user,
                            int pidfd,
                            guint32 owner,
                            GAsyncReadyCallback callback,
                            gpointer user_data);

/* The group's path, or NULL. */
char *bothy_byhand_delegate_finish (BothyRegistry *registry, GAsyncResult *result, GError **error);

G_END_DECLS

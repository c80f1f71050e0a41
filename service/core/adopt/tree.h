/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

#include "core/adopt/map.h"
#include "platform/helper-client.h"

G_BEGIN_DECLS

/* Trees that other tools made, as a process of the neutral range may read them. */

/* Mount the directory that is the first of TREE, which USER opened, so that its files have the ids that they have inside, by
   MAP, in the neutral range: read-only, without what is mounted in it. */
void bothy_adopt_tree_mount (BothyHelperClient *helper,
                             guint32 user,
                             GUnixFDList *tree,
                             const BothyAdoptMap *map,
                             GAsyncReadyCallback callback,
                             gpointer user_data);

/* What UNPACK_SURVEY takes: that mount, and the one in which each id is one higher. (transfer full); NULL with
   MOUNT_FAILED and others. */
GUnixFDList *bothy_adopt_tree_mount_finish (GAsyncResult *result, GError **error);

G_END_DECLS

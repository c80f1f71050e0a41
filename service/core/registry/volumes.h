/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/* Making volumes and deleting them, and whose containers name which; see core/volumes/volume.h. */

/* Make a volume of OWNER's called NAME, that may take of the disk what LIMITS say (DISK and INODES), with the presets of a
   container's. Fails with VOLUME_EXISTS, QUOTA_EXCEEDED, NO_SPACE, or a helper's error. */
void bothy_volume_create (BothyRegistry *self,
                          guint32 owner,
                          const char *name,
                          const BothyCgroupLimits *limits,
                          GAsyncReadyCallback callback,
                          gpointer user_data);

/* FALSE with an error: there is no such volume. */
gboolean bothy_volume_create_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

/* Delete OWNER's volume NAME. FALSE with NO_SUCH_VOLUME, VOLUME_IN_USE (which names a container), BUSY or NO_SPACE. */
gboolean bothy_volume_delete (BothyRegistry *self, guint32 owner, const char *name, GError **error);

/* MOUNT may be of a volume of OWNER's: find out its id, or see that it is still there. FALSE with NO_SUCH_VOLUME. */
gboolean bothy_volume_resolve (BothyRegistry *self, guint32 owner, BothyMount *mount, GError **error);

/* What the bus shows of VOLUME (a{sv}, floating). */
GVariant *bothy_volume_to_variant (BothyRegistry *self, const BothyVolume *volume);

G_END_DECLS

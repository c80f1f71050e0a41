/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/mounts/mount.h"
#include "platform/helper-client.h"

G_BEGIN_DECLS

/*
 * Make a mount, attached nowhere yet, of what MOUNT is about: a volume, with the ids in it those of the container that has the
 * ids from RANGE_BASE on; or a directory. That is opened as OWNER may open it, whoever asked,
 * and has to be the one that MOUNT was made for; his files in it are those of MOUNT's user in the container that has the
 * ids from RANGE_BASE on, and everybody else's nobody's. Fails with MOUNT_FAILED, NO_SUCH_ACCOUNT or NOT_AUTHORIZED, which
 * name the directory. His file system may not answer: then it fails after some seconds, and keeps nobody else waiting.
 */
void bothy_folder_mount (BothyHelperClient *helper,
                         guint32 owner,
                         guint32 range_base,
                         const BothyMount *mount,
                         GAsyncReadyCallback callback,
                         gpointer user_data);

/* A list of one fd, the mount's, which closes it without keeping anybody waiting. (transfer full); NULL with an error. */
GUnixFDList *bothy_folder_mount_finish (BothyHelperClient *helper, GAsyncResult *result, GError **error);

G_END_DECLS

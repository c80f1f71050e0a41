/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/container/container.h"
#include "core/mounts/folder.h"
#include "core/volumes/volume.h"

G_BEGIN_DECLS

/* How the owner's directories, and volumes, get into a container, and out of it. */

/* Make the mounts of all of CONTAINER's directories, attached nowhere yet. Fails as bothy_folder_mount() does, and says how
   the container can be started without the directory. */
void bothy_mounting_make (BothyHelperClient *helper,
                          BothyContainer *container,
                          GAsyncReadyCallback callback,
                          gpointer user_data);

/* Lists of one fd, in the order of the container's mounts. (element-type GUnixFDList) (transfer full); NULL with an error. */
GPtrArray *bothy_mounting_make_finish (GAsyncResult *result, GError **error);

/* Have SUPERVISOR attach MOUNT, which is in FDS as bothy_folder_mount() made it. One of VOLUMES that nobody could write to before gets
   what the container has there first, unless it is read-only; BUSY, when another container does that just now. */
void bothy_mounting_attach (BothySupervisor *supervisor,
                            BothyVolumes *volumes,
                            const BothyMount *mount,
                            GUnixFDList *fds,
                            GAsyncReadyCallback callback,
                            gpointer user_data);

/* The same for MADE, from bothy_mounting_make(), with all of CONTAINER's. Where another container fills one of the volumes it waits
   for that, until CANCELLABLE says that it shall not. */
void bothy_mounting_attach_all (BothySupervisor *supervisor,
                                BothyVolumes *volumes,
                                BothyContainer *container,
                                GPtrArray *made,
                                GCancellable *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer user_data);

/* Have SUPERVISOR take away what is at DESTINATION. That it is gone already is no error. */
void bothy_mounting_detach (BothySupervisor *supervisor,
                            const char *destination,
                            GAsyncReadyCallback callback,
                            gpointer user_data);

/* For the last three. FALSE with MOUNT_FAILED, which names the destination, or another error of the supervisor's. */
gboolean bothy_mounting_finish (GAsyncResult *result, GError **error);

G_END_DECLS

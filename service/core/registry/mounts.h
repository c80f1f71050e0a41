/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/*
 * Directories of a container's owner that are to be seen in it: the record says which, and they are mounted whenever it
 * starts. In a container that runs they come and go at once.
 */

/* Let MOUNT be seen in CONTAINER. Fails with QUOTA_EXCEEDED, WRONG_STATE, BUSY, or as bothy_folder_mount() does; also when the
   container does not run, so that one that could not be mounted is not found out at its start. */
void bothy_registry_add_mount (BothyRegistry *self,
                               BothyContainer *container,
                               const BothyMount *mount,
                               GAsyncReadyCallback callback,
                               gpointer user_data);

/* Take away what is at DESTINATION of CONTAINER. What has a file of it open keeps that. Fails with NO_SUCH_MOUNT, WRONG_STATE
   when another one is mounted below it, or BUSY. */
void bothy_registry_remove_mount (BothyRegistry *self,
                                  BothyContainer *container,
                                  const char *destination,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data);

/* For both. FALSE with an error. */
gboolean bothy_registry_mount_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

/* Whether OWNER may have N directories more in his containers. FALSE with QUOTA_EXCEEDED. */
gboolean bothy_registry_check_mounts (BothyRegistry *self, guint32 owner, guint n, GError **error);

/* An earlier bothyd was killed while it mounted some of CONTAINER's directories or took them away: they are not there. */
void bothy_registry_settle_mounts (BothyRegistry *self, BothyContainer *container);

G_END_DECLS

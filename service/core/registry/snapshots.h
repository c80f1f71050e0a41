/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/*
 * Snapshots of a container's files. Making one is a new layer to write into, on top of what is there, and restoring one a new layer
 * on top of that one; the container's record says which, and is written once, at the end. So it takes the same time whatever
 * there is, and happens or leaves nothing.
 */

/* Make a snapshot of CONTAINER called NAME, or, with "", by the time. With KEEP, which is not 0, at most so many of the latter are
   there then: the oldest go. Fails with WRONG_STATE, SNAPSHOT_EXISTS,
   QUOTA_EXCEEDED, LIMITS_EXCEEDED, NO_SPACE or BUSY. */
void bothy_registry_snapshot (BothyRegistry *self,
                              BothyContainer *container,
                              const char *name,
                              guint keep,
                              GAsyncReadyCallback callback,
                              gpointer user_data);

/* Let CONTAINER, which does not run, be as it was when its snapshot NAME was made. What is there is a snapshot itself then, unless it is
   one already. Fails with NO_SUCH_SNAPSHOT, or as the one above. */
void bothy_registry_restore (BothyRegistry *self,
                             BothyContainer *container,
                             const char *name,
                             GAsyncReadyCallback callback,
                             gpointer user_data);

/* Forget the snapshot NAME of CONTAINER, which may run. Fails with NO_SUCH_SNAPSHOT, NO_SPACE or BUSY. */
void bothy_registry_remove_snapshot (BothyRegistry *self,
                                     BothyContainer *container,
                                     const char *name,
                                     GAsyncReadyCallback callback,
                                     gpointer user_data);

/* CONTAINER's files as they are now become a layer that others can stand on, as with a snapshot, but without one. Fails as making one
   does. */
void bothy_registry_set_aside (BothyRegistry *self,
                               BothyContainer *container,
                               GAsyncReadyCallback callback,
                               gpointer user_data);

/* That layer, with a hold, which the caller lets go. (transfer none); NULL with an error. */
BothyUpper *bothy_registry_set_aside_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

/* The layer of CONTAINER's snapshot NAME, with a hold, which the caller lets go. (transfer none); NULL with NO_SUCH_SNAPSHOT, or
   NO_SUCH_CONTAINER when CONTAINER is gone. */
BothyUpper *
bothy_snapshot_take_upper (BothyRegistry *self, BothyContainer *container, const char *name, GError **error);

/* For the three with a name: the container. (transfer full); NULL with an error. */
BothyContainer *bothy_registry_snapshot_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

/* An earlier bothyd was killed while CONTAINER stood still to be copied: let it go on. */
void bothy_registry_let_go (BothyRegistry *self, BothyContainer *container);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/registry/registry.h"

G_BEGIN_DECLS

/* The changes of a container's state. Each fails with BUSY while something else is done to the container, and with
   WRONG_STATE when it is not in the state for that. */

/* Start CONTAINER because of CAUSE. STDIO: three fds for the first process, or NULL: the console. */
void bothy_registry_start (BothyRegistry *self,
                           BothyContainer *container,
                           GUnixFDList *stdio,
                           BothyStateReason cause,
                           GAsyncReadyCallback callback,
                           gpointer user_data);

/* Take back a start of CONTAINER that waits until there are fewer under way: whoever wanted it gets CANCELLED, and it is
   stopped, for REASON. FALSE: no start of it waits, and nothing happens. */
gboolean
bothy_registry_take_start_back (BothyRegistry *self, BothyContainer *container, BothyStateReason reason);

/* Ask CONTAINER to end, and kill it after TIMEOUT seconds (0: at once). REASON says who wants that. One that is about to be
   started unasked is not any more. */
void bothy_registry_stop (BothyRegistry *self,
                          BothyContainer *container,
                          guint timeout,
                          BothyStateReason reason,
                          GAsyncReadyCallback callback,
                          gpointer user_data);

/* The same, if it runs, and start it again. */
void bothy_registry_restart (BothyRegistry *self,
                             BothyContainer *container,
                             guint timeout,
                             BothyStateReason reason,
                             GAsyncReadyCallback callback,
                             gpointer user_data);

/* Stop every process of CONTAINER (FREEZE) or let them go on. */
void bothy_registry_freeze (BothyRegistry *self,
                            BothyContainer *container,
                            gboolean freeze,
                            GAsyncReadyCallback callback,
                            gpointer user_data);

/* For all of these. FALSE with an error. */
gboolean bothy_registry_change_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

/* Take CONTAINER out of the registry for USER (FORCE: kill it first), and remove its files. */
void bothy_registry_delete (BothyRegistry *self,
                            BothyContainer *container,
                            guint32 user,
                            gboolean force,
                            GAsyncReadyCallback callback,
                            gpointer user_data);

/* The same of one that is stopped or runs, with force, for its owner, who did not ask for that: so it is not refused because he has too much under way. */
void bothy_registry_delete_unasked (BothyRegistry *self,
                                    BothyContainer *container,
                                    GAsyncReadyCallback callback,
                                    gpointer user_data);

/* The same of one that is stopped, for USER, as a part of what the caller does to it: he has begun a change of it, and ends that. It waits
   for nothing that its user has under way: when this returns, it was deleted, or it is as it was. */
void bothy_registry_delete_within (BothyRegistry *self,
                                   BothyContainer *container,
                                   guint32 user,
                                   GAsyncReadyCallback callback,
                                   gpointer user_data);

/* The operation that follows the removal of the files. (transfer full); NULL with an error: nothing was done. */
BothyOperation *bothy_registry_delete_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

/* From now on, do what follows the end of a container: one that rebooted starts again, an ephemeral one goes, and all others
   are "over" for who watches BothyContainers. */
void bothy_registry_watch_ends (BothyRegistry *self);

/* Do that for containers that ended while no bothyd was there. */
void bothy_registry_follow_up_earlier_ends (BothyRegistry *self);

G_END_DECLS

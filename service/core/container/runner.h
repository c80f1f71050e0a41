/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/bridges/admission.h"
#include "core/container/container.h"
#include "core/images/image-store.h"
#include "platform/cgroup-manager.h"
#include "network/network.h"
#include "platform/helper-client.h"

G_BEGIN_DECLS

/*
 * Starts and ends containers.
 *
 * The socket that a supervisor listens on is made before anything else of a start and
 * removed after everything else of an end. It is the record of what may be left to undo:
 * a new broker finds either a supervisor behind it, or nobody.
 */
#define BOTHY_TYPE_RUNNER (bothy_runner_get_type ())
G_DECLARE_FINAL_TYPE (BothyRunner, bothy_runner, BOTHY, RUNNER, GObject)

/* STATE_DIRFD: STATE/containers, SOCKETS_DIRFD: RUNTIME/supervisors; both stay the caller's, as CONFIGURATION does. IMAGES
   say what containers stand on. */
BothyRunner *bothy_runner_new (BothyHelperClient *helper,
                               BothyCgroupManager *cgroups,
                               BothyNetwork *network,
                               BothyAdmission *admission,
                               const BothyConfiguration *configuration,
                               BothyImageStore *images,
                               int state_dirfd,
                               int sockets_dirfd);

/* OWNER is about to start a container, maybe. */
void bothy_runner_prepare (BothyRunner *self, guint32 owner);

/* STDIO: three fds for the first process, or NULL: the console. The container must be inactive and begun. */
void bothy_runner_start (BothyRunner *self,
                         BothyContainer *container,
                         GUnixFDList *stdio,
                         GAsyncReadyCallback callback,
                         gpointer user_data);
gboolean bothy_runner_start_finish (BothyRunner *self, GAsyncResult *result, GError **error);

/* End CONTAINER, which is active: ask, and after TIMEOUT seconds (0: at once) kill. */
void bothy_runner_stop (BothyRunner *self,
                        BothyContainer *container,
                        guint timeout,
                        GAsyncReadyCallback callback,
                        gpointer user_data);
gboolean bothy_runner_stop_finish (BothyRunner *self, GAsyncResult *result, GError **error);

/* Whether CONTAINER, which ended in order to begin anew, may: not too often. Otherwise it has failed. */
gboolean bothy_runner_may_reboot (BothyRunner *self, BothyContainer *container);

/* Stop or let go on every process of CONTAINER, which is running (or frozen, to thaw). */
void bothy_runner_freeze (BothyRunner *self,
                          BothyContainer *container,
                          gboolean freeze,
                          GAsyncReadyCallback callback,
                          gpointer user_data);
gboolean bothy_runner_freeze_finish (BothyRunner *self, GAsyncResult *result, GError **error);

/* See to it that CONTAINER, which runs, has the network that it wants; one that is being started, as soon as it runs. */
void bothy_runner_join_network (BothyRunner *self, BothyContainer *container);

/* Call back when that is not under way, or not any more. */
void bothy_runner_await_network (BothyRunner *self,
                                 BothyContainer *container,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data);
void bothy_runner_await_network_finish (BothyRunner *self, GAsyncResult *result);

/* Let CONTAINER's limits hold for its group, which is there; end it with bothy_cgroup_manager_limit_finish(). */
void bothy_runner_limit (BothyRunner *self,
                         BothyContainer *container,
                         GAsyncReadyCallback callback,
                         gpointer user_data);

/* Find the supervisor of CONTAINER, loaded from disk, if it still has one; DONE when that is known. */
void bothy_runner_adopt (BothyRunner *self,
                         BothyContainer *container,
                         GAsyncReadyCallback callback,
                         gpointer user_data);
void bothy_runner_adopt_finish (BothyRunner *self, GAsyncResult *result);

G_END_DECLS

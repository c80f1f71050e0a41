/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/bridges/admission.h"
#include "core/container/ceilings.h"
#include "core/container/container.h"
#include "core/container/network-repair.h"
#include "core/container/plugs.h"
#include "core/container/trees.h"
#include "core/images/image-store.h"
#include "core/snapshots/upper.h"
#include "core/volumes/volume.h"
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

/* CONTAINERS_FD is STATE/containers, SOCKETS_FD is RUNTIME/supervisors; both stay the caller's, as ADMISSION and
   CEILINGS do. IMAGES and UPPERS say what containers stand on. (transfer full) */
BothyRunner *bothy_runner_new (BothyHelperClient *helper,
                               BothyCgroupManager *cgroups,
                               BothyNetwork *network,
                               BothyAdmission *admission,
                               BothyCeilings *ceilings,
                               BothyImageStore *images,
                               BothyUppers *uppers,
                               BothyVolumes *volumes,
                               int containers_fd,
                               int sockets_fd);

/* What looks after the nics of containers that run. (transfer none) */
BothyNetworkRepair *bothy_runner_get_repair (BothyRunner *self);

/* What puts devices into containers that run. (transfer none) */
BothyPlugs *bothy_runner_get_plugs (BothyRunner *self);

/* What shows files of containers that do not run to their owners. (transfer none) */
BothyTrees *bothy_runner_get_trees (BothyRunner *self);

/* OWNER may start a container in a moment: have a control group ready for it. */
void bothy_runner_prepare_group (BothyRunner *self, guint32 owner);

/* Start CONTAINER, which is not active; bothy_container_begin() has been called for it. STDIO: three fds for the first
   process, or NULL: the console. What goes wrong is also its last error. */
void bothy_runner_start (BothyRunner *self,
                         BothyContainer *container,
                         GUnixFDList *stdio,
                         GAsyncReadyCallback callback,
                         gpointer user_data);
gboolean bothy_runner_start_finish (BothyRunner *self, GAsyncResult *result, GError **error);

/* Whether a start of CONTAINER waits until there are fewer under way: nothing was done for it yet. */
gboolean bothy_runner_is_start_queued (BothyRunner *self, const BothyContainer *container);

/* Take back a start of CONTAINER that is queued: whoever wanted it gets CANCELLED, and CONTAINER is stopped, for REASON. */
void bothy_runner_take_start_back (BothyRunner *self, BothyContainer *container, BothyStateReason reason);

/* End CONTAINER, which is active: ask, and after TIMEOUT seconds (0: at once) kill. REASON says who wants that. */
void bothy_runner_stop (BothyRunner *self,
                        BothyContainer *container,
                        guint timeout,
                        BothyStateReason reason,
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

/* Let CONTAINER's limits hold for its group, which is there; end it with bothy_cgroup_manager_limit_finish(). */
void bothy_runner_limit (BothyRunner *self,
                         BothyContainer *container,
                         GAsyncReadyCallback callback,
                         gpointer user_data);

G_END_DECLS

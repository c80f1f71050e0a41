/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "core/accounts/owners.h"
#include "core/bridges/bridges.h"
#include "base/configuration.h"
#include "core/container/container.h"
#include "core/images/builtin.h"
#include "core/operations/operation.h"
#include "core/container/process.h"
#include "core/remotes/pull.h"
#include "core/remotes/search.h"
#include "core/ids/ranges.h"
#include "core/container/runner.h"

G_BEGIN_DECLS

/*
 * All there is, and what is done to it. The bus asks and shows; this decides what is
 * possible, but not who may.
 *
 * Signals: "container-added", "container-removed" (BothyContainer *),
 * "operation-added", "operation-removed" (BothyOperation *),
 * "process-added", "process-removed" (BothyProcess *), "settled" (): something ended, so
 * that the registry may be idle now.
 */
#define BOTHY_TYPE_REGISTRY (bothy_registry_get_type ())
G_DECLARE_FINAL_TYPE (BothyRegistry, bothy_registry, BOTHY, REGISTRY, GObject)

/* Open (and make, where missing) the directories, read the records, find running containers.
   Takes CONFIGURATION over. NULL on error: another instance runs, or a directory is not as it has to be. */
BothyRegistry *bothy_registry_new (BothyConfiguration *configuration,
                                   BothyHelperClient *helper,
                                   BothyCgroupManager *cgroups,
                                   GError **error);

/* Call back when it is known of each container whether it runs. */
void bothy_registry_reconcile (BothyRegistry *self, GAsyncReadyCallback callback, gpointer user_data);
void bothy_registry_reconcile_finish (BothyRegistry *self, GAsyncResult *result);

const BothyConfiguration *bothy_registry_get_configuration (BothyRegistry *self);
BothyImageStore *bothy_registry_get_images (BothyRegistry *self);
BothyBuiltin *bothy_registry_get_builtin (BothyRegistry *self);
BothyPuller *bothy_registry_get_puller (BothyRegistry *self);
BothyBridges *bothy_registry_get_bridges (BothyRegistry *self);
BothyAdmission *bothy_registry_get_admission (BothyRegistry *self);
BothyNm *bothy_registry_get_nm (BothyRegistry *self);
BothyNetwork *bothy_registry_get_network (BothyRegistry *self);
BothyRanges *bothy_registry_get_ranges (BothyRegistry *self);
BothyOwners *bothy_registry_get_owners (BothyRegistry *self);
BothyHelperClient *bothy_registry_get_helper (BothyRegistry *self);
BothyCgroupManager *bothy_registry_get_cgroups (BothyRegistry *self);
gboolean bothy_registry_is_degraded (BothyRegistry *self);

/* Let another service have the state, just before this process ends: its end may have to wait for a file of a user's. */
void bothy_registry_release_lock (BothyRegistry *self);

/* Whether anything runs or is under way; if not, the service may end. */
gboolean bothy_registry_is_idle (BothyRegistry *self);

/* By owner and name. (element-type BothyContainer) (transfer container) */
GList *bothy_registry_list_containers (BothyRegistry *self);
BothyContainer *bothy_registry_find_container (BothyRegistry *self, guint32 owner, const char *name);
/* The one whose control group GROUP is, or is below. */
BothyContainer *bothy_registry_find_container_by_group (BothyRegistry *self, const char *group);
BothyContainer *bothy_registry_find_container_by_range (BothyRegistry *self, guint32 base);

/* Make a container of OWNER's from SPEC (taken over; "image" is what the owner calls it). */
void bothy_registry_create (BothyRegistry *self,
                            guint32 owner,
                            BothyContainerSpec *spec,
                            GAsyncReadyCallback callback,
                            gpointer user_data);
BothyContainer *bothy_registry_create_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

/* The changes of a container's state; each refuses with BUSY while another goes on. */
void bothy_registry_start (BothyRegistry *self,
                           BothyContainer *container,
                           GUnixFDList *stdio,
                           GAsyncReadyCallback callback,
                           gpointer user_data);
void bothy_registry_stop (BothyRegistry *self,
                          BothyContainer *container,
                          guint timeout,
                          GAsyncReadyCallback callback,
                          gpointer user_data);
void bothy_registry_restart (BothyRegistry *self,
                             BothyContainer *container,
                             guint timeout,
                             GAsyncReadyCallback callback,
                             gpointer user_data);
void bothy_registry_freeze (BothyRegistry *self,
                            BothyContainer *container,
                            gboolean freeze,
                            GAsyncReadyCallback callback,
                            gpointer user_data);
gboolean bothy_registry_change_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

/* Change limits as CHANGES, the a{sv} of SetLimits, says, of a running container at once.
   MAY_EXCEED: an administrator agreed to values above his ceilings. */
void bothy_registry_set_limits (BothyRegistry *self,
                                BothyContainer *container,
                                GVariant *changes,
                                gboolean may_exceed,
                                GAsyncReadyCallback callback,
                                gpointer user_data);
gboolean bothy_registry_set_limits_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

/* What a running container uses, an a{sv}. */
void bothy_registry_get_stats (BothyRegistry *self,
                               BothyContainer *container,
                               GAsyncReadyCallback callback,
                               gpointer user_data);
GVariant *bothy_registry_get_stats_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

/* Take it out of the registry (FORCE: kill it first) and remove its files; the operation follows the latter. */
void bothy_registry_delete (BothyRegistry *self,
                            BothyContainer *container,
                            guint32 user,
                            gboolean force,
                            GAsyncReadyCallback callback,
                            gpointer user_data);
BothyOperation *bothy_registry_delete_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

gboolean
bothy_registry_rename (BothyRegistry *self, BothyContainer *container, const char *name, GError **error);

/* Let PORT of the host lead into CONTAINER, from now on and whenever it runs; or no more. PORT_IN_USE names who has it. */
void bothy_registry_add_port (BothyRegistry *self,
                              BothyContainer *container,
                              const BothyPort *port,
                              GAsyncReadyCallback callback,
                              gpointer user_data);
void bothy_registry_remove_port (BothyRegistry *self,
                                 BothyContainer *container,
                                 const BothyPort *port,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data);
gboolean bothy_registry_port_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

typedef enum { BOTHY_EGRESS_SET, BOTHY_EGRESS_ALLOW, BOTHY_EGRESS_DENY } BothyEgressChange;

/* Change what CONTAINER may reach by DESTINATIONS (network/egress.h), of a running one at once. */
void bothy_registry_set_egress (BothyRegistry *self,
                                BothyContainer *container,
                                BothyEgressChange change,
                                char **destinations,
                                GAsyncReadyCallback callback,
                                gpointer user_data);
gboolean bothy_registry_set_egress_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

/* Run SPEC (taken over) in CONTAINER for USER. */
void bothy_registry_exec (BothyRegistry *self,
                          BothyContainer *container,
                          guint32 user,
                          BothyProcessSpec *spec,
                          GAsyncReadyCallback callback,
                          gpointer user_data);
BothyProcess *bothy_registry_exec_finish (BothyRegistry *self, GAsyncResult *result, GError **error);

/* In no order. (element-type BothyProcess) (transfer container) */
GList *bothy_registry_list_processes (BothyRegistry *self);

/* A new operation of USER's, or NULL with QUOTA_EXCEEDED. It goes a minute after it completed. */
BothyOperation *bothy_registry_add_operation (
    BothyRegistry *self, guint32 user, const char *kind, const char *phase, GError **error);

/* Readable, or -1. */
int bothy_registry_open_log (BothyRegistry *self, BothyContainer *container, GError **error);

G_END_DECLS

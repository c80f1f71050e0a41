/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/configuration.h"
#include "core/accounts/owners.h"
#include "core/autostart/marks.h"
#include "core/bridges/admission.h"
#include "core/byhand/nics.h"
#include "core/container/runner.h"
#include "core/images/builtin.h"
#include "core/operations/operations.h"
#include "core/registry/containers.h"
#include "core/registry/etc-hosts.h"
#include "core/registry/processes.h"
#include "core/remotes/pull.h"
#include "core/remotes/search.h"
#include "core/snapshots/upper.h"
#include "core/volumes/volume.h"
#include "storage/trash.h"

G_BEGIN_DECLS

/*
 * All objects that there is one of: it makes them, tells them of each other, and hands them out. What is done with
 * them stands in the other files of this room, each with a header of its own.
 *
 * Signals: "settled" (): something ended, so that the service may be idle now.
 */
#define BOTHY_TYPE_REGISTRY (bothy_registry_get_type ())
G_DECLARE_FINAL_TYPE (BothyRegistry, bothy_registry, BOTHY, REGISTRY, GObject)

/* Make all objects, and read what is on disk. CONFIGURATION is taken over. (transfer full); NULL with an error: another
   bothyd is at work, or a directory is not as it has to be. Go on with bothy_registry_recover(). */
BothyRegistry *bothy_registry_new (BothyConfiguration *configuration,
                                   BothyHelperClient *helper,
                                   BothyCgroupManager *cgroups,
                                   GError **error);

/* Whether a record could not be read, so that no ids are given out. */
gboolean bothy_registry_is_degraded (BothyRegistry *self);

/* Whether nothing runs and nothing is under way, so that the service may end. */
gboolean bothy_registry_is_idle (BothyRegistry *self);

/* Let another bothyd have the state, just before this process ends: its end may have to wait for a file of a user's. */
void bothy_registry_release_lock (BothyRegistry *self);

/* bothyd.conf. (transfer none) */
const BothyConfiguration *bothy_registry_get_configuration (BothyRegistry *self);

/* Who may have one more nic on a bridge. (transfer none) */
BothyAdmission *bothy_registry_get_admission (BothyRegistry *self);

/* The bridges that the machine has. (transfer none) */
BothyBridges *bothy_registry_get_bridges (BothyRegistry *self);

/* The image that comes with Bothy. (transfer none) */
BothyBuiltin *bothy_registry_get_builtin (BothyRegistry *self);

/* What containers of each user may have at most. (transfer none) */
BothyCeilings *bothy_registry_get_ceilings (BothyRegistry *self);

/* What makes control groups. (transfer none) */
BothyCgroupManager *bothy_registry_get_cgroups (BothyRegistry *self);

/* Which containers there are. (transfer none) */
BothyContainers *bothy_registry_get_containers (BothyRegistry *self);

/* What tells containers of each other. (transfer none) */
BothyEtcHosts *bothy_registry_get_etc_hosts (BothyRegistry *self);

/* What takes the steps that need a capability. (transfer none) */
BothyHelperClient *bothy_registry_get_helper (BothyRegistry *self);

/* Which images there are. (transfer none) */
BothyImageStore *bothy_registry_get_images (BothyRegistry *self);

/* What is remembered of this boot. (transfer none) */
BothyMarks *bothy_registry_get_marks (BothyRegistry *self);

/* What puts nics on bridges. (transfer none) */
BothyNetwork *bothy_registry_get_network (BothyRegistry *self);

/* The nics in network namespaces that users made. (transfer none) */
BothyByhandNics *bothy_registry_get_nics (BothyRegistry *self);

/* NetworkManager. (transfer none) */
BothyNm *bothy_registry_get_nm (BothyRegistry *self);

/* The long work that is under way. (transfer none) */
BothyOperations *bothy_registry_get_operations (BothyRegistry *self);

/* Who has ids, by account. (transfer none) */
BothyOwners *bothy_registry_get_owners (BothyRegistry *self);

/* The programs that run in containers. (transfer none) */
BothyProcesses *bothy_registry_get_processes (BothyRegistry *self);

/* What gets images from remotes. (transfer none) */
BothyPuller *bothy_registry_get_puller (BothyRegistry *self);

/* Which ids are whose. (transfer none) */
BothyRanges *bothy_registry_get_ranges (BothyRegistry *self);

/* What starts and ends containers. (transfer none) */
BothyRunner *bothy_registry_get_runner (BothyRegistry *self);

/* Where files go that nobody needs any more. (transfer none) */
BothyTrash *bothy_registry_get_trash (BothyRegistry *self);

/* What containers wrote, layer upon layer. (transfer none) */
BothyUppers *bothy_registry_get_uppers (BothyRegistry *self);

/* Which volumes there are. (transfer none) */
BothyVolumes *bothy_registry_get_volumes (BothyRegistry *self);

G_END_DECLS

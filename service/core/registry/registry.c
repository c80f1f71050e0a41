/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/registry.h"

#include "core/images/day-counter.h"
#include "core/images/expiry.h"
#include "core/registry/network-events.h"
#include "platform/parser-groups.h"
#include "storage/quota.h"
#include "storage/state.h"
#include "workers/unpack.h"

struct _BothyRegistry {
  GObject parent;
  BothyConfiguration *configuration;
  BothyState *state;
  BothyHelperClient *helper;
  BothyParserGroups *parser_groups;
  BothyCgroupManager *cgroups;
  BothyTrash *trash;
  BothyMarks *marks;
  BothyRanges *ranges;
  BothyOwners *owners;
  BothyLayerStore *layers;
  BothyImageStore *images;
  BothyBuiltin *builtin;
  BothyPuller *puller;
  BothyUppers *uppers;
  BothyVolumes *volumes;
  BothyNetwork *network;
  BothyBridges *bridges;
  BothyAdmission *admission;
  BothyCeilings *ceilings;
  BothyRunner *runner;
  BothyByhandNics *nics;
  BothyOperations *operations;
  BothyContainers *containers;
  BothyProcesses *processes;
  BothyEtcHosts *etc_hosts;
  BothyNetworkEvents *events;
  BothyDayTimer *days; /* NULL: what is there is not known, so nothing goes */
};

G_DEFINE_FINAL_TYPE (BothyRegistry, bothy_registry, G_TYPE_OBJECT)

static guint settled_signal;

gboolean
bothy_registry_is_degraded (BothyRegistry *self)
{
  return bothy_ranges_is_degraded (self->ranges);
}

gboolean
bothy_registry_is_idle (BothyRegistry *self)
{
  return !bothy_trash_is_busy (self->trash) && bothy_cgroup_manager_is_idle (self->cgroups) &&
         bothy_byhand_nics_count (self->nics) == 0 &&
         bothy_trees_count (bothy_runner_get_trees (self->runner)) == 0 &&
         bothy_containers_is_idle (self->containers) && bothy_operations_is_idle (self->operations);
}

void
bothy_registry_release_lock (BothyRegistry *self)
{
  bothy_state_release_lock (self->state);
}

/* ---- the objects ---- */

const BothyConfiguration *
bothy_registry_get_configuration (BothyRegistry *self)
{
  return self->configuration;
}

BothyAdmission *
bothy_registry_get_admission (BothyRegistry *self)
{
  return self->admission;
}

BothyBridges *
bothy_registry_get_bridges (BothyRegistry *self)
{
  return self->bridges;
}

BothyBuiltin *
bothy_registry_get_builtin (BothyRegistry *self)
{
  return self->builtin;
}

BothyCeilings *
bothy_registry_get_ceilings (BothyRegistry *self)
{
  return self->ceilings;
}

BothyCgroupManager *
bothy_registry_get_cgroups (BothyRegistry *self)
{
  return self->cgroups;
}

BothyContainers *
bothy_registry_get_containers (BothyRegistry *self)
{
  return self->containers;
}

BothyEtcHosts *
bothy_registry_get_etc_hosts (BothyRegistry *self)
{
  return self->etc_hosts;
}

BothyHelperClient *
bothy_registry_get_helper (BothyRegistry *self)
{
  return self->helper;
}

BothyImageStore *
bothy_registry_get_images (BothyRegistry *self)
{
  return self->images;
}

BothyMarks *
bothy_registry_get_marks (BothyRegistry *self)
{
  return self->marks;
}

BothyNetwork *
bothy_registry_get_network (BothyRegistry *self)
{
  return self->network;
}

BothyByhandNics *
bothy_registry_get_nics (BothyRegistry *self)
{
  return self->nics;
}

BothyOperations *
bothy_registry_get_operations (BothyRegistry *self)
{
  return self->operations;
}

BothyOwners *
bothy_registry_get_owners (BothyRegistry *self)
{
  return self->owners;
}

BothyProcesses *
bothy_registry_get_processes (BothyRegistry *self)
{
  return self->processes;
}

BothyPuller *
bothy_registry_get_puller (BothyRegistry *self)
{
  return self->puller;
}

BothyRanges *
bothy_registry_get_ranges (BothyRegistry *self)
{
  return self->ranges;
}

BothyRunner *
bothy_registry_get_runner (BothyRegistry *self)
{
  return self->runner;
}

BothyTrash *
bothy_registry_get_trash (BothyRegistry *self)
{
  return self->trash;
}

BothyUppers *
bothy_registry_get_uppers (BothyRegistry *self)
{
  return self->uppers;
}

BothyVolumes *
bothy_registry_get_volumes (BothyRegistry *self)
{
  return self->volumes;
}

BothyNm *
bothy_registry_get_nm (BothyRegistry *self)
{
  return bothy_network_get_nm (self->network);
}

/* ---- making them ---- */

static void
bothy_registry_finalize (GObject *object)
{
  BothyRegistry *self = BOTHY_REGISTRY (object);

  g_clear_pointer (&self->days, bothy_day_timer_free);
  g_clear_object (&self->events);
  g_clear_object (&self->etc_hosts);
  g_clear_object (&self->processes);
  g_clear_object (&self->containers);
  g_clear_object (&self->operations);
  g_clear_object (&self->nics);
  g_clear_object (&self->runner);
  g_clear_pointer (&self->admission, bothy_admission_free);
  g_clear_object (&self->bridges);
  g_clear_object (&self->network);
  g_clear_object (&self->puller);
  g_clear_object (&self->volumes);
  g_clear_object (&self->uppers);
  g_clear_object (&self->builtin);
  g_clear_object (&self->images);
  g_clear_object (&self->layers);
  g_clear_pointer (&self->owners, bothy_owners_free);
  g_clear_object (&self->ranges);
  g_clear_object (&self->trash);
  g_clear_object (&self->cgroups);
  if (self->parser_groups)
    bothy_helper_client_set_group_for (self->helper, NULL, NULL);
  g_clear_pointer (&self->parser_groups, bothy_parser_groups_free);
  g_clear_object (&self->helper);
  g_clear_pointer (&self->marks, bothy_marks_free);
  g_clear_pointer (&self->state, bothy_state_free);
  g_clear_pointer (&self->ceilings, bothy_ceilings_free);
  g_clear_pointer (&self->configuration, bothy_configuration_free);
  G_OBJECT_CLASS (bothy_registry_parent_class)->finalize (object);
}

static void
bothy_registry_class_init (BothyRegistryClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_registry_finalize;
  settled_signal =
      g_signal_new ("settled", BOTHY_TYPE_REGISTRY, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
bothy_registry_init (BothyRegistry *self)
{
}

static void
on_settled (BothyRegistry *self)
{
  g_signal_emit (self, settled_signal, 0);
}

/* What is there of images, and all that containers need. FALSE: a record could not be read. */
static gboolean
make_images (BothyRegistry *self)
{
  gboolean layers_degraded, images_degraded;

  self->layers = bothy_layer_store_new (self->state->layers_fd, self->configuration, self->helper,
                                        self->trash, &layers_degraded);
  self->images = bothy_image_store_new (self->state->images_fd, self->configuration, self->layers,
                                        self->trash, &images_degraded);
  self->builtin = bothy_builtin_new (self->images);
  self->puller = bothy_puller_new (self->images, bothy_remotes_new (self->state->remotes_fd));
  return !layers_degraded && !images_degraded;
}

static void
make_network (BothyRegistry *self)
{
  g_autofree char *subnet = NULL;

  self->network = bothy_network_new (self->configuration->range_base, self->configuration->subnet);
  subnet = bothy_network_get_subnet (self->network);
  self->bridges = bothy_bridges_new (bothy_network_get_nm (self->network),
                                     bothy_delegations_new (self->state->bridges_fd), subnet);
  self->admission = bothy_admission_new (self->bridges, self->network, self->configuration);
  self->nics =
      bothy_byhand_nics_new (self->network, self->admission, self->helper, self->state->attaching_fd);
  g_signal_connect_object (self->nics, "settled", G_CALLBACK (on_settled), self, G_CONNECT_SWAPPED);
}

static void
make_containers (BothyRegistry *self)
{
  self->runner = bothy_runner_new (self->helper, self->cgroups, self->network, self->admission,
                                   self->ceilings, self->images, self->uppers, self->volumes,
                                   self->state->containers_fd, self->state->sockets_fd);
  self->operations = bothy_operations_new (self->configuration->max_operations);
  self->containers = bothy_containers_new (self->state->containers_fd, self->ceilings, self->ranges,
                                           self->images, self->uppers, self->volumes, self->trash);
  self->processes = bothy_processes_new (self->containers, self->images, self->configuration->max_processes);
  self->etc_hosts = bothy_etc_hosts_new (self->containers);
  self->events = bothy_network_events_new (
      self->network, self->bridges, bothy_runner_get_repair (self->runner), self->containers, self->nics);
  g_signal_connect_object (self->operations, "settled", G_CALLBACK (on_settled), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->processes, "settled", G_CALLBACK (on_settled), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->containers, "settled", G_CALLBACK (on_settled), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->containers, "removed", G_CALLBACK (on_settled), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (bothy_runner_get_trees (self->runner), "settled", G_CALLBACK (on_settled), self,
                           G_CONNECT_SWAPPED);
}

/* A directory that creating left when bothyd was killed. */
static void
discard_unfinished (const char *name, gpointer user_data)
{
  BothyRegistry *self = user_data;

  bothy_trash_put (self->trash, self->state->containers_fd, name, NULL);
}

static void
begin_day (guint64 day, gpointer images)
{
  bothy_image_store_begin_day (images, day);
}

/* Nothing of containers that are gone keeps a control group. */
static void
sweep_groups (BothyRegistry *self)
{
  g_autoptr (GHashTable) kept = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GList) containers = bothy_containers_list (self->containers);

  for (GList *l = containers; l; l = l->next) {
    if (*BOTHY_CONTAINER (l->data)->group)
      g_hash_table_add (kept, BOTHY_CONTAINER (l->data)->group);
  }
  bothy_cgroup_manager_sweep (self->cgroups, kept);
}

/* *VALUE becomes at most MAX; 0 is no bound. */
static void
lower (guint64 *value, guint64 max)
{
  if (max > 0 && (*value == 0 || *value > max))
    *value = max;
}

/* What is generous on one disk would be no bound at all on another; and where all containers of a user have a bound, one
   whose owner said nothing would leave no room for a second. */
static void
lower_defaults (BothyConfiguration *configuration, int state_fd)
{
  guint64 bytes, inodes;

  bothy_quota_get_capacity (state_fd, &bytes, &inodes);
  if (configuration->default_disk > 0)
    lower (&configuration->default_disk, bytes / 2);
  if (configuration->default_inodes > 0)
    lower (&configuration->default_inodes, inodes / 2);
  lower (&configuration->default_disk, configuration->user_disk / 4);
  lower (&configuration->default_inodes, configuration->user_inodes / 4);
}

static void
limits_of_user (guint32 user, BothyCgroupLimits *ret_limits, gpointer data)
{
  const BothyRegistry *self = data;

  bothy_limits_of_user (bothy_ceilings_for (self->ceilings, user), ret_limits);
}

BothyRegistry *
bothy_registry_new (BothyConfiguration *configuration,
                    BothyHelperClient *helper,
                    BothyCgroupManager *cgroups,
                    GError **error)
{
  g_autoptr (BothyRegistry) self = g_object_new (BOTHY_TYPE_REGISTRY, NULL);
  gboolean complete, uppers_degraded, volumes_degraded, ceilings_degraded;

  self->configuration = configuration;
  self->helper = g_object_ref (helper);
  self->cgroups = g_object_ref (cgroups);
  g_signal_connect_object (cgroups, "settled", G_CALLBACK (on_settled), self, G_CONNECT_SWAPPED);
  self->state = bothy_state_new (error);
  if (self->state)
    self->marks = bothy_marks_new (self->state->boot_fd, self->state->state_fd, error);
  if (!self->marks)
    return NULL;
  lower_defaults (self->configuration, self->state->state_fd);
  self->ceilings = bothy_ceilings_new (self->state->ceilings_fd, configuration, &ceilings_degraded);
  self->parser_groups = bothy_parser_groups_new (cgroups, limits_of_user, self);
  bothy_helper_client_set_group_for (helper, bothy_parser_groups_open, self->parser_groups);
  self->trash = bothy_trash_new (self->state->trash_fd, bothy_unpack_remove, helper);
  self->ranges = bothy_ranges_new (self->state->ranges_fd, configuration, NULL);
  self->owners = bothy_owners_new (self->state->accounts_fd);
  self->uppers = bothy_uppers_new (self->state->uppers_fd, self->trash, &uppers_degraded);
  self->volumes =
      bothy_volumes_new (self->state->volumes_fd, self->trash, configuration->max_volumes, &volumes_degraded);
  complete = make_images (self) && !uppers_degraded && !volumes_degraded && !ceilings_degraded;
  make_network (self);
  make_containers (self);
  complete = bothy_containers_load (self->containers, discard_unfinished, self) && complete;
  if (complete)
    self->days = bothy_day_timer_new (self->state->state_fd, begin_day, self->images);
  else
    bothy_ranges_set_degraded (self->ranges);
  sweep_groups (self);
  return g_steal_pointer (&self);
}

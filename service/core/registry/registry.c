/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/images/expiry.h"
#include "core/registry/registry-private.h"

#include "base/error.h"
#include "base/fd.h"
#include "core/container/container-record.h"

#include <errno.h>
#include <fcntl.h>

G_DEFINE_FINAL_TYPE (BothyRegistry, bothy_registry, G_TYPE_OBJECT)

enum {
  CONTAINER_ADDED,
  CONTAINER_REMOVED,
  OPERATION_ADDED,
  OPERATION_REMOVED,
  PROCESS_ADDED,
  PROCESS_REMOVED,
  SETTLED,
  N_SIGNALS
};
static guint signals[N_SIGNALS];

const BothyConfiguration *
bothy_registry_get_configuration (BothyRegistry *self)
{
  return self->configuration;
}

BothyImageStore *
bothy_registry_get_images (BothyRegistry *self)
{
  return self->images;
}

BothyBuiltin *
bothy_registry_get_builtin (BothyRegistry *self)
{
  return self->builtin;
}

BothyPuller *
bothy_registry_get_puller (BothyRegistry *self)
{
  return self->puller;
}

BothyBridges *
bothy_registry_get_bridges (BothyRegistry *self)
{
  return self->bridges;
}

BothyNetwork *
bothy_registry_get_network (BothyRegistry *self)
{
  return self->network;
}

BothyAdmission *
bothy_registry_get_admission (BothyRegistry *self)
{
  return self->admission;
}

BothyNm *
bothy_registry_get_nm (BothyRegistry *self)
{
  return bothy_network_get_nm (self->network);
}

BothyRanges *
bothy_registry_get_ranges (BothyRegistry *self)
{
  return self->ranges;
}

BothyHelperClient *
bothy_registry_get_helper (BothyRegistry *self)
{
  return self->helper;
}

BothyCgroupManager *
bothy_registry_get_cgroups (BothyRegistry *self)
{
  return self->cgroups;
}

BothyOwners *
bothy_registry_get_owners (BothyRegistry *self)
{
  return self->owners;
}

gboolean
bothy_registry_is_degraded (BothyRegistry *self)
{
  return bothy_ranges_is_degraded (self->ranges);
}

char *
bothy_registry_name_key (guint32 owner, const char *name)
{
  return g_strdup_printf ("%u/%s", owner, name);
}

/* ---- containers ---- */

void
bothy_registry_settle (BothyRegistry *self)
{
  g_signal_emit (self, signals[SETTLED], 0);
}

static void
on_automatic_change (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  if (!bothy_registry_change_finish (BOTHY_REGISTRY (source), result, &error))
    g_warning ("Restart: %s", error->message);
  bothy_registry_settle (BOTHY_REGISTRY (source));
}

void
bothy_registry_follow_up (BothyRegistry *self, BothyContainer *container)
{
  if (container->busy || bothy_container_is_active (container))
    return;
  if (container->reboot && !container->stopping && bothy_runner_may_reboot (self->runner, container))
    bothy_registry_start (self, container, NULL, on_automatic_change, NULL);
  else if (container->spec->ephemeral)
    bothy_registry_delete_ephemeral (self, container);
}

static void
on_ended (BothyContainer *container, gpointer user_data)
{
  bothy_registry_follow_up (user_data, container);
  bothy_registry_tell_neighbours (user_data, container);
  bothy_registry_settle (user_data);
}

static void
on_beginning (BothyContainer *container, BothySupervisor *supervisor, gpointer user_data)
{
  bothy_registry_introduce (user_data, container, supervisor);
}

static void
on_readdressed (BothyContainer *container, gpointer user_data)
{
  bothy_registry_publish_ports (user_data, container);
  if (container->supervisor)
    bothy_registry_tell_neighbours (user_data, container);
}

void
bothy_registry_add (BothyRegistry *self, BothyContainer *container)
{
  BothyCgroupLimits effective;

  bothy_limits_effective (&container->spec->limits, self->configuration, &effective);
  bothy_container_set_limits (container, &container->spec->limits, &effective);
  g_hash_table_insert (self->containers, container->id, g_object_ref (container));
  g_hash_table_insert (self->names, bothy_registry_name_key (container->owner, container->spec->name),
                       container);
  g_signal_connect_object (container, "ended", G_CALLBACK (on_ended), self, 0);
  g_signal_connect_object (container, "beginning", G_CALLBACK (on_beginning), self, 0);
  g_signal_connect_object (container, "readdressed", G_CALLBACK (on_readdressed), self, 0);
  bothy_registry_watch_processes (self, container);
  g_signal_emit (self, signals[CONTAINER_ADDED], 0, container);
}

void
bothy_registry_remove (BothyRegistry *self, BothyContainer *container)
{
  g_autoptr (BothyContainer) kept = g_object_ref (container);
  g_autofree char *key = bothy_registry_name_key (container->owner, container->spec->name);
  BothyImage *image = bothy_image_store_lookup (self->images, container->spec->image);

  g_signal_handlers_disconnect_by_data (container, self);
  g_hash_table_remove (self->names, key);
  g_hash_table_remove (self->containers, container->id);
  bothy_ranges_release (self->ranges, container->range_base);
  g_signal_emit (self, signals[CONTAINER_REMOVED], 0, container);
  if (image)
    bothy_image_store_use (self->images, image, -1);
  bothy_registry_check_network (self);
}

gboolean
bothy_registry_rename (BothyRegistry *self, BothyContainer *container, const char *name, GError **error)
{
  g_autofree char *old_key = bothy_registry_name_key (container->owner, container->spec->name);
  g_autofree char *new_key = bothy_registry_name_key (container->owner, name);
  g_autofree char *old_name = g_strdup (container->spec->name);
  gboolean saved;

  if (g_hash_table_contains (self->names, new_key)) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_CONTAINER_EXISTS, "There is a container %s already", name);
    return FALSE;
  }
  bothy_container_set_name (container, name);
  saved = bothy_registry_save (self, container, error);
  /* Whoever hears that it is gone has to find it by the name that it had. */
  bothy_container_set_name (container, old_name);
  if (!saved)
    return FALSE;
  g_signal_emit (self, signals[CONTAINER_REMOVED], 0, container);
  g_hash_table_remove (self->names, old_key);
  bothy_container_set_name (container, name);
  g_hash_table_insert (self->names, g_steal_pointer (&new_key), container);
  g_signal_emit (self, signals[CONTAINER_ADDED], 0, container);
  return TRUE;
}

gboolean
bothy_registry_save (BothyRegistry *self, BothyContainer *container, GError **error)
{
  return bothy_container_record_save (container, self->containers_fd, error);
}

int
bothy_registry_open_log (BothyRegistry *self, BothyContainer *container, GError **error)
{
  autofd dir = openat (self->containers_fd, container->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  /* Two steps: the caller must not be able to write through what he is given. */
  autofd made = openat (dir, "console.log", O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  autofd fd = openat (dir, "console.log", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

  if (fd < 0)
    bothy_error_set_errno (error, errno, "Opening the console's log");
  return g_steal_fd (&fd);
}

/* ---- */

gboolean
bothy_registry_is_idle (BothyRegistry *self)
{
  GHashTableIter iter;
  gpointer value;

  if (bothy_trash_is_busy (self->trash) || g_hash_table_size (self->hand_nics) > 0)
    return FALSE;
  g_hash_table_iter_init (&iter, self->containers);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    if (BOTHY_CONTAINER (value)->busy || bothy_container_is_active (value))
      return FALSE;
  }
  g_hash_table_iter_init (&iter, self->operations);
  while (g_hash_table_iter_next (&iter, &value, NULL)) {
    if (!BOTHY_OPERATION (value)->done)
      return FALSE;
  }
  return TRUE;
}

static void
bothy_registry_finalize (GObject *object)
{
  BothyRegistry *self = BOTHY_REGISTRY (object);
  int *fds[] = { &self->lock_fd,    &self->state_fd,    &self->containers_fd, &self->images_fd,
                 &self->ranges_fd,  &self->trash_fd,    &self->remotes_fd,    &self->layers_fd,
                 &self->bridges_fd, &self->accounts_fd, &self->sockets_fd,    &self->attaching_fd };

  if (self->release_timer)
    g_source_remove (self->release_timer);
  if (self->day_timer)
    g_source_remove (self->day_timer);
  if (self->gone_timer)
    g_source_remove (self->gone_timer);
  g_hash_table_unref (self->hand_nics);
  g_hash_table_unref (self->pauses);
  g_hash_table_unref (self->names);
  g_hash_table_unref (self->addresses);
  g_hash_table_unref (self->containers);
  g_hash_table_unref (self->operations);
  g_hash_table_unref (self->processes);
  g_queue_free (self->ended);
  g_clear_pointer (&self->owners, bothy_owners_free);
  g_clear_object (&self->runner);
  g_clear_pointer (&self->admission, bothy_admission_free);
  g_clear_object (&self->bridges);
  g_clear_object (&self->network);
  g_clear_object (&self->puller);
  g_clear_object (&self->builtin);
  g_clear_object (&self->images);
  g_clear_object (&self->layers);
  g_clear_object (&self->ranges);
  g_clear_object (&self->trash);
  g_clear_object (&self->helper);
  g_clear_object (&self->cgroups);
  g_clear_pointer (&self->configuration, bothy_configuration_free);
  for (gsize i = 0; i < G_N_ELEMENTS (fds); i++)
    bothy_clear_fd (fds[i]);
  G_OBJECT_CLASS (bothy_registry_parent_class)->finalize (object);
}

static guint
add_signal (const char *name, GType type)
{
  return g_signal_new (name, BOTHY_TYPE_REGISTRY, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                       type);
}

static void
bothy_registry_class_init (BothyRegistryClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_registry_finalize;
  signals[CONTAINER_ADDED] = add_signal ("container-added", BOTHY_TYPE_CONTAINER);
  signals[CONTAINER_REMOVED] = add_signal ("container-removed", BOTHY_TYPE_CONTAINER);
  signals[OPERATION_ADDED] = add_signal ("operation-added", BOTHY_TYPE_OPERATION);
  signals[OPERATION_REMOVED] = add_signal ("operation-removed", BOTHY_TYPE_OPERATION);
  signals[PROCESS_ADDED] = add_signal ("process-added", BOTHY_TYPE_PROCESS);
  signals[PROCESS_REMOVED] = add_signal ("process-removed", BOTHY_TYPE_PROCESS);
  signals[SETTLED] =
      g_signal_new ("settled", BOTHY_TYPE_REGISTRY, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
bothy_registry_init (BothyRegistry *self)
{
  self->lock_fd = self->state_fd = self->containers_fd = self->images_fd = self->ranges_fd = self->trash_fd =
      -1;
  self->remotes_fd = self->layers_fd = self->bridges_fd = self->accounts_fd = self->sockets_fd = -1;
  self->attaching_fd = -1;
  self->pauses = g_hash_table_new (NULL, NULL);
  self->containers = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_object_unref);
  self->names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->addresses = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->hand_nics = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->operations = g_hash_table_new_full (NULL, NULL, g_object_unref, NULL);
  self->processes = g_hash_table_new_full (NULL, NULL, g_object_unref, NULL);
  self->ended = g_queue_new ();
  /* Not from 1: ids of an earlier broker's processes may still be with a supervisor. */
  self->next_id = g_random_int_range (1, G_MAXINT32 / 2);
}

static void
sweep_groups (BothyRegistry *self, BothyCgroupManager *cgroups)
{
  g_autoptr (GHashTable) kept = g_hash_table_new (g_str_hash, g_str_equal);
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->containers);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    BothyContainer *container = value;

    if (*container->group)
      g_hash_table_add (kept, container->group);
  }
  bothy_cgroup_manager_sweep (cgroups, kept);
}

BothyRegistry *
bothy_registry_new (BothyConfiguration *configuration,
                    BothyHelperClient *helper,
                    BothyCgroupManager *cgroups,
                    GError **error)
{
  g_autoptr (BothyRegistry) self = g_object_new (BOTHY_TYPE_REGISTRY, NULL);
  g_autofree char *subnet = NULL;
  gboolean layers_degraded;
  gboolean images_degraded;

  self->configuration = configuration;
  self->helper = g_object_ref (helper);
  self->cgroups = g_object_ref (cgroups);
  if (!bothy_registry_open_directories (self, error) || !bothy_registry_take_lock (self, error))
    return NULL;
  self->trash = bothy_trash_new (self->trash_fd, helper);
  self->ranges = bothy_ranges_new (self->ranges_fd, configuration);
  self->owners = bothy_owners_new (self->accounts_fd);
  self->layers =
      bothy_layer_store_new (self->layers_fd, configuration, helper, self->trash, &layers_degraded);
  self->images =
      bothy_image_store_new (self->images_fd, configuration, self->layers, self->trash, &images_degraded);
  self->builtin = bothy_builtin_new (self->images);
  self->puller = bothy_puller_new (self->images, bothy_remotes_new (self->remotes_fd));
  self->network = bothy_network_new (configuration->range_base);
  subnet = bothy_network_get_subnet (self->network);
  self->bridges = bothy_bridges_new (bothy_network_get_nm (self->network),
                                     bothy_delegations_new (self->bridges_fd), subnet);
  self->admission = bothy_admission_new (self->bridges, self->network, configuration);
  self->runner = bothy_runner_new (helper, cgroups, self->network, self->admission, configuration,
                                   self->images, self->containers_fd, self->sockets_fd);
  bothy_registry_watch_network (self);
  if (!bothy_registry_load (self) || images_degraded || layers_degraded)
    bothy_ranges_set_degraded (self->ranges);
  else
    bothy_registry_begin_days (self);
  sweep_groups (self, cgroups);
  return g_steal_pointer (&self);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/set-limits.h"

#include "base/error.h"
#include "base/fault.h"
#include "core/registry/change.h"
#include "core/registry/disk.h"
#include "platform/cgroup-stats.h"

/* Nothing is changed, as ERROR (taken over) says. */
static void
undo_limits (GTask *task, GError *error)
{
  BothyChange *change = g_task_get_task_data (task);

  bothy_change_roll_back (change);
  bothy_disk_bound_unasked (g_task_get_source_object (task), bothy_change_get_container (change));
  bothy_change_end (change);
  g_task_return_error (task, error);
}

static void
on_limited (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyChange *change = g_task_get_task_data (task);
  GError *error = NULL;

  /* One that ended meanwhile gets them when it starts again. */
  if (!bothy_cgroup_manager_limit_finish (BOTHY_CGROUP_MANAGER (source), result, &error) &&
      !*bothy_change_get_container (change)->group)
    g_clear_error (&error);
  if (error) {
    undo_limits (task, error);
    return;
  }
  bothy_change_end (change);
  g_task_return_boolean (task, TRUE);
}

static void
on_disk_bound (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = BOTHY_REGISTRY (source);
  BothyChange *change = g_task_get_task_data (task);
  BothyContainer *container = bothy_change_get_container (change);
  GError *error = NULL;

  if (!bothy_disk_bound_finish (self, result, &error)) {
    undo_limits (task, error);
    return;
  }
  BOTHY_FAULT_POINT ("limits.disk-bound");
  if (*container->group) {
    bothy_runner_limit (bothy_registry_get_runner (self), container, on_limited, g_object_ref (task));
    return;
  }
  bothy_change_end (change);
  g_task_return_boolean (task, TRUE);
}

static void
restore_limits (BothyContainers *containers, BothyContainer *container, gpointer before)
{
  bothy_containers_set_limits (containers, container, before);
}

static gboolean
record_limits (BothyRegistry *self, BothyChange *change, const BothyCgroupLimits *changes, GError **error)
{
  BothyContainers *containers = bothy_registry_get_containers (self);
  BothyContainer *container = bothy_change_get_container (change);
  BothyCgroupLimits *before;
  BothyCgroupLimits limits = container->spec->limits;

  bothy_limits_apply (&limits, changes);
  if (!bothy_containers_check_disk (containers, container->owner, container, &limits, error))
    return FALSE;
  before = g_new (BothyCgroupLimits, 1);
  *before = container->spec->limits;
  bothy_containers_set_limits (containers, container, &limits);
  return bothy_change_record (change, restore_limits, before, g_free, error);
}

void
bothy_registry_set_limits (BothyRegistry *self,
                           BothyContainer *container,
                           const BothyCgroupLimits *changes,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  GError *error = NULL;
  g_autoptr (BothyChange) change =
      bothy_change_begin (bothy_registry_get_containers (self), container, "changing limits", &error);

  if (!change || !record_limits (self, change, changes, &error)) {
    g_task_return_error (task, error);
    return;
  }
  BOTHY_FAULT_POINT ("limits.recorded");
  g_task_set_task_data (task, g_steal_pointer (&change), (GDestroyNotify)bothy_change_free);
  bothy_disk_bound (self, container, on_disk_bound, g_object_ref (task));
}

gboolean
bothy_registry_set_limits_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* ---- what it uses ---- */

typedef struct {
  char *name;
  const char *state; /* static */
  char *group;       /* "": it does not run */
  GVariant *disk;    /* what of it is kept on disk */
} Stats;

static void
stats_free (Stats *stats)
{
  g_free (stats->name);
  g_free (stats->group);
  g_clear_pointer (&stats->disk, g_variant_unref);
  g_free (stats);
}

static void
read_stats (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  const Stats *stats = task_data;
  g_autoptr (GVariant) of_group = g_variant_ref_sink (bothy_cgroup_stats_read (stats->group));
  g_auto (GVariantDict) all = G_VARIANT_DICT_INIT (of_group);
  GVariantIter iter;
  const char *key;
  GVariant *value;

  g_variant_iter_init (&iter, stats->disk);
  while (g_variant_iter_loop (&iter, "{&sv}", &key, &value))
    g_variant_dict_insert_value (&all, key, value);
  g_task_return_pointer (task, g_variant_ref_sink (g_variant_dict_end (&all)),
                         (GDestroyNotify)g_variant_unref);
}

static void
on_disk_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Stats *stats = g_task_get_task_data (task);
  g_auto (GVariantDict) disk = G_VARIANT_DICT_INIT (NULL);
  g_autoptr (GError) error = NULL;

  /* What is known of the rest is worth as much without. */
  if (!bothy_disk_read_finish (BOTHY_REGISTRY (source), result, &disk, &error))
    g_warning ("Container %s: %s", stats->name, error->message);
  stats->disk = g_variant_ref_sink (g_variant_dict_end (&disk));
  if (*stats->group)
    g_task_run_in_thread (task, read_stats);
  else if (g_variant_n_children (stats->disk) > 0)
    g_task_return_pointer (task, g_steal_pointer (&stats->disk), (GDestroyNotify)g_variant_unref);
  else
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE,
                             "Container %s is %s, and uses nothing", stats->name, stats->state);
}

void
bothy_registry_get_stats (BothyRegistry *self,
                          BothyContainer *container,
                          GAsyncReadyCallback callback,
                          gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  Stats *stats = g_new0 (Stats, 1);

  stats->name = g_strdup (container->spec->name);
  stats->state = bothy_container_state_name (container->state);
  stats->group = g_strdup (container->group);
  g_task_set_task_data (task, stats, (GDestroyNotify)stats_free);
  bothy_disk_read (self, container, on_disk_read, g_object_ref (task));
}

GVariant *
bothy_registry_get_stats_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* ---- what all use ---- */

typedef struct {
  GQueue left;      /* BothyContainer, of which nobody was asked yet */
  GPtrArray *known; /* BothyContainerStats */
} AllStats;

static void
all_stats_free (gpointer data)
{
  AllStats *all = data;

  g_queue_clear_full (&all->left, g_object_unref);
  g_clear_pointer (&all->known, g_ptr_array_unref);
  g_free (all);
}

static void
container_stats_free (gpointer data)
{
  BothyContainerStats *stats = data;

  g_object_unref (stats->container);
  g_clear_pointer (&stats->stats, g_variant_unref);
  g_free (stats);
}

static void ask_next (GTask *task);

static void
on_next_stats (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  AllStats *all = g_task_get_task_data (task);
  g_autoptr (BothyContainer) container = g_queue_pop_head (&all->left);
  /* One that ended meanwhile is left out, as if it had ended before. */
  g_autoptr (GVariant) stats = bothy_registry_get_stats_finish (BOTHY_REGISTRY (source), result, NULL);
  BothyContainerStats *known;

  if (stats) {
    known = g_new (BothyContainerStats, 1);
    known->container = g_steal_pointer (&container);
    known->stats = g_steal_pointer (&stats);
    g_ptr_array_add (all->known, known);
  }
  ask_next (task);
}

/* One after the other: nobody has more than one such question under way for each of his calls, however many containers he has. */
static void
ask_next (GTask *task)
{
  BothyRegistry *self = g_task_get_source_object (task);
  AllStats *all = g_task_get_task_data (task);
  BothyContainer *container = g_queue_peek_head (&all->left);

  if (g_task_return_error_if_cancelled (task))
    return;
  if (container)
    bothy_registry_get_stats (self, container, on_next_stats, g_object_ref (task));
  else
    g_task_return_pointer (task, g_steal_pointer (&all->known), (GDestroyNotify)g_ptr_array_unref);
}

void
bothy_registry_get_all_stats (BothyRegistry *self,
                              guint32 user,
                              GCancellable *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_autoptr (GList) containers = bothy_containers_list (bothy_registry_get_containers (self));
  AllStats *all = g_new0 (AllStats, 1);

  g_queue_init (&all->left);
  all->known = g_ptr_array_new_with_free_func (container_stats_free);
  for (GList *l = containers; l; l = l->next) {
    BothyContainer *container = l->data;

    if (container->owner == user && *container->group)
      g_queue_push_tail (&all->left, g_object_ref (container));
  }
  g_task_set_task_data (task, all, all_stats_free);
  ask_next (task);
}

GPtrArray *
bothy_registry_get_all_stats_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

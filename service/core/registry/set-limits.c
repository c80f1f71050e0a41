/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/set-limits.h"

#include "base/error.h"
#include "base/fault.h"
#include "core/registry/change.h"
#include "platform/cgroup-stats.h"

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
  if (error)
    bothy_change_roll_back (change);
  bothy_change_end (change);
  if (error)
    g_task_return_error (task, error);
  else
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
  BothyContainer *container = bothy_change_get_container (change);
  BothyCgroupLimits *before;
  BothyCgroupLimits limits = container->spec->limits;

  bothy_limits_apply (&limits, changes);
  before = g_new (BothyCgroupLimits, 1);
  *before = container->spec->limits;
  bothy_containers_set_limits (bothy_registry_get_containers (self), container, &limits);
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
  if (*container->group) {
    g_task_set_task_data (task, g_steal_pointer (&change), (GDestroyNotify)bothy_change_free);
    bothy_runner_limit (bothy_registry_get_runner (self), container, on_limited, g_object_ref (task));
    return;
  }
  bothy_change_end (change);
  g_task_return_boolean (task, TRUE);
}

gboolean
bothy_registry_set_limits_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
read_stats (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  g_task_return_pointer (task, g_variant_ref_sink (bothy_cgroup_stats_read (task_data)),
                         (GDestroyNotify)g_variant_unref);
}

void
bothy_registry_get_stats (BothyRegistry *self,
                          BothyContainer *container,
                          GAsyncReadyCallback callback,
                          gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);

  if (!*container->group) {
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE,
                             "Container %s is %s, and uses nothing", container->spec->name,
                             bothy_container_state_name (container->state));
    return;
  }
  g_task_set_task_data (task, g_strdup (container->group), g_free);
  g_task_run_in_thread (task, read_stats);
}

GVariant *
bothy_registry_get_stats_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

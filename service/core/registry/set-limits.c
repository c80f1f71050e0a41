/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Changing a container's limits: written down first, then done where it runs; what can not be done is taken
 * back. */
#include "core/registry/registry-private.h"

#include "base/error.h"
#include "base/fault.h"
#include "platform/cgroup-stats.h"

typedef struct {
  BothyContainer *container;
  BothyCgroupLimits before;
  gboolean begun;
} Limiting;

static void
limiting_free (Limiting *limiting)
{
  if (limiting->begun)
    bothy_container_end (limiting->container);
  g_object_unref (limiting->container);
  g_free (limiting);
}

static void
set_limits (BothyRegistry *self, BothyContainer *container, const BothyCgroupLimits *limits)
{
  BothyCgroupLimits effective;

  bothy_limits_effective (limits, self->configuration, &effective);
  bothy_container_set_limits (container, limits, &effective);
}

static void
end (GTask *task)
{
  Limiting *limiting = g_task_get_task_data (task);

  bothy_container_end (limiting->container);
  limiting->begun = FALSE;
}

static void
on_limited (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = g_task_get_source_object (task);
  Limiting *limiting = g_task_get_task_data (task);
  BothyContainer *container = limiting->container;
  g_autoptr (GError) unsaved = NULL;
  GError *error = NULL;

  /* One that ended meanwhile gets them when it starts again. */
  if (!bothy_cgroup_manager_limit_finish (BOTHY_CGROUP_MANAGER (source), result, &error) &&
      !*container->group)
    g_clear_error (&error);
  if (error) {
    set_limits (self, container, &limiting->before);
    if (!bothy_registry_save (self, container, &unsaved))
      g_warning ("Container %s: %s", container->id, unsaved->message);
  }
  end (task);
  bothy_registry_follow_up (self, container);
  if (error)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static gboolean
begin (BothyRegistry *self, Limiting *limiting, GVariant *changes, gboolean may_exceed, GError **error)
{
  BothyContainer *container = limiting->container;
  BothyCgroupLimits limits = container->spec->limits;
  guint changed, exceeding;

  if (!bothy_container_begin (container, "changing limits", error))
    return FALSE;
  limiting->begun = TRUE;
  if (!bothy_limits_change (&limits, changes, &changed, error))
    return FALSE;
  exceeding = bothy_limits_exceeding (&limits, changed, self->configuration, NULL, may_exceed ? NULL : error);
  if (exceeding && !may_exceed)
    return FALSE;
  limits.granted |= exceeding;
  limiting->before = container->spec->limits;
  set_limits (self, container, &limits);
  if (bothy_registry_save (self, container, error))
    return TRUE;
  set_limits (self, container, &limiting->before);
  return FALSE;
}

void
bothy_registry_set_limits (BothyRegistry *self,
                           BothyContainer *container,
                           GVariant *changes,
                           gboolean may_exceed,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  Limiting *limiting = g_new0 (Limiting, 1);
  GError *error = NULL;

  limiting->container = g_object_ref (container);
  g_task_set_task_data (task, limiting, (GDestroyNotify)limiting_free);
  if (!begin (self, limiting, changes, may_exceed, &error)) {
    g_task_return_error (task, error);
    return;
  }
  BOTHY_FAULT_POINT ("limits.recorded");
  if (*container->group) {
    bothy_runner_limit (self->runner, container, on_limited, g_object_ref (task));
    return;
  }
  end (task);
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

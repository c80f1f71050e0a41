/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/run.h"

#include "core/registry/lifecycle.h"

typedef struct {
  BothyContainer *container;
  guint32 user;
  BothyProcessSpec *spec; /* until it is passed on */
  gulong settled;         /* what waits for a start that somebody else began, or 0 */
} Run;

static void
run_free (gpointer data)
{
  Run *run = data;

  g_clear_pointer (&run->spec, bothy_process_spec_free);
  g_object_unref (run->container);
  g_free (run);
}

static void
on_run (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  BothyProcess *process = bothy_processes_run_finish (BOTHY_PROCESSES (source), result, &error);

  if (process)
    g_task_return_pointer (task, process, g_object_unref);
  else
    g_task_return_error (task, error);
}

static void
run_now (GTask *task)
{
  Run *run = g_task_get_task_data (task);

  bothy_processes_run (bothy_registry_get_processes (g_task_get_source_object (task)), run->container,
                       run->user, g_steal_pointer (&run->spec), on_run, g_object_ref (task));
}

static void
on_started (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (bothy_registry_change_finish (BOTHY_REGISTRY (source), result, &error))
    run_now (task);
  else
    g_task_return_error (task, error);
}

/* Whoever began to start it has been told how that ended; if it does not run now, that is the error here. */
static void
on_settled (BothyContainer *container, gpointer user_data)
{
  g_autoptr (GTask) task = g_object_ref (user_data);
  Run *run = g_task_get_task_data (task);

  if (container->busy || !run->settled)
    return;
  g_signal_handler_disconnect (container, run->settled);
  run->settled = 0;
  run_now (task);
}

void
bothy_registry_run (BothyRegistry *self,
                    BothyContainer *container,
                    guint32 user,
                    BothyProcessSpec *spec,
                    GAsyncReadyCallback callback,
                    gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  gboolean on_demand = container->spec->autostart.mode == BOTHY_AUTOSTART_ON_DEMAND;
  Run *run = g_new0 (Run, 1);

  run->container = g_object_ref (container);
  run->user = user;
  run->spec = spec;
  g_task_set_task_data (task, run, run_free);
  if (on_demand && !bothy_container_is_active (container) && !container->busy)
    bothy_registry_start (self, container, NULL, BOTHY_REASON_ON_DEMAND, on_started, g_object_ref (task));
  else if (on_demand && container->state == BOTHY_CONTAINER_STARTING && container->busy)
    run->settled = g_signal_connect_data (container, "settled", G_CALLBACK (on_settled), g_object_ref (task),
                                          (GClosureNotify)(GCallback)g_object_unref, G_CONNECT_DEFAULT);
  else
    run_now (task);
}

BothyProcess *
bothy_registry_run_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

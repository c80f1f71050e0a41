/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Ending a container: it is asked, then killed, and its group at last. */
#include "core/container/runner-private.h"

#include "base/fault.h"

#define KILL_SECONDS 5 /* from "kill" to "kill the whole group" */

typedef struct {
  BothyRunner *runner;
  BothyContainer *container;
  gulong ended;
  guint timer;
  gboolean killed;
} Stop;

static void
stop_free (Stop *stop)
{
  if (stop->timer)
    g_source_remove (stop->timer);
  g_signal_handler_disconnect (stop->container, stop->ended);
  g_object_unref (stop->container);
  g_object_unref (stop->runner);
  g_free (stop);
}

static void
on_ended (BothyContainer *container, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;

  g_task_return_boolean (task, TRUE);
}

static void
on_sent (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  if (!bothy_supervisor_call_finish (BOTHY_SUPERVISOR (source), result, NULL, &error))
    g_debug ("A supervisor did not take a signal: %s", error->message);
}

static void
tell (BothyContainer *container, enum supervisor_message_type type, int value)
{
  struct supervisor_message message = { .type = type, .value = value };

  if (container->supervisor)
    bothy_supervisor_call (container->supervisor, message, NULL, NULL, on_sent, NULL);
}

static gboolean
on_timeout (gpointer user_data)
{
  Stop *stop = user_data;

  stop->timer = 0;
  if (stop->killed) {
    bothy_cgroup_manager_kill (stop->runner->cgroups, stop->container->group);
    return G_SOURCE_REMOVE;
  }
  stop->killed = TRUE;
  tell (stop->container, SUPERVISOR_KILL_ALL, 0);
  stop->timer = g_timeout_add_seconds (KILL_SECONDS, on_timeout, stop);
  return G_SOURCE_REMOVE;
}

void
bothy_runner_stop (BothyRunner *self,
                   BothyContainer *container,
                   guint timeout,
                   BothyStateReason reason,
                   GAsyncReadyCallback callback,
                   gpointer user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);
  Stop *stop = g_new0 (Stop, 1);
  gboolean frozen =
      container->state == BOTHY_CONTAINER_FROZEN || container->state == BOTHY_CONTAINER_FREEZING;
  gboolean asked = container->state == BOTHY_CONTAINER_STOPPING;

  stop->runner = g_object_ref (self);
  stop->container = g_object_ref (container);
  stop->ended = g_signal_connect (container, "ended", G_CALLBACK (on_ended), task);
  g_task_set_task_data (task, stop, (GDestroyNotify)stop_free);
  if (!asked)
    bothy_container_set_stopping (container, reason);
  BOTHY_FAULT_POINT ("stop.asked");
  if (timeout == 0) {
    on_timeout (stop);
    return;
  }
  if (frozen)
    tell (container, SUPERVISOR_THAW, 0);
  /* A second signal means something else to some: to be quicker, or to restart. */
  if (!asked)
    tell (container, SUPERVISOR_SIGNAL, container->shutdown_signal);
  stop->timer = g_timeout_add_seconds (timeout, on_timeout, stop);
}

gboolean
bothy_runner_stop_finish (BothyRunner *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

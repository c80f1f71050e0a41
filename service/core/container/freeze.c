/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/container/runner-private.h"

static void
on_frozen (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyContainer *container = g_task_get_task_data (task);
  GError *error = NULL;
  gboolean done = bothy_supervisor_call_finish (BOTHY_SUPERVISOR (source), result, NULL, NULL, &error);
  gboolean frozen = container->state == BOTHY_CONTAINER_FREEZING ? done : !done;

  if (bothy_container_is_active (container))
    bothy_container_set_state (container, frozen ? BOTHY_CONTAINER_FROZEN : BOTHY_CONTAINER_RUNNING);
  if (done)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

void
bothy_runner_freeze (BothyRunner *self,
                     BothyContainer *container,
                     gboolean freeze,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
  struct supervisor_message message = { .type = freeze ? SUPERVISOR_FREEZE : SUPERVISOR_THAW };
  GTask *task = g_task_new (self, NULL, callback, user_data);

  g_task_set_task_data (task, g_object_ref (container), g_object_unref);
  if (freeze)
    bothy_container_set_state (container, BOTHY_CONTAINER_FREEZING);
  bothy_supervisor_call (container->supervisor, message, NULL, NULL, on_frozen, task);
}

gboolean
bothy_runner_freeze_finish (BothyRunner *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The changes of a container's state: what each needs, one at a time, and what follows it. */
#include "core/registry/registry-private.h"

#include "base/error.h"
#include "base/fault.h"

typedef struct {
  BothyContainer *container;
  gboolean begun;
  guint32 user;
  gboolean start_after; /* of restart */
  gboolean automatic;   /* nobody asked for it, so nobody could wait until he may */
} Change;

static void
change_free (Change *change)
{
  if (change->begun)
    bothy_container_end (change->container);
  g_object_unref (change->container);
  g_free (change);
}

static GTask *
change_new (BothyRegistry *self, BothyContainer *container, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);
  Change *change = g_new0 (Change, 1);

  change->container = g_object_ref (container);
  g_task_set_task_data (task, change, (GDestroyNotify)change_free);
  return task;
}

static gboolean
begin (GTask *task, const char *what, GError **error)
{
  Change *change = g_task_get_task_data (task);

  change->begun = bothy_container_begin (change->container, what, error);
  return change->begun;
}

/* Others may go on with the container before the caller hears of it. */
static void
end (GTask *task)
{
  Change *change = g_task_get_task_data (task);

  bothy_container_end (change->container);
  change->begun = FALSE;
}

static gboolean
wrong_state (BothyContainer *container, const char *wanted, GError **error)
{
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE, "Container %s is %s; %s", container->spec->name,
               bothy_container_state_name (container->state), wanted);
  return FALSE;
}

/* ---- start ---- */

static void
on_started (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Change *change = g_task_get_task_data (task);
  GError *error = NULL;
  gboolean done = bothy_runner_start_finish (BOTHY_RUNNER (source), result, &error);

  end (task);
  if (!bothy_container_is_active (change->container))
    bothy_registry_follow_up (g_task_get_source_object (task), change->container);
  else if (change->container->addresses[0])
    bothy_registry_tell_neighbours (g_task_get_source_object (task), change->container);
  if (done)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static gboolean
may_start (BothyContainer *container, GError **error)
{
  return !bothy_container_is_active (container) ||
         wrong_state (container, "it has been started already", error);
}

void
bothy_registry_start (BothyRegistry *self,
                      BothyContainer *container,
                      GUnixFDList *stdio,
                      GAsyncReadyCallback callback,
                      gpointer user_data)
{
  g_autoptr (GTask) task = change_new (self, container, callback, user_data);
  GError *error = NULL;

  if (!begin (task, "starting", &error) || !may_start (container, &error))
    g_task_return_error (task, error);
  else
    bothy_runner_start (self->runner, container, stdio, on_started, g_object_ref (task));
}

/* ---- stop and restart ---- */

static void
on_stopped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = g_task_get_source_object (task);
  Change *change = g_task_get_task_data (task);
  GError *error = NULL;

  if (!bothy_runner_stop_finish (BOTHY_RUNNER (source), result, &error)) {
    g_task_return_error (task, error);
    return;
  }
  if (change->start_after) {
    bothy_runner_start (self->runner, change->container, NULL, on_started, g_object_ref (task));
    return;
  }
  end (task);
  bothy_registry_follow_up (self, change->container);
  g_task_return_boolean (task, TRUE);
}

static gboolean
may_stop (BothyContainer *container, GError **error)
{
  return (bothy_container_is_active (container) && container->supervisor) ||
         wrong_state (container, "there is nothing to stop", error);
}

void
bothy_registry_stop (BothyRegistry *self,
                     BothyContainer *container,
                     guint timeout,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
  g_autoptr (GTask) task = change_new (self, container, callback, user_data);
  GError *error = NULL;

  if (!begin (task, "stopping", &error) || !may_stop (container, &error))
    g_task_return_error (task, error);
  else
    bothy_runner_stop (self->runner, container, timeout, on_stopped, g_object_ref (task));
}

void
bothy_registry_restart (BothyRegistry *self,
                        BothyContainer *container,
                        guint timeout,
                        GAsyncReadyCallback callback,
                        gpointer user_data)
{
  g_autoptr (GTask) task = change_new (self, container, callback, user_data);
  GError *error = NULL;

  if (!begin (task, "restarting", &error))
    g_task_return_error (task, error);
  else if (!bothy_container_is_active (container))
    bothy_runner_start (self->runner, container, NULL, on_started, g_object_ref (task));
  else {
    ((Change *)g_task_get_task_data (task))->start_after = TRUE;
    bothy_runner_stop (self->runner, container, timeout, on_stopped, g_object_ref (task));
  }
}

/* ---- freeze ---- */

static void
on_frozen (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Change *change = g_task_get_task_data (task);
  GError *error = NULL;
  gboolean done = bothy_runner_freeze_finish (BOTHY_RUNNER (source), result, &error);

  end (task);
  bothy_registry_follow_up (g_task_get_source_object (task), change->container);
  if (done)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

void
bothy_registry_freeze (BothyRegistry *self,
                       BothyContainer *container,
                       gboolean freeze,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  g_autoptr (GTask) task = change_new (self, container, callback, user_data);
  BothyContainerState wanted = freeze ? BOTHY_CONTAINER_RUNNING : BOTHY_CONTAINER_FROZEN;
  GError *error = NULL;

  if (!begin (task, freeze ? "freezing" : "thawing", &error))
    g_task_return_error (task, error);
  else if (container->state != wanted || !container->supervisor) {
    wrong_state (container, freeze ? "only a running one can be frozen" : "only a frozen one can be thawed",
                 &error);
    g_task_return_error (task, error);
  } else
    bothy_runner_freeze (self->runner, container, freeze, on_frozen, g_object_ref (task));
}

gboolean
bothy_registry_change_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* ---- delete ---- */

static void
on_trash_empty (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyOperation) operation = user_data;
  g_autoptr (GError) error = NULL;

  bothy_trash_empty_finish (BOTHY_TRASH (source), result, &error);
  bothy_operation_complete (operation, NULL, error);
}

static void
discard (BothyRegistry *self, GTask *task)
{
  Change *change = g_task_get_task_data (task);
  BothyContainer *container = change->container;
  g_autoptr (BothyOperation) operation = NULL;
  GError *error = NULL;

  BOTHY_FAULT_POINT ("delete.before-rename");
  if (change->automatic)
    operation = bothy_registry_add_own_operation (self, change->user, "delete-container", "removing files");
  else
    operation =
        bothy_registry_add_operation (self, change->user, "delete-container", "removing files", &error);
  if (!operation || !bothy_trash_put (self->trash, self->containers_fd, container->id, &error)) {
    if (operation)
      bothy_operation_complete (operation, NULL, error);
    g_task_return_error (task, error);
    return;
  }
  end (task);
  bothy_registry_remove (self, container);
  bothy_trash_empty (self->trash, on_trash_empty, g_object_ref (operation));
  g_task_return_pointer (task, g_steal_pointer (&operation), g_object_unref);
}

static void
on_killed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (bothy_runner_stop_finish (BOTHY_RUNNER (source), result, &error))
    discard (g_task_get_source_object (task), task);
  else
    g_task_return_error (task, error);
}

void
bothy_registry_delete (BothyRegistry *self,
                       BothyContainer *container,
                       guint32 user,
                       gboolean force,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  g_autoptr (GTask) task = change_new (self, container, callback, user_data);
  GError *error = NULL;

  ((Change *)g_task_get_task_data (task))->user = user;
  if (!begin (task, "being deleted", &error))
    g_task_return_error (task, error);
  else if (!bothy_container_is_active (container))
    discard (self, task);
  else if (force && container->supervisor)
    bothy_runner_stop (self->runner, container, 0, on_killed, g_object_ref (task));
  else {
    wrong_state (container, "stop it first, or delete it with force", &error);
    g_task_return_error (task, error);
  }
}

BothyOperation *
bothy_registry_delete_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
on_ephemeral_deleted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BothyOperation) operation =
      bothy_registry_delete_finish (BOTHY_REGISTRY (source), result, &error);

  if (!operation)
    g_warning ("Ephemeral container: %s", error->message);
}

void
bothy_registry_delete_ephemeral (BothyRegistry *self, BothyContainer *container)
{
  g_autoptr (GTask) task = change_new (self, container, on_ephemeral_deleted, NULL);
  Change *change = g_task_get_task_data (task);
  GError *error = NULL;

  change->user = container->owner;
  change->automatic = TRUE;
  if (begin (task, "being deleted", &error))
    discard (self, task);
  else
    g_task_return_error (task, error);
}

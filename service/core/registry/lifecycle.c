/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/lifecycle.h"

#include "base/error.h"
#include "base/fault.h"
#include "core/registry/change.h"
#include "core/registry/files.h"

typedef struct {
  BothyContainer *container;
  BothyChange *change;     /* NULL: the caller has one */
  guint32 user;            /* of delete: who wants it */
  gboolean start_after;    /* of restart */
  BothyStateReason reason; /* of restart: who wants it */
  gboolean unasked;        /* nobody asked for it, so nobody could wait until he may */
  gboolean answered;       /* of delete: its caller has the operation, or an error */
} Step;

static void
step_free (gpointer data)
{
  Step *step = data;

  g_clear_pointer (&step->change, bothy_change_free);
  g_object_unref (step->container);
  g_free (step);
}

/* Begin to do WHAT to CONTAINER. NULL: that can not be, and the caller has been told. */
static GTask *
begin_step (BothyRegistry *self,
            BothyContainer *container,
            const char *what,
            GAsyncReadyCallback callback,
            gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  Step *step = g_new0 (Step, 1);
  GError *error = NULL;

  step->container = g_object_ref (container);
  step->change = bothy_change_begin (bothy_registry_get_containers (self), container, what, &error);
  g_task_set_task_data (task, step, step_free);
  if (step->change)
    return g_steal_pointer (&task);
  g_task_return_error (task, error);
  return NULL;
}

static void
end_change (const Step *step)
{
  if (step->change)
    bothy_change_end (step->change);
}

/* The step is over; ERROR (taken over) or NULL is its result. */
static void
end_step (GTask *task, GError *error)
{
  end_change (g_task_get_task_data (task));
  if (error)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static GError *
wrong_state_error (const BothyContainer *container, const char *wanted)
{
  return g_error_new (BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE, "Container %s is %s; %s", container->spec->name,
                      bothy_container_state_name (container->state), wanted);
}

/* ---- start ---- */

static void
set_cause (BothyRegistry *self, BothyContainer *container, BothyStateReason cause)
{
  bothy_container_set_cause (container, cause, bothy_marks_get_boot (bothy_registry_get_marks (self)));
}

static void
on_started (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = g_task_get_source_object (task);
  BothyContainer *container = ((Step *)g_task_get_task_data (task))->container;
  GError *error = NULL;

  bothy_runner_start_finish (BOTHY_RUNNER (source), result, &error);
  if (container->supervisor && container->addresses[0])
    bothy_etc_hosts_tell (bothy_registry_get_etc_hosts (self), container);
  end_step (task, error);
}

void
bothy_registry_start (BothyRegistry *self,
                      BothyContainer *container,
                      GUnixFDList *stdio,
                      BothyStateReason cause,
                      GAsyncReadyCallback callback,
                      gpointer user_data)
{
  g_autoptr (GTask) task = begin_step (self, container, "starting", callback, user_data);

  if (task && bothy_container_is_active (container))
    end_step (task, wrong_state_error (container, "it has been started already"));
  else if (task) {
    set_cause (self, container, cause);
    bothy_runner_start (bothy_registry_get_runner (self), container, stdio, on_started, g_object_ref (task));
  }
}

/* ---- stop and restart ---- */

static void
on_stopped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  const Step *step = g_task_get_task_data (task);
  BothyRegistry *self = g_task_get_source_object (task);
  GError *error = NULL;

  if (!bothy_runner_stop_finish (BOTHY_RUNNER (source), result, &error) || !step->start_after)
    end_step (task, error);
  else if (step->container->stays_down)
    end_step (task, wrong_state_error (step->container, "it was stopped while it restarted"));
  else {
    set_cause (self, step->container, step->reason);
    bothy_runner_start (BOTHY_RUNNER (source), step->container, NULL, on_started, g_object_ref (task));
  }
}

/* What is being done to it does not keep anybody from ending it. */
static gboolean
can_join_stop (const BothyContainer *container)
{
  return container->supervisor && (container->state == BOTHY_CONTAINER_STOPPING || container->yields);
}

/* Written down first: a bothyd that finds CONTAINER ended, and was not there to see it, does not start it again; nor because
   this boot was to. */
static void
keep_down (BothyRegistry *self, BothyContainer *container)
{
  gboolean was_due = container->due != 0;
  g_autoptr (GError) error = NULL;

  bothy_container_set_unwanted (container);
  bothy_container_set_boot (container, bothy_marks_get_boot (bothy_registry_get_marks (self)));
  if ((was_due || container->spec->autostart.restart != BOTHY_RESTART_NO) &&
      !bothy_containers_save (bothy_registry_get_containers (self), container, &error))
    g_warning ("Container %s: %s", container->id, error->message);
}

/* Stop CONTAINER, or wait with whoever stops it already until it has ended, but TIMEOUT seconds from now at most: then it is killed. */
static void
join_stop (BothyRegistry *self,
           BothyContainer *container,
           guint timeout,
           BothyStateReason reason,
           GAsyncReadyCallback callback,
           GTask *task)
{
  container->stays_down = TRUE;
  keep_down (self, container);
  bothy_runner_stop (bothy_registry_get_runner (self), container, timeout, reason, callback,
                     g_object_ref (task));
}

/* Whoever began to stop it has been told before. */
static void
on_joined_stop (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (bothy_runner_stop_finish (BOTHY_RUNNER (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

gboolean
bothy_registry_take_start_back (BothyRegistry *self, BothyContainer *container, BothyStateReason reason)
{
  BothyRunner *runner = bothy_registry_get_runner (self);

  if (!bothy_runner_is_start_queued (runner, container))
    return FALSE;
  keep_down (self, container);
  bothy_runner_take_start_back (runner, container, reason);
  return TRUE;
}

void
bothy_registry_stop (BothyRegistry *self,
                     BothyContainer *container,
                     guint timeout,
                     BothyStateReason reason,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
  g_autoptr (GTask) task = NULL;

  if (bothy_registry_take_start_back (self, container, reason)) {
    task = g_task_new (self, NULL, callback, user_data);
    g_task_return_boolean (task, TRUE);
    return;
  }
  if (can_join_stop (container)) {
    task = g_task_new (self, NULL, callback, user_data);
    join_stop (self, container, timeout, reason, on_joined_stop, task);
    return;
  }
  task = begin_step (self, container, "stopping", callback, user_data);
  if (task && container->due && !bothy_container_is_active (container)) {
    keep_down (self, container);
    end_step (task, NULL);
  } else if (task && !(bothy_container_is_active (container) && container->supervisor))
    end_step (task, wrong_state_error (container, "there is nothing to stop"));
  else if (task) {
    keep_down (self, container);
    bothy_runner_stop (bothy_registry_get_runner (self), container, timeout, reason, on_stopped,
                       g_object_ref (task));
  }
}

void
bothy_registry_restart (BothyRegistry *self,
                        BothyContainer *container,
                        guint timeout,
                        BothyStateReason reason,
                        GAsyncReadyCallback callback,
                        gpointer user_data)
{
  g_autoptr (GTask) task = begin_step (self, container, "restarting", callback, user_data);
  BothyRunner *runner = bothy_registry_get_runner (self);

  if (!task)
    return;
  if (!bothy_container_is_active (container)) {
    set_cause (self, container, reason);
    bothy_runner_start (runner, container, NULL, on_started, g_object_ref (task));
    return;
  }
  ((Step *)g_task_get_task_data (task))->start_after = TRUE;
  ((Step *)g_task_get_task_data (task))->reason = reason;
  bothy_runner_stop (runner, container, timeout, reason, on_stopped, g_object_ref (task));
}

/* ---- freeze ---- */

static void
on_frozen (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  bothy_runner_freeze_finish (BOTHY_RUNNER (source), result, &error);
  end_step (task, error);
}

void
bothy_registry_freeze (BothyRegistry *self,
                       BothyContainer *container,
                       gboolean freeze,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  g_autoptr (GTask) task = begin_step (self, container, freeze ? "freezing" : "thawing", callback, user_data);
  BothyContainerState wanted = freeze ? BOTHY_CONTAINER_RUNNING : BOTHY_CONTAINER_FROZEN;

  if (task && (container->state != wanted || !container->supervisor))
    end_step (task, wrong_state_error (container, freeze ? "only a running one can be frozen"
                                                         : "only a frozen one can be thawed"));
  else if (task)
    bothy_runner_freeze (bothy_registry_get_runner (self), container, freeze, on_frozen, g_object_ref (task));
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

static BothyOperation *
add_operation (BothyOperations *operations, const Step *step, GError **error)
{
  static const char kind[] = "delete-container", phase[] = "removing files";
  const char *name = step->container->spec->name;

  return step->unasked ? bothy_operations_add_unasked (operations, step->user, kind, name, phase)
                       : bothy_operations_add (operations, step->user, kind, name, phase, error);
}

/* The caller of delete gets OPERATION, or ERROR (taken over), whichever is first. */
static void
answer_delete (GTask *task, BothyOperation *operation, GError *error)
{
  Step *step = g_task_get_task_data (task);

  if (step->answered)
    g_clear_error (&error);
  else if (error)
    g_task_return_error (task, error);
  else
    g_task_return_pointer (task, g_object_ref (operation), g_object_unref);
  step->answered = TRUE;
}

static void
discard_container (BothyOperation *operation, gpointer data)
{
  GTask *task = data;
  BothyRegistry *self = g_task_get_source_object (task);
  const Step *step = g_task_get_task_data (task);
  BothyTrash *trash = bothy_registry_get_trash (self);
  GError *error = NULL;

  BOTHY_FAULT_POINT ("delete.before-rename");
  if (!bothy_files_discard (self, step->container, &error)) {
    bothy_operation_complete (operation, NULL, error);
    end_change (step);
    answer_delete (task, operation, error);
    return;
  }
  bothy_plugs_clear (bothy_runner_get_plugs (bothy_registry_get_runner (self)), step->container);
  end_change (step);
  bothy_trash_empty (trash, step->container->owner, on_trash_empty, g_object_ref (operation));
  answer_delete (task, operation, NULL);
}

/* As long as the files of others that its user had deleted are still being removed, it stays, and counts. */
static void
discard_in_turn (BothyRegistry *self, GTask *task)
{
  BothyOperations *operations = bothy_registry_get_operations (self);
  GError *error = NULL;
  g_autoptr (BothyOperation) operation = add_operation (operations, g_task_get_task_data (task), &error);

  if (!operation)
    end_step (task, error);
  else if (((const Step *)g_task_get_task_data (task))->unasked)
    discard_container (operation, task);
  else {
    bothy_operations_wait (operations, operation, discard_container, g_object_ref (task), g_object_unref);
    answer_delete (task, operation, NULL);
  }
}

static void
on_files_closed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (bothy_trees_close_finish (BOTHY_TREES (source), result, &error))
    discard_in_turn (g_task_get_source_object (task), task);
  else
    end_step (task, error);
}

/* What its owner has mounted of it goes before it does. */
static void
close_files (BothyRegistry *self, GTask *task, gboolean force)
{
  const Step *step = g_task_get_task_data (task);

  bothy_trees_close (bothy_runner_get_trees (bothy_registry_get_runner (self)), step->container, force,
                     on_files_closed, g_object_ref (task));
}

static void
on_killed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (bothy_runner_stop_finish (BOTHY_RUNNER (source), result, &error))
    discard_in_turn (g_task_get_source_object (task), task);
  else
    end_step (task, error);
}

typedef struct {
  BothyContainer *container;
  guint32 user;
  gulong settled; /* what waits for the end of what is done to it, or 0 */
} ForcedDelete;

static void
forced_delete_free (gpointer data)
{
  g_object_unref (((ForcedDelete *)data)->container);
  g_free (data);
}

static void
on_deleted_at_last (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  BothyOperation *operation = bothy_registry_delete_finish (BOTHY_REGISTRY (source), result, &error);

  if (operation)
    g_task_return_pointer (task, operation, g_object_unref);
  else
    g_task_return_error (task, error);
}

/* An ephemeral one may have been deleted by its end. */
static void
delete_at_last (GTask *task)
{
  BothyRegistry *self = g_task_get_source_object (task);
  const ForcedDelete *forced = g_task_get_task_data (task);
  BothyContainer *container = forced->container;

  if (bothy_containers_find (bothy_registry_get_containers (self), container->owner, container->spec->name) !=
      container)
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_UNKNOWN_OBJECT,
                             "Container %s was deleted when it had stopped", container->spec->name);
  else
    bothy_registry_delete (self, container, forced->user, TRUE, on_deleted_at_last, g_object_ref (task));
}

static void
on_free_again (BothyContainer *container, gpointer user_data)
{
  g_autoptr (GTask) task = NULL;
  ForcedDelete *forced = g_task_get_task_data (user_data);

  if (container->busy || !forced->settled)
    return;
  task = g_object_ref (user_data);
  g_signal_handler_disconnect (container, forced->settled);
  forced->settled = 0;
  delete_at_last (task);
}

/* It is stopped now. What yielded to that may not be over yet: a copy of its files ends when it is whole. */
static void
delete_when_free (GTask *task)
{
  ForcedDelete *forced = g_task_get_task_data (task);

  if (forced->container->busy)
    forced->settled =
        g_signal_connect_data (forced->container, "settled", G_CALLBACK (on_free_again), g_object_ref (task),
                               (GClosureNotify)(GCallback)g_object_unref, G_CONNECT_DEFAULT);
  else
    delete_at_last (task);
}

static void
on_cut_short (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  if (bothy_runner_stop_finish (BOTHY_RUNNER (source), result, &error))
    delete_when_free (task);
  else
    g_task_return_error (task, error);
}

static void
cut_short_and_delete (BothyRegistry *self,
                      BothyContainer *container,
                      guint32 user,
                      GAsyncReadyCallback callback,
                      gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  ForcedDelete *forced = g_new0 (ForcedDelete, 1);

  forced->container = g_object_ref (container);
  forced->user = user;
  g_task_set_task_data (task, forced, forced_delete_free);
  if (bothy_registry_take_start_back (self, container, BOTHY_REASON_ASKED))
    delete_when_free (task);
  else
    join_stop (self, container, 0, BOTHY_REASON_ASKED, on_cut_short, task);
}

void
bothy_registry_delete (BothyRegistry *self,
                       BothyContainer *container,
                       guint32 user,
                       gboolean force,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  g_autoptr (GTask) task = NULL;

  if (force && (can_join_stop (container) ||
                bothy_runner_is_start_queued (bothy_registry_get_runner (self), container))) {
    cut_short_and_delete (self, container, user, callback, user_data);
    return;
  }
  task = begin_step (self, container, "being deleted", callback, user_data);
  if (!task)
    return;
  ((Step *)g_task_get_task_data (task))->user = user;
  if (force || !bothy_container_is_active (container))
    keep_down (self, container);
  if (!bothy_container_is_active (container))
    close_files (self, task, force);
  else if (force && container->supervisor)
    bothy_runner_stop (bothy_registry_get_runner (self), container, 0, BOTHY_REASON_ASKED, on_killed,
                       g_object_ref (task));
  else
    end_step (task, wrong_state_error (container, "stop it first, or delete it with force"));
}

void
bothy_registry_delete_unasked (BothyRegistry *self,
                               BothyContainer *container,
                               GAsyncReadyCallback callback,
                               gpointer user_data)
{
  g_autoptr (GTask) task = begin_step (self, container, "being deleted", callback, user_data);
  Step *step;

  if (!task)
    return;
  step = g_task_get_task_data (task);
  step->user = container->owner;
  step->unasked = TRUE;
  if (container->supervisor)
    bothy_runner_stop (bothy_registry_get_runner (self), container, 0, BOTHY_REASON_ASKED, on_killed,
                       g_object_ref (task));
  else
    close_files (self, task, TRUE);
}

void
bothy_registry_delete_within (BothyRegistry *self,
                              BothyContainer *container,
                              guint32 user,
                              GAsyncReadyCallback callback,
                              gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  Step *step = g_new0 (Step, 1);

  step->container = g_object_ref (container);
  step->user = user;
  step->unasked = TRUE;
  g_task_set_task_data (task, step, step_free);
  discard_in_turn (self, task);
}

BothyOperation *
bothy_registry_delete_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* ---- what follows the end of a run ---- */

static void
on_ephemeral_deleted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BothyOperation) operation =
      bothy_registry_delete_finish (BOTHY_REGISTRY (source), result, &error);

  if (!operation)
    g_warning ("Ephemeral container: %s", error->message);
}

static void
delete_ephemeral (BothyRegistry *self, BothyContainer *container)
{
  bothy_registry_delete_unasked (self, container, on_ephemeral_deleted, NULL);
}

static void
on_rebooted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  if (!bothy_registry_change_finish (BOTHY_REGISTRY (source), result, &error))
    g_warning ("Restart: %s", error->message);
}

/* Nothing is done to CONTAINER now, and perhaps it does not run. */
static void
on_settled (BothyContainers *containers, BothyContainer *container, gpointer user_data)
{
  BothyRegistry *self = user_data;

  if (container->busy || !bothy_container_take_end (container))
    return;
  if (container->reboot && !container->stopping &&
      bothy_runner_may_reboot (bothy_registry_get_runner (self), container))
    bothy_registry_start (self, container, NULL, BOTHY_REASON_RESTART, on_rebooted, NULL);
  else if (container->spec->ephemeral)
    delete_ephemeral (self, container);
  else
    bothy_containers_emit_over (containers, container);
}

void
bothy_registry_watch_ends (BothyRegistry *self)
{
  g_signal_connect_object (bothy_registry_get_containers (self), "settled", G_CALLBACK (on_settled), self, 0);
}

void
bothy_registry_follow_up_earlier_ends (BothyRegistry *self)
{
  BothyContainers *containers = bothy_registry_get_containers (self);
  GList *list = bothy_containers_list (containers);

  for (GList *l = list; l; l = l->next) {
    g_autoptr (BothyContainer) container = g_object_ref (l->data);

    on_settled (containers, container, self);
    if (container->spec->ephemeral && !container->busy && !bothy_container_is_active (container) &&
        bothy_containers_find (containers, container->owner, container->spec->name) == container)
      delete_ephemeral (self, container);
  }
  g_list_free (list);
}

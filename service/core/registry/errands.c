/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a registry has under way, operations and processes, and what of it has ended a moment ago. */
#include "core/container/defaults.h"
#include "core/registry/registry-private.h"

#include "base/error.h"
#include "base/fault.h"

#define LINGER_SECONDS       60 /* how long an ended operation or process can be looked at */
#define LINGERING_OPERATIONS 64 /* of one user; of processes, as many as he may run */

/* ---- the ended ---- */

typedef struct {
  BothyRegistry *registry;
  GObject *object;
  guint32 user;
  guint timer;
} Ended;

static void
ended_free (Ended *ended)
{
  g_queue_remove (ended->registry->ended, ended);
  g_object_unref (ended->object);
  g_object_unref (ended->registry);
  g_free (ended);
}

static gboolean
on_linger_over (gpointer user_data)
{
  Ended *ended = user_data;
  BothyRegistry *self = ended->registry;

  if (g_hash_table_remove (self->operations, ended->object))
    g_signal_emit_by_name (self, "operation-removed", ended->object);
  else if (g_hash_table_remove (self->processes, ended->object))
    g_signal_emit_by_name (self, "process-removed", ended->object);
  return G_SOURCE_REMOVE;
}

/* The oldest of that kind and user go early: each process may keep a terminal open. */
static void
bound_lingering (BothyRegistry *self, GType type, guint32 user, guint max)
{
  Ended *oldest = NULL;
  guint n = 0;

  for (GList *l = self->ended->tail; l; l = l->prev) {
    Ended *ended = l->data;

    if (ended->user != user || G_OBJECT_TYPE (ended->object) != type)
      continue;
    oldest = ended;
    n++;
  }
  if (n <= max)
    return;
  on_linger_over (oldest);
  g_source_remove (oldest->timer);
}

static void
let_linger (BothyRegistry *self, GObject *object, guint32 user, guint max)
{
  Ended *ended = g_new0 (Ended, 1);

  ended->registry = g_object_ref (self);
  ended->object = g_object_ref (object);
  ended->user = user;
  ended->timer = g_timeout_add_seconds_full (G_PRIORITY_LOW, LINGER_SECONDS, on_linger_over, ended,
                                             (GDestroyNotify)ended_free);
  g_queue_push_tail (self->ended, ended);
  bound_lingering (self, G_OBJECT_TYPE (object), user, max);
  bothy_registry_settle (self);
}

static void
on_completed (BothyOperation *operation, gpointer user_data)
{
  let_linger (user_data, G_OBJECT (operation), operation->user, LINGERING_OPERATIONS);
}

static void
on_exited (BothyProcess *process, gpointer user_data)
{
  BothyRegistry *self = user_data;

  let_linger (self, G_OBJECT (process), process->user, self->configuration->max_processes);
}

/* ---- operations and processes ---- */

static guint
count_operations (BothyRegistry *self, guint32 user)
{
  GHashTableIter iter;
  gpointer key;
  guint n = 0;

  g_hash_table_iter_init (&iter, self->operations);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    n += !BOTHY_OPERATION (key)->done && BOTHY_OPERATION (key)->user == user;
  return n;
}

BothyOperation *
bothy_registry_add_own_operation (BothyRegistry *self, guint32 user, const char *kind, const char *phase)
{
  BothyOperation *operation = bothy_operation_new (++self->next_id, user, kind, phase);

  g_hash_table_add (self->operations, g_object_ref (operation));
  g_signal_connect_object (operation, "completed", G_CALLBACK (on_completed), self, 0);
  g_signal_emit_by_name (self, "operation-added", operation);
  return operation;
}

BothyOperation *
bothy_registry_add_operation (
    BothyRegistry *self, guint32 user, const char *kind, const char *phase, GError **error)
{
  guint max = self->configuration->max_operations;

  if (count_operations (self, user) >= max) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
                 "You have as many operations under way as a user may have: %u; wait for one to end", max);
    return NULL;
  }
  return bothy_registry_add_own_operation (self, user, kind, phase);
}

static guint
count_processes (BothyRegistry *self, guint32 user)
{
  GHashTableIter iter;
  gpointer key;
  guint n = 0;

  g_hash_table_iter_init (&iter, self->processes);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    n += !BOTHY_PROCESS (key)->ended && BOTHY_PROCESS (key)->user == user;
  return n;
}

static void
add_process (BothyRegistry *self, BothyProcess *process)
{
  g_hash_table_add (self->processes, g_object_ref (process));
  g_signal_emit_by_name (self, "process-added", process);
  if (process->ended)
    on_exited (process, self);
  else
    g_signal_connect_object (process, "exited", G_CALLBACK (on_exited), self, 0);
}

static guint
count_in (BothyRegistry *self, const BothyContainer *container)
{
  GHashTableIter iter;
  gpointer key;
  guint n = 0;

  g_hash_table_iter_init (&iter, self->processes);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    n += !BOTHY_PROCESS (key)->ended && BOTHY_PROCESS (key)->container == container;
  return n;
}

static gboolean
has_id (gpointer process, gpointer value, gpointer id)
{
  return BOTHY_PROCESS (process)->id == GPOINTER_TO_UINT (id);
}

/* Its supervisor says so. One that names another's must not take that one's place. */
static void
on_process_found (BothyContainer *container, guint id, guint pid, gpointer user_data)
{
  BothyRegistry *self = user_data;
  g_autoptr (BothyProcess) process = NULL;

  if (count_in (self, container) >= SUPERVISOR_MAX_EXECS ||
      g_hash_table_find (self->processes, has_id, GUINT_TO_POINTER (id))) {
    g_warning ("Container %s: its supervisor tells of a process that can not be its own", container->id);
    return;
  }
  process = bothy_process_new_adopted (container, id, container->owner, pid);
  add_process (self, process);
}

void
bothy_registry_watch_processes (BothyRegistry *self, BothyContainer *container)
{
  g_signal_connect_object (container, "process-found", G_CALLBACK (on_process_found), self, 0);
}

static void
on_run (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = g_task_get_source_object (task);
  GError *error = NULL;
  BothyProcess *process = bothy_process_run_finish (result, &error);

  BOTHY_FAULT_POINT ("exec.running");
  if (!process) {
    g_task_return_error (task, error);
    return;
  }
  add_process (self, process);
  g_task_return_pointer (task, process, g_object_unref);
}

/* As docker does: what an image says of its containers holds for all that runs in them. */
static void
complete (BothyRegistry *self, const BothyContainer *container, BothyProcessSpec *spec)
{
  const BothyImage *image = bothy_image_store_lookup (self->images, container->spec->image);
  const BothyContainerSpec *first = container->spec;
  char **environment;

  if (!image || !image->defaults || spec->login)
    return;
  environment = bothy_defaults_merge_environment ((const char *const *)first->environment,
                                                  (const char *const *)spec->environment);
  spec->environment = (g_strfreev (spec->environment), environment);
  if (!*spec->user)
    spec->user = (g_free (spec->user), g_strdup (first->user));
  if (!*spec->working_directory)
    spec->working_directory = (g_free (spec->working_directory), g_strdup (first->working_directory));
}

void
bothy_registry_exec (BothyRegistry *self,
                     BothyContainer *container,
                     guint32 user,
                     BothyProcessSpec *spec,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
  g_autoptr (BothyProcessSpec) owned = spec;
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  guint max = self->configuration->max_processes;
  GError *error = NULL;

  BOTHY_FAULT_POINT ("exec.asked");
  if (!bothy_container_require_running (container, &error))
    g_task_return_error (task, error);
  else if (count_processes (self, user) >= max)
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
                             "You run as many processes in containers as a user may: %u; end one first", max);
  else {
    complete (self, container, owned);
    bothy_process_run (container, ++self->next_id, user, g_steal_pointer (&owned), on_run,
                       g_object_ref (task));
  }
}

BothyProcess *
bothy_registry_exec_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

GList *
bothy_registry_list_processes (BothyRegistry *self)
{
  return g_hash_table_get_keys (self->processes);
}

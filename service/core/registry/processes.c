/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/processes.h"

#include "base/error.h"
#include "base/fault.h"
#include "base/linger.h"
#include "base/per-user.h"
#include "core/container/defaults.h"

#define LINGER_SECONDS 60 /* how long an ended one can be looked at */

struct _BothyProcesses {
  GObject parent;
  BothyImageStore *images;
  guint max;
  guint32 last_id;
  GHashTable *all;     /* BothyProcess: a set */
  BothyPerUser *asked; /* for, and not running yet */
  BothyLinger *ended;
};

G_DEFINE_FINAL_TYPE (BothyProcesses, bothy_processes, G_TYPE_OBJECT)

enum { ADDED, REMOVED, SETTLED, N_SIGNALS };
static guint signals[N_SIGNALS];

static void
on_gone (GObject *process, gpointer user_data)
{
  BothyProcesses *self = user_data;

  if (g_hash_table_remove (self->all, process))
    g_signal_emit (self, signals[REMOVED], 0, process);
}

static void
on_exited (BothyProcess *process, gpointer user_data)
{
  BothyProcesses *self = user_data;

  bothy_linger_add (self->ended, process->user, G_OBJECT (process));
  g_signal_emit (self, signals[SETTLED], 0);
}

static void
add_process (BothyProcesses *self, BothyProcess *process)
{
  g_hash_table_add (self->all, g_object_ref (process));
  g_signal_emit (self, signals[ADDED], 0, process);
  if (process->ended)
    on_exited (process, self);
  else
    g_signal_connect_object (process, "exited", G_CALLBACK (on_exited), self, 0);
}

/* Those that run, of USER or, if it is not NULL, in CONTAINER. */
static guint
count_running (BothyProcesses *self, guint32 user, const BothyContainer *container)
{
  GHashTableIter iter;
  gpointer key;
  guint n = 0;

  g_hash_table_iter_init (&iter, self->all);
  while (g_hash_table_iter_next (&iter, &key, NULL)) {
    const BothyProcess *process = key;

    n += !process->ended && (container ? process->container == container : process->user == user);
  }
  return n;
}

static gboolean
has_id (gpointer process, gpointer value, gpointer id)
{
  return BOTHY_PROCESS (process)->id == GPOINTER_TO_UINT (id);
}

/* The bothyd that wanted its answer is gone. */
static void
end_check (BothyContainer *container, guint id, guint pid)
{
  g_autoptr (BothyProcess) check = bothy_process_new_adopted (container, id, container->owner, pid);

  bothy_process_end (check);
}

/* One that names another's must not take that one's place. */
static void
on_process_found (
    BothyContainers *containers, BothyContainer *container, guint id, guint pid, gpointer user_data)
{
  BothyProcesses *self = user_data;
  g_autoptr (BothyProcess) process = NULL;

  if (id >= BOTHY_PROCESS_FIRST_CHECK) {
    end_check (container, id, pid);
    return;
  }
  if (count_running (self, 0, container) >= SUPERVISOR_MAX_EXECS ||
      g_hash_table_find (self->all, has_id, GUINT_TO_POINTER (id))) {
    g_warning ("Container %s: its supervisor tells of a process that can not be its own", container->id);
    return;
  }
  process = bothy_process_new_adopted (container, id, container->owner, pid);
  add_process (self, process);
}

static void
on_run (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  BothyProcess *process = bothy_process_run_finish (result, &error);
  BothyProcesses *self = g_task_get_source_object (task);

  bothy_per_user_release (self->asked, GPOINTER_TO_UINT (g_task_get_task_data (task)));
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
complete_spec (BothyProcesses *self, const BothyContainer *container, BothyProcessSpec *spec)
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
bothy_processes_run (BothyProcesses *self,
                     BothyContainer *container,
                     guint32 user,
                     BothyProcessSpec *spec,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
  g_autoptr (BothyProcessSpec) owned = spec;
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  GError *error = NULL;

  BOTHY_FAULT_POINT ("exec.asked");
  if (!bothy_container_require_running (container, &error))
    g_task_return_error (task, error);
  else if (count_running (self, user, NULL) + bothy_per_user_count (self->asked, user) >= self->max)
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
                             "You run as many processes in containers as a user may: %u; end one first",
                             self->max);
  else {
    complete_spec (self, container, owned);
    bothy_per_user_take (self->asked, user);
    g_task_set_task_data (task, GUINT_TO_POINTER (user), NULL);
    bothy_process_run (container, ++self->last_id, user, g_steal_pointer (&owned), on_run,
                       g_object_ref (task));
  }
}

BothyProcess *
bothy_processes_run_finish (BothyProcesses *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

GList *
bothy_processes_list (BothyProcesses *self)
{
  return g_hash_table_get_keys (self->all);
}

static void
bothy_processes_finalize (GObject *object)
{
  BothyProcesses *self = BOTHY_PROCESSES (object);

  g_clear_pointer (&self->ended, bothy_linger_free);
  g_hash_table_unref (self->all);
  bothy_per_user_free (self->asked);
  g_object_unref (self->images);
  G_OBJECT_CLASS (bothy_processes_parent_class)->finalize (object);
}

static void
bothy_processes_class_init (BothyProcessesClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_processes_finalize;
  signals[ADDED] = g_signal_new ("added", BOTHY_TYPE_PROCESSES, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                 G_TYPE_NONE, 1, BOTHY_TYPE_PROCESS);
  signals[REMOVED] = g_signal_new ("removed", BOTHY_TYPE_PROCESSES, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 1, BOTHY_TYPE_PROCESS);
  signals[SETTLED] =
      g_signal_new ("settled", BOTHY_TYPE_PROCESSES, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
bothy_processes_init (BothyProcesses *self)
{
  self->all = g_hash_table_new_full (NULL, NULL, g_object_unref, NULL);
  self->asked = bothy_per_user_new (0, 0);
  /* Not from 1: ids of an earlier bothyd's processes may still be with a supervisor. */
  self->last_id = (guint32)g_random_int_range (1, G_MAXINT32 / 2);
}

BothyProcesses *
bothy_processes_new (BothyContainers *containers, BothyImageStore *images, guint max)
{
  BothyProcesses *self = g_object_new (BOTHY_TYPE_PROCESSES, NULL);

  self->images = g_object_ref (images);
  self->max = max;
  /* Each may keep a terminal open. */
  self->ended = bothy_linger_new (LINGER_SECONDS, max, on_gone, self);
  g_signal_connect_object (containers, "process-found", G_CALLBACK (on_process_found), self, 0);
  return self;
}

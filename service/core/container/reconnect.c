/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Finding what an earlier broker left running. */
#include "core/container/runner-private.h"

#include "platform/packet.h"

#include <stdio.h>
#include <string.h>

#define HELLO_SECONDS 5

typedef struct {
  BothyRunner *runner;
  BothyContainer *container;
  BothySupervisor *supervisor;
  guint timer;
} Adopt;

static void
adopt_free (Adopt *adopt)
{
  if (adopt->timer)
    g_source_remove (adopt->timer);
  g_signal_handlers_disconnect_by_data (adopt->supervisor, adopt);
  g_object_unref (adopt->supervisor);
  g_object_unref (adopt->container);
  g_object_unref (adopt->runner);
  g_free (adopt);
}

/* Its supervisor may name any process: it has to be in the container's group. */
static void
find_leader (BothyContainer *container, int pid)
{
  g_autofree char *group = bothy_cgroup_manager_of_process ((guint32)pid);

  bothy_runner_set_leader (container,
                           group && bothy_cgroup_manager_is_within (group, container->group) ? pid : 0);
}

/* "ID PID" each, of programs that an earlier broker put into the container. */
static void
find_processes (BothyContainer *container, const struct supervisor_message *message)
{
  const char *text = (const char *)(message + 1), *end = text + message->text_size;

  for (guint i = 0; i < message->n_argv && text < end; i++, text += strlen (text) + 1) {
    unsigned int id, pid;

    if (sscanf (text, "%u %u", &id, &pid) == 2)
      g_signal_emit_by_name (container, "process-found", id, pid);
  }
}

/* Nothing of an earlier run may go on beside the next one. */
static void
end_earlier_run (BothyRunner *self, BothyContainer *container)
{
  if (!*container->group)
    return;
  bothy_cgroup_manager_kill (self->cgroups, container->group);
  bothy_cgroup_manager_remove (self->cgroups, container->group);
  container->group = (g_free (container->group), g_strdup (""));
}

/* When the broker before us was there last. A start that was not finished is no run. */
static gboolean
was_running (const BothyContainer *container)
{
  return *container->group && container->started_at > container->stopped_at;
}

/* It ended, and how, nobody saw. */
static void
note_unseen_end (BothyRunner *self, BothyContainer *container)
{
  end_earlier_run (self, container);
  container->stopped_at = g_get_real_time ();
  bothy_runner_set_outcome (container);
  bothy_runner_save (self, container);
}

/* The supervisor is just ending, or stands still, or loops. */
static void
adopt_none (GTask *task)
{
  Adopt *adopt = g_task_get_task_data (task);
  BothyContainer *container = adopt->container;

  g_signal_handlers_disconnect_by_data (adopt->supervisor, task);
  g_signal_handlers_disconnect_by_data (adopt->supervisor, container);
  bothy_supervisor_close (adopt->supervisor);
  if (was_running (container) || container->exited)
    note_unseen_end (adopt->runner, container);
  else
    end_earlier_run (adopt->runner, container);
  bothy_runner_forget_socket (adopt->runner, container);
  g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static void
on_limited (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  if (!bothy_cgroup_manager_limit_finish (BOTHY_CGROUP_MANAGER (source), result, &error))
    g_debug ("Limits of a container that was found: %s", error->message);
}

static void
on_hello (BothySupervisor *supervisor, const struct supervisor_message *message, gpointer user_data)
{
  GTask *task = user_data;
  Adopt *adopt = g_task_get_task_data (task);
  BothyContainer *container = adopt->container;

  if (message->state == SUPERVISOR_STATE_EXITED) {
    /* EXITED follows at once, and then "closed" or the timeout: until then it may not be deleted. */
    g_signal_connect (supervisor, "exited", G_CALLBACK (bothy_runner_note_exit), container);
    return;
  }
  if (message->state != SUPERVISOR_STATE_RUNNING && message->state != SUPERVISOR_STATE_FROZEN) {
    /* Half started; left alone, it ends. */
    adopt_none (task);
    return;
  }
  g_signal_handlers_disconnect_by_data (supervisor, task);
  container->shutdown_signal = container->spec->stop_signal ? container->spec->stop_signal : message->value;
  find_leader (container, message->pid);
  bothy_runner_follow (adopt->runner, container, supervisor);
  container->state =
      message->state == SUPERVISOR_STATE_FROZEN ? BOTHY_CONTAINER_FROZEN : BOTHY_CONTAINER_RUNNING;
  find_processes (container, message);
  /* An earlier broker may have written them down, and no more. */
  bothy_runner_limit (adopt->runner, container, on_limited, NULL);
  bothy_cgroup_manager_describe (adopt->runner->cgroups, container->group, container->id);
  bothy_runner_join_network (adopt->runner, container);
  g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static void
on_no_hello (BothySupervisor *supervisor, gpointer user_data)
{
  adopt_none (user_data);
}

static gboolean
on_adopt_timeout (gpointer user_data)
{
  ((Adopt *)g_task_get_task_data (user_data))->timer = 0;
  adopt_none (user_data);
  return G_SOURCE_REMOVE;
}

void
bothy_runner_adopt (BothyRunner *self,
                    BothyContainer *container,
                    GAsyncReadyCallback callback,
                    gpointer user_data)
{
  g_autoptr (GSocket) socket = bothy_runner_connect (self, container);
  GTask *task = g_task_new (self, NULL, callback, user_data);
  Adopt *adopt;

  if (!socket) {
    /* A supervisor waits for a broker to tell it how the container ended, and its socket stays: unless the
       machine went down, it was killed. */
    if (was_running (container) && bothy_runner_has_socket (self, container))
      note_unseen_end (self, container);
    end_earlier_run (self, container);
    bothy_runner_forget_socket (self, container);
    g_task_return_boolean (task, FALSE);
    g_object_unref (task);
    return;
  }
  adopt = g_new0 (Adopt, 1);
  adopt->runner = g_object_ref (self);
  adopt->container = g_object_ref (container);
  adopt->supervisor = bothy_supervisor_new (socket);
  adopt->timer = g_timeout_add_seconds (HELLO_SECONDS, on_adopt_timeout, task);
  g_task_set_task_data (task, adopt, (GDestroyNotify)adopt_free);
  g_signal_connect (adopt->supervisor, "hello", G_CALLBACK (on_hello), task);
  g_signal_connect (adopt->supervisor, "closed", G_CALLBACK (on_no_hello), task);
}

void
bothy_runner_adopt_finish (BothyRunner *self, GAsyncResult *result)
{
  g_task_propagate_boolean (G_TASK (result), NULL);
}

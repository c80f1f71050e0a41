/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/container/history.h"
#include "core/container/reconnect.h"

#include "core/container/runner-private.h"
#include "core/container/supervisor-sockets.h"
#include "platform/packet.h"

#include <stdio.h>
#include <string.h>

#define HELLO_SECONDS 5

typedef struct {
  BothyRunner *runner;
  BothyContainer *container;
  BothySupervisor *supervisor;
  guint timer;
} Reconnect;

static void
reconnect_free (Reconnect *reconnect)
{
  if (reconnect->timer)
    g_source_remove (reconnect->timer);
  g_signal_handlers_disconnect_by_data (reconnect->supervisor, reconnect);
  g_object_unref (reconnect->supervisor);
  g_object_unref (reconnect->container);
  g_object_unref (reconnect->runner);
  g_free (reconnect);
}

/* "ID PID" each, of programs that an earlier broker put into the container. */
static void
announce_processes (BothyContainer *container, const struct supervisor_message *message)
{
  const char *text = (const char *)(message + 1), *end = text + message->text_size;

  for (guint i = 0; i < message->n_argv && text < end; i++, text += strlen (text) + 1) {
    unsigned int id, pid;

    if (sscanf (text, "%u %u", &id, &pid) == 2)
      bothy_container_emit_process_found (container, id, bothy_container_check_pid (container, (gint32)pid));
  }
}

/* When the bothyd before us was there last. A start that was not finished is no run. */
static gboolean
was_running (const BothyContainer *container)
{
  return *container->group && container->started_at > container->stopped_at;
}

/* No supervisor is there to go on with: nothing of an earlier run may go on beside the next one. UNSEEN_END:
   it ran,
   and nobody saw how it ended. */
static void
clear_earlier_run (BothyRunner *self, BothyContainer *container, gboolean unseen_end)
{
  if (*container->group)
    bothy_runner_kill_group (self, container);
  bothy_container_forget_left (container);
  /* Who kept a node by a mount of his own could still open what has its number now. */
  if (*container->group || unseen_end || container->spec->devices->len > 0)
    bothy_plugs_clear (self->plugs, container);
  if (unseen_end) {
    bothy_container_set_ended (container);
    bothy_history_note_end (self->containers_fd, container);
    bothy_runner_save (self, container);
  } else if (*container->group) {
    if (was_running (container))
      bothy_container_set_shut_down (container);
    bothy_container_set_group (container, "");
  }
  bothy_supervisor_socket_remove (self->sockets_fd, container->id);
}

/* The supervisor is just ending, or stands still, or loops. */
static void
give_up_on_supervisor (GTask *task)
{
  Reconnect *reconnect = g_task_get_task_data (task);
  BothyContainer *container = reconnect->container;

  g_signal_handlers_disconnect_by_data (reconnect->supervisor, task);
  g_signal_handlers_disconnect_by_data (reconnect->supervisor, container);
  bothy_supervisor_close (reconnect->supervisor);
  clear_earlier_run (reconnect->runner, container, was_running (container) || container->exited);
  g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static void
on_exited (BothySupervisor *supervisor, const struct supervisor_message *message, gpointer user_data)
{
  bothy_container_set_exited (user_data, message->code, message->signal,
                              (message->flags & SUPERVISOR_FLAG_REBOOT) != 0);
}

static void
on_limited (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  if (!bothy_cgroup_manager_limit_finish (BOTHY_CGROUP_MANAGER (source), result, &error))
    g_debug ("Limits of a container that was found: %s", error->message);
}

static void
on_plugged (GObject *source, GAsyncResult *result, gpointer user_data)
{
  bothy_plugs_finish (BOTHY_PLUGS (source), result);
}

static void
on_hello (BothySupervisor *supervisor, const struct supervisor_message *message, gpointer user_data)
{
  GTask *task = user_data;
  Reconnect *reconnect = g_task_get_task_data (task);
  BothyContainer *container = reconnect->container;

  if (message->state == SUPERVISOR_STATE_EXITED) {
    g_signal_handlers_disconnect_by_data (supervisor, container);
    /* EXITED follows at once, and then "closed" or the timeout: until then it may not be deleted. */
    g_signal_connect_object (supervisor, "exited", G_CALLBACK (on_exited), container, 0);
    return;
  }
  if (message->state != SUPERVISOR_STATE_RUNNING && message->state != SUPERVISOR_STATE_FROZEN) {
    /* Half started; left alone, it ends. */
    give_up_on_supervisor (task);
    return;
  }
  g_signal_handlers_disconnect_by_data (supervisor, task);
  g_signal_handlers_disconnect_by_data (supervisor, container);
  bothy_runner_follow (reconnect->runner, container, supervisor,
                       (int)bothy_container_check_pid (container, message->pid), message->value);
  if (message->state == SUPERVISOR_STATE_FROZEN)
    bothy_container_set_state (container, BOTHY_CONTAINER_FROZEN);
  announce_processes (container, message);
  /* An earlier broker may have written them down, and no more. */
  bothy_runner_limit (reconnect->runner, container, on_limited, NULL);
  bothy_cgroup_manager_describe (reconnect->runner->cgroups, container->group, container->id);
  bothy_network_repair_begin (reconnect->runner->repair, container);
  /* What was plugged in is known to nobody any more. */
  bothy_plugs_begin (reconnect->runner->plugs, container, supervisor, FALSE, on_plugged, NULL);
  g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static void
on_no_hello (BothySupervisor *supervisor, gpointer user_data)
{
  give_up_on_supervisor (user_data);
}

static gboolean
on_timeout (gpointer user_data)
{
  ((Reconnect *)g_task_get_task_data (user_data))->timer = 0;
  give_up_on_supervisor (user_data);
  return G_SOURCE_REMOVE;
}

void
bothy_runner_reconnect (BothyRunner *self,
                        BothyContainer *container,
                        GAsyncReadyCallback callback,
                        gpointer user_data)
{
  g_autoptr (GSocket) socket = bothy_supervisor_socket_connect (self->sockets_fd, container->id);
  GTask *task = g_task_new (self, NULL, callback, user_data);
  Reconnect *reconnect;

  if (!socket) {
    /* A supervisor stays until it has told a bothyd how the container ended. So if its socket is there and
       nobody listens at it, the supervisor was killed. After a reboot the socket is gone, too. */
    clear_earlier_run (self, container,
                       was_running (container) &&
                           bothy_supervisor_socket_exists (self->sockets_fd, container->id));
    g_task_return_boolean (task, FALSE);
    g_object_unref (task);
    return;
  }
  /* Whatever its record says: that may be from before it was started. */
  bothy_container_set_written (container);
  reconnect = g_new0 (Reconnect, 1);
  reconnect->runner = g_object_ref (self);
  reconnect->container = g_object_ref (container);
  reconnect->supervisor = bothy_supervisor_new (socket, container->owner);
  reconnect->timer = g_timeout_add_seconds (HELLO_SECONDS, on_timeout, task);
  g_task_set_task_data (task, reconnect, (GDestroyNotify)reconnect_free);
  g_signal_connect (reconnect->supervisor, "hello", G_CALLBACK (on_hello), task);
  g_signal_connect (reconnect->supervisor, "closed", G_CALLBACK (on_no_hello), task);
}

void
bothy_runner_reconnect_finish (BothyRunner *self, GAsyncResult *result)
{
  g_task_propagate_boolean (G_TASK (result), NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Starting a container. Much of it runs side by side:
 *
 *   userns, ─┬─→ nic ────────────────────────────────┐
 *   netns    ├─→ spawn ─┬─→ group given away, limits ──┼─→ addresses ─→ START (the first process)
 *   group  ──┘          │                              │
 *   idmap ────→ mount ──┴─→ PREPARE (the root) ────────┘
 *
 * bothy_start_advance() sends what has become possible; every answer comes back to it.
 */
#include "core/container/start-private.h"

#include "base/error.h"
#include "base/fault.h"
#include "core/container/network.h"
#include "core/ids/ranges.h"
#include "base/fd.h"
#include "platform/packet.h"

#include <errno.h>
#include <string.h>

#define START_SECONDS 120 /* more than all steps together are given elsewhere */

static void
start_free (BothyStart *start)
{
  if (start->timer)
    g_source_remove (start->timer);
  bothy_clear_fd (&start->listen_fd);
  bothy_clear_fd (&start->their_fd);
  g_clear_object (&start->stdio);
  g_clear_object (&start->supervisor);
  g_clear_object (&start->layers);
  g_clear_object (&start->namespaces);
  g_clear_object (&start->join);
  g_clear_pointer (&start->group, bothy_cgroup_free);
  g_clear_error (&start->error);
  g_object_unref (start->container);
  g_object_unref (start->runner);
  g_object_unref (start->task);
  g_free (start);
}

void
bothy_start_fail (BothyStart *start, GError *error)
{
  if (!start->error)
    start->error = error;
  else
    g_error_free (error);
}

/* Nothing is under way any more: undo what was done. */
static void
give_up (BothyStart *start)
{
  BothyContainer *container = start->container;

  if (start->supervisor)
    bothy_supervisor_close (start->supervisor);
  if (start->group) {
    bothy_cgroup_manager_kill (start->runner->cgroups, start->group->path);
    bothy_cgroup_manager_remove (start->runner->cgroups, start->group->path);
    container->group = (g_free (container->group), g_strdup (""));
  }
  bothy_runner_leave_network (start->runner, container);
  bothy_runner_forget_socket (start->runner, container);
  bothy_error_adopt (&start->error, "Starting");
  g_prefix_error (&start->error, "Container %s: ", container->spec->name);
  g_free (container->last_error);
  container->last_error = g_strdup (start->error->message);
  bothy_runner_save (start->runner, container);
  bothy_container_set_state (container, BOTHY_CONTAINER_FAILED);
  g_task_return_error (start->task, g_steal_pointer (&start->error));
  start_free (start);
}

void
bothy_start_succeed (BothyStart *start, const struct supervisor_message *reply)
{
  BothyContainer *container = start->container;

  container->shutdown_signal = container->spec->stop_signal ? container->spec->stop_signal : reply->value;
  container->started_at = g_get_real_time ();
  container->last_error = (g_free (container->last_error), g_strdup (""));
  bothy_runner_set_leader (container, reply->pid);
  bothy_runner_follow (start->runner, container, start->supervisor);
  bothy_container_set_state (container, BOTHY_CONTAINER_RUNNING);
  g_task_return_boolean (start->task, TRUE);
  bothy_runner_catch_up (start->runner, container);
  /* After the caller has been answered: it only says since when it runs. */
  bothy_runner_save (start->runner, container);
  /* Who starts one may start another. Not before: making a group takes the processors from this start. */
  bothy_runner_describe_group (start->runner, container);
  bothy_runner_prepare (start->runner, container->owner);
  start_free (start);
}

/*
 * The supervisor answers in order: what the nic needs goes right behind PREPARE. Both keep it busy for longer
 * than the disk does us with the record: who comes after us has to find the group before a container is in
 * it.
 */
static void
prepare (BothyStart *start)
{
  bothy_start_send_prepare (start);
  if (!start->error && start->join)
    bothy_container_network_proceed (start->join);
  if (!start->error)
    bothy_runner_save (start->runner, start->container);
}

/* What waits for the supervisor ends at once, and comes back here; the last one to leave is our caller. */
static void
break_off (BothyStart *start)
{
  start->pending++;
  if (start->supervisor)
    bothy_supervisor_close (start->supervisor);
  if (start->join)
    bothy_container_network_proceed (start->join);
  start->pending--;
}

void
bothy_start_advance (BothyStart *start)
{
  if (!start->error && start->namespaces && start->group && !start->spawn_sent)
    bothy_start_spawn (start);
  if (!start->error && start->spawned && start->layers && !start->prepare_sent)
    prepare (start);
  if (!start->error && start->prepare_sent && start->networked && start->settled && !start->start_sent) {
    bothy_container_emit_beginning (start->container, start->supervisor);
    bothy_start_send_start (start);
  }
  if (start->error)
    break_off (start);
  if (start->error && start->pending == 0)
    give_up (start);
}

/* A supervisor that stands still. */
static gboolean
on_deadline (gpointer user_data)
{
  BothyStart *start = user_data;

  start->timer = 0;
  bothy_start_fail (start, g_error_new (BOTHY_ERROR, BOTHY_ERROR_START_FAILED,
                                        "it took longer than %d seconds", START_SECONDS));
  bothy_start_advance (start);
  return G_SOURCE_REMOVE;
}

static gboolean
make_sockets (BothyStart *start, GError **error)
{
  g_autoptr (GSocket) ours = NULL;

  start->listen_fd = bothy_runner_listen (start->runner, start->container);
  if (start->listen_fd < 0) {
    bothy_error_set_errno (error, errno, RUNTIME_DIR "/supervisors");
    return FALSE;
  }
  if (!bothy_packet_socketpair (&ours, &start->their_fd, error))
    return FALSE;
  start->supervisor = bothy_supervisor_new (ours);
  return TRUE;
}

void
bothy_runner_start (BothyRunner *self,
                    BothyContainer *container,
                    GUnixFDList *stdio,
                    GAsyncReadyCallback callback,
                    gpointer user_data)
{
  BothyStart *start = g_new0 (BothyStart, 1);
  GError *error = NULL;

  start->runner = g_object_ref (self);
  start->container = g_object_ref (container);
  start->task = g_task_new (self, NULL, callback, user_data);
  start->stdio = stdio ? g_object_ref (stdio) : NULL;
  start->listen_fd = start->their_fd = -1;
  container->exited = container->stopping = container->reboot = container->join_due = FALSE;
  bothy_container_set_state (container, BOTHY_CONTAINER_STARTING);
  if (!bothy_ranges_check_listed (container->range_base, &error) || !make_sockets (start, &error)) {
    bothy_start_fail (start, error);
    give_up (start);
    return;
  }
  start->timer = g_timeout_add_seconds (START_SECONDS, on_deadline, start);
  BOTHY_FAULT_POINT ("start.listening");
  if (bothy_container_wants_network (start->container))
    bothy_network_prepare (self->network);
  bothy_start_request_namespaces (start);
  bothy_start_request_group (start);
}

gboolean
bothy_runner_start_finish (BothyRunner *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

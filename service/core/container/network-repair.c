/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Looking after the nics of containers that run, one time after the other for each of them: whoever comes
   second finds what the first one made, and what the container may reach by then. */
#include "core/container/runner-private.h"

#include "core/container/network.h"

static void
release (BothyContainer *container)
{
  GTask *task;

  while ((task = g_queue_pop_head (&container->join_waiting))) {
    g_task_return_boolean (task, TRUE);
    g_object_unref (task);
  }
}

typedef struct {
  BothyRunner *runner;
  BothyContainer *container;
} Rejoin;

static void
on_joined (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree Rejoin *rejoin = user_data;
  g_autoptr (BothyRunner) self = rejoin->runner;
  g_autoptr (BothyContainer) container = rejoin->container;

  bothy_container_network_finish (result);
  container->joining = FALSE;
  bothy_runner_catch_up (self, container);
  if (!container->joining)
    release (container);
}

void
bothy_runner_catch_up (BothyRunner *self, BothyContainer *container)
{
  Rejoin *rejoin;

  if (!container->join_due || container->joining || !container->supervisor)
    return;
  container->join_due = FALSE;
  container->joining = TRUE;
  rejoin = g_new0 (Rejoin, 1);
  rejoin->runner = g_object_ref (self);
  rejoin->container = g_object_ref (container);
  bothy_container_network_again (self->network, self->admission, container, container->supervisor, on_joined,
                                 rejoin);
}

void
bothy_runner_join_network (BothyRunner *self, BothyContainer *container)
{
  container->join_due = bothy_container_wants_network (container);
  bothy_runner_catch_up (self, container);
}

void
bothy_runner_await_network (BothyRunner *self,
                            BothyContainer *container,
                            GAsyncReadyCallback callback,
                            gpointer user_data)
{
  g_queue_push_tail (&container->join_waiting, g_task_new (self, NULL, callback, user_data));
  if (!container->joining)
    release (container);
}

void
bothy_runner_await_network_finish (BothyRunner *self, GAsyncResult *result)
{
  g_task_propagate_boolean (G_TASK (result), NULL);
}

void
bothy_runner_leave_network (BothyRunner *self, BothyContainer *container)
{
  const char *none[] = { NULL };

  container->join_due = FALSE;
  if (*container->nic)
    bothy_network_detach (self->network, container->nic, container->owner);
  bothy_container_set_nic (container, "");
  bothy_container_set_network (container, none, "");
}

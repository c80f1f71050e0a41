/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "workers/worker.h"

#include "base/error.h"
#include "platform/untrusted-fd.h"

#define MAX_AT_ONCE 16 /* packets: one that never stops must not keep others waiting */
#define MAX_SHOWN   512

void
bothy_worker_clear (BothyWorker *self)
{
  if (self->source)
    g_source_destroy (self->source);
  g_clear_pointer (&self->source, g_source_unref);
  g_clear_object (&self->socket);
}

void
bothy_worker_end (GTask *task, gpointer result, GDestroyNotify free_result, GError *error)
{
  BothyWorker *self = g_task_get_task_data (task);
  GCancellable *cancellable = g_task_get_cancellable (task);

  if (self->source)
    g_source_destroy (self->source);
  g_clear_object (&self->socket);
  if (cancellable && self->cancelled)
    g_signal_handler_disconnect (cancellable, self->cancelled);
  self->cancelled = 0;
  if (error && result)
    free_result (result);
  if (error)
    g_task_return_error (task, error);
  else
    g_task_return_pointer (task, result, free_result);
  g_object_unref (task);
}

/* A parser that has been taken over sends what it likes. */
static gboolean
may_take (const BothyWorker *self, const BothyPacket *packet)
{
  return g_unix_fd_list_get_length (packet->fds) == 0 ||
         (self->takes_fds && bothy_untrusted_fds_may_take (packet->fds, self->user));
}

static gboolean
on_readable (GSocket *socket, GIOCondition condition, gpointer user_data)
{
  g_autoptr (GTask) task = g_object_ref (user_data);
  BothyWorker *self = g_task_get_task_data (task);

  for (guint i = 0; self->socket && i < MAX_AT_ONCE; i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (BothyPacket) packet =
        bothy_packet_receive (self->socket, self->max_packet, TRUE, self->user, &error);

    if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
      return G_SOURCE_CONTINUE;
    if (packet && may_take (self, packet))
      self->handle (task, packet);
    else
      bothy_worker_end (
          task, NULL, NULL,
          g_error_new (BOTHY_ERROR, BOTHY_ERROR_FAILED, "%s ended unexpectedly", self->program));
  }
  return self->socket ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

void
bothy_worker_listen (GTask *task)
{
  BothyWorker *self = g_task_get_task_data (task);

  self->source = g_socket_create_source (self->socket, G_IO_IN, NULL);
  g_source_set_callback (self->source, G_SOURCE_FUNC (on_readable), task, NULL);
  g_source_attach (self->source, NULL);
}

static gboolean
on_cancelled_idle (gpointer user_data)
{
  BothyWorker *self = g_task_get_task_data (user_data);

  if (self->socket)
    bothy_worker_end (user_data, NULL, NULL, g_error_new (BOTHY_ERROR, BOTHY_ERROR_CANCELLED, "Cancelled"));
  return G_SOURCE_REMOVE;
}

static void
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  /* Not from within the handler: disconnecting there would wait for itself. */
  g_idle_add_full (G_PRIORITY_DEFAULT, on_cancelled_idle, g_object_ref (user_data), g_object_unref);
}

void
bothy_worker_watch (GTask *task)
{
  BothyWorker *self = g_task_get_task_data (task);
  GCancellable *cancellable = g_task_get_cancellable (task);

  if (!cancellable)
    return;
  self->cancelled = g_signal_connect (cancellable, "cancelled", G_CALLBACK (on_cancelled), task);
  if (g_cancellable_is_cancelled (cancellable))
    on_cancelled (cancellable, task);
}

char *
bothy_worker_readable (const char *text, gsize size)
{
  g_autofree char *cut = g_strndup (text, MIN (size, MAX_SHOWN));

  return *cut ? g_strescape (cut, "\"") : g_strdup ("no reason was given");
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "platform/packet-client.h"

#include "base/error.h"

/* Packets that are taken at one time: one peer that never stops sending must not keep all others waiting. */
#define MAX_AT_ONCE 16

struct _BothyPacketClient {
  gatomicrefcount references;
  char *name;
  GSocket *socket;
  GSource *source;
  gsize max_packet;
  GHashTable *tasks; /* serial → GTask */
  guint32 serial;
  BothyPacketClientPacketFunc on_packet;
  BothyPacketClientClosedFunc on_closed; /* NULL: its owner has closed it, and may be gone */
  gpointer user_data;
};

guint32
bothy_packet_client_next_serial (BothyPacketClient *self)
{
  return ++self->serial;
}

gboolean
bothy_packet_client_send (BothyPacketClient *self,
                          guint32 serial,
                          gconstpointer head,
                          gsize head_size,
                          gconstpointer text,
                          gsize text_size,
                          GUnixFDList *fds,
                          GTask *task,
                          GError **error)
{
  if (!self->socket) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_FAILED, "%s is gone", self->name);
    return FALSE;
  }
  if (!bothy_packet_send (self->socket, head, head_size, text, text_size, fds, error)) {
    bothy_error_adopt (error, self->name);
    return FALSE;
  }
  g_hash_table_insert (self->tasks, GUINT_TO_POINTER (serial), task);
  return TRUE;
}

void
bothy_packet_client_resolve (BothyPacketClient *self, guint32 serial, BothyPacket *packet)
{
  gpointer task;

  if (!g_hash_table_steal_extended (self->tasks, GUINT_TO_POINTER (serial), NULL, &task))
    return;
  g_task_return_pointer (task, bothy_packet_copy (packet), (GDestroyNotify)bothy_packet_free);
  g_object_unref (task);
}

static void
drop (BothyPacketClient *self)
{
  g_autoptr (GHashTable) tasks = g_steal_pointer (&self->tasks);
  GHashTableIter iter;
  gpointer task;

  self->tasks = g_hash_table_new_full (NULL, NULL, NULL, g_object_unref);
  if (self->source)
    g_source_destroy (self->source);
  g_clear_pointer (&self->source, g_source_unref);
  g_clear_object (&self->socket);
  g_hash_table_iter_init (&iter, tasks);
  while (g_hash_table_iter_next (&iter, NULL, &task))
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_START_FAILED, "%s ended", self->name);
}

void
bothy_packet_client_close (BothyPacketClient *self)
{
  self->on_closed = NULL;
  drop (self);
}

static gboolean
on_readable (GSocket *socket, GIOCondition condition, gpointer user_data)
{
  g_autoptr (BothyPacketClient) self = bothy_packet_client_ref (user_data);

  for (guint i = 0; self->socket == socket && i < MAX_AT_ONCE; i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (BothyPacket) packet = bothy_packet_receive (socket, self->max_packet, &error);

    if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
      return G_SOURCE_CONTINUE;
    /* The other end went without having read all of ours. The kernel says so once, ahead of what it still sent. */
    if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED))
      continue;
    if (packet)
      self->on_packet (self, packet, self->user_data);
    else {
      /* Whoever waited for a reply hears of it first, and may let go of the owner. */
      drop (self);
      if (self->on_closed)
        self->on_closed (self, self->user_data);
    }
  }
  return self->socket == socket ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

BothyPacketClient *
bothy_packet_client_ref (BothyPacketClient *self)
{
  g_atomic_ref_count_inc (&self->references);
  return self;
}

void
bothy_packet_client_unref (BothyPacketClient *self)
{
  if (!g_atomic_ref_count_dec (&self->references))
    return;
  bothy_packet_client_close (self);
  g_hash_table_unref (self->tasks);
  g_free (self->name);
  g_free (self);
}

BothyPacketClient *
bothy_packet_client_new (GSocket *socket,
                         const char *name,
                         gsize max_packet,
                         BothyPacketClientPacketFunc on_packet,
                         BothyPacketClientClosedFunc on_closed,
                         gpointer user_data)
{
  BothyPacketClient *self = g_new0 (BothyPacketClient, 1);

  g_atomic_ref_count_init (&self->references);
  self->name = g_strdup (name);
  self->socket = g_object_ref (socket);
  self->max_packet = max_packet;
  self->tasks = g_hash_table_new_full (NULL, NULL, NULL, g_object_unref);
  self->on_packet = on_packet;
  self->on_closed = on_closed;
  self->user_data = user_data;
  self->source = g_socket_create_source (socket, G_IO_IN, NULL);
  g_source_set_callback (self->source, G_SOURCE_FUNC (on_readable), self, NULL);
  g_source_attach (self->source, NULL);
  return self;
}

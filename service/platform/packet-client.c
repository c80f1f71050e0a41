/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "platform/packet-client.h"

#include "base/error.h"
#include "platform/untrusted-fd.h"

/* Packets that are taken at one time: one peer that never stops sending must not keep all others waiting. */
#define MAX_AT_ONCE 16

/* Packets that wait until the other end has read what was sent before; each may hold file descriptors. */
#define MAX_UNSENT 256

struct _BothyPacketClient {
  gatomicrefcount references;
  char *name;
  GSocket *socket;
  GSource *source;
  gsize max_packet;
  GHashTable *tasks; /* serial → GTask */
  GQueue *unsent;    /* Unsent *: the socket's buffer was full, in order */
  GSource *writable; /* while there are some */
  gboolean untrusted;
  guint32 owner; /* whom the other end runs for, if it is untrusted */
  gboolean gone; /* sending said that nobody reads any more */
  guint32 serial;
  BothyPacketClientPacketFunc on_packet;
  BothyPacketClientClosedFunc on_closed; /* NULL: its owner has closed it, and may be gone */
  gpointer user_data;
};

typedef struct {
  guint32 serial;
  GByteArray *bytes;
  GUnixFDList *fds; /* or NULL */
} Unsent;

static void
unsent_free (gpointer data)
{
  Unsent *unsent = data;

  g_byte_array_unref (unsent->bytes);
  g_clear_object (&unsent->fds);
  g_free (unsent);
}

static void
stop_writing (BothyPacketClient *self)
{
  g_queue_clear_full (self->unsent, unsent_free);
  if (self->writable)
    g_source_destroy (self->writable);
  g_clear_pointer (&self->writable, g_source_unref);
}

gboolean
bothy_packet_client_is_gone (BothyPacketClient *self)
{
  return !self->socket || self->gone;
}

static gboolean
send_now (BothyPacketClient *self,
          gconstpointer head,
          gsize head_size,
          gconstpointer text,
          gsize text_size,
          GUnixFDList *fds,
          GError **error)
{
  g_autoptr (GError) local_error = NULL;

  if (bothy_packet_send (self->socket, head, head_size, text, text_size, fds, &local_error))
    return TRUE;
  if (g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED) ||
      g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED))
    self->gone = TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

/* SERIAL could not be sent, as ERROR (taken over) says. */
static void
fail (BothyPacketClient *self, guint32 serial, GError *error)
{
  gpointer task;

  bothy_error_adopt (&error, self->name);
  if (g_hash_table_steal_extended (self->tasks, GUINT_TO_POINTER (serial), NULL, &task)) {
    g_task_return_error (task, error);
    g_object_unref (task);
  } else
    g_error_free (error);
}

static gboolean
on_writable (GSocket *socket, GIOCondition condition, gpointer user_data)
{
  g_autoptr (BothyPacketClient) self = bothy_packet_client_ref (user_data);
  Unsent *unsent;

  /* Who is told of a failure may close the connection. */
  while (self->socket == socket && (unsent = g_queue_peek_head (self->unsent))) {
    GError *error = NULL;
    guint32 serial = unsent->serial;

    if (!send_now (self, unsent->bytes->data, unsent->bytes->len, NULL, 0, unsent->fds, &error) &&
        g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) {
      g_error_free (error);
      return G_SOURCE_CONTINUE;
    }
    unsent_free (g_queue_pop_head (self->unsent));
    if (error)
      fail (self, serial, error);
  }
  if (self->socket == socket)
    stop_writing (self);
  return G_SOURCE_REMOVE;
}

static void
keep_for_later (BothyPacketClient *self,
                guint32 serial,
                gconstpointer head,
                gsize head_size,
                gconstpointer text,
                gsize text_size,
                GUnixFDList *fds)
{
  Unsent *unsent = g_new0 (Unsent, 1);

  unsent->serial = serial;
  unsent->bytes = g_byte_array_new ();
  g_byte_array_append (unsent->bytes, head, (guint)head_size);
  if (text_size > 0)
    g_byte_array_append (unsent->bytes, text, (guint)text_size);
  unsent->fds = fds ? g_object_ref (fds) : NULL;
  g_queue_push_tail (self->unsent, unsent);
  if (self->writable)
    return;
  self->writable = g_socket_create_source (self->socket, G_IO_OUT, NULL);
  g_source_set_callback (self->writable, G_SOURCE_FUNC (on_writable), self, NULL);
  g_source_attach (self->writable, NULL);
}

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
  g_autoptr (GError) local_error = NULL;

  if (!self->socket) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_FAILED, "%s is gone", self->name);
    return FALSE;
  }
  if (g_queue_get_length (self->unsent) >= MAX_UNSENT) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_BUSY, "%s has too much to do; try again", self->name);
    return FALSE;
  }
  if (!g_queue_is_empty (self->unsent) ||
      !send_now (self, head, head_size, text, text_size, fds, &local_error)) {
    if (local_error && !g_error_matches (local_error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) {
      g_propagate_error (error, g_steal_pointer (&local_error));
      bothy_error_adopt (error, self->name);
      return FALSE;
    }
    /* Its buffer is full, which says nothing against the other end. */
    keep_for_later (self, serial, head, head_size, text, text_size, fds);
  }
  g_hash_table_insert (self->tasks, GUINT_TO_POINTER (serial), task);
  return TRUE;
}

gboolean
bothy_packet_client_resolve (BothyPacketClient *self, guint32 serial, BothyPacket *packet)
{
  gpointer task;

  if (!g_hash_table_steal_extended (self->tasks, GUINT_TO_POINTER (serial), NULL, &task))
    return FALSE;
  g_task_return_pointer (task, bothy_packet_copy (packet), (GDestroyNotify)bothy_packet_free);
  g_object_unref (task);
  return TRUE;
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
  stop_writing (self);
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

/* Whoever waited for a reply hears of it first, and may let go of the owner. */
void
bothy_packet_client_hang_up (BothyPacketClient *self)
{
  drop (self);
  if (self->on_closed)
    self->on_closed (self, self->user_data);
}

static gboolean
may_take (BothyPacketClient *self, const BothyPacket *packet)
{
  return !self->untrusted || g_unix_fd_list_get_length (packet->fds) == 0 ||
         (g_hash_table_size (self->tasks) > 0 && bothy_untrusted_fds_may_take (packet->fds, self->owner));
}

static gboolean
on_readable (GSocket *socket, GIOCondition condition, gpointer user_data)
{
  g_autoptr (BothyPacketClient) self = bothy_packet_client_ref (user_data);

  for (guint i = 0; self->socket == socket && i < MAX_AT_ONCE; i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (BothyPacket) packet =
        bothy_packet_receive (socket, self->max_packet, self->untrusted, self->owner, &error);

    if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
      return G_SOURCE_CONTINUE;
    /* The other end went without having read all of ours. The kernel says so once, ahead of what it still sent. */
    if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED))
      continue;
    if (packet && may_take (self, packet))
      self->on_packet (self, packet, self->user_data);
    else
      bothy_packet_client_hang_up (self);
  }
  return self->socket == socket ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

void
bothy_packet_client_distrust (BothyPacketClient *self, guint32 owner)
{
  self->owner = owner;
  self->untrusted = TRUE;
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
  g_queue_free (self->unsent);
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
  self->unsent = g_queue_new ();
  self->on_packet = on_packet;
  self->on_closed = on_closed;
  self->user_data = user_data;
  self->source = g_socket_create_source (socket, G_IO_IN, NULL);
  g_source_set_callback (self->source, G_SOURCE_FUNC (on_readable), self, NULL);
  g_source_attach (self->source, NULL);
  return self;
}

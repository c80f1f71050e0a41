/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "platform/packet-client.h"

#include "base/error.h"

#include <gio/gunixfdlist.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
  guint packets;
  gboolean closed;
} Seen;

static void
on_packet (BothyPacketClient *peer, BothyPacket *packet, gpointer user_data)
{
  ((Seen *)user_data)->packets++;
}

static void
on_closed (BothyPacketClient *peer, gpointer user_data)
{
  ((Seen *)user_data)->closed = TRUE;
}

/* A supervisor that ends says how, and may not have read what the broker asked for meanwhile. */
static void
test_last_words (gconstpointer unread)
{
  g_autoptr (GSocket) ours = NULL;
  BothyPacketClient *peer;
  Seen seen = { 0 };
  int theirs;

  g_assert_true (bothy_packet_socketpair (&ours, &theirs, NULL));
  if (unread)
    g_assert_cmpint (send (g_socket_get_fd (ours), "unread", 6, MSG_NOSIGNAL), ==, 6);
  g_assert_cmpint (send (theirs, "exited", 6, MSG_NOSIGNAL), ==, 6);
  close (theirs);
  peer = bothy_packet_client_new (ours, "The other", 64, on_packet, on_closed, &seen);
  while (!seen.closed)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (seen.packets, ==, 1);
  bothy_packet_client_unref (peer);
}

typedef struct {
  BothyPacketClient *peer;
  gboolean failed;
} Owner;

static void
on_failed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Owner *owner = user_data;

  g_assert_null (g_task_propagate_pointer (G_TASK (result), NULL));
  bothy_packet_client_close (owner->peer);
  g_clear_pointer (&owner->peer, bothy_packet_client_unref);
  owner->failed = TRUE;
}

static void
on_unexpectedly_closed (BothyPacketClient *peer, gpointer user_data)
{
  g_assert_not_reached ();
}

/* A start that fails because its supervisor died lets go of everything at once. */
static void
test_owner_goes_first (void)
{
  g_autoptr (GSocket) ours = NULL;
  g_autoptr (GError) error = NULL;
  Owner owner = { 0 };
  int theirs;

  g_assert_true (bothy_packet_socketpair (&ours, &theirs, NULL));
  owner.peer = bothy_packet_client_new (ours, "The other", 64, on_packet, on_unexpectedly_closed, &owner);
  g_assert_true (bothy_packet_client_send (owner.peer, 1, "ask", 3, NULL, 0, NULL,
                                           g_task_new (NULL, NULL, on_failed, &owner), &error));
  close (theirs);
  while (!owner.failed)
    g_main_context_iteration (NULL, TRUE);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
}

static gboolean
on_other_source (gpointer user_data)
{
  *(gboolean *)user_data = TRUE;
  return G_SOURCE_REMOVE;
}

static void
on_packet_with_another (BothyPacketClient *peer, BothyPacket *packet, gpointer user_data)
{
  int theirs = *(int *)user_data;

  /* It never stops. */
  g_assert_cmpint (send (theirs, "more", 4, MSG_NOSIGNAL), ==, 4);
}

/* Nobody waits for a peer that never stops talking. */
static void
test_chatterbox (void)
{
  g_autoptr (GSocket) ours = NULL;
  gboolean served = FALSE;
  BothyPacketClient *peer;
  int theirs;

  g_assert_true (bothy_packet_socketpair (&ours, &theirs, NULL));
  peer = bothy_packet_client_new (ours, "The other", 64, on_packet_with_another, on_closed, &theirs);
  g_assert_cmpint (send (theirs, "first", 5, MSG_NOSIGNAL), ==, 5);
  g_timeout_add (1, on_other_source, &served);
  while (!served)
    g_main_context_iteration (NULL, TRUE);
  bothy_packet_client_unref (peer);
  close (theirs);
}

typedef struct {
  guint n;      /* answered, in order */
  guint failed; /* because it ended */
} Answers;

static void
on_answered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyPacket) packet = g_task_propagate_pointer (G_TASK (result), NULL);
  Answers *answers = user_data;
  guint32 serial;

  if (!packet) {
    answers->failed++;
    return;
  }
  memcpy (&serial, packet->data, sizeof serial);
  g_assert_cmpuint (serial, ==, ++answers->n);
}

static void
on_reply (BothyPacketClient *peer, BothyPacket *packet, gpointer user_data)
{
  guint32 serial;

  memcpy (&serial, packet->data, sizeof serial);
  bothy_packet_client_resolve (peer, serial, packet);
}

/* Requests of 4 KiB until PEER takes no more; their number. */
static guint
ask_until_busy (BothyPacketClient *peer, Answers *answers)
{
  g_autofree char *text = g_malloc0 (4096);
  g_autoptr (GError) error = NULL;
  guint n = 0;

  for (;;) {
    guint32 serial = bothy_packet_client_next_serial (peer);
    GTask *task = g_task_new (NULL, NULL, on_answered, answers);

    if (!bothy_packet_client_send (peer, serial, &serial, sizeof serial, text, 4096, NULL, task, &error)) {
      g_object_unref (task);
      break;
    }
    n++;
  }
  g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_BUSY);
  return n;
}

/* One that has so much to do that it does not read now is not gone: who asked first still hears, and so do those who
   asked after the socket was full. */
static void
test_full (gconstpointer dies)
{
  g_autoptr (GSocket) ours = NULL;
  g_autofree char *buffer = g_malloc (8192);
  BothyPacketClient *peer;
  Answers answers = { 0 };
  Seen seen = { 0 };
  guint asked;
  int theirs;

  g_assert_true (bothy_packet_socketpair (&ours, &theirs, NULL));
  peer = bothy_packet_client_new (ours, "The other", 64, on_reply, on_closed, &seen);
  asked = ask_until_busy (peer, &answers);
  g_assert_cmpuint (asked, >, 256);
  g_assert_false (bothy_packet_client_is_gone (peer));
  for (guint i = 0; !dies && i < asked; i++) {
    while (recv (theirs, buffer, 8192, MSG_DONTWAIT) < 0)
      g_main_context_iteration (NULL, TRUE);
    g_assert_cmpint (send (theirs, buffer, sizeof (guint32), MSG_NOSIGNAL), ==, sizeof (guint32));
    while (g_main_context_iteration (NULL, FALSE))
      continue;
  }
  close (theirs);
  while (answers.n + answers.failed < asked)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (answers.failed, ==, dies ? asked : 0);
  bothy_packet_client_unref (peer);
}

/* An empty packet is like an end, but may bring descriptors along. */
static void
test_empty_with_fds (void)
{
  g_autoptr (GSocket) ours = NULL;
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (GSocket) sender = NULL;
  g_autoptr (BothyPacket) packet = NULL;
  int theirs, before, after, fd;

  g_assert_true (bothy_packet_socketpair (&ours, &theirs, NULL));
  sender = g_socket_new_from_fd (theirs, NULL);
  fd = dup (theirs);
  g_assert_cmpint (g_unix_fd_list_append (fds, fd, NULL), ==, 0);
  before = dup (fd);
  close (before);
  g_assert_true (bothy_packet_send (sender, "", 0, NULL, 0, fds, NULL));
  packet = bothy_packet_receive (ours, 64, FALSE, 0, NULL);
  g_assert_null (packet);
  after = dup (fd);
  g_assert_cmpint (after, ==, before);
  close (after);
  close (fd);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/packet-client/last-words", NULL, test_last_words);
  g_test_add_data_func ("/packet-client/last-words/unread", "unread", test_last_words);
  g_test_add_func ("/packet-client/owner-goes-first", test_owner_goes_first);
  g_test_add_func ("/packet-client/chatterbox", test_chatterbox);
  g_test_add_data_func ("/packet-client/full", NULL, test_full);
  g_test_add_data_func ("/packet-client/full/dies", "dies", test_full);
  g_test_add_func ("/packet-client/empty-with-fds", test_empty_with_fds);
  return g_test_run ();
}

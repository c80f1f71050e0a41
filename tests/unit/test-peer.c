/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "platform/peer.h"

#include <sys/socket.h>
#include <unistd.h>

typedef struct {
  guint packets;
  gboolean closed;
} Seen;

static void
on_packet (BothyPeer *peer, BothyPacket *packet, gpointer user_data)
{
  ((Seen *) user_data)->packets++;
}

static void
on_closed (BothyPeer *peer, gpointer user_data)
{
  ((Seen *) user_data)->closed = TRUE;
}

/* A supervisor that ends says how, and may not have read what the broker asked for meanwhile. */
static void
test_last_words (gconstpointer unread)
{
  g_autoptr (GSocket) ours = NULL;
  BothyPeer *peer;
  Seen seen = { 0 };
  int theirs;

  g_assert_true (bothy_packet_socketpair (&ours, &theirs, NULL));
  if (unread)
    g_assert_cmpint (send (g_socket_get_fd (ours), "unread", 6, MSG_NOSIGNAL), ==, 6);
  g_assert_cmpint (send (theirs, "exited", 6, MSG_NOSIGNAL), ==, 6);
  close (theirs);
  peer = bothy_peer_new (ours, "The other", 64, on_packet, on_closed, &seen);
  while (!seen.closed)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (seen.packets, ==, 1);
  bothy_peer_unref (peer);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/peer/last-words", NULL, test_last_words);
  g_test_add_data_func ("/peer/last-words/unread", "unread", test_last_words);
  return g_test_run ();
}

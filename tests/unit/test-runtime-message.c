/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a supervisor makes of packets, whole and not. */

#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct wire {
  int ours, theirs;
};

static void
set_up (struct wire *wire, gconstpointer data)
{
  int pair[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), ==, 0);
  wire->ours = pair[0];
  wire->theirs = pair[1];
}

static void
tear_down (struct wire *wire, gconstpointer data)
{
  close (wire->ours);
  if (wire->theirs >= 0)
    close (wire->theirs);
}

static struct supervisor_message
head_for (uint32_t n_argv, uint32_t n_env)
{
  return (
      struct supervisor_message){ .type = SUPERVISOR_EXEC, .serial = 9, .n_argv = n_argv, .n_env = n_env };
}

static void
test_round_trip (struct wire *wire, gconstpointer data)
{
  static const char text[] = "user\0\0sh\0-c\0A=b";
  struct supervisor_message head = head_for (2, 1);
  struct packet_strings strings = { 0 };
  struct packet packet;

  g_assert_cmpint (packet_send (wire->theirs, &head, text, sizeof text, 0), ==, 0);
  g_assert_cmpint (packet_receive (wire->ours, &packet), ==, 1);
  g_assert_cmpuint (packet.n_fds, ==, 1);
  g_assert_cmpint (fcntl (packet.fds[0], F_GETFD), ==, FD_CLOEXEC);
  g_assert_cmpint (packet_split (&packet, 2, &strings), ==, 0);
  g_assert_cmpstr (strings.fixed[0], ==, "user");
  g_assert_cmpstr (strings.fixed[1], ==, "");
  g_assert_cmpstr (strings.argv[0], ==, "sh");
  g_assert_cmpstr (strings.argv[1], ==, "-c");
  g_assert_null (strings.argv[2]);
  g_assert_cmpstr (strings.env[0], ==, "A=b");
  g_assert_null (strings.env[1]);
  free (strings.all);
  packet_clear (&packet);
  g_assert_cmpint (packet_receive (wire->ours, &packet), ==, -EAGAIN);
  close (wire->theirs);
  wire->theirs = -1;
  g_assert_cmpint (packet_receive (wire->ours, &packet), ==, 0);
}

static void
test_check (void)
{
  char data[sizeof (struct supervisor_message) + 8] = { 0 };
  struct supervisor_message head = { .version = SUPERVISOR_PROTOCOL_VERSION, .text_size = 8 };

  memcpy (data, &head, sizeof head);
  g_assert_cmpint (packet_check (data, sizeof data), ==, 0);
  for (size_t size = 0; size < sizeof data; size++)
    g_assert_cmpint (packet_check (data, size), ==, -EBADMSG);
  data[sizeof data - 1] = 'x';
  g_assert_cmpint (packet_check (data, sizeof data), ==, -EBADMSG);
  head.version++;
  memcpy (data, &head, sizeof head);
  data[sizeof data - 1] = '\0';
  g_assert_cmpint (packet_check (data, sizeof data), ==, -EBADMSG);
}

static void
test_counts (struct wire *wire, gconstpointer data)
{
  static const struct {
    uint32_t n_argv, n_env;
  } wrong[] = {
    { 0, 0 }, { 2, 0 }, { 0, 2 }, { UINT32_MAX, UINT32_MAX }, { UINT32_MAX, 2 }, { 1, UINT32_MAX }
  };

  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++) {
    struct supervisor_message head = head_for (wrong[i].n_argv, wrong[i].n_env);
    struct packet_strings strings = { 0 };
    struct packet packet;

    g_assert_cmpint (packet_send (wire->theirs, &head, "u\0d\0a", 6, -1), ==, 0);
    g_assert_cmpint (packet_receive (wire->ours, &packet), ==, 1);
    g_assert_cmpint (packet_split (&packet, 2, &strings), ==, -EBADMSG);
    g_assert_null (strings.all);
  }
}

static void
test_malformed_keeps_no_fds (struct wire *wire, gconstpointer data)
{
  int fds[SUPERVISOR_MAX_FDS + 1];
  char control[CMSG_SPACE (sizeof fds)] = { 0 };
  struct iovec part = { (void *)"x", 1 };
  struct msghdr message = {
    .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
  };
  struct cmsghdr *c = CMSG_FIRSTHDR (&message);
  struct packet packet;
  int before = dup (0);

  for (size_t i = 0; i < G_N_ELEMENTS (fds); i++)
    fds[i] = 0;
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN (sizeof fds);
  memcpy (CMSG_DATA (c), fds, sizeof fds);
  g_assert_cmpint (sendmsg (wire->theirs, &message, 0), ==, 1);
  g_assert_cmpint (packet_receive (wire->ours, &packet), ==, -EBADMSG);
  g_assert_cmpuint (packet.n_fds, ==, 0);
  close (before);
  g_assert_cmpint (dup (0), ==, before);
  close (before);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/runtime/message/check", test_check);
  g_test_add ("/runtime/message/round-trip", struct wire, NULL, set_up, test_round_trip, tear_down);
  g_test_add ("/runtime/message/counts", struct wire, NULL, set_up, test_counts, tear_down);
  g_test_add ("/runtime/message/malformed", struct wire, NULL, set_up, test_malformed_keeps_no_fds,
              tear_down);
  return g_test_run ();
}

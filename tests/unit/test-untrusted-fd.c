/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "platform/untrusted-fd.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLOSERS 4     /* for what nobody is known to have sent */
#define ROOM    32768 /* of what waits for them */

/* A connection whose close(2) waits for who never reads. Its other end is RET_OTHER. */
static int
open_lingering (int *ret_other)
{
  static char data[1 << 16];
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  struct linger linger = { 1, 600 };
  socklen_t length = sizeof address;
  int listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (bind (listener, (struct sockaddr *)&address, sizeof address), ==, 0);
  g_assert_cmpint (listen (listener, 1), ==, 0);
  g_assert_cmpint (getsockname (listener, (struct sockaddr *)&address, &length), ==, 0);
  g_assert_cmpint (connect (fd, (struct sockaddr *)&address, sizeof address), ==, 0);
  *ret_other = accept4 (listener, NULL, NULL, SOCK_CLOEXEC);
  g_assert_cmpint (*ret_other, >=, 0);
  close (listener);
  g_assert_cmpint (setsockopt (fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), ==, 0);
  while (send (fd, data, sizeof data, MSG_DONTWAIT) > 0)
    continue;
  return fd;
}

static void
on_overrun (gpointer data)
{
  ++*(guint *)data;
}

/* It is one file each time: none of them is closed before this process ends. However they came, and though nobody who sends such files is let make a call: it is told, and once. */
static void
test_overrun (void)
{
  int file = memfd_create ("test", MFD_CLOEXEC);
  int others[CLOSERS];
  guint told = 0;

  bothy_untrusted_fds_set_overrun (on_overrun, &told);
  for (guint i = 0; i < CLOSERS; i++)
    bothy_untrusted_fd_close_of (open_lingering (&others[i]), NULL, FALSE);
  for (guint i = 0; i < ROOM; i++)
    bothy_untrusted_fd_close_of (file, NULL, FALSE);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  g_assert_cmpuint (told, ==, 0);
  for (guint i = 0; i < 10; i++)
    bothy_untrusted_fd_close_of (file, NULL, FALSE);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  g_assert_cmpuint (told, ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/untrusted-fd/DOS-02-overrun", test_overrun);
  return g_test_run ();
}

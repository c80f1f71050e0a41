/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "activation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_PASSED_FD 3

static bool
parse_number (const char *text, long *ret_number)
{
  char *end;

  if (text == NULL || text[0] < '0' || text[0] > '9')
    return false;
  errno = 0;
  *ret_number = strtol (text, &end, 10);
  return errno == 0 && *end == '\0' && *ret_number <= 1 << 20;
}

/* The socket that is listened on comes first; what was stored follows. */
static long
count_passed (void)
{
  long number;
  const char *pid = getenv ("LISTEN_PID");

  if (pid == NULL || strtol (pid, NULL, 10) != getpid () || !parse_number (getenv ("LISTEN_FDS"), &number))
    return 0;
  return number;
}

enum activation
activation_find (int argc, char **argv, int *ret_fd)
{
  long fd = FIRST_PASSED_FD;
  enum activation how = ACTIVATION_NONE;

  if (argc == 3 && strcmp (argv[1], "--connection") == 0 && parse_number (argv[2], &fd))
    how = ACTIVATION_CONNECTION;
  else if (argc == 1 && count_passed () > 0)
    how = ACTIVATION_LISTENING;
  if (how != ACTIVATION_NONE)
    fcntl ((int)fd, F_SETFD, FD_CLOEXEC);
  *ret_fd = (int)fd;
  return how;
}

unsigned int
activation_stored (int *ret_first)
{
  long n = count_passed ();

  *ret_first = FIRST_PASSED_FD + 1;
  for (long i = 1; i < n; i++)
    fcntl (FIRST_PASSED_FD + (int)i, F_SETFD, FD_CLOEXEC);
  return n > 1 ? (unsigned int)(n - 1) : 0;
}

/* See sd_notify(3). FD: what goes along, or -1. */
static void
notify (const char *text, int fd)
{
  const char *path = getenv ("NOTIFY_SOCKET");
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  struct iovec part = { (char *)(uintptr_t)text, strlen (text) };
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE (sizeof (int))];
  } control = {
    .header = { .cmsg_len = CMSG_LEN (sizeof (int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS }
  };
  struct msghdr message = { .msg_name = &address, .msg_iov = &part, .msg_iovlen = 1 };
  int connection;

  if (path == NULL || strlen (path) >= sizeof address.sun_path)
    return;
  memcpy (address.sun_path, path, strlen (path));
  message.msg_namelen = (socklen_t)(offsetof (struct sockaddr_un, sun_path) + strlen (path));
  if (path[0] == '@')
    address.sun_path[0] = '\0';
  if (fd >= 0) {
    memcpy (CMSG_DATA (&control.header), &fd, sizeof fd);
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
  }
  connection = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (connection < 0 || sendmsg (connection, &message, MSG_NOSIGNAL) < 0)
    fprintf (stderr, "systemd was not told of %s: %m\n", text);
  if (connection >= 0)
    close (connection);
}

void
activation_store (const char *name, int fd)
{
  char text[128];

  /* A socket that is bound and nothing else looks to poll(2) as if it were hung up, for which systemd would drop it. */
  snprintf (text, sizeof text, "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
  notify (text, fd);
}

void
activation_discard (const char *name)
{
  char text[128];

  snprintf (text, sizeof text, "FDSTOREREMOVE=1\nFDNAME=%s", name);
  notify (text, -1);
}

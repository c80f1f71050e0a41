/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bothy-helper: the privileged steps of Bothy, one worker and one capability set each.
 * Started by systemd for a connection to its socket, or by bothyd with --connection.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server.h"

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

/* What sd_listen_fds(3) describes. */
static bool
was_passed_a_socket (void)
{
  long number;
  const char *pid = getenv ("LISTEN_PID");

  if (pid == NULL || strtol (pid, NULL, 10) != getpid ())
    return false;
  return parse_number (getenv ("LISTEN_FDS"), &number) && number == 1;
}

int
main (int argc, char **argv)
{
  long fd;

  if (argc == 3 && strcmp (argv[1], "--connection") == 0 && parse_number (argv[2], &fd)) {
    fcntl ((int)fd, F_SETFD, FD_CLOEXEC);
    return server_connection ((int)fd);
  }
  if (argc == 1 && was_passed_a_socket ()) {
    fcntl (FIRST_PASSED_FD, F_SETFD, FD_CLOEXEC);
    return server_listen (FIRST_PASSED_FD);
  }
  fprintf (stderr, "bothy-helper is started by systemd or bothyd; by hand: bothy-helper --connection FD\n");
  return 2;
}

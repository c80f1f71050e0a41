/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "activation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
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

static bool
was_passed_a_socket (void)
{
  long number;
  const char *pid = getenv ("LISTEN_PID");

  if (pid == NULL || strtol (pid, NULL, 10) != getpid ())
    return false;
  return parse_number (getenv ("LISTEN_FDS"), &number) && number == 1;
}

enum activation
activation_find (int argc, char **argv, int *ret_fd)
{
  long fd = FIRST_PASSED_FD;
  enum activation how = ACTIVATION_NONE;

  if (argc == 3 && strcmp (argv[1], "--connection") == 0 && parse_number (argv[2], &fd))
    how = ACTIVATION_CONNECTION;
  else if (argc == 1 && was_passed_a_socket ())
    how = ACTIVATION_LISTENING;
  if (how != ACTIVATION_NONE)
    fcntl ((int)fd, F_SETFD, FD_CLOEXEC);
  *ret_fd = (int)fd;
  return how;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bothy-helper: the privileged steps of Bothy, one worker and one capability set each.
 * Started by systemd for a connection to its socket, or by bothyd with --connection.
 */
#include <stdio.h>

#include "activation.h"
#include "server.h"

int
main (int argc, char **argv)
{
  int fd;

  switch (activation_find (argc, argv, &fd)) {
  case ACTIVATION_CONNECTION:
    return server_connection (fd);
  case ACTIVATION_LISTENING:
    return server_listen (fd);
  case ACTIVATION_NONE:
    break;
  }
  fprintf (stderr, "bothy-helper is started by systemd or bothyd; by hand: bothy-helper --connection FD\n");
  return 2;
}

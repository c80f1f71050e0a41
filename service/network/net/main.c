/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bothy-net: makes nics for containers and filters what comes out of them.
 * Started by systemd for a connection to its socket, or with --connection.
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
  fprintf (stderr, "bothy-net is started by systemd; by hand: bothy-net --connection FD\n");
  return 2;
}

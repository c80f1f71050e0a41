/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bothy-net: makes nics for containers and filters what comes out of them.
 * Started by systemd for a connection to its socket, or with --connection.
 */
#include "server.h"

int
main (int argc, char **argv)
{
  struct connections connections;
  int status = connections_find (&connections, "bothy-net", argc, argv);

  return status != 0 ? status : server_run (&connections);
}

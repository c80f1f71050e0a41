/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bothy-helper: the privileged steps of Bothy, one worker and one capability set each.
 * Started by systemd for a connection to its socket, or by bothyd with --connection.
 */
#include "server.h"

int
main (int argc, char **argv)
{
  struct connections connections;
  int status = connections_find (&connections, "bothy-helper", argc, argv);

  return status != 0 ? status : server_run (&connections);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <sched.h>
#include <sys/mount.h>

#include "namespaces.h"
#include "verbs.h"

int
cli_userns_exec (Cli *cli, char **words)
{
  g_auto (GStrv) map = NULL;
  const GOptionEntry entries[] = {
    { "map", 'm', 0, G_OPTION_ARG_FILENAME_ARRAY, &map,
      N_ ("Part of the map; without, your ranges from 0 on"), N_ ("[u|g|b]:INSIDE:OUTSIDE:COUNT") },
    { NULL },
  };
  g_auto (GStrv) command = cli_namespaces_parse_command (cli, entries, words);
  g_auto (CliNamespaces) how = { .flags = CLONE_NEWUSER | CLONE_NEWNS, .propagation = MS_SLAVE };

  if (command == NULL || !cli_namespaces_take_map (cli, &how, map))
    return CLI_EXIT_OWN;
  return cli_namespaces_run (cli, &how, command);
}

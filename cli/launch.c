/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>

#include "error.h"
#include "expiry.h"
#include "no-network.h"
#include "spec.h"
#include "verbs.h"

int
cli_launch (Cli *cli, char **words)
{
  g_auto (CliSpec) spec = { 0 };
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  g_autoptr (GVariant) answer = NULL;

  if (!cli_spec_words (cli, &spec, words))
    return CLI_EXIT_USAGE;
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  path = cli_spec_create (cli, &spec, &error);
  if (path == NULL)
    return cli_fail (error);
  /* It exists from here on, whatever happens: so its name is what comes first. */
  puts (spec.name);
  fflush (stdout);
  cli_expiry_warn (cli, spec.image);
  answer =
      cli_call (cli, path, IFACE_CONTAINER, "Start", g_variant_new ("(a{sv})", NULL), NULL, NULL, &error);
  if (answer == NULL)
    return cli_fail (error);
  cli_network_ask (cli, path, spec.name);
  return CLI_EXIT_OK;
}

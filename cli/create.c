/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>

#include "error.h"
#include "expiry.h"
#include "spec.h"
#include "verbs.h"

int
cli_create (Cli *cli, char **words)
{
  g_auto (CliSpec) spec = { 0 };
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;

  if (!cli_spec_words (cli, &spec, words))
    return CLI_EXIT_USAGE;
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  path = cli_spec_create (cli, &spec, &error);
  if (path == NULL)
    return cli_fail (error);
  puts (spec.name);
  cli_expiry_warn (cli, spec.image);
  return CLI_EXIT_OK;
}

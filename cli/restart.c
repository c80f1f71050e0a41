/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "shutdown.h"
#include "verbs.h"

int
cli_restart (Cli *cli, char **words)
{
  return cli_shutdown_verb (cli, words, "Restart");
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "main.h"
#include "verbs.h"

int
cli_help (Cli *cli, char **words)
{
  g_auto (GStrv) rest = NULL;
  gsize length;
  char *help[] = { (char *)"--help", NULL };

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (rest[0] == NULL)
    return cli_main_help ();
  cli->verb = cli_verb_find (rest, &length);
  if (cli->verb)
    return cli->verb->run (cli, help);
  if (rest[1] == NULL && cli_verb_group (rest[0])) {
    cli_verbs_print (rest[0]);
    return CLI_EXIT_OK;
  }
  return cli_main_unknown (rest);
}

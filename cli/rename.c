/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "error.h"
#include "verbs.h"

int
cli_rename (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = NULL;
  g_autofree char *path = NULL;
  g_autoptr (GVariant) answer = NULL;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &names, NULL))
    return CLI_EXIT_USAGE;
  if (g_strv_length (names) != 2)
    return cli_usage (cli, "%s", _ ("The old name and the new one are needed"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  path = cli_find_container (cli, names[0], &error);
  if (path)
    answer =
        cli_call (cli, path, IFACE_CONTAINER, "Rename", g_variant_new ("(s)", names[1]), NULL, NULL, &error);
  return answer ? CLI_EXIT_OK : cli_fail (error);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "error.h"
#include "state.h"

static GArray *
with_all (const GOptionEntry *entries, gboolean *all)
{
  GArray *array = g_array_new (TRUE, TRUE, sizeof (GOptionEntry));
  GOptionEntry entry = { "all", 'a', 0, G_OPTION_ARG_NONE, all, N_ ("All of yours that it makes sense for"),
                         NULL };

  g_array_append_val (array, entry);
  for (; entries && entries->long_name; entries++)
    g_array_append_val (array, *entries);
  return array;
}

int
cli_state_verb (Cli *cli,
                char **words,
                const GOptionEntry *entries,
                const char *const *states,
                CliEach each,
                gpointer data)
{
  gboolean all = FALSE;
  g_autoptr (GArray) both = with_all (entries, &all);
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = NULL;

  if (!cli_parse (cli, (const GOptionEntry *)(void *)both->data, CLI_PARSE_WORDS, words, &names, NULL))
    return CLI_EXIT_USAGE;
  if (all == (names[0] != NULL))
    return cli_usage (cli, "%s", _ ("Names are needed, or --all"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  if (all) {
    g_strfreev (names);
    names = cli_own_containers (cli, states, &error);
    if (names == NULL)
      return cli_fail (error);
  }
  return cli_each_container (cli, names, each, data);
}

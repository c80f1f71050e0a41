/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>

#include "egress.h"
#include "error.h"
#include "output.h"
#include "verbs.h"

#define NOTHING "none"

GVariant *
cli_egress_variant (char **words)
{
  const char *const *list = (const char *const *)words;

  return g_strv_contains (list, NOTHING) && !words[1] ? g_variant_new_strv (NULL, 0)
                                                      : g_variant_new_strv (list, -1);
}

static int
change (Cli *cli, char **words, const char *how)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = NULL;
  g_auto (GStrv) rest = NULL;
  g_autofree char *path = NULL;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (g_strv_length (rest) < 2)
    return cli_usage (cli, "%s", _ ("A name and a destination are needed"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  path = cli_find_container (cli, rest[0], &error);
  if (path)
    answer = cli_call (cli, path, IFACE_CONTAINER, "SetEgress",
                       g_variant_new ("(s@as)", how, cli_egress_variant (rest + 1)), NULL, NULL, &error);
  return answer ? CLI_EXIT_OK : cli_fail (error);
}

int
cli_egress_set (Cli *cli, char **words)
{
  return change (cli, words, "set");
}

int
cli_egress_allow (Cli *cli, char **words)
{
  return change (cli, words, "allow");
}

int
cli_egress_deny (Cli *cli, char **words)
{
  return change (cli, words, "deny");
}

static void
print_json (const char *const *destinations)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_array (builder);
  for (; *destinations; destinations++)
    json_builder_add_string_value (builder, *destinations);
  json_builder_end_array (builder);
  cli_json_print (builder, TRUE);
}

int
cli_egress_list (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;
  g_autofree char *path = NULL;
  g_autoptr (GVariant) properties = NULL;
  g_autofree const char **destinations = NULL;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (g_strv_length (rest) != 1)
    return cli_usage (cli, "%s", _ ("A name is needed"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  path = cli_find_container (cli, rest[0], &error);
  properties = path ? cli_get_all (cli, path, IFACE_CONTAINER, &error) : NULL;
  if (!properties || !g_variant_lookup (properties, "Egress", "^a&s", &destinations))
    return cli_fail (error);
  if (cli->json)
    print_json (destinations);
  else if (!destinations[0])
    puts (NOTHING);
  for (const char **destination = destinations; !cli->json && *destination; destination++)
    puts (*destination);
  return CLI_EXIT_OK;
}

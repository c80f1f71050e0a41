/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>

#include "egress.h"
#include "error.h"
#include "listing.h"
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
print_destination (GVariant *destination)
{
  puts (g_variant_get_string (destination, NULL));
}

int
cli_egress_list (Cli *cli, char **words)
{
  static const CliListing listing = {
    .property = "Egress",
    .empty = NOTHING,
    .print_name = print_destination,
  };

  return cli_listing_run (cli, &listing, words);
}

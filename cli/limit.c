/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>

#include "error.h"
#include "limitspec.h"
#include "output.h"
#include "verbs.h"

static int
show (Cli *cli, const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) properties = cli_get_all (cli, path, IFACE_CONTAINER, &error);
  g_autoptr (GVariant) limits = NULL;

  if (properties == NULL)
    return cli_fail (error);
  limits = g_variant_lookup_value (properties, "Limits", G_VARIANT_TYPE_VARDICT);
  if (limits && cli->json) {
    g_autoptr (JsonBuilder) builder = json_builder_new ();
    cli_json_object (builder, limits);
    cli_json_print (builder, TRUE);
  } else if (limits && g_variant_n_children (limits) == 0 && !cli->quiet)
    puts (_ ("No limits"));
  else if (limits)
    cli_limits_print (limits);
  if (limits)
    cli_limits_warn (cli, path, limits);
  return CLI_EXIT_OK;
}

static int
change (Cli *cli, const char *path, GVariant *limits)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = cli_call_over_quota (cli, path, IFACE_CONTAINER, "SetLimits",
                                                     g_variant_new ("(@a{sv})", limits), NULL, &error);

  if (answer == NULL)
    return cli_fail (error);
  cli_limits_warn (cli, path, limits);
  return CLI_EXIT_OK;
}

int
cli_limit (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;
  g_autofree char *path = NULL;
  g_autoptr (GVariant) limits = NULL;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (rest[0] == NULL)
    return cli_usage (cli, "%s", _ ("A name is needed"));
  limits = cli_limits_parse (rest + 1, &error);
  if (limits == NULL)
    return cli_usage (cli, "%s", error->message);
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  path = cli_find_container (cli, rest[0], &error);
  if (path == NULL)
    return cli_fail (error);
  return rest[1] ? change (cli, path, limits) : show (cli, path);
}

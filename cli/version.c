/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>

#include "error.h"
#include "escape.h"
#include "output.h"
#include "verbs.h"

static void
add (JsonBuilder *builder, const char *key, const char *value)
{
  json_builder_set_member_name (builder, key);
  if (value)
    json_builder_add_string_value (builder, value);
  else
    json_builder_add_null_value (builder);
}

int
cli_version (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;
  g_autoptr (GVariant) properties = NULL;
  g_autofree char *service = NULL;
  g_autofree char *safe = NULL;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (rest[0])
    return cli_usage (cli, "%s", _ ("It takes no names"));
  if (cli_connect (cli, &error))
    properties = cli_get_all (cli, BOTHY_ROOT, IFACE_MANAGER, &error);
  if (properties)
    g_variant_lookup (properties, "Version", "s", &service);

  if (cli->json) {
    g_autoptr (JsonBuilder) builder = json_builder_new ();

    json_builder_begin_object (builder);
    add (builder, "client", PACKAGE_VERSION);
    add (builder, "service", service);
    json_builder_end_object (builder);
    cli_json_print (builder, TRUE);
    return CLI_EXIT_OK;
  }
  safe = service ? cli_escape (service, -1, CLI_ESCAPE_LINE) : NULL;
  printf ("bothy %s\n", PACKAGE_VERSION);
  printf ("bothyd %s\n", safe ? safe : _ ("(not running)"));
  return CLI_EXIT_OK;
}

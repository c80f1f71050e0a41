/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>

#include "error.h"
#include "limitspec.h"
#include "operation.h"
#include "verbs.h"

static gboolean
copy (Cli *cli, const char *word, const char *name, const char *of_snapshot, GError **error)
{
  g_autofree char *snapshot = g_strdup (of_snapshot);
  g_autofree char *path = cli_find_files (cli, word, &snapshot, error);
  g_autofree char *title = g_strdup_printf (_ ("Copying %s"), word);
  g_autoptr (GVariant) answer = NULL;
  const char *operation;
  GVariantBuilder options;

  if (path == NULL)
    return FALSE;
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  cli_option_add (&options, "snapshot", snapshot);
  answer = cli_call_over_quota (cli, path, IFACE_CONTAINER, "Clone",
                                g_variant_new ("(sa{sv})", name, &options), NULL, error);
  if (answer == NULL)
    return FALSE;
  g_variant_get (answer, "(&o)", &operation);
  return cli_operation_follow (cli, operation, title, NULL, error);
}

int
cli_copy (Cli *cli, char **words)
{
  g_autofree char *snapshot = NULL;
  const GOptionEntry entries[] = {
    { "snapshot", 0, 0, G_OPTION_ARG_STRING, &snapshot, N_ ("As it was then; or NAME/SNAPSHOT"),
      N_ ("SNAPSHOT") },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (g_strv_length (rest) != 2)
    return cli_usage (cli, "%s", _ ("A container and a name for its copy are needed"));
  if (!cli_connect (cli, &error) || !copy (cli, rest[0], rest[1], snapshot, &error))
    return cli_fail (error);
  puts (rest[1]);
  return CLI_EXIT_OK;
}

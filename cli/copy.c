/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is made of a container's files, as they are or were in a snapshot: another container, or an image. */
#include "config.h"

#include <stdio.h>

#include "error.h"
#include "limitspec.h"
#include "operation.h"
#include "verbs.h"

typedef struct {
  const char *method;
  const char *title; /* with the container for %s */
  const char *usage;
  gboolean has_limits; /* what is made may be more than its user may have */
} Making;

static gboolean
make (Cli *cli,
      const Making *making,
      const char *word,
      const char *name,
      const char *of_snapshot,
      GError **error)
{
  g_autofree char *snapshot = g_strdup (of_snapshot);
  g_autofree char *path = cli_find_files (cli, word, &snapshot, error);
  g_auto (GStrv) parts = g_strsplit (_ (making->title), "%s", 2);
  g_autofree char *title = g_strjoinv (word, parts);
  g_autoptr (GVariant) answer = NULL;
  const char *operation;
  GVariantBuilder options;
  GVariant *arguments;

  if (path == NULL)
    return FALSE;
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  cli_option_add (&options, "snapshot", snapshot);
  arguments = g_variant_new ("(sa{sv})", name, &options);
  answer = making->has_limits
               ? cli_call_over_quota (cli, path, IFACE_CONTAINER, making->method, arguments, NULL, error)
               : cli_call (cli, path, IFACE_CONTAINER, making->method, arguments, NULL, NULL, error);
  if (answer == NULL)
    return FALSE;
  g_variant_get (answer, "(&o)", &operation);
  return cli_operation_follow (cli, operation, title, NULL, error);
}

static int
run (Cli *cli, const Making *making, char **words)
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
    return cli_usage (cli, "%s", _ (making->usage));
  if (!cli_connect (cli, &error) || !make (cli, making, rest[0], rest[1], snapshot, &error))
    return cli_fail (error);
  puts (rest[1]);
  return CLI_EXIT_OK;
}

int
cli_copy (Cli *cli, char **words)
{
  static const Making copy = { "Clone", N_ ("Copying %s"),
                               N_ ("A container and a name for its copy are needed"), TRUE };

  return run (cli, &copy, words);
}

int
cli_commit (Cli *cli, char **words)
{
  static const Making commit = { "Commit", N_ ("Making an image of %s"),
                                 N_ ("A container and a name for the image are needed"), FALSE };

  return run (cli, &commit, words);
}

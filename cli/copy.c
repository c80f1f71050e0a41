/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "error.h"
#include "limitspec.h"
#include "operation.h"
#include "verbs.h"

/* Whether the container at PATH has the snapshot NAME. */
static gboolean
has_snapshot (Cli *cli, const char *path, const char *name)
{
  g_autoptr (GVariant) properties = cli_get_all (cli, path, IFACE_CONTAINER, NULL);
  g_autoptr (GVariant) snapshots =
      properties ? g_variant_lookup_value (properties, "Snapshots", G_VARIANT_TYPE ("aa{sv}")) : NULL;
  GVariantIter iter;
  GVariant *snapshot;
  gboolean found = FALSE;

  if (snapshots)
    g_variant_iter_init (&iter, snapshots);
  while (snapshots && !found && (snapshot = g_variant_iter_next_value (&iter))) {
    const char *other = "";

    g_variant_lookup (snapshot, "name", "&s", &other);
    found = g_str_equal (other, name);
    g_variant_unref (snapshot);
  }
  return found;
}

/*
 * The path of what WORD names: NAME, USER/NAME, NAME/SNAPSHOT or USER/NAME/SNAPSHOT. *SNAPSHOT is set to the snapshot. What could be
 * both is a snapshot of the person's own, if there is one.
 */
static char *
find_source (Cli *cli, const char *word, char **snapshot, GError **error)
{
  const char *slash = strrchr (word, '/');
  g_autofree char *name = slash ? g_strndup (word, slash - word) : NULL;
  g_autofree char *own = NULL;

  if (!slash || *snapshot)
    return cli_find_container (cli, word, error);
  if (!strchr (name, '/'))
    own = cli_find_container (cli, name, NULL);
  if (own ? !has_snapshot (cli, own, slash + 1) : !strchr (name, '/')) {
    g_autofree char *foreign = cli_find_container (cli, word, own ? NULL : error);

    if (foreign || !own)
      return g_steal_pointer (&foreign);
  }
  *snapshot = g_strdup (slash + 1);
  return own ? g_steal_pointer (&own) : cli_find_container (cli, name, error);
}

static gboolean
copy (Cli *cli, const char *word, const char *name, const char *of_snapshot, GError **error)
{
  g_autofree char *snapshot = g_strdup (of_snapshot);
  g_autofree char *path = find_source (cli, word, &snapshot, error);
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

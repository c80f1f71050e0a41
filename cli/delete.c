/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "error.h"
#include "operation.h"
#include "verbs.h"

typedef struct {
  gboolean force;
  gboolean no_wait;
  gboolean all;
} How;

static gboolean
delete_one (Cli *cli, const char *name, const char *path, gpointer data, GError **error)
{
  How *how = data;
  g_autoptr (GVariant) answer = NULL;
  g_autofree char *title = g_strdup_printf (_ ("Deleting %s"), name);
  const char *operation;
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (how->force)
    g_variant_builder_add (&options, "{sv}", "force", g_variant_new_boolean (TRUE));
  answer =
      cli_call (cli, path, IFACE_CONTAINER, "Delete", g_variant_new ("(a{sv})", &options), NULL, NULL, error);
  if (answer == NULL)
    return FALSE;
  g_variant_get (answer, "(&o)", &operation);
  return how->no_wait || cli_operation_follow (cli, operation, title, NULL, error);
}

/* Without force, those that stand still. */
static char **
all_names (Cli *cli, const How *how, GError **error)
{
  static const char *const ended[] = { "stopped", "failed", NULL };

  return cli_own_containers (cli, how->force ? NULL : ended, error);
}

int
cli_delete (Cli *cli, char **words)
{
  How how = { 0 };
  const GOptionEntry entries[] = {
    { "all", 'a', 0, G_OPTION_ARG_NONE, &how.all, N_ ("All of yours that do not run; with --force, all"),
      NULL },
    { "force", 'f', 0, G_OPTION_ARG_NONE, &how.force, N_ ("Kill it first if it runs"), NULL },
    { "no-wait", 0, 0, G_OPTION_ARG_NONE, &how.no_wait, N_ ("Don't wait until its files are gone"), NULL },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = NULL;

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &names, NULL))
    return CLI_EXIT_USAGE;
  if (how.all == (names[0] != NULL))
    return cli_usage (cli, "%s", _ ("Names are needed, or --all"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  if (how.all) {
    g_strfreev (names);
    names = all_names (cli, &how, &error);
    if (names == NULL)
      return cli_fail (error);
  }
  return cli_each_container (cli, names, delete_one, &how);
}

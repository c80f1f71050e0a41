/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "objects.h"
#include "output.h"
#include "verbs.h"

static int
list_json (Cli *cli, gboolean all)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) managed = cli_get_managed (cli, &error);
  g_autoptr (GPtrArray) objects = NULL;
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  if (managed == NULL)
    return cli_fail (error);
  objects = cli_objects_of (managed, IFACE_CONTAINER, "Name");
  json_builder_begin_array (builder);
  for (guint i = 0; i < objects->len; i++) {
    guint32 owner;

    if (all || (g_variant_lookup (objects->pdata[i], "Owner", "u", &owner) && owner == getuid ()))
      cli_json_object (builder, objects->pdata[i]);
  }
  json_builder_end_array (builder);
  cli_json_print (builder, TRUE);
  return CLI_EXIT_OK;
}

/* A fingerprint as short as the service takes it; an alias as it is. */
static char *
short_image (const char *image)
{
  gboolean fingerprint = strlen (image) == 64 && strspn (image, "0123456789abcdef") == 64;

  return g_strndup (image, fingerprint ? 12 : strlen (image));
}

static void
print_table (GVariantIter *iter, gboolean all)
{
  const char *const columns[] = {
    _ ("NAME"), _ ("STATE"), _ ("IMAGE"), _ ("ADDRESSES"), all ? _ ("OWNER") : NULL, NULL
  };
  struct libscols_table *table = cli_table_new (columns);
  const char *name, *state, *image, *addresses;
  guint32 owner;

  while (g_variant_iter_next (iter, "(&su&s&s&so)", &name, &owner, &state, &image, &addresses, NULL)) {
    g_autofree char *user = cli_user_name (owner);
    g_autofree char *shown = short_image (image);
    const char *cells[] = { name, state, shown, addresses, all ? user : NULL, NULL };

    if (all || owner == getuid ())
      cli_table_add (table, cells, 1, cli_colour_of_state (state));
  }
  cli_table_print (table);
}

static void
print_names (GVariantIter *iter, gboolean all)
{
  const char *name;
  guint32 owner;

  while (g_variant_iter_next (iter, "(&su&s&s&so)", &name, &owner, NULL, NULL, NULL, NULL)) {
    g_autofree char *user = owner == getuid () ? NULL : cli_user_name (owner);

    if (user == NULL)
      puts (name);
    else if (all)
      printf ("%s/%s\n", user, name);
  }
}

int
cli_list (Cli *cli, char **words)
{
  gboolean all = FALSE;
  gboolean names_only = FALSE;
  const GOptionEntry entries[] = {
    { "all", 'a', 0, G_OPTION_ARG_NONE, &all, N_ ("Those of other users too, as far as you may see them"),
      NULL },
    { "names", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &names_only, NULL, NULL },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;
  g_autoptr (GVariant) answer = NULL;
  g_autoptr (GVariantIter) iter = NULL;

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (rest[0])
    return cli_usage (cli, "%s", _ ("It takes no names: see 'bothy info NAME'"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  if (all)
    cli_allow_asking (cli);
  if (cli->json)
    return list_json (cli, all);

  answer = cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "ListContainers", NULL, NULL, NULL, &error);
  if (answer == NULL)
    return cli_fail (error);
  g_variant_get (answer, "(a(sussso))", &iter);
  if (names_only || cli->quiet)
    print_names (iter, all);
  else
    print_table (iter, all);
  return CLI_EXIT_OK;
}

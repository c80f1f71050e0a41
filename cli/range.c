/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>

#include "error.h"
#include "output.h"
#include "verbs.h"

#define BY_HAND "by hand"

static void
print_json (GVariantIter *iter)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  guint32 base, count, owner;
  const char *name;

  json_builder_begin_array (builder);
  while (g_variant_iter_next (iter, "(uuu&s)", &base, &count, &owner, &name)) {
    json_builder_begin_object (builder);
    json_builder_set_member_name (builder, "rangeBase");
    json_builder_add_int_value (builder, base);
    json_builder_set_member_name (builder, "rangeCount");
    json_builder_add_int_value (builder, count);
    json_builder_set_member_name (builder, "owner");
    json_builder_add_int_value (builder, owner);
    json_builder_set_member_name (builder, "name");
    json_builder_add_string_value (builder, g_str_equal (name, BY_HAND) ? "" : name);
    json_builder_set_member_name (builder, "holder");
    json_builder_add_string_value (builder, !name[0] || g_str_equal (name, BY_HAND) ? name : "container");
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
  cli_json_print (builder, TRUE);
}

static void
print_table (GVariantIter *iter)
{
  const char *const columns[] = { _ ("FIRST"), _ ("LAST"), _ ("COUNT"), _ ("OWNER"), _ ("CONTAINER"), NULL };
  struct libscols_table *table = cli_table_new (columns);
  guint32 base, count, owner;
  const char *name;

  while (g_variant_iter_next (iter, "(uuu&s)", &base, &count, &owner, &name)) {
    g_autofree char *first = g_strdup_printf ("%u", base);
    g_autofree char *last = g_strdup_printf ("%u", base + count - 1);
    g_autofree char *number = g_strdup_printf ("%u", count);
    g_autofree char *user = cli_user_name (owner);
    const char *holder = g_str_equal (name, BY_HAND) ? _ ("(by hand)") : name;
    const char *cells[] = { first, last, number, user, name[0] ? holder : _ ("(kept for the next)"), NULL };

    cli_table_add (table, cells, 4, name[0] ? CLI_COLOUR_NONE : CLI_COLOUR_DIM);
  }
  cli_table_print (table);
}

int
cli_range_list (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;
  g_autoptr (GVariant) answer = NULL;
  g_autoptr (GVariantIter) iter = NULL;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (rest[0])
    return cli_usage (cli, "%s", _ ("It takes no names"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  answer = cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "ListRanges", NULL, NULL, NULL, &error);
  if (answer == NULL)
    return cli_fail (error);
  g_variant_get (answer, "(a(uuus))", &iter);
  if (cli->json)
    print_json (iter);
  else
    print_table (iter);
  return CLI_EXIT_OK;
}

static void
print_allocated (Cli *cli, guint32 uid, guint32 gid, guint32 count)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  if (!cli->json) {
    printf (cli->quiet ? "%u\n" : _ ("First id: %u\n"), uid);
    return;
  }
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "uid");
  json_builder_add_int_value (builder, uid);
  json_builder_set_member_name (builder, "gid");
  json_builder_add_int_value (builder, gid);
  json_builder_set_member_name (builder, "count");
  json_builder_add_int_value (builder, count);
  json_builder_end_object (builder);
  cli_json_print (builder, TRUE);
}

int
cli_range_allocate (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;
  g_autoptr (GVariant) answer = NULL;
  GVariant *options = g_variant_new_array (G_VARIANT_TYPE ("{sv}"), NULL, 0);
  g_autoptr (GVariant) parameters = NULL;
  guint64 count = 65536;
  guint32 uid, gid;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (rest[0] && (rest[1] || !g_ascii_string_to_unsigned (rest[0], 10, 1, 65536, &count, NULL)))
    return cli_usage (cli, "%s", _ ("It takes how many ids are needed, 1 to 65536"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  parameters = g_variant_ref_sink (g_variant_new ("(u@a{sv})", (guint32)count, options));
  answer = cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "AllocateRange", parameters, NULL, NULL, &error);
  if (answer == NULL)
    return cli_fail (error);
  g_variant_get (answer, "(uu)", &uid, &gid);
  print_allocated (cli, uid, gid, (guint32)count);
  return CLI_EXIT_OK;
}

int
cli_range_release (Cli *cli, char **words)
{
  g_auto (GStrv) rest = NULL;
  g_autoptr (GError) error = NULL;
  int code = CLI_EXIT_OK;
  guint64 uid;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  for (gsize i = 0; rest[i]; i++)
    if (!g_ascii_string_to_unsigned (rest[i], 10, 0, G_MAXUINT32, &uid, NULL))
      return cli_usage (cli, "%s", _ ("It takes first ids, as 'bothy range list' shows them"));
  if (rest[0] == NULL)
    return cli_usage (cli, "%s", _ ("It takes first ids, as 'bothy range list' shows them"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  for (gsize i = 0; rest[i]; i++) {
    g_autoptr (GError) refused = NULL;
    g_autoptr (GVariant) answer = NULL;

    g_ascii_string_to_unsigned (rest[i], 10, 0, G_MAXUINT32, &uid, NULL);
    answer = cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "ReleaseRange", g_variant_new ("(u)", (guint32)uid), NULL,
                       NULL, &refused);
    if (answer == NULL) {
      cli_warn (refused, rest[i]);
      code = CLI_EXIT_FAILED;
    }
  }
  return code;
}

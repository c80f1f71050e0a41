/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>

#include "error.h"
#include "output.h"
#include "verbs.h"

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
    json_builder_add_string_value (builder, name);
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
    const char *cells[] = { first, last, number, user, name[0] ? name : _ ("(kept for the next)"), NULL };

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

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>

#include "error.h"
#include "listing.h"
#include "objects.h"

static void
print_json (const CliListing *listing, GVariant *rows)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  GVariantIter iter;
  GVariant *row;

  json_builder_begin_array (builder);
  g_variant_iter_init (&iter, rows);
  while ((row = g_variant_iter_next_value (&iter))) {
    g_autoptr (GVariant) shown =
        listing->object ? g_variant_ref_sink (listing->object (row)) : g_variant_ref (row);

    if (g_variant_is_of_type (shown, G_VARIANT_TYPE_VARDICT))
      cli_json_object (builder, shown);
    else
      json_builder_add_value (builder, json_gvariant_serialize (shown));
    g_variant_unref (row);
  }
  json_builder_end_array (builder);
  cli_json_print (builder, TRUE);
}

static void
print_names (const CliListing *listing, GVariant *rows)
{
  GVariantIter iter;
  GVariant *row;

  g_variant_iter_init (&iter, rows);
  while ((row = g_variant_iter_next_value (&iter))) {
    listing->print_name (row);
    g_variant_unref (row);
  }
}

static struct libscols_table *
table_new (const char *const *names)
{
  g_autoptr (GPtrArray) columns = g_ptr_array_new ();

  for (; *names; names++)
    g_ptr_array_add (columns, (gpointer)_ (*names));
  g_ptr_array_add (columns, NULL);
  return cli_table_new ((const char *const *)columns->pdata);
}

static void
print_table (Cli *cli, const CliListing *listing, GVariant *rows)
{
  struct libscols_table *table = table_new (listing->columns);
  GVariantIter iter;
  GVariant *row;

  g_variant_iter_init (&iter, rows);
  while ((row = g_variant_iter_next_value (&iter))) {
    listing->add (table, row);
    g_variant_unref (row);
  }
  cli_table_print_or_hint (cli, table, listing->hint ? _ (listing->hint) : NULL);
}

void
cli_listing_print (Cli *cli, const CliListing *listing, GVariant *rows)
{
  if (cli->json)
    print_json (listing, rows);
  else if (listing->columns && !(cli->quiet && listing->print_name))
    print_table (cli, listing, rows);
  else if (listing->empty && g_variant_n_children (rows) == 0)
    puts (listing->empty);
  else
    print_names (listing, rows);
}

static GVariant *
answer_of (Cli *cli, const char *method, GError **error)
{
  g_autoptr (GVariant) answer = cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, method, NULL, NULL, NULL, error);

  return answer ? g_variant_get_child_value (answer, 0) : NULL;
}

static GVariant *
properties_of (Cli *cli, const CliListing *listing, GError **error)
{
  g_autoptr (GVariant) managed = cli_get_managed (cli, error);
  g_autoptr (GPtrArray) objects = managed ? cli_objects_of (managed, listing->interface, listing->key) : NULL;

  return objects ? g_variant_ref_sink (g_variant_new_array (G_VARIANT_TYPE_VARDICT,
                                                            (GVariant *const *)objects->pdata, objects->len))
                 : NULL;
}

static GVariant *
elements_of (Cli *cli, const char *container, const char *property, GError **error)
{
  g_autofree char *path = cli_find_container (cli, container, error);
  g_autoptr (GVariant) properties = path ? cli_get_all (cli, path, IFACE_CONTAINER, error) : NULL;
  GVariant *elements =
      properties ? g_variant_lookup_value (properties, property, G_VARIANT_TYPE_ARRAY) : NULL;

  if (properties && elements == NULL)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                 _ ("The service knows no %s; it is an older one"), property);
  return elements;
}

static GVariant *
get_rows (Cli *cli, const CliListing *listing, const char *container, GError **error)
{
  if (!cli_connect (cli, error))
    return NULL;
  if (listing->method)
    return answer_of (cli, listing->method, error);
  if (listing->interface)
    return properties_of (cli, listing, error);
  return elements_of (cli, container, listing->property, error);
}

int
cli_listing_run (Cli *cli, const CliListing *listing, char **words)
{
  const GOptionEntry entries[] = { CLI_OUTPUT (cli), { NULL } };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;
  g_autoptr (GVariant) rows = NULL;

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &rest, NULL) || !cli_output_ok (cli))
    return CLI_EXIT_USAGE;
  if (listing->property && g_strv_length (rest) != 1)
    return cli_usage (cli, "%s", _ ("A name is needed"));
  if (!listing->property && rest[0])
    return cli_usage (cli, "%s", listing->usage ? _ (listing->usage) : _ ("It takes no names"));
  rows = get_rows (cli, listing, rest[0], &error);
  if (rows == NULL)
    return cli_fail (error);
  cli_listing_print (cli, listing, rows);
  return CLI_EXIT_OK;
}

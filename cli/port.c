/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "error.h"
#include "listing.h"
#include "ports.h"
#include "verbs.h"

typedef gboolean (*Change) (Cli *cli, const char *path, const CliPort *port, GError **error);

static int
change_each (Cli *cli, char **words, Change change)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;
  g_autofree char *path = NULL;
  CliPort port;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (g_strv_length (rest) < 2)
    return cli_usage (cli, "%s", _ ("A name and a port are needed"));
  if (!cli_ports_ok (cli, rest + 1))
    return CLI_EXIT_USAGE;
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  path = cli_find_container (cli, rest[0], &error);
  for (char **word = rest + 1; path && *word && !error; word++)
    if (cli_port_parse (*word, &port))
      change (cli, path, &port, &error);
  return error ? cli_fail (error) : CLI_EXIT_OK;
}

int
cli_port_add (Cli *cli, char **words)
{
  return change_each (cli, words, cli_port_add_to);
}

int
cli_port_remove (Cli *cli, char **words)
{
  return change_each (cli, words, cli_port_remove_from);
}

static GVariant *
port_object (GVariant *port)
{
  const char *protocol;
  guint16 host, inside;

  g_variant_get (port, "(&sqq)", &protocol, &host, &inside);
  return g_variant_new_parsed ("{'protocol': <%s>, 'host': <%q>, 'inside': <%q>}", protocol, host, inside);
}

static void
add_port (struct libscols_table *table, GVariant *port)
{
  const char *protocol;
  guint16 host, inside;
  g_autofree char *outer = NULL;
  g_autofree char *inner = NULL;

  g_variant_get (port, "(&sqq)", &protocol, &host, &inside);
  outer = g_strdup_printf ("%u", host);
  inner = g_strdup_printf ("%u", inside);
  cli_table_add (table, (const char *[]){ protocol, outer, inner, NULL }, 0, CLI_COLOUR_NONE);
}

int
cli_port_list (Cli *cli, char **words)
{
  static const char *const columns[] = { N_ ("PROTOCOL"), N_ ("HOST"), N_ ("INSIDE"), NULL };
  static const CliListing listing = {
    .property = "Ports",
    .columns = columns,
    .add = add_port,
    .object = port_object,
  };

  return cli_listing_run (cli, &listing, words);
}

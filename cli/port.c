/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>

#include "error.h"
#include "listing.h"
#include "ports.h"
#include "verbs.h"

/* Returns: (transfer full): the container that WORDS begin with, and in RET_PORTS what follows; NULL with RET_STATUS, and
   what is wrong was reported. */
static char *
find_changed (Cli *cli, char **words, char ***ret_ports, int *ret_status)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;
  char *path = NULL;

  *ret_status = CLI_EXIT_USAGE;
  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &rest, NULL))
    return NULL;
  if (g_strv_length (rest) < 2) {
    cli_usage (cli, "%s", _ ("A name and a port are needed"));
    return NULL;
  }
  if (!cli_ports_ok (cli, rest + 1))
    return NULL;
  if (cli_connect (cli, &error))
    path = cli_find_container (cli, rest[0], &error);
  if (path)
    *ret_ports = g_strdupv (rest + 1);
  else
    *ret_status = cli_fail (error);
  return path;
}

int
cli_port_add (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) ports = NULL;
  int status;
  g_autofree char *path = find_changed (cli, words, &ports, &status);

  if (!path)
    return status;
  if (!cli_ports_fit (cli, path, ports, &error) || !cli_ports_add (cli, path, ports, &error))
    return cli_fail (error);
  return CLI_EXIT_OK;
}

int
cli_port_remove (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) ports = NULL;
  int status;
  g_autofree char *path = find_changed (cli, words, &ports, &status);

  if (!path)
    return status;
  return cli_ports_remove (cli, path, ports, &error) ? CLI_EXIT_OK : cli_fail (error);
}

static GVariant *
port_object (GVariant *port)
{
  const char *protocol, *address;
  guint16 host, inside;

  g_variant_get (port, "(&sqq&s)", &protocol, &host, &inside, &address);
  return cli_port_object (protocol, host, inside, address);
}

static void
add_port (struct libscols_table *table, GVariant *port)
{
  const char *protocol, *address;
  guint16 host, inside;
  g_autofree char *outer = NULL;
  g_autofree char *inner = NULL;

  g_variant_get (port, "(&sqq&s)", &protocol, &host, &inside, &address);
  outer = g_strdup_printf ("%u", host);
  inner = g_strdup_printf ("%u", inside);
  cli_table_add (table, (const char *[]){ protocol, *address ? address : "*", outer, inner, NULL }, 0,
                 CLI_COLOUR_NONE);
}

/* As "port remove" takes it. */
static void
print_port (GVariant *port)
{
  g_autoptr (GVariant) ports = g_variant_ref_sink (g_variant_new_array (NULL, &port, 1));
  g_autofree char *text = cli_ports_text (ports);

  puts (text);
}

int
cli_port_list (Cli *cli, char **words)
{
  static const char *const columns[] = { N_ ("PROTOCOL"), N_ ("ADDRESS"), N_ ("HOST"), N_ ("INSIDE"), NULL };
  static const CliListing listing = {
    .property = "Ports",
    .columns = columns,
    .add = add_port,
    .print_name = print_port,
    .object = port_object,
    .hint = N_ ("No port leads into it. 'bothy port add NAME HOST:INSIDE' has one do so."),
  };

  return cli_listing_run (cli, &listing, words);
}

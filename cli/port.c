/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "error.h"
#include "listing.h"
#include "verbs.h"

typedef struct {
  char *protocol;
  guint16 host;
  guint16 inside; /* 0: not said */
} PortWords;

static gboolean
parse_number (const char *text, guint16 *ret_number)
{
  guint64 number;

  if (!g_ascii_string_to_unsigned (text, 10, 1, G_MAXUINT16, &number, NULL))
    return FALSE;
  *ret_number = (guint16)number;
  return TRUE;
}

/* HOST[:INSIDE][/PROTOCOL], as docker has it */
static gboolean
parse_port (const char *text, PortWords *port)
{
  g_auto (GStrv) halves = g_strsplit (text, "/", 2);
  g_auto (GStrv) numbers = g_strsplit (halves[0] ? halves[0] : "", ":", 3);
  guint n = g_strv_length (numbers);

  port->protocol = g_strdup (halves[0] && halves[1] ? halves[1] : "tcp");
  port->inside = 0;
  return (n == 1 || n == 2) && parse_number (numbers[0], &port->host) &&
         (n == 1 || parse_number (numbers[1], &port->inside));
}

static gboolean
call (Cli *cli, const char *path, gboolean adds, const PortWords *port, GError **error)
{
  GVariant *none = g_variant_new_array (G_VARIANT_TYPE ("{sv}"), NULL, 0);
  GVariant *args = adds ? g_variant_new ("(sqq@a{sv})", port->protocol, port->host,
                                         port->inside ? port->inside : port->host, none)
                        : g_variant_new ("(sq)", port->protocol, port->host);
  g_autoptr (GVariant) answer = NULL;

  if (!adds)
    g_variant_unref (g_variant_ref_sink (none));
  answer = cli_call (cli, path, IFACE_CONTAINER, adds ? "AddPort" : "RemovePort", args, NULL, NULL, error);
  return answer != NULL;
}

static int
change (Cli *cli, char **words, gboolean adds)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;
  g_autofree char *path = NULL;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (g_strv_length (rest) < 2)
    return cli_usage (cli, "%s", _ ("A name and a port are needed"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  path = cli_find_container (cli, rest[0], &error);
  for (char **word = rest + 1; path && *word && !error; word++) {
    PortWords port;
    gboolean good = parse_port (*word, &port);
    g_autofree char *protocol = port.protocol;

    if (!good)
      return cli_usage (cli, _ ("%s is not HOST[:INSIDE][/tcp|/udp]"), *word);
    call (cli, path, adds, &port, &error);
  }
  return error ? cli_fail (error) : CLI_EXIT_OK;
}

int
cli_port_add (Cli *cli, char **words)
{
  return change (cli, words, TRUE);
}

int
cli_port_remove (Cli *cli, char **words)
{
  return change (cli, words, FALSE);
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

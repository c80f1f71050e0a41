/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "error.h"
#include "output.h"
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

static void
print_json (GVariantIter *iter)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  const char *protocol;
  guint16 host, inside;

  json_builder_begin_array (builder);
  while (g_variant_iter_next (iter, "(&sqq)", &protocol, &host, &inside)) {
    json_builder_begin_object (builder);
    json_builder_set_member_name (builder, "protocol");
    json_builder_add_string_value (builder, protocol);
    json_builder_set_member_name (builder, "host");
    json_builder_add_int_value (builder, host);
    json_builder_set_member_name (builder, "inside");
    json_builder_add_int_value (builder, inside);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
  cli_json_print (builder, TRUE);
}

static void
print_table (GVariantIter *iter)
{
  const char *const columns[] = { _ ("PROTOCOL"), _ ("HOST"), _ ("INSIDE"), NULL };
  struct libscols_table *table = cli_table_new (columns);
  const char *protocol;
  guint16 host, inside;

  while (g_variant_iter_next (iter, "(&sqq)", &protocol, &host, &inside)) {
    g_autofree char *outer = g_strdup_printf ("%u", host);
    g_autofree char *inner = g_strdup_printf ("%u", inside);
    const char *cells[] = { protocol, outer, inner, NULL };

    cli_table_add (table, cells, 0, CLI_COLOUR_NONE);
  }
  cli_table_print (table);
}

int
cli_port_list (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;
  g_autofree char *path = NULL;
  g_autoptr (GVariant) properties = NULL;
  g_autoptr (GVariantIter) iter = NULL;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (g_strv_length (rest) != 1)
    return cli_usage (cli, "%s", _ ("A name is needed"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  path = cli_find_container (cli, rest[0], &error);
  properties = path ? cli_get_all (cli, path, IFACE_CONTAINER, &error) : NULL;
  if (!properties || !g_variant_lookup (properties, "Ports", "a(sqq)", &iter))
    return cli_fail (error);
  if (cli->json)
    print_json (iter);
  else
    print_table (iter);
  return CLI_EXIT_OK;
}

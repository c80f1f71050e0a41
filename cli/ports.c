/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "escape.h"
#include "ports.h"

static const char *const protocols[] = { "tcp", "udp", NULL };

static gboolean
parse_number (const char *text, guint16 *ret_number)
{
  guint64 number;

  if (!g_ascii_string_to_unsigned (text, 10, 1, G_MAXUINT16, &number, NULL))
    return FALSE;
  *ret_number = (guint16)number;
  return TRUE;
}

static const char *
parse_protocol (const char *text)
{
  for (gsize i = 0; protocols[i]; i++)
    if (g_str_equal (text, protocols[i]))
      return protocols[i];
  return NULL;
}

gboolean
cli_port_parse (const char *word, CliPort *ret_port)
{
  g_auto (GStrv) halves = g_strsplit (word, "/", 2);
  g_auto (GStrv) numbers = g_strsplit (halves[0] ? halves[0] : "", ":", 3);
  guint n = g_strv_length (numbers);
  CliPort port = { .protocol = protocols[0] };

  if (halves[0] && halves[1])
    port.protocol = parse_protocol (halves[1]);
  if (port.protocol == NULL || n < 1 || n > 2 || !parse_number (numbers[0], &port.host) ||
      (n == 2 && !parse_number (numbers[1], &port.inside)))
    return FALSE;
  *ret_port = port;
  return TRUE;
}

gboolean
cli_ports_ok (Cli *cli, char **words)
{
  for (; words && *words; words++) {
    CliPort port;

    if (!cli_port_parse (*words, &port)) {
      g_autofree char *shown = cli_escape (*words, -1, CLI_ESCAPE_LINE);
      cli_usage (cli, _ ("%s is not HOST[:INSIDE][/tcp|/udp]"), shown);
      return FALSE;
    }
  }
  return TRUE;
}

gboolean
cli_port_add_to (Cli *cli, const char *path, const CliPort *port, GError **error)
{
  g_autoptr (GVariant) answer = cli_call (cli, path, IFACE_CONTAINER, "AddPort",
                                          g_variant_new ("(sqqa{sv})", port->protocol, port->host,
                                                         port->inside ? port->inside : port->host, NULL),
                                          NULL, NULL, error);

  return answer != NULL;
}

gboolean
cli_port_remove_from (Cli *cli, const char *path, const CliPort *port, GError **error)
{
  g_autoptr (GVariant) answer =
      cli_call (cli, path, IFACE_CONTAINER, "RemovePort", g_variant_new ("(sq)", port->protocol, port->host),
                NULL, NULL, error);

  return answer != NULL;
}

char *
cli_ports_text (GVariant *ports)
{
  GString *text = g_string_new (NULL);
  GVariantIter iter;
  const char *protocol;
  guint16 host, inside;

  g_variant_iter_init (&iter, ports);
  while (g_variant_iter_next (&iter, "(&sqq)", &protocol, &host, &inside))
    g_string_append_printf (text, "%s%u:%u/%s", text->len ? " " : "", host, inside, protocol);
  return g_string_free (text, FALSE);
}

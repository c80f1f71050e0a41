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

/* ---- what an image listens at ---- */

/* Whether one of PORTS, a container's property, leads to the port NUMBER of PROTOCOL in it: the host's, or 0. */
static guint16
leads_to (GVariant *ports, const char *protocol, guint16 number)
{
  GVariantIter iter;
  const char *other;
  guint16 host, inside;

  g_variant_iter_init (&iter, ports);
  while (g_variant_iter_next (&iter, "(&sqq)", &other, &host, &inside))
    if (inside == number && g_str_equal (protocol, other))
      return host;
  return 0;
}

typedef gboolean (*EachExposed) (
    Cli *cli, const char *path, GVariant *ports, const CliPort *port, GError **error);

/* EACH with all the ports that EXPOSED has: "80/tcp", "8000-8010/udp". */
static gboolean
each_exposed (
    Cli *cli, const char *path, GVariant *ports, const char *const *exposed, EachExposed each, GError **error)
{
  for (; *exposed; exposed++) {
    const char *slash = strchr (*exposed, '/');
    const char *dash = strchr (*exposed, '-');
    CliPort port = { .protocol = slash ? parse_protocol (slash + 1) : NULL };
    guint64 first = g_ascii_strtoull (*exposed, NULL, 10);
    guint64 last = dash ? g_ascii_strtoull (dash + 1, NULL, 10) : first;

    for (; port.protocol && first >= 1 && first <= last && last <= G_MAXUINT16; first++) {
      port.inside = (guint16)first;
      if (!each (cli, path, ports, &port, error))
        return FALSE;
    }
  }
  return TRUE;
}

static gboolean
publish_one (Cli *cli, const char *path, GVariant *ports, const CliPort *port, GError **error)
{
  return leads_to (ports, port->protocol, port->inside) || cli_port_add_to (cli, path, port, error);
}

static gboolean
tell_one (Cli *cli, const char *path, GVariant *ports, const CliPort *port, GError **error)
{
  g_printerr (_ ("bothy: port %u/%s of this machine leads to port %u\n"),
              leads_to (ports, port->protocol, port->inside), port->protocol, port->inside);
  return TRUE;
}

static GVariant *
get_ports (Cli *cli, const char *path, char **ret_image, GError **error)
{
  g_autoptr (GVariant) properties = cli_get_all (cli, path, IFACE_CONTAINER, error);

  if (properties && ret_image)
    g_variant_lookup (properties, "Image", "s", ret_image);
  return properties ? g_variant_lookup_value (properties, "Ports", G_VARIANT_TYPE ("a(sqq)")) : NULL;
}

gboolean
cli_ports_publish_exposed (Cli *cli, const char *path, GError **error)
{
  g_autofree char *image = NULL;
  g_autofree char *image_path = NULL;
  g_autofree const char **exposed = NULL;
  g_autoptr (GVariant) before = get_ports (cli, path, &image, error);
  g_autoptr (GVariant) properties = NULL;
  g_autoptr (GVariant) configuration = NULL;
  g_autoptr (GVariant) after = NULL;

  if (before == NULL || image == NULL)
    return FALSE;
  image_path = cli_find_image (cli, image, error);
  properties = image_path ? cli_get_all (cli, image_path, IFACE_IMAGE, error) : NULL;
  if (properties == NULL)
    return FALSE;
  configuration = g_variant_lookup_value (properties, "Configuration", G_VARIANT_TYPE_VARDICT);
  if (configuration == NULL || !g_variant_lookup (configuration, "ports", "^a&s", &exposed) || !*exposed) {
    g_printerr ("bothy: %s\n",
                _ ("The image does not say of any port that it listens there: none is published"));
    return TRUE;
  }
  if (!each_exposed (cli, path, before, exposed, publish_one, error))
    return FALSE;
  after = get_ports (cli, path, NULL, error);
  return after && (cli->quiet || each_exposed (cli, path, after, exposed, tell_one, error));
}

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

/* FIRST or FIRST-LAST */
static gboolean
parse_range (const char *text, guint16 *ret_first, guint *ret_n)
{
  g_auto (GStrv) ends = g_strsplit (text, "-", 2);
  guint16 last;

  if (!ends[0] || !parse_number (ends[0], ret_first))
    return FALSE;
  last = *ret_first;
  if (ends[1] && !parse_number (ends[1], &last))
    return FALSE;
  *ret_n = last >= *ret_first ? last - *ret_first + 1u : 0;
  return *ret_n > 0;
}

/* Takes the address off the beginning of TEXT: "127.0.0.1:", or "[::1]:". Returns what follows; NULL: that is none. */
static const char *
parse_address (const char *text, char *ret_address, gsize size)
{
  const char *end = text[0] == '[' ? strstr (text, "]:") : strchr (text, ':');
  gboolean is_6 = text[0] == '[';
  g_autofree char *address = end ? g_strndup (text + is_6, (gsize)(end - text) - is_6) : NULL;

  if (!is_6 && !(address && strchr (address, '.')))
    return text;
  if (!address || !g_hostname_is_ip_address (address) || (strchr (address, ':') != NULL) != is_6 ||
      g_strlcpy (ret_address, address, size) >= size)
    return NULL;
  return end + (is_6 ? 2 : 1);
}

/* Returns what is wrong with WORD, or NULL. */
static const char *
parse_port (const char *word, CliPort *ret_port)
{
  g_auto (GStrv) halves = g_strsplit (word, "/", 2);
  g_auto (GStrv) numbers = NULL;
  const char *rest;
  guint n, n_inside;

  *ret_port = (CliPort){ .protocol = protocols[0] };
  if (halves[0] && halves[1] && g_str_equal (halves[1], "sctp"))
    return _ ("ports of SCTP are not published, only those of TCP and UDP");
  if (halves[0] && halves[1])
    ret_port->protocol = parse_protocol (halves[1]);
  rest = parse_address (halves[0] ? halves[0] : "", ret_port->address, sizeof ret_port->address);
  numbers = g_strsplit (rest ? rest : "", ":", 3);
  n = g_strv_length (numbers);
  if (!ret_port->protocol || n < 1 || n > 2 || !parse_range (numbers[0], &ret_port->host, &ret_port->n) ||
      !parse_range (numbers[n - 1], &ret_port->inside, &n_inside))
    return _ (
        "this is not [ADDRESS:]HOST[:INSIDE][/tcp|/udp], where an address of IPv6 has brackets, and HOST and "
        "INSIDE may be FIRST-LAST");
  return n_inside == ret_port->n ? NULL : _ ("one side has more ports than the other");
}

gboolean
cli_ports_ok (Cli *cli, char **words)
{
  for (; words && *words; words++) {
    CliPort port;
    const char *problem = parse_port (*words, &port);

    if (problem) {
      g_autofree char *shown = cli_escape (*words, -1, CLI_ESCAPE_LINE);
      cli_usage (cli, "%s: %s", shown, problem);
      return FALSE;
    }
  }
  return TRUE;
}

static GVariant *
make_options (const CliPort *port)
{
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (port->address[0])
    g_variant_builder_add (&options, "{sv}", "address", g_variant_new_string (port->address));
  return g_variant_builder_end (&options);
}

/* Changes one: that which is OFFSET behind the first of PORT. */
typedef gboolean (*Change) (Cli *cli, const char *path, const CliPort *port, guint offset, GError **error);

static gboolean
add_one (Cli *cli, const char *path, const CliPort *port, guint offset, GError **error)
{
  guint16 host = port->host ? (guint16)(port->host + offset) : 0;
  g_autoptr (GVariant) answer =
      cli_call (cli, path, IFACE_CONTAINER, "AddPort",
                g_variant_new ("(sqq@a{sv})", port->protocol, host, (guint16)(port->inside + offset),
                               make_options (port)),
                NULL, NULL, error);

  return answer != NULL;
}

static gboolean
remove_one (Cli *cli, const char *path, const CliPort *port, guint offset, GError **error)
{
  g_autoptr (GVariant) answer = cli_call (
      cli, path, IFACE_CONTAINER, "RemovePort",
      g_variant_new ("(sq@a{sv})", port->protocol, (guint16)(port->host + offset), make_options (port)), NULL,
      NULL, error);

  return answer != NULL;
}

/* Of all that WORDS say, but no more than MAX. Returns how many were done. */
static guint
change_each (Cli *cli, const char *path, char **words, guint max, Change change, GError **error)
{
  guint n_done = 0;

  for (; words && *words; words++) {
    CliPort port;

    (void)parse_port (*words, &port);
    for (guint i = 0; i < port.n; i++, n_done++)
      if (n_done == max || !change (cli, path, &port, i, error))
        return n_done;
  }
  return n_done;
}

static guint
count_ports (char **words)
{
  guint n = 0;

  for (; words && *words; words++) {
    CliPort port;

    (void)parse_port (*words, &port);
    n += port.n;
  }
  return n;
}

gboolean
cli_ports_add (Cli *cli, const char *path, char **words, GError **error)
{
  guint n_done = change_each (cli, path, words, G_MAXUINT, add_one, error);

  if (n_done == count_ports (words))
    return TRUE;
  change_each (cli, path, words, n_done, remove_one, NULL);
  return FALSE;
}

gboolean
cli_ports_remove (Cli *cli, const char *path, char **words, GError **error)
{
  return change_each (cli, path, words, G_MAXUINT, remove_one, error) == count_ports (words);
}

static GVariant *
get_ports (Cli *cli, const char *path, char **ret_image, GError **error)
{
  g_autoptr (GVariant) properties = cli_get_all (cli, path, IFACE_CONTAINER, error);

  if (properties && ret_image)
    g_variant_lookup (properties, "Image", "s", ret_image);
  return properties ? g_variant_lookup_value (properties, "Ports", G_VARIANT_TYPE ("a(sqqs)")) : NULL;
}

gboolean
cli_ports_fit (Cli *cli, const char *path, char **words, GError **error)
{
  g_autoptr (GVariant) manager = NULL;
  g_autoptr (GVariant) ports = NULL;
  guint n = count_ports (words);
  guint32 max = G_MAXUINT32;
  gsize n_there;

  /* Of one alone the service says it just as well. */
  if (n <= 1)
    return TRUE;
  manager = cli_get_all (cli, BOTHY_ROOT, IFACE_MANAGER, error);
  if (!manager)
    return FALSE;
  g_variant_lookup (manager, "MaxPorts", "u", &max);
  ports = path ? get_ports (cli, path, NULL, error) : NULL;
  if (path && !ports)
    return FALSE;
  n_there = ports ? g_variant_n_children (ports) : 0;
  if (n_there + n <= max)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
               _ ("These are %u ports, and %u may lead into all containers of a user; nothing was changed"),
               (guint)n_there + n, max);
  return FALSE;
}

char *
cli_ports_text (GVariant *ports)
{
  GString *text = g_string_new (NULL);
  GVariantIter iter;
  const char *protocol, *address;
  guint16 host, inside;

  g_variant_iter_init (&iter, ports);
  while (g_variant_iter_next (&iter, "(&sqq&s)", &protocol, &host, &inside, &address)) {
    g_string_append (text, text->len ? " " : "");
    if (*address && strchr (address, ':'))
      g_string_append_printf (text, "[%s]:", address);
    else if (*address)
      g_string_append_printf (text, "%s:", address);
    g_string_append_printf (text, "%u:%u/%s", host, inside, protocol);
  }
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
  while (g_variant_iter_next (&iter, "(&sqq&s)", &other, &host, &inside, NULL))
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
    CliPort port = { .n = 1, .protocol = slash ? parse_protocol (slash + 1) : NULL };
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
  return leads_to (ports, port->protocol, port->inside) || add_one (cli, path, port, 0, error);
}

static gboolean
tell_one (Cli *cli, const char *path, GVariant *ports, const CliPort *port, GError **error)
{
  g_printerr (_ ("bothy: port %u/%s of this machine leads to port %u\n"),
              leads_to (ports, port->protocol, port->inside), port->protocol, port->inside);
  return TRUE;
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

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "network/port.h"

#include "base/error.h"
#include "base/validate.h"

#include <string.h>

gboolean
bothy_port_parse_protocol (const char *text, gboolean *ret_udp, GError **error)
{
  *ret_udp = g_str_equal (text, "udp");
  if (*ret_udp || g_str_equal (text, "tcp"))
    return TRUE;
  if (g_str_equal (text, "sctp"))
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                 "Ports of SCTP are not published, only those of TCP and UDP");
  else
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "protocol: \"tcp\" or \"udp\"");
  return FALSE;
}

static gboolean
refuse_address (const char *why, GError **error)
{
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "Option \"address\": %s", why);
  return FALSE;
}

static gboolean
parse_address4 (guint32 address, GError **error)
{
  guint first = ntohl (address) >> 24;

  if (address == INADDR_ANY)
    return refuse_address ("0.0.0.0 stands for many; without an address the port is at every one", error);
  return (first > 0 && first < 224) || refuse_address ("a host has no such address for itself", error);
}

static gboolean
parse_address6 (const struct in6_addr *address, GError **error)
{
  if (IN6_IS_ADDR_UNSPECIFIED (address))
    return refuse_address (":: stands for many; without an address the port is at every one", error);
  if (IN6_IS_ADDR_LINKLOCAL (address))
    return refuse_address ("link-local addresses (fe80::) mean something else on each network card", error);
  if (IN6_IS_ADDR_V4MAPPED (address))
    return refuse_address ("write an address of IPv4 as such, like 127.0.0.1", error);
  return !IN6_IS_ADDR_MULTICAST (address) || refuse_address ("a host has no such address for itself", error);
}

gboolean
bothy_port_parse_address (const char *text, BothyPort *port, GError **error)
{
  gboolean bracketed = text[0] == '[' && g_str_has_suffix (text, "]");
  g_autofree char *bare = bracketed ? g_strndup (text + 1, strlen (text) - 2) : g_strdup (text);
  struct in_addr in;
  struct in6_addr in6;

  if (!bracketed && inet_pton (AF_INET, bare, &in) == 1)
    return parse_address4 (in.s_addr, error) &&
           inet_ntop (AF_INET, &in, port->address, sizeof port->address) != NULL;
  if (inet_pton (AF_INET6, bare, &in6) == 1)
    return parse_address6 (&in6, error) &&
           inet_ntop (AF_INET6, &in6, port->address, sizeof port->address) != NULL;
  return refuse_address ("one of IPv4 or IPv6 is needed, like 127.0.0.1 or ::1", error);
}

guint8
bothy_port_get_address (const BothyPort *port, guint8 *ret_address)
{
  memset (ret_address, 0, 16);
  if (inet_pton (AF_INET, port->address, ret_address) == 1)
    return 4;
  return inet_pton (AF_INET6, port->address, ret_address) == 1 ? 6 : 0;
}

char *
bothy_port_describe (const BothyPort *port)
{
  const char *address = port->address;
  gboolean is_6 = strchr (address, ':') != NULL;

  return g_strdup_printf ("%s%s%s%s%u/%s", is_6 ? "[" : "", address, is_6 ? "]" : "", *address ? ":" : "",
                          port->host, bothy_port_protocol (port));
}

const char *
bothy_port_protocol (const BothyPort *port)
{
  return port->udp ? "udp" : "tcp";
}

char *
bothy_port_format (const BothyPort *port)
{
  return g_strdup_printf ("%s:%u:%u%s%s", bothy_port_protocol (port), port->host, port->inside,
                          port->address[0] ? ":" : "", port->address);
}

gboolean
bothy_port_parse (const char *text, BothyPort *ret_port)
{
  g_auto (GStrv) fields = g_strsplit (text, ":", 4);
  guint n = g_strv_length (fields);
  guint64 host, inside;

  *ret_port = (BothyPort){ 0 };
  if (n < 3 || (n == 4 && !bothy_port_parse_address (fields[3], ret_port, NULL)) ||
      !bothy_port_parse_protocol (fields[0], &ret_port->udp, NULL) ||
      !bothy_parse_number (fields[1], 1, G_MAXUINT16, &host) ||
      !bothy_parse_number (fields[2], 1, G_MAXUINT16, &inside))
    return FALSE;
  ret_port->host = (guint16)host;
  ret_port->inside = (guint16)inside;
  return TRUE;
}

static gboolean
is_same_number (const BothyPort *a, const BothyPort *b)
{
  return a->udp == b->udp && a->host == b->host;
}

BothyPort *
bothy_port_find (GArray *ports, const BothyPort *port)
{
  for (guint i = 0; i < ports->len; i++) {
    BothyPort *other = &g_array_index (ports, BothyPort, i);

    if (is_same_number (other, port) && g_str_equal (other->address, port->address))
      return other;
  }
  return NULL;
}

BothyPort *
bothy_port_find_conflict (GArray *ports, const BothyPort *port)
{
  for (guint i = 0; i < ports->len; i++) {
    BothyPort *other = &g_array_index (ports, BothyPort, i);

    if (is_same_number (other, port) &&
        (!other->address[0] || !port->address[0] || g_str_equal (other->address, port->address)))
      return other;
  }
  return NULL;
}

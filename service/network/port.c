/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "network/port.h"

#include "base/error.h"
#include "base/validate.h"

gboolean
bothy_port_parse_protocol (const char *text, gboolean *ret_udp, GError **error)
{
  *ret_udp = g_str_equal (text, "udp");
  if (*ret_udp || g_str_equal (text, "tcp"))
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "protocol: \"tcp\" or \"udp\"");
  return FALSE;
}

const char *
bothy_port_protocol (const BothyPort *port)
{
  return port->udp ? "udp" : "tcp";
}

char *
bothy_port_format (const BothyPort *port)
{
  return g_strdup_printf ("%s:%u:%u", bothy_port_protocol (port), port->host, port->inside);
}

gboolean
bothy_port_parse (const char *text, BothyPort *ret_port)
{
  g_auto (GStrv) fields = g_strsplit (text, ":", 4);
  guint64 host, inside;

  if (g_strv_length (fields) != 3 || !bothy_port_parse_protocol (fields[0], &ret_port->udp, NULL) ||
      !bothy_parse_number (fields[1], 1, G_MAXUINT16, &host) ||
      !bothy_parse_number (fields[2], 1, G_MAXUINT16, &inside))
    return FALSE;
  ret_port->host = (guint16)host;
  ret_port->inside = (guint16)inside;
  return TRUE;
}

BothyPort *
bothy_port_find (GArray *ports, gboolean udp, guint16 host)
{
  for (guint i = 0; i < ports->len; i++) {
    BothyPort *port = &g_array_index (ports, BothyPort, i);

    if (port->udp == udp && port->host == host)
      return port;
  }
  return NULL;
}

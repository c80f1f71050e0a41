/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A port of the host that leads into a container. */
typedef struct {
  gboolean udp; /* else tcp */
  guint16 host;
  guint16 inside;
} BothyPort;

/* "tcp" or "udp"; FALSE with INVALID_ARGS for another word. */
gboolean bothy_port_parse_protocol (const char *text, gboolean *ret_udp, GError **error);

/* Returns: "tcp" or "udp". */
const char *bothy_port_protocol (const BothyPort *port);

/* "tcp:8080:80", as records have it, and back; FALSE: it is not like that. */
char *bothy_port_format (const BothyPort *port);

/* Fills RET_PORT in from what bothy_port_format() gives; FALSE if TEXT is not like that. */
gboolean bothy_port_parse (const char *text, BothyPort *ret_port);

/* Where PORTS (element-type BothyPort) has that port of the host; NULL: nowhere. */
BothyPort *bothy_port_find (GArray *ports, gboolean udp, guint16 host);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <arpa/inet.h>
#include <glib.h>

G_BEGIN_DECLS

/* A port of the host that leads into a container. */
typedef struct {
  gboolean udp; /* else tcp */
  guint16 host;
  guint16 inside;
  char address[INET6_ADDRSTRLEN]; /* of the host, as inet_ntop() writes it; "": all of them */
} BothyPort;

/* "tcp" or "udp"; FALSE with INVALID_ARGS for another word. */
gboolean bothy_port_parse_protocol (const char *text, gboolean *ret_udp, GError **error);

/* Returns: "tcp" or "udp". */
const char *bothy_port_protocol (const BothyPort *port);

/* Fills in the address of PORT from TEXT, one that a port can be at: IPv4, or IPv6 with or without brackets. FALSE with
   INVALID_ARGS, which says why, for another: none at all, of many at once, link-local. */
gboolean bothy_port_parse_address (const char *text, BothyPort *port, GError **error);

/* Returns: 4 or 6, or 0 for a port at every address; RET_ADDRESS (16 bytes) gets it, and zeros behind one of IPv4. */
guint8 bothy_port_get_address (const BothyPort *port, guint8 *ret_address);

/* "8080/tcp", "127.0.0.1:8080/tcp", "[::1]:8080/tcp": for people. */
char *bothy_port_describe (const BothyPort *port);

/* "tcp:8080:80", or "tcp:8080:80:::1" with an address, as records have it, and back; FALSE: it is not like that. */
char *bothy_port_format (const BothyPort *port);

/* Fills RET_PORT in from what bothy_port_format() gives; FALSE if TEXT is not like that. */
gboolean bothy_port_parse (const char *text, BothyPort *ret_port);

/* Where PORTS (element-type BothyPort) has the host's port of PORT at the same address, or at all of them as that has; NULL:
   nowhere. */
BothyPort *bothy_port_find (GArray *ports, const BothyPort *port);

/* Where PORTS has one that can not be there beside PORT: the same at the same address, or at all when the other is at
   one; NULL: nowhere. */
BothyPort *bothy_port_find_conflict (GArray *ports, const BothyPort *port);

G_END_DECLS

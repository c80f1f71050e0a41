/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "network/protocol.h"

G_BEGIN_DECLS

/*
 * What a container may reach: a list of destinations, each a text
 *
 *     WHERE[:PORT[-PORT]][/PROTOCOL]
 *
 * WHERE is "all", an address, or a network ADDRESS/BITS; an IPv6 one with a port stands in brackets. PROTOCOL
 * is "tcp", "udp" or "icmp"; without it all are meant, but with a port tcp. The list { "all" } limits nothing.
 */

#define BOTHY_EGRESS_ALL  "all"
#define BOTHY_EGRESS_MOST 64 /* destinations of one container */

/* LIST in the one way that each destination is written, and each once. NULL with INVALID_ARGS, which names the
   one that makes no sense. */
char **bothy_egress_parse (const char *const *list, GError **error);

/* LIST, as bothy_egress_parse() gives it, with the destinations of OTHERS as well. NULL with QUOTA_EXCEEDED. */
char **bothy_egress_add (char **list, char **others, GError **error);

/* The same without them. NULL with INVALID_ARGS when one of them is not in LIST. */
char **bothy_egress_remove (char **list, char **others, GError **error);

/* Whether LIST limits anything. */
gboolean bothy_egress_is_limited (char **list);

/* What bothy-net wants to have of LIST: no two with an address, a protocol and a port in common. (element-type
 * struct net_destination) */
GArray *bothy_egress_flatten (char **list);

G_END_DECLS

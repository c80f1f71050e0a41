/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* An address that a nic on a LAN has without asking DHCP: a text ADDRESS/BITS, or ADDRESS/BITS,GATEWAY. IPv4.
 */
typedef struct {
  guint32 address; /* in the order of the host */
  guint prefix;
  guint32 gateway; /* 0: none */
} BothyLanAddress;

/* INVALID_ARGS unless TEXT is one that a host can have, with a gateway in the same network. */
gboolean bothy_lan_address_parse (const char *text, BothyLanAddress *ret, GError **error);

/* INVALID_ARGS when it can not be on a bridge that has SUBNET, such as "192.0.2.0/24"; "" is not known. */
gboolean bothy_lan_address_check_subnet (const BothyLanAddress *self, const char *subnet, GError **error);

/* Whether the machine itself has it. */
gboolean bothy_lan_address_is_own (const BothyLanAddress *self);

/* "192.0.2.7/24", and the gateway or "". */
char *bothy_lan_address_format (const BothyLanAddress *self);
char *bothy_lan_address_format_gateway (const BothyLanAddress *self);

G_END_DECLS

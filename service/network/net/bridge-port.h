/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <netlink/attr.h>
#include <stdbool.h>
#include <stdint.h>

#include "netlink.h"

/*
 * A link as a port of a bridge. It learns no address, so none can be made up; the one that
 * is right is written down. The bridge takes no word of it about topology (BPDUs) or about
 * being a router for multicast.
 */

/* What the kernel has of a port. */
struct bridge_port {
  bool is_right; /* guarded, learns nothing, floods no unicast: as bridge_port_set() makes it */
  bool isolated; /* from other isolated ports of the bridge */
};

/* Sets the port INDEX up so, by SOCKET (NETLINK_ROUTE); ISOLATED: it reaches no other isolated port. Returns 0 or an errno
   value. */
int bridge_port_set (struct nl_sock *socket, uint32_t index, bool isolated);

/* Writes down that MAC is behind the port INDEX. Fine when it is already. Returns 0 or an errno value. */
int bridge_port_add_mac (struct nl_sock *socket, uint32_t index, const uint8_t mac[6]);

/* Reads SETTINGS, the kernel's IFLA_INFO_SLAVE_DATA of a bridge. What can not be read is not right. */
struct bridge_port bridge_port_read (struct nlattr *settings);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <netlink/attr.h>

#include "link.h"

/*
 * A link as a port of a bridge. It learns no address, so none can be made up; the one that
 * is right is written down. The bridge takes no word of it about topology (BPDUs) or about
 * being a router for multicast.
 */

/* Sets the port INDEX up so; ISOLATED: it reaches no other isolated port. */
int bridge_port_set (struct nl_sock *socket, uint32_t index, bool isolated);

/* Writes down that MAC is behind the port INDEX. Fine when it is already. */
int bridge_port_add_mac (struct nl_sock *socket, uint32_t index, const uint8_t mac[6]);

/* Fills in LINK's fields about its port from the kernel's. */
void bridge_port_read (struct nlattr *settings, struct link *link);

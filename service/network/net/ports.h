/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "link.h"
#include "record.h"

/* Ports of the host that lead to a nic. All functions return 0 or an errno value. */

/*
 * Forwards what REQUEST says, again if need be. EEXIST: the port leads elsewhere; EADDRINUSE: a
 * process of the host listens there.
 */
int ports_add (struct nft *nft, struct nl_sock *route, const struct net_request *request);

/* The other way round. Fine when the port does not lead to REQUEST's address. */
int ports_remove (struct nft *nft, const struct net_request *request);

/* Adds to BATCH the removal of all ports that lead to RECORD's addresses. */
int ports_write_removal (struct nft *nft, const struct record *record, struct batch *batch);

/* Undoes what bridges were told for the sake of ports. */
int ports_close (struct nft *nft, struct nl_sock *route);

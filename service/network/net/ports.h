/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

#include "holds.h"
#include "link.h"
#include "record.h"

/*
 * Ports of the host that lead to a nic: elements of the maps "ports4" and "ports6", or, of one address, "at4" and "at6", with
 * a hold on each (holds.h).
 * All functions return 0 or an errno value.
 */

/*
 * Forwards what REQUEST says, and takes the port into HOLDS; again if need be. NFT has its tables (filter_ensure());
 * ROUTE is a NETLINK_ROUTE socket. EEXIST: the port leads elsewhere; EADDRINUSE: a process of the host has it, or it leads elsewhere
 * at an address that this one would stand for, too.
 * When it fails, nothing is changed. Who waited at the port, see ports_listen(), is brought to the nic.
 */
int
ports_add (struct nft *nft, struct nl_sock *route, struct holds *holds, const struct net_request *request);

/* Takes the port of REQUEST into HOLDS and listens there, or only takes it, as protocol.h says of NET_LISTEN. What was handed
   over from there before ends. When it fails, the port is let go of unless it is forwarded. */
int ports_listen (struct nft *nft, struct holds *holds, const struct net_request *request);

/* What protocol.h says of NET_UNLISTEN. */
int ports_unlisten (struct nft *nft, struct holds *holds, const struct net_request *request);

/* The other way round. Fine when the port does not lead to REQUEST's address. */
int ports_remove (struct nft *nft, struct holds *holds, const struct net_request *request);

/* Forwards nothing to RECORD's addresses any more. */
int ports_drop (struct nft *nft, struct holds *holds, const struct record *record);

/* Makes HOLDS what the maps have, for a program that was just started: what a process of the
   host took meanwhile, or may not be held, is not forwarded any more, and the log says why. What could not be held for
   another reason, such as too many open files, stays as it is: then RET_ALL is false, and it is to be called again. */
int ports_restore (struct nft *nft, struct holds *holds, bool *ret_all);

/* Undoes what bridges were told for the sake of ports. */
int ports_close (struct nft *nft, struct nl_sock *route);

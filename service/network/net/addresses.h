/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "nft.h"

/*
 * Addresses that no nic of a LAN may claim, whether it was given one or not: the host's own, and those of the routers that
 * the host uses. They come and go with the host's network, so the kernel tells of each change.
 */

/* A socket that becomes readable when addresses or routes of the host change, non-blocking, or -1 with errno set. */
int addresses_watch (void);

/* Reads what came on FD, of addresses_watch(). Returns whether something changed. */
bool addresses_read (int fd);

/* Makes the sets "host4", "host6" and "host_targets6" what the kernel has; ROUTE is a NETLINK_ROUTE socket. Returns 0 or an
   errno value; then the sets are as before. */
int addresses_refresh (struct nft *nft, struct nl_sock *route);

/* Whether ADDRESS is in "host4". Returns 0, EADDRNOTAVAIL if it is, or another errno value. */
int addresses_check (struct nft *nft, const uint8_t address[4]);

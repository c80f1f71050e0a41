/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

#include "nic.h"

/*
 * Notices that somebody took our rules away ("nft flush ruleset", a firewall that starts), at once rather
 * than when the next request comes.
 */

/* A socket that becomes readable when rules change, or -1. */
int guard_open (void);

#define GUARD_RULES    1u
#define GUARD_ELEMENTS 2u

/* Reads what came. Returns what of ours was among what went; elements that OWN_PORT took away are not. */
unsigned int guard_read (int fd, uint32_t own_port);

/* Puts back what was LOST as far as it is known here, and takes every nic down whose addresses the filter does not know any
   more. Returns whether the broker has to look after its nics. */
bool guard_check (struct net *net, unsigned int lost);

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

/* Reads what came. Returns whether a rule, chain or table of ours was among what went. */
bool guard_read (int fd);

/* Puts tables and rules back, and takes every nic down whose addresses the filter does not know any more.
   Returns whether there was one: it takes the broker to bring it up again. */
bool guard_check (struct net *net);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <linux/if.h>
#include <stdint.h>

/*
 * Names that follow from others, so that nothing has to be remembered. The alias decides; names
 * are only where to look first.
 */

/* How many names a nic may have: others than us may call a link as they like. */
#define IDENTITY_ATTEMPTS 3

/* A number that stands for ALIAS. */
uint64_t identity_hash (const char *alias);

/* The name to try at ATTEMPT (from 0) for the host's end of ALIAS. */
void identity_name (const char *alias, unsigned int attempt, char ret_name[IFNAMSIZ]);

/* The address of the host's end NAME: local, and higher than any the bridge might take for its own. */
void identity_host_mac (const char *name, uint8_t ret_mac[6]);

/* The link-local address that belongs to MAC. */
void identity_link_local (const uint8_t mac[6], uint8_t ret_address[16]);

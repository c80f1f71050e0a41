/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rules.h"

#define NAME_BITS 36 /* nine digits: what IFNAMSIZ leaves beside the prefix */

/* FNV-1a. The broker chooses what goes in, so nobody gains from a collision, which is survived anyhow. */
uint64_t
identity_hash (const char *alias)
{
  uint64_t hash = UINT64_C (14695981039346656037);

  for (; *alias != '\0'; alias++)
    hash = (hash ^ (uint8_t)*alias) * UINT64_C (1099511628211);
  return hash ^ hash >> NAME_BITS;
}

void
identity_name (const char *alias, unsigned int attempt, char ret_name[IFNAMSIZ])
{
  uint64_t hash = identity_hash (alias) + attempt * UINT64_C (0x9e3779b97f4a7c15);

  snprintf (ret_name, IFNAMSIZ, RULES_PREFIX "%09" PRIx64, hash & ((UINT64_C (1) << NAME_BITS) - 1));
}

void
identity_host_mac (const char *name, uint8_t ret_mac[6])
{
  uint64_t hash = identity_hash (name);

  ret_mac[0] = 0xfe;
  for (int i = 1; i < 6; i++)
    ret_mac[i] = (uint8_t)(hash >> (8 * i));
}

void
identity_link_local (const uint8_t mac[6], uint8_t ret_address[16])
{
  memset (ret_address, 0, 16);
  ret_address[0] = 0xfe;
  ret_address[1] = 0x80;
  memcpy (ret_address + 8, mac, 3);
  ret_address[8] ^= 2;
  ret_address[11] = 0xff;
  ret_address[12] = 0xfe;
  memcpy (ret_address + 13, mac + 3, 3);
}

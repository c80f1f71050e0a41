/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <linux/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "elements.h"
#include "protocol.h"

/*
 * What the filter knows of one nic. It is kept in the kernel as a comment on the nic's element
 * of the set "nics", so that all its other elements follow from that one.
 */
struct record {
  char name[IFNAMSIZ];
  char bridge[IFNAMSIZ];
  uint64_t hash; /* of the alias */
  uint8_t mac[6];
  uint8_t address4[4];
  uint8_t address6[16];
  uint32_t group;
  uint32_t owner; /* a uid */
  bool lan;
  bool bound;            /* on a LAN, but to its IPv4 address */
  uint64_t destinations; /* a hash of what it may reach; 0: everything */
};

/* The record of REQUEST's nic, with NAME as the host's end and BRIDGE. */
void
record_init (struct record *record, const struct net_request *request, const char *name, const char *bridge);

/* Whether the filter does the same for both. */
bool record_is_same (const struct record *a, const struct record *b);

/* Adds to BATCH a change of each of RECORD's elements. */
void record_write (const struct record *record, struct batch *batch, enum change change);

/* The element that says that RECORD's IPv4 address is one nic's on a LAN. */
struct element record_claim (const struct record *record);

/* The element of "nics" that NAME's record is kept in, as far as it is known from NAME. */
struct element record_element (const char *name);

/* Reads a record from such an element. Returns whether it is one. */
bool record_read (const struct element *element, struct record *ret_record);

/* Whether BRIDGE's name can be written into a command as it is. */
bool record_name_is_plain (const char *bridge);

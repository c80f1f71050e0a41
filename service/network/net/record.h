/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <linux/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

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
  bool lan;
};

/* The record of REQUEST's nic, with NAME as the host's end and BRIDGE. */
void record_init (
    struct record *record, const struct net_request *request, const char *name, const char *bridge);

bool record_is_same (const struct record *a, const struct record *b);

/* Writes an nft command with VERB ("add" or "delete") for each element of RECORD. */
void record_write (const struct record *record, FILE *file, const char *verb);

/* Reads records from what nft lists of the set "nics". Returns where to go on, or NULL: no more. */
const char *record_read (const char *text, struct record *ret_record);

/* Whether BRIDGE's name can be written into a command as it is. */
bool record_name_is_plain (const char *bridge);

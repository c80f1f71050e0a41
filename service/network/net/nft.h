/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <nftables/libnftables.h>
#include <stdint.h>
#include <stdio.h>

#include "netlink.h"

/* nftables, and whether somebody else changed it since we last looked. */
struct nft {
  struct nft_ctx *context;
  struct nl_sock *socket; /* asks for the generation */
  uint32_t generation;    /* of the rules, after our last change; 0: unknown */
};

/* Commands that are being written. */
struct text {
  char *data;
  size_t size;
  FILE *file;
};

/* Returns 0 or an errno value. */
int nft_open (struct nft *nft);

/*
 * Does COMMANDS, all or nothing. Returns 0 or an errno value, and in RET_OUTPUT, unless that
 * is NULL, what was asked for; it lasts until the next call. What goes wrong is
 * logged unless EXPECTED is what it is.
 */
int nft_run (struct nft *nft, const char *commands, int expected, const char **ret_output);

/* Whether nobody, we included, changed any rule since NFT's generation was taken. */
bool nft_is_unchanged (struct nft *nft);

/* Takes the kernel's generation of rules as one that is known. */
void nft_trust (struct nft *nft);

/* Begins to write. Returns 0 or an errno value. */
int text_begin (struct text *text);

/* Ends it: TEXT's data is a string then. Returns 0 or an errno value. */
int text_end (struct text *text);

/* For the cleanup attribute. */
void text_free (struct text *text);

#define AUTO_TEXT __attribute__ ((cleanup (text_free))) struct text

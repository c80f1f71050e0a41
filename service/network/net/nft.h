/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <nftables/libnftables.h>
#include <stdbool.h>
#include <stdint.h>

#include "netlink.h"

/*
 * nftables, and whether somebody else changed it since we last looked. The tables as such are
 * text for libnftables; their elements go to the kernel directly (elements.h), because the
 * library first reads all elements there are.
 */
struct nft {
  struct nft_ctx *context;
  struct nl_sock *socket; /* for questions */
  int batch_fd;           /* for changes */
  uint32_t sequence;
  uint32_t generation; /* of the rules, after our last change; 0: unknown */
};

/* Opens what is not open yet of NFT, which is all zeros at first. Returns 0 or an errno value. */
int nft_open (struct nft *nft);

/* The port of the socket that elements are changed by, which the kernel names when it tells of changes; 0: none yet. */
uint32_t nft_port (const struct nft *nft);

/* Closes what nft_open() opened. */
void nft_close (struct nft *nft);

/* Does COMMANDS, all or nothing, and logs what goes wrong. Returns 0 or an errno value. */
int nft_run (struct nft *nft, const char *commands);

/*
 * Asks with COMMANDS, in silence. RET_OUTPUT, with the handles of rules, lasts until the next call.
 * Returns 0 or an errno value.
 */
int nft_ask (struct nft *nft, const char *commands, const char **ret_output);

/* Whether nobody but us changed any rule since nft_trust(). */
bool nft_is_unchanged (struct nft *nft);

/* Takes the kernel's rules as they are now as known. */
void nft_trust (struct nft *nft);

/*
 * To be called before each change of ours. Returns what nft_after_change() wants. A change is one step of the kernel's
 * generation; any other number means that somebody else took one as well.
 */
uint32_t nft_before_change (struct nft *nft);

/* To be called after it. BEFORE is from nft_before_change(); CHANGED: it was done. */
void nft_after_change (struct nft *nft, uint32_t before, bool changed);

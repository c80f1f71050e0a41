/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "holds.h"
#include "link.h"
#include "nft.h"

#define NET_N_DOOMED 256u

/* What the program works with; opened at the first request. */
struct net {
  struct nl_sock *route;
  struct nft nft;
  struct holds holds; /* of ports that lead to nics */
  bool is_open;
  bool is_restored;              /* ports_restore() has nothing more to do */
  int guard;                     /* guard_open() */
  int addresses;                 /* addresses_watch(), or -1: no nic of a LAN was made or repaired yet */
  unsigned int lost;             /* of the rules, and not looked after yet: GUARD_RULES, GUARD_ELEMENTS */
  uint32_t doomed[NET_N_DOOMED]; /* links that have lost their filter, and are about to go: the last ones */
  unsigned int n_doomed;         /* ever */
};

/* What a request led to, beside its error. */
struct outcome {
  uint32_t step; /* where it failed */
  uint32_t index;
  uint32_t doomed; /* of DETACH: the link that is still to be removed, or 0 */
  char name[NET_NAME_SIZE];
  char *text; /* of LIST; the caller frees it */
  size_t text_size;
};

/* Nics. Functions that take RET return 0, or an errno value with RET's step filled in. */

/* Does what protocol.h says of NET_ATTACH, for the namespace that is open as NAMESPACE and stays the caller's. When it fails,
   nothing is left. */
int nic_attach (struct net *net, const struct net_request *request, int namespace, struct outcome *ret);

/* Does what protocol.h says of NET_REPAIR. When it fails, the link is down. */
int nic_repair (struct net *net, const struct net_request *request, struct outcome *ret);

/* Does what protocol.h says of NET_DETACH, but for removing the link: that is left to the caller, who finds it in RET. */
int nic_detach (struct net *net, const struct net_request *request, struct outcome *ret);

/* Whether the link INDEX was detached, and only has not gone yet. */
bool nic_is_doomed (const struct net *net, uint32_t index);

/* It stays, as it could not be removed. */
void nic_spare (struct net *net, uint32_t index);

/* 0 if NAMESPACE is a network namespace, and not the host's own. */
int nic_check_namespace (int namespace);

/* Fails at STEP with ERROR: fills in RET, returns ERROR. */
static inline int
fail (struct outcome *ret, enum net_step step, int error)
{
  ret->step = step;
  return error;
}

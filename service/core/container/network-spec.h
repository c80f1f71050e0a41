/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "network/lanaddress.h"

G_BEGIN_DECLS

typedef enum {
  BOTHY_CONTAINER_NETWORK_NONE, /* it has no nic */
  BOTHY_CONTAINER_NETWORK_NAT,  /* its nic is on the default bridge */
  BOTHY_CONTAINER_NETWORK_LAN,  /* its nic is on a bridge of the LAN */
} BothyContainerNetworkKind;

/* The network that a container is to have. All but the kind is for BOTHY_CONTAINER_NETWORK_LAN only. */
typedef struct {
  BothyContainerNetworkKind kind;
  char *bridge;             /* the bridge's name; NULL: not on a LAN */
  BothyLanAddress *address; /* NULL: the LAN says, by DHCP */
  char **resolvers;         /* as in network/resolvers.h; none: the LAN says */
  gboolean allowed;         /* an administrator agreed that it is on that bridge */
} BothyContainerNetwork;

/* Read what is asked for: NETWORK is "none", "nat", or "lan:" and the name of a bridge; ADDRESS is as
   bothy_lan_address_parse() takes it, or ""; RESOLVERS are as bothy_resolvers_parse() takes them. (transfer full); NULL
   with INVALID_ARGS, which names the option. */
BothyContainerNetwork *bothy_container_network_parse (const char *network,
                                                      const char *address,
                                                      const char *const *resolvers,
                                                      GError **error);

/* NULL is not allowed. */
void bothy_container_network_free (BothyContainerNetwork *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyContainerNetwork, bothy_container_network_free)

/* What bothy_container_network_parse() takes as NETWORK. (transfer full) */
char *bothy_container_network_format (const BothyContainerNetwork *self);

/* What it takes as ADDRESS. (transfer full) */
char *bothy_container_network_format_address (const BothyContainerNetwork *self);

/* Whether both are to have the same address on the same bridge. */
gboolean bothy_container_network_shares_address (const BothyContainerNetwork *self,
                                                 const BothyContainerNetwork *other);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <linux/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "netlink.h"
#include "protocol.h"

/* A link as the kernel has it. */
struct link {
  uint32_t index;
  uint32_t master;
  uint32_t mtu;
  uint32_t flags; /* IFF_ */
  uint32_t group;
  uint32_t peer;          /* of a veth: index of the other end */
  int32_t peer_namespace; /* and the number of the namespace that that is in; -1: ours */
  char name[IFNAMSIZ];
  char alias[NET_ALIAS_SIZE]; /* empty as well when it is longer than any of ours */
  char kind[16];
  char master_kind[16];
  bool makes_no_addresses; /* no IPv6 address by itself */
  bool port_is_right;      /* guarded, learns nothing, floods no unicast */
  bool isolated;           /* from other isolated ports of the bridge */
};

/* The device group that marks what we make from its first moment on, before it has an alias. */
#define LINK_GROUP 0xb0774u

/* What a veth is made of. */
struct link_pair {
  const char *name;
  const char *inside; /* the peer's name */
  const uint8_t *inside_mac;
  int namespace; /* the peer's */
  uint32_t mtu;
  uint32_t inside_mtu;
};

/* Looks at the link called NAME. Returns 0 or an errno value; ENODEV: there is none. */
int link_find (struct nl_sock *socket, const char *name, struct link *ret_link);

/* The same in the namespace that the kernel numbers so. */
int link_find_in (struct nl_sock *socket, int32_t netns, const char *name, struct link *ret_link);

/* The same by index. */
int link_get (struct nl_sock *socket, uint32_t index, struct link *ret_link);

/* Calls READER for each link. Returns 0, or what READER returned that was not 0. */
int link_each (struct nl_sock *socket, int (*reader) (const struct link *link, void *data), void *data);

/* Whether LINK was made by this program, going by all that it was given. */
bool link_is_ours (const struct link *link);

/* Makes a veth, down. EEXIST: one of the names is taken. */
int link_make (struct nl_sock *socket, const struct link_pair *pair);

/* Gives the new link INDEX its ALIAS, and takes away what it could speak IP with. */
int link_dress (struct nl_sock *socket, uint32_t index, const char *name, const char *alias);

int link_set_master (struct nl_sock *socket, uint32_t index, uint32_t master);
int link_set_up (struct nl_sock *socket, uint32_t index, bool up);
int link_remove (struct nl_sock *socket, uint32_t index);

/* Lets packets of the host's loopback be routed through the link INDEX, and what answers them come back, or not. Of IPv6 as
   far as the kernel can. */
int link_open_loopback (struct nl_sock *socket, uint32_t index, bool on);

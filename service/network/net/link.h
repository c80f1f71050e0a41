/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <linux/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "bridge-port.h"
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
  struct bridge_port port; /* what it is as one; nothing is right of what is none */
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

/* All functions take a NETLINK_ROUTE socket; what they return is 0 or an errno value where nothing else is said. */

/* Looks at the link called NAME. ENODEV: there is none. */
int link_find (struct nl_sock *socket, const char *name, struct link *ret_link);

/* The same in the namespace that the kernel numbers NETNS. */
int link_find_in (struct nl_sock *socket, int32_t netns, const char *name, struct link *ret_link);

/* The same by index. */
int link_get (struct nl_sock *socket, uint32_t index, struct link *ret_link);

/* Calls READER for each link. Returns 0, or what READER returned that was not 0. */
int link_each (struct nl_sock *socket, int (*reader) (const struct link *link, void *data), void *data);

/* Whether LINK was made by this program, going by all that it was given. */
bool link_is_ours (const struct link *link);

/* Makes a veth, down. EEXIST: one of the names is taken. */
int link_make (struct nl_sock *socket, const struct link_pair *pair);

/* Gives the new link INDEX, called NAME, its ALIAS, and takes away what it could speak IP with. */
int link_dress (struct nl_sock *socket, uint32_t index, const char *name, const char *alias);

/* Makes the link INDEX a port of the bridge MASTER. EXFULL: the bridge has no port left. */
int link_set_master (struct nl_sock *socket, uint32_t index, uint32_t master);

/* Sets the link INDEX up, or down. */
int link_set_up (struct nl_sock *socket, uint32_t index, bool up);

/* Removes the link INDEX, with its other end. ENODEV: there is none. */
int link_remove (struct nl_sock *socket, uint32_t index);

/* Lets packets of the host's loopback be routed through the link INDEX, and what answers them come back, or not. Without IPv6 it
   is done for IPv4 alone. */
int link_open_loopback (struct nl_sock *socket, uint32_t index, bool on);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the broker and bothy-net say to each other: one request or reply per message of
 * a SOCK_SEQPACKET socket whose other end only root can reach. The network namespace
 * that a nic is for travels beside the message as its one file descriptor.
 *
 * bothy-net has CAP_NET_ADMIN and, for ports, CAP_NET_BIND_SERVICE. It makes and removes links, bridge port
 * settings and the rules of the tables "bothy" (families bridge and inet), and touches
 * no link that does not carry its alias. What an address or a name may be, the broker
 * has decided; what a link may do, the filter decides.
 */

#include <stdint.h>

#define NET_PROTOCOL_VERSION 1u
#define NET_NAME_SIZE        16   /* IFNAMSIZ */
#define NET_ALIAS_SIZE       128  /* "bothy:" and what the broker knows the nic by (network/alias.h) */
#define NET_MAX_NICS         4096 /* of NET_LIST's reply */
#define NET_MAX_DESTINATIONS 1024

enum net_op {
  /*
   * Make a nic: a veth whose peer is born in the namespace of fd 0, called INSIDE there,
   * with MAC; the host's end stays down until filter and port settings are in place and
   * read back from the kernel; then it is enslaved to BRIDGE (by index, and a bridge)
   * and set up. Whatever fails, nothing is left. An identical link (same alias) from
   * before is removed first. Reply: index, name of the host's end ("bothy-" and nine digits).
   * The end inside is down.
   */
  NET_ATTACH = 1,
  /* Remove the nic of ALIAS: its link, its elements of the filter, ports that lead to its addresses.
     Fine when there is none. It is cut off at once; the reply comes when the link is gone, some
     20 ms later, and replies to later requests may overtake it. */
  NET_DETACH = 2,
  /* Look at the nic of ALIAS again: filter, port settings, bridge. All fields are as for
     ATTACH (but no fd; INSIDE does not matter), and may say something new. What is missing is put
     back, without interrupting a link that is right; what can not be put back leaves the link
     down. Reply: as ATTACH; ENODEV at NET_STEP_LINK: there is no such nic any more. */
  NET_REPAIR = 3,
  /* Reply: one message with all aliases of ours, as the kernel has them, each with a NUL. */
  NET_LIST = 4,
  /* Clean up: remove links of ours that nothing filters (made half, or after "nft flush ruleset":
     REPAIR first what should stay), elements without a link, and, without any nic left or port taken, the tables. */
  NET_TIDY = 5,
  /* Forward PORT of the host, on every address and its loopback, or on HOST_ADDRESS alone, to INSIDE_PORT of ADDRESS4/6, a
     nic on BRIDGE. The host need not have HOST_ADDRESS just now: what comes to it is forwarded whenever it is the host's. Once more is fine, and needed when NetworkManager activated the bridge anew,
     which forgets our rule among its own, or after "nft flush ruleset". From then on no process of the host gets
     the port, until it leads to no nic any more. EEXIST: the port leads elsewhere; EADDRINUSE: a process of the
     host has it on an address that this would stand for, or another nic does. With BRIDGE 0 neither the loopback
     nor, on a shared bridge of NetworkManager's, anybody outside gets through. */
  NET_PUBLISH = 6,
  /* The other way round; fine when the port does not lead to ADDRESS4/6. */
  NET_UNPUBLISH = 7,
  /* Reply: a line "NAME HOOK" for each table of others that drops what is forwarded or comes in (HOOK) and
     does not know the bridge. NAME: docker, ufw, firewalld, or the table's. */
  NET_EXAMINE = 8,
  /* Which nic is called INSIDE in the namespace of fd 0 now? Reply: its alias, with a NUL. ENODEV at NET_STEP_LINK:
     none of ours. */
  NET_FIND = 9,
  /* Let what comes from or goes to the bridge pass in the chains that docker and ufw leave to people for that, in
     tables that EXAMINE names. Reply: what EXAMINE says then. */
  NET_OPEN_FIREWALLS = 10,
  /* Take PORT of the host, on every address or on HOST_ADDRESS alone, by TCP, for ASKER (not 0), and listen there. A
     message of serial 0 with TICKET as its index tells once that somebody has connected, and is told again when this is
     asked again; nothing is read from him, and he waits. NET_PUBLISH of the port ends it: a process without capabilities
     hands over what waits then, to the nic that the port leads to. EADDRINUSE: a process of the host has the port. */
  NET_LISTEN = 11,
  /* Listen there no more, and let go of the port unless it leads to a nic, or somebody has asked for it since, or with another
     TICKET: who waits is refused. With PORT 0: of all ports that somebody but ASKER asked for. */
  NET_UNLISTEN = 12,
};

enum net_flag {
  NET_FLAG_UDP = 1 << 0, /* PUBLISH: udp, else tcp */
  NET_FLAG_LAN =
      1
      << 1, /* ATTACH: a bridge of the LAN: any address is fine, but no other MAC, and no other's address once one is known */
  NET_FLAG_PAUSED = 1 << 4, /* LISTEN: take the port, but refuse who connects, and who waits */
  NET_FLAG_BOUND = 1 << 3,  /* with LAN: no IPv4 address but ADDRESS4. EADDRNOTAVAIL: another nic has that */
  NET_FLAG_LIMITED =
      1
      << 2, /* ATTACH, REPAIR: the nic may begin connections with DESTINATIONS only, and ask DHCP, and the host's DNS */
};

/* What a limited nic may reach. No two of one nic may have an address, protocol and port in common. */
struct net_destination {
  uint8_t family; /* 4 or 6 */
  uint8_t first_protocol;
  uint8_t last_protocol;
  uint8_t padding;
  uint16_t first_port; /* or whatever the protocol has there: 0 to 65535 for what has no ports */
  uint16_t last_port;
  uint8_t first[16]; /* of IPv4, the first four bytes */
  uint8_t last[16];
};

struct net_request {
  uint32_t version;
  uint32_t serial;
  uint32_t op;
  uint32_t flags;
  uint32_t bridge; /* index of the bridge */
  uint32_t group;  /* nics of the same group, not 0, may talk to each other */
  uint32_t
      owner; /* a uid: whose processes on the host, beside root's, may begin connections with the nic; not on a LAN.
                PUBLISH: whose container it is */
  uint32_t mtu; /* of the end inside, 1280 to the bridge's; 0: the bridge's */
  uint8_t mac[6];
  uint8_t host_family; /* of HOST_ADDRESS, 4 or 6; 0: every address of both */
  uint8_t padding;
  uint8_t address4[4];      /* 0.0.0.0: none */
  uint8_t address6[16];     /* ::: none */
  uint8_t host_address[16]; /* PUBLISH, UNPUBLISH; of IPv4, the first four bytes, and zeros */
  uint16_t port;
  uint16_t inside_port;
  char inside[NET_NAME_SIZE]; /* the nic's name in the namespace */
  char alias[NET_ALIAS_SIZE];
  uint32_t asker;          /* LISTEN, UNLISTEN: a number that each bothyd has of its own */
  uint32_t ticket;         /* LISTEN: what the asker knows the port by; UNLISTEN of a port: of which LISTEN */
  uint32_t n_destinations; /* of a limited nic */
  struct net_destination destinations[];
};

enum net_step {
  NET_STEP_NONE = 0,
  NET_STEP_REQUEST = 1,
  NET_STEP_NAMESPACE = 2, /* fd 0 is no network namespace, or the host's own */
  NET_STEP_BRIDGE = 3,    /* gone, or no bridge */
  NET_STEP_LINK = 4,      /* making the veth; EEXIST: INSIDE is taken */
  NET_STEP_FILTER = 5,    /* nftables */
  NET_STEP_PORT = 6,      /* enslaving (EXFULL: 1023 ports), isolation, learning, guard */
  NET_STEP_VERIFY = 7,    /* the kernel does not show what was asked for */
};

struct net_reply {
  uint32_t version;
  uint32_t serial; /* 0: it was not asked for, see NET_LISTEN */
  int32_t error;   /* 0, or an errno value */
  uint32_t step;
  uint32_t index;
  char name[NET_NAME_SIZE];
  uint32_t text_size; /* LIST: bytes that follow */
};

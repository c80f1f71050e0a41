/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Ports of the host that are taken for containers. What is forwarded never reaches a socket of the host, so without
 * more a service could be bound to the same port, would see no error, and its clients would talk to the
 * container. Hence a socket is bound to each forwarded port, on every address of both families or on the one that is
 * forwarded, and does not listen: whoever binds the port later is told that it is in use, and so are we when somebody was
 * first. Where a connection is to start a container, the same socket listens meanwhile (knocks.h).
 *
 * The sockets have to be there as long as the elements in the kernel that forward, so neither bothyd has them, which
 * comes and goes, nor a container's supervisor, which may do nothing on the host. bothy-net has them, stays for
 * them, and leaves a copy of each with systemd (FDSTORE in sd_notify(3)), which gives them to the next bothy-net. Without
 * systemd there is a gap between two of them; what was taken meanwhile is not forwarded any more (ports_restore()).
 */
struct host_port {
  uint8_t protocol; /* IPPROTO_TCP or IPPROTO_UDP */
  uint8_t family;   /* of ADDRESS, 4 or 6; 0: every address of both families */
  uint16_t number;
  uint8_t address[16]; /* of IPv4, the first four bytes, and zeros */
};

struct hold {
  struct host_port port;
  int fd;
  uint32_t
      asker; /* of NET_LISTEN; 0: it is there for the sake of what is forwarded, or nobody has asked yet */
  uint32_t ticket; /* of the asker's */
  bool listens;
  int proxy;      /* the end of proxy_start() that keeps it, or -1 */
  uint32_t owner; /* whose container the proxy leads to */
};

struct holds {
  struct hold *holds;
  size_t n;
  int knocks; /* knocks_listen(), or -1 */
};

/* Whether both are the same port at the same address, or at every one. */
bool host_port_is_same (const struct host_port *a, const struct host_port *b);

/* Takes over into HOLDS, which are empty, the sockets that systemd kept from a former bothy-net. */
void holds_adopt (struct holds *holds);

/* Holds PORT, also where the host does not have its address just now. Fine when HOLDS have the same already. Returns 0,
   EADDRINUSE if a process of the host, or one of HOLDS, has it on one of its addresses, or another errno value. */
int holds_take (struct holds *holds, const struct host_port *port);

/* The hold of PORT, which is valid until another is taken or let go; NULL: there is none. */
struct hold *holds_find (const struct holds *holds, const struct host_port *port);

/* Lets go of the hold at INDEX; the last one gets that index. */
void holds_release (struct holds *holds, size_t index);

/* Closes all sockets of HOLDS, and leaves them with systemd: for a process that ends, or was forked. */
void holds_close (struct holds *holds);

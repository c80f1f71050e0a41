/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Ports of the host that are taken for containers. What is forwarded never reaches a socket of the host, so without
 * more a service could be bound to the same port, would see no error, and its clients would talk to the
 * container. Hence a socket is bound to each forwarded port, on every address of both families, and does not listen:
 * whoever binds the port later is told that it is in use, and so are we when somebody was first.
 *
 * The sockets have to be there as long as the elements in the kernel that forward, so neither bothyd has them, which
 * comes and goes, nor a container's supervisor, which may do nothing on the host. bothy-net has them, stays for
 * them, and leaves a copy of each with systemd (FDSTORE in sd_notify(3)), which gives them to the next bothy-net. Without
 * systemd there is a gap between two of them; what was taken meanwhile is not forwarded any more (ports_restore()).
 */
struct hold {
  uint8_t protocol; /* IPPROTO_TCP or IPPROTO_UDP */
  uint16_t port;
  int fd;
};

struct holds {
  struct hold *holds;
  size_t n;
};

/* Takes over into HOLDS, which are empty, the sockets that systemd kept from a former bothy-net. */
void holds_adopt (struct holds *holds);

/* Holds PORT of PROTOCOL. Fine when HOLDS have it already. Returns 0, EADDRINUSE if a process of the host has it on any
   address, or another errno value. */
int holds_take (struct holds *holds, uint8_t protocol, uint16_t port);

/* Lets go of the hold at INDEX; the last one gets that index. */
void holds_release (struct holds *holds, size_t index);

/* Closes all sockets of HOLDS, and leaves them with systemd: for a process that ends, or was forked. */
void holds_close (struct holds *holds);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* One message of a SOCK_SEQPACKET socket: bytes, and the fds beside them. */
struct wire {
  void *data;      /* where to put the bytes, and */
  size_t capacity; /* how many fit */
  int *fds;        /* where to put the fds, and */
  unsigned int max_fds;
  size_t size; /* received; more than CAPACITY when the message was longer */
  unsigned int n_fds;
  bool truncated; /* bytes or fds were lost */
};

/*
 * Receives one message from CONNECTION without waiting, into WIRE, whose first four fields say where. The fds
 * are close-on-exec and the caller's; those for which there is no room are closed. Returns 1, or 0 when the
 * other end is gone, or a negative errno value of recvmsg(2), -EAGAIN when there is none.
 */
int wire_receive (int connection, struct wire *wire);

/* Whether the process that made the other end of CONNECTION was root's; false also if that is not known. */
bool wire_peer_is_root (int connection);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "protocol.h"

/* A request as it came off the socket, with the fds that travelled beside it. */
struct packet {
  struct helper_request request;
  size_t size;    /* bytes received; more than a request's when the message was longer */
  bool truncated; /* bytes or fds were lost */
  int fds[HELPER_MAX_FDS];
  unsigned int n_fds;
};

/* For the cleanup attribute: closes the packet's fds. */
void packet_close (struct packet *packet);

/* Receives one message. Returns 1, 0 when the other end is gone, or a negative errno. */
int packet_receive (int connection, struct packet *ret_packet);

/* Sends a reply with N_FDS fds; FLAGS as of sendmsg(2). Returns 0 or a negative errno. */
int packet_reply (
    int connection, const struct helper_reply *reply, const int *fds, unsigned int n_fds, int flags);

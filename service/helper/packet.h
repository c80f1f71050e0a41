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

/* Closes the fds of PACKET, which then has none; for the cleanup attribute. */
void packet_close (struct packet *packet);

/*
 * Receives one message from CONNECTION, without waiting. Its fds are RET_PACKET's, to be closed with
 * packet_close(). Returns 1, or 0 when the other end is gone, or a negative errno value of recvmsg(2).
 */
int packet_receive (int connection, struct packet *ret_packet);

/*
 * Sends REPLY with copies of the N_FDS fds at FDS; FLAGS are those of sendmsg(2). Returns 0, -EMSGSIZE for
 * more than HELPER_MAX_FDS, or a negative errno value of sendmsg(2).
 */
int packet_reply (
    int connection, const struct helper_reply *reply, const int *fds, unsigned int n_fds, int flags);

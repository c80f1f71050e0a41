/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "protocol.h"

#include <stddef.h>

/* A received message. TEXT points into a buffer that the next packet_receive() overwrites. */
struct packet {
  struct supervisor_message head;
  char *text;
  int fds[SUPERVISOR_MAX_FDS];
  unsigned n_fds;
};

/* The strings of a message, split: FIXED ones in front, then argv and env, each ended by NULL. */
struct packet_strings {
  char **fixed;
  char **argv;
  char **env;
  char **all; /* the one allocation; free(3) it */
};

/*
 * Receives one packet from SOCKET. Returns 1, or 0 when the other end has closed, or
 * -EAGAIN when there is none, -EBADMSG when it is malformed (PACKET has its serial if
 * it was long enough to have one, and no fds), or another negative errno value of
 * recvmsg(2). The descriptors are close-on-exec and belong to PACKET.
 */
int packet_receive (int socket, struct packet *packet);

/* Whether the SIZE bytes at DATA are a whole message: version, sizes, each string ended. 0 or -EBADMSG. */
int packet_check (const char *data, size_t size);

/* Closes what is left of PACKET's descriptors. */
void packet_clear (struct packet *packet);

/* Gives back the memory that a large message used. */
void packet_trim (void);

/* Takes descriptor INDEX out of PACKET: the caller owns it. -1 if there is none. */
int packet_steal_fd (struct packet *packet, unsigned index);

/*
 * Fills STDIO with PACKET's three descriptors, which stay PACKET's, or with -1 where it has not just three.
 * Returns 0, or -EISDIR where one is a directory, or -EBADF where one is neither to be read nor written
 * (O_PATH): from each of these a program inside could open what is beside it on the host.
 */
int packet_get_stdio (const struct packet *packet, int stdio[3]);

/*
 * Splits PACKET's text into N_FIXED strings, n_argv and n_env. Returns 0, -EBADMSG if
 * there are more or fewer, -ENOMEM.
 */
int packet_split (const struct packet *packet, unsigned n_fixed, struct packet_strings *strings);

/*
 * Sends HEAD (version and text_size are filled in) with TEXT and FD (-1: none) without
 * waiting. Returns 0 or a negative errno value of sendmsg(2).
 */
int packet_send (int socket, struct supervisor_message *head, const char *text, size_t text_size, int fd);

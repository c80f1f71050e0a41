/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sys/socket.h>

/* Whose an address is; the later ones are more people's. */
typedef enum {
  REACH_NONE,     /* no server's: link-local is where clouds keep their secrets */
  REACH_LOOPBACK, /* this machine's */
  REACH_PRIVATE,  /* its network's */
  REACH_PUBLIC,
} Reach;

/* Whose ADDRESS is; REACH_NONE for what is neither IPv4 nor IPv6. */
Reach address_reach (const struct sockaddr *address);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "holds.h"

/*
 * Sockets of holds that listen, so that the first connection starts a container. The kernel takes connections for them and
 * keeps them; that somebody has come is all that is looked at here.
 */

#define KNOCKS_MAX                                                                                           \
  32 /* connections that wait at a port; whoever comes when there are so many is refused in the end */

/* Listens at HOLD, one of HOLDS and of TCP, which may do so already, and has knocks_read() tell of it once. Returns 0, or
   an errno value: then it does not listen. */
int knocks_listen (struct holds *holds, struct hold *hold);

/* Refuses whoever waits at HOLD, and who comes, and keeps the port. Fine when it does not listen. */
void knocks_pause (struct holds *holds, struct hold *hold);

/* Whether somebody has come to one of HOLDS who was not told of yet; RET_TICKET gets what its asker knows it by. */
bool knocks_read (struct holds *holds, uint32_t *ret_ticket);

/* Takes those who wait at HOLD into RET_CONNECTIONS, which are the caller's to close. Returns how many they are. */
unsigned int knocks_take (const struct hold *hold, int ret_connections[KNOCKS_MAX]);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/byhand/nics.h"

/* Which nic somebody means: the one called INSIDE, in the namespace NETNS_FD, on BRIDGE. */
typedef struct {
  guint32 user;
  char *bridge;
  char *inside;
  int netns_fd;
} BothyHandPlace;

void bothy_hand_place_init (
    BothyHandPlace *self, guint32 user, const char *bridge, int netns_fd, const char *inside);
void bothy_hand_place_clear (BothyHandPlace *self);

/* The nic of PLACE is gone. */
void bothy_hand_forget_nic (BothyRegistry *registry, const BothyPlace *place);

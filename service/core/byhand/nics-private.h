/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/byhand/nics.h"

/* Which nic somebody means: the one called INSIDE, in the namespace NETNS_FD, on BRIDGE. */
typedef struct {
  guint32 user;
  char *bridge;
  char *inside;
  int netns_fd;
} BothyByhandPlace;

void bothy_byhand_place_init (
    BothyByhandPlace *self, guint32 user, const char *bridge, int netns_fd, const char *inside);
void bothy_byhand_place_clear (BothyByhandPlace *self);

/* The nic of PLACE is gone. */
void bothy_byhand_forget_nic (BothyRegistry *registry, const BothyNic *place);

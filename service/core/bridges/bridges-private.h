/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/bridges/bridges.h"

struct _BothyBridges {
  GObject parent;
  BothyBridgeMonitor *watch;
  BothyDelegations *delegations;
  GHashTable *known; /* name → BothyKnownBridge */
  char *subnet;
  GQueue *waiting; /* GTask */
  guint timer;
  gboolean ready;
};

/* What is known of SELF is another by now. */
void bothy_known_bridge_changed (BothyKnownBridge *self);

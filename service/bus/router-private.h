/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/router.h"
#include "core/ids/callers.h"

struct _BothyRouter {
  GObject parent;
  GDBusConnection *connection;
  BothyRegistry *registry;
  guint filter;
  guint names;           /* the subscription to names that are lost */
  GTree *nodes;          /* path → BothyNode */
  BothyCallers *callers; /* who may be one of them */
  GHashTable *clients;   /* unique name → BothyClient */
  GHashTable *in_flight; /* uid → number of calls */
  guint n_in_flight;
};

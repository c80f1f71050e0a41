/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/ids/ranges.h"

struct _BothyRanges {
  GObject parent;
  int dirfd;
  guint32 pool_base;
  guint32 pool_count;
  GTree *by_base;     /* base → BothyRange */
  GHashTable *taking; /* uid → how many ranges that user is getting by hand just now */
  guint32 next;       /* index in the pool where the search for a new one begins */
  gboolean degraded;
};

/* What a thread is told of a range, and says of it. */
typedef struct {
  int dirfd;
  guint32 owner;
  guint32 base;
  gboolean by_hand;
  gboolean claimed_elsewhere;
} BothyRangeTake;

/* NULL: nobody ever got it. */
BothyRange *bothy_ranges_lookup (BothyRanges *self, guint32 base);

/* Writes down whose it is; in a thread. */
gboolean bothy_range_record (const BothyRangeTake *take, GError **error);

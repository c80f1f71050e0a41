/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "base/configuration.h"
#include "base/ids.h"

G_BEGIN_DECLS

/*
 * Which id belongs to whom, for all time: a range that once was a user's is only ever
 * given to the same user again, since files with its ids may lie anywhere.
 */
#define BOTHY_TYPE_RANGES (bothy_ranges_get_type ())
G_DECLARE_FINAL_TYPE (BothyRanges, bothy_ranges, BOTHY, RANGES, GObject)

/* Read the records below DIRFD (STATE/ranges), which stays the caller's. */
BothyRanges *bothy_ranges_new (int dirfd, const BothyConfiguration *configuration);

/* TRUE when a record could not be read. Nothing is given out then. */
gboolean bothy_ranges_is_degraded (BothyRanges *self);
void bothy_ranges_set_degraded (BothyRanges *self);

/* Get a range for OWNER: one of his that is free, else a new one that nobody lays claim to. */
void bothy_ranges_take (BothyRanges *self, guint32 owner, GAsyncReadyCallback callback, gpointer user_data);

/* The first id; 0 on error (NO_FREE_RANGE, DEGRADED). */
guint32 bothy_ranges_take_finish (BothyRanges *self, GAsyncResult *result, GError **error);

/* Mark BASE as OWNER's and used, for a container found on disk. FALSE: the records say otherwise. */
gboolean bothy_ranges_claim (BothyRanges *self, guint32 owner, guint32 base);

/* OWNER's next container may have it. */
void bothy_ranges_release (BothyRanges *self, guint32 base);

/* Whether ID lies in a range that was given out, or in the neutral one: nobody who calls has such a uid. */
gboolean bothy_ranges_contain (BothyRanges *self, guint32 id);

/* Get a range for OWNER that he uses without a container: his until he gives it back, also when we
   start anew. He may have MAX (QUOTA_EXCEEDED). Its finish is that of bothy_ranges_take(). */
void bothy_ranges_take_by_hand (
    BothyRanges *self, guint32 owner, guint max, GAsyncReadyCallback callback, gpointer user_data);

/* OWNER gives it back. Fails with NOT_YOURS, or BUSY while a process has its ids, or is getting them. */
void bothy_ranges_release_by_hand (
    BothyRanges *self, guint32 owner, guint32 base, GAsyncReadyCallback callback, gpointer user_data);
gboolean bothy_ranges_release_by_hand_finish (BothyRanges *self, GAsyncResult *result, GError **error);

/* Whether subuid(5) or subgid(5) has given ids of the range BASE to somebody since: then ERROR says so, or
   what could not be read. */
gboolean bothy_ranges_check_listed (guint32 base, GError **error);

/* A map with these ids is being written, until BY is -1: their ranges can not be given back meanwhile. */
void bothy_ranges_count_map (BothyRanges *self, guint32 first, guint32 count, int by);

/* Whether all of these ids are OWNER's by hand. COUNT is at least 1. */
gboolean bothy_ranges_are_by_hand (BothyRanges *self, guint32 owner, guint32 first, guint32 count);

typedef struct {
  guint32 base;
  guint32 owner;
  gboolean used;
  gboolean by_hand;   /* its owner holds it */
  gboolean releasing; /* he is giving it back just now */
  guint maps;         /* that are being written just now */
} BothyRange;

/* By base; const BothyRange *, valid until the main loop runs again. */
GPtrArray *bothy_ranges_list (BothyRanges *self);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "base/configuration.h"
#include "base/ids.h"
#include "core/ids/accounts.h"

G_BEGIN_DECLS

/*
 * Which id belongs to whom, for all time: a range that once was a user's is only ever
 * given to the same user again, since files with its ids may lie anywhere.
 *
 * No rule that we could check makes that safe to forget. Whoever has a range can write files with its ids on any file
 * system: by a map of his own, and from within a container through a directory's descriptor that he sends to a socket
 * there. If such a file is setuid, and another user gets the range, the first one is that user's root inside. We can
 * look for it neither on a disk that is not mounted nor on another machine, and the owner's own word is the
 * attacker's. So only an administrator, who has looked, gives a range back to all (bothy_ranges_reclaim()). He shuts it
 * first, and a boot has to come between that and his look: no process, namespace that somebody keeps open, mount, or
 * memory of the kernel's outlives it, so none of it has to be searched for, and nobody can make a file with such an id
 * any more when he looks.
 */
#define BOTHY_TYPE_RANGES (bothy_ranges_get_type ())
G_DECLARE_FINAL_TYPE (BothyRanges, bothy_ranges, BOTHY, RANGES, GObject)

/* Who else has ids of a span: bothy_conflicts_overlap() and bothy_accounts_are_among(), which say what these have to do. */
typedef struct {
  gboolean (*overlap) (BothyIdSpan span, GError **error);
  gboolean (*accounts) (BothyIdSpan span, GError **error);
} BothyRangesChecks;

/* Read the records in the directory DIRFD (STATE/ranges), which stays the caller's. The pool is that of
   CONFIGURATION. CHECKS (copied) are asked in threads; NULL: those that look at this machine. (transfer full) */
BothyRanges *
bothy_ranges_new (int dirfd, const BothyConfiguration *configuration, const BothyRangesChecks *checks);

/* Whether a record could not be read, so that somebody may have ids that nothing says he has: then nothing is given
   out. */
gboolean bothy_ranges_is_degraded (BothyRanges *self);

/* Give nothing out from now on: records elsewhere, which say which range a container has, can not be read. */
void bothy_ranges_set_degraded (BothyRanges *self);

/* Whether OWNER may have one more range: one of his is free, or he has fewer than users may have, or than the GRANTED
   that an administrator lets him have (0: nobody said so). RET_COUNT, or NULL: how many he has, used or not. FALSE with
   QUOTA_EXCEEDED. */
gboolean
bothy_ranges_check_all (BothyRanges *self, guint32 owner, guint granted, guint *ret_count, GError **error);

/* Get a range for OWNER: one of his that is free, else a new one of the pool in which nobody else has ids. GRANTED:
   how many he may have then, as an administrator said, when that is more than a user may have; else 0. */
void bothy_ranges_take (
    BothyRanges *self, guint32 owner, guint granted, GAsyncReadyCallback callback, gpointer user_data);

/* The first of its BOTHY_RANGE_SIZE ids; 0 and QUOTA_EXCEEDED, NO_FREE_RANGE, DEGRADED, or why it could not be written
   down. Also the finish of bothy_ranges_take_by_hand(). */
guint32 bothy_ranges_take_finish (BothyRanges *self, GAsyncResult *result, GError **error);

/* The range BASE is used, by a container of OWNER's that was found on disk. FALSE when it is not OWNER's, or is used
   already. */
gboolean bothy_ranges_mark_used (BothyRanges *self, guint32 owner, guint32 base);

/* The range BASE is used no more: another container of its owner's may have it. */
void bothy_ranges_release (BothyRanges *self, guint32 base);

/* Whether ID lies in a range that was given out, or in the neutral one: whoever has such a uid may be what runs in a container. */
gboolean bothy_ranges_is_given (BothyRanges *self, guint32 id);

/* UID is somebody's who has an account, as directory servers may give out from within the pool: no range with it is given out from
   now on, and when CALLBACK is called, a later bothyd gives none, either. */
void
bothy_ranges_keep_clear_of (BothyRanges *self, guint32 uid, GAsyncReadyCallback callback, gpointer user_data);

/* FALSE: one was given out already. */
gboolean bothy_ranges_keep_clear_of_finish (BothyRanges *self, GAsyncResult *result);

/* Whether OWNER holds fewer than MAX ranges by hand. FALSE with QUOTA_EXCEEDED. */
gboolean bothy_ranges_check_by_hand (BothyRanges *self, guint32 owner, guint max, GError **error);

/* Get a range for OWNER that he uses without a container: his until he gives it back, also after a restart. Fails
   with QUOTA_EXCEEDED when he holds MAX. GRANTED is as for bothy_ranges_take(), whose finish it has. */
void bothy_ranges_take_by_hand (BothyRanges *self,
                                guint32 owner,
                                guint max,
                                guint granted,
                                GAsyncReadyCallback callback,
                                gpointer user_data);

/* OWNER gives back the range BASE that he holds by hand. Fails with NOT_YOURS when he does not hold it, and with BUSY
   while a process has its ids, or is getting them. */
void bothy_ranges_release_by_hand (
    BothyRanges *self, guint32 owner, guint32 base, GAsyncReadyCallback callback, gpointer user_data);
gboolean bothy_ranges_release_by_hand_finish (BothyRanges *self, GAsyncResult *result, GError **error);

/* What bothy_ranges_reclaim() did. */
typedef enum {
  BOTHY_RECLAIM_FAILED = -1,
  BOTHY_RECLAIM_SHUT,  /* nobody gets it, and a boot alone does not change that */
  BOTHY_RECLAIM_GIVEN, /* whoever needs one may get it */
} BothyReclaim;

/* An administrator takes the range BASE, which its owner does not use, from him. The first time it is shut: nobody gets
   it. After a boot the second time says that nothing on any disk has an id of it: then whoever needs one gets it. Fails
   with INVALID_ARGS when nobody has it, with BUSY while it is used or a process has its ids, or when it was shut in
   this boot, and with DEGRADED when it is not known what is used. */
void bothy_ranges_reclaim (BothyRanges *self, guint32 base, GAsyncReadyCallback callback, gpointer user_data);
BothyReclaim bothy_ranges_reclaim_finish (BothyRanges *self, GAsyncResult *result, GError **error);

/* A map of COUNT ids from FIRST is being written (BY 1), or is written now (BY -1): meanwhile the ranges that they
   are in can not be given back. */
void bothy_ranges_count_map (BothyRanges *self, guint32 first, guint32 count, int by);

/* Whether OWNER holds all COUNT ids from FIRST by hand; COUNT is at least 1. */
gboolean bothy_ranges_are_by_hand (BothyRanges *self, guint32 owner, guint32 first, guint32 count);

/* A range that was given out. */
typedef struct {
  guint32 base; /* its first id */
  guint32 owner;
  gboolean used;             /* by a container, or because its owner holds it, or nobody is to have it */
  gboolean by_hand;          /* its owner holds it */
  gboolean shut;             /* an administrator took it from its owner: nobody gets it */
  gboolean shut_before_boot; /* and nothing in the kernel has its ids: it may be given to others */
  gboolean
      clashes; /* somebody has got an account in it since: it is not used anew until bothyd starts again */
  gboolean releasing; /* it is being given back just now */
  guint maps;         /* how many maps with its ids are being written just now */
} BothyRange;

/* All that were given out, by their bases. (element-type BothyRange) (transfer container); they are valid until
   the main loop runs again. */
GPtrArray *bothy_ranges_list (BothyRanges *self);

G_END_DECLS

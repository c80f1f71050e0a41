/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What the record of a range says, STATE/ranges/BASE. */
typedef struct {
  guint32 base;
  guint32 owner;
  gboolean by_hand;          /* its owner holds it */
  gboolean shut;             /* an administrator took it from him, in this boot when it is written */
  gboolean shut_before_boot; /* in an earlier one: nothing in the kernel has its ids. Not written */
} BothyRangeRecord;

/* Read NAME in the directory DIRFD. FALSE: it makes no sense, which was told in the log. */
gboolean bothy_range_record_read (int dirfd, const char *name, BothyRangeRecord *ret_record);

/* Write RECORD, to the disk. Waits for that: for threads. An error says that it is not certain, or not done. */
gboolean bothy_range_record_write (int dirfd, const BothyRangeRecord *record, GError **error);

/* Whether the disk may say that the range BASE is shut: it must not be its owner's in memory then, for at the next start it would
   be nobody's, and what he made with it would have no range. */
gboolean bothy_range_record_may_be_shut (int dirfd, guint32 base);

/* Nobody has the range BASE any more. Waits for the disk. Errors as of writing. */
gboolean bothy_range_record_remove (int dirfd, guint32 base, GError **error);

G_END_DECLS

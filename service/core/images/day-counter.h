/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Days on which the service was there: each date counts once, when it is first seen. So a clock that jumps by
 * years makes one day more, as does a machine that was off for a month; one that begins at 1970 with each
 * boot makes none.
 */

/* How many there were with DAY, a date as days since 1970, which is written down in the record of DIRFD, a
   directory. 0: that is not known now. */
guint64 bothy_day_counter_count (int dirfd, gint64 day);

/* What today is, as days since 1970. */
gint64 bothy_day_counter_today (void);

/* What is done on each day: when the service begins, and again while it stays. */
typedef struct _BothyDayTimer BothyDayTimer;

/* Count today and the days that come in DIRFD, and call BEGIN_DAY with each: at once, and every 24 hours. DIRFD stays
   the caller's. Free it with bothy_day_timer_free(). */
BothyDayTimer *
bothy_day_timer_new (int dirfd, void (*begin_day) (guint64 day, gpointer user_data), gpointer user_data);

/* Nothing is called any more. */
void bothy_day_timer_free (BothyDayTimer *self);

G_END_DECLS

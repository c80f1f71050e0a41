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

/* What today is. */
gint64 bothy_day_counter_today (void);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Tells when the kernel killed processes of a control group for want of memory. It waits
 * for the kernel to say so; nothing wakes up before.
 */
typedef struct _BothyOom BothyOom;

/* KILLS: how many processes since the last time. */
typedef void (*BothyOomFunc) (guint64 kills, gpointer user_data);

/* NULL where there is no memory controller. What was killed before does not count. */
BothyOom *bothy_oom_new (const char *group, BothyOomFunc func, gpointer user_data);

/* Ends the watch. */
void bothy_oom_free (BothyOom *self);

/* Look now: for what the kernel may have done a moment ago. */
void bothy_oom_check (BothyOom *self);

G_END_DECLS

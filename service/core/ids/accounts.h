/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Inclusive; 64 bits wide so that no sum wraps. */
typedef struct {
  gint64 first;
  gint64 last;
  gboolean roots; /* a line of subuid(5) gives it to root */
} BothyIdSpan;

/*
 * Accounts and groups among ids: what nsswitch.conf(5), the files of this machine, and logind say. What they do not say counts as
 * one, for ids that somebody may have are never given out.
 */

/* Whether somebody may have an account or a group with an id of SPAN: he may have got it after the range was given out. What could
   not be read also sets ERROR, and its result is TRUE. Waits for files and name services: for threads, of which one looks at
   a time. */
gboolean bothy_accounts_are_among (BothyIdSpan span, GError **error);

/* Whether /etc/passwd, or with GROUPS /etc/group, has an id of SPAN. Errors and threads as there. */
gboolean bothy_accounts_are_listed_among (gboolean groups, BothyIdSpan span, GError **error);

/* Whether NUMBER, with no entry, is how getpwuid_r(3) says that there is none; anything else says that it is not known. */
gboolean bothy_accounts_is_none (int number);

/* Whether NAME is what bothy_userdb_publish() calls ID, or an earlier one called it. Such an account is nobody's. */
gboolean bothy_accounts_is_ours (guint32 id, const char *name);

G_END_DECLS

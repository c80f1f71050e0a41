/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Inclusive; 64 bits wide so that no sum wraps. */
typedef struct {
  gint64 first;
  gint64 last;
} BothyIdSpan;

/*
 * Who else lays claim to ids: the lines of subuid(5) and subgid(5) and what libsubid
 * answers, accounts and groups of nsswitch.conf(5), and the maps of processes that run
 * (user_namespaces(7)). Looked at each time a range is taken; may block, so it runs in
 * a thread.
 */

/* FALSE when nobody claims an id of SPAN. An account or a map there gives TRUE. What could
   not be read gives TRUE and sets ERROR: an id that somebody may have is not given out. */
gboolean bothy_conflicts_overlap (BothyIdSpan span, GError **error);

/* Whether subuid(5) or subgid(5) gives an id of SPAN away, by now: somebody may have written that line after the
   range was given out. They are read again only when they have changed. What can not be read gives TRUE and sets
   ERROR. For one thread. */
gboolean bothy_conflicts_listed (BothyIdSpan span, GError **error);

/* Whether a process runs in a user namespace that has an id of SPAN mapped. What can not be read gives TRUE and
   sets ERROR. */
gboolean bothy_conflicts_running (BothyIdSpan span, GError **error);

/* Read the text of subuid(5); call VISIT for every span that it gives away. A line that
   makes no sense is passed over if it has no number in it that could be an id. FALSE with
   ERROR for one that does and can not be understood. */
typedef void (*BothyConflictVisitor) (BothyIdSpan span, gpointer user_data);
gboolean bothy_conflicts_parse_subids (
    const char *text, gsize length, BothyConflictVisitor visit, gpointer user_data, GError **error);

/* The same for the text of a uid_map, whose second column counts. */
gboolean bothy_conflicts_parse_map (const char *text, BothyConflictVisitor visit, gpointer user_data);

G_END_DECLS

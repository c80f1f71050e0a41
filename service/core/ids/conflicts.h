/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/ids/accounts.h"

G_BEGIN_DECLS

/*
 * Who else has ids: the lines of subuid(5) and subgid(5) and what libsubid answers, the accounts and groups of
 * nsswitch.conf(5), and the maps of processes that run (user_namespaces(7)). Ids that somebody may have are
 * never given out, so what can not be read counts as a conflict.
 */

/* Whether somebody else may have an id of SPAN. What could not be read also sets ERROR, and its result is TRUE.
   Waits for files and name services: for threads, of which one looks at a time. */
gboolean bothy_conflicts_overlap (BothyIdSpan span, GError **error);

/* Whether no line of subuid(5) and subgid(5) gives one of COUNT ids from FIRST away; somebody may have written one after the
   range was given out. FALSE and NOT_YOURS if there is such a line, FALSE and the reason if they can not be
   read. The files are only read again when they have changed. For the main thread. */
gboolean bothy_conflicts_check_listed (guint32 first, guint32 count, GError **error);

/* Whether nobody but root has UID as one of his subordinate ids, so that nobody else can run programs with it. FALSE and
   NOT_AUTHORIZED if somebody has, FALSE and the reason if that can not be read. Waits as bothy_conflicts_overlap(). */
gboolean bothy_conflicts_check_subordinate (guint32 uid, GError **error);

/* Whether nobody but root can have one of COUNT ids from FIRST on: by subuid(5), or with GIDS by subgid(5), wherever these
   come from, or as an account's or a group's of this machine's files. FALSE and NOT_YOURS if somebody can, FALSE and the
   reason if that can not be read. Waits as bothy_conflicts_overlap(). */
gboolean bothy_conflicts_check_roots (gboolean gids, guint32 first, guint32 count, GError **error);

/* Whether subuid(5), or with GIDS subgid(5), gives the user NAME all of COUNT ids from FIRST on, in one line. Waits as
   bothy_conflicts_overlap(). */
gboolean bothy_conflicts_is_subordinate (const char *name, gboolean gids, guint32 first, guint32 count);

/* Whether a process runs in a user namespace that maps an id of SPAN, or has one. What could not be read also sets ERROR,
   and its result is TRUE. Reads all of /proc: for threads. */
gboolean bothy_conflicts_running (BothyIdSpan span, GError **error);

/* Gets each span that bothy_conflicts_parse_subids(), bothy_conflicts_parse_map() or
   bothy_conflicts_parse_status() finds. */
typedef void (*BothyConflictVisitor) (BothyIdSpan span, gpointer user_data);

/* Call VISIT for every span that TEXT, LENGTH bytes of subuid(5), gives away. A line that makes no sense is passed
   over when no number in it could be an id. FALSE and DEGRADED for one with a number that makes no sense. */
gboolean bothy_conflicts_parse_subids (
    const char *text, gsize length, BothyConflictVisitor visit, gpointer user_data, GError **error);

/* Call VISIT for every span of ids outside in TEXT, a uid_map or gid_map of the kernel. FALSE if it is none. */
gboolean bothy_conflicts_parse_map (const char *text, BothyConflictVisitor visit, gpointer user_data);

/* Call VISIT for every id that TEXT, a process's status of proc(5), says the process has: as user, as group, and as one of its
   groups. */
void bothy_conflicts_parse_status (const char *text, BothyConflictVisitor visit, gpointer user_data);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/ids/ranges.h"

G_BEGIN_DECLS

/*
 * Who may call at all: accounts. A user with subordinate ids, or root of a container, can run programs with thousands of
 * uids. Were each of them a user, he would have each bound thousands of times, and a way out of his own slice.
 */
typedef struct _BothyCallers BothyCallers;

/* RANGES says which ids are Bothy's own. Free it with bothy_callers_free(). */
BothyCallers *bothy_callers_new (BothyRanges *ranges);

/* Checks that are under way go on, and end. */
void bothy_callers_free (BothyCallers *self);

/*
 * Find out whether UID is that of an account that is nobody's subordinate. The answer may be a minute old. Name services
 * are asked in a thread. Fails with NOT_AUTHORIZED, or why it could not be found out.
 */
void bothy_callers_check (BothyCallers *self, guint32 uid, GAsyncReadyCallback callback, gpointer user_data);
gboolean bothy_callers_check_finish (BothyCallers *self, GAsyncResult *result, GError **error);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/operations/operation.h"

G_BEGIN_DECLS

/*
 * The operations that are under way, and those that completed less than a minute ago.
 *
 * Signals: "added" (BothyOperation *), "removed" (BothyOperation *); "settled" (): one completed, so nothing may be under
 * way now.
 */
#define BOTHY_TYPE_OPERATIONS (bothy_operations_get_type ())
G_DECLARE_FINAL_TYPE (BothyOperations, bothy_operations, BOTHY, OPERATIONS, GObject)

/* MAX: how many of one user may be at work at once. (transfer full) */
BothyOperations *bothy_operations_new (guint max);

/* A new operation of USER's; KIND and PHASE are static; SUBJECT as of bothy_operation_new(). (transfer full); NULL with QUOTA_EXCEEDED when he has some hundreds
   under way. */
BothyOperation *bothy_operations_add (BothyOperations *self,
                                      guint32 user,
                                      const char *kind,
                                      const char *subject,
                                      const char *phase,
                                      GError **error);

/* Call WORK with OPERATION and DATA when fewer than MAX of its user's are at work: at once, or later; until then its phase is
   "waiting", and when it is cancelled it completes. DATA is freed with FREE_DATA after WORK, or without. */
void bothy_operations_wait (BothyOperations *self,
                            BothyOperation *operation,
                            void (*work) (BothyOperation *operation, gpointer data),
                            gpointer data,
                            GDestroyNotify free_data);

/* The same for what USER did not ask for: he can not wait until he may, so it is never refused. (transfer full) */
BothyOperation *bothy_operations_add_unasked (
    BothyOperations *self, guint32 user, const char *kind, const char *subject, const char *phase);

/* Whether none is under way. */
gboolean bothy_operations_is_idle (BothyOperations *self);

G_END_DECLS

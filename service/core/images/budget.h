/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * What an import under way may write: its user's quota without what he has, and without what his
 * other imports write meanwhile. Several at once stay within the quota of one, but for what they write
 * between two messages of bothy-unpack, a tenth of a second; what is over is never kept.
 */
typedef struct _BothyBudget BothyBudget;
typedef struct _BothyBudgets BothyBudgets;

/* How much a user has already. */
typedef guint64 (*BothyBudgetUsed) (gpointer data, guint32 user);

/* Of all users, QUOTA bytes each. */
BothyBudgets *bothy_budgets_new (guint64 quota, BothyBudgetUsed used, gpointer data);
void bothy_budgets_free (BothyBudgets *self);

/* For an import of USER's. */
BothyBudget *bothy_budget_new (BothyBudgets *budgets, guint32 user);
void bothy_budget_free (BothyBudget *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyBudget, bothy_budget_free)

guint32 bothy_budget_get_user (const BothyBudget *self);

/* How much more it may write. */
guint64 bothy_budget_left (const BothyBudget *self);

/* So much of it is kept already; what is written now comes to that. */
void bothy_budget_keep (BothyBudget *self, guint64 bytes);

/* It has written BYTES in this go (0: they are kept, or gone). FALSE: that is more than it may. */
gboolean bothy_budget_note (BothyBudget *self, guint64 bytes);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/images/budget.h"

struct _BothyBudgets {
  guint64 quota;
  BothyBudgetUsed used;
  gpointer data;
  GPtrArray *running; /* BothyBudget, which are the imports' */
};

struct _BothyBudget {
  BothyBudgets *budgets;
  guint32 user;
  guint64 kept;
  guint64 written;
};

BothyBudgets *
bothy_budgets_new (guint64 quota, BothyBudgetUsed used, gpointer data)
{
  BothyBudgets *self = g_new0 (BothyBudgets, 1);

  self->quota = quota;
  self->used = used;
  self->data = data;
  self->running = g_ptr_array_new ();
  return self;
}

void
bothy_budgets_free (BothyBudgets *self)
{
  g_ptr_array_unref (self->running);
  g_free (self);
}

BothyBudget *
bothy_budget_new (BothyBudgets *budgets, guint32 user)
{
  BothyBudget *self = g_new0 (BothyBudget, 1);

  self->budgets = budgets;
  self->user = user;
  g_ptr_array_add (budgets->running, self);
  return self;
}

void
bothy_budget_free (BothyBudget *self)
{
  g_ptr_array_remove_fast (self->budgets->running, self);
  g_free (self);
}

guint32
bothy_budget_get_user (const BothyBudget *self)
{
  return self->user;
}

static guint64
taken (const BothyBudget *self)
{
  guint64 bytes = self->budgets->used (self->budgets->data, self->user);

  for (guint i = 0; i < self->budgets->running->len; i++) {
    const BothyBudget *other = self->budgets->running->pdata[i];

    if (other->user == self->user)
      bytes += other->kept + other->written;
  }
  return bytes;
}

guint64
bothy_budget_left (const BothyBudget *self)
{
  guint64 bytes = taken (self);

  return bytes < self->budgets->quota ? self->budgets->quota - bytes : 0;
}

void
bothy_budget_keep (BothyBudget *self, guint64 bytes)
{
  self->kept += bytes;
}

gboolean
bothy_budget_note (BothyBudget *self, guint64 bytes)
{
  self->written = bytes;
  return taken (self) <= self->budgets->quota;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/per-user.h"

struct _BothyPerUser {
  guint max_each, max_all; /* 0: any number */
  GHashTable *counts;      /* uid → number; no entry: 0 */
  guint all;
  GQueue waiting; /* Waiting, the longest first */
};

typedef struct {
  guint32 user;
  void (*turn) (gpointer data);
  gpointer data;
} Waiting;

BothyPerUser *
bothy_per_user_new (guint max_each, guint max_all)
{
  BothyPerUser *self = g_new0 (BothyPerUser, 1);

  self->max_each = max_each;
  self->max_all = max_all;
  self->counts = g_hash_table_new (NULL, NULL);
  g_queue_init (&self->waiting);
  return self;
}

void
bothy_per_user_free (BothyPerUser *self)
{
  if (!self)
    return;
  g_queue_clear_full (&self->waiting, g_free);
  g_hash_table_unref (self->counts);
  g_free (self);
}

guint
bothy_per_user_count (BothyPerUser *self, guint32 user)
{
  return GPOINTER_TO_UINT (g_hash_table_lookup (self->counts, GUINT_TO_POINTER (user)));
}

guint
bothy_per_user_count_all (BothyPerUser *self)
{
  return self->all;
}

static void
set_count (BothyPerUser *self, guint32 user, guint n)
{
  if (n > 0)
    g_hash_table_insert (self->counts, GUINT_TO_POINTER (user), GUINT_TO_POINTER (n));
  else
    g_hash_table_remove (self->counts, GUINT_TO_POINTER (user));
}

gboolean
bothy_per_user_take (BothyPerUser *self, guint32 user)
{
  guint n = bothy_per_user_count (self, user);

  if ((self->max_each > 0 && n >= self->max_each) || (self->max_all > 0 && self->all >= self->max_all))
    return FALSE;
  set_count (self, user, n + 1);
  self->all++;
  return TRUE;
}

void
bothy_per_user_wait (BothyPerUser *self, guint32 user, void (*turn) (gpointer data), gpointer data)
{
  Waiting *waiting;

  if (bothy_per_user_take (self, user)) {
    turn (data);
    return;
  }
  waiting = g_new0 (Waiting, 1);
  waiting->user = user;
  waiting->turn = turn;
  waiting->data = data;
  g_queue_push_tail (&self->waiting, waiting);
}

gboolean
bothy_per_user_stop_waiting (BothyPerUser *self, gconstpointer data)
{
  for (GList *l = self->waiting.head; l; l = l->next) {
    Waiting *found = l->data;

    if (found->data == data) {
      g_queue_delete_link (&self->waiting, l);
      g_free (found);
      return TRUE;
    }
  }
  return FALSE;
}

void
bothy_per_user_release (BothyPerUser *self, guint32 user)
{
  guint n = bothy_per_user_count (self, user);

  g_return_if_fail (n > 0);
  set_count (self, user, n - 1);
  self->all--;
  for (GList *l = self->waiting.head; l; l = l->next) {
    g_autofree Waiting *next = NULL;

    if (!bothy_per_user_take (self, ((const Waiting *)l->data)->user))
      continue;
    next = l->data;
    g_queue_delete_link (&self->waiting, l);
    next->turn (next->data);
    return;
  }
}

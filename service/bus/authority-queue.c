/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/authority-queue.h"

/* dbus-daemon's max_replies_per_connection is 128 on the system bus. */
#define MOST         96
#define MOST_OF_USER 16

typedef struct {
  guint32 user;
  void (*turn) (gpointer data);
  gpointer data;
} Waiting;

static GQueue waiting = G_QUEUE_INIT;
static GHashTable *of_users; /* uid → turns under way */
static guint all;

static guint
count_of (guint32 user)
{
  return of_users ? GPOINTER_TO_UINT (g_hash_table_lookup (of_users, GUINT_TO_POINTER (user))) : 0;
}

static gboolean
may_begin (guint32 user)
{
  return all < MOST && count_of (user) < MOST_OF_USER;
}

static void
change (guint32 user, int by)
{
  guint n = count_of (user) + (guint)by;

  if (!of_users)
    of_users = g_hash_table_new (NULL, NULL);
  all += (guint)by;
  if (n > 0)
    g_hash_table_insert (of_users, GUINT_TO_POINTER (user), GUINT_TO_POINTER (n));
  else
    g_hash_table_remove (of_users, GUINT_TO_POINTER (user));
}

void
bothy_authority_queue_wait (guint32 user, void (*turn) (gpointer data), gpointer data)
{
  Waiting *one;

  if (may_begin (user)) {
    change (user, 1);
    turn (data);
    return;
  }
  one = g_new0 (Waiting, 1);
  one->user = user;
  one->turn = turn;
  one->data = data;
  g_queue_push_tail (&waiting, one);
}

void
bothy_authority_queue_end (guint32 user)
{
  change (user, -1);
  for (GList *l = waiting.head; l; l = l->next) {
    g_autofree Waiting *one = NULL;

    if (!may_begin (((const Waiting *)l->data)->user))
      continue;
    one = l->data;
    g_queue_delete_link (&waiting, l);
    change (one->user, 1);
    one->turn (one->data);
    return;
  }
}

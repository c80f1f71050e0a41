/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/operations/operations.h"

#include "base/error.h"
#include "base/linger.h"
#include "base/per-user.h"

#define LINGER_SECONDS 60 /* how long a completed one can be looked at */
#define MAX_LINGERING  64 /* of one user */

struct _BothyOperations {
  GObject parent;
  guint max;
  guint32 last_id;
  GHashTable *all;        /* BothyOperation: a set */
  BothyPerUser *of_users; /* those under way */
  BothyLinger *completed;
};

G_DEFINE_FINAL_TYPE (BothyOperations, bothy_operations, G_TYPE_OBJECT)

enum { ADDED, REMOVED, SETTLED, N_SIGNALS };
static guint signals[N_SIGNALS];

static void
on_gone (GObject *operation, gpointer user_data)
{
  BothyOperations *self = user_data;

  if (g_hash_table_remove (self->all, operation))
    g_signal_emit (self, signals[REMOVED], 0, operation);
}

static void
on_completed (BothyOperation *operation, gpointer user_data)
{
  BothyOperations *self = user_data;

  bothy_per_user_release (self->of_users, operation->user);
  bothy_linger_add (self->completed, operation->user, G_OBJECT (operation));
  g_signal_emit (self, signals[SETTLED], 0);
}

BothyOperation *
bothy_operations_add_unasked (BothyOperations *self, guint32 user, const char *kind, const char *phase)
{
  BothyOperation *operation = bothy_operation_new (++self->last_id, user, kind, phase);

  bothy_per_user_take (self->of_users, user);
  g_hash_table_add (self->all, g_object_ref (operation));
  g_signal_connect_object (operation, "completed", G_CALLBACK (on_completed), self, 0);
  g_signal_emit (self, signals[ADDED], 0, operation);
  return operation;
}

BothyOperation *
bothy_operations_add (
    BothyOperations *self, guint32 user, const char *kind, const char *phase, GError **error)
{
  if (bothy_per_user_count (self->of_users, user) < self->max)
    return bothy_operations_add_unasked (self, user, kind, phase);
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
               "You have as many operations under way as a user may have: %u; wait for one to end",
               self->max);
  return NULL;
}

gboolean
bothy_operations_is_idle (BothyOperations *self)
{
  return bothy_per_user_count_all (self->of_users) == 0;
}

static void
bothy_operations_finalize (GObject *object)
{
  BothyOperations *self = BOTHY_OPERATIONS (object);

  bothy_linger_free (self->completed);
  bothy_per_user_free (self->of_users);
  g_hash_table_unref (self->all);
  G_OBJECT_CLASS (bothy_operations_parent_class)->finalize (object);
}

static void
bothy_operations_class_init (BothyOperationsClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_operations_finalize;
  signals[ADDED] = g_signal_new ("added", BOTHY_TYPE_OPERATIONS, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                 G_TYPE_NONE, 1, BOTHY_TYPE_OPERATION);
  signals[REMOVED] = g_signal_new ("removed", BOTHY_TYPE_OPERATIONS, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 1, BOTHY_TYPE_OPERATION);
  signals[SETTLED] =
      g_signal_new ("settled", BOTHY_TYPE_OPERATIONS, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
bothy_operations_init (BothyOperations *self)
{
  self->all = g_hash_table_new_full (NULL, NULL, g_object_unref, NULL);
  self->of_users = bothy_per_user_new (0, 0);
  self->completed = bothy_linger_new (LINGER_SECONDS, MAX_LINGERING, on_gone, self);
  /* A caller may still hold the path of an operation of an earlier bothyd: it must not become another's. */
  self->last_id = (guint32)g_random_int_range (1, G_MAXINT32 / 2);
}

BothyOperations *
bothy_operations_new (guint max)
{
  BothyOperations *self = g_object_new (BOTHY_TYPE_OPERATIONS, NULL);

  self->max = max;
  return self;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/operations/operations.h"

#include "base/error.h"
#include "base/linger.h"
#include "base/per-user.h"

#define LINGER_SECONDS 60  /* how long a completed one can be looked at */
#define MAX_LINGERING  64  /* of one user */
#define MAX_UNDER_WAY  256 /* of one user */

struct _BothyOperations {
  GObject parent;
  guint max; /* at work, of one user */
  guint32 last_id;
  GHashTable *all;         /* BothyOperation: a set */
  BothyPerUser *under_way; /* with those that wait for their turn */
  BothyPerUser *at_work;   /* of those: whose turn has come */
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

  if (operation->at_work)
    bothy_per_user_release (self->at_work, operation->user);
  bothy_per_user_release (self->under_way, operation->user);
  bothy_linger_add (self->completed, operation->user, G_OBJECT (operation));
  g_signal_emit (self, signals[SETTLED], 0);
}

BothyOperation *
bothy_operations_add_unasked (
    BothyOperations *self, guint32 user, const char *kind, const char *subject, const char *phase)
{
  BothyOperation *operation = bothy_operation_new (++self->last_id, user, kind, subject, phase);

  bothy_per_user_take (self->under_way, user);
  g_hash_table_add (self->all, g_object_ref (operation));
  g_signal_connect_object (operation, "completed", G_CALLBACK (on_completed), self, 0);
  g_signal_emit (self, signals[ADDED], 0, operation);
  return operation;
}

BothyOperation *
bothy_operations_add (BothyOperations *self,
                      guint32 user,
                      const char *kind,
                      const char *subject,
                      const char *phase,
                      GError **error)
{
  if (bothy_per_user_count (self->under_way, user) < MAX_UNDER_WAY)
    return bothy_operations_add_unasked (self, user, kind, subject, phase);
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
               "You have as many operations under way as a user may have: %u; wait for one to end",
               MAX_UNDER_WAY);
  return NULL;
}

/* ---- turns ---- */

typedef struct {
  BothyOperations *operations;
  BothyOperation *operation;
  const char *phase; /* once it is at work */
  void (*work) (BothyOperation *operation, gpointer data);
  gpointer data;
  GDestroyNotify free_data;
} Turn;

/* Whoever gave up before his turn had all that he took given back already. */
static void
turn_free (Turn *turn)
{
  g_clear_pointer (&turn->data, turn->free_data);
  g_signal_handlers_disconnect_by_data (turn->operation->cancellable, turn);
  g_object_unref (turn->operation);
  g_object_unref (turn->operations);
  g_free (turn);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Turn, turn_free)

static void
on_turn (gpointer user_data)
{
  g_autoptr (Turn) turn = user_data;
  BothyOperation *operation = turn->operation;

  if (operation->done) {
    bothy_per_user_release (turn->operations->at_work, operation->user);
    return;
  }
  operation->at_work = TRUE;
  if (operation->phase != turn->phase)
    bothy_operation_set_phase (operation, turn->phase);
  turn->work (operation, turn->data);
}

static void
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  Turn *turn = user_data;
  g_autoptr (GError) error = NULL;

  if (turn->operation->at_work)
    return;
  g_clear_pointer (&turn->data, turn->free_data);
  error = g_error_new (BOTHY_ERROR, BOTHY_ERROR_CANCELLED, "It was cancelled before its turn came");
  bothy_operation_complete (turn->operation, NULL, error);
}

void
bothy_operations_wait (BothyOperations *self,
                       BothyOperation *operation,
                       void (*work) (BothyOperation *operation, gpointer data),
                       gpointer data,
                       GDestroyNotify free_data)
{
  Turn *turn = g_new0 (Turn, 1);

  turn->operations = g_object_ref (self);
  turn->operation = g_object_ref (operation);
  turn->phase = operation->phase;
  turn->work = work;
  turn->data = data;
  turn->free_data = free_data;
  g_signal_connect (operation->cancellable, "cancelled", G_CALLBACK (on_cancelled), turn);
  /* Said before: it may be done, and gone, when this returns. */
  if (bothy_per_user_count (self->at_work, operation->user) >= self->max)
    bothy_operation_set_phase (operation, "waiting");
  bothy_per_user_wait (self->at_work, operation->user, on_turn, turn);
}

gboolean
bothy_operations_is_idle (BothyOperations *self)
{
  return bothy_per_user_count_all (self->under_way) == 0;
}

static void
bothy_operations_finalize (GObject *object)
{
  BothyOperations *self = BOTHY_OPERATIONS (object);

  bothy_linger_free (self->completed);
  bothy_per_user_free (self->under_way);
  g_clear_pointer (&self->at_work, bothy_per_user_free);
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
  self->under_way = bothy_per_user_new (0, 0);
  self->completed = bothy_linger_new (LINGER_SECONDS, MAX_LINGERING, on_gone, self);
  /* A caller may still hold the path of an operation of an earlier bothyd: it must not become another's. */
  self->last_id = (guint32)g_random_int_range (1, G_MAXINT32 / 2);
}

BothyOperations *
bothy_operations_new (guint max)
{
  BothyOperations *self = g_object_new (BOTHY_TYPE_OPERATIONS, NULL);

  self->max = max;
  self->at_work = bothy_per_user_new (max, 0);
  return self;
}

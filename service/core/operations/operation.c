/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/operations/operation.h"

G_DEFINE_FINAL_TYPE (BothyOperation, bothy_operation, G_TYPE_OBJECT)

enum { CHANGED, COMPLETED, N_SIGNALS };
static guint signals[N_SIGNALS];

void
bothy_operation_set_total (BothyOperation *self, guint64 total)
{
  self->total = total;
}

void
bothy_operation_set_progress (BothyOperation *self, double progress, guint64 bytes)
{
  self->progress = progress;
  self->bytes = bytes;
  g_signal_emit (self, signals[CHANGED], 0);
}

void
bothy_operation_set_phase (BothyOperation *self, const char *phase)
{
  self->phase = phase;
  g_signal_emit (self, signals[CHANGED], 0);
}

void
bothy_operation_warn (BothyOperation *self, const char *text)
{
  g_ptr_array_add (self->warnings, g_strdup (text));
  g_signal_emit (self, signals[CHANGED], 0);
}

void
bothy_operation_complete (BothyOperation *self, const char *object_path, const GError *error)
{
  g_return_if_fail (!self->done);
  self->done = TRUE;
  self->phase = error ? "failed" : "done";
  self->error = error ? g_error_copy (error) : NULL;
  if (!error)
    self->progress = 1.0;
  if (object_path)
    self->object_path = (g_free (self->object_path), g_strdup (object_path));
  g_signal_emit (self, signals[CHANGED], 0);
  g_signal_emit (self, signals[COMPLETED], 0);
}

static void
bothy_operation_finalize (GObject *object)
{
  BothyOperation *self = BOTHY_OPERATION (object);

  g_free (self->object_path);
  g_free (self->subject);
  g_ptr_array_unref (self->warnings);
  g_clear_error (&self->error);
  g_object_unref (self->cancellable);
  G_OBJECT_CLASS (bothy_operation_parent_class)->finalize (object);
}

static void
bothy_operation_class_init (BothyOperationClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_operation_finalize;
  signals[CHANGED] =
      g_signal_new ("changed", BOTHY_TYPE_OPERATION, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[COMPLETED] = g_signal_new ("completed", BOTHY_TYPE_OPERATION, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                     NULL, G_TYPE_NONE, 0);
}

static void
bothy_operation_init (BothyOperation *self)
{
  self->progress = -1;
  self->object_path = g_strdup ("/");
  self->warnings = g_ptr_array_new_with_free_func (g_free);
  self->cancellable = g_cancellable_new ();
}

BothyOperation *
bothy_operation_new (guint32 id, guint32 user, const char *kind, const char *subject, const char *phase)
{
  BothyOperation *self = g_object_new (BOTHY_TYPE_OPERATION, NULL);

  self->id = id;
  self->user = user;
  self->kind = kind;
  self->subject = g_strdup (subject ? subject : "");
  self->phase = phase;
  self->started_at = g_get_real_time ();
  return self;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Bridges that are about to go: nobody gets in on them. */
#include "core/bridges/admission-private.h"

#include "base/error.h"

/* Also while it is there still, though its profile is not. */
static gboolean
is_closed (BothyAdmission *self, const BothyKnownBridge *bridge)
{
  const char *closed = g_hash_table_lookup (self->closed, bridge->facts->name);
  const char *connection = bridge->facts->connection;

  return closed && (!connection || !*connection || g_str_equal (connection, closed));
}

BothyKnownBridge *
bothy_admission_find_open (BothyAdmission *self, const char *name, guint32 user, GError **error)
{
  BothyKnownBridge *bridge = bothy_bridges_find_for (self->bridges, name, user, error);

  if (!bridge || !is_closed (self, bridge))
    return bridge;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_BUSY, "The bridge %s is being deleted", name);
  return NULL;
}

void
bothy_admission_tell_closing (BothyAdmission *self)
{
  GTask *task;

  while (!self->busy && (task = g_queue_pop_head (self->closing))) {
    g_task_return_boolean (task, TRUE);
    g_object_unref (task);
  }
}

void
bothy_admission_close (BothyAdmission *self,
                       const char *bridge,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  GTask *task = g_task_new (NULL, NULL, callback, user_data);
  BothyKnownBridge *known = bothy_bridges_find (self->bridges, bridge);
  const char *connection = known && known->facts->connection ? known->facts->connection : "";

  if (known && is_closed (self, known)) {
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_BUSY, "The bridge %s is being deleted already",
                             bridge);
    g_object_unref (task);
    return;
  }
  g_hash_table_insert (self->closed, g_strdup (bridge), g_strdup (connection));
  g_queue_push_tail (self->closing, task);
  bothy_admission_tell_closing (self);
}

gboolean
bothy_admission_close_finish (BothyAdmission *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
bothy_admission_open (BothyAdmission *self, const char *bridge)
{
  g_hash_table_remove (self->closed, bridge);
}

static void
on_bridge_gone (BothyBridges *bridges, BothyKnownBridge *bridge, gpointer user_data)
{
  bothy_admission_open (user_data, bridge->facts->name);
}

void
bothy_admission_init_closing (BothyAdmission *self)
{
  self->closing = g_queue_new ();
  self->closed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_signal_connect (self->bridges, "gone", G_CALLBACK (on_bridge_gone), self);
}

void
bothy_admission_clear_closing (BothyAdmission *self)
{
  g_signal_handlers_disconnect_by_data (self->bridges, self);
  g_queue_free_full (self->closing, g_object_unref);
  g_hash_table_unref (self->closed);
}

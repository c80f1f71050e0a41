/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nm.h"

#include "core/error.h"

struct _BothyNm {
  GObject parent;
  NMClient *client;
  GQueue *waiting; /* GTask */
};

G_DEFINE_FINAL_TYPE (BothyNm, bothy_nm, G_TYPE_OBJECT)

NMClient *
bothy_nm_peek (BothyNm *self)
{
  return self->client;
}

static void
on_client (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyNm) self = user_data;
  g_autoptr (GError) error = NULL;
  GTask *task;

  self->client = nm_client_new_finish (result, &error);
  if (!self->client)
    bothy_error_adopt (&error, "NetworkManager can not be reached");
  while ((task = g_queue_pop_head (self->waiting))) {
    if (self->client)
      g_task_return_pointer (task, self->client, NULL);
    else
      g_task_return_error (task, g_error_copy (error));
    g_object_unref (task);
  }
}

void
bothy_nm_get (BothyNm *self, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);

  if (self->client) {
    g_task_return_pointer (task, self->client, NULL);
    g_object_unref (task);
    return;
  }
  g_queue_push_tail (self->waiting, task);
  if (g_queue_get_length (self->waiting) == 1)
    nm_client_new_async (NULL, on_client, g_object_ref (self));
}

NMClient *
bothy_nm_get_finish (BothyNm *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
bothy_nm_finalize (GObject *object)
{
  BothyNm *self = BOTHY_NM (object);

  g_clear_object (&self->client);
  g_queue_free_full (self->waiting, g_object_unref);
  G_OBJECT_CLASS (bothy_nm_parent_class)->finalize (object);
}

static void
bothy_nm_class_init (BothyNmClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_nm_finalize;
}

static void
bothy_nm_init (BothyNm *self)
{
  self->waiting = g_queue_new ();
}

BothyNm *
bothy_nm_new (void)
{
  return g_object_new (BOTHY_TYPE_NM, NULL);
}

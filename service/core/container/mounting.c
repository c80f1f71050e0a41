/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/container/mounting.h"

#include "base/error.h"

/* ---- made, one after the other ---- */

typedef struct {
  BothyHelperClient *helper;
  BothyContainer *container;
  GPtrArray *made;
} Making;

static void
making_free (gpointer data)
{
  Making *making = data;

  g_object_unref (making->helper);
  g_object_unref (making->container);
  g_ptr_array_unref (making->made);
  g_free (making);
}

static void make_next (GTask *task);

static void
on_made (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  const Making *making = g_task_get_task_data (task);
  const BothyContainerSpec *spec = making->container->spec;
  GError *error = NULL;
  GUnixFDList *fds = bothy_folder_mount_finish (BOTHY_HELPER_CLIENT (source), result, &error);

  if (fds) {
    g_ptr_array_add (making->made, fds);
    make_next (task);
    return;
  }
  bothy_error_adopt (&error, "Mounting a directory");
  g_task_return_new_error (task, BOTHY_ERROR, error->code,
                           "%s. To start without it: bothy mount remove %s %s", error->message, spec->name,
                           ((BothyMount *)spec->mounts->pdata[making->made->len])->destination);
  g_error_free (error);
  g_object_unref (task);
}

static void
make_next (GTask *task)
{
  const Making *making = g_task_get_task_data (task);
  const BothyContainer *container = making->container;
  const GPtrArray *mounts = container->spec->mounts;

  if (making->made->len < mounts->len) {
    bothy_folder_mount (making->helper, container->owner, container->range_base,
                        mounts->pdata[making->made->len], on_made, task);
    return;
  }
  g_task_return_pointer (task, g_ptr_array_ref (making->made), (GDestroyNotify)g_ptr_array_unref);
  g_object_unref (task);
}

void
bothy_mounting_make (BothyHelperClient *helper,
                     BothyContainer *container,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
  GTask *task = g_task_new (helper, NULL, callback, user_data);
  Making *making = g_new0 (Making, 1);

  making->helper = g_object_ref (helper);
  making->container = g_object_ref (container);
  making->made = g_ptr_array_new_with_free_func (g_object_unref);
  g_task_set_task_data (task, making, making_free);
  make_next (task);
}

GPtrArray *
bothy_mounting_make_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* ---- attached and taken away ---- */

static void
on_told (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  const char *destination = g_task_get_task_data (task);
  GError *error = NULL;

  if (bothy_supervisor_call_finish (BOTHY_SUPERVISOR (source), result, NULL, NULL, &error)) {
    g_task_return_boolean (task, TRUE);
    return;
  }
  g_prefix_error (&error, "%s: ", destination);
  g_task_return_error (task, error);
}

static GTask *
tell_supervisor (BothySupervisor *supervisor,
                 guint32 type,
                 const char *destination,
                 GUnixFDList *fds,
                 GAsyncReadyCallback callback,
                 gpointer user_data)
{
  GTask *task = g_task_new (supervisor, NULL, callback, user_data);
  const struct supervisor_message message = { .type = type };
  g_autoptr (GByteArray) text = g_byte_array_new ();

  g_task_set_task_data (task, g_strdup (destination), g_free);
  bothy_supervisor_add_text (text, destination);
  bothy_supervisor_call (supervisor, message, text, fds, on_told, task);
  return task;
}

void
bothy_mounting_attach (BothySupervisor *supervisor,
                       const char *destination,
                       GUnixFDList *fds,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  tell_supervisor (supervisor, SUPERVISOR_FOLDER, destination, fds, callback, user_data);
}

void
bothy_mounting_detach (BothySupervisor *supervisor,
                       const char *destination,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  tell_supervisor (supervisor, SUPERVISOR_NO_FOLDER, destination, NULL, callback, user_data);
}

gboolean
bothy_mounting_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* The task's data counts answers that have not come yet. */
static void
on_one_attached (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  guint *pending = g_task_get_task_data (task);
  GError *error = NULL;

  --*pending;
  if (!bothy_mounting_finish (result, &error)) {
    if (g_task_get_completed (task) || g_task_had_error (task))
      g_error_free (error);
    else
      g_task_return_error (task, error);
  } else if (*pending == 0 && !g_task_had_error (task))
    g_task_return_boolean (task, TRUE);
}

void
bothy_mounting_attach_all (BothySupervisor *supervisor,
                           BothyContainer *container,
                           GPtrArray *made,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (supervisor, NULL, callback, user_data);
  guint *pending = g_new0 (guint, 1);

  *pending = made->len;
  g_task_set_task_data (task, pending, g_free);
  for (guint i = 0; i < made->len; i++)
    bothy_mounting_attach (supervisor, ((BothyMount *)container->spec->mounts->pdata[i])->destination,
                           made->pdata[i], on_one_attached, g_object_ref (task));
}

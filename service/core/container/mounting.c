/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/container/mounting.h"

#include "base/error.h"
#include "base/fault.h"

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

typedef struct {
  char *destination;
  BothyVolumes *volumes; /* with the next: what is filled; NULL: nothing is */
  char *volume;
} Telling;

static void
telling_free (Telling *telling)
{
  g_free (telling->destination);
  g_clear_object (&telling->volumes);
  g_free (telling->volume);
  g_free (telling);
}

/* TASK is over, with ERROR (taken over) or without. */
static void
end_telling (GTask *task, GError *error)
{
  const Telling *telling = g_task_get_task_data (task);
  BothyVolume *volume = telling->volume ? bothy_volumes_find_by_id (telling->volumes, telling->volume) : NULL;

  if (volume)
    bothy_volumes_set_filler (telling->volumes, volume, NULL);
  if (error) {
    g_prefix_error (&error, "%s: ", telling->destination);
    g_task_return_error (task, error);
  } else
    g_task_return_boolean (task, TRUE);
}

static void
on_filled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;

  BOTHY_FAULT_POINT ("volume.filled");
  bothy_volumes_set_filled_finish (BOTHY_VOLUMES (source), result, &error);
  end_telling (task, error);
}

static void
on_told (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  const Telling *telling = g_task_get_task_data (task);
  BothyVolume *volume = telling->volume ? bothy_volumes_find_by_id (telling->volumes, telling->volume) : NULL;
  GError *error = NULL;

  if (bothy_supervisor_call_finish (BOTHY_SUPERVISOR (source), result, NULL, &error) && volume) {
    BOTHY_FAULT_POINT ("volume.copied");
    bothy_volumes_set_filled (telling->volumes, volume, on_filled, g_object_ref (task));
  } else
    end_telling (task, error);
}

/* TASK's data is what it is about. */
static void
tell_supervisor (GTask *task, guint32 type, guint32 flags, GUnixFDList *fds)
{
  const struct supervisor_message message = { .type = type, .flags = flags };
  const Telling *telling = g_task_get_task_data (task);
  g_autoptr (GByteArray) text = g_byte_array_new ();

  bothy_supervisor_add_text (text, telling->destination);
  bothy_supervisor_call (g_task_get_source_object (task), message, text, fds, on_told, g_object_ref (task));
}

static GTask *
new_telling (BothySupervisor *supervisor,
             const char *destination,
             GAsyncReadyCallback callback,
             gpointer user_data)
{
  GTask *task = g_task_new (supervisor, NULL, callback, user_data);
  Telling *telling = g_new0 (Telling, 1);

  telling->destination = g_strdup (destination);
  g_task_set_task_data (task, telling, (GDestroyNotify)telling_free);
  return task;
}

void
bothy_mounting_attach (BothySupervisor *supervisor,
                       BothyVolumes *volumes,
                       const BothyMount *mount,
                       GUnixFDList *fds,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  g_autoptr (GTask) task = new_telling (supervisor, mount->destination, callback, user_data);
  BothyVolume *volume = mount->volume ? bothy_volumes_find_by_id (volumes, mount->volume) : NULL;
  Telling *telling = g_task_get_task_data (task);

  /* Who may not write does not begin it either. */
  if (mount->read_only)
    volume = NULL;
  if (volume && volume->filler && volume->filler != supervisor) {
    end_telling (task,
                 g_error_new (BOTHY_ERROR, BOTHY_ERROR_BUSY,
                              "volume %s gets its first files from another container just now; try again",
                              volume->name));
    return;
  }
  /* The supervisor goes from one to the next: a second mount of the same volume finds it filled. */
  if (volume && volume->fresh && !volume->filler) {
    bothy_volumes_set_filler (volumes, volume, supervisor);
    telling->volumes = g_object_ref (volumes);
    telling->volume = g_strdup (volume->id);
  }
  tell_supervisor (task, SUPERVISOR_FOLDER, telling->volume ? SUPERVISOR_FLAG_FILL : 0, fds);
}

void
bothy_mounting_detach (BothySupervisor *supervisor,
                       const char *destination,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  g_autoptr (GTask) task = new_telling (supervisor, destination, callback, user_data);

  tell_supervisor (task, SUPERVISOR_NO_FOLDER, 0, NULL);
}

gboolean
bothy_mounting_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* ---- all of one that is started ---- */

typedef struct {
  BothyVolumes *volumes;
  BothyContainer *container;
  GPtrArray *made;
  guint n_pending; /* answers that have not come yet */
  GCancellable *cancellable;
  gulong unfilled, cancelled; /* handlers, while it waits */
} Attaching;

static void
attaching_free (gpointer data)
{
  Attaching *attaching = data;

  g_object_unref (attaching->volumes);
  g_object_unref (attaching->container);
  g_ptr_array_unref (attaching->made);
  g_object_unref (attaching->cancellable);
  g_free (attaching);
}

static void
on_one_attached (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Attaching *attaching = g_task_get_task_data (task);
  GError *error = NULL;

  --attaching->n_pending;
  if (!bothy_mounting_finish (result, &error)) {
    if (g_task_get_completed (task) || g_task_had_error (task))
      g_error_free (error);
    else
      g_task_return_error (task, error);
  } else if (attaching->n_pending == 0 && !g_task_had_error (task))
    g_task_return_boolean (task, TRUE);
}

/* Whether another container fills one of its volumes just now. */
static gboolean
has_to_wait (const Attaching *attaching, BothySupervisor *supervisor)
{
  const GPtrArray *mounts = attaching->container->spec->mounts;

  for (guint i = 0; i < mounts->len; i++) {
    const BothyMount *mount = mounts->pdata[i];
    const BothyVolume *volume = mount->volume && !mount->read_only
                                    ? bothy_volumes_find_by_id (attaching->volumes, mount->volume)
                                    : NULL;

    if (volume && volume->filler && volume->filler != supervisor)
      return TRUE;
  }
  return FALSE;
}

/* All at once: one may belong into another. */
static void
attach_each (GTask *task)
{
  Attaching *attaching = g_task_get_task_data (task);

  attaching->n_pending = attaching->made->len;
  for (guint i = 0; i < attaching->made->len; i++)
    bothy_mounting_attach (g_task_get_source_object (task), attaching->volumes,
                           attaching->container->spec->mounts->pdata[i], attaching->made->pdata[i],
                           on_one_attached, g_object_ref (task));
}

static void
on_change (GTask *task)
{
  Attaching *attaching = g_task_get_task_data (task);
  g_autoptr (GTask) waiting = NULL;

  if (!g_cancellable_is_cancelled (attaching->cancellable) &&
      has_to_wait (attaching, g_task_get_source_object (task)))
    return;
  waiting = task;
  g_signal_handler_disconnect (attaching->volumes, attaching->unfilled);
  g_signal_handler_disconnect (attaching->cancellable, attaching->cancelled);
  if (!g_task_return_error_if_cancelled (task))
    attach_each (task);
}

void
bothy_mounting_attach_all (BothySupervisor *supervisor,
                           BothyVolumes *volumes,
                           BothyContainer *container,
                           GPtrArray *made,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (supervisor, cancellable, callback, user_data);
  Attaching *attaching = g_new0 (Attaching, 1);

  attaching->volumes = g_object_ref (volumes);
  attaching->container = g_object_ref (container);
  attaching->made = g_ptr_array_ref (made);
  attaching->cancellable = g_object_ref (cancellable);
  g_task_set_task_data (task, attaching, attaching_free);
  if (!has_to_wait (attaching, supervisor)) {
    attach_each (task);
    return;
  }
  attaching->unfilled = g_signal_connect_swapped (volumes, "unfilled", G_CALLBACK (on_change), task);
  attaching->cancelled = g_signal_connect_swapped (cancellable, "cancelled", G_CALLBACK (on_change), task);
  g_steal_pointer (&task);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/copy.h"

#include "base/error.h"
#include "base/fault.h"
#include "core/registry/create.h"
#include "core/registry/files.h"
#include "core/registry/snapshots.h"

typedef struct {
  BothyContainer *source;
  BothyContainerSpec *spec; /* NULL once it was handed on */
  BothyUpper *upper;        /* what the copy stands on, with a hold; NULL: it is not known yet */
} Copy;

static void
copy_free (Copy *copy)
{
  if (copy->upper)
    copy->upper->holds--;
  g_clear_pointer (&copy->spec, bothy_container_spec_free);
  g_object_unref (copy->source);
  g_free (copy);
}

static void
on_created (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = BOTHY_REGISTRY (source);
  Copy *copy = g_task_get_task_data (task);
  GError *error = NULL;
  BothyContainer *made = bothy_registry_create_finish (self, result, &error);

  copy->upper->holds--;
  copy->upper = NULL;
  if (made) {
    g_task_return_pointer (task, made, g_object_unref);
    return;
  }
  /* The snapshot or the container may have gone meanwhile. */
  bothy_files_sweep (self);
  g_task_return_error (task, error);
}

static void
create_copy (GTask *task)
{
  BothyRegistry *self = g_task_get_source_object (task);
  Copy *copy = g_task_get_task_data (task);
  GError *error = NULL;

  BOTHY_FAULT_POINT ("copy.set-aside");
  if (bothy_files_check_depth (self, copy->source, copy->upper->id, &error))
    bothy_registry_create_on (self, copy->source->owner, g_steal_pointer (&copy->spec), copy->upper,
                              on_created, g_object_ref (task));
  else
    g_task_return_error (task, error);
}

static void
on_set_aside (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Copy *copy = g_task_get_task_data (task);
  GError *error = NULL;

  copy->upper = bothy_registry_set_aside_finish (BOTHY_REGISTRY (source), result, &error);
  if (copy->upper)
    create_copy (task);
  else
    g_task_return_error (task, error);
}

void
bothy_registry_copy (BothyRegistry *self,
                     BothyContainer *source,
                     const char *snapshot,
                     BothyContainerSpec *spec,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  Copy *copy = g_new0 (Copy, 1);
  GError *error = NULL;

  copy->source = g_object_ref (source);
  copy->spec = spec;
  g_task_set_task_data (task, copy, (GDestroyNotify)copy_free);
  /* Before its source gets another layer. */
  if (!bothy_registry_check_create (self, source->owner, spec, &error)) {
    g_task_return_error (task, error);
    return;
  }
  if (!snapshot) {
    bothy_registry_set_aside (self, source, on_set_aside, g_object_ref (task));
    return;
  }
  copy->upper = bothy_snapshot_take_upper (self, source, snapshot, &error);
  if (copy->upper)
    create_copy (task);
  else
    g_task_return_error (task, error);
}

BothyContainer *
bothy_registry_copy_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/undo-adoption.h"

#include "base/error.h"
#include "base/fault.h"
#include "core/images/import-place.h"
#include "core/registry/change.h"
#include "core/registry/lifecycle.h"

typedef struct {
  BothyContainer *container;
  BothyChange *change; /* from the first look until it is over */
  guint32 user;
  BothyPlace *place;
  char *layer; /* its id */
  gulong handler;
  GError *error; /* why it could not be undone after all */
} Undo;

static void
undo_free (gpointer data)
{
  Undo *undo = data;

  g_clear_pointer (&undo->change, bothy_change_free);
  g_object_unref (undo->container);
  g_clear_pointer (&undo->place, bothy_place_free);
  g_free (undo->layer);
  g_clear_error (&undo->error);
  g_free (undo);
}

static BothyLayerStore *
layers_of (GTask *task)
{
  return bothy_image_store_get_layers (bothy_registry_get_images (g_task_get_source_object (task)));
}

/* With the container the image went, and the layer goes when its place is known to be given back. */
static void
on_given_back (BothyLayerStore *layers, const char *id, const char *message, gpointer user_data)
{
  GTask *task = user_data;
  Undo *undo = g_task_get_task_data (task);

  if (!g_str_equal (id, undo->layer))
    return;
  g_clear_signal_handler (&undo->handler, layers);
  g_clear_pointer (&undo->change, bothy_change_free);
  if (*message)
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_FAILED, "%s", message);
  else
    g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

/* The original is put aside again. */
static void
on_taken_again (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Undo *undo = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  if (!bothy_place_label_finish (result, &error)) {
    g_autofree char *why = g_steal_pointer (&undo->error->message);

    undo->error->message = g_strdup_printf (
        "%s. Its original was given back then, and could not be put aside again: %s", why, error->message);
  }
  g_clear_pointer (&undo->change, bothy_change_free);
  g_task_return_error (task, g_steal_pointer (&undo->error));
}

/* It can not be undone, as the error says that is set: whoever stands on the original needs it again. */
static void
take_again (GTask *task)
{
  const Undo *undo = g_task_get_task_data (task);

  bothy_place_label (bothy_registry_get_helper (g_task_get_source_object (task)), undo->place, undo->layer,
                     BOTHY_PLACE_PUT, on_taken_again, g_object_ref (task));
}

/* Whether nobody but CONTAINER needs the files of IMAGE (or NULL), which has PLACE or none. */
static gboolean
check_alone (BothyImageStore *images,
             const BothyContainer *container,
             BothyImage *image,
             const BothyPlace *place,
             GError **error)
{
  const char *name = container->spec->name;

  if (!image)
    g_set_error (
        error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED,
        "The image that container %s stands on can not be read, so nobody knows whether it was adopted in "
        "place; the journal of bothyd says why",
        name);
  else if (!place)
    g_set_error (
        error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE,
        "Container %s was not adopted in place; if it is a copy, its original is as it was, and \"bothy "
        "delete %s\" removes the copy",
        name, name);
  else if (image->n_containers > 1)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE,
                 "Other containers stand on the same files, copies of %s; delete them first", name);
  else if (bothy_image_store_is_shared (images, image))
    g_set_error (
        error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE,
        "Another image names the same files; delete that first (bothy image delete), and the containers on "
        "it");
  else if (bothy_image_has_names (image, container->owner))
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE,
                 "Its files are an image that has a name, %s; delete that first (bothy image delete)",
                 bothy_image_label (image, container->owner));
  else
    return TRUE;
  return FALSE;
}

/* Whether CONTAINER can do without its original now, and nobody else needs that. */
static gboolean
check (BothyRegistry *self, const BothyContainer *container, GError **error)
{
  BothyImageStore *images = bothy_registry_get_images (self);
  BothyImage *image = bothy_image_store_lookup (images, container->spec->image);

  return check_alone (images, container, image, image ? bothy_image_store_get_place (images, image) : NULL,
                      error);
}

static void
on_deleted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = BOTHY_REGISTRY (source);
  Undo *undo = g_task_get_task_data (task);
  g_autoptr (BothyOperation) operation = bothy_registry_delete_finish (self, result, &undo->error);
  const BothyLayer *layer = bothy_layer_store_lookup (layers_of (task), undo->layer);

  /* The signal says what comes then, or has said it already. */
  if (!undo->handler || (operation && layer && layer->holds > 0))
    return;
  g_clear_signal_handler (&undo->handler, layers_of (task));
  g_object_unref (task);
  if (operation && bothy_image_store_lookup (bothy_registry_get_images (self), undo->container->spec->image))
    undo->error = g_error_new (BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE,
                               "Container %s is gone, but something else stands on its original",
                               undo->container->spec->name);
  if (undo->error)
    take_again (task);
  else
    /* Where some record could not be read, no layer goes; nothing needs its place any more all the same. */
    g_task_return_boolean (task, TRUE);
}

/* While its label was taken off, somebody may have begun to use it: a copy of a snapshot of it, say. */
static void
on_unlabelled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyRegistry *self = g_task_get_source_object (task);
  Undo *undo = g_task_get_task_data (task);
  GError *error = NULL;

  BOTHY_FAULT_POINT ("undo.unlabelled");
  if (!bothy_place_label_finish (result, &error)) {
    g_clear_pointer (&undo->change, bothy_change_free);
    g_task_return_error (task, error);
    return;
  }
  if (!check (self, undo->container, &undo->error)) {
    take_again (task);
    return;
  }
  undo->handler = g_signal_connect (layers_of (task), "given-back", G_CALLBACK (on_given_back), task);
  g_object_ref (task);
  bothy_registry_delete_within (self, undo->container, undo->user, on_deleted, g_object_ref (task));
}

void
bothy_registry_undo_adoption (BothyRegistry *self,
                              BothyContainer *container,
                              guint32 user,
                              GAsyncReadyCallback callback,
                              gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  BothyImageStore *images = bothy_registry_get_images (self);
  Undo *undo = g_new0 (Undo, 1);
  const BothyImage *image;
  GError *error = NULL;

  undo->container = g_object_ref (container);
  undo->user = user;
  g_task_set_task_data (task, undo, undo_free);
  /* Until it is over nobody starts, copies or deletes it. */
  undo->change =
      !bothy_container_require_closed (container, &error)
          ? NULL
          : bothy_change_begin (bothy_registry_get_containers (self), container, "being given back", &error);
  if (undo->change && bothy_container_is_active (container))
    g_set_error (&error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE, "Container %s is running; stop it first",
                 container->spec->name);
  if (error || !check (self, container, &error)) {
    g_clear_pointer (&undo->change, bothy_change_free);
    g_task_return_error (task, error);
    return;
  }
  image = bothy_image_store_lookup (images, container->spec->image);
  undo->place = bothy_place_copy (bothy_image_store_get_place (images, image));
  undo->layer = g_strdup (image->layers[0]);
  bothy_place_label (bothy_registry_get_helper (self), undo->place, undo->layer, BOTHY_PLACE_TAKE_OFF,
                     on_unlabelled, g_object_ref (task));
}

gboolean
bothy_registry_undo_adoption_finish (BothyRegistry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/images/import-place.h"

#include "base/error.h"
#include "base/fault.h"
#include "core/images/aliases.h"
#include "core/images/compose.h"
#include "core/images/expiry.h"

typedef struct {
  BothyImageStore *images;
  guint32 user;
  BothyLayer *layer; /* held */
} PlaceImport;

static void
place_import_free (gpointer data)
{
  PlaceImport *import = data;

  bothy_layer_store_release (bothy_image_store_get_layers (import->images), import->layer);
  /* Where no image came of it, its label goes, and then the layer. */
  bothy_image_store_sweep (import->images);
  g_object_unref (import->images);
  g_free (import);
}

static void
on_added (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BothyImageStore *self = BOTHY_IMAGE_STORE (source);
  g_autoptr (GTask) task = user_data;
  const PlaceImport *import = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (BothyImage) image = bothy_image_store_add_finish (self, result, &error);

  if (!image) {
    g_task_return_error (task, error);
    return;
  }
  bothy_image_store_claim (self, image, import->user, NULL);
  g_task_return_pointer (task, g_steal_pointer (&image), g_object_unref);
}

static void
on_labelled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  PlaceImport *import = g_task_get_task_data (task);
  g_autoptr (GPtrArray) layers = g_ptr_array_new ();
  g_autoptr (BothyImage) image = bothy_image_new (import->layer->id);
  GError *error = NULL;

  BOTHY_FAULT_POINT ("place.labelled");
  image->created_at = g_get_real_time ();
  bothy_image_add_claim (image, import->user, NULL);
  bothy_image_set_origin (image, import->user, BOTHY_ORIGIN_ADOPTED);
  g_ptr_array_add (layers, import->layer);
  if (!bothy_place_label_finish (result, &error) || !bothy_compose (image, layers, &error)) {
    g_task_return_error (task, error);
    return;
  }
  image->fingerprint = (g_free (image->fingerprint), bothy_compose_fingerprint (image));
  bothy_image_store_add (import->images, image, on_added, g_object_ref (task));
}

/* No archive has its name, and nobody can guess it. */
static char *
make_id (void)
{
  g_autofree char *uuid = g_uuid_string_random ();
  g_autofree char *text = g_strconcat ("place ", uuid, NULL);

  return g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);
}

static BothyLayer *
make_layer (const BothyPlace *place, const BothyUnpacked *unpacked)
{
  g_autofree char *id = make_id ();
  BothyLayer *layer = bothy_layer_new (id);

  layer->os_release = g_strdup (unpacked->os_release);
  layer->metadata = g_strdup ("");
  layer->architecture = g_strdup (unpacked->architecture);
  layer->is_root = TRUE;
  layer->hides_below = TRUE;
  layer->place = bothy_place_copy (place);
  return layer;
}

void
bothy_image_store_import_place (BothyImageStore *self,
                                guint32 user,
                                const BothyPlace *place,
                                const BothyUnpacked *unpacked,
                                GAsyncReadyCallback callback,
                                gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  BothyLayerStore *layers = bothy_image_store_get_layers (self);
  GError *error = NULL;
  BothyLayer *layer = bothy_layer_store_add_place (layers, make_layer (place, unpacked), &error);
  PlaceImport *import;

  if (!layer) {
    g_task_return_error (task, error);
    return;
  }
  import = g_new0 (PlaceImport, 1);
  import->images = g_object_ref (self);
  import->user = user;
  import->layer = layer;
  g_task_set_task_data (task, import, place_import_free);
  bothy_place_label (bothy_layer_store_get_helper (layers), place, layer->id, BOTHY_PLACE_PUT, on_labelled,
                     g_object_ref (task));
}

BothyImage *
bothy_image_store_import_place_finish (BothyImageStore *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

const BothyPlace *
bothy_image_store_get_place (BothyImageStore *self, const BothyImage *image)
{
  /* Nothing is ever laid over it in an image. */
  const BothyLayer *layer =
      image->layers && image->layers[0]
          ? bothy_layer_store_lookup (bothy_image_store_get_layers (self), image->layers[0])
          : NULL;

  return layer ? layer->place : NULL;
}

gboolean
bothy_image_store_check_stored (BothyImageStore *self,
                                const BothyImage *image,
                                const char *what,
                                GError **error)
{
  const BothyPlace *place = bothy_image_store_get_place (self, image);
  g_autofree char *text = place ? bothy_place_describe (place) : NULL;

  if (!place)
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE,
               "It was adopted in place, and stands on files that are still those of %s: it can not be %s; "
               "adopt a copy for that",
               text, what);
  return FALSE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/images/export.h"

#include "base/error.h"
#include "core/images/expiry.h"
#include "core/images/oci-config.h"
#include "base/fd.h"

#include <string.h>

#define PACK_MAX_SECONDS (24 * 3600) /* whoever reads may be slow */

typedef struct {
  BothyImageStore *images;
  BothyReading *reading; /* the image may be removed meanwhile */
} Export;

static void
export_free (Export *export)
{
  GPtrArray *layers = bothy_reading_get_layers (export->reading);

  for (guint i = 0; i < layers->len; i++)
    bothy_layer_store_release (bothy_image_store_get_layers (export->images), layers->pdata[i]);
  bothy_reading_free (export->reading);
  bothy_image_store_sweep (export->images);
  g_object_unref (export->images);
  g_free (export);
}

/* ---- metadata.yaml ---- */

/* What has an odd form is better left out than misread. */
static void
add_word (GString *text, const char *key, const char *value)
{
  if (bothy_image_is_word (value))
    g_string_append_printf (text, "%s: \"%s\"\n", key, value);
}

char *
bothy_image_describe (const BothyImage *image)
{
  GString *text = g_string_new (NULL);

  add_word (text, "architecture", image->architecture);
  g_string_append_printf (text, "creation_date: %" G_GINT64_FORMAT "\n", image->created_at / G_USEC_PER_SEC);
  if (image->expires_at > 0)
    g_string_append_printf (text, "expiry_date: %" G_GINT64_FORMAT "\n", image->expires_at / G_USEC_PER_SEC);
  g_string_append (text, "properties:\n");
  add_word (text, "  architecture", image->architecture);
  add_word (text, "  os", image->os);
  add_word (text, "  release", image->release);
  add_word (text, "  variant", image->variant);
  g_string_append (text, "templates: {}\n");
  return g_string_free (text, FALSE);
}

/* ---- the way ---- */

/* The archive, and then the layers, the highest first. */
static GUnixFDList *
open_sources (Export *export, const BothyImage *image, int out_fd, GError **error)
{
  BothyLayerStore *store = bothy_image_store_get_layers (export->images);
  g_autoptr (GUnixFDList) sources = bothy_unpack_sources (out_fd, -1, error);

  for (guint i = g_strv_length (image->layers); sources && i-- > 0;) {
    BothyLayer *layer = bothy_layer_store_lookup (store, image->layers[i]);
    autofd fd = layer ? bothy_layer_store_open (store, layer, error) : -1;

    if (fd < 0 || g_unix_fd_list_append (sources, fd, error) < 0) {
      bothy_error_adopt (error, "Exporting");
      return NULL;
    }
    bothy_layer_store_hold (store, layer);
    bothy_reading_add (export->reading, layer);
  }
  return g_steal_pointer (&sources);
}

static void
on_packed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  g_autoptr (BothyUnpacked) packed = bothy_unpack_finish (result, &error);

  if (packed)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

void
bothy_image_export (BothyImageStore *images,
                    BothyImage *image,
                    guint32 user,
                    int out_fd,
                    gboolean as_oci,
                    enum unpack_compression compression,
                    BothyUnpackProgress progress,
                    gpointer progress_data,
                    GCancellable *cancellable,
                    GAsyncReadyCallback callback,
                    gpointer user_data)
{
  struct unpack_request request = { .mode = UNPACK_PACK,
                                    .flags = as_oci ? UNPACK_AS_OCI : 0,
                                    .compression = compression,
                                    .max_seconds = PACK_MAX_SECONDS };
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Export *export = g_new0 (Export, 1);
  g_autoptr (GUnixFDList) sources = NULL;
  GError *error = NULL;
  g_autofree char *metadata =
      as_oci ? bothy_oci_config_describe (image, NULL, &error) : bothy_image_describe (image);

  export->images = g_object_ref (images);
  export->reading = bothy_quota_begin_reading (bothy_image_store_get_quota (images), user);
  bothy_image_store_note_use (images, image);
  g_task_set_task_data (task, export, (GDestroyNotify)export_free);
  g_task_set_check_cancellable (task, FALSE);
  if (metadata) {
    g_strlcpy (request.metadata, metadata, sizeof request.metadata);
    sources = open_sources (export, image, out_fd, &error);
  }
  if (sources)
    bothy_unpack (bothy_layer_store_get_helper (bothy_image_store_get_layers (images)), user, &request, -1,
                  sources, progress, progress_data, cancellable, on_packed, g_object_ref (task));
  else
    g_task_return_error (task, error);
}

gboolean
bothy_image_export_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

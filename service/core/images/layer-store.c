/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/images/layer-store-private.h"

#include "base/error.h"
#include "base/fault.h"
#include "base/validate.h"
#include "storage/store.h"
#include "base/fd.h"
#include "storage/record.h"

#include <errno.h>
#include <fcntl.h>

G_DEFINE_FINAL_TYPE (BothyLayerStore, bothy_layer_store, G_TYPE_OBJECT)

BothyLayer *
bothy_layer_store_lookup (BothyLayerStore *self, const char *id)
{
  return g_hash_table_lookup (self->layers, id);
}

void
bothy_layer_store_hold (BothyLayerStore *self, BothyLayer *layer)
{
  layer->holds++;
}

void
bothy_layer_store_release (BothyLayerStore *self, BothyLayer *layer)
{
  layer->holds--;
}

void
bothy_layer_store_sweep (BothyLayerStore *self, GHashTable *wanted)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->layers);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    BothyLayer *layer = value;
    g_autoptr (GError) error = NULL;

    if (layer->holds > 0 || g_hash_table_contains (wanted, layer->id))
      continue;
    if (bothy_trash_put (self->trash, self->dirfd, layer->id, &error))
      g_hash_table_iter_remove (&iter);
    else
      g_warning ("Layer %.12s: %s", layer->id, error->message);
    BOTHY_FAULT_POINT ("image-delete.swept");
  }
}

void
bothy_layer_store_read_metadata (BothyLayerStore *self,
                                 int archive_fd,
                                 GCancellable *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data)
{
  bothy_metadata_read (self->helper, archive_fd, cancellable, callback, user_data);
}

int
bothy_layer_store_open (BothyLayerStore *self, const BothyLayer *layer, GError **error)
{
  g_autofree char *path = g_strconcat (layer->id, "/root", NULL);
  int fd = openat (self->dirfd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  if (fd < 0)
    bothy_error_set_errno (error, errno, "Opening a layer");
  return fd;
}

void
bothy_layer_store_pack (BothyLayerStore *self,
                        const struct unpack_request *request,
                        GUnixFDList *sources,
                        BothyUnpackProgress progress,
                        gpointer progress_data,
                        GCancellable *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer user_data)
{
  bothy_unpack (self->helper, request, -1, sources, progress, progress_data, cancellable, callback,
                user_data);
}

/* ---- records ---- */

static gboolean
load_one (gpointer user_data, const char *id)
{
  BothyLayerStore *self = user_data;
  autofd dir = openat (self->dirfd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  g_autoptr (GError) error = NULL;
  g_autoptr (GKeyFile) record = dir >= 0 ? bothy_record_read (dir, "layer", &error) : NULL;
  BothyLayer *layer = record ? bothy_layer_from_record (id, record, &error) : NULL;

  if (!layer) {
    g_warning ("Layer %.12s: %s", id, error ? error->message : g_strerror (errno));
    return FALSE;
  }
  g_hash_table_insert (self->layers, layer->id, layer);
  return TRUE;
}

/* ---- */

static void
bothy_layer_store_finalize (GObject *object)
{
  BothyLayerStore *self = BOTHY_LAYER_STORE (object);

  g_hash_table_unref (self->layers);
  g_object_unref (self->helper);
  g_object_unref (self->trash);
  G_OBJECT_CLASS (bothy_layer_store_parent_class)->finalize (object);
}

static void
bothy_layer_store_class_init (BothyLayerStoreClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_layer_store_finalize;
}

static void
bothy_layer_store_init (BothyLayerStore *self)
{
  self->layers = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify)bothy_layer_free);
}

BothyLayerStore *
bothy_layer_store_new (int dirfd,
                       const BothyConfiguration *configuration,
                       BothyHelperClient *helper,
                       BothyTrash *trash,
                       gboolean *ret_degraded)
{
  BothyLayerStore *self = g_object_new (BOTHY_TYPE_LAYER_STORE, NULL);

  self->dirfd = dirfd;
  self->configuration = configuration;
  self->helper = g_object_ref (helper);
  self->trash = g_object_ref (trash);
  *ret_degraded = !bothy_store_load (self->dirfd, self->trash, load_one, self);
  return self;
}

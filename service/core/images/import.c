/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/images/import.h"

#include "base/error.h"
#include "core/images/aliases.h"
#include "core/images/expiry.h"
#include "core/images/compose.h"
#include "core/images/import-bundle.h"
#include "platform/untrusted-fd.h"

#include <fcntl.h>

typedef struct {
  guint32 user;
  char *alias;
  char *fingerprint;  /* as the importer says; NULL: he does not */
  const char *origin; /* or NULL */
  gboolean squash_owners;
  int archive;
  BothyMetadata *metadata; /* NULL: it has none of its own */
  BothyImageStore *images;
  BothyBudget *budget;
  GPtrArray *layers;          /* BothyLayer, held */
  BothyImageConfig *defaults; /* or NULL */
  GCancellable *cancellable;
  BothyUnpackProgress progress;
  gpointer progress_data;
} Import;

static void
import_free (Import *import)
{
  for (guint i = 0; i < import->layers->len; i++)
    bothy_layer_store_release (bothy_image_store_get_layers (import->images), import->layers->pdata[i]);
  /* What was made before something went wrong. */
  if (import->layers->len > 0)
    bothy_image_store_sweep (import->images);
  g_ptr_array_unref (import->layers);
  g_clear_pointer (&import->budget, bothy_budget_free);
  g_clear_pointer (&import->metadata, bothy_metadata_free);
  g_clear_object (&import->cancellable);
  bothy_untrusted_fd_clear (&import->archive);
  g_object_unref (import->images);
  g_clear_pointer (&import->defaults, bothy_image_config_free);
  g_free (import->alias);
  g_free (import->fingerprint);
  g_free (import);
}

/* Where the user has it from, unless he had it before: but what came with a container is his own once he brings it himself. */
static void
note_origin (const Import *import, BothyImage *image)
{
  const char *known = bothy_image_get_origin (image, import->user);

  if (import->origin && !g_hash_table_contains (image->claims, GUINT_TO_POINTER (import->user)))
    bothy_image_set_origin (image, import->user, import->origin);
  else if (!import->origin && (!*known || g_str_equal (known, BOTHY_ORIGIN_ADOPTED)))
    bothy_image_set_origin (image, import->user, "import");
}

static void
on_added (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BothyImageStore *self = BOTHY_IMAGE_STORE (source);
  g_autoptr (GTask) task = user_data;
  Import *import = g_task_get_task_data (task);
  const char *const aliases[] = { import->alias, NULL };
  GError *error = NULL;
  g_autoptr (BothyImage) image = bothy_image_store_add_finish (self, result, &error);

  if (!image || !bothy_image_store_check_names (image, import->user, aliases, &error)) {
    g_task_return_error (task, error);
    return;
  }
  /* Who brings it himself may have it from nowhere else. */
  bothy_image_store_keep_unused (self, image);
  note_origin (import, image);
  bothy_image_store_claim (self, image, import->user, import->alias);
  g_task_return_pointer (task, g_steal_pointer (&image), g_object_unref);
}

static void
describe_image (const Import *import, BothyImage *image)
{
  image->created_at = g_get_real_time ();
  if (import->fingerprint)
    image->verified = (g_free (image->verified), g_strdup ("sha256"));
  bothy_image_add_claim (image, import->user, NULL);
  if (import->origin)
    bothy_image_set_origin (image, import->user, import->origin);
}

static void
on_unbundled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Import *import = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (BothyImage) image = bothy_import_bundle_finish (result, &error);

  if (!image) {
    g_task_return_error (task, error);
    return;
  }
  describe_image (import, image);
  bothy_image_store_add (g_task_get_source_object (task), image, on_added, g_object_ref (task));
}

/* Of an image in two archives. */
static void
take_metadata (const Import *import, BothyImage *image)
{
  if (import->metadata) {
    bothy_image_take_metadata (image, import->metadata->lines);
    g_free (image->fingerprint);
    image->fingerprint = bothy_compose_fingerprint_apart (image, import->metadata->sha256);
  }
}

static void
on_unpacked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BothyImageStore *self = g_task_get_source_object (task);
  Import *import = g_task_get_task_data (task);
  GError *error = NULL;
  BothySpool *spool = NULL;
  g_autofree char *fingerprint = NULL;
  BothyLayer *layer =
      bothy_layer_store_add_finish_any (BOTHY_LAYER_STORE (source), result, &spool, &fingerprint, &error);
  g_autoptr (BothyImage) image = NULL;

  if (spool && import->metadata) {
    g_clear_pointer (&spool, bothy_spool_free);
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_BAD_ARCHIVE,
                             "Metadata belong to a root file system, and this is an archive of layers");
    return;
  }
  if (spool) {
    bothy_import_bundle (self, spool, import->user, import->squash_owners, import->budget, import->layers,
                         import->cancellable, on_unbundled, g_object_ref (task));
    return;
  }
  if (layer) {
    g_ptr_array_add (import->layers, layer);
    image = bothy_image_new (fingerprint);
    describe_image (import, image);
    image->defaults = g_steal_pointer (&import->defaults);
  }
  if (!image || !bothy_compose (image, import->layers, &error)) {
    g_task_return_error (task, error);
    return;
  }
  take_metadata (import, image);
  /* What it says of its containers is part of what it is; and so is whose its files are, if not whose the archive says. */
  if (image->defaults || image->has_squashed_owners)
    image->fingerprint = (g_free (image->fingerprint), bothy_compose_fingerprint (image));
  bothy_image_store_add (self, image, on_added, g_object_ref (task));
}

static GTask *
task_new (BothyImageStore *self,
          guint32 user,
          const BothyImportSource *source,
          GCancellable *cancellable,
          GAsyncReadyCallback callback,
          gpointer user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  Import *import = g_new0 (Import, 1);

  import->user = user;
  import->alias = g_strdup (source->alias);
  import->fingerprint = g_strdup (source->fingerprint);
  import->defaults = source->defaults ? bothy_image_config_copy (source->defaults) : NULL;
  import->origin = source->origin;
  import->squash_owners = source->squash_owners;
  import->archive = -1;
  import->images = g_object_ref (self);
  import->layers = g_ptr_array_new ();
  import->cancellable = cancellable ? g_object_ref (cancellable) : NULL;
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, import, (GDestroyNotify)import_free);
  return task;
}

static void
unpack_archive (GTask *task)
{
  Import *import = g_task_get_task_data (task);
  const BothyLayerSource source = { .mode = UNPACK_ARCHIVE,
                                    .fd = import->archive,
                                    .sha256 = import->fingerprint,
                                    .squash_owners = import->squash_owners,
                                    .metadata = import->metadata };

  bothy_layer_store_add (bothy_image_store_get_layers (import->images), &source, import->budget,
                         import->progress, import->progress_data, import->cancellable, on_unpacked,
                         g_object_ref (task));
}

static void
on_metadata (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Import *import = g_task_get_task_data (task);
  GError *error = NULL;

  import->metadata = bothy_metadata_read_finish (result, &error);
  if (import->metadata)
    unpack_archive (task);
  else
    g_task_return_error (task, error);
}

static void
start_import (GTask *task, const BothyImportSource *source)
{
  BothyImageStore *self = g_task_get_source_object (task);
  Import *import = g_task_get_task_data (task);
  GError *error = NULL;

  import->archive = bothy_untrusted_fd_dup (source->archive_fd, &error);
  if (import->archive >= 0)
    import->budget = bothy_quota_begin (bothy_image_store_get_quota (self), import->user, &error);
  if (!import->budget)
    g_task_return_error (task, error);
  else if (source->metadata_fd >= 0)
    bothy_metadata_read (bothy_layer_store_get_helper (bothy_image_store_get_layers (self)), import->user,
                         source->metadata_fd, import->cancellable, on_metadata, g_object_ref (task));
  else
    unpack_archive (task);
}

void
bothy_image_store_import (BothyImageStore *self,
                          guint32 user,
                          const BothyImportSource *source,
                          BothyUnpackProgress progress,
                          gpointer progress_data,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data)
{
  g_autoptr (GTask) task = task_new (self, user, source, cancellable, callback, user_data);
  Import *import = g_task_get_task_data (task);

  import->progress = progress;
  import->progress_data = progress_data;
  start_import (task, source);
}

BothyImage *
bothy_image_store_import_finish (BothyImageStore *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

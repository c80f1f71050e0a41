/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/images/import-bundle.h"

#include "base/error.h"
#include "core/images/compose.h"
#include "workers/bundle.h"

#include <errno.h>
#include <unistd.h>

typedef struct {
  BothyImageStore *images;
  BothySpool *spool;
  BothyBundle *bundle;
  BothyBudget *budget;
  guint32 user;
  gboolean squash_owners;
  GPtrArray *layers;
  GCancellable *cancellable;
  gboolean is_settled; /* the last of LAYERS is what it is to be */
  gboolean is_over;    /* the layer that is being unpacked is over those below, and so is what it is to be */
} Unbundle;

static void
unbundle_free (Unbundle *self)
{
  g_clear_pointer (&self->spool, bothy_spool_free);
  g_clear_pointer (&self->bundle, bothy_bundle_free);
  g_clear_object (&self->cancellable);
  g_ptr_array_unref (self->layers);
  g_object_unref (self->images);
  g_free (self);
}

static BothyImageConfig *
make_defaults (const BothyBundle *bundle, GError **error)
{
  g_autoptr (BothyImageConfig) defaults = bothy_image_config_new ();

  for (guint i = 0; i < bundle->settings->len; i++) {
    const BothyBundleSetting *setting = &g_array_index (bundle->settings, BothyBundleSetting, i);

    if (!bothy_image_config_take (defaults, (BothyImageConfigField)setting->which, setting->value, error))
      return NULL;
  }
  return g_steal_pointer (&defaults);
}

static void
make_image (GTask *task)
{
  Unbundle *self = g_task_get_task_data (task);
  g_autoptr (BothyImage) image = bothy_image_new ("");
  GError *error = NULL;

  image->defaults = make_defaults (self->bundle, &error);
  if (!image->defaults || !bothy_compose (image, self->layers, &error)) {
    g_task_return_error (task, error);
    return;
  }
  image->architecture = (g_free (image->architecture), g_strdup (self->bundle->architecture));
  image->fingerprint = (g_free (image->fingerprint), bothy_compose_fingerprint (image));
  g_task_return_pointer (task, g_steal_pointer (&image), g_object_unref);
}

static void take_next_layer (GTask *task);

static void
take_layer (GTask *task, BothyLayer *layer, gboolean is_settled)
{
  Unbundle *self = g_task_get_task_data (task);

  g_ptr_array_add (self->layers, layer);
  self->is_settled = is_settled;
  take_next_layer (task);
}

static void
on_added (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  const Unbundle *self = g_task_get_task_data (task);
  GError *error = NULL;
  BothyLayer *layer = bothy_layer_store_add_finish (BOTHY_LAYER_STORE (source), result, &error);

  if (layer)
    take_layer (task, layer, self->is_over);
  else
    g_task_return_error (task, error);
}

/* Unpacks the next layer by itself, or over BELOW. */
static void
add_layer (GTask *task, GPtrArray *below)
{
  Unbundle *self = g_task_get_task_data (task);
  guint index = self->layers->len;
  const BothyBundleLayer *wanted = &g_array_index (self->bundle->layers, BothyBundleLayer, index);
  const BothyLayerSource source = { .mode = UNPACK_LAYER,
                                    .fd = g_unix_fd_list_peek_fds (self->bundle->fds, NULL)[index],
                                    .sha256 = wanted->id,
                                    .diff_id = wanted->diff_id,
                                    .squash_owners = self->squash_owners,
                                    .below = below };
  GError *error = NULL;

  self->is_over = below != NULL;
  /* It may have been read before. What it is, bothy-bundle looked at. */
  if (lseek (source.fd, 0, SEEK_SET) < 0) {
    bothy_error_set_errno (&error, errno, "Reading a layer of the image");
    g_task_return_error (task, error);
    return;
  }
  bothy_layer_store_add (bothy_image_store_get_layers (self->images), &source, self->budget, NULL, NULL,
                         self->cancellable, on_added, g_object_ref (task));
}

/*
 * The layer ID that USER has already, or NULL. Another's may be there, too: but then he has to bring the bytes.
 */
static BothyLayer *
find_present (const Unbundle *self, const char *id)
{
  BothyLayer *layer = bothy_image_store_find_layer (self->images, self->user, id);

  if (layer)
    bothy_layer_store_hold (bothy_image_store_get_layers (self->images), layer);
  return layer;
}

static void
on_judged (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Unbundle *self = g_task_get_task_data (task);
  g_autoptr (GPtrArray) below = NULL;
  GError *error = NULL;
  gboolean right;

  if (!bothy_layer_store_judge_finish (result, &right, &error))
    g_task_return_error (task, error);
  else if (right) {
    self->is_settled = TRUE;
    take_next_layer (task);
  } else {
    bothy_layer_store_release (BOTHY_LAYER_STORE (source),
                               g_ptr_array_steal_index (self->layers, self->layers->len - 1));
    below = bothy_compose_visible (self->layers, self->layers->len);
    add_layer (task, below);
  }
}

/* Each layer is taken by itself, so that all images share it, and again over those below if it refers to them. */
static void
take_next_layer (GTask *task)
{
  Unbundle *self = g_task_get_task_data (task);
  BothyLayerStore *store = bothy_image_store_get_layers (self->images);
  guint index = self->layers->len;
  g_autoptr (GPtrArray) below = bothy_compose_visible (self->layers, index);
  const BothyBundleLayer *wanted;
  g_autofree char *over = NULL;
  BothyLayer *present;

  if (index > 0 && !self->is_settled) {
    bothy_layer_store_judge (store, self->user, self->layers, index - 1, self->cancellable, on_judged,
                             g_object_ref (task));
    return;
  }
  if (index == self->bundle->layers->len) {
    make_image (task);
    return;
  }
  wanted = &g_array_index (self->bundle->layers, BothyBundleLayer, index);
  over = bothy_layer_over_id (wanted->diff_id, below);
  if ((present = find_present (self, over)))
    take_layer (task, present, TRUE);
  else if ((present = find_present (self, wanted->diff_id)))
    take_layer (task, present, FALSE);
  else
    add_layer (task, NULL);
}

static void
on_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Unbundle *self = g_task_get_task_data (task);
  GError *error = NULL;

  self->bundle = bothy_bundle_read_finish (result, &error);
  /* The layers' archives are open: that is enough of it. */
  g_clear_pointer (&self->spool, bothy_spool_free);
  if (self->bundle && bothy_compose_check_depth (self->bundle->layers->len, &error))
    take_next_layer (task);
  else
    g_task_return_error (task, error);
}

void
bothy_import_bundle (BothyImageStore *images,
                     BothySpool *spool,
                     guint32 user,
                     gboolean squash_owners,
                     BothyBudget *budget,
                     GPtrArray *layers,
                     GCancellable *cancellable,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Unbundle *self = g_new0 (Unbundle, 1);

  self->images = g_object_ref (images);
  self->spool = spool;
  self->user = user;
  self->squash_owners = squash_owners;
  self->budget = budget;
  self->layers = g_ptr_array_ref (layers);
  self->cancellable = cancellable ? g_object_ref (cancellable) : NULL;
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, self, (GDestroyNotify)unbundle_free);
  bothy_spool_read (spool, user, cancellable, on_read, g_object_ref (task));
}

BothyImage *
bothy_import_bundle_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/images/image-store-private.h"

#include "base/error.h"
#include "base/fault.h"
#include "base/validate.h"
#include "core/images/reference.h"
#include "storage/store.h"
#include "base/fd.h"
#include "storage/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

G_DEFINE_FINAL_TYPE (BothyImageStore, bothy_image_store, G_TYPE_OBJECT)

enum { ADDED, REMOVED, N_SIGNALS };
static guint signals[N_SIGNALS];

BothyLayerStore *
bothy_image_store_get_layers (BothyImageStore *self)
{
  return self->layers;
}

/* ---- finding ---- */

BothyImage *
bothy_image_store_lookup (BothyImageStore *self, const char *fingerprint)
{
  return g_hash_table_lookup (self->images, fingerprint);
}

GList *
bothy_image_store_list (BothyImageStore *self)
{
  return g_hash_table_get_values (self->images);
}

static gboolean
is_meant (BothyImage *image, guint32 user, const char *name)
{
  if (!bothy_image_is_visible (image, user))
    return FALSE;
  if (bothy_is_fingerprint_prefix (name))
    return g_str_has_prefix (image->fingerprint, name);
  return bothy_image_has_alias (image, user, name);
}

BothyImage *
bothy_image_store_find (BothyImageStore *self, guint32 user, const char *name, GError **error)
{
  g_autoptr (GList) images = bothy_image_store_list (self);
  g_autofree char *canonical = bothy_reference_canonical (name);
  BothyImage *found = NULL;
  gboolean ambiguous = FALSE;
  g_autofree char *shown = g_strescape (name, NULL);

  for (GList *l = images; l; l = l->next) {
    GPtrArray *claim = g_hash_table_lookup (BOTHY_IMAGE (l->data)->claims, GUINT_TO_POINTER (user));

    if (!is_meant (l->data, user, canonical))
      continue;
    ambiguous = found && bothy_is_fingerprint_prefix (name);
    /* A user's own name for an image goes before a name that is everybody's. */
    if (!found || claim)
      found = l->data;
    if (ambiguous)
      break;
  }
  if (found && !ambiguous)
    return found;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_IMAGE,
               ambiguous ? "More than one image's fingerprint begins with %.80s; give more of it"
                         : "There is no image %.80s; \"bothy image list\" shows what there is",
               shown);
  return NULL;
}

BothyLayer *
bothy_image_store_find_layer (BothyImageStore *self, guint32 user, const char *id)
{
  g_autoptr (GList) images = bothy_image_store_list (self);

  for (GList *l = images; l; l = l->next) {
    BothyImage *image = l->data;

    if (bothy_image_is_visible (image, user) && g_strv_contains ((const char *const *)image->layers, id))
      return bothy_layer_store_lookup (self->layers, id);
  }
  return NULL;
}

/* ---- records ---- */

gboolean
bothy_image_store_write (BothyImageStore *self, BothyImage *image, GError **error)
{
  autofd dir = openat (self->dirfd, image->fingerprint, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  g_autoptr (GKeyFile) record = bothy_image_to_record (image);

  if (dir >= 0)
    return bothy_record_write (dir, "image", record, BOTHY_RECORD_VOLATILE, error);
  bothy_error_set_errno (error, errno, "Opening the image");
  return FALSE;
}

void
bothy_image_store_save (BothyImageStore *self, BothyImage *image)
{
  g_autoptr (GError) error = NULL;

  if (!bothy_image_store_write (self, image, &error))
    g_warning ("Image %.12s: its record was not written: %s", image->fingerprint, error->message);
}

static gboolean
has_layers (BothyImageStore *self, BothyImage *image, GError **error)
{
  for (char **id = image->layers; *id; id++) {
    const BothyLayer *layer = bothy_layer_store_lookup (self->layers, *id);

    if (!layer) {
      g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED, "Its layer %.12s is missing", *id);
      return FALSE;
    }
    image->size += layer->size;
  }
  return TRUE;
}

static gboolean
load_one (gpointer user_data, const char *fingerprint)
{
  BothyImageStore *self = user_data;
  autofd dir = openat (self->dirfd, fingerprint, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  g_autoptr (GError) error = NULL;
  g_autoptr (GKeyFile) record = dir >= 0 ? bothy_record_read (dir, "image", &error) : NULL;
  BothyImage *image = record ? bothy_image_from_record (fingerprint, record, &error) : NULL;

  if (image && !has_layers (self, image, &error))
    g_clear_object (&image);
  if (!image) {
    g_warning ("Image %.12s: %s", fingerprint, error ? error->message : g_strerror (errno));
    return FALSE;
  }
  g_hash_table_insert (self->images, image->fingerprint, image);
  return TRUE;
}

/* ---- what is wanted ---- */

void
bothy_image_store_insert (BothyImageStore *self, BothyImage *image)
{
  g_hash_table_insert (self->images, image->fingerprint, g_object_ref (image));
  g_signal_emit (self, signals[ADDED], 0, image);
}

void
bothy_image_store_sweep (BothyImageStore *self)
{
  g_autoptr (GHashTable) wanted = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GList) images = bothy_image_store_list (self);

  /* After a record could not be read, nobody knows what it wanted. */
  if (self->degraded)
    return;
  for (GList *l = images; l; l = l->next) {
    for (char **id = BOTHY_IMAGE (l->data)->layers; *id; id++)
      g_hash_table_add (wanted, *id);
  }
  bothy_layer_store_sweep (self->layers, wanted);
}

void
bothy_image_store_drop_if_unwanted (BothyImageStore *self, BothyImage *image)
{
  g_autoptr (BothyImage) kept = g_object_ref (image);
  g_autoptr (GError) error = NULL;

  if (image->n_containers > 0 || image->public_alias || g_hash_table_size (image->claims) > 0)
    return;
  if (!bothy_trash_put (self->trash, self->dirfd, image->fingerprint, &error)) {
    g_warning ("Image %.12s: %s", image->fingerprint, error->message);
    return;
  }
  BOTHY_FAULT_POINT ("image-delete.dropped");
  g_hash_table_remove (self->images, image->fingerprint);
  bothy_image_store_sweep (self);
  g_signal_emit (self, signals[REMOVED], 0, image);
}

void
bothy_image_store_use (BothyImageStore *self, BothyImage *image, int by)
{
  image->n_containers += (guint)by;
  bothy_image_store_note_use (self, image);
  if (by < 0)
    bothy_image_store_drop_if_unwanted (self, image);
}

gboolean
bothy_image_store_forget (BothyImageStore *self, BothyImage *image, guint32 user, GError **error)
{
  if (!g_hash_table_contains (image->claims, GUINT_TO_POINTER (user))) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_IMAGE_IN_USE,
                 "Image %s comes with Bothy; there is nothing of yours to remove", image->public_alias);
    return FALSE;
  }
  bothy_image_remove_claim (image, user);
  bothy_image_store_save (self, image);
  bothy_image_store_drop_if_unwanted (self, image);
  return TRUE;
}

void
bothy_image_store_claim (BothyImageStore *self, BothyImage *image, guint32 user, const char *alias)
{
  g_autoptr (GList) images = bothy_image_store_list (self);
  g_autofree char *name = alias ? bothy_reference_canonical (alias) : NULL;

  for (GList *l = images; l && name; l = l->next) {
    BothyImage *other = l->data;

    /* The name moves on to the newer image; the older one stays, under its fingerprint. */
    if (other != image && g_hash_table_contains (other->claims, GUINT_TO_POINTER (user)) &&
        bothy_image_has_alias (other, user, name)) {
      bothy_image_remove_alias (other, user, name);
      bothy_image_store_save (self, other);
    }
  }
  bothy_image_add_claim (image, user, name);
  bothy_image_store_save (self, image);
}

void
bothy_image_store_note_catalogue (BothyImageStore *self,
                                  BothyImage *image,
                                  const char *variant,
                                  const char *end)
{
  g_autofree char *before = g_strdup (image->variant);
  gint64 expired = image->expires_at;

  bothy_image_take_catalogue (image, variant, end);
  if (image->expires_at != expired || !g_str_equal (image->variant, before)) {
    bothy_image_store_save (self, image);
    g_signal_emit_by_name (image, "changed");
  }
}

void
bothy_image_store_note_shown (BothyImageStore *self, BothyImage *image)
{
  if (image->is_shown)
    return;
  image->is_shown = TRUE;
  bothy_image_store_save (self, image);
}

/* ---- */

static guint64
used (gpointer self, guint32 user)
{
  return bothy_image_store_used (self, user);
}

static void
bothy_image_store_finalize (GObject *object)
{
  BothyImageStore *self = BOTHY_IMAGE_STORE (object);

  g_hash_table_unref (self->images);
  g_hash_table_unref (self->adding);
  g_queue_free_full (self->waiting, g_object_unref);
  g_ptr_array_unref (self->readings);
  bothy_budgets_free (self->budgets);
  g_object_unref (self->layers);
  g_object_unref (self->trash);
  G_OBJECT_CLASS (bothy_image_store_parent_class)->finalize (object);
}

static void
bothy_image_store_class_init (BothyImageStoreClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_image_store_finalize;
  signals[ADDED] = g_signal_new ("added", BOTHY_TYPE_IMAGE_STORE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                 G_TYPE_NONE, 1, BOTHY_TYPE_IMAGE);
  signals[REMOVED] = g_signal_new ("removed", BOTHY_TYPE_IMAGE_STORE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 1, BOTHY_TYPE_IMAGE);
}

static void
bothy_image_store_init (BothyImageStore *self)
{
  self->images = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_object_unref);
  self->adding = g_hash_table_new (g_str_hash, g_str_equal);
  self->waiting = g_queue_new ();
  self->readings = g_ptr_array_new ();
}

BothyImageStore *
bothy_image_store_new (int dirfd,
                       const BothyConfiguration *configuration,
                       BothyLayerStore *layers,
                       BothyTrash *trash,
                       gboolean *ret_degraded)
{
  BothyImageStore *self = g_object_new (BOTHY_TYPE_IMAGE_STORE, NULL);

  self->dirfd = dirfd;
  self->configuration = configuration;
  self->layers = g_object_ref (layers);
  self->trash = g_object_ref (trash);
  self->budgets = bothy_budgets_new (configuration->max_image_bytes, used, self);
  self->degraded = !bothy_store_load (self->dirfd, self->trash, load_one, self);
  bothy_image_store_sweep (self);
  *ret_degraded = self->degraded;
  return self;
}

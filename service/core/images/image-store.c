/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/images/image-store.h"

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
#include <unistd.h>

struct _BothyImageStore {
  GObject parent;
  int dirfd;
  const BothyConfiguration *configuration;
  BothyLayerStore *layers;
  BothyTrash *trash;
  BothyQuota *quota;
  GHashTable *images;   /* fingerprint → BothyImage */
  GHashTable *adding;   /* fingerprint → Add */
  guint64 day;          /* today, as bothy_day_counter_count() counts; 0: not known yet */
  gboolean is_degraded; /* an image's record could not be read */
};

G_DEFINE_FINAL_TYPE (BothyImageStore, bothy_image_store, G_TYPE_OBJECT)

enum { ADDED, REMOVED, N_SIGNALS };
static guint signals[N_SIGNALS];

BothyLayerStore *
bothy_image_store_get_layers (BothyImageStore *self)
{
  return self->layers;
}

BothyQuota *
bothy_image_store_get_quota (BothyImageStore *self)
{
  return self->quota;
}

const BothyConfiguration *
bothy_image_store_get_configuration (BothyImageStore *self)
{
  return self->configuration;
}

gboolean
bothy_image_store_is_degraded (BothyImageStore *self)
{
  return self->is_degraded;
}

void
bothy_image_store_set_day (BothyImageStore *self, guint64 day)
{
  self->day = day;
}

guint64
bothy_image_store_get_day (BothyImageStore *self)
{
  return self->day;
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
  BothyLayer *layer = bothy_layer_store_lookup (self->layers, id);

  /* What is not in the store is one container's, and goes back to whose it was: no archive has it, and no image names it. */
  if (!layer || layer->place)
    return NULL;
  for (GList *l = images; l; l = l->next) {
    BothyImage *image = l->data;

    if (bothy_image_is_visible (image, user) && g_strv_contains ((const char *const *)image->layers, id))
      return layer;
  }
  return NULL;
}

gboolean
bothy_image_store_is_shared (BothyImageStore *self, const BothyImage *image)
{
  g_autoptr (GList) images = bothy_image_store_list (self);

  for (char **id = image->layers; *id; id++) {
    for (GList *l = images; l; l = l->next) {
      const BothyImage *other = l->data;

      if (other != image && g_strv_contains ((const char *const *)other->layers, *id))
        return TRUE;
    }
  }
  return FALSE;
}

void
bothy_image_store_collect_layers (BothyImageStore *self, const BothyImage *image, GHashTable *layers)
{
  for (char **id = image->layers; *id; id++) {
    BothyLayer *layer = bothy_layer_store_lookup (self->layers, *id);

    if (layer)
      g_hash_table_add (layers, layer);
  }
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

/* ---- adding: the record comes last, when the disk has all else ---- */

typedef struct {
  int store;
  char *name; /* of the new directory */
  int dir;
  BothyImage *image;
  GPtrArray *tasks; /* GTask: who adds the same at the same time gets the first one's */
} Add;

static void
add_free (Add *add)
{
  bothy_clear_fd (&add->dir);
  g_object_unref (add->image);
  g_ptr_array_unref (add->tasks);
  g_free (add->name);
  g_free (add);
}

/* In a thread: it waits until the disk has every file of every layer, so that what has a record is whole. */
static void
commit_image (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Add *add = task_data;
  g_autoptr (GKeyFile) record = bothy_image_to_record (add->image);
  GError *error = NULL;

  if (syncfs (add->dir) < 0)
    bothy_error_set_errno (&error, errno, "Writing the image to disk");
  else if (bothy_record_write (add->dir, "image", record, BOTHY_RECORD_DURABLE, &error)) {
    BOTHY_FAULT_POINT ("import.recorded");
    if (!bothy_record_place (add->store, add->name, add->image->fingerprint, BOTHY_RECORD_DURABLE))
      bothy_error_set_errno (&error, errno, "Placing the image");
    BOTHY_FAULT_POINT ("import.placed");
  }
  if (error)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static void
insert_image (BothyImageStore *self, BothyImage *image)
{
  g_hash_table_insert (self->images, image->fingerprint, g_object_ref (image));
  g_signal_emit (self, signals[ADDED], 0, image);
}

static void
on_committed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BothyImageStore *self = BOTHY_IMAGE_STORE (source);
  Add *add = g_task_get_task_data (G_TASK (result));
  g_autoptr (GError) error = NULL;

  g_hash_table_remove (self->adding, add->image->fingerprint);
  if (g_task_propagate_boolean (G_TASK (result), &error))
    insert_image (self, add->image);
  else
    bothy_trash_put (self->trash, self->dirfd, add->name, NULL);
  for (guint i = 0; i < add->tasks->len; i++) {
    if (error)
      g_task_return_error (add->tasks->pdata[i], g_error_copy (error));
    else
      g_task_return_pointer (add->tasks->pdata[i], g_object_ref (add->image), g_object_unref);
  }
}

static Add *
add_new (BothyImageStore *self, BothyImage *image)
{
  g_autofree char *uuid = g_uuid_string_random ();
  Add *add = g_new0 (Add, 1);

  add->store = self->dirfd;
  add->image = g_object_ref (image);
  add->name = g_strconcat (BOTHY_STORE_NEW, uuid, NULL);
  add->tasks = g_ptr_array_new_with_free_func (g_object_unref);
  add->dir = mkdirat (self->dirfd, add->name, 0700) == 0
                 ? openat (self->dirfd, add->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                 : -1;
  return add;
}

static void
start_adding (BothyImageStore *self, Add *add)
{
  g_autoptr (GTask) thread = g_task_new (self, NULL, on_committed, NULL);
  GError *error = NULL;

  if (add->dir < 0)
    bothy_error_set_errno (&error, errno, "Making a directory for the image");
  g_hash_table_insert (self->adding, add->image->fingerprint, add);
  g_task_set_task_data (thread, add, (GDestroyNotify)add_free);
  if (error)
    g_task_return_error (thread, error);
  else
    g_task_run_in_thread (thread, commit_image);
}

/* What is not in the store is the layer of one image, which was made for it, and of which it is all. */
static gboolean
check_place (BothyImageStore *self, const BothyImage *image, GError **error)
{
  for (char **id = image->layers; *id; id++) {
    const BothyLayer *layer = bothy_layer_store_lookup (self->layers, *id);

    if (!layer || !layer->place || (!image->layers[1] && !bothy_image_store_is_shared (self, image)))
      continue;
    g_set_error (
        error, BOTHY_ERROR, BOTHY_ERROR_BAD_ARCHIVE,
        "It names a layer, %.12s, whose files are not in the store, but those of a container that was "
        "adopted in place",
        *id);
    return FALSE;
  }
  return TRUE;
}

void
bothy_image_store_add (BothyImageStore *self,
                       BothyImage *image,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  BothyImage *known = bothy_image_store_lookup (self, image->fingerprint);
  Add *running = g_hash_table_lookup (self->adding, image->fingerprint);
  GError *error = NULL;
  Add *add;

  if (!check_place (self, image, &error))
    g_task_return_error (task, error);
  else if (known)
    g_task_return_pointer (task, g_object_ref (known), g_object_unref);
  else if (running)
    g_ptr_array_add (running->tasks, g_object_ref (task));
  else {
    add = add_new (self, image);
    g_ptr_array_add (add->tasks, g_object_ref (task));
    start_adding (self, add);
  }
}

BothyImage *
bothy_image_store_add_finish (BothyImageStore *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* ---- what is wanted ---- */

void
bothy_image_store_sweep (BothyImageStore *self)
{
  g_autoptr (GHashTable) wanted = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GList) images = bothy_image_store_list (self);

  /* After a record could not be read, nobody knows what it wanted. */
  if (self->is_degraded)
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
bothy_image_store_note_newer (BothyImageStore *self, BothyImage *image, guint32 user, const char *version)
{
  if (bothy_image_set_newer (image, user, version))
    bothy_image_store_save (self, image);
}

void
bothy_image_store_note_config (BothyImageStore *self, BothyImage *image, const char *digest)
{
  if (g_strcmp0 (image->config_digest, digest) == 0)
    return;
  image->config_digest = (g_free (image->config_digest), g_strdup (digest));
  bothy_image_store_save (self, image);
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

static void
collect_layers (gpointer data, guint32 user, GHashTable *layers)
{
  BothyImageStore *self = data;
  g_autoptr (GList) images = bothy_image_store_list (self);

  for (GList *l = images; l; l = l->next) {
    if (g_hash_table_contains (BOTHY_IMAGE (l->data)->claims, GUINT_TO_POINTER (user)))
      bothy_image_store_collect_layers (self, l->data, layers);
  }
}

static void
bothy_image_store_finalize (GObject *object)
{
  BothyImageStore *self = BOTHY_IMAGE_STORE (object);

  g_hash_table_unref (self->images);
  g_hash_table_unref (self->adding);
  bothy_quota_free (self->quota);
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
  self->quota = bothy_quota_new (configuration->max_image_bytes, collect_layers, self);
  self->is_degraded = !bothy_store_load (self->dirfd, self->trash, load_one, self);
  bothy_image_store_sweep (self);
  *ret_degraded = self->is_degraded;
  return self;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/images/layer-store.h"

#include "base/error.h"
#include "base/fault.h"
#include "base/fd.h"
#include "base/ids.h"
#include "core/images/compose.h"
#include "platform/untrusted-fd.h"
#include "storage/record.h"
#include "storage/store.h"
#include "workers/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define UNPACK_MAX_SECONDS 3600
#define RETURN_SECONDS     20 /* until what could not be given back is tried again */

struct _BothyLayerStore {
  GObject parent;
  int dirfd;
  const BothyConfiguration *configuration;
  BothyHelperClient *helper;
  BothyTrash *trash;
  GHashTable *layers; /* id → BothyLayer */
  guint again;        /* what gives back what could not be given back; or 0 */
};

G_DEFINE_FINAL_TYPE (BothyLayerStore, bothy_layer_store, G_TYPE_OBJECT)

enum { GIVEN_BACK, N_SIGNALS };
static guint signals[N_SIGNALS];

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

/* ---- what is not in the store ---- */

typedef struct {
  BothyLayerStore *self;
  char *id;
} GivingBack;

static void give_back_later (BothyLayerStore *self, BothyLayer *layer);

static void
on_given_back (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GivingBack *giving = user_data;
  g_autoptr (BothyLayerStore) self = giving->self;
  g_autofree char *id = giving->id;
  BothyLayer *layer = bothy_layer_store_lookup (self, id);
  g_autoptr (GError) error = NULL;

  g_free (giving);
  layer->holds--;
  BOTHY_FAULT_POINT ("place.given-back");
  if (bothy_place_label_finish (result, &error) && bothy_trash_put (self->trash, self->dirfd, id, &error))
    g_hash_table_remove (self->layers, id);
  else {
    /* Once, and not three times in a minute. */
    if (!layer->is_returned)
      g_message ("Layer %.12s: %s; this is tried again until it works", id, error->message);
    give_back_later (self, layer);
  }
  g_signal_emit (self, signals[GIVEN_BACK], 0, id, error ? error->message : "");
}

/* Its record goes last: whoever is interrupted finds what there is to be given back. */
static void
give_back (BothyLayerStore *self, BothyLayer *layer)
{
  GivingBack *giving = g_new0 (GivingBack, 1);

  giving->self = g_object_ref (self);
  giving->id = g_strdup (layer->id);
  layer->holds++;
  bothy_place_label (self->helper, layer->place, layer->id, BOTHY_PLACE_FORGET, on_given_back, giving);
}

/* Its container may run, its file system may not be mounted, and another may be in its place: all of that ends some time, and
   nobody tells. */
static gboolean
on_again (gpointer user_data)
{
  BothyLayerStore *self = user_data;
  g_autoptr (GList) layers = g_hash_table_get_values (self->layers);

  self->again = 0;
  for (GList *l = layers; l; l = l->next) {
    BothyLayer *layer = l->data;

    if (layer->is_returned && layer->holds == 0)
      give_back (self, layer);
  }
  return G_SOURCE_REMOVE;
}

static void
give_back_later (BothyLayerStore *self, BothyLayer *layer)
{
  layer->is_returned = TRUE;
  if (self->again == 0)
    self->again = g_timeout_add_seconds (RETURN_SECONDS, on_again, self);
}

BothyLayer *
bothy_layer_store_add_place (BothyLayerStore *self, BothyLayer *layer, GError **error)
{
  g_autoptr (BothyLayer) owned = layer;
  g_autofree char *uuid = g_uuid_string_random ();
  g_autofree char *name = g_strconcat (BOTHY_STORE_NEW, uuid, NULL);
  g_autoptr (GKeyFile) record = bothy_layer_to_record (layer);
  autofd dir = -1;

  if (mkdirat (self->dirfd, name, 0700) == 0)
    dir = openat (self->dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (dir < 0) {
    bothy_error_set_errno (error, errno, "Making a directory for the image");
    return NULL;
  }
  /* On disk before anything is done to the place. */
  if (!bothy_record_write (dir, "layer", record, BOTHY_RECORD_DURABLE, error)) {
    bothy_trash_put (self->trash, self->dirfd, name, NULL);
    return NULL;
  }
  if (!bothy_record_place (self->dirfd, name, layer->id, BOTHY_RECORD_DURABLE)) {
    bothy_error_set_errno (error, errno, "Placing a layer");
    bothy_trash_put (self->trash, self->dirfd, name, NULL);
    return NULL;
  }
  BOTHY_FAULT_POINT ("place.recorded");
  g_hash_table_insert (self->layers, layer->id, layer);
  bothy_layer_store_hold (self, layer);
  return g_steal_pointer (&owned);
}

/* ---- what is wanted ---- */

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
    if (layer->place) {
      give_back (self, layer);
      continue;
    }
    if (bothy_trash_put (self->trash, self->dirfd, layer->id, &error))
      g_hash_table_iter_remove (&iter);
    else
      g_warning ("Layer %.12s: %s", layer->id, error->message);
    BOTHY_FAULT_POINT ("image-delete.swept");
  }
}

BothyHelperClient *
bothy_layer_store_get_helper (BothyLayerStore *self)
{
  return self->helper;
}

int
bothy_layer_store_open (BothyLayerStore *self, const BothyLayer *layer, GError **error)
{
  g_autofree char *path = g_strconcat (layer->id, "/root", NULL);
  int fd = layer->place ? -1 : openat (self->dirfd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  if (layer->place)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE,
                 "The files of layer %.12s are not in the store: it was adopted in place", layer->id);
  else if (fd < 0)
    bothy_error_set_errno (error, errno, "Opening a layer");
  return fd;
}

/* ---- adding: nothing of a layer is seen until the rename of its finished directory ---- */

typedef struct {
  char *name; /* of the new directory */
  int dir;    /* that directory */
  int tree;   /* "root" in it */
  int source;
  const BothyMetadata *metadata; /* the caller's, or NULL */
  char *sha256;                  /* as somebody says; NULL: nobody does */
  char *diff_id;                 /* the same */
  GPtrArray *below;              /* BothyLayer; or NULL */
  char *fingerprint;             /* as it is */
  struct unpack_request request;
  BothyBudget *budget;
  gboolean is_over;  /* the budget */
  BothySpool *spool; /* what it turned out to be */
  GCancellable *cancellable;
  BothyUnpackProgress progress;
  gpointer progress_data;
} Add;

static void
add_free (Add *add)
{
  g_clear_pointer (&add->spool, bothy_spool_free);
  bothy_clear_fd (&add->dir);
  bothy_clear_fd (&add->tree);
  bothy_untrusted_fd_clear (&add->source);
  g_object_unref (add->cancellable);
  g_free (add->name);
  g_free (add->sha256);
  g_free (add->diff_id);
  g_clear_pointer (&add->below, g_ptr_array_unref);
  g_free (add->fingerprint);
  g_free (add);
}

static void
fail_adding (GTask *task, GError *error)
{
  BothyLayerStore *self = g_task_get_source_object (task);
  Add *add = g_task_get_task_data (task);

  if (add->budget)
    bothy_budget_note (add->budget, 0);
  /* If the directory was not made, the trash can not take it, which is fine: hence no error is looked at. */
  if (add->name)
    bothy_trash_put (self->trash, self->dirfd, add->name, NULL);
  bothy_error_adopt (&error, "Import");
  g_task_return_error (task, error);
}

/* The id of the new layer. The same archive can be unpacked in several ways; where that gives another tree,
   it has another id. */
static char *
plain_id_of (const BothyUnpackPipeline *intake, const Add *add)
{
  /* The built-in image's archive is made by bothy-unpack itself. */
  if (add->request.mode == UNPACK_BUSYBOX)
    return g_strdup (intake->unpacked->sha256);
  if (add->below)
    return bothy_layer_over_id (intake->diff_id, add->below);
  if (add->request.mode == UNPACK_LAYER)
    return g_strdup (intake->diff_id);
  if (intake->unpacked->flags & UNPACK_IS_UNIFIED)
    return bothy_layer_unified_id (intake->fingerprint);
  return g_strdup (intake->fingerprint);
}

static char *
id_of (const BothyUnpackPipeline *intake, const Add *add)
{
  g_autofree char *id = plain_id_of (intake, add);

  return intake->unpacked->flags & UNPACK_HAS_SQUASHED ? bothy_layer_squashed_id (id) : g_steal_pointer (&id);
}

static BothyLayer *
make_layer (const BothyUnpackPipeline *intake, const Add *add)
{
  const BothyUnpacked *unpacked = intake->unpacked;
  g_autofree char *id = id_of (intake, add);
  BothyLayer *layer = bothy_layer_new (id);

  layer->os_release = g_strdup (unpacked->os_release);
  layer->metadata = g_strdup (unpacked->metadata);
  layer->architecture = g_strdup (unpacked->architecture);
  layer->size = unpacked->bytes;
  layer->is_root = (unpacked->flags & UNPACK_IS_ROOT) != 0;
  layer->hides_below = (unpacked->flags & UNPACK_HIDES_BELOW) != 0;
  layer->needs_below = (unpacked->flags & UNPACK_NEEDS_BELOW) != 0;
  layer->may_need_below = (unpacked->flags & UNPACK_MAY_NEED_BELOW) != 0;
  layer->has_squashed_owners = (unpacked->flags & UNPACK_HAS_SQUASHED) != 0;
  return layer;
}

static gboolean
check_layer (const BothyLayer *layer, const BothyUnpackPipeline *intake, const Add *add, GError **error)
{
  const char *sha256 = intake->whole ? intake->whole : intake->fingerprint;

  if (add->sha256 && g_strcmp0 (add->sha256, sha256) != 0)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_BAD_ARCHIVE,
                 intake->whole ? "The SHA-256 of both archives together is %s, not the one that was asked for"
                               : "The archive's SHA-256 is %s, not the one that was asked for",
                 sha256);
  else if (add->diff_id && g_strcmp0 (add->diff_id, intake->diff_id) != 0)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_BAD_ARCHIVE,
                 "A layer's tar has the SHA-256 %s, and not %s as the image says (its diff_id)",
                 intake->diff_id, add->diff_id);
  else if (add->budget && !bothy_budget_note (add->budget, layer->size))
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_LIMITS_EXCEEDED,
                 "With this your images would take more than you may have");
  else
    return TRUE;
  return FALSE;
}

/* Does not wait for the disk: bothy_image_store_add() does that before it writes the image's record. A layer
   that no image's record names is removed when bothyd starts, so nothing is lost that counts. */
static BothyLayer *
place_layer (BothyLayerStore *self, Add *add, BothyLayer *layer, GError **error)
{
  BothyLayer *known = bothy_layer_store_lookup (self, layer->id);
  g_autoptr (BothyLayer) owned = layer;
  g_autoptr (GKeyFile) record = bothy_layer_to_record (layer);

  BOTHY_FAULT_POINT ("import.before-layer");
  if (known) {
    bothy_trash_put (self->trash, self->dirfd, add->name, NULL);
    return known;
  }
  if (!bothy_record_write (add->dir, "layer", record, BOTHY_RECORD_VOLATILE, error))
    return NULL;
  BOTHY_FAULT_POINT ("import.layer-recorded");
  if (renameat (self->dirfd, add->name, self->dirfd, layer->id) < 0) {
    bothy_error_set_errno (error, errno, "Placing a layer");
    return NULL;
  }
  BOTHY_FAULT_POINT ("import.layer-placed");
  g_hash_table_insert (self->layers, layer->id, layer);
  return g_steal_pointer (&owned);
}

/* ---- bundles ---- */

void
bothy_spool_free (BothySpool *self)
{
  bothy_trash_put (self->layers->trash, self->layers->dirfd, self->name, NULL);
  bothy_clear_fd (&self->tree);
  g_object_unref (self->layers);
  g_free (self->name);
  g_free (self);
}

void
bothy_spool_read (BothySpool *self,
                  guint32 user,
                  GCancellable *cancellable,
                  GAsyncReadyCallback callback,
                  gpointer user_data)
{
  bothy_bundle_read (self->layers->helper, user, self->tree, cancellable, callback, user_data);
}

/* A bundle's unpacked files stay in the directory in which they were unpacked until they are imported. When bothyd is
   killed before that, the next one finds the directory and removes it. */
static BothySpool *
make_spool (BothyLayerStore *self, Add *add, guint64 size)
{
  BothySpool *spool = g_new0 (BothySpool, 1);

  spool->layers = g_object_ref (self);
  spool->name = g_strdup (add->name);
  spool->tree = g_steal_fd (&add->tree);
  spool->size = size;
  bothy_clear_fd (&add->dir);
  return spool;
}

/* The unpacked bundle takes space on the disk while layers are made from it, so its size counts against the
   budget until the import ends. */
static void
finish_bundle (GTask *task, const BothyUnpackPipeline *intake, const BothyLayer *layer)
{
  Add *add = g_task_get_task_data (task);
  GError *error = NULL;

  if (!check_layer (layer, intake, add, &error)) {
    fail_adding (task, error);
    return;
  }
  add->spool = make_spool (g_task_get_source_object (task), add, layer->size);
  if (add->budget) {
    bothy_budget_note (add->budget, 0);
    bothy_budget_keep (add->budget, layer->size);
  }
  g_task_return_pointer (task, NULL, NULL);
}

static void
finish_adding (GTask *task, const BothyUnpackPipeline *intake)
{
  BothyLayerStore *self = g_task_get_source_object (task);
  Add *add = g_task_get_task_data (task);
  g_autoptr (BothyLayer) layer = make_layer (intake, add);
  BothyLayer *placed = NULL;
  GError *error = NULL;

  add->fingerprint = g_strdup (intake->fingerprint);
  if (intake->unpacked->flags & UNPACK_IS_BUNDLE && add->request.mode == UNPACK_ARCHIVE) {
    finish_bundle (task, intake, layer);
    return;
  }
  if (check_layer (layer, intake, add, &error))
    placed = place_layer (self, add, g_steal_pointer (&layer), &error);
  if (!placed) {
    fail_adding (task, error);
    return;
  }
  if (add->budget) {
    bothy_budget_note (add->budget, 0);
    bothy_budget_keep (add->budget, placed->size);
  }
  bothy_layer_store_hold (self, placed);
  g_task_return_pointer (task, placed, NULL);
}

static void
on_taken_in (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Add *add = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (BothyUnpackPipeline) intake = bothy_unpack_pipeline_finish (result, &error);

  BOTHY_FAULT_POINT ("import.unpacked");
  if (error && add->is_over) {
    g_clear_error (&error);
    error = g_error_new (BOTHY_ERROR, BOTHY_ERROR_LIMITS_EXCEEDED,
                         "With your other imports under way it would take more than you may have");
  }
  if (intake)
    finish_adding (task, intake);
  else
    fail_adding (task, error);
}

static void
on_made (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  g_autoptr (BothyUnpackPipeline) intake = g_new0 (BothyUnpackPipeline, 1);

  intake->unpacked = bothy_unpack_finish (result, &error);
  if (intake->unpacked)
    finish_adding (task, intake);
  else
    fail_adding (task, error);
}

/* Of the machine's busybox: nobody's archive, so nobody hashes it. */
static void
make_builtin (GTask *task)
{
  BothyLayerStore *self = g_task_get_source_object (task);
  Add *add = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GUnixFDList) sources = bothy_unpack_sources (add->source, -1, &error);

  if (sources)
    bothy_unpack (self->helper, 0, &add->request, add->tree, sources, NULL, NULL, add->cancellable, on_made,
                  g_object_ref (task));
  else
    fail_adding (task, error);
}

static void
on_progress (guint64 bytes_in, guint64 bytes_out, gpointer user_data)
{
  Add *add = user_data;

  if (add->progress)
    add->progress (bytes_in, bytes_out, add->progress_data);
  if (add->budget && !bothy_budget_note (add->budget, bytes_out)) {
    add->is_over = TRUE;
    g_cancellable_cancel (add->cancellable);
  }
}

static void
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  g_cancellable_cancel (user_data);
}

static void
take_in (GTask *task, int tree, GUnixFDList *below)
{
  BothyLayerStore *self = g_task_get_source_object (task);
  Add *add = g_task_get_task_data (task);

  bothy_unpack_pipeline (self->helper, add->budget ? bothy_budget_get_user (add->budget) : 0, &add->request,
                         tree, add->source, add->metadata ? add->metadata->fd : -1, below, on_progress, add,
                         add->cancellable, on_taken_in, g_object_ref (task));
}

/* ---- over other layers: all of them as mounts, which bothy-unpack lays over each other ---- */

static void
on_mounted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Add *add = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GUnixFDList) mounts =
      bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);
  g_autoptr (GUnixFDList) below = NULL;
  const int *fds = NULL;
  int n = 0;

  if (mounts)
    fds = g_unix_fd_list_peek_fds (mounts, &n);
  if (mounts && (guint)n != add->below->len + 1)
    error = g_error_new (BOTHY_ERROR, BOTHY_ERROR_FAILED, "bothy-helper: a layer is missing in its reply");
  else if (mounts)
    below = bothy_fd_list (fds + 1, add->below->len, &error);
  if (below)
    take_in (task, fds[0], below);
  else
    fail_adding (task, error);
}

/* The new one, and then those below, the highest first. */
static void
mount_layers (GTask *task, GUnixFDList *userns)
{
  BothyLayerStore *self = g_task_get_source_object (task);
  Add *add = g_task_get_task_data (task);
  struct helper_request request = { .op = HELPER_MOUNT, .n_layers = add->below->len + 1 };

  request.layers[0].kind = HELPER_LAYER_NEW;
  g_strlcpy (request.layers[0].id, add->name + strlen (BOTHY_STORE_NEW), sizeof request.layers[0].id);
  for (guint i = 1; i < request.n_layers; i++) {
    const BothyLayer *layer = add->below->pdata[add->below->len - i];

    request.layers[i].kind = HELPER_LAYER_IMAGE;
    g_strlcpy (request.layers[i].id, layer->id, sizeof request.layers[i].id);
  }
  bothy_helper_client_call (self->helper, &request, userns, on_mounted, g_object_ref (task));
}

static void
on_map (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Add *add = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GUnixFDList) userns =
      bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);

  if (userns && bothy_compose_check_depth (add->below->len, &error))
    mount_layers (task, userns);
  else
    fail_adding (task, error);
}

/* On disk everything has the ids that bothy-unpack has: the mounts change none. */
static void
request_map (GTask *task)
{
  const struct helper_request request = { .op = HELPER_USERNS,
                                          .owner = BOTHY_NEUTRAL_BASE,
                                          .n_extents = 1,
                                          .extents = { { BOTHY_NEUTRAL_BASE, BOTHY_NEUTRAL_BASE,
                                                         BOTHY_RANGE_SIZE } } };
  BothyLayerStore *self = g_task_get_source_object (task);

  bothy_helper_client_call (self->helper, &request, NULL, on_map, g_object_ref (task));
}

static void
on_owned (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Add *add = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GUnixFDList) fds =
      bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);

  if (!fds)
    fail_adding (task, error);
  else if (add->request.mode == UNPACK_BUSYBOX)
    make_builtin (task);
  else if (add->below)
    request_map (task);
  else
    take_in (task, add->tree, NULL);
}

static gboolean
make_directories (BothyLayerStore *self, Add *add, GError **error)
{
  g_autofree char *uuid = g_uuid_string_random ();

  add->name = g_strconcat (BOTHY_STORE_NEW, uuid, NULL);
  if (mkdirat (self->dirfd, add->name, 0700) == 0) {
    add->dir = openat (self->dirfd, add->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (add->dir >= 0 && mkdirat (add->dir, "root", 0755) == 0)
      add->tree = openat (add->dir, "root", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  }
  if (add->tree >= 0)
    return TRUE;
  bothy_error_set_errno (error, errno, "Making a directory for the image");
  return FALSE;
}

static Add *
add_new (BothyLayerStore *self, const BothyLayerSource *source, BothyBudget *budget)
{
  Add *add = g_new0 (Add, 1);

  add->dir = add->tree = add->source = -1;
  add->metadata = source->metadata;
  add->sha256 = g_strdup (source->sha256);
  add->diff_id = g_strdup (source->diff_id);
  add->cancellable = g_cancellable_new ();
  add->budget = budget;
  add->request.mode = source->mode;
  add->below = source->below ? g_ptr_array_ref (source->below) : NULL;
  add->request.flags = (source->sha256 ? UNPACK_IS_CHECKED : 0) | (source->below ? UNPACK_IS_OVER : 0) |
                       (source->squash_owners ? UNPACK_SQUASH_OWNERS : 0);
  add->request.max_bytes = budget ? bothy_budget_left (budget) : self->configuration->max_image_bytes;
  add->request.max_inodes = self->configuration->max_image_files;
  add->request.max_seconds = UNPACK_MAX_SECONDS;
  return add;
}

void
bothy_layer_store_add (BothyLayerStore *self,
                       const BothyLayerSource *source,
                       BothyBudget *budget,
                       BothyUnpackProgress progress,
                       gpointer progress_data,
                       GCancellable *cancellable,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
  struct helper_request own = { .op = HELPER_OWN, .owner = BOTHY_NEUTRAL_BASE };
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  Add *add = add_new (self, source, budget);
  g_autoptr (GUnixFDList) fds = NULL;
  GError *error = NULL;

  add->progress = progress;
  add->progress_data = progress_data;
  g_task_set_task_data (task, add, (GDestroyNotify)add_free);
  g_task_set_check_cancellable (task, FALSE);
  if (cancellable)
    g_signal_connect_object (cancellable, "cancelled", G_CALLBACK (on_cancelled), add->cancellable, 0);
  if (g_cancellable_is_cancelled (cancellable))
    g_cancellable_cancel (add->cancellable);
  add->source = bothy_untrusted_fd_dup (source->fd, &error);
  if (add->source >= 0 && make_directories (self, add, &error))
    fds = bothy_fd_list (&add->tree, 1, &error);
  if (fds)
    bothy_helper_client_call (self->helper, &own, fds, on_owned, g_object_ref (task));
  else
    fail_adding (task, error);
}

BothyLayer *
bothy_layer_store_add_finish_any (BothyLayerStore *self,
                                  GAsyncResult *result,
                                  BothySpool **ret_spool,
                                  char **ret_fingerprint,
                                  GError **error)
{
  Add *add = g_task_get_task_data (G_TASK (result));

  *ret_spool = g_steal_pointer (&add->spool);
  *ret_fingerprint = g_steal_pointer (&add->fingerprint);
  return g_task_propagate_pointer (G_TASK (result), error);
}

BothyLayer *
bothy_layer_store_add_finish (BothyLayerStore *self, GAsyncResult *result, GError **error)
{
  g_autofree char *fingerprint = NULL;
  g_autoptr (BothySpool) spool = NULL;
  BothyLayer *layer = bothy_layer_store_add_finish_any (self, result, &spool, &fingerprint, error);

  if (spool)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_BAD_ARCHIVE,
                 "This is an archive of an image's layers, where one of a root file system was expected");
  return layer;
}

/* ---- whether a layer is right by itself ---- */

static void
on_checked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  g_autoptr (BothyUnpacked) checked = bothy_unpack_finish (result, &error);

  if (checked)
    g_task_return_boolean (task, (checked->flags & UNPACK_NEEDS_BELOW) == 0);
  else
    g_task_return_error (task, error);
}

/* The layers BELOW, the highest first. */
static GUnixFDList *
open_all (BothyLayerStore *self, GPtrArray *below, GError **error)
{
  g_autoptr (GUnixFDList) list = g_unix_fd_list_new ();

  for (guint i = below->len; i-- > 0;) {
    autofd fd = bothy_layer_store_open (self, below->pdata[i], error);

    if (fd < 0 || g_unix_fd_list_append (list, fd, error) < 0) {
      bothy_error_adopt (error, "Opening the layers below");
      return NULL;
    }
  }
  return g_steal_pointer (&list);
}

void
bothy_layer_store_judge (BothyLayerStore *self,
                         guint32 user,
                         GPtrArray *layers,
                         guint index,
                         GCancellable *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer user_data)
{
  const struct unpack_request request = { .mode = UNPACK_CHECK, .max_seconds = UNPACK_MAX_SECONDS };
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  const BothyLayer *layer = layers->pdata[index];
  g_autoptr (GPtrArray) below = bothy_compose_visible (layers, index);
  g_autoptr (GUnixFDList) sources = NULL;
  GError *error = NULL;
  autofd tree = -1;

  if (layer->needs_below && index == 0)
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_BAD_ARCHIVE,
                             "A link in the image's lowest layer is to a file that the layer did not bring");
  else if (layer->needs_below || !layer->may_need_below || index == 0)
    g_task_return_boolean (task, !layer->needs_below);
  else {
    tree = bothy_compose_check_depth (below->len, &error) ? bothy_layer_store_open (self, layer, &error) : -1;
    sources = tree >= 0 ? open_all (self, below, &error) : NULL;
    if (sources)
      bothy_unpack (self->helper, user, &request, tree, sources, NULL, NULL, cancellable, on_checked,
                    g_object_ref (task));
    else
      g_task_return_error (task, error);
  }
}

gboolean
bothy_layer_store_judge_finish (GAsyncResult *result, gboolean *ret_right, GError **error)
{
  GError *failure = NULL;

  *ret_right = g_task_propagate_boolean (G_TASK (result), &failure);
  if (!failure)
    return TRUE;
  g_propagate_error (error, failure);
  return FALSE;
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

  g_clear_handle_id (&self->again, g_source_remove);
  g_hash_table_unref (self->layers);
  g_object_unref (self->helper);
  g_object_unref (self->trash);
  G_OBJECT_CLASS (bothy_layer_store_parent_class)->finalize (object);
}

static void
bothy_layer_store_class_init (BothyLayerStoreClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_layer_store_finalize;
  signals[GIVEN_BACK] = g_signal_new ("given-back", BOTHY_TYPE_LAYER_STORE, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                      NULL, G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_STRING);
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

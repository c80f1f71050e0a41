/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/remotes/pull-layers.h"

#include "base/error.h"
#include "base/fd.h"
#include "core/images/compose.h"

#define MAX_AT_ONCE 4

typedef struct {
  BothyDownloads *downloads;
  BothyImageStore *images;
  BothyRemote *remote;
  char *name;
  char *token;
  GPtrArray *wanted; /* BothyManifestLayer */
  enum unpack_mode mode;
  gboolean squash_owners;
  BothyBudget *budget;
  GPtrArray *layers; /* BothyLayer, held; NULL where none is yet */
  guint64 *bytes;    /* of each that have come */
  guint64 total;
  guint next, running;
  guint n_settled; /* so many of the lowest are what they are to be */
  gboolean stale;
  gboolean shown;      /* to everybody */
  gboolean is_private; /* asked for with a password */
  int login;
  GError *error;
  GCancellable *cancellable;
  BothyFetchProgress progress;
  gpointer progress_data;
} Gather;

/* One of them that is under way. */
typedef struct {
  GTask *task;
  guint index;
} Part;

static void
release_all (Gather *self)
{
  BothyLayerStore *store = bothy_image_store_get_layers (self->images);

  for (guint i = 0; i < self->layers->len; i++) {
    if (self->layers->pdata[i])
      bothy_layer_store_release (store, self->layers->pdata[i]);
  }
  g_ptr_array_set_size (self->layers, 0);
}

static void
gather_free (Gather *self)
{
  release_all (self);
  g_ptr_array_unref (self->layers);
  g_ptr_array_unref (self->wanted);
  g_object_unref (self->cancellable);
  g_object_unref (self->images);
  g_clear_error (&self->error);
  bothy_remote_free (self->remote);
  g_free (self->bytes);
  g_free (self->name);
  g_free (self->token);
  bothy_clear_fd (&self->login);
  g_free (self);
}

gboolean
bothy_pull_layers_is_of (const BothyImage *image, const BothyRemote *remote)
{
  return g_strcmp0 (image->origin_remote, remote->name) == 0;
}

/* Whether the remote gave the layer ID to somebody, and gives it to everybody. */
static gboolean
is_shown (Gather *self, const char *id)
{
  g_autoptr (GList) images = bothy_image_store_list (self->images);

  for (GList *l = images; l; l = l->next) {
    BothyImage *image = l->data;

    if (image->is_shown && bothy_pull_layers_is_of (image, self->remote) &&
        g_strv_contains ((const char *const *)image->layers, id))
      return TRUE;
  }
  return FALSE;
}

static BothyLayer *
find_called (Gather *self, const char *id, gboolean *ret_shown)
{
  BothyLayer *layer = bothy_layer_store_lookup (bothy_image_store_get_layers (self->images), id);

  /* What was adopted in place no remote has, whatever it names. */
  *ret_shown = layer && !layer->place && is_shown (self, id);
  return *ret_shown ? layer
                    : bothy_image_store_find_layer (self->images, bothy_budget_get_user (self->budget), id);
}

/*
 * A layer that is in the store already and that the user may have without downloading it: the same remote
 * shows it to everybody (RET_SHOWN), or one of his own images stands on it. All others have to be downloaded,
 * for knowing a digest does not prove that he may have the bytes. In the second case RET_SHOWN is FALSE, so
 * that the new image does not count as shown to everybody: its maker may have named a layer that this user
 * alone has, in order to get it.
 */
static BothyLayer *
find_present (Gather *self, const char *id, gboolean *ret_shown)
{
  g_autofree char *squashed = self->squash_owners ? bothy_layer_squashed_id (id) : NULL;
  BothyLayer *layer = find_called (self, id, ret_shown);

  return layer || !squashed ? layer : find_called (self, squashed, ret_shown);
}

static BothyLayer *
find_wanted (Gather *self, const BothyManifestLayer *wanted, gboolean *ret_shown)
{
  g_autofree char *unified = bothy_layer_unified_id (wanted->sha256);
  BothyLayer *layer;

  if (self->mode == UNPACK_LAYER)
    return find_present (self, wanted->diff_id, ret_shown);
  layer = find_present (self, wanted->sha256, ret_shown);
  /* A layer of this id may come from the same tar unpacked as an image's layer, which need not be a root.
     Then look for the tree that was made from its rootfs/. */
  return layer && layer->is_root ? layer : find_present (self, unified, ret_shown);
}

/* The one at INDEX, where all below are what they are to be: as it was made over them. (transfer none) */
static BothyLayer *
find_over (Gather *self, guint index, gboolean *ret_shown)
{
  const BothyManifestLayer *wanted = self->wanted->pdata[index];
  g_autoptr (GPtrArray) below = NULL;
  g_autofree char *over = NULL;

  if (self->mode != UNPACK_LAYER || self->n_settled < index)
    return NULL;
  below = bothy_compose_visible (self->layers, index);
  over = bothy_layer_over_id (wanted->diff_id, below);
  return find_present (self, over, ret_shown);
}

/* Whether an image stands on the same layers up to INDEX: so they were judged to be right over each other. */
static gboolean
has_been_judged (const Gather *self, guint index)
{
  g_autoptr (GList) images = bothy_image_store_list (self->images);

  for (GList *l = images; l; l = l->next) {
    char **ids = BOTHY_IMAGE (l->data)->layers;
    guint same = 0;

    while (same <= index && ids[same] &&
           g_str_equal (ids[same], ((BothyLayer *)self->layers->pdata[same])->id))
      same++;
    if (same > index)
      return TRUE;
  }
  return FALSE;
}

/* One that refers to none below is settled as soon as it is there. */
static gboolean
is_settled (const Gather *self, guint index)
{
  const BothyLayer *layer = self->layers->pdata[index];

  if (!layer || layer->needs_below)
    return FALSE;
  return index == 0 || !layer->may_need_below || has_been_judged (self, index);
}

static void
take_present (Gather *self)
{
  self->layers = g_ptr_array_new ();
  for (guint i = 0; i < self->wanted->len; i++) {
    const BothyManifestLayer *wanted = self->wanted->pdata[i];
    gboolean shown;
    BothyLayer *layer = find_over (self, i, &shown);

    if (!layer)
      layer = find_wanted (self, wanted, &shown);
    if (layer)
      bothy_layer_store_hold (bothy_image_store_get_layers (self->images), layer);
    else {
      self->total += wanted->size;
      shown = !self->is_private;
    }
    self->shown = self->shown && shown;
    g_ptr_array_add (self->layers, layer);
    if (self->n_settled == i && is_settled (self, i))
      self->n_settled++;
  }
}

static void
on_progress (guint64 bytes, guint64 total, gpointer user_data)
{
  Part *part = user_data;
  Gather *self = g_task_get_task_data (part->task);
  guint64 sum = 0;

  self->bytes[part->index] = bytes;
  for (guint i = 0; i < self->wanted->len; i++)
    sum += self->bytes[i];
  self->progress (sum, self->total ? self->total : total, self->progress_data);
}

static void get_more_layers (GTask *task);

/* Puts LAYER, which is held, in the place of what is at INDEX. */
static void
set_layer (Gather *self, guint index, BothyLayer *layer)
{
  if (self->layers->pdata[index])
    bothy_layer_store_release (bothy_image_store_get_layers (self->images), self->layers->pdata[index]);
  self->layers->pdata[index] = layer;
}

static void
on_joined (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Part *part = user_data;
  g_autoptr (GTask) task = part->task;
  Gather *self = g_task_get_task_data (task);
  GError *error = NULL;
  gboolean stale;
  BothyLayer *layer = bothy_downloads_join_finish (result, &stale, &error);

  if (layer)
    set_layer (self, part->index, layer);
  g_free (part);
  self->running--;
  self->stale = self->stale || stale;
  /* One that is missing makes the others useless. */
  if (error && !self->error) {
    self->error = error;
    g_cancellable_cancel (self->cancellable);
  } else
    g_clear_error (&error);
  get_more_layers (task);
}

static void
get_layer (GTask *task, guint index, GPtrArray *below)
{
  Gather *self = g_task_get_task_data (task);
  const BothyManifestLayer *wanted = self->wanted->pdata[index];
  const BothyDownloadSource source = { .remote = self->remote,
                                       .name = self->name,
                                       .url = wanted->url,
                                       .sha256 = wanted->sha256,
                                       .diff_id = wanted->diff_id,
                                       .token = self->token,
                                       .login = self->login,
                                       .size = wanted->size,
                                       .mode = self->mode,
                                       .squash_owners = self->squash_owners,
                                       .below = below };
  Part *part = g_new0 (Part, 1);

  part->task = g_object_ref (task);
  part->index = index;
  self->running++;
  bothy_downloads_join (self->downloads, &source, self->budget, on_progress, part, self->cancellable,
                        on_joined, part);
}

/* ---- layers that refer to those below: one after the other, the lowest first ---- */

static void
on_judged (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Gather *self = g_task_get_task_data (task);
  guint index = self->n_settled;
  gboolean right, shown;
  BothyLayer *present;

  self->running--;
  if (bothy_layer_store_judge_finish (result, &right, &self->error)) {
    present = right ? NULL : find_over (self, index, &shown);
    self->n_settled++;
    if (present) {
      bothy_layer_store_hold (BOTHY_LAYER_STORE (source), present);
      set_layer (self, index, present);
      self->shown = self->shown && shown;
    } else if (!right) {
      g_autoptr (GPtrArray) below = bothy_compose_visible (self->layers, index);

      get_layer (task, index, below);
    }
  }
  get_more_layers (task);
}

/* Whether there is one to wait for. */
static gboolean
settle_next (GTask *task)
{
  Gather *self = g_task_get_task_data (task);

  if (self->error || self->mode != UNPACK_LAYER || self->n_settled == self->layers->len)
    return FALSE;
  self->running++;
  bothy_layer_store_judge (bothy_image_store_get_layers (self->images), bothy_budget_get_user (self->budget),
                           self->layers, self->n_settled, self->cancellable, on_judged, g_object_ref (task));
  return TRUE;
}

static void
get_more_layers (GTask *task)
{
  Gather *self = g_task_get_task_data (task);

  while (!self->error && self->running < MAX_AT_ONCE && self->next < self->wanted->len) {
    guint index = self->next++;

    if (!self->layers->pdata[index])
      get_layer (task, index, NULL);
  }
  if (self->running > 0 || settle_next (task))
    return;
  if (self->error)
    g_task_return_error (task, g_steal_pointer (&self->error));
  else {
    g_task_return_pointer (task, g_ptr_array_copy (self->layers, NULL, NULL),
                           (GDestroyNotify)g_ptr_array_unref);
    /* They are the caller's now. */
    g_ptr_array_set_size (self->layers, 0);
  }
}

static void
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  g_cancellable_cancel (user_data);
}

void
bothy_pull_layers (BothyDownloads *downloads,
                   BothyImageStore *images,
                   const BothyPullLayers *gathering,
                   BothyBudget *budget,
                   BothyFetchProgress progress,
                   gpointer progress_data,
                   GCancellable *cancellable,
                   GAsyncReadyCallback callback,
                   gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, user_data);
  Gather *self = g_new0 (Gather, 1);

  self->downloads = downloads;
  self->images = g_object_ref (images);
  self->remote = bothy_remote_copy (gathering->remote);
  self->name = g_strdup (gathering->name);
  self->token = g_strdup (gathering->token);
  self->is_private = gathering->login >= 0;
  self->login = self->is_private ? bothy_fd_dup (gathering->login, &self->error) : -1;
  self->shown = TRUE;
  self->wanted = g_ptr_array_ref (gathering->layers);
  self->bytes = g_new0 (guint64, self->wanted->len);
  self->mode = gathering->mode;
  self->squash_owners = gathering->squash_owners;
  self->budget = budget;
  self->progress = progress;
  self->progress_data = progress_data;
  self->cancellable = g_cancellable_new ();
  g_task_set_task_data (task, self, (GDestroyNotify)gather_free);
  take_present (self);
  g_signal_connect_object (cancellable, "cancelled", G_CALLBACK (on_cancelled), self->cancellable, 0);
  if (!self->error && g_cancellable_is_cancelled (cancellable))
    self->error = g_error_new (BOTHY_ERROR, BOTHY_ERROR_CANCELLED, "Cancelled");
  get_more_layers (task);
}

GPtrArray *
bothy_pull_layers_finish (GAsyncResult *result, gboolean *ret_stale, gboolean *ret_shown, GError **error)
{
  Gather *self = g_task_get_task_data (G_TASK (result));

  *ret_stale = self->stale;
  *ret_shown = self->shown;
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/remotes/download.h"

#include "base/error.h"
#include "base/fd.h"
#include "workers/unpack-pipeline.h"

struct _BothyDownloads {
  BothyImageStore *images;
  GHashTable *running; /* key → Download */
  GHashTable *recent;  /* key → id of the layer that came of it, which no image may stand on yet */
};

/* One who wants it; the data of his task. */
typedef struct {
  BothyDownloads *downloads;
  BothyBudget *budget; /* his */
  BothyFetchProgress progress;
  gpointer progress_data;
  GCancellable *cancellable;
  gulong cancelled;
  gboolean stale;
} Waiter;

typedef struct {
  gatomicrefcount references;
  BothyDownloads *downloads;
  char *key;
  BothyDownloadSource *source; /* a copy */
  BothyBudget *budget;         /* of who began it: another one than his, for he may leave */
  GPtrArray *tasks;            /* GTask, of those who wait for it */
  GCancellable *cancellable;
  guint pending; /* bothy-fetch and bothy-unpack */
  gboolean stale;
  BothyLayer *layer; /* held */
  GError *error;
} Download;

/* LAYERS, held once more, or NULL. */
static GPtrArray *
hold_all (BothyLayerStore *store, GPtrArray *layers)
{
  for (guint i = 0; layers && i < layers->len; i++)
    bothy_layer_store_hold (store, layers->pdata[i]);
  return layers ? g_ptr_array_ref (layers) : NULL;
}

static void
release_all (BothyLayerStore *store, GPtrArray *layers)
{
  for (guint i = 0; layers && i < layers->len; i++)
    bothy_layer_store_release (store, layers->pdata[i]);
  g_clear_pointer (&layers, g_ptr_array_unref);
}

/* A copy that owns all that it points to. NULL and an error: without the password it would be another question. */
static BothyDownloadSource *
source_copy (const BothyDownloadSource *source, BothyLayerStore *store, GError **error)
{
  int login = source->login >= 0 ? bothy_fd_dup (source->login, error) : -1;
  BothyDownloadSource *self;

  if (source->login >= 0 && login < 0)
    return NULL;
  self = g_memdup2 (source, sizeof *source);
  self->remote = bothy_remote_copy (source->remote);
  self->name = g_strdup (source->name);
  self->url = g_strdup (source->url);
  self->sha256 = g_strdup (source->sha256);
  self->diff_id = g_strdup (source->diff_id);
  self->token = g_strdup (source->token);
  self->below = hold_all (store, source->below);
  self->login = login;
  return self;
}

static void
source_free (BothyDownloadSource *self, BothyLayerStore *store)
{
  release_all (store, self->below);
  bothy_remote_free ((BothyRemote *)self->remote);
  g_free ((char *)self->name);
  g_free ((char *)self->url);
  g_free ((char *)self->sha256);
  g_free ((char *)self->diff_id);
  g_free ((char *)self->token);
  bothy_clear_fd (&self->login);
  g_free (self);
}

static void
waiter_free (gpointer data)
{
  Waiter *waiter = data;

  g_clear_object (&waiter->cancellable);
  g_free (waiter);
}

static Download *
download_ref (Download *self)
{
  g_atomic_ref_count_inc (&self->references);
  return self;
}

static void
download_unref (Download *self)
{
  if (!g_atomic_ref_count_dec (&self->references))
    return;
  g_clear_pointer (&self->budget, bothy_budget_free);
  g_ptr_array_unref (self->tasks);
  g_object_unref (self->cancellable);
  g_clear_error (&self->error);
  source_free (self->source, bothy_image_store_get_layers (self->downloads->images));
  g_free (self->key);
  g_free (self);
}

/* ---- what came a moment ago ---- */

/* The layer ID if somebody holds it; else it may go at any time. */
static BothyLayer *
find_held (BothyDownloads *self, const char *id)
{
  BothyLayer *layer = id ? bothy_layer_store_lookup (bothy_image_store_get_layers (self->images), id) : NULL;

  return layer && layer->holds > 0 ? layer : NULL;
}

/* Who asks the same server for the same bytes, as long as somebody holds what came, need not wait for them.
   */
static BothyLayer *
find_recent (BothyDownloads *self, const char *key)
{
  return find_held (self, g_hash_table_lookup (self->recent, key));
}

static gboolean
is_released (gpointer key, gpointer id, gpointer self)
{
  return !find_held (self, id);
}

static void
note_recent (BothyDownloads *self, const char *key, const char *id)
{
  g_hash_table_foreach_remove (self->recent, is_released, self);
  g_hash_table_replace (self->recent, g_strdup (key), g_strdup (id));
}

/* ---- the end ---- */

static void join_or_begin (BothyDownloads *self, const BothyDownloadSource *source, GTask *task);

static void
stop_watching_waiter (GTask *task)
{
  Waiter *waiter = g_task_get_task_data (task);

  if (waiter->cancelled)
    g_signal_handler_disconnect (waiter->cancellable, waiter->cancelled);
  waiter->cancelled = 0;
}

/* That it was too much for who began it says nothing of others; nor that it ended in the middle, or could not begin: it runs
   among his parsers, whose memory he can use up, and which end when he is logged out. */
static gboolean
may_try_himself (const Download *download, const Waiter *waiter, guint32 leader)
{
  return bothy_budget_get_user (waiter->budget) != leader &&
         (g_error_matches (download->error, BOTHY_ERROR, BOTHY_ERROR_LIMITS_EXCEEDED) ||
          g_error_matches (download->error, BOTHY_ERROR, BOTHY_ERROR_START_FAILED) ||
          g_error_matches (download->error, BOTHY_ERROR, BOTHY_ERROR_FAILED));
}

static void
give_layer (GTask *task, BothyLayer *layer)
{
  Waiter *waiter = g_task_get_task_data (task);

  stop_watching_waiter (task);
  bothy_budget_keep (waiter->budget, layer->size);
  bothy_layer_store_hold (bothy_image_store_get_layers (waiter->downloads->images), layer);
  g_task_return_pointer (task, layer, NULL);
}

static void
answer_waiter (Download *download, GTask *task, guint32 leader)
{
  Waiter *waiter = g_task_get_task_data (task);

  if (download->layer)
    give_layer (task, download->layer);
  else if (may_try_himself (download, waiter, leader))
    join_or_begin (download->downloads, download->source, task);
  else {
    stop_watching_waiter (task);
    waiter->stale = download->stale;
    g_task_return_error (task, g_error_copy (download->error));
  }
}

static void
settle_download (Download *download)
{
  g_autoptr (GPtrArray) tasks = g_steal_pointer (&download->tasks);
  BothyDownloads *self = download->downloads;
  guint32 leader = bothy_budget_get_user (download->budget);

  download->tasks = g_ptr_array_new_with_free_func (g_object_unref);
  /* One that was cancelled may have been followed by another already. */
  if (g_hash_table_lookup (self->running, download->key) == download)
    g_hash_table_remove (self->running, download->key);
  g_clear_pointer (&download->budget, bothy_budget_free);
  for (guint i = 0; i < tasks->len; i++)
    answer_waiter (download, tasks->pdata[i], leader);
  if (download->layer) {
    note_recent (self, download->key, download->layer->id);
    bothy_layer_store_release (bothy_image_store_get_layers (self->images), download->layer);
  }
}

static void
note_end (Download *download, GError *error)
{
  /* When one of the two programs fails, the other one finds the pipe closed (BUSY) or is cancelled: keep the
     error that was the cause. */
  if (error && (!download->error || g_error_matches (download->error, BOTHY_ERROR, BOTHY_ERROR_BUSY) ||
                g_error_matches (download->error, BOTHY_ERROR, BOTHY_ERROR_CANCELLED))) {
    g_clear_error (&download->error);
    download->error = error;
    g_cancellable_cancel (download->cancellable);
  } else
    g_clear_error (&error);
  if (--download->pending == 0)
    settle_download (download);
}

/* ---- the way ---- */

static void
on_fetched (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Download *download = user_data;
  GError *error = NULL;
  gboolean stale;
  g_autoptr (GPtrArray) records = bothy_fetch_finish (result, &stale, &error);

  download->stale = download->stale || stale;
  note_end (download, error);
  download_unref (download);
}

static void
on_added (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Download *download = user_data;
  GError *error = NULL;

  download->layer = bothy_layer_store_add_finish (BOTHY_LAYER_STORE (source), result, &error);
  note_end (download, error);
  download_unref (download);
}

static void
on_progress (guint64 bytes, guint64 total, gpointer user_data)
{
  Download *download = user_data;

  for (guint i = 0; i < download->tasks->len; i++) {
    Waiter *waiter = g_task_get_task_data (download->tasks->pdata[i]);

    waiter->progress (bytes, total, waiter->progress_data);
  }
}

/* What bothy-fetch writes into the pipe is what is hashed and unpacked. */
static void
start_download (BothyDownloads *self, Download *download)
{
  const BothyDownloadSource *wanted = download->source;
  const BothyRemote *remote = wanted->remote;
  BothyFetch fetch = { .op = FETCH_DOWNLOAD,
                       .catalogue = remote->protocol,
                       .policy = remote->policy,
                       .timeout = remote->timeout,
                       .size = wanted->size,
                       .fds = { -1, -1, -1, wanted->login },
                       .words = { [FETCH_WORD_REMOTE] = remote->url,
                                  [FETCH_WORD_NAME] = wanted->name,
                                  [FETCH_WORD_PROXY] = remote->proxy,
                                  [FETCH_WORD_URL] = wanted->url,
                                  [FETCH_WORD_SHA256] = wanted->sha256,
                                  [FETCH_WORD_TOKEN] = wanted->token } };
  BothyLayerSource source = { .mode = wanted->mode,
                              .sha256 = wanted->sha256,
                              .diff_id = wanted->diff_id,
                              .squash_owners = wanted->squash_owners,
                              .below = wanted->below };
  autofd reader = -1;
  autofd writer = -1;

  if (!bothy_unpack_pipeline_pipe (&reader, &writer, &download->error)) {
    settle_download (download);
    return;
  }
  source.fd = reader;
  fetch.fds[FETCH_FD_MAIN] = writer;
  bothy_layer_store_add (bothy_image_store_get_layers (self->images), &source, download->budget, NULL, NULL,
                         download->cancellable, on_added, download_ref (download));
  bothy_fetch (&fetch, on_progress, download, download->cancellable, on_fetched, download_ref (download));
}

/* ---- who waits ---- */

static Download *
find_download (BothyDownloads *self, GTask *task)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->running);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    if (g_ptr_array_find (((Download *)value)->tasks, task, NULL))
      return value;
  }
  return NULL;
}

static gboolean
on_cancelled_idle (gpointer user_data)
{
  GTask *task = user_data;
  Download *download = find_download (((Waiter *)g_task_get_task_data (task))->downloads, task);

  if (!download)
    return G_SOURCE_REMOVE;
  /* The last one takes it down, and waits until nothing is left of it; others go on. */
  if (download->tasks->len == 1)
    g_cancellable_cancel (download->cancellable);
  else {
    g_autoptr (GTask) kept = g_object_ref (task);

    g_ptr_array_remove (download->tasks, task);
    stop_watching_waiter (kept);
    g_task_return_new_error (kept, BOTHY_ERROR, BOTHY_ERROR_CANCELLED, "Cancelled");
  }
  return G_SOURCE_REMOVE;
}

static void
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  /* Not from within the handler: disconnecting there would wait for itself. */
  g_idle_add_full (G_PRIORITY_DEFAULT, on_cancelled_idle, g_object_ref (user_data), g_object_unref);
}

/* Only who asks the same server for the same bytes shares them: to name their digest is not to have them.
   What it does not show to everybody nobody shares with others. */
static char *
key_of (const BothyDownloadSource *source, guint32 user)
{
  g_autofree char *of_user = source->login >= 0 ? g_strdup_printf (" %u", user) : g_strdup ("");
  g_autofree char *over =
      source->below ? bothy_layer_over_id (source->diff_id, source->below) : g_strdup ("");

  return g_strdup_printf ("%d%s %s %s %s %s%s", source->mode, source->squash_owners ? " squash" : "",
                          source->sha256, source->diff_id ? source->diff_id : "", over, source->url, of_user);
}

static Download *
download_new (BothyDownloads *self, const BothyDownloadSource *source, guint32 leader, GError **error)
{
  BothyBudget *budget = bothy_quota_begin (bothy_image_store_get_quota (self->images), leader, error);
  BothyDownloadSource *copy =
      budget ? source_copy (source, bothy_image_store_get_layers (self->images), error) : NULL;
  Download *download;

  if (!copy) {
    g_clear_pointer (&budget, bothy_budget_free);
    return NULL;
  }
  download = g_new0 (Download, 1);
  g_atomic_ref_count_init (&download->references);
  download->downloads = self;
  download->key = key_of (source, leader);
  download->source = copy;
  download->budget = budget;
  download->tasks = g_ptr_array_new_with_free_func (g_object_unref);
  download->cancellable = g_cancellable_new ();
  download->pending = 2;
  return download;
}

static void
join_or_begin (BothyDownloads *self, const BothyDownloadSource *source, GTask *task)
{
  Waiter *waiter = g_task_get_task_data (task);
  g_autofree char *key = key_of (source, bothy_budget_get_user (waiter->budget));
  Download *download = g_hash_table_lookup (self->running, key);
  gboolean is_new = !download || g_cancellable_is_cancelled (download->cancellable);
  BothyLayer *held = find_recent (self, key);
  GError *error = NULL;

  if (held) {
    give_layer (task, held);
    return;
  }
  if (is_new)
    download = download_new (self, source, bothy_budget_get_user (waiter->budget), &error);
  if (!download) {
    stop_watching_waiter (task);
    g_task_return_error (task, error);
    return;
  }
  g_ptr_array_add (download->tasks, g_object_ref (task));
  if (is_new) {
    g_hash_table_replace (self->running, download->key, download);
    /* It may end at once. */
    download_ref (download);
    start_download (self, download);
    download_unref (download);
  }
}

void
bothy_downloads_join (BothyDownloads *self,
                      const BothyDownloadSource *source,
                      BothyBudget *budget,
                      BothyFetchProgress progress,
                      gpointer progress_data,
                      GCancellable *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, user_data);
  Waiter *waiter = g_new0 (Waiter, 1);

  waiter->downloads = self;
  waiter->budget = budget;
  waiter->progress = progress;
  waiter->progress_data = progress_data;
  waiter->cancellable = g_object_ref (cancellable);
  g_task_set_task_data (task, waiter, waiter_free);
  waiter->cancelled = g_signal_connect (cancellable, "cancelled", G_CALLBACK (on_cancelled), task);
  join_or_begin (self, source, task);
}

BothyLayer *
bothy_downloads_join_finish (GAsyncResult *result, gboolean *ret_stale, GError **error)
{
  Waiter *waiter = g_task_get_task_data (G_TASK (result));

  *ret_stale = waiter->stale;
  return g_task_propagate_pointer (G_TASK (result), error);
}

BothyDownloads *
bothy_downloads_new (BothyImageStore *images)
{
  BothyDownloads *self = g_new0 (BothyDownloads, 1);

  self->images = g_object_ref (images);
  self->running = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify)download_unref);
  self->recent = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return self;
}

void
bothy_downloads_free (BothyDownloads *self)
{
  g_hash_table_unref (self->running);
  g_hash_table_unref (self->recent);
  g_object_unref (self->images);
  g_free (self);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pull.h"

#include "core/error.h"
#include "core/import.h"
#include "core/name.h"
#include "platform/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>

#define MAX_SEARCHES 2 /* of one user at once: each has a process of its own */

struct _BothyPuller {
  GObject parent;
  BothyImages *images;
  BothyRemotes *remotes;
  GHashTable *downloads; /* SHA-256 → Download */
  GHashTable *searches;  /* uid → how many are under way */
};

G_DEFINE_FINAL_TYPE (BothyPuller, bothy_puller, G_TYPE_OBJECT)

/* What one user wants. */
typedef struct {
  BothyOperation *operation;
  char *name;
  char **aliases;
  char *architecture;
  GPtrArray *remotes; /* that are asked, in their order */
  guint next;         /* of them */
  gboolean retried;   /* the catalogue was older than what lies there */
  BothyFetched *found;
  gulong cancelled;
} Pull;

/* The archive of one or several of them. */
typedef struct {
  gatomicrefcount references;
  BothyPuller *puller;
  char *sha256;
  char *origin;
  char *verified;
  guint32 leader;     /* the user whose quota bounds it */
  gboolean had_claim; /* of the leader: before */
  GPtrArray *tasks;   /* GTask: pulls that wait for it */
  GCancellable *cancellable;
  guint pending; /* bothy-fetch and bothy-unpack */
  gboolean stale;
  BothyImage *image;
  GError *error;
} Download;

static void
pull_free (Pull *pull)
{
  g_object_unref (pull->operation);
  g_clear_pointer (&pull->remotes, g_ptr_array_unref);
  g_clear_pointer (&pull->found, bothy_fetched_free);
  g_strfreev (pull->aliases);
  g_free (pull->name);
  g_free (pull->architecture);
  g_free (pull);
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
  g_ptr_array_unref (self->tasks);
  g_object_unref (self->cancellable);
  g_clear_object (&self->image);
  g_clear_error (&self->error);
  g_free (self->sha256);
  g_free (self->origin);
  g_free (self->verified);
  g_object_unref (self->puller);
  g_free (self);
}

static char *
local_architecture (void)
{
  struct utsname name;

  return g_strdup (uname (&name) == 0 ? name.machine : "");
}

gboolean
bothy_pull_parse_ref (const char *ref, char **ret_remote, const char **ret_name, GError **error)
{
  const char *colon = strchr (ref, ':');
  g_autofree char *remote = colon ? g_strndup (ref, (gsize)(colon - ref)) : NULL;
  const char *name = colon ? colon + 1 : ref;

  if ((remote && !bothy_remote_check_name (remote, error)) ||
      (!bothy_name_is_fingerprint_prefix (name) && !bothy_name_check_alias (name, error)))
    return FALSE;
  *ret_remote = g_steal_pointer (&remote);
  *ret_name = name;
  return TRUE;
}

/* Those of NAME, or all that are switched on. */
static GPtrArray *
choose_remotes (BothyPuller *self, const char *name, GError **error)
{
  g_autoptr (GPtrArray) all = bothy_remotes_list (self->remotes);
  g_autoptr (GPtrArray) chosen = g_ptr_array_new_with_free_func ((GDestroyNotify)bothy_remote_free);

  for (guint i = 0; i < all->len; i++) {
    BothyRemote *remote = all->pdata[i];

    if (remote->enabled && (!name || g_str_equal (remote->name, name)))
      g_ptr_array_add (chosen, g_steal_pointer (&all->pdata[i]));
  }
  /* What was taken out is not freed with the rest. */
  for (guint i = all->len; i-- > 0;) {
    if (!all->pdata[i])
      g_ptr_array_steal_index (all, i);
  }
  if (chosen->len > 0)
    return g_steal_pointer (&chosen);
  if (name)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_REMOTE,
                 "There is no remote %s; \"bothy remote list\" shows "
                 "what there is",
                 name);
  else
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_REMOTE, "There is no remote to get images from");
  return NULL;
}

static gboolean
ask_remote (BothyPuller *self,
            const BothyRemote *remote,
            enum fetch_op op,
            const char *name,
            const char *architecture,
            GCancellable *cancellable,
            GAsyncReadyCallback callback,
            gpointer user_data,
            GError **error)
{
  autofd key = bothy_remotes_open_key (self->remotes, remote, error);
  const BothyFetch fetch = { .op = op,
                             .catalogue = remote->protocol,
                             .policy = remote->policy,
                             .timeout = remote->timeout,
                             .words = { [FETCH_WORD_REMOTE] = remote->url,
                                        [FETCH_WORD_NAME] = name,
                                        [FETCH_WORD_ARCHITECTURE] = architecture,
                                        [FETCH_WORD_PROXY] = remote->proxy },
                             .fd = key };

  if (error && *error)
    return FALSE;
  bothy_fetch (&fetch, NULL, NULL, cancellable, callback, user_data);
  return TRUE;
}

/* Errors of remotes say of which. */
static void
prefix (GError **error, const BothyRemote *remote)
{
  if (!g_error_matches (*error, BOTHY_ERROR, BOTHY_ERROR_CANCELLED))
    g_prefix_error (error, "Remote \"%s\": ", remote->name);
}

/* ---- pulling ---- */

static void try_remote (GTask *task);

static const BothyRemote *
remote_of (const Pull *pull)
{
  return pull->remotes->pdata[pull->next];
}

static void
end_pull (GTask *task, BothyImage *image, GError *error)
{
  Pull *pull = g_task_get_task_data (task);

  if (pull->cancelled)
    g_signal_handler_disconnect (pull->operation->cancellable, pull->cancelled);
  pull->cancelled = 0;
  if (error)
    g_task_return_error (task, error);
  else
    g_task_return_pointer (task, g_object_ref (image), g_object_unref);
}

/* The image is there; who wanted it gets it. */
static void
adopt (GTask *task, BothyImage *image, const char *verified)
{
  BothyPuller *self = g_task_get_source_object (task);
  Pull *pull = g_task_get_task_data (task);
  guint32 user = pull->operation->user;
  GError *error = NULL;

  if (g_cancellable_is_cancelled (pull->operation->cancellable))
    error = g_error_new (BOTHY_ERROR, BOTHY_ERROR_CANCELLED, "Cancelled");
  else if (!pull->aliases[0])
    bothy_images_adopt (self->images, image, user, NULL, verified, &error);
  for (char **alias = pull->aliases; *alias && !error; alias++)
    bothy_images_adopt (self->images, image, user, *alias, verified, &error);
  if (!error) {
    bothy_images_note_catalogue (self->images, image, pull->found->fields[FETCH_FIELD_VARIANT],
                                 pull->found->fields[FETCH_FIELD_SUPPORT_END]);
    bothy_remotes_note_version (self->remotes, remote_of (pull), pull->found->fields[FETCH_FIELD_PRODUCT],
                                pull->found->fields[FETCH_FIELD_VERSION]);
  }
  end_pull (task, image, error);
}

/* What is said to one of several is not another's error object. */
static void
settle_download (Download *download)
{
  g_autoptr (GPtrArray) tasks = g_steal_pointer (&download->tasks);
  BothyPuller *self = download->puller;
  gboolean leads = FALSE;

  download->tasks = g_ptr_array_new_with_free_func (g_object_unref);
  /* One that was cancelled may have been followed by another already. */
  if (g_hash_table_lookup (self->downloads, download->sha256) == download)
    g_hash_table_remove (self->downloads, download->sha256);
  for (guint i = 0; i < tasks->len; i++) {
    GTask *task = tasks->pdata[i];
    Pull *pull = g_task_get_task_data (task);
    gboolean is_leader = pull->operation->user == download->leader;

    leads = leads || is_leader;
    if (download->image)
      adopt (task, download->image, download->verified);
    else if ((download->stale && !pull->retried) ||
             (!is_leader && g_error_matches (download->error, BOTHY_ERROR, BOTHY_ERROR_LIMITS_EXCEEDED))) {
      /* The catalogue may have changed under us; or it was too much for another, but not for this one. */
      pull->retried = TRUE;
      try_remote (task);
    } else
      end_pull (task, NULL, g_error_copy (download->error));
  }
  /* Who began it wants it no more; the others have it now. */
  if (download->image && !leads && !download->had_claim)
    bothy_images_forget (self->images, download->image, download->leader, NULL);
}

static void
note_end (Download *download, GError *error)
{
  /* That nobody reads the pipe is not the reason, but comes of it. */
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

static void
on_downloaded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) ignored = NULL;
  Download *download = user_data;
  GError *error = NULL;
  gboolean stale;
  g_autoptr (GPtrArray) records = bothy_fetch_finish (result, &stale, &error);

  download->stale = download->stale || stale;
  for (guint i = 0; records && i < download->tasks->len; i++) {
    Pull *pull = g_task_get_task_data (download->tasks->pdata[i]);

    bothy_operation_set_phase (pull->operation, "unpacking");
  }
  note_end (download, error);
  download_unref (download);
}

static void
on_imported (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Download *download = user_data;
  GError *error = NULL;

  download->image = bothy_images_import_finish (BOTHY_IMAGES (source), result, &error);
  note_end (download, error);
  download_unref (download);
}

static void
on_progress (guint64 bytes, guint64 total, gpointer user_data)
{
  Download *download = user_data;

  for (guint i = 0; i < download->tasks->len; i++) {
    Pull *pull = g_task_get_task_data (download->tasks->pdata[i]);

    bothy_operation_set_progress (pull->operation, total > 0 ? MIN (1.0, (double)bytes / (double)total) : -1,
                                  bytes);
  }
}

static char *
verified_by (const BothyFetched *found)
{
  return *found->fields[FETCH_FIELD_KEY] ? g_strconcat ("signature:", found->fields[FETCH_FIELD_KEY], NULL)
                                         : g_strdup ("sha256");
}

static Download *
download_new (BothyPuller *self, const Pull *pull)
{
  BothyImage *known = bothy_images_lookup (self->images, pull->found->fields[FETCH_FIELD_SHA256]);
  Download *download = g_new0 (Download, 1);

  g_atomic_ref_count_init (&download->references);
  download->puller = g_object_ref (self);
  download->sha256 = g_strdup (pull->found->fields[FETCH_FIELD_SHA256]);
  download->origin = g_strdup_printf ("%s:%s", remote_of (pull)->name, pull->name);
  download->verified = verified_by (pull->found);
  download->leader = pull->operation->user;
  download->had_claim = known && bothy_image_is_visible (known, download->leader);
  download->tasks = g_ptr_array_new_with_free_func (g_object_unref);
  download->cancellable = g_cancellable_new ();
  download->pending = 2;
  return download;
}

/* What bothy-fetch writes into the pipe is what bothy-unpack reads. */
static void
start_download (BothyPuller *self, Download *download, const Pull *pull)
{
  const BothyRemote *remote = remote_of (pull);
  BothyFetch fetch = { .op = FETCH_DOWNLOAD,
                       .catalogue = remote->protocol,
                       .policy = remote->policy,
                       .timeout = remote->timeout,
                       .size = pull->found->size,
                       .words = { [FETCH_WORD_REMOTE] = remote->url,
                                  [FETCH_WORD_PROXY] = remote->proxy,
                                  [FETCH_WORD_URL] = pull->found->fields[FETCH_FIELD_URL],
                                  [FETCH_WORD_SHA256] = download->sha256 } };
  autofd reader = -1;
  autofd writer = -1;
  int ends[2];

  if (pipe2 (ends, O_CLOEXEC) < 0) {
    bothy_error_set_errno (&download->error, errno, "pipe");
    settle_download (download);
    return;
  }
  reader = ends[0];
  writer = fetch.fd = ends[1];
  bothy_images_import_from (self->images, download->leader, reader, download->sha256, download->origin,
                            download->verified, download->cancellable, on_imported, download_ref (download));
  bothy_fetch (&fetch, on_progress, download, download->cancellable, on_downloaded, download_ref (download));
}

static gboolean
on_cancelled_idle (gpointer user_data)
{
  GTask *task = user_data;
  BothyPuller *self = g_task_get_source_object (task);
  Pull *pull = g_task_get_task_data (task);
  Download *download =
      pull->found ? g_hash_table_lookup (self->downloads, pull->found->fields[FETCH_FIELD_SHA256]) : NULL;

  if (!download || !g_ptr_array_find (download->tasks, task, NULL))
    return G_SOURCE_REMOVE;
  /* The last one takes it down, and waits until nothing is left of it; others go on. */
  if (download->tasks->len == 1)
    g_cancellable_cancel (download->cancellable);
  else {
    g_autoptr (GTask) kept = g_object_ref (task);

    g_ptr_array_remove (download->tasks, task);
    end_pull (kept, NULL, g_error_new (BOTHY_ERROR, BOTHY_ERROR_CANCELLED, "Cancelled"));
  }
  return G_SOURCE_REMOVE;
}

static void
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  /* Not from within the handler: disconnecting there would wait for itself. */
  g_idle_add_full (G_PRIORITY_DEFAULT, on_cancelled_idle, g_object_ref (user_data), g_object_unref);
}

static void
join_download (GTask *task)
{
  BothyPuller *self = g_task_get_source_object (task);
  Pull *pull = g_task_get_task_data (task);
  const char *sha256 = pull->found->fields[FETCH_FIELD_SHA256];
  Download *download = g_hash_table_lookup (self->downloads, sha256);
  gboolean is_new = !download || g_cancellable_is_cancelled (download->cancellable);

  bothy_operation_set_phase (pull->operation, "downloading");
  if (is_new) {
    download = download_new (self, pull);
    g_hash_table_replace (self->downloads, download->sha256, download);
  }
  g_ptr_array_add (download->tasks, g_object_ref (task));
  if (!pull->cancelled)
    pull->cancelled =
        g_signal_connect (pull->operation->cancellable, "cancelled", G_CALLBACK (on_cancelled), task);
  if (is_new) {
    start_download (self, download_ref (download), pull);
    download_unref (download);
  }
}

static void
take_found (GTask *task)
{
  BothyPuller *self = g_task_get_source_object (task);
  Pull *pull = g_task_get_task_data (task);
  const char *sha256 = pull->found->fields[FETCH_FIELD_SHA256];
  BothyImage *known = bothy_images_lookup (self->images, sha256);
  g_autofree char *verified = verified_by (pull->found);
  GError *error = NULL;

  if (!*sha256)
    error = g_error_new (BOTHY_ERROR, BOTHY_ERROR_NOT_VERIFIED, "Remote %s gives no SHA-256",
                         remote_of (pull)->name);
  else
    bothy_remotes_check_version (self->remotes, remote_of (pull), pull->found->fields[FETCH_FIELD_PRODUCT],
                                 pull->found->fields[FETCH_FIELD_VERSION], &error);
  if (error)
    end_pull (task, NULL, error);
  else if (known)
    adopt (task, known, verified);
  else
    join_download (task);
}

static void
on_found (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Pull *pull = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GPtrArray) records = bothy_fetch_finish (result, NULL, &error);

  if (records && records->len == 1) {
    g_clear_pointer (&pull->found, bothy_fetched_free);
    pull->found = g_ptr_array_steal_index (records, 0);
    take_found (task);
    return;
  }
  if (!error)
    error =
        g_error_new (BOTHY_ERROR, BOTHY_ERROR_REMOTE_FAILED, "It calls the image what no image is called");
  /* Only one that does not have it is passed over: who is between us and a remote must not choose the next.
   */
  if (g_error_matches (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_IMAGE) &&
      pull->next + 1 < pull->remotes->len) {
    g_clear_error (&error);
    pull->next++;
    try_remote (task);
    return;
  }
  prefix (&error, remote_of (pull));
  end_pull (task, NULL, error);
}

static void
try_remote (GTask *task)
{
  BothyPuller *self = g_task_get_source_object (task);
  Pull *pull = g_task_get_task_data (task);
  GError *error = NULL;

  bothy_operation_set_phase (pull->operation, "looking");
  if (!ask_remote (self, remote_of (pull), FETCH_RESOLVE, pull->name, pull->architecture,
                   pull->operation->cancellable, on_found, g_object_ref (task), &error)) {
    end_pull (task, NULL, error);
    g_object_unref (task);
  }
}

void
bothy_puller_pull (BothyPuller *self,
                   BothyOperation *operation,
                   const char *ref,
                   const char *const *aliases,
                   const char *architecture,
                   GAsyncReadyCallback callback,
                   gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  Pull *pull = g_new0 (Pull, 1);
  g_autofree char *remote = NULL;
  GError *error = NULL;
  const char *name;

  pull->operation = g_object_ref (operation);
  pull->aliases = g_strdupv ((char **)aliases);
  pull->architecture = architecture ? g_strdup (architecture) : local_architecture ();
  g_task_set_task_data (task, pull, (GDestroyNotify)pull_free);
  if (bothy_pull_parse_ref (ref, &remote, &name, &error)) {
    pull->name = g_strdup (name);
    pull->remotes = choose_remotes (self, remote, &error);
  }
  if (pull->remotes)
    try_remote (task);
  else
    end_pull (task, NULL, error);
}

BothyImage *
bothy_puller_pull_finish (BothyPuller *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* ---- searching ---- */

typedef struct {
  BothyPuller *puller;
  guint32 user;
  GPtrArray *remotes;
  guint next;
  char *pattern;
  char *architecture;
  GVariantBuilder found;
} Search;

static guint
count_searches (BothyPuller *self, guint32 user, int by)
{
  guint n = GPOINTER_TO_UINT (g_hash_table_lookup (self->searches, GUINT_TO_POINTER (user))) + (guint)by;

  if (n > 0)
    g_hash_table_insert (self->searches, GUINT_TO_POINTER (user), GUINT_TO_POINTER (n));
  else
    g_hash_table_remove (self->searches, GUINT_TO_POINTER (user));
  return n;
}

static void
search_free (Search *search)
{
  count_searches (search->puller, search->user, -1);
  g_object_unref (search->puller);
  g_clear_pointer (&search->remotes, g_ptr_array_unref);
  g_variant_builder_clear (&search->found);
  g_free (search->pattern);
  g_free (search->architecture);
  g_free (search);
}

static void search_next (GTask *task);

static void
add_text (GVariantBuilder *builder, const char *key, const char *value)
{
  g_variant_builder_add (builder, "{sv}", key, g_variant_new_string (value));
}

static void
add_record (Search *search, const BothyRemote *remote, const BothyFetched *record)
{
  static const struct {
    const char *key;
    enum fetch_field field;
  } texts[] = { { "product", FETCH_FIELD_PRODUCT },
                { "version", FETCH_FIELD_VERSION },
                { "os", FETCH_FIELD_OS },
                { "release", FETCH_FIELD_RELEASE },
                { "variant", FETCH_FIELD_VARIANT },
                { "support-end", FETCH_FIELD_SUPPORT_END },
                { "architecture", FETCH_FIELD_ARCHITECTURE },
                { "fingerprint", FETCH_FIELD_FINGERPRINT },
                { "key", FETCH_FIELD_KEY } };
  g_auto (GStrv) aliases = g_strsplit (record->fields[FETCH_FIELD_ALIASES], ",", -1);

  g_variant_builder_open (&search->found, G_VARIANT_TYPE_VARDICT);
  add_text (&search->found, "remote", remote->name);
  g_variant_builder_add (&search->found, "{sv}", "aliases",
                         g_variant_new_strv ((const char *const *)aliases, -1));
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    add_text (&search->found, texts[i].key, record->fields[texts[i].field]);
  g_variant_builder_add (&search->found, "{sv}", "size", g_variant_new_uint64 (record->size));
  g_variant_builder_close (&search->found);
}

/* One that does not answer does not hide the others. */
static void
add_error (Search *search, const BothyRemote *remote, const GError *error)
{
  g_variant_builder_open (&search->found, G_VARIANT_TYPE_VARDICT);
  add_text (&search->found, "remote", remote->name);
  add_text (&search->found, "error", error->message);
  g_variant_builder_close (&search->found);
}

static void
on_searched (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Search *search = g_task_get_task_data (task);
  const BothyRemote *remote = search->remotes->pdata[search->next];
  GError *error = NULL;
  g_autoptr (GPtrArray) records = bothy_fetch_finish (result, NULL, &error);

  if (error && (search->remotes->len == 1 || g_error_matches (error, BOTHY_ERROR, BOTHY_ERROR_CANCELLED))) {
    prefix (&error, remote);
    g_task_return_error (task, error);
    return;
  }
  for (guint i = 0; records && i < records->len; i++)
    add_record (search, remote, records->pdata[i]);
  if (error)
    add_error (search, remote, error);
  g_clear_error (&error);
  search->next++;
  search_next (task);
}

static void
search_next (GTask *task)
{
  BothyPuller *self = g_task_get_source_object (task);
  Search *search = g_task_get_task_data (task);
  GError *error = NULL;

  if (search->next == search->remotes->len)
    g_task_return_pointer (task, g_variant_ref_sink (g_variant_builder_end (&search->found)),
                           (GDestroyNotify)g_variant_unref);
  else if (!ask_remote (self, search->remotes->pdata[search->next], FETCH_SEARCH, search->pattern,
                        search->architecture, g_task_get_cancellable (task), on_searched, g_object_ref (task),
                        &error)) {
    g_task_return_error (task, error);
    g_object_unref (task);
  }
}

void
bothy_puller_search (BothyPuller *self,
                     guint32 user,
                     const char *pattern,
                     const char *architecture,
                     GCancellable *cancellable,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  const char *colon = strchr (pattern, ':');
  g_autofree char *remote = colon ? g_strndup (pattern, (gsize)(colon - pattern)) : NULL;
  Search *search = g_new0 (Search, 1);
  GError *error = NULL;

  g_task_set_check_cancellable (task, FALSE);
  g_variant_builder_init (&search->found, G_VARIANT_TYPE ("aa{sv}"));
  g_task_set_task_data (task, search, (GDestroyNotify)search_free);
  search->puller = g_object_ref (self);
  search->user = user;
  if (count_searches (self, user, 1) > MAX_SEARCHES) {
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
                             "You have %d searches under way; wait for one to end", MAX_SEARCHES);
    return;
  }
  search->pattern = g_strdup (colon ? colon + 1 : pattern);
  search->architecture = architecture ? g_strdup (architecture) : local_architecture ();
  search->remotes = choose_remotes (self, remote, &error);
  if (search->remotes)
    search_next (task);
  else
    g_task_return_error (task, error);
}

GVariant *
bothy_puller_search_finish (BothyPuller *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* ---- */

BothyRemotes *
bothy_puller_get_remotes (BothyPuller *self)
{
  return self->remotes;
}

static void
bothy_puller_finalize (GObject *object)
{
  BothyPuller *self = BOTHY_PULLER (object);

  g_hash_table_unref (self->downloads);
  g_hash_table_unref (self->searches);
  g_object_unref (self->images);
  bothy_remotes_free (self->remotes);
  G_OBJECT_CLASS (bothy_puller_parent_class)->finalize (object);
}

static void
bothy_puller_class_init (BothyPullerClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_puller_finalize;
}

static void
bothy_puller_init (BothyPuller *self)
{
  self->downloads = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify)download_unref);
  self->searches = g_hash_table_new (NULL, NULL);
}

BothyPuller *
bothy_puller_new (BothyImages *images, BothyRemotes *remotes)
{
  BothyPuller *self = g_object_new (BOTHY_TYPE_PULLER, NULL);

  self->images = g_object_ref (images);
  self->remotes = remotes;
  return self;
}

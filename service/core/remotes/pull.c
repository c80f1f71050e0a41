/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One image for one user: find it on a remote, get its layers, stack them, and give it to him. */
#include "core/remotes/pull.h"

#include "base/error.h"
#include "core/images/aliases.h"
#include "core/images/expiry.h"
#include "core/remotes/pull-layers.h"
#include "core/images/reference.h"
#include "core/images/compose.h"

#include <string.h>

G_STATIC_ASSERT ((int)FETCH_SETTING_ENV == (int)BOTHY_IMAGE_CONFIG_ENVIRONMENT);
G_STATIC_ASSERT ((int)FETCH_SETTING_LABEL == (int)BOTHY_IMAGE_CONFIG_LABEL);

typedef struct {
  BothyOperation *operation;
  char *name; /* as the remote knows it */
  char **aliases;
  char *architecture;
  gboolean squash_owners;
  BothyCredentials *credentials; /* or NULL */
  GPtrArray *remotes;            /* that are asked, in their order */
  guint next;                    /* of them */
  GPtrArray *failed;             /* texts: what those said that were passed over because they did not work */
  guint trust;                   /* what a remote must have that is asked in place of one of these */
  gboolean retried;              /* the catalogue was older than what lies there */
  BothyFetchAnswer *found;       /* in a catalogue, or */
  BothyManifest *manifest;
  BothyBudget *budget;
  GPtrArray *layers; /* BothyLayer, held */
  BothyImageStore *images;
  gboolean shown; /* the remote shows all of them to everybody */
  gboolean made;  /* the image was not there before */
} Pull;

static void
release_layers (Pull *pull)
{
  for (guint i = 0; pull->layers && i < pull->layers->len; i++)
    bothy_layer_store_release (bothy_image_store_get_layers (pull->images), pull->layers->pdata[i]);
  g_clear_pointer (&pull->layers, g_ptr_array_unref);
  bothy_image_store_sweep (pull->images);
}

static void
pull_free (Pull *pull)
{
  release_layers (pull);
  g_clear_pointer (&pull->budget, bothy_budget_free);
  g_object_unref (pull->images);
  g_object_unref (pull->operation);
  g_clear_pointer (&pull->remotes, g_ptr_array_unref);
  g_clear_pointer (&pull->failed, g_ptr_array_unref);
  g_clear_pointer (&pull->credentials, bothy_credentials_unref);
  g_clear_pointer (&pull->found, bothy_fetch_answer_free);
  g_clear_pointer (&pull->manifest, bothy_manifest_free);
  g_strfreev (pull->aliases);
  g_free (pull->name);
  g_free (pull->architecture);
  g_free (pull);
}

static const BothyRemote *
remote_of (const Pull *pull)
{
  return pull->remotes->pdata[pull->next];
}

/* Where the user has it from, as he would type it. A registry in a file may be called by its host. */
static char *
origin_of (const Pull *pull)
{
  char *remote = remote_of (pull)->name;
  gboolean is_host = bothy_reference_is_registry (remote);
  const BothyReference reference = { .remote = is_host ? NULL : remote,
                                     .registry = is_host ? remote : NULL,
                                     .name = pull->name };

  return bothy_reference_format (&reference);
}

/* ---- it is there ---- */

static char *
verified_by (const Pull *pull)
{
  return pull->found && *pull->found->fields[FETCH_FIELD_KEY]
             ? g_strconcat ("signature:", pull->found->fields[FETCH_FIELD_KEY], NULL)
             : g_strdup ("sha256");
}

/* It is the user's, under each of the names. */
static gboolean
adopt_image (GTask *task, BothyImage *image, GError **error)
{
  BothyPuller *self = g_task_get_source_object (task);
  Pull *pull = g_task_get_task_data (task);
  g_autofree char *verified = verified_by (pull);
  g_autofree char *origin = origin_of (pull);

  if (g_cancellable_is_cancelled (pull->operation->cancellable)) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_CANCELLED, "Cancelled");
    return FALSE;
  }
  if (!bothy_image_store_adopt (pull->images, image, pull->operation->user,
                                (const char *const *)pull->aliases, origin, verified, error))
    return FALSE;
  bothy_image_store_note_use (pull->images, image);
  bothy_image_store_note_newer (pull->images, image, pull->operation->user, NULL);
  if (pull->manifest)
    bothy_image_store_note_config (pull->images, image, pull->manifest->config);
  if (pull->shown && bothy_pull_layers_is_of (image, remote_of (pull)))
    bothy_image_store_note_shown (pull->images, image);
  if (pull->found) {
    bothy_image_store_note_catalogue (pull->images, image, pull->found->fields[FETCH_FIELD_VARIANT],
                                      pull->found->fields[FETCH_FIELD_SUPPORT_END]);
    /* What a remote shows to who has a password says nothing of what it shows to the others. */
    if (bothy_credentials_find (pull->credentials, remote_of (pull)) < 0)
      bothy_remotes_note_version (bothy_puller_get_remotes (self), remote_of (pull),
                                  pull->found->fields[FETCH_FIELD_PRODUCT],
                                  pull->found->fields[FETCH_FIELD_VERSION]);
  }
  return TRUE;
}

static void
give_image (GTask *task, BothyImage *image)
{
  Pull *pull = g_task_get_task_data (task);
  GError *error = NULL;

  /* From here on it counts as what the user has, and not as what he is about to get. */
  g_clear_pointer (&pull->budget, bothy_budget_free);
  if (adopt_image (task, image, &error))
    g_task_return_pointer (task, g_object_ref (image), g_object_unref);
  else {
    if (pull->made && !bothy_image_has_names (image, pull->operation->user))
      bothy_image_store_forget (pull->images, image, pull->operation->user, NULL);
    g_task_return_error (task, error);
  }
}

static void
on_added (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  g_autoptr (BothyImage) image = bothy_image_store_add_finish (BOTHY_IMAGE_STORE (source), result, &error);

  if (image)
    give_image (task, image);
  else
    g_task_return_error (task, error);
}

static BothyImageConfig *
take_settings (const BothyManifest *manifest, GError **error)
{
  g_autoptr (BothyImageConfig) defaults = bothy_image_config_new ();

  for (guint i = 0; i < manifest->settings->len; i++) {
    const BothyManifestSetting *setting = manifest->settings->pdata[i];

    if (!bothy_image_config_take (defaults, (BothyImageConfigField)setting->which, setting->value, error))
      return NULL;
  }
  return g_steal_pointer (&defaults);
}

/* For an image of a registry, its manifest gives the architecture and what its containers run, and the
   fingerprint is computed from its layers and that. An image of a catalogue is one archive: its SHA-256 is
   the fingerprint, and its layer says everything else. */
static BothyImage *
make_image (const Pull *pull, GError **error)
{
  const BothyManifest *manifest = pull->manifest;
  g_autoptr (BothyImage) image = bothy_image_new (manifest ? "" : pull->found->fields[FETCH_FIELD_SHA256]);

  image->created_at = g_get_real_time ();
  image->origin = (g_free (image->origin), origin_of (pull));
  image->origin_remote = g_strdup (remote_of (pull)->name);
  image->verified = (g_free (image->verified), verified_by (pull));
  if (manifest && !(image->defaults = take_settings (manifest, error)))
    return NULL;
  if (!bothy_compose (image, pull->layers, error))
    return NULL;
  /* Whose its files are is part of what it is, if it is not whose the archive says. */
  if (!manifest && image->has_squashed_owners)
    image->fingerprint = (g_free (image->fingerprint), bothy_compose_fingerprint (image));
  if (!manifest)
    return g_steal_pointer (&image);
  image->architecture = (g_free (image->architecture), g_strdup (manifest->architecture));
  image->fingerprint = (g_free (image->fingerprint), bothy_compose_fingerprint (image));
  return g_steal_pointer (&image);
}

static void
stack_layers (GTask *task)
{
  Pull *pull = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (BothyImage) image = make_image (pull, &error);
  BothyImage *known = image ? bothy_image_store_lookup (pull->images, image->fingerprint) : NULL;

  if (!image)
    g_task_return_error (task, error);
  else if (known)
    give_image (task, known);
  else {
    pull->made = TRUE;
    image->is_shown = pull->shown;
    bothy_image_store_set_new (pull->images, image);
    bothy_image_add_claim (image, pull->operation->user, NULL);
    bothy_image_store_add (pull->images, image, on_added, g_object_ref (task));
  }
}

/* ---- getting it ---- */

static void try_remote (GTask *task);

static void
on_progress (guint64 bytes, guint64 total, gpointer user_data)
{
  BothyOperation *operation = user_data;

  if (total > 0 && bytes == total && !g_str_equal (operation->phase, "unpacking"))
    bothy_operation_set_phase (operation, "unpacking");
  bothy_operation_set_total (operation, total);
  bothy_operation_set_progress (operation, total > 0 ? MIN (1.0, (double)bytes / (double)total) : -1, bytes);
}

static void
on_gathered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Pull *pull = g_task_get_task_data (task);
  GError *error = NULL;
  gboolean stale;

  pull->layers = bothy_pull_layers_finish (result, &stale, &pull->shown, &error);
  if (pull->layers)
    stack_layers (task);
  else if (stale && !pull->retried) {
    /* The catalogue may have changed under us. */
    g_clear_error (&error);
    pull->retried = TRUE;
    try_remote (task);
  } else
    g_task_return_error (task, error);
}

/* Of a catalogue, an image is one archive. */
static GPtrArray *
layers_of (const BothyFetchAnswer *found)
{
  GPtrArray *layers = g_ptr_array_new_with_free_func (bothy_manifest_layer_free);
  BothyManifestLayer *layer = g_new0 (BothyManifestLayer, 1);

  layer->sha256 = g_strdup (found->fields[FETCH_FIELD_SHA256]);
  layer->url = g_strdup (found->fields[FETCH_FIELD_URL]);
  layer->size = found->size;
  g_ptr_array_add (layers, layer);
  return layers;
}

/* Before all of it was downloaded. */
static gboolean
check_depth (const BothyManifest *manifest, GError **error)
{
  g_autoptr (GHashTable) ids = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < manifest->layers->len; i++)
    g_hash_table_add (ids, ((BothyManifestLayer *)manifest->layers->pdata[i])->diff_id);
  return bothy_compose_check_depth (g_hash_table_size (ids), error);
}

static gboolean
check_found (BothyPuller *self, const Pull *pull, GError **error)
{
  const char *const *fields = pull->found ? (const char *const *)pull->found->fields : NULL;

  if (pull->manifest)
    return check_depth (pull->manifest, error);
  if (*fields[FETCH_FIELD_SHA256])
    return bothy_remotes_check_version (bothy_puller_get_remotes (self), remote_of (pull),
                                        fields[FETCH_FIELD_PRODUCT], fields[FETCH_FIELD_VERSION], error);
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NOT_VERIFIED, "Remote %s gives no SHA-256",
               remote_of (pull)->name);
  return FALSE;
}

static void
get_layers (GTask *task)
{
  BothyPuller *self = g_task_get_source_object (task);
  Pull *pull = g_task_get_task_data (task);
  g_autoptr (GPtrArray) layers = NULL;
  BothyPullLayers gathering = { .remote = remote_of (pull), .name = pull->name };
  GError *error = NULL;

  if (check_found (self, pull, &error) && !pull->budget)
    pull->budget =
        bothy_quota_begin (bothy_image_store_get_quota (pull->images), pull->operation->user, &error);
  if (error) {
    g_task_return_error (task, error);
    return;
  }
  layers = pull->manifest ? g_ptr_array_ref (pull->manifest->layers) : layers_of (pull->found);
  gathering.layers = layers;
  gathering.login = bothy_credentials_find (pull->credentials, gathering.remote);
  gathering.token = pull->manifest ? pull->manifest->token : NULL;
  gathering.squash_owners = pull->squash_owners;
  gathering.mode = pull->manifest ? UNPACK_LAYER : UNPACK_ARCHIVE;
  bothy_operation_set_phase (pull->operation, "downloading");
  bothy_pull_layers (bothy_puller_get_downloads (self), pull->images, &gathering, pull->budget, on_progress,
                     pull->operation, pull->operation->cancellable, on_gathered, g_object_ref (task));
}

/* ---- finding it ---- */

/* How hard it is to speak for REMOTE for who is between it and us. */
static guint
trust_in (const BothyRemote *remote)
{
  if (remote->policy == FETCH_POLICY_SIGNATURE)
    return 2;
  return g_str_has_prefix (remote->url, "https://") ? 1 : 0;
}

/* Who is between us and a remote can make it fail, and would choose the next one: so that is never one which he could speak for
   more easily. FALSE: there is none. */
static gboolean
choose_next (Pull *pull)
{
  while (++pull->next < pull->remotes->len) {
    if (trust_in (remote_of (pull)) >= pull->trust)
      return TRUE;
  }
  return FALSE;
}

/* On this machine most registries speak without TLS, which has to be said. */
static void
explain_registry (const BothyRemote *remote, GError *error)
{
  static const char *const here[] = { "https://localhost", "https://127.0.0.1", "https://[::1]" };
  g_autofree char *before = error->message;

  error->message = NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (here) && remote->protocol == FETCH_OCI && !error->message; i++) {
    if (g_str_has_prefix (remote->url, here[i]))
      error->message =
          g_strdup_printf ("%s; if it speaks HTTP without TLS, an administrator makes it known with "
                           "\"bothy remote add NAME http://%s --protocol oci\"",
                           before, remote->url + strlen ("https://"));
  }
  if (!error->message)
    error->message = g_steal_pointer (&before);
}

static void
note_failed (Pull *pull, const GError *error)
{
  if (!pull->failed)
    pull->failed = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (pull->failed, g_strdup (error->message));
  pull->trust = MAX (pull->trust, trust_in (remote_of (pull)));
}

/* All of them were asked, or may not be: ERROR is what the last one said, which is there already if it failed. (transfer full) */
static GError *
sum_up (const Pull *pull, GError *error)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < pull->failed->len; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? "; " : "", (const char *)pull->failed->pdata[i]);
  if (g_error_matches (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_IMAGE))
    g_string_append_printf (text, "; %s", error->message);
  g_error_free (error);
  error = g_error_new_literal (BOTHY_ERROR, BOTHY_ERROR_REMOTE_FAILED, text->str);
  g_string_free (text, TRUE);
  return error;
}

/* AWAY: the remote could not be asked. */
static void
go_on_without (GTask *task, GError *error, gboolean away)
{
  Pull *pull = g_task_get_task_data (task);
  gboolean passed = away || g_error_matches (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_IMAGE);

  bothy_remote_prefix_error (remote_of (pull), &error);
  if (g_error_matches (error, BOTHY_ERROR, BOTHY_ERROR_REMOTE_FAILED))
    explain_registry (remote_of (pull), error);
  if (away)
    note_failed (pull, error);
  /* What is there and not as it should be, or wants to know who asks, is no reason to look elsewhere: an image of the same name
     would be another one. */
  if (passed && choose_next (pull)) {
    g_error_free (error);
    try_remote (task);
  } else if (passed && pull->failed && pull->remotes->len > 1)
    g_task_return_error (task, sum_up (pull, error));
  else
    g_task_return_error (task, error);
}

static void
on_found (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Pull *pull = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GPtrArray) records = NULL;

  g_clear_pointer (&pull->found, bothy_fetch_answer_free);
  g_clear_pointer (&pull->manifest, bothy_manifest_free);
  if (remote_of (pull)->protocol == FETCH_OCI)
    pull->manifest = bothy_fetch_finish_manifest (result, &error);
  else if ((records = bothy_fetch_finish (result, NULL, &error)) && records->len == 1)
    pull->found = g_ptr_array_steal_index (records, 0);
  else if (!error)
    error =
        g_error_new (BOTHY_ERROR, BOTHY_ERROR_REMOTE_FAILED, "It calls the image what no image is called");
  if (error)
    go_on_without (task, error, bothy_fetch_is_unreachable (result));
  else {
    for (guint i = 0; pull->failed && i < pull->failed->len; i++)
      bothy_operation_warn (pull->operation, pull->failed->pdata[i]);
    g_clear_pointer (&pull->failed, g_ptr_array_unref);
    get_layers (task);
  }
}

static void
try_remote (GTask *task)
{
  BothyPuller *self = g_task_get_source_object (task);
  Pull *pull = g_task_get_task_data (task);
  const BothyQuestion question = { .remote = remote_of (pull),
                                   .op = FETCH_RESOLVE,
                                   .name = pull->name,
                                   .architecture = pull->architecture,
                                   .is_new = pull->retried,
                                   .login = bothy_credentials_find (pull->credentials, remote_of (pull)) };
  GError *error = NULL;

  bothy_operation_set_phase (pull->operation, "looking");
  if (!bothy_puller_ask (self, &question, pull->operation->cancellable, on_found, g_object_ref (task),
                         &error)) {
    g_task_return_error (task, error);
    g_object_unref (task);
  }
}

/* Names of a registry are said in full. (transfer full) */
static char *
complete_name (const BothyRemote *remote, const char *given, GError **error)
{
  char *name = remote->protocol == FETCH_OCI ? bothy_reference_complete (given) : g_strdup (given);

  if (!name)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                 "Remote \"%s\" is a registry: NAME:TAG or NAME@sha256:DIGEST is wanted after it",
                 remote->name);
  return name;
}

GPtrArray *
bothy_pull_choose_remotes (BothyRemotes *remotes,
                           const BothyReference *reference,
                           char **ret_name,
                           GError **error)
{
  g_autoptr (GPtrArray) chosen = NULL;
  BothyRemote *registry;

  if (!reference->registry)
    chosen = bothy_remotes_choose (remotes, reference->remote, error);
  else if ((registry = bothy_remotes_find_registry (remotes, reference->registry, error))) {
    chosen = g_ptr_array_new_with_free_func ((GDestroyNotify)bothy_remote_free);
    g_ptr_array_add (chosen, registry);
  }
  *ret_name = chosen ? complete_name (chosen->pdata[0], reference->name, error) : NULL;
  return *ret_name ? g_steal_pointer (&chosen) : NULL;
}

void
bothy_puller_pull (BothyPuller *self,
                   BothyOperation *operation,
                   const BothyPullRequest *request,
                   GAsyncReadyCallback callback,
                   gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  Pull *pull = g_new0 (Pull, 1);
  GError *error = NULL;

  pull->images = g_object_ref (bothy_puller_get_images (self));
  pull->operation = g_object_ref (operation);
  pull->aliases = g_strdupv ((char **)request->aliases);
  pull->architecture =
      request->architecture ? g_strdup (request->architecture) : bothy_puller_architecture ();
  pull->squash_owners = request->squash_owners;
  pull->credentials = request->credentials ? bothy_credentials_ref (request->credentials) : NULL;
  g_task_set_task_data (task, pull, (GDestroyNotify)pull_free);
  pull->remotes =
      bothy_pull_choose_remotes (bothy_puller_get_remotes (self), request->reference, &pull->name, &error);
  if (pull->remotes)
    try_remote (task);
  else
    g_task_return_error (task, error);
}

BothyImage *
bothy_puller_pull_finish (BothyPuller *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

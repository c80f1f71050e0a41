/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether remotes have newer images than those that came from them. */
#include "core/remotes/updates.h"

#include "base/error.h"
#include "core/images/reference.h"
#include "core/remotes/pull.h"

#include <string.h>

typedef struct {
  BothyPuller *puller;
  guint32 user;
  gboolean is_counted;           /* among his searches */
  BothyCredentials *credentials; /* or NULL */
  GPtrArray *updates;            /* BothyUpdate */
  guint next;                    /* of them */
  GPtrArray *remotes;            /* the one that is asked now, or NULL */
  char *name;                    /* what it calls the image */
} Check;

static void
update_free (gpointer data)
{
  BothyUpdate *update = data;

  g_object_unref (update->image);
  g_free (update->origin);
  g_free (update->version);
  g_clear_error (&update->error);
  g_free (update);
}

static void
check_free (gpointer data)
{
  Check *check = data;

  if (check->is_counted)
    bothy_per_user_release (bothy_puller_get_searches (check->puller), check->user);
  g_object_unref (check->puller);
  g_clear_pointer (&check->credentials, bothy_credentials_unref);
  g_clear_pointer (&check->updates, g_ptr_array_unref);
  g_clear_pointer (&check->remotes, g_ptr_array_unref);
  g_free (check->name);
  g_free (check);
}

static void ask_next (GTask *task);

/* An older one than what was seen before is no news, but a reason to wonder. */
static char *
compare_with_catalogue (const Check *check, const BothyImage *image, GPtrArray *records, GError **error)
{
  const BothyRemote *remote = check->remotes->pdata[0];
  const BothyFetchAnswer *found = records->len == 1 ? records->pdata[0] : NULL;
  const char *version = found ? found->fields[FETCH_FIELD_VERSION] : NULL;

  if (!found || !*found->fields[FETCH_FIELD_SHA256]) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_REMOTE_FAILED, "It does not say which image it has");
    return NULL;
  }
  if (g_str_equal (found->fields[FETCH_FIELD_SHA256], image->fingerprint) ||
      !bothy_remotes_check_version (bothy_puller_get_remotes (check->puller), remote,
                                    found->fields[FETCH_FIELD_PRODUCT], version, error))
    return NULL;
  return g_strdup (*version ? version : found->fields[FETCH_FIELD_SHA256]);
}

/* What came before configurations were noted may be anything. */
static char *
compare_with_registry (const BothyImage *image, const BothyManifest *manifest, GError **error)
{
  if (!image->config_digest) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_FAILED,
                 "It is not known which image of the registry this is; refresh it once");
    return NULL;
  }
  return g_str_equal (manifest->config, image->config_digest)
             ? NULL
             : g_strconcat ("sha256:", manifest->digest, NULL);
}

static void
on_answered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Check *check = g_task_get_task_data (task);
  BothyUpdate *update = check->updates->pdata[check->next];
  const BothyRemote *remote = check->remotes->pdata[0];
  g_autoptr (BothyManifest) manifest = NULL;
  g_autoptr (GPtrArray) records = NULL;
  GError *error = NULL;

  if (remote->protocol == FETCH_OCI)
    manifest = bothy_fetch_finish_manifest (result, &error);
  else
    records = bothy_fetch_finish (result, NULL, &error);
  if (g_error_matches (error, BOTHY_ERROR, BOTHY_ERROR_CANCELLED)) {
    g_task_return_error (task, error);
    return;
  }
  if (manifest)
    update->version = compare_with_registry (update->image, manifest, &error);
  else if (records)
    update->version = compare_with_catalogue (check, update->image, records, &error);
  if (error)
    bothy_remote_prefix_error (remote, &error);
  else
    bothy_image_store_note_newer (bothy_puller_get_images (check->puller), update->image, check->user,
                                  update->version);
  update->error = error;
  check->next++;
  ask_next (task);
}

/* FALSE with an error: this one can not be asked for. */
static gboolean
ask (GTask *task, GError **error)
{
  Check *check = g_task_get_task_data (task);
  const BothyUpdate *update = check->updates->pdata[check->next];
  g_auto (BothyReference) reference = { 0 };
  BothyQuestion question = { .op = FETCH_RESOLVE, .architecture = update->image->architecture };

  g_clear_pointer (&check->remotes, g_ptr_array_unref);
  g_clear_pointer (&check->name, g_free);
  if (!bothy_reference_parse (update->origin, &reference, error))
    return FALSE;
  check->remotes =
      bothy_pull_choose_remotes (bothy_puller_get_remotes (check->puller), &reference, &check->name, error);
  if (!check->remotes)
    return FALSE;
  question.remote = check->remotes->pdata[0];
  question.name = check->name;
  question.login = bothy_credentials_find (check->credentials, question.remote);
  if (bothy_puller_ask (check->puller, &question, g_task_get_cancellable (task), on_answered,
                        g_object_ref (task), error))
    return TRUE;
  g_object_unref (task);
  return FALSE;
}

static void
ask_next (GTask *task)
{
  Check *check = g_task_get_task_data (task);

  for (; check->next < check->updates->len; check->next++) {
    BothyUpdate *update = check->updates->pdata[check->next];

    if (ask (task, &update->error))
      return;
  }
  g_task_return_pointer (task, g_steal_pointer (&check->updates), (GDestroyNotify)g_ptr_array_unref);
}

static int
compare_origins (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(BothyUpdate *const *)a)->origin, (*(BothyUpdate *const *)b)->origin);
}

/* Those of USER's that came from somewhere, and that he calls something: what has no name any more was updated. */
static GPtrArray *
list_images (BothyPuller *self, guint32 user)
{
  g_autoptr (GList) images = bothy_image_store_list (bothy_puller_get_images (self));
  GPtrArray *updates = g_ptr_array_new_with_free_func (update_free);

  for (GList *l = images; l; l = l->next) {
    BothyImage *image = l->data;
    const char *origin = bothy_image_get_origin (image, user);
    BothyUpdate *update;

    if (!strchr (origin, ':') || !bothy_image_has_names (image, user))
      continue;
    update = g_new0 (BothyUpdate, 1);
    update->image = g_object_ref (image);
    update->origin = g_strdup (origin);
    g_ptr_array_add (updates, update);
  }
  g_ptr_array_sort (updates, compare_origins);
  return updates;
}

void
bothy_puller_check_for_updates (BothyPuller *self,
                                guint32 user,
                                BothyCredentials *credentials,
                                GCancellable *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  Check *check = g_new0 (Check, 1);

  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, check, check_free);
  check->puller = g_object_ref (self);
  check->user = user;
  check->credentials = credentials ? bothy_credentials_ref (credentials) : NULL;
  check->is_counted = bothy_per_user_take (bothy_puller_get_searches (self), user);
  if (!check->is_counted) {
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
                             "You have %d searches under way; wait for one to end", BOTHY_MAX_SEARCHES);
    return;
  }
  check->updates = list_images (self, user);
  ask_next (task);
}

GPtrArray *
bothy_puller_check_for_updates_finish (BothyPuller *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

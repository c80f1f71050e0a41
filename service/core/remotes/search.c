/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Looking for images in catalogues, one remote after the other. */
#include "core/remotes/search.h"

#include "base/error.h"

#include <string.h>

typedef struct {
  BothyPuller *puller;
  guint32 user;
  gboolean is_counted; /* among his searches */
  GPtrArray *remotes;
  guint next;
  char *pattern;
  char *architecture;
  BothyCredentials *credentials; /* or NULL */
  GVariantBuilder found;
} Search;

static void
search_free (Search *search)
{
  if (search->is_counted)
    bothy_per_user_release (bothy_puller_get_searches (search->puller), search->user);
  g_object_unref (search->puller);
  g_clear_pointer (&search->remotes, g_ptr_array_unref);
  g_variant_builder_clear (&search->found);
  g_clear_pointer (&search->credentials, bothy_credentials_unref);
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
add_record (Search *search, const BothyRemote *remote, const BothyFetchAnswer *record)
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

/* One that does not answer does not hide the others, nor what it had before: that is AGE seconds old, if it
 * is not 0. */
static void
add_error (Search *search, const BothyRemote *remote, const char *reason, guint64 age)
{
  g_variant_builder_open (&search->found, G_VARIANT_TYPE_VARDICT);
  add_text (&search->found, "remote", remote->name);
  add_text (&search->found, "error", reason);
  if (age > 0)
    g_variant_builder_add (&search->found, "{sv}", "age", g_variant_new_uint64 (age));
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
  const char *reason;
  guint64 age = bothy_fetch_get_age (result, &reason);

  if (error && (search->remotes->len == 1 || g_error_matches (error, BOTHY_ERROR, BOTHY_ERROR_CANCELLED))) {
    bothy_remote_prefix_error (remote, &error);
    g_task_return_error (task, error);
    return;
  }
  for (guint i = 0; records && i < records->len; i++)
    add_record (search, remote, records->pdata[i]);
  if (error)
    add_error (search, remote, error->message, 0);
  else if (age > 0)
    add_error (search, remote, reason, age);
  g_clear_error (&error);
  search->next++;
  search_next (task);
}

static void
ask_remote (GTask *task)
{
  Search *search = g_task_get_task_data (task);
  const BothyRemote *remote = search->remotes->pdata[search->next];
  const BothyQuestion question = { .remote = remote,
                                   .op = FETCH_SEARCH,
                                   .name = search->pattern,
                                   .architecture = search->architecture,
                                   .login = bothy_credentials_find (search->credentials, remote) };
  GError *error = NULL;

  if (!bothy_puller_ask (search->puller, &question, g_task_get_cancellable (task), on_searched,
                         g_object_ref (task), &error)) {
    g_task_return_error (task, error);
    g_object_unref (task);
  }
}

static void
search_next (GTask *task)
{
  Search *search = g_task_get_task_data (task);

  if (search->next == search->remotes->len)
    g_task_return_pointer (task, g_variant_ref_sink (g_variant_builder_end (&search->found)),
                           (GDestroyNotify)g_variant_unref);
  else
    ask_remote (task);
}

/* Registries have no list of what they have; some have one for people with browsers. */
static gboolean
has_registry (GPtrArray *remotes, GError **error)
{
  const BothyRemote *remote = remotes->pdata[0];

  if (remote->protocol != FETCH_OCI)
    return FALSE;
  g_set_error (
      error, BOTHY_ERROR, BOTHY_ERROR_REMOTE_FAILED,
      "Remote \"%s\" is a registry, and registries can not be searched; look for the image's name with a "
      "browser",
      remote->name);
  return TRUE;
}

void
bothy_puller_search (BothyPuller *self,
                     guint32 user,
                     const char *pattern,
                     const char *architecture,
                     BothyCredentials *credentials,
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
  search->credentials = credentials ? bothy_credentials_ref (credentials) : NULL;
  search->is_counted = bothy_per_user_take (bothy_puller_get_searches (self), user);
  if (!search->is_counted) {
    g_task_return_new_error (task, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
                             "You have %d searches under way; wait for one to end", BOTHY_MAX_SEARCHES);
    return;
  }
  search->pattern = g_strdup (colon ? colon + 1 : pattern);
  search->architecture = architecture ? g_strdup (architecture) : bothy_puller_architecture ();
  search->remotes = bothy_remotes_choose (bothy_puller_get_remotes (self), remote, &error);
  if (search->remotes && has_registry (search->remotes, &error))
    g_task_return_error (task, error);
  else if (search->remotes)
    search_next (task);
  else
    g_task_return_error (task, error);
}

GVariant *
bothy_puller_search_finish (BothyPuller *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

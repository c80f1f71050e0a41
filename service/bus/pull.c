/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Images from remotes: methods of org.bothy.Bothy1.Manager and org.bothy.Bothy1.Image */
#include "bus/handlers.h"

#include "bus/operation.h"
#include "bus/options.h"
#include "bus/paths.h"
#include "base/error.h"
#include "base/validate.h"
#include "core/images/reference.h"
#include "core/remotes/credentials.h"
#include "core/remotes/updates.h"

#include <string.h>

#define MAX_PATTERN 128

/* ---- what PullImage, Refresh and SearchImages have in common ---- */

gboolean
bothy_credentials_parse (BothyArguments *arguments,
                         GVariant *option,
                         BothyCredentials **ret_credentials,
                         GError **error)
{
  g_autoptr (BothyCredentials) credentials = NULL;
  GVariantIter iter;
  const char *origin;
  gint32 handle;

  if (!option)
    return TRUE;
  credentials = bothy_credentials_new ();
  g_variant_iter_init (&iter, option);
  while (g_variant_iter_next (&iter, "{&sh}", &origin, &handle)) {
    int fd = bothy_arguments_peek_fd (arguments, handle, error);

    if (fd < 0 || !bothy_credentials_add (credentials, origin, fd, error))
      return FALSE;
  }
  *ret_credentials = g_steal_pointer (&credentials);
  return TRUE;
}

static gboolean
check_architecture (const char *text, gboolean may_be_empty, GError **error)
{
  gsize length = text ? strlen (text) : 1;

  if (!text || (length <= 16 && (length > 0 || may_be_empty) &&
                strspn (text, "abcdefghijklmnopqrstuvwxyz0123456789_") == length))
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "Option \"architecture\": what uname -m says is wanted, such as x86_64");
  return FALSE;
}

/* What dialogs and rules of polkit see: all that is left out of a reference is said there. */
static void
insert_details (BothyCall *call, const BothyReference *reference)
{
  const char *remote = reference->registry ? reference->registry : reference->remote;

  polkit_details_insert (call->details, "image", reference->name);
  polkit_details_insert (call->details, "remote", remote ? remote : "");
}

/* ---- PullImage and Refresh ---- */

typedef struct {
  char *text; /* of the reference, as it was typed */
  BothyReference reference;
  char *alias;        /* or NULL */
  char *architecture; /* or NULL: this machine's */
  gboolean squash_owners;
  BothyCredentials *credentials;
} PullRequest;

static void
pull_request_free (PullRequest *request)
{
  g_free (request->text);
  bothy_reference_clear (&request->reference);
  g_free (request->alias);
  g_free (request->architecture);
  g_clear_pointer (&request->credentials, bothy_credentials_unref);
  g_free (request);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PullRequest, pull_request_free)

static gpointer
parse_pull_image (BothyArguments *arguments, GError **error)
{
  g_autoptr (PullRequest) request = g_new0 (PullRequest, 1);
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GVariant) credentials = NULL;
  const BothyOption table[] = { { "alias", "s", &request->alias },
                                { "architecture", "s", &request->architecture },
                                { "squash-owners", "b", &request->squash_owners },
                                { "credentials", "a{sh}", &credentials },
                                { NULL, NULL, NULL } };

  bothy_arguments_get (arguments, "(s@a{sv})", &request->text, &options);
  if (!bothy_options_parse (options, table, error) ||
      !bothy_reference_parse (request->text, &request->reference, error) ||
      (request->alias && !bothy_reference_check_alias (request->alias, error)) ||
      !check_architecture (request->architecture, FALSE, error) ||
      !bothy_credentials_parse (arguments, credentials, &request->credentials, error))
    return NULL;
  return g_steal_pointer (&request);
}

const BothyRequestType bothy_manager_pull_image_request = { parse_pull_image,
                                                            (GDestroyNotify)pull_request_free };

gboolean
bothy_manager_check_pull_image (BothyCall *call, GError **error)
{
  const PullRequest *request = call->request;

  insert_details (call, &request->reference);
  return TRUE;
}

static void
on_pulled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyOperation) operation = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (BothyImage) image = bothy_puller_pull_finish (BOTHY_PULLER (source), result, &error);
  g_autofree char *path = image ? bothy_path_of_image (image->fingerprint) : NULL;

  bothy_operation_complete (operation, path, error);
}

static void
pull (BothyRegistry *registry, BothyOperation *operation, GObject *target, gpointer data)
{
  const PullRequest *request = data;
  const char *aliases[] = { NULL, NULL };
  const BothyPullRequest wanted = { .reference = &request->reference,
                                    .aliases = aliases,
                                    .architecture = request->architecture,
                                    .squash_owners = request->squash_owners,
                                    .credentials = request->credentials };

  /* A fingerprint is a name already. */
  if (request->alias || bothy_reference_check_alias (request->text, NULL))
    aliases[0] = request->alias ? request->alias : request->text;
  bothy_puller_pull (bothy_registry_get_puller (registry), operation, &wanted, on_pulled, operation);
}

void
bothy_manager_handle_pull_image (BothyCall *call)
{
  const PullRequest *request = call->request;

  bothy_call_return_operation (call, "pull-image", request->text, "looking", pull);
}

typedef struct {
  BothyReference origin; /* of the image when polkit was asked */
  BothyCredentials *credentials;
} RefreshRequest;

static void
refresh_request_free (RefreshRequest *request)
{
  bothy_reference_clear (&request->origin);
  g_clear_pointer (&request->credentials, bothy_credentials_unref);
  g_free (request);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (RefreshRequest, refresh_request_free)

static gpointer
parse_refresh (BothyArguments *arguments, GError **error)
{
  g_autoptr (RefreshRequest) request = g_new0 (RefreshRequest, 1);
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GVariant) credentials = NULL;
  const BothyOption table[] = { { "credentials", "a{sh}", &credentials }, { NULL, NULL, NULL } };

  bothy_arguments_get (arguments, "(@a{sv})", &options);
  if (!bothy_options_parse (options, table, error) ||
      !bothy_credentials_parse (arguments, credentials, &request->credentials, error))
    return NULL;
  return g_steal_pointer (&request);
}

const BothyRequestType bothy_image_refresh_request = { parse_refresh, (GDestroyNotify)refresh_request_free };

gboolean
bothy_image_check_refresh (BothyCall *call, GError **error)
{
  BothyImage *image = BOTHY_IMAGE (call->node->target);
  const char *origin = bothy_image_get_origin (image, call->user);
  RefreshRequest *request = call->request;

  if (strchr (origin, ':') && bothy_reference_parse (origin, &request->origin, NULL)) {
    insert_details (call, &request->origin);
    return TRUE;
  }
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE,
               *origin ? "Image %s did not come from a remote; there is nothing to ask for a newer one"
                       : "It is not known where you have image %s from; pull it once more by its name",
               bothy_image_label (image, call->user));
  return FALSE;
}

static void
pull_again (BothyRegistry *registry, BothyOperation *operation, GObject *target, gpointer data)
{
  const RefreshRequest *request = data;
  BothyImage *image = BOTHY_IMAGE (target);
  g_auto (GStrv) aliases = bothy_image_aliases (image, operation->user);
  const BothyPullRequest wanted = { .reference = &request->origin,
                                    .aliases = (const char *const *)aliases,
                                    .architecture = *image->architecture ? image->architecture : NULL,
                                    .squash_owners = image->has_squashed_owners,
                                    .credentials = request->credentials };

  bothy_puller_pull (bothy_registry_get_puller (registry), operation, &wanted, on_pulled, operation);
}

void
bothy_image_handle_refresh (BothyCall *call)
{
  const RefreshRequest *request = call->request;
  g_autofree char *origin = bothy_reference_format (&request->origin);

  bothy_call_return_operation (call, "pull-image", origin, "looking", pull_again);
}

/* ---- SearchImages ---- */

typedef struct {
  char *pattern;
  char *architecture; /* or NULL: this machine's; "": all */
  BothyCredentials *credentials;
} SearchRequest;

static void
search_request_free (SearchRequest *request)
{
  g_free (request->pattern);
  g_free (request->architecture);
  g_clear_pointer (&request->credentials, bothy_credentials_unref);
  g_free (request);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SearchRequest, search_request_free)

static gpointer
parse_search_images (BothyArguments *arguments, GError **error)
{
  static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./:_+*?-";
  g_autoptr (SearchRequest) request = g_new0 (SearchRequest, 1);
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GVariant) credentials = NULL;
  const BothyOption table[] = { { "architecture", "s", &request->architecture },
                                { "credentials", "a{sh}", &credentials },
                                { NULL, NULL, NULL } };
  gsize length;

  bothy_arguments_get (arguments, "(s@a{sv})", &request->pattern, &options);
  length = strlen (request->pattern);
  if (length > MAX_PATTERN || strspn (request->pattern, allowed) != length || *request->pattern == ':') {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                 "Pattern: use at most %d of A-Z, a-z, 0-9 and ./:_+*?-", MAX_PATTERN);
    return NULL;
  }
  if (!bothy_options_parse (options, table, error) ||
      !check_architecture (request->architecture, TRUE, error) ||
      !bothy_credentials_parse (arguments, credentials, &request->credentials, error))
    return NULL;
  return g_steal_pointer (&request);
}

const BothyRequestType bothy_manager_search_images_request = { parse_search_images,
                                                               (GDestroyNotify)search_request_free };

gboolean
bothy_manager_check_search_images (BothyCall *call, GError **error)
{
  const SearchRequest *request = call->request;
  const char *colon = strchr (request->pattern, ':');
  g_autofree char *remote = g_strndup (request->pattern, colon ? (gsize)(colon - request->pattern) : 0);

  polkit_details_insert (call->details, "image", colon ? colon + 1 : request->pattern);
  polkit_details_insert (call->details, "remote", remote);
  return TRUE;
}

static void
on_searched (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;
  g_autoptr (GVariant) found = bothy_puller_search_finish (BOTHY_PULLER (source), result, &error);

  if (found)
    bothy_call_return (call, g_variant_new ("(@aa{sv})", found));
  else
    bothy_call_return_error (call, error);
}

void
bothy_manager_handle_search_images (BothyCall *call)
{
  const SearchRequest *request = call->request;

  /* Who leaves waits for nothing any more. */
  bothy_puller_search (bothy_registry_get_puller (call->registry), call->user, request->pattern,
                       request->architecture, request->credentials, call->client->gone, on_searched,
                       bothy_call_ref (call));
}

/* ---- CheckForUpdates ---- */

typedef struct {
  BothyCredentials *credentials;
} CheckRequest;

static void
check_request_free (CheckRequest *request)
{
  g_clear_pointer (&request->credentials, bothy_credentials_unref);
  g_free (request);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CheckRequest, check_request_free)

static gpointer
parse_check_for_updates (BothyArguments *arguments, GError **error)
{
  g_autoptr (CheckRequest) request = g_new0 (CheckRequest, 1);
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GVariant) credentials = NULL;
  const BothyOption table[] = { { "credentials", "a{sh}", &credentials }, { NULL, NULL, NULL } };

  bothy_arguments_get (arguments, "(@a{sv})", &options);
  if (!bothy_options_parse (options, table, error) ||
      !bothy_credentials_parse (arguments, credentials, &request->credentials, error))
    return NULL;
  return g_steal_pointer (&request);
}

const BothyRequestType bothy_manager_check_for_updates_request = { parse_check_for_updates,
                                                                   (GDestroyNotify)check_request_free };

/* It is about all images, and whatever remotes they came from. */
gboolean
bothy_manager_check_check_for_updates (BothyCall *call, GError **error)
{
  polkit_details_insert (call->details, "image", "");
  polkit_details_insert (call->details, "remote", "");
  return TRUE;
}

static void
add_update (GVariantBuilder *builder, const BothyUpdate *update)
{
  g_autofree char *path = bothy_path_of_image (update->image->fingerprint);

  g_variant_builder_open (builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (builder, "{sv}", "image", g_variant_new_object_path (path));
  g_variant_builder_add (builder, "{sv}", "fingerprint", g_variant_new_string (update->image->fingerprint));
  g_variant_builder_add (builder, "{sv}", "origin", g_variant_new_string (update->origin));
  if (update->error) {
    g_variant_builder_add (builder, "{sv}", "error-name",
                           g_variant_new_string (bothy_error_name (bothy_error_get_code (update->error))));
    g_variant_builder_add (builder, "{sv}", "error", g_variant_new_string (update->error->message));
  } else
    g_variant_builder_add (builder, "{sv}", "newer",
                           g_variant_new_string (update->version ? update->version : ""));
  g_variant_builder_close (builder);
}

static void
on_checked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;
  g_autoptr (GPtrArray) updates =
      bothy_puller_check_for_updates_finish (BOTHY_PULLER (source), result, &error);
  GVariantBuilder builder;

  if (!updates) {
    bothy_call_return_error (call, error);
    return;
  }
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < updates->len; i++)
    add_update (&builder, updates->pdata[i]);
  bothy_call_return (call, g_variant_new ("(aa{sv})", &builder));
}

void
bothy_manager_handle_check_for_updates (BothyCall *call)
{
  const CheckRequest *request = call->request;

  /* Who leaves waits for nothing any more. */
  bothy_puller_check_for_updates (bothy_registry_get_puller (call->registry), call->user,
                                  request->credentials, call->client->gone, on_checked,
                                  bothy_call_ref (call));
}

/* ---- remotes ---- */

static void
add_remote (GVariantBuilder *builder, const BothyRemote *remote)
{
  g_variant_builder_open (builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (builder, "{sv}", "name", g_variant_new_string (remote->name));
  g_variant_builder_add (builder, "{sv}", "url", g_variant_new_string (remote->url));
  g_variant_builder_add (builder, "{sv}", "protocol",
                         g_variant_new_string (bothy_remote_protocol_name (remote->protocol)));
  g_variant_builder_add (builder, "{sv}", "policy",
                         g_variant_new_string (bothy_remote_policy_name (remote->policy)));
  g_variant_builder_add (builder, "{sv}", "enabled", g_variant_new_boolean (remote->enabled));
  g_variant_builder_add (builder, "{sv}", "origin", g_variant_new_string (remote->origin));
  g_variant_builder_close (builder);
}

void
bothy_manager_handle_list_remotes (BothyCall *call)
{
  BothyPuller *puller = bothy_registry_get_puller (call->registry);
  g_autoptr (GPtrArray) remotes = bothy_remotes_list (bothy_puller_get_remotes (puller));
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < remotes->len; i++)
    add_remote (&builder, remotes->pdata[i]);
  bothy_call_return (call, g_variant_new ("(aa{sv})", &builder));
}

typedef struct {
  BothyRemote *remote;
  GBytes *key; /* OpenPGP keys, or NULL */
} AddRemoteRequest;

static void
add_remote_request_free (AddRemoteRequest *request)
{
  g_clear_pointer (&request->remote, bothy_remote_free);
  g_clear_pointer (&request->key, g_bytes_unref);
  g_free (request);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AddRemoteRequest, add_remote_request_free)

static gpointer
parse_add_remote (BothyArguments *arguments, GError **error)
{
  g_autoptr (AddRemoteRequest) request = g_new0 (AddRemoteRequest, 1);
  g_autofree char *protocol = NULL, *policy = NULL, *proxy = NULL;
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GVariant) key = NULL;
  const char *name, *url;
  guint32 timeout = 0;
  const BothyOption table[] = { { "protocol", "s", &protocol }, { "policy", "s", &policy },
                                { "key", "ay", &key },          { "proxy", "s", &proxy },
                                { "timeout", "u", &timeout },   { NULL, NULL, NULL } };

  bothy_arguments_get (arguments, "(&s&s@a{sv})", &name, &url, &options);
  if (!bothy_options_parse (options, table, error) || !bothy_validate_remote (name, error))
    return NULL;
  if (key)
    request->key = g_variant_get_data_as_bytes (key);
  request->remote = bothy_remote_parse (name, url, protocol, policy, proxy, timeout, request->key, error);
  return request->remote ? g_steal_pointer (&request) : NULL;
}

const BothyRequestType bothy_manager_add_remote_request = { parse_add_remote,
                                                            (GDestroyNotify)add_remote_request_free };

gboolean
bothy_manager_check_add_remote (BothyCall *call, GError **error)
{
  const AddRemoteRequest *request = call->request;

  polkit_details_insert (call->details, "remote", request->remote->name);
  polkit_details_insert (call->details, "url", request->remote->url);
  return TRUE;
}

void
bothy_manager_handle_add_remote (BothyCall *call)
{
  const AddRemoteRequest *request = call->request;
  BothyPuller *puller = bothy_registry_get_puller (call->registry);
  GError *error = NULL;

  bothy_remotes_add (bothy_puller_get_remotes (puller), request->remote, request->key, &error);
  bothy_call_return_done (call, error);
}

/* The remote's name. */
static gpointer
parse_remove_remote (BothyArguments *arguments, GError **error)
{
  g_autofree char *name = NULL;

  bothy_arguments_get (arguments, "(s)", &name);
  return bothy_validate_remote (name, error) ? g_steal_pointer (&name) : NULL;
}

const BothyRequestType bothy_manager_remove_remote_request = { parse_remove_remote, g_free };

gboolean
bothy_manager_check_remove_remote (BothyCall *call, GError **error)
{
  polkit_details_insert (call->details, "remote", call->request);
  return TRUE;
}

void
bothy_manager_handle_remove_remote (BothyCall *call)
{
  BothyPuller *puller = bothy_registry_get_puller (call->registry);
  GError *error = NULL;

  bothy_remotes_remove (bothy_puller_get_remotes (puller), call->request, &error);
  bothy_call_return_done (call, error);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Images from remotes: methods of org.bothy.Bothy1.Manager and org.bothy.Bothy1.Image */
#include "bus/handlers.h"

#include "bus/credentials.h"
#include "bus/options.h"
#include "bus/publisher.h"
#include "base/error.h"
#include "base/validate.h"
#include "core/images/reference.h"

#include <string.h>

#define MAX_PATTERN 128

/* ---- PullImage and Refresh ---- */

typedef struct {
  const char *ref;
  BothyReference reference;
  char *alias;
  char *architecture;
  BothyCredentials *credentials;
} PullArgs;

static void
pull_args_clear (PullArgs *args)
{
  bothy_reference_clear (&args->reference);
  g_free (args->alias);
  g_free (args->architecture);
  g_clear_pointer (&args->credentials, bothy_credentials_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (PullArgs, pull_args_clear)

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

static gboolean
parse_pull (BothyCall *call, PullArgs *args, GError **error)
{
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GVariant) credentials = NULL;
  const BothyOption table[] = { { "alias", "s", &args->alias },
                                { "architecture", "s", &args->architecture },
                                { "credentials", "a{sh}", &credentials },
                                { NULL, NULL, NULL } };

  g_variant_get (call->args, "(&s@a{sv})", &args->ref, &options);
  return bothy_options_parse (options, table, error) &&
         bothy_reference_parse (args->ref, &args->reference, error) &&
         (!args->alias || bothy_reference_check_alias (args->alias, error)) &&
         check_architecture (args->architecture, FALSE, error) &&
         bothy_credentials_from_option (call, credentials, &args->credentials, error);
}

/* What dialogs and rules of polkit see: all that is left out of a reference is said there. */
static void
insert_details (BothyCall *call, const BothyReference *reference)
{
  const char *remote = reference->registry ? reference->registry : reference->remote;

  polkit_details_insert (call->details, "image", reference->name);
  polkit_details_insert (call->details, "remote", remote ? remote : "");
}

gboolean
bothy_manager_check_pull_image (BothyCall *call, GError **error)
{
  g_auto (PullArgs) args = { 0 };

  if (!parse_pull (call, &args, error))
    return FALSE;
  insert_details (call, &args.reference);
  return TRUE;
}

static void
on_pulled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyOperation) operation = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (BothyImage) image = bothy_puller_pull_finish (BOTHY_PULLER (source), result, &error);
  g_autofree char *path = image ? bothy_publisher_image_path (image) : NULL;

  bothy_operation_complete (operation, path, error);
}

static void
pull (BothyCall *call, const BothyPullRequest *request)
{
  GError *error = NULL;
  BothyOperation *operation = bothy_operations_add (bothy_registry_get_operations (call->registry),
                                                    call->user, "pull-image", "looking", &error);
  g_autofree char *path = NULL;

  if (!operation) {
    bothy_call_return_error (call, error);
    return;
  }
  path = bothy_publisher_operation_path (operation);
  bothy_call_return (call, g_variant_new ("(o)", path));
  bothy_puller_pull (bothy_registry_get_puller (call->registry), operation, request, on_pulled, operation);
}

void
bothy_manager_handle_pull_image (BothyCall *call)
{
  g_auto (PullArgs) args = { 0 };
  const char *aliases[] = { NULL, NULL };
  BothyPullRequest request = { .aliases = aliases };

  parse_pull (call, &args, NULL);
  /* A fingerprint is a name already. */
  if (args.alias || bothy_reference_check_alias (args.ref, NULL))
    aliases[0] = args.alias ? args.alias : args.ref;
  request.reference = &args.reference;
  request.architecture = args.architecture;
  request.credentials = args.credentials;
  pull (call, &request);
}

static gboolean
parse_refresh (BothyCall *call, BothyCredentials **ret_credentials, GError **error)
{
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GVariant) credentials = NULL;
  const BothyOption table[] = { { "credentials", "a{sh}", &credentials }, { NULL, NULL, NULL } };

  g_variant_get (call->args, "(@a{sv})", &options);
  return bothy_options_parse (options, table, error) &&
         bothy_credentials_from_option (call, credentials, ret_credentials, error);
}

gboolean
bothy_image_check_refresh (BothyCall *call, GError **error)
{
  BothyImage *image = BOTHY_IMAGE (call->node->target);
  const char *origin = bothy_image_get_origin (image, call->user);
  g_auto (BothyReference) reference = { 0 };
  g_autoptr (BothyCredentials) credentials = NULL;

  if (!parse_refresh (call, &credentials, error))
    return FALSE;
  if (strchr (origin, ':') && bothy_reference_parse (origin, &reference, NULL)) {
    insert_details (call, &reference);
    return TRUE;
  }
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_WRONG_STATE,
               *origin ? "Image %s did not come from a remote; there is nothing to ask for a newer one"
                       : "It is not known where you have image %s from; pull it once more by its name",
               bothy_image_label (image, call->user));
  return FALSE;
}

void
bothy_image_handle_refresh (BothyCall *call)
{
  BothyImage *image = BOTHY_IMAGE (call->node->target);
  g_auto (GStrv) aliases = bothy_image_aliases (image, call->user);
  g_auto (BothyReference) reference = { 0 };
  g_autoptr (BothyCredentials) credentials = NULL;
  BothyPullRequest request = { .reference = &reference,
                               .aliases = (const char *const *)aliases,
                               .architecture = *image->architecture ? image->architecture : NULL };

  GError *error = NULL;

  /* While polkit was asked the image may have come from somewhere else. */
  if (!bothy_reference_parse (bothy_image_get_origin (image, call->user), &reference, &error)) {
    bothy_call_return_error (call, error);
    return;
  }
  parse_refresh (call, &credentials, NULL);
  request.credentials = credentials;
  pull (call, &request);
}

/* ---- SearchImages ---- */

typedef struct {
  const char *pattern;
  char *architecture;
  BothyCredentials *credentials;
} SearchArgs;

static void
search_args_clear (SearchArgs *args)
{
  g_free (args->architecture);
  g_clear_pointer (&args->credentials, bothy_credentials_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SearchArgs, search_args_clear)

static gboolean
parse_search (BothyCall *call, SearchArgs *args, GError **error)
{
  static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./:_+*?-";
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GVariant) credentials = NULL;
  const BothyOption table[] = { { "architecture", "s", &args->architecture },
                                { "credentials", "a{sh}", &credentials },
                                { NULL, NULL, NULL } };
  gsize length;

  g_variant_get (call->args, "(&s@a{sv})", &args->pattern, &options);
  length = strlen (args->pattern);
  if (length > MAX_PATTERN || strspn (args->pattern, allowed) != length || *args->pattern == ':') {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                 "Pattern: use at most %d of A-Z, a-z, 0-9 and ./:_+*?-", MAX_PATTERN);
    return FALSE;
  }
  return bothy_options_parse (options, table, error) &&
         check_architecture (args->architecture, TRUE, error) &&
         bothy_credentials_from_option (call, credentials, &args->credentials, error);
}

gboolean
bothy_manager_check_search_images (BothyCall *call, GError **error)
{
  g_auto (SearchArgs) args = { 0 };
  const char *colon;
  g_autofree char *remote = NULL;

  if (!parse_search (call, &args, error))
    return FALSE;
  colon = strchr (args.pattern, ':');
  remote = g_strndup (args.pattern, colon ? (gsize)(colon - args.pattern) : 0);
  polkit_details_insert (call->details, "image", colon ? colon + 1 : args.pattern);
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
  g_auto (SearchArgs) args = { 0 };

  parse_search (call, &args, NULL);
  /* Who leaves waits for nothing any more. */
  bothy_puller_search (bothy_registry_get_puller (call->registry), call->user, args.pattern,
                       args.architecture, args.credentials, call->client->gone, on_searched,
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

static BothyRemote *
parse_remote (BothyCall *call, GBytes **ret_key, GError **error)
{
  g_autofree char *protocol = NULL, *policy = NULL, *proxy = NULL;
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GVariant) key = NULL;
  const char *name, *url;
  guint32 timeout = 0;
  const BothyOption table[] = { { "protocol", "s", &protocol }, { "policy", "s", &policy },
                                { "key", "ay", &key },          { "proxy", "s", &proxy },
                                { "timeout", "u", &timeout },   { NULL, NULL, NULL } };

  *ret_key = NULL;
  g_variant_get (call->args, "(&s&s@a{sv})", &name, &url, &options);
  if (!bothy_options_parse (options, table, error) || !bothy_validate_remote (name, error))
    return NULL;
  if (key)
    *ret_key = g_variant_get_data_as_bytes (key);
  return bothy_remote_parse (name, url, protocol, policy, proxy, timeout, *ret_key, error);
}

gboolean
bothy_manager_check_add_remote (BothyCall *call, GError **error)
{
  g_autoptr (GBytes) key = NULL;
  g_autoptr (BothyRemote) remote = parse_remote (call, &key, error);

  if (!remote)
    return FALSE;
  polkit_details_insert (call->details, "remote", remote->name);
  polkit_details_insert (call->details, "url", remote->url);
  return TRUE;
}

void
bothy_manager_handle_add_remote (BothyCall *call)
{
  BothyPuller *puller = bothy_registry_get_puller (call->registry);
  g_autoptr (GBytes) key = NULL;
  g_autoptr (BothyRemote) remote = parse_remote (call, &key, NULL);
  GError *error = NULL;

  if (bothy_remotes_add (bothy_puller_get_remotes (puller), remote, key, &error))
    bothy_call_return (call, NULL);
  else
    bothy_call_return_error (call, error);
}

gboolean
bothy_manager_check_remove_remote (BothyCall *call, GError **error)
{
  const char *name;

  g_variant_get (call->args, "(&s)", &name);
  if (!bothy_validate_remote (name, error))
    return FALSE;
  polkit_details_insert (call->details, "remote", name);
  return TRUE;
}

void
bothy_manager_handle_remove_remote (BothyCall *call)
{
  BothyPuller *puller = bothy_registry_get_puller (call->registry);
  GError *error = NULL;
  const char *name;

  g_variant_get (call->args, "(&s)", &name);
  if (bothy_remotes_remove (bothy_puller_get_remotes (puller), name, &error))
    bothy_call_return (call, NULL);
  else
    bothy_call_return_error (call, error);
}

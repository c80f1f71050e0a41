/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The OCI distribution protocol, of which pulling needs two paths: manifests and blobs. */
#include "registry.h"

#include <string.h>

#include "images/json/digest.h"
#include "images/json/manifest.h"
#include "token.h"
#include "url.h"

typedef struct {
  Http *http;
  Channel *channel;
  char *repository;
  const char *reference; /* a tag, or "sha256:…" */
} Registry;

static void
registry_clear (Registry *self)
{
  g_clear_pointer (&self->repository, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Registry, registry_clear)

/* NAME is REPOSITORY:TAG or REPOSITORY@DIGEST. */
static gboolean
registry_open (Registry *self, Http *http, Channel *channel, GError **error)
{
  const char *name = channel->words[FETCH_WORD_NAME];
  const char *end = strchr (name, '@') ? strchr (name, '@') : strrchr (name, ':');

  self->http = http;
  self->channel = channel;
  if (channel->request.policy == FETCH_POLICY_SIGNATURE || !end || (*end == '@' && !digest_parse (end + 1))) {
    g_set_error (error, FETCH_ERROR, FETCH_FAILED, "The request makes no sense to this version");
    return FALSE;
  }
  self->repository = g_strndup (name, (gsize)(end - name));
  self->reference = end + 1;
  if (url_check_path (self->repository) && url_check_path (self->reference) && !strchr (self->reference, '/'))
    return TRUE;
  g_set_error (error, FETCH_ERROR, FETCH_FAILED, "The request makes no sense to this version");
  return FALSE;
}

static char *
url_of (Registry *self, const char *kind, const char *prefix, const char *what)
{
  g_autofree char *path = g_strdup_printf ("v2/%s/%s/%s%s", self->repository, kind, prefix, what);

  return url_join (self->channel->words[FETCH_WORD_REMOTE], path);
}

static GBytes *
not_verified (const char *what, GError **error)
{
  g_set_error (error, FETCH_ERROR, FETCH_NOT_VERIFIED,
               "%s that the registry sends has not the digest that it has "
               "to have",
               what);
  return NULL;
}

/* A name that is not there and one that is not for us look the same on some registries. */
static void
explain (Registry *self, GError **error)
{
  gboolean missing = g_error_matches (*error, FETCH_ERROR, FETCH_MISSING);

  if (!missing && !g_error_matches (*error, FETCH_ERROR, FETCH_DENIED))
    return;
  g_clear_error (error);
  g_set_error (error, FETCH_ERROR, FETCH_NOT_FOUND,
               missing                       ? "It has no image %s"
               : http_has_login (self->http) ? "It has no image %s, or does not show it to you"
                                             : "It has no image %s, or does not show it to everybody; if you "
                                               "have a name there, \"bothy remote login\" will do",
               self->channel->words[FETCH_WORD_NAME]);
}

/* REFERENCE's manifest, which by a digest is what it says. */
static GBytes *
get_manifest (Registry *self, const char *prefix, const char *reference, const char *digits, GError **error)
{
  g_autofree char *url = url_of (self, "manifests", prefix, reference);
  gboolean elsewhere = self->channel->request.policy != FETCH_POLICY_TLS;
  g_autoptr (GBytes) bytes = http_get_url (self->http, url, elsewhere, MANIFEST_MAX_SIZE, error);
  const char *said = bytes ? http_get_digest (self->http) : NULL;

  if (!bytes)
    explain (self, error);
  else if ((digits && !digest_matches (bytes, digits)) ||
           (said && digest_parse (said) && !digest_matches (bytes, digest_parse (said))))
    return not_verified ("A manifest", error);
  return g_steal_pointer (&bytes);
}

static gboolean
parse (Registry *self, GBytes *bytes, Manifest *ret, GError **error)
{
  gsize size;
  const char *text = g_bytes_get_data (bytes, &size);

  return manifest_parse (text ? text : "", size, http_get_type (self->http),
                         self->channel->words[FETCH_WORD_ARCHITECTURE], ret, error);
}

/* Of the machine, through an index if there is one. An index in an index is a maze. */
static GBytes *
find_manifest (Registry *self, Manifest *ret, GError **error)
{
  g_auto (Manifest) first = { 0 };
  const char *digits = digest_parse (self->reference);
  g_autoptr (GBytes) bytes = get_manifest (self, "", self->reference, digits, error);

  if (!bytes || !parse (self, bytes, &first, error))
    return NULL;
  if (first.is_index) {
    g_bytes_unref (bytes);
    bytes = get_manifest (self, "sha256:", first.chosen.digest, first.chosen.digest, error);
    if (!bytes || !parse (self, bytes, ret, error))
      return NULL;
  } else {
    *ret = first;
    first = (Manifest){ 0 };
  }
  if (!ret->is_index)
    return g_steal_pointer (&bytes);
  g_set_error (error, FETCH_ERROR, FETCH_REFUSED, "The registry has an index in an index");
  return NULL;
}

static gboolean
get_config (Registry *self, const Manifest *manifest, Config *ret, GError **error)
{
  g_autofree char *url = url_of (self, "blobs", "sha256:", manifest->config.digest);
  gboolean elsewhere = self->channel->request.policy != FETCH_POLICY_TLS;
  g_autoptr (GBytes) bytes = http_get_url (self->http, url, elsewhere, manifest->config.size, error);
  const char *text;
  gsize size;

  if (!bytes)
    return FALSE;
  if (!digest_matches (bytes, manifest->config.digest))
    return not_verified ("A configuration", error) != NULL;
  text = g_bytes_get_data (bytes, &size);
  if (!config_parse (text ? text : "", size, self->channel->words[FETCH_WORD_ARCHITECTURE], ret, error))
    return FALSE;
  if (ret->n_layers == manifest->layers->len)
    return TRUE;
  g_set_error (error, FETCH_ERROR, FETCH_REFUSED,
               "The image's configuration names other layers than its manifest");
  return FALSE;
}

static void
send (Registry *self, GBytes *bytes, const Manifest *manifest, const Config *config)
{
  g_autofree char *digest = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, bytes);
  const char *token = http_get_token (self->http);
  const char *const top[] = { digest, manifest->config.digest, self->channel->words[FETCH_WORD_ARCHITECTURE],
                              token && strlen (token) <= FETCH_MAX_TOKEN ? token : NULL };
  guint64 total = 0;

  for (guint i = 0; i < manifest->layers->len; i++)
    total += g_array_index (manifest->layers, Descriptor, i).size;
  channel_send_strings (self->channel, FETCH_MANIFEST, 0, top, G_N_ELEMENTS (top), total);
  for (guint i = 0; i < manifest->layers->len; i++) {
    const Descriptor *layer = &g_array_index (manifest->layers, Descriptor, i);
    g_autofree char *url = url_of (self, "blobs", "sha256:", layer->digest);
    const char *const fields[] = { layer->digest, config->diff_ids + (gsize)i * 65, url };

    channel_send_strings (self->channel, FETCH_LAYER, 0, fields, G_N_ELEMENTS (fields), layer->size);
  }
  for (guint i = 0; i < config->settings->len; i++) {
    const char *setting = config->settings->pdata[i], *value = setting + 1;

    channel_send_strings (self->channel, FETCH_SETTING, (guint32)setting[0], &value, 1, 0);
  }
}

gboolean
registry_resolve (Http *http, Channel *channel, GError **error)
{
  g_auto (Registry) self = { 0 };
  g_auto (Manifest) manifest = { 0 };
  g_auto (Config) config = { 0 };
  g_autoptr (GBytes) bytes = NULL;

  if (channel->request.op != FETCH_RESOLVE) {
    g_set_error (error, FETCH_ERROR, FETCH_UNSUPPORTED, "A registry can not be searched");
    return FALSE;
  }
  if (!registry_open (&self, http, channel, error))
    return FALSE;
  token_prepare (http, self.repository, channel->words[FETCH_WORD_TOKEN]);
  http_set_accept (http, manifest_accept);
  bytes = find_manifest (&self, &manifest, error);
  if (!bytes || !get_config (&self, &manifest, &config, error))
    return FALSE;
  send (&self, bytes, &manifest, &config);
  return TRUE;
}

gboolean
registry_download (Http *http, Channel *channel, char **ret_sha256, GError **error)
{
  g_auto (Registry) self = { 0 };

  if (!registry_open (&self, http, channel, error))
    return FALSE;
  token_prepare (http, self.repository, channel->words[FETCH_WORD_TOKEN]);
  return http_download (http, channel->words[FETCH_WORD_URL], channel->request.size,
                        channel->fds[FETCH_FD_MAIN], ret_sha256, error);
}

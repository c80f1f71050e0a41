/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "resolve.h"

#include <string.h>

#include "cache.h"
#include "catalogue.h"
#include "signature.h"
#include "url.h"

#define MAX_INDEX     (1024 * 1024)
#define MAX_PRODUCTS  (32 * 1024 * 1024)
#define MAX_SIGNATURE (64 * 1024)

typedef struct {
  Cache *cache;
  Channel *channel;
  Keyring *keyring; /* NULL: nothing is signed */
  char *key;        /* that signed what was read last */
} Reader;

static void
reader_clear (Reader *self)
{
  g_clear_pointer (&self->keyring, keyring_free);
  g_clear_pointer (&self->key, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Reader, reader_clear)

static const char *
text_of (GBytes *bytes, gsize *ret_size)
{
  const char *text = g_bytes_get_data (bytes, ret_size);

  return text ? text : "";
}

static gboolean
is_missing (const GError *error)
{
  return g_error_matches (error, FETCH_ERROR, FETCH_MISSING);
}

/* PATH, whose signature stands in PATH + SUFFIX. NULL with FETCH_MISSING: one of both is not there. */
static GBytes *
get_detached (Reader *self, const char *path, const char *suffix, gsize max, GError **error)
{
  g_autofree char *beside = g_strconcat (path, suffix, NULL);
  g_autoptr (GBytes) signature = cache_get (self->cache, beside, MAX_SIGNATURE, error);
  g_autoptr (GBytes) data = signature ? cache_get (self->cache, path, max, error) : NULL;

  if (!data)
    return NULL;
  self->key = (g_free (self->key), keyring_verify (self->keyring, signature, data, error));
  return self->key ? g_steal_pointer (&data) : NULL;
}

/* PATH.sjson in place of PATH.json: text with its signature around it. */
static GBytes *
get_clear_signed (Reader *self, const char *path, gsize max, GError **error)
{
  g_autofree char *signed_path =
      g_strdup_printf ("%.*s.sjson", (int)(strlen (path) - strlen (".json")), path);
  g_autoptr (GBytes) text = cache_get (self->cache, signed_path, max, error);
  GBytes *data = NULL;

  if (!text)
    return NULL;
  self->key = (g_free (self->key), keyring_verify_clear (self->keyring, text, &data, error));
  return data;
}

static GBytes *
no_signature (GError **error)
{
  g_set_error (error, FETCH_ERROR, FETCH_NOT_VERIFIED,
               "The remote's policy is \"signature\", and its catalogue is not signed");
  return NULL;
}

/*
 * Whether nobody on the way could have changed the catalogue: then the signatures of the builds themselves
 * will do, which do not say what a build is called.
 */
static gboolean
is_protected (Reader *self)
{
  g_auto (UrlOrigin) origin = { 0 };

  return url_parse (self->channel->words[FETCH_WORD_REMOTE], &origin, NULL) &&
         (g_str_equal (origin.scheme, "https") || url_is_loopback (&origin));
}

/* PATH, believed as the remote's policy says. RET_APART: each build has a signature of its own to be looked
 * at. */
static GBytes *
get_products (Reader *self, const char *path, gboolean *ret_apart, GError **error)
{
  g_autoptr (GError) local = NULL;
  GBytes *data;

  *ret_apart = FALSE;
  /* Nobody signs this list because he signed another. */
  g_clear_pointer (&self->key, g_free);
  if (!self->keyring)
    return cache_get (self->cache, path, MAX_PRODUCTS, error);
  data = get_detached (self, path, ".gpg", MAX_PRODUCTS, &local);
  if (!data && is_missing (local)) {
    g_clear_error (&local);
    data = get_clear_signed (self, path, MAX_PRODUCTS, &local);
  }
  if (!data && is_missing (local)) {
    if (!is_protected (self))
      return no_signature (error);
    *ret_apart = TRUE;
    return cache_get (self->cache, path, MAX_PRODUCTS, error);
  }
  if (!data)
    g_propagate_error (error, g_steal_pointer (&local));
  return data;
}

static void
note_key (Reader *self, GPtrArray *entries)
{
  for (guint i = 0; i < entries->len; i++) {
    CatalogueEntry *entry = entries->pdata[i];

    entry->fields[FETCH_FIELD_KEY] = (g_free (entry->fields[FETCH_FIELD_KEY]), g_strdup (self->key));
  }
}

static gboolean
append_products (Reader *self, const char *path, GPtrArray *entries, GError **error)
{
  gboolean apart;
  g_autoptr (GBytes) data = get_products (self, path, &apart, error);
  g_autoptr (GPtrArray) products = NULL;
  const char *text;
  gsize size;

  if (!data)
    return FALSE;
  text = text_of (data, &size);
  products = catalogue_parse_products (text, size, error);
  if (!products)
    return FALSE;
  note_key (self, products);
  for (guint i = 0; i < products->len; i++)
    ((CatalogueEntry *)products->pdata[i])->is_signed_apart = apart;
  g_ptr_array_extend_and_steal (entries, g_steal_pointer (&products));
  return TRUE;
}

/* The index only says where the lists are; what counts is signed in those. */
static GPtrArray *
read_streams (Reader *self, GError **error)
{
  g_autoptr (GPtrArray) entries = g_ptr_array_new_with_free_func ((GDestroyNotify)catalogue_entry_free);
  g_autoptr (GBytes) index = cache_get (self->cache, "streams/v1/index.json", MAX_INDEX, error);
  g_auto (GStrv) paths = NULL;
  const char *text;
  gsize size;

  if (!index)
    return NULL;
  text = text_of (index, &size);
  paths = catalogue_parse_index (text, size, error);
  if (!paths)
    return NULL;
  for (char **path = paths; *path; path++) {
    if (!append_products (self, *path, entries, error))
      return NULL;
  }
  return g_steal_pointer (&entries);
}

/* By level of compatibility: what newer ones are called is not there on older servers. */
static GPtrArray *
read_lxc (Reader *self, GError **error)
{
  static const char *const paths[] = { "meta/1.0/index-user.7", "meta/1.0/index-user" };
  g_autoptr (GError) local = NULL;
  g_autoptr (GBytes) index = NULL;
  GPtrArray *entries;
  const char *text;
  gsize size;

  for (gsize i = 0; i < G_N_ELEMENTS (paths) && !index && (!local || is_missing (local)); i++) {
    g_clear_error (&local);
    index = self->keyring ? get_detached (self, paths[i], ".asc", MAX_PRODUCTS, &local)
                          : cache_get (self->cache, paths[i], MAX_PRODUCTS, &local);
  }
  if (!index && self->keyring && is_missing (local)) {
    no_signature (error);
    return NULL;
  }
  if (!index) {
    g_propagate_error (error, g_steal_pointer (&local));
    return NULL;
  }
  text = text_of (index, &size);
  entries = catalogue_parse_lxc (text, size, error);
  if (entries)
    note_key (self, entries);
  return entries;
}

/* The digests of a build stand beside it. */
static gboolean
find_digest (Reader *self, CatalogueEntry *entry, GError **error)
{
  const char *path = entry->fields[FETCH_FIELD_URL], *text;
  g_autofree char *directory = g_path_get_dirname (path);
  g_autofree char *file = g_path_get_basename (path);
  g_autofree char *sums = url_join (directory, "SHA256SUMS");
  g_autofree char *digest = NULL;
  g_autoptr (GError) local = NULL;
  g_autoptr (GBytes) data = self->keyring ? get_detached (self, sums, ".asc", MAX_SIGNATURE, &local)
                                          : cache_get (self->cache, sums, MAX_SIGNATURE, &local);
  gsize size;

  if (!data && self->keyring && is_missing (local)) {
    no_signature (error);
    return FALSE;
  }
  if (!data) {
    g_propagate_error (error, g_steal_pointer (&local));
    return FALSE;
  }
  text = text_of (data, &size);
  digest = catalogue_find_digest (text, size, file);
  if (!digest ||
      (entry->fields[FETCH_FIELD_SHA256] && !g_str_equal (digest, entry->fields[FETCH_FIELD_SHA256]))) {
    g_set_error (error, FETCH_ERROR, FETCH_NOT_VERIFIED,
                 "The image's SHA-256 is not in the server's SHA256SUMS");
    return FALSE;
  }
  g_free (entry->fields[FETCH_FIELD_SHA256]);
  entry->fields[FETCH_FIELD_SHA256] = g_steal_pointer (&digest);
  entry->fields[FETCH_FIELD_KEY] = (g_free (entry->fields[FETCH_FIELD_KEY]), g_strdup (self->key));
  return TRUE;
}

static void
send (Reader *self, const CatalogueEntry *entry)
{
  const char *fields[FETCH_N_FIELDS];
  g_autofree char *url = url_join (self->channel->words[FETCH_WORD_REMOTE], entry->fields[FETCH_FIELD_URL]);

  memcpy (fields, entry->fields, sizeof fields);
  fields[FETCH_FIELD_URL] = url;
  channel_send_strings (self->channel, FETCH_RECORD, 0, fields, FETCH_N_FIELDS, entry->size);
}

static gboolean
resolve (Reader *self, GPtrArray *entries, GError **error)
{
  const char *const *words = self->channel->words;
  CatalogueEntry *entry =
      catalogue_find (entries, words[FETCH_WORD_NAME], words[FETCH_WORD_ARCHITECTURE], error);

  if (!entry || (entry->is_signed_apart && !find_digest (self, entry, error)))
    return FALSE;
  send (self, entry);
  return TRUE;
}

static gboolean
search (Reader *self, GPtrArray *entries)
{
  const char *const *words = self->channel->words;
  guint n = 0;

  for (guint i = 0; i < entries->len && n < FETCH_MAX_RECORDS; i++) {
    if (catalogue_matches (entries->pdata[i], words[FETCH_WORD_NAME], words[FETCH_WORD_ARCHITECTURE])) {
      send (self, entries->pdata[i]);
      n++;
    }
  }
  return TRUE;
}

static gboolean
answer (Reader *self, GError **error)
{
  g_autoptr (GPtrArray) entries =
      self->channel->request.catalogue == FETCH_LXC ? read_lxc (self, error) : read_streams (self, error);

  if (!entries)
    return FALSE;
  return self->channel->request.op == FETCH_SEARCH ? search (self, entries) : resolve (self, entries, error);
}

/* What was true the last time is tried first. */
static gboolean
answer_anew (Reader *self, GError **error)
{
  g_autoptr (GError) local = NULL;
  gboolean ok = answer (self, &local);

  if (!ok && cache_may_mislead (self->cache, local)) {
    g_clear_error (&local);
    cache_forget (self->cache);
    ok = answer (self, &local);
  }
  if (ok || g_error_matches (local, FETCH_ERROR, FETCH_NOT_FOUND) ||
      g_error_matches (local, FETCH_ERROR, FETCH_UNSUPPORTED))
    cache_save (self->cache);
  if (!ok)
    g_propagate_error (error, g_steal_pointer (&local));
  return ok;
}

gboolean
resolve_run (Http *http, Channel *channel, GError **error)
{
  g_autoptr (Cache) cache = cache_new (http, channel);
  g_auto (Reader) reader = { cache, channel, NULL, NULL };

  if (channel->request.is_new)
    cache_forget (cache);
  if (channel->request.policy == FETCH_POLICY_SIGNATURE) {
    if (channel->fds[FETCH_FD_MAIN] < 0) {
      g_set_error (error, FETCH_ERROR, FETCH_NOT_VERIFIED,
                   "The remote's policy is \"signature\", and it has no key");
      return FALSE;
    }
    reader.keyring = keyring_new (channel->fds[FETCH_FD_MAIN], error);
    if (!reader.keyring)
      return FALSE;
  }
  return answer_anew (&reader, error);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cache.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "url.h"

#define TYPE      "a(ssxxbay)"
#define DIGITS    64 /* of the SHA-256 before all else: a machine that lost its power leaves anything */
#define MAX_FRESH 600

/* An answer. */
typedef struct {
  char *tag; /* ETag, or "" */
  gint64 asked;
  gint64 until; /* the remote need not be asked */
  gboolean is_missing;
  GBytes *bytes;
} Entry;

struct _Cache {
  Http *http;
  Channel *channel;
  GHashTable *before; /* URL → Entry */
  GHashTable *now;    /* the same, of what was used this time */
  gboolean is_news;   /* the two differ */
  gboolean guessed;   /* something was taken without asking */
  gboolean confirmed; /* or because the remote said that it is the same */
};

static void
entry_free (gpointer data)
{
  Entry *self = data;

  g_bytes_unref (self->bytes);
  g_free (self->tag);
  g_free (self);
}

static Entry *
entry_new (const char *tag, gint64 asked, gint64 until, gboolean is_missing, GBytes *bytes)
{
  Entry *self = g_new0 (Entry, 1);

  self->tag = g_strdup (tag);
  self->asked = asked;
  self->until = until;
  self->is_missing = is_missing;
  self->bytes = g_bytes_ref (bytes);
  return self;
}

static gint64
seconds (void)
{
  return g_get_real_time () / G_USEC_PER_SEC;
}

/* ---- the file ---- */

static char *
read_file (int fd, gsize *ret_size)
{
  g_autofree char *text = NULL;
  struct stat st;
  gsize size = 0;

  if (fd < 0 || fstat (fd, &st) < 0 || !S_ISREG (st.st_mode) || st.st_size < DIGITS ||
      st.st_size > (off_t)FETCH_MAX_CACHE)
    return NULL;
  text = g_try_malloc ((gsize)st.st_size);
  while (text && size < (gsize)st.st_size) {
    gssize n = pread (fd, text + size, (gsize)st.st_size - size, (off_t)size);

    if (n <= 0)
      return NULL;
    size += (gsize)n;
  }
  *ret_size = size;
  return g_steal_pointer (&text);
}

static void
load (Cache *self, int fd)
{
  gsize size = 0;
  g_autofree char *text = read_file (fd, &size);
  g_autofree char *digest = NULL;
  g_autoptr (GVariant) list = NULL;
  g_autoptr (GBytes) bytes = NULL;
  GVariantIter iter;
  GVariant *data;
  const char *url, *tag;
  gint64 asked, until;
  gboolean is_missing;

  if (text)
    digest = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (guchar *)text + DIGITS, size - DIGITS);
  if (!text || strncmp (digest, text, DIGITS) != 0)
    return;
  bytes = g_bytes_new (text + DIGITS, size - DIGITS);
  list = g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE (TYPE), bytes, FALSE));
  g_variant_iter_init (&iter, list);
  while (g_variant_iter_loop (&iter, "(&s&sxxb@ay)", &url, &tag, &asked, &until, &is_missing, &data)) {
    g_autoptr (GBytes) content = g_variant_get_data_as_bytes (data);

    g_hash_table_replace (self->before, g_strdup (url), entry_new (tag, asked, until, is_missing, content));
  }
}

static gboolean
write_all (int fd, const char *text, gsize size)
{
  while (size > 0) {
    gssize n = write (fd, text, size);

    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return FALSE;
    text += n;
    size -= (gsize)n;
  }
  return TRUE;
}

void
cache_save (Cache *self)
{
  int fd = self->channel->fds[FETCH_FD_NEW];
  g_autoptr (GVariant) list = NULL;
  g_autofree char *digest = NULL;
  GVariantBuilder builder;
  GHashTableIter iter;
  gpointer url, value;

  if (fd < 0 || !self->is_news)
    return;
  g_variant_builder_init (&builder, G_VARIANT_TYPE (TYPE));
  g_hash_table_iter_init (&iter, self->now);
  while (g_hash_table_iter_next (&iter, &url, &value)) {
    const Entry *entry = value;

    g_variant_builder_add (&builder, "(ssxxb@ay)", url, entry->tag, entry->asked, entry->until,
                           entry->is_missing,
                           g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, entry->bytes, TRUE));
  }
  list = g_variant_ref_sink (g_variant_builder_end (&builder));
  if (g_variant_get_size (list) > FETCH_MAX_CACHE - DIGITS)
    return;
  digest =
      g_compute_checksum_for_data (G_CHECKSUM_SHA256, g_variant_get_data (list), g_variant_get_size (list));
  /* Without room on the disk it is asked for again the next time. */
  self->channel->is_cached =
      write_all (fd, digest, DIGITS) && write_all (fd, g_variant_get_data (list), g_variant_get_size (list));
}

/* ---- asking ---- */

static GBytes *
take (Cache *self, const char *url, const Entry *entry, GError **error)
{
  Entry *copy = entry_new (entry->tag, entry->asked, entry->until, entry->is_missing, entry->bytes);

  g_hash_table_replace (self->now, g_strdup (url), copy);
  if (!copy->is_missing)
    return g_bytes_ref (copy->bytes);
  g_set_error (error, FETCH_ERROR, FETCH_MISSING, "The server does not have what it is asked for");
  return NULL;
}

static gint64
fresh_until (Cache *self, gint64 now)
{
  return now + MIN (http_get_max_age (self->http), MAX_FRESH);
}

static void
note (Cache *self, const char *url, GBytes *bytes)
{
  g_autoptr (GBytes) none = g_bytes_new_static ("", 0);
  gint64 now = seconds ();
  Entry *entry = entry_new (http_get_tag (self->http), now, fresh_until (self, now), bytes == NULL,
                            bytes ? bytes : none);

  g_hash_table_replace (self->now, g_strdup (url), entry);
  self->is_news = TRUE;
}

/* A search shows what there was the last time, and says so. To get an image the remote has to be there: who
 * keeps it from us must not choose what we take for its newest. */
static gboolean
may_be_old (const Cache *self, const Entry *entry, const GError *error)
{
  return entry && self->channel->request.op == FETCH_SEARCH &&
         g_error_matches (error, FETCH_ERROR, FETCH_UNREACHABLE);
}

static GBytes *
take_old (Cache *self, const char *url, const Entry *entry, const GError *reason, GError **error)
{
  Channel *channel = self->channel;
  gint64 age = MAX (seconds () - entry->asked, 1);

  channel->age = MAX (channel->age, (guint64)age);
  if (!channel->reason)
    channel->reason = g_strdup (reason->message);
  self->guessed = TRUE;
  return take (self, url, entry, error);
}

static GBytes *
ask (Cache *self, const char *url, Entry *entry, gsize max, GError **error)
{
  gboolean elsewhere = self->channel->request.policy == FETCH_POLICY_SIGNATURE;
  g_autoptr (GError) local = NULL;
  g_autoptr (GBytes) bytes = NULL;

  http_set_tag (self->http, entry && !entry->is_missing && *entry->tag ? entry->tag : NULL);
  bytes = http_get_url (self->http, url, elsewhere, max, &local);
  http_set_tag (self->http, NULL);
  if (bytes && http_is_unchanged (self->http)) {
    entry->asked = seconds ();
    entry->until = fresh_until (self, entry->asked);
    self->confirmed = self->is_news = TRUE;
    return take (self, url, entry, error);
  }
  if (bytes || g_error_matches (local, FETCH_ERROR, FETCH_MISSING))
    note (self, url, bytes);
  else if (may_be_old (self, entry, local))
    return take_old (self, url, entry, local, error);
  if (local)
    g_propagate_error (error, g_steal_pointer (&local));
  return g_steal_pointer (&bytes);
}

GBytes *
cache_get (Cache *self, const char *path, gsize max, GError **error)
{
  g_autofree char *url = url_join (self->channel->words[FETCH_WORD_REMOTE], path);
  Entry *entry = g_hash_table_lookup (self->before, url);
  gint64 now = seconds ();

  /* A clock that was turned back makes nothing younger. */
  if (!entry || entry->asked > now || entry->until > entry->asked + MAX_FRESH || entry->until <= now)
    return ask (self, url, entry, max, error);
  self->guessed = TRUE;
  return take (self, url, entry, error);
}

gboolean
cache_may_mislead (const Cache *self, const GError *error)
{
  gboolean is_answer = g_error_matches (error, FETCH_ERROR, FETCH_NOT_FOUND) ||
                       g_error_matches (error, FETCH_ERROR, FETCH_UNSUPPORTED);

  if (g_error_matches (error, FETCH_ERROR, FETCH_UNREACHABLE))
    return FALSE;
  return self->guessed || (self->confirmed && !is_answer);
}

void
cache_forget (Cache *self)
{
  g_hash_table_remove_all (self->before);
  g_hash_table_remove_all (self->now);
  g_clear_pointer (&self->channel->reason, g_free);
  self->channel->age = 0;
  self->guessed = self->confirmed = FALSE;
}

Cache *
cache_new (Http *http, Channel *channel)
{
  Cache *self = g_new0 (Cache, 1);

  self->http = http;
  self->channel = channel;
  self->before = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, entry_free);
  self->now = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, entry_free);
  load (self, channel->fds[FETCH_FD_CACHED]);
  return self;
}

void
cache_free (Cache *self)
{
  g_hash_table_unref (self->before);
  g_hash_table_unref (self->now);
  g_free (self);
}

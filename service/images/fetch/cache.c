/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cache.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kept.h"
#include "url.h"

#define MAX_FRESH 600

struct _Cache {
  Http *http;
  Channel *channel;
  GHashTable *before; /* URL → Kept */
  GHashTable *now;    /* the same, of what was used this time */
  gboolean is_news;   /* the two differ */
  gboolean guessed;   /* something was taken without asking */
  gboolean confirmed; /* or because the remote said that it is the same */
};

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

  if (fd < 0 || fstat (fd, &st) < 0 || !S_ISREG (st.st_mode) || st.st_size == 0 ||
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

  if (text)
    kept_parse (text, size, self->before);
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
  g_autoptr (GBytes) bytes = fd >= 0 && self->is_news ? kept_format (self->now) : NULL;
  const char *text;
  gsize size;

  if (!bytes)
    return;
  text = g_bytes_get_data (bytes, &size);
  /* Without room on the disk it is asked for again the next time. */
  self->channel->is_cached = write_all (fd, text, size);
}

/* ---- asking ---- */

static GBytes *
take (Cache *self, const char *url, const Kept *entry, GError **error)
{
  Kept *copy = kept_new (entry->tag, entry->asked, entry->until, entry->is_missing, entry->bytes);

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
  Kept *entry =
      kept_new (http_get_tag (self->http), now, fresh_until (self, now), bytes == NULL, bytes ? bytes : none);

  g_hash_table_replace (self->now, g_strdup (url), entry);
  self->is_news = TRUE;
}

/* A search shows what there was the last time, and says so. To get an image the remote has to be there: who
 * keeps it from us must not choose what we take for its newest. */
static gboolean
may_be_old (const Cache *self, const Kept *entry, const GError *error)
{
  return entry && self->channel->request.op == FETCH_SEARCH &&
         g_error_matches (error, FETCH_ERROR, FETCH_UNREACHABLE);
}

static GBytes *
take_old (Cache *self, const char *url, const Kept *entry, const GError *reason, GError **error)
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
ask (Cache *self, const char *url, Kept *entry, gsize max, GError **error)
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
  Kept *entry = g_hash_table_lookup (self->before, url);
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
  self->before = kept_table ();
  self->now = kept_table ();
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

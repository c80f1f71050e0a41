/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/remotes/credentials.h"

#include "base/error.h"
#include "base/fd.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_ORIGINS 16
#define MAX_ORIGIN  300
#define SEALS       (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

struct _BothyCredentials {
  gatomicrefcount references;
  GHashTable *fds; /* origin → fd */
};

static void
close_fd (gpointer data)
{
  close (GPOINTER_TO_INT (data));
}

/* SCHEME://HOST[:PORT] of URL, as there is only one way to write it. */
static char *
origin_of (const char *url)
{
  const char *host = strstr (url, "://") + strlen ("://");
  g_autofree char *origin = g_ascii_strdown (url, (host - url) + (gssize)strcspn (host, "/"));
  const char *preset = g_str_has_prefix (origin, "https:") ? ":443" : ":80";

  if (g_str_has_suffix (origin, preset))
    origin[strlen (origin) - strlen (preset)] = '\0';
  return g_steal_pointer (&origin);
}

static gboolean
is_loopback (const char *origin)
{
  static const char *const hosts[] = { "http://127.0.0.1", "http://localhost", "http://[::1]" };

  for (gsize i = 0; i < G_N_ELEMENTS (hosts); i++) {
    gsize length = strlen (hosts[i]);

    if (g_str_has_prefix (origin, hosts[i]) && (origin[length] == '\0' || origin[length] == ':'))
      return TRUE;
  }
  return FALSE;
}

static gboolean
refuse_origin (GError **error, const char *origin, const char *why)
{
  g_autofree char *shown = g_strescape (origin, NULL);

  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "Credentials for \"%.100s\": %s", shown, why);
  return FALSE;
}

static gboolean
check_origin (const char *origin, GError **error)
{
  static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:[]_-";
  const char *host = strstr (origin, "://");

  if (!host || strlen (origin) > MAX_ORIGIN || host[3] == '\0' ||
      strspn (host + 3, allowed) != strlen (host + 3))
    return refuse_origin (error, origin, "https://HOST or https://HOST:PORT is wanted");
  if (g_str_has_prefix (origin, "https://") || is_loopback (origin))
    return TRUE;
  return refuse_origin (error, origin, "a password goes over https only");
}

/* Only of memory is asked anything: what is behind another file may let us wait. */
static gboolean
check_file (const char *origin, int fd, GError **error)
{
  int seals = fcntl (fd, F_GET_SEALS);
  struct stat st;

  if (seals < 0 || (seals & SEALS) != SEALS)
    return refuse_origin (error, origin,
                          "a memory file is wanted that is sealed against writing, growing and shrinking");
  if (fstat (fd, &st) < 0 || st.st_size < 1 || st.st_size > (off_t)FETCH_MAX_LOGIN)
    return refuse_origin (error, origin, "NAME:PASSWORD of at most 8192 bytes is wanted");
  return TRUE;
}

gboolean
bothy_credentials_add (BothyCredentials *self, const char *origin, int fd, GError **error)
{
  int copy;

  if (!check_origin (origin, error) || !check_file (origin, fd, error))
    return FALSE;
  if (g_hash_table_size (self->fds) >= MAX_ORIGINS)
    return refuse_origin (error, origin, "no more than 16 servers' are taken at once");
  copy = bothy_fd_dup (fd, error);
  if (copy < 0)
    return FALSE;
  g_hash_table_replace (self->fds, origin_of (origin), GINT_TO_POINTER (copy));
  return TRUE;
}

int
bothy_credentials_find (BothyCredentials *self, const BothyRemote *remote)
{
  g_autofree char *origin = self ? origin_of (remote->url) : NULL;
  gpointer fd;

  return origin && g_hash_table_lookup_extended (self->fds, origin, NULL, &fd) ? GPOINTER_TO_INT (fd) : -1;
}

BothyCredentials *
bothy_credentials_new (void)
{
  BothyCredentials *self = g_new0 (BothyCredentials, 1);

  g_atomic_ref_count_init (&self->references);
  self->fds = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, close_fd);
  return self;
}

BothyCredentials *
bothy_credentials_ref (BothyCredentials *self)
{
  g_atomic_ref_count_inc (&self->references);
  return self;
}

void
bothy_credentials_unref (BothyCredentials *self)
{
  if (!g_atomic_ref_count_dec (&self->references))
    return;
  g_hash_table_unref (self->fds);
  g_free (self);
}

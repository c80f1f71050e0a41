/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "url.h"

#include <curl/curl.h>
#include <string.h>

#define MAX_URL  2048
#define MAX_PATH 1024

void
url_origin_clear (UrlOrigin *self)
{
  g_clear_pointer (&self->scheme, g_free);
  g_clear_pointer (&self->host, g_free);
  g_clear_pointer (&self->port, g_free);
}

static char *
part (CURLU *url, CURLUPart what)
{
  char *text = NULL, *copy;

  if (curl_url_get (url, what, &text, CURLU_DEFAULT_PORT) != CURLUE_OK)
    return NULL;
  copy = g_ascii_strdown (text, -1);
  curl_free (text);
  return copy;
}

/* URLs go into errors: cut, and without what a terminal would take for more than text. */
static char *
shown (const char *url)
{
  g_autofree char *cut = g_strndup (url, 200);

  return g_strescape (cut, NULL);
}

gboolean
url_parse (const char *url, UrlOrigin *ret_origin, GError **error)
{
  CURLU *parsed = curl_url ();
  g_auto (UrlOrigin) origin = { 0 };
  g_autofree char *user = NULL;
  g_autofree char *password = NULL;
  g_autofree char *text = shown (url);
  gboolean ok;

  ok = strlen (url) <= MAX_URL &&
       curl_url_set (parsed, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK;
  if (ok) {
    origin.scheme = part (parsed, CURLUPART_SCHEME);
    origin.host = part (parsed, CURLUPART_HOST);
    origin.port = part (parsed, CURLUPART_PORT);
    user = part (parsed, CURLUPART_USER);
    password = part (parsed, CURLUPART_PASSWORD);
  }
  curl_url_cleanup (parsed);
  ok = ok && origin.scheme && (g_str_equal (origin.scheme, "http") || g_str_equal (origin.scheme, "https")) &&
       origin.host && *origin.host && origin.port && !user && !password;
  if (!ok) {
    g_set_error (error, FETCH_ERROR, FETCH_REFUSED, "%s: only http:// and https:// with a host are followed",
                 text);
    return FALSE;
  }
  ret_origin->scheme = g_steal_pointer (&origin.scheme);
  ret_origin->host = g_steal_pointer (&origin.host);
  ret_origin->port = g_steal_pointer (&origin.port);
  return TRUE;
}

gboolean
url_is_same_origin (const UrlOrigin *one, const UrlOrigin *other)
{
  return g_str_equal (one->scheme, other->scheme) && g_str_equal (one->host, other->host) &&
         g_str_equal (one->port, other->port);
}

gboolean
url_is_loopback (const UrlOrigin *origin)
{
  return g_str_equal (origin->host, "localhost") || g_str_equal (origin->host, "127.0.0.1") ||
         g_str_equal (origin->host, "[::1]");
}

gboolean
url_check_remote (const char *url, enum fetch_policy policy, GError **error)
{
  g_auto (UrlOrigin) origin = { 0 };

  if (!url_parse (url, &origin, error))
    return FALSE;
  if (g_str_equal (origin.scheme, "https") || policy == FETCH_POLICY_SIGNATURE ||
      (policy == FETCH_POLICY_CHECKSUM && url_is_loopback (&origin)))
    return TRUE;
  g_set_error (error, FETCH_ERROR, FETCH_REFUSED,
               "Plain http is for remotes with the policy \"signature\" only");
  return FALSE;
}

gboolean
url_check_redirect (
    const UrlOrigin *from, const UrlOrigin *to, const UrlOrigin *home, gboolean elsewhere, GError **error)
{
  if (g_str_equal (from->scheme, "https") && g_str_equal (to->scheme, "http")) {
    g_set_error (error, FETCH_ERROR, FETCH_REFUSED, "The server %s sends us on from https to http",
                 from->host);
    return FALSE;
  }
  if (elsewhere || g_str_equal (to->host, home->host))
    return TRUE;
  g_set_error (error, FETCH_ERROR, FETCH_REFUSED,
               "The server %s sends us on to another one, %.100s, which the remote's policy does not allow",
               from->host, to->host);
  return FALSE;
}

gboolean
url_check_registry (const UrlOrigin *to, GError **error)
{
  if (g_str_equal (to->scheme, "https") || url_is_loopback (to))
    return TRUE;
  g_set_error (error, FETCH_ERROR, FETCH_REFUSED, "The registry sends us on to %.100s without https",
               to->host);
  return FALSE;
}

gboolean
url_check_path (const char *path)
{
  static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._~:+@-";
  gsize length = strlen (path);

  return length > 0 && length <= MAX_PATH && path[0] != '/' && strspn (path, allowed) == length &&
         !strstr (path, "..") && !strstr (path, "//");
}

char *
url_join (const char *base, const char *path)
{
  gsize length = strlen (base);

  while (length > 0 && base[length - 1] == '/')
    length--;
  return g_strdup_printf ("%.*s/%s", (int)length, base, path);
}

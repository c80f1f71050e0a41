/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http.h"

#include <string.h>

#include "login.h"
#include "request.h"

#define CATALOGUE_SECONDS 900
#define MAX_TRIES         5
#define MUCH              (1024 * 1024)
#define RETRY_US          (500 * 1000)

struct _Http {
  Request request;
  HttpAuthorize authorize;
  gpointer authorize_data;
  char *login; /* NULL: nobody asks */
};

static gboolean
check_redirect (Http *self, const UrlOrigin *from, const UrlOrigin *to, gboolean elsewhere, GError **error)
{
  return url_check_redirect (from, to, &self->request.home, elsewhere, error) &&
         (self->request.channel->request.catalogue != FETCH_OCI || url_check_registry (to, error));
}

/* curl would follow by itself; but who may send whom where is decided here. */
static gboolean
follow (Http *self, const char *url, gboolean elsewhere, GError **error)
{
  g_autofree char *here = g_strdup (url);

  for (guint i = 0; i <= FETCH_MAX_REDIRECTS; i++) {
    g_auto (UrlOrigin) from = { 0 };
    g_auto (UrlOrigin) to = { 0 };
    g_autofree char *next = NULL;

    if (!url_parse (here, &from, error))
      return FALSE;
    if (!request_ask (&self->request, here, &from, &next, error))
      return FALSE;
    if (!next)
      return TRUE;
    if (!url_parse (next, &to, error) || !check_redirect (self, &from, &to, elsewhere, error))
      return FALSE;
    here = (g_free (here), g_steal_pointer (&next));
  }
  g_set_error (error, FETCH_ERROR, FETCH_REFUSED, "The server sends us on and on");
  return FALSE;
}

/* A registry that wants to see a token says where there are some; what another host says is nothing to us. */
static gboolean
ask (Http *self, const char *url, gboolean elsewhere, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (follow (self, url, elsewhere, &local))
    return TRUE;
  if (g_error_matches (local, FETCH_ERROR, FETCH_DENIED) && self->authorize && !self->request.leaves_home &&
      self->request.challenge->len > 0) {
    g_clear_error (&local);
    return self->authorize (self, self->request.challenge->str, self->authorize_data, error) &&
           follow (self, url, elsewhere, error);
  }
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

static void
set_limits (Http *self, guint64 max, long seconds)
{
  /* A refusal may be longer than what was asked for. */
  curl_easy_setopt (self->request.curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)MAX (max, MAX_ERROR_PAGE));
  curl_easy_setopt (self->request.curl, CURLOPT_TIMEOUT, seconds);
}

GBytes *
http_get_url (Http *self, const char *url, gboolean elsewhere, gsize max, GError **error)
{
  g_autoptr (GBytes) bytes = NULL;
  gboolean ok;

  set_limits (self, max, CATALOGUE_SECONDS);
  body_open (&self->request.body, 0, max, -1);
  ok = ask (self, url, elsewhere, error);
  bytes = body_close (&self->request.body);
  return ok ? g_steal_pointer (&bytes) : NULL;
}

/* Whether the same again may help. */
static gboolean
is_transient (const GError *error)
{
  return g_error_matches (error, FETCH_ERROR, FETCH_UNREACHABLE);
}

static gboolean
download (Http *self, const char *url, GError **error)
{
  gboolean elsewhere = self->request.channel->request.policy != FETCH_POLICY_TLS;
  Body *body = &self->request.body;

  for (guint i = 0;; i++) {
    g_autoptr (GError) local = NULL;
    guint64 before = body->got;

    body->offset = body->got;
    if (ask (self, url, elsewhere, &local) && (body->size == 0 || body->got == body->size))
      return TRUE;
    if (!local)
      local = g_error_new (FETCH_ERROR, FETCH_UNREACHABLE, "The server sent less than all");
    /* Tries are counted from the last one that brought much: drops would keep us for ever. */
    if (body->got - before >= MUCH)
      i = 0;
    if (!is_transient (local) || i + 1 >= MAX_TRIES || (before == 0 && body->got == 0)) {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
    g_usleep (RETRY_US << i);
  }
}

gboolean
http_download (Http *self, const char *url, guint64 size, int fd, char **ret_sha256, GError **error)
{
  guint64 max = size > 0 ? size : FETCH_MAX_IMAGE;
  gboolean ok;

  set_limits (self, max, 0);
  body_open (&self->request.body, size, max, fd);
  ok = download (self, url, error);
  *ret_sha256 = ok ? body_sha256 (&self->request.body) : NULL;
  body_close (&self->request.body);
  return ok;
}

/* ---- what a cache needs ---- */

void
http_set_tag (Http *self, const char *tag)
{
  self->request.known_tag = (g_free (self->request.known_tag), g_strdup (tag));
}

gboolean
http_is_unchanged (Http *self)
{
  return self->request.is_unchanged;
}

const char *
http_get_tag (Http *self)
{
  return self->request.tag ? self->request.tag : "";
}

gint64
http_get_max_age (Http *self)
{
  return self->request.max_age;
}

/* ---- who asks ---- */

gboolean
http_has_login (Http *self)
{
  return self->login != NULL;
}

gboolean
http_show_login (Http *self, const char *url, GError **error)
{
  g_auto (UrlOrigin) origin = { 0 };

  if (!url)
    return request_show_login (&self->request, self->login, &self->request.home, error);
  return url_parse (url, &origin, error) && request_show_login (&self->request, self->login, &origin, error);
}

/* ---- what registries need ---- */

void
http_set_accept (Http *self, const char *header)
{
  self->request.accept = header;
}

void
http_set_token (Http *self, const char *token)
{
  self->request.token = (g_free (self->request.token), g_strdup (token));
}

const char *
http_get_token (Http *self)
{
  return self->request.token;
}

void
http_set_authorize (Http *self, HttpAuthorize authorize, gpointer data)
{
  self->authorize = authorize;
  self->authorize_data = data;
}

const char *
http_get_type (Http *self)
{
  const char *type = NULL;

  curl_easy_getinfo (self->request.curl, CURLINFO_CONTENT_TYPE, &type);
  return type ? type : "";
}

const char *
http_get_digest (Http *self)
{
  return self->request.digest;
}

/* ---- */

static Http *
make (Channel *channel, GError **error)
{
  Http *self = g_new0 (Http, 1);

  if (!request_init (&self->request, channel, error) ||
      !login_read (channel->fds[FETCH_FD_LOGIN], &self->login, error))
    g_clear_pointer (&self, http_free);
  return self;
}

Http *
http_new (Channel *channel, GError **error)
{
  if (!url_check_remote (channel->words[FETCH_WORD_REMOTE], channel->request.policy, error))
    return NULL;
  curl_global_init (CURL_GLOBAL_DEFAULT);
  return make (channel, error);
}

Http *
http_new_beside (Http *other, GError **error)
{
  Http *self = make (other->request.channel, error);

  if (self)
    self->request.home_reach = other->request.home_reach;
  return self;
}

gboolean
http_check_elsewhere (Http *self, const char *url, GError **error)
{
  g_auto (UrlOrigin) to = { 0 };

  return url_parse (url, &to, error) && check_redirect (self, &self->request.home, &to, TRUE, error);
}

void
http_free (Http *self)
{
  request_clear (&self->request);
  g_free (self->login);
  g_free (self);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "request.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "config.h"

#define USER_AGENT    "bothy/" PACKAGE_VERSION
#define LEAST_SPEED   100 /* bytes in a second, over the timeout */
#define BUFFER        (256l * 1024)
#define MAX_CHALLENGE 4096
#define MAX_TAG       256

/* ---- where we may go ---- */

/* Another host is one of the internet; or, of a registry that is in a network, one of that network. */
static gboolean
may_connect (Request *self, Reach reach)
{
  if (reach == REACH_NONE || !self->leaves_home)
    return reach != REACH_NONE;
  if (self->channel->request.catalogue == FETCH_OCI && self->home_reach != REACH_NONE)
    return reach >= self->home_reach;
  return reach == REACH_PUBLIC;
}

static curl_socket_t
on_open_socket (void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
  Request *self = data;
  Reach reach = address_reach (&address->addr);

  if (!self->proxied && !may_connect (self, reach)) {
    if (!self->refused)
      self->refused =
          g_error_new (FETCH_ERROR, FETCH_REFUSED, "A server's address is in a network that is not for it");
    return CURL_SOCKET_BAD;
  }
  if (!self->leaves_home)
    self->home_reach = MAX (self->home_reach, reach);
  return socket (address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* ---- what comes ---- */

/* The value of the header NAME, which ends with a colon; NULL: LINE is another one. */
static const char *
header_value (char *line, const char *name)
{
  gsize length = strlen (name);

  return g_ascii_strncasecmp (line, name, length) == 0 ? g_strstrip (line + length) : NULL;
}

/* It becomes a header of ours. */
static gboolean
is_tag (const char *text)
{
  for (const char *at = text; *at; at++) {
    if (!g_ascii_isgraph (*at))
      return FALSE;
  }
  return *text != '\0' && strlen (text) <= MAX_TAG;
}

/* The seconds that Cache-Control gives; what may not be kept has none. */
static gint64
max_age_of (const char *value)
{
  g_autofree char *text = g_ascii_strdown (value, -1);
  const char *age = strstr (text, "max-age=");

  if (!age || strstr (text, "no-store") || strstr (text, "no-cache"))
    return 0;
  return CLAMP (g_ascii_strtoll (age + strlen ("max-age="), NULL, 10), 0, G_MAXINT32);
}

static void
take_header (Request *self, char *line, GError **error)
{
  const char *value;

  if (g_ascii_strncasecmp (line, "HTTP/", 5) == 0) {
    g_string_truncate (self->challenge, 0);
    g_clear_pointer (&self->digest, g_free);
    g_clear_pointer (&self->tag, g_free);
    self->max_age = 0;
  } else if ((value = header_value (line, "content-encoding:"))) {
    /* What we hash has to be what the catalogue means: bytes as they are. */
    if (*value && g_ascii_strcasecmp (value, "identity") != 0)
      g_set_error (error, FETCH_ERROR, FETCH_REFUSED, "The server encodes what we asked for plainly");
  } else if ((value = header_value (line, "www-authenticate:"))) {
    if (self->challenge->len + strlen (value) < MAX_CHALLENGE)
      g_string_append_printf (self->challenge, "%s%s", self->challenge->len > 0 ? ", " : "", value);
  } else if ((value = header_value (line, "docker-content-digest:")))
    self->digest = (g_free (self->digest), g_strdup (value));
  else if ((value = header_value (line, "etag:")))
    self->tag = (g_free (self->tag), is_tag (value) ? g_strdup (value) : NULL);
  else if ((value = header_value (line, "cache-control:")))
    self->max_age = max_age_of (value);
}

static size_t
on_header (char *line, size_t size, size_t n, void *data)
{
  g_autofree char *text = g_strndup (line, n);
  Request *self = data;

  take_header (self, text, self->refused ? NULL : &self->refused);
  return self->refused ? 0 : n;
}

static void
tell_progress (Request *self)
{
  curl_off_t length = -1;

  curl_easy_getinfo (self->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  channel_send_progress (self->channel, self->body.got,
                         self->body.size > 0                ? self->body.size
                         : length > 0 && !self->body.offset ? (guint64)length
                                                            : 0);
}

static size_t
on_body (char *bytes, size_t unit, size_t n, void *data)
{
  Request *self = data;
  curl_off_t length = -1;
  long code = 0;

  curl_easy_getinfo (self->curl, CURLINFO_RESPONSE_CODE, &code);
  curl_easy_getinfo (self->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  if (code != 200 && code != 206) {
    self->error_page += n;
    return self->error_page <= MAX_ERROR_PAGE ? n : 0;
  }
  if ((!self->body.looked && !body_look (&self->body, code, length, &self->refused)) ||
      !body_take (&self->body, bytes, n, &self->refused))
    return 0;
  if (self->body.fd >= 0)
    tell_progress (self);
  return n;
}

/* ---- asking ---- */

static gboolean
fail_request (Request *self, const char *url, CURLcode code, GError **error)
{
  g_auto (UrlOrigin) origin = { 0 };
  const char *host = url_parse (url, &origin, NULL) ? origin.host : "the server";

  if (self->refused) {
    g_propagate_error (error, g_steal_pointer (&self->refused));
    return FALSE;
  }
  if (code == CURLE_FILESIZE_EXCEEDED)
    g_set_error (error, FETCH_ERROR, FETCH_REFUSED, "The server wants to send more than there can be");
  else if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE)
    g_set_error (error, FETCH_ERROR, FETCH_NOT_VERIFIED, "%s: %s", host, curl_easy_strerror (code));
  else
    g_set_error (error, FETCH_ERROR, FETCH_UNREACHABLE, "%s: %s", host, curl_easy_strerror (code));
  return FALSE;
}

static gboolean
check_code (const Request *self, long code, const char *url, GError **error)
{
  g_auto (UrlOrigin) origin = { 0 };

  if (code == 200 || code == 206)
    return TRUE;
  url_parse (url, &origin, NULL);
  if (code == 404 || code == 410)
    g_set_error (error, FETCH_ERROR, FETCH_MISSING, "%s does not have what it is asked for", origin.host);
  else if (code == 401 && self->shows_login)
    g_set_error (error, FETCH_ERROR, FETCH_LOGIN,
                 "%s does not take the name and the password that you have for it", origin.host);
  else if (code == 401 || code == 403)
    g_set_error (error, FETCH_ERROR, FETCH_DENIED, "%s does not show it to everybody (status %ld)",
                 origin.host, code);
  else if (code == 429)
    g_set_error (error, FETCH_ERROR, FETCH_REFUSED,
                 "%s is asked too often from here (status 429); try again later", origin.host);
  else
    g_set_error (error, FETCH_ERROR, code >= 500 ? FETCH_UNREACHABLE : FETCH_REFUSED,
                 "%s answers with status %ld", origin.host, code);
  return FALSE;
}

static struct curl_slist *
append_secret (struct curl_slist *headers, const char *scheme, const char *secret)
{
  g_autofree char *header = g_strdup_printf ("Authorization: %s %s", scheme, secret);

  return curl_slist_append (headers, header);
}

static struct curl_slist *
headers_for (Request *self, const UrlOrigin *to)
{
  struct curl_slist *headers = self->accept ? curl_slist_append (NULL, self->accept) : NULL;

  if (self->known_tag && is_tag (self->known_tag)) {
    g_autofree char *condition = g_strconcat ("If-None-Match: ", self->known_tag, NULL);

    headers = curl_slist_append (headers, condition);
  }
  self->shows_login = FALSE;
  if (self->token && url_is_same_origin (to, &self->home))
    return append_secret (headers, "Bearer", self->token);
  if (self->login && url_is_same_origin (to, &self->login_home)) {
    self->shows_login = TRUE;
    return append_secret (headers, "Basic", self->login);
  }
  return headers;
}

gboolean
request_ask (Request *self, const char *url, const UrlOrigin *to, char **ret_next, GError **error)
{
  guint64 offset = self->body.offset;
  g_autofree char *range = offset > 0 ? g_strdup_printf ("%" G_GUINT64_FORMAT "-", offset) : NULL;
  struct curl_slist *headers = headers_for (self, to);
  char *next = NULL;
  long code = 0;
  CURLcode result;

  self->leaves_home = !g_str_equal (to->host, self->home.host);
  self->body.looked = FALSE;
  self->error_page = 0;
  curl_easy_setopt (self->curl, CURLOPT_URL, url);
  curl_easy_setopt (self->curl, CURLOPT_RANGE, range);
  curl_easy_setopt (self->curl, CURLOPT_HTTPHEADER, headers);
  result = curl_easy_perform (self->curl);
  curl_easy_setopt (self->curl, CURLOPT_HTTPHEADER, NULL);
  curl_slist_free_all (headers);
  curl_easy_getinfo (self->curl, CURLINFO_RESPONSE_CODE, &code);
  curl_easy_getinfo (self->curl, CURLINFO_REDIRECT_URL, &next);
  if (result != CURLE_OK && (self->refused || self->error_page <= MAX_ERROR_PAGE))
    return fail_request (self, url, result, error);
  self->is_unchanged = code == 304 && self->known_tag;
  if (self->is_unchanged)
    return TRUE;
  *ret_next = code >= 300 && code < 400 ? g_strdup (next) : NULL;
  return *ret_next || check_code (self, code, url, error);
}

/* ---- setting up ---- */

static gboolean
has_proxy (const char *words)
{
  static const char *const variables[] = { "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                           "ALL_PROXY" };
  gboolean found = *words != '\0';

  for (gsize i = 0; i < G_N_ELEMENTS (variables); i++)
    found = found || g_getenv (variables[i]);
  return found;
}

static void
set_options (Request *self)
{
  const char *proxy = self->channel->words[FETCH_WORD_PROXY];
  long timeout = (long)self->channel->request.timeout;
  const struct {
    CURLoption option;
    long value;
  } numbers[] = {
    { CURLOPT_NOSIGNAL, 1 },
    { CURLOPT_BUFFERSIZE, BUFFER },
    { CURLOPT_FOLLOWLOCATION, 0 },
    { CURLOPT_CONNECTTIMEOUT, timeout },
    { CURLOPT_LOW_SPEED_TIME, timeout },
    { CURLOPT_LOW_SPEED_LIMIT, LEAST_SPEED },
    { CURLOPT_NETRC, CURL_NETRC_IGNORED },
    { CURLOPT_HTTP_CONTENT_DECODING, 0 },
    { CURLOPT_HTTP_TRANSFER_DECODING, 1 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    curl_easy_setopt (self->curl, numbers[i].option, numbers[i].value);
  curl_easy_setopt (self->curl, CURLOPT_USERAGENT, USER_AGENT);
  curl_easy_setopt (self->curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt (self->curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt (self->curl, CURLOPT_HEADERDATA, self);
  curl_easy_setopt (self->curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt (self->curl, CURLOPT_WRITEDATA, self);
  curl_easy_setopt (self->curl, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
  curl_easy_setopt (self->curl, CURLOPT_OPENSOCKETDATA, self);
  if (*proxy)
    curl_easy_setopt (self->curl, CURLOPT_PROXY, proxy);
}

gboolean
request_init (Request *self, Channel *channel, GError **error)
{
  self->channel = channel;
  self->body.fd = -1;
  self->challenge = g_string_new (NULL);
  self->proxied = has_proxy (channel->words[FETCH_WORD_PROXY]);
  if (!url_parse (channel->words[FETCH_WORD_REMOTE], &self->home, error))
    return FALSE;
  self->curl = curl_easy_init ();
  if (!self->curl) {
    g_set_error (error, FETCH_ERROR, FETCH_FAILED, "curl: %s", g_strerror (ENOMEM));
    return FALSE;
  }
  set_options (self);
  return TRUE;
}

gboolean
request_show_login (Request *self, const char *login, const UrlOrigin *origin, GError **error)
{
  UrlOrigin copy = { g_strdup (origin->scheme), g_strdup (origin->host), g_strdup (origin->port) };

  url_origin_clear (&self->login_home);
  self->login_home = copy;
  self->login = (g_free (self->login), g_strdup (login));
  /* A proxy would read along. */
  if (g_str_equal (origin->scheme, "https") || (url_is_loopback (origin) && !self->proxied))
    return TRUE;
  g_clear_pointer (&self->login, g_free);
  g_set_error (error, FETCH_ERROR, FETCH_REFUSED, "Your password would go to %s without https", origin->host);
  return FALSE;
}

void
request_clear (Request *self)
{
  if (self->curl)
    curl_easy_cleanup (self->curl);
  url_origin_clear (&self->home);
  url_origin_clear (&self->login_home);
  g_clear_error (&self->refused);
  g_clear_pointer (&self->body.array, g_byte_array_unref);
  g_string_free (self->challenge, TRUE);
  g_free (self->digest);
  g_free (self->tag);
  g_free (self->known_tag);
  g_free (self->token);
  g_free (self->login);
}

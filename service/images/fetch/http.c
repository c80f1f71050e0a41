/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "http.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config.h"
#include "url.h"

#define USER_AGENT        "bothy/" PACKAGE_VERSION
#define LEAST_SPEED       100 /* bytes in a second, over the timeout */
#define CATALOGUE_SECONDS 900
#define MAX_TRIES         5
#define MUCH              (1024 * 1024)
#define RETRY_US          (500 * 1000)

struct _Http {
  Channel *channel;
  CURL *curl;
  UrlOrigin home;
  gboolean proxied;

  /* Of the request under way. */
  gboolean leaves_home; /* it goes to another host than the remote's */
  GByteArray *array;    /* takes the bytes, or: */
  int fd;
  GChecksum *checksum;
  guint64 got;  /* of the file, with what came in earlier tries */
  guint64 skip; /* the server sends from the begin, and these we have */
  guint64 size; /* of the file; 0: not known */
  guint64 max;
  guint64 offset; /* of this try */
  gboolean looked;
  GError *refused;
};

/* ---- where we may go ---- */

static gboolean
is_private_v4 (guint32 a)
{
  return a >> 24 == 0 || a >> 24 == 10 || a >> 24 == 127 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 ||
         a >> 22 == 0x191 || a >> 28 >= 0xe;
}

/* Link-local is where clouds keep their secrets: nothing that anybody asks for is there. */
static gboolean
may_connect (const struct sockaddr *address, gboolean leaves_home)
{
  const struct in6_addr *v6;
  guint32 v4;

  if (address->sa_family == AF_INET)
    v4 = ntohl (((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr);
  else if (address->sa_family == AF_INET6) {
    v6 = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    if (!IN6_IS_ADDR_V4MAPPED (v6))
      return !IN6_IS_ADDR_LINKLOCAL (v6) && !IN6_IS_ADDR_MULTICAST (v6) &&
             !(leaves_home && (IN6_IS_ADDR_LOOPBACK (v6) || IN6_IS_ADDR_UNSPECIFIED (v6) ||
                               (v6->s6_addr[0] & 0xfe) == 0xfc));
    memcpy (&v4, v6->s6_addr + 12, sizeof v4);
    v4 = ntohl (v4);
  } else
    return FALSE;
  return v4 >> 16 != 0xa9fe && !(leaves_home && is_private_v4 (v4));
}

static curl_socket_t
on_open_socket (void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
  Http *self = data;

  if (!self->proxied && !may_connect (&address->addr, self->leaves_home)) {
    if (!self->refused)
      self->refused =
          g_error_new (FETCH_ERROR, FETCH_REFUSED, "A server's address is in a network that is not for it");
    return CURL_SOCKET_BAD;
  }
  return socket (address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* ---- what comes ---- */

static gboolean
refuse (Http *self, const char *what)
{
  if (!self->refused)
    self->refused = g_error_new (FETCH_ERROR, FETCH_REFUSED, "The server %s", what);
  return FALSE;
}

static size_t
on_header (char *line, size_t size, size_t n, void *data)
{
  g_autofree char *text = g_strndup (line, n);
  const char *value;

  /* What we hash has to be what the catalogue means: bytes as they are. */
  if (g_ascii_strncasecmp (text, "content-encoding:", 17) == 0) {
    value = g_strstrip (text + 17);
    if (*value && g_ascii_strcasecmp (value, "identity") != 0) {
      refuse (data, "encodes what we asked for plainly");
      return 0;
    }
  }
  return n;
}

/* Before the first byte: whether this is what was asked for. */
static gboolean
look (Http *self, long code)
{
  curl_off_t length = -1;

  curl_easy_getinfo (self->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  self->skip = code == 200 ? self->offset : 0;
  if (code == 206 && self->offset == 0)
    return refuse (self, "sends a part where all was asked for");
  if (length < 0)
    return TRUE;
  length += (curl_off_t)(self->offset - self->skip);
  if ((guint64)length > self->max)
    return refuse (self, "wants to send more than there can be");
  if (self->size > 0 && (guint64)length != self->size)
    return refuse (self, "says another size than its catalogue");
  return TRUE;
}

static gboolean
write_all (Http *self, const char *bytes, gsize size)
{
  while (size > 0) {
    gssize n = write (self->fd, bytes, size);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      self->refused = g_error_new (FETCH_ERROR, errno == EPIPE ? FETCH_CLOSED : FETCH_FAILED, "Writing: %s",
                                   g_strerror (errno));
      return FALSE;
    }
    bytes += n;
    size -= (gsize)n;
  }
  return TRUE;
}

static gboolean
take (Http *self, const char *bytes, gsize size)
{
  gsize known = MIN (size, self->skip);

  self->skip -= known;
  bytes += known;
  size -= known;
  if (size > self->max - self->got || (self->size > 0 && size > self->size - self->got))
    return refuse (self, "sends more than there can be");
  if (self->array)
    g_byte_array_append (self->array, (const guint8 *)bytes, (guint)size);
  else if (!write_all (self, bytes, size))
    return FALSE;
  else
    g_checksum_update (self->checksum, (const guint8 *)bytes, (gssize)size);
  self->got += size;
  return TRUE;
}

static size_t
on_body (char *bytes, size_t unit, size_t n, void *data)
{
  Http *self = data;
  curl_off_t length = -1;
  long code = 0;

  curl_easy_getinfo (self->curl, CURLINFO_RESPONSE_CODE, &code);
  if (code != 200 && code != 206)
    return n; /* nobody reads what an error page says; the speed is bounded, and so is the time */
  if (!self->looked && !look (self, code))
    return 0;
  self->looked = TRUE;
  if (!take (self, bytes, n))
    return 0;
  if (self->fd >= 0) {
    curl_easy_getinfo (self->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    channel_send_progress (self->channel, self->got,
                           self->size > 0                ? self->size
                           : length > 0 && !self->offset ? (guint64)length
                                                         : 0);
  }
  return n;
}

/* ---- asking ---- */

static gboolean
fail (Http *self, const char *url, CURLcode code, GError **error)
{
  g_auto (UrlOrigin) origin = { NULL, NULL };
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
check_code (long code, const char *url, GError **error)
{
  g_auto (UrlOrigin) origin = { NULL, NULL };

  if (code == 200 || code == 206)
    return TRUE;
  url_parse (url, &origin, NULL);
  if (code == 404 || code == 410)
    g_set_error (error, FETCH_ERROR, FETCH_MISSING, "%s does not have what it is asked for", origin.host);
  else
    g_set_error (error, FETCH_ERROR, code >= 500 ? FETCH_UNREACHABLE : FETCH_REFUSED,
                 "%s answers with status %ld", origin.host, code);
  return FALSE;
}

/* One request. RET_NEXT: where the server sends us on to. */
static gboolean
ask_once (Http *self, const char *url, char **ret_next, GError **error)
{
  g_autofree char *range = self->offset > 0 ? g_strdup_printf ("%" G_GUINT64_FORMAT "-", self->offset) : NULL;
  char *next = NULL;
  long code = 0;
  CURLcode result;

  self->looked = FALSE;
  curl_easy_setopt (self->curl, CURLOPT_URL, url);
  curl_easy_setopt (self->curl, CURLOPT_RANGE, range);
  result = curl_easy_perform (self->curl);
  curl_easy_getinfo (self->curl, CURLINFO_RESPONSE_CODE, &code);
  curl_easy_getinfo (self->curl, CURLINFO_REDIRECT_URL, &next);
  if (result != CURLE_OK)
    return fail (self, url, result, error);
  *ret_next = code >= 300 && code < 400 ? g_strdup (next) : NULL;
  return *ret_next || check_code (code, url, error);
}

/* curl would follow by itself; but who may send whom where is decided here. */
static gboolean
ask (Http *self, const char *url, gboolean elsewhere, GError **error)
{
  g_autofree char *here = g_strdup (url);

  for (guint i = 0; i <= FETCH_MAX_REDIRECTS; i++) {
    g_auto (UrlOrigin) from = { NULL, NULL };
    g_auto (UrlOrigin) to = { NULL, NULL };
    g_autofree char *next = NULL;

    if (!url_parse (here, &from, error))
      return FALSE;
    self->leaves_home = !g_str_equal (from.host, self->home.host);
    if (!ask_once (self, here, &next, error))
      return FALSE;
    if (!next)
      return TRUE;
    if (!url_parse (next, &to, error) || !url_check_redirect (&from, &to, &self->home, elsewhere, error))
      return FALSE;
    here = (g_free (here), g_steal_pointer (&next));
  }
  g_set_error (error, FETCH_ERROR, FETCH_REFUSED, "The server sends us on and on");
  return FALSE;
}

static void
set_max (Http *self, guint64 max, long seconds)
{
  self->max = max;
  curl_easy_setopt (self->curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)max);
  curl_easy_setopt (self->curl, CURLOPT_TIMEOUT, seconds);
}

GBytes *
http_get (Http *self, const char *path, gsize max, GError **error)
{
  g_autofree char *url = url_join (self->channel->words[FETCH_WORD_REMOTE], path);
  gboolean ok;

  set_max (self, max, CATALOGUE_SECONDS);
  self->array = g_byte_array_new ();
  self->got = self->offset = self->size = 0;
  ok = ask (self, url, self->channel->request.policy == FETCH_POLICY_SIGNATURE, error);
  if (ok)
    return g_byte_array_free_to_bytes (g_steal_pointer (&self->array));
  g_clear_pointer (&self->array, g_byte_array_unref);
  return NULL;
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
  gboolean elsewhere = self->channel->request.policy != FETCH_POLICY_TLS;

  for (guint i = 0;; i++) {
    g_autoptr (GError) local = NULL;
    guint64 before = self->got;

    self->offset = self->got;
    if (ask (self, url, elsewhere, &local) && (self->size == 0 || self->got == self->size))
      return TRUE;
    if (!local)
      local = g_error_new (FETCH_ERROR, FETCH_UNREACHABLE, "The server sent less than all");
    /* Tries are counted from the last one that brought much: drops would keep us for ever. */
    if (self->got - before >= MUCH)
      i = 0;
    if (!is_transient (local) || i + 1 >= MAX_TRIES || (before == 0 && self->got == 0)) {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
    g_usleep (RETRY_US << i);
  }
}

gboolean
http_download (Http *self, const char *url, guint64 size, int fd, char **ret_sha256, GError **error)
{
  gboolean ok;

  set_max (self, size > 0 ? size : FETCH_MAX_IMAGE, 0);
  self->got = 0;
  self->size = size;
  self->fd = fd;
  self->checksum = g_checksum_new (G_CHECKSUM_SHA256);
  ok = download (self, url, error);
  *ret_sha256 = ok ? g_strdup (g_checksum_get_string (self->checksum)) : NULL;
  g_clear_pointer (&self->checksum, g_checksum_free);
  self->fd = -1;
  return ok;
}

/* ---- */

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
set_options (Http *self)
{
  const char *proxy = self->channel->words[FETCH_WORD_PROXY];
  long timeout = (long)self->channel->request.timeout;
  const struct {
    CURLoption option;
    long value;
  } numbers[] = {
    { CURLOPT_NOSIGNAL, 1 },
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

Http *
http_new (Channel *channel, GError **error)
{
  g_autoptr (Http) self = g_new0 (Http, 1);

  self->channel = channel;
  self->fd = -1;
  self->proxied = has_proxy (channel->words[FETCH_WORD_PROXY]);
  if (!url_check_remote (channel->words[FETCH_WORD_REMOTE], channel->request.policy, error) ||
      !url_parse (channel->words[FETCH_WORD_REMOTE], &self->home, error))
    return NULL;
  curl_global_init (CURL_GLOBAL_DEFAULT);
  self->curl = curl_easy_init ();
  if (!self->curl) {
    g_set_error (error, FETCH_ERROR, FETCH_FAILED, "curl: %s", g_strerror (ENOMEM));
    return NULL;
  }
  set_options (self);
  return g_steal_pointer (&self);
}

void
http_free (Http *self)
{
  if (self->curl)
    curl_easy_cleanup (self->curl);
  url_origin_clear (&self->home);
  g_clear_error (&self->refused);
  g_clear_pointer (&self->array, g_byte_array_unref);
  g_free (self);
}

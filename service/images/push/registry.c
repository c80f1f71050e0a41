/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "registry.h"

#include <curl/curl.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "images/fetch/challenge.h"
#include "images/fetch/url.h"
#include "images/json/json.h"

#define USER_AGENT      "bothy/" PACKAGE_VERSION
#define MANIFEST        "application/vnd.oci.image.manifest.v1+json"
#define MAX_ANSWER      (64 * 1024)
#define MAX_CHALLENGE   4096
#define MAX_TOKEN       (32u * 1024)
#define MAX_SHOWN       200
#define LEAST_SPEED     1 /* bytes in a second */
#define ABANDON_SECONDS 3
#define MAX_TRIES       3

struct _Registry {
  RegistrySettings settings;
  CURL *curl;
  UrlOrigin home;
  char *authorization; /* that the registry itself sees, and nobody else; NULL: none yet */
  char *upload;        /* where one that was begun goes on, or NULL */

  /* Of the last answer. */
  long status;
  GString *answer;
  GString *challenge;
  char *location;
  char *digest;
};

/* One request. */
typedef struct {
  const char *method;
  const char *url;
  const char *type;          /* of BODY */
  const Blob *body;          /* or NULL */
  const char *authorization; /* in place of the registry's; or NULL */
  guint64 at;                /* so much of the body was read */
} Question;

/* ---- one request ---- */

static size_t
on_header (char *line, size_t size, size_t n, void *data)
{
  g_autofree char *text = g_strndup (line, n);
  Registry *self = data;
  char *value = strchr (text, ':');

  if (g_str_has_prefix (text, "HTTP/")) {
    g_string_truncate (self->challenge, 0);
    g_clear_pointer (&self->location, g_free);
    g_clear_pointer (&self->digest, g_free);
  }
  if (!value)
    return n;
  *value++ = '\0';
  g_strstrip (value);
  if (g_ascii_strcasecmp (text, "www-authenticate") == 0 &&
      self->challenge->len + strlen (value) < MAX_CHALLENGE)
    g_string_append_printf (self->challenge, "%s%s", self->challenge->len > 0 ? ", " : "", value);
  else if (g_ascii_strcasecmp (text, "location") == 0)
    self->location = (g_free (self->location), g_strdup (value));
  else if (g_ascii_strcasecmp (text, "docker-content-digest") == 0)
    self->digest = (g_free (self->digest), g_strdup (value));
  return n;
}

static size_t
on_answer (char *bytes, size_t unit, size_t n, void *data)
{
  Registry *self = data;

  if (self->answer->len + n > MAX_ANSWER)
    return 0;
  g_string_append_len (self->answer, bytes, (gssize)n);
  return n;
}

static size_t
on_want (char *buffer, size_t unit, size_t n, void *data)
{
  Question *question = data;
  const Blob *body = question->body;
  gsize size = (gsize)MIN ((guint64)n, body->size - question->at);
  gssize part = (gssize)size;

  if (body->fd >= 0)
    part = pread (body->fd, buffer, size, (off_t)question->at);
  else if (size > 0)
    memcpy (buffer, (const char *)g_bytes_get_data (body->bytes, NULL) + question->at, size);
  if (part < 0 || (part == 0 && size > 0))
    return CURL_READFUNC_ABORT;
  question->at += (guint64)part;
  return (size_t)part;
}

/* curl begins again, where a connection that it kept was closed. */
static int
on_seek (void *data, curl_off_t offset, int origin)
{
  Question *question = data;

  if (origin != SEEK_SET)
    return CURL_SEEKFUNC_CANTSEEK;
  question->at = (guint64)offset;
  return CURL_SEEKFUNC_OK;
}

static int
on_progress (void *data, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
  const Registry *self = data;

  if (up_total > 0 && self->settings.progress)
    self->settings.progress ((guint64)up, self->settings.progress_data);
  return *self->settings.stop != 0;
}

static void
set_options (Registry *self, const UrlOrigin *to)
{
  const struct {
    CURLoption option;
    long value;
  } numbers[] = {
    { CURLOPT_NOSIGNAL, 1 },
    { CURLOPT_FOLLOWLOCATION, 0 },
    { CURLOPT_CONNECTTIMEOUT, self->settings.timeout },
    { CURLOPT_LOW_SPEED_TIME, self->settings.timeout },
    { CURLOPT_LOW_SPEED_LIMIT, LEAST_SPEED },
    { CURLOPT_NETRC, CURL_NETRC_IGNORED },
    { CURLOPT_NOPROGRESS, 0 },
    { CURLOPT_UPLOAD_BUFFERSIZE, 256l * 1024 },
  };

  curl_easy_reset (self->curl);
  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    curl_easy_setopt (self->curl, numbers[i].option, numbers[i].value);
  curl_easy_setopt (self->curl, CURLOPT_USERAGENT, USER_AGENT);
  curl_easy_setopt (self->curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt (self->curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt (self->curl, CURLOPT_HEADERDATA, self);
  curl_easy_setopt (self->curl, CURLOPT_WRITEFUNCTION, on_answer);
  curl_easy_setopt (self->curl, CURLOPT_WRITEDATA, self);
  curl_easy_setopt (self->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt (self->curl, CURLOPT_XFERINFODATA, self);
  /* What is on this machine is not asked for by way of another one. */
  if (url_is_loopback (to))
    curl_easy_setopt (self->curl, CURLOPT_PROXY, "");
}

static void
set_question (Registry *self, Question *question)
{
  question->at = 0;
  curl_easy_setopt (self->curl, CURLOPT_URL, question->url);
  if (g_str_equal (question->method, "HEAD"))
    curl_easy_setopt (self->curl, CURLOPT_NOBODY, 1l);
  else if (question->body) {
    curl_easy_setopt (self->curl, CURLOPT_UPLOAD, 1l);
    curl_easy_setopt (self->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)question->body->size);
    curl_easy_setopt (self->curl, CURLOPT_READFUNCTION, on_want);
    curl_easy_setopt (self->curl, CURLOPT_READDATA, question);
    curl_easy_setopt (self->curl, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt (self->curl, CURLOPT_SEEKDATA, question);
  } else if (g_str_equal (question->method, "POST"))
    curl_easy_setopt (self->curl, CURLOPT_COPYPOSTFIELDS, "");
  else
    curl_easy_setopt (self->curl, CURLOPT_CUSTOMREQUEST, question->method);
}

static struct curl_slist *
append_header (struct curl_slist *headers, const char *name, const char *value)
{
  g_autofree char *header = value ? g_strdup_printf ("%s: %s", name, value) : NULL;

  return header ? curl_slist_append (headers, header) : headers;
}

static gboolean
fail_request (const Registry *self, const UrlOrigin *to, CURLcode result, GError **error)
{
  if (*self->settings.stop)
    g_set_error (error, FETCH_ERROR, FETCH_CLOSED, "It was cancelled");
  else if (result == CURLE_OPERATION_TIMEDOUT)
    g_set_error (error, FETCH_ERROR, FETCH_FAILED,
                 "The registry %s: no answer for %ld seconds; try again later", to->host,
                 self->settings.timeout);
  else if (result == CURLE_PEER_FAILED_VERIFICATION || result == CURLE_SSL_CACERT_BADFILE)
    g_set_error (error, FETCH_ERROR, FETCH_NOT_VERIFIED, "The registry %s: %s", to->host,
                 curl_easy_strerror (result));
  else
    g_set_error (error, FETCH_ERROR, FETCH_UNREACHABLE, "The registry %s: %s", to->host,
                 curl_easy_strerror (result));
  return FALSE;
}

/* TRUE: it answered, whatever. */
static gboolean
perform (Registry *self, Question *question, GError **error)
{
  g_auto (UrlOrigin) to = { 0 };
  struct curl_slist *headers = NULL;
  const char *authorization = question->authorization;
  CURLcode result;

  if (!url_parse (question->url, &to, error))
    return FALSE;
  if (!authorization && url_is_same_origin (&to, &self->home))
    authorization = self->authorization;
  headers = append_header (headers, "Authorization", authorization);
  headers = append_header (headers, "Content-Type", question->type);
  g_string_truncate (self->answer, 0);
  set_options (self, &to);
  set_question (self, question);
  curl_easy_setopt (self->curl, CURLOPT_HTTPHEADER, headers);
  result = curl_easy_perform (self->curl);
  curl_easy_setopt (self->curl, CURLOPT_HTTPHEADER, NULL);
  curl_slist_free_all (headers);
  curl_easy_getinfo (self->curl, CURLINFO_RESPONSE_CODE, &self->status);
  /* Who does not want it may say so, and close the connection before all is sent. */
  if (result == CURLE_OK || (result == CURLE_SEND_ERROR && self->status >= 400))
    return TRUE;
  return fail_request (self, &to, result, error);
}

/* ---- who asks ---- */

static char *
basic (const char *login)
{
  g_autofree char *text = g_base64_encode ((const guchar *)login, strlen (login));

  return g_strconcat ("Basic ", text, NULL);
}

/* Where the registry sends us is where nobody on the way can read along. */
static gboolean
check_elsewhere (const Registry *self, const char *url, GError **error)
{
  g_auto (UrlOrigin) to = { 0 };

  return url_parse (url, &to, error) && url_check_redirect (&self->home, &to, &self->home, TRUE, error) &&
         url_check_registry (&to, error);
}

static gboolean
take_token (Registry *self, GError **error)
{
  g_autoptr (JsonParser) parser = json_open (self->answer->str, self->answer->len);
  const char *token = parser ? json_get_text (json_root (parser), "token", MAX_TOKEN) : "";

  if (parser && !*token)
    token = json_get_text (json_root (parser), "access_token", MAX_TOKEN);
  for (const char *at = token; *at; at++) {
    if (!g_ascii_isgraph (*at))
      token = "";
  }
  if (!*token) {
    g_set_error (error, FETCH_ERROR, FETCH_REFUSED, "The registry %s: its service for tokens gives none",
                 self->home.host);
    return FALSE;
  }
  self->authorization = (g_free (self->authorization), g_strconcat ("Bearer ", token, NULL));
  return TRUE;
}

/* Who wants a password and gets none, or does not take it. */
static gboolean
deny (const Registry *self, GError **error)
{
  if (self->settings.login)
    g_set_error (
        error, FETCH_ERROR, FETCH_LOGIN,
        "The registry %s does not take the name and the password that you have for it, or does not let "
        "you write %s; \"bothy remote login\" sets others",
        self->home.host, self->settings.repository);
  else
    g_set_error (error, FETCH_ERROR, FETCH_DENIED,
                 "The registry %s does not let everybody write %s; if you have a name there, \"bothy remote "
                 "login\" will do",
                 self->home.host, self->settings.repository);
  return FALSE;
}

static gboolean
get_token (Registry *self, const Challenge *challenge, GError **error)
{
  g_autofree char *url = challenge_token_url (challenge, self->settings.repository, "pull,push");
  g_autofree char *login = self->settings.login ? basic (self->settings.login) : NULL;
  Question question = { .method = "GET", .url = url, .authorization = login };

  if (!check_elsewhere (self, challenge->realm, error) || !perform (self, &question, error))
    return FALSE;
  if (self->status == 401 || self->status == 403)
    return deny (self, error);
  return take_token (self, error);
}

static gboolean
authorize (Registry *self, GError **error)
{
  g_auto (Challenge) challenge = { 0 };
  gboolean was_shown = self->authorization && g_str_has_prefix (self->authorization, "Basic");

  if (!challenge_parse (self->challenge->str, &challenge) || (!challenge.realm && !challenge.is_basic)) {
    g_set_error (error, FETCH_ERROR, FETCH_REFUSED,
                 "The registry %s wants to be asked in a way that is not known", self->home.host);
    return FALSE;
  }
  if (challenge.realm)
    return get_token (self, &challenge, error);
  if (!self->settings.login || was_shown)
    return deny (self, error);
  self->authorization = (g_free (self->authorization), basic (self->settings.login));
  return TRUE;
}

/* A token may have come to its end meanwhile. */
static gboolean
ask (Registry *self, Question *question, GError **error)
{
  g_auto (UrlOrigin) to = { 0 };

  if (!perform (self, question, error))
    return FALSE;
  if (self->status != 401 || self->challenge->len == 0 || !url_parse (question->url, &to, NULL) ||
      !url_is_same_origin (&to, &self->home))
    return TRUE;
  return authorize (self, error) && perform (self, question, error);
}

/* ---- what it answers ---- */

/* What the registry itself says, in brackets; or "". */
static char *
said (const Registry *self)
{
  g_autoptr (JsonParser) parser = json_open (self->answer->str, self->answer->len);
  JsonArray *errors = parser ? json_get_array (json_root (parser), "errors") : NULL;
  JsonObject *first = errors && json_array_get_length (errors) > 0 ? json_object_at (errors, 0) : NULL;
  g_autofree char *text = g_strndup (json_get_text (first, "message", MAX_ANSWER), MAX_SHOWN);
  g_autofree char *valid = g_utf8_make_valid (text, -1);

  return *valid ? g_strdup_printf (" (it says: %s)", g_strdelimit (valid, "\n\r\t", ' ')) : g_strdup ("");
}

/* The status is none of those that it should be. */
static gboolean
fail_status (const Registry *self, const char *what, GError **error)
{
  const char *host = self->home.host, *repository = self->settings.repository;
  g_autofree char *text = said (self);

  if (self->status == 401 || self->status == 403)
    return deny (self, error);
  if (self->status == 404)
    g_set_error (error, FETCH_ERROR, FETCH_NOT_FOUND,
                 "The registry %s has no %s, or is no registry%s; some want it to be made there first", host,
                 repository, text);
  else if (self->status == 405)
    g_set_error (error, FETCH_ERROR, FETCH_REFUSED, "The registry %s takes no images%s", host, text);
  else if (self->status == 413)
    g_set_error (error, FETCH_ERROR, FETCH_REFUSED,
                 "%s is too large for the registry %s%s; who runs it, or a proxy before it, sets how much it "
                 "takes at once",
                 what, host, text);
  else if (self->status == 429)
    g_set_error (error, FETCH_ERROR, FETCH_REFUSED,
                 "The registry %s is asked too often from here%s; try again later", host, text);
  else
    g_set_error (error, FETCH_ERROR, self->status >= 500 ? FETCH_FAILED : FETCH_REFUSED,
                 "The registry %s does not take %s: status %ld%s", host, what, self->status, text);
  return FALSE;
}

/* What it has is what was sent; a registry need not say. */
static gboolean
check_digest (const Registry *self, const Blob *blob, GError **error)
{
  if (!self->digest || g_str_equal (self->digest, blob->digest))
    return TRUE;
  g_set_error (error, FETCH_ERROR, FETCH_NOT_VERIFIED,
               "The registry %s has got something else than what was sent: it says another digest",
               self->home.host);
  return FALSE;
}

/* ---- uploads ---- */

static char *
url_of (const Registry *self, const char *kind, const char *name)
{
  return g_strdup_printf ("%s/v2/%s/%s/%s", self->settings.url, self->settings.repository, kind, name);
}

/* Where the upload that was just begun goes on: with some registries that is a store elsewhere. Only bytes go there, by a way
   that nobody reads along, and no password. */
static gboolean
take_location (Registry *self, const char *base, GError **error)
{
  g_autofree char *url =
      self->location ? g_uri_resolve_relative (base, self->location, G_URI_FLAGS_ENCODED, NULL) : NULL;

  if (!url) {
    g_set_error (error, FETCH_ERROR, FETCH_REFUSED, "The registry %s does not say where an upload goes",
                 self->home.host);
    return FALSE;
  }
  if (!check_elsewhere (self, url, error))
    return FALSE;
  self->upload = g_steal_pointer (&url);
  return TRUE;
}

gboolean
registry_begin (Registry *self, GError **error)
{
  g_autofree char *url = url_of (self, "blobs/uploads", "");
  Question question = { .method = "POST", .url = url };

  if (self->upload)
    return TRUE;
  if (!ask (self, &question, error))
    return FALSE;
  return self->status == 202 ? take_location (self, url, error) : fail_status (self, "an upload", error);
}

void
registry_abandon (Registry *self)
{
  static const volatile sig_atomic_t never = 0;
  const RegistrySettings settings = self->settings;
  g_autofree char *url = g_steal_pointer (&self->upload);
  Question question = { .method = "DELETE", .url = url };
  g_auto (UrlOrigin) to = { 0 };

  /* Where a registry only sends us, it could have us delete what is somebody else's; it forgets an upload by itself. */
  if (!url || !url_parse (url, &to, NULL) || !url_is_same_origin (&to, &self->home))
    return;
  /* Also when all else is cancelled, but not for long. */
  self->settings.stop = &never;
  self->settings.timeout = ABANDON_SECONDS;
  perform (self, &question, NULL);
  self->settings = settings;
}

static gboolean
has_blob (Registry *self, const Blob *blob, gboolean *ret, GError **error)
{
  g_autofree char *url = url_of (self, "blobs", blob->digest);
  Question question = { .method = "HEAD", .url = url };

  if (!ask (self, &question, error))
    return FALSE;
  /* A registry may keep its blobs elsewhere, and send us on there. */
  *ret = self->status >= 200 && self->status < 400;
  if (*ret || self->status == 404)
    return TRUE;
  return fail_status (self, "a question", error);
}

static gboolean
send_blob (Registry *self, const Blob *blob, GError **error)
{
  g_autofree char *url = NULL;
  Question question = { .method = "PUT", .type = "application/octet-stream", .body = blob };

  if (!registry_begin (self, error))
    return FALSE;
  url = g_strdup_printf ("%s%cdigest=%s", self->upload, strchr (self->upload, '?') ? '&' : '?', blob->digest);
  question.url = url;
  if (!ask (self, &question, error))
    return FALSE;
  if (self->status != 201)
    return fail_status (self, "a layer", error);
  g_clear_pointer (&self->upload, g_free);
  return check_digest (self, blob, error);
}

gboolean
registry_put_blob (Registry *self, const Blob *blob, GError **error)
{
  gboolean is_there = FALSE;

  if (!has_blob (self, blob, &is_there, error) || is_there)
    return is_there;
  for (guint i = 1;; i++) {
    g_autoptr (GError) local = NULL;

    if (send_blob (self, blob, &local))
      return TRUE;
    /* A connection that broke is worth another one; with what was sent before, a registry does what it likes. */
    if (i >= MAX_TRIES || !g_error_matches (local, FETCH_ERROR, FETCH_UNREACHABLE)) {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
    registry_abandon (self);
  }
}

gboolean
registry_put_manifest (Registry *self, const char *reference, const Blob *manifest, GError **error)
{
  g_autofree char *url = url_of (self, "manifests", reference);
  Question question = { .method = "PUT", .url = url, .type = MANIFEST, .body = manifest };

  registry_abandon (self);
  if (!ask (self, &question, error))
    return FALSE;
  if (self->status != 201 && self->status != 200)
    return fail_status (self, "the manifest", error);
  return check_digest (self, manifest, error);
}

/* ---- */

Registry *
registry_new (const RegistrySettings *settings, GError **error)
{
  g_autoptr (Registry) self = g_new0 (Registry, 1);

  self->settings = *settings;
  self->answer = g_string_new (NULL);
  self->challenge = g_string_new (NULL);
  if (!url_check_remote (settings->url, FETCH_POLICY_CHECKSUM, error) ||
      !url_parse (settings->url, &self->home, error))
    return NULL;
  curl_global_init (CURL_GLOBAL_DEFAULT);
  self->curl = curl_easy_init ();
  if (self->curl)
    return g_steal_pointer (&self);
  g_set_error (error, FETCH_ERROR, FETCH_FAILED, "Out of memory");
  return NULL;
}

void
registry_free (Registry *self)
{
  if (!self)
    return;
  if (self->curl)
    curl_easy_cleanup (self->curl);
  url_origin_clear (&self->home);
  g_string_free (self->answer, TRUE);
  g_string_free (self->challenge, TRUE);
  g_free (self->authorization);
  g_free (self->upload);
  g_free (self->location);
  g_free (self->digest);
  g_free (self);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "token.h"

#include <string.h>

#include "challenge.h"
#include "images/json/json.h"

#define MAX_ANSWER (64u * 1024)
#define MAX_TOKEN  (32u * 1024)

/* It becomes a header of ours. */
static gboolean
is_token (const char *text)
{
  for (const char *at = text; *at; at++) {
    if (!g_ascii_isgraph (*at))
      return FALSE;
  }
  return *text != '\0';
}

static gboolean
take_token (Http *http, GBytes *answer, GError **error)
{
  gsize size;
  const char *text = g_bytes_get_data (answer, &size);
  g_autoptr (JsonParser) parser = json_open (text ? text : "", size);
  const char *token = "";

  if (parser)
    token = json_get_text (json_root (parser), "token", MAX_TOKEN);
  if (parser && !*token)
    token = json_get_text (json_root (parser), "access_token", MAX_TOKEN);
  if (!is_token (token)) {
    g_set_error (error, FETCH_ERROR, FETCH_REFUSED, "The registry's service for tokens gives none");
    return FALSE;
  }
  http_set_token (http, token);
  return TRUE;
}

/* The registry says where its tokens are, and it is there that the password is wanted. */
static gboolean
get_token (Http *http, const Challenge *challenge, const char *repository, GError **error)
{
  g_autofree char *url = challenge_token_url (challenge, repository, "pull");
  g_autoptr (Http) beside = NULL;
  g_autoptr (GBytes) answer = NULL;

  if (!http_check_elsewhere (http, challenge->realm, error))
    return FALSE;
  beside = http_new_beside (http, error);
  if (!beside || (http_has_login (beside) && !http_show_login (beside, challenge->realm, error)))
    return FALSE;
  answer = http_get_url (beside, url, TRUE, MAX_ANSWER, error);
  return answer && take_token (http, answer, error);
}

static gboolean
authorize (Http *http, const char *text, gpointer repository, GError **error)
{
  g_auto (Challenge) challenge = { 0 };

  if (!challenge_parse (text, &challenge) || (!challenge.realm && !challenge.is_basic)) {
    g_set_error (error, FETCH_ERROR, FETCH_REFUSED,
                 "The registry wants to be asked in a way that is not known");
    return FALSE;
  }
  if (!challenge.realm && http_has_login (http))
    return http_show_login (http, NULL, error);
  if (!challenge.realm) {
    g_set_error (error, FETCH_ERROR, FETCH_DENIED, "The registry wants a name and a password");
    return FALSE;
  }
  return get_token (http, &challenge, repository, error);
}

void
token_prepare (Http *http, const char *repository, const char *known)
{
  if (is_token (known))
    http_set_token (http, known);
  http_set_authorize (http, authorize, (gpointer)repository);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "challenge.h"

#include <string.h>

#define MAX_TEXT 4096
#define TOKEN    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~"

void
challenge_clear (Challenge *self)
{
  g_clear_pointer (&self->realm, g_free);
  g_clear_pointer (&self->service, g_free);
}

static char *
take_token (const char **at, const char *characters)
{
  gsize length = strspn (*at, characters);
  char *token = g_strndup (*at, length);

  *at += length;
  return token;
}

static void
skip (const char **at, const char *characters)
{
  *at += strspn (*at, characters);
}

/* NULL: it has no end. */
static char *
take_quoted (const char **at)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for ((*at)++; **at && **at != '"'; (*at)++) {
    if (**at == '\\' && *++*at == '\0')
      return NULL;
    g_string_append_c (text, **at);
  }
  if (**at != '"')
    return NULL;
  (*at)++;
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static char *
take_value (const char **at)
{
  return **at == '"' ? take_quoted (at) : take_token (at, TOKEN "/:");
}

static void
take_parameter (Challenge *self, const char *name, const char *value)
{
  if (g_ascii_strcasecmp (name, "realm") == 0 && !self->realm)
    self->realm = g_strdup (value);
  else if (g_ascii_strcasecmp (name, "service") == 0 && !self->service)
    self->service = g_strdup (value);
}

/* The word before AT is the name of a parameter; else it began another challenge. */
static gboolean
is_parameter (const char *at)
{
  skip (&at, " \t");
  if (*at != '=')
    return FALSE;
  at += strspn (at, "=");
  skip (&at, " \t");
  return *at != '\0' && *at != ',';
}

gboolean
challenge_parse (const char *text, Challenge *ret)
{
  g_auto (Challenge) found = { 0 };
  gboolean bearer = FALSE;
  const char *at = text;

  if (strlen (text) > MAX_TEXT)
    return FALSE;
  for (skip (&at, " \t,"); *at; skip (&at, " \t,")) {
    g_autofree char *word = take_token (&at, TOKEN "/");
    g_autofree char *value = NULL;

    if (*word == '\0')
      return FALSE;
    if (is_parameter (at)) {
      skip (&at, " \t");
      at++;
      skip (&at, " \t");
      value = take_value (&at);
      if (!value || (*at && !strchr (" \t,", *at)))
        return FALSE;
      if (bearer)
        take_parameter (&found, word, value);
      continue;
    }
    skip (&at, "="); /* the end of a token68 */
    bearer = g_ascii_strcasecmp (word, "Bearer") == 0 && !found.realm;
    found.is_basic = found.is_basic || g_ascii_strcasecmp (word, "Basic") == 0;
  }
  *ret = found;
  found = (Challenge){ 0 };
  return TRUE;
}

char *
challenge_token_url (const Challenge *self, const char *repository, const char *actions)
{
  g_autofree char *scope = g_strdup_printf ("repository:%s:%s", repository, actions);
  g_autofree char *scope_text = g_uri_escape_string (scope, ":/,", FALSE);
  g_autofree char *service = g_uri_escape_string (self->service ? self->service : "", NULL, FALSE);
  const char *and = strchr (self->realm, '?') ? "&" : "?";

  return g_strdup_printf ("%s%s%s%s%sscope=%s", self->realm, and, *service ? "service=" : "", service,
                          *service ? "&" : "", scope_text);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/images/reference.h"

#include "base/error.h"
#include "base/validate.h"

#include <string.h>

#define LOWER          "abcdefghijklmnopqrstuvwxyz"
#define UPPER          "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS         "0123456789"
#define MAX_REGISTRY   100
#define MAX_REPOSITORY 255
#define MAX_TAG        128
#define DOCKER         "docker.io"
#define DIGEST         "sha256:"

void
bothy_reference_clear (BothyReference *self)
{
  g_clear_pointer (&self->remote, g_free);
  g_clear_pointer (&self->registry, g_free);
  g_clear_pointer (&self->name, g_free);
}

static gboolean
refuse_text (GError **error, const char *text, const char *wanted)
{
  g_autofree char *cut = g_strndup (text, 100);
  g_autofree char *shown = g_strescape (cut, NULL);

  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "Image \"%s\" is not valid: %s", shown, wanted);
  return FALSE;
}

/* ---- of a registry ---- */

gboolean
bothy_reference_is_registry (const char *text)
{
  const char *colon = strchr (text, ':');
  gsize length = colon ? (gsize)(colon - text) : strlen (text);
  g_autofree char *host = g_strndup (text, length);
  guint64 port;

  if (strlen (text) > MAX_REGISTRY || strspn (host, LOWER DIGITS ".-") != length ||
      !g_ascii_isalnum (host[0]) || !g_ascii_isalnum (host[length - 1]) || strstr (host, ".."))
    return FALSE;
  if (colon)
    return bothy_parse_number (colon + 1, 1, 65535, &port);
  return strchr (host, '.') || g_str_equal (host, "localhost");
}

/* Letters and digits, and between them one dot, one or two underscores, or dashes. */
static gboolean
is_component (const char *text)
{
  const char *at = text;

  while (strspn (at, LOWER DIGITS) > 0) {
    at += strspn (at, LOWER DIGITS);
    if (*at == '\0')
      return TRUE;
    if (*at == '.')
      at++;
    else if (*at == '_')
      at += at[1] == '_' ? 2 : 1;
    else
      at += strspn (at, "-");
  }
  return FALSE;
}

static gboolean
is_repository (const char *text)
{
  g_auto (GStrv) components = g_strsplit (text, "/", -1);

  if (strlen (text) > MAX_REPOSITORY || !components[0])
    return FALSE;
  for (char **component = components; *component; component++) {
    if (!is_component (*component))
      return FALSE;
  }
  return TRUE;
}

static gboolean
is_tag (const char *text)
{
  gsize length = strlen (text);

  return length > 0 && length <= MAX_TAG && strspn (text, LOWER UPPER DIGITS "._-") == length &&
         !strchr (".-", text[0]) && !strstr (text, "..");
}

char *
bothy_reference_complete (const char *name)
{
  const char *at = strchr (name, '@');
  g_autofree char *plain = at ? g_strndup (name, (gsize)(at - name)) : g_strdup (name);
  char *slash = strrchr (plain, '/');
  char *colon = strchr (slash ? slash : plain, ':');

  if (colon)
    *colon = '\0';
  if (!is_repository (plain) || (colon && !is_tag (colon + 1)))
    return NULL;
  /* A digest says all; the tag beside it may have moved on. */
  if (!at)
    return g_strdup_printf ("%s:%s", plain, colon ? colon + 1 : "latest");
  if (!g_str_has_prefix (at + 1, DIGEST) || !bothy_is_fingerprint (at + 1 + strlen (DIGEST)))
    return NULL;
  return g_strconcat (plain, at, NULL);
}

static gboolean
parse_registry (const char *text, const char *slash, BothyReference *ret, GError **error)
{
  g_autofree char *registry = g_strndup (text, (gsize)(slash - text));
  gboolean short_name = g_str_equal (registry, DOCKER) && !strchr (slash + 1, '/');
  g_autofree char *name = g_strconcat (short_name ? "library/" : "", slash + 1, NULL);

  ret->name = bothy_reference_complete (name);
  if (!ret->name)
    return refuse_text (error, text, "HOST/NAME:TAG or HOST/NAME@sha256:DIGEST is wanted");
  ret->registry = g_steal_pointer (&registry);
  return TRUE;
}

/* ---- either ---- */

static const char *
end_of_registry (const char *text)
{
  const char *slash = strchr (text, '/');
  g_autofree char *first = slash ? g_strndup (text, (gsize)(slash - text)) : NULL;

  return first && bothy_reference_is_registry (first) ? slash : NULL;
}

gboolean
bothy_reference_parse (const char *text, BothyReference *ret, GError **error)
{
  g_auto (BothyReference) self = { 0 };
  const char *slash = end_of_registry (text);
  const char *colon = strchr (text, ':');
  const char *name = colon ? colon + 1 : text;
  g_autofree char *complete = colon ? bothy_reference_complete (name) : NULL;

  if (slash && !parse_registry (text, slash, &self, error))
    return FALSE;
  if (!slash) {
    self.remote = colon ? g_strndup (text, (gsize)(colon - text)) : NULL;
    if ((self.remote && !bothy_validate_remote (self.remote, error)) ||
        (!complete && !bothy_is_fingerprint_prefix (name) && !bothy_validate_alias (name, error)))
      return FALSE;
    self.name = g_strdup (name);
  }
  *ret = self;
  self = (BothyReference){ 0 };
  return TRUE;
}

char *
bothy_reference_format (const BothyReference *self)
{
  if (self->registry)
    return g_strdup_printf ("%s/%s", self->registry, self->name);
  return self->remote ? g_strdup_printf ("%s:%s", self->remote, self->name) : g_strdup (self->name);
}

char *
bothy_reference_canonical (const char *text)
{
  g_auto (BothyReference) self = { 0 };
  const char *slash = end_of_registry (text);

  return slash && parse_registry (text, slash, &self, NULL) ? bothy_reference_format (&self)
                                                            : g_strdup (text);
}

gboolean
bothy_reference_check_alias (const char *text, GError **error)
{
  g_auto (BothyReference) self = { 0 };

  /* One of a registry may be longer, and have capital letters. */
  if (end_of_registry (text) || (strpbrk (text, UPPER "@") && !bothy_is_fingerprint_prefix (text)))
    return bothy_reference_parse (text, &self, error);
  return bothy_validate_alias (text, error);
}

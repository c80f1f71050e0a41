/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "catalogue.h"

#include <string.h>

#define FIELD(entry, name) ((entry)->fields[FETCH_FIELD_##name])
#define MIN_PREFIX         12

void
catalogue_entry_free (CatalogueEntry *self)
{
  for (guint i = 0; i < FETCH_N_FIELDS; i++)
    g_free (self->fields[i]);
  g_free (self->problem);
  g_free (self);
}

/* ---- what aliases there are ---- */

static gboolean
has_alias (const CatalogueEntry *entry, const char *name, gsize length)
{
  const char *aliases = FIELD (entry, ALIASES);

  for (const char *alias = aliases; alias; alias = strchr (alias, ',')) {
    alias += *alias == ',';
    if (strcspn (alias, ",") == length && strncmp (alias, name, length) == 0)
      return TRUE;
  }
  return FALSE;
}

/* What Debian and what uname call a processor: both are typed. */
static gboolean
is_architecture (const char *word, const char *architecture)
{
  static const char *const names[][2] = {
    { "amd64", "x86_64" },    { "arm64", "aarch64" }, { "armhf", "armv7l" },    { "i386", "i686" },
    { "ppc64el", "ppc64le" }, { "s390x", "s390x" },   { "riscv64", "riscv64" },
  };

  if (g_str_equal (word, architecture))
    return TRUE;
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++) {
    if (g_str_equal (word, names[i][0]) && g_str_equal (architecture, names[i][1]))
      return TRUE;
  }
  return FALSE;
}

static gboolean
is_named (const CatalogueEntry *entry, const char *name, const char *architecture)
{
  const char *slash = strrchr (name, '/');

  if (has_alias (entry, name, strlen (name)) && g_str_equal (FIELD (entry, ARCHITECTURE), architecture))
    return TRUE;
  if (slash && is_architecture (slash + 1, FIELD (entry, ARCHITECTURE)) &&
      has_alias (entry, name, (gsize)(slash - name)))
    return TRUE;
  if (g_str_equal (FIELD (entry, PRODUCT), name))
    return TRUE;
  return strlen (name) >= MIN_PREFIX && strspn (name, "0123456789abcdef") == strlen (name) &&
         ((FIELD (entry, FINGERPRINT) && g_str_has_prefix (FIELD (entry, FINGERPRINT), name)) ||
          (FIELD (entry, SHA256) && g_str_has_prefix (FIELD (entry, SHA256), name)));
}

CatalogueEntry *
catalogue_find (GPtrArray *entries, const char *name, const char *architecture, GError **error)
{
  const char *other = NULL;

  for (guint i = 0; i < entries->len; i++) {
    CatalogueEntry *entry = entries->pdata[i];

    if (has_alias (entry, name, strlen (name)))
      other = FIELD (entry, ARCHITECTURE);
    if (!is_named (entry, name, architecture))
      continue;
    if (!entry->problem)
      return entry;
    g_set_error (error, FETCH_ERROR, FETCH_UNSUPPORTED, "%s", entry->problem);
    return NULL;
  }
  if (other)
    g_set_error (error, FETCH_ERROR, FETCH_NOT_FOUND, "It is there for other machines only, such as %s",
                 other);
  else
    g_set_error (error, FETCH_ERROR, FETCH_NOT_FOUND, "There is no such image");
  return NULL;
}

gboolean
catalogue_matches (const CatalogueEntry *entry, const char *pattern, const char *architecture)
{
  static const enum fetch_field searched[] = { FETCH_FIELD_ALIASES, FETCH_FIELD_PRODUCT, FETCH_FIELD_OS,
                                               FETCH_FIELD_RELEASE };
  g_autofree char *wanted = g_ascii_strdown (pattern, -1);
  gboolean glob = strpbrk (wanted, "*?") != NULL;

  if (entry->problem || (*architecture && !g_str_equal (FIELD (entry, ARCHITECTURE), architecture)))
    return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (searched); i++) {
    g_autofree char *text =
        g_ascii_strdown (entry->fields[searched[i]] ? entry->fields[searched[i]] : "", -1);
    g_auto (GStrv) parts = g_strsplit (text, ",", -1);

    for (char **part = parts; *part; part++) {
      if (glob ? g_pattern_match_simple (wanted, *part) : strstr (*part, wanted) != NULL)
        return TRUE;
    }
  }
  return *pattern == '\0';
}

/* ---- SHA256SUMS ---- */

char *
catalogue_find_digest (const char *text, gsize size, const char *file)
{
  g_autofree char *copy = g_strndup (text, size);
  g_auto (GStrv) lines = g_strsplit (copy, "\n", -1);

  for (char **line = lines; *line; line++) {
    g_strchomp (*line);
    /* 64 digits, a blank, a blank or a star, the name. */
    if (strlen (*line) > 66 && strspn (*line, "0123456789abcdef") == 64 && (*line)[64] == ' ' &&
        ((*line)[65] == ' ' || (*line)[65] == '*') && g_str_equal (*line + 66, file))
      return g_strndup (*line, 64);
  }
  return NULL;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* meta/1.0/index-user of lxc-download: lines of dist;release;arch;variant;build;path */
#include "catalogue.h"

#include <string.h>

#include "architecture.h"
#include "url.h"

#define MAX_ENTRIES 20000
#define N_COLUMNS   6
#define FILE_NAME   "rootfs.tar.xz"

enum { DIST, RELEASE, ARCH, VARIANT, BUILD, PATH };

static gboolean
is_word (const char *text)
{
  gsize length = strlen (text);

  return length > 0 && length <= 64 &&
         strspn (text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-") == length;
}

static char *
aliases_of (char **columns)
{
  g_autofree char *dist = g_ascii_strdown (columns[DIST], -1);
  g_autofree char *release = g_ascii_strdown (columns[RELEASE], -1);

  if (g_str_equal (columns[VARIANT], "default"))
    return g_strdup_printf ("%s/%s/default,%s/%s", dist, release, dist, release);
  return g_strdup_printf ("%s/%s/%s", dist, release, columns[VARIANT]);
}

static CatalogueEntry *
parse_line (char **columns)
{
  const char *path = columns[PATH];
  const char *architecture = architecture_from_debian (columns[ARCH]);
  CatalogueEntry *entry;

  while (*path == '/')
    path++;
  if (!is_word (columns[DIST]) || !is_word (columns[RELEASE]) || !is_word (columns[VARIANT]) ||
      !architecture || !architecture_is_version (columns[BUILD]) || !url_check_path (path))
    return NULL;
  entry = g_new0 (CatalogueEntry, 1);
  entry->fields[FETCH_FIELD_ALIASES] = aliases_of (columns);
  entry->fields[FETCH_FIELD_PRODUCT] =
      g_strjoin (":", columns[DIST], columns[RELEASE], columns[ARCH], columns[VARIANT], NULL);
  entry->fields[FETCH_FIELD_VERSION] = g_strdup (columns[BUILD]);
  entry->fields[FETCH_FIELD_OS] = g_strdup (columns[DIST]);
  entry->fields[FETCH_FIELD_RELEASE] = g_strdup (columns[RELEASE]);
  entry->fields[FETCH_FIELD_VARIANT] = g_strdup (columns[VARIANT]);
  entry->fields[FETCH_FIELD_ARCHITECTURE] = g_strdup (architecture);
  entry->fields[FETCH_FIELD_URL] = url_join (path, FILE_NAME);
  entry->is_signed_apart = TRUE;
  return entry;
}

GPtrArray *
catalogue_parse_lxc (const char *text, gsize size, GError **error)
{
  g_autofree char *copy = g_strndup (text, size);
  g_auto (GStrv) lines = g_strsplit (copy, "\n", MAX_ENTRIES + 1);
  g_autoptr (GPtrArray) entries = g_ptr_array_new_with_free_func ((GDestroyNotify)catalogue_entry_free);

  for (guint i = 0; lines[i] && i < MAX_ENTRIES; i++) {
    g_auto (GStrv) columns = g_strsplit (g_strchomp (lines[i]), ";", -1);
    CatalogueEntry *entry = g_strv_length (columns) == N_COLUMNS ? parse_line (columns) : NULL;

    if (entry)
      g_ptr_array_add (entries, entry);
  }
  if (entries->len > 0)
    return g_steal_pointer (&entries);
  g_set_error (error, FETCH_ERROR, FETCH_REFUSED, "The catalogue is not one of lxc-download");
  return NULL;
}

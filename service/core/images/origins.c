/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/images/origins.h"

#include "base/validate.h"

#include <string.h>

#define GROUP "Origins"

const char *
bothy_image_get_origin (BothyImage *self, guint32 user)
{
  gpointer key = GUINT_TO_POINTER (user);
  const char *own = g_hash_table_lookup (self->origins, key);

  if (own)
    return own;
  /* Records that were written before have only the first one's; and there is no asking where no remote is. */
  if (!strchr (self->origin, ':') ||
      (g_hash_table_size (self->claims) == 1 && g_hash_table_contains (self->claims, key)))
    return self->origin;
  return self->public_alias ? "builtin" : "";
}

void
bothy_image_set_origin (BothyImage *self, guint32 user, const char *origin)
{
  g_hash_table_insert (self->origins, GUINT_TO_POINTER (user), g_strdup (origin));
}

void
bothy_image_load_origins (BothyImage *self, GKeyFile *record)
{
  g_auto (GStrv) users = g_key_file_get_keys (record, GROUP, NULL, NULL);

  for (char **user = users; user && *user; user++) {
    g_autofree char *origin = g_key_file_get_string (record, GROUP, *user, NULL);
    guint64 uid;

    if (origin && bothy_parse_number (*user, 0, G_MAXINT32, &uid) &&
        g_hash_table_contains (self->claims, GUINT_TO_POINTER ((guint)uid)))
      bothy_image_set_origin (self, (guint32)uid, origin);
  }
}

void
bothy_image_save_origins (BothyImage *self, GKeyFile *record)
{
  GHashTableIter iter;
  gpointer user, origin;

  g_hash_table_iter_init (&iter, self->origins);
  while (g_hash_table_iter_next (&iter, &user, &origin)) {
    g_autofree char *key = g_strdup_printf ("%u", GPOINTER_TO_UINT (user));

    if (g_hash_table_contains (self->claims, user))
      g_key_file_set_string (record, GROUP, key, origin);
  }
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "objects.h"
#include "usage.h"

GHashTable *
cli_usage_images (GVariant *managed)
{
  g_autoptr (GPtrArray) containers = cli_objects_of (managed, IFACE_CONTAINER, "Name");
  GHashTable *used = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < containers->len; i++) {
    char *image;

    if (g_variant_lookup (containers->pdata[i], "Image", "s", &image))
      g_hash_table_add (used, image);
  }
  return used;
}

gboolean
cli_usage_is_removable (GVariant *image, GHashTable *used)
{
  const char *fingerprint = "", *origin = "";

  g_variant_lookup (image, "Fingerprint", "&s", &fingerprint);
  g_variant_lookup (image, "Origin", "&s", &origin);
  return !g_str_equal (origin, "builtin") && !g_hash_table_contains (used, fingerprint);
}

guint64
cli_usage_size (GVariant *image)
{
  guint64 size = 0;

  g_variant_lookup (image, "Size", "t", &size);
  return size;
}

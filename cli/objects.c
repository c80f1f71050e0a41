/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "objects.h"

static int
compare (gconstpointer a, gconstpointer b, gpointer data)
{
  GVariant *first = *(GVariant *const *)a;
  GVariant *second = *(GVariant *const *)b;
  const char *key = data;
  const char *first_name = "";
  const char *second_name = "";
  guint32 first_owner = 0;
  guint32 second_owner = 0;

  g_variant_lookup (first, "Owner", "u", &first_owner);
  g_variant_lookup (second, "Owner", "u", &second_owner);
  if (first_owner != second_owner)
    return first_owner < second_owner ? -1 : 1;
  g_variant_lookup (first, key, "&s", &first_name);
  g_variant_lookup (second, key, "&s", &second_name);
  return g_strcmp0 (first_name, second_name);
}

GPtrArray *
cli_objects_of (GVariant *managed, const char *interface, const char *key)
{
  GPtrArray *objects = g_ptr_array_new_with_free_func ((GDestroyNotify)g_variant_unref);
  GVariantIter iter;
  GVariant *interfaces;

  g_variant_iter_init (&iter, managed);
  while (g_variant_iter_next (&iter, "{o@a{sa{sv}}}", NULL, &interfaces)) {
    GVariant *properties = g_variant_lookup_value (interfaces, interface, G_VARIANT_TYPE_VARDICT);

    if (properties)
      g_ptr_array_add (objects, properties);
    g_variant_unref (interfaces);
  }
  g_ptr_array_sort_with_data (objects, compare, (gpointer)key);
  return objects;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/options.h"

#include "base/error.h"

static const BothyOption *
find (const BothyOption *table, const char *key)
{
  for (; table->key; table++) {
    if (g_str_equal (table->key, key))
      return table;
  }
  return NULL;
}

static void
store (const BothyOption *option, GVariant *value)
{
  if (g_str_equal (option->type, "b"))
    *(gboolean *)option->value = g_variant_get_boolean (value);
  else if (g_str_equal (option->type, "u"))
    *(guint32 *)option->value = g_variant_get_uint32 (value);
  else if (g_str_equal (option->type, "s")) {
    g_free (*(char **)option->value);
    *(char **)option->value = g_variant_dup_string (value, NULL);
  } else if (g_str_equal (option->type, "as")) {
    g_strfreev (*(char ***)option->value);
    *(char ***)option->value = g_variant_dup_strv (value, NULL);
  } else
    *(GVariant **)option->value = g_variant_ref (value);
}

static gboolean
refuse (GError **error, const char *key, const char *why)
{
  g_autofree char *shown = g_strescape (key, NULL);

  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "Option \"%.64s\": %s", shown, why);
  return FALSE;
}

gboolean
bothy_options_parse (GVariant *options, const BothyOption *table, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  gsize n = g_variant_n_children (options);

  for (gsize i = 0; i < n; i++) {
    g_autoptr (GVariant) value = NULL;
    g_autofree char *key = NULL;
    const BothyOption *option;

    g_variant_get_child (options, i, "{sv}", &key, &value);
    option = find (table, key);
    if (!option)
      return refuse (error, key, "there is no such option");
    if (!g_variant_is_of_type (value, G_VARIANT_TYPE (option->type))) {
      g_autofree char *why =
          g_strdup_printf ("it takes %s, not %s", option->type, g_variant_get_type_string (value));

      return refuse (error, key, why);
    }
    if (!g_hash_table_add (seen, g_strdup (key)))
      return refuse (error, key, "it is there twice");
    store (option, value);
  }
  return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/options.h"

#include "base/error.h"

#include <string.h>

static const BothyOption *
find (const BothyOption *table, const char *key)
{
  for (; table->key; table++) {
    if (g_str_equal (table->key, key))
      return table;
  }
  return NULL;
}

static gboolean
is_of_type (const char *type, GVariant *value)
{
  const char *given = g_variant_get_type_string (value);

  if (g_str_equal (type, BOTHY_OPTION_BYTES))
    return g_str_equal (given, "s") || g_str_equal (given, "ay");
  if (g_str_equal (type, BOTHY_OPTION_WORDS))
    return g_str_equal (given, "as") || g_str_equal (given, "aay");
  return g_str_equal (given, type);
}

/* What VALUE (s or ay) has; NULL: there is a NUL in it. (transfer full) */
static char *
dup_bytes (GVariant *value)
{
  const char *bytes;
  gsize size;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return g_variant_dup_string (value, NULL);
  bytes = g_variant_get_fixed_array (value, &size, 1);
  if (size > 0 && bytes[size - 1] == '\0')
    size--;
  return size > 0 && memchr (bytes, '\0', size) ? NULL : g_strndup (size > 0 ? bytes : "", size);
}

/* The same of as or aay. */
static char **
dup_words (GVariant *value)
{
  gsize n = g_variant_n_children (value);
  g_auto (GStrv) words = g_new0 (char *, n + 1);

  for (gsize i = 0; i < n; i++) {
    g_autoptr (GVariant) word = g_variant_get_child_value (value, i);

    words[i] = dup_bytes (word);
    if (!words[i])
      return NULL;
  }
  return g_steal_pointer (&words);
}

/* FALSE: it can not be stored, for there is a NUL in it. */
static gboolean
store (const BothyOption *option, GVariant *value)
{
  if (g_str_equal (option->type, "b"))
    *(gboolean *)option->value = g_variant_get_boolean (value);
  else if (g_str_equal (option->type, "u"))
    *(guint32 *)option->value = g_variant_get_uint32 (value);
  else if (g_str_equal (option->type, "s") || g_str_equal (option->type, BOTHY_OPTION_BYTES)) {
    char *text = dup_bytes (value);

    g_free (*(char **)option->value);
    *(char **)option->value = text;
    return text != NULL;
  } else if (g_str_equal (option->type, "as") || g_str_equal (option->type, BOTHY_OPTION_WORDS)) {
    char **words = dup_words (value);

    g_strfreev (*(char ***)option->value);
    *(char ***)option->value = words;
    return words != NULL;
  } else
    *(GVariant **)option->value = g_variant_ref (value);
  return TRUE;
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
    if (!is_of_type (option->type, value)) {
      g_autofree char *why =
          g_strdup_printf ("it takes %s, not %s", option->type, g_variant_get_type_string (value));

      return refuse (error, key, why);
    }
    if (!g_hash_table_add (seen, g_strdup (key)))
      return refuse (error, key, "it is there twice");
    if (!store (option, value))
      return refuse (error, key, "there is a NUL in it");
  }
  return TRUE;
}

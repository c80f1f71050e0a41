/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "search.h"

#include <glib/gi18n.h>
#include <string.h>

#include "../words.h"

#define SHELL "shell:"
#define START "start:"

static gboolean
stands_still (AppObject *container)
{
  const char *state = app_object_text (container, "State");

  return g_str_equal (state, "stopped") || g_str_equal (state, "failed");
}

static gboolean
matches (AppObject *container, const char *terms)
{
  g_autofree char *text =
      g_strjoin (" ", app_object_text (container, "Name"), app_object_text (container, "Image"),
                 app_object_text (container, "Description"), NULL);

  return g_str_match_string (terms, text, TRUE);
}

static int
compare (gconstpointer a, gconstpointer b)
{
  AppObject *left = *(AppObject *const *)a, *right = *(AppObject *const *)b;
  int by_state = (int)stands_still (left) - (int)stands_still (right);

  return by_state ? by_state : strcmp (app_object_text (left, "Name"), app_object_text (right, "Name"));
}

GStrv
app_search_find (GListModel *containers, const char *const *terms)
{
  g_autofree char *joined = g_strjoinv (" ", (char **)terms);
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GStrvBuilder) results = g_strv_builder_new ();

  for (guint i = 0; i < g_list_model_get_n_items (containers); i++) {
    AppObject *container = g_list_model_get_item (containers, i);

    if (matches (container, joined))
      g_ptr_array_add (found, container);
    else
      g_object_unref (container);
  }
  g_ptr_array_sort (found, compare);
  for (guint i = 0; i < found->len; i++) {
    const char *path = app_object_path (found->pdata[i]);
    g_autofree char *shell = g_strconcat (SHELL, path, NULL), *start = g_strconcat (START, path, NULL);

    g_strv_builder_add (results, shell);
    if (stands_still (found->pdata[i]))
      g_strv_builder_add (results, start);
  }
  return g_strv_builder_end (results);
}

const char *
app_search_parse (const char *id, gboolean *starts)
{
  *starts = g_str_has_prefix (id, START);
  if (*starts || g_str_has_prefix (id, SHELL))
    return strchr (id, ':') + 1;
  return NULL;
}

GVariant *
app_search_describe (AppClient *client, const char *id)
{
  g_autoptr (GVariantDict) meta = g_variant_dict_new (NULL);
  g_autoptr (GIcon) icon = g_themed_icon_new ("org.bothy.Bothy");
  g_autoptr (GVariant) serialized = g_icon_serialize (icon);
  g_autofree char *description = NULL;
  gboolean starts;
  const char *path = app_search_parse (id, &starts);
  AppObject *container = path ? app_client_lookup (client, path) : NULL;

  if (container == NULL)
    return NULL;
  /* Translators: what a click does, and the container's state. */
  description = g_strdup_printf (_ ("%s · %s"), starts ? _ ("Start") : _ ("Open Shell"),
                                 app_words_state (app_object_text (container, "State")));
  g_variant_dict_insert (meta, "id", "s", id);
  g_variant_dict_insert (meta, "name", "s", app_object_text (container, "Name"));
  g_variant_dict_insert (meta, "description", "s", description);
  g_variant_dict_insert_value (meta, "icon", serialized);
  return g_variant_dict_end (meta);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manifest.h"

#include <string.h>

#include "digest.h"
#include "json.h"
#include "platform.h"

#define MAX_TEXT  256
#define MAX_VALUE (FETCH_MAX_TEXT - 1)

void
config_clear (Config *self)
{
  g_clear_pointer (&self->diff_ids, g_free);
  g_clear_pointer (&self->settings, g_ptr_array_unref);
}

static gboolean
nonsense (GError **error)
{
  g_set_error (error, FETCH_ERROR, FETCH_REFUSED, "It has no configuration that makes sense");
  return FALSE;
}

static gboolean
take_diff_ids (JsonObject *root, Config *self)
{
  JsonObject *rootfs = json_get_object (root, "rootfs");
  JsonArray *ids = json_get_array (rootfs, "diff_ids");
  guint n = ids ? json_array_get_length (ids) : 0;
  g_autofree char *text = NULL;

  if (n == 0 || n > FETCH_MAX_LAYERS || !g_str_equal (json_get_text (rootfs, "type", MAX_TEXT), "layers"))
    return FALSE;
  text = g_new0 (char, (gsize)n * 65);
  for (guint i = 0; i < n; i++) {
    const char *id = json_text_at (ids, i);
    const char *digits = id ? digest_parse (id) : NULL;

    if (!digits)
      return FALSE;
    memcpy (text + (gsize)i * 65, digits, 64);
  }
  self->diff_ids = g_steal_pointer (&text);
  self->n_layers = n;
  return TRUE;
}

/* ---- settings ---- */

static gboolean
take_setting (Config *self, enum fetch_setting setting, const char *value)
{
  gsize length = value ? strlen (value) : G_MAXSIZE;
  char *text;

  if (length > MAX_VALUE || self->settings->len >= FETCH_MAX_SETTINGS)
    return FALSE;
  text = g_malloc (length + 2);
  text[0] = (char)setting;
  memcpy (text + 1, value, length + 1);
  g_ptr_array_add (self->settings, text);
  return TRUE;
}

static gboolean
take_list (Config *self, enum fetch_setting setting, JsonArray *array)
{
  guint n = array ? json_array_get_length (array) : 0;

  for (guint i = 0; i < n; i++) {
    if (!take_setting (self, setting, json_text_at (array, i)))
      return FALSE;
  }
  return TRUE;
}

static gboolean
take_settings (JsonObject *config, Config *self)
{
  static const struct {
    const char *name;
    enum fetch_setting setting;
    gboolean is_list;
  } table[] = { { "Env", FETCH_SETTING_ENV, TRUE },
                { "Entrypoint", FETCH_SETTING_ENTRYPOINT, TRUE },
                { "Cmd", FETCH_SETTING_CMD, TRUE },
                { "User", FETCH_SETTING_USER, FALSE },
                { "WorkingDir", FETCH_SETTING_DIRECTORY, FALSE },
                { "StopSignal", FETCH_SETTING_STOP_SIGNAL, FALSE } };

  for (gsize i = 0; i < G_N_ELEMENTS (table); i++) {
    const char *text = table[i].is_list ? "" : json_get_text (config, table[i].name, MAX_VALUE);

    if (table[i].is_list ? !take_list (self, table[i].setting, json_get_array (config, table[i].name))
                         : *text && !take_setting (self, table[i].setting, text))
      return FALSE;
  }
  return TRUE;
}

gboolean
config_parse (const char *text, gsize size, const char *machine, Config *ret, GError **error)
{
  g_autoptr (JsonParser) parser = json_open (text, size);
  JsonObject *root = parser ? json_root (parser) : NULL;

  if (!root)
    return nonsense (error);
  if (platform_rank (machine, json_get_text (root, "os", MAX_TEXT),
                     json_get_text (root, "architecture", MAX_TEXT),
                     json_get_text (root, "variant", MAX_TEXT)) == 0) {
    g_set_error (error, FETCH_ERROR, FETCH_UNSUPPORTED, "It is there for other machines only, not for %s",
                 machine);
    return FALSE;
  }
  ret->settings = g_ptr_array_new_with_free_func (g_free);
  if (!take_diff_ids (root, ret) || !take_settings (json_get_object (root, "config"), ret))
    return nonsense (error);
  return TRUE;
}

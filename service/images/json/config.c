/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manifest.h"

#include <string.h>

#include "digest.h"
#include "json.h"
#include "platform.h"

#define MAX_TEXT  256
#define MAX_VALUE (FETCH_MAX_TEXT - 1)
#define MAX_EXTRA (32 * 1024) /* of all extras */

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
take_diff_ids (JsonObject *root, Config *self, GError **error)
{
  JsonObject *rootfs = json_get_object (root, "rootfs");
  JsonArray *ids = json_get_array (rootfs, "diff_ids");
  guint n = ids ? json_array_get_length (ids) : 0;
  g_autofree char *text = NULL;

  if (n > FETCH_MAX_LAYERS)
    return fetch_refuse_layers (n, error);
  if (n == 0 || !g_str_equal (json_get_text (rootfs, "type", MAX_TEXT), "layers"))
    return nonsense (error);
  text = g_new0 (char, (gsize)n * 65);
  for (guint i = 0; i < n; i++) {
    const char *id = json_text_at (ids, i);
    const char *digits = id ? digest_parse (id) : NULL;

    if (!digits)
      return nonsense (error);
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

/* One text in place of a list is a list of one word, as docker reads it. */
static gboolean
take_list (Config *self, enum fetch_setting setting, JsonObject *object, const char *name)
{
  JsonArray *array = json_get_array (object, name);
  guint n = array ? json_array_get_length (array) : 0;
  const char *alone = json_get_text (object, name, MAX_VALUE);

  if (*alone)
    return take_setting (self, setting, alone);
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

    if (table[i].is_list ? !take_list (self, table[i].setting, config, table[i].name)
                         : *text && !take_setting (self, table[i].setting, text))
      return FALSE;
  }
  return TRUE;
}

/* ---- what a container runs without just as well: of these, what is too long, or too much, is left out ---- */

static void
take_extra (Config *self, enum fetch_setting setting, const char *value)
{
  gsize size = strlen (value) + 1;

  if (size <= MAX_EXTRA - self->extra && take_setting (self, setting, value))
    self->extra += size;
}

/* The names of a map's members; of labels their values, too. */
static void
take_members (Config *self, enum fetch_setting setting, JsonObject *map)
{
  g_autoptr (GList) names = map ? json_object_get_members (map) : NULL;

  for (GList *l = names; l; l = l->next) {
    const char *name = l->data;
    g_autofree char *pair = NULL;

    if (setting == FETCH_SETTING_LABEL)
      pair = g_strconcat (name, "=", json_get_text (map, name, G_MAXSIZE), NULL);
    take_extra (self, setting, pair ? pair : name);
  }
}

static void
take_health (Config *self, JsonObject *health)
{
  static const char *const numbers[] = { "Interval", "Timeout", "StartPeriod", "StartInterval", "Retries" };
  JsonArray *test = json_get_array (health, "Test");
  guint n = test ? json_array_get_length (test) : 0;

  for (guint i = 0; i < n; i++) {
    const char *word = json_text_at (test, i);

    /* Half of a command is another command. */
    if (!word || strlen (word) >= MAX_EXTRA / n || self->settings->len + n > FETCH_MAX_SETTINGS)
      return;
  }
  for (guint i = 0; i < n; i++)
    take_extra (self, FETCH_SETTING_HEALTH_TEST, json_text_at (test, i));
  for (gsize i = 0; n > 0 && i < G_N_ELEMENTS (numbers); i++) {
    gint64 number = json_get_number (health, numbers[i]);
    g_autofree char *text = g_strdup_printf ("%s=%" G_GINT64_FORMAT, numbers[i], number);

    if (number > 0)
      take_extra (self, FETCH_SETTING_HEALTH_NUMBER, text);
  }
}

static void
take_extras (JsonObject *config, Config *self)
{
  take_health (self, json_get_object (config, "Healthcheck"));
  take_members (self, FETCH_SETTING_VOLUME, json_get_object (config, "Volumes"));
  take_members (self, FETCH_SETTING_PORT, json_get_object (config, "ExposedPorts"));
  take_members (self, FETCH_SETTING_LABEL, json_get_object (config, "Labels"));
}

gboolean
config_parse (const char *text, gsize size, const char *machine, Config *ret, GError **error)
{
  g_autoptr (JsonParser) parser = json_open (text, size);
  JsonObject *root = parser ? json_root (parser) : NULL;
  JsonObject *config;

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
  config = json_get_object (root, "config");
  if (!take_diff_ids (root, ret, error))
    return FALSE;
  if (!take_settings (config, ret))
    return nonsense (error);
  take_extras (config, ret);
  return TRUE;
}

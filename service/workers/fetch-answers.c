/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "workers/fetch-answers.h"

#include "base/validate.h"

#include <string.h>

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

void
bothy_fetch_answer_free (BothyFetchAnswer *self)
{
  for (guint i = 0; i < FETCH_N_FIELDS; i++)
    g_free (self->fields[i]);
  g_free (self);
}

/* ---- what a catalogue may say ---- */

static const struct {
  const char *characters;
  gsize min, max;
} grammar[] = {
  [FETCH_FIELD_ALIASES] = { LOWER DIGITS "./:_,-", 0, 1024 },
  [FETCH_FIELD_PRODUCT] = { LOWER UPPER DIGITS "._:+~/-", 1, 256 },
  [FETCH_FIELD_VERSION] = { LOWER UPPER DIGITS "._:+-", 8, 64 },
  [FETCH_FIELD_OS] = { LOWER UPPER DIGITS "._+ -", 0, 64 },
  [FETCH_FIELD_RELEASE] = { LOWER UPPER DIGITS "._+ -", 0, 64 },
  [FETCH_FIELD_VARIANT] = { LOWER UPPER DIGITS "._+ -", 0, 64 },
  [FETCH_FIELD_SUPPORT_END] = { DIGITS "-", 0, 10 },
  [FETCH_FIELD_ARCHITECTURE] = { LOWER DIGITS "_", 1, 16 },
  [FETCH_FIELD_FINGERPRINT] = { "abcdef" DIGITS, 0, 64 },
  [FETCH_FIELD_SHA256] = { "abcdef" DIGITS, 0, 64 },
  [FETCH_FIELD_URL] = { LOWER UPPER DIGITS "/._~:+@-[]%", 8, 2048 },
  [FETCH_FIELD_KEY] = { "ABCDEF" DIGITS, 0, 40 },
};
G_STATIC_ASSERT (G_N_ELEMENTS (grammar) == FETCH_N_FIELDS);

static gboolean
is_of_grammar (const char *text, enum fetch_field field)
{
  gsize length = strlen (text);

  return length >= grammar[field].min && length <= grammar[field].max &&
         strspn (text, grammar[field].characters) == length;
}

static gboolean
is_below (const char *url, const char *remote)
{
  gsize length = strlen (remote);

  while (length > 0 && remote[length - 1] == '/')
    length--;
  return strncmp (url, remote, length) == 0 && url[length] == '/' && !strstr (url, "..");
}

/* Digests have all of their digits or none, versions begin with a day, and an image is below its remote. */
static gboolean
is_whole (const BothyFetchAnswer *self, const char *remote)
{
  const char *const *fields = (const char *const *)self->fields;

  return (!*fields[FETCH_FIELD_FINGERPRINT] || bothy_is_fingerprint (fields[FETCH_FIELD_FINGERPRINT])) &&
         (!*fields[FETCH_FIELD_SHA256] || bothy_is_fingerprint (fields[FETCH_FIELD_SHA256])) &&
         (!*fields[FETCH_FIELD_KEY] || strlen (fields[FETCH_FIELD_KEY]) == 40) &&
         strspn (fields[FETCH_FIELD_VERSION], DIGITS) >= 8 && self->size <= FETCH_MAX_IMAGE &&
         is_below (fields[FETCH_FIELD_URL], remote);
}

/* N strings that fill TEXT, each with a NUL at its end. */
static gboolean
split (const char *text, gsize size, const char **strings, guint n)
{
  const char *end = text + size;

  for (guint i = 0; i < n; i++) {
    const char *nul = memchr (text, '\0', (gsize)(end - text));

    if (!nul)
      return FALSE;
    strings[i] = text;
    text = nul + 1;
  }
  return text == end;
}

BothyFetchAnswer *
bothy_fetch_answer_parse (const char *text, gsize size, guint64 total, const char *remote)
{
  g_autoptr (BothyFetchAnswer) self = g_new0 (BothyFetchAnswer, 1);
  const char *fields[FETCH_N_FIELDS];

  if (!split (text, size, fields, FETCH_N_FIELDS))
    return NULL;
  self->size = total;
  for (guint i = 0; i < FETCH_N_FIELDS; i++) {
    self->fields[i] = g_strdup (fields[i]);
    if (!is_of_grammar (fields[i], i))
      return NULL;
  }
  return is_whole (self, remote) ? g_steal_pointer (&self) : NULL;
}

/* ---- what a registry may say ---- */

void
bothy_manifest_layer_free (gpointer data)
{
  BothyManifestLayer *self = data;

  g_free (self->sha256);
  g_free (self->diff_id);
  g_free (self->url);
  g_free (self);
}

void
bothy_manifest_free (BothyManifest *self)
{
  g_free (self->digest);
  g_free (self->config);
  g_free (self->architecture);
  g_free (self->token);
  g_ptr_array_unref (self->layers);
  g_ptr_array_unref (self->settings);
  g_free (self);
}

/* It is shown to nobody but to the registry. */
static gboolean
is_token (const char *text)
{
  for (const char *at = text; *at; at++) {
    if (!g_ascii_isgraph (*at))
      return FALSE;
  }
  return strlen (text) <= FETCH_MAX_TOKEN;
}

BothyManifest *
bothy_manifest_parse (const char *text, gsize size, guint64 total)
{
  g_autoptr (BothyManifest) self = g_new0 (BothyManifest, 1);
  const char *fields[FETCH_N_MANIFEST_FIELDS];

  self->layers = g_ptr_array_new_with_free_func (bothy_manifest_layer_free);
  self->settings = g_ptr_array_new_with_free_func (g_free);
  if (!split (text, size, fields, FETCH_N_MANIFEST_FIELDS) ||
      !bothy_is_fingerprint (fields[FETCH_MANIFEST_DIGEST]) ||
      !bothy_is_fingerprint (fields[FETCH_MANIFEST_CONFIG]) ||
      !is_of_grammar (fields[FETCH_MANIFEST_ARCHITECTURE], FETCH_FIELD_ARCHITECTURE) || total == 0 ||
      total > FETCH_MAX_IMAGE || !is_token (fields[FETCH_MANIFEST_TOKEN]))
    return NULL;
  self->token = g_strdup (fields[FETCH_MANIFEST_TOKEN]);
  self->digest = g_strdup (fields[FETCH_MANIFEST_DIGEST]);
  self->config = g_strdup (fields[FETCH_MANIFEST_CONFIG]);
  self->architecture = g_strdup (fields[FETCH_MANIFEST_ARCHITECTURE]);
  self->size = total;
  return g_steal_pointer (&self);
}

static guint64
bytes_of_layers (const BothyManifest *self)
{
  guint64 bytes = 0;

  for (guint i = 0; i < self->layers->len; i++)
    bytes += ((const BothyManifestLayer *)self->layers->pdata[i])->size;
  return bytes;
}

gboolean
bothy_manifest_take_layer (
    BothyManifest *self, const char *text, gsize size, guint64 total, const char *remote)
{
  const char *fields[FETCH_N_LAYER_FIELDS];
  BothyManifestLayer *layer;

  if (self->layers->len >= FETCH_MAX_LAYERS || !split (text, size, fields, FETCH_N_LAYER_FIELDS) ||
      !bothy_is_fingerprint (fields[FETCH_LAYER_SHA256]) ||
      !bothy_is_fingerprint (fields[FETCH_LAYER_DIFF_ID]) ||
      !is_of_grammar (fields[FETCH_LAYER_URL], FETCH_FIELD_URL) ||
      !is_below (fields[FETCH_LAYER_URL], remote) || total > self->size ||
      (total == 0 && !g_str_equal (fields[FETCH_LAYER_SHA256], FETCH_DIGEST_OF_NOTHING)) ||
      bytes_of_layers (self) > self->size - total)
    return FALSE;
  layer = g_new0 (BothyManifestLayer, 1);
  layer->sha256 = g_strdup (fields[FETCH_LAYER_SHA256]);
  layer->diff_id = g_strdup (fields[FETCH_LAYER_DIFF_ID]);
  layer->url = g_strdup (fields[FETCH_LAYER_URL]);
  layer->size = total;
  g_ptr_array_add (self->layers, layer);
  return TRUE;
}

gboolean
bothy_manifest_take_setting (BothyManifest *self, guint32 which, const char *text, gsize size)
{
  const char *value;
  BothyManifestSetting *setting;

  if (self->settings->len >= FETCH_MAX_SETTINGS || which < FETCH_SETTING_ENV || which >= FETCH_SETTING_END ||
      !split (text, size, &value, 1) || !g_utf8_validate (value, -1, NULL))
    return FALSE;
  setting = g_malloc (sizeof *setting + size);
  setting->which = which;
  memcpy (setting->value, value, size);
  g_ptr_array_add (self->settings, setting);
  return TRUE;
}

gboolean
bothy_manifest_is_whole (const BothyManifest *self)
{
  return self->layers->len > 0 && bytes_of_layers (self) == self->size;
}

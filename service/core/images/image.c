/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/images/image.h"

#include "base/error.h"
#include "base/validate.h"

#include <string.h>

#define GROUP   "Image"
#define CLAIMS  "Claims"
#define ORIGINS "Origins"
#define NEWER   "Newer"

#define MAX_SECONDS G_GUINT64_CONSTANT (253402300799) /* the end of the year 9999 */

G_DEFINE_FINAL_TYPE (BothyImage, bothy_image, G_TYPE_OBJECT)

enum { CHANGED, SHOWN, HIDDEN, N_SIGNALS };
static guint signals[N_SIGNALS];

char *
bothy_image_os_release_value (const char *text, const char *key)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  g_autofree char *prefix = g_strconcat (key, "=", NULL);

  for (char **line = lines; *line; line++) {
    g_autofree char *value = NULL;

    if (!g_str_has_prefix (*line, prefix))
      continue;
    g_strchomp (*line);
    value = g_shell_unquote (*line + strlen (prefix), NULL);
    return value ? g_steal_pointer (&value) : g_strdup (g_strchug (*line + strlen (prefix)));
  }
  return g_strdup ("");
}

void
bothy_image_set_os_release (BothyImage *self, const char *text)
{
  self->os_release = (g_free (self->os_release), g_strdup (text));
  self->os = (g_free (self->os), bothy_image_os_release_value (text, "ID"));
  self->release = (g_free (self->release), bothy_image_os_release_value (text, "VERSION_CODENAME"));
  if (!*self->release)
    self->release = (g_free (self->release), bothy_image_os_release_value (text, "VERSION_ID"));
}

/* ---- what others say of it ---- */

gboolean
bothy_image_is_word (const char *text)
{
  gsize length = strlen (text);

  return length > 0 && length < 64 &&
         strspn (text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+ -") == length;
}

static void
take_word (char **word, const char *value, gboolean is_known)
{
  if (!is_known && bothy_image_is_word (value)) {
    g_free (*word);
    *word = g_strdup (value);
  }
}

static void
take_pair (BothyImage *self, const char *key, const char *value)
{
  guint64 seconds;

  if (g_str_equal (key, "os"))
    take_word (&self->os, value, *self->os != '\0');
  else if (g_str_equal (key, "release"))
    take_word (&self->release, value, *self->release != '\0');
  else if (g_str_equal (key, "variant"))
    take_word (&self->variant, value, *self->variant != '\0');
  else if (g_str_equal (key, "architecture"))
    take_word (&self->architecture, value, !g_str_equal (self->architecture, "unknown"));
  else if (g_str_equal (key, "expiry_date") && bothy_parse_number (value, 1, MAX_SECONDS, &seconds))
    self->expires_at = (gint64)seconds * G_USEC_PER_SEC;
}

void
bothy_image_take_metadata (BothyImage *self, const char *lines)
{
  g_auto (GStrv) pairs = g_strsplit (lines, "\n", -1);

  for (char **pair = pairs; *pair; pair++) {
    char *value = strchr (*pair, '=');

    if (value) {
      *value = '\0';
      take_pair (self, *pair, value + 1);
    }
  }
}

void
bothy_image_take_catalogue (BothyImage *self, const char *variant, const char *end)
{
  g_autofree char *text = g_strconcat (end, "T00:00:00Z", NULL);
  g_autoptr (GDateTime) day = *end ? g_date_time_new_from_iso8601 (text, NULL) : NULL;

  take_word (&self->variant, variant, FALSE);
  if (day)
    self->expires_at = g_date_time_to_unix (day) * G_USEC_PER_SEC;
}

/* ---- */

static GPtrArray *
claim_of (BothyImage *self, guint32 user)
{
  return g_hash_table_lookup (self->claims, GUINT_TO_POINTER (user));
}

static gboolean
find_alias (GPtrArray *aliases, const char *alias, guint *ret_index)
{
  return aliases && g_ptr_array_find_with_equal_func (aliases, alias, g_str_equal, ret_index);
}

gboolean
bothy_image_is_visible (BothyImage *self, guint32 user)
{
  return self->public_alias || g_hash_table_contains (self->claims, GUINT_TO_POINTER (user));
}

gboolean
bothy_image_has_alias (BothyImage *self, guint32 user, const char *alias)
{
  return g_strcmp0 (self->public_alias, alias) == 0 || find_alias (claim_of (self, user), alias, NULL);
}

gboolean
bothy_image_has_names (BothyImage *self, guint32 user)
{
  GPtrArray *aliases = claim_of (self, user);

  return aliases && aliases->len > 0;
}

char **
bothy_image_aliases (BothyImage *self, guint32 user)
{
  GPtrArray *aliases = claim_of (self, user);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (guint i = 0; aliases && i < aliases->len; i++)
    g_strv_builder_add (builder, aliases->pdata[i]);
  if (self->public_alias && !find_alias (aliases, self->public_alias, NULL))
    g_strv_builder_add (builder, self->public_alias);
  return g_strv_builder_end (builder);
}

const char *
bothy_image_label (BothyImage *self, guint32 user)
{
  GPtrArray *aliases = claim_of (self, user);

  if (aliases && aliases->len > 0)
    return aliases->pdata[0];
  return self->public_alias ? self->public_alias : self->fingerprint;
}

static void
emit_changed (BothyImage *self)
{
  g_signal_emit (self, signals[CHANGED], 0);
}

void
bothy_image_add_claim (BothyImage *self, guint32 user, const char *alias)
{
  GPtrArray *aliases = claim_of (self, user);
  gboolean seen = bothy_image_is_visible (self, user);

  if (!aliases) {
    aliases = g_ptr_array_new_with_free_func (g_free);
    g_hash_table_insert (self->claims, GUINT_TO_POINTER (user), aliases);
  }
  if (!seen)
    g_signal_emit (self, signals[SHOWN], 0, user);
  if (alias && !find_alias (aliases, alias, NULL))
    g_ptr_array_add (aliases, g_strdup (alias));
  emit_changed (self);
}

void
bothy_image_remove_alias (BothyImage *self, guint32 user, const char *alias)
{
  guint index;

  if (find_alias (claim_of (self, user), alias, &index)) {
    g_ptr_array_remove_index (claim_of (self, user), index);
    emit_changed (self);
  }
}

void
bothy_image_remove_claim (BothyImage *self, guint32 user)
{
  if (!g_hash_table_remove (self->claims, GUINT_TO_POINTER (user)))
    return;
  g_hash_table_remove (self->origins, GUINT_TO_POINTER (user));
  g_hash_table_remove (self->newer, GUINT_TO_POINTER (user));
  emit_changed (self);
  g_signal_emit (self, signals[HIDDEN], 0, user);
}

void
bothy_image_retire (BothyImage *self)
{
  g_clear_pointer (&self->public_alias, g_free);
  emit_changed (self);
  g_signal_emit (self, signals[HIDDEN], 0, BOTHY_EVERYBODY);
}

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

const char *
bothy_image_get_newer (BothyImage *self, guint32 user)
{
  const char *version = g_hash_table_lookup (self->newer, GUINT_TO_POINTER (user));

  return version && bothy_image_has_names (self, user) ? version : "";
}

gboolean
bothy_image_set_newer (BothyImage *self, guint32 user, const char *version)
{
  gpointer key = GUINT_TO_POINTER (user);

  if (g_strcmp0 (g_hash_table_lookup (self->newer, key), version) == 0)
    return FALSE;
  if (version)
    g_hash_table_insert (self->newer, key, g_strdup (version));
  else
    g_hash_table_remove (self->newer, key);
  emit_changed (self);
  return TRUE;
}

/* ---- records ---- */

static char *
get_string (GKeyFile *record, const char *key)
{
  char *text = g_key_file_get_string (record, GROUP, key, NULL);

  return text ? text : g_strdup ("");
}

static void
load_claims (BothyImage *self, GKeyFile *record)
{
  g_auto (GStrv) users = g_key_file_get_keys (record, CLAIMS, NULL, NULL);

  for (char **user = users; user && *user; user++) {
    g_auto (GStrv) aliases = g_key_file_get_string_list (record, CLAIMS, *user, NULL, NULL);
    guint64 uid;

    if (!bothy_parse_number (*user, 0, G_MAXINT32, &uid))
      continue;
    bothy_image_add_claim (self, (guint32)uid, NULL);
    for (char **alias = aliases; alias && *alias; alias++)
      bothy_image_add_claim (self, (guint32)uid, *alias);
  }
}

/* What GROUP says of those who have a claim goes into TEXTS. */
static void
load_texts (BothyImage *self, GKeyFile *record, const char *group, GHashTable *texts)
{
  g_auto (GStrv) users = g_key_file_get_keys (record, group, NULL, NULL);

  for (char **user = users; user && *user; user++) {
    g_autofree char *text = g_key_file_get_string (record, group, *user, NULL);
    guint64 uid;

    if (text && bothy_parse_number (*user, 0, G_MAXINT32, &uid) &&
        g_hash_table_contains (self->claims, GUINT_TO_POINTER ((guint)uid)))
      g_hash_table_insert (texts, GUINT_TO_POINTER ((guint)uid), g_steal_pointer (&text));
  }
}

static void
save_texts (BothyImage *self, GKeyFile *record, const char *group, GHashTable *texts)
{
  GHashTableIter iter;
  gpointer user, text;

  g_hash_table_iter_init (&iter, texts);
  while (g_hash_table_iter_next (&iter, &user, &text)) {
    g_autofree char *key = g_strdup_printf ("%u", GPOINTER_TO_UINT (user));

    if (g_hash_table_contains (self->claims, user))
      g_key_file_set_string (record, group, key, text);
  }
}

BothyImage *
bothy_image_from_record (const char *fingerprint, GKeyFile *record, GError **error)
{
  g_autofree char *recorded = get_string (record, "Fingerprint");
  g_autofree char *os_release = get_string (record, "OSRelease");
  g_autofree char *os = get_string (record, "OS");
  g_autofree char *release = get_string (record, "Release");
  BothyImage *self;

  if (!g_str_equal (recorded, fingerprint)) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED, "The record of image %.12s is another image's",
                 fingerprint);
    return NULL;
  }
  self = bothy_image_new (fingerprint);
  bothy_image_set_os_release (self, os_release);
  self->architecture = (g_free (self->architecture), get_string (record, "Architecture"));
  self->origin = (g_free (self->origin), get_string (record, "Origin"));
  self->origin_remote = g_key_file_get_string (record, GROUP, "OriginRemote", NULL);
  self->config_digest = g_key_file_get_string (record, GROUP, "ConfigDigest", NULL);
  self->verified = (g_free (self->verified), get_string (record, "Verified"));
  self->source = (g_free (self->source), get_string (record, "Source"));
  g_strfreev (self->layers);
  self->layers = g_key_file_get_string_list (record, GROUP, "Layers", NULL, NULL);
  if (!self->layers || !*self->layers) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED, "The record of image %.12s names no layers",
                 fingerprint);
    g_object_unref (self);
    return NULL;
  }
  take_word (&self->os, os, *self->os != '\0');
  take_word (&self->release, release, *self->release != '\0');
  self->variant = (g_free (self->variant), get_string (record, "Variant"));
  self->expires_at = g_key_file_get_int64 (record, GROUP, "ExpiresAt", NULL);
  self->created_at = g_key_file_get_int64 (record, GROUP, "CreatedAt", NULL);
  self->used_on = g_key_file_get_uint64 (record, GROUP, "UsedOn", NULL);
  self->has_squashed_owners = g_key_file_get_boolean (record, GROUP, "SquashedOwners", NULL);
  self->is_shown = g_key_file_get_boolean (record, GROUP, "Shown", NULL);
  self->public_alias = g_key_file_get_string (record, GROUP, "PublicAlias", NULL);
  self->defaults = bothy_image_config_from_record (record);
  load_claims (self, record);
  load_texts (self, record, ORIGINS, self->origins);
  load_texts (self, record, NEWER, self->newer);
  return self;
}

GKeyFile *
bothy_image_to_record (BothyImage *self)
{
  GKeyFile *record = g_key_file_new ();
  GHashTableIter iter;
  gpointer user, value;

  g_key_file_set_string (record, GROUP, "Fingerprint", self->fingerprint);
  g_key_file_set_string (record, GROUP, "OSRelease", self->os_release);
  g_key_file_set_string (record, GROUP, "OS", self->os);
  g_key_file_set_string (record, GROUP, "Release", self->release);
  g_key_file_set_string (record, GROUP, "Variant", self->variant);
  g_key_file_set_int64 (record, GROUP, "ExpiresAt", self->expires_at);
  g_key_file_set_string (record, GROUP, "Architecture", self->architecture);
  g_key_file_set_string (record, GROUP, "Origin", self->origin);
  if (self->origin_remote)
    g_key_file_set_string (record, GROUP, "OriginRemote", self->origin_remote);
  if (self->config_digest)
    g_key_file_set_string (record, GROUP, "ConfigDigest", self->config_digest);
  g_key_file_set_string (record, GROUP, "Verified", self->verified);
  g_key_file_set_string (record, GROUP, "Source", self->source);
  g_key_file_set_string_list (record, GROUP, "Layers", (const char *const *)self->layers,
                              g_strv_length (self->layers));
  g_key_file_set_int64 (record, GROUP, "CreatedAt", self->created_at);
  g_key_file_set_uint64 (record, GROUP, "UsedOn", self->used_on);
  g_key_file_set_boolean (record, GROUP, "SquashedOwners", self->has_squashed_owners);
  g_key_file_set_boolean (record, GROUP, "Shown", self->is_shown);
  if (self->defaults)
    bothy_image_config_to_record (self->defaults, record);
  if (self->public_alias)
    g_key_file_set_string (record, GROUP, "PublicAlias", self->public_alias);
  g_hash_table_iter_init (&iter, self->claims);
  while (g_hash_table_iter_next (&iter, &user, &value)) {
    g_autofree char *key = g_strdup_printf ("%u", GPOINTER_TO_UINT (user));
    GPtrArray *aliases = value;

    g_key_file_set_string_list (record, CLAIMS, key, (const char *const *)aliases->pdata, aliases->len);
  }
  save_texts (self, record, ORIGINS, self->origins);
  save_texts (self, record, NEWER, self->newer);
  return record;
}

static void
bothy_image_finalize (GObject *object)
{
  BothyImage *self = BOTHY_IMAGE (object);

  g_free (self->fingerprint);
  g_free (self->os);
  g_free (self->release);
  g_free (self->os_release);
  g_free (self->variant);
  g_free (self->architecture);
  g_free (self->origin);
  g_free (self->origin_remote);
  g_free (self->config_digest);
  g_free (self->verified);
  g_free (self->source);
  g_free (self->public_alias);
  g_strfreev (self->layers);
  g_clear_pointer (&self->defaults, bothy_image_config_free);
  g_hash_table_unref (self->claims);
  g_hash_table_unref (self->origins);
  g_hash_table_unref (self->newer);
  G_OBJECT_CLASS (bothy_image_parent_class)->finalize (object);
}

static void
bothy_image_class_init (BothyImageClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_image_finalize;
  signals[CHANGED] =
      g_signal_new ("changed", BOTHY_TYPE_IMAGE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SHOWN] = g_signal_new ("shown", BOTHY_TYPE_IMAGE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                 G_TYPE_NONE, 1, G_TYPE_UINT);
  signals[HIDDEN] = g_signal_new ("hidden", BOTHY_TYPE_IMAGE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                  G_TYPE_NONE, 1, G_TYPE_UINT);
}

static void
bothy_image_init (BothyImage *self)
{
  self->claims = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify)g_ptr_array_unref);
  self->origins = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  self->newer = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  self->os = g_strdup ("");
  self->release = g_strdup ("");
  self->os_release = g_strdup ("");
  self->variant = g_strdup ("");
  self->architecture = g_strdup ("");
  self->origin = g_strdup ("import");
  self->verified = g_strdup ("none");
  self->source = g_strdup ("");
  self->layers = g_new0 (char *, 1);
}

BothyImage *
bothy_image_new (const char *fingerprint)
{
  BothyImage *self = g_object_new (BOTHY_TYPE_IMAGE, NULL);

  self->fingerprint = g_strdup (fingerprint);
  return self;
}

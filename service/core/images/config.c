/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/images/config.h"

#include "base/error.h"
#include "base/validate.h"

#include <string.h>

#define GROUP     "Defaults"
#define MAX_WORDS 1024
#define MAX_BYTES (64 * 1024) /* of all of it: a record has to hold it, and a message to a supervisor */

/* The lists, as records and the bus call them. Labels are a dictionary on the bus. */
static const struct {
  const char *key, *name;
  gsize offset;
  gboolean is_optional; /* without it there is no key in the record */
} lists[] = {
  { "Environment", "environment", G_STRUCT_OFFSET (BothyImageConfig, environment), FALSE },
  { "Entrypoint", "entrypoint", G_STRUCT_OFFSET (BothyImageConfig, entrypoint), FALSE },
  { "Command", "command", G_STRUCT_OFFSET (BothyImageConfig, command), FALSE },
  { "Volumes", "volumes", G_STRUCT_OFFSET (BothyImageConfig, volumes), TRUE },
  { "Ports", "ports", G_STRUCT_OFFSET (BothyImageConfig, ports), TRUE },
  { "Labels", NULL, G_STRUCT_OFFSET (BothyImageConfig, labels), TRUE },
  { "HealthTest", NULL, G_STRUCT_OFFSET (BothyImageConfig, health.test), TRUE },
};

/* The numbers of a health check: as configurations, records and the bus call them. */
static const struct {
  const char *said, *key, *name;
  gsize offset;
  guint64 unit; /* of what is said in what is kept */
} numbers[] = {
  { "Interval", "HealthInterval", "interval", G_STRUCT_OFFSET (BothyImageConfig, health.interval), 1000 },
  { "Timeout", "HealthTimeout", "timeout", G_STRUCT_OFFSET (BothyImageConfig, health.timeout), 1000 },
  { "StartPeriod", "HealthStartPeriod", "start-period",
    G_STRUCT_OFFSET (BothyImageConfig, health.start_period), 1000 },
  { "StartInterval", "HealthStartInterval", "start-interval",
    G_STRUCT_OFFSET (BothyImageConfig, health.start_interval), 1000 },
  { "Retries", "HealthRetries", "retries", G_STRUCT_OFFSET (BothyImageConfig, health.retries), 1 },
};

#define LIST(self, i)   G_STRUCT_MEMBER (GPtrArray *, self, lists[i].offset)
#define NUMBER(self, i) G_STRUCT_MEMBER (guint64, self, numbers[i].offset)

static GPtrArray *
list_new (void)
{
  GPtrArray *list = g_ptr_array_new_with_free_func (g_free);

  g_ptr_array_add (list, NULL);
  return list;
}

static void
list_add (GPtrArray *list, const char *text)
{
  g_ptr_array_insert (list, (int)list->len - 1, g_strdup (text));
}

static const char *const *
words (const GPtrArray *list)
{
  return (const char *const *)list->pdata;
}

BothyImageConfig *
bothy_image_config_new (void)
{
  BothyImageConfig *self = g_new0 (BothyImageConfig, 1);

  for (gsize i = 0; i < G_N_ELEMENTS (lists); i++)
    LIST (self, i) = list_new ();
  self->user = g_strdup ("");
  self->directory = g_strdup ("");
  return self;
}

void
bothy_image_config_free (BothyImageConfig *self)
{
  for (gsize i = 0; i < G_N_ELEMENTS (lists); i++)
    g_ptr_array_unref (LIST (self, i));
  g_free (self->user);
  g_free (self->directory);
  g_free (self);
}

/* ---- what strangers say ---- */

static gsize
count_bytes (const BothyImageConfig *self)
{
  gsize bytes = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (lists); i++) {
    for (const char *const *word = words (LIST (self, i)); *word; word++)
      bytes += strlen (*word) + 1;
  }
  return bytes;
}

static gboolean
take_word (BothyImageConfig *self, GPtrArray *list, const char *value, GError **error)
{
  if (list->len <= MAX_WORDS && count_bytes (self) + strlen (value) < MAX_BYTES) {
    list_add (list, value);
    return TRUE;
  }
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_BAD_ARCHIVE,
               "The image's configuration has more than %d words or %d bytes", MAX_WORDS, MAX_BYTES);
  return FALSE;
}

/* Takes what LIST says of the NAME in VALUE, NAME or NAME=VALUE, out of it: the last one counts. */
static void
forget_name (GPtrArray *list, const char *value)
{
  gsize length = strcspn (value, "=");

  for (guint i = list->len - 1; i-- > 0;) {
    const char *other = list->pdata[i];

    if (strcspn (other, "=") == length && strncmp (other, value, length) == 0)
      g_ptr_array_remove_index (list, i);
  }
}

/* A variable without a name does no harm; but nobody could ask for it. */
static gboolean
take_variable (BothyImageConfig *self, const char *value, GError **error)
{
  const char *one[] = { value, NULL };

  if (!bothy_validate_environment (one, NULL))
    return TRUE;
  forget_name (self->environment, value);
  return take_word (self, self->environment, value, error);
}

static gboolean
take_user (BothyImageConfig *self, const char *value, GError **error)
{
  if (bothy_validate_user (value, NULL)) {
    self->user = (g_free (self->user), g_strdup (value));
    return TRUE;
  }
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_BAD_ARCHIVE, "The image's user is no name or number");
  return FALSE;
}

/* PATH from the root, whichever way it leads there; a relative one begins there, too. */
static char *
clean_path (const char *path)
{
  return g_canonicalize_filename (path + strspn (path, "/"), "/");
}

static gboolean
take_directory (BothyImageConfig *self, const char *value, GError **error)
{
  g_autofree char *path = *value ? clean_path (value) : g_strdup ("");

  if (!*path || bothy_validate_path (path, NULL)) {
    self->directory = (g_free (self->directory), g_steal_pointer (&path));
    return TRUE;
  }
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_BAD_ARCHIVE, "The image's working directory is no path");
  return FALSE;
}

/* An extra that is not like that is left out, and so is one too many. */
static void
take_extra (BothyImageConfig *self, GPtrArray *list, const char *value)
{
  if (!g_strv_contains (words (list), value))
    take_word (self, list, value, NULL);
}

static void
take_volume (BothyImageConfig *self, const char *value)
{
  g_autofree char *path = clean_path (value);

  if (bothy_validate_path (path, NULL) && !g_str_equal (path, "/"))
    take_extra (self, self->volumes, path);
}

/* "80", "80/tcp", "8000-8010/UDP". Of other protocols than these two nothing can lead into a container. */
static void
take_port (BothyImageConfig *self, const char *value)
{
  g_auto (GStrv) halves = g_strsplit (value, "/", 2);
  g_auto (GStrv) ends = g_strsplit (halves[0] ? halves[0] : "", "-", 2);
  g_autofree char *protocol = g_ascii_strdown (halves[0] && halves[1] ? halves[1] : "tcp", -1);
  g_autofree char *port = NULL;
  guint64 first, last;

  if (!ends[0] || !bothy_parse_number (ends[0], 1, G_MAXUINT16, &first) ||
      (!g_str_equal (protocol, "tcp") && !g_str_equal (protocol, "udp")))
    return;
  last = first;
  if (ends[1] && !bothy_parse_number (ends[1], first, G_MAXUINT16, &last))
    return;
  port = first == last ? g_strdup_printf ("%u/%s", (guint)first, protocol)
                       : g_strdup_printf ("%u-%u/%s", (guint)first, (guint)last, protocol);
  take_extra (self, self->ports, port);
}

static void
take_health_number (BothyImageConfig *self, const char *value)
{
  const char *equals = strchr (value, '=');
  guint64 number;

  for (gsize i = 0; equals && i < G_N_ELEMENTS (numbers); i++) {
    if (strlen (numbers[i].said) == (gsize)(equals - value) && g_str_has_prefix (value, numbers[i].said) &&
        bothy_parse_number (equals + 1, 1, G_MAXINT64, &number))
      NUMBER (self, i) = number / numbers[i].unit;
  }
}

static void
take_label (BothyImageConfig *self, const char *value)
{
  if (!strchr (value, '=') || value[0] == '=')
    return;
  forget_name (self->labels, value);
  take_extra (self, self->labels, value);
}

gboolean
bothy_image_config_take (BothyImageConfig *self,
                         BothyImageConfigField which,
                         const char *value,
                         GError **error)
{
  switch (which) {
  case BOTHY_IMAGE_CONFIG_ENVIRONMENT:
    return take_variable (self, value, error);
  case BOTHY_IMAGE_CONFIG_ENTRYPOINT:
    return take_word (self, self->entrypoint, value, error);
  case BOTHY_IMAGE_CONFIG_COMMAND:
    return take_word (self, self->command, value, error);
  case BOTHY_IMAGE_CONFIG_USER:
    return take_user (self, value, error);
  case BOTHY_IMAGE_CONFIG_DIRECTORY:
    return take_directory (self, value, error);
  case BOTHY_IMAGE_CONFIG_STOP_SIGNAL:
    self->stop_signal = bothy_parse_signal (value);
    return TRUE;
  case BOTHY_IMAGE_CONFIG_VOLUME:
    take_volume (self, value);
    return TRUE;
  case BOTHY_IMAGE_CONFIG_PORT:
    take_port (self, value);
    return TRUE;
  case BOTHY_IMAGE_CONFIG_HEALTH_TEST:
    return take_word (self, self->health.test, value, error);
  case BOTHY_IMAGE_CONFIG_HEALTH_NUMBER:
    take_health_number (self, value);
    return TRUE;
  case BOTHY_IMAGE_CONFIG_LABEL:
    take_label (self, value);
    return TRUE;
  default:
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_BAD_ARCHIVE, "The image's configuration makes no sense");
    return FALSE;
  }
}

gboolean
bothy_image_config_has_command (const BothyImageConfig *self)
{
  return *words (self->entrypoint) || *words (self->command);
}

/* ---- records ---- */

static void
read_list (GKeyFile *record, const char *key, GPtrArray *list)
{
  g_auto (GStrv) texts = g_key_file_get_string_list (record, GROUP, key, NULL, NULL);

  for (char **text = texts; text && *text; text++)
    list_add (list, *text);
}

BothyImageConfig *
bothy_image_config_from_record (GKeyFile *record)
{
  BothyImageConfig *self;

  if (!g_key_file_has_group (record, GROUP))
    return NULL;
  self = bothy_image_config_new ();
  for (gsize i = 0; i < G_N_ELEMENTS (lists); i++)
    read_list (record, lists[i].key, LIST (self, i));
  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    NUMBER (self, i) = g_key_file_get_uint64 (record, GROUP, numbers[i].key, NULL);
  g_free (self->user);
  self->user = g_key_file_get_string (record, GROUP, "User", NULL);
  g_free (self->directory);
  self->directory = g_key_file_get_string (record, GROUP, "Directory", NULL);
  self->stop_signal = g_key_file_get_integer (record, GROUP, "StopSignal", NULL);
  return self;
}

static void
write_lists (const BothyImageConfig *self, GKeyFile *record, gboolean are_optional)
{
  for (gsize i = 0; i < G_N_ELEMENTS (lists); i++) {
    const GPtrArray *list = LIST (self, i);

    if (lists[i].is_optional == are_optional && (!are_optional || *words (list)))
      g_key_file_set_string_list (record, GROUP, lists[i].key, words (list), list->len - 1);
  }
}

void
bothy_image_config_to_record (const BothyImageConfig *self, GKeyFile *record)
{
  write_lists (self, record, FALSE);
  g_key_file_set_string (record, GROUP, "User", self->user ? self->user : "");
  g_key_file_set_string (record, GROUP, "Directory", self->directory ? self->directory : "");
  g_key_file_set_integer (record, GROUP, "StopSignal", self->stop_signal);
  write_lists (self, record, TRUE);
  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++) {
    if (NUMBER (self, i) > 0)
      g_key_file_set_uint64 (record, GROUP, numbers[i].key, NUMBER (self, i));
  }
}

/* ---- the bus ---- */

static GVariant *
labels_to_variant (const BothyImageConfig *self)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{ss}"));
  for (const char *const *label = words (self->labels); *label; label++) {
    const char *equals = strchr (*label, '=');
    g_autofree char *name = g_strndup (*label, equals ? (gsize)(equals - *label) : 0);

    if (equals)
      g_variant_builder_add (&builder, "{ss}", name, equals + 1);
  }
  return g_variant_builder_end (&builder);
}

static GVariant *
health_to_variant (const BothyImageConfig *self)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  if (!*words (self->health.test))
    return g_variant_builder_end (&builder);
  g_variant_builder_add (&builder, "{sv}", "test", g_variant_new_strv (words (self->health.test), -1));
  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++) {
    if (NUMBER (self, i) > 0)
      g_variant_builder_add (&builder, "{sv}", numbers[i].name, g_variant_new_uint64 (NUMBER (self, i)));
  }
  return g_variant_builder_end (&builder);
}

GVariant *
bothy_image_config_to_variant (const BothyImageConfig *self)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  if (!self)
    return g_variant_builder_end (&builder);
  for (gsize i = 0; i < G_N_ELEMENTS (lists); i++) {
    if (lists[i].name)
      g_variant_builder_add (&builder, "{sv}", lists[i].name,
                             g_variant_new_strv (words (LIST (self, i)), -1));
  }
  g_variant_builder_add (&builder, "{sv}", "user", g_variant_new_string (self->user ? self->user : ""));
  g_variant_builder_add (&builder, "{sv}", "working-directory",
                         g_variant_new_string (self->directory ? self->directory : ""));
  g_variant_builder_add (&builder, "{sv}", "stop-signal", g_variant_new_int32 (self->stop_signal));
  g_variant_builder_add (&builder, "{sv}", "labels", labels_to_variant (self));
  g_variant_builder_add (&builder, "{sv}", "healthcheck", health_to_variant (self));
  return g_variant_builder_end (&builder);
}

BothyImageConfig *
bothy_image_config_copy (const BothyImageConfig *self)
{
  g_autoptr (GKeyFile) record = g_key_file_new ();

  bothy_image_config_to_record (self, record);
  return bothy_image_config_from_record (record);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/images/config.h"

#include "base/error.h"
#include "base/validate.h"

#include <signal.h>
#include <string.h>

#define GROUP     "Defaults"
#define MAX_WORDS 1024
#define MAX_BYTES (64 * 1024) /* of all of it: a record has to hold it, and a message to a supervisor */

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

  self->environment = list_new ();
  self->entrypoint = list_new ();
  self->command = list_new ();
  self->user = g_strdup ("");
  self->directory = g_strdup ("");
  return self;
}

void
bothy_image_config_free (BothyImageConfig *self)
{
  g_ptr_array_unref (self->environment);
  g_ptr_array_unref (self->entrypoint);
  g_ptr_array_unref (self->command);
  g_free (self->user);
  g_free (self->directory);
  g_free (self);
}

/* ---- what strangers say ---- */

/* "SIGTERM", "TERM", "15", "SIGRTMIN+3". */
static int
parse_signal (const char *text)
{
  static const struct {
    const char *name;
    int number;
  } table[] = { { "HUP", SIGHUP },   { "INT", SIGINT },     { "QUIT", SIGQUIT }, { "KILL", SIGKILL },
                { "USR1", SIGUSR1 }, { "USR2", SIGUSR2 },   { "TERM", SIGTERM }, { "CONT", SIGCONT },
                { "PWR", SIGPWR },   { "WINCH", SIGWINCH }, { "ABRT", SIGABRT }, { "ALRM", SIGALRM } };
  const char *name = g_str_has_prefix (text, "SIG") ? text + 3 : text;
  guint64 number;

  if (bothy_parse_number (text, 1, 64, &number))
    return (int)number;
  if (g_str_has_prefix (name, "RTMIN+") && bothy_parse_number (name + 6, 0, 30, &number))
    return SIGRTMIN + (int)number;
  for (gsize i = 0; i < G_N_ELEMENTS (table); i++) {
    if (g_str_equal (name, table[i].name))
      return table[i].number;
  }
  return 0;
}

static gsize
count_bytes (const BothyImageConfig *self)
{
  const GPtrArray *lists[] = { self->environment, self->entrypoint, self->command };
  gsize bytes = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (lists); i++) {
    for (const char *const *word = words (lists[i]); *word; word++)
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

/* A variable of a name that no shell could ask for does no harm; but it is not handed on. */
static gboolean
take_variable (BothyImageConfig *self, const char *value, GError **error)
{
  const char *one[] = { value, NULL };

  return !bothy_validate_environment (one, NULL) || take_word (self, self->environment, value, error);
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

static gboolean
take_directory (BothyImageConfig *self, const char *value, GError **error)
{
  if (!*value || bothy_validate_path (value, NULL)) {
    self->directory = (g_free (self->directory), g_strdup (value));
    return TRUE;
  }
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_BAD_ARCHIVE,
               "The image's working directory is no absolute path");
  return FALSE;
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
    self->stop_signal = parse_signal (value);
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
  read_list (record, "Environment", self->environment);
  read_list (record, "Entrypoint", self->entrypoint);
  read_list (record, "Command", self->command);
  g_free (self->user);
  self->user = g_key_file_get_string (record, GROUP, "User", NULL);
  g_free (self->directory);
  self->directory = g_key_file_get_string (record, GROUP, "Directory", NULL);
  self->stop_signal = g_key_file_get_integer (record, GROUP, "StopSignal", NULL);
  return self;
}

static void
write_list (GKeyFile *record, const char *key, const GPtrArray *list)
{
  g_key_file_set_string_list (record, GROUP, key, words (list), list->len - 1);
}

void
bothy_image_config_to_record (const BothyImageConfig *self, GKeyFile *record)
{
  write_list (record, "Environment", self->environment);
  write_list (record, "Entrypoint", self->entrypoint);
  write_list (record, "Command", self->command);
  g_key_file_set_string (record, GROUP, "User", self->user ? self->user : "");
  g_key_file_set_string (record, GROUP, "Directory", self->directory ? self->directory : "");
  g_key_file_set_integer (record, GROUP, "StopSignal", self->stop_signal);
}

GVariant *
bothy_image_config_to_variant (const BothyImageConfig *self)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  if (!self)
    return g_variant_builder_end (&builder);
  g_variant_builder_add (&builder, "{sv}", "environment", g_variant_new_strv (words (self->environment), -1));
  g_variant_builder_add (&builder, "{sv}", "entrypoint", g_variant_new_strv (words (self->entrypoint), -1));
  g_variant_builder_add (&builder, "{sv}", "command", g_variant_new_strv (words (self->command), -1));
  g_variant_builder_add (&builder, "{sv}", "user", g_variant_new_string (self->user ? self->user : ""));
  g_variant_builder_add (&builder, "{sv}", "working-directory",
                         g_variant_new_string (self->directory ? self->directory : ""));
  g_variant_builder_add (&builder, "{sv}", "stop-signal", g_variant_new_int32 (self->stop_signal));
  return g_variant_builder_end (&builder);
}

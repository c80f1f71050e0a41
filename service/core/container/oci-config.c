/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/container/oci-config.h"

#include "base/error.h"
#include "images/unpack/protocol.h"

#include <string.h>

/* TEXT as a JSON string. */
static void
add_string (GString *json, const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);

  g_string_append_c (json, '"');
  for (const char *c = valid; *c; c++) {
    if (*c == '"' || *c == '\\')
      g_string_append_printf (json, "\\%c", *c);
    else if ((guchar)*c < ' ')
      g_string_append_printf (json, "\\u%04x", (guint)*c);
    else
      g_string_append_c (json, *c);
  }
  g_string_append_c (json, '"');
}

/* A key that is not the first of its object, with a string; nothing, if that is empty. */
static void
add_text (GString *json, const char *key, const char *text)
{
  if (!text || !*text)
    return;
  g_string_append_printf (json, ",\"%s\":", key);
  add_string (json, text);
}

static void
add_words (GString *json, const char *key, const char *const *words)
{
  if (!words || !*words)
    return;
  g_string_append_printf (json, ",\"%s\":[", key);
  for (guint i = 0; words[i]; i++) {
    if (i > 0)
      g_string_append_c (json, ',');
    add_string (json, words[i]);
  }
  g_string_append_c (json, ']');
}

/* A set: an object with the words as keys. */
static void
add_set (GString *json, const char *key, const char *const *words)
{
  if (!*words)
    return;
  g_string_append_printf (json, ",\"%s\":{", key);
  for (guint i = 0; words[i]; i++) {
    if (i > 0)
      g_string_append_c (json, ',');
    add_string (json, words[i]);
    g_string_append (json, ":{}");
  }
  g_string_append_c (json, '}');
}

/* PAIRS of NAME=VALUE. */
static void
add_pairs (GString *json, const char *key, const char *const *pairs)
{
  if (!*pairs)
    return;
  g_string_append_printf (json, ",\"%s\":{", key);
  for (guint i = 0; pairs[i]; i++) {
    g_autofree char *name = g_strndup (pairs[i], strcspn (pairs[i], "="));
    const char *value = strchr (pairs[i], '=');

    if (i > 0)
      g_string_append_c (json, ',');
    add_string (json, name);
    g_string_append_c (json, ':');
    add_string (json, value ? value + 1 : "");
  }
  g_string_append_c (json, '}');
}

/* As docker has it, with times in nanoseconds; OCI knows of none. */
static void
add_health (GString *json, const BothyHealthCheck *check)
{
  if (!bothy_health_check_is_on (check))
    return;
  g_string_append_printf (json,
                          ",\"Healthcheck\":{\"Interval\":%" G_GUINT64_FORMAT
                          ",\"Timeout\":%" G_GUINT64_FORMAT ",\"Retries\":%" G_GUINT64_FORMAT,
                          check->interval * 1000, check->timeout * 1000, check->retries);
  if (check->start_period > 0)
    g_string_append_printf (json, ",\"StartPeriod\":%" G_GUINT64_FORMAT, check->start_period * 1000);
  if (check->start_interval > 0)
    g_string_append_printf (json, ",\"StartInterval\":%" G_GUINT64_FORMAT, check->start_interval * 1000);
  add_words (json, "Test", (const char *const *)check->test);
  g_string_append_c (json, '}');
}

/* As Go calls it, and OCI. */
static const char *
architecture_of (const char *machine)
{
  static const char *const names[][2] = { { "x86_64", "amd64" }, { "aarch64", "arm64" },
                                          { "i686", "386" },     { "armv7l", "arm" },
                                          { "armv6l", "arm" },   { "loongarch64", "loong64" } };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_str_equal (machine, names[i][0]))
      return names[i][1];
  return machine;
}

char *
bothy_oci_config_describe (const BothyContainer *container, const BothyImage *image, GError **error)
{
  const BothyContainerSpec *spec = container->spec;
  const BothyImageConfig *defaults = image->defaults;
  g_autoptr (GDateTime) created = g_date_time_new_from_unix_utc (image->created_at / G_USEC_PER_SEC);
  g_autofree char *time = created ? g_date_time_format_iso8601 (created) : NULL;
  g_autofree char *signal = spec->stop_signal > 0 ? g_strdup_printf ("%d", spec->stop_signal) : NULL;
  g_autoptr (GString) json = g_string_new ("{\"os\":\"linux\"");

  add_text (json, "architecture", architecture_of (image->architecture));
  add_text (json, "created", time);
  /* Something has to come first. */
  g_string_append (json, ",\"config\":{\"AttachStdin\":false");
  add_text (json, "User", spec->user);
  add_text (json, "WorkingDir", spec->working_directory);
  add_text (json, "StopSignal", signal);
  add_words (json, "Env", (const char *const *)spec->environment);
  add_words (json, "Cmd", (const char *const *)spec->command);
  add_health (json, &spec->health);
  if (defaults) {
    add_set (json, "Volumes", (const char *const *)defaults->volumes->pdata);
    add_set (json, "ExposedPorts", (const char *const *)defaults->ports->pdata);
    add_pairs (json, "Labels", (const char *const *)defaults->labels->pdata);
  }
  g_string_append_c (json, '}');
  if (json->len < UNPACK_MAX_METADATA)
    return g_string_free (g_steal_pointer (&json), FALSE);
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_LIMITS_EXCEEDED,
               "Its command, variables and labels are more than the %u bytes that an exported image may have "
               "of these; the formats \"tar\" and \"incus\" leave them out",
               UNPACK_MAX_METADATA - 1);
  return NULL;
}

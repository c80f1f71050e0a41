/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/images/oci-config.h"

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
add_health (GString *json, const BothyOciHealth *health)
{
  const struct {
    const char *name;
    guint64 value;
  } numbers[] = { { "Interval", health->interval * 1000 },
                  { "Timeout", health->timeout * 1000 },
                  { "StartPeriod", health->start_period * 1000 },
                  { "StartInterval", health->start_interval * 1000 },
                  { "Retries", health->retries } };

  if (!health->test || !health->test[0])
    return;
  /* Something has to come first. */
  g_string_append_printf (json, ",\"Healthcheck\":{\"%s\":%" G_GUINT64_FORMAT, numbers[0].name,
                          numbers[0].value);
  for (guint i = 1; i < G_N_ELEMENTS (numbers); i++)
    if (numbers[i].value > 0)
      g_string_append_printf (json, ",\"%s\":%" G_GUINT64_FORMAT, numbers[i].name, numbers[i].value);
  add_words (json, "Test", health->test);
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

/* What IMAGE itself says. */
static BothyOciProcess
process_of (const BothyImageConfig *defaults)
{
  if (!defaults)
    return (BothyOciProcess){ 0 };
  return (BothyOciProcess){ .entrypoint = (const char *const *)defaults->entrypoint->pdata,
                            .command = (const char *const *)defaults->command->pdata,
                            .environment = (const char *const *)defaults->environment->pdata,
                            .user = defaults->user,
                            .directory = defaults->directory,
                            .stop_signal = defaults->stop_signal,
                            .health = { .test = (const char *const *)defaults->health.test->pdata,
                                        .interval = defaults->health.interval,
                                        .timeout = defaults->health.timeout,
                                        .start_period = defaults->health.start_period,
                                        .start_interval = defaults->health.start_interval,
                                        .retries = defaults->health.retries } };
}

char *
bothy_oci_config_describe (const BothyImage *image, const BothyOciProcess *process, GError **error)
{
  const BothyImageConfig *defaults = image->defaults;
  const BothyOciProcess own = process_of (defaults);
  const BothyOciProcess *does = process ? process : &own;
  g_autoptr (GDateTime) created = g_date_time_new_from_unix_utc (image->created_at / G_USEC_PER_SEC);
  g_autofree char *time = created ? g_date_time_format_iso8601 (created) : NULL;
  g_autofree char *signal = does->stop_signal > 0 ? g_strdup_printf ("%d", does->stop_signal) : NULL;
  g_autoptr (GString) json = g_string_new ("{\"os\":\"linux\"");

  add_text (json, "architecture", architecture_of (image->architecture));
  add_text (json, "created", time);
  /* Something has to come first. */
  g_string_append (json, ",\"config\":{\"AttachStdin\":false");
  add_text (json, "User", does->user);
  add_text (json, "WorkingDir", does->directory);
  add_text (json, "StopSignal", signal);
  add_words (json, "Env", does->environment);
  add_words (json, "Entrypoint", does->entrypoint);
  add_words (json, "Cmd", does->command);
  add_health (json, &does->health);
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

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "health.h"

#include "error.h"
#include "escape.h"
#include "output.h"

#include <string.h>

void
cli_health_clear (CliHealth *health)
{
  g_clear_pointer (&health->command, g_free);
  g_clear_pointer (&health->interval, g_free);
  g_clear_pointer (&health->timeout, g_free);
  g_clear_pointer (&health->start_period, g_free);
  g_clear_pointer (&health->start_interval, g_free);
  g_clear_pointer (&health->on_failure, g_free);
}

/* ---- what was said ---- */

static const struct {
  const char *name;
  double seconds;
} units[] = { { "ms", 0.001 }, { "us", 0.000001 }, { "s", 1 }, { "m", 60 }, { "h", 3600 } };

/* As docker writes times: 30s, 1m30s, 1.5h, 500ms; a number alone is seconds. RET_USEC: microseconds. */
static gboolean
parse_time (const char *text, guint64 *ret_usec)
{
  double seconds = 0;
  const char *p = text;

  while (*p != '\0') {
    char *end;
    double number = g_ascii_isdigit (*p) ? g_ascii_strtod (p, &end) : -1;
    gsize i = 0;

    if (number < 0 || number > 86400.0 * 1e6)
      return FALSE;
    if (*end == '\0' && p == text) {
      *ret_usec = (guint64)(number * G_USEC_PER_SEC);
      return TRUE;
    }
    while (i < G_N_ELEMENTS (units) && !g_str_has_prefix (end, units[i].name))
      i++;
    if (i == G_N_ELEMENTS (units))
      return FALSE;
    seconds += number * units[i].seconds;
    p = end + strlen (units[i].name);
  }
  *ret_usec = (guint64)(seconds * G_USEC_PER_SEC + 0.5);
  return p > text && seconds < 86400.0 * 365;
}

/* The words of a JSON array. (transfer full); NULL: TEXT is none. */
static char **
parse_words (const char *text)
{
  g_autoptr (JsonNode) node = text[0] == '[' ? json_from_string (text, NULL) : NULL;
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  JsonArray *array = node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;

  if (array == NULL || json_array_get_length (array) == 0)
    return NULL;
  g_strv_builder_add (builder, "CMD");
  for (guint i = 0; i < json_array_get_length (array); i++) {
    JsonNode *word = json_array_get_element (array, i);

    if (json_node_get_value_type (word) != G_TYPE_STRING)
      return NULL;
    g_strv_builder_add (builder, json_node_get_string (word));
  }
  return g_strv_builder_end (builder);
}

/* (transfer full) (nullable) */
static char **
test_of (const CliHealth *health)
{
  char **words = health->command ? parse_words (health->command) : NULL;

  if (health->off || g_strcmp0 (health->command, "none") == 0)
    return g_strdupv ((char *[]){ (char *)"NONE", NULL });
  if (words || health->command == NULL)
    return words;
  return g_strdupv ((char *[]){ (char *)"CMD-SHELL", health->command, NULL });
}

#define TIMES(health)                                                                                        \
  {                                                                                                          \
    { "interval", "--health-interval", (health)->interval },                                                 \
    { "timeout", "--health-timeout", (health)->timeout },                                                    \
    { "start-period", "--health-start-period", (health)->start_period },                                     \
    { "start-interval", "--health-start-interval", (health)->start_interval },                               \
  }

gboolean
cli_health_ok (Cli *cli, const CliHealth *health)
{
  const struct {
    const char *key, *option, *text;
  } times[] = TIMES (health);
  guint64 usec;
  gboolean others = health->command || health->retries != 0 || health->on_failure;

  for (gsize i = 0; i < G_N_ELEMENTS (times); i++) {
    others = others || times[i].text;
    if (times[i].text && !parse_time (times[i].text, &usec)) {
      cli_usage (cli, _ ("%s takes a time such as 30s or 1m30s"), times[i].option);
      return FALSE;
    }
  }
  if (health->retries < 0 || (health->command && !g_utf8_validate (health->command, -1, NULL))) {
    cli_usage (cli, "%s",
               health->retries < 0 ? _ ("--health-retries takes a number") : _ ("--health-cmd takes text"));
    return FALSE;
  }
  if (health->off && others) {
    cli_usage (cli, "%s", _ ("--no-healthcheck goes with no other option of a health check"));
    return FALSE;
  }
  return TRUE;
}

GVariant *
cli_health_variant (const CliHealth *health)
{
  const struct {
    const char *key, *option, *text;
  } times[] = TIMES (health);
  g_auto (GStrv) test = test_of (health);
  GVariantBuilder builder;
  g_autoptr (GVariant) said = NULL;
  guint64 usec;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  if (test)
    g_variant_builder_add (&builder, "{sv}", "test", g_variant_new_strv ((const char *const *)test, -1));
  for (gsize i = 0; i < G_N_ELEMENTS (times); i++)
    if (times[i].text && parse_time (times[i].text, &usec))
      g_variant_builder_add (&builder, "{sv}", times[i].key, g_variant_new_uint64 (usec));
  if (health->retries > 0)
    g_variant_builder_add (&builder, "{sv}", "retries", g_variant_new_uint64 ((guint64)health->retries));
  if (health->on_failure)
    g_variant_builder_add (&builder, "{sv}", "on-failure", g_variant_new_string (health->on_failure));
  said = g_variant_ref_sink (g_variant_builder_end (&builder));
  return g_variant_n_children (said) > 0 ? g_steal_pointer (&said) : NULL;
}

/* ---- what is known ---- */

static void
print_check (GVariant *check)
{
  g_autofree char *test = cli_property (check, "test");
  g_autofree char *text = NULL;
  guint64 interval = 0, retries = 0;

  g_variant_lookup (check, "interval", "t", &interval);
  g_variant_lookup (check, "retries", "t", &retries);
  if (test == NULL)
    return;
  text = g_strdup_printf (_ ("%s, every %lu s, unhealthy after %lu"), test,
                          (gulong)(interval / G_USEC_PER_SEC), (gulong)retries);
  cli_print_field (_ ("Health check"), text);
}

void
cli_health_print (GVariant *p)
{
  g_autoptr (GVariant) check = g_variant_lookup_value (p, "HealthCheck", G_VARIANT_TYPE_VARDICT);
  g_autofree char *health = cli_property (p, "Health");
  g_autofree char *output = NULL;
  const char *said = "";
  guint32 failures = 0;
  int code = -1;

  if (check == NULL || g_variant_n_children (check) == 0)
    return;
  cli_print_field (_ ("Health"), health);
  print_check (check);
  if (!g_variant_lookup (p, "LastHealthCheck", "(iu&s)", &code, &failures, &said) ||
      (code < 0 && said[0] == '\0'))
    return;
  output = cli_escape (said, -1, CLI_ESCAPE_LINE);
  if (code == 0)
    cli_print_field (_ ("Last check"), output[0] != '\0' ? output : _ ("well"));
  else {
    g_autofree char *text =
        code > 0 ? g_strdup_printf (g_dngettext (NULL, "code %d, bad %u time in a row: %s",
                                                 "code %d, bad %u times in a row: %s", failures),
                                    code, failures, output)
                 : g_strdup_printf (
                       g_dngettext (NULL, "bad %u time in a row: %s", "bad %u times in a row: %s", failures),
                       failures, output);

    cli_print_field (_ ("Last check"), text);
  }
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib-unix.h>

#include "escape.h"
#include "output.h"

static gboolean
colour_wanted (void)
{
  static int wanted = -1;

  if (wanted < 0) {
    const char *no = g_getenv ("NO_COLOR");
    wanted =
        isatty (STDOUT_FILENO) && g_strcmp0 (g_getenv ("TERM"), "dumb") != 0 && (no == NULL || no[0] == '\0');
  }
  return wanted;
}

static const char *
sequence (CliColour colour)
{
  switch (colour) {
  case CLI_COLOUR_GOOD:
    return "\033[32m";
  case CLI_COLOUR_WARNING:
    return "\033[33m";
  case CLI_COLOUR_BAD:
    return "\033[31m";
  case CLI_COLOUR_DIM:
    return "\033[2m";
  case CLI_COLOUR_BOLD:
    return "\033[1m";
  case CLI_COLOUR_NONE:
  default:
    return "";
  }
}

const char *
cli_colour (CliColour colour)
{
  return colour_wanted () ? sequence (colour) : "";
}

const char *
cli_colour_off (void)
{
  return colour_wanted () ? "\033[0m" : "";
}

CliColour
cli_colour_of_state (const char *state)
{
  if (g_str_equal (state, "running"))
    return CLI_COLOUR_GOOD;
  if (g_str_equal (state, "failed"))
    return CLI_COLOUR_BAD;
  if (g_str_equal (state, "stopped"))
    return CLI_COLOUR_DIM;
  return CLI_COLOUR_WARNING;
}

char *
cli_json_key (const char *property)
{
  char *key = g_strdup (property);

  char *end;

  /* "RangeBase" is "rangeBase", "OS" is "os", "OSRelease" is "osRelease". */
  for (gsize i = 0; g_ascii_isupper (key[i]); i++)
    if (i == 0 || key[i + 1] == '\0' || g_ascii_isupper (property[i + 1]))
      key[i] = g_ascii_tolower (key[i]);
  /* "memory-high", in a dictionary, is "memoryHigh". */
  end = strchr (key, '-');
  for (const char *from = end; from && *from != '\0'; from++)
    *end++ = *from == '-' && from[1] != '\0' ? g_ascii_toupper (*++from) : *from;
  if (end)
    *end = '\0';
  return key;
}

void
cli_json_object (JsonBuilder *builder, GVariant *properties)
{
  GVariantIter iter;
  const char *name;
  GVariant *value;

  json_builder_begin_object (builder);
  g_variant_iter_init (&iter, properties);
  while (g_variant_iter_next (&iter, "{&sv}", &name, &value)) {
    g_autofree char *key = cli_json_key (name);

    json_builder_set_member_name (builder, key);
    if (g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT))
      cli_json_object (builder, value);
    else
      json_builder_add_value (builder, json_gvariant_serialize (value));
    g_variant_unref (value);
  }
  json_builder_end_object (builder);
}

void
cli_json_print (JsonBuilder *builder, gboolean pretty)
{
  g_autoptr (JsonNode) root = json_builder_get_root (builder);
  g_autofree char *text = json_to_string (root, pretty);
  g_autofree char *safe = cli_escape_json (text);

  puts (safe);
  fflush (stdout);
}

void
cli_json_print_object (GVariant *properties)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  cli_json_object (builder, properties);
  cli_json_print (builder, TRUE);
}

struct libscols_table *
cli_table_new (const char *const *columns)
{
  struct libscols_table *table = scols_new_table ();

  scols_table_enable_colors (table, colour_wanted ());
  /* Cells are escaped by our own rules, which know more than control characters. */
  scols_table_enable_noencoding (table, TRUE);
  for (gsize i = 0; columns[i]; i++) {
    gboolean last = columns[i + 1] == NULL;
    scols_table_new_column (table, columns[i], 0, last ? SCOLS_FL_WRAP : 0);
  }
  return table;
}

void
cli_table_add (struct libscols_table *table, const char *const *cells, guint coloured, CliColour colour)
{
  struct libscols_line *line = scols_table_new_line (table, NULL);

  for (guint i = 0; cells[i]; i++) {
    g_autofree char *safe = cli_escape (cells[i], -1, CLI_ESCAPE_LINE);

    scols_line_set_data (line, i, safe);
    if (i == coloured && colour != CLI_COLOUR_NONE)
      scols_cell_set_color (scols_line_get_cell (line, i), sequence (colour));
  }
}

void
cli_table_print (struct libscols_table *table)
{
  scols_print_table (table);
  scols_unref_table (table);
}

char *
cli_user_name (guint32 uid)
{
  struct passwd *entry = getpwuid (uid);

  return entry ? g_strdup (entry->pw_name) : g_strdup_printf ("%u", uid);
}

static gboolean
on_output_closed (int fd, GIOCondition condition, gpointer data)
{
  raise (SIGPIPE);
  /* It is ignored: then as after a write that failed. */
  exit (CLI_EXIT_FAILED);
}

void
cli_output_watch (void)
{
  g_unix_fd_add (STDOUT_FILENO, G_IO_ERR, on_output_closed, NULL);
}

static char *
property_text (GVariant *value)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return g_variant_dup_string (value, NULL);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING_ARRAY)) {
    g_autofree const char **words = g_variant_get_strv (value, NULL);
    return g_strjoinv (" ", (char **)words);
  }
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
    return g_strdup (g_variant_get_boolean (value) ? _ ("yes") : _ ("no"));
  return g_variant_print (value, FALSE);
}

char *
cli_property (GVariant *properties, const char *name)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (properties, name, NULL);
  g_autofree char *text = value ? property_text (value) : NULL;

  return text ? cli_escape (text, -1, CLI_ESCAPE_LINE) : NULL;
}

char *
cli_time_text (guint64 microseconds)
{
  g_autoptr (GDateTime) utc = g_date_time_new_from_unix_utc ((gint64)(microseconds / G_USEC_PER_SEC));
  g_autoptr (GDateTime) here = utc ? g_date_time_to_local (utc) : NULL;

  return here ? g_date_time_format (here, "%F %T") : NULL;
}

char *
cli_property_time (GVariant *properties, const char *name)
{
  guint64 microseconds;

  if (!g_variant_lookup (properties, name, "t", &microseconds) || microseconds == 0)
    return NULL;
  return cli_time_text (microseconds);
}

void
cli_print_field (const char *key, const char *value)
{
  if (value && value[0] != '\0')
    printf ("%14s: %s\n", key, value);
}

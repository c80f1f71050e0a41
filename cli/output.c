/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <glib-unix.h>

#include "escape.h"
#include "output.h"

/* What a terminal has that does not say how wide it is. */
#define USUAL_COLUMNS 80
/* A column is not cut below this, or below its title, as long as others can be. */
#define LEAST_COLUMNS 8
/* The first names what the line is about, and is what one types. */
#define LEAST_OF_FIRST 20

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

/* As "port list" has them; elsewhere they are tuples on the bus. */
static void
add_ports (JsonBuilder *builder, GVariant *ports)
{
  GVariantIter iter;
  const char *protocol, *address;
  guint16 host, inside;

  json_builder_begin_array (builder);
  g_variant_iter_init (&iter, ports);
  while (g_variant_iter_next (&iter, "(&sqq&s)", &protocol, &host, &inside, &address)) {
    g_autoptr (GVariant) port = g_variant_ref_sink (cli_port_object (protocol, host, inside, address));

    cli_json_object (builder, port);
  }
  json_builder_end_array (builder);
}

GVariant *
cli_port_object (const char *protocol, guint16 host, guint16 inside, const char *address)
{
  return g_variant_new_parsed ("{'protocol': <%s>, 'address': <%s>, 'host': <%q>, 'inside': <%q>}", protocol,
                               address, host, inside);
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
    else if (g_str_equal (name, "Ports") && g_variant_is_of_type (value, G_VARIANT_TYPE ("a(sqqs)")))
      add_ports (builder, value);
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
  /* It would cut bytes where it should cut words; so cells are made to fit before. */
  scols_table_set_termforce (table, SCOLS_TERMFORCE_NEVER);
  for (gsize i = 0; columns[i]; i++)
    scols_table_new_column (table, columns[i], 0, 0);
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

guint
cli_terminal_columns (int fd)
{
  struct winsize size = { 0 };

  if (!isatty (fd))
    return 0;
  return ioctl (fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : USUAL_COLUMNS;
}

static guint
columns_of_character (gunichar character)
{
  if (g_unichar_iszerowidth (character))
    return 0;
  return g_unichar_iswide (character) ? 2 : 1;
}

guint
cli_columns_of (const char *text)
{
  guint columns = 0;

  for (; *text != '\0'; text = g_utf8_next_char (text))
    columns += columns_of_character (g_utf8_get_char (text));
  return columns;
}

char *
cli_cut (const char *text, guint columns)
{
  const char *mark = g_get_charset (NULL) ? "…" : "~";
  const char *end = text;
  guint used = 0;

  if (cli_columns_of (text) <= columns)
    return g_strdup (text);
  if (columns == 0)
    return g_strdup ("");
  while ((used += columns_of_character (g_utf8_get_char (end))) < columns)
    end = g_utf8_next_char (end);
  return g_strdup_printf ("%.*s%s", (int)(end - text), text, mark);
}

/* ---- tables that fit ---- */

static const char *
cell_text (struct libscols_table *table, gsize line, gsize column)
{
  struct libscols_cell *cell = scols_line_get_cell (scols_table_get_line (table, line), column);
  const char *text = cell ? scols_cell_get_data (cell) : NULL;

  return text ? text : "";
}

typedef struct {
  guint width;
  guint least;
} Column;

static Column *
measure (struct libscols_table *table, gsize n)
{
  Column *columns = g_new0 (Column, n);

  for (gsize i = 0; i < n; i++) {
    const char *title = scols_column_get_name (scols_table_get_column (table, i));

    columns[i].width = cli_columns_of (title);
    columns[i].least = MAX (columns[i].width, i == 0 ? LEAST_OF_FIRST : LEAST_COLUMNS);
    for (gsize line = 0; line < scols_table_get_nlines (table); line++)
      columns[i].width = MAX (columns[i].width, cli_columns_of (cell_text (table, line, i)));
  }
  return columns;
}

/* Of those that can be cut, the first one last. NULL if there is none. */
static Column *
widest (Column *columns, gsize n)
{
  Column *found = NULL;

  for (gsize i = 1; i < n; i++)
    if (columns[i].width > columns[i].least && (!found || columns[i].width > found->width))
      found = &columns[i];
  return found || columns[0].width <= columns[0].least ? found : &columns[0];
}

static guint
width_of_all (const Column *columns, gsize n)
{
  guint all = (guint)n - 1;

  for (gsize i = 0; i < n; i++)
    all += columns[i].width;
  return all;
}

/* Returns how many of the columns are shown. */
static gsize
shrink (Column *columns, gsize n, guint room)
{
  Column *column;

  while (width_of_all (columns, n) > room && (column = widest (columns, n)))
    column->width--;
  while (n > 1 && width_of_all (columns, n) > room)
    n--;
  columns[0].width = MIN (columns[0].width, room);
  return n;
}

static void
fit (struct libscols_table *table, guint room)
{
  gsize n = scols_table_get_ncols (table);
  g_autofree Column *columns = measure (table, n);
  gsize shown = shrink (columns, n, room);

  for (gsize i = 0; i < n; i++) {
    if (i >= shown)
      scols_column_set_flags (scols_table_get_column (table, i), SCOLS_FL_HIDDEN);
    for (gsize line = 0; line < scols_table_get_nlines (table); line++) {
      g_autofree char *text = cli_cut (cell_text (table, line, i), columns[i].width);

      scols_cell_set_data (scols_line_get_cell (scols_table_get_line (table, line), i), text);
    }
  }
}

void
cli_table_print (Cli *cli, struct libscols_table *table)
{
  guint room = cli->wide ? 0 : cli_terminal_columns (STDOUT_FILENO);

  if (room > 0)
    fit (table, room);
  scols_print_table (table);
  scols_unref_table (table);
}

void
cli_table_print_or_hint (Cli *cli, struct libscols_table *table, const char *hint)
{
  if (scols_table_get_nlines (table) > 0 || hint == NULL || !isatty (STDOUT_FILENO)) {
    cli_table_print (cli, table);
    return;
  }
  scols_unref_table (table);
  if (!cli->quiet)
    g_printerr ("%s\n", hint);
}

char *
cli_user_name (guint32 uid)
{
  struct passwd *entry = getpwuid (uid);

  return entry ? g_strdup (entry->pw_name) : g_strdup_printf ("%u", uid);
}

gboolean
cli_output_ok (Cli *cli)
{
  const char *output = cli->output;

  if (output == NULL)
    return TRUE;
  if (strstr (output, "{{")) {
    cli_usage (cli, "%s", _ ("Templates are not known here: -o json has all there is, for jq and the like"));
    return FALSE;
  }
  if (!g_strv_contains ((const char *const[]){ "table", "wide", "names", "json", NULL }, output)) {
    g_autofree char *shown = cli_escape (output, -1, CLI_ESCAPE_LINE);

    cli_usage (cli, _ ("'%s' is no way to show it; these are: %s"), shown, "table, wide, names, json");
    return FALSE;
  }
  cli->json = g_str_equal (output, "json");
  cli->quiet = g_str_equal (output, "names");
  cli->wide = g_str_equal (output, "wide");
  return TRUE;
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
    printf ("%*s%s: %s\n", (int)MAX (0, 14 - g_utf8_strlen (key, -1)), "", key, value);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>
#include <libsmartcols/libsmartcols.h>

#include "cli.h"

typedef enum {
  CLI_COLOUR_NONE,
  CLI_COLOUR_GOOD,
  CLI_COLOUR_WARNING,
  CLI_COLOUR_BAD,
  CLI_COLOUR_DIM,
  CLI_COLOUR_BOLD,
} CliColour;

/** cli_colour: Returns: the sequence that switches @colour on, "" where colour is not wanted */
const char *cli_colour (CliColour colour);

/** cli_colour_off: Returns: the sequence that ends it, or "" */
const char *cli_colour_off (void);

/** cli_output_watch: from now on the main loop ends this program, by SIGPIPE, when nobody reads its output any more */
void cli_output_watch (void);

/** cli_colour_of_state: Returns: the colour of a container's state */
CliColour cli_colour_of_state (const char *state);

/** cli_json_key: Returns: (transfer full): the D-Bus property's name in lowerCamelCase */
char *cli_json_key (const char *property);

/**
 * cli_json_object:
 * @properties: a{sv}
 *
 * Appends them as one object.
 */
void cli_json_object (JsonBuilder *builder, GVariant *properties);

/** cli_port_object: Returns: (floating): the a{sv} that one port is in JSON, everywhere */
GVariant *cli_port_object (const char *protocol, guint16 host, guint16 inside, const char *address);

/** cli_json_print: prints what was built; @pretty over several lines */
void cli_json_print (JsonBuilder *builder, gboolean pretty);

/** cli_json_print_object: prints a{sv} as one object */
void cli_json_print_object (GVariant *properties);

/** cli_table_new: Returns: (transfer full): a table with these columns, ended by NULL */
struct libscols_table *cli_table_new (const char *const *columns);

/** cli_table_add: appends a line; the cells are escaped; @colour is that of the cell @coloured */
void cli_table_add (struct libscols_table *table, const char *const *cells, guint coloured, CliColour colour);

/**
 * cli_table_print:
 *
 * Prints it and frees it. On a terminal columns are cut to its width, the widest first, and left out from the last on where
 * that is not enough; unless the person wants all of it.
 */
void cli_table_print (Cli *cli, struct libscols_table *table);

/** cli_table_print_or_hint: the same; in place of one without lines a person at a terminal sees @hint, if there is one */
void cli_table_print_or_hint (Cli *cli, struct libscols_table *table, const char *hint);

/** cli_terminal_columns: Returns: how wide the terminal at @fd is now, or 0 if it is none */
guint cli_terminal_columns (int fd);

/** cli_columns_of: Returns: how many columns of a terminal @text takes, which is valid UTF-8 of one line */
guint cli_columns_of (const char *text);

/** cli_cut: Returns: (transfer full): @text, or as much of it as takes @columns with a mark where it was cut */
char *cli_cut (const char *text, guint columns);

/* The options by which a verb that lists is told what to show. */
#define CLI_OUTPUT(cli)                                                                                       \
  {                                                                                                           \
    "output", 'o', 0, G_OPTION_ARG_FILENAME, &(cli)->output, N_ ("table, wide, names or json"), N_ ("FORMAT") \
  },                                                                                                          \
  {                                                                                                           \
    "format", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME, &(cli)->output, NULL, NULL                      \
  }

/** cli_output_ok: takes in what -o said. Returns: FALSE for a usage error, which was reported */
gboolean cli_output_ok (Cli *cli);

/** cli_time_text: Returns: (transfer full): @microseconds since 1970 as a person here writes it; NULL: no clock shows that */
char *cli_time_text (guint64 microseconds);

/** cli_user_name: Returns: (transfer full): a login name, or the number where there is none */
char *cli_user_name (guint32 uid);

/** cli_property: Returns: (transfer full): a property's value for a person to read, escaped */
char *cli_property (GVariant *properties, const char *name);

/** cli_property_time: the same for microseconds since 1970; NULL for "never" */
char *cli_property_time (GVariant *properties, const char *name);

/** cli_print_field: prints "key: value" with values in one column; nothing if @value is NULL or empty */
void cli_print_field (const char *key, const char *value);

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

/** cli_json_print: prints what was built; @pretty over several lines */
void cli_json_print (JsonBuilder *builder, gboolean pretty);

/** cli_json_print_object: prints a{sv} as one object */
void cli_json_print_object (GVariant *properties);

/** cli_table_new: Returns: (transfer full): a table with these columns, ended by NULL */
struct libscols_table *cli_table_new (const char *const *columns);

/** cli_table_add: appends a line; the cells are escaped; @colour is that of the cell @coloured */
void cli_table_add (struct libscols_table *table, const char *const *cells, guint coloured, CliColour colour);

/** cli_table_print: prints it and frees it */
void cli_table_print (struct libscols_table *table);

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

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "output.h"

/* What a "list" verb shows: where its rows come from, and how they look. */
typedef struct {
  /* One of three. */
  const char *method;    /* of the Manager: its answer is the rows */
  const char *interface; /* the properties of all objects that have it are the rows */
  const char *property;  /* of the container that is named: its elements are the rows */

  const char *key;            /* of objects: the property that they are sorted by */
  const char *usage;          /* when there are too many words; NULL: that it takes no names */
  const char *const *columns; /* not translated yet, ended by NULL; NULL: names are all that people see */
  const char *empty;          /* what people see of no rows, if they see names only */
  const char *hint;           /* what to do next where there are no rows, not translated yet; or NULL */

  /* A line of the table. */
  void (*add) (struct libscols_table *table, GVariant *row);
  /* With --quiet; NULL: the table then too. */
  void (*print_name) (GVariant *row);
  /* For --json, returns a floating a{sv}; NULL: the row as it is. */
  GVariant *(*object) (GVariant *row);
} CliListing;

/** cli_listing_print: prints the array @rows as the person wants it */
void cli_listing_print (Cli *cli, const CliListing *listing, GVariant *rows);

/** cli_listing_run: a whole verb */
int cli_listing_run (Cli *cli, const CliListing *listing, char **words);

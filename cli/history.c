/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "error.h"
#include "escape.h"
#include "listing.h"
#include "output.h"
#include "verbs.h"

#define NOBODY G_MAXUINT32 /* the container itself, or the service */

static void
add_deed (struct libscols_table *table, GVariant *row)
{
  const char *deed, *grounds;
  guint64 time;
  guint32 user;
  g_autofree char *when = NULL;
  g_autofree char *who = NULL;
  g_autofree char *what = NULL;

  g_variant_get (row, "(tu&s&s)", &time, &user, &deed, &grounds);
  when = cli_time_text (time);
  what = cli_escape (deed, -1, CLI_ESCAPE_LINE);
  who = user == NOBODY ? g_strdup ("-") : cli_user_name (user);
  cli_table_add (table, (const char *[]){ when ? when : "-", who, what, grounds, NULL }, 0, CLI_COLOUR_NONE);
}

static GVariant *
deed_object (GVariant *row)
{
  const char *deed, *grounds;
  guint64 time;
  guint32 user;

  g_variant_get (row, "(tu&s&s)", &time, &user, &deed, &grounds);
  return g_variant_new_parsed ("{'time': <%t>, 'user': <%u>, 'deed': <%s>, 'grounds': <%s>}", time, user,
                               deed, grounds);
}

/* The last LINES of ROWS; all if there are no more, or if LINES is negative. */
static GVariant *
cut (GVariant *rows, int lines)
{
  gsize n = g_variant_n_children (rows);
  gsize first = lines >= 0 && (gsize)lines < n ? n - (gsize)lines : 0;
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(tuss)"));
  for (gsize i = first; i < n; i++)
    g_variant_builder_add_value (&builder, g_variant_get_child_value (rows, i));
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

int
cli_history (Cli *cli, char **words)
{
  static const char *const columns[] = { N_ ("WHEN"), N_ ("WHO"), N_ ("WHAT"), N_ ("AS"), NULL };
  static const CliListing listing = { .columns = columns, .add = add_deed, .object = deed_object };
  int lines = -1;
  const GOptionEntry entries[] = {
    { "lines", 'n', 0, G_OPTION_ARG_INT, &lines, N_ ("Only the last ones"), N_ ("N") },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = NULL;
  g_autofree char *path = NULL;
  g_autoptr (GVariant) answer = NULL;
  g_autoptr (GVariant) rows = NULL;
  g_autoptr (GVariant) shown = NULL;

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &names, NULL))
    return CLI_EXIT_USAGE;
  if (g_strv_length (names) != 1)
    return cli_usage (cli, "%s", _ ("One name is needed"));
  if (cli_connect (cli, &error))
    path = cli_find_container (cli, names[0], &error);
  if (path)
    answer = cli_call (cli, path, IFACE_CONTAINER, "GetHistory", NULL, NULL, NULL, &error);
  if (!answer)
    return cli_fail (error);
  rows = g_variant_get_child_value (answer, 0);
  shown = cut (rows, lines);
  cli_listing_print (cli, &listing, shown);
  return CLI_EXIT_OK;
}

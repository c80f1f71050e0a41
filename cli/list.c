/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "escape.h"
#include "objects.h"
#include "output.h"
#include "verbs.h"

/* How many digits of a fingerprint are shown, and taken for one. */
#define SHORT_IMAGE 12

typedef struct {
  gboolean all;
  gboolean names_only;
  char **filters; /* KEY=VALUE */
} How;

static void
how_clear (How *how)
{
  g_strfreev (how->filters);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (How, how_clear)

/* ---- which ---- */

static const char *const keys[] = { "name", "state", "image", "owner", NULL };
static const char *const states[] = { "stopped", "starting", "running", "freezing",
                                      "frozen",  "stopping", "failed",  NULL };

/* docker's word for the state is another one. */
static char **
split_filter (const char *filter)
{
  char **pair = g_strsplit (filter, "=", 2);

  if (pair[0] && g_str_equal (pair[0], "status")) {
    g_free (pair[0]);
    pair[0] = g_strdup ("state");
  }
  return pair;
}

static gboolean
is_me (const char *user)
{
  g_autofree char *name = cli_user_name (getuid ());
  g_autofree char *number = g_strdup_printf ("%u", (guint)getuid ());

  return g_str_equal (user, name) || g_str_equal (user, number);
}

/* Also sees that others' containers are looked at where one of them is asked for. */
static gboolean
filters_ok (Cli *cli, How *how)
{
  for (char **filter = how->filters; filter && *filter; filter++) {
    g_auto (GStrv) pair = split_filter (*filter);
    g_autofree char *shown = cli_escape (*filter, -1, CLI_ESCAPE_LINE);

    if (!pair[0] || !pair[1] || !g_strv_contains (keys, pair[0])) {
      cli_usage (cli, _ ("'%s' is no filter; these are: %s"), shown, "name=, state=, image=, owner=");
      return FALSE;
    }
    if (g_str_equal (pair[0], "state") && !g_strv_contains (states, pair[1])) {
      g_autofree char *known = g_strjoinv (", ", (char **)states);

      cli_usage (cli, _ ("'%s': no container is ever so; these are: %s"), shown, known);
      return FALSE;
    }
    how->all = how->all || (g_str_equal (pair[0], "owner") && !is_me (pair[1]));
  }
  return TRUE;
}

typedef struct {
  const char *name, *state, *image, *addresses;
  guint32 owner;
} Row;

static gboolean
matches (const Row *row, const char *key, const char *pattern)
{
  g_autofree char *user = NULL;
  g_autofree char *number = NULL;

  if (g_str_equal (key, "name"))
    return g_pattern_match_simple (pattern, row->name);
  if (g_str_equal (key, "state"))
    return g_str_equal (pattern, row->state);
  if (g_str_equal (key, "image"))
    return g_pattern_match_simple (pattern, row->image) ||
           (strlen (pattern) >= SHORT_IMAGE && g_str_has_prefix (row->image, pattern));
  user = cli_user_name (row->owner);
  number = g_strdup_printf ("%u", row->owner);
  return g_str_equal (pattern, user) || g_str_equal (pattern, number);
}

/* As docker has it: of several for one key one is enough, and each key counts. */
static gboolean
is_wanted (const How *how, const Row *row)
{
  if (!how->all && row->owner != getuid ())
    return FALSE;
  for (gsize i = 0; how->filters && keys[i]; i++) {
    gboolean asked = FALSE, found = FALSE;

    for (char **filter = how->filters; *filter; filter++) {
      g_auto (GStrv) pair = split_filter (*filter);

      if (!g_str_equal (pair[0], keys[i]))
        continue;
      asked = TRUE;
      found = found || matches (row, keys[i], pair[1]);
    }
    if (asked && !found)
      return FALSE;
  }
  return TRUE;
}

static gboolean
next_row (GVariantIter *iter, const How *how, Row *row)
{
  while (g_variant_iter_next (iter, "(&su&s&s&so)", &row->name, &row->owner, &row->state, &row->image,
                              &row->addresses, NULL))
    if (is_wanted (how, row))
      return TRUE;
  return FALSE;
}

/* ---- how they are shown ---- */

static char *
full_name (guint32 owner, const char *name)
{
  return g_strdup_printf ("%u/%s", owner, name);
}

/* @objects: the properties of all that may be wanted. */
static void
print_json (GVariantIter *iter, GPtrArray *objects, const How *how)
{
  g_autoptr (GHashTable) wanted = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  Row row;

  while (next_row (iter, how, &row))
    g_hash_table_add (wanted, full_name (row.owner, row.name));
  json_builder_begin_array (builder);
  for (guint i = 0; i < objects->len; i++) {
    const char *name = "";
    guint32 owner = 0;
    g_autofree char *full = NULL;

    g_variant_lookup (objects->pdata[i], "Owner", "u", &owner);
    g_variant_lookup (objects->pdata[i], "Name", "&s", &name);
    full = full_name (owner, name);
    if (g_hash_table_contains (wanted, full))
      cli_json_object (builder, objects->pdata[i]);
  }
  json_builder_end_array (builder);
  cli_json_print (builder, TRUE);
}

/* A fingerprint as short as the service takes it; an alias as it is. */
static char *
short_image (const char *image)
{
  gboolean fingerprint = strlen (image) == 64 && strspn (image, "0123456789abcdef") == 64;

  return g_strndup (image, fingerprint ? SHORT_IMAGE : strlen (image));
}

/* Of those that are asked whether they are well: what is known of that, by full_name(). */
static GHashTable *
healths_of (GPtrArray *objects)
{
  GHashTable *healths = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < objects->len; i++) {
    const char *name = "", *health = "";
    guint32 owner = 0;

    g_variant_lookup (objects->pdata[i], "Owner", "u", &owner);
    g_variant_lookup (objects->pdata[i], "Name", "&s", &name);
    if (g_variant_lookup (objects->pdata[i], "Health", "&s", &health) && health[0] != '\0')
      g_hash_table_insert (healths, full_name (owner, name), (gpointer)health);
  }
  return healths;
}

static void
print_table (Cli *cli, GVariantIter *iter, GPtrArray *objects, const How *how)
{
  const char *const columns[] = {
    _ ("NAME"), _ ("STATE"), _ ("IMAGE"), _ ("ADDRESSES"), how->all ? _ ("OWNER") : NULL, NULL
  };
  struct libscols_table *table = cli_table_new (columns);
  g_autoptr (GHashTable) healths = healths_of (objects);
  Row row;

  while (next_row (iter, how, &row)) {
    g_autofree char *user = cli_user_name (row.owner);
    g_autofree char *shown = short_image (row.image);
    g_autofree char *full = full_name (row.owner, row.name);
    const char *health = g_hash_table_lookup (healths, full);
    g_autofree char *state = health ? g_strdup_printf ("%s (%s)", row.state, health) : g_strdup (row.state);
    const char *cells[] = { row.name, state, shown, row.addresses, how->all ? user : NULL, NULL };

    cli_table_add (table, cells, 1,
                   cli_colour_of_state (g_strcmp0 (health, "unhealthy") == 0 ? "failed" : row.state));
  }
  cli_table_print_or_hint (
      cli, table,
      how->filters ? _ ("There is no such container.")
                   : _ ("There are no containers. 'bothy launch busybox NAME' makes one and starts it; "
                        "'bothy image search' shows what else one can be made from."));
}

static void
print_names (GVariantIter *iter, const How *how)
{
  Row row;

  while (next_row (iter, how, &row)) {
    g_autofree char *user = row.owner == getuid () ? NULL : cli_user_name (row.owner);

    if (user == NULL)
      puts (row.name);
    else
      printf ("%s/%s\n", user, row.name);
  }
}

/* ---- where they come from ---- */

static gboolean
get_own (Cli *cli, const How *how, GVariantIter **ret_iter, GPtrArray **ret_objects, GError **error)
{
  g_autoptr (GVariant) answer =
      cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "ListContainers", NULL, NULL, NULL, error);
  gboolean whole = cli->json || !(how->names_only || cli->quiet);
  g_autoptr (GVariant) managed = answer && whole ? cli_get_managed (cli, error) : NULL;

  if (answer == NULL || (whole && managed == NULL))
    return FALSE;
  if (managed)
    *ret_objects = cli_objects_of (managed, IFACE_CONTAINER, "Name");
  g_variant_get (answer, "(a(sussso))", ret_iter);
  return TRUE;
}

/* Somebody at a terminal may be asked for a password, once, but no script's user, on whose screen a dialog would open;
 * what is left out without it is worth a word. */
static gboolean
get_all (Cli *cli, GVariantIter **ret_iter, GPtrArray **ret_objects, GError **error)
{
  g_autoptr (GVariant) answer = NULL;
  g_autoptr (GVariantIter) properties = NULL;
  GVariant *each;
  gboolean all;

  if (isatty (STDERR_FILENO))
    cli_allow_asking (cli);
  answer = cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "ListAllContainers", NULL, NULL, NULL, error);
  if (answer == NULL)
    return FALSE;
  g_variant_get (answer, "(a(sussso)aa{sv}b)", ret_iter, &properties, &all);
  *ret_objects = g_ptr_array_new_with_free_func ((GDestroyNotify)g_variant_unref);
  while ((each = g_variant_iter_next_value (properties)))
    g_ptr_array_add (*ret_objects, each);
  if (!all)
    g_printerr ("bothy: %s\n",
                _ ("Containers of other users are left out: to see them takes an administrator's password, "
                   "for which a person at a terminal is asked, or a rule of polkit's"));
  return TRUE;
}

static gboolean
get_rows (Cli *cli, const How *how, GVariantIter **ret_iter, GPtrArray **ret_objects, GError **error)
{
  return how->all ? get_all (cli, ret_iter, ret_objects, error)
                  : get_own (cli, how, ret_iter, ret_objects, error);
}

int
cli_list (Cli *cli, char **words)
{
  g_auto (How) how = { 0 };
  const GOptionEntry entries[] = {
    { "all", 'a', 0, G_OPTION_ARG_NONE, &how.all, N_ ("Those of other users too, as far as you may see them"),
      NULL },
    { "filter", 'f', 0, G_OPTION_ARG_FILENAME_ARRAY, &how.filters,
      N_ ("Only those with this name, state, image or owner"), N_ ("KEY=VALUE") },
    CLI_OUTPUT (cli),
    { "names", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &how.names_only, NULL, NULL },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;
  g_autoptr (GVariantIter) iter = NULL;
  g_autoptr (GPtrArray) objects = NULL;

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &rest, NULL) || !cli_output_ok (cli) ||
      !filters_ok (cli, &how))
    return CLI_EXIT_USAGE;
  if (rest[0])
    return cli_usage (cli, "%s", _ ("It takes no names: see 'bothy info NAME'"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  if (!get_rows (cli, &how, &iter, &objects, &error))
    return cli_fail (error);
  if (cli->json)
    print_json (iter, objects, &how);
  else if (how.names_only || cli->quiet)
    print_names (iter, &how);
  else
    print_table (cli, iter, objects, &how);
  return CLI_EXIT_OK;
}

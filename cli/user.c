/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "limitspec.h"
#include "listing.h"
#include "output.h"
#include "verbs.h"

/* Who may not see others gets himself alone. (transfer full): aa{sv} */
static GVariant *
list_users (Cli *cli, GError **error)
{
  g_autoptr (GVariant) answer = NULL;

  cli_allow_asking (cli);
  answer = cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "ListUsers", NULL, NULL, NULL, error);
  return answer ? g_variant_get_child_value (answer, 0) : NULL;
}

static guint32
number_of (GVariant *row, const char *key)
{
  guint32 number = 0;

  g_variant_lookup (row, key, "u", &number);
  return number;
}

/* An account of a directory server has its name from there. (transfer full) */
static char *
name_of (GVariant *row)
{
  const char *name = "";
  const struct passwd *entry;

  g_variant_lookup (row, "name", "&s", &name);
  entry = name[0] ? NULL : getpwuid (number_of (row, "uid"));
  return name[0] || entry ? g_strdup (name[0] ? name : entry->pw_name)
                          : g_strdup_printf ("%u", number_of (row, "uid"));
}

/* ---- list ---- */

static void
add_user (struct libscols_table *table, GVariant *row)
{
  static const char *const counts[] = { "containers", "running", "images", "volumes", "ranges" };
  g_autoptr (GVariant) ceilings = g_variant_lookup_value (row, "ceilings", G_VARIANT_TYPE_VARDICT);
  g_autofree char *name = name_of (row);
  g_autofree char *summary = ceilings ? cli_limits_summary (ceilings) : NULL;
  char numbers[G_N_ELEMENTS (counts)][16];

  for (gsize i = 0; i < G_N_ELEMENTS (counts); i++)
    g_snprintf (numbers[i], sizeof numbers[i], "%u", number_of (row, counts[i]));
  cli_table_add (table,
                 (const char *[]){ name, numbers[0], numbers[1], numbers[2], numbers[3], numbers[4],
                                   summary ? summary : "", NULL },
                 0, CLI_COLOUR_NONE);
}

static void
print_name (GVariant *row)
{
  g_autofree char *name = name_of (row);

  puts (name);
}

/* The keys as all of --json has them. */
static GVariant *
user_object (GVariant *row)
{
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (row);
  g_autoptr (GVariant) own = g_variant_lookup_value (row, "own-ceilings", G_VARIANT_TYPE_VARDICT);

  g_variant_dict_remove (&dict, "own-ceilings");
  if (own)
    g_variant_dict_insert_value (&dict, "ownCeilings", own);
  return g_variant_dict_end (&dict);
}

int
cli_user_list (Cli *cli, char **words)
{
  static const char *const columns[] = { N_ ("USER"),    N_ ("CONTAINERS"), N_ ("RUNNING"), N_ ("IMAGES"),
                                         N_ ("VOLUMES"), N_ ("RANGES"),     N_ ("AT MOST"), NULL };
  static const CliListing listing = {
    .columns = columns, .add = add_user, .print_name = print_name, .object = user_object
  };
  const GOptionEntry entries[] = { CLI_OUTPUT (cli), { NULL } };
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) users = NULL;
  g_auto (GStrv) rest = NULL;

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &rest, NULL) || !cli_output_ok (cli))
    return CLI_EXIT_USAGE;
  if (rest[0])
    return cli_usage (cli, "%s", _ ("It takes no names"));
  if (cli_connect (cli, &error))
    users = list_users (cli, &error);
  if (users == NULL)
    return cli_fail (error);
  cli_listing_print (cli, &listing, users);
  return CLI_EXIT_OK;
}

/* ---- set-ceiling ---- */

/* What was said for the user UID so far, to which CHANGES are added; KEY=default among WORDS takes one away. (transfer full): a{sv} */
static GVariant *
merge (GVariant *users, guint32 uid, GVariant *changes, char **dropped)
{
  g_autoptr (GVariant) own = NULL;
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  GVariantIter iter;
  const char *key;
  GVariant *value;

  for (gsize i = 0; i < g_variant_n_children (users); i++) {
    g_autoptr (GVariant) row = g_variant_get_child_value (users, i);

    if (number_of (row, "uid") == uid)
      own = g_variant_lookup_value (row, "own-ceilings", G_VARIANT_TYPE_VARDICT);
  }
  if (own) {
    g_variant_iter_init (&iter, own);
    while (g_variant_iter_loop (&iter, "{&sv}", &key, &value))
      if (!g_strv_contains ((const char *const *)dropped, key))
        g_variant_dict_insert_value (&dict, key, value);
  }
  g_variant_iter_init (&iter, changes);
  while (g_variant_iter_loop (&iter, "{&sv}", &key, &value))
    g_variant_dict_insert_value (&dict, key, value);
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

/* Of KEY=VALUE and KEY=default the keys of the latter go into DROPPED. (transfer full): a{sv}; NULL with an error */
static GVariant *
parse_ceilings (char **words, char ***ret_dropped, GError **error)
{
  g_autoptr (GPtrArray) values = g_ptr_array_new ();
  g_autoptr (GStrvBuilder) dropped = g_strv_builder_new ();

  for (char **word = words; *word; word++) {
    g_autofree char *key =
        g_str_has_suffix (*word, "=default") ? g_strndup (*word, strlen (*word) - strlen ("=default")) : NULL;

    if (key)
      g_strv_builder_add (dropped, key);
    else
      g_ptr_array_add (values, *word);
  }
  g_ptr_array_add (values, NULL);
  *ret_dropped = g_strv_builder_end (dropped);
  return cli_limits_parse ((char **)values->pdata, error);
}

static gboolean
find_uid (const char *user, guint32 *ret_uid, GError **error)
{
  const struct passwd *entry = getpwnam (user);
  guint64 uid = 0;

  if (!entry && !g_ascii_string_to_unsigned (user, 10, 0, G_MAXINT32, &uid, NULL)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, _ ("There is no user %s"), user);
    return FALSE;
  }
  *ret_uid = entry ? entry->pw_uid : (guint32)uid;
  return TRUE;
}

static gboolean
set_ceilings (Cli *cli, guint32 uid, GVariant *changes, char **dropped, GError **error)
{
  g_autoptr (GVariant) users = list_users (cli, error);
  g_autoptr (GVariant) ceilings = users ? merge (users, uid, changes, dropped) : NULL;
  g_autoptr (GVariant) answer = NULL;

  if (ceilings)
    answer = cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "SetUserCeilings",
                       g_variant_new ("(u@a{sv})", uid, ceilings), NULL, NULL, error);
  return answer != NULL;
}

int
cli_user_set_ceiling (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) changes = NULL;
  g_auto (GStrv) dropped = NULL;
  g_auto (GStrv) rest = NULL;
  guint32 uid;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (g_strv_length (rest) < 2)
    return cli_usage (cli, "%s", _ ("A user and at least one ceiling are needed, such as memory=2G"));
  changes = parse_ceilings (rest + 1, &dropped, &error);
  if (changes == NULL)
    return cli_usage (cli, "%s", error->message);
  if (!find_uid (rest[0], &uid, &error) || !cli_connect (cli, &error) ||
      !set_ceilings (cli, uid, changes, dropped, &error))
    return cli_fail (error);
  return CLI_EXIT_OK;
}

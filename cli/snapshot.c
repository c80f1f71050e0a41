/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>

#include "error.h"
#include "listing.h"
#include "operation.h"
#include "verbs.h"

/* What create and restore, which want a container that does not run, have in common. */
typedef struct {
  Cli *cli;
  const char *method;
  const char *title;
  GVariant *parameters;
  gboolean stop; /* one that runs is stopped first, and started again afterwards */
} Change;

/* Have the service do it, and wait until it is done. PARAMETERS are consumed if they are floating. */
static gboolean
call_operation (
    Cli *cli, const char *path, const char *method, GVariant *parameters, const char *title, GError **error)
{
  g_autoptr (GVariant) answer = cli_call (cli, path, IFACE_CONTAINER, method, parameters, NULL, NULL, error);
  const char *operation;

  if (answer == NULL)
    return FALSE;
  g_variant_get (answer, "(&o)", &operation);
  return cli_operation_follow (cli, operation, title, NULL, error);
}

static gboolean
call_with_options (Cli *cli, const char *path, const char *method, GError **error)
{
  g_autoptr (GVariant) answer =
      cli_call (cli, path, IFACE_CONTAINER, method, g_variant_new ("(a{sv})", NULL), NULL, NULL, error);

  return answer != NULL;
}

/* FALSE also if it would be no more once it had stopped. */
static gboolean
check_stop (Cli *cli, const char *path, gboolean *ret_active, GError **error)
{
  g_autoptr (GVariant) properties = cli_get_all (cli, path, IFACE_CONTAINER, error);
  const char *state = "", *name = "";
  gboolean ephemeral = FALSE;

  if (properties == NULL)
    return FALSE;
  g_variant_lookup (properties, "State", "&s", &state);
  g_variant_lookup (properties, "Name", "&s", &name);
  g_variant_lookup (properties, "Ephemeral", "b", &ephemeral);
  *ret_active = !g_str_equal (state, "stopped") && !g_str_equal (state, "failed");
  if (!ephemeral)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
               _ ("Container %s is ephemeral: it is deleted when it stops; \"bothy commit\" keeps its files"),
               name);
  return FALSE;
}

/* Whatever becomes of the change, a container that ran runs again. */
static gboolean
change (const Change *self, const char *path, GError **error)
{
  gboolean active = FALSE, done;

  if (self->stop && !check_stop (self->cli, path, &active, error))
    return FALSE;
  if (active && !call_with_options (self->cli, path, "Stop", error))
    return FALSE;
  done = call_operation (self->cli, path, self->method, self->parameters, self->title, error);
  if (active && !call_with_options (self->cli, path, "Start", done ? error : NULL))
    return FALSE;
  return done;
}

/* ---- create ---- */

/* The latest of PATH's is the one that was just made. */
static gboolean
print_latest (Cli *cli, const char *path, GError **error)
{
  g_autoptr (GVariant) properties = cli_get_all (cli, path, IFACE_CONTAINER, error);
  g_autoptr (GVariant) snapshots =
      properties ? g_variant_lookup_value (properties, "Snapshots", G_VARIANT_TYPE ("aa{sv}")) : NULL;
  gsize n = snapshots ? g_variant_n_children (snapshots) : 0;
  g_autoptr (GVariant) latest = n > 0 ? g_variant_get_child_value (snapshots, n - 1) : NULL;
  const char *name = "";

  if (properties == NULL)
    return FALSE;
  if (latest)
    g_variant_lookup (latest, "name", "&s", &name);
  if (*name)
    puts (name);
  return TRUE;
}

/* (transfer full) */
static GVariant *
snapshot_parameters (const char *name, int keep)
{
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (keep > 0)
    g_variant_builder_add (&options, "{sv}", "keep", g_variant_new_uint32 ((guint32)keep));
  return g_variant_ref_sink (g_variant_new ("(sa{sv})", name, &options));
}

static gboolean
create (Cli *cli, const char *container, const char *name, int keep, gboolean stop, GError **error)
{
  g_autofree char *path = cli_find_container (cli, container, error);
  g_autofree char *title = g_strdup_printf (_ ("Making a snapshot of %s"), container);
  g_autoptr (GVariant) parameters = snapshot_parameters (name, keep);
  const Change self = { cli, "Snapshot", title, parameters, stop };

  if (path == NULL || !change (&self, path, error))
    return FALSE;
  if (!*name)
    return print_latest (cli, path, error);
  puts (name);
  return TRUE;
}

int
cli_snapshot_create (Cli *cli, char **words)
{
  gboolean stop = FALSE;
  int keep = 0;
  const GOptionEntry entries[] = {
    { "keep", 0, 0, G_OPTION_ARG_INT, &keep, N_ ("Of those without a name, delete all but the latest COUNT"),
      N_ ("COUNT") },
    { "stop", 0, 0, G_OPTION_ARG_NONE, &stop, N_ ("Stop it first if it runs, and start it again afterwards"),
      NULL },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;
  guint n;

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  n = g_strv_length (rest);
  if (n < 1 || n > 2)
    return cli_usage (cli, "%s", _ ("A container is needed, and a name for the snapshot if you like"));
  if (keep < 0 || (keep > 0 && n > 1))
    return cli_usage (cli, "%s", _ ("--keep takes a number, and is for snapshots without a name"));
  if (!cli_connect (cli, &error) || !create (cli, rest[0], n > 1 ? rest[1] : "", keep, stop, &error))
    return cli_fail (error);
  return CLI_EXIT_OK;
}

/* ---- restore ---- */

static gboolean
restore (Cli *cli, const char *container, const char *name, gboolean stop, GError **error)
{
  g_autofree char *path = cli_find_container (cli, container, error);
  g_autofree char *title = g_strdup_printf (_ ("Restoring %s"), container);
  g_autoptr (GVariant) parameters = g_variant_ref_sink (g_variant_new ("(s)", name));
  const Change self = { cli, "Restore", title, parameters, stop };

  return path && change (&self, path, error);
}

int
cli_snapshot_restore (Cli *cli, char **words)
{
  gboolean stop = FALSE;
  const GOptionEntry entries[] = {
    { "stop", 0, 0, G_OPTION_ARG_NONE, &stop, N_ ("Stop it first if it runs, and start it again afterwards"),
      NULL },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (g_strv_length (rest) != 2)
    return cli_usage (cli, "%s", _ ("A container and a snapshot of it are needed"));
  if (!cli_connect (cli, &error) || !restore (cli, rest[0], rest[1], stop, &error))
    return cli_fail (error);
  return CLI_EXIT_OK;
}

/* ---- delete ---- */

int
cli_snapshot_delete (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;
  g_autofree char *path = NULL;
  int code = CLI_EXIT_OK;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (g_strv_length (rest) < 2)
    return cli_usage (cli, "%s", _ ("A container and snapshots of it are needed"));
  if (cli_connect (cli, &error))
    path = cli_find_container (cli, rest[0], &error);
  if (path == NULL)
    return cli_fail (error);
  for (char **name = rest + 1; *name; name++) {
    g_autoptr (GError) refused = NULL;

    if (!call_operation (cli, path, "RemoveSnapshot", g_variant_new ("(s)", *name), *name, &refused))
      code = cli_fail (refused);
  }
  return code;
}

/* ---- list ---- */

static void
add_snapshot (struct libscols_table *table, GVariant *snapshot)
{
  const char *name = "";
  guint64 created = 0;
  gboolean automatic = FALSE;
  g_autofree char *time = NULL;

  g_variant_lookup (snapshot, "name", "&s", &name);
  g_variant_lookup (snapshot, "created-at", "t", &created);
  g_variant_lookup (snapshot, "automatic", "b", &automatic);
  time = cli_time_text (created);
  cli_table_add (table,
                 (const char *[]){ name, time ? time : "", automatic ? _ ("before a restore") : "", NULL }, 0,
                 CLI_COLOUR_NONE);
}

/* The keys as all of --json has them. */
static GVariant *
snapshot_object (GVariant *snapshot)
{
  const char *name = "";
  guint64 created = 0;
  gboolean automatic = FALSE;

  g_variant_lookup (snapshot, "name", "&s", &name);
  g_variant_lookup (snapshot, "created-at", "t", &created);
  g_variant_lookup (snapshot, "automatic", "b", &automatic);
  return g_variant_new_parsed ("{'name': <%s>, 'createdAt': <%t>, 'automatic': <%b>}", name, created,
                               automatic);
}

static void
print_name (GVariant *snapshot)
{
  const char *name = "";

  g_variant_lookup (snapshot, "name", "&s", &name);
  puts (name);
}

int
cli_snapshot_list (Cli *cli, char **words)
{
  static const char *const columns[] = { N_ ("NAME"), N_ ("CREATED"), N_ ("KIND"), NULL };
  static const CliListing listing = {
    .property = "Snapshots",
    .columns = columns,
    .add = add_snapshot,
    .print_name = print_name,
    .object = snapshot_object,
    .hint = N_ ("It has no snapshots. 'bothy snapshot create NAME' makes one."),
  };

  return cli_listing_run (cli, &listing, words);
}

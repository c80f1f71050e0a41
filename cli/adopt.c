/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "adoptable.h"
#include "error.h"
#include "escape.h"
#include "operation.h"
#include "output.h"
#include "verbs.h"

/* What was said. */
typedef struct {
  gboolean list, all, dry_run, in_place, undo;
  char *owner;
  char *network;
  gboolean has_uid; /* an owner was named, and is */
  guint32 uid;
} Adopt;

/* ---- what there is ---- */

static void
print_adoptables (Cli *cli, GVariant *list)
{
  static const char *const columns[] = { N_ ("SOURCE"), N_ ("STATE"), N_ ("DIRECTORY"), NULL };
  struct libscols_table *table = cli_table_new (columns);
  const char *kind, *name, *state, *directory;
  GVariantIter iter;

  g_variant_iter_init (&iter, list);
  while (g_variant_iter_next (&iter, "(&s&s&s&s)", &kind, &name, &state, &directory)) {
    g_autofree char *source = g_strdup_printf ("%s:%s", kind, name);

    if (cli->quiet)
      puts (source);
    else
      cli_table_add (table, (const char *[]){ source, state, directory, NULL }, 1,
                     cli_colour_of_state (state));
  }
  if (cli->quiet)
    scols_unref_table (table);
  else
    cli_table_print_or_hint (
        cli, table, _ ("You have no container of LXC or systemd-nspawn; root's are shown with --all."));
}

static void
print_adoptables_json (GVariant *list)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  const char *kind, *name, *state, *directory;
  GVariantIter iter;

  json_builder_begin_array (builder);
  g_variant_iter_init (&iter, list);
  while (g_variant_iter_next (&iter, "(&s&s&s&s)", &kind, &name, &state, &directory)) {
    g_autoptr (GVariant) object = g_variant_ref_sink (g_variant_new_parsed (
        "{'kind': <%s>, 'name': <%s>, 'state': <%s>, 'directory': <%s>}", kind, name, state, directory));

    cli_json_object (builder, object);
  }
  json_builder_end_array (builder);
  cli_json_print (builder, TRUE);
}

/* The caller's own, and with ALL root's; root's own are these. */
static int
list_adoptables (Cli *cli, gboolean all)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) list = NULL;
  g_autoptr (GVariant) answer = NULL;
  GVariantBuilder builder;

  if (!cli_connect (cli, &error))
    return cli_fail (error);
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(ssss)"));
  if (geteuid () != 0)
    cli_adoptables_add_own (&builder);
  if (geteuid () == 0 || all) {
    g_autoptr (GVariant) roots = NULL;
    GVariantIter iter;
    GVariant *child;

    answer = cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "ListAdoptable", NULL, NULL, NULL, &error);
    if (answer == NULL) {
      g_variant_builder_clear (&builder);
      return cli_fail (error);
    }
    roots = g_variant_get_child_value (answer, 0);
    g_variant_iter_init (&iter, roots);
    for (; (child = g_variant_iter_next_value (&iter)); g_variant_unref (child))
      g_variant_builder_add_value (&builder, child);
  }
  list = g_variant_ref_sink (g_variant_builder_end (&builder));
  if (cli->json)
    print_adoptables_json (list);
  else
    print_adoptables (cli, list);
  return CLI_EXIT_OK;
}

/* ---- the plan ---- */

static void
print_plan_json (GVariant *lines, GVariant *facts)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  const char *key, *value, *outcome, *text;
  GVariantIter iter;

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "lines");
  json_builder_begin_array (builder);
  g_variant_iter_init (&iter, lines);
  while (g_variant_iter_next (&iter, "(&s&s&s&s)", &key, &value, &outcome, &text)) {
    g_autoptr (GVariant) object = g_variant_ref_sink (g_variant_new_parsed (
        "{'key': <%s>, 'value': <%s>, 'outcome': <%s>, 'text': <%s>}", key, value, outcome, text));

    cli_json_object (builder, object);
  }
  json_builder_end_array (builder);
  json_builder_set_member_name (builder, "facts");
  cli_json_object (builder, facts);
  json_builder_end_object (builder);
  cli_json_print (builder, TRUE);
}

static CliColour
colour_of (const char *outcome)
{
  if (g_str_equal (outcome, "kept"))
    return CLI_COLOUR_GOOD;
  return g_str_equal (outcome, "changed") ? CLI_COLOUR_NONE : CLI_COLOUR_WARNING;
}

static void
print_lines (Cli *cli, GVariant *lines)
{
  static const char *const columns[] = { N_ ("KEY"), N_ ("VALUE"), N_ ("OUTCOME"), N_ ("BECOMES"), NULL };
  struct libscols_table *table = cli_table_new (columns);
  const char *key, *value, *outcome, *text;
  GVariantIter iter;

  g_variant_iter_init (&iter, lines);
  while (g_variant_iter_next (&iter, "(&s&s&s&s)", &key, &value, &outcome, &text))
    cli_table_add (table, (const char *[]){ key, value, outcome, text, NULL }, 2, colour_of (outcome));
  cli_table_print_or_hint (cli, table, _ ("There is no configuration; only the files are adopted."));
  if (g_variant_n_children (lines) > 0)
    putchar ('\n');
}

static guint64
fact (GVariant *facts, const char *key)
{
  guint64 number = 0;

  g_variant_lookup (facts, key, "t", &number);
  return number;
}

static void
print_count (GVariant *facts, const char *key, const char *label, const char *note)
{
  guint64 n = fact (facts, key);
  g_autofree char *text = g_strdup_printf ("%" G_GUINT64_FORMAT "%s%s", n, *note ? "  " : "", note);

  if (n > 0)
    cli_print_field (label, text);
}

static void
print_facts (GVariant *facts)
{
  g_autofree char *os = cli_property (facts, "os");
  g_autofree char *map = cli_property (facts, "map");
  g_autofree char *obstacle = cli_property (facts, "obstacle");
  g_autofree char *way = cli_property (facts, "way");
  g_autofree char *size = g_format_size (fact (facts, "bytes"));
  g_autofree char *amount = NULL;

  amount =
      g_strdup_printf (g_dngettext (NULL, "%s in %lu file", "%s in %lu files", (gulong)fact (facts, "files")),
                       size, (gulong)fact (facts, "files"));
  cli_print_field (_ ("System"), os);
  cli_print_field (_ ("Ids"), map);
  cli_print_field (_ ("Way"), g_strcmp0 (way, "in-place") == 0
                                  ? _ ("its files stay where they are; what is written lies elsewhere")
                                  : _ ("its files are copied; the original is only read"));
  cli_print_field (_ ("Amount"), amount);
  print_count (facts, "setuid", _ ("Setuid, setgid"), "");
  print_count (facts, "capabilities", _ ("Capabilities"), "");
  print_count (facts, "acls", _ ("ACLs"), "");
  print_count (facts, "links", _ ("Hard links"), "");
  print_count (facts, "devices", _ ("Device nodes"), _ ("not copied: Bothy has its own"));
  print_count (facts, "sockets", _ ("Sockets"), _ ("not copied: nobody listens"));
  print_count (facts, "immutable", _ ("Immutable files"), _ ("the copies can be changed"));
  cli_print_field (_ ("Obstacle"), obstacle);
}

static GVariant *
source_arguments (const CliAdoptable *source, GVariant *options, const char *name)
{
  GVariantBuilder handles;

  g_variant_builder_init (&handles, G_VARIANT_TYPE ("ah"));
  for (int i = 0; i < g_unix_fd_list_get_length (source->fds); i++)
    g_variant_builder_add (&handles, "h", i);
  if (name == NULL)
    return g_variant_new ("(ssah@a{sv})", source->kind, source->name, &handles, options);
  return g_variant_new ("(ssahs@a{sv})", source->kind, source->name, &handles, name, options);
}

static int
show_plan (Cli *cli, const Adopt *said, const CliAdoptable *source, const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = NULL;
  g_autoptr (GVariant) lines = NULL;
  g_autoptr (GVariant) facts = NULL;
  g_autofree char *obstacle = NULL;
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  cli_option_add (&options, "name", name);
  if (said->in_place)
    cli_option_add (&options, "way", "in-place");
  if (said->has_uid)
    g_variant_builder_add (&options, "{sv}", "owner", g_variant_new_uint32 (said->uid));
  answer =
      cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "PlanAdoption",
                source_arguments (source, g_variant_builder_end (&options), NULL), source->fds, NULL, &error);
  if (answer == NULL)
    return cli_fail (error);
  lines = g_variant_get_child_value (answer, 0);
  facts = g_variant_get_child_value (answer, 1);
  if (cli->json)
    print_plan_json (lines, facts);
  else {
    print_lines (cli, lines);
    print_facts (facts);
  }
  g_variant_lookup (facts, "obstacle", "s", &obstacle);
  return obstacle && *obstacle ? CLI_EXIT_FAILED : CLI_EXIT_OK;
}

/* ---- doing it ---- */

static int
adopt (Cli *cli, const Adopt *options, const CliAdoptable *source, const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = NULL;
  g_autofree char *title = g_strdup_printf (_ ("Adopting %s"), name);
  GVariantBuilder builder;
  const char *operation;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  cli_option_add (&builder, "network", options->network);
  if (options->in_place)
    cli_option_add (&builder, "way", "in-place");
  if (options->has_uid)
    g_variant_builder_add (&builder, "{sv}", "owner", g_variant_new_uint32 (options->uid));
  answer =
      cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "AdoptContainer",
                source_arguments (source, g_variant_builder_end (&builder), name), source->fds, NULL, &error);
  if (answer == NULL)
    return cli_fail (error);
  g_variant_get (answer, "(&o)", &operation);
  if (!cli_operation_follow (cli, operation, title, NULL, &error))
    return cli_fail (error);
  puts (name);
  return CLI_EXIT_OK;
}

static int
undo (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = NULL;
  g_autofree char *path = NULL;
  g_autofree char *title = NULL;
  const char *operation;

  if (!words[0] || words[1])
    return cli_usage (cli, "%s", _ ("--undo takes the name of one container"));
  if (!cli_connect (cli, &error) || !(path = cli_find_container (cli, words[0], &error)))
    return cli_fail (error);
  title = g_strdup_printf (_ ("Giving back what %s stands on"), words[0]);
  answer = cli_call (cli, path, IFACE_CONTAINER, "UndoAdoption", g_variant_new ("(a{sv})", NULL), NULL, NULL,
                     &error);
  if (answer == NULL)
    return cli_fail (error);
  g_variant_get (answer, "(&o)", &operation);
  return cli_operation_follow (cli, operation, title, NULL, &error) ? CLI_EXIT_OK : cli_fail (error);
}

static gboolean
find_owner (Cli *cli, Adopt *options)
{
  const struct passwd *account;
  guint64 number;

  if (options->owner == NULL)
    return TRUE;
  options->has_uid = TRUE;
  account = getpwnam (options->owner);
  if (account)
    options->uid = account->pw_uid;
  else if (g_ascii_string_to_unsigned (options->owner, 10, 0, G_MAXINT32, &number, NULL))
    options->uid = (guint32)number;
  else {
    cli_usage (cli, _ ("There is no account %s on this machine"), options->owner);
    return FALSE;
  }
  return TRUE;
}

static int
adopt_words (Cli *cli, Adopt *options, char **words)
{
  g_autoptr (GError) error = NULL;
  g_auto (CliAdoptable) source = { NULL, NULL, NULL, NULL };
  g_autofree char *name = NULL;

  if (!words[0] || (words[1] && words[2]))
    return cli_usage (cli, "%s",
                      _ ("lxc:NAME, nspawn:NAME, incus:NAME or dir:DIRECTORY is needed, and a name if it is "
                         "to have another"));
  if (!find_owner (cli, options))
    return CLI_EXIT_USAGE;
  /* What there is is on the machine of the service. */
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  if (!cli_adoptable_open (words[0], options->in_place, &source, &error))
    return cli_fail (error);
  name = words[1] ? g_strdup (words[1]) : g_strdup (source.suggestion);
  if (!cli_name_ok (name))
    return cli_usage (
        cli, _ ("A container can not be called \"%s\"; say what it shall be called after the source"), name);
  return options->dry_run ? show_plan (cli, options, &source, name) : adopt (cli, options, &source, name);
}

int
cli_adopt (Cli *cli, char **words)
{
  Adopt options = { 0 };
  g_autofree char *owner = NULL;
  g_autofree char *network = NULL;
  const GOptionEntry entries[] = {
    { "list", 0, 0, G_OPTION_ARG_NONE, &options.list, N_ ("List what there is to adopt"), NULL },
    { "all", 0, 0, G_OPTION_ARG_NONE, &options.all, N_ ("With --list: root's, too"), NULL },
    { "in-place", 0, 0, G_OPTION_ARG_NONE, &options.in_place,
      N_ ("Leave its files where they are, and copy none; of root's containers"), NULL },
    { "undo", 0, 0, G_OPTION_ARG_NONE, &options.undo,
      N_ ("Delete a container that was adopted in place, and give the original back"), NULL },
    { "dry-run", 0, 0, G_OPTION_ARG_NONE, &options.dry_run, N_ ("Only show what would be done"), NULL },
    { "owner", 0, 0, G_OPTION_ARG_FILENAME, &owner, N_ ("Whose it will be"), N_ ("USER") },
    { "network", 0, 0, G_OPTION_ARG_FILENAME, &network, N_ ("In place of what its configuration says"),
      N_ ("nat|none") },
    { NULL },
  };
  g_auto (GStrv) rest = NULL;

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  options.owner = owner;
  options.network = network;
  if (options.undo)
    return undo (cli, rest);
  if (!options.list)
    return adopt_words (cli, &options, rest);
  if (rest[0])
    return cli_usage (cli, "%s", _ ("--list takes no words"));
  return list_adoptables (cli, options.all);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bridge.h"
#include "error.h"
#include "listing.h"
#include "usernet.h"
#include "verbs.h"

#define USERNET_FILE "/etc/lxc/lxc-usernet"

/* ---- finding ---- */

static char *
find_in (GVariant *managed, const char *name)
{
  g_autoptr (GVariantIter) iter = g_variant_iter_new (managed);
  const char *path;
  GVariant *interfaces;

  while (g_variant_iter_loop (iter, "{&o@a{sa{sv}}}", &path, &interfaces)) {
    g_autoptr (GVariant) properties =
        g_variant_lookup_value (interfaces, IFACE_BRIDGE, G_VARIANT_TYPE_VARDICT);
    const char *found = NULL;

    if (properties && g_variant_lookup (properties, "Name", "&s", &found) && g_str_equal (found, name)) {
      char *copy = g_strdup (path);

      g_variant_unref (interfaces);
      return copy;
    }
  }
  return NULL;
}

char *
cli_find_bridge (Cli *cli, const char *name, GError **error)
{
  g_autoptr (GVariant) managed = cli_get_managed (cli, error);
  char *path = managed ? find_in (managed, name) : NULL;

  if (managed && path == NULL)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                 _ ("There is no bridge %s that you may see; 'bothy bridge list' shows them"), name);
  return path;
}

/* ---- list ---- */

/* NULL in JSON where the caller may not know of them. */
static GVariant *
delegation_objects (GVariant *properties)
{
  const GVariantType *type = G_VARIANT_TYPE ("aa{sv}");
  g_autoptr (GVariantIter) iter = NULL;
  GVariantBuilder builder;
  const char *principal;
  guint32 quota;

  if (!g_variant_lookup (properties, "Delegations", "a(su)", &iter))
    return g_variant_new_maybe (type, NULL);
  g_variant_builder_init (&builder, type);
  while (g_variant_iter_next (iter, "(&su)", &principal, &quota))
    g_variant_builder_add_parsed (&builder, "{'principal': <%s>, 'quota': <%u>}", principal, quota);
  return g_variant_builder_end (&builder);
}

static GVariant *
bridge_object (GVariant *properties)
{
  static const char *const texts[] = { "Name", "Kind", "Subnet", "Connection" };
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++) {
    const char *value = "";

    g_variant_lookup (properties, texts[i], "&s", &value);
    g_variant_builder_add (&builder, "{sv}", texts[i], g_variant_new_string (value));
  }
  g_variant_builder_add (&builder, "{sv}", "Delegations", delegation_objects (properties));
  return g_variant_builder_end (&builder);
}

static char *
format_delegations (GVariant *properties)
{
  g_autoptr (GVariantIter) iter = NULL;
  GString *text = g_string_new (NULL);
  const char *principal;
  guint32 quota;

  if (!g_variant_lookup (properties, "Delegations", "a(su)", &iter))
    return g_string_free (text, FALSE);
  while (g_variant_iter_next (iter, "(&su)", &principal, &quota))
    g_string_append_printf (text, "%s%s: %u", text->len > 0 ? ", " : "", principal, quota);
  return g_string_free (text, FALSE);
}

static void
add_bridge (struct libscols_table *table, GVariant *properties)
{
  const char *name = "", *kind = "", *subnet = "";
  g_autofree char *delegations = format_delegations (properties);

  g_variant_lookup (properties, "Name", "&s", &name);
  g_variant_lookup (properties, "Kind", "&s", &kind);
  g_variant_lookup (properties, "Subnet", "&s", &subnet);
  cli_table_add (table, (const char *[]){ name, kind, subnet, delegations, NULL }, 0, CLI_COLOUR_BOLD);
}

static void
print_name (GVariant *properties)
{
  const char *name;

  if (g_variant_lookup (properties, "Name", "&s", &name))
    puts (name);
}

int
cli_bridge_list (Cli *cli, char **words)
{
  static const char *const columns[] = { N_ ("NAME"), N_ ("KIND"), N_ ("SUBNET"), N_ ("DELEGATED TO"), NULL };
  static const CliListing listing = {
    .interface = IFACE_BRIDGE,
    .key = "Name",
    .columns = columns,
    .add = add_bridge,
    .print_name = print_name,
    .object = bridge_object,
    .hint = N_ ("There is no bridge that you may use. An administrator makes one with 'bothy bridge create "
                "NAME', and gives "
                "you nics on it with 'bothy bridge delegate'."),
  };

  return cli_listing_run (cli, &listing, words);
}

/* ---- create and delete ---- */

int
cli_bridge_create (Cli *cli, char **words)
{
  g_autofree char *kind = NULL, *port = NULL, *subnet = NULL;
  gboolean stp = FALSE;
  const GOptionEntry entries[] = {
    { "kind", 0, 0, G_OPTION_ARG_FILENAME, &kind, N_ ("\"nat\" or \"lan\""), N_ ("KIND") },
    { "port", 0, 0, G_OPTION_ARG_FILENAME, &port, N_ ("The interface that leads to the LAN"),
      N_ ("INTERFACE") },
    { "subnet", 0, 0, G_OPTION_ARG_FILENAME, &subnet, N_ ("The bridge's own address"),
      N_ ("ADDRESS/PREFIX") },
    { "stp", 0, 0, G_OPTION_ARG_NONE, &stp, N_ ("Switch the spanning tree protocol on"), NULL },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;
  g_autoptr (GVariant) answer = NULL;
  GVariantBuilder options;

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (rest[0] == NULL || rest[1])
    return cli_usage (cli, "%s", _ ("A name is needed"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  /* Who names what leads to the LAN wants a bridge to the LAN. */
  cli_option_add (&options, "kind", kind ? kind : port ? "lan" : NULL);
  cli_option_add (&options, "port", port);
  cli_option_add (&options, "subnet", subnet);
  if (stp)
    g_variant_builder_add (&options, "{sv}", "stp", g_variant_new_boolean (TRUE));
  answer =
      cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "CreateBridge",
                g_variant_new ("(s@a{sv})", rest[0], g_variant_builder_end (&options)), NULL, NULL, &error);
  return answer ? CLI_EXIT_OK : cli_fail (error);
}

/* A call of a bridge's method; floating ARGS are taken. */
static gboolean
call (Cli *cli, const char *bridge, const char *method, GVariant *args, GError **error)
{
  g_autoptr (GVariant) kept = args ? g_variant_ref_sink (args) : NULL;
  g_autofree char *path = cli_find_bridge (cli, bridge, error);
  g_autoptr (GVariant) answer =
      path ? cli_call (cli, path, IFACE_BRIDGE, method, kept, NULL, NULL, error) : NULL;

  return answer != NULL;
}

int
cli_bridge_delete (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (rest[0] == NULL || rest[1])
    return cli_usage (cli, "%s", _ ("A name is needed"));
  if (!cli_connect (cli, &error) || !call (cli, rest[0], "Delete", NULL, &error))
    return cli_fail (error);
  return CLI_EXIT_OK;
}

/* ---- delegate and revoke ---- */

int
cli_bridge_delegate (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;
  guint64 quota;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (g_strv_length (rest) != 3 || !g_ascii_string_to_unsigned (rest[2], 10, 0, G_MAXUINT32, &quota, NULL))
    return cli_usage (cli, "%s", _ ("A bridge, a user or @group, and how many nics are needed"));
  if (!cli_connect (cli, &error) ||
      !call (cli, rest[0], "Delegate", g_variant_new ("(su)", rest[1], (guint32)quota), &error))
    return cli_fail (error);
  return CLI_EXIT_OK;
}

int
cli_bridge_revoke (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (g_strv_length (rest) != 2)
    return cli_usage (cli, "%s", _ ("A bridge, and a user or @group are needed"));
  if (!cli_connect (cli, &error) || !call (cli, rest[0], "Revoke", g_variant_new ("(s)", rest[1]), &error))
    return cli_fail (error);
  return CLI_EXIT_OK;
}

/* ---- import-lxc ---- */

static const char *
reason (CliUsernetLine line)
{
  switch (line) {
  case CLI_USERNET_BAD_FIELDS:
    return _ ("a user or @group, \"veth\", a bridge and a number are needed");
  case CLI_USERNET_BAD_TYPE:
    return _ ("only nics of the type \"veth\" can be delegated");
  case CLI_USERNET_BAD_COUNT:
    return _ ("a number from 1 to 1023 is needed");
  case CLI_USERNET_EMPTY:
  case CLI_USERNET_ENTRY:
  default:
    return "";
  }
}

/* Goes on after a line that can not be taken: the others are worth as much without it. */
static gboolean
import_line (Cli *cli, const char *line, const char *place)
{
  g_auto (CliUsernet) entry = { 0 };
  g_autoptr (GError) error = NULL;
  CliUsernetLine kind = cli_usernet_parse (line, &entry);

  if (kind == CLI_USERNET_EMPTY)
    return TRUE;
  if (kind != CLI_USERNET_ENTRY)
    g_set_error_literal (&error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, reason (kind));
  else if (call (cli, entry.bridge, "Delegate", g_variant_new ("(su)", entry.principal, entry.quota),
                 &error)) {
    if (!cli->quiet)
      printf ("%s: %s: %u\n", entry.bridge, entry.principal, entry.quota);
    return TRUE;
  }
  cli_warn (error, place);
  return FALSE;
}

static int
import (Cli *cli, const char *name, FILE *file)
{
  int code = CLI_EXIT_OK;
  char *line = NULL;
  size_t size = 0;

  for (guint number = 1; getline (&line, &size, file) >= 0; number++) {
    g_autofree char *place = g_strdup_printf ("%s:%u", name, number);

    if (!g_utf8_validate (line, -1, NULL))
      line[0] = '?', line[1] = '\0';
    if (!import_line (cli, line, place))
      code = CLI_EXIT_FAILED;
  }
  free (line);
  return code;
}

int
cli_bridge_import_lxc (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;
  const char *name;
  FILE *file;
  int code;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (rest[0] && rest[1])
    return cli_usage (cli, "%s", _ ("It takes one file"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  name = rest[0] ? rest[0] : USERNET_FILE;
  file = g_str_equal (name, "-") ? stdin : fopen (name, "re");
  if (file == NULL) {
    g_set_error (&error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "%s: %s", name, g_strerror (errno));
    return cli_fail (error);
  }
  code = import (cli, name, file);
  fclose (file);
  return code;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "device.h"
#include "error.h"
#include "escape.h"
#include "listing.h"
#include "output.h"
#include "verbs.h"

int
cli_device_add (Cli *cli, char **words)
{
  g_autofree char *owner = NULL, *group = NULL, *mode = NULL, *link = NULL, *path = NULL;
  const GOptionEntry entries[] = {
    { "owner", 0, 0, G_OPTION_ARG_FILENAME, &owner, N_ ("Whose it is inside; by default root's"),
      N_ ("USER") },
    { "group", 0, 0, G_OPTION_ARG_FILENAME, &group, N_ ("Which group has it inside"), N_ ("GROUP") },
    { "mode", 0, 0, G_OPTION_ARG_FILENAME, &mode, N_ ("Who may read and write it inside, as of chmod"),
      N_ ("MODE") },
    { "symlink", 0, 0, G_OPTION_ARG_FILENAME, &link, N_ ("What else it is called in /dev; %n is its number"),
      N_ ("NAME") },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = NULL;
  g_auto (GStrv) rest = NULL;
  GVariantBuilder options;

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (g_strv_length (rest) != 3)
    return cli_usage (cli, "%s", _ ("A container, a name for the device, and which it is are needed"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  path = cli_find_container (cli, rest[0], &error);
  if (path == NULL)
    return cli_fail (error);
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  cli_option_add (&options, "match", rest[2]);
  cli_option_add (&options, "owner", owner);
  cli_option_add (&options, "group", group);
  cli_option_add (&options, "mode", mode);
  cli_option_add (&options, "symlink", link);
  answer = cli_call (cli, path, IFACE_CONTAINER, "AddDevice", g_variant_new ("(sa{sv})", rest[1], &options),
                     NULL, NULL, &error);
  return answer ? CLI_EXIT_OK : cli_fail (error);
}

/* ---- of a container that is being made ---- */

/* What fingers type that know docker: /dev/NODE, again as the place inside, and what may be done with it. NULL: it is another
   place, or less may be done. (transfer full) */
static char *
match_of_node (const char *word)
{
  g_auto (GStrv) parts = g_strsplit (word, ":", 3);
  const char *inside = parts[1], *may = inside ? parts[2] : NULL;

  if (inside && !may && inside[0] != '/') {
    may = inside;
    inside = NULL;
  }
  if ((inside && !g_str_equal (inside, parts[0])) ||
      (may && !g_str_equal (may, "rw") && !g_str_equal (may, "rwm")))
    return NULL;
  return g_strconcat ("path:", parts[0], NULL);
}

gboolean
cli_devices_ok (Cli *cli, char **words)
{
  for (; words && *words; words++) {
    g_autofree char *shown = cli_escape (*words, -1, CLI_ESCAPE_LINE);
    char *match = **words == '/' ? match_of_node (*words) : g_strdup (*words);

    if (match == NULL || !g_utf8_validate (match, -1, NULL)) {
      cli_usage (
          cli,
          _ ("%s: --device takes what 'bothy device add' takes, or a node such as /dev/ttyUSB0, which has "
             "that name inside as well; 'bothy device add --symlink' gives it another one"),
          shown);
      g_free (match);
      return FALSE;
    }
    g_free (*words);
    *words = match;
  }
  return TRUE;
}

/* A name that MATCH brings along, which no other of TAKEN has: "ttyusb0" of path:/dev/ttyUSB0. (transfer full) */
static char *
name_of_match (const char *match, GHashTable *taken)
{
  const char *text = g_str_has_prefix (match, "path:/dev/") ? match + strlen ("path:/dev/") : match;
  g_autoptr (GString) stem = g_string_new (g_ascii_isdigit (*text) ? "d" : NULL);
  char *name;

  for (; *text && stem->len < 58; text++) {
    if (g_ascii_isalnum (*text))
      g_string_append_c (stem, g_ascii_tolower (*text));
    else if (stem->len > 0 && stem->str[stem->len - 1] != '-')
      g_string_append_c (stem, '-');
  }
  if (stem->len > 0 && stem->str[stem->len - 1] == '-')
    g_string_truncate (stem, stem->len - 1);
  name = g_strdup (stem->len > 0 ? stem->str : "device");
  for (guint i = 2; g_hash_table_contains (taken, name); i++) {
    g_free (name);
    name = g_strdup_printf ("%s-%u", stem->len > 0 ? stem->str : "device", i);
  }
  return name;
}

gboolean
cli_devices_add (Cli *cli, const char *path, char **words, GError **error)
{
  g_autoptr (GHashTable) taken = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (; words && *words; words++) {
    char *name = name_of_match (*words, taken);
    g_autoptr (GVariant) answer = NULL;
    GVariantBuilder options;

    g_hash_table_add (taken, name);
    g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
    cli_option_add (&options, "match", *words);
    answer = cli_call (cli, path, IFACE_CONTAINER, "AddDevice", g_variant_new ("(sa{sv})", name, &options),
                       NULL, NULL, error);
    if (answer == NULL)
      return FALSE;
  }
  return TRUE;
}

int
cli_device_remove (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = NULL;
  g_auto (GStrv) rest = NULL;
  g_autofree char *path = NULL;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (g_strv_length (rest) != 2)
    return cli_usage (cli, "%s", _ ("A container and the name of a device of its are needed"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  path = cli_find_container (cli, rest[0], &error);
  if (path)
    answer = cli_call (cli, path, IFACE_CONTAINER, "RemoveDevice", g_variant_new ("(s)", rest[1]), NULL, NULL,
                       &error);
  return answer ? CLI_EXIT_OK : cli_fail (error);
}

/* ---- those of a container ---- */

static const char *
look_up (GVariant *device, const char *key)
{
  const char *text = "";

  g_variant_lookup (device, key, "&s", &text);
  return text;
}

static void
add_device (struct libscols_table *table, GVariant *device)
{
  g_autofree const char **nodes = NULL;
  g_autofree char *text = NULL;
  g_autofree char *user = NULL;
  const char *owner = look_up (device, "owner"), *group = look_up (device, "group");

  g_variant_lookup (device, "nodes", "^a&s", &nodes);
  text = nodes ? g_strjoinv (" ", (char **)nodes) : g_strdup ("");
  user = g_strdup_printf ("%s%s%s", *owner ? owner : "root", *group ? ":" : "", group);
  cli_table_add (table,
                 (const char *[]){ look_up (device, "name"), look_up (device, "match"), user,
                                   look_up (device, "mode"), *text ? text : "-", NULL },
                 0, CLI_COLOUR_NONE);
}

static void
print_device (GVariant *device)
{
  puts (look_up (device, "name"));
}

static int
list_of_container (Cli *cli, const char *name)
{
  static const char *const columns[] = { N_ ("NAME"), N_ ("DEVICE"),     N_ ("USER"),
                                         N_ ("MODE"), N_ ("PLUGGED IN"), NULL };
  static const CliListing listing = {
    .columns = columns,
    .add = add_device,
    .print_name = print_device,
    .hint =
        N_ ("It has no devices. 'bothy device list --host' shows what there is, 'bothy device add' gives it "
            "one."),
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) properties = NULL, devices = NULL;
  g_autofree char *path = cli_find_container (cli, name, &error);

  if (path)
    properties = cli_get_all (cli, path, IFACE_CONTAINER, &error);
  if (properties == NULL)
    return cli_fail (error);
  devices = g_variant_lookup_value (properties, "Devices", G_VARIANT_TYPE ("aa{sv}"));
  if (devices)
    cli_listing_print (cli, &listing, devices);
  return CLI_EXIT_OK;
}

/* ---- those of the machine ---- */

static void
add_host_device (struct libscols_table *table, GVariant *device)
{
  const char *vendor = look_up (device, "vendor"), *id = look_up (device, "id");
  const char *container = look_up (device, "container");
  g_autofree char *called = g_strdup_printf ("%s %s", vendor, look_up (device, "model"));
  gboolean taken = FALSE;

  g_variant_lookup (device, "in-use", "b", &taken);
  cli_table_add (table,
                 (const char *[]){ look_up (device, "node"), look_up (device, "class"), *id ? id : "-",
                                   g_strstrip (called), look_up (device, "allowed"),
                                   *container ? container
                                   : taken    ? _ ("(taken)")
                                              : "-",
                                   NULL },
                 0, CLI_COLOUR_NONE);
}

static void
print_node (GVariant *device)
{
  puts (look_up (device, "node"));
}

static GVariant *
host_object (GVariant *device)
{
  gboolean taken = FALSE;

  g_variant_lookup (device, "in-use", "b", &taken);
  return g_variant_new_parsed ("{'node': <%s>, 'id': <%s>, 'serial': <%s>, 'class': <%s>, 'vendor': <%s>, "
                               "'model': <%s>, 'container': <%s>, 'inUse': <%b>, 'allowed': <%s>}",
                               look_up (device, "node"), look_up (device, "id"), look_up (device, "serial"),
                               look_up (device, "class"), look_up (device, "vendor"),
                               look_up (device, "model"), look_up (device, "container"), taken,
                               look_up (device, "allowed"));
}

static int
list_of_host (Cli *cli)
{
  static const char *const columns[] = { N_ ("NODE"),    N_ ("CLASS"),     N_ ("ID"), N_ ("CALLED"),
                                         N_ ("ALLOWED"), N_ ("CONTAINER"), NULL };
  static const CliListing listing = {
    .columns = columns,
    .add = add_host_device,
    .print_name = print_node,
    .object = host_object,
    .hint = N_ ("The machine has no device that a container could have."),
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer =
      cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "ListDevices", NULL, NULL, NULL, &error);
  g_autoptr (GVariant) devices = NULL;

  if (answer == NULL)
    return cli_fail (error);
  devices = g_variant_get_child_value (answer, 0);
  cli_listing_print (cli, &listing, devices);
  return CLI_EXIT_OK;
}

/* Elsewhere --host has a value: another machine. Here it stands alone, and -H is that other one. (transfer full) */
static char **
take_host (char **words, gboolean *ret_host)
{
  g_autoptr (GStrvBuilder) rest = g_strv_builder_new ();

  for (char **word = words; *word; word++) {
    if (g_str_equal (*word, "--host"))
      *ret_host = TRUE;
    else
      g_strv_builder_add (rest, *word);
  }
  return g_strv_builder_end (rest);
}

int
cli_device_list (Cli *cli, char **words)
{
  gboolean host = FALSE;
  const GOptionEntry entries[] = { CLI_OUTPUT (cli), { NULL } };
  g_auto (GStrv) own = take_host (words, &host);
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, own, &rest, NULL) || !cli_output_ok (cli))
    return CLI_EXIT_USAGE;
  if (g_strv_length (rest) != (host ? 0 : 1))
    return cli_usage (cli, "%s", _ ("The name of a container is needed, or --host"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  return host ? list_of_host (cli) : list_of_container (cli, rest[0]);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>

#include "error.h"
#include "limitspec.h"
#include "listing.h"
#include "output.h"
#include "verbs.h"

/* ---- create ---- */

static gboolean
create (Cli *cli, char **names, GVariant *options, GError **error)
{
  for (; *names; names++) {
    g_autoptr (GVariant) answer = cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "CreateVolume",
                                            g_variant_new ("(s@a{sv})", *names, options), NULL, NULL, error);

    if (answer == NULL)
      return FALSE;
    puts (*names);
  }
  return TRUE;
}

/* The bounds of a volume are limits as of a container. (transfer full); NULL: it was reported what is wrong. */
static GVariant *
parse_bounds (Cli *cli, const char *disk, const char *inodes)
{
  g_autofree char *first = disk ? g_strconcat ("disk=", disk, NULL) : NULL;
  g_autofree char *second = inodes ? g_strconcat ("inodes=", inodes, NULL) : NULL;
  char *words[] = { first ? first : second, first ? second : NULL, NULL };
  g_autoptr (GError) error = NULL;
  GVariant *bounds = cli_limits_parse (words, &error);

  if (bounds == NULL)
    cli_usage (cli, "%s", error->message);
  return bounds;
}

int
cli_volume_create (Cli *cli, char **words)
{
  g_autofree char *disk = NULL, *inodes = NULL;
  const GOptionEntry entries[] = {
    { "disk", 0, 0, G_OPTION_ARG_FILENAME, &disk, N_ ("How much may be in it"), N_ ("SIZE") },
    { "inodes", 0, 0, G_OPTION_ARG_FILENAME, &inodes, N_ ("How many files"), N_ ("COUNT") },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) bounds = NULL;
  g_auto (GStrv) rest = NULL;

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (rest[0] == NULL)
    return cli_usage (cli, "%s", _ ("A name for the volume is needed"));
  bounds = parse_bounds (cli, disk, inodes);
  if (bounds == NULL)
    return CLI_EXIT_USAGE;
  if (!cli_connect (cli, &error) || !create (cli, rest, bounds, &error))
    return cli_fail (error);
  return CLI_EXIT_OK;
}

/* ---- delete ---- */

int
cli_volume_delete (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;
  int code = CLI_EXIT_OK;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (rest[0] == NULL)
    return cli_usage (cli, "%s", _ ("A volume is needed"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  for (char **name = rest; *name; name++) {
    g_autoptr (GError) refused = NULL;
    g_autoptr (GVariant) answer = cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "DeleteVolume",
                                            g_variant_new ("(s)", *name), NULL, NULL, &refused);

    if (answer == NULL)
      code = cli_fail (refused);
  }
  return code;
}

/* ---- list and info ---- */

typedef struct {
  const char *name;
  guint64 created, disk, inodes, disk_max, inodes_max;
  gboolean counted; /* disk and inodes are known */
  char **containers;
} Volume;

static void
volume_clear (Volume *volume)
{
  g_strfreev (volume->containers);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Volume, volume_clear)

/* What ListVolumes or GetVolume says of one; good as long as ROW. */
static Volume
read_volume (GVariant *row)
{
  Volume volume = { .name = "" };

  g_variant_lookup (row, "name", "&s", &volume.name);
  g_variant_lookup (row, "created-at", "t", &volume.created);
  volume.counted = g_variant_lookup (row, "disk", "t", &volume.disk);
  g_variant_lookup (row, "inodes", "t", &volume.inodes);
  g_variant_lookup (row, "disk-max", "t", &volume.disk_max);
  g_variant_lookup (row, "inodes-max", "t", &volume.inodes_max);
  if (!g_variant_lookup (row, "containers", "^as", &volume.containers))
    volume.containers = g_new0 (char *, 1);
  return volume;
}

static void
add_volume (struct libscols_table *table, GVariant *row)
{
  g_auto (Volume) volume = read_volume (row);
  g_autofree char *time = cli_time_text (volume.created);
  g_autofree char *max = volume.disk_max ? cli_limits_size (volume.disk_max) : g_strdup ("");
  g_autofree char *containers = g_strjoinv (" ", volume.containers);

  cli_table_add (table, (const char *[]){ volume.name, time ? time : "", max, containers, NULL }, 0,
                 CLI_COLOUR_NONE);
}

static void
print_name (GVariant *row)
{
  g_auto (Volume) volume = read_volume (row);

  puts (volume.name);
}

/* The keys as all of --json has them. */
static GVariant *
volume_object (GVariant *row)
{
  g_auto (Volume) volume = read_volume (row);
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);

  g_variant_dict_insert (&dict, "name", "s", volume.name);
  g_variant_dict_insert (&dict, "createdAt", "t", volume.created);
  g_variant_dict_insert (&dict, "containers", "^as", volume.containers);
  if (volume.disk_max)
    g_variant_dict_insert (&dict, "diskMax", "t", volume.disk_max);
  if (volume.inodes_max)
    g_variant_dict_insert (&dict, "inodesMax", "t", volume.inodes_max);
  if (volume.counted) {
    g_variant_dict_insert (&dict, "disk", "t", volume.disk);
    g_variant_dict_insert (&dict, "inodes", "t", volume.inodes);
  }
  return g_variant_dict_end (&dict);
}

int
cli_volume_list (Cli *cli, char **words)
{
  static const char *const columns[] = { N_ ("NAME"), N_ ("CREATED"), N_ ("AT MOST"), N_ ("CONTAINERS"),
                                         NULL };
  static const CliListing listing = {
    .method = "ListVolumes",
    .columns = columns,
    .add = add_volume,
    .print_name = print_name,
    .object = volume_object,
    .hint = N_ ("You have no volumes. 'bothy volume create NAME' makes one."),
  };

  return cli_listing_run (cli, &listing, words);
}

static void
print_volume (GVariant *row)
{
  g_auto (Volume) volume = read_volume (row);
  g_autofree char *time = cli_time_text (volume.created);
  g_autofree char *max = volume.disk_max ? cli_limits_size (volume.disk_max) : NULL;
  g_autofree char *disk = volume.counted ? cli_limits_size (volume.disk) : NULL;
  g_autofree char *containers = g_strjoinv (" ", volume.containers);

  cli_print_field (_ ("Name"), volume.name);
  cli_print_field (_ ("Created"), time);
  cli_print_field (_ ("Containers"), containers);
  cli_print_field (_ ("Takes"), disk);
  cli_print_field (_ ("At most"), max);
}

int
cli_volume_info (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = NULL;
  g_autoptr (GVariant) volume = NULL;
  g_auto (GStrv) rest = NULL;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (g_strv_length (rest) != 1)
    return cli_usage (cli, "%s", _ ("A volume is needed"));
  if (cli_connect (cli, &error))
    answer = cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "GetVolume", g_variant_new ("(s)", rest[0]), NULL,
                       NULL, &error);
  if (answer == NULL)
    return cli_fail (error);
  volume = g_variant_get_child_value (answer, 0);
  if (cli->json) {
    g_autoptr (GVariant) object = g_variant_ref_sink (volume_object (volume));

    cli_json_print_object (object);
  } else
    print_volume (volume);
  return CLI_EXIT_OK;
}

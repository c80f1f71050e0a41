/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "error.h"
#include "folders.h"
#include "listing.h"
#include "verbs.h"

/* The words of add and remove: a container and what is done with it. NULL: a usage error, which was reported. */
static char **
parse_two (Cli *cli, char **words, const char *usage)
{
  g_auto (GStrv) rest = NULL;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &rest, NULL))
    return NULL;
  if (g_strv_length (rest) == 2)
    return g_steal_pointer (&rest);
  cli_usage (cli, "%s", usage);
  return NULL;
}

static gboolean
add_volume_to (Cli *cli, const char *name, const CliFolder *folder, GError **error)
{
  g_autofree char *path = cli_find_container (cli, name, error);
  g_autoptr (GVariant) use = g_variant_ref_sink (
      g_variant_new ("(ss@a{sv})", folder->volume, folder->inside, cli_folder_options (folder)));
  g_autoptr (GVariant) uses = g_variant_ref_sink (g_variant_new_array (NULL, &use, 1));
  g_auto (GStrv) made = path ? cli_volumes_make (cli, uses, error) : NULL;
  g_autoptr (GVariant) answer = NULL;

  if (made)
    answer = cli_call (cli, path, IFACE_CONTAINER, "AddVolume", use, NULL, NULL, error);
  if (made && !answer)
    cli_volumes_unmake (cli, made);
  return answer != NULL;
}

static gboolean
add_to (Cli *cli, const char *name, const CliFolder *folder, GError **error)
{
  g_autofree char *path = cli_find_container (cli, name, error);
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (GVariant) answer = NULL;
  int index = path ? g_unix_fd_list_append (fds, folder->fd, error) : -1;

  if (index >= 0)
    answer = cli_call (cli, path, IFACE_CONTAINER, "AddMount",
                       g_variant_new ("(hs@a{sv})", index, folder->inside, cli_folder_options (folder)), fds,
                       NULL, error);
  return answer != NULL;
}

int
cli_mount_add (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest =
      parse_two (cli, words, _ ("A container and DIRECTORY:INSIDE[:ro] or VOLUME:INSIDE[:ro] are needed"));
  g_auto (CliFolder) folder = { .fd = -1 };

  if (!rest || !cli_folder_open (cli, rest[1], &folder))
    return CLI_EXIT_USAGE;
  if (!cli_connect (cli, &error) || !(folder.volume ? add_volume_to (cli, rest[0], &folder, &error)
                                                    : add_to (cli, rest[0], &folder, &error)))
    return cli_fail (error);
  return CLI_EXIT_OK;
}

static gboolean
remove_from (Cli *cli, const char *name, const char *inside, GError **error)
{
  g_autofree char *path = cli_find_container (cli, name, error);
  g_autoptr (GVariant) answer = NULL;

  if (path)
    answer = cli_call (cli, path, IFACE_CONTAINER, "RemoveMount", g_variant_new ("(s)", inside), NULL, NULL,
                       error);
  return answer != NULL;
}

int
cli_mount_remove (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = parse_two (cli, words, _ ("A container and a directory in it are needed"));

  if (!rest)
    return CLI_EXIT_USAGE;
  if (!g_utf8_validate (rest[1], -1, NULL))
    return cli_usage (cli, "%s", _ ("The directory inside is not UTF-8"));
  if (!cli_connect (cli, &error) || !remove_from (cli, rest[0], rest[1], &error))
    return cli_fail (error);
  return CLI_EXIT_OK;
}

static void
add_mount (struct libscols_table *table, GVariant *mount)
{
  const char *source = "", *inside = "", *user = "";
  gboolean read_only = FALSE;

  g_variant_lookup (mount, "source", "&s", &source);
  g_variant_lookup (mount, "destination", "&s", &inside);
  g_variant_lookup (mount, "user", "&s", &user);
  g_variant_lookup (mount, "read-only", "b", &read_only);
  cli_table_add (table, (const char *[]){ source, inside, read_only ? "ro" : "rw", user, NULL }, 0,
                 CLI_COLOUR_NONE);
}

/* The keys as all of --json has them. */
static GVariant *
mount_object (GVariant *mount)
{
  const char *source = "", *inside = "", *user = "", *volume;
  gboolean read_only = FALSE;

  g_variant_lookup (mount, "source", "&s", &source);
  g_variant_lookup (mount, "destination", "&s", &inside);
  g_variant_lookup (mount, "user", "&s", &user);
  g_variant_lookup (mount, "read-only", "b", &read_only);
  if (g_variant_lookup (mount, "volume", "&s", &volume))
    return g_variant_new_parsed ("{'volume': <%s>, 'destination': <%s>, 'readOnly': <%b>}", volume, inside,
                                 read_only);
  return g_variant_new_parsed ("{'source': <%s>, 'destination': <%s>, 'readOnly': <%b>, 'user': <%s>}",
                               source, inside, read_only, user);
}

static void
print_inside (GVariant *mount)
{
  const char *inside = "";

  g_variant_lookup (mount, "destination", "&s", &inside);
  puts (inside);
}

int
cli_mount_list (Cli *cli, char **words)
{
  static const char *const columns[] = { N_ ("FROM"), N_ ("INSIDE"), N_ ("MODE"), N_ ("USER"), NULL };
  static const CliListing listing = {
    .property = "Mounts",
    .columns = columns,
    .add = add_mount,
    .print_name = print_inside,
    .object = mount_object,
    .hint = N_ ("It has none of your directories. 'bothy mount add NAME DIRECTORY:INSIDE' gives it one."),
  };

  return cli_listing_run (cli, &listing, words);
}

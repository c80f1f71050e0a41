/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "escape.h"
#include "folders.h"

void
cli_folder_clear (CliFolder *folder)
{
  g_clear_pointer (&folder->volume, g_free);
  g_clear_pointer (&folder->path, g_free);
  g_clear_pointer (&folder->inside, g_free);
  g_clear_pointer (&folder->user, g_free);
  if (folder->fd >= 0)
    close (folder->fd);
  folder->fd = -1;
}

/* By a name of the caller's own, his number: an account that --with-user made has the same inside. */
static char *
find_user (const char *text)
{
  if (g_str_equal (text, g_get_user_name ()))
    return g_strdup_printf ("%u", getuid ());
  return g_strdup (text);
}

/* Whether OPTIONS, separated by commas, are such. */
static gboolean
parse_options (CliFolder *folder, const char *options)
{
  g_auto (GStrv) words = g_strsplit (options, ",", -1);

  for (char **word = words; *word; word++) {
    if (g_str_equal (*word, "ro"))
      folder->read_only = TRUE;
    else if (g_str_has_prefix (*word, "user=") && (*word)[5]) {
      g_free (folder->user);
      folder->user = find_user (*word + 5);
    } else if (!g_str_equal (*word, "rw"))
      return FALSE;
  }
  return TRUE;
}

static gboolean
refuse (Cli *cli, const char *word, const char *why)
{
  g_autofree char *shown = cli_escape (word, -1, CLI_ESCAPE_LINE);

  cli_usage (cli, "%s: %s", shown, why);
  return FALSE;
}

/* What the service opens again later is the place, not the links that lead there now. */
static gboolean
open_directory (Cli *cli, const char *path, CliFolder *folder)
{
  char *whole = realpath (path, NULL);

  folder->path = g_strdup (whole);
  free (whole);
  if (folder->path)
    folder->fd = open (folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder->fd >= 0)
    return TRUE;
  if (errno == ENOENT)
    return refuse (cli, path, _ ("there is no such directory; make it first"));
  return refuse (cli, path, g_strerror (errno));
}

/* As docker has it: what has no slash is a volume's name. */
static gboolean
is_volume (const char *text)
{
  return !strchr (text, '/') && !g_str_equal (text, ".") && !g_str_equal (text, "..");
}

gboolean
cli_folder_open (Cli *cli, const char *word, CliFolder *ret_folder)
{
  g_auto (GStrv) parts = g_strsplit (word, ":", 3);
  g_auto (CliFolder) folder = { .fd = -1 };

  if (g_strv_length (parts) < 2 || !*parts[0])
    return refuse (cli, word, _ ("DIRECTORY:INSIDE[:ro] or VOLUME:INSIDE[:ro] is wanted"));
  if (parts[1][0] != '/' || !g_utf8_validate (parts[1], -1, NULL))
    return refuse (cli, word, _ ("the place inside has to begin with /"));
  if (parts[2] && !parse_options (&folder, parts[2]))
    return refuse (cli, word, _ ("the options are ro, rw and user=UID[:GID]"));
  if (is_volume (parts[0])) {
    if (folder.user)
      return refuse (cli, word, _ ("user= is for directories; for a directory here begin with ./"));
    if (!g_utf8_validate (parts[0], -1, NULL))
      return refuse (cli, word, _ ("the volume's name is not UTF-8"));
    folder.volume = g_strdup (parts[0]);
  } else if (!open_directory (cli, parts[0], &folder))
    return FALSE;
  folder.inside = g_strdup (parts[1]);
  *ret_folder = folder;
  folder = (CliFolder){ .fd = -1 };
  return TRUE;
}

GVariant *
cli_folder_options (const CliFolder *folder)
{
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (folder->path)
    g_variant_builder_add (&options, "{sv}", "path",
                           g_utf8_validate (folder->path, -1, NULL)
                               ? g_variant_new_string (folder->path)
                               : g_variant_new_bytestring (folder->path));
  if (folder->read_only)
    g_variant_builder_add (&options, "{sv}", "read-only", g_variant_new_boolean (TRUE));
  if (folder->user)
    g_variant_builder_add (&options, "{sv}", "user", g_variant_new_string (folder->user));
  return g_variant_builder_end (&options);
}

/* FALSE: it was reported why not. */
static gboolean
add_folder (Cli *cli, const char *word, GVariantBuilder *list, GVariantBuilder *volumes, GUnixFDList *fds)
{
  g_auto (CliFolder) folder = { .fd = -1 };
  int index;

  if (!cli_folder_open (cli, word, &folder))
    return FALSE;
  if (folder.volume) {
    g_variant_builder_add (volumes, "(ss@a{sv})", folder.volume, folder.inside, cli_folder_options (&folder));
    return TRUE;
  }
  index = g_unix_fd_list_append (fds, folder.fd, NULL);
  if (index < 0)
    return refuse (cli, word, g_strerror (EMFILE));
  g_variant_builder_add (list, "(hs@a{sv})", index, folder.inside, cli_folder_options (&folder));
  return TRUE;
}

GVariant *
cli_folders_open (Cli *cli, char **words, GUnixFDList *fds, GVariant **ret_volumes)
{
  GVariantBuilder list, volumes;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("a(hsa{sv})"));
  g_variant_builder_init (&volumes, G_VARIANT_TYPE ("a(ssa{sv})"));
  for (; words && *words; words++) {
    if (!add_folder (cli, *words, &list, &volumes, fds)) {
      g_variant_builder_clear (&list);
      g_variant_builder_clear (&volumes);
      return NULL;
    }
  }
  *ret_volumes = g_variant_ref_sink (g_variant_builder_end (&volumes));
  return g_variant_ref_sink (g_variant_builder_end (&list));
}

char **
cli_volumes_make (Cli *cli, GVariant *volumes, GError **error)
{
  g_autoptr (GPtrArray) made = g_ptr_array_new_with_free_func (g_free);
  gsize n = g_variant_n_children (volumes);

  for (gsize i = 0; i < n; i++) {
    g_autoptr (GError) refused = NULL;
    g_autoptr (GVariant) answer = NULL;
    g_autofree char *name = NULL;

    g_variant_get_child (volumes, i, "(ss@a{sv})", &name, NULL, NULL);
    answer = cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "CreateVolume", g_variant_new ("(sa{sv})", name, NULL),
                       NULL, NULL, &refused);
    if (answer)
      g_ptr_array_add (made, g_steal_pointer (&name));
    else if (!cli_error_is (refused, "VolumeExists")) {
      g_ptr_array_add (made, NULL);
      cli_volumes_unmake (cli, (char **)made->pdata);
      g_propagate_error (error, g_steal_pointer (&refused));
      return NULL;
    }
  }
  g_ptr_array_add (made, NULL);
  return (char **)g_ptr_array_free (g_steal_pointer (&made), FALSE);
}

void
cli_volumes_unmake (Cli *cli, char **names)
{
  for (; *names; names++) {
    g_autoptr (GVariant) answer = cli_call (cli, BOTHY_ROOT, IFACE_MANAGER, "DeleteVolume",
                                            g_variant_new ("(s)", *names), NULL, NULL, NULL);
  }
}

char *
cli_folders_text (GVariant *mounts)
{
  GString *text = g_string_new (NULL);
  GVariantIter iter;
  GVariant *mount;

  g_variant_iter_init (&iter, mounts);
  while ((mount = g_variant_iter_next_value (&iter))) {
    const char *source = "", *inside = "";
    gboolean read_only = FALSE;

    g_variant_lookup (mount, "source", "&s", &source);
    g_variant_lookup (mount, "destination", "&s", &inside);
    g_variant_lookup (mount, "read-only", "b", &read_only);
    g_string_append_printf (text, "%s%s:%s%s", text->len ? " " : "", source, inside, read_only ? ":ro" : "");
    g_variant_unref (mount);
  }
  return g_string_free (text, FALSE);
}

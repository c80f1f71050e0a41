/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "archiver.h"
#include "error.h"
#include "imported.h"
#include "limitspec.h"
#include "verbs.h"

static int
open_archive (const char *file, GError **error)
{
  int fd = g_str_equal (file, "-") ? dup (STDIN_FILENO) : g_open (file, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0);

  if (fd < 0)
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "%s: %s", file, g_strerror (errno));
  return fd;
}

/* A directory as an archive that is made meanwhile, a file as it is. */
static gboolean
open_source (CliArchiver *source, const char *file, GError **error)
{
  if (g_file_test (file, G_FILE_TEST_IS_DIR))
    return cli_archiver_pack (source, file, error);
  source->fd = open_archive (file, error);
  return source->fd >= 0;
}

/* The file is here, and the service elsewhere: it travels as standard input. */
static gboolean
send_file_along (Cli *cli, int fd, const char *file, GError **error)
{
  if (cli->host == NULL || g_str_equal (file, "-"))
    return TRUE;
  for (gsize i = 1; cli->argv[i]; i++)
    if (g_str_equal (cli->argv[i], file)) {
      g_free (cli->argv[i]);
      cli->argv[i] = g_strdup ("-");
      break;
    }
  if (dup2 (fd, STDIN_FILENO) == STDIN_FILENO)
    return TRUE;
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "%s: %s", file, g_strerror (errno));
  return FALSE;
}

/* FILES: the archive, or before it the one with the metadata. */
static gboolean
open_metadata (CliImport *import, char **files, GError **error)
{
  if (files[1])
    import->metadata_fd = open_archive (files[0], error);
  return !files[1] || import->metadata_fd >= 0;
}

/* A container called NAME that stands on the image at PATH. */
static gboolean
create_container (Cli *cli, const char *path, const char *name, GError **error)
{
  g_autoptr (GVariant) properties = cli_get_all (cli, path, IFACE_IMAGE, error);
  g_autoptr (GVariant) answer = NULL;
  const char *fingerprint;

  if (properties && g_variant_lookup (properties, "Fingerprint", "&s", &fingerprint))
    answer = cli_call_over_quota (cli, BOTHY_ROOT, IFACE_MANAGER, "CreateContainer",
                                  g_variant_new ("(ssa{sv})", name, fingerprint, NULL), NULL, error);
  if (answer)
    puts (name);
  return answer != NULL;
}

/* CONTAINER: its name, or NULL: an image is all that is wanted. */
static gboolean
import_file (Cli *cli, CliImport *import, const char *file, const char *container, GError **error)
{
  g_autofree char *base = g_path_get_basename (file);
  g_autofree char *title = g_strdup_printf (_ ("Importing %s"), base);
  g_autofree char *image = NULL;

  import->title = title;
  image = cli_import (cli, import, error);
  if (image && container)
    return create_container (cli, image, container, error);
  return image && cli_print_imported (cli, image, error);
}

/* FILES: one or two, and NULL. */
static int
import_files (Cli *cli, CliImport *import, char **files, const char *container)
{
  const char *file = files[1] ? files[1] : files[0];
  g_autoptr (GError) error = NULL;
  CliArchiver source = { -1, 0 };
  gboolean ok;

  if (!open_metadata (import, files, &error) || !open_source (&source, file, &error))
    return cli_fail (error);
  import->fd = source.fd;
  ok = send_file_along (cli, source.fd, file, &error) && cli_connect (cli, &error) &&
       import_file (cli, import, file, container, &error);
  if (import->metadata_fd >= 0)
    close (import->metadata_fd);
  /* Then it said why itself, and the service saw an archive without an end. */
  if (!cli_archiver_close (&source))
    return CLI_EXIT_FAILED;
  return ok ? CLI_EXIT_OK : cli_fail (error);
}

int
cli_image_import (Cli *cli, char **words)
{
  g_autofree char *alias = NULL;
  g_autofree char *fingerprint = NULL;
  CliImport import = { .fd = -1, .metadata_fd = -1 };
  const GOptionEntry entries[] = {
    { "alias", 0, 0, G_OPTION_ARG_FILENAME, &alias, N_ ("A name of yours for it"), N_ ("ALIAS") },
    { "fingerprint", 0, 0, G_OPTION_ARG_FILENAME, &fingerprint, N_ ("Refuse it unless its SHA-256 is this"),
      N_ ("SHA256") },
    CLI_SQUASH_OWNERS (&import.squash_owners),
    { NULL },
  };
  g_auto (GStrv) files = NULL;

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &files, NULL))
    return CLI_EXIT_USAGE;
  if (g_strv_length (files) < 1 || g_strv_length (files) > 2)
    return cli_usage (cli, "%s",
                      _ ("One file or directory is needed, or - for standard input; or an archive of "
                         "metadata and one of the root that belongs to them"));
  if (files[1] && cli->host)
    return cli_usage (cli, "%s", _ ("With --host an image is imported from one file"));
  if (files[1] && g_str_equal (files[0], "-") && g_str_equal (files[1], "-"))
    return cli_usage (cli, "%s", _ ("Only one of the two can be standard input"));
  import.alias = alias;
  import.fingerprint = fingerprint;
  return import_files (cli, &import, files, NULL);
}

int
cli_import_container (Cli *cli, char **words)
{
  g_auto (GStrv) rest = NULL;
  CliImport import = { .fd = -1, .metadata_fd = -1 };
  const GOptionEntry entries[] = { CLI_SQUASH_OWNERS (&import.squash_owners), { NULL } };

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (g_strv_length (rest) != 2)
    return cli_usage (cli, "%s",
                      _ ("An archive, or - for standard input, and a name for the container are needed"));
  return import_files (cli, &import, (char *[]){ rest[0], NULL }, rest[1]);
}

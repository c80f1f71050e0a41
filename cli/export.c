/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "error.h"
#include "operation.h"
#include "verbs.h"

/* Where the archive goes: beside its place until it is whole, unless it is no file. */
typedef struct {
  const char *file;
  char *beside; /* or NULL */
  int fd;
} Target;

static gboolean
fail (GError **error, const char *file)
{
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "%s: %s", file, g_strerror (errno));
  return FALSE;
}

static gboolean
open_target (Target *target, GError **error)
{
  GStatBuf st;
  mode_t mask = umask (0);

  umask (mask);
  if (g_str_equal (target->file, "-"))
    target->fd = dup (STDOUT_FILENO);
  else if (g_stat (target->file, &st) == 0 && !S_ISREG (st.st_mode))
    target->fd = g_open (target->file, O_WRONLY | O_CLOEXEC | O_NOCTTY, 0);
  else {
    target->beside = g_strconcat (target->file, ".XXXXXX", NULL);
    target->fd = g_mkstemp_full (target->beside, O_RDWR | O_CLOEXEC, 0666 & ~mask);
  }
  return target->fd >= 0 || fail (error, target->file);
}

/* With OK it gets its name; else nothing of it stays. */
static gboolean
close_target (Target *target, gboolean ok, GError **error)
{
  if (ok && target->beside && (fsync (target->fd) < 0 || g_rename (target->beside, target->file) < 0))
    ok = fail (error, target->file);
  if (!ok && target->beside)
    g_unlink (target->beside);
  close (target->fd);
  g_free (target->beside);
  return ok;
}

static const char *
compression_of (const char *file)
{
  static const struct {
    const char *suffix, *compression;
  } known[] = { { ".gz", "gzip" }, { ".tgz", "gzip" }, { ".xz", "xz" },
                { ".txz", "xz" },  { ".zst", "zstd" }, { ".tzst", "zstd" } };

  for (gsize i = 0; i < G_N_ELEMENTS (known); i++)
    if (g_str_has_suffix (file, known[i].suffix))
      return known[i].compression;
  return "none";
}

/* What is exported, and how. */
typedef struct {
  char *path; /* of the object */
  const char *interface;
  const char *name;
  const char *format;   /* or NULL: an image's default */
  const char *snapshot; /* of a container, or NULL */
} Source;

/* The arguments of its method Export. (transfer floating) */
static GVariant *
export_parameters (const Source *source, const char *file)
{
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  cli_option_add (&options, "compression", compression_of (file));
  cli_option_add (&options, "snapshot", source->snapshot);
  if (source->format && g_str_equal (source->interface, IFACE_CONTAINER))
    return g_variant_new ("(hsa{sv})", 0, source->format, &options);
  cli_option_add (&options, "format", source->format);
  return g_variant_new ("(ha{sv})", 0, &options);
}

static gboolean
export_source (Cli *cli, const Source *source, const Target *target, GError **error)
{
  g_autofree char *title = g_strdup_printf (_ ("Exporting %s"), source->name);
  g_autofree char *operation = NULL;
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (GVariant) answer = NULL;

  if (source->path == NULL || g_unix_fd_list_append (fds, target->fd, error) < 0)
    return FALSE;
  answer = cli_call (cli, source->path, source->interface, "Export", export_parameters (source, target->file),
                     fds, NULL, error);
  if (answer == NULL)
    return FALSE;
  g_variant_get (answer, "(o)", &operation);
  return cli_operation_follow (cli, operation, title, NULL, error);
}

/* FALSE: it was reported why not. */
static gboolean
check_target (Cli *cli, const char *file)
{
  if (cli->host && !g_str_equal (file, "-"))
    cli_usage (cli, "%s", _ ("With --host it goes to standard output: give - as the file"));
  else if (g_str_equal (file, "-") && isatty (STDOUT_FILENO))
    cli_usage (cli, "%s", _ ("An archive is nothing for a terminal: give a file"));
  else
    return TRUE;
  return FALSE;
}

static int
export_to (Cli *cli, const Source *source, const char *file, GError *error)
{
  Target target = { .file = file, .fd = -1 };
  gboolean ok;

  if (source->path == NULL || !open_target (&target, &error))
    return cli_fail (error);
  ok = export_source (cli, source, &target, &error);
  ok = close_target (&target, ok, &error);
  return ok ? CLI_EXIT_OK : cli_fail (error);
}

int
cli_image_export (Cli *cli, char **words)
{
  g_autofree char *format = NULL;
  const GOptionEntry entries[] = {
    { "format", 0, 0, G_OPTION_ARG_FILENAME, &format, N_ ("incus, which is the default, or oci"),
      N_ ("FORMAT") },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = NULL;
  g_autofree char *path = NULL;

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &names, NULL))
    return CLI_EXIT_USAGE;
  if (g_strv_length (names) != 2)
    return cli_usage (cli, "%s", _ ("An image and a file are needed, or - for standard output"));
  if (format && !g_strv_contains ((const char *const[]){ "incus", "oci", NULL }, format))
    return cli_usage (cli, "%s", _ ("--format takes incus or oci"));
  if (!check_target (cli, names[1]))
    return CLI_EXIT_USAGE;
  if (cli_connect (cli, &error))
    path = cli_find_image (cli, names[0], &error);
  return export_to (cli,
                    &(Source){ .path = path, .interface = IFACE_IMAGE, .name = names[0], .format = format },
                    names[1], g_steal_pointer (&error));
}

int
cli_export (Cli *cli, char **words)
{
  g_autofree char *format = NULL;
  g_autofree char *snapshot = NULL;
  const GOptionEntry entries[] = {
    { "snapshot", 0, 0, G_OPTION_ARG_STRING, &snapshot, N_ ("As it was then; or NAME/SNAPSHOT"),
      N_ ("SNAPSHOT") },
    { "format", 0, 0, G_OPTION_ARG_FILENAME, &format, N_ ("tar, which is the default, oci or incus"),
      N_ ("FORMAT") },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = NULL;
  g_autofree char *path = NULL;

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &names, NULL))
    return CLI_EXIT_USAGE;
  if (g_strv_length (names) != 2)
    return cli_usage (cli, "%s", _ ("A container and a file are needed, or - for standard output"));
  if (format && !g_strv_contains ((const char *const[]){ "tar", "oci", "incus", NULL }, format))
    return cli_usage (cli, "%s", _ ("--format takes tar, oci or incus"));
  if (!check_target (cli, names[1]))
    return CLI_EXIT_USAGE;
  if (cli_connect (cli, &error))
    path = cli_find_files (cli, names[0], &snapshot, &error);
  return export_to (cli,
                    &(Source){ .path = path,
                               .interface = IFACE_CONTAINER,
                               .name = names[0],
                               .format = format ? format : "tar",
                               .snapshot = snapshot },
                    names[1], g_steal_pointer (&error));
}

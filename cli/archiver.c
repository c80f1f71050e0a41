/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gio/gio.h>
#include <glib-unix.h>
#include <glib/gstdio.h>

#include "archive-status.h"
#include "archiver.h"

/* Runs in the child: it must not go on when we are killed. */
static void
end_with_parent (gpointer data)
{
  prctl (PR_SET_PDEATHSIG, SIGTERM);
}

/* Starts it in @directory. If it @reads an archive, that is what is written into the archiver's end; else the archive is what
 * is read there, and made of @input as its standard input, or of nothing with -1. What it prints goes to @output, with -1 to our standard output. */
static gboolean
start (CliArchiver *archiver,
       const char *const *words,
       const char *directory,
       int input,
       int output,
       gboolean reads,
       GError **error)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) argv = NULL;
  gboolean ok;
  int ends[2];

  g_strv_builder_add (builder, LIBEXEC_DIR "/bothy-archive");
  g_strv_builder_addv (builder, (const char **)words);
  argv = g_strv_builder_end (builder);
  if (!g_unix_open_pipe (ends, FD_CLOEXEC, error))
    return FALSE;
  ok =
      g_spawn_async_with_fds (directory, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, end_with_parent, NULL,
                              &archiver->child, reads ? ends[0] : input, reads ? output : ends[1], -1, error);
  close (ends[reads ? 0 : 1]);
  if (ok)
    archiver->fd = ends[reads ? 1 : 0];
  else
    close (ends[reads ? 1 : 0]);
  return ok;
}

gboolean
cli_archiver_pack (CliArchiver *archiver, const char *path, GError **error)
{
  const char *words[] = { "pack", NULL };

  return start (archiver, words, path, -1, -1, FALSE, error);
}

static gboolean
send_file (CliArchiver *archiver, const char *path, const char *const *words, GError **error)
{
  int fd = g_str_equal (path, "-") ? dup (STDIN_FILENO) : g_open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0);
  gboolean ok;

  if (fd < 0) {
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "%s: %s", path, g_strerror (errno));
    return FALSE;
  }
  ok = start (archiver, words, NULL, fd, -1, FALSE, error);
  close (fd);
  return ok;
}

gboolean
cli_archiver_send (CliArchiver *archiver, const char *path, const CliArchiverNames *names, GError **error)
{
  gboolean is_directory = g_file_test (path, G_FILE_TEST_IS_DIR);
  g_autofree char *uid = g_strdup_printf ("%u", names->uid);
  g_autofree char *gid = g_strdup_printf ("%u", names->gid);
  g_autofree char *mode = g_strdup_printf ("%o", names->mode);
  const char *words[] = { is_directory ? "send" : "send-file", names->name, uid, gid,
                          names->mode >= 0 ? mode : NULL,      NULL };

  return is_directory ? start (archiver, words, path, -1, -1, FALSE, error)
                      : send_file (archiver, path, words, error);
}

gboolean
cli_archiver_receive (
    CliArchiver *archiver, const char *directory, const char *first, const char *name, GError **error)
{
  const char *words[] = { "receive", first, name, NULL };

  return start (archiver, words, directory, -1, -1, TRUE, error);
}

gboolean
cli_archiver_print (CliArchiver *archiver, int output, GError **error)
{
  const char *words[] = { "print", NULL };

  return start (archiver, words, NULL, -1, output, TRUE, error);
}

void
cli_archiver_stop (CliArchiver *archiver)
{
  cli_archiver_end (archiver);
  if (archiver->child > 0)
    kill (archiver->child, SIGTERM);
}

gboolean
cli_archiver_attributes (CliArchiver *archiver, int output, GError **error)
{
  const char *words[] = { "attributes", NULL };

  return start (archiver, words, NULL, -1, output, TRUE, error);
}

void
cli_archiver_end (CliArchiver *archiver)
{
  if (archiver->fd >= 0)
    close (archiver->fd);
  archiver->fd = -1;
}

gboolean
cli_archiver_close (CliArchiver *archiver)
{
  int status = 0;

  cli_archiver_end (archiver);
  if (archiver->child <= 0)
    return TRUE;
  while (waitpid (archiver->child, &status, 0) < 0 && errno == EINTR)
    ;
  archiver->child = 0;
  return !WIFEXITED (status) || WEXITSTATUS (status) != ARCHIVE_STATUS_UNREADABLE;
}

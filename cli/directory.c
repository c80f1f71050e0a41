/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gio/gio.h>
#include <glib-unix.h>

#include "archive-status.h"
#include "directory.h"

gboolean
cli_directory_open (CliDirectory *directory, const char *path, GError **error)
{
  const char *argv[] = { LIBEXEC_DIR "/bothy-archive", NULL };
  gboolean ok;
  int ends[2];

  if (!g_unix_open_pipe (ends, FD_CLOEXEC, error))
    return FALSE;
  ok = g_spawn_async_with_fds (path, (char **)argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                               &directory->child, -1, ends[1], -1, error);
  close (ends[1]);
  if (ok)
    directory->fd = ends[0];
  else
    close (ends[0]);
  return ok;
}

gboolean
cli_directory_close (CliDirectory *directory)
{
  int status = 0;

  if (directory->child <= 0)
    return TRUE;
  while (waitpid (directory->child, &status, 0) < 0 && errno == EINTR)
    ;
  directory->child = 0;
  return !WIFEXITED (status) || WEXITSTATUS (status) != ARCHIVE_STATUS_UNREADABLE;
}

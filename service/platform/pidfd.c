/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "platform/pidfd.h"

#include "base/error.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The line of a file below /proc that begins with KEY, without it. */
static char *
read_line (const char *path, const char *key)
{
  g_autofree char *text = NULL;
  const char *line;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return NULL;
  for (line = text; line && !g_str_has_prefix (line, key);) {
    line = strchr (line, '\n');
    line = line ? line + 1 : NULL;
  }
  return line ? g_strndup (line + strlen (key), strcspn (line, "\n") - strlen (key)) : NULL;
}

/* -1: it is no pidfd, or its process is gone. */
static int
pid_of (int pidfd)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/fdinfo/%d", pidfd);
  g_autofree char *text = read_line (path, "Pid:");
  int pid;

  return text && sscanf (text, "%d", &pid) == 1 && pid > 0 ? pid : -1;
}

/* All four: a program with the set-user-ID bit is not its caller's to move. */
static gboolean
runs_as (int pid, guint32 user)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/status", pid);
  g_autofree char *text = read_line (path, "Uid:");
  guint32 ids[4];

  return text && sscanf (text, "%u %u %u %u", &ids[0], &ids[1], &ids[2], &ids[3]) == 4 && ids[0] == user &&
         ids[1] == user && ids[2] == user && ids[3] == user;
}

gboolean
bothy_pidfd_check (int pidfd, guint32 user, int *ret_pid, GError **error)
{
  int pid = pid_of (pidfd);

  if (pid > 0 && runs_as (pid, user) && pid_of (pidfd) == pid) {
    *ret_pid = pid;
    return TRUE;
  }
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NOT_YOURS, "This is no pidfd of a process of yours that runs");
  return FALSE;
}

int
bothy_pidfd_open (guint32 pid)
{
  return pid > 0 && pid <= G_MAXINT32 ? (int)syscall (SYS_pidfd_open, (int)pid, 0) : -1;
}

gboolean
bothy_pidfd_has_ended (int pidfd)
{
  struct pollfd end = { .fd = pidfd, .events = POLLIN };

  return poll (&end, 1, 0) != 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib-unix.h>

#include "agent.h"

#define AGENT_PATIENCE_MS 10000

static GPid agent_pid;

/* When this process started, in the kernel's ticks: polkit wants it, so that nobody can take over the number.
 */
static guint64
own_start_time (void)
{
  g_autofree char *stat = NULL;
  g_auto (GStrv) fields = NULL;
  const char *after;

  if (!g_file_get_contents ("/proc/self/stat", &stat, NULL, NULL))
    return 0;
  /* The name, in parentheses, may contain anything; field 22 is the twentieth after it. */
  after = strrchr (stat, ')');
  if (after == NULL || after[1] == '\0')
    return 0;
  fields = g_strsplit (after + 2, " ", -1);
  return g_strv_length (fields) > 19 ? g_ascii_strtoull (fields[19], NULL, 10) : 0;
}

/* Runs in the child: the agent must not stay behind when we are killed. */
static void
end_with_parent (gpointer data)
{
  prctl (PR_SET_PDEATHSIG, SIGTERM);
}

/* The agent closes its copy of the pipe when it is registered, or when it dies. */
static void
wait_until_ready (int fd)
{
  struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLHUP };

  while (poll (&pfd, 1, AGENT_PATIENCE_MS) < 0 && errno == EINTR)
    ;
}

void
cli_agent_start (void)
{
  g_autofree char *process = NULL;
  const char *argv[] = { "pkttyagent", "--notify-fd", "3", "--process", NULL, "--fallback", NULL };
  int pipefd[2];
  int target = 3;
  gboolean started;

  if (agent_pid != 0 || !isatty (STDIN_FILENO) || !isatty (STDERR_FILENO))
    return;
  if (!g_unix_open_pipe (pipefd, FD_CLOEXEC, NULL))
    return;

  process = g_strdup_printf ("%d,%" G_GUINT64_FORMAT, (int)getpid (), own_start_time ());
  argv[4] = process;
  started = g_spawn_async_with_pipes_and_fds (
      NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CHILD_INHERITS_STDIN,
      end_with_parent, NULL, -1, -1, -1, &pipefd[1], &target, 1, &agent_pid, NULL, NULL, NULL, NULL);
  close (pipefd[1]);
  if (started)
    wait_until_ready (pipefd[0]);
  close (pipefd[0]);
}

void
cli_agent_stop (void)
{
  if (agent_pid == 0)
    return;

  kill (agent_pid, SIGTERM);
  kill (agent_pid, SIGCONT);
  while (waitpid (agent_pid, NULL, 0) < 0 && errno == EINTR)
    ;
  agent_pid = 0;
}

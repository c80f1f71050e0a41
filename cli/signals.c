/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <fcntl.h>
#include <unistd.h>

#include <glib-unix.h>

#include "signals.h"

/* g_unix_signal_add() knows neither SIGQUIT nor SIGCONT, so a pipe carries the numbers to the main loop. */
static int pipe_fds[2] = { -1, -1 };
static guint source;
static sigset_t caught_set;
static CliSignal callback;

static void
on_signal (int number)
{
  int saved = errno;
  unsigned char byte = (unsigned char)number;

  if (write (pipe_fds[1], &byte, 1) < 0) {
    /* The pipe is full of signals that nobody has looked at: this one adds nothing. */
  }
  errno = saved;
}

static gboolean
on_readable (int fd, GIOCondition condition, gpointer data)
{
  unsigned char byte;

  while (read (fd, &byte, 1) == 1)
    callback (byte, data);
  return G_SOURCE_CONTINUE;
}

void
cli_signals_catch (const int *signals, CliSignal caught, gpointer data)
{
  struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

  if (!g_unix_open_pipe (pipe_fds, FD_CLOEXEC, NULL))
    return;
  g_unix_set_fd_nonblocking (pipe_fds[0], TRUE, NULL);
  g_unix_set_fd_nonblocking (pipe_fds[1], TRUE, NULL);
  callback = caught;
  source = g_unix_fd_add (pipe_fds[0], G_IO_IN, on_readable, data);

  sigemptyset (&caught_set);
  sigfillset (&action.sa_mask);
  for (gsize i = 0; signals[i]; i++) {
    sigaddset (&caught_set, signals[i]);
    sigaction (signals[i], &action, NULL);
  }
}

void
cli_signals_release (void)
{
  if (source == 0)
    return;

  for (int number = 1; number < NSIG; number++)
    if (sigismember (&caught_set, number) == 1)
      signal (number, SIG_DFL);
  g_clear_handle_id (&source, g_source_remove);
  close (pipe_fds[0]);
  close (pipe_fds[1]);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <glib.h>

#include "rawmode.h"

/* What a signal handler needs to give the terminal back. */
static struct termios saved_mode;
static struct termios raw_mode;
static volatile sig_atomic_t is_raw;

static const int fatal_signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGABRT, SIGSEGV, SIGBUS, SIGPIPE };

void
cli_raw_mode_leave (void)
{
  if (is_raw) {
    is_raw = 0;
    tcsetattr (STDIN_FILENO, TCSADRAIN, &saved_mode);
  }
}

void
cli_raw_mode_die (int number)
{
  cli_raw_mode_leave ();
  signal (number, SIG_DFL);
  raise (number);
}

/* After "kill -STOP" and "fg" a shell has set its own mode. */
static void
on_continue (int number)
{
  int saved = errno;

  if (is_raw)
    tcsetattr (STDIN_FILENO, TCSADRAIN, &raw_mode);
  errno = saved;
}

void
cli_raw_mode_enter (void)
{
  static gboolean registered;
  struct sigaction fatal = { .sa_handler = cli_raw_mode_die };
  struct sigaction resume = { .sa_handler = on_continue, .sa_flags = SA_RESTART };

  if (!isatty (STDIN_FILENO) || tcgetattr (STDIN_FILENO, &saved_mode) < 0)
    return;

  raw_mode = saved_mode;
  cfmakeraw (&raw_mode);
  is_raw = 1;
  if (!registered)
    atexit (cli_raw_mode_leave);
  registered = TRUE;
  for (gsize i = 0; i < G_N_ELEMENTS (fatal_signals); i++)
    sigaction (fatal_signals[i], &fatal, NULL);
  sigaction (SIGCONT, &resume, NULL);
  tcsetattr (STDIN_FILENO, TCSADRAIN, &raw_mode);
}

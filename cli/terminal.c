/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <glib-unix.h>

#include "agent.h"
#include "cli.h"
#include "flow.h"
#include "rawmode.h"
#include "terminal.h"

#define ESCAPE_KEY   '\035'
#define ESCAPE_COUNT 3
#define ESCAPE_USEC  G_USEC_PER_SEC
#define END_KEY      '\004'
/* How long the last bytes of a program that ended may be on their way. */
#define DRAIN_MS 250

struct CliTerminal {
  int pty;
  int tty_in;
  int tty_out;
  CliFlow keys;   /* from the person */
  CliFlow screen; /* to the person */
  CliTerminalFlags flags;
  CliTerminalEnd end;
  gpointer data;
  guint winch_source;
  guint escapes;
  gint64 escape_time;
  gboolean escaped;
  gboolean end_said;       /* the keys are over, and the other side was told */
  gboolean end_said_lines; /* while it took lines */
  gboolean ended;
};

/* Non-blocking mode belongs to the open file, which a shell and others share with us: so a terminal is opened
 * anew. What is not a terminal, or may not be opened, stays as it is, and may make us wait. */
static int
own_description (int fd, int mode)
{
  g_autofree char *name = g_strdup_printf ("/proc/self/fd/%d", fd);
  int opened = isatty (fd) ? open (name, mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;

  return opened >= 0 ? opened : fcntl (fd, F_DUPFD_CLOEXEC, 3);
}

static gboolean
on_resize (gpointer data)
{
  CliTerminal *terminal = data;
  struct winsize size;

  if (ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) == 0 || ioctl (STDIN_FILENO, TIOCGWINSZ, &size) == 0)
    ioctl (terminal->pty, TIOCSWINSZ, &size);
  return G_SOURCE_CONTINUE;
}

/* Who leaves after the screen has ended is heard, too: its end alone says nothing of the container's. */
static void
finish (CliTerminal *terminal)
{
  if (terminal->ended && !terminal->escaped)
    return;
  terminal->ended = TRUE;
  terminal->end (terminal->data);
}

/* Whether the keys so far say that the person wants to leave. */
static gboolean
watch_for_escape (CliTerminal *terminal, const char *keys, gsize length)
{
  for (gsize i = 0; i < length; i++) {
    gint64 now = g_get_monotonic_time ();

    if (keys[i] != ESCAPE_KEY) {
      terminal->escapes = 0;
      continue;
    }
    if (terminal->escapes == 0 || now - terminal->escape_time > ESCAPE_USEC) {
      terminal->escapes = 0;
      terminal->escape_time = now;
    }
    if (++terminal->escapes == ESCAPE_COUNT)
      return TRUE;
  }
  return FALSE;
}

static gboolean
passes_keys (gpointer data, const char *keys, gsize length)
{
  CliTerminal *terminal = data;

  terminal->escaped = (terminal->flags & CLI_TERMINAL_ESCAPE) && watch_for_escape (terminal, keys, length);
  return !terminal->escaped;
}

static gboolean
takes_lines (CliTerminal *terminal)
{
  struct termios mode;

  return tcgetattr (terminal->pty, &mode) == 0 && (mode.c_lflag & ICANON);
}

static void
say_end (CliTerminal *terminal)
{
  terminal->end_said = TRUE;
  terminal->end_said_lines = takes_lines (terminal);
  cli_flow_add (&terminal->keys, END_KEY);
}

/* The end of a file as keys is what Ctrl-D would say. */
static void
keys_ended (gpointer data)
{
  if (!isatty (STDIN_FILENO))
    say_end (data);
}

/* Ctrl-D is lost on a shell that takes keys by the time it reads what was typed as a line: it hears it again.
 */
static gboolean
passes_screen (gpointer data, const char *bytes, gsize length)
{
  CliTerminal *terminal = data;

  if (terminal->end_said && terminal->end_said_lines != takes_lines (terminal))
    say_end (terminal);
  return TRUE;
}

static void
stepped (gpointer data)
{
  CliTerminal *terminal = data;

  if (terminal->escaped || cli_flow_over (&terminal->screen))
    finish (terminal);
}

static const CliFlowHooks keys_hooks = { passes_keys, keys_ended, stepped };
static const CliFlowHooks screen_hooks = { passes_screen, NULL, stepped };

CliTerminal *
cli_terminal_new (int pty, CliTerminalFlags flags, CliTerminalEnd end, gpointer data)
{
  CliTerminal *terminal = g_new0 (CliTerminal, 1);

  cli_agent_stop ();
  terminal->pty = pty;
  terminal->flags = flags;
  terminal->end = end;
  terminal->data = data;
  terminal->tty_in = own_description (STDIN_FILENO, O_RDONLY);
  terminal->tty_out = own_description (STDOUT_FILENO, O_WRONLY);
  g_unix_set_fd_nonblocking (pty, TRUE, NULL);

  on_resize (terminal);
  terminal->winch_source = g_unix_signal_add (SIGWINCH, on_resize, terminal);
  if (!(flags & CLI_TERMINAL_NO_INPUT))
    cli_raw_mode_enter ();
  cli_flow_start (&terminal->keys, (flags & CLI_TERMINAL_NO_INPUT) ? -1 : terminal->tty_in, pty, &keys_hooks,
                  terminal);
  cli_flow_start (&terminal->screen, pty, terminal->tty_out, &screen_hooks, terminal);
  return terminal;
}

static gboolean
on_drained (gpointer data)
{
  gboolean *over = data;

  *over = TRUE;
  return G_SOURCE_REMOVE;
}

void
cli_terminal_drain (CliTerminal *terminal)
{
  gboolean over = FALSE;
  guint source = g_timeout_add (DRAIN_MS, on_drained, &over);

  while (!terminal->ended && !(over && terminal->screen.start == terminal->screen.end))
    g_main_context_iteration (NULL, TRUE);
  if (!over)
    g_source_remove (source);
}

gboolean
cli_terminal_left (CliTerminal *terminal)
{
  return terminal->escaped;
}

void
cli_terminal_free (CliTerminal *terminal)
{
  cli_flow_stop (&terminal->keys);
  cli_flow_stop (&terminal->screen);
  g_source_remove (terminal->winch_source);
  close (terminal->pty);
  if (terminal->tty_in >= 0)
    close (terminal->tty_in);
  if (terminal->tty_out >= 0)
    close (terminal->tty_out);
  cli_raw_mode_leave ();
  g_free (terminal);
}

char *
cli_terminal_environment (void)
{
  const char *term = g_getenv ("TERM");

  if (term == NULL || term[0] == '\0')
    return NULL;
  for (const char *p = term; *p != '\0'; p++)
    if (!g_ascii_isalnum (*p) && strchr ("-+._", *p) == NULL)
      return NULL;
  return g_strconcat ("TERM=", term, NULL);
}

void
cli_terminal_announce (const char *container)
{
  const char *slash = container ? strrchr (container, '/') : NULL;
  const char *name = slash ? slash + 1 : container;

  if (!isatty (STDOUT_FILENO) || (name && !cli_name_ok (name)))
    return;
  if (name)
    printf ("\033]777;container;push;%s;bothy;%u\033\\", name, (unsigned)getuid ());
  else
    printf ("\033]777;container;pop;;;%u\033\\", (unsigned)getuid ());
  fflush (stdout);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <glib-unix.h>

#include "agent.h"
#include "cli.h"
#include "terminal.h"

#define ESCAPE_KEY   '\035'
#define ESCAPE_COUNT 3
#define ESCAPE_USEC  G_USEC_PER_SEC
/* How long the last bytes of a program that ended may be on their way. */
#define DRAIN_MS    250
#define BUFFER_SIZE (16 * 1024)

/* One direction. Bytes wait in the buffer while the other end takes none, and no more are read meanwhile. */
typedef struct {
  CliTerminal *terminal;
  int in;
  int out;
  char buffer[BUFFER_SIZE];
  gsize start;
  gsize end;
  gboolean in_ended;
  gboolean out_ended;
  guint in_source;
  guint out_source;
} Flow;

struct CliTerminal {
  int pty;
  int tty_in;
  int tty_out;
  Flow keys;   /* from the person */
  Flow screen; /* to the person */
  CliTerminalFlags flags;
  CliTerminalEnd end;
  gpointer data;
  guint winch_source;
  guint escapes;
  gint64 escape_time;
  gboolean escaped;
  gboolean ended;
};

/* What a signal handler needs to give the terminal back. */
static struct termios saved_mode;
static struct termios raw_mode;
static volatile sig_atomic_t is_raw;

static const int fatal_signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGABRT, SIGSEGV, SIGBUS, SIGPIPE };

static void
restore (void)
{
  if (is_raw) {
    is_raw = 0;
    tcsetattr (STDIN_FILENO, TCSADRAIN, &saved_mode);
  }
}

static void
on_fatal (int number)
{
  restore ();
  signal (number, SIG_DFL);
  raise (number);
}

void
cli_terminal_die (int number)
{
  on_fatal (number);
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

static void
make_raw (void)
{
  static gboolean registered;
  struct sigaction fatal = { .sa_handler = on_fatal };
  struct sigaction resume = { .sa_handler = on_continue, .sa_flags = SA_RESTART };

  if (!isatty (STDIN_FILENO) || tcgetattr (STDIN_FILENO, &saved_mode) < 0)
    return;

  raw_mode = saved_mode;
  cfmakeraw (&raw_mode);
  is_raw = 1;
  if (!registered)
    atexit (restore);
  registered = TRUE;
  for (gsize i = 0; i < G_N_ELEMENTS (fatal_signals); i++)
    sigaction (fatal_signals[i], &fatal, NULL);
  sigaction (SIGCONT, &resume, NULL);
  tcsetattr (STDIN_FILENO, TCSADRAIN, &raw_mode);
}

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

static void
finish (CliTerminal *terminal)
{
  if (terminal->ended)
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

static gboolean on_readable (int fd, GIOCondition condition, gpointer data);
static gboolean on_writable (int fd, GIOCondition condition, gpointer data);

/* Watches exactly what can make progress, so that nothing spins. */
static void
update (Flow *flow)
{
  gboolean want_in = !flow->in_ended && !flow->out_ended && flow->end < BUFFER_SIZE;
  gboolean want_out = !flow->out_ended && flow->start < flow->end;

  if (want_in && flow->in_source == 0)
    flow->in_source = g_unix_fd_add (flow->in, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, flow);
  else if (!want_in)
    g_clear_handle_id (&flow->in_source, g_source_remove);

  if (want_out && flow->out_source == 0)
    flow->out_source = g_unix_fd_add (flow->out, G_IO_OUT | G_IO_HUP | G_IO_ERR, on_writable, flow);
  else if (!want_out)
    g_clear_handle_id (&flow->out_source, g_source_remove);
}

static gboolean
is_pause (gssize result)
{
  return result < 0 && (errno == EAGAIN || errno == EINTR);
}

static void
flush_flow (Flow *flow)
{
  while (flow->start < flow->end) {
    gssize n = write (flow->out, flow->buffer + flow->start, flow->end - flow->start);

    if (is_pause (n))
      return;
    if (n <= 0) {
      flow->out_ended = TRUE;
      break;
    }
    flow->start += n;
  }
  flow->start = flow->end = 0;
}

/* End of input: of the screen it is the end of all; of a file as keys it is what Ctrl-D would say. */
static void
flow_in_ended (Flow *flow)
{
  CliTerminal *terminal = flow->terminal;

  flow->in_ended = TRUE;
  if (flow == &terminal->keys && !isatty (STDIN_FILENO) && flow->end < BUFFER_SIZE)
    flow->buffer[flow->end++] = '\004';
}

static void
read_flow (Flow *flow)
{
  CliTerminal *terminal = flow->terminal;
  gssize n = read (flow->in, flow->buffer + flow->end, BUFFER_SIZE - flow->end);

  if (is_pause (n))
    return;
  if (n <= 0) {
    flow_in_ended (flow);
    return;
  }
  if (flow == &terminal->keys && (terminal->flags & CLI_TERMINAL_ESCAPE) &&
      watch_for_escape (terminal, flow->buffer + flow->end, n)) {
    terminal->escaped = TRUE;
    flow->in_ended = TRUE;
    return;
  }
  flow->end += n;
}

static void
step (Flow *flow)
{
  CliTerminal *terminal = flow->terminal;
  Flow *screen = &terminal->screen;

  flush_flow (flow);
  update (flow);
  if (terminal->escaped || screen->out_ended || (screen->in_ended && screen->start == screen->end))
    finish (terminal);
}

static gboolean
on_readable (int fd, GIOCondition condition, gpointer data)
{
  Flow *flow = data;

  read_flow (flow);
  step (flow);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_writable (int fd, GIOCondition condition, gpointer data)
{
  step (data);
  return G_SOURCE_CONTINUE;
}

static void
flow_init (Flow *flow, CliTerminal *terminal, int in, int out)
{
  flow->terminal = terminal;
  flow->in = in;
  flow->out = out;
  update (flow);
}

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
    make_raw ();
  terminal->keys.in_ended = (flags & CLI_TERMINAL_NO_INPUT) || terminal->tty_in < 0;
  flow_init (&terminal->keys, terminal, terminal->tty_in, pty);
  flow_init (&terminal->screen, terminal, pty, terminal->tty_out);
  return terminal;
}

gboolean
cli_terminal_ended (CliTerminal *terminal)
{
  return terminal->ended;
}

gboolean
cli_terminal_escaped (CliTerminal *terminal)
{
  return terminal->escaped;
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

static void
flow_clear (Flow *flow)
{
  flow->in_ended = flow->out_ended = TRUE;
  update (flow);
}

void
cli_terminal_free (CliTerminal *terminal)
{
  flow_clear (&terminal->keys);
  flow_clear (&terminal->screen);
  g_source_remove (terminal->winch_source);
  close (terminal->pty);
  if (terminal->tty_in >= 0)
    close (terminal->tty_in);
  if (terminal->tty_out >= 0)
    close (terminal->tty_out);
  restore ();
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

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two terminals joined: keys and screen pass, and the person's terminal is as it was, whatever ends us. */
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include <glib.h>

#include "terminal.h"

#define PATIENCE_MS 10000
/* Of set_up(): standard input is empty, and no terminal. */
#define TEST_NO_KEYS ((CliTerminalFlags)~0U)

typedef struct {
  int person; /* master side of the person's terminal */
  int kept;   /* its slave side, so that its mode can be asked for */
  pid_t client;
  struct termios before;
} Fixture;

static void
on_end (gpointer data)
{
  g_main_loop_quit (data);
}

/* What bothy does: joins its terminal to one on which @script runs. */
G_GNUC_NORETURN static void
be_client (const char *script, CliTerminalFlags flags)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  CliTerminal *terminal;
  int pty;
  pid_t pid = forkpty (&pty, NULL, NULL, NULL);

  if (pid == 0) {
    execl ("/bin/sh", "sh", "-c", script, NULL);
    _exit (127);
  }
  terminal = cli_terminal_new (pty, flags, on_end, loop);
  g_main_loop_run (loop);
  cli_terminal_free (terminal);
  exit (42);
}

static void
set_up (Fixture *fixture, const char *script, CliTerminalFlags flags)
{
  struct winsize size = { 33, 77, 0, 0 };

  g_assert_cmpint (openpty (&fixture->person, &fixture->kept, NULL, NULL, &size), ==, 0);
  g_assert_cmpint (tcgetattr (fixture->kept, &fixture->before), ==, 0);
  fixture->client = fork ();
  g_assert_cmpint (fixture->client, >=, 0);
  if (fixture->client == 0) {
    close (fixture->person);
    login_tty (fixture->kept);
    if (flags == TEST_NO_KEYS) {
      dup2 (open ("/dev/null", O_RDONLY), STDIN_FILENO);
      flags = CLI_TERMINAL_DEFAULT;
    }
    be_client (script, flags);
  }
}

/* Reads what the person sees until @text is there. */
static void
expect (Fixture *fixture, const char *text)
{
  g_autoptr (GString) seen = g_string_new (NULL);
  gint64 end = g_get_monotonic_time () + PATIENCE_MS * 1000;

  while (strstr (seen->str, text) == NULL) {
    GPollFD pfd = { fixture->person, G_IO_IN, 0 };
    char buffer[1024];
    gssize n;

    g_assert_cmpint (g_get_monotonic_time (), <, end);
    if (g_poll (&pfd, 1, 100) <= 0)
      continue;
    n = read (fixture->person, buffer, sizeof buffer);
    g_assert_cmpint (n, >, 0);
    g_string_append_len (seen, buffer, n);
  }
}

static void
type (Fixture *fixture, const char *keys)
{
  g_assert_cmpint (write (fixture->person, keys, strlen (keys)), ==, (gssize)strlen (keys));
}

static int
tear_down (Fixture *fixture)
{
  struct termios after;
  int status;

  g_assert_cmpint (waitpid (fixture->client, &status, 0), ==, fixture->client);
  g_assert_cmpint (tcgetattr (fixture->kept, &after), ==, 0);
  g_assert_cmpuint (after.c_lflag, ==, fixture->before.c_lflag);
  g_assert_cmpuint (after.c_iflag, ==, fixture->before.c_iflag);
  g_assert_cmpuint (after.c_oflag, ==, fixture->before.c_oflag);
  close (fixture->person);
  close (fixture->kept);
  return status;
}

static void
test_relay (void)
{
  Fixture fixture;
  struct termios mode;
  int status;

  set_up (&fixture, "stty size; read line; echo \"<$line>\"", CLI_TERMINAL_DEFAULT);
  expect (&fixture, "33 77");
  g_assert_cmpint (tcgetattr (fixture.kept, &mode), ==, 0);
  g_assert_false (mode.c_lflag & (ICANON | ECHO | ISIG));
  type (&fixture, "hello\r");
  expect (&fixture, "<hello>");
  status = tear_down (&fixture);
  g_assert_true (WIFEXITED (status) && WEXITSTATUS (status) == 42);
}

static void
test_resize (void)
{
  Fixture fixture;
  struct winsize size = { 20, 40, 0, 0 };

  set_up (&fixture, "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.05; done",
          CLI_TERMINAL_DEFAULT);
  expect (&fixture, "ready");
  ioctl (fixture.person, TIOCSWINSZ, &size);
  expect (&fixture, "20 40");
  tear_down (&fixture);
}

/* All of a long output arrives, and in order, though the program is gone by then. */
static void
test_drain (void)
{
  Fixture fixture;

  set_up (&fixture, "seq 1 5000; echo the end", CLI_TERMINAL_DEFAULT);
  expect (&fixture, "\r\n4999\r\n5000\r\nthe end\r\n");
  tear_down (&fixture);
}

static void
test_killed (void)
{
  static const int signals[] = { SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGSEGV };

  for (gsize i = 0; i < G_N_ELEMENTS (signals); i++) {
    Fixture fixture;
    int status;

    set_up (&fixture, "echo ready; exec sleep 60", CLI_TERMINAL_DEFAULT);
    expect (&fixture, "ready");
    kill (fixture.client, signals[i]);
    status = tear_down (&fixture);
    g_assert_true (WIFSIGNALED (status) && WTERMSIG (status) == signals[i]);
  }
}

static void
test_escape (void)
{
  Fixture fixture;
  int status;

  set_up (&fixture, "echo ready; cat", CLI_TERMINAL_ESCAPE);
  expect (&fixture, "ready");
  /* Not three in a row. */
  type (&fixture, "\035\035x\035y\r");
  expect (&fixture, "y");
  type (&fixture, "\035\035\035");
  status = tear_down (&fixture);
  g_assert_true (WIFEXITED (status) && WEXITSTATUS (status) == 42);
}

/* A file as keys: at its end a program hears Ctrl-D, also one that turned from lines to keys meanwhile. */
static void
test_end_of_keys (void)
{
  Fixture fixture;
  int status;

  set_up (&fixture,
          "sleep 0.3; stty -icanon -echo; echo ready; "
          "until [ \"$(head -c 1 | od -An -tx1)\" = ' 04' ]; do :; done; echo heard",
          TEST_NO_KEYS);
  expect (&fixture, "heard");
  status = tear_down (&fixture);
  g_assert_true (WIFEXITED (status) && WEXITSTATUS (status) == 42);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cli/terminal/relay", test_relay);
  g_test_add_func ("/cli/terminal/resize", test_resize);
  g_test_add_func ("/cli/terminal/drain", test_drain);
  g_test_add_func ("/cli/terminal/killed", test_killed);
  g_test_add_func ("/cli/terminal/escape", test_escape);
  g_test_add_func ("/cli/terminal/end-of-keys", test_end_of_keys);
  return g_test_run ();
}

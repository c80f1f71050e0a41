/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent.h"
#include "error.h"
#include "rawmode.h"
#include "signals.h"
#include "spec.h"
#include "streams.h"
#include "terminal.h"
#include "verbs.h"
#include "watch.h"

typedef struct {
  gboolean tty;
  gboolean no_tty;
  gboolean interactive;
  char *user;
  char *directory;
  char **environment;
} How;

static void
how_clear (How *how)
{
  g_free (how->user);
  g_free (how->directory);
  g_strfreev (how->environment);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (How, how_clear)

/* With the size that this one has, so that the program need not wait for it. */
static void
add_terminal (GVariantBuilder *options)
{
  struct winsize size = { 0 };

  g_variant_builder_add (options, "{sv}", "tty", g_variant_new_boolean (TRUE));
  if (ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
    return;
  g_variant_builder_add (options, "{sv}", "rows", g_variant_new_uint32 (size.ws_row));
  g_variant_builder_add (options, "{sv}", "columns", g_variant_new_uint32 (size.ws_col));
}

static GVariant *
exec_options (const How *how, char **command)
{
  GVariantBuilder options;
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autofree char *term = how->tty ? cli_terminal_environment () : NULL;
  g_auto (GStrv) environment = NULL;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (term)
    g_strv_builder_add (builder, term);
  if (how->environment)
    g_strv_builder_addv (builder, (const char **)how->environment);
  environment = g_strv_builder_end (builder);
  g_variant_builder_add (&options, "{sv}", "environment", cli_bytes_of_words (environment));
  if (!cli_words_are_utf8 (command))
    g_variant_builder_add (&options, "{sv}", "argv", cli_bytes_of_words (command));
  if (how->user)
    g_variant_builder_add (&options, "{sv}", "user", g_variant_new_string (how->user));
  if (how->directory)
    g_variant_builder_add (&options, "{sv}", "working-directory", cli_bytes_of_word (how->directory));
  if (how->tty)
    add_terminal (&options);
  return g_variant_builder_end (&options);
}

static gboolean
has_ended (CliWatch *watch, gpointer data)
{
  GVariant *ended = cli_watch_lookup (watch, "Ended", G_VARIANT_TYPE_BOOLEAN);

  return ended && g_variant_get_boolean (ended) &&
         cli_watch_lookup (watch, "ExitStatus", G_VARIANT_TYPE ("(ii)")) != NULL;
}

static int
exit_code (CliWatch *watch)
{
  GVariant *status = cli_watch_lookup (watch, "ExitStatus", G_VARIANT_TYPE ("(ii)"));
  int code, number;

  if (status == NULL) {
    g_printerr ("bothy: %s\n", _ ("The service restarted, and does not know any more how the command ended"));
    return CLI_EXIT_OWN;
  }
  g_variant_get (status, "(ii)", &code, &number);
  return number > 0 ? 128 + number : code & 0xff;
}

typedef struct {
  Cli *cli;
  CliWatch *watch;
} Target;

static void
forward_signal (int number, gpointer data)
{
  Target *target = data;

  g_dbus_connection_call (target->cli->bus, BOTHY_NAME, cli_watch_path (target->watch), IFACE_PROCESS, "Kill",
                          g_variant_new ("(i)", number), NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL, NULL);
}

static const int forwarded[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, 0 };

static int
wait_with_own_stdio (Cli *cli, CliWatch *watch, CliStreams *streams)
{
  Target target = { cli, watch };
  g_autoptr (GError) error = NULL;
  gboolean ok;
  int code;

  cli_signals_catch (forwarded, forward_signal, &target);
  ok = cli_watch_run (watch, has_ended, NULL, -1, &error);
  cli_signals_release ();
  if (!ok)
    return cli_fail_command (error);
  code = exit_code (watch);
  return cli_streams_finish (streams) || code != CLI_EXIT_OK ? code : CLI_EXIT_OWN;
}

/* As ssh does: the program hears that its terminal is gone. A shell takes no notice of SIGTERM. */
static void
hang_up (int number, gpointer data)
{
  Target *target = data;

  forward_signal (number, target);
  if (number != SIGHUP)
    forward_signal (SIGHUP, target);
  g_dbus_connection_flush_sync (target->cli->bus, NULL, NULL);
  cli_raw_mode_die (number);
}

static void
on_terminal_end (gpointer data)
{
  /* The terminal may hang up before the exit code arrives: that is what is waited for. */
}

static int
wait_with_terminal (Cli *cli, CliWatch *watch)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CliTerminal) terminal = NULL;
  Target target = { cli, watch };
  gboolean ok;
  int pty = cli_call_fd (cli, cli_watch_path (watch), IFACE_PROCESS, "OpenPTY", NULL, &error);

  if (pty < 0)
    return cli_fail_command (error);
  terminal = cli_terminal_new (pty, CLI_TERMINAL_DEFAULT, on_terminal_end, NULL);
  /* Keys are the program's; these come from elsewhere. */
  cli_signals_catch (forwarded, hang_up, &target);
  ok = cli_watch_run (watch, has_ended, NULL, -1, &error);
  if (ok)
    cli_terminal_drain (terminal);
  g_clear_pointer (&terminal, cli_terminal_free);
  cli_signals_release ();
  return ok ? exit_code (watch) : cli_fail_command (error);
}

/* Exec with the streams that the command gets, which are stored unless it gets a terminal. Returns the path of its
 * Process. */
static char *
call_exec (
    Cli *cli, const char *container, char **command, const How *how, CliStreams **ret_streams, GError **error)
{
  char *none[] = { NULL };
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (GVariant) answer = NULL;
  GVariant *stdio = NULL;
  char *path = NULL;

  if (how->tty)
    stdio = g_variant_new_array (G_VARIANT_TYPE_HANDLE, NULL, 0);
  else
    *ret_streams =
        cli_streams_new (how->interactive ? CLI_STREAMS_OWN_INPUT : CLI_STREAMS_INPUT, fds, &stdio, error);
  if (stdio == NULL)
    return NULL;
  answer = cli_call (cli, container, IFACE_CONTAINER, "Exec",
                     g_variant_new ("(^as@ah@a{sv})", cli_words_are_utf8 (command) ? command : none, stdio,
                                    exec_options (how, command)),
                     fds, NULL, error);
  if (answer)
    g_variant_get (answer, "(o)", &path);
  return path;
}

static int
exec_in (Cli *cli, const char *name, char **command, const How *how)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CliWatch) watch = NULL;
  g_autoptr (CliStreams) streams = NULL;
  g_autofree char *process = NULL;
  g_autofree char *container = cli_find_container (cli, name, &error);

  if (container == NULL)
    return cli_fail_command (error);
  watch = cli_watch_new (cli, NULL, IFACE_PROCESS);
  process = call_exec (cli, container, command, how, &streams, &error);
  if (process == NULL)
    return cli_fail_command (error);
  cli_watch_set_path (watch, process);
  cli_agent_stop ();
  return how->tty ? wait_with_terminal (cli, watch) : wait_with_own_stdio (cli, watch, streams);
}

int
cli_exec (Cli *cli, char **words)
{
  g_auto (How) how = { 0 };
  const GOptionEntry entries[] = {
    { "tty", 't', 0, G_OPTION_ARG_NONE, &how.tty, N_ ("Give it a terminal (by default if this is one)"),
      NULL },
    { "no-tty", 'T', 0, G_OPTION_ARG_NONE, &how.no_tty, N_ ("Give it standard input and output as they are"),
      NULL },
    { "interactive", 'i', 0, G_OPTION_ARG_NONE, &how.interactive,
      N_ ("Standard input is the command's alone"), NULL },
    { "user", 'u', 0, G_OPTION_ARG_FILENAME, &how.user, N_ ("User inside, optionally :GROUP; default root"),
      N_ ("USER") },
    { "env", 'e', 0, G_OPTION_ARG_FILENAME_ARRAY, &how.environment, N_ ("For the command"),
      N_ ("NAME=VALUE") },
    { "cwd", 'w', 0, G_OPTION_ARG_FILENAME, &how.directory, N_ ("Directory inside; default the user's home"),
      N_ ("DIR") },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = NULL;
  g_auto (GStrv) command = NULL;

  if (!cli_parse (cli, entries, CLI_PARSE_FIRST_WORD, words, &names, &command))
    return CLI_EXIT_OWN;
  if (names[0] == NULL || command[0] == NULL) {
    cli_usage (cli, "%s", _ ("A name and a command are needed"));
    return CLI_EXIT_OWN;
  }
  if ((how.tty && how.no_tty) || !cli_environment_ok (&how.environment)) {
    cli_usage (cli, "%s", _ ("--tty and --no-tty exclude each other, and --env takes NAME=VALUE"));
    return CLI_EXIT_OWN;
  }
  if (!cli_words_fit (cli, command, how.environment))
    return CLI_EXIT_OWN;
  if (!how.no_tty && isatty (STDIN_FILENO) && isatty (STDOUT_FILENO))
    how.tty = TRUE;
  if (!cli_connect (cli, &error))
    return cli_fail_command (error);
  return exec_in (cli, names[0], command, &how);
}

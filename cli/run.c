/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "device.h"
#include "error.h"
#include "no-network.h"
#include "rawmode.h"
#include "signals.h"
#include "spec.h"
#include "streams.h"
#include "terminal.h"
#include "verbs.h"
#include "watch.h"

/* A first process may ignore SIGINT and SIGTERM: who insists this often means it. */
#define INSISTING 3
/* What a container has to end in whose terminal is gone. */
#define STOP_SECONDS 10
/* How long after its end was met we hear of it. */
#define ENDING_SECONDS 5

/* The login shell of whoever it runs as, which the container's own passwd(5) names; that of a service lets nobody in. */
static const char *const login_shell[] = {
  "/bin/sh", "-c",
  "case $SHELL in */nologin | */false) SHELL=; esac; [ -x \"$SHELL\" ] || SHELL=/bin/sh; exec \"$SHELL\" -l",
  NULL
};

/*
 * Everything here is on the way of "run --rm IMAGE true", which has to be quick: CreateContainer and Start
 * are the only questions, all else is told by signals that were subscribed to in between.
 */

static const int forwarded[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, 0 };
/* Of its console; nobody reads it any more with the last of them. */
static const int of_console[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, 0 };

typedef struct {
  CliSpec spec;
  gboolean interactive;
  gboolean tty;
  gboolean detach;
  gboolean console; /* its first process has the console in place of our input and output */
} How;

typedef struct {
  Cli *cli;
  CliWatch *watch;
  guint interrupts;
  gboolean has_keys; /* what is typed is for the container */
  const char *name;
} Running;

static gboolean
has_stopped (CliWatch *watch, gpointer data)
{
  const char *state = cli_watch_string (watch, "State");

  return g_str_equal (state, "stopped") || g_str_equal (state, "failed");
}

/* The code of the first process; what is not known from signals is asked for. */
static int
exit_code (CliWatch *watch)
{
  GVariant *status = cli_watch_lookup (watch, "LastExit", G_VARIANT_TYPE ("(ii)"));
  int code = -1;
  int number = 0;

  if (status == NULL && !cli_watch_removed (watch) && cli_watch_fetch (watch, NULL))
    status = cli_watch_lookup (watch, "LastExit", G_VARIANT_TYPE ("(ii)"));
  if (status)
    g_variant_get (status, "(ii)", &code, &number);
  if (number > 0)
    return 128 + number;
  if (code >= 0)
    return code & 0xff;

  if (cli_watch_string (watch, "LastError")[0] != '\0') {
    g_autoptr (GError) error = cli_error_from_name (cli_watch_string (watch, "LastErrorName"),
                                                    cli_watch_string (watch, "LastError"));

    return cli_fail_command (error);
  }
  g_printerr ("bothy: %s\n", _ ("The container is gone, and nobody knows how its command ended"));
  return CLI_EXIT_OWN;
}

/* Without waiting: its state says when it is over. */
static void
ask_container (Running *running, const char *method, GVariant *arguments)
{
  g_dbus_connection_call (running->cli->bus, BOTHY_NAME, cli_watch_path (running->watch), IFACE_CONTAINER,
                          method, arguments, NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL, NULL);
}

static void
on_signal (int number, gpointer data)
{
  Running *running = data;
  gboolean insists = ++running->interrupts >= INSISTING;

  ask_container (running, "Kill",
                 insists ? g_variant_new ("(si)", "all", SIGKILL) : g_variant_new ("(si)", "leader", number));
}

static void
ask_to_stop (Running *running)
{
  ask_container (running, "Stop", g_variant_new_parsed ("({'timeout': <%u>},)", (guint)STOP_SECONDS));
}

/* It is waited for, so that the last it says is seen, and so that whoever waits for us knows that it is over; but
 * not by who insists. */
static void
on_interrupt (Running *running)
{
  if (++running->interrupts == 1)
    ask_to_stop (running);
  else if (running->interrupts >= INSISTING)
    ask_container (running, "Kill", g_variant_new ("(si)", "all", SIGKILL));
}

/* Nobody is at its terminal any more: it hears so, and is stopped if that does not end it. */
static void
hang_up (Running *running, int number)
{
  ask_container (running, "Kill", g_variant_new ("(si)", "leader", SIGHUP));
  ask_to_stop (running);
  g_dbus_connection_flush_sync (running->cli->bus, NULL, NULL);
  cli_raw_mode_die (number);
}

/* Ctrl-C of who only looks on is for us; where keys are the container's, a signal is of somebody who wants us gone. */
static void
on_console_signal (int number, gpointer data)
{
  Running *running = data;

  if (!running->has_keys && (number == SIGINT || number == SIGTERM))
    on_interrupt (running);
  else
    hang_up (running, number);
}

/* Start with our own input and output in place of the console. NULL: it did not start. */
static CliStreams *
start_with_stdio (Cli *cli, const char *path, gboolean interactive, GError **error)
{
  g_autoptr (GUnixFDList) fds = g_unix_fd_list_new ();
  g_autoptr (CliStreams) streams = NULL;
  g_autoptr (GVariant) answer = NULL;
  GVariantBuilder options;
  GVariant *stdio;

  streams = cli_streams_new (interactive ? CLI_STREAMS_OWN_INPUT : CLI_STREAMS_NO_INPUT, fds, &stdio, error);
  if (streams == NULL)
    return NULL;
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&options, "{sv}", "stdio", stdio);
  answer =
      cli_call (cli, path, IFACE_CONTAINER, "Start", g_variant_new ("(a{sv})", &options), fds, NULL, error);
  return answer ? g_steal_pointer (&streams) : NULL;
}

static gboolean
start_with_console (Cli *cli, const char *path, GError **error)
{
  g_autoptr (GVariant) answer = cli_call (cli, path, IFACE_CONTAINER, "Start",
                                          g_variant_new_parsed ("({'console': <true>},)"), NULL, NULL, error);

  return answer != NULL;
}

static int
wait_with_stdio (Running *running, CliStreams *streams)
{
  g_autoptr (GError) error = NULL;
  int code;

  if (!cli_watch_run (running->watch, has_stopped, NULL, -1, &error))
    return cli_fail_command (error);
  code = exit_code (running->watch);
  /* Who does not take the rest of what was written can be left. */
  cli_signals_release ();
  return cli_streams_finish (streams) || code != CLI_EXIT_OK ? code : CLI_EXIT_OWN;
}

static void
print_log (int fd)
{
  char buffer[4096];
  gssize n;

  while ((n = read (fd, buffer, sizeof buffer)) > 0)
    fwrite (buffer, 1, n, stdout);
  fflush (stdout);
}

/* The state says when it is over, unless the person left. */
static void
on_terminal_end (gpointer data)
{
  Running *running = data;

  cli_watch_poke (running->watch);
}

static gboolean
has_stopped_or_is_left (CliWatch *watch, gpointer data)
{
  CliTerminal **terminal = data;

  return has_stopped (watch, NULL) || (*terminal && cli_terminal_left (*terminal));
}

/* Where a person sees it, and keys are not just the container's. */
static void
tell_how_to_leave (Running *running)
{
  if (running->cli->quiet || !isatty (STDERR_FILENO))
    return;
  if (!running->has_keys)
    g_printerr (_ ("This is what the image's init says in %s. Ctrl-C stops it.\n"), running->name);
  else if (isatty (STDIN_FILENO))
    g_printerr (_ ("Press Ctrl-] three times within a second to leave %s, which then runs on.\n"),
                running->name);
}

static int
leave (Running *running)
{
  if (!running->cli->quiet)
    g_printerr (_ ("\nLeft %s, which runs on: 'bothy console %s' is how to come back, and 'bothy stop %s' "
                   "ends it.\n"),
                running->name, running->name, running->name);
  return CLI_EXIT_OK;
}

/* @log: of the container. What ends before we can look at its console has left there what it said. */
static int
wait_with_console (Running *running, int log)
{
  CliWatch *watch = running->watch;
  g_autoptr (GError) error = NULL;
  g_autoptr (CliTerminal) terminal = NULL;
  gboolean ok, left;
  int pty = cli_call_fd (running->cli, cli_watch_path (watch), IFACE_CONTAINER, "OpenConsole", NULL, &error);

  /* From here on keys are the container's. */
  cli_signals_release ();
  if (pty >= 0) {
    tell_how_to_leave (running);
    terminal = cli_terminal_new (pty, running->has_keys ? CLI_TERMINAL_ESCAPE : CLI_TERMINAL_NO_INPUT,
                                 on_terminal_end, running);
  } else if (!cli_watch_run (watch, has_stopped, NULL, ENDING_SECONDS, NULL))
    return cli_fail_command (error);
  g_clear_error (&error);
  if (terminal)
    cli_signals_catch (of_console, on_console_signal, running);

  ok = cli_watch_run (watch, has_stopped_or_is_left, &terminal, -1, &error);
  left = terminal && cli_terminal_left (terminal);
  if (terminal && !left)
    cli_terminal_drain (terminal);
  else if (!terminal)
    print_log (log);
  g_clear_pointer (&terminal, cli_terminal_free);
  if (ok && left)
    return leave (running);
  return ok ? exit_code (watch) : cli_fail_command (error);
}

static void
on_network_error (const char *error, gpointer data)
{
  cli_network_tell (data, error);
}

static int
start_and_wait (Running *running, How *how, const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CliStreams) streams = NULL;
  Cli *cli = running->cli;
  gboolean started;
  int code;
  int log = how->console ? cli_call_fd (cli, path, IFACE_CONTAINER, "OpenLog", NULL, NULL) : -1;

  /* Now already, so that Ctrl-C does not leave behind a container that nobody waits for. */
  cli_agent_stop ();
  cli_signals_catch (forwarded, on_signal, running);
  if (!how->console && !how->detach)
    streams = start_with_stdio (cli, path, how->interactive, &error);
  started = how->console || how->detach ? start_with_console (cli, path, &error) : streams != NULL;
  /* It has been told by now, and maybe even that it is over: so the last word is not enough. */
  if (started)
    cli_watch_take_in (running->watch, "NetworkError", on_network_error, how->spec.name);
  if (!started) {
    code = cli_fail_command (error);
    /* One of --rm that never ran does not stop either, so nobody else would delete it. */
    if (how->spec.ephemeral)
      cli_spec_undo (cli, path);
  } else if (how->detach) {
    puts (how->spec.name);
    code = CLI_EXIT_OK;
  } else
    code = how->console ? wait_with_console (running, log) : wait_with_stdio (running, streams);
  cli_signals_release ();
  if (log >= 0)
    close (log);
  return code;
}

/* A terminal that nobody can type at is none; docker refuses it, but what is meant is plain. */
static void
settle_terminal (How *how)
{
  gboolean wants_keys = how->interactive || how->spec.command[0] == NULL;

  if (how->tty && wants_keys && !how->detach && !isatty (STDIN_FILENO)) {
    g_printerr ("bothy: %s\n", _ ("Standard input is no terminal, so the command gets none (-t)"));
    how->tty = FALSE;
  }
}

/* Who wants to type, and says no command, does not want an init, which nobody can leave: he gets a shell in its place. */
static gboolean
settle_command (Cli *cli, How *how, GError **error)
{
  CliSpec *spec = &how->spec;
  gboolean init = FALSE;
  gboolean typed = how->interactive || how->tty;

  settle_terminal (how);
  if (!how->detach && !cli_spec_runs_init (cli, spec, &init, error))
    return FALSE;
  if (init && typed) {
    g_strfreev (spec->command);
    spec->command = g_strdupv ((char **)login_shell);
    spec->entrypoint = (g_free (spec->entrypoint), g_strdup (""));
  }
  how->console = how->tty || (init && !typed);
  return TRUE;
}

static int
run_it (Cli *cli, How *how)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CliWatch) watch = NULL;
  g_autofree char *path =
      settle_command (cli, how, &error) ? cli_spec_create (cli, &how->spec, &error) : NULL;
  Running running = { .cli = cli, .name = how->spec.name };

  if (path == NULL)
    return cli_fail_command (error);
  running.has_keys = how->tty && (how->interactive || isatty (STDIN_FILENO));
  running.watch = watch = cli_watch_new (cli, path, IFACE_CONTAINER);
  return start_and_wait (&running, how, path);
}

static gboolean
parse_run (Cli *cli, How *how, char **words)
{
  CliSpec *spec = &how->spec;
  const GOptionEntry entries[] = {
    { "rm", 0, 0, G_OPTION_ARG_NONE, &spec->ephemeral, N_ ("Delete the container when it stops"), NULL },
    { "interactive", 'i', 0, G_OPTION_ARG_NONE, &how->interactive, N_ ("Pass standard input on"), NULL },
    { "tty", 't', 0, G_OPTION_ARG_NONE, &how->tty, N_ ("Give it a terminal"), NULL },
    { "detach", 'd', 0, G_OPTION_ARG_NONE, &how->detach, N_ ("Don't wait; print the container's name"),
      NULL },
    { "name", 0, 0, G_OPTION_ARG_FILENAME, &spec->name, N_ ("What to call it"), N_ ("NAME") },
    { "env", 'e', 0, G_OPTION_ARG_FILENAME_ARRAY, &spec->environment, N_ ("For the command"),
      N_ ("NAME=VALUE") },
    { "user", 'u', 0, G_OPTION_ARG_FILENAME, &spec->user, N_ ("User inside"), N_ ("USER") },
    { "cwd", 'w', 0, G_OPTION_ARG_FILENAME, &spec->directory, N_ ("Directory inside"), N_ ("DIR") },
    { "workdir", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME, &spec->directory, NULL, NULL },
    { "hostname", 0, 0, G_OPTION_ARG_FILENAME, &spec->hostname, N_ ("In place of the name"), N_ ("NAME") },
    { "network", 0, 0, G_OPTION_ARG_FILENAME, &spec->network, N_ ("\"nat\", \"none\" or \"lan:BRIDGE\""),
      N_ ("NETWORK") },
    { CLI_SPEC_ADDRESS (spec) },
    { CLI_SPEC_DNS (spec) },
    { CLI_SPEC_ALLOW (spec) },
    { CLI_SPEC_PUBLISH (spec) },
    { CLI_SPEC_PUBLISH_ALL (spec) },
    { CLI_SPEC_VOLUME (spec) },
    { CLI_SPEC_DEVICE (spec) },
    { "with-user", 0, 0, G_OPTION_ARG_NONE, &spec->with_user, N_ ("Give it an account like yours"), NULL },
    { "nesting", 0, 0, G_OPTION_ARG_NONE, &spec->nesting, N_ ("Let it have containers of its own"), NULL },
    { CLI_SPEC_ENTRYPOINT (spec) },
    { CLI_SPEC_LIMIT (spec) },
    { CLI_SPEC_MEMORY (spec) },
    { CLI_SPEC_CPUS (spec) },
    { CLI_SPEC_DISK (spec) },
    { CLI_SPEC_RESTART (spec) },
    CLI_SPEC_HEALTH (spec),
    { CLI_SPEC_SYSCTL (spec) },
    { CLI_SPEC_SHM_SIZE (spec) },
    CLI_SQUASH_OWNERS (&spec->squash_owners),
    { NULL },
  };
  g_auto (GStrv) rest = NULL;

  if (!cli_parse (cli, entries, CLI_PARSE_STRICT, words, &rest, &spec->command))
    return FALSE;
  if (rest[0] == NULL) {
    cli_usage (cli, "%s", _ ("An image is needed"));
    return FALSE;
  }
  if (!cli_spec_ok (cli, spec))
    return FALSE;
  spec->image = g_strdup (rest[0]);
  return TRUE;
}

int
cli_run (Cli *cli, char **words)
{
  How how = { 0 };
  g_autoptr (GError) error = NULL;
  gboolean ok = parse_run (cli, &how, words);
  int code;

  if (!ok)
    code = CLI_EXIT_OWN;
  else if (!cli_connect (cli, &error))
    code = cli_fail_command (error);
  else
    code = run_it (cli, &how);
  cli_spec_clear (&how.spec);
  return code;
}

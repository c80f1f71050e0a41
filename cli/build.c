/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib-unix.h>

#include "bootstrap.h"
#include "error.h"
#include "imported.h"
#include "signals.h"
#include "verbs.h"

/*
 * mmdebstrap runs as root of a user namespace over a range of the caller's: it is the caller's own process,
 * started by "bothy unshare", and can do to the machine what he can. What it writes, the service unpacks.
 */

typedef struct {
  GPid child;
  int archive;  /* what it writes */
  int lifeline; /* it gives up when this is closed, and so when this program is killed */
  gboolean ended, ready, interrupted;
} Builder;

static gboolean
spawn (Builder *builder, char **argv, int input, int output, GError **error)
{
  return g_spawn_async_with_fds (NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &builder->child,
                                 input, output, -1, error);
}

static gboolean
start (Builder *builder, const CliBootstrap *bootstrap, GError **error)
{
  g_auto (GStrv) argv = cli_bootstrap_command (bootstrap, error);
  int archive[2], lifeline[2];
  gboolean ok;

  if (argv == NULL || !g_unix_open_pipe (archive, FD_CLOEXEC, error))
    return FALSE;
  builder->archive = archive[0];
  ok = g_unix_open_pipe (lifeline, FD_CLOEXEC, error);
  if (ok) {
    builder->lifeline = lifeline[1];
    ok = spawn (builder, argv, lifeline[0], archive[1], error);
    close (lifeline[0]);
  }
  close (archive[1]);
  return ok;
}

static void
on_interrupt (int number, gpointer data)
{
  Builder *builder = data;

  builder->interrupted = TRUE;
}

static gboolean
on_archive (int fd, GIOCondition condition, gpointer data)
{
  Builder *builder = data;

  builder->ready = (condition & G_IO_IN) != 0;
  builder->ended = TRUE;
  return G_SOURCE_CONTINUE;
}

/* The archive comes when all is built, or its end when nothing will be. */
static gboolean
wait_for_archive (Builder *builder)
{
  static const int interrupts[] = { SIGINT, SIGTERM, SIGHUP, 0 };
  guint source = g_unix_fd_add (builder->archive, G_IO_IN | G_IO_HUP, on_archive, builder);

  cli_signals_catch (interrupts, on_interrupt, builder);
  while (!builder->ended && !builder->interrupted)
    g_main_context_iteration (NULL, TRUE);
  cli_signals_release ();
  g_source_remove (source);
  return builder->ready && !builder->interrupted;
}

/* It tidies up before it ends. Returns whether it did all that it was to do; otherwise it said why. */
static gboolean
finish (Builder *builder, gboolean wanted)
{
  int status = 0;

  close (builder->archive);
  if (!wanted)
    close (builder->lifeline);
  while (waitpid (builder->child, &status, 0) < 0 && errno == EINTR)
    ;
  if (wanted)
    close (builder->lifeline);
  g_spawn_close_pid (builder->child);
  return WIFEXITED (status) && WEXITSTATUS (status) == 0;
}

static int
build (Cli *cli, const CliBootstrap *bootstrap, const char *alias, GError **error)
{
  g_autofree char *title = g_strdup_printf (_ ("Importing %s"), alias);
  g_autofree char *image = NULL;
  g_autoptr (GVariant) removed = NULL;
  Builder builder = { 0 };
  gboolean built;

  if (!start (&builder, bootstrap, error))
    return cli_fail (*error);
  if (wait_for_archive (&builder))
    image = cli_import (
        cli, &(const CliImport){ .fd = builder.archive, .metadata_fd = -1, .title = title, .alias = alias },
        error);
  built = finish (&builder, image != NULL);
  if (image && built)
    return cli_print_imported (cli, image, error) ? CLI_EXIT_OK : cli_fail (*error);
  if (*error)
    return cli_fail (*error);
  /* What came is not what was asked for. */
  if (image)
    removed = cli_call (cli, image, IFACE_IMAGE, "Remove", NULL, NULL, NULL, NULL);
  g_printerr ("bothy: %s\n", _ ("mmdebstrap did not get to its end; nothing was imported"));
  return CLI_EXIT_FAILED;
}

int
cli_image_build (Cli *cli, char **words)
{
  g_auto (CliBootstrap) bootstrap = { 0 };
  g_autofree char *alias = NULL;
  const GOptionEntry entries[] = {
    { "bootstrap", 0, 0, G_OPTION_ARG_FILENAME, &bootstrap.distribution,
      N_ ("What to build, such as debian:trixie"), N_ ("DISTRIBUTION:SUITE") },
    { "include", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &bootstrap.packages, N_ ("More packages"),
      N_ ("PACKAGE[,…]") },
    { "mirror", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &bootstrap.mirrors,
      N_ ("Where packages come from; without, from where this machine's do"), N_ ("URL") },
    { "variant", 0, 0, G_OPTION_ARG_FILENAME, &bootstrap.variant, N_ ("How much, as mmdebstrap has it"),
      N_ ("VARIANT") },
    { "alias", 0, 0, G_OPTION_ARG_FILENAME, &alias, N_ ("A name of yours for it"), N_ ("ALIAS") },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) rest = NULL;

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (rest[0] || bootstrap.distribution == NULL)
    return cli_usage (cli, "%s", _ ("It takes --bootstrap, and no other words"));
  if (!cli_bootstrap_check (&bootstrap, &error))
    return cli_usage (cli, "%s", error->message);
  bootstrap.quiet = cli->quiet;
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  if (alias == NULL)
    alias = cli_bootstrap_alias (&bootstrap);
  return build (cli, &bootstrap, alias, &error);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib-unix.h>

#include "bootstrap.h"
#include "error.h"
#include "imported.h"
#include "verbs.h"

/*
 * mmdebstrap runs as root of a user namespace over a range of the caller's: it is the caller's own process,
 * started by "bothy unshare", and can do to the machine what he can. What it writes, the service unpacks.
 */

typedef struct {
  GPid child;
  int archive; /* what it writes */
} Builder;

static gboolean
start (Builder *builder, const CliBootstrap *bootstrap, GError **error)
{
  g_auto (GStrv) argv = cli_bootstrap_command (bootstrap, error);
  gboolean ok;
  int ends[2];

  if (argv == NULL || !g_unix_open_pipe (ends, FD_CLOEXEC, error))
    return FALSE;
  ok = g_spawn_async_with_fds (NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CHILD_INHERITS_STDIN,
                               NULL, NULL, &builder->child, -1, ends[1], -1, error);
  close (ends[1]);
  if (ok)
    builder->archive = ends[0];
  else
    close (ends[0]);
  return ok;
}

/* The archive comes when all is built. Ctrl-C is for mmdebstrap, which tidies up; then there is none. */
static gboolean
wait_for_archive (const Builder *builder)
{
  struct pollfd archive = { .fd = builder->archive, .events = POLLIN };
  void (*interrupt) (int) = signal (SIGINT, SIG_IGN);

  while (poll (&archive, 1, -1) < 0 && errno == EINTR)
    ;
  signal (SIGINT, interrupt);
  return (archive.revents & POLLIN) != 0;
}

/* Returns whether it did all that it was to do; otherwise it said why. */
static gboolean
finish (Builder *builder)
{
  int status = 0;

  close (builder->archive);
  while (waitpid (builder->child, &status, 0) < 0 && errno == EINTR)
    ;
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
    image = cli_import_fd (cli, builder.archive, title, alias, NULL, error);
  built = finish (&builder);
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

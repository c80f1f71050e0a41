/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>

#include "error.h"
#include "escape.h"
#include "expiry.h"
#include "output.h"
#include "spec.h"
#include "verbs.h"

/* A container starts without the network that it wants when it can not have it; who launched it should hear
 * why. */
static void
warn_of_network (Cli *cli, const char *path, const char *name)
{
  g_autoptr (GVariant) properties = cli_get_all (cli, path, IFACE_CONTAINER, NULL);
  g_autofree char *shown = cli_escape (name, -1, CLI_ESCAPE_LINE);
  g_autofree char *error = properties ? cli_property (properties, "NetworkError") : NULL;

  if (error && *error)
    g_printerr (_ ("bothy: %s runs without network: %s\n"), shown, error);
}

int
cli_launch (Cli *cli, char **words)
{
  g_auto (CliSpec) spec = { 0 };
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  g_autoptr (GVariant) answer = NULL;

  if (!cli_spec_words (cli, &spec, words))
    return CLI_EXIT_USAGE;
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  path = cli_spec_create (cli, &spec, &error);
  if (path == NULL)
    return cli_fail (error);
  /* It exists from here on, whatever happens: so its name is what comes first. */
  puts (spec.name);
  fflush (stdout);
  cli_expiry_warn (cli, spec.image);
  answer =
      cli_call (cli, path, IFACE_CONTAINER, "Start", g_variant_new ("(a{sv})", NULL), NULL, NULL, &error);
  if (answer == NULL)
    return cli_fail (error);
  warn_of_network (cli, path, spec.name);
  return CLI_EXIT_OK;
}

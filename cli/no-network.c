/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "escape.h"
#include "no-network.h"
#include "output.h"

void
cli_network_tell (const char *name, const char *error)
{
  g_autofree char *shown = cli_escape (name, -1, CLI_ESCAPE_LINE);
  g_autofree char *reason = error ? cli_escape (error, -1, CLI_ESCAPE_LINE) : NULL;

  if (reason && *reason)
    g_printerr (_ ("bothy: %s runs without network: %s\n"), shown, reason);
}

void
cli_network_ask (Cli *cli, const char *path, const char *name)
{
  g_autoptr (GVariant) properties = cli_get_all (cli, path, IFACE_CONTAINER, NULL);
  const char *error = NULL;

  if (properties && g_variant_lookup (properties, "NetworkError", "&s", &error))
    cli_network_tell (name, error);
}

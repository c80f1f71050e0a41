/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

/* How mmdebstrap(1) is called. */
typedef struct {
  char *distribution; /* DISTRIBUTION:SUITE */
  char *variant;
  char **packages;
  char **mirrors;
  gboolean quiet;
} CliBootstrap;

/** cli_bootstrap_clear: frees what it holds */
void cli_bootstrap_clear (CliBootstrap *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CliBootstrap, cli_bootstrap_clear)

/** cli_bootstrap_check: Returns: whether each word is what it should be, and none an option of mmdebstrap's
 */
gboolean cli_bootstrap_check (const CliBootstrap *self, GError **error);

/** cli_bootstrap_alias: Returns: (transfer full): "debian/trixie" for "debian:trixie" */
char *cli_bootstrap_alias (const CliBootstrap *self);

/**
 * cli_bootstrap_command:
 *
 * Without mirrors it finds out where this machine's packages come from, and how apt gets there.
 *
 * Returns: (transfer full) (nullable): a command that writes the archive to standard output, and gives up
 * when its standard input ends
 */
char **cli_bootstrap_command (const CliBootstrap *self, GError **error);

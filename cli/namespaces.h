/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/* A command in namespaces of its own, with ids that the service maps. */
typedef struct {
  int flags;          /* CLONE_NEW…; the user namespace is always made */
  gulong propagation; /* of its mounts, if it has its own */
  gboolean mount_proc;
  gboolean remount; /* what belongs to the namespaces that are new: /proc, /dev/shm, /dev/mqueue */
  gboolean keep;    /* stay who one is */
  GArray *extents;  /* CliExtent; empty: the ranges that one has, or gets now */
} CliNamespaces;

/** cli_namespaces_clear: frees what @self has; @self itself is the caller's */
static inline void
cli_namespaces_clear (CliNamespaces *self)
{
  g_clear_pointer (&self->extents, g_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CliNamespaces, cli_namespaces_clear)

/** cli_namespaces_take_map: @texts: (nullable): parts of the map; Returns: FALSE when a usage error was
 * reported */
gboolean cli_namespaces_take_map (Cli *cli, CliNamespaces *self, char **texts);

/**
 * cli_namespaces_parse_command:
 *
 * Returns: (transfer full) (nullable): all words from the first on that is no option; NULL when a usage error
 * was reported
 */
char **cli_namespaces_parse_command (Cli *cli, const GOptionEntry *entries, char **words);

/** cli_namespaces_run: becomes @command, or a shell if that is empty; Returns: otherwise, the exit code */
int cli_namespaces_run (Cli *cli, CliNamespaces *self, char **command);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/* What create, launch and run say about a new container. */
typedef struct {
  char *name;
  char *image;
  char **command;
  char **environment;
  char *user;
  char *directory;
  char *hostname;
  gboolean ephemeral;
  gboolean nesting;
} CliSpec;

/** cli_spec_clear: frees what it holds */
void cli_spec_clear (CliSpec *spec);

/**
 * cli_spec_create:
 *
 * Makes the container. Without a name it gets one that comes from the image, and is free; that is stored in
 * @spec.
 *
 * Returns: (transfer full) (nullable): the path of its object
 */
char *cli_spec_create (Cli *cli, CliSpec *spec, GError **error);

/**
 * cli_environment_ok:
 * @environment: (nullable): NAME=VALUE, or NAME for what it is here
 *
 * Completes those without a value, and drops those that are not set here.
 *
 * Returns: FALSE when one of them has no name
 */
gboolean cli_environment_ok (char ***environment);

/** cli_spec_words: the verb of create and launch: options, IMAGE, [NAME], command. Returns: FALSE for a usage
 * error */
gboolean cli_spec_words (Cli *cli, CliSpec *spec, char **words);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CliSpec, cli_spec_clear)

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/* What start, stop and their like are: one method of several containers. */
typedef struct {
  const char *method;
  const char *const *states;               /* those in which --all takes a container along */
  const GOptionEntry *entries;             /* (nullable): the verb's own options */
  GVariant *(*parameters) (gpointer data); /* (nullable): of the method; floating */
  gpointer data;
  void (*done) (Cli *cli, const char *path, const char *name); /* (nullable): with one for which it worked */
  const char *
      patience; /* (nullable): what Ctrl-C on a terminal says at first; the second time what still runs is killed */
} CliState;

/**
 * cli_state_verb:
 *
 * Takes names, or --all, and calls the method for each. The calls run side by side, so that ten containers
 * that take their time to shut down take it once. Goes on after an error.
 *
 * Returns: the exit code
 */
int cli_state_verb (Cli *cli, char **words, const CliState *state);

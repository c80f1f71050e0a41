/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/**
 * cli_state_verb:
 * @entries: (nullable): the verb's own options
 * @states: those in which --all takes containers along
 * @each: what the verb does with one
 *
 * What start, stop and their like have in common: names, or --all.
 */
int cli_state_verb (Cli *cli,
                    char **words,
                    const GOptionEntry *entries,
                    const char *const *states,
                    CliEach each,
                    gpointer data);

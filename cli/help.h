/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/**
 * cli_help_context:
 * @version: (out): whether the version was asked for
 *
 * Returns: (transfer full): what parses the options in front of the verb
 */
GOptionContext *cli_help_context (Cli *cli, gboolean *version);

/** cli_help_all: prints what there is. Returns: the exit code */
int cli_help_all (void);

/** cli_help_group: prints the verbs that begin with the word @group. Returns: the exit code */
int cli_help_group (const char *group);

/** cli_help_unknown: says that @words name no verb, and which one may have been meant. Returns: the exit code
 */
int cli_help_unknown (char **words);

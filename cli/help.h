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

/** cli_help_all: prints all of @verbs, and the options in front of them. Returns: the exit code */
int cli_help_all (const CliVerb *verbs);

/** cli_help_group: prints those of @verbs that begin with the word @group. Returns: the exit code */
int cli_help_group (const CliVerb *verbs, const char *group);

/**
 * cli_help_unknown:
 *
 * Says that @words name none of @verbs, and which one may have been meant.
 *
 * Returns: the exit code
 */
int cli_help_unknown (const CliVerb *verbs, char **words);

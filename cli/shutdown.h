/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/**
 * cli_shutdown_verb:
 * @method: Stop or Restart, which take the same options
 *
 * Returns: the exit code
 */
int cli_shutdown_verb (Cli *cli, char **words, const char *method);

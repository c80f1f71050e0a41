/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/* A container starts without the network that it wants when it can not have it; who started it should hear why. */

/**
 * cli_network_tell:
 * @name: of the container
 * @error: its NetworkError; "" or NULL: there is nothing to tell
 */
void cli_network_tell (const char *name, const char *error);

/**
 * cli_network_ask:
 *
 * Asks the container at @path, and tells.
 */
void cli_network_ask (Cli *cli, const char *path, const char *name);

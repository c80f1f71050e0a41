/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/**
 * cli_remote_run:
 *
 * Becomes ssh, which runs the same verb on the machine that -H names: file descriptors, terminals and
 * passwords work there as they do here, which they would not through a forwarded bus.
 *
 * Returns: FALSE with @error set; on success it does not return
 */
gboolean cli_remote_run (Cli *cli, GError **error);

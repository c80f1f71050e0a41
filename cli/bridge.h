/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/** cli_find_bridge: Returns: (transfer full) (nullable): the path of the bridge called @name */
char *cli_find_bridge (Cli *cli, const char *name, GError **error);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/* Devices that a new container is to have. */

/** cli_devices_ok: takes /dev/NODE in @words (nullable) for path:/dev/NODE. Returns: FALSE for a usage error, which was reported */
gboolean cli_devices_ok (Cli *cli, char **words);

/**
 * cli_devices_add: lets the container at @path, which has none yet, have what @words (nullable, of cli_devices_ok()) say,
 * under names that come from them
 *
 * Returns: FALSE with @error set at the first that it may not have, or that nobody agreed to
 */
gboolean cli_devices_add (Cli *cli, const char *path, char **words, GError **error);

/* The option of a new container's devices. */
#define CLI_SPEC_DEVICE(spec)                                                                                \
  "device", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &(spec)->devices,                                             \
      N_ ("Let it have a device of this machine; as of bothy device add"), N_ ("WHICH")

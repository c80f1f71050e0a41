/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/**
 * cli_pull:
 * @ref: NAME or REMOTE:NAME
 * @alias: (nullable): what to call it here, in place of @ref
 * @architecture: (nullable): in place of the machine's
 * @squash_owners: what is of ids that no container has becomes nobody's
 *
 * Gets an image, and shows on a terminal how far it is.
 *
 * Returns: (transfer full) (nullable): the path of its object
 */
char *cli_pull (Cli *cli,
                const char *ref,
                const char *alias,
                const char *architecture,
                gboolean squash_owners,
                GError **error);

/**
 * cli_pull_missing:
 * @squash_owners: as of cli_pull()
 * @refused: (inout): why there is no image @ref
 *
 * Gets it, if the reason is that it is not here and that it may be elsewhere. What then goes wrong is said
 * along with @refused.
 *
 * Returns: whether it is here now
 */
gboolean cli_pull_missing (Cli *cli, const char *ref, gboolean squash_owners, GError **refused);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

#include <gio/gunixfdlist.h>

/**
 * cli_login_add:
 * @ref: of an image, or of what is looked for: "REMOTE:" will do
 * @options: gets "credentials", if the caller has some for where @ref may come from
 * @ret_fds: (out) (transfer full) (nullable): what goes with them
 *
 * Returns: FALSE when what the caller has can not be read
 */
gboolean
cli_login_add (Cli *cli, const char *ref, GVariantBuilder *options, GUnixFDList **ret_fds, GError **error);

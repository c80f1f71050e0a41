/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/**
 * cli_operation_follow:
 * @path: an Operation
 * @title: (nullable): what it does, for the progress line on a terminal
 * @ret_object: (out) (optional) (nullable): path of what it made
 *
 * Waits for its end. Ctrl-C cancels it, and waits until that is done.
 */
gboolean
cli_operation_follow (Cli *cli, const char *path, const char *title, char **ret_object, GError **error);

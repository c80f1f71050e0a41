/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/**
 * cli_import_fd:
 * @fd: what the archive can be read from
 * @title: for the progress line
 *
 * Returns: (transfer full) (nullable): the path of the image's object
 */
char *cli_import_fd (
    Cli *cli, int fd, const char *title, const char *alias, const char *fingerprint, GError **error);

/** cli_print_imported: prints the fingerprint of the image at @path, or with --json all of it */
gboolean cli_print_imported (Cli *cli, const char *path, GError **error);

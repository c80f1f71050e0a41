/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli.h"

/**
 * cli_error_is:
 * @name: the last part of a name in org.bothy.Bothy1.Error, or a whole D-Bus error name
 *
 * Returns: whether the service said so
 */
gboolean cli_error_is (const GError *error, const char *name);

/**
 * cli_error_from_name:
 * @name: what the service calls it, or ""
 * @text: what the service says of it, as Operation.Completed does
 *
 * Returns: (transfer full): the error that a method would have returned
 */
GError *cli_error_from_name (const char *name, const char *text);

/**
 * cli_warn:
 * @error: what went wrong
 * @about: (nullable): with which of several things
 *
 * Says so on standard error in one line, with one more that says what to do if that is known.
 */
void cli_warn (const GError *error, const char *about);

/**
 * cli_fail:
 *
 * Says so as cli_warn() does.
 *
 * Returns: CLI_EXIT_FAILED
 */
int cli_fail (const GError *error);

/**
 * cli_fail_command:
 *
 * The same for verbs that return the code of a command.
 *
 * Returns: one of CLI_EXIT_OWN, CLI_EXIT_NOT_EXECUTABLE and CLI_EXIT_NOT_FOUND
 */
int cli_fail_command (const GError *error);

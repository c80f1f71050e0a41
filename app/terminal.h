/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Which terminal a shell is opened in. */

/**
 * AppTerminalFind:
 *
 * Finds a program, as g_find_program_in_path() does, which is the one but in tests.
 *
 * Returns: (transfer full) (nullable): its path
 */
typedef char *(*AppTerminalFind) (const char *program);

/**
 * app_terminal_command:
 * @title: what the terminal is to be called until the program says otherwise
 * @command: what is to run in it
 *
 * Words are kept as they are: no shell reads them.
 *
 * Returns: (transfer full) (nullable): the words that open a terminal with @command; NULL if there is none of those that are known
 */
GStrv app_terminal_command (AppTerminalFind find, const char *title, const char *const *command);

/**
 * app_terminal_open:
 * @context: (nullable): what the new window is started with, such as its activation token
 *
 * Opens a terminal in which @command runs: one that is known by name, or else the one that GLib finds.
 */
gboolean
app_terminal_open (GAppLaunchContext *context, const char *title, const char *const *command, GError **error);

G_END_DECLS

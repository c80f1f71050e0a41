/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/**
 * cli_ask:
 * @prompt: what the terminal shows
 * @shown: whether it shows what is typed as well
 *
 * Asks the person at the terminal for a line. The terminal is as it was afterwards, also after Ctrl-C.
 *
 * Returns: (transfer full) (nullable): without its end
 */
char *cli_ask (const char *prompt, gboolean shown, GError **error);

/** cli_read_line: Returns: (transfer full) (nullable): the first line of standard input, without its end */
char *cli_read_line (GError **error);

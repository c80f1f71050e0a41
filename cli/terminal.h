/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/*
 * Joins this terminal (standard input and output) to another one, of which we hold the master side, as ssh
 * does: keys go there as they are, the size follows, and this terminal is as it was afterwards, whatever ends
 * us.
 */

typedef struct CliTerminal CliTerminal;
typedef void (*CliTerminalEnd) (gpointer data);

typedef enum {
  CLI_TERMINAL_DEFAULT = 0,
  CLI_TERMINAL_ESCAPE = 1 << 0, /* Ctrl-] three times within a second leaves */
  CLI_TERMINAL_NO_INPUT = 1 << 1,
} CliTerminalFlags;

/**
 * cli_terminal_new:
 * @pty: the master side, which is taken
 * @end: called once from the main loop, when the other side hung up or the person left
 *
 * Joins the two, from the main loop.
 */
CliTerminal *cli_terminal_new (int pty, CliTerminalFlags flags, CliTerminalEnd end, gpointer data);

/**
 * cli_terminal_drain:
 *
 * The program on the other side is gone: shows what it had still written, and does not wait for programs that
 * it left behind with the terminal open.
 */
void cli_terminal_drain (CliTerminal *terminal);

/** cli_terminal_left: Returns: whether the person left, with the other side still there */
gboolean cli_terminal_left (CliTerminal *terminal);

/** cli_terminal_free: parts the two; this terminal is as it was */
void cli_terminal_free (CliTerminal *terminal);

/**
 * cli_terminal_environment:
 *
 * Returns: (transfer full) (nullable): "TERM=...", what programs on the other side should take this terminal
 * for
 */
char *cli_terminal_environment (void);

/**
 * cli_terminal_announce:
 * @container: (nullable): its name, or NULL when it is left again
 *
 * Tells a terminal emulator that understands it (OSC 777) that it shows a container now.
 */
void cli_terminal_announce (const char *container);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CliTerminal, cli_terminal_free)

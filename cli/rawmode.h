/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* This terminal in raw mode: keys go to another one as they are. It gets its own mode back whatever ends us.
 */

/** cli_raw_mode_enter: does nothing if standard input is no terminal */
void cli_raw_mode_enter (void);

/** cli_raw_mode_leave: gives the terminal its own mode back */
void cli_raw_mode_leave (void);

/** cli_raw_mode_die: gives the terminal its own mode back, and ends this program by a signal */
void cli_raw_mode_die (int number);

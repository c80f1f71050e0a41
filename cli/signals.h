/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

typedef void (*CliSignal) (int signal, gpointer data);

/**
 * cli_signals_catch:
 * @signals: numbers, ended by 0
 * @caught: called from the main loop
 *
 * From now on these signals do not end this program, but are passed to @caught, until they are
 * released.
 */
void cli_signals_catch (const int *signals, CliSignal caught, gpointer data);

/** cli_signals_release: the signals do what they do by default again */
void cli_signals_release (void);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONSOLE_TAIL    8192
#define CONSOLE_LOG_MAX (1024 * 1024)

/* /dev/console: its output goes to the log and to one attached terminal, whose input goes to it. */
struct console {
  int master; /* non-blocking */
  int log;
  int client; /* our end of the attached terminal; -1 none */
  int64_t log_size;
  char *tail; /* the last CONSOLE_TAIL bytes, as a ring */
  size_t tail_end;
  bool tail_full;
};

#define CONSOLE_NONE                                                                                         \
  {                                                                                                          \
    .master = -1, .log = -1, .client = -1                                                                    \
  }

/* Takes MASTER and LOG, an O_APPEND file or -1. */
void console_open (struct console *console, int master, int log);

/*
 * Passes output on. Nobody is waited for: an attached terminal that is not read loses what does not fit.
 * Returns true if there may be more (it stops after a while, to be fair to others).
 */
bool console_pump_output (struct console *console);

/* Passes the attached terminal's input and window size on. Returns false when it was closed and is gone. */
bool console_pump_input (struct console *console);

/*
 * Joins a new terminal of the devpts PTS to the console, in the place of an older one, and repeats the
 * last output. Returns its master, the caller's, or a negative errno value.
 */
int console_attach (struct console *console, int pts);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONSOLE_TAIL        8192
#define CONSOLE_CHUNK       4096
#define CONSOLE_LOG_MAX     (1024 * 1024)
#define CONSOLE_PATIENCE_MS 1000

/* /dev/console: its output goes to the log and to one attached terminal, whose input goes to it. */
struct console {
  int master; /* non-blocking */
  int log;
  int client; /* our end of the attached terminal; -1 none */
  int64_t log_size;
  char *tail; /* the last CONSOLE_TAIL bytes, as a ring */
  size_t tail_end;
  bool tail_full;
  char pending[CONSOLE_CHUNK]; /* what the attached terminal had no room for; output pauses meanwhile */
  size_t pending_size;
  int64_t deadline; /* clock_ms() until which it pauses */
  bool lagging;     /* it has had its chance: it loses what does not fit until it reads again */
};

#define CONSOLE_NONE ((struct console){ .master = -1, .log = -1, .client = -1 })

/* Takes MASTER and LOG, an O_APPEND file or -1. */
void console_open (struct console *console, int master, int log);

/*
 * Passes output on. A terminal that is slower makes it pause, but no longer than CONSOLE_PATIENCE_MS: one
 * that is not read must not hold the container up. Returns true if there may be more (it stops after a while,
 * to be fair to others).
 */
bool console_pump_output (struct console *console);

/* Whether output waits for the attached terminal to be writable. */
bool console_is_paused (const struct console *console);

/* How long epoll_wait(2) may sleep for that: -1 when it does not wait. */
int console_timeout (const struct console *console);

/* Tries again what is pending, or gives up. True when output may go on. */
bool console_resume (struct console *console);

/* Passes on all that is left when nobody writes any more; takes CONSOLE_PATIENCE_MS at most. */
void console_drain (struct console *console);

/* Passes the attached terminal's window size on, of whose change SIGWINCH tells. */
void console_pass_size (const struct console *console);

/* Passes the attached terminal's input on. Returns false when it was closed and is gone. */
bool console_pump_input (struct console *console);

/*
 * Joins a new terminal of the devpts PTS to the console, in the place of an older one, and repeats the
 * last output. Returns its master, the caller's, or a negative errno value.
 */
int console_attach (struct console *console, int pts);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "console.h"

#include "autofd.h"
#include "clock.h"
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>

#define MAX_CHUNKS 64 /* of output in one go */

void
console_open (struct console *console, int master, int log)
{
  struct stat st;

  console->master = master;
  console->log = log;
  console->log_size = log >= 0 && fstat (log, &st) == 0 ? st.st_size : 0;
}

static void
append_tail (struct console *console, const char *data, size_t size)
{
  if (!console->tail)
    console->tail = malloc (CONSOLE_TAIL);
  if (!console->tail)
    return;
  for (size_t i = 0; i < size; i++) {
    console->tail[console->tail_end++] = data[i];
    if (console->tail_end == CONSOLE_TAIL) {
      console->tail_end = 0;
      console->tail_full = true;
    }
  }
}

/* The older half goes; where the file system cannot do that, all. */
static void
bound_log (struct console *console)
{
  if (console->log_size <= CONSOLE_LOG_MAX)
    return;
  if (fallocate (console->log, FALLOC_FL_COLLAPSE_RANGE, 0, CONSOLE_LOG_MAX / 2) == 0)
    console->log_size -= CONSOLE_LOG_MAX / 2;
  else if (ftruncate (console->log, 0) == 0)
    console->log_size = 0;
}

static void
append_log (struct console *console, const char *data, size_t size)
{
  if (console->log < 0)
    return;
  ssize_t written = write (console->log, data, size);
  if (written > 0)
    console->log_size += written;
  bound_log (console);
}

static void
pass_to_client (struct console *console, const char *data, size_t size)
{
  if (console->client < 0)
    return;
  ssize_t written = write (console->client, data, size);
  size_t done = written < 0 ? 0 : (size_t)written;
  if (done == size) {
    console->lagging = false;
  } else if (!console->lagging) {
    console->pending_size = size - done;
    memcpy (console->pending, data + done, console->pending_size);
    console->deadline = clock_ms () + CONSOLE_PATIENCE_MS;
  }
}

bool
console_is_paused (const struct console *console)
{
  return console->pending_size > 0;
}

int
console_timeout (const struct console *console)
{
  return console->pending_size > 0 ? clock_until (console->deadline) : -1;
}

bool
console_resume (struct console *console)
{
  if (console->pending_size == 0)
    return false;
  ssize_t written =
      console->client < 0 ? -1 : write (console->client, console->pending, console->pending_size);
  if (written > 0) {
    console->pending_size -= (size_t)written;
    memmove (console->pending, console->pending + written, console->pending_size);
    console->deadline = clock_ms () + CONSOLE_PATIENCE_MS;
  }
  if (console->pending_size > 0 && console->client >= 0 && clock_ms () < console->deadline)
    return false;
  console->lagging = console->pending_size > 0;
  console->pending_size = 0;
  return true;
}

void
console_drain (struct console *console)
{
  int64_t end = clock_ms () + CONSOLE_PATIENCE_MS;

  while (console_pump_output (console) || console_is_paused (console)) {
    struct pollfd client = { .fd = console->client, .events = POLLOUT };

    if (!console_is_paused (console))
      continue;
    poll (&client, 1, clock_until (end));
    if (clock_ms () >= end)
      console->deadline = 0;
    console_resume (console);
  }
}

bool
console_pump_output (struct console *console)
{
  char data[CONSOLE_CHUNK];

  for (int i = 0; i < MAX_CHUNKS && !console_is_paused (console); i++) {
    ssize_t size = read (console->master, data, sizeof data);

    if (size <= 0)
      return size < 0 && errno == EINTR;
    append_tail (console, data, (size_t)size);
    append_log (console, data, (size_t)size);
    pass_to_client (console, data, (size_t)size);
  }
  return !console_is_paused (console);
}

void
console_pass_size (const struct console *console)
{
  struct winsize size;

  if (console->client >= 0 && ioctl (console->client, TIOCGWINSZ, &size) == 0 && size.ws_row > 0)
    ioctl (console->master, TIOCSWINSZ, &size);
}

bool
console_pump_input (struct console *console)
{
  char data[CONSOLE_CHUNK];
  ssize_t got = read (console->client, data, sizeof data);

  if (got < 0 && (errno == EAGAIN || errno == EINTR))
    return true;
  if (got <= 0) {
    drop_fd (&console->client);
    return false;
  }
  (void)!write (console->master, data, (size_t)got);
  return true;
}

static void
repeat_tail (const struct console *console, int client)
{
  if (console->tail_full)
    (void)!write (client, console->tail + console->tail_end, CONSOLE_TAIL - console->tail_end);
  if (console->tail_end > 0)
    (void)!write (client, console->tail, console->tail_end);
}

/* The session has one terminal at a time. */
static void
let_go (struct console *console)
{
  if (console->client >= 0)
    (void)ioctl (console->client, TIOCNOTTY);
  drop_fd (&console->client);
}

int
console_attach (struct console *console, int pts)
{
  struct termios mode;
  autofd slave = -1;
  autofd master = terminal_open (pts, 0, &slave, NULL);

  if (master < 0)
    return master;
  if (tcgetattr (slave, &mode) < 0)
    return -errno;
  cfmakeraw (&mode);
  if (tcsetattr (slave, TCSANOW, &mode) < 0 || fcntl (slave, F_SETFL, O_NONBLOCK) < 0)
    return -errno;
  repeat_tail (console, slave);
  console->lagging = false;
  console->pending_size = 0;
  let_go (console);
  console->client = steal_fd (&slave);
  /* As this session's terminal: only so is there a signal when the caller changes the size on his end. */
  (void)terminal_control (console->client);
  return steal_fd (&master);
}

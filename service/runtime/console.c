/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "console.h"

#include "autofd.h"
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>

#define CHUNK      4096
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

bool
console_pump_output (struct console *console)
{
  char data[CHUNK];

  for (int i = 0; i < MAX_CHUNKS; i++) {
    ssize_t size = read (console->master, data, sizeof data);

    if (size <= 0)
      return size < 0 && errno == EINTR;
    append_tail (console, data, (size_t)size);
    append_log (console, data, (size_t)size);
    if (console->client >= 0)
      (void)!write (console->client, data, (size_t)size);
  }
  return true;
}

bool
console_pump_input (struct console *console)
{
  struct winsize size;
  char data[CHUNK];
  ssize_t got = read (console->client, data, sizeof data);

  if (got < 0 && (errno == EAGAIN || errno == EINTR))
    return true;
  if (got <= 0) {
    drop_fd (&console->client);
    return false;
  }
  /* A caller sets the size on his end; there is no event for it, so it is looked at when he types. */
  if (ioctl (console->client, TIOCGWINSZ, &size) == 0 && size.ws_row > 0)
    ioctl (console->master, TIOCSWINSZ, &size);
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
  drop_fd (&console->client);
  console->client = steal_fd (&slave);
  return steal_fd (&master);
}

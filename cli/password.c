/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "password.h"

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gi18n.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define MAX_LINE (8 * 1024)

static volatile sig_atomic_t caught;

static void
on_signal (int number)
{
  caught = number;
}

/* Byte by byte, so that what follows the line stays for others. */
static char *
read_line (int fd, GError **error)
{
  g_autoptr (GString) line = g_string_new (NULL);
  char byte = '\0';
  gssize n;

  while (!caught && line->len < MAX_LINE) {
    n = read (fd, &byte, 1);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0 || byte == '\n')
      break;
    g_string_append_c (line, byte);
  }
  if (line->len > 0 && line->str[line->len - 1] == '\r')
    g_string_truncate (line, line->len - 1);
  if (line->len > 0 && line->len < MAX_LINE && !caught && strlen (line->str) == line->len)
    return g_string_free (g_steal_pointer (&line), FALSE);
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, _ ("Nothing was typed"));
  return NULL;
}

char *
cli_read_line (GError **error)
{
  caught = 0;
  return read_line (STDIN_FILENO, error);
}

static char *
read_hidden (int tty, GError **error)
{
  static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
  struct sigaction action = { .sa_handler = on_signal }, before[G_N_ELEMENTS (numbers)];
  struct termios mode, quiet;
  char *line;

  if (tcgetattr (tty, &mode) < 0) {
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "/dev/tty: %s", g_strerror (errno));
    return NULL;
  }
  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    sigaction (numbers[i], &action, &before[i]);
  quiet = mode;
  quiet.c_lflag &= ~(tcflag_t)ECHO;
  tcsetattr (tty, TCSAFLUSH, &quiet);
  line = read_line (tty, error);
  tcsetattr (tty, TCSAFLUSH, &mode);
  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    sigaction (numbers[i], &before[i], NULL);
  if (caught)
    raise (caught);
  return line;
}

char *
cli_ask (const char *prompt, gboolean shown, GError **error)
{
  int tty = open ("/dev/tty", O_RDWR | O_CLOEXEC);
  char *line;

  if (tty < 0) {
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                         _ ("There is no terminal to ask at; use --username and --password-stdin"));
    return NULL;
  }
  caught = 0;
  dprintf (tty, "%s", prompt);
  line = shown ? read_line (tty, error) : read_hidden (tty, error);
  if (!shown)
    dprintf (tty, "\n");
  close (tty);
  return line;
}

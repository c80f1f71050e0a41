/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <glib-unix.h>

#include "error.h"
#include "escape.h"
#include "output.h"
#include "verbs.h"
#include "watch.h"

typedef struct {
  int fd;
  gboolean terminal;
} Log;

/* As it is for a file or a pipe; for a person without what could play tricks on the terminal. */
static void
print_bytes (const Log *log, const char *bytes, gsize length)
{
  if (log->terminal) {
    g_autofree char *safe = cli_escape (bytes, length, CLI_ESCAPE_TEXT);
    fputs (safe, stdout);
  } else
    fwrite (bytes, 1, length, stdout);
}

static GString *
read_rest (int fd)
{
  GString *text = g_string_new (NULL);
  char buffer[16384];
  gssize n;

  while ((n = read (fd, buffer, sizeof buffer)) > 0)
    g_string_append_len (text, buffer, n);
  return text;
}

/* Where the last @lines lines begin; all if negative. */
static gsize
tail_offset (const GString *text, int lines)
{
  gsize at = text->len;

  if (lines < 0)
    return 0;
  if (at > 0 && text->str[at - 1] == '\n')
    at--;
  while (at > 0 && lines > 0)
    if (text->str[--at] == '\n' && --lines == 0)
      return at + 1;
  return lines == 0 ? text->len : 0;
}

static void
print_rest (const Log *log, int lines)
{
  g_autoptr (GString) text = read_rest (log->fd);
  gsize offset = tail_offset (text, lines);

  print_bytes (log, text->str + offset, text->len - offset);
  fflush (stdout);
}

static gboolean
has_stopped (CliWatch *watch, gpointer data)
{
  const char *state = cli_watch_string (watch, "State");

  return g_str_equal (state, "stopped") || g_str_equal (state, "failed");
}

static gboolean
on_more (gpointer data)
{
  print_rest (data, -1);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_inotify (int fd, GIOCondition condition, gpointer data)
{
  char events[4096] __attribute__ ((aligned (8)));

  if (read (fd, events, sizeof events) > 0)
    print_rest (data, -1);
  return G_SOURCE_CONTINUE;
}

/* Wakes up when the file grows. Where inotify may not look at it (it needs to read the file by its name below
 * /proc), twice a second has to do. */
static guint
follow_source (Log *log, int *ret_inotify)
{
  g_autofree char *name = g_strdup_printf ("/proc/self/fd/%d", log->fd);

  *ret_inotify = inotify_init1 (IN_CLOEXEC | IN_NONBLOCK);
  if (*ret_inotify >= 0 && inotify_add_watch (*ret_inotify, name, IN_MODIFY) >= 0)
    return g_unix_fd_add (*ret_inotify, G_IO_IN, on_inotify, log);
  return g_timeout_add (500, on_more, log);
}

static gboolean
follow (Cli *cli, const char *path, Log *log, GError **error)
{
  g_autoptr (CliWatch) watch = cli_watch_new (cli, path, IFACE_CONTAINER);
  gboolean ok;
  int inotify;
  guint source = follow_source (log, &inotify);

  cli_output_watch ();
  ok = cli_watch_fetch (watch, error) && cli_watch_run (watch, has_stopped, NULL, -1, error);
  print_rest (log, -1);
  g_source_remove (source);
  if (inotify >= 0)
    close (inotify);
  return ok;
}

int
cli_logs (Cli *cli, char **words)
{
  gboolean follow_it = FALSE;
  int lines = -1;
  const GOptionEntry entries[] = {
    { "follow", 'f', 0, G_OPTION_ARG_NONE, &follow_it, N_ ("Go on until the container stops"), NULL },
    { "lines", 'n', 0, G_OPTION_ARG_INT, &lines, N_ ("Only the last ones"), N_ ("N") },
    { "tail", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_INT, &lines, NULL, NULL },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = NULL;
  g_autofree char *path = NULL;
  gboolean ok = TRUE;
  Log log = { -1, isatty (STDOUT_FILENO) };

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &names, NULL))
    return CLI_EXIT_USAGE;
  if (g_strv_length (names) != 1)
    return cli_usage (cli, "%s", _ ("One name is needed"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  path = cli_find_container (cli, names[0], &error);
  if (path)
    log.fd = cli_call_fd (cli, path, IFACE_CONTAINER, "OpenLog", NULL, &error);
  if (log.fd < 0)
    return cli_fail (error);

  print_rest (&log, lines);
  if (follow_it)
    ok = follow (cli, path, &log, &error);
  close (log.fd);
  return ok ? CLI_EXIT_OK : cli_fail (error);
}

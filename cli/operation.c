/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <glib-unix.h>

#include "error.h"
#include "escape.h"
#include "operation.h"
#include "output.h"
#include "signals.h"
#include "watch.h"

#define BAR_WIDTH 30
/* What is shorter says nothing. */
#define LEAST_BAR   8
#define LEAST_TITLE 12

typedef struct {
  Cli *cli;
  CliWatch *watch;
  const char *title;
  gint64 started;
  gboolean drawn;
} Following;

/* What follows the bar. */
static char *
figures (Following *following, double part, const char *phase)
{
  GVariant *bytes = cli_watch_lookup (following->watch, "Bytes", G_VARIANT_TYPE_UINT64);
  guint64 done = bytes ? g_variant_get_uint64 (bytes) : 0;
  double seconds = (g_get_monotonic_time () - following->started) / (double)G_USEC_PER_SEC;
  g_autofree char *size = g_format_size (done);
  g_autofree char *rate = g_format_size (seconds > 0.1 ? done / seconds : 0);
  g_autofree char *shown = cli_escape (phase, -1, CLI_ESCAPE_LINE);
  GString *text = g_string_new (NULL);

  if (part >= 0)
    g_string_append_printf (text, "%3d %%  ", (int)(MIN (part, 1) * 100));
  if (done > 0)
    g_string_append_printf (text, "%s (%s/s)  ", size, rate);
  g_string_append (text, shown);
  return g_string_free (text, FALSE);
}

static char *
bar (double part, guint width)
{
  guint filled = MIN (part, 1) * width;
  g_autofree char *full = g_strnfill (filled, '#');
  g_autofree char *empty = g_strnfill (width - filled, '-');

  return g_strdup_printf ("[%s%s] ", full, empty);
}

/* One line and never more, or each tick would leave one behind: what is short of room is the bar, then the title. */
static void
draw (Following *following, const char *phase)
{
  GVariant *progress = cli_watch_lookup (following->watch, "Progress", G_VARIANT_TYPE_DOUBLE);
  double part = progress ? g_variant_get_double (progress) : -1;
  g_autofree char *text = figures (following, part, phase);
  g_autofree char *safe = cli_escape (following->title, -1, CLI_ESCAPE_LINE);
  guint room = cli_terminal_columns (STDERR_FILENO) - 1;
  guint taken = cli_columns_of (text);
  g_autofree char *title = cli_cut (safe, room > taken + LEAST_TITLE + 2 ? room - taken - 2 : LEAST_TITLE);
  g_autofree char *graph = NULL;
  g_autofree char *line = NULL;
  g_autofree char *cut = NULL;

  taken += cli_columns_of (title) + 2;
  if (part >= 0 && room >= taken + LEAST_BAR + 3)
    graph = bar (part, MIN (BAR_WIDTH, room - taken - 3));
  line = g_strdup_printf ("%s: %s%s", title, graph ? graph : "", text);
  cut = cli_cut (line, room);
  fprintf (stderr, "\r%s\033[K", cut);
  fflush (stderr);
  following->drawn = TRUE;
}

/* What was drawn may have more columns than there are now, or fewer. */
static gboolean
on_resize (gpointer data)
{
  cli_watch_poke (((Following *)data)->watch);
  return G_SOURCE_CONTINUE;
}

static gboolean
has_ended (CliWatch *watch, gpointer data)
{
  Following *following = data;
  const char *phase = cli_watch_string (watch, "Phase");
  gboolean ended = g_str_equal (phase, "done") || g_str_equal (phase, "failed");

  if (!ended && following->title && !following->cli->quiet && isatty (STDERR_FILENO))
    draw (following, phase);
  return ended;
}

static void
on_cancelled (GObject *source, GAsyncResult *result, gpointer data)
{
  /* An operation that ended meanwhile refuses; its outcome arrives anyway. */
  g_autoptr (GVariant) answer = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, NULL);
}

static void
on_interrupt (int number, gpointer data)
{
  Following *following = data;

  g_dbus_connection_call (following->cli->bus, BOTHY_NAME, cli_watch_path (following->watch), IFACE_OPERATION,
                          "Cancel", NULL, NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, on_cancelled, NULL);
}

/* What it made, if it made something. */
static void
take_object (CliWatch *watch, char **ret_object)
{
  GVariant *object = cli_watch_lookup (watch, "Object", G_VARIANT_TYPE_OBJECT_PATH);
  const char *path = object ? g_variant_get_string (object, NULL) : "/";

  if (ret_object)
    *ret_object = g_str_equal (path, "/") ? NULL : g_strdup (path);
}

static void
tell_warnings (CliWatch *watch)
{
  GVariant *warnings = cli_watch_lookup (watch, "Warnings", G_VARIANT_TYPE_STRING_ARRAY);
  g_autofree const char **texts = warnings ? g_variant_get_strv (warnings, NULL) : NULL;

  for (gsize i = 0; texts && texts[i]; i++) {
    g_autofree char *shown = cli_escape (texts[i], -1, CLI_ESCAPE_LINE);

    g_printerr ("bothy: %s\n", shown);
  }
}

static gboolean
outcome (CliWatch *watch, char **ret_object, GError **error)
{
  const char *text = cli_watch_string (watch, "Error");

  if (g_str_equal (cli_watch_string (watch, "Phase"), "failed")) {
    g_propagate_error (
        error, cli_error_from_name (cli_watch_string (watch, "ErrorName"),
                                    text[0] ? text : _ ("It failed, and the service does not say why")));
    return FALSE;
  }
  if (cli_watch_removed (watch)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED, _ ("The service restarted in the middle of it"));
    return FALSE;
  }
  /* The signal of the end may be all that has come so far. */
  if (ret_object && !cli_watch_fetch (watch, error))
    return FALSE;
  tell_warnings (watch);
  take_object (watch, ret_object);
  return TRUE;
}

gboolean
cli_operation_follow (Cli *cli, const char *path, const char *title, char **ret_object, GError **error)
{
  static const int interrupts[] = { SIGINT, SIGTERM, 0 };
  g_autoptr (CliWatch) watch = cli_watch_new (cli, path, IFACE_OPERATION);
  Following following = { cli, watch, title, g_get_monotonic_time (), FALSE };
  guint resized = isatty (STDERR_FILENO) ? g_unix_signal_add (SIGWINCH, on_resize, &following) : 0;
  gboolean ok;

  cli_signals_catch (interrupts, on_interrupt, &following);
  /* It may have ended before anybody listened. */
  ok = cli_watch_fetch (watch, error) && cli_watch_run (watch, has_ended, &following, -1, error);
  cli_signals_release ();
  if (resized > 0)
    g_source_remove (resized);
  if (following.drawn) {
    fputs ("\r\033[K", stderr);
    fflush (stderr);
  }
  return ok && outcome (watch, ret_object, error);
}

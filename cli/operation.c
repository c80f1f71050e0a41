/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "error.h"
#include "escape.h"
#include "operation.h"
#include "signals.h"
#include "watch.h"

#define BAR_WIDTH 30

typedef struct {
  Cli *cli;
  CliWatch *watch;
  const char *title;
  gint64 started;
  gboolean drawn;
} Following;

static void
draw (Following *following, const char *phase)
{
  GVariant *progress = cli_watch_lookup (following->watch, "Progress", G_VARIANT_TYPE_DOUBLE);
  GVariant *bytes = cli_watch_lookup (following->watch, "Bytes", G_VARIANT_TYPE_UINT64);
  g_autofree char *shown = cli_escape (phase, -1, CLI_ESCAPE_LINE);
  double part = progress ? g_variant_get_double (progress) : -1;
  guint64 done = bytes ? g_variant_get_uint64 (bytes) : 0;
  double seconds = (g_get_monotonic_time () - following->started) / (double)G_USEC_PER_SEC;
  g_autofree char *size = g_format_size (done);
  g_autofree char *rate = g_format_size (seconds > 0.1 ? done / seconds : 0);

  fprintf (stderr, "\r%s: ", following->title);
  if (part >= 0) {
    int filled = MIN (part, 1) * BAR_WIDTH;
    g_autofree char *full = g_strnfill (filled, '#');
    g_autofree char *empty = g_strnfill (BAR_WIDTH - filled, '-');
    fprintf (stderr, "[%s%s] %3d %%  ", full, empty, (int)(MIN (part, 1) * 100));
  }
  if (done > 0)
    fprintf (stderr, "%s (%s/s)  ", size, rate);
  fprintf (stderr, "%s\033[K", shown);
  fflush (stderr);
  following->drawn = TRUE;
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

static gboolean
outcome (CliWatch *watch, char **ret_object, GError **error)
{
  const char *text = cli_watch_string (watch, "Error");

  if (g_str_equal (cli_watch_string (watch, "Phase"), "failed")) {
    g_propagate_error (
        error, cli_error_from_text (text[0] ? text : _ ("It failed, and the service does not say why")));
    return FALSE;
  }
  if (cli_watch_removed (watch)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED, _ ("The service restarted in the middle of it"));
    return FALSE;
  }
  /* The signal of the end may be all that has come so far. */
  if (ret_object && !cli_watch_fetch (watch, error))
    return FALSE;
  take_object (watch, ret_object);
  return TRUE;
}

gboolean
cli_operation_follow (Cli *cli, const char *path, const char *title, char **ret_object, GError **error)
{
  static const int interrupts[] = { SIGINT, SIGTERM, 0 };
  g_autoptr (CliWatch) watch = cli_watch_new (cli, path, IFACE_OPERATION);
  Following following = { cli, watch, title, g_get_monotonic_time (), FALSE };
  gboolean ok;

  cli_signals_catch (interrupts, on_interrupt, &following);
  /* It may have ended before anybody listened. */
  ok = cli_watch_fetch (watch, error) && cli_watch_run (watch, has_ended, &following, -1, error);
  cli_signals_release ();
  if (following.drawn) {
    fputs ("\r\033[K", stderr);
    fflush (stderr);
  }
  return ok && outcome (watch, ret_object, error);
}

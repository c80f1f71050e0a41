/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "error.h"
#include "verbs.h"
#include "watch.h"

typedef struct {
  const char *state;
  int timeout;
} How;

/* Waiting for "stopped" is waiting for the end, however it came. */
static gboolean
is_there (CliWatch *watch, gpointer data)
{
  How *how = data;
  const char *state = cli_watch_string (watch, "State");

  return g_str_equal (state, how->state) ||
         (g_str_equal (how->state, "stopped") && g_str_equal (state, "failed"));
}

static gboolean
wait_one (Cli *cli, const char *name, const char *path, gpointer data, GError **error)
{
  How *how = data;
  g_autoptr (CliWatch) watch = cli_watch_new (cli, path, IFACE_CONTAINER);

  cli_watch_set_patient (watch);
  if (!cli_watch_fetch (watch, error) || !cli_watch_run (watch, is_there, how, how->timeout, error))
    return FALSE;
  if (is_there (watch, how) || g_str_equal (how->state, "stopped"))
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, _ ("It was deleted"));
  return FALSE;
}

int
cli_wait (Cli *cli, char **words)
{
  static const char *const states[] = {
    "stopped", "starting", "running", "frozen", "stopping", "failed", NULL
  };
  g_autofree char *state = NULL;
  How how = { NULL, -1 };
  const GOptionEntry entries[] = {
    { "state", 's', 0, G_OPTION_ARG_FILENAME, &state, N_ ("What to wait for; stopped if it is not said"),
      N_ ("STATE") },
    { "timeout", 't', 0, G_OPTION_ARG_INT, &how.timeout, N_ ("Fail after this time"), N_ ("SECONDS") },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = NULL;

  if (!cli_parse (cli, entries, CLI_PARSE_WORDS, words, &names, NULL))
    return CLI_EXIT_USAGE;
  how.state = state ? state : "stopped";
  if (names[0] == NULL)
    return cli_usage (cli, "%s", _ ("A name is needed"));
  if (!g_strv_contains (states, how.state))
    return cli_usage (cli, _ ("'%s' is not a state"), how.state);
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  return cli_each_container (cli, names, wait_one, &how);
}

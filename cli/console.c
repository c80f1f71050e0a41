/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>
#include <unistd.h>

#include "error.h"
#include "terminal.h"
#include "verbs.h"

static void
on_end (gpointer data)
{
  g_main_loop_quit (data);
}

int
cli_console (Cli *cli, char **words)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = NULL;
  g_autofree char *path = NULL;
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (CliTerminal) terminal = NULL;
  int pty = -1;

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &names, NULL))
    return CLI_EXIT_USAGE;
  if (g_strv_length (names) != 1)
    return cli_usage (cli, "%s", _ ("One name is needed"));
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  path = cli_find_container (cli, names[0], &error);
  if (path)
    pty = cli_call_fd (cli, path, IFACE_CONTAINER, "OpenConsole", NULL, &error);
  if (pty < 0)
    return cli_fail (error);

  if (!cli->quiet)
    g_printerr (_ ("Connected to the console of %s. Press Ctrl-] three times within a second to leave.\n"),
                names[0]);
  terminal = cli_terminal_new (pty, CLI_TERMINAL_ESCAPE, on_end, loop);
  g_main_loop_run (loop);
  g_clear_pointer (&terminal, cli_terminal_free);
  if (!cli->quiet)
    g_printerr (_ ("\nLeft the console of %s.\n"), names[0]);
  return CLI_EXIT_OK;
}

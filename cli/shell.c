/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "error.h"
#include "spec.h"
#include "terminal.h"
#include "verbs.h"

static void
on_end (gpointer data)
{
  g_main_loop_quit (data);
}

/* OpenShell takes an absolute path; what is not one is found by the shell inside. */
static GVariant *
shell_parameters (const char *user, char **command, char **environment)
{
  GVariantBuilder args, env;
  g_autofree char *term = cli_terminal_environment ();
  const char *path = command[0] ? command[0] : "";

  g_variant_builder_init (&args, G_VARIANT_TYPE_STRING_ARRAY);
  g_variant_builder_init (&env, G_VARIANT_TYPE_STRING_ARRAY);
  if (command[0] && command[0][0] != '/') {
    path = "/bin/sh";
    g_variant_builder_add (&args, "s", "-sh");
    g_variant_builder_add (&args, "s", "-c");
    g_variant_builder_add (&args, "s", "exec \"$0\" \"$@\"");
  }
  for (gsize i = 0; command[i]; i++)
    g_variant_builder_add (&args, "s", command[i]);
  if (term)
    g_variant_builder_add (&env, "s", term);
  for (gsize i = 0; environment[i]; i++)
    g_variant_builder_add (&env, "s", environment[i]);
  return g_variant_new ("(ssasas)", user, path, &args, &env);
}

static int
run_shell (Cli *cli, const char *name, const char *user, char **command, char **environment)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (CliTerminal) terminal = NULL;
  g_autofree char *path = cli_find_container (cli, name, &error);
  int pty;

  if (path == NULL)
    return cli_fail_command (error);
  pty = cli_call_fd (cli, path, IFACE_CONTAINER, "OpenShell", shell_parameters (user, command, environment),
                     &error);
  if (pty < 0)
    return cli_fail_command (error);

  cli_terminal_announce (name);
  terminal = cli_terminal_new (pty, CLI_TERMINAL_DEFAULT, on_end, loop);
  g_main_loop_run (loop);
  g_clear_pointer (&terminal, cli_terminal_free);
  cli_terminal_announce (NULL);
  return CLI_EXIT_OK;
}

int
cli_shell (Cli *cli, char **words)
{
  g_autofree char *user = NULL;
  g_auto (GStrv) environment = NULL;
  const GOptionEntry entries[] = {
    { "user", 'u', 0, G_OPTION_ARG_FILENAME, &user, N_ ("User inside; default root"), N_ ("USER") },
    { "env", 'e', 0, G_OPTION_ARG_FILENAME_ARRAY, &environment, N_ ("For the shell"), N_ ("NAME=VALUE") },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) names = NULL;
  g_auto (GStrv) command = NULL;
  const char *name, *at;

  if (!cli_parse (cli, entries, CLI_PARSE_FIRST_WORD, words, &names, &command))
    return CLI_EXIT_USAGE;
  if (names[0] == NULL)
    return cli_usage (cli, "%s", _ ("A name is needed"));
  if (!cli_environment_ok (&environment))
    return cli_usage (cli, "%s", _ ("--env takes NAME=VALUE"));

  /* USER@NAME, as machinectl has it. */
  name = names[0];
  at = strrchr (name, '@');
  if (at && user == NULL) {
    user = g_strndup (name, at - name);
    name = at + 1;
  }
  if (!cli_connect (cli, &error))
    return cli_fail (error);
  return run_shell (cli, name, user ? user : "", command, environment);
}

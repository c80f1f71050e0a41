/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <locale.h>
#include <stdio.h>

#include "agent.h"
#include "escape.h"
#include "main.h"
#include "verbs.h"

static GOptionContext *
main_context (Cli *cli, gboolean *version)
{
  GOptionContext *context = g_option_context_new (_ ("VERB [ARGUMENT…]"));
  GOptionGroup *group = cli_global_options (cli);
  const GOptionEntry entries[] = {
    { "version", 0, 0, G_OPTION_ARG_NONE, version, N_ ("Show the version"), NULL },
    { NULL },
  };

  g_option_group_add_entries (group, entries);
  g_option_context_set_main_group (context, group);
  g_option_context_set_summary (context, _ ("Unprivileged containers for everybody."));
  /* What follows the verb is the verb's. */
  g_option_context_set_strict_posix (context, TRUE);
  g_option_context_set_help_enabled (context, FALSE);
  return context;
}

int
cli_main_help (void)
{
  Cli cli = { 0 };
  gboolean version = FALSE;
  g_autoptr (GOptionContext) context = main_context (&cli, &version);
  g_autofree char *help = NULL;

  g_set_prgname ("bothy");
  g_option_context_set_help_enabled (context, TRUE);
  help = g_option_context_get_help (context, TRUE, NULL);
  fputs (help, stdout);
  puts (_ ("Verbs:"));
  cli_verbs_print (NULL);
  puts (_ ("\n'bothy VERB --help' shows how a verb is used."));
  return CLI_EXIT_OK;
}

int
cli_main_unknown (char **words)
{
  g_autofree char *hint = cli_verb_hint (words);
  gboolean group = cli_verb_group (words[0]);
  g_autofree char *word = cli_escape (words[group && words[1] ? 1 : 0], -1, CLI_ESCAPE_LINE);

  if (group && words[1] == NULL) {
    g_printerr (_ ("bothy: '%s' needs one more word\n"), word);
    g_printerr (_ ("Hint: 'bothy help %s' shows which.\n"), word);
    return CLI_EXIT_USAGE;
  }
  g_printerr (_ ("bothy: '%s' is not a verb\n"), word);
  if (hint)
    g_printerr (_ ("Hint: '%s' is what you may be looking for.\n"), hint);
  else
    g_printerr (_ ("Hint: 'bothy help' shows what there is.\n"));
  return CLI_EXIT_USAGE;
}

static int
dispatch (Cli *cli, char **words)
{
  gsize length;

  if (words[0] == NULL) {
    cli_main_help ();
    return CLI_EXIT_USAGE;
  }
  cli->verb = cli_verb_find (words, &length);
  if (cli->verb == NULL)
    return cli_main_unknown (words);
  return cli->verb->run (cli, words + length);
}

/* Global options in front of the verb. Returns what follows them, or NULL after an error. */
static char **
parse_globals (Cli *cli, gboolean *version)
{
  g_autoptr (GOptionContext) context = main_context (cli, version);
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) argv = g_strdupv (cli->argv);

  g_set_prgname ("bothy");
  if (!g_option_context_parse_strv (context, &argv, &error)) {
    g_autofree char *message = cli_escape (error->message, -1, CLI_ESCAPE_LINE);
    g_printerr ("bothy: %s\n", message);
    g_printerr (_ ("Hint: 'bothy help' shows what there is.\n"));
    return NULL;
  }
  return g_strdupv (argv[0] ? argv + 1 : argv);
}

static gboolean
asks_for_help (char **argv)
{
  return argv[0] && argv[1] && (g_str_equal (argv[1], "--help") || g_str_equal (argv[1], "-h"));
}

int
main (int argc, char **argv)
{
  Cli cli = { 0 };
  gboolean version = FALSE;
  g_auto (GStrv) words = NULL;
  int code;

  setlocale (LC_ALL, "");
  bindtextdomain (GETTEXT_PACKAGE, LOCALE_DIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);

  if (asks_for_help (argv))
    return cli_main_help ();
  cli.argv = g_strdupv (argv);
  words = parse_globals (&cli, &version);
  if (words == NULL)
    return CLI_EXIT_USAGE;
  if (version) {
    printf ("bothy %s\n", PACKAGE_VERSION);
    return CLI_EXIT_OK;
  }
  code = dispatch (&cli, words);
  cli_agent_stop ();
  g_clear_object (&cli.bus);
  g_clear_pointer (&cli.service, g_free);
  g_clear_pointer (&cli.host, g_free);
  g_strfreev (cli.argv);
  return code;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>

#include "escape.h"
#include "help.h"
#include "verbs.h"

GOptionContext *
cli_help_context (Cli *cli, gboolean *version)
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
cli_help_all (void)
{
  Cli cli = { 0 };
  gboolean version = FALSE;
  g_autoptr (GOptionContext) context = cli_help_context (&cli, &version);
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
cli_help_group (const char *group)
{
  printf (_ ("Usage: bothy %s VERB [ARGUMENT…]\n\n"), group);
  cli_verbs_print (group);
  printf (_ ("\n'bothy %s VERB --help' shows how a verb is used.\n"), group);
  return CLI_EXIT_OK;
}

int
cli_help_unknown (char **words)
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

int
cli_help (Cli *cli, char **words)
{
  g_auto (GStrv) rest = NULL;
  gsize length;
  char *help[] = { (char *)"--help", NULL };

  if (!cli_parse (cli, NULL, CLI_PARSE_WORDS, words, &rest, NULL))
    return CLI_EXIT_USAGE;
  if (rest[0] == NULL)
    return cli_help_all ();
  cli->verb = cli_verb_find (rest, &length);
  if (cli->verb)
    return cli->verb->run (cli, help);
  if (rest[1] == NULL && cli_verb_group (rest[0]))
    return cli_help_group (rest[0]);
  return cli_help_unknown (rest);
}

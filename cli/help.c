/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "escape.h"
#include "help.h"
#include "verb.h"

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

static void
print_verbs (const CliVerb *verbs, const char *group)
{
  g_autofree char *prefix = group ? g_strconcat (group, " ", NULL) : g_strdup ("");
  int width = 0;

  for (const CliVerb *verb = verbs; verb->name; verb++)
    if (g_str_has_prefix (verb->name, prefix))
      width = MAX (width, (int)strlen (verb->name));
  for (const CliVerb *verb = verbs; verb->name; verb++)
    if (g_str_has_prefix (verb->name, prefix))
      printf ("  %-*s  %s\n", width, verb->name, _ (verb->help));
}

int
cli_help_all (const CliVerb *verbs)
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
  print_verbs (verbs, NULL);
  puts (_ ("\n'bothy VERB --help' shows how a verb is used."));
  return CLI_EXIT_OK;
}

int
cli_help_group (const CliVerb *verbs, const char *group)
{
  printf (_ ("Usage: bothy %s VERB [ARGUMENT…]\n\n"), group);
  print_verbs (verbs, group);
  printf (_ ("\n'bothy %s VERB --help' shows how a verb is used.\n"), group);
  return CLI_EXIT_OK;
}

int
cli_help_unknown (const CliVerb *verbs, char **words)
{
  g_autofree char *hint = cli_verb_hint (verbs, words);
  gboolean group = cli_verb_group (verbs, words[0]);
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

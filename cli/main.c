/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>

#include "agent.h"
#include "escape.h"
#include "help.h"
#include "verb.h"
#include "verbs.h"

static gboolean
is_help (const char *word)
{
  return g_str_equal (word, "--help") || g_str_equal (word, "-h");
}

static int
dispatch (Cli *cli, char **words)
{
  gsize length;

  if (words[0] == NULL) {
    cli_help_all (cli_verbs);
    return CLI_EXIT_USAGE;
  }
  if (words[1] && cli_verb_group (cli_verbs, words[0]) && is_help (words[1]))
    return cli_help_group (cli_verbs, words[0]);
  cli->verb = cli_verb_find (cli_verbs, words, &length);
  if (cli->verb == NULL)
    return cli_help_unknown (cli_verbs, words);
  return cli->verb->run (cli, words + length);
}

/* Global options in front of the verb. Returns what follows them, or NULL after an error. */
static char **
parse_globals (Cli *cli, gboolean *version)
{
  g_autoptr (GOptionContext) context = cli_help_context (cli, version);
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

/* What could not be written, because a disk is full for one, has not been said. */
static int
flush_output (int code)
{
  int failed = fflush (stdout) == 0 ? EIO : errno;

  if (!ferror (stdout))
    return code;
  g_printerr ("bothy: %s: %s\n", _ ("Standard output"), g_strerror (failed));
  return code == CLI_EXIT_OK ? CLI_EXIT_FAILED : code;
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

  if (argc > 1 && is_help (argv[1]))
    return flush_output (cli_help_all (cli_verbs));
  cli.argv = g_strdupv (argv);
  words = parse_globals (&cli, &version);
  if (words == NULL)
    return CLI_EXIT_USAGE;
  if (version) {
    printf ("bothy %s\n", PACKAGE_VERSION);
    return flush_output (CLI_EXIT_OK);
  }
  code = flush_output (dispatch (&cli, words));
  cli_agent_stop ();
  g_clear_object (&cli.bus);
  g_clear_pointer (&cli.service, g_free);
  g_clear_pointer (&cli.host, g_free);
  g_clear_pointer (&cli.output, g_free);
  g_strfreev (cli.argv);
  return code;
}

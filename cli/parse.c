/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>

#include "cli.h"
#include "escape.h"

GOptionGroup *
cli_global_options (Cli *cli)
{
  const GOptionEntry entries[] = {
    { "json", 0, 0, G_OPTION_ARG_NONE, &cli->json, N_ ("Show JSON"), NULL },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &cli->quiet, N_ ("Show less: errors, or names only"), NULL },
    { "no-ask-password", 0, 0, G_OPTION_ARG_NONE, &cli->no_ask_password,
      N_ ("Fail rather than ask for a password"), NULL },
    { "host", 'H', 0, G_OPTION_ARG_FILENAME, &cli->host, N_ ("Do it on another machine, through ssh"),
      N_ ("[USER@]HOST") },
    { NULL },
  };
  GOptionGroup *group = g_option_group_new ("global", "", "", NULL, NULL);

  g_option_group_add_entries (group, entries);
  g_option_group_set_translation_domain (group, GETTEXT_PACKAGE);
  return group;
}

static char *
description (const CliVerb *verb)
{
  g_autoptr (GString) text = NULL;
  g_auto (GStrv) lines = NULL;

  if (verb->examples == NULL)
    return NULL;
  text = g_string_new (_ ("Examples:"));
  lines = g_strsplit (verb->examples, "\n", -1);
  for (gsize i = 0; lines[i]; i++)
    g_string_append_printf (text, "\n  %s", lines[i]);
  g_string_append_c (text, '\n');
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static gboolean
takes_value (const GOptionEntry *entries, char letter)
{
  for (; entries && entries->long_name; entries++)
    if (entries->short_name == letter)
      return entries->arg != G_OPTION_ARG_NONE;
  return letter == 'H';
}

/* "-n5" becomes "-n" "5", which GOption does not do. What is no option, or behind the first that is none if
 * @strict, stays as it is. */
static char **
split_short_options (const GOptionEntry *entries, gboolean strict, char **words)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  gboolean over = FALSE;

  for (gsize i = 0; words[i]; i++) {
    const char *word = words[i];
    gboolean is_short =
        !over && word[0] == '-' && word[1] != '-' && word[1] != '\0' && takes_value (entries, word[1]);

    over = over || (strict && word[0] != '-');
    if (is_short && word[2] != '\0') {
      const char letter[] = { '-', word[1], '\0' };
      g_strv_builder_add (builder, letter);
      g_strv_builder_add (builder, word + 2);
      continue;
    }
    g_strv_builder_add (builder, word);
    if (is_short && words[i + 1])
      g_strv_builder_add (builder, words[++i]);
  }
  return g_strv_builder_end (builder);
}

/* Parses @words in place: options go, the others stay. */
static gboolean
parse_options (Cli *cli, const GOptionEntry *entries, gboolean strict, char ***words)
{
  g_autoptr (GOptionContext) context =
      g_option_context_new (cli->verb->synopsis[0] ? _ (cli->verb->synopsis) : NULL);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *program = g_strdup_printf ("bothy %s", cli->verb->name);
  g_autofree char *examples = description (cli->verb);
  GOptionGroup *group = cli_global_options (cli);
  g_auto (GStrv) split = split_short_options (entries, strict, *words);
  g_auto (GStrv) all = NULL;

  if (entries)
    g_option_group_add_entries (group, entries);
  g_option_context_set_main_group (context, group);
  g_option_context_set_summary (context, _ (cli->verb->help));
  g_option_context_set_description (context, examples);
  g_option_context_set_strict_posix (context, strict);

  g_set_prgname (program);
  g_strv_builder_add (builder, program);
  g_strv_builder_addv (builder, (const char **)split);
  all = g_strv_builder_end (builder);

  if (!g_option_context_parse_strv (context, &all, &error)) {
    g_autofree char *message = cli_escape (error->message, -1, CLI_ESCAPE_LINE);
    cli_usage (cli, "%s", message);
    return FALSE;
  }
  g_strfreev (*words);
  *words = g_strdupv (all + 1);
  return TRUE;
}

static gsize
find_separator (char **words)
{
  gsize i = 0;

  while (words[i] && !g_str_equal (words[i], "--"))
    i++;
  return i;
}

static char **
strv_slice (char **strv, gsize length)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (gsize i = 0; i < length; i++)
    g_strv_builder_add (builder, strv[i]);
  return g_strv_builder_end (builder);
}

static char **
strv_concat (char **first, char **second)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  g_strv_builder_addv (builder, (const char **)first);
  g_strv_builder_addv (builder, (const char **)second);
  return g_strv_builder_end (builder);
}

/* One word, then a command that may look like options: it is found by hand, because GOption would eat it. */
static gboolean
parse_first_word (
    Cli *cli, const GOptionEntry *entries, CliParse how, char **words, char ***ret_words, char ***ret_command)
{
  gsize separator = find_separator (words);
  char **tail = words[separator] ? words + separator + 1 : words + separator;
  g_auto (GStrv) head = strv_slice (words, separator);
  g_auto (GStrv) rest = NULL;

  if (!parse_options (cli, entries, TRUE, &head))
    return FALSE;
  if (head[0] == NULL) {
    *ret_words = g_steal_pointer (&head);
    *ret_command = g_strdupv (tail);
    return TRUE;
  }

  rest = g_strdupv (head + 1);
  if (how == CLI_PARSE_FIRST_WORD && rest[0] && !parse_options (cli, entries, TRUE, &rest))
    return FALSE;
  *ret_words = strv_slice (head, 1);
  /* With words before it, "--" belongs to the command. */
  *ret_command = strv_concat (rest, rest[0] ? words + separator : tail);
  return TRUE;
}

/* Options whose values go to a program inside as they are. */
static const char *const options_of_bytes[] = { "env", "cwd", "workdir", "entrypoint", NULL };

/* D-Bus has nothing else for texts, and GVariant takes it for a mistake of ours. */
static gboolean
check_utf8 (Cli *cli, const char *word)
{
  g_autofree char *shown = NULL;

  if (word == NULL || g_utf8_validate (word, -1, NULL))
    return TRUE;
  shown = cli_escape (word, -1, CLI_ESCAPE_LINE);
  cli_usage (cli, _ ("'%s' is not UTF-8"), shown);
  return FALSE;
}

static gboolean
check_all_utf8 (Cli *cli, const GOptionEntry *entries, char **words)
{
  for (; words && *words; words++)
    if (!check_utf8 (cli, *words))
      return FALSE;
  for (; entries && entries->long_name; entries++) {
    char **list = entries->arg == G_OPTION_ARG_FILENAME_ARRAY ? *(char ***)entries->arg_data : NULL;

    if (g_strv_contains (options_of_bytes, entries->long_name))
      continue;
    if (entries->arg == G_OPTION_ARG_FILENAME && !check_utf8 (cli, *(char **)entries->arg_data))
      return FALSE;
    if (!check_all_utf8 (cli, NULL, list))
      return FALSE;
  }
  return TRUE;
}

static gboolean
parse_words (
    Cli *cli, const GOptionEntry *entries, CliParse how, char **words, char ***ret_words, char ***ret_command)
{
  gsize separator;

  if (how == CLI_PARSE_FIRST_WORD || how == CLI_PARSE_STRICT)
    return parse_first_word (cli, entries, how, words, ret_words, ret_command);

  separator = find_separator (words);
  *ret_words = strv_slice (words, separator);
  if (!parse_options (cli, entries, FALSE, ret_words))
    return FALSE;
  if (ret_command)
    *ret_command = g_strdupv (words[separator] ? words + separator + 1 : words + separator);
  else if (words[separator]) {
    g_auto (GStrv) before = g_steal_pointer (ret_words);
    *ret_words = strv_concat (before, words + separator + 1);
  }
  return TRUE;
}

gboolean
cli_parse (
    Cli *cli, const GOptionEntry *entries, CliParse how, char **words, char ***ret_words, char ***ret_command)
{
  return parse_words (cli, entries, how, words, ret_words, ret_command) && check_utf8 (cli, cli->host) &&
         check_all_utf8 (cli, entries, *ret_words);
}

int
cli_usage (Cli *cli, const char *format, ...)
{
  g_autofree char *message = NULL;
  va_list args;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  g_printerr ("bothy: %s\n", message);
  g_printerr (_ ("Hint: 'bothy %s --help' shows how it is used.\n"), cli->verb->name);
  return CLI_EXIT_USAGE;
}

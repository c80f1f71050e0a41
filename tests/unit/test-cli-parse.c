/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which word is whose: bothy's, or the command's. */
#include <glib.h>

#include "cli.h"

static const CliVerb verb = { "exec", "NAME COMMAND", "Test", NULL, NULL };

typedef struct {
  const char *line;
  const char *words; /* NULL: a usage error */
  const char *command;
  const char *user;
  int number;
} Case;

static void
check (const Case *c, CliParse how)
{
  Cli cli = { .verb = &verb };
  g_autofree char *user = NULL;
  int number = -1;
  const GOptionEntry entries[] = {
    { "user", 'u', 0, G_OPTION_ARG_FILENAME, &user, "User", "USER" },
    { "number", 'n', 0, G_OPTION_ARG_INT, &number, "Number", "N" },
    { NULL },
  };
  g_auto (GStrv) line = g_strsplit (c->line, " ", -1);
  g_auto (GStrv) words = NULL;
  g_auto (GStrv) command = NULL;
  g_autofree char *joined_words = NULL;
  g_autofree char *joined_command = NULL;

  g_test_message ("%s", c->line);
  if (!cli_parse (&cli, entries, how, line, &words, how == CLI_PARSE_WORDS ? NULL : &command)) {
    g_assert_null (c->words);
    return;
  }
  joined_words = g_strjoinv (" ", words);
  g_assert_cmpstr (joined_words, ==, c->words);
  if (command) {
    joined_command = g_strjoinv (" ", command);
    g_assert_cmpstr (joined_command, ==, c->command);
  }
  g_assert_cmpstr (user, ==, c->user);
  g_assert_cmpint (number, ==, c->number);
}

static void
test_words (void)
{
  static const Case cases[] = {
    { "a b", "a b", NULL, NULL, -1 },      { "a -n 5 b", "a b", NULL, NULL, 5 },
    { "-n5 a", "a", NULL, NULL, 5 },       { "-n -5 a", "a", NULL, NULL, -5 },
    { "-ubob a", "a", NULL, "bob", -1 },   { "-u -n5 a", "a", NULL, "-n5", -1 },
    { "a -- -b", "a -b", NULL, NULL, -1 }, { "a --nothing", NULL, NULL, NULL, -1 },
    { "\377", NULL, NULL, NULL, -1 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    check (&cases[i], CLI_PARSE_WORDS);
}

static void
test_tail (void)
{
  static const Case cases[] = {
    { "image name", "image name", "", NULL, -1 },
    { "image --user bob name -- ls --user x", "image name", "ls --user x", "bob", -1 },
    { "image -- ls -- x", "image", "ls -- x", NULL, -1 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    check (&cases[i], CLI_PARSE_TAIL);
}

static void
test_first_word (void)
{
  static const Case cases[] = {
    { "web ls -l", "web", "ls -l", NULL, -1 },
    { "web -- ls -l", "web", "ls -l", NULL, -1 },
    { "--user bob web -- ls", "web", "ls", "bob", -1 },
    { "web --user bob -- ls --user x", "web", "ls --user x", "bob", -1 },
    { "web -ubob ls -uann", "web", "ls -uann", "bob", -1 },
    { "web ls -- -x", "web", "ls -- -x", NULL, -1 },
    { "web -- -x", "web", "-x", NULL, -1 },
    { "web", "web", "", NULL, -1 },
    { "web --nothing ls", NULL, NULL, NULL, -1 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    check (&cases[i], CLI_PARSE_FIRST_WORD);
}

static void
test_strict (void)
{
  static const Case cases[] = {
    { "-n 3 busybox ls -n 4", "busybox", "ls -n 4", NULL, 3 },
    { "busybox -x", "busybox", "-x", NULL, -1 },
    { "busybox -- ls", "busybox", "ls", NULL, -1 },
    { "-n3 busybox -n4", "busybox", "-n4", NULL, 3 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    check (&cases[i], CLI_PARSE_STRICT);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cli/parse/words", test_words);
  g_test_add_func ("/cli/parse/tail", test_tail);
  g_test_add_func ("/cli/parse/first-word", test_first_word);
  g_test_add_func ("/cli/parse/strict", test_strict);
  return g_test_run ();
}

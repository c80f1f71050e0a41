/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "terminal.h"

/* Names that a shell would read otherwise. */
static const char *const command[] = { "bothy", "shell", "a b; $(id)", NULL };

static const char *const *there;

static char *
find (const char *program)
{
  return g_strv_contains (there, program) ? g_strconcat ("/usr/bin/", program, NULL) : NULL;
}

static void
assert_words (const char *const *programs, const char *const *expected)
{
  g_auto (GStrv) words = NULL;

  there = programs;
  words = app_terminal_command (find, "web's", command);
  g_assert_nonnull (words);
  g_assert_true (g_strv_equal ((const char *const *)words, expected));
}

static void
test_words_are_kept (void)
{
  assert_words ((const char *const[]){ "xdg-terminal-exec", NULL },
                (const char *const[]){ "/usr/bin/xdg-terminal-exec", "bothy", "shell", "a b; $(id)", NULL });
  assert_words ((const char *const[]){ "ptyxis", NULL },
                (const char *const[]){ "/usr/bin/ptyxis", "--new-window", "--title=web's", "--", "bothy",
                                       "shell", "a b; $(id)", NULL });
  assert_words ((const char *const[]){ "kgx", NULL },
                (const char *const[]){ "/usr/bin/kgx", "--tab", "--title=web's", "--", "bothy", "shell",
                                       "a b; $(id)", NULL });
  assert_words ((const char *const[]){ "gnome-terminal", NULL },
                (const char *const[]){ "/usr/bin/gnome-terminal", "--tab", "--title=web's", "--", "bothy",
                                       "shell", "a b; $(id)", NULL });
}

static void
test_the_chosen_one_comes_first (void)
{
  assert_words ((const char *const[]){ "gnome-terminal", "kgx", "xdg-terminal-exec", NULL },
                (const char *const[]){ "/usr/bin/xdg-terminal-exec", "bothy", "shell", "a b; $(id)", NULL });
}

static void
test_none_is_there (void)
{
  there = (const char *const[]){ "xterm", NULL };
  g_assert_null (app_terminal_command (find, "web", command));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/app/terminal/words-are-kept", test_words_are_kept);
  g_test_add_func ("/app/terminal/the-chosen-one-comes-first", test_the_chosen_one_comes_first);
  g_test_add_func ("/app/terminal/none-is-there", test_none_is_there);
  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a person is told who types another tool's verb, and what a script reads. */
#include <gio/gio.h>

#include "error.h"
#include "verb.h"
#include "output.h"
#include "verbs.h"

static void
check_hint (const char *line, const char *expected)
{
  g_auto (GStrv) words = g_strsplit (line, " ", -1);
  g_autofree char *hint = cli_verb_hint (cli_verbs, words);

  g_assert_cmpstr (hint, ==, expected);
}

static void
test_hints (void)
{
  check_hint ("lxc-ls", "bothy list");
  check_hint ("lxc-attach -n web", "bothy exec NAME -- COMMAND");
  check_hint ("ps -a", "bothy list");
  check_hint ("rmi x", "bothy image delete IMAGE");
  check_hint ("image rm x", "bothy image delete IMAGE");
  check_hint ("strat web", "bothy start");
  check_hint ("image lst", "bothy image list");
  check_hint ("imag list", "bothy image list");
  check_hint ("copy-from x1 /a", "bothy file pull NAME:PATH TARGET");
  check_hint ("pull debian", "bothy image pull IMAGE");
  check_hint ("system prune", "bothy image prune");
  /* Of a short word, one letter may be wrong. */
  check_hint ("tag", NULL);
  check_hint ("zzzzzz", NULL);
}

/* Every hint names a verb that exists. */
static void
test_hints_exist (void)
{
  static const char *const theirs[] = {
    "lxc-attach",    "lxc-user-nic", "network list", "lxc-wait",   "attach",    "images", "inspect",
    "pause",         "copy-to",      "build",        "config set", "set-limit", "search", "prune",
    "lxc-autostart", "terminate",    "login",        "import",     "ranges",    "status", NULL
  };

  for (gsize i = 0; theirs[i]; i++) {
    g_auto (GStrv) words = g_strsplit (theirs[i], " ", -1);
    g_autofree char *hint = cli_verb_hint (cli_verbs, words);
    g_auto (GStrv) ours = g_strsplit (hint, " ", -1);
    gsize length;

    g_assert_nonnull (cli_verb_find (cli_verbs, ours + 1, &length));
  }
}

static void
test_verbs (void)
{
  char *image[] = { (char *)"image", (char *)"list", (char *)"--json", NULL };
  char *alone[] = { (char *)"image", NULL };
  gsize length;

  g_assert_cmpstr (cli_verb_find (cli_verbs, image, &length)->name, ==, "image list");
  g_assert_cmpuint (length, ==, 2);
  g_assert_null (cli_verb_find (cli_verbs, alone, &length));
  g_assert_true (cli_verb_group (cli_verbs, "image"));
  g_assert_false (cli_verb_group (cli_verbs, "list"));
}

static void
test_json_keys (void)
{
  static const char *const pairs[][2] = {
    { "Name", "name" },
    { "RangeBase", "rangeBase" },
    { "OS", "os" },
    { "OSName", "osName" },
    { "LeaderPIDFDId", "leaderPIDFDId" },
    { "CreatedAt", "createdAt" },
    { "memory-high", "memoryHigh" },
    { "a-bc-d", "aBcD" },
    { "odd-", "odd-" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (pairs); i++) {
    g_autofree char *key = cli_json_key (pairs[i][0]);
    g_assert_cmpstr (key, ==, pairs[i][1]);
  }
}

static void
test_errors (void)
{
  g_autoptr (GError) ours = cli_error_from_name ("org.bothy.Bothy1.Error.BadArchive", "This is none: really");
  g_autoptr (GError) text = cli_error_from_name ("", "something: else");

  g_assert_true (cli_error_is (ours, "BadArchive"));
  g_assert_false (cli_error_is (ours, "NoSpace"));
  g_dbus_error_strip_remote_error (ours);
  g_assert_cmpstr (ours->message, ==, "This is none: really");
  g_assert_cmpstr (text->message, ==, "something: else");
}

static void
test_names (void)
{
  g_assert_true (cli_name_ok ("web-1"));
  g_assert_false (cli_name_ok ("-web"));
  g_assert_false (cli_name_ok ("web\033"));
  g_assert_false (cli_name_ok (""));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cli/verb/known", test_hints);
  g_test_add_func ("/cli/verb/exist", test_hints_exist);
  g_test_add_func ("/cli/verbs/find", test_verbs);
  g_test_add_func ("/cli/output/json-keys", test_json_keys);
  g_test_add_func ("/cli/error/from-text", test_errors);
  g_test_add_func ("/cli/names", test_names);
  return g_test_run ();
}

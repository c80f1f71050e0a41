/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What bothy bridge import-lxc reads from lxc-usernet(5). */

#include "usernet.h"

static void
test_entries (void)
{
  static const struct {
    const char *line, *principal, *bridge;
    guint32 quota;
  } good[] = {
    { "alice veth lxcbr0 10", "alice", "lxcbr0", 10 },
    { "@staff\tveth   br0\t2\n", "@staff", "br0", 2 },
    { "  alice veth br0 1023 # as many as a bridge takes\r\n", "alice", "br0", 1023 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++) {
    g_auto (CliUsernet) entry = { 0 };

    g_assert_cmpint (cli_usernet_parse (good[i].line, &entry), ==, CLI_USERNET_ENTRY);
    g_assert_cmpstr (entry.principal, ==, good[i].principal);
    g_assert_cmpstr (entry.bridge, ==, good[i].bridge);
    g_assert_cmpuint (entry.quota, ==, good[i].quota);
  }
}

static void
test_other_lines (void)
{
  static const struct {
    const char *line;
    CliUsernetLine kind;
  } lines[] = {
    { "", CLI_USERNET_EMPTY },
    { " \t\n", CLI_USERNET_EMPTY },
    { "# USERNAME TYPE BRIDGE COUNT", CLI_USERNET_EMPTY },
    { "alice", CLI_USERNET_BAD_FIELDS },
    { "alice veth br0", CLI_USERNET_BAD_FIELDS },
    { "alice veth br0 1 2", CLI_USERNET_BAD_FIELDS },
    { "alice veth br0 # 1", CLI_USERNET_BAD_FIELDS },
    { "alice macvlan br0 1", CLI_USERNET_BAD_TYPE },
    { "alice veth br0 0", CLI_USERNET_BAD_COUNT },
    { "alice veth br0 1024", CLI_USERNET_BAD_COUNT },
    { "alice veth br0 -1", CLI_USERNET_BAD_COUNT },
    { "alice veth br0 1x", CLI_USERNET_BAD_COUNT },
    { "alice veth br0 99999999999999999999", CLI_USERNET_BAD_COUNT },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (lines); i++) {
    g_auto (CliUsernet) entry = { 0 };

    g_test_message ("%s", lines[i].line);
    g_assert_cmpint (cli_usernet_parse (lines[i].line, &entry), ==, lines[i].kind);
    g_assert_null (entry.principal);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cli-usernet/entries", test_entries);
  g_test_add_func ("/cli-usernet/other-lines", test_other_lines);
  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What bothy unshare and bothy userns-exec read from their command lines. */

#include "map.h"

#include <sched.h>

static void
test_extent (void)
{
  static const char *const bad[] = {
    "",         "b",         "b:0:1",     "b:0:1:0",          "x:0:1:1",          ":0:1:1",
    "bb:0:1:1", "b:0:1:1:",  "b:0:1:1:1", "b:-1:1:1",         "b:0:1:+1",         "b:0:1: 1",
    "b:0:1:1x", "b:0x0:1:1", "b::1:1",    "b:4294967296:1:1", "b:0:1:4294967296", "0:1"
  };
  CliExtent extent;

  g_assert_true (cli_extent_parse ("b:0:100000:65536", &extent));
  g_assert_cmpint (extent.kind, ==, 'b');
  g_assert_cmpuint (extent.inside, ==, 0);
  g_assert_cmpuint (extent.outside, ==, 100000);
  g_assert_cmpuint (extent.count, ==, 65536);
  g_assert_true (cli_extent_parse ("g:1000:100:1", &extent));
  g_assert_cmpint (extent.kind, ==, 'g');
  g_assert_true (cli_extent_parse ("0:4294967295:4294967295", &extent));
  g_assert_cmpint (extent.kind, ==, 'b');
  g_assert_cmpuint (extent.outside, ==, G_MAXUINT32);
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_test_message ("%s", bad[i]);
    g_assert_false (cli_extent_parse (bad[i], &extent));
  }
}

static void
test_extents (void)
{
  char *good[] = { (char *)"u:0:10:5", (char *)"g:3:20:5", NULL };
  char *wrong[] = { (char *)"u:0:10:5", (char *)"no", NULL };
  const char *bad = NULL;
  g_autoptr (GArray) extents = cli_extents_parse (good, &bad);
  g_autoptr (GArray) none = cli_extents_parse (NULL, &bad);
  g_autoptr (GVariant) variant = g_variant_ref_sink (cli_extents_variant (extents));
  g_autofree char *text = g_variant_print (variant, FALSE);
  guint32 outside;

  g_assert_cmpstr (text, ==, "[('u', 0, 10, 5), ('g', 3, 20, 5)]");
  g_assert_cmpuint (none->len, ==, 0);
  g_assert_true (cli_extents_outside (extents, 'u', 4, &outside));
  g_assert_cmpuint (outside, ==, 14);
  g_assert_false (cli_extents_outside (extents, 'u', 5, &outside));
  g_assert_false (cli_extents_outside (extents, 'g', 0, &outside));
  g_assert_null (cli_extents_parse (wrong, &bad));
  g_assert_cmpstr (bad, ==, "no");
}

static void
check_keep (guint32 own, const char *expected)
{
  g_autoptr (GArray) extents = g_array_new (FALSE, FALSE, sizeof (CliExtent));
  g_autoptr (GVariant) variant = NULL;
  g_autofree char *text = NULL;

  cli_extents_keep (extents, 'u', own, 65536);
  variant = g_variant_ref_sink (cli_extents_variant (extents));
  text = g_variant_print (variant, FALSE);
  g_assert_cmpstr (text, ==, expected);
}

static void
test_keep (void)
{
  check_keep (1000, "[('u', 0, 65536, 1000), ('u', 1000, 1000, 1), ('u', 1001, 66536, 64536)]");
  check_keep (65536, "[('u', 0, 65536, 65536), ('u', 65536, 65536, 1)]");
  check_keep (200000, "[('u', 0, 65536, 65536), ('u', 200000, 200000, 1)]");
}

static void
test_namespaces (void)
{
  static const char *const bad[] = { "", "|", "MOUNT|", "MOUNT,PID", "TIMES", "MOUNT | PID" };
  int flags = 0;

  g_assert_true (cli_namespaces_parse ("MOUNT|PID|UTSNAME|IPC|NETWORK|CGROUP|USER", &flags));
  g_assert_cmpint (flags, ==,
                   CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP |
                       CLONE_NEWUSER);
  flags = 0;
  g_assert_true (cli_namespaces_parse ("net", &flags));
  g_assert_cmpint (flags, ==, CLONE_NEWNET);
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (cli_namespaces_parse (bad[i], &flags));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cli/map/extent", test_extent);
  g_test_add_func ("/cli/map/extents", test_extents);
  g_test_add_func ("/cli/map/keep", test_keep);
  g_test_add_func ("/cli/map/namespaces", test_namespaces);
  return g_test_run ();
}

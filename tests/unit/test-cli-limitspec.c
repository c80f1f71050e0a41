/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Limits as people write them. */
#include <math.h>

#include <gio/gio.h>

#include "limitspec.h"

static GVariant *
parse (const char *text, const char *key)
{
  g_auto (GStrv) words = g_strsplit (text, " ", -1);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) limits = cli_limits_parse (words, &error);

  g_assert_true (limits != NULL || error != NULL);
  return limits ? g_variant_lookup_value (limits, key, NULL) : NULL;
}

static void
test_numbers (void)
{
  static const struct {
    const char *text, *key;
    guint64 value;
  } cases[] = {
    { "memory=512M", "memory", 536870912 },
    { "memory=512m", "memory", 536870912 },
    { "memory=512MB", "memory", 536870912 },
    { "memory=512MiB", "memory", 536870912 },
    { "memory=1.5G", "memory", 1610612736 },
    { "memory=1048576", "memory", 1048576 },
    { "memory=1048576b", "memory", 1048576 },
    { "memory=2T", "memory", 2199023255552 },
    { "memory=max", "memory", G_MAXUINT64 },
    { "swap=0", "swap", 0 },
    { "memory-high=9007199254740993", "memory-high", 9007199254740993 },
    { "pids=200", "pids", 200 },
    { "pids=max", "pids", G_MAXUINT64 },
    { "cpu-weight=50 io-weight=70", "io-weight", 70 },
    { "pids=1 pids=2", "pids", 2 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GVariant) value = parse (cases[i].text, cases[i].key);

    g_test_message ("%s", cases[i].text);
    g_assert_nonnull (value);
    g_assert_cmpuint (g_variant_get_uint64 (value), ==, cases[i].value);
  }
}

static void
test_processors (void)
{
  g_autoptr (GVariant) some = parse ("cpu=1.5", "cpu");
  g_autoptr (GVariant) all = parse ("cpu=max", "cpu");
  g_autoptr (GVariant) set = parse ("cpus=0-3,7", "cpus");
  g_autoptr (GVariant) any = parse ("cpus=max", "cpus");

  g_assert_cmpfloat (g_variant_get_double (some), ==, 1.5);
  g_assert_true (isinf (g_variant_get_double (all)));
  g_assert_cmpstr (g_variant_get_string (set, NULL), ==, "0-3,7");
  g_assert_cmpstr (g_variant_get_string (any, NULL), ==, "");
}

static void
test_refused (void)
{
  static const char *const words[] = {
    "memory",     "memory=",    "memory=x",   "memory=-1",  "memory=1e9", "memory=0x10",
    "memory=1.5", "memory=1Q",  "memory=5MM", "memory=inf", "memory=nan", "pids=1.5",
    "pids=-1",    "pids=",      "pids=1k",    "cpu=x",      "cpu=-1",     "cpu=",
    "cpu=1,5",    "colour=red", "=5",         "",           "Memory=5M",  "memory=99999999T",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (words); i++) {
    const char *line[] = { words[i], NULL };
    g_autoptr (GError) error = NULL;
    g_autoptr (GVariant) limits = cli_limits_parse ((char **)line, &error);

    if (limits)
      g_error ("%s was taken", words[i]);
    g_assert_nonnull (error);
  }
}

static void
test_summary (void)
{
  g_auto (GStrv) words = g_strsplit ("pids=5 cpus=1 cpu=0.25 memory=1536M swap=0 memory-high=1000", " ", -1);
  g_autoptr (GVariant) limits = cli_limits_parse (words, NULL);
  g_autofree char *line = cli_limits_summary (limits);

  g_assert_cmpstr (line, ==, "memory=1536M memory-high=1000 swap=0 cpu=0.25 cpus=1 pids=5");
}

static void
test_sizes (void)
{
  static const struct {
    guint64 bytes;
    const char *text;
  } cases[] = {
    { 0, "0" },       { 1023, "1023" },      { 1024, "1K" },
    { 1536, "1.5K" }, { 536870912, "512M" }, { 1610612736, "1.5G" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text = cli_limits_size (cases[i].bytes);

    g_assert_cmpstr (text, ==, cases[i].text);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cli/limits/numbers", test_numbers);
  g_test_add_func ("/cli/limits/processors", test_processors);
  g_test_add_func ("/cli/limits/refused", test_refused);
  g_test_add_func ("/cli/limits/summary", test_summary);
  g_test_add_func ("/cli/limits/sizes", test_sizes);
  return g_test_run ();
}

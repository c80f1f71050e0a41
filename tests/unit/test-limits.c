/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Limits: what is taken from the bus, what is told to systemd and the kernel, and what an administrator's
 * ceilings do. */

#include "scratch.h"

#include <math.h>

#include "base/error.h"
#include "core/container/limits.h"

static gboolean
change (BothyCgroupLimits *limits, const char *text, GError **error)
{
  g_autoptr (GVariant) values = g_variant_ref_sink (g_variant_new_parsed (text));
  BothyCgroupLimits changes;

  if (!bothy_limits_parse (values, &changes, error))
    return FALSE;
  bothy_limits_apply (limits, &changes);
  return TRUE;
}

/* Without "uint64", which would be before almost every number. */
static char *
print (GVariant *value)
{
  g_autofree char *text = g_variant_print (value, TRUE);
  g_auto (GStrv) parts = g_strsplit (text, "uint64 ", -1);

  return g_strjoinv ("", parts);
}

static void
expect (const BothyCgroupLimits *limits, const char *text)
{
  g_autoptr (GVariant) have = g_variant_ref_sink (bothy_limits_to_variant (limits));
  g_autofree char *printed = print (have);

  g_assert_cmpstr (printed, ==, text);
}

static void
test_change (void)
{
  BothyCgroupLimits limits = { 0 };
  g_autoptr (GError) error = NULL;

  expect (&limits, "@a{sv} {}");
  change (&limits, "{'memory': <uint64 536870912>, 'cpu': <1.5>, 'cpus': <'0'>, 'swap': <uint64 0>}", &error);
  g_assert_no_error (error);
  expect (&limits, "{'memory': <536870912>, 'swap': <0>, 'cpu': <1.5>, 'cpus': <'0'>}");
  /* What is not named stays. */
  change (&limits, "{'pids': <uint64 200>}", &error);
  change (&limits, "{'memory': <uint64 18446744073709551615>, 'cpus': <''>}", &error);
  g_assert_no_error (error);
  expect (&limits, "{'swap': <0>, 'cpu': <1.5>, 'pids': <200>}");
  g_assert_cmpuint (limits.given & (1u << BOTHY_LIMIT_MEMORY), !=, 0);
}

static void
test_refused (void)
{
  static const struct {
    const char *text, *named;
  } cases[] = {
    { "{'memroy': <uint64 536870912>}", "\"memroy\": there is no such limit" },
    { "{'granted': <uint64 1>}", "\"granted\": there is no such limit" },
    { "{'memory': <'512M'>}", "\"memory\": it takes t, not s" },
    { "{'memory': <uint32 5>}", "\"memory\": it takes t, not u" },
    { "{'memory': <uint64 0>}", "\"memory\": a number from 4194304" },
    { "{'memory': <uint64 18446744073709551614>}", "\"memory\"" },
    { "{'pids': <uint64 3>}", "\"pids\"" },
    { "{'cpu-weight': <uint64 0>}", "\"cpu-weight\"" },
    { "{'io-weight': <uint64 10001>}", "\"io-weight\"" },
    { "{'cpu': <0.0>}", "\"cpu\"" },
    { "{'cpu': <-1.0>}", "\"cpu\"" },
    { "{'cpus': <'0-'>}", "\"cpus\"" },
    { "{'cpus': <'1000'>}", "\"cpus\": this machine has" },
    { "{'pids': <uint64 9>, 'pids': <uint64 8>}", "\"pids\": it is there twice" },
    { "{'pids': <uint64 9>, 'x\\n': <uint64 8>}", "\"x\\n\"" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    BothyCgroupLimits limits = { 0 };
    g_autoptr (GError) error = NULL;

    g_assert_false (change (&limits, cases[i].text, &error));
    g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS);
    if (!strstr (error->message, cases[i].named))
      g_error ("\"%s\" does not say %s", error->message, cases[i].named);
    expect (&limits, "@a{sv} {}");
  }
}

static void
test_not_a_number (void)
{
  GVariant *changes = g_variant_new_parsed ("{'cpu': <%d>}", NAN);
  g_autoptr (GVariant) owned = g_variant_ref_sink (changes);
  BothyCgroupLimits limits = { 0 };

  g_assert_false (bothy_limits_parse (owned, &limits, NULL));
}

static void
test_cpus (void)
{
  static const char *const good[][2] = {
    { "", "" },           { "0", "0" },   { "0-3", "0-3" },   { "3,1,2", "1-3" },
    { "0-3,7", "0-3,7" }, { "5-5", "5" }, { "1023", "1023" }, { "0-1023", "0-1023" },
  };
  static const char *const bad[] = { "a",  "-1", "1-",  "3-1", "1,", ",1", "1024", "0-99999999999999999999",
                                     " 1", "1 ", "1,,2" };
  guint8 bits[BOTHY_MAX_CPUS / 8];

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++) {
    g_autofree char *text = NULL;

    g_assert_true (bothy_cgroup_limits_parse_cpus (good[i][0], bits));
    text = bothy_cgroup_limits_format_cpus (bits);
    g_assert_cmpstr (text, ==, good[i][1]);
  }
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
    if (bothy_cgroup_limits_parse_cpus (bad[i], bits))
      g_error ("%s was taken", bad[i]);
  }
}

static void
expect_properties (const BothyCgroupLimits *limits, gboolean every, const char *text)
{
  GVariantBuilder builder;
  g_autoptr (GVariant) properties = NULL;
  g_autofree char *printed = NULL;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(sv)"));
  bothy_cgroup_limits_add_properties (limits, every, &builder);
  properties = g_variant_ref_sink (g_variant_builder_end (&builder));
  printed = print (properties);
  g_assert_cmpstr (printed, ==, text);
}

/* CG-01: what systemd is told, to the letter. */
static void
test_properties (void)
{
  BothyCgroupLimits limits = { 0 };

  expect_properties (
      &limits, TRUE,
      "[('MemoryMax', <18446744073709551615>), ('MemoryHigh', <18446744073709551615>), "
      "('MemorySwapMax', <18446744073709551615>), ('CPUQuotaPerSecUSec', <18446744073709551615>), "
      "('CPUWeight', <18446744073709551615>), ('IOWeight', <18446744073709551615>), "
      "('TasksMax', <18446744073709551615>), ('AllowedCPUs', <@ay []>)]");
  change (&limits,
          "{'memory': <uint64 536870912>, 'cpu': <1.5>, 'cpus': <'0'>, 'swap': <uint64 0>,"
          " 'memory-high': <uint64 268435456>, 'cpu-weight': <uint64 50>, 'io-weight': <uint64 60>,"
          " 'pids': <uint64 200>}",
          NULL);
  expect_properties (&limits, FALSE,
                     "[('MemoryMax', <536870912>), ('MemoryHigh', <268435456>), ('MemorySwapMax', <0>), "
                     "('CPUQuotaPerSecUSec', <1500000>), ('CPUWeight', <50>), ('IOWeight', <60>), "
                     "('TasksMax', <200>), ('AllowedCPUs', <[byte 0x01]>)]");
}

static char *
group_file (int dirfd, const char *name)
{
  return scratch_read (dirfd, name, NULL);
}

static void
test_files (void)
{
  static const char *const files[][2] = {
    { "memory.max", "536870912" }, { "memory.swap.max", "0" }, { "cpu.max", "150000 100000" },
    { "cpuset.cpus", "0\n" },      { "pids.max", "max" },      { "cpu.weight", "100" },
    { "io.weight", "100" },        { "memory.high", "max" },
  };
  BothyCgroupLimits limits = { 0 };
  g_autoptr (GError) error = NULL;
  autofd dir = scratch_directory (NULL);

  change (&limits, "{'memory': <uint64 536870912>, 'cpu': <1.5>, 'cpus': <'0'>, 'swap': <uint64 0>}", NULL);
  /* Nothing is made; the controller that is missing is named. */
  g_assert_false (bothy_cgroup_limits_write (&limits, TRUE, dir, &error));
  g_assert_nonnull (strstr (error->message, "\"memory\""));
  g_clear_error (&error);
  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    scratch_write (dir, files[i][0], "", 0, 0644);
  g_assert_true (bothy_cgroup_limits_write (&limits, TRUE, dir, &error));
  for (gsize i = 0; i < G_N_ELEMENTS (files); i++) {
    g_autofree char *text = group_file (dir, files[i][0]);

    g_assert_cmpstr (text, ==, files[i][1]);
  }
}

/* A preset that can not be set is no reason not to start. */
static void
test_files_preset (void)
{
  BothyCgroupLimits limits = { 0 };
  g_autoptr (GError) error = NULL;
  autofd dir = scratch_directory (NULL);

  bothy_cgroup_limits_lower (&limits, BOTHY_LIMIT_PIDS, 4096);
  g_assert_true (bothy_cgroup_limits_write (&limits, FALSE, dir, &error));
  g_assert_no_error (error);
}

static void
test_record (void)
{
  BothyCgroupLimits limits = { 0 }, again = { 0 };
  g_autoptr (GKeyFile) record = g_key_file_new ();
  g_autoptr (GError) error = NULL;

  change (&limits,
          "{'memory': <uint64 18446744073709551615>, 'cpu': <0.25>, 'cpus': <'0'>, 'pids': <uint64 99>}",
          NULL);
  limits.granted = 1u << BOTHY_LIMIT_PIDS;
  bothy_limits_to_record (&limits, record);
  g_assert_true (bothy_limits_from_record (&again, record, &error));
  g_assert_no_error (error);
  g_assert_cmpmem (&limits, sizeof limits, &again, sizeof again);

  g_key_file_set_string (record, "Limits", "pids", "lots");
  g_assert_false (bothy_limits_from_record (&again, record, &error));
  g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED);
}

/* A record from before there were limits. */
static void
test_record_without (void)
{
  BothyCgroupLimits limits = { 0 }, none = { 0 };
  g_autoptr (GKeyFile) record = g_key_file_new ();
  g_autoptr (GError) error = NULL;

  g_assert_true (bothy_limits_from_record (&limits, record, &error));
  g_assert_no_error (error);
  g_assert_cmpmem (&limits, sizeof limits, &none, sizeof none);
}

static void
test_ceilings (void)
{
  const BothyConfiguration configuration = {
    .container_memory = 1073741824, .container_tasks = 500, .container_cpus = 2, .default_tasks = 4096
  };
  BothyCgroupLimits limits = { 0 }, effective;
  g_autofree char *wanted = NULL;
  g_autofree char *ceilings = NULL;
  guint exceeding;

  bothy_limits_effective (&limits, &configuration, &effective);
  expect (&effective, "{'memory': <1073741824>, 'cpu': <2.0>, 'pids': <500>}");
  change (&limits, "{'memory': <uint64 536870912>, 'pids': <uint64 18446744073709551615>, 'cpu': <3.0>}",
          NULL);
  exceeding = bothy_limits_exceeding (&limits, &configuration);
  g_assert_cmpuint (exceeding, ==, 1u << BOTHY_LIMIT_CPU | 1u << BOTHY_LIMIT_PIDS);
  wanted = bothy_limits_describe (&limits, exceeding);
  g_assert_cmpstr (wanted, ==, "cpu=3 pids=max");
  ceilings = bothy_limits_describe_ceilings (&configuration, exceeding | 1u << BOTHY_LIMIT_MEMORY);
  g_assert_cmpstr (ceilings, ==, "memory=1G cpu=2 pids=500");
  /* Over a ceiling that was lowered since, unless an administrator agreed. */
  limits.granted = 1u << BOTHY_LIMIT_CPU;
  bothy_limits_effective (&limits, &configuration, &effective);
  expect (&effective, "{'memory': <536870912>, 'cpu': <3.0>, 'pids': <500>}");
  /* A grant is for the value that it was given for. */
  change (&limits, "{'cpu': <4.0>}", NULL);
  g_assert_cmpuint (limits.granted, ==, 0);
}

static void
test_without_ceilings (void)
{
  const BothyConfiguration configuration = { .default_tasks = 4096, .user_memory = 1 << 30, .user_cpus = 3 };
  BothyCgroupLimits limits = { 0 }, effective;

  bothy_limits_effective (&limits, &configuration, &effective);
  expect (&effective, "{'pids': <4096>}");
  change (&limits, "{'pids': <uint64 18446744073709551615>}", NULL);
  bothy_limits_effective (&limits, &configuration, &effective);
  expect (&effective, "@a{sv} {}");
  bothy_limits_of_user (&configuration, &effective);
  expect (&effective, "{'memory': <1073741824>, 'cpu': <3.0>}");
}

/* What no control group bounds: nothing of it is told to one, and it makes no two groups different. */
static void
test_disk (void)
{
  const BothyConfiguration configuration = {
    .container_disk = 1 << 30, .default_disk = 1 << 29, .default_inodes = 2048, .user_inodes = 4096
  };
  BothyCgroupLimits limits = { 0 }, none = { 0 }, effective, of_user;
  g_autoptr (GError) error = NULL;
  autofd dir = scratch_directory (NULL);
  g_autofree char *described = NULL;

  g_assert_false (change (&limits, "{'disk': <uint64 1048575>}", &error));
  g_clear_error (&error);
  g_assert_false (change (&limits, "{'inodes': <uint64 63>}", &error));
  g_clear_error (&error);
  bothy_limits_effective (&limits, &configuration, &effective);
  expect (&effective, "{'disk': <536870912>, 'inodes': <2048>}");
  change (&limits, "{'disk': <uint64 2147483648>, 'inodes': <uint64 18446744073709551615>}", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (bothy_limits_exceeding (&limits, &configuration), ==, 1u << BOTHY_LIMIT_DISK);
  described = bothy_limits_describe (&limits, 1u << BOTHY_LIMIT_DISK | 1u << BOTHY_LIMIT_INODES);
  g_assert_cmpstr (described, ==, "disk=2G inodes=max");
  bothy_limits_effective (&limits, &configuration, &effective);
  expect (&effective, "{'disk': <1073741824>}");
  bothy_limits_of_user (&configuration, &of_user);
  expect (&of_user, "@a{sv} {}");
  bothy_limits_of_user_disk (&configuration, &of_user);
  expect (&of_user, "{'inodes': <4096>}");
  g_assert_true (bothy_cgroup_limits_equal (&limits, &none));
  expect_properties (&limits, FALSE, "@a(sv) []");
  g_assert_true (bothy_cgroup_limits_write (&limits, FALSE, dir, &error));
  g_assert_no_error (error);
}

int
main (int argc, char **argv)
{
  scratch_enter ();
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/limits/change", test_change);
  g_test_add_func ("/limits/refused", test_refused);
  g_test_add_func ("/limits/not-a-number", test_not_a_number);
  g_test_add_func ("/limits/cpus", test_cpus);
  g_test_add_func ("/limits/properties", test_properties);
  g_test_add_func ("/limits/files", test_files);
  g_test_add_func ("/limits/files-preset", test_files_preset);
  g_test_add_func ("/limits/record", test_record);
  g_test_add_func ("/limits/record-without", test_record_without);
  g_test_add_func ("/limits/ceilings", test_ceilings);
  g_test_add_func ("/limits/without-ceilings", test_without_ceilings);
  g_test_add_func ("/limits/disk", test_disk);
  return g_test_run ();
}

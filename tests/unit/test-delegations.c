/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who may have how many nics where: what is written down, what of it is believed, and that it happens or leaves no
   trace. */

#include "scratch.h"

#include "base/error.h"
#include "core/bridges/delegations.h"
#include "storage/record.h"

/* "PRINCIPAL=ID:QUOTA …" of BRIDGE, in their order. */
static char *
describe (BothyDelegations *delegations, const char *bridge)
{
  g_autoptr (GPtrArray) list = bothy_delegations_list (delegations, bridge);
  g_autoptr (GString) line = g_string_new (NULL);

  for (guint i = 0; i < list->len; i++) {
    const BothyDelegation *one = list->pdata[i];

    g_assert_cmpstr (one->bridge, ==, bridge);
    g_string_append_printf (line, "%s%s=%u:%u", i ? " " : "", one->principal, one->id, one->quota);
  }
  return g_string_free (g_steal_pointer (&line), FALSE);
}

static void
expect (BothyDelegations *delegations, const char *bridge, const char *wanted)
{
  g_autofree char *found = describe (delegations, bridge);

  g_assert_cmpstr (found, ==, wanted);
}

/* The same of a service that begins now. */
static void
expect_kept (int dir, const char *bridge, const char *wanted)
{
  BothyDelegations *again = bothy_delegations_new (dir);

  expect (again, bridge, wanted);
  bothy_delegations_free (again);
}

static void
set (BothyDelegations *delegations, const char *bridge, const char *principal, guint32 id, guint quota)
{
  g_autoptr (GError) error = NULL;

  bothy_delegations_set (delegations, bridge, principal, id, quota, &error);
  g_assert_no_error (error);
}

static void
test_changes (void)
{
  autofd dir = scratch_directory (NULL);
  BothyDelegations *delegations = bothy_delegations_new (dir);
  g_autoptr (GError) error = NULL;

  set (delegations, "br0", "@lab", 100, 3);
  set (delegations, "br0", "bob", 1001, 1023);
  set (delegations, "br0", "alice", 1000, 1);
  set (delegations, "br1", "alice", 1000, 7);
  expect (delegations, "br0", "alice=1000:1 bob=1001:1023 @lab=100:3");
  expect (delegations, "br1", "alice=1000:7");
  expect (delegations, "br", "");
  expect_kept (dir, "br0", "alice=1000:1 bob=1001:1023 @lab=100:3");
  /* The account that has the name now, in place of the one that had it. */
  set (delegations, "br0", "alice", 2000, 2);
  expect (delegations, "br0", "alice=2000:2 bob=1001:1023 @lab=100:3");
  expect_kept (dir, "br0", "alice=2000:2 bob=1001:1023 @lab=100:3");
  g_assert_true (bothy_delegations_remove (delegations, "br0", "alice", &error));
  g_assert_false (bothy_delegations_remove (delegations, "br0", "alice", &error));
  g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS);
  g_clear_error (&error);
  g_assert_false (bothy_delegations_remove (delegations, "br0", "lab", &error));
  expect (delegations, "br0", "bob=1001:1023 @lab=100:3");
  expect_kept (dir, "br0", "bob=1001:1023 @lab=100:3");
  expect_kept (dir, "br1", "alice=1000:7");
  bothy_delegations_free (delegations);
}

/* What can not be written down has not happened. */
static void
test_full_disk (void)
{
  autofd dir = -1;
  BothyDelegations *delegations;
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (mkdir ("/run/full", 0700), ==, 0);
  g_assert_cmpint (mount ("full", "/run/full", "tmpfs", 0, "size=64k"), ==, 0);
  dir = open ("/run/full", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  delegations = bothy_delegations_new (dir);
  set (delegations, "br0", "alice", 1000, 1);
  g_assert_cmpint (mount (NULL, "/run/full", NULL, MS_REMOUNT | MS_RDONLY, NULL), ==, 0);
  g_assert_false (bothy_delegations_set (delegations, "br0", "alice", 2000, 2, NULL));
  g_assert_false (bothy_delegations_set (delegations, "br0", "bob", 1001, 2, NULL));
  g_assert_false (bothy_delegations_remove (delegations, "br0", "alice", &error));
  g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_FAILED);
  expect (delegations, "br0", "alice=1000:1");
  expect_kept (dir, "br0", "alice=1000:1");
  bothy_delegations_free (delegations);
}

static void
test_bound (void)
{
  autofd dir = scratch_directory (NULL);
  g_autoptr (GKeyFile) record = g_key_file_new ();
  g_autoptr (GError) error = NULL;
  BothyDelegations *delegations;

  for (guint i = 0; i < 4096; i++) {
    g_autofree char *group = g_strdup_printf ("br%u user%u", i % 7, i);

    g_key_file_set_uint64 (record, group, "Id", i);
    g_key_file_set_uint64 (record, group, "Quota", 1);
  }
  g_assert_true (bothy_record_write (dir, "delegations", record, BOTHY_RECORD_VOLATILE, NULL));
  delegations = bothy_delegations_new (dir);
  g_assert_false (bothy_delegations_set (delegations, "br0", "one-more", 1, 1, &error));
  g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_LIMITS_EXCEEDED);
  /* One of them may still be changed, and another one taken back for a new one. */
  set (delegations, "br0", "user0", 0, 2);
  g_assert_true (bothy_delegations_remove (delegations, "br1", "user1", NULL));
  set (delegations, "br0", "one-more", 1, 1);
  bothy_delegations_free (delegations);
}

/* A record in order, with something in it that is not: then nobody has anything, and nothing is changed. */
static void
test_nonsense (void)
{
  static const struct {
    const char *group, *id, *quota;
  } table[] = {
    { "br0 alice", "1000", NULL },
    { "br0 alice", NULL, "1" },
    { "br0 alice", "1000", "0" },
    { "br0 alice", "1000", "1024" },
    { "br0 alice", "4294967295", "1" },
    { "br0 alice", "4294968296", "1" },
    { "br0 alice", "-1", "1" },
    { "br0 alice", "many", "1" },
    { "br0 alice", "1000", "few" },
    { "br0", "1000", "1" },
    { "br0 ", "1000", "1" },
    { " alice", "1000", "1" },
    { "br0 alice bob", "1000", "1" },
    { "../br0 alice", "1000", "1" },
    { "br0 -alice", "1000", "1" },
    { "br0 @", "1000", "1" },
    { "a-name-much-too-long alice", "1000", "1" },
    { "br0 a/b", "1000", "1" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (table); i++) {
    autofd dir = scratch_directory (NULL);
    g_autoptr (GKeyFile) record = g_key_file_new ();
    g_autoptr (GError) error = NULL;
    BothyDelegations *delegations;

    g_test_message ("[%s] %s %s", table[i].group, table[i].id, table[i].quota);
    g_key_file_set_uint64 (record, "br0 bob", "Id", 1001);
    g_key_file_set_uint64 (record, "br0 bob", "Quota", 1023);
    if (table[i].id)
      g_key_file_set_string (record, table[i].group, "Id", table[i].id);
    if (table[i].quota)
      g_key_file_set_string (record, table[i].group, "Quota", table[i].quota);
    g_assert_true (bothy_record_write (dir, "delegations", record, BOTHY_RECORD_VOLATILE, NULL));
    delegations = bothy_delegations_new (dir);
    expect (delegations, "br0", "");
    g_assert_false (bothy_delegations_set (delegations, "br0", "carol", 1002, 1, &error));
    g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED);
    g_clear_error (&error);
    g_assert_false (bothy_delegations_remove (delegations, "br0", "bob", &error));
    g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED);
    bothy_delegations_free (delegations);
  }
}

/* One that is damaged is moved aside, and that is no reason to begin anew. */
static void
test_damaged (void)
{
  autofd dir = scratch_directory (NULL);
  BothyDelegations *delegations;
  g_autoptr (GError) error = NULL;

  scratch_write (dir, "delegations", "[br0 alice]\nId=1000\nQuota=1\n", 29, 0600);
  delegations = bothy_delegations_new (dir);
  expect (delegations, "br0", "");
  g_assert_false (bothy_delegations_set (delegations, "br0", "alice", 1000, 1, &error));
  g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED);
  bothy_delegations_free (delegations);
}

int
main (int argc, char **argv)
{
  scratch_enter ();
  g_test_init (&argc, &argv, NULL);
  scratch_expect_warnings ();
  g_test_add_func ("/delegations/AUTH-02-changes", test_changes);
  g_test_add_func ("/delegations/STATE-02-full-disk", test_full_disk);
  g_test_add_func ("/delegations/DOS-08-bound", test_bound);
  g_test_add_func ("/delegations/STATE-03-nonsense", test_nonsense);
  g_test_add_func ("/delegations/STATE-03-damaged", test_damaged);
  return g_test_run ();
}

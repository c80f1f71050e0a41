/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which id belongs to whom, for all time. */

#include "scratch.h"

#include <stdio.h>

#include "base/error.h"
#include "core/ids/ranges.h"
#include "storage/record.h"

#define POOL 1073741824u

static BothyConfiguration
pool_of (guint32 count)
{
  return (BothyConfiguration){ .range_base = POOL, .range_count = count, .max_all_ranges = count };
}

static gboolean
has_none (BothyIdSpan span, GError **error)
{
  return FALSE;
}

/* For the tests that are not about who else has ids: asking this machine takes as long as it has accounts and processes. */
static const BothyRangesChecks nobody_else = { has_none, has_none };

typedef struct {
  guint32 base;
  GError *error;
  gboolean done;
} Taken;

static void
on_taken (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Taken *taken = user_data;

  taken->base = bothy_ranges_take_finish (BOTHY_RANGES (source), result, &taken->error);
  taken->done = TRUE;
}

static guint32
take (BothyRanges *ranges, guint32 owner, GError **error)
{
  Taken taken = { 0 };

  bothy_ranges_take (ranges, owner, 0, on_taken, &taken);
  while (!taken.done)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (taken.base == 0, ==, taken.error != NULL);
  if (taken.error)
    g_propagate_error (error, taken.error);
  return taken.base;
}

static guint32
must_take (BothyRanges *ranges, guint32 owner)
{
  g_autoptr (GError) error = NULL;
  guint32 base = take (ranges, owner, &error);

  g_assert_no_error (error);
  return base;
}

/* Every range is within the pool, aligned, of one owner, and has a record that says so. */
static void
check_all (BothyRanges *ranges, int dirfd, guint32 count)
{
  g_autoptr (GPtrArray) list = bothy_ranges_list (ranges);
  gint64 end = 0;

  for (guint i = 0; i < list->len; i++) {
    const BothyRange *range = list->pdata[i];
    g_autofree char *name = g_strdup_printf ("%u", range->base);
    g_autoptr (GError) error = NULL;
    g_autoptr (GKeyFile) record = bothy_record_read (dirfd, name, &error);

    g_assert_no_error (error);
    g_assert_cmpuint (range->base % BOTHY_RANGE_SIZE, ==, 0);
    g_assert_cmpint (range->base, >=, MAX (end, (gint64)POOL));
    end = (gint64)range->base + BOTHY_RANGE_SIZE;
    g_assert_cmpint (end, <=, (gint64)POOL + (gint64)count * BOTHY_RANGE_SIZE);
    g_assert_cmpuint (g_key_file_get_uint64 (record, "Range", "Owner", NULL), ==, range->owner);
    g_assert_true (bothy_ranges_is_given (ranges, range->base));
    g_assert_true (bothy_ranges_is_given (ranges, range->base + BOTHY_RANGE_SIZE - 1));
  }
}

/* ---- RANGE-01 and RANGE-07 ---- */

#define USERS    200u
#define PER_USER 2u

typedef struct {
  guint32 bases[PER_USER];
  guint n;
} Holder;

/* Everything that was ever given out: base to owner plus one. */
static void
remember (GHashTable *history, guint32 base, guint32 owner)
{
  gpointer before = g_hash_table_lookup (history, GUINT_TO_POINTER (base));

  if (before)
    g_assert_cmpuint (GPOINTER_TO_UINT (before) - 1, ==, owner);
  g_hash_table_insert (history, GUINT_TO_POINTER (base), GUINT_TO_POINTER (owner + 1));
}

static BothyRanges *
restart (BothyRanges *old, int dirfd, const BothyConfiguration *configuration, Holder *holders)
{
  BothyRanges *ranges;

  g_clear_object (&old);
  ranges = bothy_ranges_new (dirfd, configuration, &nobody_else);
  g_assert_false (bothy_ranges_is_degraded (ranges));
  for (guint32 user = 0; user < USERS; user++) {
    for (guint i = 0; i < holders[user].n; i++) {
      /* Nobody else's container may stand on it, and no second one. */
      g_assert_false (bothy_ranges_mark_used (ranges, 1000 + (user + 1) % USERS, holders[user].bases[i]));
      g_assert_true (bothy_ranges_mark_used (ranges, 1000 + user, holders[user].bases[i]));
      g_assert_false (bothy_ranges_mark_used (ranges, 1000 + user, holders[user].bases[i]));
    }
  }
  return ranges;
}

static void
take_or_release (BothyRanges *ranges, Holder *holder, guint32 owner, GHashTable *history)
{
  if (holder->n == PER_USER || (holder->n > 0 && g_test_rand_bit ())) {
    guint i = (guint)g_test_rand_int_range (0, (gint32)holder->n);

    bothy_ranges_release (ranges, holder->bases[i]);
    holder->bases[i] = holder->bases[--holder->n];
    return;
  }
  holder->bases[holder->n] = must_take (ranges, owner);
  for (guint i = 0; i < holder->n; i++)
    g_assert_cmpuint (holder->bases[i], !=, holder->bases[holder->n]);
  remember (history, holder->bases[holder->n++], owner);
}

static void
test_random (void)
{
  BothyConfiguration configuration = pool_of (USERS * PER_USER);
  autofd dir = scratch_directory (NULL);
  g_autoptr (GHashTable) history = g_hash_table_new (NULL, NULL);
  g_autofree Holder *holders = g_new0 (Holder, USERS);
  g_autoptr (BothyRanges) ranges = restart (NULL, dir, &configuration, holders);

  for (guint step = 0; step < 100000; step++) {
    guint32 user = (guint32)g_test_rand_int_range (0, USERS);

    take_or_release (ranges, &holders[user], 1000 + user, history);
    if (step % 10000 == 9999) {
      ranges = restart (ranges, dir, &configuration, holders);
      check_all (ranges, dir, USERS * PER_USER);
    }
  }
}

static void
test_never_another_users (void)
{
  BothyConfiguration configuration = pool_of (4);
  autofd dir = scratch_directory (NULL);
  g_autoptr (BothyRanges) ranges = bothy_ranges_new (dir, &configuration, &nobody_else);
  guint32 former = must_take (ranges, 1000);
  g_autoptr (GError) error = NULL;

  bothy_ranges_release (ranges, former);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint (must_take (ranges, 1001), !=, former);
  g_assert_cmpuint (take (ranges, 1001, &error), ==, 0);
  g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_FREE_RANGE);
  g_clear_object (&ranges);

  ranges = bothy_ranges_new (dir, &configuration, &nobody_else);
  g_clear_error (&error);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint (must_take (ranges, 1001), !=, former);
  g_assert_cmpuint (take (ranges, 1001, &error), ==, 0);
  g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_FREE_RANGE);
  g_assert_cmpuint (must_take (ranges, 1000), ==, former);
}

/* uids one of which begins like another. */
static void
test_similar_owners (void)
{
  static const guint32 owners[] = { 0, 1, 10, 100, 1000, 10000, G_MAXINT32 };
  BothyConfiguration configuration = pool_of (G_N_ELEMENTS (owners));
  autofd dir = scratch_directory (NULL);
  g_autoptr (BothyRanges) ranges = bothy_ranges_new (dir, &configuration, &nobody_else);
  guint32 bases[G_N_ELEMENTS (owners)];

  for (gsize i = 0; i < G_N_ELEMENTS (owners); i++)
    bases[i] = must_take (ranges, owners[i]);
  g_clear_object (&ranges);
  ranges = bothy_ranges_new (dir, &configuration, &nobody_else);
  for (gsize i = 0; i < G_N_ELEMENTS (owners); i++) {
    for (gsize j = 0; j < G_N_ELEMENTS (owners); j++)
      g_assert_true (i == j || !bothy_ranges_mark_used (ranges, owners[j], bases[i]));
    g_assert_cmpuint (must_take (ranges, owners[i]), ==, bases[i]);
  }
}

typedef struct {
  BothyReclaim what;
  GError *error;
  gboolean done;
} Reclaimed;

static void
on_reclaimed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Reclaimed *reclaimed = user_data;

  reclaimed->what = bothy_ranges_reclaim_finish (BOTHY_RANGES (source), result, &reclaimed->error);
  reclaimed->done = TRUE;
}

static BothyReclaim
reclaim (BothyRanges *ranges, guint32 base, GError **error)
{
  Reclaimed reclaimed = { 0 };

  bothy_ranges_reclaim (ranges, base, on_reclaimed, &reclaimed);
  while (!reclaimed.done)
    g_main_context_iteration (NULL, TRUE);
  if (reclaimed.error)
    g_propagate_error (error, reclaimed.error);
  return reclaimed.what;
}

/* The record was replaced, and then the disk did not take it: in memory it is what the disk may say. Or nothing was
   written, and then it is still its owner's. */
static void
test_shut_in_doubt (void)
{
  BothyConfiguration configuration = pool_of (2);
  g_autofree char *path = NULL;
  autofd dir = scratch_directory (&path);
  /* fsync(2) fails with it. */
  autofd unsynced = open (path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  autofd whole = dup (dir);
  g_autoptr (BothyRanges) ranges = bothy_ranges_new (dir, &configuration, &nobody_else);
  guint32 base = must_take (ranges, 1000);
  g_autoptr (GError) error = NULL;

  bothy_ranges_release (ranges, base);
  scratch_cover ("/proc/sys/kernel/random/boot_id", "", 0);
  g_assert_cmpint (reclaim (ranges, base, &error), ==, BOTHY_RECLAIM_FAILED);
  g_clear_error (&error);
  scratch_uncover ("/proc/sys/kernel/random/boot_id");
  g_assert_cmpuint (must_take (ranges, 1000), ==, base);
  bothy_ranges_release (ranges, base);

  g_assert_cmpint (dup3 (unsynced, dir, O_CLOEXEC), ==, dir);
  g_assert_cmpint (reclaim (ranges, base, &error), ==, BOTHY_RECLAIM_FAILED);
  g_assert_nonnull (error);
  g_clear_error (&error);
  g_assert_cmpint (dup3 (whole, dir, O_CLOEXEC), ==, dir);
  for (guint i = 0; i < 2; i++) {
    g_assert_false (bothy_ranges_mark_used (ranges, 1000, base));
    g_clear_object (&ranges);
    ranges = bothy_ranges_new (dir, &configuration, &nobody_else);
    g_assert_false (bothy_ranges_is_degraded (ranges));
  }
}

/* ---- RANGE-06 ---- */

/* Some in use, some left: all of them count, and one that is left is had again without a word. */
static void
test_bound (void)
{
  BothyConfiguration configuration = pool_of (8);
  autofd dir = scratch_directory (NULL);
  g_autoptr (BothyRanges) ranges = NULL;
  g_autoptr (GError) error = NULL;
  Taken taken = { 0 }, second = { 0 };
  guint32 first;
  guint count;

  configuration.max_all_ranges = 3;
  ranges = bothy_ranges_new (dir, &configuration, &nobody_else);
  first = must_take (ranges, 1000);
  must_take (ranges, 1000);
  g_assert_true (bothy_ranges_check_all (ranges, 1000, 0, &count, NULL));
  must_take (ranges, 1000);
  g_assert_false (bothy_ranges_check_all (ranges, 1000, 0, &count, NULL));
  g_assert_cmpuint (count, ==, 3);
  g_assert_cmpuint (take (ranges, 1000, &error), ==, 0);
  g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED);
  must_take (ranges, 1001);

  bothy_ranges_release (ranges, first);
  g_assert_true (bothy_ranges_check_all (ranges, 1000, 0, &count, NULL));
  g_assert_cmpuint (must_take (ranges, 1000), ==, first);
  /* Two of his calls were granted a fourth at once: that is one. */
  bothy_ranges_take (ranges, 1000, 4, on_taken, &taken);
  bothy_ranges_take (ranges, 1000, 4, on_taken, &second);
  while (!taken.done)
    g_main_context_iteration (NULL, TRUE);
  g_assert_no_error (taken.error);
  while (!second.done)
    g_main_context_iteration (NULL, TRUE);
  g_assert_error (second.error, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED);
  g_clear_error (&second.error);
  check_all (ranges, dir, 8);
}

/* As many at once as he may have in all, and more. */
static void
test_bound_at_once (void)
{
  BothyConfiguration configuration = pool_of (32);
  autofd dir = scratch_directory (NULL);
  g_autoptr (BothyRanges) ranges = NULL;
  Taken taken[12] = { 0 };
  guint refused = 0;

  configuration.max_all_ranges = 5;
  ranges = bothy_ranges_new (dir, &configuration, &nobody_else);
  for (gsize i = 0; i < G_N_ELEMENTS (taken); i++)
    bothy_ranges_take (ranges, 1000, 0, on_taken, &taken[i]);
  for (gsize i = 0; i < G_N_ELEMENTS (taken); i++) {
    while (!taken[i].done)
      g_main_context_iteration (NULL, TRUE);
    refused += taken[i].error != NULL;
    g_clear_error (&taken[i].error);
  }
  g_assert_cmpuint (refused, ==, 7);
}

/* ---- RANGE-02 ---- */

static void
test_at_once (void)
{
  BothyConfiguration configuration = pool_of (64);
  autofd dir = scratch_directory (NULL);
  g_autoptr (BothyRanges) ranges = bothy_ranges_new (dir, &configuration, &nobody_else);
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  Taken taken[70] = { 0 };
  guint refused = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (taken); i++)
    bothy_ranges_take (ranges, 1000 + (guint32)i % 3, 0, on_taken, &taken[i]);
  for (gsize i = 0; i < G_N_ELEMENTS (taken); i++) {
    while (!taken[i].done)
      g_main_context_iteration (NULL, TRUE);
    if (taken[i].error)
      refused++;
    else
      g_assert_true (g_hash_table_add (seen, GUINT_TO_POINTER (taken[i].base)));
    g_clear_error (&taken[i].error);
  }
  g_assert_cmpuint (refused, ==, 6);
  check_all (ranges, dir, 64);
}

/* ---- RANGE-05 ---- */

static void
test_exhausted (void)
{
  BothyConfiguration configuration = pool_of (2);
  autofd dir = scratch_directory (NULL);
  g_autoptr (BothyRanges) ranges = bothy_ranges_new (dir, &configuration, &nobody_else);
  guint32 first = must_take (ranges, 1000);
  guint32 second = must_take (ranges, 1001);
  g_autofree char *before = scratch_list (dir);

  for (guint i = 0; i < 5; i++) {
    g_autofree char *after = NULL;
    g_autoptr (GError) error = NULL;

    g_assert_cmpuint (take (ranges, 1002, &error), ==, 0);
    g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_FREE_RANGE);
    after = scratch_list (dir);
    g_assert_cmpstr (after, ==, before);
  }
  bothy_ranges_release (ranges, first);
  g_assert_cmpuint (must_take (ranges, 1000), ==, first);
  bothy_ranges_release (ranges, second);
  g_assert_cmpuint (must_take (ranges, 1001), ==, second);
}

/* ---- RANGE-03, RANGE-10 ---- */

static void
test_claimed (void)
{
  BothyConfiguration configuration = pool_of (4);
  autofd dir = scratch_directory (NULL);
  g_autoptr (BothyRanges) ranges = bothy_ranges_new (dir, &configuration, NULL);
  static const char *const first_two = "alice:1073741824:65537\n";
  static const char *const nonsense = "alice:1073741824\n";
  g_autoptr (GError) error = NULL;

  scratch_cover ("/etc/subuid", nonsense, strlen (nonsense));
  g_assert_cmpuint (take (ranges, 1000, &error), ==, 0);
  g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED);
  g_clear_error (&error);
  scratch_uncover ("/etc/subuid");

  scratch_cover ("/etc/subuid", first_two, strlen (first_two));
  g_assert_cmpuint (must_take (ranges, 1000), ==, POOL + 2 * BOTHY_RANGE_SIZE);
  g_assert_cmpuint (must_take (ranges, 1000), ==, POOL + 3 * BOTHY_RANGE_SIZE);
  g_assert_cmpuint (take (ranges, 1000, &error), ==, 0);
  g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_FREE_RANGE);
  scratch_uncover ("/etc/subuid");

  g_assert_cmpuint (must_take (ranges, 1000), ==, POOL);
}

/* No record, no range: the disk is full. */
static void
test_full_disk (void)
{
  BothyConfiguration configuration = pool_of (4);
  g_autoptr (BothyRanges) ranges = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *list = NULL;
  autofd dir = -1;

  g_assert_cmpint (mkdir ("/run/full", 0700), ==, 0);
  g_assert_cmpint (mount ("full", "/run/full", "tmpfs", 0, "nr_inodes=1"), ==, 0);
  dir = open ("/run/full", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ranges = bothy_ranges_new (dir, &configuration, &nobody_else);
  g_assert_cmpuint (take (ranges, 1000, &error), ==, 0);
  g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_SPACE);
  list = scratch_list (dir);
  g_assert_cmpstr (list, ==, "");
  g_assert_cmpint (mount (NULL, "/run/full", NULL, MS_REMOUNT, "nr_inodes=10"), ==, 0);
  g_assert_cmpuint (must_take (ranges, 1000), ==, POOL);
}

/* ---- RANGE-09 ---- */

static void
expect_degraded (int dirfd)
{
  BothyConfiguration configuration = pool_of (4);

  /* And after a restart. */
  for (guint i = 0; i < 2; i++) {
    g_autoptr (BothyRanges) ranges = bothy_ranges_new (dirfd, &configuration, &nobody_else);
    g_autoptr (GError) error = NULL;

    g_assert_true (bothy_ranges_is_degraded (ranges));
    g_assert_cmpuint (take (ranges, 1000, &error), ==, 0);
    g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED);
    g_clear_error (&error);
    g_assert_cmpuint (take (ranges, 1001, &error), ==, 0);
    g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED);
  }
}

#define NAME "1073741824"

/* A directory in which user 1000 has the pool's first range. */
static int
directory_with_record (void)
{
  int dirfd = scratch_directory (NULL);
  g_autoptr (GKeyFile) record = g_key_file_new ();

  g_key_file_set_uint64 (record, "Range", "Base", POOL);
  g_key_file_set_uint64 (record, "Range", "Owner", 1000);
  g_assert_true (bothy_record_write (dirfd, NAME, record, BOTHY_RECORD_DURABLE, NULL));
  return dirfd;
}

static void
test_flipped (void)
{
  autofd whole = directory_with_record ();
  gsize length;
  g_autofree char *text = scratch_read (whole, NAME, &length);

  for (gsize bit = 0; bit < length * 8; bit++) {
    autofd dir = scratch_directory (NULL);

    text[bit / 8] ^= (char)(1 << bit % 8);
    scratch_write (dir, NAME, text, length, 0600);
    text[bit / 8] ^= (char)(1 << bit % 8);
    expect_degraded (dir);
  }
}

static void
test_cut (void)
{
  autofd whole = directory_with_record ();
  gsize length;
  g_autofree char *text = scratch_read (whole, NAME, &length);

  for (gsize keep = 0; keep < length; keep++) {
    autofd dir = scratch_directory (NULL);

    scratch_write (dir, NAME, text, keep, 0600);
    expect_degraded (dir);
  }
}

static void
test_not_a_record (void)
{
  autofd mode = directory_with_record (), owner = directory_with_record (), link = scratch_directory (NULL);
  autofd fifo = scratch_directory (NULL), directory = scratch_directory (NULL),
         other = directory_with_record ();

  g_assert_cmpint (fchmodat (mode, NAME, 0666, 0), ==, 0);
  expect_degraded (mode);
  g_assert_cmpint (fchownat (owner, NAME, 1000, 1000, 0), ==, 0);
  expect_degraded (owner);
  g_assert_cmpint (symlinkat ("/dev/null", link, NAME), ==, 0);
  expect_degraded (link);
  g_assert_cmpint (mkfifoat (fifo, NAME, 0600), ==, 0);
  expect_degraded (fifo);
  g_assert_cmpint (mkdirat (directory, NAME, 0700), ==, 0);
  expect_degraded (directory);
  /* Sound, but of another name. */
  g_assert_cmpint (renameat (other, NAME, other, "1073807360"), ==, 0);
  expect_degraded (other);
}

/* Sealed, and yet nothing that we would have written. */
static void
test_no_sense (void)
{
  static const struct {
    const char *name;
    guint64 base, owner;
  } records[] = {
    { "0", 0, 1000 },
    { "1073741825", 1073741825, 1000 },
    { "01073741824", POOL, 1000 },
    { "+1073741824", POOL, 1000 },
    { "1073741824 ", POOL, 1000 },
    { "1073741824x", POOL, 1000 },
    { "4294967296", 4294967296, 1000 },
    { NAME, POOL, G_MAXUINT32 },
    { NAME, POOL, (guint64)G_MAXINT32 + 1 },
    { NAME, POOL + 4294967296, 1000 },
    { "README", 1, 1 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (records); i++) {
    BothyConfiguration configuration = pool_of (4);
    autofd dir = scratch_directory (NULL);
    g_autoptr (GKeyFile) record = g_key_file_new ();
    g_autoptr (BothyRanges) ranges = NULL;

    g_key_file_set_uint64 (record, "Range", "Base", records[i].base);
    g_key_file_set_uint64 (record, "Range", "Owner", records[i].owner);
    g_assert_true (bothy_record_write (dir, records[i].name, record, BOTHY_RECORD_DURABLE, NULL));
    ranges = bothy_ranges_new (dir, &configuration, &nobody_else);
    if (!bothy_ranges_is_degraded (ranges))
      g_error ("The record %s was taken", records[i].name);
  }
}

/* What a power cut leaves of a write that never ended. */
static void
test_leftovers (void)
{
  BothyConfiguration configuration = pool_of (4);
  autofd dir = directory_with_record ();
  g_autoptr (BothyRanges) ranges = NULL;

  scratch_write (dir, "." NAME ".0123abcd", "#bothy", 6, 0600);
  ranges = bothy_ranges_new (dir, &configuration, &nobody_else);
  g_assert_false (bothy_ranges_is_degraded (ranges));
  g_assert_cmpuint (must_take (ranges, 1001), ==, POOL + BOTHY_RANGE_SIZE);
  g_assert_cmpuint (must_take (ranges, 1000), ==, POOL);
}

/* A range outside of today's pool stays with its owner, and is not given to others. */
static void
test_pool_moved (void)
{
  BothyConfiguration configuration = { .range_base = POOL + BOTHY_RANGE_SIZE,
                                       .range_count = 1,
                                       .max_all_ranges = 2 };
  autofd dir = directory_with_record ();
  g_autoptr (BothyRanges) ranges = bothy_ranges_new (dir, &configuration, &nobody_else);

  g_assert_false (bothy_ranges_is_degraded (ranges));
  g_assert_cmpuint (must_take (ranges, 1001), ==, POOL + BOTHY_RANGE_SIZE);
  g_assert_cmpuint (must_take (ranges, 1000), ==, POOL);
}

static void
test_is_given (void)
{
  BothyConfiguration configuration = pool_of (4);
  autofd dir = directory_with_record ();
  g_autoptr (BothyRanges) ranges = bothy_ranges_new (dir, &configuration, &nobody_else);
  static const guint32 strangers[] = {
    0, 1000, POOL - 1, POOL + 4 * BOTHY_RANGE_SIZE, BOTHY_NEUTRAL_BASE - 1, G_MAXUINT32
  };

  g_assert_true (bothy_ranges_is_given (ranges, POOL));
  g_assert_true (bothy_ranges_is_given (ranges, POOL + BOTHY_RANGE_SIZE - 1));
  /* Nobody has it yet, so a directory server may have people there. */
  g_assert_false (bothy_ranges_is_given (ranges, POOL + 4 * BOTHY_RANGE_SIZE - 1));
  g_assert_true (bothy_ranges_is_given (ranges, BOTHY_NEUTRAL_BASE));
  g_assert_true (bothy_ranges_is_given (ranges, BOTHY_NEUTRAL_BASE + BOTHY_RANGE_SIZE - 1));
  for (gsize i = 0; i < G_N_ELEMENTS (strangers); i++)
    g_assert_false (bothy_ranges_is_given (ranges, strangers[i]));
}

typedef struct {
  gboolean clear, done;
} Kept;

static void
on_kept (GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(Kept *)user_data = (Kept){ bothy_ranges_keep_clear_of_finish (BOTHY_RANGES (source), result), TRUE };
}

static gboolean
keep_clear_of (BothyRanges *ranges, guint32 uid)
{
  Kept kept = { 0 };

  bothy_ranges_keep_clear_of (ranges, uid, on_kept, &kept);
  while (!kept.done)
    g_main_context_iteration (NULL, TRUE);
  return kept.clear;
}

/* That a range is kept clear is on the disk when its user may call; if the disk does not take it, it is tried again. */
static void
test_keep_clear_in_doubt (void)
{
  BothyConfiguration configuration = pool_of (2);
  g_autofree char *path = NULL;
  autofd dir = scratch_directory (&path);
  /* fsync(2) fails with it. */
  autofd unsynced = open (path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  autofd whole = dup (dir);
  g_autoptr (BothyRanges) ranges = bothy_ranges_new (dir, &configuration, &nobody_else);

  g_assert_cmpint (dup3 (unsynced, dir, O_CLOEXEC), ==, dir);
  g_assert_true (keep_clear_of (ranges, POOL + 7));
  g_assert_cmpint (dup3 (whole, dir, O_CLOEXEC), ==, dir);
  g_assert_cmpint (unlinkat (dir, ".clear-1073741824", 0), ==, 0);
  g_assert_cmpuint (must_take (ranges, 1000), ==, POOL + BOTHY_RANGE_SIZE);
  g_assert_true (keep_clear_of (ranges, POOL + 8));
  g_assert_cmpint (faccessat (dir, ".clear-1073741824", F_OK, 0), ==, 0);
}

/* Who has an account in the pool keeps it, and his neighbours' ids; and he is asked for nothing that he could not have. */
static void
test_keep_clear (void)
{
  BothyConfiguration configuration = pool_of (4);
  autofd dir = scratch_directory (NULL);
  g_autoptr (BothyRanges) ranges = bothy_ranges_new (dir, &configuration, &nobody_else);
  guint32 second = POOL + BOTHY_RANGE_SIZE, third = second + BOTHY_RANGE_SIZE;

  g_assert_cmpuint (must_take (ranges, second + 7), ==, POOL);
  g_assert_false (keep_clear_of (ranges, POOL + 3));
  g_assert_true (keep_clear_of (ranges, third + BOTHY_RANGE_SIZE - 1));
  g_assert_cmpuint (must_take (ranges, 1000), ==, third + BOTHY_RANGE_SIZE);
  g_assert_cmpuint (take (ranges, 1001, NULL), ==, 0);
  /* Who called an earlier bothyd may still be logged in. */
  g_clear_object (&ranges);
  ranges = bothy_ranges_new (dir, &configuration, &nobody_else);
  g_assert_false (bothy_ranges_is_degraded (ranges));
  g_assert_cmpuint (take (ranges, 1001, NULL), ==, 0);
}

/* Somebody gets an account in a range that its owner had given back meanwhile. */
static void
test_account_since (void)
{
  static const char account[] = "a:x:1073741830:1::/:/bin/sh\n";
  BothyConfiguration configuration = pool_of (2);
  autofd dir = scratch_directory (NULL);
  g_autoptr (BothyRanges) ranges = bothy_ranges_new (dir, &configuration, NULL);

  g_assert_cmpuint (must_take (ranges, 1000), ==, POOL);
  bothy_ranges_release (ranges, POOL);
  scratch_cover ("/etc/passwd", account, strlen (account));
  g_assert_cmpuint (must_take (ranges, 1000), ==, POOL + BOTHY_RANGE_SIZE);
  scratch_uncover ("/etc/passwd");
}

/* The last range that the pool may have. */
static void
test_last (void)
{
  BothyConfiguration configuration = { .range_base = 0x6fff0000, .range_count = 1, .max_all_ranges = 2 };
  autofd dir = scratch_directory (NULL);
  g_autoptr (BothyRanges) ranges = bothy_ranges_new (dir, &configuration, &nobody_else);
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (must_take (ranges, 1000), ==, 0x6fff0000);
  g_assert_cmpuint (take (ranges, 1000, &error), ==, 0);
  g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_FREE_RANGE);
}

int
main (int argc, char **argv)
{
  scratch_enter ();
  g_test_init (&argc, &argv, NULL);
  scratch_expect_warnings ();
  g_test_add_func ("/ranges/RANGE-06-bound", test_bound);
  g_test_add_func ("/ranges/RANGE-06-bound-at-once", test_bound_at_once);
  g_test_add_func ("/ranges/RANGE-01-random", test_random);
  g_test_add_func ("/ranges/RANGE-02-at-once", test_at_once);
  g_test_add_func ("/ranges/RANGE-03-claimed", test_claimed);
  g_test_add_func ("/ranges/RANGE-05-exhausted", test_exhausted);
  g_test_add_func ("/ranges/RANGE-07-never-another-users", test_never_another_users);
  g_test_add_func ("/ranges/RANGE-07-shut-in-doubt", test_shut_in_doubt);
  g_test_add_func ("/ranges/RANGE-09-flipped", test_flipped);
  g_test_add_func ("/ranges/RANGE-09-cut", test_cut);
  g_test_add_func ("/ranges/RANGE-09-not-a-record", test_not_a_record);
  g_test_add_func ("/ranges/RANGE-09-no-sense", test_no_sense);
  g_test_add_func ("/ranges/RANGE-11-last", test_last);
  g_test_add_func ("/ranges/OBJ-05-similar-owners", test_similar_owners);
  g_test_add_func ("/ranges/STATE-01-leftovers", test_leftovers);
  g_test_add_func ("/ranges/STATE-02-full-disk", test_full_disk);
  g_test_add_func ("/ranges/pool-moved", test_pool_moved);
  g_test_add_func ("/ranges/is-given", test_is_given);
  g_test_add_func ("/ranges/RANGE-04-keep-clear", test_keep_clear);
  g_test_add_func ("/ranges/RANGE-04-keep-clear-in-doubt", test_keep_clear_in_doubt);
  g_test_add_func ("/ranges/RANGE-04-account-since", test_account_since);
  return g_test_run ();
}

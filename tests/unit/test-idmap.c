/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Maps that users want for their own namespaces, and the ranges that they hold for that. */

#include "scratch.h"

#include "base/error.h"
#include "core/ids/idmap.h"

#define POOL  1073741824u
#define ALICE 1000u
#define BOB   1001u
#define GROUP 100u

static gboolean
parse (const char *text, BothyIdMap *map, GError **error)
{
  g_autoptr (GError) syntax = NULL;
  g_autoptr (GVariant) extents = g_variant_parse (G_VARIANT_TYPE ("a(suuu)"), text, NULL, NULL, &syntax);

  g_assert_no_error (syntax);
  return bothy_id_map_parse (extents, map, error);
}

static void
test_shape (void)
{
  static const struct {
    const char *text;
    guint uids, gids; /* 0: refused */
  } cases[] = {
    { "[('b', 0, 1073741824, 65536)]", 1, 1 },
    { "[('u', 0, 1073741824, 1), ('g', 5, 1073741824, 2)]", 1, 1 },
    { "[('b', 0, 1, 1), ('b', 1, 2, 1), ('b', 2, 3, 1), ('b', 3, 4, 1), ('b', 4, 5, 1)]", 5, 5 },
    { "[('b', 0, 1, 1), ('b', 1, 2, 1), ('b', 2, 3, 1), ('b', 3, 4, 1), ('b', 4, 5, 1), ('u', 5, 6, 1)]", 0,
      0 },
    { "[('b', 4294967294, 4294967294, 1)]", 1, 1 },
    { "[('b', 4294967295, 5, 1)]", 0, 0 },
    { "[('b', 0, 4294967294, 2)]", 0, 0 },
    { "[('b', 0, 0, 4294967295)]", 1, 1 },
    { "[('b', 1, 0, 4294967295)]", 0, 0 },
    { "[('b', 0, 5, 0)]", 0, 0 },
    { "[('b', 0, 10, 10), ('u', 9, 100, 1)]", 0, 0 },
    { "[('b', 0, 10, 10), ('g', 100, 19, 1)]", 0, 0 },
    { "[('u', 0, 10, 10), ('g', 0, 10, 10)]", 1, 1 },
    { "[('b', 0, 10, 10), ('b', 0, 10, 10)]", 0, 0 },
    { "[('u', 0, 10, 10)]", 0, 0 },
    { "[('g', 0, 10, 10)]", 0, 0 },
    { "@a(suuu) []", 0, 0 },
    { "[('', 0, 10, 10)]", 0, 0 },
    { "[('x', 0, 10, 10)]", 0, 0 },
    { "[('ub', 0, 10, 10)]", 0, 0 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    BothyIdMap map;
    gboolean good = parse (cases[i].text, &map, &error);

    g_test_message ("%s", cases[i].text);
    g_assert_cmpint (good, ==, cases[i].uids > 0);
    if (!good) {
      g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS);
      continue;
    }
    g_assert_cmpuint (map.n_uids, ==, cases[i].uids);
    g_assert_cmpuint (map.n_gids, ==, cases[i].gids);
  }
}

typedef struct {
  guint32 base;
  gboolean good, done;
  GError *error;
} Answer;

static void
on_taken (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Answer *answer = user_data;

  answer->base = bothy_ranges_take_finish (BOTHY_RANGES (source), result, &answer->error);
  answer->done = TRUE;
}

static void
on_released (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Answer *answer = user_data;

  answer->good = bothy_ranges_release_by_hand_finish (BOTHY_RANGES (source), result, &answer->error);
  answer->done = TRUE;
}

static void
finish (Answer *answer)
{
  while (!answer->done)
    g_main_context_iteration (NULL, TRUE);
}

static guint32
hold (BothyRanges *ranges, guint32 owner, guint max, GError **error)
{
  Answer answer = { 0 };

  bothy_ranges_take_by_hand (ranges, owner, max, FALSE, on_taken, &answer);
  finish (&answer);
  if (answer.error)
    g_propagate_error (error, answer.error);
  return answer.base;
}

static gboolean
let_go (BothyRanges *ranges, guint32 owner, guint32 base)
{
  Answer answer = { 0 };

  bothy_ranges_release_by_hand (ranges, owner, base, on_released, &answer);
  finish (&answer);
  if (answer.error)
    g_assert_error (answer.error, BOTHY_ERROR, BOTHY_ERROR_NOT_YOURS);
  g_clear_error (&answer.error);
  return answer.good;
}

static BothyRanges *
open_ranges (int dirfd)
{
  BothyConfiguration configuration = { .range_base = POOL, .range_count = 8, .max_all_ranges = 8 };

  return bothy_ranges_new (dirfd, &configuration, NULL);
}

static gboolean
may (BothyRanges *ranges, guint32 user, const char *text, gboolean *keeps)
{
  g_autoptr (GError) error = NULL;
  BothyIdMap map;
  gboolean good;

  g_assert_true (parse (text, &map, NULL));
  good = bothy_id_map_check (&map, ranges, user, GROUP, keeps, &error);
  if (!good)
    g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_NOT_YOURS);
  return good;
}

static void
test_only_own_ids (void)
{
  autofd dir = scratch_directory (NULL);
  g_autoptr (BothyRanges) ranges = open_ranges (dir);
  Answer container = { 0 };
  gboolean keeps;

  g_assert_cmpuint (hold (ranges, ALICE, 4, NULL), ==, POOL);
  g_assert_cmpuint (hold (ranges, BOB, 4, NULL), ==, POOL + 65536);
  bothy_ranges_take (ranges, ALICE, FALSE, on_taken, &container);
  finish (&container);
  g_assert_cmpuint (container.base, ==, POOL + 2 * 65536);

  g_assert_true (may (ranges, ALICE, "[('b', 0, 1073741824, 65536)]", &keeps));
  g_assert_false (keeps);
  g_assert_false (may (ranges, BOB, "[('b', 0, 1073741824, 65536)]", &keeps));
  g_assert_false (may (ranges, ALICE, "[('b', 0, 1073741823, 1)]", &keeps));
  g_assert_false (may (ranges, ALICE, "[('b', 0, 1073741823, 2)]", &keeps));
  g_assert_true (may (ranges, ALICE, "[('b', 0, 1073807359, 1)]", &keeps));
  g_assert_false (may (ranges, ALICE, "[('b', 0, 1073807359, 2)]", &keeps));
  g_assert_false (may (ranges, ALICE, "[('b', 0, 1073741824, 65537)]", &keeps));
  g_assert_false (may (ranges, ALICE, "[('u', 0, 1073741824, 9), ('g', 0, 1073807360, 9)]", &keeps));
  g_assert_false (may (ranges, ALICE, "[('b', 0, 1073872896, 1)]", &keeps)); /* the container's */
  g_assert_false (may (ranges, ALICE, "[('b', 0, 0, 1)]", &keeps));
  g_assert_false (may (ranges, ALICE, "[('b', 0, 0, 4294967295)]", &keeps));
}

static void
test_keep_id (void)
{
  autofd dir = scratch_directory (NULL);
  g_autoptr (BothyRanges) ranges = open_ranges (dir);
  gboolean keeps;

  g_assert_true (may (ranges, ALICE, "[('u', 0, 1000, 1), ('g', 0, 100, 1)]", &keeps));
  g_assert_true (keeps);
  g_assert_false (may (ranges, ALICE, "[('b', 0, 1000, 1)]", &keeps));
  g_assert_false (may (ranges, ALICE, "[('u', 0, 1000, 2), ('g', 0, 100, 1)]", &keeps));
  g_assert_false (may (ranges, ALICE, "[('u', 0, 1001, 1), ('g', 0, 100, 1)]", &keeps));
  g_assert_false (may (ranges, 0, "[('u', 0, 0, 1), ('g', 0, 100, 1)]", &keeps));
  hold (ranges, ALICE, 4, NULL);
  g_assert_true (may (ranges, ALICE, "[('b', 0, 1073741824, 9), ('g', 9, 100, 1)]", &keeps));
  g_assert_true (keeps);
}

static void
test_quota (void)
{
  autofd dir = scratch_directory (NULL);
  g_autoptr (BothyRanges) ranges = open_ranges (dir);
  g_autoptr (GError) error = NULL;
  Answer answers[3] = { { 0 } };
  guint n = 0;

  for (guint i = 0; i < 3; i++)
    bothy_ranges_take_by_hand (ranges, ALICE, 2, FALSE, on_taken, &answers[i]);
  for (guint i = 0; i < 3; i++) {
    finish (&answers[i]);
    n += answers[i].base != 0;
    g_clear_error (&answers[i].error);
  }
  g_assert_cmpuint (n, ==, 2);
  hold (ranges, ALICE, 2, &error);
  g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED);
  g_assert_cmpuint (hold (ranges, BOB, 2, NULL), !=, 0);
  g_assert_true (let_go (ranges, ALICE, POOL));
  g_assert_cmpuint (hold (ranges, ALICE, 2, NULL), ==, POOL); /* nobody else ever gets it */
}

static void
test_held_after_restart (void)
{
  autofd dir = scratch_directory (NULL);
  g_autoptr (BothyRanges) ranges = open_ranges (dir);
  Answer container = { 0 };
  gboolean keeps;

  g_assert_cmpuint (hold (ranges, ALICE, 4, NULL), ==, POOL);
  g_assert_cmpuint (hold (ranges, ALICE, 4, NULL), ==, POOL + 65536);
  g_assert_false (let_go (ranges, BOB, POOL));
  g_assert_false (let_go (ranges, ALICE, POOL + 1));
  g_assert_true (let_go (ranges, ALICE, POOL));
  g_assert_false (let_go (ranges, ALICE, POOL));

  g_object_unref (ranges);
  ranges = open_ranges (dir);
  g_assert_false (may (ranges, ALICE, "[('b', 0, 1073741824, 1)]", &keeps));
  g_assert_true (may (ranges, ALICE, "[('b', 0, 1073807360, 1)]", &keeps));
  g_assert_false (bothy_ranges_mark_used (ranges, ALICE, POOL + 65536)); /* no container can have it */
  bothy_ranges_take (ranges, ALICE, FALSE, on_taken, &container);
  finish (&container);
  g_assert_cmpuint (container.base, ==, POOL);
}

int
main (int argc, char **argv)
{
  scratch_enter ();
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/idmap/MAP-04-shape", test_shape);
  g_test_add_func ("/idmap/MAP-04-only-own-ids", test_only_own_ids);
  g_test_add_func ("/idmap/MAP-07-keep-id", test_keep_id);
  g_test_add_func ("/idmap/RANGE-06-quota", test_quota);
  g_test_add_func ("/idmap/RANGE-07-held-after-restart", test_held_after_restart);
  return g_test_run ();
}

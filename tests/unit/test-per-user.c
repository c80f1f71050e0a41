/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/per-user.h"

#define ALICE 1000u
#define BOB   1001u

static void
test_bound_of_each (void)
{
  g_autoptr (BothyPerUser) searches = bothy_per_user_new (2, 0);

  g_assert_true (bothy_per_user_take (searches, ALICE));
  g_assert_true (bothy_per_user_take (searches, ALICE));
  g_assert_false (bothy_per_user_take (searches, ALICE));
  g_assert_true (bothy_per_user_take (searches, BOB));
  g_assert_cmpuint (bothy_per_user_count (searches, ALICE), ==, 2);
  g_assert_cmpuint (bothy_per_user_count (searches, BOB), ==, 1);
  g_assert_cmpuint (bothy_per_user_count_all (searches), ==, 3);
  bothy_per_user_release (searches, ALICE);
  g_assert_true (bothy_per_user_take (searches, ALICE));
}

static void
test_bound_of_all (void)
{
  g_autoptr (BothyPerUser) questions = bothy_per_user_new (0, 3);

  for (guint i = 0; i < 3; i++)
    g_assert_true (bothy_per_user_take (questions, ALICE));
  g_assert_false (bothy_per_user_take (questions, BOB));
  bothy_per_user_release (questions, ALICE);
  g_assert_true (bothy_per_user_take (questions, BOB));
}

static void
test_no_bound (void)
{
  g_autoptr (BothyPerUser) calls = bothy_per_user_new (0, 0);

  for (guint i = 0; i < 1000; i++)
    g_assert_true (bothy_per_user_take (calls, ALICE));
  g_assert_cmpuint (bothy_per_user_count_all (calls), ==, 1000);
}

static void
count_turn (gpointer data)
{
  ++*(guint *)data;
}

/* Whose turn it is: the longest waiting of those who may. A user who has enough stands in nobody's way. */
static void
test_turns (void)
{
  g_autoptr (BothyPerUser) checks = bothy_per_user_new (1, 0);
  guint first = 0, second = 0, bobs = 0;

  bothy_per_user_wait (checks, ALICE, count_turn, &first);
  bothy_per_user_wait (checks, ALICE, count_turn, &second);
  bothy_per_user_wait (checks, BOB, count_turn, &bobs);
  g_assert_cmpuint (first, ==, 1);
  g_assert_cmpuint (second, ==, 0);
  g_assert_cmpuint (bobs, ==, 1);
  bothy_per_user_release (checks, BOB);
  g_assert_cmpuint (second, ==, 0);
  bothy_per_user_release (checks, ALICE);
  g_assert_cmpuint (second, ==, 1);
  g_assert_cmpuint (bothy_per_user_count (checks, ALICE), ==, 1);
  g_assert_cmpuint (bothy_per_user_count (checks, BOB), ==, 0);
  bothy_per_user_release (checks, ALICE);
  g_assert_cmpuint (bothy_per_user_count_all (checks), ==, 0);
}

static void
test_longest_first (void)
{
  g_autoptr (BothyPerUser) questions = bothy_per_user_new (2, 2);
  guint of_alice = 0, of_bob = 0;

  g_assert_true (bothy_per_user_take (questions, ALICE));
  g_assert_true (bothy_per_user_take (questions, ALICE));
  bothy_per_user_wait (questions, BOB, count_turn, &of_bob);
  bothy_per_user_wait (questions, ALICE, count_turn, &of_alice);
  bothy_per_user_release (questions, ALICE);
  g_assert_cmpuint (of_bob, ==, 1);
  g_assert_cmpuint (of_alice, ==, 0);
  bothy_per_user_release (questions, BOB);
  g_assert_cmpuint (of_alice, ==, 1);
}

/* Who leaves has no turn, and those behind him theirs. */
static void
test_stop_waiting (void)
{
  g_autoptr (BothyPerUser) starts = bothy_per_user_new (1, 0);
  guint first = 0, second = 0, third = 0;

  bothy_per_user_wait (starts, ALICE, count_turn, &first);
  bothy_per_user_wait (starts, ALICE, count_turn, &second);
  bothy_per_user_wait (starts, ALICE, count_turn, &third);
  g_assert_false (bothy_per_user_stop_waiting (starts, &first));
  g_assert_true (bothy_per_user_stop_waiting (starts, &second));
  g_assert_false (bothy_per_user_stop_waiting (starts, &second));
  bothy_per_user_release (starts, ALICE);
  g_assert_cmpuint (second, ==, 0);
  g_assert_cmpuint (third, ==, 1);
  g_assert_cmpuint (bothy_per_user_count (starts, ALICE), ==, 1);
  bothy_per_user_release (starts, ALICE);
  g_assert_cmpuint (bothy_per_user_count_all (starts), ==, 0);
}

/* Those who still wait have no turn, and nothing is leaked. */
static void
test_free_with_waiting (void)
{
  BothyPerUser *checks = bothy_per_user_new (1, 0);
  guint turns = 0;

  bothy_per_user_wait (checks, ALICE, count_turn, &turns);
  bothy_per_user_wait (checks, ALICE, count_turn, &turns);
  bothy_per_user_free (checks);
  g_assert_cmpuint (turns, ==, 1);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/per-user/bound-of-each", test_bound_of_each);
  g_test_add_func ("/per-user/bound-of-all", test_bound_of_all);
  g_test_add_func ("/per-user/no-bound", test_no_bound);
  g_test_add_func ("/per-user/turns", test_turns);
  g_test_add_func ("/per-user/longest-first", test_longest_first);
  g_test_add_func ("/per-user/stop-waiting", test_stop_waiting);
  g_test_add_func ("/per-user/free-with-waiting", test_free_with_waiting);
  return g_test_run ();
}

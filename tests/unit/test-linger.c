/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/linger.h"

#include <gio/gio.h>

#define ALICE 1000u
#define BOB   1001u

typedef struct {
  guint n;
  gconstpointer last;
} Gone;

static void
on_gone (GObject *object, gpointer user_data)
{
  Gone *gone = user_data;

  gone->n++;
  gone->last = object;
}

static GObject *
make_object (void)
{
  return g_object_new (G_TYPE_OBJECT, NULL);
}

/* Of one user the oldest goes early; another's stay. */
static void
test_bound (void)
{
  Gone gone = { 0 };
  g_autoptr (BothyLinger) linger = bothy_linger_new (1000, 2, on_gone, &gone);
  g_autoptr (GObject) of_bob = make_object ();
  g_autoptr (GObject) first = make_object ();
  g_autoptr (GObject) second = make_object ();
  g_autoptr (GObject) third = make_object ();

  bothy_linger_add (linger, BOB, of_bob);
  bothy_linger_add (linger, ALICE, first);
  bothy_linger_add (linger, ALICE, second);
  g_assert_cmpuint (gone.n, ==, 0);
  bothy_linger_add (linger, ALICE, third);
  g_assert_cmpuint (gone.n, ==, 1);
  g_assert_true (gone.last == first);
}

static void
test_time (void)
{
  Gone gone = { 0 };
  g_autoptr (BothyLinger) linger = bothy_linger_new (0, 2, on_gone, &gone);
  GObject *object = make_object ();

  g_object_add_weak_pointer (object, (gpointer *)&object);
  bothy_linger_add (linger, ALICE, object);
  g_object_unref (object);
  g_assert_nonnull (object);
  while (gone.n == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_null (object);
}

/* What is kept is let go, and no timer is left. */
static void
test_free (void)
{
  Gone gone = { 0 };
  BothyLinger *linger = bothy_linger_new (0, 2, on_gone, &gone);
  GObject *object = make_object ();

  g_object_add_weak_pointer (object, (gpointer *)&object);
  bothy_linger_add (linger, ALICE, object);
  g_object_unref (object);
  bothy_linger_free (linger);
  g_assert_null (object);
  g_assert_false (g_main_context_pending (NULL));
  g_assert_cmpuint (gone.n, ==, 0);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/linger/bound", test_bound);
  g_test_add_func ("/linger/time", test_time);
  g_test_add_func ("/linger/free", test_free);
  return g_test_run ();
}

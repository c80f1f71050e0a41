/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Layers that containers wrote: which are needed, and what stays of containers that are gone. */

#include "scratch.h"

#include "core/snapshots/upper.h"

#define A     "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
#define OWNER 1000

typedef struct {
  int containers, dir, trash_dir;
  BothyTrash *trash;
  GObject *remover;
  BothyUppers *uppers;
} Fixture;

static void
remove_nothing (gpointer remover, int tree, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, user_data);

  g_task_return_boolean (task, TRUE);
}

static int
make_directory (const char *path)
{
  int fd;

  g_assert_cmpint (mkdir (path, 0700), ==, 0);
  fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_assert_cmpint (fd, >=, 0);
  return fd;
}

static void
load (Fixture *fixture, gboolean expected_degraded)
{
  gboolean degraded;

  g_clear_object (&fixture->uppers);
  fixture->uppers = bothy_uppers_new (fixture->dir, fixture->trash, &degraded);
  g_assert_cmpint (degraded, ==, expected_degraded);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autofree char *place = g_strdup ("/run/uppers-XXXXXX");
  g_autofree char *containers = NULL;
  g_autofree char *dir = NULL;
  g_autofree char *trash = NULL;

  g_assert_nonnull (mkdtemp (place));
  containers = g_build_filename (place, "containers", NULL);
  dir = g_build_filename (place, "uppers", NULL);
  trash = g_build_filename (place, "trash", NULL);
  fixture->containers = make_directory (containers);
  fixture->dir = make_directory (dir);
  fixture->trash_dir = make_directory (trash);
  fixture->remover = g_object_new (G_TYPE_OBJECT, NULL);
  fixture->trash = bothy_trash_new (fixture->trash_dir, remove_nothing, fixture->remover);
  load (fixture, FALSE);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_object_unref (fixture->uppers);
  g_object_unref (fixture->trash);
  g_object_unref (fixture->remover);
  bothy_clear_fd (&fixture->containers);
  bothy_clear_fd (&fixture->dir);
  bothy_clear_fd (&fixture->trash_dir);
}

/* One on BELOW, which nothing holds. */
static BothyUpper *
make (const Fixture *fixture, const char *below, guint32 project)
{
  g_autoptr (GError) error = NULL;
  BothyNewUpper *new = bothy_uppers_begin (fixture->uppers, below, OWNER, project, &error);
  BothyUpper *upper;

  g_assert_no_error (error);
  g_assert_true (bothy_uppers_place (fixture->uppers, new, &error));
  g_assert_no_error (error);
  upper = bothy_uppers_add (fixture->uppers, new);
  bothy_uppers_end (fixture->uppers, new);
  upper->holds--;
  return upper;
}

/* What is needed when ID is, and nothing else. */
static void
sweep (const Fixture *fixture, const char *id)
{
  g_autoptr (GHashTable) wanted = g_hash_table_new (g_str_hash, g_str_equal);

  bothy_uppers_add_wanted (fixture->uppers, wanted, id);
  bothy_uppers_add_held (fixture->uppers, wanted);
  bothy_uppers_sweep (fixture->uppers, wanted);
}

static void
test_what_is_needed (Fixture *fixture, gconstpointer data)
{
  g_autofree char *one = g_strdup (make (fixture, "", 0)->id);
  g_autofree char *two = g_strdup (make (fixture, one, 0)->id);
  g_autofree char *three = g_strdup (make (fixture, two, 0)->id);
  g_autofree char *aside = g_strdup (make (fixture, one, 0)->id);
  BothyUpper *held = make (fixture, "", 0);

  held->holds++;
  g_assert_cmpuint (bothy_uppers_count_from (fixture->uppers, three), ==, 3);
  g_assert_cmpuint (bothy_uppers_count_from (fixture->uppers, ""), ==, 0);
  sweep (fixture, two);
  g_assert_nonnull (bothy_uppers_find (fixture->uppers, one));
  g_assert_nonnull (bothy_uppers_find (fixture->uppers, two));
  g_assert_null (bothy_uppers_find (fixture->uppers, three));
  g_assert_null (bothy_uppers_find (fixture->uppers, aside));
  g_assert_true (bothy_uppers_find (fixture->uppers, held->id) == held);
  load (fixture, FALSE);
  g_assert_cmpuint (bothy_uppers_count_from (fixture->uppers, two), ==, 2);
}

static void
test_one_that_was_not_placed (Fixture *fixture, gconstpointer data)
{
  BothyNewUpper *new = bothy_uppers_begin (fixture->uppers, "", OWNER, 0, NULL);
  g_autofree char *id = g_strdup (new->is.id);
  g_autofree char *name = g_strdup (new->directory);

  bothy_uppers_end (fixture->uppers, new);
  g_assert_null (bothy_uppers_find (fixture->uppers, id));
  g_assert_cmpint (faccessat (fixture->dir, name, F_OK, 0), ==, -1);
  /* As when bothyd was killed. */
  new = bothy_uppers_begin (fixture->uppers, "", OWNER, 0, NULL);
  g_clear_pointer (&new->directory, g_free);
  bothy_uppers_end (fixture->uppers, new);
  load (fixture, FALSE);
}

static gboolean
has_container (guint32 project, gpointer user_data)
{
  return project == GPOINTER_TO_UINT (user_data);
}

static void
test_what_stays_of_a_container_counts (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GHashTable) wanted = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GError) error = NULL;
  guint64 bytes = 1, inodes = 0;
  gboolean moved;

  g_assert_cmpint (mkdirat (fixture->containers, A, 0700), ==, 0);
  bothy_uppers_add_first (fixture->uppers, A, "", OWNER, 70000);
  make (fixture, A, 70000);
  bothy_uppers_add_wanted (fixture->uppers, wanted, make (fixture, A, 70000)->id);
  g_assert_true (
      bothy_uppers_orphan (fixture->uppers, A, wanted, fixture->containers, 500, 7, &moved, &error));
  g_assert_no_error (error);
  g_assert_true (moved);
  g_assert_false (bothy_uppers_find (fixture->uppers, A)->is_first);
  bothy_uppers_forget_first (fixture->uppers, A);
  load (fixture, FALSE);
  g_assert_nonnull (bothy_uppers_find (fixture->uppers, A));
  g_assert_true (bothy_uppers_has_project (fixture->uppers, 70000));
  /* Once, however many layers there are. */
  bothy_uppers_add_orphans (fixture->uppers, OWNER, has_container, NULL, &bytes, &inodes);
  g_assert_cmpuint (bytes, ==, 501);
  g_assert_cmpuint (inodes, ==, 7);
  bothy_uppers_add_orphans (fixture->uppers, OWNER + 1, has_container, NULL, &bytes, &inodes);
  bothy_uppers_add_orphans (fixture->uppers, OWNER, has_container, GUINT_TO_POINTER (70000), &bytes, &inodes);
  g_assert_cmpuint (bytes, ==, 501);
}

static void
test_a_first_one_that_nothing_needs (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GHashTable) wanted = g_hash_table_new (g_str_hash, g_str_equal);
  gboolean moved = TRUE;

  bothy_uppers_add_first (fixture->uppers, A, "", OWNER, 0);
  g_assert_true (bothy_uppers_orphan (fixture->uppers, A, wanted, fixture->containers, 1, 1, &moved, NULL));
  g_assert_false (moved);
  bothy_uppers_forget_first (fixture->uppers, A);
  g_assert_null (bothy_uppers_find (fixture->uppers, A));
}

static void
test_a_damaged_record (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_strconcat (make (fixture, "", 0)->id, "/upper", NULL);
  autofd fd = openat (fixture->dir, path, O_WRONLY | O_TRUNC | O_CLOEXEC);

  g_assert_cmpint (fd, >=, 0);
  g_test_expect_message (NULL, G_LOG_LEVEL_WARNING, "Layer *damaged*");
  load (fixture, TRUE);
  g_test_assert_expected_messages ();
}

static void
test_a_circle_ends (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GHashTable) wanted = g_hash_table_new (g_str_hash, g_str_equal);
  BothyUpper *one = make (fixture, "", 0), *two = make (fixture, one->id, 0);

  one->below = (g_free (one->below), g_strdup (two->id));
  g_assert_cmpuint (bothy_uppers_count_from (fixture->uppers, one->id), <=, 2);
  bothy_uppers_add_wanted (fixture->uppers, wanted, one->id);
  g_assert_cmpuint (g_hash_table_size (wanted), ==, 2);
}

#define ADD(name, function) g_test_add ("/upper/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  scratch_enter ();
  g_test_init (&argc, &argv, NULL);
  ADD ("what-is-needed", test_what_is_needed);
  ADD ("one-that-was-not-placed", test_one_that_was_not_placed);
  ADD ("DOS-08-what-stays-of-a-container-counts", test_what_stays_of_a_container_counts);
  ADD ("a-first-one-that-nothing-needs", test_a_first_one_that_nothing_needs);
  ADD ("a-damaged-record", test_a_damaged_record);
  ADD ("a-circle-ends", test_a_circle_ends);
  return g_test_run ();
}

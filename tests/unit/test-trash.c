/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The trash: owners take turns, and nobody waits for what others threw away. */

#include "scratch.h"

#include <stdio.h>

#include "storage/trash.h"

/* A directory of N files has N turns: what removes here takes one file, and notes the directory's first letter. */
typedef struct {
  int containers, dir;
  BothyTrash *trash;
  GObject *remover;
  GString *order;
  guint n_told;
} Fixture;

static Fixture *current;

static gboolean
finish_turn (gpointer user_data)
{
  g_autoptr (GTask) task = user_data;

  g_task_return_boolean (task, GPOINTER_TO_INT (g_task_get_task_data (task)));
  return G_SOURCE_REMOVE;
}

static void
remove_one (gpointer remover, int tree, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (NULL, NULL, callback, user_data);
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", tree);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  g_autofree char *name = g_strdup (g_dir_read_name (dir));

  if (!name)
    g_error ("There is nothing to remove in it");
  g_string_append_c (current->order, *name);
  g_assert_cmpint (unlinkat (tree, name, 0), ==, 0);
  g_task_set_task_data (task, GINT_TO_POINTER (g_dir_read_name (dir) == NULL), NULL);
  g_idle_add (finish_turn, task);
}

/* A container's directory with N files called LETTER and a number. */
static void
make (const Fixture *fixture, const char *name, char letter, guint n)
{
  g_autofree char *data = g_strconcat (name, "/data", NULL);

  g_assert_cmpint (mkdirat (fixture->containers, name, 0700), ==, 0);
  g_assert_cmpint (mkdirat (fixture->containers, data, 0700), ==, 0);
  for (guint i = 0; i < n; i++) {
    g_autofree char *file = g_strdup_printf ("%s/%c%u", data, letter, i);
    autofd fd = openat (fixture->containers, file, O_WRONLY | O_CREAT, 0600);

    g_assert_cmpint (fd, >=, 0);
  }
}

static void
put (const Fixture *fixture, const char *name, guint32 owner, guint32 project)
{
  g_autoptr (GError) error = NULL;

  bothy_trash_put_of (fixture->trash, fixture->containers, name,
                      &(BothyTrashOwner){ .owner = owner, .project = project, .bytes = project, .inodes = 7 },
                      &error);
  g_assert_no_error (error);
}

static void
on_empty (GObject *source, GAsyncResult *result, gpointer letter)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (bothy_trash_empty_finish (BOTHY_TRASH (source), result, &error));
  g_string_append_printf (current->order, "(%c)", GPOINTER_TO_INT (letter));
  current->n_told++;
}

static void
wait_for (const Fixture *fixture, guint n)
{
  while (fixture->n_told < n || bothy_trash_is_busy (fixture->trash))
    g_main_context_iteration (NULL, TRUE);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->containers = scratch_directory (NULL);
  fixture->dir = scratch_directory (NULL);
  fixture->remover = g_object_new (G_TYPE_OBJECT, NULL);
  fixture->order = g_string_new (NULL);
  fixture->trash = bothy_trash_new (fixture->dir, remove_one, fixture->remover);
  current = fixture;
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_object_unref (fixture->trash);
  g_object_unref (fixture->remover);
  g_string_free (fixture->order, TRUE);
  close (fixture->containers);
  close (fixture->dir);
}

static void
test_turns (Fixture *fixture, gconstpointer data)
{
  make (fixture, "one", 'a', 4);
  make (fixture, "two", 'a', 2);
  make (fixture, "three", 'b', 2);
  put (fixture, "one", 1000, 0);
  bothy_trash_empty (fixture->trash, 1000, on_empty, GINT_TO_POINTER ('A'));
  put (fixture, "two", 1000, 0);
  put (fixture, "three", 1001, 0);
  bothy_trash_empty (fixture->trash, 1001, on_empty, GINT_TO_POINTER ('B'));
  bothy_trash_empty (fixture->trash, 0, on_empty, GINT_TO_POINTER ('N'));
  wait_for (fixture, 3);
  /* bob waits for one turn of alice's before each of his own; alice herself not for what she put there later. */
  g_assert_cmpstr (fixture->order->str, ==, "a(N)bab(B)aa(A)aa");
}

static void
test_projects (Fixture *fixture, gconstpointer data)
{
  make (fixture, "one", 'a', 2);
  make (fixture, "two", 'b', 1);
  put (fixture, "one", 1000, 65536);
  put (fixture, "two", 1001, 131072);
  g_assert_true (bothy_trash_has_project (fixture->trash, 65536));
  g_assert_true (bothy_trash_has_project (fixture->trash, 131072));
  g_assert_false (bothy_trash_has_project (fixture->trash, 65537));
  bothy_trash_empty (fixture->trash, 1000, on_empty, GINT_TO_POINTER ('A'));
  wait_for (fixture, 1);
  g_assert_false (bothy_trash_has_project (fixture->trash, 65536));
  g_assert_false (bothy_trash_has_project (fixture->trash, 131072));
}

static gboolean
is_counted (guint32 project, gpointer data)
{
  return project == GPOINTER_TO_UINT (data);
}

/* What is there counts once for each project that nothing else counts, also in the eyes of the next bothyd; and not any more
   when it is gone. */
static void
test_bounds (Fixture *fixture, gconstpointer data)
{
  guint64 bytes = 1, inodes = 1;

  for (guint i = 0; i < 4; i++) {
    g_autofree char *name = g_strdup_printf ("%u", i);

    make (fixture, name, 'a', 1);
    put (fixture, name, i < 3 ? 1000 : 1001, 65536 + i / 2);
  }
  bothy_trash_add_bounds (fixture->trash, 1000, is_counted, NULL, &bytes, &inodes);
  g_assert_cmpuint (bytes, ==, 1 + 65536 + 65537);
  g_assert_cmpuint (inodes, ==, 1 + 7 + 7);
  bytes = inodes = 0;
  bothy_trash_add_bounds (fixture->trash, 1000, is_counted, GUINT_TO_POINTER (65537), &bytes, &inodes);
  g_assert_cmpuint (bytes, ==, 65536);
  g_clear_object (&fixture->trash);
  fixture->trash = bothy_trash_new (fixture->dir, remove_one, fixture->remover);
  bytes = inodes = 0;
  bothy_trash_add_bounds (fixture->trash, 1001, is_counted, NULL, &bytes, &inodes);
  g_assert_cmpuint (bytes, ==, 65537);
  g_assert_cmpuint (inodes, ==, 7);
  bothy_trash_empty (fixture->trash, 1000, on_empty, GINT_TO_POINTER ('A'));
  bothy_trash_empty (fixture->trash, 1001, on_empty, GINT_TO_POINTER ('B'));
  wait_for (fixture, 2);
  bytes = inodes = 0;
  bothy_trash_add_bounds (fixture->trash, 1000, is_counted, NULL, &bytes, &inodes);
  g_assert_cmpuint (bytes + inodes, ==, 0);
}

static void
test_holds (Fixture *fixture, gconstpointer data)
{
  bothy_trash_hold_project (fixture->trash, 65536);
  bothy_trash_hold_project (fixture->trash, 65536);
  bothy_trash_release_project (fixture->trash, 65536);
  g_assert_true (bothy_trash_has_project (fixture->trash, 65536));
  bothy_trash_release_project (fixture->trash, 65536);
  g_assert_false (bothy_trash_has_project (fixture->trash, 65536));
}

/* What a bothyd that is gone left, and what one left that knew no owners. */
static void
test_left_behind (Fixture *fixture, gconstpointer data)
{
  g_clear_object (&fixture->trash);
  make (fixture, "one", 'a', 1);
  make (fixture, "two", 'b', 1);
  g_assert_cmpint (
      renameat (fixture->containers, "one", fixture->dir, "1000.65536.f81d4fae-7dec-41d0-a765-00a0c91e6bf6"),
      ==, 0);
  g_assert_cmpint (
      renameat (fixture->containers, "two", fixture->dir, "081d4fae-7dec-41d0-a765-00a0c91e6bf6"), ==, 0);
  fixture->trash = bothy_trash_new (fixture->dir, remove_one, fixture->remover);
  g_assert_true (bothy_trash_has_project (fixture->trash, 65536));
  bothy_trash_empty (fixture->trash, 1000, on_empty, GINT_TO_POINTER ('A'));
  wait_for (fixture, 1);
  g_assert_false (bothy_trash_has_project (fixture->trash, 65536));
  g_assert_cmpint (fixture->order->len, ==, 5);
}

int
main (int argc, char **argv)
{
  scratch_enter ();
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/trash/turns", Fixture, NULL, set_up, test_turns, tear_down);
  g_test_add ("/trash/projects", Fixture, NULL, set_up, test_projects, tear_down);
  g_test_add ("/trash/bounds", Fixture, NULL, set_up, test_bounds, tear_down);
  g_test_add ("/trash/holds", Fixture, NULL, set_up, test_holds, tear_down);
  g_test_add ("/trash/left-behind", Fixture, NULL, set_up, test_left_behind, tear_down);
  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Days are counted by dates that were seen: THREATS STATE-04. */

#include <fcntl.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "core/images/day-counter.h"

#define TODAY 20500

typedef struct {
  char *path;
  int fd;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->path = g_dir_make_tmp ("bothy-days-XXXXXX", NULL);
  fixture->fd = open (fixture->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_assert_cmpint (fixture->fd, >=, 0);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GDir) dir = g_dir_open (fixture->path, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)))
    unlinkat (fixture->fd, name, 0);
  close (fixture->fd);
  g_rmdir (fixture->path);
  g_free (fixture->path);
}

static void
test_each_date_once (Fixture *fixture, gconstpointer data)
{
  for (guint i = 0; i < 50; i++) {
    g_assert_cmpuint (bothy_day_counter_count (fixture->fd, TODAY + i), ==, i + 1);
    g_assert_cmpuint (bothy_day_counter_count (fixture->fd, TODAY + i), ==, i + 1);
  }
  g_assert_cmpuint (bothy_day_counter_count (fixture->fd, TODAY), ==, 50);
}

static void
test_state_04_clock_jumps (Fixture *fixture, gconstpointer data)
{
  const gint64 ten_years = 3653;

  g_assert_cmpuint (bothy_day_counter_count (fixture->fd, TODAY), ==, 1);
  /* However often it goes to and fro, those are four dates. */
  for (guint i = 0; i < 100; i++) {
    bothy_day_counter_count (fixture->fd, TODAY + ten_years);
    bothy_day_counter_count (fixture->fd, TODAY - ten_years);
    bothy_day_counter_count (fixture->fd, 0);
    g_assert_cmpuint (bothy_day_counter_count (fixture->fd, TODAY), ==, 4);
  }
}

static void
test_many (Fixture *fixture, gconstpointer data)
{
  for (guint i = 1; i <= 1000; i++)
    g_assert_cmpuint (bothy_day_counter_count (fixture->fd, TODAY + i), ==, i);
}

static void
test_damaged (Fixture *fixture, gconstpointer data)
{
  int fd;

  for (guint i = 0; i < 10; i++)
    bothy_day_counter_count (fixture->fd, TODAY + i);
  fd = openat (fixture->fd, "days", O_WRONLY | O_CLOEXEC);
  g_assert_cmpint (pwrite (fd, "x", 1, 80), ==, 1);
  close (fd);
  g_assert_cmpuint (bothy_day_counter_count (fixture->fd, TODAY + 11), ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function) g_test_add ("/day-counter/" name, Fixture, NULL, set_up, function, tear_down)
  ADD ("each-date-once", test_each_date_once);
  ADD ("STATE-04-clock-jumps", test_state_04_clock_jumps);
  ADD ("many", test_many);
  ADD ("damaged", test_damaged);
  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who may use the state of a machine. */
#include "base/error.h"
#include "base/fd.h"
#include "storage/lock.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int directory = -1;

static void
take (gboolean expected)
{
  g_autoptr (GError) error = NULL;
  int fd = bothy_lock_take (directory, &error);

  g_assert_cmpint (fd >= 0, ==, expected);
  if (expected)
    bothy_lock_release (fd);
  else
    g_assert_error (error, BOTHY_ERROR, BOTHY_ERROR_FAILED);
}

static void *
wait_for_ever (void *data)
{
  pause ();
  return NULL;
}

/* A process that takes the lock and says so; then only its second thread goes on when told by HANGS. */
static pid_t
start_holder (gboolean hangs)
{
  int ready[2];
  char byte = 'x';
  pid_t pid;

  g_assert_cmpint (pipe (ready), ==, 0);
  pid = fork ();
  if (pid == 0) {
    pthread_t thread;

    if (bothy_lock_take (directory, NULL) < 0 || pthread_create (&thread, NULL, wait_for_ever, NULL) != 0 ||
        write (ready[1], &byte, 1) != 1)
      _exit (1);
    if (hangs)
      syscall (SYS_exit, 0);
    pause ();
  }
  g_assert_cmpint (read (ready[0], &byte, 1), ==, 1);
  close (ready[0]);
  close (ready[1]);
  return pid;
}

static void
end_holder (pid_t pid)
{
  g_assert_cmpint (kill (pid, SIGKILL), ==, 0);
  g_assert_cmpint (waitpid (pid, NULL, 0), ==, pid);
}

static void
wait_for_zombie (pid_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", pid);
  char state = 'R';

  while (state != 'Z') {
    g_autofree char *text = NULL;

    g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
    g_assert_cmpint (sscanf (strrchr (text, ')'), ") %c", &state), ==, 1);
    sched_yield ();
  }
}

static void
test_one_at_a_time (void)
{
  int fd = bothy_lock_take (directory, NULL);

  g_assert_cmpint (fd, >=, 0);
  take (FALSE);
  bothy_lock_release (fd);
  take (TRUE);
}

static void
test_holder_that_lives (void)
{
  pid_t pid = start_holder (FALSE);

  take (FALSE);
  end_holder (pid);
  take (TRUE);
}

static void
test_holder_that_can_not_end (void)
{
  pid_t pid = start_holder (TRUE);
  int fd;

  wait_for_zombie (pid);
  fd = bothy_lock_take (directory, NULL);
  g_assert_cmpint (fd, >=, 0);
  /* The one that is replaced does not replace, and its end changes nothing. */
  take (FALSE);
  end_holder (pid);
  take (FALSE);
  bothy_lock_release (fd);
}

/* Another may have got the number since, or may be in a PID namespace of its own. */
static void
test_holder_that_is_not_found (void)
{
  const char *texts[] = { "", "1 1\n", "4194399 5\n", "no number\n" };
  autofd fd = openat (directory, "lock", O_RDWR | O_CLOEXEC);
  int lock = bothy_lock_take (directory, NULL);

  g_assert_cmpint (lock, >=, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_assert_cmpint (ftruncate (fd, 0), ==, 0);
    g_assert_cmpint (pwrite (fd, texts[i], strlen (texts[i]), 0), ==, strlen (texts[i]));
    take (FALSE);
  }
  bothy_lock_release (lock);
}

int
main (int argc, char **argv)
{
  g_autofree char *path = g_dir_make_tmp ("bothy-lock-XXXXXX", NULL);
  int status;

  g_test_init (&argc, &argv, NULL);
  directory = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_test_add_func ("/lock/one-at-a-time", test_one_at_a_time);
  g_test_add_func ("/lock/holder-that-lives", test_holder_that_lives);
  g_test_add_func ("/lock/holder-that-can-not-end", test_holder_that_can_not_end);
  g_test_add_func ("/lock/holder-that-is-not-found", test_holder_that_is_not_found);
  status = g_test_run ();
  unlinkat (directory, "lock", 0);
  rmdir (path);
  return status;
}

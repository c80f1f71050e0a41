/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What tests of the service share: a place of their own in the machine's file system. */

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

/* The rest of the program runs in a child; this process only waits for it. */
static inline void
scratch_continue_in_child (void)
{
  pid_t child = fork ();
  int status = 0;

  if (child == 0) {
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    return;
  }
  while (child > 0 && waitpid (child, &status, 0) < 0 && errno == EINTR)
    ;
  _exit (child > 0 && WIFEXITED (status) ? WEXITSTATUS (status) : 1);
}

/* Call it first in main(): from here on nobody else sees what this process mounts, it
   sees no other processes, and /run is empty, so that nothing is published to the machine. */
static inline void
scratch_enter (void)
{
  if (unshare (CLONE_NEWNS | CLONE_NEWPID) < 0)
    g_error ("These tests run as root: %s", g_strerror (errno));
  scratch_continue_in_child ();
  if (mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
      mount ("proc", "/proc", "proc", 0, NULL) < 0 ||
      mount ("scratch", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") < 0)
    g_error ("A place of its own: %s", g_strerror (errno));
  scratch_continue_in_child ();
}

/* From here on PATH, which exists, holds TEXT for this process. */
static inline void
scratch_cover (const char *path, const char *text, gsize length)
{
  g_autofree char *file = g_strdup_printf ("/run/cover-%08x", g_random_int ());
  g_autoptr (GError) error = NULL;

  g_file_set_contents (file, text, (gssize)length, &error);
  g_assert_no_error (error);
  if (mount (file, path, NULL, MS_BIND, NULL) < 0)
    g_error ("Covering %s: %s", path, g_strerror (errno));
}

static inline void
scratch_uncover (const char *path)
{
  g_assert_cmpint (umount2 (path, MNT_DETACH), ==, 0);
}

/* An empty directory, which goes with /run. */
static inline int
scratch_directory (char **ret_path)
{
  g_autofree char *path = g_strdup ("/run/scratch-XXXXXX");
  int fd;

  g_assert_nonnull (g_mkdtemp (path));
  fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_assert_cmpint (fd, >=, 0);
  if (ret_path)
    *ret_path = g_steal_pointer (&path);
  return fd;
}

/* Names in the directory DIRFD, sorted, with spaces between them. */
static inline char *
scratch_list (int dirfd)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", dirfd);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  g_autoptr (GString) line = g_string_new (NULL);
  GList *names = NULL;
  const char *name;

  g_assert_nonnull (dir);
  while ((name = g_dir_read_name (dir)))
    names = g_list_insert_sorted (names, g_strdup (name), (GCompareFunc)strcmp);
  for (GList *l = names; l; l = l->next)
    g_string_append_printf (line, "%s%s", line->len ? " " : "", (const char *)l->data);
  g_list_free_full (names, g_free);
  return g_strdup (line->str);
}

/* Write NAME below DIRFD as it is, over whatever is there. */
static inline void
scratch_write (int dirfd, const char *name, const char *text, gsize length, mode_t mode)
{
  autofd fd = openat (dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (write (fd, text, length), ==, (gssize)length);
  g_assert_cmpint (fchmod (fd, mode), ==, 0);
}

static inline char *
scratch_read (int dirfd, const char *name, gsize *ret_length)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d/%s", dirfd, name);
  char *text = NULL;
  g_autoptr (GError) error = NULL;

  g_file_get_contents (path, &text, ret_length, &error);
  g_assert_no_error (error);
  return text;
}

static inline void
scratch_keep_quiet (const char *domain, GLogLevelFlags level, const char *message, gpointer data)
{
  if ((level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL)) != 0)
    g_log_default_handler (domain, level, message, data);
}

/* Call it after g_test_init(): warnings of damaged records neither end the test nor fill its output. */
static inline void
scratch_expect_warnings (void)
{
  g_log_set_always_fatal (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
  g_log_set_default_handler (scratch_keep_quiet, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/lock.h"

#include "config.h"
#include "base/error.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#define NAME "lock"

/* What tells a process from all others, as /proc/PID/stat has it. */
typedef struct {
  int pid;
  char state;               /* of its first thread: Z when that has ended and others have not */
  unsigned long long start; /* when it began, in ticks since the machine did */
} Identity;

static gboolean
read_identity (int pid, Identity *ret_identity)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", pid);
  g_autofree char *text = NULL;
  const char *end;

  ret_identity->pid = pid;
  /* The program's name may have anything in it but ends with the last bracket. */
  return g_file_get_contents (path, &text, NULL, NULL) && (end = strrchr (text, ')')) &&
         sscanf (end, ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                 &ret_identity->state, &ret_identity->start) == 2;
}

/* A holder that can not be found may be in another PID namespace: it is taken for alive. */
static gboolean
holder_has_ended (int fd)
{
  char text[64] = "";
  unsigned long long start;
  Identity holder;
  int pid;

  return pread (fd, text, sizeof text - 1, 0) > 0 && sscanf (text, "%d %llu", &pid, &start) == 2 &&
         read_identity (pid, &holder) && holder.start == start && strchr ("ZXx", holder.state);
}

static gboolean
write_identity (int fd)
{
  g_autofree char *text = NULL;
  Identity self;

  if (!read_identity ((int)getpid (), &self))
    return FALSE;
  text = g_strdup_printf ("%d %llu\n", self.pid, self.start);
  return ftruncate (fd, 0) == 0 && pwrite (fd, text, strlen (text), 0) == (ssize_t)strlen (text);
}

/* -1: errno says why not. */
static int
open_and_lock (int dirfd, gboolean *ret_locked)
{
  int fd = openat (dirfd, NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

  *ret_locked = fd >= 0 && flock (fd, LOCK_EX | LOCK_NB) == 0;
  return fd;
}

int
bothy_lock_take (int dirfd, GError **error)
{
  /* Who starts at the same time waits: to find that the holder has ended and to replace his lock is one step. */
  autofd guard = openat (dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  gboolean locked = FALSE;
  autofd fd = -1;

  if (guard >= 0 && flock (guard, LOCK_EX) == 0)
    fd = open_and_lock (dirfd, &locked);
  if (fd >= 0 && !locked && holder_has_ended (fd) && unlinkat (dirfd, NAME, 0) == 0) {
    g_message ("A service that has ended can not close a file; its lock is replaced");
    bothy_clear_fd (&fd);
    fd = open_and_lock (dirfd, &locked);
  }
  if (locked && write_identity (fd))
    return g_steal_fd (&fd);
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_FAILED, "Another bothyd runs (" RUNTIME_DIR "/" NAME "): %s",
               g_strerror (errno));
  return -1;
}

void
bothy_lock_release (int fd)
{
  flock (fd, LOCK_UN);
  close (fd);
}
